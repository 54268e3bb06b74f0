//! Reading the segments as they lie: without the index, without trusting them, and without writing. A node may run
//! meanwhile: segments only grow, and bodies are overwritten only after their marks are durable.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{Feed, FeedId, LogId, Reason, Run, Seq, UncheckedEntry};

use crate::store::files::{self, Erased, START, read_frame};
use crate::store::frame::{self, FrameHead};
use crate::store::shape::{Piece, Shape};
use crate::store::{Kind, StoreError, open};

/// Bytes that are looked through at once for the next frame after damage.
const SEARCH_BYTES: usize = 1024 * 1024;

/// A frame whose checksums fit.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Whose.
    pub feed: Feed,
    /// Place of its first entry.
    pub first: Seq,
    /// Entries.
    pub count: u32,
    /// How it met what was held when it was stored.
    pub kind: Kind,
    /// As it travels; erased bodies are zeroes.
    pub packed: Bytes,
}

/// Bytes of a segment that are not what was written.
#[derive(Clone, Debug)]
pub struct Damage {
    /// Which segment.
    pub segment: u32,
    /// Its file.
    pub path: PathBuf,
    /// Where it begins.
    pub offset: u64,
    /// How far it reaches.
    pub length: u64,
    /// What the frame's head says, where that is whole.
    pub(super) head: Option<FrameHead>,
    /// At the end of the last segment: it may be what a crash left of a commit that nobody was told of.
    pub at_end: bool,
}

impl Damage {
    /// Whose entries, the first and the last, where the head of the frame is whole.
    pub fn entries(&self) -> Option<(Feed, u64, u64)> {
        let head = self.head.as_ref()?;
        Some((head.feed, head.first.value(), head.first.value() + u64::from(head.count) - 1))
    }
}

/// What lies in a segment, in the order of the log.
#[derive(Clone, Debug)]
pub enum Found {
    /// A frame whose checksums fit.
    Whole(Frame),
    /// Something else.
    Damaged(Damage),
}

/// Which logs a store's segments may belong to, and what was erased: what the store's small files say.
pub(super) struct Sheet {
    pub(super) directory: PathBuf,
    pub(super) logs: Vec<LogId>,
    pub(super) erased: Erased,
}

impl Sheet {
    pub(super) fn read(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("log-id");
        let text = std::fs::read_to_string(&path)?;
        let logs: Result<Vec<LogId>, _> = text.lines().map(|line| line.trim().parse()).collect();
        let logs = logs.map_err(|_| StoreError::OtherFormat { path })?;
        let erased = open::erased(&directory.join("erasures"))?;
        Ok(Self { directory: directory.to_owned(), logs, erased })
    }

    pub(super) fn path(&self, segment: u32) -> PathBuf {
        files::segment_path(&self.directory.join("segments"), segment)
    }

    pub(super) fn numbers(&self) -> io::Result<Vec<u32>> {
        files::segment_numbers(&self.directory.join("segments"))
    }

    pub(super) fn fits(&self, head: &FrameHead, packed: &[u8]) -> bool {
        let gone = self.erased.get(&head.feed.id());
        frame::fits(head, packed, |seq| gone.is_some_and(|g| g.contains(&seq)))
    }
}

/// Gives everything that lies in the segments of a store's folder to `each`, with the bytes read so far and the bytes
/// that there are.
pub fn scan(directory: &Path, mut each: impl FnMut(Found, u64, u64)) -> Result<(), StoreError> {
    let mut sheet = Sheet::read(directory)?;
    let numbers = sheet.numbers()?;
    let mut lengths = Vec::new();
    for number in &numbers {
        lengths.push(std::fs::metadata(sheet.path(*number))?.len());
    }
    let (total, last) = (lengths.iter().sum(), numbers.last().copied());
    let mut before = 0;
    for (number, length) in numbers.into_iter().zip(lengths) {
        let path = sheet.path(number);
        let file = File::open(&path)?;
        if length < START && Some(number) == last {
            break;
        }
        files::check_start(&file, &path, &sheet.logs)?;
        let mut offset = START;
        while offset < length {
            let (found, next) = at(&mut sheet, &file, number, offset, length, Some(number) == last)?;
            each(found, before + next, total);
            offset = next;
        }
        before += length;
    }
    Ok(())
}

