//! Each criterion by itself: the table of SPEC.md section 16.2.

use super::facts::{Amount, Entry, Giving, NeedFacts, OfferFacts, Place, Price, Terms, Ways, Words};
use super::{Exclusion, Exclusions, Match, Share, WHOLE, Weights, Why};
use crate::exchange::day::{Day, FIRST, LAST};
use crate::exchange::place::Countries;

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
        place(&need.countries, &offer.place),
        offer_type(need.ways, offer.ways),
        delivery(need.ways, offer.ways),
        language(&need.languages, &offer.languages),
        window(need.window, offer.window),
        capacity(need.asked.as_ref(), offer.capacity.as_ref()),
        eligibility(&need.countries, &offer.entry),
        cost(&offer.giving),
        terms(need.terms.as_ref(), &offer.giving),
    ];
    let exclusions = barred(&need.countries, &offer.entry).and(past(need.window, offer.window, today));
    let exclusions = exclusions.and(asked(need.reach.as_ref(), &offer.home));
    Some(Match { score: weights.score(&shares), shares, exclusions })
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

pub(super) fn theme(shared: u32, asked: u32) -> Share {
    part_of(shared.into(), asked.into(), Why::ThemePart)
}

pub(super) fn place(countries: &Countries, place: &Place) -> Share {
    if countries.is_empty() || countries.within(&place.named) {
        FULL
    } else if !place.stated {
        some(40, Why::PlaceOpen)
    } else if countries.within(&place.area) {
        some(48, Why::PlaceRegion)
    } else if countries.meets(&place.area) {
        some(24, Why::PlacePart)
    } else {
        some(0, Why::PlaceOther)
    }
}

pub(super) fn offer_type(asked: Ways, given: Ways) -> Share {
    match asked.types == 0 || asked.types & given.types != 0 {
        true => FULL,
        false => some(0, Why::TypeOther),
    }
}

pub(super) fn delivery(Ways { modes: asked, .. }: Ways, Ways { modes: given, .. }: Ways) -> Share {
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

pub(super) fn language(asked: &Words, given: &Words) -> Share {
    if asked.is_empty() || asked.shared(given) > 0 {
        FULL
    } else if given.is_empty() {
        some(30, Why::LanguageUnstated)
    } else {
        some(0, Why::LanguageOther)
    }
}

pub(super) fn window((from, until): (Day, Day), (first, last): (Day, Day)) -> Share {
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

pub(super) fn capacity(asked: Option<&Amount>, given: Option<&Amount>) -> Share {
    let Some(asked) = asked else { return FULL };
    match given {
        None => some(30, Why::CapacityUnstated),
        Some(given) if given.unit != asked.unit => some(20, Why::CapacityUnit),
        Some(given) => part_of(given.amount, asked.amount, Why::CapacityPart),
    }
}

pub(super) fn eligibility(countries: &Countries, entry: &Entry) -> Share {
    if entry.open_to_all || (!countries.is_empty() && countries.within(&entry.may)) {
        FULL
    } else if countries.is_empty() {
        some(30, Why::EligibilityUnknown)
    } else if countries.meets(&entry.may) {
        some(30, Why::EligibilityPart)
    } else {
        some(0, Why::EligibilityNone)
    }
}

pub(super) fn cost(giving: &Giving) -> Share {
    match giving.price {
        Price::Free => FULL,
        Price::Unstated => some(30, Why::CostUnstated),
        Price::Priced => some(15, Why::CostPrice),
    }
}

pub(super) fn terms(terms: Option<&Terms>, giving: &Giving) -> Share {
    let Some(terms) = terms else { return FULL };
    if terms.conflict(&giving.terms) {
        some(0, Why::TermsConflict)
    } else if giving.has_conditions {
        some(30, Why::TermsConditions)
    } else {
        FULL
    }
}

/// What shuts an offer off by its rule or its reach.
pub(super) fn barred(countries: &Countries, entry: &Entry) -> Exclusions {
    // A need that is for nobody in particular is shut off by nothing.
    let shut = !countries.is_empty() && !countries.meets(&entry.may);
    let excluded = shut
        && countries.and(entry.eligible.named).within(&entry.eligible.excluded)
        && countries.meets(&entry.eligible.excluded);
    let unreachable = !countries.is_empty() && entry.reachable.is_some_and(|r| !countries.meets(&r));
    Exclusions::default()
        .with(Exclusion::Excluded, excluded)
        .with(Exclusion::NotEligible, shut && !excluded)
        .with(Exclusion::NotReachable, unreachable)
}

/// What shuts it off because the need's author has not yet asked so far.
pub(super) fn asked(reach: Option<&Countries>, home: &Countries) -> Exclusions {
    Exclusions::default().with(Exclusion::NotAsked, reach.is_some_and(|asked| !asked.meets(home)))
}

/// What shuts it off by its day.
pub(super) fn past(need: (Day, Day), offer: (Day, Day), today: Day) -> Exclusions {
    Exclusions::default()
        .with(Exclusion::OfferPast, offer.1 < today)
        .with(Exclusion::NeedPast, need.1 < today)
}
