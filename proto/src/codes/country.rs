//! Countries and areas: ISO 3166-1 codes, M49 numbers and regions, names, and the groups LDC, LLDC, SIDS.
//!
//! The table takes its facts from `country-codes` (see [`SOURCE`]). It departs from that file in these rows:
//! names where the file is not as published by UN M49 (CI, FK, MF, NL in English, SX in Spanish) or, for a
//! code that M49 does not list, by ISO 3166-1 (TW: its other languages follow the same form, its place among
//! the regions is the file's); names that the
//! file breaks off or inflects (AQ, AX, CC, CX, KY in Russian; IO, NL, UM in Arabic); and ST, which left the
//! group of least developed countries on 13 December 2024. Further names that people search by are in the
//! last column; they are never shown.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::codes::names::{Names, fold, without_qualifier};
use crate::codes::source::Source;
use crate::codes::table;

/// Where the table comes from.
pub const SOURCE: Source = Source {
    title: "ISO 3166-1 and UN M49 codes and names, with the LDC, LLDC and SIDS groups (country-codes, PDDL-1.0)",
    publisher: "datasets/country-codes, from ISO, the UN Statistics Division and CLDR",
    version: "2026-05-15, commit caa72d1e0e5af8876c170bb36a9e4d64a01bba88",
    url: "https://github.com/datasets/country-codes",
};

/// A country or area that has an ISO 3166-1 code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Country {
    /// ISO 3166-1 alpha-2, upper case.
    pub alpha2: &'static str,
    /// ISO 3166-1 alpha-3, upper case.
    pub alpha3: &'static str,
    /// The numeric code of M49 and ISO 3166-1, three digits.
    pub m49: &'static str,
    /// Names in the six languages.
    pub names: Names,
    /// M49 code of the region; one area has none.
    pub region: Option<&'static str>,
    /// M49 code of the sub-region.
    pub sub_region: Option<&'static str>,
    /// M49 code of the intermediate region, in Africa and in Latin America and the Caribbean.
    pub intermediate: Option<&'static str>,
    /// Among the least developed countries.
    pub ldc: bool,
    /// Among the landlocked developing countries.
    pub lldc: bool,
    /// Among the small island developing States.
    pub sids: bool,
}

impl Country {
    /// The narrowest M49 region that the table places it in.
    pub fn narrowest_region(&self) -> Option<&'static str> {
        self.intermediate.or(self.sub_region).or(self.region)
    }
}

/// Every country and area, by alpha-2 code.
pub fn all() -> &'static [Country] {
    &TABLE.countries
}

/// Finds by alpha-2, alpha-3 or M49 code, or by a name in any of the six languages, whatever the case.
///
/// A name is also found without its bracketed qualifier, where only one country answers to it.
pub fn find(code: &str) -> Option<&'static Country> {
    let place = TABLE.places.get(&fold(code)).copied().flatten()?;
    TABLE.countries.get(place)
}

/// Finds by alpha-2 code alone, whatever the case.
pub fn by_alpha2(code: &str) -> Option<&'static Country> {
    all().iter().find(|country| country.alpha2.eq_ignore_ascii_case(code))
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("countries.tsv")));

struct Table {
    countries: Vec<Country>,
    /// Folded code or name to its place; `None` where several countries answer to it.
    places: HashMap<String, Option<usize>>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let rows: Vec<[&'static str; 14]> = table::rows(text).collect();
        let countries: Vec<Country> = rows.iter().copied().map(country).collect();
        let mut places = HashMap::new();
        // Codes, then names, then shortened names: what stands already is not displaced.
        add(&mut places, &countries, |place| {
            let country = &countries[place];
            vec![country.alpha2, country.alpha3, country.m49]
        });
        add(&mut places, &countries, |place| full_names(&rows[place]));
        add(&mut places, &countries, |place| {
            full_names(&rows[place]).into_iter().filter_map(without_qualifier).collect()
        });
        Self { countries, places }
    }
}

