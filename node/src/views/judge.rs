//! Which revisions of one record count, and which is shown (design sections 3 and 4).
//!
//! Pure, and from the log and the identity logs alone: nodes that hold the same entries agree.

use std::collections::{BTreeSet, HashMap};

use caphub_proto::exchange::{RecordKind, Revisions, Tip, seal, validate};
use caphub_proto::v1::Withdraw;
use caphub_proto::v1::revision::Record;
use caphub_proto::wire::identity::{Capabilities, State};
use caphub_proto::wire::{EntryHash, FeedId, PartyId, Reason};

use super::held::Held;
use super::source::Authority;

/// Most revisions of one record that are judged: as many as one withdrawal can name. Beyond them withdrawals and
/// then the lowest numbers stay, so that what arrives first does not matter.
pub(super) const REVISIONS_MAX: usize = 1_024;

/// The judgement of one record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Verdict {
    /// The revision to show; `None` where none counts.
    pub(super) shown: Option<usize>,
    /// True where the owner took the record back.
    pub(super) withdrawn: bool,
    /// Counted revisions that nobody has merged, other than the one shown.
    pub(super) conflicts: Vec<EntryHash>,
    /// Why each revision does not count; `None` where it does, or where it is to be erased.
    pub(super) voids: Vec<Option<Reason>>,
    /// Entries whose bodies a counted withdrawal has erased, and which are still here.
    pub(super) erasures: Vec<(FeedId, u64)>,
    /// Entries that counted withdrawals have erased, here or not: their bodies are not missed.
    pub(super) excused: Vec<(FeedId, u64)>,
    /// The same where the withdrawal is of sealed bodies: of whatever record and kind, because carriers cannot tell.
    pub(super) sealed: Vec<(FeedId, u64)>,
}

impl Verdict {
    /// Where no revision counts: the one to show with its reason.
    pub(super) fn void_shown(&self, held: &[Held]) -> Option<usize> {
        let judged = (0..held.len()).filter(|i| self.voids.get(*i).is_some_and(Option::is_some));
        judged.max_by_key(|i| held.get(*i).map(|h| (h.revision.number, h.hash)))
    }
}

/// Puts revisions in order, each once, within the bound.
pub(super) fn bound(held: &mut Vec<Held>) {
    held.sort_by_key(|h| (h.hash, h.ordinal));
    held.dedup_by_key(|h| h.hash);
    held.sort_by_key(|h| (withdrawal(h).is_none(), h.revision.number, h.hash));
    held.truncate(REVISIONS_MAX);
}

/// Judges all revisions of one record, which are of one party.
pub(super) fn judge(held: &[Held], party: &PartyId, authority: &dyn Authority) -> Verdict {
    let state = authority.state(party);
    let by_hash: HashMap<EntryHash, &Held> = held.iter().map(|h| (h.hash, h)).collect();
    let mut voids: Vec<Option<Reason>> =
        held.iter().map(|h| alone(h, &by_hash, state.as_deref(), authority)).collect();
    one_audience(held, &mut voids);
    let erased = erased(held, &voids);
    // What is erased here now was never here on a node that received headers only: both judge the same.
    let kept: Vec<usize> = (0..held.len()).filter(|i| !erased.contains(i)).collect();
    let revisions = chain(held, &kept, &voids);
    for i in &kept {
        let (Some(h), Some(void)) = (held.get(*i), voids.get_mut(*i)) else { continue };
        if void.is_none() && !revisions.counts(&h.hash) {
            *void = Some(Reason::WrongParents);
        }
    }
    let tips = revisions.tips();
    let shown = tips.first().and_then(|tip| held.iter().position(|h| h.hash == tip.hash));
    Verdict {
        shown,
        withdrawn: shown.and_then(|i| held.get(i)).and_then(withdrawal).is_some(),
        conflicts: tips.iter().skip(1).map(|t| t.hash).collect(),
        erasures: erased.iter().filter_map(|i| held.get(*i)).map(|h| (h.feed_id, h.seq)).collect(),
        excused: excused(held, &voids, |kind| kind.parse::<RecordKind>().is_ok_and(RecordKind::erasable)),
        sealed: excused(held, &voids, |kind| kind == seal::SEALED_KIND),
        voids,
    }
}

/// Every entry that a counted withdrawal erases. What a body says is not known where it is absent: the kind that the
/// withdrawal states decides whether it may be.
fn excused(held: &[Held], voids: &[Option<Reason>], erasable: impl Fn(&str) -> bool) -> Vec<(FeedId, u64)> {
    let counted = held.iter().zip(voids).filter(|(_, void)| void.is_none());
    let erasing = counted.filter_map(|(h, _)| withdrawal(h)).filter(|w| w.erase);
    let erasable = erasing.filter(|w| erasable(&w.kind));
    erasable.flat_map(|w| &w.entries).filter_map(|e| Some((FeedId::from_slice(&e.feed_id)?, e.seq))).collect()
}

