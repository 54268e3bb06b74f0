//! MISP galaxies: lists of named values with links between them, as vocabularies or as techniques.

use std::collections::{HashMap, HashSet};

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::check::{FIELD_BYTES_MAX, TEXT_BYTES_MAX};
use caphub_proto::v1::{TermMapping, Vocabulary, VocabularyTerm};
use serde_json::Value;

use crate::interchange::draft::localised;
use crate::interchange::technique::{self, text, texts};
use crate::interchange::vocabulary::{self, Terms};
use crate::interchange::{Format, Found, Reading, Why, Wishes};

/// Most values of one galaxy.
const VALUES_MAX: usize = 100_000;
/// Longest code that a term may have.
const CODE_BYTES_MAX: usize = 128;

/// A galaxy's own data.
pub struct Galaxy<'a> {
    /// Its type, such as `mitre-d3fend`.
    pub kind: &'a str,
    /// Its address.
    pub source: &'a str,
    value: &'a Value,
    values: &'a [Value],
}

impl<'a> Galaxy<'a> {
    /// A galaxy, where the document is one.
    pub fn of(document: &'a Value) -> Option<Self> {
        let get = |name: &str| document.get(name).and_then(Value::as_str);
        let (kind, _) = (get("type")?, get("uuid")?);
        let values = document.get("values")?.as_array()?;
        Some(Self { kind, source: get("source").unwrap_or_default(), value: document, values })
    }

    /// Reads its values: each a technique, or all of them one vocabulary.
    pub fn read(&self, wishes: &Wishes) -> Result<Reading, String> {
        if self.values.len() > VALUES_MAX {
            return Err(format!("there are {} values where {VALUES_MAX} are read", self.values.len()));
        }
        let found = match wishes.kind {
            RecordKind::Technique => self.techniques(wishes),
            RecordKind::Vocabulary => self.vocabulary(wishes),
            _ => {
                let why = Why::new("import-other-kind").with("type", self.kind).with("kind", "vocabulary");
                vec![Found { at: "/".to_owned(), title: text(self.value, "name"), draft: Err(why) }]
            }
        };
        Ok(Reading { format: Format::Galaxy, found, not_carried: Vec::new() })
    }

    fn techniques(&self, wishes: &Wishes) -> Vec<Found> {
        let one = |(i, value): (usize, &Value)| Found {
            at: format!("/values/{i}"),
            title: text(value, "value"),
            draft: technique::of_galaxy(self, value, wishes),
        };
        self.values.iter().enumerate().map(one).collect()
    }

    /// Every value's own name in the world, and the code under which a vocabulary of ours has it.
    pub fn index(&self, index: &mut HashMap<String, String>) {
        let name = vocabulary::name(self.kind);
        for (value, code) in self.values.iter().zip(self.codes()) {
            index.insert(text(value, "uuid"), format!("{name}:{code}"));
        }
    }

    fn codes(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let one = |value: &Value| {
            let code = code(value);
            let mut unique = code.clone();
            let mut n = 1;
            while !seen.insert(unique.clone()) {
                n += 1;
                unique = format!("{code}-{n}");
            }
            unique
        };
        self.values.iter().map(one).collect()
    }

    fn vocabulary(&self, wishes: &Wishes) -> Vec<Found> {
        let name = vocabulary::name(self.kind);
        let (mut terms, mut lost, mut nameless) = (Vec::new(), 0, 0);
        for (value, code) in self.values.iter().zip(self.codes()) {
            if text(value, "value").is_empty() {
                nameless += 1;
                continue;
            }
            terms.push(self.term(value, code, &name, wishes, &mut lost));
        }
        let uuid = text(self.value, "uuid");
        let vocabulary = Vocabulary {
            name,
            title: Some(localised(&wishes.language, &text(self.value, "name"))),
            version: self.value.get("version").map(Value::to_string).unwrap_or_default(),
            publisher: texts(self.value.get("authors")).join(", "),
            url: Some(self.source.to_owned()).filter(|s| s.starts_with("http")).unwrap_or_default(),
            licence: wishes.licence.clone(),
            ..Vocabulary::default()
        };
        let counts = [("import-left-links", lost), ("import-left-terms", nameless)];
        let notes = counts.into_iter().filter(|(_, n)| *n > 0).map(|(key, n)| Why::new(key).with("found", n));
        let notes = notes.collect();
        Terms { vocabulary, terms, identifier: format!("urn:uuid:{uuid}"), notes }.parts()
    }

    fn term(
        &self,
        value: &Value,
        code: String,
        own: &str,
        wishes: &Wishes,
        lost: &mut usize,
    ) -> VocabularyTerm {
        let (named, mut described) = (name(value), text(value, "description"));
        for more in ["purpose", "outcome"] {
            let more = texts(value.pointer(&format!("/meta/{more}"))).join("\n");
            if !more.trim().is_empty() {
                described = format!("{described}\n\n{}", more.trim());
            }
        }
        described.truncate(described.floor_char_boundary(TEXT_BYTES_MAX));
        let mut term = VocabularyTerm {
            code,
            name: Some(localised(&wishes.language, &named)),
            description: (!described.is_empty() && described != named)
                .then(|| localised(&wishes.language, &described)),
            ..VocabularyTerm::default()
        };
        let own = format!("{own}:");
        for link in value.get("related").and_then(Value::as_array).into_iter().flatten() {
            let Some(target) = wishes.terms.get(&text(link, "dest-uuid")) else {
                *lost += 1;
                continue;
            };
            let relation = match text(link, "type").as_str() {
                "part-of" | "located-in" | "subtechnique-of" => "broad",
                "similar" => "close",
                "same-as" | "equivalent-to" => "exact",
                _ => "related",
            };
            match target.strip_prefix(&own) {
                Some(broader) if relation == "broad" && term.broader.is_empty() => {
                    broader.clone_into(&mut term.broader)
                }
                _ => {
                    let one = TermMapping { relation: relation.to_owned(), term: target.clone() };
                    if !term.maps.contains(&one) {
                        term.maps.push(one);
                    }
                }
            }
        }
        term
    }
}

/// A value's name; where a galaxy cuts it off, the description that it was cut from.
fn name(value: &Value) -> String {
    let whole = text(value, "value");
    let bare = match suffix(&whole) {
        Some(code) => whole.strip_suffix(code).unwrap_or(&whole).trim_end().trim_end_matches('-').trim_end(),
        None => &whole,
    };
    let described = text(value, "description");
    let mut out = match described.len() > bare.len() && described.starts_with(bare) && bare.len() > 100 {
        true => described,
        false => bare.to_owned(),
    };
    out.truncate(out.floor_char_boundary(FIELD_BYTES_MAX / 2));
    out
}

/// A code at the end of a name: `Skill in ... - S0136`.
fn suffix(value: &str) -> Option<&str> {
    let (_, code) = value.rsplit_once(" - ")?;
    let plain = code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
    (plain && code.len() <= 32 && code.bytes().any(|b| b.is_ascii_digit())).then_some(code)
}

fn code(value: &Value) -> String {
    let whole = text(value, "value");
    let external = value
        .pointer("/meta/external_id")
        .and_then(Value::as_str)
        .filter(|c| !c.trim().is_empty() && c.len() <= CODE_BYTES_MAX - 8);
    match suffix(&whole).or(external) {
        Some(code) => code.to_owned(),
        None => vocabulary::slug(&whole),
    }
}
