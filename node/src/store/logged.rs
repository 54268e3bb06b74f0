//! Own batches as the log has them, for a register that lost some.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;

use crate::store::StoreError;
use crate::store::files::{START, read_frame};
use crate::store::register::Batch;
use crate::store::scan::{Sheet, next_frame};

/// A frame of the log that the register should have.
pub(super) struct InLog {
    pub(super) batch: Batch,
    /// All of it, as the register has it.
    pub(super) bytes: Vec<u8>,
}

/// What the log has.
#[derive(Default)]
pub(super) struct OfLog {
    /// Own frames that the register is not known to have, in the order of the log.
    pub(super) unknown: Vec<InLog>,
    /// Entries of the batches that were asked for.
    pub(super) sought: HashMap<Batch, Bytes>,
    /// Which of the known ones it has.
    pub(super) seen: HashSet<Batch>,
}

/// Looks through the log of a store's folder, or through its last segments only.
pub(super) fn own(
    directory: &Path,
    known: &HashSet<Batch>,
    sought: &HashSet<Batch>,
    last: Option<usize>,
) -> Result<OfLog, StoreError> {
    let (sheet, mut of_log) = (Sheet::read(directory)?, OfLog::default());
    let numbers = sheet.numbers()?;
    let skip = last.map_or(0, |last| numbers.len().saturating_sub(last));
    for number in numbers.into_iter().skip(skip) {
        let file = File::open(sheet.path(number))?;
        let (mut offset, end) = (START, file.metadata()?.len());
        while offset < end {
            let Some((head, packed, length)) = read_frame(&file, offset)? else {
                offset = next_frame(&file, offset + 1, end)?;
                continue;
            };
            let (at, batch) = (offset, (head.feed.id(), head.last));
            offset += length;
            if !sheet.fits(&head, &packed) {
                continue;
            }
            if known.contains(&batch) {
                of_log.seen.insert(batch);
            } else if head.own {
                of_log.unknown.push(InLog { batch, bytes: bytes(&file, at, length)? });
            }
            if sought.contains(&batch) {
                of_log.sought.insert(batch, packed);
            }
        }
    }
    Ok(of_log)
}

fn bytes(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
