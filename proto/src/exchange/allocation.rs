//! Rule set `caphub/allocation/1`: places by tiers, and among equals by a lottery that anybody can run again
//! (SPEC.md section 16.4).
//!
//! The list of applications is closed and cosigned before the public value exists that orders them, so that nobody
//! can choose the list for the value, or the value for the list.

mod shown;
#[cfg(test)]
mod tests;
mod turns;
mod verify;

pub use shown::{SHOWN_MAX, Shown, Stands, covers, since};
pub use turns::{turns, turns_differ};
pub use verify::{Closing, Cosignature, Decision, Drawn, Facts, Finding, Nominated, verify};

use crate::exchange::place::{Countries, Eligible};
use crate::wire::keys::tagged_hash;
use crate::wire::{EntryHash, PartyId};

/// The id that a call names this rule set by.
pub const RULE_SET: &str = "caphub/allocation/1";
/// Most applications of one call; a list of them fits one body.
pub const APPLICATIONS_MAX: usize = 1_024;
/// Most nominations of one party that a list has to hold: nobody fills a list alone.
pub const NOMINATIONS_EACH_MAX: usize = 16;
/// Most bytes of a public value.
pub const VALUE_BYTES_MAX: usize = 256;

/// The hash of a closing list: the call's revision, and the applications in ascending order, each once.
pub fn list_hash(call: &EntryHash, applications: &[EntryHash]) -> [u8; 32] {
    let mut sorted = applications.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let count = u32::try_from(sorted.len()).unwrap_or(u32::MAX).to_be_bytes();
    let hashes: Vec<u8> = sorted.iter().flat_map(|h| h.0).collect();
    tagged_hash(b"caphub/closing/1\0", &[&call.0, &count, &hashes])
}

/// The lot of an application: the lower goes first.
pub fn lot(value: &[u8], list: &[u8; 32], application: &EntryHash) -> [u8; 32] {
    tagged_hash(b"caphub/draw/1\0", &[value, list, &application.0])
}

/// One application that is on the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Application {
    /// The entry hash of its sealed nomination.
    pub hash: EntryHash,
    /// The state that nominates.
    pub party: PartyId,
    /// The countries that it nominates for.
    pub countries: Countries,
    /// Admitted by a hub whose attestations count.
    pub attested: bool,
    /// Its priority; equal ones are one tier.
    pub priority: u32,
    /// The place that the list gives it among those of its party, from 1; 0 for none.
    pub turn: u32,
}

/// What came of an application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// It has a place.
    Place,
    /// Its tier is cut by the number of places, and the value is not there yet.
    Undrawn,
    /// No place was left.
    NoPlace,
    /// No attestation that counts.
    NotAttested,
    /// The call excludes its country by name.
    Excluded,
    /// The call's rule does not let it in.
    NotEligible,
}

impl Outcome {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Undrawn => "undrawn",
            Self::NoPlace => "no_place",
            Self::NotAttested => "not_attested",
            Self::Excluded => "excluded",
            Self::NotEligible => "not_eligible",
        }
    }
}

/// An application with its place in the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Which.
    pub application: Application,
    /// What came of it.
    pub outcome: Outcome,
    /// From 1, in the order in which places are given; 0 where it takes no part.
    pub rank: u32,
    /// From 1, in the order in which places are given; 0 where it takes no part.
    pub tier: u32,
    /// Which of its party's it is, from 1: every party's first go before anybody's second. 0 where it takes no part.
    pub round: u32,
    /// Its lot; `None` while there is no value, or where it takes no part.
    pub lot: Option<[u8; 32]>,
}

/// Gives places in rounds: the first application of each party, then the second of each that has one. In a round, tiers
/// by priority, the highest first; within a tier the lowest lot first. Without a value, tiers that places suffice for
/// have theirs and the tier that is cut waits.
pub fn allocate(
    places: u32,
    eligible: &Eligible,
    applications: &[Application],
    list: &[u8; 32],
    value: Option<&[u8]>,
) -> Vec<Placed> {
    let mut unique = applications.to_vec();
    unique.sort_by_key(|a| a.hash);
    unique.dedup_by_key(|a| a.hash);
    let (part, out): (Vec<_>, Vec<_>) = unique.into_iter().partition(|a| outside(a, eligible).is_none());
    let lots = |a: &Application| value.map(|value| lot(value, list, &a.hash));
    let rounds = rounds(&part);
    let mut order: Vec<_> = part.into_iter().zip(rounds).map(|(a, round)| (round, lots(&a), a)).collect();
    order.sort_by_key(|(round, lot, a)| (*round, std::cmp::Reverse(a.priority), *lot, a.hash));
    let mut placed: Vec<Placed> = Vec::new();
    let (mut tier, mut given) = (0, 0);
    for same in order.chunk_by(|(one, _, a), (two, _, b)| one == two && a.priority == b.priority) {
        tier += 1;
        let size = u32::try_from(same.len()).unwrap_or(u32::MAX);
        let left = places.saturating_sub(given);
        for (at, (round, lot, application)) in (0u32..).zip(same) {
            let outcome = if left >= size {
                Outcome::Place
            } else if left == 0 {
                Outcome::NoPlace
            } else if lot.is_none() {
                Outcome::Undrawn
            } else if at < left {
                Outcome::Place
            } else {
                Outcome::NoPlace
            };
            let rank = given.saturating_add(at).saturating_add(1);
            placed.push(Placed { application: *application, outcome, rank, tier, round: *round, lot: *lot });
        }
        given = given.saturating_add(size);
    }
    placed.extend(out.into_iter().map(|application| Placed {
        outcome: outside(&application, eligible).unwrap_or(Outcome::NotEligible),
        application,
        rank: 0,
        tier: 0,
        round: 0,
        lot: None,
    }));
    placed
}

/// Which of its party's each application is: by the turn that the list gives it, then by its hash.
fn rounds(applications: &[Application]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..applications.len()).collect();
    order.sort_by_key(|at| applications.get(*at).map(|a| (a.party, a.turn, a.hash)));
    let (mut rounds, mut last, mut round) = (vec![0; applications.len()], None, 0);
    for at in order {
        let party = applications.get(at).map(|a| a.party);
        round = if party == last { round + 1 } else { 1 };
        last = party;
        if let Some(slot) = rounds.get_mut(at) {
            *slot = round;
        }
    }
    rounds
}

/// Why an application takes no part.
fn outside(application: &Application, eligible: &Eligible) -> Option<Outcome> {
    let of = application.countries;
    if !application.attested {
        Some(Outcome::NotAttested)
    } else if of.meets(&eligible.countries()) || eligible.countries() == Countries::all() {
        None
    } else if of.meets(&eligible.excluded) {
        Some(Outcome::Excluded)
    } else {
        Some(Outcome::NotEligible)
    }
}
