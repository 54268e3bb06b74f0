//! Sets of countries as bits, so that ten thousand records can be compared with ten thousand others.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::codes::{country, region};
use crate::v1::Eligibility;

/// Words of 64 bits; the table has 249 countries and areas.
const WORDS: usize = 4;
/// Countries of which a list is quicker than the bits.
pub const FEW: usize = 4;

/// Countries of the shipped table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Countries([u64; WORDS]);

impl Countries {
    /// None.
    pub const NONE: Self = Self([0; WORDS]);

    /// All of the table.
    pub fn all() -> Self {
        let mut set = Self::NONE;
        (0..country::all().len()).for_each(|place| set.set(place));
        set
    }

    /// Those that a list of alpha-2 codes and a list of M49 codes name; unknown codes name nothing.
    pub fn named(countries: &[String], regions: &[String]) -> Self {
        let mut set = Self::NONE;
        countries.iter().for_each(|code| set.add(code));
        regions.iter().for_each(|code| set = set.or(Self::of_region(code)));
        set
    }

    /// One country; none where the code is unknown.
    pub fn one(alpha2: &str) -> Self {
        let mut set = Self::NONE;
        set.add(alpha2);
        set
    }

    /// Those of a region at any level; none where the code is unknown.
    pub fn of_region(code: &str) -> Self {
        REGIONS.get(code).copied().unwrap_or(Self::NONE)
    }

    /// Those of a group: `ldc`, `lldc` or `sids`; none for any other.
    pub fn of_group(code: &str) -> Self {
        GROUPS.get(code).copied().unwrap_or(Self::NONE)
    }

    /// Adds one by its alpha-2 code.
    pub fn add(&mut self, alpha2: &str) {
        if let Ok(place) = country::all().binary_search_by(|c| c.alpha2.cmp(alpha2)) {
            self.set(place);
        }
    }

    /// In either.
    pub fn or(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        self
    }

    /// In both.
    pub fn and(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        self
    }

    /// In this one and not in the other.
    pub fn without(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= !b);
        self
    }

    /// True where no country is in it.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// True where one is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    /// True where all of these are in the other.
    pub fn within(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a & !b == 0)
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Each, by alpha-2 code.
    pub fn iter(&self) -> impl Iterator<Item = &'static country::Country> + '_ {
        country::all().iter().enumerate().filter(|(place, _)| self.has(*place)).map(|(_, c)| c)
    }

    /// True where the country at a place of the table is in it.
    pub fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// The places in the table of its countries, where they are one to `FEW`; the first stands for those that are not.
    pub fn few(&self) -> Option<[u8; FEW]> {
        if self.is_empty() || self.count() as usize > FEW {
            return None;
        }
        let mut places = (0..country::all().len()).filter(|place| self.has(*place)).map(|place| place as u8);
        let first = places.next()?;
        let mut few = [first; FEW];
        few.iter_mut().skip(1).zip(places).for_each(|(at, place)| *at = place);
        Some(few)
    }

    fn set(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }
}

/// Whom an eligibility rule lets in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Eligible {
    /// Named by the rule, exclusions not yet taken off; all where it names nobody.
    pub named: Countries,
    /// Excluded by name.
    pub excluded: Countries,
}

impl Eligible {
    /// What a rule says; without a rule everybody is eligible.
    pub fn of(rule: Option<&Eligibility>) -> Self {
        let Some(rule) = rule else { return Self { named: Countries::all(), excluded: Countries::NONE } };
        let mut named = Countries::named(&rule.countries, &rule.regions);
        rule.groups.iter().for_each(|g| named = named.or(Countries::of_group(g)));
        if rule.countries.is_empty() && rule.regions.is_empty() && rule.groups.is_empty() {
            named = Countries::all();
        }
        Self { named, excluded: Countries::named(&rule.excluded_countries, &[]) }
    }

    /// Those who may take it up.
    pub fn countries(&self) -> Countries {
        self.named.without(self.excluded)
    }
}

static REGIONS: LazyLock<BTreeMap<&'static str, Countries>> = LazyLock::new(|| {
    let mut regions = BTreeMap::new();
    for country in country::all() {
        let narrowest = country.narrowest_region().unwrap_or(region::WORLD);
        for region in region::ancestry(narrowest) {
            regions.entry(region.code).or_insert(Countries::NONE).add(country.alpha2);
        }
    }
    regions
});

static GROUPS: LazyLock<BTreeMap<&'static str, Countries>> = LazyLock::new(|| {
    let mut groups =
        BTreeMap::from([("ldc", Countries::NONE), ("lldc", Countries::NONE), ("sids", Countries::NONE)]);
    for country in country::all() {
        for (code, is_in) in [("ldc", country.ldc), ("lldc", country.lldc), ("sids", country.sids)] {
            if let Some(group) = groups.get_mut(code).filter(|_| is_in) {
                group.add(country.alpha2);
            }
        }
    }
    groups
});

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(set: Countries) -> Vec<&'static str> {
        set.iter().map(|c| c.alpha2).collect()
    }

    #[test]
    fn regions_and_groups_hold_what_the_table_says() {
        for region in region::all() {
            let due: Vec<_> = country::all().iter().map(|c| c.alpha2).collect();
            let due: Vec<_> = due.into_iter().filter(|c| region::contains(region.code, c)).collect();
            assert_eq!(codes(Countries::of_region(region.code)), due, "{}", region.code);
        }
        assert_eq!(Countries::of_group("lldc").count(), 32);
        assert_eq!(Countries::of_region("999"), Countries::NONE);
        assert_eq!(Countries::one("ZZ"), Countries::NONE);
        assert_eq!(Countries::all().count() as usize, country::all().len());
    }

    #[test]
    fn an_eligibility_rule_lets_in_whom_it_names_and_keeps_its_exclusions() {
        let text = |codes: &[&str]| codes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        assert_eq!(Eligible::of(None).countries(), Countries::all());
        let rule =
            Eligibility { groups: text(&["sids"]), countries: text(&["AT"]), ..Eligibility::default() };
        let eligible = Eligible::of(Some(&rule)).countries();
        assert!(Countries::one("TV").within(&eligible) && Countries::one("AT").within(&eligible));
        assert!(!Countries::one("DE").within(&eligible));
        let rule = Eligibility { excluded_countries: text(&["TV"]), ..Eligibility::default() };
        assert_eq!(codes(Countries::all().without(Eligible::of(Some(&rule)).countries())), ["TV"]);
    }
}
