//! The order of acts: by what each author held, and among concurrent ones by rules that no latecomer can use
//! (SPEC.md section 15.2).

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::{ACTS_MAX, Act, Fault, Seen, Verdict, Verdicts};
use crate::mutant;
use crate::wire::{EntryHash, FeedId, PartyId};

/// Acts that can be put in order, with what precedes each.
pub struct Graph<'a, T> {
    acts: Vec<&'a Act<T>>,
    /// Per act, a bit for each act that its author held.
    past: Vec<Vec<u64>>,
    /// Acts of each feed in order of place.
    feeds: BTreeMap<FeedId, Vec<usize>>,
    /// What became of all others: void entries, those that wait, those beyond the bound.
    pub others: Verdicts,
    work: Cell<u64>,
}

impl<'a, T> Graph<'a, T> {
    /// Takes acts in any order, repeated or not. `class` is 0 for acts that stay within the bound before others.
    /// `gone` tells that an entry which is not here can never count: its feed is cut off before it.
    pub fn new(acts: &'a [Act<T>], class: &dyn Fn(&Act<T>) -> u8, gone: &dyn Fn(&Seen) -> bool) -> Self {
        let mut all: Vec<&Act<T>> = acts.iter().collect();
        if mutant!(OrderByArrival) {
            let mut seen = BTreeSet::new();
            all.retain(|a| seen.insert(a.hash));
        } else {
            all.sort_by_key(|a| a.hash);
        }
        all.dedup_by_key(|a| a.hash);
        let held: BTreeMap<EntryHash, (FeedId, u64)> =
            all.iter().map(|a| (a.hash, (a.feed, a.seq))).collect();
        let mut others = Verdicts::new();
        let mut live = Vec::with_capacity(all.len());
        for act in all {
            match act.void {
                Some(reason) if !mutant!(CountVoidActs) => {
                    others.insert(act.hash, Verdict::Void(Fault::of_entry(reason)));
                }
                _ => live.push(act),
            }
        }
        for act in bound(&mut live, class) {
            others.insert(act.hash, Verdict::Void(Fault::TooMany));
        }
        let ready = ready(&live, &held, gone);
        let (acts, past, feeds, work) = Default::default();
        let mut graph = Self { acts, past, feeds, others, work };
        for (act, ready) in live.iter().zip(ready) {
            match ready {
                true => graph.acts.push(act),
                false => drop(graph.others.insert(act.hash, Verdict::Waiting)),
            }
        }
        graph.close();
        graph
    }

