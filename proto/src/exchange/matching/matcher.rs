//! Needs and offers held against each other: a change compares one record with the other side, and nothing else.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Match, NeedFacts, OfferFacts, Weights, judge};
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
    weights: Weights,
    today: Day,
    needs: Side<NeedFacts>,
    offers: Side<OfferFacts>,
}

impl Matcher {
    /// Holds nothing; `today` decides what is past.
    pub fn new(weights: Weights, today: Day) -> Self {
        Self { weights, today, needs: Side::default(), offers: Side::default() }
    }

    /// Adds or changes a need, or takes it out.
    pub fn set_need(&mut self, key: Key, facts: Option<NeedFacts>) {
        let (weights, today) = (self.weights, self.today);
        set(&mut self.needs, &mut self.offers, key, facts, |n, o| judge(n, o, &weights, today));
    }

    /// Adds or changes an offer, or takes it out.
    pub fn set_offer(&mut self, key: Key, facts: Option<OfferFacts>) {
        let (weights, today) = (self.weights, self.today);
        set(&mut self.offers, &mut self.needs, key, facts, |o, n| judge(n, o, &weights, today));
    }

    /// The offers for a need; `None` where it is not held.
    pub fn offers_for(&mut self, need: &Key) -> Option<Best> {
        let (weights, today) = (self.weights, self.today);
        best(&mut self.needs, &self.offers, need, |n, o| judge(n, o, &weights, today))
    }

    /// The needs for an offer; `None` where it is not held.
    pub fn needs_for(&mut self, offer: &Key) -> Option<Best> {
        let (weights, today) = (self.weights, self.today);
        best(&mut self.offers, &self.needs, offer, |o, n| judge(n, o, &weights, today))
    }

