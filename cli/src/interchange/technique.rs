//! Techniques: STIX 2.x courses of action, MISP galaxies (D3FEND, ATT&CK mitigations and others), CACAO playbooks.

mod playbook;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::check::{FIELD_BYTES_MAX, LIST_MAX};
use caphub_proto::v1::{LocalisedText, Reference, Technique};
use serde_json::{Map, Value};

use crate::interchange::draft::localised;
use crate::interchange::{Draft, Format, Found, Reading, Why, Wishes, galaxy};

/// Most items of one file.
const ITEMS_MAX: usize = 100_000;
/// TLP 1.0 markings, which STIX 2.x gives by fixed identifiers, and TLP 2.0 names.
const TLP: &[(&str, &str)] = &[
    ("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "TLP:CLEAR"),
    ("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "TLP:GREEN"),
    ("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "TLP:AMBER"),
    ("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "TLP:RED"),
    ("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "TLP:CLEAR"),
    ("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "TLP:GREEN"),
    ("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "TLP:AMBER"),
    ("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "TLP:AMBER+STRICT"),
    ("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED"),
];

/// True for a STIX bundle or object, or a CACAO playbook.
pub fn is_technique(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let versioned = value.get("spec_version").is_some()
        || value.get("id").and_then(Value::as_str).is_some_and(|i| i.contains("--"));
    (kind == "bundle" && value.get("objects").is_some_and(Value::is_array))
        || (versioned && !kind.is_empty() && value.get("@type").is_none())
}

/// Reads every object of a bundle, or the one object that the file is.
pub fn read(value: &Value, wishes: &Wishes) -> Result<Reading, String> {
    let objects = match value.get("objects").and_then(Value::as_array) {
        Some(objects) => objects.iter().enumerate().map(|(i, o)| (format!("/objects/{i}"), o)).collect(),
        None => vec![("/".to_owned(), value)],
    };
    if objects.len() > ITEMS_MAX {
        return Err(format!("there are {} objects where {ITEMS_MAX} are read", objects.len()));
    }
    let one = |(at, object): (String, &Value)| {
        let kind = text(object, "type");
        let draft = match kind.as_str() {
            "course-of-action" | "playbook" if wishes.kind != RecordKind::Technique => {
                Err(Why::new("import-other-kind").with("type", &kind).with("kind", "technique"))
            }
            "course-of-action" => course_of_action(object, wishes),
            "playbook" => playbook::draft(object, wishes),
            _ => Err(Why::new("import-no-kind").with("type", if kind.is_empty() { "?" } else { &kind })),
        };
        Found { at, title: text(object, "name"), draft }
    };
    Ok(Reading {
        format: Format::Stix,
        found: objects.into_iter().map(one).collect(),
        not_carried: Vec::new(),
    })
}

fn course_of_action(object: &Value, wishes: &Wishes) -> Result<Draft, Why> {
    if object.get("revoked").and_then(Value::as_bool) == Some(true) {
        return Err(Why::new("import-revoked"));
    }
    let mut draft = Draft { identifier: text(object, "id"), registry: "stix", ..Draft::default() };
    let mut technique = Technique {
        steps: said(&wishes.language, &text(object, "description")),
        references: references(object),
        keywords: texts(object.get("labels")),
        version: text(object, "x_mitre_version"),
        ..Technique::default()
    };
    if object.get("x_mitre_deprecated").and_then(Value::as_bool) == Some(true) {
        technique.keywords.push("deprecated".to_owned());
        draft.notes.push(Why::new("import-deprecated"));
    }
    draft.url = technique.references.first().map(|r| r.url.clone()).unwrap_or_default();
    draft.tlp = tlp(&texts(object.get("object_marking_refs")), "");
    finish(draft, technique, &text(object, "name"), wishes)
}

/// One value of a galaxy as a technique.
pub fn of_galaxy(galaxy: &galaxy::Galaxy<'_>, value: &Value, wishes: &Wishes) -> Result<Draft, Why> {
    let meta = |name: &str| texts(value.pointer(&format!("/meta/{name}")));
    let scheme = match galaxy.kind {
        "mitre-course-of-action" => "attack-mitigation",
        "mitre-d3fend" => "d3fend",
        other => other,
    };
    let refs = meta("refs").into_iter().chain(meta("url")).filter(|u| is_url(u)).collect::<Vec<_>>();
    let mut references: Vec<Reference> = Vec::new();
    if let Some(identifier) = meta("external_id").into_iter().next() {
        // The first address that names the identifier is its own page.
        let url = refs.iter().find(|u| u.contains(&identifier)).or(refs.first()).cloned().unwrap_or_default();
        references.push(Reference {
            scheme: scheme.to_owned(),
            identifier,
            title: text(value, "value"),
            url,
        });
    }
    for url in refs.iter().filter(|u| references.iter().all(|r| r.url != **u)).cloned().collect::<Vec<_>>() {
        references.push(Reference { scheme: "web".to_owned(), url, ..Reference::default() });
    }
    references.truncate(LIST_MAX);
    let longer = meta("long_description").join("\n\n");
    let described = if longer.is_empty() { text(value, "description") } else { longer };
    let mut keywords = meta("synonyms");
    keywords.extend(meta("kill_chain"));
    keywords.extend(meta("category"));
    let technique =
        Technique { steps: said(&wishes.language, &described), references, keywords, ..Technique::default() };
    let uuid = text(value, "uuid");
    let mut draft = Draft { identifier: uuid, registry: "misp-galaxy", ..Draft::default() };
    draft.url = refs.into_iter().next().unwrap_or_else(|| galaxy.source.to_owned());
    finish(draft, technique, &text(value, "value"), wishes)
}

/// Fills what every technique has.
fn finish(mut draft: Draft, mut technique: Technique, title: &str, wishes: &Wishes) -> Result<Draft, Why> {
    if title.trim().is_empty() {
        return Err(Why::new("import-no-title"));
    }
    draft.title = localised(&wishes.language, title.trim());
    draft.url = Some(std::mem::take(&mut draft.url)).filter(|u| is_url(u)).unwrap_or_default();
    technique.title = Some(draft.title.clone());
    technique.licence.clone_from(&wishes.licence);
    draft.whole = whole(&technique)?;
    Ok(draft)
}

/// A record's fields; an error of its form is told like any other.
pub(super) fn whole(record: &impl serde::Serialize) -> Result<Option<Map<String, Value>>, Why> {
    let value = serde_json::to_value(record).map_err(|e| Why::new("import-invalid").with("problem", e))?;
    Ok(value.as_object().cloned())
}

fn references(object: &Value) -> Vec<Reference> {
    let mut out = Vec::new();
    for given in object.get("external_references").and_then(Value::as_array).into_iter().flatten() {
        let source = if text(given, "source_name").is_empty() {
            text(given, "name")
        } else {
            text(given, "source_name")
        };
        let identifier = text(given, "external_id");
        let scheme = match (source.as_str(), identifier.is_empty()) {
            ("mitre-attack", _) => "attack-mitigation".to_owned(),
            (_, true) => "citation".to_owned(),
            (other, false) => other.to_lowercase(),
        };
        let described = text(given, "description");
        let title = if described.is_empty() { source } else { described };
        // An address that was made harmless stays a text.
        let url = Some(text(given, "url")).filter(|u| is_url(u)).unwrap_or_default();
        out.push(Reference {
            scheme: short(&scheme),
            identifier: short(&identifier),
            title: short(&title),
            url,
        });
    }
    out.truncate(LIST_MAX);
    out
}

/// The strictest label that markings name.
fn tlp(markings: &[String], named: &str) -> String {
    let labels = ["TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"];
    let of = |marking: &String| TLP.iter().find(|(id, _)| id == marking).map(|(_, label)| *label);
    let found: Vec<&str> = markings.iter().filter_map(of).collect();
    let named = named.to_uppercase();
    labels.into_iter().find(|l| found.contains(l) || named == *l).unwrap_or_default().to_owned()
}

fn said(language: &str, text: &str) -> Vec<LocalisedText> {
    if text.trim().is_empty() { Vec::new() } else { vec![localised(language, text.trim())] }
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|p| text.starts_with(p)) && text.len() <= FIELD_BYTES_MAX
}

fn short(text: &str) -> String {
    text[..text.floor_char_boundary(FIELD_BYTES_MAX)].to_owned()
}

/// A text of an object, or nothing.
pub(super) fn text(object: &Value, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

/// The texts of a list, or the one that stands there.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).take(LIST_MAX).collect()
        }
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
