//! Each criterion by itself: the table of SPEC.md section 16.2.

use super::facts::{NeedFacts, OfferFacts, Price};
use super::{Exclusion, Exclusions, Match, Share, WHOLE, Weights, Why};
use crate::exchange::day::{Day, FIRST, LAST};

/// Places of the delivery modes in the published list.
const HYBRID: u8 = 1 << 2;
/// In person, or online.
const EITHER: u8 = 1 | 1 << 1;

/// Compares a need with an offer; `None` where they share no theme, or where one party wrote both. `today` decides
/// what is past.
pub fn judge(need: &NeedFacts, offer: &OfferFacts, weights: &Weights, today: Day) -> Option<Match> {
    let shared = need.themes.shared(&offer.themes);
    if shared == 0 || need.party == offer.party {
        return None;
    }
    let shares = [
        theme(shared, need.themes.count),
        place(need, offer),
        offer_type(need, offer),
        delivery(need.modes, offer.modes),
        language(need, offer),
        window(need.window, offer.window),
        capacity(need, offer),
        eligibility(need, offer),
        cost(offer),
        terms(need, offer),
    ];
    Some(Match { score: weights.score(&shares), shares, exclusions: exclusions(need, offer, today) })
}

const FULL: Share = Share { share: WHOLE, why: Why::Full };

fn some(share: u8, why: Why) -> Share {
    Share { share, why }
}

/// `part` of `all`, in sixtieths, rounded down, and at least one where there is any.
fn part_of(part: u64, all: u64, why: Why) -> Share {
    if part >= all {
        return FULL;
    }
    let sixtieths = u128::from(part) * u128::from(WHOLE) / u128::from(all.max(1));
    some(u8::try_from(sixtieths).unwrap_or(WHOLE).max(1), why)
}

fn theme(shared: u32, asked: u32) -> Share {
    part_of(shared.into(), asked.into(), Why::ThemePart)
}

fn place(need: &NeedFacts, offer: &OfferFacts) -> Share {
    if need.countries.is_empty() || need.countries.within(&offer.named) {
        FULL
    } else if !offer.has_place {
        some(40, Why::PlaceOpen)
    } else if need.countries.within(&offer.area) {
        some(48, Why::PlaceRegion)
    } else if need.countries.meets(&offer.area) {
        some(24, Why::PlacePart)
    } else {
        some(0, Why::PlaceOther)
    }
}

fn offer_type(need: &NeedFacts, offer: &OfferFacts) -> Share {
    match need.types == 0 || need.types & offer.offer_type != 0 {
        true => FULL,
        false => some(0, Why::TypeOther),
    }
}

fn delivery(asked: u8, given: u8) -> Share {
    let near = (asked & HYBRID != 0 && given & EITHER != 0) || (given & HYBRID != 0 && asked & EITHER != 0);
    if asked == 0 || asked & given != 0 {
        FULL
    } else if given == 0 {
        some(30, Why::DeliveryUnstated)
    } else if near {
        some(40, Why::DeliveryNear)
    } else {
        some(0, Why::DeliveryOther)
    }
}

fn language(need: &NeedFacts, offer: &OfferFacts) -> Share {
    if need.languages.is_empty() || need.languages.shared(&offer.languages) > 0 {
        FULL
    } else if offer.languages.is_empty() {
        some(30, Why::LanguageUnstated)
    } else {
        some(0, Why::LanguageOther)
    }
}

fn window((from, until): (Day, Day), (first, last): (Day, Day)) -> Share {
    let (begin, end) = (from.max(first), until.min(last));
    if end < begin {
        return some(0, Why::WindowApart);
    }
    // Of a span without an end no part can be counted: some of it is there, and that is all that can be said.
    if from == FIRST || until == LAST {
        return FULL;
    }
    let days = |a: Day, b: Day| u64::try_from(i64::from(b) - i64::from(a) + 1).unwrap_or(0);
    part_of(days(begin, end), days(from, until), Why::WindowPart)
}

fn capacity(need: &NeedFacts, offer: &OfferFacts) -> Share {
    let Some(asked) = &need.asked else { return FULL };
    match &offer.capacity {
        None => some(30, Why::CapacityUnstated),
        Some(given) if given.unit != asked.unit => some(20, Why::CapacityUnit),
        Some(given) => part_of(given.amount, asked.amount, Why::CapacityPart),
    }
}

fn eligibility(need: &NeedFacts, offer: &OfferFacts) -> Share {
    if offer.open_to_all || (!need.countries.is_empty() && need.countries.within(&offer.may)) {
        FULL
    } else if need.countries.is_empty() {
        some(30, Why::EligibilityUnknown)
    } else if need.countries.meets(&offer.may) {
        some(30, Why::EligibilityPart)
    } else {
        some(0, Why::EligibilityNone)
    }
}

fn cost(offer: &OfferFacts) -> Share {
    match offer.price {
        Price::Free => FULL,
        Price::Unstated => some(30, Why::CostUnstated),
        Price::Priced => some(15, Why::CostPrice),
    }
}

fn terms(need: &NeedFacts, offer: &OfferFacts) -> Share {
    if !need.has_terms {
        return FULL;
    }
    if need.terms.conflict(&offer.terms) {
        some(0, Why::TermsConflict)
    } else if offer.has_conditions {
        some(30, Why::TermsConditions)
    } else {
        FULL
    }
}

fn exclusions(need: &NeedFacts, offer: &OfferFacts, today: Day) -> Exclusions {
    let of = need.countries;
    // A need that is for nobody in particular is shut off by nothing.
    let shut = !of.is_empty() && !of.meets(&offer.may);
    let excluded = shut
        && of.and(offer.eligible.named).within(&offer.eligible.excluded)
        && of.meets(&offer.eligible.excluded);
    let unreachable = !of.is_empty() && offer.reachable.is_some_and(|r| !of.meets(&r));
    Exclusions::default()
        .with(Exclusion::Excluded, excluded)
        .with(Exclusion::NotEligible, shut && !excluded)
        .with(Exclusion::NotReachable, unreachable)
        .with(Exclusion::OfferPast, offer.window.1 < today)
        .with(Exclusion::NeedPast, need.window.1 < today)
}
