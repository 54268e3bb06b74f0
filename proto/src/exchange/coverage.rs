//! Coverage: which states and sub-regions have no hub, and which needs have no offer (SPEC.md section 16.5).

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::{country::Country, region};
use crate::exchange::day::Day;
use crate::exchange::matching::Key;
use crate::exchange::place::Countries;

/// A need, as coverage sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    /// Which.
    pub key: Key,
    /// The countries that it is for.
    pub countries: Countries,
    /// Its themes.
    pub themes: Vec<String>,
    /// The day on which its first revision is dated; a day that lies ahead counts as today.
    pub since: Day,
    /// Offers that match it and that nothing shuts off.
    pub open_offers: u32,
    /// An engagement has been accepted for it, and did not end without result.
    pub met: bool,
}

/// What is known here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Countries that a hub is for: of each hub its own, and those in the regions that it names.
    pub hubs: Countries,
    /// Countries with an organisation that a hub has admitted.
    pub admitted: Countries,
    /// All needs.
    pub needs: Vec<Need>,
}

/// Counts of needs, each need once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// All.
    pub needs: u32,
    /// Not met.
    pub unmet: u32,
    /// Not met, and no offer matches that is not shut off.
    pub without_offer: u32,
    /// Those without an offer, by theme: one with several themes counts at each.
    pub themes_without_offer: BTreeMap<String, u32>,
    /// Days that the oldest unmet need has waited.
    pub longest_days: u32,
}

/// One country.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountryRow {
    /// Which.
    pub country: &'static Country,
    /// A hub is for it.
    pub hub: bool,
    /// An organisation of it is admitted.
    pub admitted: bool,
    /// Its needs.
    pub counts: Counts,
}

/// One region of the narrowest level that M49 has there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegionRow {
    /// M49 code.
    pub region: &'static str,
    /// Countries in it.
    pub countries: u32,
    /// Of them, those that a hub is for.
    pub with_hub: u32,
    /// Of them, those with an admitted organisation.
    pub admitted: u32,
    /// Needs for any of them.
    pub counts: Counts,
}

/// Every country of a set, those with the longest unmet need first, then by code.
pub fn countries(facts: &Facts, within: Countries, today: Day) -> Vec<CountryRow> {
    let row = |country: &'static Country| {
        let own = Countries::one(country.alpha2);
        CountryRow {
            country,
            hub: own.meets(&facts.hubs),
            admitted: own.meets(&facts.admitted),
            counts: count(facts, own, today),
        }
    };
    let mut rows: Vec<CountryRow> = within.iter().map(row).collect();
    rows.sort_by_key(|r| (std::cmp::Reverse((r.counts.longest_days, r.counts.unmet)), r.country.alpha2));
    rows
}

/// Every narrowest region with countries of a set, those with the longest unmet need first, then by code.
pub fn regions(facts: &Facts, within: Countries, today: Day) -> Vec<RegionRow> {
    let narrowest: BTreeSet<&'static str> =
        within.iter().map(|c| c.narrowest_region().unwrap_or(region::WORLD)).collect();
    let row = |region: &'static str| {
        let mut inside = Countries::NONE;
        // Not all that lies in the region, but what no narrower region takes: each country is in one row.
        for country in within.iter().filter(|c| c.narrowest_region().unwrap_or(region::WORLD) == region) {
            inside.add(country.alpha2);
        }
        RegionRow {
            region,
            countries: inside.count(),
            with_hub: inside.and(facts.hubs).count(),
            admitted: inside.and(facts.admitted).count(),
            counts: count(facts, inside, today),
        }
    };
    let mut rows: Vec<RegionRow> = narrowest.into_iter().map(row).collect();
    rows.sort_by_key(|r| (std::cmp::Reverse((r.counts.longest_days, r.counts.unmet)), r.region));
    rows
}

/// Needs of a set of countries that are not met, the longest waiting first, then by key.
pub fn unmet(facts: &Facts, within: Countries) -> Vec<&Need> {
    let mut unmet: Vec<&Need> = facts.needs.iter().filter(|n| !n.met && n.countries.meets(&within)).collect();
    unmet.sort_by_key(|n| (n.since, n.key));
    unmet
}

/// Days that a need has waited.
pub fn waiting(need: &Need, today: Day) -> u32 {
    u32::try_from(i64::from(today) - i64::from(need.since)).unwrap_or(0)
}

fn count(facts: &Facts, of: Countries, today: Day) -> Counts {
    let mut counts = Counts::default();
    for need in facts.needs.iter().filter(|n| n.countries.meets(&of)) {
        counts.needs += 1;
        if need.met {
            continue;
        }
        counts.unmet += 1;
        counts.longest_days = counts.longest_days.max(waiting(need, today));
        if need.open_offers == 0 {
            counts.without_offer += 1;
            let themes: BTreeSet<&String> = need.themes.iter().collect();
            for theme in themes {
                *counts.themes_without_offer.entry(theme.clone()).or_default() += 1;
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::{PartyId, RecordId};

    fn need(id: u8, countries: &[&str], since: Day, open_offers: u32, met: bool) -> Need {
        let mut set = Countries::NONE;
        countries.iter().for_each(|c| set.add(c));
        Need {
            key: (PartyId([1; 32]), RecordId([id; 16])),
            countries: set,
            themes: vec!["cybercrime".to_owned(), "cybercrime".to_owned()],
            since,
            open_offers,
            met,
        }
    }

    #[test]
    fn the_longest_wait_comes_first_and_states_without_a_hub_are_there() {
        let facts = Facts {
            hubs: Countries::of_region("061"),
            admitted: Countries::one("TV"),
            needs: vec![
                need(1, &["TV"], 90, 0, false),
                need(2, &["WS", "TV"], 50, 2, false),
                need(3, &["FJ"], 0, 0, true),
            ],
        };
        let rows = countries(&facts, Countries::of_region("009"), 100);
        assert_eq!(rows.len() as u32, Countries::of_region("009").count());
        let row = |alpha2: &str| rows.iter().find(|r| r.country.alpha2 == alpha2).unwrap();
        assert_eq!((rows[0].country.alpha2, rows[1].country.alpha2), ("TV", "WS"));
        let tuvalu = row("TV");
        assert_eq!(
            (tuvalu.counts.needs, tuvalu.counts.without_offer, tuvalu.counts.longest_days),
            (2, 1, 50)
        );
        assert_eq!(tuvalu.counts.themes_without_offer, BTreeMap::from([("cybercrime".to_owned(), 1)]));
        assert!(tuvalu.hub && tuvalu.admitted && !row("FJ").hub && row("FJ").counts.unmet == 0);
        let regions = regions(&facts, Countries::of_region("009"), 100);
        let codes: Vec<_> = regions.iter().map(|r| r.region).collect();
        assert_eq!(codes, ["061", "053", "054", "057"]);
        // A need for two of its countries counts once.
        assert_eq!(regions[0].counts.needs, 2);
        let longest: Vec<u8> = unmet(&facts, Countries::all()).iter().map(|n| n.key.1.0[0]).collect();
        assert_eq!(longest, [2, 1]);
        // In whatever order the records came.
        let mut turned = facts.clone();
        turned.needs.reverse();
        assert_eq!(super::regions(&turned, Countries::of_region("009"), 100), regions);
        assert_eq!(countries(&turned, Countries::of_region("009"), 100), rows);
        assert_eq!(unmet(&turned, Countries::all()), unmet(&facts, Countries::all()));
    }
}
