//! Reading what is to be pushed, a message at a time, as fast as the far end takes it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use caphub_proto::v1::{self, PushRequest};
use caphub_proto::wire::session::{Push, PushRange};
use caphub_proto::wire::{FeedId, Seq};
use tokio::sync::mpsc;

use crate::author::feed_parts;
use crate::core::Core;
use crate::forks;
use crate::store::StoreError;
use crate::sync::cut::{beginning, pieces};
use crate::sync::driver::lock;

/// Reads ranges into messages.
pub(super) struct Reader {
    pub(super) core: Core,
    pub(super) push: Push,
    pub(super) batch_bytes: usize,
    /// Bytes of each message that is on its way; the answers come in the same order.
    pub(super) sizes: Arc<Mutex<VecDeque<u64>>>,
    /// Feeds that the far end refused: nothing more of them is sent.
    pub(super) unwanted: Arc<Mutex<HashSet<FeedId>>>,
    pub(super) sender: mpsc::Sender<PushRequest>,
}

/// Why nothing more is read.
enum Ended {
    /// The far end is gone.
    Gone,
    /// The budget is used up.
    Full,
}

impl Reader {
    /// Reads all ranges; true where the budget ended it.
    pub(super) fn run(self) -> Result<bool, StoreError> {
        let mut batch = Batch { reader: &self, request: PushRequest::default(), bytes: 0, left: u64::MAX };
        batch.left = self.push.max_bytes.unwrap_or(u64::MAX);
        let mut full = false;
        for range in &self.push.ranges {
            if let Err(ended) = batch.range(range)? {
                full = matches!(ended, Ended::Full);
                break;
            }
        }
        let _ = batch.send();
        Ok(full)
    }
}

struct Batch<'a> {
    reader: &'a Reader,
    request: PushRequest,
    bytes: usize,
    left: u64,
}

impl Batch<'_> {
    fn range(&mut self, range: &PushRange) -> Result<Result<(), Ended>, StoreError> {
        let id = range.feed.id();
        if range.proof
            && let Some(proof) = self.reader.core.forks.proof(&id)
        {
            self.bytes += proof.len();
            self.request.forks.push(forks::travelling(&proof));
            if self.bytes >= self.reader.batch_bytes && self.send().is_err() {
                return Ok(Err(Ended::Gone));
            }
        }
        let mut next = Seq::new(range.from).filter(|_| range.from <= range.to);
        while let Some(from) = next {
            next = None;
            if lock(&self.reader.unwanted).contains(&id) {
                return Ok(Ok(()));
            }
            for run in self.reader.core.store.read_feed(&id, from, self.reader.batch_bytes)? {
                let Some(run) = Seq::new(range.to).and_then(|to| run.up_to(to)) else { break };
                let after = run.first.value() + u64::from(run.count);
                next = Seq::new(after).filter(|_| after <= range.to);
                for packed in pieces(&range.feed, run.packed, self.reader.batch_bytes) {
                    if packed.len() as u64 > self.left {
                        if let Some(part) = beginning(&range.feed, &packed, self.left) {
                            self.add(range, part);
                        }
                        return Ok(Err(Ended::Full));
                    }
                    self.left -= packed.len() as u64;
                    self.add(range, packed);
                    if self.bytes >= self.reader.batch_bytes && self.send().is_err() {
                        return Ok(Err(Ended::Gone));
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    fn add(&mut self, range: &PushRange, packed: Bytes) {
        self.bytes += packed.len();
        self.request.runs.push(v1::Run { feed: Some(feed_parts(&range.feed)), entries: packed });
    }

    fn send(&mut self) -> Result<(), Ended> {
        if self.request.runs.is_empty() && self.request.forks.is_empty() {
            return Ok(());
        }
        lock(&self.reader.sizes).push_back(self.bytes as u64);
        self.bytes = 0;
        self.reader.sender.blocking_send(std::mem::take(&mut self.request)).map_err(|_| Ended::Gone)
    }
}