    /// The acts that `of` names, each after those that its author held. Where several could be next: the one that
    /// more parties of `sides` other than its author have built on without the other; then the lower `rank`; then
    /// the lower hash.
    pub fn sequence(
        &self,
        of: &dyn Fn(&Act<T>) -> bool,
        sides: &dyn Fn(&PartyId) -> bool,
        rank: &dyn Fn(&Act<T>) -> u8,
    ) -> Vec<&'a Act<T>> {
        let chosen: Vec<usize> =
            (0..self.acts.len()).filter(|i| self.acts.get(*i).is_some_and(|a| of(a))).collect();
        let built_on = self.built_on(&chosen, sides);
        let held = |later: &usize| chosen.iter().filter(|earlier| self.follows(*later, **earlier)).count();
        let mut left: Vec<usize> = chosen.iter().map(held).collect();
        let mut open: Vec<Candidate> = Vec::new();
        let enter = |open: &mut Vec<Candidate>, at: usize| {
            let Some(act) = chosen.get(at).copied() else { return };
            let mut new = Candidate { at, act, beaten: 0 };
            for other in open.iter_mut() {
                match self.compare(&built_on, new.at, other.at) {
                    std::cmp::Ordering::Greater => other.beaten += 1,
                    std::cmp::Ordering::Less => new.beaten += 1,
                    std::cmp::Ordering::Equal => {}
                }
            }
            open.push(new);
        };
        (0..chosen.len()).filter(|at| left.get(*at) == Some(&0)).for_each(|at| enter(&mut open, at));
        let mut sequence = Vec::new();
        while let Some(at) = self.next(&open, rank) {
            let next = open.swap_remove(at);
            for other in &mut open {
                if self.compare(&built_on, next.at, other.at) == std::cmp::Ordering::Greater {
                    other.beaten -= 1;
                }
            }
            sequence.extend(self.acts.get(next.act));
            for (at, (later, left)) in chosen.iter().zip(&mut left).enumerate() {
                if self.follows(*later, next.act) {
                    *left -= 1;
                    if *left == 0 {
                        enter(&mut open, at);
                    }
                }
            }
        }
        sequence
    }

    /// Words of 64 acts that were compared so far: what putting them in order cost, on whatever machine.
    pub fn work(&self) -> u64 {
        self.work.get()
    }

    /// The candidate that comes next. Where each is beaten by another, none of them counts as beaten.
    fn next(&self, open: &[Candidate], rank: &dyn Fn(&Act<T>) -> u8) -> Option<usize> {
        let fewest = open.iter().map(|c| c.beaten.min(1)).min()?;
        let among = open.iter().enumerate().filter(|(_, c)| c.beaten.min(1) == fewest);
        if mutant!(OrderByArrival) {
            return among.min_by_key(|(_, c)| c.act).map(|(at, _)| at);
        }
        among.min_by_key(|(_, c)| self.acts.get(c.act).map(|a| (rank(a), a.hash))).map(|(at, _)| at)
    }

    /// How many parties built on `one` without `other`, against the reverse.
    fn compare(&self, built_on: &BuiltOn, one: usize, other: usize) -> std::cmp::Ordering {
        let (Some(one), Some(other)) = (built_on.rows.get(one), built_on.rows.get(other)) else {
            return std::cmp::Ordering::Equal;
        };
        // Most acts were built on by the same, or by nobody.
        if one.alike == other.alike {
            return std::cmp::Ordering::Equal;
        }
        let support = |one: &Row, other: &Row| {
            let with = |(party, words): &&(PartyId, std::ops::Range<usize>)| {
                let pair = one.words.get(words.clone()).zip(other.words.get(words.clone()));
                self.work.set(self.work.get().saturating_add(words.len() as u64));
                Some(*party) != one.author
                    && pair.is_some_and(|(a, b)| a.iter().zip(b).any(|(a, b)| a & !b != 0))
            };
            built_on.parties.iter().filter(with).count()
        };
        support(one, other).cmp(&support(other, one))
    }

    /// Per chosen act the acts of each side that follow it. Those of one party stand together, from a word of their own.
    fn built_on(&self, chosen: &[usize], sides: &dyn Fn(&PartyId) -> bool) -> BuiltOn {
        let mut of: BTreeMap<PartyId, Vec<usize>> = BTreeMap::new();
        for (i, act) in self.acts.iter().enumerate().filter(|(_, a)| sides(&a.author)) {
            of.entry(act.author).or_default().push(i);
        }
        let (mut parties, mut end) = (Vec::with_capacity(of.len()), 0);
        for (party, acts) in &of {
            let start = end;
            end += acts.len().div_ceil(64);
            parties.push((*party, start..end));
        }
        let mut alike: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut row = |act: &usize| {
            let mut words = Vec::with_capacity(end);
            for acts in of.values() {
                let word = |some: &[usize]| {
                    let bit = |(at, later): (usize, &usize)| u64::from(self.follows(*later, *act)) << at;
                    some.iter().enumerate().map(bit).fold(0, |word, bit| word | bit)
                };
                words.extend(acts.chunks(64).map(word));
            }
            let fresh = alike.len();
            let alike = *alike.entry(words.clone()).or_insert(fresh);
            Row { author: self.acts.get(*act).map(|a| a.author), alike, words }
        };
        BuiltOn { rows: chosen.iter().map(&mut row).collect(), parties }
    }

    fn follows(&self, later: usize, earlier: usize) -> bool {
        self.past
            .get(later)
            .and_then(|bits| bits.get(earlier / 64))
            .is_some_and(|w| w >> (earlier % 64) & 1 == 1)
    }

    /// Computes what precedes each act. Acts that precede themselves, which no hash allows, wait for ever.
    fn close(&mut self) {
        let mut feeds: BTreeMap<FeedId, Vec<usize>> = BTreeMap::new();
        for (i, act) in self.acts.iter().enumerate() {
            feeds.entry(act.feed).or_default().push(i);
        }
        let place = |i: &usize| self.acts.get(*i).map(|a| (a.seq, a.hash));
        feeds.values_mut().for_each(|list| list.sort_by_key(place));
        let before: Vec<Vec<usize>> = self.acts.iter().map(|act| self.named(act, &feeds)).collect();
        let order = topological(&before);
        let words = self.acts.len().div_ceil(64);
        let mut past = vec![vec![0_u64; words]; self.acts.len()];
        for act in &order {
            let mut bits = vec![0_u64; words];
            for earlier in before.get(*act).into_iter().flatten() {
                bits.iter_mut().zip(past.get(*earlier).into_iter().flatten()).for_each(|(b, p)| *b |= p);
                if let Some(word) = bits.get_mut(earlier / 64) {
                    *word |= 1 << (earlier % 64);
                }
            }
            if let Some(row) = past.get_mut(*act) {
                *row = bits;
            }
        }
        if order.len() < self.acts.len() {
            let sound: BTreeSet<usize> = order.into_iter().collect();
            let acts = std::mem::take(&mut self.acts);
            for (i, act) in acts.into_iter().enumerate() {
                match sound.contains(&i) {
                    true => self.acts.push(act),
                    false => drop(self.others.insert(act.hash, Verdict::Waiting)),
                }
            }
            return self.close();
        }
        (self.past, self.feeds) = (past, feeds);
    }

    /// Acts that directly precede one: the last before it in its feed, and of each feed seen the last one seen.
    fn named(&self, act: &Act<T>, feeds: &BTreeMap<FeedId, Vec<usize>>) -> Vec<usize> {
        let last = |feed: &FeedId, fits: &dyn Fn(&Act<T>) -> bool| {
            let list = feeds.get(feed)?;
            list.iter().rev().copied().find(|i| self.acts.get(*i).is_some_and(|a| fits(a)))
        };
        let own = last(&act.feed, &|a| a.seq < act.seq);
        let seen = act
            .after
            .iter()
            .filter_map(|s| last(&s.feed, &|a| a.seq < s.seq || (a.seq == s.seq && a.hash == s.hash)));
        own.into_iter().chain(seen).collect()
    }
}

