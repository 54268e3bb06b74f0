//! Currency codes (ISO 4217).

use std::sync::LazyLock;

use crate::codes::source::Source;
use crate::codes::table;

/// Where the list comes from.
pub const SOURCE: Source = Source {
    title: "ISO 4217 currency and fund codes, list one (current), alphabetic codes",
    publisher: "ISO 4217 Maintenance Agency",
    version: "as of 2026-01-01",
    url: "https://www.six-group.com/en/products-services/financial-information/data-standards.html",
};

/// Every current alphabetic code, in order.
pub fn all() -> &'static [&'static str] {
    &CODES
}

/// True for a current alphabetic code in upper case.
pub fn is_known(code: &str) -> bool {
    all().binary_search(&code).is_ok()
}

static CODES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| table::rows(include_str!("currencies.tsv")).map(|[code]| code).collect());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_made_of_three_letters() {
        assert!(all().is_sorted_by(|one, next| one < next));
        assert!(
            all().iter().all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        );
    }

    #[test]
    fn current_codes_are_known_and_others_are_not() {
        for code in ["AUD", "EUR", "FJD", "WST", "TOP", "VUV", "XPF", "XDR", "ZWG", "XCG"] {
            assert!(is_known(code), "{code}");
        }
        for code in ["", "usd", "XYZ", "DEM", "US", "USDT", "BGN", "HRK", "ZWL"] {
            assert!(!is_known(code), "{code}");
        }
    }
}
