//! Records from and to files that others write and read: schema.org JSON-LD, tables, and our own JSON.
//!
//! Reading ends in a `Draft`, whatever the format; writing reads back what it wrote, and puts what did not survive
//! into a field of our own, so that a file always imports as the record that it was made of.

pub mod decode;
pub mod draft;
pub mod jsonld;
pub mod moment;
pub mod own;
pub mod table;
pub mod write;

pub use draft::{Draft, Found, Why};

use caphub_proto::exchange::RecordKind;

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
    /// Themes of items that state none.
    pub themes: Vec<String>,
}

/// The format that a file turned out to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// schema.org in JSON-LD.
    JsonLd,
    /// Rows and columns.
    Table,
    /// What `export --format json` writes.
    Own,
}

impl Format {
    /// The name that options and output use.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLd => "json-ld",
            Self::Table => "csv",
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

/// Reads a file's bytes; a message where it is neither JSON nor a table.
pub fn read(bytes: &[u8], name: &str, wishes: &Wishes) -> Result<Reading, String> {
    let text = decode::text(bytes);
    let start = text.trim_start();
    if !start.starts_with(['{', '[']) {
        return table::read(&text, name, wishes);
    }
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    match value.get("caphub").is_some() {
        true => own::read(&value, name, wishes),
        false => Ok(jsonld::read(&value, name, wishes)),
    }
}
