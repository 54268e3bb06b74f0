//! The register of own signed batches: frames in one append-only file, the same bytes that the log got in the same commit.
//!
//! It is read whole at each start. Bytes in it that are not what was written are told and written again from the log, which has
//! them too. Only what was never acknowledged is cut: the end of a commit that the log has not either.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use caphub_proto::wire::{EntryHash, FeedId};

use crate::durable;
use crate::shown::UNASKED;
use crate::store::files::{Erased, read_frame};
use crate::store::frame::{self, FrameHead};
use crate::store::logged::{self, InLog};
use crate::store::scan::{self, Frame};
use crate::store::{StoreError, open};

/// The register's file, in the store's folder.
pub(super) const FILE: &str = "register";
/// Where damaged bytes are kept that were taken out.
const ASIDE: &str = "aside";
/// What the mark says that has a linked hub asked first.
const UNSURE: &[u8] = b"the register was damaged: signs nothing before a linked hub was asked\n";
/// No commit is longer: more than that is no torn end.
const COMMIT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Segments in which the frames of the last commit lie: it may have begun a new one.
const LAST_SEGMENTS: usize = 2;

/// What names a batch: its feed and its last entry.
pub(super) type Batch = (FeedId, EntryHash);

/// Bytes of the register that are not what was written.
#[derive(Clone, Debug)]
pub struct Gap {
    /// Where they begin.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// Nothing whole comes after them.
    pub at_end: bool,
    /// What the frame's head says, where that is whole.
    pub(super) head: Option<FrameHead>,
}

impl Gap {
    fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// Frames of the register in order, and the gaps between them.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) whole: Vec<(u64, FrameHead, Bytes)>,
    pub(super) gaps: Vec<Gap>,
}

/// Reads all of a register; frames behind damage are found again.
pub(super) fn read(file: &File, erased: &Erased) -> io::Result<Sheet> {
    let (mut sheet, mut offset, end) = (Sheet::default(), 0, file.metadata()?.len());
    while offset < end {
        let found = read_frame(file, offset)?;
        let (head, next) = match found {
            Some((head, packed, length)) => {
                let gone = erased.get(&head.feed.id());
                let next = offset + length;
                if frame::fits(&head, &packed, |seq| gone.is_some_and(|g| g.contains(&seq))) {
                    sheet.whole.push((offset, head, packed));
                    offset = next;
                    continue;
                }
                (Some(head), next)
            }
            None => (None, scan::next_frame(file, offset + 1, end)?),
        };
        sheet.gaps.push(Gap { offset, length: next - offset, at_end: next >= end, head });
        offset = next;
    }
    Ok(sheet)
}

/// The register of a store that is open.
pub(super) struct Register {
    pub(super) file: File,
}

impl Register {
    /// Opens the register of a store's folder, mends it, and gives every frame to `each`.
    pub(super) fn open(
        directory: &Path,
        erased: &Erased,
        mut each: impl FnMut(FrameHead, Bytes),
    ) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        let mut sheet = read(&file, erased)?;
        if !sheet.gaps.is_empty() {
            mend(directory, &sheet)?;
            sheet = read(&file, erased)?;
            if let Some(gap) = sheet.gaps.first() {
                return Err(StoreError::Register { path, offset: gap.offset });
            }
        }
        sheet.whole.into_iter().for_each(|(_, head, packed)| each(head, packed));
        Ok(Self { file })
    }

    /// Overwrites erased bodies of own entries; places never move.
    pub(super) fn erase(directory: &Path, erased: &Erased) -> io::Result<()> {
        // Not the handle that appends: with it every write goes to the end.
        let file = OpenOptions::new().read(true).write(true).open(directory.join(FILE))?;
        let (mut offset, end) = (0, file.metadata()?.len());
        while offset < end {
            let Some((head, packed, length)) = read_frame(&file, offset)? else {
                offset = scan::next_frame(&file, offset + 1, end)?;
                continue;
            };
            let start = offset + length - packed.len() as u64;
            if let Some(gone) = erased.get(&head.feed.id()) {
                let bodies = frame::bodies(&head, &packed).into_iter().filter(|(seq, ..)| gone.contains(seq));
                for (_, at, length) in bodies {
                    file.write_all_at(&vec![0; length], start + at as u64)?;
                }
            }
            offset += length;
        }
        file.sync_data()
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// What can be done about a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cure {
    /// The log has all of it: a start, or a repair, writes it again.
    Log,
    /// The end of a commit of which nobody was told: a start drops it.
    Torn,
    /// Nothing here tells what it held.
    Unknown,
}

