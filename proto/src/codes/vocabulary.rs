//! Short closed lists: themes, delivery modes, offer types and the other codes that records carry.
//!
//! Themes come from two published sources; the remaining lists are caphub's own. Hubs may publish further
//! vocabularies as records.

use std::sync::LazyLock;

use crate::codes::names::Names;
use crate::codes::source::Source;
use crate::codes::table;

/// Where the themes come from.
pub const GFCE_SOURCE: Source = Source {
    title: "GFCE themes",
    publisher: "Global Forum on Cyber Expertise",
    version: "themes of the Delhi Communiqué (2017), with emerging technologies as added later",
    url: "https://thegfce.org/",
};

/// Where the dimensions come from.
pub const CMM_SOURCE: Source = Source {
    title: "Cybersecurity Capacity Maturity Model for Nations (CMM): dimensions",
    publisher: "Global Cyber Security Capacity Centre, University of Oxford",
    version: "2021 edition",
    url: "https://gcscc.ox.ac.uk/the-cmm",
};

/// One code of one vocabulary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Term {
    /// The vocabulary that the code belongs to, for example `gfce`.
    pub vocabulary: &'static str,
    /// Stable code, lower snake case.
    pub code: &'static str,
    /// Names in the six languages.
    pub names: Names,
}

macro_rules! vocabularies {
    ($($(#[$doc:meta])* $all:ident, $find:ident = $tag:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $all() -> &'static [Term] {
                vocabulary($tag)
            }

            /// Finds in the same list by code or by a name in any of the six languages, whatever the case.
            pub fn $find(code: &str) -> Option<&'static Term> {
                find(vocabulary($tag), code)
            }
        )*

        /// The tag of every vocabulary in the table.
        pub const VOCABULARIES: &[&str] = &[$($tag),*];
    };
}

vocabularies! {
    /// The GFCE themes: what a need, offer or course is about.
    themes, find_theme = "gfce";
    /// The five CMM dimensions, a second way to say the same.
    cmm_dimensions, find_cmm_dimension = "cmm";
    /// How something is delivered.
    delivery_modes, find_delivery_mode = "delivery_mode";
    /// What kind of thing is offered.
    offer_types, find_offer_type = "offer_type";
    /// How urgent a need is, from the lowest.
    urgencies, find_urgency = "urgency";
    /// Why something is refused.
    refusal_reasons, find_refusal_reason = "refusal_reason";
    /// What kind of organisation a party is.
    party_kinds, find_party_kind = "party_kind";
    /// How much a course expects, from the least.
    levels, find_level = "level";
    /// Groups of countries that an eligibility rule may name.
    groups, find_group = "group";
    /// The circles that a need is widened to, from the narrowest.
    escalation_scopes, find_escalation_scope = "escalation_scope";
}

/// The terms of one vocabulary, in the published order; empty for an unknown tag.
pub fn vocabulary(tag: &str) -> &'static [Term] {
    TERMS.chunk_by(|one, next| one.vocabulary == next.vocabulary).find(|list| is_of(list, tag)).unwrap_or(&[])
}

fn is_of(list: &[Term], tag: &str) -> bool {
    list.first().is_some_and(|term| term.vocabulary == tag)
}

fn find(list: &'static [Term], code: &str) -> Option<&'static Term> {
    let code = code.trim();
    list.iter().find(|term| term.code.eq_ignore_ascii_case(code) || term.names.matches(code))
}

static TERMS: LazyLock<Vec<Term>> = LazyLock::new(|| {
    table::rows(include_str!("vocabularies.tsv"))
        .map(|[vocabulary, code, en, fr, es, ru, zh, ar]| Term {
            vocabulary,
            code,
            names: Names::new([en, fr, es, ru, zh, ar]),
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(list: &[Term]) -> Vec<&'static str> {
        list.iter().map(|term| term.code).collect()
    }

    #[test]
    fn the_table_holds_exactly_the_named_vocabularies_each_in_one_piece() {
        let pieces: Vec<&str> = TERMS
            .chunk_by(|one, next| one.vocabulary == next.vocabulary)
            .map(|list| list[0].vocabulary)
            .collect();
        assert_eq!(pieces, VOCABULARIES);
    }

    #[test]
    fn codes_are_stable_unique_and_named_in_six_languages() {
        for tag in VOCABULARIES {
            let mut seen = codes(vocabulary(tag));
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), count, "{tag}");
        }
        for term in TERMS.iter() {
            let snake = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(term.code.bytes().all(snake), "{term:?}");
            assert!(term.names.all().iter().all(|name| !name.is_empty()), "{term:?}");
        }
        assert_eq!(codes(urgencies()), ["low", "normal", "high", "critical"]);
        assert_eq!(codes(delivery_modes()), ["in_person", "online", "hybrid", "self_paced"]);
    }

    #[test]
    fn a_term_is_found_by_code_and_by_name_in_its_own_list_only() {
        for name in ["cybercrime", "CYBERCRIME", "Cybercriminalité", "网络犯罪", " Киберпреступность "]
        {
            assert_eq!(find_theme(name).map(|term| term.code), Some("cybercrime"), "{name}");
        }
        assert_eq!(find_cmm_dimension("cybercrime"), None);
        assert_eq!(find_party_kind("csirt").map(|term| term.vocabulary), Some("party_kind"));
        assert_eq!(find_urgency(""), None);
        assert!(vocabulary("unknown").is_empty());
    }
}
