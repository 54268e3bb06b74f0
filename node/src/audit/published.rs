//! What has been published about this node's log: on disk outside the store, before it leaves.
//!
//! Two slots are written in turn, so that a torn write leaves the one before. A slot:
//!
//! ```text
//! "CHP1" | generation u64 | log id 16 | end u64 | reserved ms u64 | size u64 | root 32
//! | restored u8 | log id 16 | size u64 | root 32 | CRC32C u32
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use caphub_proto::wire::LogId;
use caphub_proto::wire::bytes::Reader;
use caphub_proto::wire::history::{Hash, Restored, empty_root};

const MAGIC: &[u8; 4] = b"CHP1";
/// Bytes from one slot to the other: each in a sector of its own.
const SLOT: u64 = 512;
const SLOT_BYTES: usize = 145;

/// What was published last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    generation: u64,
    /// The log.
    pub log: LogId,
    /// Entries of the log that published words rest on.
    pub end: u64,
    /// No statement has a later time.
    pub reserved_ms: u64,
    /// Public entries of the last checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The log that this one goes on from.
    pub restored: Option<Restored>,
}

/// The file, and what it says.
pub struct Published {
    file: File,
    record: Mutex<Record>,
}

impl Record {
    fn new(log: LogId) -> Self {
        Self { generation: 0, log, end: 0, reserved_ms: 0, size: 0, root: empty_root(), restored: None }
    }

    /// What a new log goes on from.
    pub fn as_restored(&self) -> Restored {
        Restored { log: self.log, size: self.size, root: self.root }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(self.log.as_bytes());
        for number in [self.end, self.reserved_ms, self.size] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.root);
        let before = self.restored.unwrap_or(Restored { log: LogId::default(), size: 0, root: [0; 32] });
        out.push(u8::from(self.restored.is_some()));
        out.extend_from_slice(before.log.as_bytes());
        out.extend_from_slice(&before.size.to_be_bytes());
        out.extend_from_slice(&before.root);
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (fields, sum) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(fields) != u32::from_be_bytes(*sum) {
            return None;
        }
        let mut reader = Reader::new(fields);
        if reader.take(4)? != MAGIC {
            return None;
        }
        let (generation, log) = (reader.u64()?, LogId(reader.array()?));
        let (end, reserved_ms, size, root) = (reader.u64()?, reader.u64()?, reader.u64()?, reader.array()?);
        let has = reader.u8()? == 1;
        let before = Restored { log: LogId(reader.array()?), size: reader.u64()?, root: reader.array()? };
        Some(Self { generation, log, end, reserved_ms, size, root, restored: has.then_some(before) })
    }
}

impl Published {
    /// What the file says; `None` where nothing was ever published.
    pub fn read(path: &Path) -> io::Result<Option<Record>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let slot = |at: u64| {
            let mut bytes = [0; SLOT_BYTES];
            file.read_exact_at(&mut bytes, at).ok().and_then(|()| Record::decode(&bytes))
        };
        Ok([slot(0), slot(SLOT)].into_iter().flatten().max_by_key(|r| r.generation))
    }

    /// Opens the file for the log that the store holds. Another log than before goes on from `restored`; the stating
    /// clock goes on in any case.
    pub fn open(path: &Path, log: LogId) -> io::Result<Self> {
        let held = Self::read(path)?;
        let new = !path.exists();
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if new && let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        let record = match held {
            Some(held) if held.log == log => held,
            Some(held) => Record {
                generation: held.generation,
                reserved_ms: held.reserved_ms,
                restored: Some(held.as_restored()),
                ..Record::new(log)
            },
            None => Record::new(log),
        };
        let published = Self { file, record: Mutex::new(record) };
        published.write(&mut published.lock())?;
        Ok(published)
    }

    /// What is covered now.
    pub fn record(&self) -> Record {
        *self.lock()
    }

    /// Returns once what is about to leave is covered on disk: words that rest on the first `end` entries, and times
    /// up to `reserved_ms`. Callers that come together share one write.
    pub fn cover(&self, end: u64, reserved_ms: Option<u64>) -> io::Result<()> {
        let mut record = self.lock();
        let reserved = reserved_ms.unwrap_or(0).max(record.reserved_ms);
        if end <= record.end && reserved <= record.reserved_ms {
            return Ok(());
        }
        (record.end, record.reserved_ms) = (end.max(record.end), reserved);
        self.write(&mut record)
    }

    /// The same for a checkpoint.
    pub fn cover_checkpoint(&self, end: u64, size: u64, root: Hash) -> io::Result<()> {
        let mut record = self.lock();
        if size <= record.size {
            return Ok(());
        }
        (record.end, record.size, record.root) = (end.max(record.end), size, root);
        self.write(&mut record)
    }

    fn write(&self, record: &mut Record) -> io::Result<()> {
        record.generation += 1;
        self.file.write_all_at(&record.encode(), (record.generation % 2) * SLOT)?;
        self.file.sync_data()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_published_survives_a_torn_slot_and_a_new_log_names_the_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("published");
        assert_eq!(Published::read(&path).expect("a file"), None);
        let published = Published::open(&path, LogId([1; 16])).expect("a file");
        published.cover(7, Some(100)).expect("written");
        published.cover_checkpoint(9, 4, [3; 32]).expect("written");
        let held = Published::read(&path).expect("a file").expect("a record");
        assert_eq!((held.end, held.size, held.reserved_ms), (9, 4, 100));
        // The newest slot is torn: the one before it counts.
        let file = OpenOptions::new().write(true).open(&path).expect("a file");
        file.write_all_at(&[0; 8], held.generation % 2 * SLOT).expect("written");
        let before = Published::read(&path).expect("a file").expect("a record");
        assert_eq!((before.end, before.size), (7, 0));
        let restored = Published::open(&path, LogId([2; 16])).expect("a file").record();
        assert_eq!(restored.restored, Some(before.as_restored()));
        assert_eq!((restored.end, restored.reserved_ms), (0, 100));
    }
}
