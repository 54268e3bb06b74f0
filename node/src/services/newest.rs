//! The newest entries of all that a caller may read: for one that holds almost nothing and does not know yet what to ask.

use std::collections::BTreeSet;

use caphub_proto::wire::{Feed, FeedId, Seq};

use crate::core::Core;
use crate::entitlement::Viewer;
use crate::store::{FeedHead, StoreError};

/// Most bytes that are served so: what comes after it is better compared first.
pub(super) const NEWEST_BYTES_MAX: u64 = 65_536;
/// A message of them is closed at so many bytes: a party's keys and its newest entry.
pub(super) const NEWEST_MESSAGE_BYTES: usize = 1_024;
/// Entries of each feed: several parties are seen at once.
const ENTRIES_EACH: u64 = 2;
/// Runs of the log that are looked at; each may be of 1 MiB.
const RUNS_MAX: usize = 32;

/// Feeds with their first and last place, the newest first, each right after its party's identity log. That of this node's
/// own party is asked for by whoever does not hold it.
pub(super) fn newest(
    core: &Core,
    viewer: &Viewer,
    bytes: u64,
) -> Result<Vec<(FeedHead, Seq, Seq)>, StoreError> {
    let mut found = Newest { core, due: Vec::new(), seen: BTreeSet::new(), left: bytes };
    let mut end = core.store.end();
    for _ in 0..RUNS_MAX {
        let Some(run) = core.store.run_before(end)?.filter(|_| found.left > 0) else { break };
        end = run.first_ordinal;
        if !run.feed.is_identity() && viewer.may_read(&run.feed) {
            found.end_of(run.feed)?;
        }
    }
    Ok(found.due)
}

struct Newest<'a> {
    core: &'a Core,
    due: Vec<(FeedHead, Seq, Seq)>,
    seen: BTreeSet<FeedId>,
    left: u64,
}

impl Newest<'_> {
    fn end_of(&mut self, feed: Feed) -> Result<(), StoreError> {
        if self.seen.contains(&feed.id()) {
            return Ok(());
        }
        let held = self.core.store.head(&feed.id());
        let Some(head) = held.and_then(|h| self.core.counted(&h)) else { return Ok(()) };
        if feed.party != self.core.party {
            self.add(Feed::identity(feed.party), 1)?;
        }
        self.add(feed, head.seq.value().saturating_sub(ENTRIES_EACH) + 1)
    }

    fn add(&mut self, feed: Feed, from: u64) -> Result<(), StoreError> {
        let id = feed.id();
        let Some(held) = self.core.store.head(&id).filter(|_| self.seen.insert(id)) else { return Ok(()) };
        let Some(last) = self.core.counted(&held).map(|h| h.seq) else { return Ok(()) };
        let (_, bytes) = self.core.store.measure(&id, from, last.value())?;
        self.left = self.left.saturating_sub(bytes);
        self.due.extend(Seq::new(from).map(|from| (held, from, last)));
        Ok(())
    }
}
