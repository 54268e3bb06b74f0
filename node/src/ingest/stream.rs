//! Runs that keep coming: the next are checked while those before are written.

use std::collections::VecDeque;
use std::sync::Arc;

use caphub_proto::v1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::waves::{Arrived, InFlight};
use super::{Ingest, Origin, Taken, Verdict};

/// Waves that are checked, wait or are written at once; each holds at most what was given at once.
const WAVES_MAX: usize = 3;
/// Feeds that are remembered as in flight; about 100 bytes each.
const FLYING_MAX: usize = 8_192;

/// The end that checks.
pub struct Checking {
    ingest: Arc<Ingest>,
    origin: Origin,
    flying: InFlight,
    places: Arc<Semaphore>,
    sender: mpsc::Sender<Judged>,
}

/// The end that writes.
pub struct Writing {
    ingest: Arc<Ingest>,
    origin: Origin,
    receiver: mpsc::Receiver<Judged>,
}

/// A wave after its checks.
struct Judged {
    verdicts: Vec<Verdict>,
    bytes: u64,
    place: OwnedSemaphorePermit,
}

impl Ingest {
    /// Two ends, to be driven side by side: what is given to the one comes out of the other, in order and durable.
    pub fn stream(self: &Arc<Self>, origin: Origin) -> (Checking, Writing) {
        let (sender, receiver) = mpsc::channel(WAVES_MAX);
        let places = Arc::new(Semaphore::new(WAVES_MAX));
        let ingest = Arc::clone(self);
        let checking = Checking { ingest, origin, flying: InFlight::default(), places, sender };
        (checking, Writing { ingest: Arc::clone(self), origin, receiver })
    }
}

impl Checking {
    /// Checks runs and passes them on; returns before they are stored.
    pub async fn give(&mut self, runs: Vec<v1::Run>) {
        let mut bytes = runs.iter().map(|run| run.entries.len() as u64).sum();
        let mut waiting: VecDeque<_> = runs.into_iter().map(Arrived::read).collect();
        while !waiting.is_empty() {
            if self.flying.len() >= FLYING_MAX || self.places.available_permits() == WAVES_MAX {
                self.settle().await;
            }
            let wave = self.ingest.wave(&mut waiting, &mut self.flying);
            if wave.is_empty() {
                self.settle().await;
                continue;
            }
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let bytes = std::mem::take(&mut bytes);
            let verdicts = self.ingest.judge(wave, self.origin).await;
            if self.sender.send(Judged { verdicts, bytes, place }).await.is_err() {
                return;
            }
        }
    }

    /// Waits until all that was given is stored.
    pub async fn settle(&mut self) {
        drop(self.places.acquire_many(WAVES_MAX as u32).await);
        self.flying = InFlight::default();
    }
}

impl Writing {
    /// What became of the next runs, and their bytes; `None` after the last.
    pub async fn next(&mut self) -> Option<(Vec<Taken>, u64)> {
        let Judged { verdicts, bytes, place } = self.receiver.recv().await?;
        let taken = self.ingest.commit(verdicts, self.origin).await;
        drop(place);
        Some((taken, bytes))
    }
}
