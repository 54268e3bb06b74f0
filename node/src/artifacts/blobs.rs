//! Files on disk, by the hash of their list of chunks.
//!
//! `ID.list` is the list, `ID.part` what has come of the file, `ID.data` all of it. Nothing here is trusted: a list
//! must have its hash, and a chunk is compared with the list each time that it is read. So what a crash leaves behind
//! needs no journal: what does not fit is fetched again.

mod damage;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::v1::{self, ChunkRange};
use caphub_proto::wire::chunks::{self, Manifest, ManifestError};
use sha2::{Digest, Sha256};

pub use damage::FileDamage;

/// The hash of a file's list of chunks.
pub type FileId = [u8; 32];

/// A file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk.
    #[error("the folder of files cannot be used: {0}")]
    Disk(#[from] io::Error),
    /// The list is not the one that its hash names.
    #[error(transparent)]
    List(#[from] ManifestError),
    /// The bytes are not the chunk that the list names.
    #[error("the bytes are not chunk {index} of the file")]
    NotChunk {
        /// Which one.
        index: u32,
    },
    /// The whole is not what the record says it is.
    #[error("the file has another SHA-256 than its record says")]
    NotDigest,
    /// Larger than any may be.
    #[error("the file has {bytes} bytes; {} fit", chunks::FILE_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// It is being received already.
    #[error("the file is being received already")]
    Busy,
    /// Not all of it is here.
    #[error("the file is not here, or not all of it")]
    Absent,
}

/// How much of a file is here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing.
    Absent,
    /// Some chunks; these are missing.
    Partial(Vec<ChunkRange>),
    /// All of it.
    Whole,
}

/// The folder; clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: PathBuf,
    receiving: Arc<Mutex<HashSet<FileId>>>,
}

impl Blobs {
    /// The folder of a node or a replica; made when first written to.
    pub fn of(directory: &Path) -> Self {
        Self { root: directory.join("artifacts"), receiving: Arc::default() }
    }

    fn path(&self, id: &FileId, ending: &str) -> PathBuf {
        self.root.join(format!("{}.{ending}", hex::encode(id)))
    }

    /// The list of a file, where it is here and sound.
    pub fn list(&self, id: &FileId) -> Option<Manifest> {
        let path = self.path(id, "list");
        let length = fs::metadata(&path).ok()?.len();
        if length > chunks::MANIFEST_BYTES_MAX as u64 {
            return None;
        }
        Manifest::decode(&fs::read(path).ok()?, id).ok()
    }

    /// True where all of a file came and its list is sound; its chunks are still compared when they are read.
    pub fn is_whole(&self, id: &FileId) -> bool {
        self.path(id, "data").exists() && self.list(id).is_some()
    }

    /// How much of a file is here; what is not whole is read and compared.
    pub fn state(&self, id: &FileId) -> State {
        if self.is_whole(id) {
            return State::Whole;
        }
        let Some((list, file)) = self.list(id).zip(File::open(self.path(id, "part")).ok()) else {
            return State::Absent;
        };
        let have = present(&list, &file);
        match have.iter().any(|h| *h) {
            true => State::Partial(missing(&have)),
            false => State::Absent,
        }
    }

    /// One chunk. A file with a chunk that does not fit is no longer whole: what is missing is fetched again.
    pub fn chunk(&self, id: &FileId, index: u32) -> Result<Vec<u8>, BlobError> {
        let list = self.list(id).ok_or(BlobError::Absent)?;
        let (at, length) = list.place(index).ok_or(BlobError::Absent)?;
        let (whole, part) = (self.path(id, "data"), self.path(id, "part"));
        let opened = File::open(&whole).map(|f| (f, true)).or_else(|_| File::open(&part).map(|f| (f, false)));
        let Ok((file, was_whole)) = opened else { return Err(BlobError::Absent) };
        let mut chunk = vec![0; length];
        let read = file.read_exact_at(&mut chunk, at);
        if read.is_ok() && list.is_chunk(index, &chunk) {
            return Ok(chunk);
        }
        if was_whole {
            tracing::error!(file = %hex::encode(id), index, "a kept file is damaged and is fetched again");
            fs::rename(&whole, &part)?;
        }
        Err(BlobError::NotChunk { index })
    }

