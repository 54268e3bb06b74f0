//! Every sentence that a person reads: a Fluent file a language, and a catalogue of what errors say.
//!
//! Programs and other hubs get English and codes. A reader's language is put in where something reaches a screen, so an
//! error may have travelled.

pub mod columns;
mod plain;
mod said;
pub mod spoken;

use caphub_proto::wire::Reason;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

pub use plain::{is_active, plain};

use said::Catalogue;

/// The same sentences in each language.
#[derive(Clone, Copy)]
pub struct Sentences {
    /// In English.
    pub english: &'static str,
    /// In French.
    pub french: &'static str,
}

/// Those of `caphub-node`, and those that both programs say.
const OWN: Sentences =
    Sentences { english: include_str!("../texts/en.ftl"), french: include_str!("../texts/fr.ftl") };

/// The sentences of one language.
pub struct Texts {
    bundle: FluentBundle<FluentResource>,
    language: &'static str,
    /// What stands for the English of errors; none in English.
    catalogue: Catalogue,
}

impl Texts {
    /// The language of `CAPHUB_LANG`, `LC_ALL`, `LC_MESSAGES` or `LANG`; English where none is known. `more` are the
    /// sentences of a program besides those here.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>, more: &[Sentences]) -> Self {
        let names = ["CAPHUB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
        let wanted = names.iter().find_map(|n| variable(n).filter(|v| !v.is_empty()));
        Self::of(wanted.as_deref().unwrap_or("en"), more)
    }

    /// The sentences of a language tag.
    pub fn of(tag: &str, more: &[Sentences]) -> Self {
        let french = tag.to_ascii_lowercase().starts_with("fr");
        let language = if french { "fr" } else { "en" };
        let mut bundle = FluentBundle::new_concurrent(language.parse().into_iter().collect());
        // No isolation marks: terminals show them as noise.
        bundle.set_use_isolating(false);
        for sentences in [OWN].iter().chain(more) {
            let source = if french { sentences.french } else { sentences.english };
            // Tests parse all of them; what does not parse there would be shown by its key here.
            let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partly, _)| partly);
            let _ = bundle.add_resource(resource);
        }
        let catalogue = if french { Catalogue::french() } else { Catalogue::default() };
        Self { bundle, language, catalogue }
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

    /// What a code of a group is called, as `engagement-state` and `proposed`; the code where it has no name.
    pub fn named(&self, group: &str, code: &str) -> String {
        let key = format!("{group}-{}", code.replace('_', "-"));
        if self.has(&key) { self.t(&key) } else { code.to_owned() }
    }

    /// What an error says, in this language as far as the catalogue knows its English.
    pub fn said(&self, english: &str) -> String {
        self.catalogue.said(english)
    }

    /// What a reason of SPEC.md section 10 means; its code where this version does not know it.
    pub fn reason(&self, code: &str) -> String {
        Reason::parse(code).map_or_else(|| plain(code), |reason| self.said(reason.meaning()))
    }

    /// A place and the code of a reason behind it, in words.
    pub fn reason_behind(&self, line: &str) -> String {
        match line.rsplit_once(' ') {
            Some((place, code)) => format!("{}: {}", plain(place), self.reason(code)),
            None => plain(line),
        }
    }

    /// An error and what to do about it, as lines of a terminal.
    pub fn complaint(&self, error: &str, hint: &str) -> String {
        self.spoken("said-error", error, hint)
    }

    /// The same for what stops nothing.
    pub fn remark(&self, note: &str, hint: &str) -> String {
        self.spoken("said-note", note, hint)
    }

    fn spoken(&self, key: &str, what: &str, hint: &str) -> String {
        let line = |key: &str, what: &str| columns::labelled(&self.t(key), what);
        let mut lines = vec![line(key, what)];
        lines.extend((!hint.is_empty()).then(|| line("said-hint", hint)));
        lines.join("\n")
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
        for source in [OWN.english, OWN.french] {
            FluentResource::try_new(source.to_owned()).map_err(|(_, e)| e).expect("valid Fluent");
        }
        assert_eq!(keys(OWN.english), keys(OWN.french));
    }

    #[test]
    fn every_sentence_that_the_node_asks_for_exists() {
        let texts = Texts::of("fr", &[]);
        let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files: Vec<_> = std::fs::read_dir(folder.join("server"))
            .expect("a folder")
            .map(|e| e.expect("a file").path())
            .filter(|path| path.is_file())
            .collect();
        let more = ["server.rs", "server/upkeep/words.rs", "texts.rs", "texts/spoken.rs"];
        files.extend(more.map(|name| folder.join(name)));
        let mut missing = BTreeSet::new();
        for path in files {
            let source = std::fs::read_to_string(&path).expect("a source file");
            for word in source.split('"').skip(1).step_by(2) {
                let asked = ["node-", "said-", "usage-"].iter().any(|p| word.starts_with(p));
                let key = asked && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
                if key && !word.ends_with('-') && !texts.has(word) {
                    missing.insert(word.to_owned());
                }
            }
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_complaint_says_what_and_then_what_to_do_within_the_columns() {
        let english = Texts::of("en", &[]).complaint(&"too long ".repeat(20), "shorten it");
        assert!(english.starts_with("error: too long") && english.ends_with("hint: shorten it"), "{english}");
        assert!(english.lines().all(|l| columns::width(l) <= columns::COLUMNS), "{english}");
        assert!(english.lines().nth(1).is_some_and(|l| l.starts_with("       too")), "{english}");
        assert!(Texts::of("fr", &[]).complaint("x", "y").starts_with("erreur : x\nconseil : y"));
    }
}
