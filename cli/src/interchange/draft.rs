//! One item of a file on its way to a record.

use caphub_proto::codes;
use caphub_proto::exchange::{RecordKind, check};
use caphub_proto::v1::{LocalisedText, Source};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::interchange::Wishes;

/// Why an item is not taken, or what was left out of it: a sentence of the texts, and what fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Key in the Fluent files; programs may read it as a code.
    pub key: &'static str,
    /// What fills the sentence.
    pub values: Vec<(&'static str, String)>,
}

impl Why {
    /// A sentence without anything to fill in.
    pub fn new(key: &'static str) -> Self {
        Self { key, values: Vec::new() }
    }

    /// Fills a place of the sentence.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.push((name, value.to_string()));
        self
    }
}

/// One item of a file, taken or not.
pub struct Found {
    /// Where: a JSON pointer, or a line of a table.
    pub at: String,
    /// Its title, as far as known.
    pub title: String,
    /// The item, or why it is none for this import.
    pub draft: Result<Draft, Why>,
}

/// What was read, whatever the format; empty where the file says nothing.
#[derive(Clone, Default, Debug)]
pub struct Draft {
    /// Title with its languages.
    pub title: LocalisedText,
    /// Description with its languages.
    pub description: LocalisedText,
    /// Simple fields of the record by their names in the schema: texts, numbers and lists.
    pub fields: Map<String, Value>,
    /// A way in which it is given, by code.
    pub delivery: Vec<String>,
    /// What it costs, as in the schema.
    pub cost: Option<Value>,
    /// Its web address.
    pub url: String,
    /// Its licence.
    pub licence: String,
    /// Identifier at the source.
    pub identifier: String,
    /// What tells it from others, where its identifier is that of a whole collection.
    pub distinct: String,
    /// Identifier of the course that a session holds.
    pub course: String,
    /// What was left out, and why.
    pub notes: Vec<Why>,
    /// What our own exports add, so that they import back equal.
    pub own: Option<Own>,
    /// The record itself, where a format says all of it.
    pub whole: Option<Map<String, Value>>,
    /// The registry whose identifiers are the same in every file; empty where they hold in one catalogue only.
    pub registry: &'static str,
    /// TLP label that the item carries.
    pub tlp: String,
}

/// What an export of ours adds to an item.
#[derive(Clone, Default, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Own {
    /// Fields that the format has no place for, or brings back otherwise.
    pub fields: Map<String, Value>,
    /// The record's own source.
    pub source: Option<Source>,
    /// TLP label.
    pub tlp: String,
}

impl Draft {
    /// Sets a simple field, unless it is empty.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let empty = match &value {
            Value::String(s) => s.is_empty(),
            Value::Array(a) => a.is_empty(),
            Value::Null => true,
            _ => false,
        };
        if !empty {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// Its web address; what is none is left out with a note.
    pub fn address(&mut self, text: &str) {
        match check::url(text) {
            Ok(()) => text.clone_into(&mut self.url),
            Err(_) => self.notes.push(Why::new("import-left-url").with("text", text)),
        }
    }

    /// Languages by tag; what is no tag is left out with a note.
    pub fn languages(&mut self, found: &[String]) {
        let good = |tag: &&String| codes::language::is_well_formed(tag);
        self.set("languages", found.iter().filter(good).cloned().collect::<Vec<_>>());
        for bad in found.iter().filter(|t| !good(t)) {
            self.notes.push(Why::new("import-left-language").with("text", bad));
        }
    }

    /// Countries by code or name; what is no country is left out with a note.
    pub fn countries(&mut self, found: &[String]) {
        let find = |text: &str| codes::country::find(text).map(|country| country.alpha2.to_string());
        self.places("countries", "import-left-country", found, find);
    }

    /// Regions by code or name; what is no region is left out with a note.
    pub fn regions(&mut self, found: &[String]) {
        let find = |text: &str| codes::region::find(text).map(|region| region.code.to_string());
        self.places("regions", "import-left-region", found, find);
    }

    fn places(
        &mut self,
        field: &str,
        left: &'static str,
        found: &[String],
        find: impl Fn(&str) -> Option<String>,
    ) {
        let mut codes = Vec::new();
        for text in found.iter().filter(|t| !t.trim().is_empty()) {
            match find(text.trim()) {
                Some(code) => codes.push(code),
                None => self.notes.push(Why::new(left).with("text", text)),
            }
        }
        codes.dedup();
        self.set(field, codes);
    }

    /// The record's fields for a kind, as files and `--json` show them.
    pub fn record(&self, wishes: &Wishes) -> Map<String, Value> {
        if let Some(mut whole) = self.whole.clone() {
            if has(wishes.kind, "themes") && !wishes.themes.is_empty() {
                whole.insert("themes".to_owned(), json!(wishes.themes));
            }
            return whole;
        }
        let mut out = Map::new();
        if wishes.kind != RecordKind::Endorsement {
            out.insert("title".to_owned(), json!(self.title));
        }
        let described = match wishes.kind {
            RecordKind::Vocabulary | RecordKind::RuleSet | RecordKind::Endorsement => "",
            RecordKind::Technique => "problem",
            _ => "description",
        };
        if !described.is_empty() && !self.description.text.is_empty() {
            out.insert(described.to_owned(), json!(self.description));
        }
        for (name, value) in &self.fields {
            place(wishes.kind, name, value, &mut out);
        }
        if let Some(cost) = &self.cost
            && matches!(wishes.kind, RecordKind::Session | RecordKind::Offer)
        {
            out.insert("cost".to_owned(), cost.clone());
        }
        match wishes.kind {
            RecordKind::Session => {
                out.insert("link".to_owned(), json!(self.url));
                let mode = self.delivery.first().cloned().unwrap_or_default();
                out.insert("delivery_mode".to_owned(), json!(mode));
            }
            RecordKind::Course => {
                out.insert("url".to_owned(), json!(self.url));
                out.insert("licence".to_owned(), json!(self.licence));
            }
            RecordKind::Offer | RecordKind::Need => {
                out.insert("delivery_modes".to_owned(), json!(self.delivery));
            }
            _ => {}
        }
        if has(wishes.kind, "themes") && !wishes.themes.is_empty() && !out.contains_key("themes") {
            out.insert("themes".to_owned(), json!(wishes.themes));
        }
        if let Some(own) = &self.own {
            out.extend(own.fields.clone());
        }
        out
    }

    /// Where it came from, for the record.
    pub fn source(&self, catalogue: &str, wishes: &Wishes) -> Source {
        let licence = if self.licence.is_empty() { &wishes.licence } else { &self.licence };
        Source {
            identifier: self.identifier.clone(),
            url: self.url.clone(),
            licence: licence.clone(),
            catalogue: catalogue.to_owned(),
        }
    }

    /// The record id that this item always gets, so that a second import adds nothing.
    pub fn record_id(&self, catalogue: &str, kind: RecordKind) -> [u8; 16] {
        let catalogue = if self.registry.is_empty() { catalogue } else { self.registry };
        record_id(catalogue, kind, &self.key())
    }

    /// What tells it from the other items of its catalogue.
    pub fn key(&self) -> String {
        if !self.distinct.is_empty() {
            return self.distinct.clone();
        }
        if !self.identifier.is_empty() {
            return self.identifier.clone();
        }
        if !self.url.is_empty() {
            return self.url.clone();
        }
        let starts = self.fields.get("starts").and_then(Value::as_str).unwrap_or_default();
        format!("{}\n{starts}", self.title.text)
    }
}

