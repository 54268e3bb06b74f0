//! Bodies that the owner had erased: told to the store, and purged from the index's files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use caphub_proto::exchange::{RecordKind, seal};
use caphub_proto::v1::Revision;
use caphub_proto::wire::limits::SALT_BYTES;
use caphub_proto::wire::{Feed, FeedId, PartyId, RecordId};
use prost::Message;

use super::ViewsError;
use super::follow::Writing;
use super::index::{Opened, Writer, commit};

/// Most erasures that wait to be taken; beyond them the index is asked again for those still due.
const WAITING_MAX: usize = 65_536;
/// Most entries whose absence is known to be excused; about 150 bytes each. Where they are used up, whoever has most of
/// them gives way: its bodies are asked for again, and nobody else's are.
const EXCUSED_MAX: usize = 65_536;
/// A purge rewrites files: it takes at most one part in this many of the time.
const PURGE_SHARE: u32 = 20;

/// Erasures that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Erasures {
    waiting: BTreeSet<(FeedId, u64)>,
    /// Some may be due that are not waiting here: after a start, or where there were too many.
    pub(super) incomplete: bool,
    /// What counted withdrawals erase, by their owner, too: the bodies are not missed where they are absent. What a
    /// withdrawal says of another party's feed stands beside that party's own word, and counts for nothing.
    excused: BTreeMap<(FeedId, u64, PartyId), Option<RecordId>>,
    /// How many are whose.
    owners: BTreeMap<PartyId, BTreeSet<(FeedId, u64)>>,
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
        Self {
            waiting: BTreeSet::new(),
            incomplete: true,
            excused: BTreeMap::new(),
            owners: BTreeMap::new(),
            version: 0,
        }
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
        for (feed, seq) in entries {
            if self.excused.insert((feed, seq, excuse.owner), excuse.record).is_some() {
                continue;
            }
            self.owners.entry(excuse.owner).or_default().insert((feed, seq));
            self.version += 1;
            if self.excused.len() > EXCUSED_MAX {
                self.make_room();
            }
        }
    }

    /// What was found by views that were derived again, too.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        self.add(std::mem::take(&mut other.waiting));
        self.incomplete = true;
        for ((feed, seq, owner), record) in std::mem::take(&mut other.excused) {
            self.excuse(Excuse { owner, record }, vec![(feed, seq)]);
        }
    }

    /// Drops one of whoever has most.
    fn make_room(&mut self) {
        let most = self.owners.iter().max_by_key(|(_, entries)| entries.len()).map(|(owner, _)| *owner);
        let Some((owner, entries)) = most.and_then(|o| Some((o, self.owners.get_mut(&o)?))) else { return };
        if let Some((feed, seq)) = entries.pop_last() {
            self.excused.remove(&(feed, seq, owner));
        }
        if entries.is_empty() {
            self.owners.remove(&owner);
        }
    }

    /// True where a counted withdrawal erases this entry of a feed.
    pub(super) fn excuses(&self, feed: &Feed, id: &FeedId, seq: u64) -> bool {
        let own = self.excused.get(&(*id, seq, feed.party));
        own.is_some_and(|record| Excuse { owner: feed.party, record: *record }.covers(feed))
    }

    /// Places of a feed of which no body is taken any more, from the lowest on, with what decides about a body.
    pub(super) fn of_feed(&self, feed: &Feed) -> Vec<(u64, Excuse)> {
        let (id, owner) = (feed.id(), feed.party);
        let named = self.excused.range((id, 0, PartyId([0; 32]))..=(id, u64::MAX, PartyId([0xff; 32])));
        let own = named.filter(|((.., party), _)| *party == owner);
        own.map(|((_, seq, _), record)| (*seq, Excuse { owner, record: *record })).collect()
    }

    /// Everything that is excused, and a number that rises with it.
    pub(super) fn all(&self) -> (u64, Vec<(FeedId, u64)>) {
        (self.version, self.excused.keys().map(|(feed, seq, _)| (*feed, *seq)).collect())
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

fn collect_files(writer: &Writer) -> Result<(), ViewsError> {
    writer.garbage_collect_files().wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use caphub_proto::wire::{Audience, OperatorKey};

    use super::*;

    fn feed(owner: u8) -> Feed {
        Feed::records(PartyId([owner; 32]), OperatorKey([owner; 32]), Audience::Public)
    }

    fn excuse(owner: u8, record: u8) -> Excuse {
        Excuse { owner: PartyId([owner; 32]), record: Some(RecordId([record; 16])) }
    }

    #[test]
    fn what_others_name_of_a_feed_changes_nothing_of_what_its_owner_erased() {
        let (mut erasures, own) = (Erasures::default(), feed(1));
        erasures.excuse(excuse(1, 1), vec![(own.id(), 5)]);
        erasures.excuse(excuse(2, 2), vec![(own.id(), 5), (own.id(), 6)]);
        assert!(erasures.excuses(&own, &own.id(), 5) && !erasures.excuses(&own, &own.id(), 6));
        assert_eq!(erasures.of_feed(&own), [(5, excuse(1, 1))]);
    }

    #[test]
    fn whoever_names_most_gives_way_and_nobody_elses_place_is_lost() {
        let (mut erasures, own) = (Erasures::default(), feed(1));
        let invented = FeedId([0; 32]);
        let flood = |from: u64| (from..from + EXCUSED_MAX as u64).map(|seq| (invented, seq)).collect();
        erasures.excuse(excuse(2, 2), flood(1));
        erasures.excuse(excuse(1, 1), vec![(own.id(), 5)]);
        erasures.excuse(excuse(2, 3), flood(1 << 40));
        assert!(erasures.excuses(&own, &own.id(), 5));
        assert_eq!(erasures.excused.len(), EXCUSED_MAX);
        assert_eq!(erasures.owners.values().map(BTreeSet::len).sum::<usize>(), EXCUSED_MAX);
    }
}
