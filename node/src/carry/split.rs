//! Writes a set of files of a bounded size; each appears under its name only when it is whole and durable.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use caphub_proto::v1::CarryFile;
use caphub_proto::wire::Feed;
use caphub_proto::wire::carry::{LIST_FRAME_BYTES_MAX, Manifest, Writer};
use caphub_proto::wire::chunks;

use crate::artifacts::FileId;
use crate::carry::{Bearer, CarryError, files};

/// Bytes of manifest and end, and room for what stands around a run.
const AROUND_BYTES: u64 = 4_096;

/// Files of one writing; a folder with more would not be read.
const FILES_MAX: usize = 10_000;

/// A set as it grows.
pub(super) struct Split<'a> {
    bearer: &'a Bearer,
    folder: &'a Path,
    manifest: Manifest,
    /// Largest file.
    file_bytes: u64,
    /// What the folder takes in all.
    budget: u64,
    open: Option<Open>,
    /// Files that are whole.
    pub(super) files: Vec<CarryFile>,
}

struct Open {
    writer: Writer,
    file: BufWriter<File>,
    path: PathBuf,
    temporary: PathBuf,
    bytes: u64,
    /// The file of which the list was written here last.
    listed: Option<FileId>,
}

impl<'a> Split<'a> {
    /// Nothing is written until the first run.
    pub(super) fn new(
        bearer: &'a Bearer,
        folder: &'a Path,
        manifest: Manifest,
        file_bytes: u64,
        budget: u64,
    ) -> Self {
        Self { bearer, folder, manifest, file_bytes, budget, open: None, files: Vec::new() }
    }

    /// Appends a run; false where the folder has no room for it.
    pub(super) fn run(&mut self, feed: &Feed, packed: &[u8], count: u32) -> Result<bool, CarryError> {
        self.append(packed.len(), |open, out| open.writer.run(feed, packed, count, out))
    }

    /// Appends a fork proof; false where the folder has no room for it.
    pub(super) fn fork(&mut self, feed: &Feed, first: &[u8], second: &[u8]) -> Result<bool, CarryError> {
        self.append(first.len() + second.len(), |open, out| open.writer.fork(feed, first, second, out))
    }

    /// Appends a head statement; false where the folder has no room for it.
    pub(super) fn statement(&mut self, payload: &[u8]) -> Result<bool, CarryError> {
        self.append(payload.len(), |open, out| open.writer.statement(payload, out))
    }

    /// Appends a checkpoint; false where the folder has no room for it.
    pub(super) fn checkpoint(&mut self, payload: &[u8]) -> Result<bool, CarryError> {
        self.append(payload.len(), |open, out| open.writer.checkpoint(payload, out))
    }

    /// Begins a file; false where the folder has no room for its list.
    pub(super) fn list(&mut self, id: &FileId, list: &chunks::Manifest) -> Result<bool, CarryError> {
        self.append(LIST_FRAME_BYTES_MAX, |open, out| open.begin(id, list, out))
    }

    /// Appends a chunk, behind the file's list where this carry file does not have it; false where the folder has no
    /// room.
    pub(super) fn chunk(
        &mut self,
        id: &FileId,
        list: &chunks::Manifest,
        index: u32,
        bytes: &[u8],
    ) -> Result<bool, CarryError> {
        self.append(LIST_FRAME_BYTES_MAX + bytes.len(), |open, out| {
            open.begin(id, list, out);
            open.writer.chunk(id, index, bytes, out);
        })
    }

    fn append(
        &mut self,
        bytes: usize,
        frame: impl FnOnce(&mut Open, &mut Vec<u8>),
    ) -> Result<bool, CarryError> {
        let needed = bytes as u64 + AROUND_BYTES;
        if needed > self.budget || self.files.len() >= FILES_MAX {
            return Ok(false);
        }
        if self.open.as_ref().is_some_and(|o| o.bytes + needed > self.file_bytes) {
            self.close(false)?;
        }
        let mut out = Vec::with_capacity(bytes + 1_024);
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.start(&mut out)?,
        };
        frame(&mut open, &mut out);
        let written = open.file.write_all(&out);
        open.bytes += out.len() as u64;
        self.budget = self.budget.saturating_sub(out.len() as u64);
        let path = open.path.clone();
        self.open = Some(open);
        written.map_err(|source| CarryError::File { path, source })?;
        Ok(true)
    }

    /// Ends the set.
    pub(super) fn finish(mut self) -> Result<Vec<CarryFile>, CarryError> {
        self.close(true)?;
        Ok(std::mem::take(&mut self.files))
    }

    fn start(&mut self, out: &mut Vec<u8>) -> Result<Open, CarryError> {
        let name = self.name();
        let path = self.folder.join(&name);
        let temporary = self.folder.join(format!("{name}{}", files::UNFINISHED));
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = file.map_err(|source| CarryError::File { path: temporary.clone(), source })?;
        let writer = Writer::start(&self.manifest, self.bearer.signer.clone(), out);
        Ok(Open {
            writer,
            file: BufWriter::with_capacity(1 << 18, file),
            path,
            temporary,
            bytes: 0,
            listed: None,
        })
    }

    /// Author, day, set and part: for people to tell files apart; nothing reads it.
    fn name(&self) -> String {
        let day = i64::try_from(self.manifest.time_ms).ok();
        let day = day.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
        let day = day.strftime("%Y%m%d").to_string();
        let set = hex::encode(self.manifest.set.get(..4).unwrap_or_default());
        let (party, part) = (self.manifest.author.short(), self.manifest.part);
        format!("{party}-{day}-{set}-{part:04}{}", files::SUFFIX)
    }

    fn close(&mut self, last: bool) -> Result<(), CarryError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let entries = open.writer.entries();
        let Open { writer, mut file, path, temporary, bytes, .. } = open;
        let mut out = Vec::new();
        writer.finish(last, &mut out);
        let finished = file.write_all(&out).and_then(|()| file.flush());
        let finished = finished.and_then(|()| files::publish(file.get_ref(), &temporary, &path));
        finished.map_err(|source| {
            let _ = std::fs::remove_file(&temporary);
            CarryError::File { path: path.clone(), source }
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.files.push(CarryFile { name, bytes: bytes + out.len() as u64, entries });
        self.manifest.part += 1;
        Ok(())
    }
}

impl Open {
    /// Writes a file's list where it is not what is written here already.
    fn begin(&mut self, id: &FileId, list: &chunks::Manifest, out: &mut Vec<u8>) {
        if self.listed != Some(*id) {
            self.writer.list(list, out);
            self.listed = Some(*id);
        }
    }
}

impl Drop for Split<'_> {
    fn drop(&mut self) {
        // Stopped or failed half way: what is not whole must not stay.
        if let Some(open) = self.open.take() {
            let _ = std::fs::remove_file(&open.temporary);
        }
    }
}
