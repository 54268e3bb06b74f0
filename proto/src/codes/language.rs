//! Language tags: the six languages of the tables, and the syntax of BCP 47 (RFC 5646).

/// One of the six official languages of the United Nations; every name in the tables exists in each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lang {
    /// English.
    En,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Russian.
    Ru,
    /// Chinese.
    Zh,
    /// Arabic.
    Ar,
}

impl Lang {
    /// All six, in the column order of the tables.
    pub const ALL: [Self; 6] = [Self::En, Self::Fr, Self::Es, Self::Ru, Self::Zh, Self::Ar];

    /// The language of a tag by its primary subtag: `fr`, `fr-CA` and the locale `fr_FR.UTF-8` are French.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_', '.']).next()?;
        Self::ALL.into_iter().find(|lang| lang.as_str().eq_ignore_ascii_case(primary))
    }

    /// The BCP 47 tag.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::Ru => "ru",
            Self::Zh => "zh",
            Self::Ar => "ar",
        }
    }

    /// True where the script runs from right to left.
    pub fn is_right_to_left(self) -> bool {
        self == Self::Ar
    }
}

impl std::fmt::Display for Lang {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Grandfathered tags that the grammar of RFC 5646 section 2.1 lists by name because they do not follow it;
/// the "regular" grandfathered tags do follow it.
const IRREGULAR: [&str; 17] = [
    "en-gb-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-be-fr",
    "sgn-be-nl",
    "sgn-ch-de",
];

/// Checks a language tag against the grammar of RFC 5646 section 2.1.
///
/// Only the syntax: whether the subtags are registered, or repeat, is not looked at.
pub fn is_well_formed(tag: &str) -> bool {
    if IRREGULAR.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
        return true;
    }
    let subtags: Vec<&str> = tag.split('-').collect();
    if !subtags.iter().all(|subtag| is_alphanumeric(subtag, 1, 8)) {
        return false;
    }
    is_private_use(&subtags) || is_langtag(&subtags)
}

/// `langtag = language ["-" script] ["-" region] *("-" variant) *("-" extension) ["-" privateuse]`
fn is_langtag(subtags: &[&str]) -> bool {
    let Some((language, mut rest)) = subtags.split_first() else { return false };
    if !is_alphabetic(language, 2, 8) {
        return false;
    }
    // Only a language of two or three letters has extended language subtags, up to three.
    let extlangs = if language.len() <= 3 { 3 } else { 0 };
    rest = skip(rest, extlangs, |subtag| is_alphabetic(subtag, 3, 3));
    rest = skip(rest, 1, |subtag| is_alphabetic(subtag, 4, 4));
    rest = skip(rest, 1, |subtag| is_alphabetic(subtag, 2, 2) || is_digits(subtag, 3));
    rest = skip(rest, usize::MAX, is_variant);
    while let Some((singleton, after)) = rest.split_first() {
        if is_private_use(rest) {
            return true;
        }
        let next = skip(after, usize::MAX, |subtag| is_alphanumeric(subtag, 2, 8));
        if singleton.len() != 1 || singleton.eq_ignore_ascii_case("x") || next.len() == after.len() {
            return false;
        }
        rest = next;
    }
    true
}

/// `privateuse = "x" 1*("-" (1*8alphanum))`; the subtags' own length was checked before.
fn is_private_use(subtags: &[&str]) -> bool {
    matches!(subtags, [first, _, ..] if first.eq_ignore_ascii_case("x"))
}

/// `variant = 5*8alphanum / (DIGIT 3alphanum)`
fn is_variant(subtag: &str) -> bool {
    let digit_first = subtag.starts_with(|first: char| first.is_ascii_digit());
    is_alphanumeric(subtag, 5, 8) || digit_first && is_alphanumeric(subtag, 4, 4)
}

/// What is left after at most `limit` leading subtags of one kind.
fn skip<'a, 'b>(subtags: &'a [&'b str], limit: usize, kind: impl Fn(&str) -> bool) -> &'a [&'b str] {
    let count = subtags.iter().take(limit).take_while(|subtag| kind(subtag)).count();
    subtags.get(count..).unwrap_or_default()
}

fn is_alphabetic(subtag: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_alphanumeric(subtag: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_digits(subtag: &str, length: usize) -> bool {
    subtag.len() == length && subtag.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_5646_are_well_formed() {
        let tags = [
            "de",
            "fr",
            "i-enochian",
            "zh-Hant",
            "zh-cmn-Hans-CN",
            "cmn-Hans-CN",
            "zh-yue-HK",
            "sr-Latn-RS",
            "sl-rozaj-biske",
            "de-CH-1901",
            "hy-Latn-IT-arevela",
            "es-419",
            "de-CH-x-phonebk",
            "az-Arab-x-AZE-derbend",
            "x-whatever",
            "qaa-Qaaa-QM-x-southern",
            "en-US-u-islamcal",
            "zh-CN-a-myext-x-private",
            "en-a-myext-b-another",
            "art-lojban",
            "zh-min-nan",
            "EN-gb-OED",
            "tvl",
        ];
        for tag in tags {
            assert!(is_well_formed(tag), "{tag}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        let tags = [
            "",
            "-",
            "e",
            "x",
            "en-",
            "-en",
            "en--GB",
            "en_GB",
            "a-DE",
            "de-419-DE",
            "en-x",
            "en-u",
            "en-a-x-b",
            "en-abcdefghi",
            "français",
            "中文",
            "en GB",
            "i-unknown",
            "12",
        ];
        for tag in tags {
            assert!(!is_well_formed(tag), "{tag}");
        }
    }

    #[test]
    fn the_primary_subtag_decides_the_language() {
        assert_eq!(Lang::parse("ZH-Hant"), Some(Lang::Zh));
        assert_eq!(Lang::parse("fr_FR.UTF-8"), Some(Lang::Fr));
        assert_eq!(Lang::parse("ar"), Some(Lang::Ar));
        assert_eq!(Lang::parse("english"), None);
        assert_eq!(Lang::parse("tvl"), None);
        assert_eq!(Lang::parse(""), None);
        for lang in Lang::ALL {
            assert_eq!(Lang::parse(lang.as_str()), Some(lang));
        }
    }
}
