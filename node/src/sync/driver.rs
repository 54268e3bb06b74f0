//! The hands of a sync: does what the protocol's state machine says, and tells it what became of that.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use caphub_proto::v1::{self, HelloResponse, PullRequest};
use caphub_proto::wire::session::{self, Action, Facts, Input, Push};
use caphub_proto::wire::{Feed, FeedId, Reason, Seq};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

use crate::author::now_ms;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::forks;
use crate::ingest::Origin;
use crate::link::limits;
use crate::sync::push::Reader;
use crate::sync::{Options, Session, SyncError, Synced, micros};

/// How long a session waits for another that fetches the same.
const WAIT: Duration = Duration::from_millis(100);

/// Bytes of entries that are checked, and then written, together: enough to be worth a sync of the disk.
const GATHERED_BYTES: usize = 2 * 1024 * 1024;

/// Most proofs that are sent at the end of a sync; the rest goes with the next. Eight large ones fit a message.
const PROOFS_AT_ONCE: usize = 8;

/// One sync in progress.
pub(super) struct Driver<'a> {
    pub(super) core: &'a Core,
    pub(super) far: Session,
    pub(super) options: &'a Options<'a>,
    pub(super) machine: Mutex<session::Session>,
    pub(super) moved: Mutex<Synced>,
    expected: Mutex<u64>,
    /// Proofs that were there before.
    told_forks: usize,
}

impl<'a> Driver<'a> {
    /// Says hello with this side's roots; the machine decides what comes of the answer.
    pub(super) async fn begin(
        core: &'a Core,
        far: Session,
        options: &'a Options<'a>,
    ) -> Result<(Self, HelloResponse, Vec<Action>), SyncError> {
        let (machine, roots, opening) = {
            let (sets, mut claims) = (core.heads.sets(), lock(options.claims));
            let facts = Facts { sets: &sets, hash_at: &|_, _| None, now_ms: now_ms() };
            let (machine, roots) = session::Session::new(options.settings.clone(), &facts, &mut claims);
            let opening = machine.opening(&facts, &lock(options.memory));
            (machine, roots, opening)
        };
        let new = Self {
            core,
            far: far.clone(),
            options,
            machine: Mutex::new(machine),
            moved: Mutex::default(),
            expected: Mutex::default(),
            told_forks: core.forks.end(),
        };
        let hello = match opening {
            None => {
                let hello = far.greet(roots).await?;
                far.authorised(core, &hello).await?;
                (options.greeted)(&hello);
                hello
            }
            Some(asked) => new.open(roots, asked).await?,
        };
        lock(&new.machine).holds_above(core.store.above());
        if options.settings.newest_first || lock(&far.pace).compresses() {
            // On a slow link something useful comes first.
            lock(&new.machine).newest_first();
        }
        let actions = new.hear(Input::Hello(&hello))?;
        Ok((new, hello, actions))
    }

