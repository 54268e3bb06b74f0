//! Matching: what counts, what is shut off, and that the order of arrival does not matter.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::codes::{country, region, vocabulary};
use crate::exchange::day::{self, Day};
use crate::v1::{Area, Capacity, Cost, Eligibility, Need, Offer, RecipientTerms, Window};
use crate::wire::{PartyId, RecordId};

const TODAY: &str = "2026-11-25";

fn today() -> Day {
    day::parse(TODAY).unwrap()
}

fn text(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|c| (*c).to_owned()).collect()
}

fn need() -> Need {
    Need { themes: text(&["incident_management", "cybercrime"]), countries: text(&["TV"]), ..Need::default() }
}

fn offer() -> Offer {
    Offer {
        themes: text(&["cybercrime", "incident_management", "standards"]),
        offer_type: "training".to_owned(),
        ..Offer::default()
    }
}

fn met(need: &Need, offer: &Offer) -> Option<Match> {
    let (need, offer) =
        (NeedFacts::of(PartyId([1; 32]), "TV", need), OfferFacts::of(PartyId([2; 32]), offer));
    judge(&need, &offer, &Weights::default(), today())
}

fn share(need: &Need, offer: &Offer, criterion: Criterion) -> (u8, &'static str) {
    let share = met(need, offer).unwrap().shares[criterion as usize];
    (share.share, share.why.code())
}

fn shut(need: &Need, offer: &Offer) -> Vec<&'static str> {
    met(need, offer).unwrap().exclusions.iter().map(Exclusion::code).collect()
}

#[test]
fn an_offer_that_has_all_that_is_asked_gets_every_point() {
    let offer =
        Offer { countries: text(&["TV"]), cost: Some(Cost { free: true, ..Cost::default() }), ..offer() };
    let found = met(&need(), &offer).unwrap();
    assert_eq!((found.score, found.exclusions), (100, Exclusions::default()));
    assert_eq!(Weights::default().total(), 100);
}

#[test]
fn without_a_theme_in_common_nothing_matches_and_nobody_matches_itself() {
    let other = Offer { themes: text(&["culture_skills", "nice:T0001"]), ..offer() };
    assert_eq!(met(&need(), &other), None);
    let (need, offer) =
        (NeedFacts::of(PartyId([1; 32]), "TV", &need()), OfferFacts::of(PartyId([1; 32]), &offer()));
    assert_eq!(judge(&need, &offer, &Weights::default(), today()), None);
}

#[test]
fn themes_of_other_vocabularies_match_exactly() {
    let need = Need { themes: text(&["nice:T1", "nice:T2", "cybercrime"]), ..need() };
    let offer = Offer { themes: text(&["nice:T2", "nice:T3"]), ..offer() };
    assert_eq!(share(&need, &offer, Criterion::Theme), (20, "theme_part"));
}

#[test]
fn each_criterion_says_why_it_does_not_give_more() {
    use Criterion as C;
    let asks = Need {
        languages: text(&["fr-CA"]),
        delivery_modes: text(&["in_person"]),
        offer_types: text(&["equipment"]),
        asked: Some(Capacity { amount: 8, unit: "Seats".to_owned() }),
        window: Some(Window { from: "2027-01-01".to_owned(), until: "2027-01-10".to_owned() }),
        terms: Some(RecipientTerms { languages: text(&["fr"]), ..RecipientTerms::default() }),
        ..need()
    };
    let plain = offer();
    for (criterion, due) in [
        (C::Place, (40, "place_open")),
        (C::OfferType, (0, "type_other")),
        (C::Delivery, (30, "delivery_unstated")),
        (C::Language, (30, "language_unstated")),
        (C::Window, (60, "full")),
        (C::Capacity, (30, "capacity_unstated")),
        (C::Eligibility, (60, "full")),
        (C::Cost, (30, "cost_unstated")),
        (C::Terms, (60, "full")),
    ] {
        assert_eq!(share(&asks, &plain, criterion), due, "{criterion:?}");
    }
    let stated = Offer {
        countries: text(&["FJ"]),
        regions: text(&["061"]),
        delivery_modes: text(&["hybrid"]),
        languages: text(&["es"]),
        window: Some(Window { from: "2027-01-06".to_owned(), until: String::new() }),
        capacity: Some(Capacity { amount: 4, unit: " seats ".to_owned() }),
        conditions: vec![Default::default()],
        ..offer()
    };
    for (criterion, due) in [
        (C::Place, (48, "place_region")),
        (C::Delivery, (40, "delivery_near")),
        (C::Language, (0, "language_other")),
        (C::Window, (30, "window_part")),
        (C::Capacity, (30, "capacity_part")),
        (C::Terms, (0, "terms_conflict")),
    ] {
        assert_eq!(share(&asks, &stated, criterion), due, "{criterion:?}");
    }
}

