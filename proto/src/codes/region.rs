//! Regions, sub-regions and intermediate regions of UN M49, as one tree under the world (001).
//!
//! M49 places each country once in this tree; its other groupings (003 North America, 830 Channel Islands)
//! cut across it and are not part of it.

use std::iter;
use std::sync::LazyLock;

use crate::codes::country;
use crate::codes::names::Names;
use crate::codes::source::Source;
use crate::codes::table;

/// Where the table comes from.
pub const SOURCE: Source = Source {
    title: "Standard country or area codes for statistical use (M49): geographic regions",
    publisher: "United Nations Statistics Division",
    version: "codes as in country-codes of 2026-05-15; names in six languages as used by the United Nations",
    url: "https://unstats.un.org/unsd/methodology/m49/",
};

/// The code of the world: it contains every country and area.
pub const WORLD: &str = "001";

/// A region of any level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// M49 code, three digits.
    pub code: &'static str,
    /// Code of the region that it is part of; only the world has none.
    pub parent: Option<&'static str>,
    /// Names in the six languages.
    pub names: Names,
}

/// Every region, parents before the regions in them.
pub fn all() -> &'static [Region] {
    &REGIONS
}

/// Finds by M49 code or by a name in any of the six languages, whatever the case.
pub fn find(code: &str) -> Option<&'static Region> {
    let code = code.trim();
    all().iter().find(|region| region.code == code || region.names.matches(code))
}

/// True where the country lies in the region, at whatever level; false where either is unknown.
pub fn contains(region_code: &str, country_alpha2: &str) -> bool {
    let Some(country) = country::by_alpha2(country_alpha2) else { return false };
    let narrowest = country.narrowest_region().unwrap_or(WORLD);
    ancestry(narrowest).any(|region| region.code == region_code)
}

/// The region and everything that it is part of, from the narrowest to the world; empty for an unknown code.
pub fn ancestry(code: &str) -> impl Iterator<Item = &'static Region> {
    iter::successors(by_code(code), |region| by_code(region.parent?))
}

fn by_code(code: &str) -> Option<&'static Region> {
    all().iter().find(|region| region.code == code)
}

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| {
    table::rows(include_str!("regions.tsv"))
        .map(|[code, parent, en, fr, es, ru, zh, ar]| Region {
            code,
            parent: table::optional(parent),
            names: Names::new([en, fr, es, ru, zh, ar]),
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parent_exists_and_stands_before() {
        for (place, region) in all().iter().enumerate() {
            assert_eq!(region.parent.is_none(), region.code == WORLD, "{region:?}");
            if let Some(parent) = region.parent {
                assert!(all()[..place].iter().any(|before| before.code == parent), "{region:?}");
            }
            assert!(region.names.all().iter().all(|name| !name.is_empty()), "{region:?}");
        }
    }

    #[test]
    fn regions_of_countries_exist_and_hang_together() {
        for country in country::all() {
            let codes = [country.intermediate, country.sub_region, country.region];
            let path: Vec<&str> = codes.into_iter().flatten().chain([WORLD]).collect();
            let walked: Vec<&str> = ancestry(path[0]).map(|region| region.code).collect();
            assert_eq!(walked, path, "{country:?}");
        }
    }

    #[test]
    fn tuvalu_is_in_polynesia_and_fiji_in_melanesia() {
        assert!(contains("009", "TV") && contains("061", "TV") && !contains("054", "TV"));
        assert!(contains("054", "FJ") && contains("009", "fj") && !contains("061", "FJ"));
        assert!(contains("202", "KE") && contains("014", "KE") && contains("002", "KE"));
        assert!(country::all().iter().all(|country| contains(WORLD, country.alpha2)));
        assert!(!contains("009", "ZZ") && !contains("999", "TV"));
    }

    #[test]
    fn a_region_is_found_by_code_and_by_name() {
        for name in ["061", "polynesia", "Polynésie", "ПОЛИНЕЗИЯ", "波利尼西亚", "بولينيزيا"]
        {
            assert_eq!(find(name).map(|region| region.code), Some("061"), "{name}");
        }
        assert_eq!(find("atlantis"), None);
        assert_eq!(find(""), None);
    }
}
