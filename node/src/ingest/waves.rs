//! Which runs may be checked together, and which only once earlier ones are on the disk.
//!
//! A run rests on what its feed holds and on its party's identity log. Where a run follows the last entry of an earlier
//! one that is not stored yet, it is checked as if that were: the store takes it only if it follows in fact.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use caphub_proto::v1;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, PartyId, Reason, Seq};

use super::Ingest;

/// A run of which only the feed and the places were read; nothing of it is checked.
pub(super) struct Arrived {
    pub(super) feed: Feed,
    pub(super) id: FeedId,
    /// First place, 0 where unknown.
    pub(super) from: u64,
    pub(super) count: u64,
    pub(super) packed: Bytes,
    /// What the first entry names as previous, and the last entry.
    ends: Option<(EntryHash, Head)>,
    /// The entry that it follows, where that is not stored yet.
    pub(super) after: Option<Head>,
}

impl Arrived {
    /// Reads a run as far as it must be read before it is checked.
    pub(super) fn read(run: v1::Run) -> Result<Self, Reason> {
        let parts = run.feed.unwrap_or_default();
        let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience)?;
        let packed = run.entries;
        let entries = unpack(&packed).unwrap_or_default();
        let (from, count) = (first_seq(&packed), entries.len() as u64);
        let last = entries.last().zip(Seq::new(from.saturating_add(count).saturating_sub(1)));
        let ends = last.and_then(|(last, seq)| {
            let previous = EntryHash::from_slice(packed.get(42..74)?)?;
            Some((previous, Head { seq, hash: entry_hash(last.header, last.signature) }))
        });
        Ok(Self { feed, id: feed.id(), from, count, packed, ends, after: None })
    }

    /// True where it begins right after an entry, by its place and hash.
    fn follows(&self, head: Head) -> bool {
        let previous = self.ends.map(|(previous, _)| previous);
        previous == Some(head.hash) && head.seq.next().map(Seq::value) == Some(self.from)
    }
}

/// What is being checked or written.
#[derive(Default)]
pub(super) struct InFlight {
    /// The last entry of each feed; `None` where it is not known.
    heads: HashMap<FeedId, Option<Head>>,
    introduced: HashSet<PartyId>,
}

impl InFlight {
    /// Feeds of which something is in flight, or was since the last time that nothing was.
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// `height` is how far its feed is held without a hole: what lies above one is no head.
    fn add(&mut self, run: &Arrived, height: u64) {
        if run.feed.is_identity() {
            self.introduced.insert(run.feed.party);
        }
        let whole = run.after.is_some() || run.from <= height + 1;
        self.heads.insert(run.id, run.ends.map(|(_, head)| head).filter(|_| whole));
    }
}

impl Ingest {
    /// Takes runs off the front that rest on nothing in flight, up to the first that does; and adds them to it.
    pub(super) fn wave(
        &self,
        runs: &mut VecDeque<Result<Arrived, Reason>>,
        flying: &mut InFlight,
    ) -> Vec<Result<Arrived, Reason>> {
        let height = |feed: &FeedId| self.store.head(feed).map_or(0, |h| h.head.seq.value());
        cut(runs, flying, height, |run| self.grows_only(&run.feed, &run.id))
    }

    /// Nothing but the next entry can come to the feed: no tail, no other branch, no end by a Revoke or a fork.
    fn grows_only(&self, feed: &Feed, id: &FeedId) -> bool {
        let state = feed.key().zip(self.identities.state(&feed.party));
        let counted = state.and_then(|(key, state)| state.counted(&key, id));
        let whole = counted == Some(Counted::All) && self.forks.freeze(id).is_none();
        whole && self.store.tails(id).is_empty()
    }
}