#[test]
fn what_shuts_an_offer_off_is_said_and_hides_nothing() {
    let rule = |rule: Eligibility| Offer { eligibility: Some(rule), ..offer() };
    let excluding = Eligibility { excluded_countries: text(&["TV"]), ..Eligibility::default() };
    assert_eq!(shut(&need(), &rule(excluding)), ["excluded"]);
    let others = Eligibility { groups: text(&["lldc"]), ..Eligibility::default() };
    assert_eq!(shut(&need(), &rule(others)), ["not_eligible"]);
    let sids = Eligibility { groups: text(&["sids"]), ..Eligibility::default() };
    assert_eq!(shut(&need(), &rule(sids)), [""; 0]);
    let area = Area { regions: text(&["150"]), ..Area::default() };
    assert_eq!(shut(&need(), &Offer { reachable_from: Some(area), ..offer() }), ["not_reachable"]);
    let past = Window { from: String::new(), until: "2026-11-24".to_owned() };
    let need_past = Need { window: Some(past.clone()), ..need() };
    assert_eq!(shut(&need_past, &Offer { window: Some(past), ..offer() }), ["offer_past", "need_past"]);
}

#[test]
fn terms_conflict_exactly_where_an_engagement_would_need_a_waiver() {
    use crate::exchange::engagement::{conflicts, stated_by};
    let mut dice = Dice(5);
    let (mut with, mut without) = (0, 0);
    for _ in 0..2_000 {
        let terms = RecipientTerms {
            data_locations: dice.some(&["TV", "FJ"], 1),
            languages: dice.some(&["fr", "FR ", "en", "fr-CA"], 2),
            law: dice.some(&["Tuvalu", " tuvalu"], 1).pop().unwrap_or_default(),
            technology_not_accepted: dice.some(&["Cloud X", "y"], 2),
        };
        let offer = Offer {
            data_locations: dice.some(&["TV", "FJ", "NZ"], 2),
            languages: dice.some(&["fr", "en", "es"], 2),
            law: dice.some(&["TUVALU", "Fiji"], 1).pop().unwrap_or_default(),
            technology: dice.some(&["cloud x", "z"], 2),
            ..offer()
        };
        let due = !conflicts(&terms, &stated_by(&offer)).is_empty();
        let need = Need { terms: Some(terms), ..need() };
        assert_eq!(share(&need, &offer, Criterion::Terms).1 == "terms_conflict", due, "{need:?} {offer:?}");
        if due { with += 1 } else { without += 1 }
    }
    assert!(with > 100 && without > 100, "{with} {without}");
}

/// A small generator with a seed, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn some(&mut self, of: &[&str], most: usize) -> Vec<String> {
        (0..self.below(most + 1)).map(|_| of[self.below(of.len())].to_owned()).collect()
    }

    fn window(&mut self) -> Option<Window> {
        let day = |d: usize| day::text(today() - 30 + d as Day);
        let from = self.below(200);
        let until = from + self.below(100);
        (self.below(2) == 0).then(|| Window { from: day(from), until: day(until) })
    }
}

fn codes(terms: &[vocabulary::Term]) -> Vec<&'static str> {
    terms.iter().map(|t| t.code).collect()
}