/// Reads the register of a store's folder: every whole batch goes to `each`, and what is damaged comes back with what can be done
/// about it. A node may run meanwhile.
pub fn check(directory: &Path, mut each: impl FnMut(Frame)) -> Result<Vec<(Gap, Cure)>, StoreError> {
    let file = match File::open(directory.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut sheet = read(&file, &open::erased(&directory.join("erasures"))?)?;
    if !sheet.gaps.is_empty() {
        // A node that runs may have erased a body, or have been in the middle of a write, a moment ago.
        sheet = read(&file, &open::erased(&directory.join("erasures"))?)?;
    }
    let cures = match sheet.gaps.is_empty() {
        true => Vec::new(),
        false => plan(directory, &sheet)?.cures,
    };
    for (_, head, packed) in sheet.whole {
        let FrameHead { feed, first, count, kind, .. } = head;
        each(Frame { feed, first, count, kind, packed });
    }
    Ok(sheet.gaps.into_iter().zip(cures).collect())
}

/// What each gap is to be filled with.
pub(super) struct Plan {
    /// Bytes to write, and where.
    writes: Vec<(u64, Vec<u8>)>,
    /// One a gap.
    pub(super) cures: Vec<Cure>,
    /// Where the register ends afterwards, and what is appended there.
    end: Option<(u64, Vec<Vec<u8>>)>,
}

/// What the log tells of the gaps of a register.
pub(super) fn plan(directory: &Path, sheet: &Sheet) -> Result<Plan, StoreError> {
    let named = |(_, head, _): &(u64, FrameHead, Bytes)| (head.feed.id(), head.last);
    let known: HashSet<Batch> = sheet.whole.iter().map(named).collect();
    let sought = sheet.gaps.iter().filter_map(|g| g.head.as_ref()).map(|h| (h.feed.id(), h.last)).collect();
    let only_end = sheet.gaps.iter().all(|gap| gap.at_end && gap.length <= COMMIT_BYTES_MAX);
    let log = logged::own(directory, &known, &sought, only_end.then_some(LAST_SEGMENTS))?;
    let mut coming: VecDeque<InLog> = log.unknown.into();
    let mut plan = Plan { writes: Vec::new(), cures: Vec::new(), end: None };
    for gap in &sheet.gaps {
        if let Some(bytes) = refilled(gap, &log.sought, &mut coming) {
            plan.writes.push(bytes);
            plan.cures.push(Cure::Log);
            continue;
        }
        let before = sheet.whole.iter().take_while(|(at, ..)| *at < gap.offset);
        let after = sheet.whole.iter().skip_while(|(at, ..)| *at < gap.offset);
        let torn = gap.at_end
            || (before.map(named).all(|batch| log.seen.contains(&batch))
                && !after.map(named).any(|batch| log.seen.contains(&batch)));
        if !torn {
            plan.cures.push(Cure::Unknown);
            continue;
        }
        let rest = std::mem::take(&mut coming).into_iter().map(|l| l.bytes).collect();
        plan.cures.resize(sheet.gaps.len(), Cure::Torn);
        plan.end = Some((gap.offset, rest));
        break;
    }
    Ok(plan)
}

/// What the log has of a gap, and where it goes; it must fill it to the byte.
fn refilled(
    gap: &Gap,
    sought: &HashMap<Batch, Bytes>,
    coming: &mut VecDeque<InLog>,
) -> Option<(u64, Vec<u8>)> {
    if let Some(head) = &gap.head {
        let batch = (head.feed.id(), head.last);
        coming.retain(|logged| logged.batch != batch);
        let packed = sought.get(&batch)?;
        // A body that was erased is zeroes in both.
        let start = gap.length.checked_sub(packed.len() as u64)?;
        return Some((gap.offset + start, packed.to_vec()));
    }
    let (mut count, mut length) = (0, 0);
    while length < gap.length {
        length += coming.get(count)?.bytes.len() as u64;
        count += 1;
    }
    (length == gap.length).then(|| (gap.offset, coming.drain(..count).flat_map(|l| l.bytes).collect()))
}

/// Writes again what the log has, and cuts the end of a commit that nobody was told of. Where anything else is left, nothing
/// is changed.
pub(super) fn mend(directory: &Path, sheet: &Sheet) -> Result<(), StoreError> {
    let path = directory.join(FILE);
    let plan = plan(directory, sheet)?;
    let unknown = sheet.gaps.iter().zip(&plan.cures).find(|(_, cure)| **cure == Cure::Unknown);
    if let Some((gap, _)) = unknown {
        return Err(StoreError::Register { path, offset: gap.offset });
    }
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    fill(&path, &file, sheet, &plan)?;
    if let Some((offset, rest)) = plan.end {
        tracing::warn!(path = %path.display(), offset, "a torn tail of the register is cut");
        if sheet.whole.iter().any(|(at, ..)| *at > offset) {
            // Most likely nobody was told of any of it. Where the log is an old copy somebody was: so a linked hub is asked first.
            durable::replace(&directory.join(UNASKED), UNSURE)?;
            keep_aside(directory, &file, offset, file.metadata()?.len())?;
        }
        file.set_len(offset)?;
        file.write_all_at(&rest.concat(), offset)?;
    }
    Ok(file.sync_all()?)
}

/// Writes again what the log has.
fn fill(path: &Path, file: &File, sheet: &Sheet, plan: &Plan) -> io::Result<()> {
    let cured = sheet.gaps.iter().zip(&plan.cures).filter(|(_, cure)| **cure == Cure::Log);
    for ((gap, _), (at, bytes)) in cured.zip(&plan.writes) {
        let (path, offset, length) = (path.display(), gap.offset, gap.length);
        tracing::error!(%path, offset, length, "the register was damaged: written again from the log");
        file.write_all_at(bytes, *at)?;
    }
    Ok(())
}

/// The last resort, for an operator who asks for it: what nothing tells is taken out and kept aside, and nothing is signed until a
/// linked hub has shown how far the own feeds reach. How many bytes were taken out.
pub(super) fn without_unknown(directory: &Path, erased: &Erased) -> Result<u64, StoreError> {
    let path = directory.join(FILE);
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    let sheet = read(&file, erased)?;
    fill(&path, &file, &sheet, &plan(directory, &sheet)?)?;
    let (sheet, mut lost) = (read(&file, erased)?, 0);
    for gap in &sheet.gaps {
        keep_aside(directory, &file, gap.offset, gap.end())?;
        lost += gap.length;
    }
    // The mark first: a register that lacks a batch must not be signed behind.
    durable::replace(&directory.join(UNASKED), UNSURE)?;
    let mut bytes = Vec::new();
    for (offset, _, _) in &sheet.whole {
        let Some((_, _, length)) = read_frame(&file, *offset)? else { continue };
        let mut whole = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut whole, *offset)?;
        bytes.extend(whole);
    }
    durable::replace(&path, &bytes)?;
    Ok(lost)
}

fn keep_aside(directory: &Path, file: &File, from: u64, to: u64) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(to - from).unwrap_or_default()];
    file.read_exact_at(&mut bytes, from)?;
    let path = directory.join(ASIDE).join(format!("{FILE}-{from}"));
    tracing::error!(path = %path.display(), "what was taken out of the register is kept aside");
    durable::replace(&path, &bytes)
}
