//! Columns of text that fit a terminal of 80 columns.

use caphub_proto::exchange::Summary;
use caphub_proto::v1;
use caphub_proto::wire::PartyId;

use crate::screen;

pub use caphub_node::texts::columns::{COLUMNS, fit, folded, pad, width};

/// A sentence over as many lines as it takes, each behind so many spaces.
pub fn wrapped(text: &str, indent: usize) {
    let room = COLUMNS.saturating_sub(indent).max(20);
    let mut line = String::new();
    for word in screen::plain(text).split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            screen::line(&format!("{}{line}", " ".repeat(indent)));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&fit(word, room));
    }
    if !line.is_empty() {
        screen::line(&format!("{}{line}", " ".repeat(indent)));
    }
}

/// The title of a record, harmless.
pub fn title(record: &v1::Record) -> String {
    let summary = record.revision.as_ref().and_then(Summary::of).map(|(_, s)| s).unwrap_or_default();
    screen::plain(&summary.title)
}

/// The name of a record's owner, or the short form of its id.
pub fn who(record: &v1::Record) -> String {
    match record.party_name.is_empty() {
        true => PartyId::from_slice(&record.party_id).map(|p| p.short()).unwrap_or_default(),
        false => screen::all_names(&record.party_name, record.self_named, &record.also_named),
    }
}
