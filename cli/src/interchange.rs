//! Records from and to files that others write and read: schema.org JSON-LD (also in pages), calendars, tables, any
//! JSON by a mapping, techniques, vocabularies, IATI, workbooks, and our own JSON.
//!
//! Reading ends in a `Draft`, whatever the format; writing reads back what it wrote, and puts what did not survive
//! into a field of our own, so that a file always imports as the record that it was made of.

pub mod cells;
pub mod decode;
pub mod draft;
pub mod galaxy;
pub mod html;
pub mod iati;
pub mod ical;
pub mod jsonld;
pub mod mapping;
pub mod moment;
pub mod own;
pub mod table;
pub mod technique;
pub mod vocabulary;
pub mod write;
pub mod xlsx;

pub use draft::{Draft, Found, Why};

use std::collections::HashMap;

use caphub_proto::exchange::RecordKind;

use crate::failure::Failure;

/// Kinds of record that files become, and that are written so that they import back equal.
pub const KINDS: [RecordKind; 12] = [
    RecordKind::Course,
    RecordKind::Session,
    RecordKind::Offer,
    RecordKind::Need,
    RecordKind::Technique,
    RecordKind::Vocabulary,
    RecordKind::Project,
    RecordKind::Call,
    RecordKind::Artifact,
    RecordKind::Endorsement,
    RecordKind::Barrier,
    RecordKind::RuleSet,
];

/// Kinds that are written as lists for people, and not read: each is somebody's signed word at its time.
pub const LISTED: [RecordKind; 8] = [
    RecordKind::Profile,
    RecordKind::Attestation,
    RecordKind::Recognition,
    RecordKind::Refusal,
    RecordKind::Reply,
    RecordKind::Engagement,
    RecordKind::Fellowship,
    RecordKind::Fund,
];

/// The kind of a code, where it is one of these.
pub fn of_code(kinds: &[RecordKind], code: &str) -> Result<RecordKind, Failure> {
    let known: Vec<&str> = kinds.iter().map(|k| k.code()).collect();
    let failed = || Failure::usage("error-import-kind").with("kind", code).with("known", known.join(", "));
    kinds.iter().copied().find(|k| k.code() == code).ok_or_else(failed)
}

/// What the person said about the whole import.
pub struct Wishes {
    /// What the items become.
    pub kind: RecordKind,
    /// Language of texts that state none.
    pub language: String,
    /// Licence of items that state none.
    pub licence: String,
    /// Name of the catalogue; the file's name where empty.
    pub source: String,
    /// Columns of a table that have another name than we know: column, field.
    pub map: Vec<(String, String)>,
    /// How any other JSON is read.
    pub mapping: Option<mapping::Mapping>,
    /// Terms of the vocabularies among the files: their name in the world, and `vocabulary:code`.
    pub terms: HashMap<String, String>,
    /// Themes of items that state none.
    pub themes: Vec<String>,
}

/// The format that a file turned out to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// schema.org in JSON-LD.
    JsonLd,
    /// schema.org in JSON-LD inside a page.
    Html,
    /// iCalendar.
    Calendar,
    /// Any JSON by a mapping file.
    Mapped,
    /// STIX 2.x objects, or a CACAO playbook.
    Stix,
    /// A MISP galaxy.
    Galaxy,
    /// The European skills framework.
    Ecsf,
    /// IATI activities or organisations.
    Iati,
    /// Rows and columns.
    Table,
    /// A workbook.
    Xlsx,
    /// What `export --format json` writes.
    Own,
}

impl Format {
    /// The name that options and output use.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLd => "json-ld",
            Self::Html => "html",
            Self::Calendar => "ics",
            Self::Mapped => "mapped",
            Self::Stix => "stix",
            Self::Galaxy => "galaxy",
            Self::Ecsf => "ecsf",
            Self::Iati => "iati",
            Self::Table => "csv",
            Self::Xlsx => "xlsx",
            Self::Own => "json",
        }
    }
}

/// Everything found in a file, in its order.
pub struct Reading {
    /// What it was read as.
    pub format: Format,
    /// One for each item or row: nothing is passed over.
    pub found: Vec<Found>,
    /// Names of properties or columns that have no place in our records.
    pub not_carried: Vec<String>,
}

/// Reads a file's bytes, as what they look like; a message where that is nothing that is read here.
pub fn read(bytes: &[u8], name: &str, wishes: &Wishes) -> Result<Reading, String> {
    if xlsx::is_workbook(bytes) {
        return xlsx::read(bytes, wishes);
    }
    let text = decode::text(bytes);
    let start = text.trim_start();
    if ical::is_calendar(start) {
        bounded(start)?;
        return ical::read(&text, name, wishes);
    }
    if start.starts_with('<') {
        return match (iati::is_iati(start), html::is_page(start)) {
            (true, _) => iati::read(&text, name, wishes),
            (_, true) => bounded(start).and_then(|()| html::read(&text, name, wishes)),
            _ => Err("it is neither a page nor IATI, the one XML that is read here".to_owned()),
        };
    }
    if !start.starts_with(['{', '[']) {
        if is_yaml(start, name) {
            return Err(
                "it is YAML, which is not read here; write it as JSON, and name its fields with --mapping"
                    .to_owned(),
            );
        }
        return table::read(&text, name, wishes);
    }
    bounded(start)?;
    let value: serde_json::Value = serde_json::from_str(start).map_err(|e| e.to_string())?;
    if value.get("caphub").is_some() {
        return own::read(&value, name, wishes);
    }
    if let Some(mapping) = &wishes.mapping {
        return mapping.read(&value, wishes);
    }
    if let Some(galaxy) = galaxy::Galaxy::of(&value) {
        return galaxy.read(wishes);
    }
    if vocabulary::is_ecsf(&value) {
        return Ok(vocabulary::read_ecsf(&value, wishes));
    }
    match technique::is_technique(&value) {
        true => technique::read(&value, wishes),
        false => Ok(jsonld::read(&value, name, wishes)),
    }
}

/// True where a file is YAML by its name or its first line; as a table it would only lack columns.
fn is_yaml(start: &str, name: &str) -> bool {
    let named = name.to_ascii_lowercase();
    [".yaml", ".yml"].iter().any(|end| named.ends_with(end))
        || start.starts_with("%YAML")
        || start.lines().next().is_some_and(|line| line.trim_end() == "---")
}

/// Most bytes of a file that becomes a tree in memory, some ten times its size; tables and IATI are read piece by piece.
const TREE_BYTES_MAX: usize = 64 * 1_024 * 1_024;

fn bounded(text: &str) -> Result<(), String> {
    match text.len() <= TREE_BYTES_MAX {
        true => Ok(()),
        false => Err(format!("it has {} bytes where {TREE_BYTES_MAX} are read; split it", text.len())),
    }
}

/// The terms of a file that holds a vocabulary, so that others among the files can be linked to them.
pub fn index(bytes: &[u8], terms: &mut HashMap<String, String>) {
    let text = decode::text(bytes);
    if bounded(&text).is_err() {
        return;
    }
    let value: serde_json::Value = serde_json::from_str(text.trim_start()).unwrap_or_default();
    if let Some(galaxy) = galaxy::Galaxy::of(&value) {
        galaxy.index(terms);
    }
}

/// An import of which nothing more was said than its kind.
pub fn wishes_for(kind: RecordKind) -> Wishes {
    Wishes {
        kind,
        language: "en".to_owned(),
        licence: String::new(),
        source: String::new(),
        map: Vec::new(),
        mapping: None,
        terms: HashMap::new(),
        themes: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
