//! Runs of records: what the protocol's rules say of them (`caphub_proto::wire::intake`), and what is done about it.

use std::ops::Range;
use std::sync::{MutexGuard, PoisonError};

use bytes::Bytes;
use caphub_proto::v1;
use caphub_proto::v1::revision::Record;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::intake::aside::Asides;
use caphub_proto::wire::intake::{self, Chain, Facts, Verdict};
use caphub_proto::wire::limits::{RUN_BYTES_MAX, RUN_ENTRIES_MAX};
use caphub_proto::wire::{
    Audience, EntryHash, Feed, FeedId, Head, OperatorKey, Reason, Run, Seq, UncheckedEntry,
};
use prost::Message;

use super::quotas::Room;
use super::waves::{Arrived, first_seq};
use super::{Anchor, Checked, Ingest, Origin};
use crate::carriage::Carried;
use crate::store::{Kind, NewRun, Store};

/// Most bytes of all tails of all feeds together; beyond them feeds are taken from their beginnings.
const TAILS_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most feeds of which a place on a named branch is remembered; about 150 bytes each.
const ANCHORS_MAX: usize = 10_000;

/// What the store holds of one feed.
struct Held<'a> {
    store: &'a Store,
    feed: FeedId,
}

impl Chain for Held<'_> {
    fn hash(&self, seq: Seq) -> Option<EntryHash> {
        self.store.hash(&self.feed, seq).ok().flatten()
    }

    /// Headers only, as far as one run goes: for a proof, which holds no bodies.
    fn run(&self, from: Seq) -> Option<Vec<u8>> {
        let (mut out, mut count, mut next) = (Vec::new(), 0, Some(from));
        while let Some(run) = next.and_then(|at| self.store.run_from(&self.feed, at).ok().flatten()) {
            for entry in unpack(&run.packed).ok()? {
                if count == RUN_ENTRIES_MAX || out.len() >= RUN_BYTES_MAX {
                    return Some(out);
                }
                out.extend_from_slice(entry.header);
                out.extend_from_slice(entry.signature);
                out.push(0);
                count += 1;
            }
            next = Seq::new(run.first.value() + u64::from(run.count));
        }
        Some(out).filter(|o| !o.is_empty())
    }

    fn lacks_body(&self, seq: Seq) -> bool {
        self.store.lacks_body(&self.feed, seq)
    }
}

