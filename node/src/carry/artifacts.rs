//! Files that records name, in carry files: which are due and how they are written; `taking` has the other side.

mod taking;

use std::collections::{BTreeSet, HashMap};

use caphub_proto::v1::CarryOutReport;
use caphub_proto::wire::carry::{Frame, Held};
use caphub_proto::wire::chunks::Manifest;
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{EntryHash, FeedId, Head, Seq};

use crate::artifacts::{FileId, named};
use crate::carry::plan::Reading;
use crate::carry::split::Split;
use crate::carry::{Bearer, CarryError, OnProgress, Progress};
use crate::entitlement::Viewer;

pub(super) use taking::Taking;

const HOLD_TAG: &[u8] = b"caphub/hold-file/1\0";

/// Chunks of files that lie in the folder already, by the file.
pub(super) type Lying = HashMap<FileId, BTreeSet<u32>>;

/// A file of which the folder lacks something.
pub(super) struct DueFile {
    id: FileId,
    list: Manifest,
    /// Chunks that are to be written.
    chunks: Vec<u32>,
}

/// How it is stated that a file is held whole.
pub(super) fn holding(id: &FileId, list: &Manifest) -> Option<(FeedId, EntryHash, Held)> {
    let seq = Seq::new(u64::from(list.count()).max(1))?;
    let head = Head { seq, hash: EntryHash::default() };
    Some((place(id), EntryHash(*id), Held { head, frozen: false }))
}

fn place(id: &FileId) -> FeedId {
    FeedId(tagged_hash(HOLD_TAG, &[id]))
}

/// True where every reader states that it holds the file whole.
pub(super) fn is_held(id: &FileId, readers: &[Reading<'_>]) -> bool {
    let holds = |r: &Reading<'_>| r.stated.and_then(|s| s.holds.of(&place(id), &EntryHash(*id))).is_some();
    !readers.is_empty() && readers.iter().all(holds)
}

/// Notes a frame of an own file that lies in the folder.
pub(super) fn note(lying: &mut Lying, frame: &Frame) {
    match frame {
        Frame::List(list) => drop(lying.entry(list.hash()).or_default()),
        Frame::Chunk { file, index, .. } => drop(lying.entry(*file).or_default().insert(*index)),
        _ => {}
    }
}

/// Whole files that each reader may fetch, because it may read a record that names them, and that the folder and the
/// readers lack; the smallest first.
pub(super) fn due(
    bearer: &Bearer,
    readers: &[Reading<'_>],
    lying: &Lying,
) -> Result<Vec<DueFile>, CarryError> {
    let (core, anybody) = (&bearer.core, [Viewer::public()]);
    let viewers: Vec<&Viewer> = match readers.is_empty() {
        true => anybody.iter().collect(),
        false => readers.iter().map(|r| &r.viewer).collect(),
    };
    let mut due = Vec::new();
    for (id, _) in core.blobs.all() {
        let Some(list) = core.blobs.list(&id).filter(|_| core.blobs.is_whole(&id)) else { continue };
        let there = lying.get(&id);
        let chunks: Vec<u32> =
            (0..list.count()).filter(|i| there.is_none_or(|there| !there.contains(i))).collect();
        let lies = there.is_some() && chunks.is_empty();
        if lies || is_held(&id, readers) {
            continue;
        }
        let mut may = true;
        for viewer in &viewers {
            may &= !named(core, viewer, &id, None)?.is_empty();
        }
        if may {
            due.push(DueFile { id, list, chunks });
        }
    }
    due.sort_by_key(|d| (d.list.bytes(), d.id));
    Ok(due)
}

/// What would be written, without a file; what does not fit the budget is left.
pub(super) fn measure(due: &[DueFile], mut budget: u64, report: &mut CarryOutReport) {
    for file in due {
        let bytes: u64 = file.chunks.iter().filter_map(|i| file.list.place(*i)).map(|(_, n)| n as u64).sum();
        match bytes <= budget {
            true => {
                budget -= bytes;
                report.artifacts += 1;
                report.artifact_bytes += bytes;
            }
            false => report.left_artifacts += 1,
        }
    }
}

/// Writes the files, each chunk compared with its list as it is read; what does not fit the folder is left.
pub(super) fn write(
    bearer: &Bearer,
    due: &[DueFile],
    split: &mut Split<'_>,
    report: &mut CarryOutReport,
    progress: OnProgress<'_>,
) -> Result<(), CarryError> {
    for (at, file) in due.iter().enumerate() {
        let mut room = split.list(&file.id, &file.list)?;
        for index in &file.chunks {
            // Damaged here: it is fetched again, and another trip takes it along.
            let Ok(chunk) = bearer.core.blobs.chunk(&file.id, *index) else {
                room = false;
                break;
            };
            room = room && split.chunk(&file.id, &file.list, *index, &chunk)?;
            if !room {
                break;
            }
            report.artifact_bytes += chunk.len() as u64;
            let (entries, bytes) = (report.entries, report.bytes + report.artifact_bytes);
            if !progress(Progress { entries, bytes, expected: report.entries }) {
                return Err(CarryError::Stopped);
            }
        }
        match room {
            true => report.artifacts += 1,
            false => {
                report.left_artifacts += (due.len() - at) as u64;
                break;
            }
        }
    }
    Ok(())
}