/// What one revision, with its parents' kinds, already decides.
fn alone(
    h: &Held,
    by_hash: &HashMap<EntryHash, &Held>,
    state: Option<&State>,
    authority: &dyn Authority,
) -> Option<Reason> {
    let Some(record) = &h.revision.record else { return Some(Reason::RecordMalformed) };
    if validate(&h.revision).is_err() {
        return Some(Reason::RecordInvalid);
    }
    if let Err(reason) = seal::placed(&h.revision, &h.feed.audience()) {
        return Some(reason);
    }
    let Some(key) = h.feed.key() else { return Some(Reason::WrongFeed) };
    let Some(state) = state else { return Some(Reason::UnknownParty) };
    let Some(operator) = state.operators.get(&key) else { return Some(Reason::UnknownKeyOfParty) };
    if let Some(reason) = authority.void(&h.feed, &h.feed_id, h.seq, h.hash) {
        return Some(reason);
    }
    let parents = h.revision.parents.iter().filter_map(|p| by_hash.get(&EntryHash::from_slice(p)?));
    let replaced: Vec<&Record> = parents.filter_map(|p| p.revision.record.as_ref()).collect();
    let act = |r: &Record| kind_as_was(r).is_act();
    if h.revision.number != 1 && (act(record) || replaced.iter().any(|r| act(r))) {
        return Some(Reason::ActRevised);
    }
    // Whoever replaces a record needs what its author needed: a desk cannot end an admission by revising it.
    let needed = replaced.into_iter().map(needed).fold(needed(record), Capabilities::and);
    if !operator.capabilities.holds(needed) {
        return Some(Reason::Capability);
    }
    (h.time_ms > operator.not_after).then_some(Reason::KeyEnded)
}

/// The kind of a record; of a withdrawal the kind that it states.
fn kind_as_was(record: &Record) -> RecordKind {
    match record {
        Record::Withdraw(w) => w.kind.parse().unwrap_or(RecordKind::Withdraw),
        _ => RecordKind::of(record),
    }
}

/// The capability for a record; for a withdrawal also that of the kind which it states.
fn needed(record: &Record) -> Capabilities {
    let kind = RecordKind::of(record).capability();
    match record {
        Record::Withdraw(w) => kind.and(w.kind.parse().map_or(kind, RecordKind::capability)),
        _ => kind,
    }
}

/// All revisions share the audience of the first: the lowest number, then the lowest hash.
fn one_audience(held: &[Held], voids: &mut [Option<Reason>]) {
    let valid = held.iter().zip(voids.iter()).filter(|(_, void)| void.is_none()).map(|(h, _)| h);
    let first = valid.min_by_key(|h| (h.revision.number, h.hash));
    let Some(audience) = first.map(|h| h.feed.audience()) else { return };
    for (h, void) in held.iter().zip(voids) {
        if void.is_none() && h.feed.audience() != audience {
            *void = Some(Reason::BadAudience);
        }
    }
}

/// Revisions whose bodies a counted withdrawal of the record erases.
fn erased(held: &[Held], voids: &[Option<Reason>]) -> BTreeSet<usize> {
    let counted = held.iter().zip(voids).filter(|(_, void)| void.is_none());
    let withdrawals = counted.filter_map(|(h, _)| withdrawal(h)).filter(|w| w.erase);
    let named: BTreeSet<(FeedId, u64)> = withdrawals
        .flat_map(|w| &w.entries)
        .filter_map(|e| Some((FeedId::from_slice(&e.feed_id)?, e.seq)))
        .collect();
    let erasable = |h: &Held| h.revision.record.as_ref().is_none_or(|r| RecordKind::of(r).erasable());
    let is_named = |h: &Held| named.contains(&(h.feed_id, h.seq)) && erasable(h);
    held.iter().enumerate().filter(|(_, h)| is_named(h)).map(|(i, _)| i).collect()
}

/// The chain of revisions. Void ones are known to it, so that work built on them in good faith counts, but they
/// neither count nor replace anything themselves.
fn chain(held: &[Held], kept: &[usize], voids: &[Option<Reason>]) -> Revisions {
    // No entry has this hash: naming it keeps a revision from counting.
    let nobody = EntryHash::default();
    let known: HashMap<EntryHash, (usize, bool)> =
        kept.iter().filter_map(|i| Some((held.get(*i)?.hash, (*i, voids.get(*i)?.is_none())))).collect();
    let mut revisions = Revisions::default();
    for i in kept {
        let (Some(h), Some(void)) = (held.get(*i), voids.get(*i)) else { continue };
        let tip = Tip { number: h.revision.number, hash: h.hash };
        if void.is_some() {
            revisions.add(tip, vec![nobody]);
            continue;
        }
        let parents = parents(h);
        // The parents of an erasing withdrawal may be the very bodies that are gone: its number stands as stated.
        if withdrawal(h).is_some_and(|w| w.erase) {
            for parent in parents.iter().filter(|p| !known.contains_key(p)) {
                let number = tip.number.saturating_sub(1);
                revisions.add(Tip { number, hash: *parent }, vec![nobody]);
            }
        }
        revisions.add(tip, through_void(parents, held, &known));
    }
    revisions
}

/// Parents, and behind void ones theirs: what a void revision replaced is replaced by its counted children.
fn through_void(
    parents: Vec<EntryHash>,
    held: &[Held],
    known: &HashMap<EntryHash, (usize, bool)>,
) -> Vec<EntryHash> {
    let mut all = parents;
    let mut next = 0;
    while let Some(hash) = all.get(next).copied() {
        next += 1;
        let Some((index, false)) = known.get(&hash) else { continue };
        let behind = held.get(*index).map(self::parents).unwrap_or_default();
        for parent in behind {
            if known.contains_key(&parent) && !all.contains(&parent) {
                all.push(parent);
            }
        }
    }
    all
}

fn parents(h: &Held) -> Vec<EntryHash> {
    h.revision.parents.iter().filter_map(|p| EntryHash::from_slice(p)).collect()
}

fn withdrawal(h: &Held) -> Option<&Withdraw> {
    match &h.revision.record {
        Some(Record::Withdraw(w)) => Some(w),
        _ => None,
    }
}
