//! Which records name a file: who may read one of them may fetch the file.

use std::collections::HashMap;

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Blob, Filter};
use caphub_proto::wire::PartyId;

use super::FileId;
use crate::author::now_ms;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::views::{PAGE_SIZE_MAX, PageRequest, ViewsError};

/// Records of one file that are looked at: any of them will do.
const NAMED_MAX: u32 = 50;
/// Most files that a node looks after; about 300 bytes each.
const FILES_MAX: usize = 65_536;

/// A record's word on a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// Whose record it is.
    pub party: PartyId,
    /// What it says.
    pub blob: Blob,
}

/// The files that a record names.
pub fn blobs_of(record: &Record) -> Vec<&Blob> {
    match record {
        Record::Artifact(a) => {
            let others = a.sbom.iter().map(|s| &s.file).chain(a.provenance.iter().map(|p| &p.file));
            std::iter::once(&a.file).chain(others).flatten().collect()
        }
        Record::Endorsement(e) => e.advisories.iter().filter_map(|a| a.file.as_ref()).collect(),
        _ => Vec::new(),
    }
}

/// The files that a record names, as a view shows it.
pub fn of_record(record: &v1::Record) -> Vec<Named> {
    let Some(party) = PartyId::from_slice(&record.party_id) else { return Vec::new() };
    let shown = record.revision.as_ref().and_then(|r| r.record.as_ref());
    let blobs = shown.map(blobs_of).unwrap_or_default();
    blobs.into_iter().map(|blob| Named { party, blob: blob.clone() }).collect()
}

/// The id of a file as a record states it.
pub fn id_of(blob: &Blob) -> Option<FileId> {
    blob.manifest.as_slice().try_into().ok()
}

/// What records that count and that the viewer may read say of a file; empty where there is none.
pub fn named(core: &Core, viewer: &Viewer, id: &FileId) -> Result<Vec<Named>, ViewsError> {
    let filter = Filter { labels: vec![format!("blob:{}", hex::encode(id))], ..Filter::default() };
    let request = PageRequest { size: NAMED_MAX, token: String::new() };
    let page = core.views.list(viewer, &filter, &request, now_ms())?;
    let all = page.records.iter().flat_map(of_record);
    Ok(all.filter(|n| n.blob.manifest == *id).collect())
}

/// Bytes of files held here: those that a party's records name, and all together.
pub fn used(core: &Core, party: &PartyId) -> Result<(u64, u64), ViewsError> {
    let theirs = all(core, Some(party))?;
    let held = core.blobs.all();
    let of_party = held.iter().filter(|(id, _)| theirs.contains_key(id)).map(|(_, bytes)| bytes).sum();
    Ok((of_party, held.iter().map(|(_, bytes)| bytes).sum()))
}

/// Every file that a record held here names, each once, with the first party that names it; of one party, or of all.
pub(super) fn all(core: &Core, party: Option<&PartyId>) -> Result<HashMap<FileId, Named>, ViewsError> {
    let mut found = HashMap::new();
    for (kind, label) in [("artifact", None), ("endorsement", Some("statement:advisory"))] {
        let filter = Filter {
            kinds: vec![kind.to_owned()],
            party_id: party.map(|p| p.to_vec()).unwrap_or_default(),
            labels: label.map(str::to_owned).into_iter().collect(),
            ..Filter::default()
        };
        let mut token = String::new();
        loop {
            let request = PageRequest { size: PAGE_SIZE_MAX, token };
            let page = core.views.list(&Viewer::everything(), &filter, &request, now_ms())?;
            for named in page.records.iter().flat_map(of_record) {
                if let Some(id) = id_of(&named.blob).filter(|_| found.len() < FILES_MAX) {
                    found.entry(id).or_insert(named);
                }
            }
            if page.next_page_token.is_empty() {
                break;
            }
            token = page.next_page_token;
        }
    }
    Ok(found)
}
