//! One side of the matching: its records in places, and of each the best counterparts.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::classes::{COLUMNS, Facts, Sum, is_barred, is_shut, points};
use super::matcher::{BEST_MAX, Key};
use super::pool::{Class, Pool};
use crate::wire::PartyId;

/// A place of one side.
pub(super) type Slot = u32;

/// Themes of a place that is free: no table has an entry for them.
const NO_THEMES: Class = Class::MAX;

/// The classes of one record, beside its themes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Columns {
    pub(super) party: Class,
    pub(super) columns: [Class; COLUMNS],
}

/// One side, in places that are used again.
#[derive(Clone, Debug)]
pub(super) struct Side<F: Facts> {
    pub(super) index: BTreeMap<Key, Slot>,
    pub(super) pools: F::Pools,
    /// Themes of each place, apart, so that most pairs are told by one word.
    pub(super) themes: Vec<Class>,
    pub(super) columns: Vec<Columns>,
    pub(super) facts: Vec<Option<F>>,
    pub(super) keys: Vec<Key>,
    pub(super) rows: Vec<Row>,
    pub(super) tops: Vec<Vec<(Rank, Slot)>>,
    /// How many rows are kept.
    pub(super) kept: usize,
    pub(super) free: Vec<Slot>,
}

impl<F: Facts> Default for Side<F> {
    fn default() -> Self {
        Self {
            index: BTreeMap::new(),
            pools: F::Pools::default(),
            themes: Vec::new(),
            columns: Vec::new(),
            facts: Vec::new(),
            keys: Vec::new(),
            rows: Vec::new(),
            tops: Vec::new(),
            kept: 0,
            free: Vec::new(),
        }
    }
}

/// Lower is better: what nothing shuts off, then the higher score.
pub(super) type Rank = u32;

fn rank(sum: Sum) -> Rank {
    u32::from(is_shut(sum)) << 16 | (0xffff - points(sum))
}

/// The counterparts of one place, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    pub(super) open: u32,
    pub(super) shut: u32,
    pub(super) barred: u32,
    /// The worst rank that may still be among the best; 0, which no pair has, where the row is not known: it is
    /// worked out when somebody asks.
    worst: Rank,
}

impl Row {
    pub(super) fn is_kept(&self) -> bool {
        self.worst != 0
    }

    fn count(&mut self, sum: Sum, by: i32) {
        let counter = if is_shut(sum) { &mut self.shut } else { &mut self.open };
        *counter = counter.saturating_add_signed(by);
        if is_barred(sum) {
            self.barred = self.barred.saturating_add_signed(by);
        }
    }
}

impl<F: Facts> Side<F> {
    pub(super) fn place(&mut self, key: Key) -> Slot {
        if let Some(slot) = self.index.get(&key) {
            return *slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.themes.push(NO_THEMES);
            self.columns.push(Columns::default());
            self.facts.push(None);
            self.keys.push(key);
            self.rows.push(Row::default());
            self.tops.push(Vec::new());
            (self.keys.len() - 1) as Slot
        });
        if let Some(held) = self.keys.get_mut(slot as usize) {
            *held = key;
        }
        self.index.insert(key, slot);
        slot
    }

    /// Puts facts into a place that has none.
    pub(super) fn put(&mut self, slot: Slot, facts: F, parties: &mut Pool<PartyId>) {
        let at = slot as usize;
        let (themes, columns) = facts.add(&mut self.pools);
        let columns = Columns { party: parties.add(&facts.party()), columns };
        if let (Some(held), Some(row), Some(place)) =
            (self.themes.get_mut(at), self.columns.get_mut(at), self.facts.get_mut(at))
        {
            (*held, *row, *place) = (themes, columns, Some(facts));
        }
    }

    /// Takes them out; the row is known no more.
    pub(super) fn take(&mut self, slot: Slot, parties: &mut Pool<PartyId>) {
        let at = slot as usize;
        if self.facts.get_mut(at).and_then(Option::take).is_none() {
            return;
        }
        if let (Some(themes), Some(columns)) = (self.themes.get_mut(at), self.columns.get(at)) {
            F::remove(&(*themes, columns.columns), &mut self.pools);
            parties.remove(columns.party);
            *themes = NO_THEMES;
        }
        self.drop_row(slot);
    }

    fn drop_row(&mut self, slot: Slot) {
        let (Some(row), Some(top)) = (self.rows.get_mut(slot as usize), self.tops.get_mut(slot as usize))
        else {
            return;
        };
        self.kept -= usize::from(row.is_kept());
        *row = Row::default();
        top.clear();
    }

    /// Makes a row of what a scan has met.
    pub(super) fn keep_row(&mut self, slot: Slot, met: &[(Slot, Sum)], keys: &[Key]) {
        self.drop_row(slot);
        let (Some(row), Some(top)) = (self.rows.get_mut(slot as usize), self.tops.get_mut(slot as usize))
        else {
            return;
        };
        row.worst = Rank::MAX;
        self.kept += 1;
        for (place, sum) in met {
            row.count(*sum, 1);
            offer(row, top, *place, *sum, keys);
        }
    }

    /// Tells each kept row that a counterpart is there.
    pub(super) fn meet(&mut self, slot: Slot, met: &[(Slot, Sum)], keys: &[Key]) {
        for (place, sum) in met {
            let Some(row) = self.rows.get_mut(*place as usize).filter(|row| row.is_kept()) else { continue };
            row.count(*sum, 1);
            if let Some(top) = self.tops.get_mut(*place as usize) {
                offer(row, top, slot, *sum, keys);
            }
        }
    }

    /// Tells each kept row that a counterpart goes.
    pub(super) fn forget(&mut self, slot: Slot, met: &[(Slot, Sum)]) {
        for (place, sum) in met {
            let at = *place as usize;
            let Some(row) = self.rows.get_mut(at).filter(|row| row.is_kept()) else { continue };
            row.count(*sum, -1);
            if rank(*sum) > row.worst {
                continue;
            }
            let Some(top) = self.tops.get_mut(at) else { continue };
            let Some(held) = top.iter().position(|(_, held)| *held == slot) else { continue };
            top.remove(held);
            if (row.open + row.shut) as usize > top.len() {
                self.drop_row(*place);
            } else {
                row.worst = Rank::MAX;
            }
        }
    }
}

/// Keeps a counterpart where it is among the best.
fn offer(row: &mut Row, top: &mut Vec<(Rank, Slot)>, slot: Slot, sum: Sum, keys: &[Key]) {
    let rank = rank(sum);
    // The common case, decided without looking at keys.
    if rank > row.worst {
        return;
    }
    let key = |slot: Slot| keys.get(slot as usize);
    let before =
        |held: &(Rank, Slot)| held.0.cmp(&rank).then_with(|| key(held.1).cmp(&key(slot))) == Ordering::Less;
    let at = top.partition_point(before);
    if at < BEST_MAX {
        top.insert(at, (rank, slot));
        top.truncate(BEST_MAX);
    }
    if let Some((last, _)) = top.last().filter(|_| top.len() == BEST_MAX) {
        row.worst = *last;
    }
}
