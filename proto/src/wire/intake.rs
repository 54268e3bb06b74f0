//! Judging a run of records against what is held of its feed, and how far a feed counts (SPEC.md sections 3.3, 4.5).
//!
//! Pure: the node and the simulator ask the same questions of what they hold, and do what the verdict says.

pub mod aside;
pub mod counting;

use crate::mutant;
use crate::wire::feed::{Head, Run, unpack};
use crate::wire::fork::{ForkProof, LastCommon};
use crate::wire::identity::state::Counted;
use crate::wire::ids::{EntryHash, Seq};
use crate::wire::intake::aside::Kept;
use crate::wire::keys::Verifier;
use crate::wire::reason::Reason;

/// Most tails of one feed: newest first grows one downward; more come only from several far ends at once.
pub const TAILS_MAX: usize = 4;
/// Most bytes of all tails of one feed; beyond them a feed is taken from its beginning.
pub const TAIL_BYTES_MAX: u64 = 16 * 1_048_576;

/// Entries above a hole: held and verified, but not stated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tail {
    /// The lowest place.
    pub first: Seq,
    /// What the entry there names as previous: the hash at the top of the hole.
    pub previous: EntryHash,
    /// The highest entry.
    pub head: Head,
    /// Bytes as they travel.
    pub bytes: u64,
}

impl Tail {
    /// True where the tail begins right after this entry, by its hash.
    pub fn follows(&self, head: Head) -> bool {
        self.previous == head.hash && Some(self.first) == head.seq.next()
    }
}

/// What is known of a feed when a run of it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// How far its key counts, by the party's identity log.
    pub counted: Counted,
    /// Where proven histories of it part; the lowest of them.
    pub freeze: Option<LastCommon>,
    /// The last entry held contiguously from 1.
    pub head: Option<Head>,
    /// What is held above it, lowest first.
    pub tails: &'a [Tail],
    /// The lowest entry known to lie on the branch that a Revoke names, from `Verdict::Below`; forgotten with a new Revoke.
    pub anchor: Option<Head>,
    /// What is kept aside of another history, by `Verdict::Aside`.
    pub aside: Option<Kept>,
    /// True where entries above a hole were asked for.
    pub ahead: bool,
}

/// What is held of a feed, entry by entry; asked only where a run meets something held.
pub trait Chain {
    /// The entry held at a place, in the tails too.
    fn hash(&self, seq: Seq) -> Option<EntryHash>;
    /// Packed entries from a place to one with a valid signature, at most one run's worth.
    fn run(&self, from: Seq) -> Option<Vec<u8>>;
    /// True where the entry at a place is held without its body, and should not be.
    fn lacks_body(&self, seq: Seq) -> bool;
}

/// What to do with a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// All of it is held.
    Known,
    /// All of it is held, but the bodies of these entries (indexes in the run) were missing.
    Refill {
        /// In order.
        entries: Vec<usize>,
    },
    /// These entries of the run follow the head. A tail that they reach, and that follows them, joins.
    Append {
        /// Entries at the front that are held.
        skip: usize,
        /// One past the last entry to store.
        take: usize,
    },
    /// From this entry on the run takes the place of what is held: it is on the branch that a Revoke names.
    Replace {
        /// Entries at the front that are held.
        skip: usize,
    },
    /// These entries lie above a hole.
    Tail {
        /// Index of the first to store.
        skip: usize,
        /// One past the last.
        take: usize,
    },
    /// Run and held entries prove a fork: nothing is stored but the proof.
    Fork(Box<ForkProof>),
    /// The run is of another history than the one held, which may be the one that a Revoke names: it is kept aside, and
    /// begins a branch there (entries at its front that are held) or follows what is kept.
    Aside {
        /// Where it begins a branch.
        skip: Option<usize>,
    },
    /// What is kept aside leads to this run, and this run to the entry that a Revoke names: all of it takes the place of
    /// what is held, in order.
    Chosen,
    /// The run is on the branch that a Revoke names, and contradicts what is held before its first entry: a run
    /// that ends here is on that branch too. Nothing is stored.
    Below(Head),
}

