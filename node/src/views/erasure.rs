//! Bodies that the owner had erased: told to the store, and purged from the index's files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use caphub_proto::exchange::{RecordKind, seal};
use caphub_proto::v1::Revision;
use caphub_proto::wire::limits::SALT_BYTES;
use caphub_proto::wire::{Feed, FeedId, PartyId, RecordId};
use prost::Message;
use tantivy::IndexWriter;

use super::ViewsError;
use super::follow::Writing;
use super::index::{Opened, commit};

/// Most erasures that wait to be taken; beyond them the index is asked again for those still due.
const WAITING_MAX: usize = 65_536;
/// Most entries whose absence is known to be excused; about 100 bytes each.
const EXCUSED_MAX: usize = 65_536;
/// A purge rewrites files: it takes at most one part in this many of the time.
const PURGE_SHARE: u32 = 20;

/// Erasures that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Erasures {
    waiting: BTreeSet<(FeedId, u64)>,
    /// Some may be due that are not waiting here: after a start, or where there were too many.
    pub(super) incomplete: bool,
    /// What counted withdrawals erase, with their owner: the bodies are not missed where they are absent.
    excused: BTreeMap<(FeedId, u64), Excuse>,
    /// Rises with `excused`.
    version: u64,
}

/// Why a body need not be here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Excuse {
    /// Whose withdrawal says so; it holds for that party's feeds only.
    pub(super) owner: PartyId,
    /// The record that was withdrawn; `None` where the bodies are sealed, so that only their places are known.
    pub(super) record: Option<RecordId>,
}

impl Excuse {
    /// True where it can be about entries of this feed.
    fn covers(&self, feed: &Feed) -> bool {
        feed.party == self.owner && (self.record.is_some() || seal::is_sealed(feed))
    }

    /// True where it is about this body: what others rely on stays, whatever a withdrawal names.
    fn covers_body(&self, feed: &Feed, body: &[u8]) -> bool {
        let Some(record) = self.record else { return self.covers(feed) };
        let revision = body.get(SALT_BYTES..).and_then(|content| Revision::decode(content).ok());
        revision.is_some_and(|r| {
            let kept = r.record.as_ref().is_some_and(|record| !RecordKind::of(record).erasable());
            self.covers(feed) && r.record_id == record.as_bytes() && !kept
        })
    }
}

impl Default for Erasures {
    fn default() -> Self {
        Self { waiting: BTreeSet::new(), incomplete: true, excused: BTreeMap::new(), version: 0 }
    }
}

impl Erasures {
    /// Adds what a judgement found.
    pub(super) fn add(&mut self, found: impl IntoIterator<Item = (FeedId, u64)>) {
        for erasure in found {
            if self.waiting.len() >= WAITING_MAX {
                self.incomplete = true;
                return;
            }
            self.waiting.insert(erasure);
        }
    }

    /// Adds entries whose bodies may be absent; beyond the bound they are asked for again, which costs no more.
    pub(super) fn excuse(&mut self, excuse: Excuse, entries: Vec<(FeedId, u64)>) {
        for entry in entries.into_iter().take(EXCUSED_MAX.saturating_sub(self.excused.len())) {
            self.version += u64::from(self.excused.insert(entry, excuse).is_none());
        }
    }

    /// True where a counted withdrawal erases this entry of a feed.
    pub(super) fn excuses(&self, feed: &Feed, id: &FeedId, seq: u64) -> bool {
        self.excused.get(&(*id, seq)).is_some_and(|excuse| excuse.covers(feed))
    }

    /// Places of a feed of which no body is taken any more, from the lowest on, with what decides about a body.
    pub(super) fn of_feed(&self, id: &FeedId) -> Vec<(u64, Excuse)> {
        self.excused.range((*id, 0)..=(*id, u64::MAX)).map(|((_, seq), e)| (*seq, *e)).collect()
    }

    /// Everything that is excused, and a number that rises with it.
    pub(super) fn all(&self) -> (u64, Vec<(FeedId, u64)>) {
        (self.version, self.excused.keys().copied().collect())
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Hands over all that wait.
    pub(super) fn take(&mut self) -> Vec<(FeedId, u64)> {
        std::mem::take(&mut self.waiting).into_iter().collect()
    }

    /// True where those still due should be looked up, and there is room for them.
    pub(super) fn ask_again(&mut self) -> bool {
        let ask = self.incomplete && self.waiting.is_empty();
        self.incomplete &= !ask;
        ask
    }
}

/// When files were last rewritten, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastPurge(Option<(Instant, Duration)>);

impl LastPurge {
    /// True where another purge would keep to its share of the time.
    pub(super) fn long_ago(&self) -> bool {
        self.0.is_none_or(|(ended, took)| ended.elapsed() >= took.saturating_mul(PURGE_SHARE))
    }
}

/// Rewrites every file that still holds replaced documents, so that no word of an erased record stays on disk.
/// Leaves `origin.purge` set where a merge under way kept it from finishing.
pub(super) fn purge(opened: &Opened, writing: &mut Writing) -> Result<(), ViewsError> {
    let started = Instant::now();
    let Writing { writer: Some(writer), origin, .. } = writing else { return Ok(()) };
    for segment in opened.index.searchable_segment_metas()?.iter().filter(|s| s.has_deletes()) {
        // A merge that is under way holds its segments: they are looked at again at the next purge.
        if let Err(error) = writer.merge(&[segment.id()]).wait() {
            tracing::debug!(%error, "a file is being merged, and is purged later");
        }
    }
    opened.reader.reload()?;
    origin.purge = opened.index.searchable_segment_metas()?.iter().any(|s| s.has_deletes());
    commit(writer, origin)?;
    collect_files(writer)?;
    writing.last_purge = LastPurge(Some((Instant::now(), started.elapsed())));
    Ok(())
}

/// True where a body that arrives is one that its owner had erased.
pub(super) fn is_erased(excuses: &[(u64, Excuse)], feed: &Feed, seq: u64, body: &[u8]) -> bool {
    let found = excuses.binary_search_by_key(&seq, |(s, _)| *s).ok().and_then(|i| excuses.get(i));
    found.is_some_and(|(_, excuse)| excuse.covers_body(feed, body))
}

fn collect_files(writer: &IndexWriter) -> Result<(), ViewsError> {
    writer.garbage_collect_files().wait()?;
    Ok(())
}
