//! Where each list comes from.

use crate::codes::{country, currency, region, vocabulary};

/// The origin of one list, as it is shown beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// What the list is called.
    pub title: &'static str,
    /// Who publishes it.
    pub publisher: &'static str,
    /// Edition or date that the table follows.
    pub version: &'static str,
    /// Where it is published.
    pub url: &'static str,
}

/// The syntax of language tags.
const LANGUAGE_TAGS: Source = Source {
    title: "Tags for Identifying Languages (BCP 47)",
    publisher: "Internet Engineering Task Force",
    version: "RFC 5646, September 2009",
    url: "https://www.rfc-editor.org/rfc/rfc5646",
};

/// caphub's own short lists.
const CAPHUB: Source = Source {
    title: "Delivery modes, offer types, urgency, refusal reasons, kinds of organisation, levels and scopes",
    publisher: "caphub",
    version: "1",
    url: "",
};

/// The origin of every list in this module.
pub fn sources() -> &'static [Source] {
    &SOURCES
}

static SOURCES: [Source; 7] = [
    country::SOURCE,
    region::SOURCE,
    vocabulary::GFCE_SOURCE,
    vocabulary::CMM_SOURCE,
    currency::SOURCE,
    LANGUAGE_TAGS,
    CAPHUB,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_names_its_title_publisher_and_version() {
        for source in sources() {
            assert!(![source.title, source.publisher, source.version].contains(&""), "{source:?}");
        }
    }
}