/// How a run meets a stretch of held entries.
enum Met {
    Same,
    /// They differ from this index of the run on, after a common entry.
    At(usize),
    /// They differ before the run's first entry.
    Earlier,
}

/// Judges a run whose chain is checked (`Run::chain`). A reason is held against the sender where it is
/// `BadSignature`; `Fork` says that the evidence lies before the run, and that the feed should be fetched from 1.
pub fn judge(facts: &Facts<'_>, held: &dyn Chain, run: &Run<'_>, key: &Verifier) -> Result<Verdict, Reason> {
    Judge { facts, held, run, key }.verdict()
}

struct Judge<'a> {
    facts: &'a Facts<'a>,
    held: &'a dyn Chain,
    run: &'a Run<'a>,
    key: &'a Verifier,
}

impl Judge<'_> {
    fn verdict(&self) -> Result<Verdict, Reason> {
        let (first, last) = (self.run.first().header.seq.value(), self.run.head());
        let head = self.head();
        match self.facts.counted {
            Counted::UpTo { seq, hash } => {
                let other = last.seq.value() == seq && last.hash != hash;
                if (last.seq.value() > seq || other) && !mutant!(IgnoreRevocation) {
                    return Err(Reason::Revoked);
                }
                if self.follows_aside() {
                    return self.contradicts(Met::Earlier);
                }
            }
            Counted::All => {
                if let Some(common) =
                    self.facts.freeze.filter(|c| last.seq.value() > c.seq && !mutant!(AcceptBeyondFreeze))
                {
                    return self.frozen(common);
                }
            }
        }
        if last.seq.value() <= head {
            return match self.meets(first, last.seq.value())? {
                Met::Same => Ok(self.known()),
                met => self.contradicts(met),
            };
        }
        if first > head + 1 {
            return self.above();
        }
        let met = if first == head + 1 { self.follows() } else { self.meets(first, head)? };
        match met {
            Met::Same => self.extends(index(head + 1 - first)),
            met => self.contradicts(met),
        }
    }

    fn head(&self) -> u64 {
        self.facts.head.map_or(0, |h| h.seq.value())
    }

    /// A run that begins right after the head.
    fn follows(&self) -> Met {
        let held = self.facts.head.map_or(EntryHash::default(), |h| h.hash);
        if self.run.first().header.previous == held || mutant!(SkipPlacement) {
            return Met::Same;
        }
        Met::Earlier
    }

    /// Beyond the last common entry nothing is taken; but a run that parts earlier is better evidence.
    fn frozen(&self, common: LastCommon) -> Result<Verdict, Reason> {
        let (first, end) = (self.run.first().header.seq.value(), self.head().min(common.seq));
        if first <= end
            && let Met::At(at) = self.meets(first, end)?
        {
            return self.fork(at);
        }
        Err(Reason::Frozen)
    }

    /// The new entries after the head, and what is held above them.
    fn extends(&self, skip: usize) -> Result<Verdict, Reason> {
        let (first, last) = (self.run.first().header.seq.value(), self.run.head().seq.value());
        let mut take = self.run.entries.len();
        for tail in self.facts.tails.iter().filter(|t| t.first.value() <= last) {
            match self.meets(tail.first.value(), last.min(tail.head.seq.value()))? {
                Met::At(_) | Met::Earlier if self.is_revoked() => {
                    // The Revoke says which history counts: a tail that ends where it does is on it.
                    if self.is_named(tail.head) {
                        return Err(Reason::Revoked);
                    }
                }
                Met::At(at) => return self.fork(at),
                // The tail's end is known beyond the run: what leads up to it is authentic by it.
                Met::Same if last <= tail.head.seq.value() => take = index(tail.first.value() - first),
                // Covered by the run, or of another branch, which only its own beginning can prove: the store drops it.
                Met::Same | Met::Earlier => {}
            }
        }
        self.authentic(take)?;
        Ok(Verdict::Append { skip, take })
    }

    /// Entries that begin above a hole.
    fn above(&self) -> Result<Verdict, Reason> {
        let (first, last) = (self.run.first().header.seq.value(), self.run.head());
        let (mut skip, mut take) = (0, self.run.entries.len());
        let mut joins = false;
        for tail in self.facts.tails {
            let (low, high) = (tail.first.value().max(first), tail.head.seq.value().min(last.seq.value()));
            if low > high {
                let below = last.seq.value() + 1 == tail.first.value();
                let after = first == tail.head.seq.value() + 1;
                let chains = (below && last.hash == tail.previous)
                    || (after && self.run.first().header.previous == tail.head.hash);
                if (below || after) && !chains {
                    self.authentic(take)?;
                    return Err(Reason::Fork);
                }
                joins |= chains;
                continue;
            }
            match self.meets(low, high)? {
                Met::Same => {}
                Met::At(at) if !self.is_revoked() => return self.fork(at),
                Met::At(_) | Met::Earlier => {
                    self.authentic(self.run.entries.len())?;
                    return Err(Reason::Fork);
                }
            }
            if low == first && high == last.seq.value() {
                return Ok(self.known());
            }
            joins = true;
            // The part below a tail first: it is authentic by the tail; what is left comes again.
            if first < tail.first.value() {
                take = take.min(index(tail.first.value() - first));
            } else {
                skip = index(high + 1 - first);
            }
        }
        let bytes = self.facts.tails.iter().map(|t| t.bytes).sum::<u64>();
        let room = bytes < TAIL_BYTES_MAX && (joins || self.facts.tails.len() < TAILS_MAX);
        let wanted = joins || self.facts.ahead || self.is_named(last);
        if !wanted || !room || skip >= take {
            return Err(Reason::Gap);
        }
        self.authentic(take)?;
        Ok(Verdict::Tail { skip, take })
    }

    /// All places are held with the same entries.
    fn known(&self) -> Verdict {
        let missing = |(_, e): &(usize, &crate::wire::entry::Entry<'_>)| {
            e.body.is_some() && self.held.lacks_body(e.header.seq)
        };
        let entries: Vec<usize> =
            self.run.entries.iter().enumerate().filter(missing).map(|(i, _)| i).collect();
        if entries.is_empty() || mutant!(AcceptAbsentBody) {
            Verdict::Known
        } else {
            Verdict::Refill { entries }
        }
    }

    /// The run is another history than the one held.
    fn contradicts(&self, met: Met) -> Result<Verdict, Reason> {
        if self.is_revoked() {
            return self.chosen(met, self.facts.counted.named().ok_or(Reason::Revoked)?);
        }
        match met {
            Met::At(skip) if mutant!(AcceptRollback) => Ok(Verdict::Replace { skip }),
            Met::At(at) => self.fork(at),
            Met::Same | Met::Earlier => {
                self.authentic(self.run.entries.len())?;
                Err(Reason::Fork)
            }
        }
    }

    /// The run is another history, and a Revoke says which one counts.
    fn chosen(&self, met: Met, named: Head) -> Result<Verdict, Reason> {
        let held = if self.head() >= named.seq.value() { self.held.hash(named.seq) } else { None };
        if held == Some(named.hash) {
            return Err(Reason::Revoked);
        }
        let last = self.run.head();
        let on_it = last == named || self.facts.anchor == Some(last) || self.leads_to(last, named);
        let follows = self.follows_aside();
        if !on_it {
            self.authentic(self.run.entries.len())?;
        }
        match met {
            // What is held reaches as far as the Revoke and is not what it names: any other history may be. Once
            // replaced it ends earlier, so this happens once.
            Met::At(skip) if on_it || held.is_some() => Ok(Verdict::Replace { skip }),
            // Else neither is known to be the one, before the named entry has come.
            Met::At(skip) => Ok(Verdict::Aside { skip: Some(skip) }),
            Met::Same | Met::Earlier if follows && on_it => Ok(Verdict::Chosen),
            Met::Same | Met::Earlier if follows => Ok(Verdict::Aside { skip: None }),
            Met::Same | Met::Earlier if on_it => {
                let first = &self.run.first().header;
                let seq = Seq::new(first.seq.value() - 1).ok_or(Reason::Fork)?;
                Ok(Verdict::Below(Head { seq, hash: first.previous }))
            }
            Met::Same | Met::Earlier => Err(Reason::Fork),
        }
    }

    /// True where the run follows what is kept aside, and that still begins right after an entry that is held.
    fn follows_aside(&self) -> bool {
        let Some(kept) = self.facts.aside.filter(|kept| kept.leads_to(self.run)) else { return false };
        let before = match Seq::new(kept.first.value() - 1) {
            None => Some(EntryHash::default()),
            Some(seq) => self.held.hash(seq),
        };
        kept.first.value() <= self.head() && before == Some(kept.previous)
    }

    fn fork(&self, at: usize) -> Result<Verdict, Reason> {
        self.run.authenticate(self.key)?;
        let from = self.run.entries.get(at).ok_or(Reason::Fork)?.header.seq;
        let packed = self.held.run(from).ok_or(Reason::StoreFailed)?;
        let ours = Run::chain(self.run.feed, unpack(&packed)?)?;
        let proof = ForkProof::build(self.run.feed, &ours, self.run, self.key);
        // A history without a signature within reach proves nothing to others; it contradicts all the same.
        Ok(Verdict::Fork(Box::new(proof.map_err(|_| Reason::Fork)?)))
    }

    /// The entries before `end` are authentic: by the last one's signature, or because what is known names it.
    fn authentic(&self, end: usize) -> Result<(), Reason> {
        let last = end.checked_sub(1).and_then(|i| self.run.entries.get(i)).ok_or(Reason::EmptyRun)?;
        let head = Head { seq: last.header.seq, hash: last.hash };
        if self.is_named(head) || self.facts.tails.iter().any(|t| t.follows(head)) {
            return Ok(());
        }
        last.signed_by(self.key)
    }

    /// True where a tail begins right after `last` and ends where a Revoke says.
    fn leads_to(&self, last: Head, named: Head) -> bool {
        self.facts.tails.iter().any(|t| t.follows(last) && t.head == named)
    }

    /// True where a Revoke, or the proof of a fork, names this entry.
    fn is_named(&self, head: Head) -> bool {
        let revoke = matches!(self.facts.counted, Counted::UpTo { seq, hash }
            if seq == head.seq.value() && hash == head.hash);
        let common = self.facts.freeze.is_some_and(|c| c.seq == head.seq.value() && c.hash == head.hash);
        revoke || common || self.facts.anchor == Some(head)
    }

    fn is_revoked(&self) -> bool {
        matches!(self.facts.counted, Counted::UpTo { .. })
    }

    /// Compares the places from `low` to `high`, all of them in the run and held. Where one entry is the same, all
    /// before it are: each names the one before.
    fn meets(&self, low: u64, high: u64) -> Result<Met, Reason> {
        let first = self.run.first().header.seq.value();
        let same = |seq: u64| -> Result<bool, Reason> {
            let entry = self.run.entries.get(index(seq - first)).ok_or(Reason::Gap)?;
            Ok(self.held.hash(entry.header.seq).ok_or(Reason::StoreFailed)? == entry.hash)
        };
        if same(high)? {
            return Ok(Met::Same);
        }
        let (mut from, mut to) = (low, high);
        while from < to {
            let middle = from + (to - from) / 2;
            if same(middle)? { from = middle + 1 } else { to = middle }
        }
        let entry = self.run.entries.get(index(from - first)).ok_or(Reason::Gap)?;
        let shared = from > low || self.before(low) == Some(entry.header.previous);
        Ok(if shared { Met::At(index(from - first)) } else { Met::Earlier })
    }

    /// The hash that is held, or known, before a place.
    fn before(&self, place: u64) -> Option<EntryHash> {
        if let Some(tail) = self.facts.tails.iter().find(|t| t.first.value() == place) {
            return Some(tail.previous);
        }
        match Seq::new(place - 1) {
            None => Some(EntryHash::default()),
            Some(seq) => self.held.hash(seq),
        }
    }
}

/// A distance within a run as an index; runs have at most 1,024 entries.
fn index(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
