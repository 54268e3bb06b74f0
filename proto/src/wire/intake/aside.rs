//! Runs of another history than the one that is held, kept in memory until the entry that a Revoke names shows that
//! they are the one that counts.
//!
//! Runs are as short as their author published them: the first of a branch does not show that it leads to the named
//! entry, and nothing is replaced by what may be a third history.

use std::collections::BTreeMap;

use prost::bytes::Bytes;

use crate::wire::feed::{Head, Run};
use crate::wire::ids::{EntryHash, FeedId, Seq};

/// Most bytes that are kept aside of one feed; a longer branch comes in runs that each hold more.
const FEED_BYTES_MAX: u64 = 16 * 1_048_576;
/// Most bytes of all feeds; beyond them all is dropped, and comes again.
const ALL_BYTES_MAX: u64 = 64 * 1_048_576;

/// What is kept aside of one feed, as the judgement of a run needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The first place that differs from what is held.
    pub first: Seq,
    /// What the entry there names as previous.
    pub previous: EntryHash,
    /// The last entry.
    pub head: Head,
}

impl Kept {
    /// True where a run begins right after what is kept.
    pub fn leads_to(&self, run: &Run<'_>) -> bool {
        let first = &run.first().header;
        self.head.hash == first.previous && self.head.seq.next() == Some(first.seq)
    }
}

/// One run that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AsideRun {
    /// Packed, as it came.
    pub packed: Bytes,
    /// Entries at its front that are held.
    pub skip: usize,
}

#[derive(Clone, Debug)]
struct Branch {
    named: Head,
    kept: Kept,
    /// The end of its first run.
    begins: Head,
    runs: Vec<AsideRun>,
    bytes: u64,
}

/// What is kept aside of all feeds.
#[derive(Clone, Debug, Default)]
pub struct Asides {
    feeds: BTreeMap<FeedId, Branch>,
    bytes: u64,
}

impl Asides {
    /// What is kept of a feed whose key counts up to this entry.
    pub fn kept(&self, feed: &FeedId, named: Head) -> Option<Kept> {
        self.feeds.get(feed).filter(|b| b.named == named).map(|b| b.kept)
    }

    /// Keeps a run by `Verdict::Aside`: with `skip` it begins a branch, without it follows what is kept.
    pub fn keep(&mut self, run: &Run<'_>, packed: &Bytes, skip: Option<usize>, named: Head) {
        let (feed, head, bytes) = (run.feed.id(), run.head(), packed.len() as u64);
        if self.bytes + bytes > ALL_BYTES_MAX {
            *self = Self::default();
        }
        let Some(skip) = skip else {
            let Some(branch) = self.feeds.get_mut(&feed).filter(|b| b.named == named) else { return };
            if branch.kept.leads_to(run) && branch.bytes + bytes <= FEED_BYTES_MAX {
                branch.kept.head = head;
                branch.bytes += bytes;
                self.bytes += bytes;
                branch.runs.push(AsideRun { packed: packed.clone(), skip: 0 });
            }
            return;
        };
        // The same beginning by another way: what came after it stays.
        if self.feeds.get(&feed).is_some_and(|b| b.named == named && b.begins == head) {
            return;
        }
        let Some(parts) = run.entries.get(skip) else { return };
        self.take(&feed);
        let kept = Kept { first: parts.header.seq, previous: parts.header.previous, head };
        let runs = vec![AsideRun { packed: packed.clone(), skip }];
        self.feeds.insert(feed, Branch { named, kept, begins: head, runs, bytes });
        self.bytes += bytes;
    }

    /// Takes out what is kept of a feed, in order: by `Verdict::Chosen`, or because the feed is another now.
    pub fn take(&mut self, feed: &FeedId) -> Vec<AsideRun> {
        let Some(branch) = self.feeds.remove(feed) else { return Vec::new() };
        self.bytes = self.bytes.saturating_sub(branch.bytes);
        branch.runs
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
