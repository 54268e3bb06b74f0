//! Signs what this node holds, when asked: one head a feed, in an order that a later word never undercuts.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::wire::statement::{Cut, FRESH_MS_MAX, HeadStatement, Stamp, Stating};
use caphub_proto::wire::{Feed, FeedId, Head, Signer};

use crate::audit::published::Published;
use crate::author::now_ms;
use crate::core::Core;

/// Statements kept to be given again; about 350 bytes each.
const CACHED_MAX: usize = 50_000;

/// Signs heads of one node.
pub struct Stater {
    core: Core,
    signer: Signer,
    published: Arc<Published>,
    inner: Mutex<Inner>,
}

struct Inner {
    stamp: Stamp,
    said: HashMap<FeedId, Said>,
    silent: bool,
}

#[derive(Clone, Copy)]
struct Said {
    statement: HeadStatement,
    /// When this head was first stated.
    changed_ms: u64,
}

impl Stater {
    /// For the node of this key; what it states is covered by `published` first.
    pub fn new(core: Core, signer: Signer, published: Arc<Published>) -> Self {
        let stamp = Stamp::resume(published.record().reserved_ms);
        let inner = Mutex::new(Inner { stamp, said: HashMap::new(), silent: false });
        Self { core, signer, published, inner }
    }

    /// Says nothing more: this store was put back, and what it says would contradict what it said before.
    pub fn silence(&self) {
        self.lock().silent = true;
    }

    /// Statements of these feeds; held or not. Only what changed, or is not fresh any more, is signed anew.
    pub fn state(&self, feeds: &[Feed]) -> io::Result<Vec<(Feed, HeadStatement)>> {
        self.signed(feeds, 0)
    }

    /// Statements of all feeds that are held and whose head was not yet stated at `since_ms`, by this node's stating
    /// clock.
    pub fn changed(
        &self,
        since_ms: u64,
        may_read: impl Fn(&Feed) -> bool,
    ) -> io::Result<Vec<(Feed, HeadStatement)>> {
        let feeds: Vec<Feed> = self.core.store.heads().into_iter().map(|h| h.feed).filter(may_read).collect();
        self.signed(&feeds, since_ms)
    }

    fn signed(&self, feeds: &[Feed], since_ms: u64) -> io::Result<Vec<(Feed, HeadStatement)>> {
        // Heads are read and stamped under one lock: the order of the times is the order of the reading.
        let mut inner = self.lock();
        if inner.silent {
            return Ok(Vec::new());
        }
        let now = now_ms();
        let (mut out, mut due) = (Vec::new(), Vec::new());
        for feed in feeds {
            let (head, cut) = self.counted(feed);
            match inner.said.get(&feed.id()) {
                Some(said) if said.statement.head == head && said.statement.cut == cut => {
                    if said.changed_ms <= since_ms && since_ms > 0 {
                        continue;
                    }
                    match said.statement.time_ms.abs_diff(now) < FRESH_MS_MAX / 2 {
                        true => out.push((*feed, said.statement)),
                        false => due.push((*feed, head, cut, Some(said.changed_ms))),
                    }
                }
                _ => due.push((*feed, head, cut, None)),
            }
        }
        if due.is_empty() {
            return Ok(out);
        }
        let (time_ms, reserve) = inner.stamp.next(now);
        // Read after the heads: all of them lie below it. Covered on disk before anything leaves.
        self.published.cover(self.core.store.end(), reserve)?;
        if inner.said.len() + due.len() > CACHED_MAX {
            inner.said.clear();
        }
        let (log, party) = (self.core.store.log_id(), self.core.party);
        for (feed, head, cut, changed) in due {
            let statement = Stating { log, party, time_ms, feed: &feed, head, cut }.sign(&self.signer);
            let changed_ms = changed.unwrap_or(time_ms);
            // What is not held is asked for rarely, and could be anything.
            if head.is_some() {
                inner.said.insert(feed.id(), Said { statement, changed_ms });
            }
            out.push((feed, statement));
        }
        Ok(out)
    }

    /// What counts of a feed, and why that may be less than before. The reason is looked up after the head: whatever
    /// lowered it is known by then.
    fn counted(&self, feed: &Feed) -> (Option<Head>, Cut) {
        let head = self.core.store.head(&feed.id()).and_then(|held| self.core.counted(&held));
        let revoked = || {
            let state = self.core.identities.state(&feed.party)?;
            state.operators.get(&feed.key()?)?.revoked.as_ref().map(|_| Cut::Revoked)
        };
        let forked = || self.core.forks.freeze(&feed.id()).map(|_| Cut::Forked);
        (head, revoked().or_else(forked).unwrap_or(Cut::Whole))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