impl Ingest {
    pub(super) fn check_records(
        &self,
        arrived: Arrived,
        key: OperatorKey,
        audience: Audience,
        origin: Origin,
    ) -> Result<Option<Checked>, Reason> {
        let Arrived { feed, id, packed, after, .. } = arrived;
        let at_the_door = match origin {
            Origin::Own | Origin::Peer | Origin::Ahead => true,
            Origin::Caller(caller) => caller == feed.party,
        };
        let carried = match origin {
            Origin::Own => Carried::Own,
            _ => self.decide(&feed.party, at_the_door)?,
        };
        let state = self.identities.state(&feed.party).ok_or(Reason::UnknownParty)?;
        let counted = state.counted(&key, &id).ok_or(Reason::UnknownKeyOfParty)?;
        let packed = self.without_erased(&feed, packed)?;
        let run = Run::chain(feed, unpack(&packed)?)?;
        // Before anything is compared: the answer to forged entries must not say what is held here.
        let blind = match (origin, audience) {
            (_, Audience::Public) | (Origin::Own, _) => false,
            (Origin::Caller(caller), _) => caller != feed.party,
            (Origin::Peer | Origin::Ahead, audience) => matches!(audience, Audience::Hub(_)),
        };
        if blind {
            run.authenticate(&self.verifier(&key)?)?;
        }
        let tails = self.store.tails(&id);
        let held = self.store.head(&id).map(|h| h.head);
        // What it follows may be on its way to the disk.
        let head = after.filter(|a| held.is_none_or(|h| h.seq < a.seq)).or(held);
        let facts = Facts {
            counted,
            freeze: self.forks.freeze(&id),
            head,
            tails: &tails,
            anchor: self.anchor(&id, counted),
            aside: counted.named().and_then(|named| self.asides().kept(&id, named)),
            ahead: origin == Origin::Ahead,
        };
        let held = Held { store: &self.store, feed: id };
        let (taken, kind) = match intake::judge(&facts, &held, &run, &self.verifier(&key)?)? {
            Verdict::Known => return Ok(None),
            Verdict::Refill { entries } => return self.refill(&run, &packed, &entries, carried),
            Verdict::Fork(proof) => {
                self.freeze(*proof)?;
                return Err(Reason::Fork);
            }
            Verdict::Below(at) => {
                self.remember(id, counted, at);
                return Err(Reason::Undecided);
            }
            Verdict::Aside { skip } => {
                if let Some(named) = counted.named() {
                    self.asides().keep(&run, &packed, skip, named);
                }
                return Err(Reason::Undecided);
            }
            Verdict::Chosen => return self.choose(&run, &packed, audience, carried),
            Verdict::Append { skip, take } => (skip..take, Kind::Append),
            Verdict::Replace { skip } => {
                self.asides().take(&id);
                (skip..run.entries.len(), Kind::Replace)
            }
            Verdict::Tail { .. } if self.store.tail_bytes() >= TAILS_BYTES_MAX => return Err(Reason::Gap),
            Verdict::Tail { skip, take } => (skip..take, Kind::Tail),
        };
        if carried == Carried::Guest {
            guest_may(&run, audience, taken.start)?;
        }
        let (fresh, known) = (taken.len() as u64, taken.start as u64);
        let above = kind == Kind::Tail;
        let run = stretch(&run, &packed, taken, kind)?;
        let counted = Room { entries: fresh, bytes: run.packed.len() as u64 };
        self.within_quota(&feed.party, carried, counted)?;
        Ok(Some(Checked {
            runs: vec![run],
            party: feed.party,
            carried,
            counted,
            fresh,
            known,
            above,
            log: None,
        }))
    }

    /// The run without bodies that their owner had erased: a late copy of one is never stored again.
    fn without_erased(&self, feed: &Feed, packed: Bytes) -> Result<Bytes, Reason> {
        let Some(erased) = self.erasures.get().and_then(|views| views.erased_bodies(feed)) else {
            return Ok(packed);
        };
        let entries = unpack(&packed)?;
        let seq = |e: &UncheckedEntry<'_>| first_seq(e.header);
        let late = |e: &UncheckedEntry<'_>| e.body.is_some_and(|body| erased(seq(e), body));
        if !entries.iter().any(late) {
            return Ok(packed);
        }
        let mut out = Vec::with_capacity(packed.len());
        for entry in &entries {
            let body = if late(entry) { None } else { entry.body };
            out.extend_from_slice(entry.header);
            out.extend_from_slice(entry.signature);
            out.push(u8::from(body.is_some()));
            out.extend_from_slice(body.unwrap_or_default());
        }
        Ok(out.into())
    }

    /// Bodies that were missing, in stretches of neighbours.
    fn refill(
        &self,
        run: &Run<'_>,
        packed: &Bytes,
        entries: &[usize],
        carried: Carried,
    ) -> Result<Option<Checked>, Reason> {
        let mut stretches: Vec<Range<usize>> = Vec::new();
        for index in entries {
            match stretches.last_mut() {
                Some(last) if last.end == *index => last.end += 1,
                _ => stretches.push(*index..index + 1),
            }
        }
        let runs: Result<Vec<NewRun>, Reason> =
            stretches.into_iter().map(|part| stretch(run, packed, part, Kind::Refill)).collect();
        let (runs, known, party) = (runs?, run.entries.len() as u64, run.feed.party);
        let counted = Room { entries: 0, bytes: bytes(&runs) };
        self.within_quota(&party, carried, counted)?;
        Ok(Some(Checked { runs, party, carried, counted, fresh: 0, known, above: false, log: None }))
    }

