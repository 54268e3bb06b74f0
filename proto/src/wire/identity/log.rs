//! A party's identity events in order, with the rules for events that share a `previous` (SPEC.md section 4.4).

use std::sync::Arc;

use crate::wire::entry::UncheckedEntry;
use crate::wire::feed::{Feed, Head};
use crate::wire::identity::event::{Body, Event};
use crate::wire::identity::state::{Signatures, State};
use crate::wire::ids::{EntryHash, PartyId, Seq};
use crate::wire::limits::IDENTITY_ENTRIES_MAX;
use crate::wire::reason::Reason;

/// The counted identity events of one party.
#[derive(Clone, Debug)]
pub struct IdentityLog {
    feed: Feed,
    steps: Vec<Step>,
    /// True once two events claimed one place and neither gives way by rule.
    conflict: bool,
}

#[derive(Clone, Debug)]
struct Step {
    hash: EntryHash,
    rank: Rank,
    state: Arc<State>,
}

/// Which event gives way where two name the same previous.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    Ordinary,
    Rotate,
    Recover,
}

/// What an accepted event did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It follows the last one.
    Appended,
    /// It was held already.
    Known,
    /// It put the events from this place on out of force.
    Replaced {
        /// First place that changed.
        from: Seq,
    },
}

impl IdentityLog {
    /// A log without events.
    pub fn new(party: PartyId) -> Self {
        Self { feed: Feed::identity(party), steps: Vec::new(), conflict: false }
    }

    /// Whose log it is.
    pub fn party(&self) -> PartyId {
        self.feed.party
    }

    /// The last counted event; `None` before the first.
    pub fn head(&self) -> Option<Head> {
        let last = self.steps.last()?;
        Some(Head { seq: Seq::new(self.steps.len() as u64)?, hash: last.hash })
    }

    /// The hash of the counted event at a place.
    pub fn hash_at(&self, seq: Seq) -> Option<EntryHash> {
        let at = usize::try_from(seq.value().checked_sub(1)?).ok()?;
        self.steps.get(at).map(|s| s.hash)
    }

    /// The party's keys now; `None` before the first event.
    pub fn state(&self) -> Option<&Arc<State>> {
        self.steps.last().map(|s| &s.state)
    }

    /// True once two events claimed one place and neither gives way by rule.
    pub fn conflicted(&self) -> bool {
        self.conflict
    }

    /// Judges one event and takes it in; the log is unchanged where it is refused, but for the conflict mark.
    pub fn apply(&mut self, entry: UncheckedEntry<'_>) -> Result<Applied, Reason> {
        self.judge(entry, Signatures::Unchecked)
    }

    /// The same for an event that was judged when it was taken in: its signatures are not checked again. The caller
    /// compares the head at the end with the one that it kept apart.
    pub fn restore(&mut self, entry: UncheckedEntry<'_>) -> Result<Applied, Reason> {
        self.judge(entry, Signatures::Checked)
    }

    fn judge(&mut self, entry: UncheckedEntry<'_>, signatures: Signatures) -> Result<Applied, Reason> {
        let entry = entry.parse(&self.feed)?;
        let bytes = entry.body.ok_or(Reason::BodyMissing)?;
        let at = usize::try_from(entry.header.seq.value() - 1).map_err(|_| Reason::BadSeq)?;
        if self.steps.get(at).is_some_and(|s| s.hash == entry.hash) {
            return Ok(Applied::Known);
        }
        if at > self.steps.len() || at >= IDENTITY_ENTRIES_MAX {
            return Err(Reason::Gap);
        }
        let before = at.checked_sub(1).and_then(|i| self.steps.get(i));
        if entry.header.previous != before.map_or(EntryHash::default(), |s| s.hash) {
            return Err(Reason::WrongPrevious);
        }
        let body = Body::parse(bytes)?;
        let state = match before {
            None => State::incept(&entry, &body, self.feed.party, signatures)?,
            Some(step) => step.state.apply(&entry, &body, signatures)?,
        };
        let step = Step { hash: entry.hash, rank: Rank::of(&body.event), state: Arc::new(state) };
        if at == self.steps.len() {
            self.steps.push(step);
            return Ok(Applied::Appended);
        }
        self.settle(at, step, entry.header.seq)
    }

    /// Two valid events at one place: the higher rank keeps it, unless one of that rank stands there or later.
    fn settle(&mut self, at: usize, step: Step, from: Seq) -> Result<Applied, Reason> {
        let held = self.steps[at..].iter().map(|s| s.rank).max().unwrap_or(Rank::Ordinary);
        if step.rank > held {
            self.steps.truncate(at);
            self.steps.push(step);
            return Ok(Applied::Replaced { from });
        }
        self.conflict |= step.rank == held;
        Err(Reason::IdentityConflict)
    }
}

impl Rank {
    fn of(event: &Event) -> Self {
        match event {
            Event::Recover { .. } => Self::Recover,
            Event::Rotate { .. } => Self::Rotate,
            Event::Incept { .. } | Event::Authorise(_) | Event::Revoke(_) => Self::Ordinary,
        }
    }
}