/// Adds one kind of key; a key that two countries share leads to neither.
fn add(
    places: &mut HashMap<String, Option<usize>>,
    countries: &[Country],
    keys_of: impl Fn(usize) -> Vec<&'static str>,
) {
    let mut added: HashMap<String, Option<usize>> = HashMap::new();
    for place in 0..countries.len() {
        for key in keys_of(place).into_iter().map(fold) {
            let found = added.entry(key).or_insert(Some(place));
            if *found != Some(place) {
                *found = None;
            }
        }
    }
    for (key, place) in added {
        places.entry(key).or_insert(place);
    }
}

/// The six names and the further names that people search by.
fn full_names(row: &[&'static str; 14]) -> Vec<&'static str> {
    let [.., en, fr, es, ru, zh, ar, aliases] = *row;
    let further = aliases.split(';').filter(|alias| !alias.is_empty());
    [en, fr, es, ru, zh, ar].into_iter().chain(further).collect()
}

fn country(row: [&'static str; 14]) -> Country {
    let [alpha2, alpha3, m49, intermediate, sub_region, region, groups, en, fr, es, ru, zh, ar, _] = row;
    let in_group = |group| groups.split(',').any(|known| known == group);
    Country {
        alpha2,
        alpha3,
        m49,
        names: Names::new([en, fr, es, ru, zh, ar]),
        region: table::optional(region),
        sub_region: table::optional(sub_region),
        intermediate: table::optional(intermediate),
        ldc: in_group("ldc"),
        lldc: in_group("lldc"),
        sids: in_group("sids"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::language::Lang;

    fn alpha2(code: &str) -> Option<&'static str> {
        find(code).map(|country| country.alpha2)
    }

    #[test]
    fn every_country_has_its_codes_and_six_names() {
        assert_eq!(all().len(), 249);
        assert!(all().is_sorted_by(|one, next| one.alpha2 < next.alpha2));
        for country in all() {
            assert_eq!(
                (country.alpha2.len(), country.alpha3.len(), country.m49.len()),
                (2, 3, 3),
                "{country:?}"
            );
            for lang in Lang::ALL {
                assert!(!country.names.name(lang).trim().is_empty(), "{country:?}");
            }
        }
    }

    #[test]
    fn every_code_and_every_name_leads_back_to_its_country() {
        for country in all() {
            let codes = [country.alpha2, country.alpha3, country.m49];
            for key in codes.into_iter().chain(country.names.all()) {
                assert_eq!(alpha2(key), Some(country.alpha2), "{key}");
            }
        }
    }

    #[test]
    fn tuvalu_is_found_in_any_language() {
        let keys = ["TV", "tv", "TUV", "798", "tuvalu", " Tuvalu ", "Тувалу", "ТУВАЛУ", "图瓦卢", "توفالو"];
        for key in keys {
            assert_eq!(alpha2(key), Some("TV"), "{key}");
        }
        let tuvalu = by_alpha2("tv").expect("in the table");
        assert!(tuvalu.ldc && tuvalu.sids && !tuvalu.lldc);
        assert_eq!((tuvalu.region, tuvalu.sub_region), (Some("009"), Some("061")));
        assert_eq!(tuvalu.names.name(Lang::Fr), "Tuvalu");
    }

    #[test]
    fn short_forms_and_apostrophes_find_their_country() {
        let keys = [
            ("Bolivia", "BO"),
            ("côte d'ivoire", "CI"),
            ("Netherlands", "NL"),
            ("United Kingdom", "GB"),
            ("Micronesia", "FM"),
        ];
        for (key, expected) in keys {
            assert_eq!(alpha2(key), Some(expected), "{key}");
        }
    }

    #[test]
    fn what_is_unknown_or_shared_is_not_found() {
        for key in ["", " ", "ZZ", "atlantis", "999", "Saint-Martin", "("] {
            assert_eq!(alpha2(key), None, "{key}");
        }
        assert_eq!(by_alpha2("TUV"), None);
    }

    #[test]
    fn the_groups_have_their_published_size() {
        let count = |flag: fn(&Country) -> bool| all().iter().filter(|country| flag(country)).count();
        assert_eq!(count(|country| country.ldc), 44);
        assert_eq!(count(|country| country.lldc), 32);
        assert_eq!(count(|country| country.sids), 53);
    }
}