    /// Takes a file of this machine in: copied, listed and durable when this returns.
    pub fn add(&self, path: &Path) -> Result<v1::Blob, BlobError> {
        let mut from = File::open(path)?;
        let bytes = from.metadata()?.len();
        let size = chunks::chunk_bytes(bytes).ok_or(BlobError::TooLarge { bytes })?;
        fs::create_dir_all(&self.root)?;
        let mut copy = tempfile_in(&self.root)?;
        let (mut digest, mut hashes, mut read) = (Sha256::new(), Vec::new(), 0);
        let mut chunk = Vec::with_capacity(size as usize);
        loop {
            chunk.clear();
            let more = Read::by_ref(&mut from).take(u64::from(size)).read_to_end(&mut chunk)?;
            if more == 0 {
                break;
            }
            read += more as u64;
            digest.update(&chunk);
            hashes.push(chunks::chunk_hash(&chunk));
            copy.file.write_all(&chunk)?;
        }
        // A file that changed while it was read is no file of that many chunks.
        let list = Manifest::new(bytes, hashes).filter(|_| read == bytes);
        let list = list.ok_or_else(|| io::Error::other("the file changed while it was read"))?;
        let id = list.hash();
        self.keep_list(&id, &list)?;
        copy.file.sync_all()?;
        fs::rename(&copy.path, self.path(&id, "data"))?;
        copy.keep();
        File::open(&self.root)?.sync_all()?;
        Ok(v1::Blob {
            digest: digest.finalize().to_vec(),
            bytes,
            manifest: id.to_vec(),
            ..v1::Blob::default()
        })
    }

    /// Begins to receive a file, or goes on with what is here of it.
    pub fn receive(&self, id: FileId, list: Manifest) -> Result<Incoming, BlobError> {
        let claim = Claim::take(&self.receiving, id).ok_or(BlobError::Busy)?;
        fs::create_dir_all(&self.root)?;
        self.keep_list(&id, &list)?;
        let path = self.path(&id, "part");
        // All of it had come, under a list that is no longer sound: what fits the right one need not come again.
        match fs::rename(self.path(&id, "data"), &path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let have = present(&list, &file);
        Ok(Incoming { blobs: self.clone(), _claim: claim, id, list, file, have })
    }

    fn keep_list(&self, id: &FileId, list: &Manifest) -> io::Result<()> {
        match self.list(id) {
            Some(_) => Ok(()),
            None => crate::durable::replace(&self.path(id, "list"), &list.encode()),
        }
    }

    /// Writes a whole file to `out`, compared chunk by chunk and as a whole; nothing is left there where it fails.
    pub fn export(&self, id: &FileId, digest: &[u8], out: &Path) -> Result<(), BlobError> {
        let list = self.list(id).ok_or(BlobError::Absent)?;
        let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut copy = tempfile_in(folder)?;
        let mut hasher = Sha256::new();
        for index in 0..list.count() {
            let chunk = self.chunk(id, index)?;
            hasher.update(&chunk);
            copy.file.write_all(&chunk)?;
        }
        if hasher.finalize()[..] != *digest {
            return Err(BlobError::NotDigest);
        }
        copy.file.sync_all()?;
        fs::rename(&copy.path, out)?;
        copy.keep();
        File::open(folder)?.sync_all()?;
        Ok(())
    }

    /// All of a small file.
    pub fn read(&self, id: &FileId, bytes_max: u64) -> Result<Vec<u8>, BlobError> {
        let list = self.list(id).ok_or(BlobError::Absent)?;
        if list.bytes() > bytes_max {
            return Err(BlobError::TooLarge { bytes: list.bytes() });
        }
        let chunks: Result<Vec<Vec<u8>>, BlobError> = (0..list.count()).map(|i| self.chunk(id, i)).collect();
        Ok(chunks?.concat())
    }

    /// Every file of which something is here, with the size that its list states.
    pub fn all(&self) -> Vec<(FileId, u64)> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let id = |name: &str| -> Option<FileId> {
            let mut id = [0; 32];
            hex::decode_to_slice(name.strip_suffix(".list")?, &mut id).ok()?;
            Some(id)
        };
        let ids = entries.filter_map(|e| id(e.file_name().to_str()?));
        ids.filter_map(|id| Some((id, self.list(&id)?.bytes()))).collect()
    }