/// What lies at a place, and where the next thing begins.
fn at(
    sheet: &mut Sheet,
    file: &File,
    segment: u32,
    offset: u64,
    end: u64,
    is_last: bool,
) -> Result<(Found, u64), StoreError> {
    let path = sheet.path(segment);
    let damage = |next: u64, head| Damage {
        segment,
        path,
        offset,
        length: next - offset,
        head,
        at_end: is_last && next >= end,
    };
    let read = read_frame(file, offset)?.filter(|(.., length)| offset + length <= end);
    let Some((head, packed, length)) = read else {
        let next = next_frame(file, offset + 1, end)?;
        return Ok((Found::Damaged(damage(next, None)), next));
    };
    let mut fits = sheet.fits(&head, &packed);
    if !fits {
        // A node that runs may have erased a body a moment ago.
        sheet.erased = open::erased(&sheet.directory.join("erasures"))?;
        fits = sheet.fits(&head, &packed);
    }
    let next = offset + length;
    let found = match fits {
        false => Found::Damaged(damage(next, Some(head))),
        true => {
            let FrameHead { feed, first, count, kind, .. } = head;
            Found::Whole(Frame { feed, first, count, kind, packed })
        }
    };
    Ok((found, next))
}

/// Where the next frame with a whole head begins; `end` where none does.
pub(super) fn next_frame(file: &File, from: u64, end: u64) -> io::Result<u64> {
    let mut at = from;
    while at + 4 <= end {
        let size = usize::try_from(end - at).unwrap_or(SEARCH_BYTES).min(SEARCH_BYTES);
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, at)?;
        for place in
            bytes.windows(4).enumerate().filter(|(_, w)| *w == frame::MAGIC).map(|(i, _)| at + i as u64)
        {
            if read_frame(file, place)?.is_some() {
                return Ok(place);
            }
        }
        // The magic may lie across two looks.
        at += (size as u64).saturating_sub(3).max(1);
    }
    Ok(end)
}

/// The chain of each feed as the frames tell it, one after another.
#[derive(Default)]
pub struct Chains(HashMap<FeedId, Shape>);

impl Chains {
    /// Checks a frame's hashes, and its signature where there is a key to check it with (identity events are judged
    /// elsewhere); false where it does not follow what was before it in the log.
    pub fn follow(&mut self, frame: &Frame, key: Option<&Verifier>) -> Result<bool, Reason> {
        let run = Run::chain(frame.feed, erased_left_out(unpack(&frame.packed)?))?;
        if let Some(key) = key {
            run.authenticate(key)?;
        }
        let previous = frame::previous(&frame.packed).ok_or(Reason::BadLength)?;
        let (kind, first, bytes) = (frame.kind, frame.first, frame.packed.len() as u64);
        let piece = Piece { kind, first, previous, last: run.head(), bytes };
        let held = self.0.entry(frame.feed.id()).or_default();
        let after = held.after(&piece);
        let follows = after.is_some();
        if let Some((after, _)) = after {
            *held = after;
        }
        Ok(follows)
    }

    /// Goes on behind damage whose head is whole.
    pub fn skip(&mut self, damage: &Damage) {
        let Some(head) = &damage.head else { return };
        let Some(last) = head.head() else { return };
        let held = self.0.entry(head.feed.id()).or_default();
        if head.kind == Kind::Append && head.first.value() == held.height() + 1 {
            held.head = Some(last);
        }
    }
}

/// Checks a frame by itself: its hashes, and its signature where there is a key to check it with.
pub fn proves(frame: &Frame, key: Option<&Verifier>) -> Result<(), Reason> {
    let run = Run::chain(frame.feed, erased_left_out(unpack(&frame.packed)?))?;
    key.map_or(Ok(()), |key| run.authenticate(key))
}

/// Entries whose erased bodies are taken for absent: their zeroes have another hash.
pub(super) fn erased_left_out(entries: Vec<UncheckedEntry<'_>>) -> Vec<UncheckedEntry<'_>> {
    let left = entries.into_iter().map(|mut entry| {
        if entry.body.is_some_and(|b| b.iter().all(|byte| *byte == 0)) {
            entry.body = None;
        }
        entry
    });
    left.collect()
}