struct Candidate {
    /// Its place among the acts that are put in order.
    at: usize,
    /// Its place among all.
    act: usize,
    /// How many other candidates go before it by what was built on them.
    beaten: usize,
}

struct BuiltOn {
    /// Each side, and the words that stand for its acts.
    parties: Vec<(PartyId, std::ops::Range<usize>)>,
    /// One for each act that is put in order.
    rows: Vec<Row>,
}

/// What was built on one act.
struct Row {
    author: Option<PartyId>,
    /// The same for acts on which the same was built.
    alike: usize,
    /// A bit for each act of the sides that follows it.
    words: Vec<u64>,
}

/// Cuts to `ACTS_MAX`: lower classes first, then parties in turn, and of each party its feeds in turn, so that whoever
/// writes much loses its own. Returns what is cut.
fn bound<'a, T>(live: &mut Vec<&'a Act<T>>, class: &dyn Fn(&Act<T>) -> u8) -> Vec<&'a Act<T>> {
    if live.len() <= ACTS_MAX {
        return Vec::new();
    }
    live.sort_by_key(|a| (a.feed, a.seq, a.hash));
    let (mut feed, mut place) = (None, 0_usize);
    let mut keyed: Vec<((u8, PartyId), usize, &Act<T>)> = Vec::with_capacity(live.len());
    for act in live.iter() {
        place = if feed == Some(act.feed) { place + 1 } else { 0 };
        feed = Some(act.feed);
        keyed.push(((class(act), act.author), place, act));
    }
    keyed.sort_by_key(|(of, place, act)| (*of, *place, act.feed, act.hash));
    let (mut party, mut turn) = (None, 0_usize);
    for (of, place, _) in &mut keyed {
        turn = if party == Some(*of) { turn + 1 } else { 0 };
        party = Some(*of);
        *place = turn;
    }
    keyed.sort_by_key(|((class, _), turn, act)| (*class, *turn, act.hash));
    let cut = keyed.split_off(ACTS_MAX);
    *live = keyed.into_iter().map(|(_, _, act)| act).collect();
    live.sort_by_key(|a| a.hash);
    cut.into_iter().map(|(_, _, act)| act).collect()
}

/// Which acts have all that their authors held, however far back.
fn ready<T>(
    live: &[&Act<T>],
    held: &BTreeMap<EntryHash, (FeedId, u64)>,
    gone: &dyn Fn(&Seen) -> bool,
) -> Vec<bool> {
    let index: BTreeMap<EntryHash, usize> = live.iter().enumerate().map(|(i, a)| (a.hash, i)).collect();
    let mut ready = vec![false; live.len()];
    let mut needs: Vec<usize> = vec![0; live.len()];
    let mut later: Vec<Vec<usize>> = vec![Vec::new(); live.len()];
    for (i, act) in live.iter().enumerate() {
        for seen in &act.after {
            let here = held.get(&seen.hash) == Some(&(seen.feed, seen.seq));
            match index.get(&seen.hash).filter(|_| here) {
                Some(earlier) => {
                    needs[i] += 1;
                    later[*earlier].push(i);
                }
                None if here || (gone(seen) && !mutant!(WaitForCutOff)) => {}
                None => needs[i] = usize::MAX / 2,
            }
        }
    }
    let mut open: Vec<usize> = (0..live.len()).filter(|i| needs[*i] == 0).collect();
    while let Some(i) = open.pop() {
        ready[i] = true;
        for next in std::mem::take(&mut later[i]) {
            needs[next] -= 1;
            if needs[next] == 0 {
                open.push(next);
            }
        }
    }
    ready
}

/// Indexes so that each comes after those before it; what stands in a circle is left out.
fn topological(before: &[Vec<usize>]) -> Vec<usize> {
    let mut needs: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut later: Vec<Vec<usize>> = vec![Vec::new(); before.len()];
    for (i, list) in before.iter().enumerate() {
        list.iter().for_each(|earlier| later[*earlier].push(i));
    }
    let mut order: Vec<usize> = (0..before.len()).filter(|i| needs[*i] == 0).collect();
    let mut at = 0;
    while let Some(i) = order.get(at).copied() {
        at += 1;
        for next in std::mem::take(&mut later[i]) {
            needs[next] -= 1;
            if needs[next] == 0 {
                order.push(next);
            }
        }
    }
    order
}
