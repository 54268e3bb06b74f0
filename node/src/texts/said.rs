//! What errors say, in another language: a catalogue by the English sentence.
//!
//! Errors are English wherever they are made, also at other hubs and in libraries, and are put into the reader's language
//! where they are shown. A test reads all of ours from the sources: one without its sentence here fails it.

use std::sync::LazyLock;

/// A line in English, then a line with `= ` in French; `{name}` stands for anything.
const FRENCH: &str = include_str!("../../texts/fr.said");
/// Longest text that is looked up; what is longer is no sentence of ours.
const TEXT_BYTES_MAX: usize = 2_048;
/// How deep causes lie in causes.
const DEPTH_MAX: usize = 4;
/// Colons of one text at which a cause may begin.
const CAUSES_MAX: usize = 4;

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| read(FRENCH));

/// Sentences of one language for those in English; empty for English itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Catalogue {
    patterns: Option<&'static [Pattern]>,
}

/// One sentence in English, and what stands for it.
#[derive(Debug)]
pub(super) struct Pattern {
    /// What stands before, between and after the places to be filled.
    literals: Vec<&'static str>,
    names: Vec<&'static str>,
    said: &'static str,
}

impl Catalogue {
    pub(super) fn french() -> Self {
        Self { patterns: Some(&PATTERNS) }
    }

    /// The text in this language; as it is where nothing of it is known.
    pub(super) fn said(&self, english: &str) -> String {
        match self.patterns {
            Some(patterns) if english.len() <= TEXT_BYTES_MAX => {
                translated(patterns, english, DEPTH_MAX).unwrap_or_else(|| english.to_owned())
            }
            _ => english.to_owned(),
        }
    }
}

/// A whole sentence; or a field or place and what is wrong there; or a cause behind what it is the cause of; or several.
fn translated(patterns: &[Pattern], text: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let again = |text: &str| translated(patterns, text, depth);
    if let Some(said) = whole(patterns, text, depth) {
        return Some(said);
    }
    if let Some((place, wrong)) = text.split_once(' ')
        && let Some(said) = whole(patterns, wrong, depth)
    {
        return Some(format!("{place} {said}"));
    }
    for (at, _) in text.match_indices(": ").take(CAUSES_MAX) {
        let (before, cause) = (&text[..at], &text[at + 2..]);
        let said = (whole(patterns, before, depth), again(cause));
        if said.0.is_some() || said.1.is_some() {
            let (before, cause) = (said.0.unwrap_or(before.to_owned()), said.1.unwrap_or(cause.to_owned()));
            return Some(format!("{before} : {cause}"));
        }
    }
    if text.contains("; ") {
        let parts: Vec<(Option<String>, &str)> = text.split("; ").map(|part| (again(part), part)).collect();
        if parts.iter().any(|(said, _)| said.is_some()) {
            let parts = parts.into_iter().map(|(said, part)| said.unwrap_or(part.to_owned()));
            return Some(parts.collect::<Vec<_>>().join(" ; "));
        }
    }
    None
}