    /// What was kept aside, and the run that shows that it counts, take the place of what is held.
    fn choose(
        &self,
        run: &Run<'_>,
        packed: &Bytes,
        audience: Audience,
        carried: Carried,
    ) -> Result<Option<Checked>, Reason> {
        let feed = run.feed;
        let (mut runs, mut fresh) = (Vec::new(), 0);
        let aside = self.asides().take(&feed.id());
        let aside = aside.into_iter().map(|kept| (kept.packed, kept.skip));
        for (packed, skip) in aside.chain([(packed.clone(), 0)]) {
            let run = Run::chain(feed, unpack(&packed)?)?;
            if carried == Carried::Guest {
                guest_may(&run, audience, skip)?;
            }
            let kind = if runs.is_empty() { Kind::Replace } else { Kind::Append };
            fresh += (run.entries.len() - skip) as u64;
            runs.push(stretch(&run, &packed, skip..run.entries.len(), kind)?);
        }
        let counted = Room { entries: fresh, bytes: bytes(&runs) };
        self.within_quota(&feed.party, carried, counted)?;
        Ok(Some(Checked {
            runs,
            party: feed.party,
            carried,
            counted,
            fresh,
            known: 0,
            above: false,
            log: None,
        }))
    }

    fn asides(&self) -> MutexGuard<'_, Asides> {
        // What is kept aside may be lost: it comes again.
        self.asides.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn anchor(&self, feed: &FeedId, counted: Counted) -> Option<Head> {
        let anchors = self.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        anchors.get(feed).filter(|a| Some(a.named) == counted.named()).map(|a| a.at)
    }

    /// Keeps the lowest place that is known to be on the branch that counts.
    fn remember(&self, feed: FeedId, counted: Counted, at: Head) {
        let Some(named) = counted.named() else { return };
        let mut anchors = self.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        if anchors.len() >= ANCHORS_MAX {
            anchors.clear();
        }
        let lower = anchors.get(&feed).is_some_and(|a| a.named == named && a.at.seq <= at.seq);
        if !lower {
            anchors.insert(feed, Anchor { named, at });
        }
    }
}

fn bytes(runs: &[NewRun]) -> u64 {
    runs.iter().map(|run| run.packed.len() as u64).sum()
}

/// Some entries of a checked run, to be stored.
fn stretch(run: &Run<'_>, packed: &Bytes, part: Range<usize>, kind: Kind) -> Result<NewRun, Reason> {
    let last = part.end.checked_sub(1).and_then(|i| run.entries.get(i)).ok_or(Reason::EmptyRun)?;
    self::part(run.feed, packed, part, Head { seq: last.header.seq, hash: last.hash }, kind)
}

/// Some entries of a packed run, of which `head` is the last.
pub(super) fn part(
    feed: Feed,
    packed: &Bytes,
    part: Range<usize>,
    head: Head,
    kind: Kind,
) -> Result<NewRun, Reason> {
    let entries = unpack(packed)?;
    let bytes =
        |entries: &[UncheckedEntry<'_>]| entries.iter().map(UncheckedEntry::packed_len).sum::<usize>();
    let before = entries.get(..part.start).ok_or(Reason::EmptyRun)?;
    let wanted = entries.get(part).ok_or(Reason::EmptyRun)?;
    let start = bytes(before);
    let packed = packed.slice(start..start + bytes(wanted));
    let first = Seq::new(first_seq(&packed)).ok_or(Reason::BadSeq)?;
    let count = u32::try_from(wanted.len()).map_err(|_| Reason::RunTooLarge)?;
    debug_assert_eq!(wanted.last().map(|e| entry_hash(e.header, e.signature)), Some(head.hash));
    Ok(NewRun { feed, packed, first, head, count, kind })
}

/// A guest may publish public needs, its profile and replies, and take them back.
fn guest_may(run: &Run<'_>, audience: Audience, skip: usize) -> Result<(), Reason> {
    if audience != Audience::Public {
        return Err(Reason::GuestRecord);
    }
    for entry in run.entries.iter().skip(skip) {
        let content = entry.content().ok_or(Reason::BodyMissing)?;
        let revision = v1::Revision::decode(content).map_err(|_| Reason::RecordMalformed)?;
        match revision.record {
            Some(Record::Need(_) | Record::Profile(_) | Record::Reply(_) | Record::Withdraw(_)) => {}
            _ => return Err(Reason::GuestRecord),
        }
    }
    Ok(())
}
