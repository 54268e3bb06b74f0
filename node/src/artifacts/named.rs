//! Which records name a file: who may read one of them may fetch the file.

use std::collections::HashMap;

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Blob, Filter};
use caphub_proto::wire::PartyId;

use super::FileId;
use super::table::{Claim, Table};
use crate::author::now_ms;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::views::{PAGE_SIZE_MAX, PageRequest, ViewsError};

/// Records of one file that are looked at: any of them will do, and a party that matters is asked for by name.
const NAMED_MAX: u32 = 50;

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

/// What records that count and that the viewer may read say of a file, those of one party or of any; empty where there
/// is none. Of any party these are the newest, which whoever writes many fills: what decides for a party is asked by
/// its name.
pub fn named(
    core: &Core,
    viewer: &Viewer,
    id: &FileId,
    party: Option<&PartyId>,
) -> Result<Vec<Named>, ViewsError> {
    let filter = Filter {
        labels: vec![format!("blob:{}", hex::encode(id))],
        party_id: party.map(|p| p.to_vec()).unwrap_or_default(),
        ..Filter::default()
    };
    let request = PageRequest { size: NAMED_MAX, token: String::new() };
    let page = core.views.list(viewer, &filter, &request, now_ms())?;
    let all = page.records.iter().flat_map(of_record);
    Ok(all.filter(|n| n.blob.manifest == *id).collect())
}

/// True where a record that counts names a file, whoever may read it.
pub fn is_named(core: &Core, id: &FileId) -> Result<bool, ViewsError> {
    Ok(!named(core, &Viewer::everything(), id, None)?.is_empty())
}

/// Bytes of the files held here, looked up once for all questions of a request.
pub struct Used {
    held: HashMap<FileId, u64>,
    total: u64,
    parties: HashMap<PartyId, u64>,
}

impl Used {
    /// As the folder is now.
    pub fn of(core: &Core) -> Self {
        let held: HashMap<FileId, u64> = core.blobs.all().into_iter().collect();
        Self { total: held.values().sum(), held, parties: HashMap::new() }
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Those that records of a party name.
    pub fn party(&mut self, core: &Core, party: &PartyId) -> Result<u64, ViewsError> {
        if let Some(bytes) = self.parties.get(party) {
            return Ok(*bytes);
        }
        let mut theirs: HashMap<FileId, u64> = HashMap::new();
        each(core, Some(party), |_, claim| {
            if let Some(bytes) = self.held.get(&claim.id) {
                theirs.insert(claim.id, *bytes);
            }
        })?;
        let bytes = theirs.values().sum();
        self.parties.insert(*party, bytes);
        Ok(bytes)
    }
}

/// What records held here say of files.
pub(super) fn table(core: &Core) -> Result<Table, ViewsError> {
    let mut table = Table::default();
    each(core, None, |party, claim| table.note(party, claim))?;
    Ok(table)
}

/// Every word of records held here on files; of one party, or of all.
fn each(
    core: &Core,
    party: Option<&PartyId>,
    mut look: impl FnMut(PartyId, Claim),
) -> Result<(), ViewsError> {
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
                if let Some(claim) = Claim::of(&named.blob) {
                    look(named.party, claim);
                }
            }
            if page.next_page_token.is_empty() {
                break;
            }
            token = page.next_page_token;
        }
    }
    Ok(())
}
