//! What is due: what every reader may read and at least one lacks, the most useful first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use caphub_proto::wire::{EntryHash, Feed, FeedId, ForkProof, Head, PartyId, Seq};

use crate::carry::Bearer;
use crate::carry::holds::Stated;
use crate::entitlement::Viewer;
use crate::store::{Store, StoreError};

/// One whom the files are for.
pub(super) struct Reading<'a> {
    pub(super) party: PartyId,
    pub(super) viewer: Viewer,
    /// What it states that it holds.
    pub(super) stated: Option<&'a Stated>,
}

/// Entries of own files that lie in the folder already: first, last, hash of the last.
pub(super) type Present = HashMap<FeedId, Vec<(u64, u64, EntryHash)>>;

/// Entries of one feed to write.
pub(super) struct Due {
    pub(super) feed: Feed,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// All of it, in the order of writing.
pub(super) struct Plan {
    pub(super) due: Vec<Due>,
    pub(super) entries: u64,
    /// Feeds that not every reader may read.
    pub(super) withheld: u64,
}

/// Compares what is held with what the readers state and what lies in the folder already.
pub(super) fn plan(bearer: &Bearer, readers: &[Reading<'_>], present: &Present) -> Result<Plan, StoreError> {
    let (core, anybody) = (&bearer.core, Viewer::public());
    let (mut due, mut withheld) = (Vec::new(), 0);
    for held in core.counted_heads() {
        let feed = held.feed;
        let may = match readers.is_empty() {
            true => anybody.may_read(&feed),
            false => readers.iter().all(|r| r.viewer.may_read(&feed)),
        };
        if !may {
            withheld += 1;
            continue;
        }
        let from = lacks_from(&core.store, &feed, held.head, readers)?;
        let from = behind_present(&core.store, &feed.id(), from, present)?;
        if from <= held.head.seq.value() {
            let newest = newest(&core.store, &feed.id(), held.head.seq)?;
            due.push((
                rank(&feed, core.party),
                u64::MAX - newest,
                Due { feed, from, to: held.head.seq.value() },
            ));
        }
    }
    due.sort_by_key(|(rank, newest, due)| (*rank, *newest, due.feed));
    let due: Vec<Due> = due.into_iter().map(|(.., due)| due).collect();
    let entries = due.iter().map(|d| d.to - d.from + 1).sum();
    Ok(Plan { due, entries, withheld })
}

/// Identities first, our own before others'; then our own records, then those with the newest entries.
fn rank(feed: &Feed, own: PartyId) -> u8 {
    match (feed.is_identity(), feed.party == own) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

/// The first place that at least one reader lacks.
fn lacks_from(store: &Store, feed: &Feed, head: Head, readers: &[Reading<'_>]) -> Result<u64, StoreError> {
    let (id, mut from) = (feed.id(), u64::MAX);
    if readers.iter().all(|r| r.stated.is_none()) {
        return Ok(1);
    }
    let first = store.hash(&id, Seq::FIRST)?;
    for reader in readers {
        let held = reader.stated.zip(first).and_then(|(s, first)| s.holds.of(&id, &first));
        let next = match held {
            None => 1,
            Some(held) if held.head == head || held.head.seq > head.seq => held.head.seq.value() + 1,
            // Another branch than ours is no ground to stand on: the whole feed shows which counts.
            Some(held) => match store.hash(&id, held.head.seq)? == Some(held.head.hash) {
                true => held.head.seq.value() + 1,
                false => 1,
            },
        };
        from = from.min(next);
    }
    Ok(from)
}

/// The first place from `from` on that does not lie in the folder already.
fn behind_present(store: &Store, feed: &FeedId, from: u64, present: &Present) -> Result<u64, StoreError> {
    let mut next = from;
    for (first, last, hash) in present.get(feed).into_iter().flatten() {
        if *first > next || *last < next {
            continue;
        }
        let ours = Seq::new(*last).map(|seq| store.hash(feed, seq)).transpose()?.flatten();
        if ours == Some(*hash) {
            next = last + 1;
        }
    }
    Ok(next)
}

/// Proofs of forks that all readers may see, at least one does not state to hold, and the folder does not have.
pub(super) fn proofs(
    bearer: &Bearer,
    readers: &[Reading<'_>],
    present: &HashSet<FeedId>,
) -> Result<Vec<Arc<ForkProof>>, StoreError> {
    let (core, anybody, mut due) = (&bearer.core, Viewer::public(), Vec::new());
    for proof in core.forks.all() {
        let (feed, id) = (proof.feed(), proof.feed().id());
        let may = match readers.is_empty() {
            true => anybody.may_read(feed),
            false => readers.iter().all(|r| r.viewer.may_read(feed)),
        };
        let first = core.store.hash(&id, Seq::FIRST)?;
        let has = |r: &Reading<'_>| {
            r.stated.zip(first).and_then(|(s, first)| s.holds.of(&id, &first)).is_some_and(|h| h.frozen)
        };
        let known = !readers.is_empty() && readers.iter().all(has);
        if may && !known && !present.contains(&id) {
            due.push(proof);
        }
    }
    Ok(due)
}

/// When the feed's last entry was written, as it says.
fn newest(store: &Store, feed: &FeedId, seq: Seq) -> Result<u64, StoreError> {
    let entry = store.entry(feed, seq)?;
    let time = entry.and_then(|e| e.packed.get(74..82)?.try_into().ok());
    Ok(time.map_or(0, u64::from_be_bytes))
}

/// True where every reader states that it holds all of these entries.
pub(super) fn arrived(
    store: &Store,
    readers: &[Reading<'_>],
    ranges: &[(FeedId, u64, EntryHash)],
) -> Result<bool, StoreError> {
    if readers.is_empty() || readers.iter().any(|r| r.stated.is_none()) {
        return Ok(false);
    }
    let mut seen = HashSet::new();
    for (feed, last, _) in ranges.iter().rev() {
        if !seen.insert(*feed) {
            continue;
        }
        let Some(first) = store.hash(feed, Seq::FIRST)? else { return Ok(false) };
        let holds = |r: &Reading<'_>| {
            r.stated.and_then(|s| s.holds.of(feed, &first)).is_some_and(|h| h.head.seq.value() >= *last)
        };
        if !readers.iter().all(holds) {
            return Ok(false);
        }
    }
    Ok(true)
}