fn whole(patterns: &[Pattern], text: &str, depth: usize) -> Option<String> {
    let (pattern, found) = patterns.iter().find_map(|p| Some((p, p.holes(text)?)))?;
    let mut out = String::new();
    let mut rest = pattern.said;
    while let Some((before, name, after)) = place(rest) {
        let found = pattern.names.iter().position(|n| *n == name).and_then(|at| found.get(at));
        let found = found.copied().unwrap_or_default();
        out.push_str(before);
        out.push_str(&translated(patterns, found, depth).unwrap_or_else(|| found.to_owned()));
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

impl Pattern {
    fn read(english: &'static str, said: &'static str) -> Self {
        let (mut literals, mut names, mut rest) = (Vec::new(), Vec::new(), english);
        while let Some((before, name, after)) = place(rest) {
            literals.push(before);
            names.push(name);
            rest = after;
        }
        literals.push(rest);
        Self { literals, names, said }
    }

    /// What stands in the places, where the text is this sentence.
    fn holes<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (first, others) = self.literals.split_first()?;
        let mut rest = text.strip_prefix(first)?;
        let mut holes = Vec::new();
        for (at, literal) in others.iter().enumerate() {
            let end = match at + 1 == others.len() {
                true => rest.strip_suffix(literal)?.len(),
                false => rest.find(literal)?,
            };
            holes.push(rest.get(..end).filter(|hole| !hole.is_empty())?);
            rest = rest.get(end + literal.len()..)?;
        }
        (rest.is_empty()).then_some(holes)
    }

    fn letters(&self) -> usize {
        self.literals.iter().map(|l| l.len()).sum()
    }
}

/// What is before the first `{name}`, the name, and what is behind it.
fn place(text: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in text.match_indices('{') {
        let inner = &text[at + 1..];
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        if end > 0 && inner[end..].starts_with('}') {
            return Some((&text[..at], &inner[..end], &inner[end + 1..]));
        }
    }
    None
}

/// The sentence that says most goes first.
fn read(catalogue: &'static str) -> Vec<Pattern> {
    let (mut patterns, mut english) = (Vec::new(), "");
    for line in catalogue.lines().filter(|l| !l.is_empty() && !l.starts_with("# ")) {
        match line.strip_prefix("= ") {
            Some(said) => patterns.push(Pattern::read(english, said)),
            None => english = line,
        }
    }
    patterns.sort_by_key(|p| std::cmp::Reverse(p.letters()));
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;
    use caphub_proto::exchange::acts::Fault;
    use caphub_proto::wire::Reason;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// A sentence with something in every place; `None` where no words of its own are left.
    fn filled(sentence: &str) -> Option<String> {
        let (mut out, mut words, mut rest) = (String::new(), String::new(), sentence);
        while let Some((before, after)) = rest.split_once('{') {
            let (_, after) = after.split_once('}')?;
            out.push_str(before);
            words.push_str(before);
            out.push_str("x7");
            rest = after;
        }
        out.push_str(rest);
        words.push_str(rest);
        words.contains(char::is_alphabetic).then_some(out)
    }

    fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => sources(&path, into),
                false => into.extend(path.extension().is_some_and(|e| e == "rs").then_some(path)),
            }
        }
    }

    /// The literals that follow these words in a source.
    fn literals(source: &str, before: &str) -> Vec<String> {
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let spaced = source.replace("(\n", "(").split("( ").collect::<Vec<_>>().join("(");
        let spaced: String = spaced.split('(').map(str::trim_start).collect::<Vec<_>>().join("(");
        let found = spaced.split(before).skip(1).filter_map(|part| {
            let (mut out, mut chars) = (String::new(), part.chars());
            loop {
                match chars.next()? {
                    '"' => return Some(out),
                    '\\' => match chars.next()? {
                        '\n' => {
                            let rest = chars.as_str().trim_start();
                            chars = rest.chars();
                        }
                        c => out.push(c),
                    },
                    c => out.push(c),
                }
            }
        });
        found.collect()
    }

    #[test]
    fn every_error_that_reaches_a_person_has_its_sentence_in_french() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files = Vec::new();
        for folder in ["proto/src", "node/src", "cli/src"] {
            sources(&top.join(folder), &mut files);
        }
        let mut missing = BTreeSet::new();
        for file in files {
            let (name, text) =
                (file.display().to_string(), std::fs::read_to_string(&file).expect("a source"));
            let mut sentences = literals(&text, "#[error(\"");
            // What checks of fields, readers of files and services say.
            let plain = ["exchange/check", "exchange/validate", "cli/src/interchange", "node/src/services"];
            if plain.iter().any(|part| name.contains(part)) && !name.contains("iati/rules") {
                sentences.extend(literals(&text, "Err(\""));
                sentences.extend(literals(&text, "Err(format!(\""));
                sentences.extend(literals(&text, "Err(status(Reason::BadRequest, \""));
                sentences.extend(literals(&text, "Err(status(Reason::NotFound, \""));
            }
            missing.extend(sentences);
        }
        missing.extend(Reason::ALL.iter().map(|r| r.meaning().to_owned()));
        missing.extend(Fault::ALL.iter().map(|f| f.meaning().to_owned()));
        assert!(missing.len() > 200, "{} sentences", missing.len());
        missing.retain(|s| filled(s).is_some_and(|filled| whole(&PATTERNS, &filled, DEPTH_MAX).is_none()));
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn causes_and_fields_and_places_are_found_within_what_is_said() {
        let french = |english: &str| Catalogue::french().said(english);
        for (english, said) in [
            ("record 0: themes is required", "fiche 0 : themes est obligatoire"),
            ("/a/b is in use by process 12", "/a/b est utilisé par le processus 12"),
            (
                "countries \"XX\" is not a country code such as TV",
                "countries « XX » n’est pas un code de pays tel que TV",
            ),
            (
                "10.0.0.1:7430 does not answer: Connection refused (os error 111)",
                "10.0.0.1:7430 ne répond pas : connexion refusée",
            ),
            ("nobody knows this sentence", "nobody knows this sentence"),
        ] {
            assert_eq!(french(english), said);
        }
        let long = "a: ".repeat(5_000);
        assert_eq!(french(&long), long);
        assert_eq!(Catalogue::default().said("themes is required"), "themes is required");
    }

    #[test]
    fn no_sentence_has_a_place_that_its_english_has_not() {
        for pattern in read(FRENCH) {
            let mut rest = pattern.said;
            while let Some((_, name, after)) = place(rest) {
                assert!(pattern.names.contains(&name), "{pattern:?}");
                rest = after;
            }
            assert!(pattern.literals.iter().any(|l| l.contains(char::is_alphabetic)), "{pattern:?}");
        }
    }
}
