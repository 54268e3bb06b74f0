//! Vocabularies as records: long lists in parts, and the European skills framework (ECSF).

use std::collections::HashSet;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::check::{LIST_MAX, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use caphub_proto::v1::{CodeMapping, TermMapping, Vocabulary, VocabularyTerm};
use prost::Message;
use serde_json::Value;

use crate::interchange::draft::localised;
use crate::interchange::technique::{text, texts, whole};
use crate::interchange::{Draft, Format, Found, Reading, Why, Wishes};

/// Most terms of one record.
const TERMS_MAX: usize = 1_024;
/// Most bytes of one part's terms; a body has 65,536 with everything else.
const PART_BYTES_MAX: usize = 56 * 1_024;
/// Bytes of a code made of words.
const SLUG_BYTES_MAX: usize = 96;
/// Lists of the ECSF that its roles draw on: key in the file, prefix of our codes.
const LISTS: [(&str, &str); 4] = [
    ("main-tasks", "task"),
    ("key-skills", "skill"),
    ("key-knowledge", "knowledge"),
    ("deliverables", "deliverable"),
];

/// A vocabulary before it is cut into parts that fit a record.
pub(super) struct Terms {
    /// All but the terms.
    pub vocabulary: Vocabulary,
    /// All terms, in their order.
    pub terms: Vec<VocabularyTerm>,
    /// Identifier at the source.
    pub identifier: String,
    /// What was left out.
    pub notes: Vec<Why>,
}

impl Terms {
    /// One item for each record. What a term has no room for among its own mappings stands among those of the list.
    pub(super) fn parts(self) -> Vec<Found> {
        let mut parts = vec![Part::default()];
        let mut over = Vec::new();
        for mut term in self.terms {
            let from = format!("{}:{}", self.vocabulary.name, term.code);
            let rest = term.maps.split_off(term.maps.len().min(LIST_MAX));
            over.extend(rest.into_iter().map(|m| CodeMapping {
                from: from.clone(),
                relation: m.relation,
                to: m.term,
            }));
            next(&mut parts, term.encoded_len()).terms.push(term);
        }
        for mapping in over {
            next(&mut parts, mapping.encoded_len()).mappings.push(mapping);
        }
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let title = self.vocabulary.title.clone().unwrap_or_default();
        let one = |(i, part_of): (usize, Part)| {
            let part = u32::try_from(i + 1).unwrap_or(u32::MAX);
            let several = count > 1;
            let record = Vocabulary {
                terms: part_of.terms,
                mappings: part_of.mappings,
                part: if several { part } else { 0 },
                parts: if several { count } else { 0 },
                ..self.vocabulary.clone()
            };
            let draft = whole(&record).map(|whole| Draft {
                title: title.clone(),
                url: record.url.clone(),
                identifier: if several {
                    format!("{}#{part}", self.identifier)
                } else {
                    self.identifier.clone()
                },
                registry: "vocabulary",
                whole,
                notes: if i == 0 { self.notes.clone() } else { Vec::new() },
                ..Draft::default()
            });
            let shown = if several { format!("{} ({part}/{count})", title.text) } else { title.text.clone() };
            Found { at: format!("part {part}"), title: shown, draft }
        };
        parts.into_iter().enumerate().map(one).collect()
    }
}

/// What goes into one record.
#[derive(Default)]
struct Part {
    terms: Vec<VocabularyTerm>,
    mappings: Vec<CodeMapping>,
    bytes: usize,
}

/// The part that has room for so many bytes more.
fn next(parts: &mut Vec<Part>, bytes: usize) -> &mut Part {
    let bytes = bytes + 4;
    let full =
        |p: &Part| p.terms.len().max(p.mappings.len()) >= TERMS_MAX || p.bytes + bytes > PART_BYTES_MAX;
    if parts.last().is_none_or(full) {
        parts.push(Part::default());
    }
    let part = parts.last_mut().expect("one was pushed where none had room");
    part.bytes += bytes;
    part
}

/// True for the file of the ECSF.
pub fn is_ecsf(value: &Value) -> bool {
    value.get("role-profiles").is_some_and(Value::is_array) && value.pointer("/metadata/short").is_some()
}

/// Reads roles, and the tasks, skills and knowledge that they draw on.
pub fn read_ecsf(value: &Value, wishes: &Wishes) -> Reading {
    let found = match wishes.kind {
        RecordKind::Vocabulary => ecsf(value, wishes).parts(),
        _ => {
            let why = Why::new("import-other-kind").with("type", "ECSF").with("kind", "vocabulary");
            vec![Found { at: "/".to_owned(), title: String::new(), draft: Err(why) }]
        }
    };
    Reading { format: Format::Ecsf, found, not_carried: vec!["icon".to_owned(), "color".to_owned()] }
}

fn ecsf(value: &Value, wishes: &Wishes) -> Terms {
    let list = |key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let meta = value.get("metadata").cloned().unwrap_or_default();
    let own = name(&text(&meta, "short"));
    let titles = list("titles");
    let mut terms = Vec::new();
    for role in list("role-profiles") {
        let code = text(&role, "id").trim_start_matches('@').to_owned();
        let tag = format!("role-profile-title@{code}");
        let title = titles.iter().find(|t| texts(t.get("tags")).contains(&tag)).map(|t| text(t, "text"));
        let said = format!("{}\n\n{}", text(&role, "summary-statement"), text(&role, "mission"));
        let competences = role.get("e-competences").and_then(Value::as_array).cloned().unwrap_or_default();
        let maps = competences.iter().map(|c| TermMapping {
            relation: "related".to_owned(),
            term: format!("e-cf:{}", text(c, "id").trim_end_matches('.')),
        });
        let maps = maps.collect();
        terms.push(term(code.clone(), &title.unwrap_or(code), &said, maps, wishes));
    }
    let mut seen = HashSet::new();
    for (key, prefix) in LISTS {
        for item in list(key) {
            let said = text(&item, "text");
            let mut code = format!("{prefix}-{}", slug(&said));
            while !seen.insert(code.clone()) {
                code.push('x');
            }
            let roles = texts(item.get("tags")).into_iter().filter_map(|t| {
                let role = t.strip_prefix("role-profile@")?.to_owned();
                Some(TermMapping { relation: "related".to_owned(), term: format!("{own}:{role}") })
            });
            let roles = roles.collect();
            terms.push(term(code, &said, "", roles, wishes));
        }
    }
    let version = text(&meta, "version");
    let identifier = format!("{own}/{version}");
    let vocabulary = Vocabulary {
        name: own,
        title: Some(localised(&wishes.language, &text(&meta, "name"))),
        version,
        publisher: "ENISA".to_owned(),
        licence: wishes.licence.clone(),
        ..Vocabulary::default()
    };
    Terms { vocabulary, terms, identifier, notes: Vec::new() }
}

fn term(code: String, named: &str, said: &str, maps: Vec<TermMapping>, wishes: &Wishes) -> VocabularyTerm {
    let cut = |text: &str, most: usize| text[..text.floor_char_boundary(most)].trim().to_owned();
    let said = cut(said, TEXT_BYTES_MAX);
    VocabularyTerm {
        code,
        name: Some(localised(&wishes.language, &cut(named, TITLE_BYTES_MAX))),
        description: (!said.is_empty()).then(|| localised(&wishes.language, &said)),
        broader: String::new(),
        maps,
    }
}

/// A short name of a vocabulary, from whatever its source calls it.
pub(super) fn name(text: &str) -> String {
    let lower = text.to_lowercase();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' };
    let mut out: String = lower.chars().map(plain).take(64).collect();
    if out.is_empty() {
        out.push_str("list");
    }
    out
}

/// Words as a code: lower case, joined by hyphens, cut at a word.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let word = word.to_lowercase();
        if out.len() + word.len() + 1 > SLUG_BYTES_MAX {
            break;
        }
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(&word);
    }
    if out.is_empty() { "x".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::interchange::galaxy::Galaxy;
    use crate::interchange::wishes_for;

    #[test]
    fn a_galaxy_becomes_a_vocabulary_with_links_by_code_and_parts_that_fit() {
        let long = "Skill in ".to_owned() + &"very ".repeat(40) + "long names";
        let mut values = vec![
            json!({ "uuid": "1", "value": format!("{} - S0001", &long[..150]), "description": long,
                "related": [{ "dest-uuid": "2", "type": "part-of" }, { "dest-uuid": "9", "type": "involves" }] }),
            json!({ "uuid": "2", "value": "Service: Logs & more", "description": "x",
                "related": (0..300).map(|i| json!({ "dest-uuid": format!("k{i}"), "type": "involves" })).collect::<Vec<_>>() }),
        ];
        values
            .extend((0..1_100).map(|i| json!({ "uuid": format!("k{i}"), "value": format!("n - K{i:04}") })));
        let document = json!({ "uuid": "u", "type": "nice roles", "name": "NICE", "version": 3, "authors": ["a"], "values": values });
        let galaxy = Galaxy::of(&document).expect("a galaxy");
        let mut wishes = wishes_for(RecordKind::Vocabulary);
        galaxy.index(&mut wishes.terms);
        let reading = galaxy.read(&wishes).expect("a reading");
        assert_eq!(reading.found.len(), 2);
        let first = reading.found[0].draft.as_ref().expect("a part");
        let record = first.whole.as_ref().expect("a record");
        assert_eq!((&record["name"], &record["parts"]), (&json!("nice-roles"), &json!(2)));
        let terms = record["terms"].as_array().expect("terms");
        assert_eq!((&terms[0]["code"], &terms[0]["broader"]), (&json!("S0001"), &json!("service-logs-more")));
        assert_eq!(terms[0]["name"]["text"], long);
        assert_eq!(terms[1]["maps"].as_array().map(Vec::len), Some(256));
        let rest =
            &reading.found[1].draft.as_ref().expect("a part").whole.as_ref().expect("a record")["mappings"];
        assert_eq!(
            (rest.as_array().map(Vec::len), &rest[0]["from"]),
            (Some(44), &json!("nice-roles:service-logs-more"))
        );
        assert_eq!(first.notes[0].values, [("found", "1".to_owned())]);
    }
}