    /// How many offers match a need and are not shut off for it.
    pub fn open_offers(&self, need: &Key) -> Option<u32> {
        let slot = *self.needs.index.get(need)?;
        self.needs.rows.get(slot as usize).map(|row| row.open)
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

/// What both kinds of facts have.
pub(super) trait Facts {
    fn bits(&self) -> u64;
}

impl Facts for NeedFacts {
    fn bits(&self) -> u64 {
        self.theme_bits()
    }
}

impl Facts for OfferFacts {
    fn bits(&self) -> u64 {
        self.theme_bits()
    }
}

type Slot = u32;

/// One side, in places that are used again.
#[derive(Clone, Debug)]
struct Side<F> {
    index: BTreeMap<Key, Slot>,
    /// Theme bits of each place, apart, so that most pairs are told by one word; 0 where it is free.
    bits: Vec<u64>,
    facts: Vec<Option<F>>,
    keys: Vec<Key>,
    rows: Vec<Row>,
    free: Vec<Slot>,
}

impl<F> Default for Side<F> {
    fn default() -> Self {
        let (index, bits, facts) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { index, bits, facts, keys: Vec::new(), rows: Vec::new(), free: Vec::new() }
    }
}

/// The counterparts of one place.
#[derive(Clone, Debug, Default)]
struct Row {
    top: Vec<(Slot, Match)>,
    open: u32,
    shut: u32,
    barred: u32,
    /// One of the best went and those below it are not known: they are looked for when somebody asks.
    stale: bool,
}

impl<F: Facts> Side<F> {
    fn place(&mut self, key: Key) -> Slot {
        if let Some(slot) = self.index.get(&key) {
            return *slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.bits.push(0);
            self.facts.push(None);
            self.keys.push(key);
            self.rows.push(Row::default());
            (self.bits.len() - 1) as Slot
        });
        if let Some(held) = self.keys.get_mut(slot as usize) {
            *held = key;
        }
        self.index.insert(key, slot);
        slot
    }

    /// Each held place that may match these bits.
    fn near(&self, bits: u64) -> impl Iterator<Item = (Slot, &F)> {
        let near = self.bits.iter().enumerate().filter(move |(_, own)| **own & bits != 0);
        near.filter_map(|(slot, _)| Some((slot as Slot, self.facts.get(slot)?.as_ref()?)))
    }
}

/// Puts facts in place of what a key had, and tells the other side.
fn set<A: Facts, B: Facts>(
    own: &mut Side<A>,
    other: &mut Side<B>,
    key: Key,
    facts: Option<A>,
    judge: impl Fn(&A, &B) -> Option<Match>,
) {
    if facts.is_none() && !own.index.contains_key(&key) {
        return;
    }
    let slot = own.place(key);
    let before = own.facts.get_mut(slot as usize).and_then(Option::take);
    if let Some(before) = &before {
        forget(slot, before, other, &judge);
    }
    let row = facts.as_ref().map(|facts| meet(slot, &own.keys, facts, other, &judge)).unwrap_or_default();
    if let Some(bits) = own.bits.get_mut(slot as usize) {
        *bits = facts.as_ref().map_or(0, Facts::bits);
    }
    if let Some(place) = own.rows.get_mut(slot as usize) {
        *place = row;
    }
    if facts.is_none() {
        own.index.remove(&key);
        own.free.push(slot);
    }
    if let Some(place) = own.facts.get_mut(slot as usize) {
        *place = facts;
    }
}

/// Takes a record out of the other side's rows.
fn forget<A: Facts, B: Facts>(
    slot: Slot,
    facts: &A,
    other: &mut Side<B>,
    judge: &impl Fn(&A, &B) -> Option<Match>,
) {
    let bits = facts.bits();
    for place in 0..other.bits.len() {
        if other.bits.get(place).is_none_or(|own| own & bits == 0) {
            continue;
        }
        let met = other.facts.get(place).and_then(Option::as_ref).and_then(|f| judge(facts, f));
        let (Some(met), Some(row)) = (met, other.rows.get_mut(place)) else { continue };
        row.count(&met, -1);
        if let Some(at) = row.top.iter().position(|(held, _)| *held == slot) {
            row.top.remove(at);
            row.stale |= (row.open + row.shut) as usize > row.top.len();
        }
    }
}

/// Compares a record with the other side: its own row, and its place in theirs.
fn meet<A: Facts, B: Facts>(
    slot: Slot,
    keys: &[Key],
    facts: &A,
    other: &mut Side<B>,
    judge: &impl Fn(&A, &B) -> Option<Match>,
) -> Row {
    let (bits, mut own) = (facts.bits(), Row::default());
    for place in 0..other.bits.len() {
        if other.bits.get(place).is_none_or(|own| own & bits == 0) {
            continue;
        }
        let met = other.facts.get(place).and_then(Option::as_ref).and_then(|f| judge(facts, f));
        let (Some(met), Some(row)) = (met, other.rows.get_mut(place)) else { continue };
        own.count(&met, 1);
        own.offer(place as Slot, met, &other.keys);
        row.count(&met, 1);
        if !row.stale {
            row.offer(slot, met, keys);
        }
    }
    own
}

fn best<A: Facts, B: Facts>(
    own: &mut Side<A>,
    other: &Side<B>,
    key: &Key,
    judge: impl Fn(&A, &B) -> Option<Match>,
) -> Option<Best> {
    let slot = *own.index.get(key)? as usize;
    if own.rows.get(slot)?.stale {
        let facts = own.facts.get(slot)?.as_ref()?;
        let mut row = Row::default();
        for (place, counterpart) in other.near(facts.bits()) {
            if let Some(met) = judge(facts, counterpart) {
                row.count(&met, 1);
                row.offer(place, met, &other.keys);
            }
        }
        *own.rows.get_mut(slot)? = row;
    }
    let row = own.rows.get(slot)?;
    let top = row.top.iter().filter_map(|(place, met)| Some((*other.keys.get(*place as usize)?, *met)));
    Some(Best { top: top.collect(), open: row.open, shut: row.shut, barred: row.barred })
}

impl Row {
    fn count(&mut self, met: &Match, by: i32) {
        let counter = if met.exclusions.is_empty() { &mut self.open } else { &mut self.shut };
        *counter = counter.saturating_add_signed(by);
        if met.exclusions.bar() {
            self.barred = self.barred.saturating_add_signed(by);
        }
    }

    /// Keeps a counterpart where it is among the best.
    fn offer(&mut self, slot: Slot, met: Match, keys: &[Key]) {
        let full = self.top.len() >= BEST_MAX;
        // The common case, decided without looking at keys.
        if full && self.top.last().is_some_and(|(_, last)| by_merit(last, &met) == Ordering::Less) {
            return;
        }
        let key = |slot: Slot| keys.get(slot as usize);
        let before = |(held, theirs): &(Slot, Match)| {
            by_merit(theirs, &met).then_with(|| key(*held).cmp(&key(slot))) == Ordering::Less
        };
        let at = self.top.partition_point(before);
        if at < BEST_MAX {
            self.top.insert(at, (slot, met));
            self.top.truncate(BEST_MAX);
        }
    }
}

/// What nothing shuts off goes first, then the higher score.
fn by_merit(one: &Match, other: &Match) -> Ordering {
    let rank = |m: &Match| (!m.exclusions.is_empty(), std::cmp::Reverse(m.score));
    rank(one).cmp(&rank(other))
}
