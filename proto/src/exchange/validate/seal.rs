//! What a revision says of its seal, and the two kinds that name entries.

use super::{Field, Invalid, exactly};
use crate::exchange::check;
use crate::exchange::seal::{FILE_KEY_BYTES, OPENING_BYTES, PARTIES_MAX};
use crate::v1::{EntryRef, Erasure, Revision, ThreadGrant};

/// Most entries that one erasure or grant names.
const ENTRIES_MAX: usize = 1_024;

pub(super) fn form(revision: &Revision) -> Result<(), Invalid> {
    let Some(sealing) = &revision.sealing else { return Ok(()) };
    if sealing.parties.len() > PARTIES_MAX {
        return Err(format!("has {} items where {PARTIES_MAX} fit", sealing.parties.len()))
            .of("sealing.parties");
    }
    check::list(&sealing.parties, |p| check::party(p)).of("sealing.parties")?;
    exactly(&sealing.opening, OPENING_BYTES).of("sealing.opening")
}

pub(super) fn erasure(r: &Erasure) -> Result<(), Invalid> {
    named(r.entries.len(), r.entries.iter().map(|e: &EntryRef| (e.feed_id.len(), e.seq)))
}

pub(super) fn grant(r: &ThreadGrant) -> Result<(), Invalid> {
    named(r.entries.len(), r.entries.iter().map(|e| (e.feed_id.len(), e.seq)))?;
    for entry in &r.entries {
        exactly(&entry.file_key, FILE_KEY_BYTES).of("entries.file_key")?;
    }
    Ok(())
}

fn named(count: usize, mut entries: impl Iterator<Item = (usize, u64)>) -> Result<(), Invalid> {
    if count == 0 {
        return Err("is required".to_owned()).of("entries");
    }
    if count > ENTRIES_MAX {
        return Err("has more than 1,024 items".to_owned()).of("entries");
    }
    match entries.all(|(feed, seq)| feed == 32 && seq > 0) {
        true => Ok(()),
        false => Err("has an item without a feed of 32 bytes or a place".to_owned()).of("entries"),
    }
}
