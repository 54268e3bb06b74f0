//! Needs and offers held against each other: a change compares one record with the other side, and nothing else.
//!
//! What counterparts a record has is worked out when somebody asks, and kept up with every change from then on.

use super::classes::{APART, Facts, Rules, Sum, Tables, is_shut};
use super::pool::{Class, Pool};
use super::side::{Rank, Side, Slot};
use super::{Match, NeedFacts, OfferFacts, Weights};
use crate::exchange::day::Day;
use crate::wire::{PartyId, RecordId};

/// Counterparts that are kept for each record, the best ones; the others are counted.
pub const BEST_MAX: usize = 16;

/// A record, by its owner and its id.
pub type Key = (PartyId, RecordId);

/// The counterparts of one record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Best {
    /// The best, in order: what nothing shuts off first, then the higher score, then the lower key.
    pub top: Vec<(Key, Match)>,
    /// How many match and nothing shuts them off.
    pub open: u32,
    /// How many match and are shut off.
    pub shut: u32,
    /// Of them, by a rule or by reach, and not only because a day is past.
    pub barred: u32,
}

/// All needs and offers of a reader.
#[derive(Clone, Debug)]
pub struct Matcher {
    rules: Rules,
    parties: Pool<PartyId>,
    needs: Side<NeedFacts>,
    offers: Side<OfferFacts>,
    scan: Scan,
}

impl Matcher {
    /// Holds nothing; `today` decides what is past.
    pub fn new(weights: Weights, today: Day) -> Self {
        let (needs, offers) = (Side::default(), Side::default());
        Self {
            rules: Rules { weights, today },
            parties: Pool::default(),
            needs,
            offers,
            scan: Scan::default(),
        }
    }

    /// Adds or changes a need, or takes it out.
    pub fn set_need(&mut self, key: Key, facts: Option<NeedFacts>) {
        let Self { rules, parties, needs, offers, scan } = self;
        set(needs, offers, key, facts, parties, rules, scan);
    }

    /// Adds or changes an offer, or takes it out.
    pub fn set_offer(&mut self, key: Key, facts: Option<OfferFacts>) {
        let Self { rules, parties, needs, offers, scan } = self;
        set(offers, needs, key, facts, parties, rules, scan);
    }

    /// The offers for a need; `None` where it is not held.
    pub fn offers_for(&mut self, need: &Key) -> Option<Best> {
        best(&mut self.needs, &self.offers, need, &self.rules, &mut self.scan)
    }

    /// The needs for an offer; `None` where it is not held.
    pub fn needs_for(&mut self, offer: &Key) -> Option<Best> {
        best(&mut self.offers, &self.needs, offer, &self.rules, &mut self.scan)
    }

    /// How many offers match a need and are not shut off for it.
    pub fn open_offers(&self, need: &Key) -> Option<u32> {
        let slot = *self.needs.index.get(need)?;
        let row = self.needs.rows.get(slot as usize).filter(|row| row.is_kept());
        Some(row.map(|row| row.open).unwrap_or_else(|| {
            let mut scan = Scan::default();
            scan.run(&self.needs, slot, &self.offers, &self.rules);
            scan.met.iter().filter(|(_, sum)| !is_shut(*sum)).count() as u32
        }))
    }

    /// How many needs and offers are held.
    pub fn len(&self) -> (usize, usize) {
        (self.needs.index.len(), self.offers.index.len())
    }

    /// True where nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }
}

/// One record against the other side: room that is used again.
#[derive(Clone, Debug, Default)]
struct Scan {
    tables: Tables,
    near: Vec<Slot>,
    met: Vec<(Slot, Sum)>,
}

impl Scan {
    /// Fills `met` with each place of the other side that matches.
    fn run<A: Facts>(&mut self, own: &Side<A>, slot: Slot, other: &Side<A::Other>, rules: &Rules) {
        self.met.clear();
        let (Some(Some(facts)), Some(own)) = (own.facts.get(slot as usize), own.columns.get(slot as usize))
        else {
            return;
        };
        facts.tables(&other.pools, rules, &mut self.tables);
        let Tables { themes, columns } = &self.tables;
        let entry =
            |table: &[Sum], class: Class, none: Sum| table.get(class as usize).copied().unwrap_or(none);
        // Each place is written and only those that match are stepped over: quicker than a branch that nobody can
        // foresee.
        self.near.resize(other.themes.len(), 0);
        let mut count = 0;
        for (place, class) in other.themes.iter().enumerate() {
            if let Some(near) = self.near.get_mut(count) {
                *near = place as Slot;
            }
            count += usize::from(entry(themes, *class, APART) & APART == 0);
        }
        for place in self.near.iter().take(count) {
            let at = *place as usize;
            let (Some(class), Some(theirs)) = (other.themes.get(at), other.columns.get(at)) else { continue };
            if theirs.party == own.party {
                continue;
            }
            let rest = columns.iter().zip(&theirs.columns).map(|(table, class)| entry(table, *class, 0));
            self.met.push((*place, entry(themes, *class, 0) + rest.sum::<Sum>()));
        }
    }
}

/// Puts facts in place of what a key had, and tells the other side.
fn set<F: Facts>(
    own: &mut Side<F>,
    other: &mut Side<F::Other>,
    key: Key,
    facts: Option<F>,
    parties: &mut Pool<PartyId>,
    rules: &Rules,
    scan: &mut Scan,
) {
    if facts.is_none() && !own.index.contains_key(&key) {
        return;
    }
    let slot = own.place(key);
    let told = other.kept > 0;
    if told {
        scan.run(own, slot, other, rules);
        other.forget(slot, &scan.met);
    }
    own.take(slot, parties);
    let Some(facts) = facts else {
        own.index.remove(&key);
        own.free.push(slot);
        return;
    };
    own.put(slot, facts, parties);
    if told {
        scan.run(own, slot, other, rules);
        other.meet(slot, &scan.met, &own.keys);
        own.keep_row(slot, &scan.met, &other.keys);
    }
}

fn best<F: Facts>(
    own: &mut Side<F>,
    other: &Side<F::Other>,
    key: &Key,
    rules: &Rules,
    scan: &mut Scan,
) -> Option<Best> {
    let slot = *own.index.get(key)?;
    if !own.rows.get(slot as usize)?.is_kept() {
        scan.run(own, slot, other, rules);
        own.keep_row(slot, &scan.met, &other.keys);
    }
    let (row, facts) = (own.rows.get(slot as usize)?, own.facts.get(slot as usize)?.as_ref()?);
    let judged = |(_, place): &(Rank, Slot)| {
        let met = facts.judge(other.facts.get(*place as usize)?.as_ref()?, rules)?;
        Some((*other.keys.get(*place as usize)?, met))
    };
    let top = own.tops.get(slot as usize)?.iter().filter_map(judged).collect();
    Some(Best { top, open: row.open, shut: row.shut, barred: row.barred })
}
