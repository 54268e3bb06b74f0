//! Files of others, as `caphub import` reads them.

use caphub_cli::interchange::{self, xlsx};
use caphub_proto::exchange::RecordKind;

/// The kinds that differ in what their importers look for.
const KINDS: [RecordKind; 5] =
    [RecordKind::Course, RecordKind::Session, RecordKind::Project, RecordKind::Technique, RecordKind::Need];

/// A file of any format: of each item either a draft or a reason.
pub(super) fn import(bytes: &[u8]) {
    for kind in KINDS {
        let wishes = interchange::wishes_for(kind);
        let Ok(reading) = interchange::read(bytes, "f", &wishes) else { continue };
        for draft in reading.found.iter().filter_map(|found| found.draft.as_ref().ok()) {
            drop(draft.record(&wishes));
        }
    }
}

/// A workbook, which nothing else of what is bent stays for long.
pub(super) fn workbook(bytes: &[u8]) {
    let _ = xlsx::read(bytes, &interchange::wishes_for(RecordKind::Course));
}
