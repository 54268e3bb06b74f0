//! Mending: what is damaged is written again in its place, byte for byte as it was, from what others hold. Places in
//! the log never move, so nothing else changes.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{Feed, FeedId, Head, Run, Seq};

use crate::store::files::{read_frame, segment_path};
use crate::store::frame::{self, FIXED, FrameHead};
use crate::store::index::{Index, Place};
use crate::store::scan::{Damage, Sheet};
use crate::store::{Kind, NewRun, StoreError, open, register};

/// Entries as they travel, by feed and place.
pub type Entries = BTreeMap<(FeedId, u64), Bytes>;

/// One frame that is damaged, and what it held.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Whose.
    pub feed: Feed,
    /// Its entries.
    pub place: LostPlace,
    head: Option<FrameHead>,
    /// Bytes up to what comes next.
    room: u64,
}

/// Where a lost frame lay, and what of its feed it held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LostPlace {
    /// Segment.
    pub segment: u32,
    /// Byte of the segment.
    pub offset: u64,
    /// Place of the first entry.
    pub first: u64,
    /// Place of the last entry.
    pub last: u64,
    ordinal: u64,
}

/// What was done for the register of own signed batches.
#[derive(Clone, Copy, Default, Debug)]
pub struct RegisterMended {
    /// Places that were damaged.
    pub gaps: usize,
    /// Bytes that nothing tells, and that were taken out.
    pub lost: u64,
}

/// A store that is open for mending alone: no node runs on it meanwhile.
pub struct Bench {
    sheet: Sheet,
    index: Index,
    _lock: File,
}

