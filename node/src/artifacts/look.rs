//! One look at all files: what no record names goes, what is missing and fits is wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use caphub_proto::wire::PartyId;

use super::named::{named, table};
use super::table::{Claim, Table};
use super::{BlobError, FileId, Room};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::views::ViewsError;

/// A file that is to be fetched, with what records of those that have room for it say of it.
pub(super) type Wanted = (FileId, Vec<Claim>);

/// What of the room is taken.
#[derive(Default)]
struct Taken {
    parties: HashMap<PartyId, u64>,
    total: u64,
}

/// Forgets what no record names; what is missing and fits.
pub(super) fn look(core: &Core, room: Room) -> Result<Vec<Wanted>, BlobError> {
    look_with(core, room, table, true)
}

/// What is missing and fits; nothing is forgotten.
pub fn wanted(core: &Core, room: Room) -> Result<Vec<(FileId, Vec<Claim>)>, BlobError> {
    look_with(core, room, table, false)
}

fn look_with(
    core: &Core,
    room: Room,
    table: impl Fn(&Core) -> Result<Table, ViewsError>,
    forget: bool,
) -> Result<Vec<Wanted>, BlobError> {
    let failed = |e: ViewsError| BlobError::Disk(std::io::Error::other(e));
    // Views that are behind do not know all records: what they miss is not forgotten.
    let forget = forget && core.views.behind() == 0;
    let table = table(core).map_err(failed)?;
    let mut namers: HashMap<FileId, BTreeSet<PartyId>> = HashMap::new();
    for (party, claim) in table.claims() {
        namers.entry(claim.id).or_default().insert(*party);
    }
    let (mut taken, mut here, mut whole) = (Taken::default(), BTreeSet::new(), BTreeSet::new());
    for (id, bytes) in core.blobs.all() {
        let mut parties = namers.remove(&id).unwrap_or_default();
        if parties.is_empty() {
            // The table is bounded and was read before: only the record's own label says that nothing names a file.
            let words = named(core, &Viewer::everything(), &id, None).map_err(failed)?;
            parties.extend(words.into_iter().map(|n| n.party));
        }
        if parties.is_empty() {
            if forget {
                core.blobs.remove(&id)?;
            }
            continue;
        }
        taken.total += bytes;
        for party in parties {
            *taken.parties.entry(party).or_default() += bytes;
        }
        here.insert(id);
        if core.blobs.is_whole(&id) {
            whole.insert(id);
        }
    }
    Ok(missing(&table, room, taken, &here, &whole))
}

/// Missing files, in turns: the smallest of each party, then the second of each. So nobody's many are before others' few.
fn missing(
    table: &Table,
    room: Room,
    mut taken: Taken,
    here: &BTreeSet<FileId>,
    whole: &BTreeSet<FileId>,
) -> Vec<Wanted> {
    let mut parties: BTreeMap<&PartyId, Vec<&Claim>> = BTreeMap::new();
    for (party, claim) in table.claims().filter(|(_, c)| !whole.contains(&c.id)) {
        parties.entry(party).or_default().push(claim);
    }
    let mut all: Vec<(usize, &Claim, &PartyId)> = Vec::new();
    for (party, mut claims) in parties {
        claims.sort_by_key(|c| (c.bytes, c.id));
        all.extend(claims.into_iter().enumerate().map(|(turn, claim)| (turn, claim, party)));
    }
    all.sort_by_key(|(turn, claim, party)| (*turn, claim.bytes, claim.id, *party));
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut at: HashMap<FileId, usize> = HashMap::new();
    for (_, claim, party) in all {
        // What is here in part has its room already; what another names as well takes it once.
        let counted = here.contains(&claim.id);
        let more = if counted || at.contains_key(&claim.id) { 0 } else { claim.bytes };
        let used = taken.parties.entry(*party).or_default();
        let theirs = if counted { 0 } else { claim.bytes };
        let fits = claim.bytes <= room.file_bytes
            && *used + theirs <= room.party_bytes
            && taken.total + more <= room.total_bytes;
        if !fits {
            continue;
        }
        *used += theirs;
        taken.total += more;
        let place = *at.entry(claim.id).or_insert_with(|| {
            wanted.push((claim.id, Vec::new()));
            wanted.len() - 1
        });
        if let Some((_, claims)) = wanted.get_mut(place).filter(|(_, claims)| !claims.contains(claim)) {
            claims.push(*claim);
        }
    }
    wanted
}

#[cfg(test)]
mod tests;