    /// Does everything that follows from the first actions.
    pub(super) async fn run(&self, first: Vec<Action>) -> Result<Synced, SyncError> {
        let mut working = FuturesUnordered::new();
        working.extend(first.into_iter().map(|action| self.perform(action)));
        let mut cut = None;
        while let Some(next) = working.next().await {
            match next {
                Ok(actions) if cut.is_none() => {
                    working.extend(actions.into_iter().map(|action| self.perform(action)));
                }
                Ok(_) => {}
                // The other direction ends by itself: what has come by it is stored first, and not sent again.
                Err(error @ SyncError::Remote(_)) => cut = cut.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = cut {
            return Err(error);
        }
        self.prove().await?;
        Ok(lock(&self.moved).clone())
    }

    /// Forks that this very sync has shown: the far end, which may not come for the proofs, gets them at once.
    async fn prove(&self) -> Result<(), SyncError> {
        let new = self.core.forks.since(self.told_forks);
        let forks: Vec<v1::ForkProof> = {
            let machine = lock(&self.machine);
            let readable = |far: &Viewer| {
                let proofs = new.iter().filter(|proof| far.may_read(proof.feed()));
                proofs.take(PROOFS_AT_ONCE).map(|proof| forks::travelling(proof)).collect()
            };
            machine.pushes_to().map(readable).unwrap_or_default()
        };
        if forks.is_empty() {
            return Ok(());
        }
        let request = v1::PushRequest { forks, ..v1::PushRequest::default() };
        self.far.send(self.core, futures::stream::once(std::future::ready(request)), |_| true).await
    }

    /// What would move, in ranges: for a dry run.
    pub(super) fn planned(&self) -> (Vec<(Feed, v1::FeedRange)>, Vec<session::PushRange>) {
        let machine = lock(&self.machine);
        let (pulls, pushes) = machine.planned();
        (pulls, pushes.to_vec())
    }

    pub(super) fn hear(&self, input: Input<'_>) -> Result<Vec<Action>, SyncError> {
        let sets = self.core.heads.sets();
        let heads = &self.core.heads;
        let hash_at = |feed: &Feed, seq: u64| heads.hash_at(feed, Seq::new(seq)?);
        let facts = Facts { sets: &sets, hash_at: &hash_at, now_ms: now_ms() };
        let (mut machine, mut memory) = (lock(&self.machine), lock(self.options.memory));
        let heard = machine.handle(input, &facts, &mut memory, &mut lock(self.options.claims));
        heard.map_err(|reason| SyncError::Protocol { reason })
    }

    fn perform(&self, action: Action) -> BoxFuture<'_, Result<Vec<Action>, SyncError>> {
        self.note_shown();
        Box::pin(async move {
            match action {
                Action::Reconcile(request) => {
                    let response = self.far.client().reconcile(request).await?.into_inner();
                    self.hear(Input::Reconciled(&response))
                }
                Action::Pull(request) => self.pull(request).await,
                Action::Push(push) => self.push(push).await,
                Action::Wait => {
                    tokio::time::sleep(WAIT).await;
                    self.hear(Input::Again)
                }
                Action::Finished(finished) => {
                    let mut moved = lock(&self.moved);
                    let more = moved.finished.more;
                    moved.finished = finished;
                    moved.finished.more |= more;
                    Ok(Vec::new())
                }
            }
        })
    }

    /// What the far end has of the own party's feeds beyond what is held: signing there waits for it.
    fn note_shown(&self) {
        let machine = lock(&self.machine);
        for difference in machine.differences().iter().filter(|d| d.feed.party == self.core.party) {
            let Some(theirs) = difference.theirs.filter(|_| !difference.feed.is_identity()) else { continue };
            let id = difference.feed.id();
            let held = self.core.store.head(&id).map_or(0, |h| h.head.seq.value());
            if let Err(error) = self.core.shown.note(&id, theirs.seq, held) {
                tracing::error!(%error, "what a hub showed could not be kept");
            }
        }
    }

    /// The network fills the pipe, what has come is checked, and what was checked is written, all at once.
    async fn pull(&self, mut request: PullRequest) -> Result<Vec<Action>, SyncError> {
        *lock(&self.expected) += lock(&self.machine).expected();
        request.batch_bytes = lock(&self.far.pace).batch_bytes();
        let newest_first = request.newest_first;
        let mut client = self.far.client();
        let mut stream = client.pull(request).await?.into_inner();
        let origin = if newest_first { Origin::Ahead } else { Origin::Peer };
        let (sender, mut receiver) = mpsc::channel::<v1::PullResponse>(limits::PIPELINE_MESSAGES);
        let (mut checking, mut writing) = self.core.ingest.stream(origin);
        let network = async move {
            let mut since = Instant::now();
            while let Some(message) = stream.message().await? {
                let bytes = message.runs.iter().map(|r| r.entries.len() as u64).sum();
                lock(&self.far.pace).arrived(bytes, micros(since));
                if sender.send(message).await.is_err() {
                    break;
                }
                since = Instant::now();
            }
            Ok::<(), SyncError>(())
        };
        let check = async move {
            while let Some(message) = receiver.recv().await {
                let (mut runs, mut forks) = (message.runs, message.forks);
                let mut bytes: usize = runs.iter().map(|r| r.entries.len()).sum();
                while bytes < GATHERED_BYTES
                    && let Ok(more) = receiver.try_recv()
                {
                    bytes += more.runs.iter().map(|r| r.entries.len()).sum::<usize>();
                    runs.extend(more.runs);
                    forks.extend(more.forks);
                }
                if !forks.is_empty() {
                    checking.settle().await;
                    self.core.ingest.take_forks(forks, origin).await;
                }
                checking.give(runs).await;
            }
        };
        let write = async {
            while let Some((taken, bytes)) = writing.next().await {
                let told: Vec<(FeedId, Result<(), Reason>)> =
                    taken.iter().map(|t| (t.feed, t.result.map(drop))).collect();
                self.hear(Input::Taken(&told, bytes))?;
                let mut moved = lock(&self.moved);
                moved.pulled.bytes += bytes;
                taken.iter().for_each(|t| moved.pulled.count(t));
                self.tell(&moved);
            }
            Ok::<(), SyncError>(())
        };
        // Where the connection ends what has come is stored; where the far end breaks the rules nothing more is.
        let both = async { Ok(tokio::join!(network, check).0) };
        let (network, ()) = tokio::try_join!(both, write)?;
        network?;
        self.hear(Input::PullEnded)
    }

    async fn push(&self, push: Push) -> Result<Vec<Action>, SyncError> {
        let expected: u64 = push.ranges.iter().map(|r| (r.to + 1).saturating_sub(r.from)).sum();
        *lock(&self.expected) += expected;
        let sizes = Arc::new(Mutex::new(VecDeque::new()));
        let unwanted = Arc::new(Mutex::new(HashSet::new()));
        let (sender, receiver) = mpsc::channel(limits::PIPELINE_MESSAGES / 2);
        let reader = Reader {
            core: self.core.clone(),
            push,
            batch_bytes: lock(&self.far.pace).batch_bytes() as usize,
            sizes: Arc::clone(&sizes),
            unwanted: Arc::clone(&unwanted),
            sender,
        };
        let reading = tokio::task::spawn_blocking(move || reader.run());
        let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
        let mut client = self.far.client();
        let mut answers = client.push(stream).await?.into_inner();
        let mut since = Instant::now();
        while let Some(mut answer) = answers.message().await? {
            self.core.receipts.note(std::mem::take(&mut answer.receipts));
            let bytes = lock(&sizes).pop_front().unwrap_or_default();
            lock(&self.far.pace).arrived(bytes, micros(since));
            since = Instant::now();
            // What is kept aside there waits for the rest of the feed.
            let refused = answer.refusals.iter().filter(|r| r.reason != Reason::Undecided.code());
            let refused = refused.filter_map(|r| FeedId::from_slice(&r.feed_id));
            lock(&unwanted).extend(refused);
            self.hear(Input::Pushed(&answer, bytes))?;
            let mut moved = lock(&self.moved);
            moved.pushed.bytes += bytes;
            moved.pushed.entries += answer.stored;
            for refusal in answer.refusals {
                *moved.pushed.refused.entry(refusal.reason).or_default() += 1;
            }
            self.tell(&moved);
        }
        if let Ok(read) = reading.await {
            lock(&self.moved).finished.more |= read?;
        }
        self.hear(Input::PushEnded)
    }

    pub(super) fn tell(&self, moved: &Synced) {
        (self.options.progress)(moved, *lock(&self.expected));
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        // Others may fetch what this session no longer does.
        lock(&self.machine).end(&mut lock(self.options.claims));
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