/// Records that say each thing that counts, in a few ways.
fn random(dice: &mut Dice, id: usize) -> (Key, NeedFacts, OfferFacts) {
    let themes = [&codes(vocabulary::themes())[..], &["nice:a", "nice:b"]].concat();
    let countries: Vec<&str> = country::all().iter().map(|c| c.alpha2).collect();
    let regions: Vec<&str> = region::all().iter().map(|r| r.code).collect();
    let types = codes(vocabulary::offer_types());
    let few = ["TV", "FJ", "NZ"];
    let amount = |dice: &mut Dice| {
        let unit = dice.some(&["seats", " SEATS", "days"], 2).pop()?;
        Some(Capacity { amount: dice.below(9) as u64, unit })
    };
    let need = Need {
        themes: dice.some(&themes, 3),
        countries: dice.some(&countries, 2),
        regions: dice.some(&regions, 1),
        offer_types: dice.some(&types, 3),
        languages: dice.some(&["en", "fr", "es"], 2),
        delivery_modes: dice.some(&codes(vocabulary::delivery_modes()), 2),
        window: dice.window(),
        asked: amount(dice),
        terms: (dice.below(3) == 0).then(|| RecipientTerms {
            data_locations: dice.some(&few, 2),
            languages: dice.some(&["en", "FR"], 1),
            law: dice.some(&["Fiji", "fiji "], 1).concat(),
            technology_not_accepted: dice.some(&["x", "y"], 1),
        }),
        ..Need::default()
    };
    let area = Area { countries: dice.some(&few, 1), regions: dice.some(&regions, 2), ..Area::default() };
    let offer = Offer {
        themes: dice.some(&themes, 3),
        offer_type: dice.some(&types, 1).concat(),
        countries: dice.some(&few, 2),
        regions: dice.some(&regions, 2),
        languages: dice.some(&["en", "fr", "es"], 2),
        eligibility: Some(Eligibility {
            groups: dice.some(&["ldc", "sids"], 1),
            excluded_countries: dice.some(&few, 2),
            ..Eligibility::default()
        }),
        reachable_from: (dice.below(3) == 0).then_some(area),
        delivery_modes: dice.some(&codes(vocabulary::delivery_modes()), 2),
        window: dice.window(),
        capacity: amount(dice),
        cost: (dice.below(2) == 0).then(|| Cost { free: dice.below(2) == 0, ..Cost::default() }),
        conditions: (0..dice.below(2)).map(|_| Default::default()).collect(),
        data_locations: dice.some(&few, 1),
        law: dice.some(&["FIJI", "Tuvalu"], 1).concat(),
        technology: dice.some(&["X", "z"], 1),
        ..Offer::default()
    };
    let party = PartyId([dice.below(20) as u8; 32]);
    let key = (party, RecordId([id as u8; 16]));
    (key, NeedFacts::of(party, "TV", &need), OfferFacts::of(party, &offer))
}

/// The naive way: every counterpart judged, and sorted.
fn naive<F>(others: &[(Key, F)], judged: impl Fn(&F) -> Option<Match>) -> Best {
    let mut all: Vec<(Key, Match)> = others.iter().filter_map(|(k, f)| Some((*k, judged(f)?))).collect();
    all.sort_by_key(|(k, m)| (!m.exclusions.is_empty(), std::cmp::Reverse(m.score), *k));
    let open = all.iter().filter(|(_, m)| m.exclusions.is_empty()).count() as u32;
    let shut = all.len() as u32 - open;
    let barred = all.iter().filter(|(_, m)| m.exclusions.bar()).count() as u32;
    all.truncate(BEST_MAX);
    Best { top: all, open, shut, barred }
}

#[test]
fn matching_step_by_step_ends_where_judging_every_pair_does_whatever_came_first() {
    let heaviest = Weights([1_000; 10]);
    let (mut full, mut barred) = (0, 0);
    for seed in 0..60 {
        let weights = if seed % 3 == 0 { heaviest } else { Weights::default() };
        let mut dice = Dice(seed);
        let (mut needs, mut offers) = (Vec::new(), Vec::new());
        for id in 0..60 {
            let (key, need, offer) = random(&mut dice, id);
            needs.push((key, need));
            offers.push((key, offer));
        }
        let mut matcher = Matcher::new(weights, today());
        let mut order: Vec<usize> = (0..120).collect();
        (0..120).for_each(|i| order.swap(i, dice.below(120)));
        // Some come first as something else, some are gone in between, and some are asked for all the while.
        for _ in 0..200 {
            let (at, with) = (dice.below(60), dice.below(60));
            match dice.below(4) {
                0 => matcher.set_need(needs[at].0, Some(needs[with].1.clone())),
                1 => matcher.set_offer(offers[at].0, Some(offers[with].1.clone())),
                2 => matcher.set_need(needs[at].0, None),
                _ => matcher.set_offer(offers[at].0, None),
            }
            matcher.offers_for(&needs[with].0);
            matcher.needs_for(&offers[dice.below(60)].0);
        }
        for i in order {
            match i < 60 {
                true => matcher.set_need(needs[i].0, Some(needs[i].1.clone())),
                false => matcher.set_offer(offers[i - 60].0, Some(offers[i - 60].1.clone())),
            }
        }
        let judged = |need: &NeedFacts, offer: &OfferFacts| judge(need, offer, &weights, today());
        for (key, need) in &needs {
            let due = naive(&offers, |offer| judged(need, offer));
            full += usize::from((due.open + due.shut) as usize > BEST_MAX);
            barred += due.barred;
            assert_eq!(matcher.open_offers(key), Some(due.open), "seed {seed}");
            assert_eq!(matcher.offers_for(key), Some(due), "seed {seed}");
        }
        for (key, offer) in &offers {
            assert_eq!(
                matcher.needs_for(key),
                Some(naive(&needs, |need| judged(need, offer))),
                "seed {seed}"
            );
        }
        assert_eq!(matcher.len(), (60, 60));
    }
    assert!(full > 500 && barred > 500, "{full} {barred}");
}
