//! Every sentence that a person reads, from one Fluent file per language.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

const ENGLISH: &str = include_str!("../texts/en.ftl");
const FRENCH: &str = include_str!("../texts/fr.ftl");

/// The sentences of one language, with English behind it.
pub struct Texts {
    bundle: FluentBundle<FluentResource>,
    language: &'static str,
}

impl Texts {
    /// The language of `CAPHUB_LANG`, `LC_ALL`, `LC_MESSAGES` or `LANG`; English where none is known.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let names = ["CAPHUB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
        let wanted = names.iter().find_map(|n| variable(n).filter(|v| !v.is_empty()));
        Self::of(wanted.as_deref().unwrap_or("en"))
    }

    /// The sentences of a language tag.
    pub fn of(tag: &str) -> Self {
        let french = tag.to_ascii_lowercase().starts_with("fr");
        let (language, source) = if french { ("fr", FRENCH) } else { ("en", ENGLISH) };
        // Both files are parsed by a test; what does not parse there would be shown by its key here.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partly, _)| partly);
        let mut bundle = FluentBundle::new_concurrent(language.parse().into_iter().collect());
        // No isolation marks: terminals show them as noise.
        bundle.set_use_isolating(false);
        let _ = bundle.add_resource(resource);
        Self { bundle, language }
    }

    /// BCP 47 tag of these sentences.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// A sentence without anything to fill in.
    pub fn t(&self, key: &str) -> String {
        self.tf(key, &[])
    }

    /// A sentence with what is to be filled in.
    pub fn tf(&self, key: &str, values: &[(&str, &str)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            return key.to_owned();
        };
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set((*name).to_owned(), filled(value));
        }
        let mut errors = Vec::new();
        self.bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned()
    }

    /// True where there is such a sentence.
    pub fn has(&self, key: &str) -> bool {
        self.bundle.has_message(key)
    }
}

/// A count as a number, so that a sentence can choose between one and several; all else as text.
fn filled(value: &str) -> FluentValue<'_> {
    // Below 2^53, and written as the number would be: "007" is a name.
    const DIGITS_MAX: usize = 15;
    let plain = value == "0" || !value.starts_with('0');
    match value.bytes().all(|b| b.is_ascii_digit()) && plain && value.len() <= DIGITS_MAX {
        true => value.parse::<u64>().map_or_else(|_| value.into(), FluentValue::from),
        false => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(source: &str) -> BTreeSet<String> {
        let lines = source.lines().filter_map(|l| l.split_once(" ="));
        lines.map(|(k, _)| k.to_owned()).filter(|k| !k.starts_with([' ', '#'])).collect()
    }

    #[test]
    fn both_languages_have_the_same_sentences_and_parse() {
        for source in [ENGLISH, FRENCH] {
            FluentResource::try_new(source.to_owned()).map_err(|(_, e)| e).expect("valid Fluent");
        }
        assert_eq!(keys(ENGLISH), keys(FRENCH));
    }

    #[test]
    fn every_sentence_that_the_code_asks_for_exists() {
        let texts = Texts::of("fr");
        let mut missing = BTreeSet::new();
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a source folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).expect("a source file");
                for call in [".t(\"", ".tf(\"", "Failure::new(\"", "Failure::usage(\"", "Failure::nothing(\""]
                {
                    for part in source.split(call).skip(1) {
                        let key = part.split('"').next().unwrap_or_default();
                        if !texts.has(key) {
                            missing.insert(key.to_owned());
                        }
                    }
                }
            }
        }
        missing.remove("");
        missing.remove(", ");
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn one_is_not_many_and_names_of_digits_stay_as_they_are() {
        let english = Texts::of("en");
        let told = |entries, parties| {
            let values = [("hub", "007"), ("entries", entries), ("parties", parties), ("kib", "1")];
            english.tf("sync-would-receive", &values)
        };
        assert_eq!(told("1", "2"), "007 would send one record of 2 organisations (1 KiB).");
        assert_eq!(told("20000", "1"), "007 would send 20000 records of one organisation (1 KiB).");
        assert!(Texts::of("fr").tf("sync-would-receive", &[("entries", "1")]).contains("une fiche"));
    }
}