fn cut(
    runs: &mut VecDeque<Result<Arrived, Reason>>,
    flying: &mut InFlight,
    height: impl Fn(&FeedId) -> u64,
    grows_only: impl Fn(&Arrived) -> bool,
) -> Vec<Result<Arrived, Reason>> {
    let mut wave = Vec::new();
    while let Some(mut next) = runs.pop_front() {
        if let Ok(run) = &mut next {
            let before = flying.heads.get(&run.id);
            let known = before.copied().flatten().filter(|head| run.follows(*head) && grows_only(run));
            if flying.introduced.contains(&run.feed.party) || (before.is_some() && known.is_none()) {
                runs.push_front(next);
                break;
            }
            run.after = known;
            flying.add(run, height(&run.id));
        }
        wave.push(next);
    }
    wave
}

pub(super) fn first_seq(packed: &[u8]) -> u64 {
    packed.get(34..42).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use caphub_proto::wire::{Audience, OperatorKey};

    use super::*;

    const PARTY: PartyId = PartyId([1; 32]);

    fn run(feed: Feed, from: u64, to: u64, branch: u8) -> Result<Arrived, Reason> {
        let hash = |seq: u64| EntryHash([branch + seq as u8; 32]);
        let head = Head { seq: Seq::new(to).expect("a place"), hash: hash(to) };
        let ends = Some((hash(from - 1), head));
        let (id, count) = (feed.id(), to + 1 - from);
        Ok(Arrived { feed, id, from, count, packed: Bytes::new(), ends, after: None })
    }

    fn records(key: u8) -> Feed {
        Feed::records(PARTY, OperatorKey([key; 32]), Audience::Public)
    }

    /// Sizes of the waves, where each is stored before the next.
    fn sizes(runs: Vec<Result<Arrived, Reason>>, grows_only: bool) -> Vec<usize> {
        let (mut runs, mut sizes) = (VecDeque::from(runs), Vec::new());
        while !runs.is_empty() {
            sizes.push(cut(&mut runs, &mut InFlight::default(), |_| 0, |_| grows_only).len());
        }
        sizes
    }

    #[test]
    fn records_wait_for_their_partys_identity_and_others_do_not() {
        let other = Feed::records(PartyId([2; 32]), OperatorKey([1; 32]), Audience::Public);
        let runs = vec![run(Feed::identity(PARTY), 1, 2, 0), run(other, 1, 9, 0), run(records(1), 1, 9, 0)];
        assert_eq!(sizes(runs, true), [2, 1]);
    }

    #[test]
    fn a_run_that_follows_one_in_flight_goes_along_and_any_other_of_its_feed_waits() {
        let chained = || vec![run(records(1), 1, 4, 0), run(records(2), 1, 2, 0), run(records(1), 5, 6, 0)];
        assert_eq!(sizes(chained(), true), [3]);
        assert_eq!(sizes(chained(), false), [2, 1], "a tail, a fork or a Revoke may decide otherwise");
        for other in [run(records(1), 4, 6, 0), run(records(1), 6, 6, 0), run(records(1), 5, 6, 9)] {
            assert_eq!(sizes(vec![run(records(1), 1, 4, 0), other], true), [1, 1]);
        }
        let mut runs = VecDeque::from(chained());
        let wave = cut(&mut runs, &mut InFlight::default(), |_| 0, |_| true);
        let after: Vec<_> = wave.iter().flatten().map(|run| run.after.map(|h| h.seq.value())).collect();
        assert_eq!(after, [None, None, Some(4)]);
    }

    #[test]
    fn what_follows_a_run_above_a_hole_waits_for_it() {
        let tail = vec![run(records(1), 5, 6, 0), run(records(1), 7, 9, 0)];
        assert_eq!(sizes(tail, true), [1, 1]);
    }

    #[test]
    fn a_run_that_cannot_be_read_holds_nothing_up() {
        let runs = vec![Err(Reason::BadLength), run(records(1), 1, 2, 0), Err(Reason::BadAudience)];
        assert_eq!(sizes(runs, true), [3]);
        let feed = v1::Feed { party_id: vec![1], ..v1::Feed::default() };
        let short = v1::Run { feed: Some(feed), ..v1::Run::default() };
        assert_eq!(Arrived::read(short).map(|run| run.count).err(), Some(Reason::BadLength));
    }
}
