//! Segment files: append, read at a place, keep aside what is cut.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use caphub_proto::wire::{FeedId, LogId};

use crate::store::frame::{self, FrameHead, LEAD};
use crate::store::scan;
use crate::store::{StoreError, frame::decode};

/// Bytes after which a new segment begins.
pub(super) const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Magic, format version and log id at the start of every segment.
pub(super) const START: u64 = 4 + 4 + 16;

/// Bytes read at once where a frame begins: one of a few records, or of an identity log, is read whole by it.
const SMALL_FRAME_BYTES: usize = 4 * 1024;

const MAGIC: &[u8; 4] = b"CHS1";
/// The version of the segments' format. Since 2 a frame says whether the register of own batches has it too; a segment of 1
/// may say so as well, from builds in between. A later version is refused. `tests/fixtures/store-N` is a store of each.
pub(super) const FORMAT: u32 = 2;
/// The oldest version that is read.
const OLDEST: u32 = 1;

/// Places of erased bodies.
pub(super) type Erased = HashMap<FeedId, BTreeSet<u64>>;

/// The segments of one store.
pub(super) struct Segments {
    directory: PathBuf,
    log: LogId,
    earlier: Vec<LogId>,
    open: Mutex<HashMap<u32, Arc<File>>>,
}

impl Segments {
    pub(super) fn new(directory: PathBuf, log: LogId, earlier: Vec<LogId>) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self { directory, log, earlier, open: Mutex::default() })
    }

    fn path(&self, segment: u32) -> PathBuf {
        segment_path(&self.directory, segment)
    }

    /// Numbers of the segments that exist, in order.
    pub(super) fn numbers(&self) -> io::Result<Vec<u32>> {
        segment_numbers(&self.directory)
    }

    /// The file of a segment; made with its start where it does not exist.
    pub(super) fn file(&self, segment: u32) -> Result<Arc<File>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(segment);
        let start = [&MAGIC[..], &FORMAT.to_be_bytes(), self.log.as_bytes()].concat();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        if file.metadata()?.len() < START {
            file.set_len(0)?;
            file.write_all(&start)?;
            // A sync that fails is fatal, also where it says that there is no room.
            file.sync_all().map_err(io::Error::other)?;
            File::open(&self.directory)?.sync_all().map_err(io::Error::other)?;
        }
        // A store that was put back keeps the segments that it had under the log's earlier ids.
        let logs: Vec<LogId> = [self.log].into_iter().chain(self.earlier.iter().copied()).collect();
        check_start(&file, &path, &logs)?;
        let file = Arc::new(file);
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }

    /// The format version of a segment that exists.
    pub(super) fn version(&self, segment: u32) -> Result<u32, StoreError> {
        let mut start = [0; START as usize];
        self.file(segment)?.read_exact_at(&mut start, 0)?;
        let [_, _, _, _, v0, v1, v2, v3, ..] = start;
        Ok(u32::from_be_bytes([v0, v1, v2, v3]))
    }

    /// Opens a segment for writing in place, for erasure only.
    pub(super) fn overwrite(&self, segment: u32, offset: u64, length: usize) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(segment))?;
        file.write_all_at(&vec![0; length], offset)?;
        file.sync_data()
    }

    /// Keeps what is about to be cut where whole frames lie in it: after damage they may be all that is left of them.
    pub(super) fn set_aside(&self, segment: u32, offset: u64) -> Result<(), StoreError> {
        let file = self.file(segment)?;
        let end = file.metadata()?.len();
        if scan::next_frame(&file, offset + 1, end)? >= end {
            return Ok(());
        }
        let mut bytes = vec![0; usize::try_from(end - offset).unwrap_or(0)];
        file.read_exact_at(&mut bytes, offset)?;
        let folder = self.directory.with_file_name("aside");
        let path = folder.join(format!("{segment:08}-{offset}.seg"));
        tracing::error!(path = %path.display(), "whole frames lie behind the cut: they are kept aside");
        Ok(crate::durable::replace(&path, &bytes)?)
    }

    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> io::Result<u64> {
        let mut all = 0;
        for number in self.numbers()? {
            all += std::fs::metadata(self.path(number))?.len();
        }
        Ok(all)
    }
}

/// The file of a segment in a folder.
pub(super) fn segment_path(directory: &Path, segment: u32) -> PathBuf {
    directory.join(format!("{segment:08}.seg"))
}

/// Numbers of the segments in a folder, in order.
pub(super) fn segment_numbers(directory: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|n| n.strip_suffix(".seg")?.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Checks the start of a segment: magic, a format version that is known, and one of these logs.
pub(super) fn check_start(file: &File, path: &Path, logs: &[LogId]) -> Result<(), StoreError> {
    let mut found = [0; START as usize];
    file.read_exact_at(&mut found, 0)?;
    let [m0, m1, m2, m3, v0, v1, v2, v3, log @ ..] = found;
    let version = u32::from_be_bytes([v0, v1, v2, v3]);
    if [m0, m1, m2, m3] == *MAGIC && !(OLDEST..=FORMAT).contains(&version) {
        return Err(StoreError::OtherVersion { path: path.to_owned(), found: version, reads: FORMAT });
    }
    if [m0, m1, m2, m3] != *MAGIC || !logs.iter().any(|known| known.as_bytes()[..] == log[..]) {
        return Err(StoreError::OtherFormat { path: path.to_owned() });
    }
    Ok(())
}

/// Reads the frame at a place: its head, and its entries as they travel.
pub(super) fn read_frame(file: &File, offset: u64) -> io::Result<Option<(FrameHead, Bytes, u64)>> {
    let mut bytes = vec![0; SMALL_FRAME_BYTES];
    let read = read_up_to(file, offset, &mut bytes)?;
    let lead = bytes.get(..read).and_then(|read| read.first_chunk::<LEAD>());
    let Some((head_len, packed_len)) = lead.and_then(frame::lengths) else { return Ok(None) };
    let length = head_len + packed_len;
    bytes.resize(length, 0);
    if length > read {
        let more = read_up_to(file, offset + read as u64, &mut bytes[read..])?;
        if more < length - read {
            return Ok(None);
        }
    }
    let mut head = Bytes::from(bytes);
    let packed = head.split_off(head_len);
    Ok(decode(&head).map(|head| (head, packed, length as u64)))
}

/// Fills as much of the buffer as the file has; how much that is.
fn read_up_to(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Bytes of a frame's packed entries, from its lead alone; 0 where there is no frame.
pub(super) fn packed_bytes(file: &File, offset: u64) -> io::Result<u64> {
    let mut lead = [0; LEAD];
    file.read_exact_at(&mut lead, offset)?;
    Ok(frame::lengths(&lead).map_or(0, |(_, packed)| packed as u64))
}