    /// Forgets a file.
    pub fn remove(&self, id: &FileId) -> io::Result<()> {
        for ending in ["data", "part", "list"] {
            match fs::remove_file(self.path(id, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A file that is being received.
#[derive(Debug)]
pub struct Incoming {
    blobs: Blobs,
    _claim: Claim,
    id: FileId,
    list: Manifest,
    file: File,
    have: Vec<bool>,
}

impl Incoming {
    /// Chunks that have not come.
    pub fn missing(&self) -> Vec<ChunkRange> {
        missing(&self.have)
    }

    /// True where every chunk has come.
    pub fn is_complete(&self) -> bool {
        self.have.iter().all(|h| *h)
    }

    /// Its list.
    pub fn list(&self) -> &Manifest {
        &self.list
    }

    /// Keeps a chunk; true where it is new.
    pub fn put(&mut self, index: u32, chunk: &[u8]) -> Result<bool, BlobError> {
        if !self.list.is_chunk(index, chunk) {
            return Err(BlobError::NotChunk { index });
        }
        let (at, _) = self.list.place(index).ok_or(BlobError::NotChunk { index })?;
        let have = self.have.get_mut(index as usize).ok_or(BlobError::NotChunk { index })?;
        if *have {
            return Ok(false);
        }
        self.file.write_all_at(chunk, at)?;
        *have = true;
        Ok(true)
    }

    /// Every chunk has come: the whole must have one of these digests, which is returned; it is durable then.
    pub fn finish(self, digests: &[[u8; 32]]) -> Result<[u8; 32], BlobError> {
        if !self.is_complete() {
            return Err(BlobError::Absent);
        }
        let mut hasher = Sha256::new();
        io::copy(&mut File::open(self.blobs.path(&self.id, "part"))?, &mut hasher)?;
        let digest: [u8; 32] = hasher.finalize().into();
        if !digests.contains(&digest) {
            self.blobs.remove(&self.id)?;
            return Err(BlobError::NotDigest);
        }
        self.settle()?;
        Ok(digest)
    }

    /// The same of a file that was whole before, and whose digest was compared then: its list names every byte of it.
    pub fn finish_again(self) -> Result<(), BlobError> {
        match self.is_complete() {
            true => Ok(self.settle()?),
            false => Err(BlobError::Absent),
        }
    }

    /// Bytes first, name second: a file of that name has all of its bytes.
    fn settle(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(self.blobs.path(&self.id, "part"), self.blobs.path(&self.id, "data"))?;
        File::open(&self.blobs.root)?.sync_all()
    }
}

/// The right to write one file, given back when dropped.
#[derive(Debug)]
struct Claim {
    held: Arc<Mutex<HashSet<FileId>>>,
    id: FileId,
}

impl Claim {
    fn take(held: &Arc<Mutex<HashSet<FileId>>>, id: FileId) -> Option<Self> {
        let new = held.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        new.then(|| Self { held: Arc::clone(held), id })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// A file that is written beside its place, and goes where it is not kept.
struct Beside {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl Beside {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn tempfile_in(folder: &Path) -> io::Result<Beside> {
    let name = crate::keys::random::<8>().map_err(io::Error::other)?;
    let path = folder.join(format!(".{}.new", hex::encode(name)));
    let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    Ok(Beside { file, path, kept: false })
}

/// Which chunks a file has that fit its list.
fn present(list: &Manifest, file: &File) -> Vec<bool> {
    let end = file.metadata().map_or(0, |m| m.len());
    let mut chunk = Vec::new();
    let mut has = |index: u32| {
        let Some((at, length)) = list.place(index) else { return false };
        if at + length as u64 > end {
            return false;
        }
        chunk.resize(length, 0);
        file.read_exact_at(&mut chunk, at).is_ok() && list.is_chunk(index, &chunk)
    };
    (0..list.count()).map(&mut has).collect()
}

fn missing(have: &[bool]) -> Vec<ChunkRange> {
    let mut out: Vec<ChunkRange> = Vec::new();
    for (index, _) in (0..).zip(have).filter(|(_, have)| !**have) {
        match out.last_mut() {
            Some(last) if last.from + last.count == index => last.count += 1,
            _ => out.push(ChunkRange { from: index, count: 1 }),
        }
    }
    out
}

#[cfg(test)]
mod tests;