/// A record id made of an identifier: web addresses are the same in every catalogue, others are not.
pub fn record_id(catalogue: &str, kind: RecordKind, key: &str) -> [u8; 16] {
    let global = ["http://", "https://", "urn:"].iter().any(|p| key.starts_with(p));
    let catalogue = if global { "" } else { catalogue };
    let digest = Sha256::digest(format!("caphub/import/1\0{catalogue}\0{kind}\0{key}"));
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

/// Puts a simple field where this kind of record has it; what it has no place for stays in the description only.
fn place(kind: RecordKind, name: &str, value: &Value, out: &mut Map<String, Value>) {
    let dates = matches!(name, "starts" | "ends");
    if dates && matches!(kind, RecordKind::Need | RecordKind::Offer | RecordKind::Project | RecordKind::Call)
    {
        // A need or an offer has whole days.
        let day = value.as_str().and_then(|t| t.get(..10)).unwrap_or_default();
        let end = if name == "starts" { "from" } else { "until" };
        let window = out.entry("window").or_insert_with(|| json!({}));
        if let Some(window) = window.as_object_mut() {
            window.insert(end.to_owned(), json!(day));
        }
        return;
    }
    if has(kind, name) {
        out.insert(name.to_owned(), value.clone());
    }
}

/// True where records of this kind have a simple field of this name.
pub fn has(kind: RecordKind, name: &str) -> bool {
    let everywhere: &[&str] = match kind {
        RecordKind::Vocabulary | RecordKind::RuleSet | RecordKind::Endorsement | RecordKind::Barrier => &[],
        RecordKind::Artifact => &["themes"],
        RecordKind::Technique | RecordKind::Project => &["themes", "countries", "regions"],
        _ => &["themes", "languages", "countries"],
    };
    let here: &[&str] = match kind {
        RecordKind::Course => &["regions", "level", "duration", "keywords", "provider", "authors"],
        RecordKind::Session => {
            &["starts", "ends", "seats", "place", "keywords", "provider", "course_id", "recurrence"]
        }
        RecordKind::Offer => &["regions", "offer_type", "confirm_by", "starts", "ends"],
        RecordKind::Technique => &["keywords", "authors"],
        RecordKind::Project => &["starts", "ends"],
        RecordKind::Call => &["regions", "starts", "ends"],
        RecordKind::Need => &["regions", "urgency", "confirm_by", "starts", "ends"],
        _ => &[],
    };
    everywhere.contains(&name) || here.contains(&name)
}

/// A text in one language.
pub fn localised(language: &str, text: &str) -> LocalisedText {
    LocalisedText { language: language.to_owned(), text: text.to_owned(), translations: Vec::new() }
}
