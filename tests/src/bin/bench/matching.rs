//! Needs against offers: all of them at once, and one change at a time, beside the plainest comparison there is.

use std::hint::black_box;
use std::time::{Duration, Instant};

use caphub_proto::codes::{country, region, vocabulary};
use caphub_proto::exchange::matching::{Key, Matcher, NeedFacts, OfferFacts, Weights};
use caphub_proto::v1::{Capacity, Cost, Eligibility, Need, Offer, Window};
use caphub_proto::wire::{PartyId, RecordId};
use serde_json::{Value, json};

use crate::usage::ratio;
use crate::{Plan, median};

/// Records on each side.
const EACH: usize = 10_000;
/// Changes that are measured.
const CHANGES: usize = 1_000;
/// The day for which is matched: within some windows and after others.
const TODAY: i32 = 20_782;

/// Needs and offers in the wild ways that people write them.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn some(&mut self, of: &[&str], least: usize, most: usize) -> Vec<String> {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| of[self.below(of.len())].to_owned()).collect()
    }

    fn window(&mut self) -> Option<Window> {
        let (from, until) = (self.below(12) + 1, self.below(12) + 1);
        let window = || Window { from: format!("2026-{from:02}-01"), until: format!("2027-{until:02}-28") };
        (self.below(2) == 0).then(window)
    }
}

fn codes(terms: &[vocabulary::Term]) -> Vec<&'static str> {
    terms.iter().map(|t| t.code).collect()
}

fn key(party: usize, id: usize) -> Key {
    let (mut record, mut owner) = ([0; 16], [0; 32]);
    record[..8].copy_from_slice(&(id as u64).to_be_bytes());
    owner[..8].copy_from_slice(&(party as u64).to_be_bytes());
    (PartyId(owner), RecordId(record))
}

fn need(dice: &mut Dice, id: usize) -> (Key, NeedFacts) {
    let countries: Vec<&str> = country::all().iter().map(|c| c.alpha2).collect();
    let need = Need {
        themes: dice.some(&codes(vocabulary::themes()), 1, 3),
        countries: dice.some(&countries, 1, 2),
        languages: dice.some(&["en", "fr", "es", "ru", "zh", "ar"], 0, 2),
        delivery_modes: dice.some(&codes(vocabulary::delivery_modes()), 0, 2),
        offer_types: dice.some(&codes(vocabulary::offer_types()), 0, 2),
        asked: Some(Capacity { amount: dice.below(20) as u64, unit: "seats".to_owned() }),
        window: dice.window(),
        ..Need::default()
    };
    let key = key(dice.below(200), id);
    (key, NeedFacts::of(key.0, "TV", &need))
}

fn offer(dice: &mut Dice, id: usize) -> (Key, OfferFacts) {
    let regions: Vec<&str> = region::all().iter().map(|r| r.code).collect();
    let rule = Eligibility { groups: dice.some(&["ldc", "lldc", "sids"], 0, 1), ..Eligibility::default() };
    let offer = Offer {
        themes: dice.some(&codes(vocabulary::themes()), 1, 3),
        offer_type: dice.some(&codes(vocabulary::offer_types()), 1, 1).swap_remove(0),
        regions: dice.some(&regions, 0, 2),
        languages: dice.some(&["en", "fr", "es", "ru", "zh", "ar"], 0, 3),
        delivery_modes: dice.some(&codes(vocabulary::delivery_modes()), 0, 2),
        eligibility: Some(rule),
        capacity: Some(Capacity { amount: dice.below(40) as u64, unit: "seats".to_owned() }),
        cost: (dice.below(2) == 0).then(|| Cost { free: true, ..Cost::default() }),
        window: dice.window(),
        ..Offer::default()
    };
    let key = key(1_000 + dice.below(200), id);
    (key, OfferFacts::of(key.0, &offer))
}

/// Measures it; the floor compares one word of every pair and does nothing else.
pub fn run(plan: &Plan) -> Value {
    let (mut whole, mut both, mut floors, mut changes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut pairs, mut open) = (0u64, 0u64);
    for round in 0..plan.rounds {
        let mut dice = Dice(round as u64 + 1);
        let needs: Vec<_> = (0..EACH).map(|id| need(&mut dice, id)).collect();
        let offers: Vec<_> = (0..EACH).map(|id| offer(&mut dice, id)).collect();
        let (own, other): (Vec<u64>, Vec<u64>) = (
            needs.iter().map(|(_, n)| n.theme_bits()).collect(),
            offers.iter().map(|(_, o)| o.theme_bits()).collect(),
        );
        let started = Instant::now();
        pairs = black_box(&own)
            .iter()
            .map(|n| other.iter().filter(|o| black_box(**o) & n != 0).count() as u64)
            .sum();
        floors.push(started.elapsed());

        let copies = (needs.clone(), offers.clone());
        let started = Instant::now();
        let mut matcher = Matcher::new(Weights::default(), TODAY);
        copies.0.into_iter().for_each(|(key, facts)| matcher.set_need(key, Some(facts)));
        copies.1.into_iter().for_each(|(key, facts)| matcher.set_offer(key, Some(facts)));
        open = needs.iter().filter_map(|(key, _)| matcher.offers_for(key)).map(|b| u64::from(b.open)).sum();
        whole.push(started.elapsed());
        let other: u64 =
            offers.iter().filter_map(|(key, _)| matcher.needs_for(key)).map(|b| u64::from(b.open)).sum();
        both.push(started.elapsed());
        assert_eq!(open, other, "the two sides count the same pairs");

        // From here on every row of both sides is kept up with each change.
        for _ in 0..CHANGES {
            let (at, to) = (dice.below(EACH), dice.below(EACH));
            let (key, facts) = (needs[at].0, needs[to].1.clone());
            let started = Instant::now();
            matcher.set_need(key, Some(facts));
            black_box(matcher.offers_for(&key));
            changes.push(started.elapsed());
        }
    }
    let ms = |d: Duration| d.as_secs_f64() * 1_000.0;
    let middle = |times: &[Duration]| median(&mut times.iter().map(|d| ms(*d)).collect::<Vec<_>>());
    changes.sort_unstable();
    let p99 = changes.get(changes.len() * 99 / 100).copied().unwrap_or_default();
    let (whole, floor) = (middle(&whole), middle(&floors));
    let round = |ms: f64| (ms * 1_000.0).round() / 1_000.0;
    json!({
        "needs": EACH, "offers": EACH, "pairs_with_a_theme_in_common": pairs, "pairs_open": open,
        "matched_ms": round(whole), "floor_ms": round(floor), "times_the_floor": ratio(whole, floor),
        "matched_from_both_sides_ms": round(middle(&both)),
        "change_p50_ms": round(middle(&changes)), "change_p99_ms": round(ms(p99)),
    })
}