impl Bench {
    /// Takes the store of a folder for this process.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let lock = open::lock(directory)?;
        let sheet = Sheet::read(directory)?;
        let log = sheet.logs.first().copied().ok_or(StoreError::Failed)?;
        let index = Index::open(&directory.join("index"), log)?;
        Ok(Self { sheet, index, _lock: lock })
    }

    /// What damage holds: by the frame's own head, or by the index.
    pub fn lost(&self, damage: &Damage) -> Result<Vec<Lost>, StoreError> {
        let Damage { segment, offset, .. } = *damage;
        if let Some(head) = &damage.head {
            let last = head.first.value() + u64::from(head.count) - 1;
            let (first, ordinal) = (head.first.value(), head.ordinal);
            let place = LostPlace { segment, offset, first, last, ordinal };
            return Ok(vec![Lost { feed: head.feed, place, head: Some(head.clone()), room: damage.length }]);
        }
        let end = offset + damage.length;
        let heads: HashMap<FeedId, Feed> =
            self.index.heads()?.into_iter().map(|h| (h.feed.id(), h.feed)).collect();
        let places = self.index.places_in(segment, offset..end)?;
        let ends: Vec<u64> = places.iter().skip(1).map(|(_, p)| p.offset).chain([end]).collect();
        let lost = places.into_iter().zip(ends).filter_map(|((id, p), next)| {
            let (first, last) = (p.first.value(), p.first.value() + u64::from(p.count) - 1);
            let place = LostPlace { segment, offset: p.offset, first, last, ordinal: p.ordinal };
            Some(Lost { feed: *heads.get(&id)?, place, head: None, room: next - p.offset })
        });
        Ok(lost.collect())
    }

    /// The register of own signed batches, where there is one.
    fn register(&self) -> Result<Option<register::Sheet>, StoreError> {
        match File::open(self.sheet.directory.join(register::FILE)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            opened => Ok(Some(register::read(&opened?, &self.sheet.erased)?)),
        }
    }

    /// Mends the register from the log. Where nothing tells what it held, and `last_resort`, that is taken out and kept aside,
    /// and nothing is signed until a linked hub was asked.
    pub fn mend_register(&self, last_resort: bool) -> Result<RegisterMended, StoreError> {
        let Some(found) = self.register()?.filter(|r| !r.gaps.is_empty()) else {
            return Ok(RegisterMended::default());
        };
        let gaps = found.gaps.len();
        match register::mend(&self.sheet.directory, &found) {
            Ok(()) => Ok(RegisterMended { gaps, lost: 0 }),
            Err(StoreError::Register { .. }) if last_resort => {
                let lost = register::without_unknown(&self.sheet.directory, &self.sheet.erased)?;
                Ok(RegisterMended { gaps, lost })
            }
            Err(error) => Err(error),
        }
    }

    /// What the register of own signed batches holds of what is lost.
    pub fn own(&self, lost: &[Lost]) -> Result<Entries, StoreError> {
        let mut entries = Entries::new();
        let Some(register) = self.register()? else { return Ok(entries) };
        for (_, head, packed) in
            register.whole.iter().filter(|(_, h, _)| lost.iter().any(|l| l.feed == h.feed))
        {
            keep(&mut entries, &head.feed, packed);
        }
        Ok(entries)
    }

    /// Writes a lost frame again; false where the entries given are not those that it held.
    pub fn mend(&self, lost: &Lost, entries: &Entries) -> Result<bool, StoreError> {
        let path = segment_path(&self.sheet.directory.join("segments"), lost.place.segment);
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let whole = match &lost.head {
            Some(head) => self.refit(lost, head, entries),
            None => self.rebuild(lost, entries, &file)?,
        };
        let Some((at, bytes)) = whole else { return Ok(false) };
        file.write_all_at(&bytes, at)?;
        file.sync_data()?;
        let read = read_frame(&file, lost.place.offset)?;
        Ok(read.is_some_and(|(head, packed, _)| self.sheet.fits(&head, &packed)))
    }

    /// The entries under a head that is whole: each must have the head's checksums, and the last its hash.
    fn refit(&self, lost: &Lost, head: &FrameHead, entries: &Entries) -> Option<(u64, Vec<u8>)> {
        let (id, mut packed) = (lost.feed.id(), Vec::new());
        for (at, seq) in (lost.place.first..=lost.place.last).enumerate() {
            let entry = entries.get(&(id, seq))?;
            let erased = self.is_erased(&id, seq);
            // What was erased is not written again, whoever still has it.
            let body = if erased { zeroed(entry) } else { entry.to_vec() };
            let mut forms = [without_body(entry), body].into_iter();
            packed.extend(forms.find(|form| head.fits_at(at, form, erased))?);
        }
        (last_of(&lost.feed, &packed)?.hash == head.last).then_some(())?;
        let start = lost.room.checked_sub(packed.len() as u64)?;
        Some((lost.place.offset + start, packed))
    }

    /// A frame whose head is lost too, as the index knows it; it must fill its room exactly.
    fn rebuild(
        &self,
        lost: &Lost,
        entries: &Entries,
        file: &File,
    ) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let (id, mut packed) = (lost.feed.id(), Vec::new());
        let LostPlace { segment, offset, first, last, ordinal } = lost.place;
        let (Some(from), Ok(count)) = (Seq::new(first), u32::try_from(last + 1 - first)) else {
            return Ok(None);
        };
        let place = Place { segment, offset, ordinal, first: from, count };
        for seq in (first..=last).filter_map(Seq::new) {
            let Some(entry) = entries.get(&(id, seq.value())) else { return Ok(None) };
            packed.extend(match self.is_erased(&id, seq.value()) {
                _ if self.index.lacked_at(&id, seq, &place)? => without_body(entry),
                true => zeroed(entry),
                false => entry.to_vec(),
            });
        }
        let Some(head) = last_of(&lost.feed, &packed) else { return Ok(None) };
        let (kind, own, arrived_ms) = frame::remains(file, offset, &lost.feed)?;
        let run = NewRun { feed: lost.feed, packed: packed.into(), first: from, head, count, kind };
        let mut bytes = Vec::new();
        frame::encode(&run, own, ordinal, arrived_ms, &mut bytes);
        bytes.extend_from_slice(&run.packed);
        Ok((bytes.len() as u64 == lost.room).then_some((offset, bytes)))
    }

    fn is_erased(&self, feed: &FeedId, seq: u64) -> bool {
        self.sheet.erased.get(feed).is_some_and(|e| e.contains(&seq))
    }
}

/// Keeps the entries of a run one by one; the first that came of each place stays.
pub fn keep(entries: &mut Entries, feed: &Feed, packed: &Bytes) {
    let (id, mut at) = (feed.id(), 0);
    for entry in unpack(packed).unwrap_or_default() {
        let size = entry.packed_len();
        if let Some(seq) = entry.header.get(34..42).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes) {
            entries.entry((id, seq)).or_insert_with(|| packed.slice(at..at + size));
        }
        at += size;
    }
}

/// The head of a run whose hashes are right.
fn last_of(feed: &Feed, packed: &[u8]) -> Option<Head> {
    let entries = crate::store::scan::erased_left_out(unpack(packed).ok()?);
    Some(Run::chain(*feed, entries).ok()?.head())
}

fn without_body(entry: &[u8]) -> Vec<u8> {
    let mut bare = entry.get(..FIXED).unwrap_or_default().to_vec();
    bare.last_mut().into_iter().for_each(|presence| *presence = 0);
    bare
}

/// As an erased entry lies here: its body is zeroes.
fn zeroed(entry: &[u8]) -> Vec<u8> {
    let mut form = without_body(entry);
    form.last_mut().into_iter().for_each(|presence| *presence = 1);
    let length = form.first_chunk::<FIXED>().map_or(0, frame::body_length);
    form.resize(FIXED + length, 0);
    form
}

/// Kinds that a frame may have whose own word is lost.
pub(super) fn likely(byte: u8) -> Kind {
    Kind::of(byte).unwrap_or(Kind::Append)
}
