//! Which kept files are not what was written. Finding that out reads alone: a node may run meanwhile.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use caphub_proto::v1::ChunkRange;

use super::{Blobs, FileId, missing, present};

/// A kept file that is not what was written.
#[derive(Clone, Debug)]
pub struct FileDamage {
    /// Which file.
    pub id: FileId,
    /// What is damaged: the bytes, or the list of chunks.
    pub path: PathBuf,
    /// Chunks that do not fit; empty where the list is what is damaged.
    pub chunks: Vec<ChunkRange>,
    /// Damaged bytes of the file at `path`: from, and up to.
    pub places: Vec<(u64, u64)>,
}

impl FileDamage {
    /// How many chunks do not fit.
    pub fn count(&self) -> u32 {
        self.chunks.iter().map(|range| range.count).sum()
    }
}

impl Blobs {
    /// Every file of which all had come, in order.
    pub fn kept(&self) -> Vec<FileId> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let id = |name: &str| -> Option<FileId> {
            let mut id = [0; 32];
            hex::decode_to_slice(name.strip_suffix(".data")?, &mut id).ok()?;
            Some(id)
        };
        let mut ids: Vec<FileId> = entries.filter_map(|e| id(e.file_name().to_str()?)).collect();
        ids.sort_unstable();
        ids
    }

    /// Reads a file that had come whole, and compares all of it; how many bytes it has, and what is damaged of it. A file
    /// that a running node forgets meanwhile has neither.
    pub fn damage(&self, id: &FileId) -> io::Result<(u64, Option<FileDamage>)> {
        let path = self.path(id, "data");
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, None)),
            opened => opened?,
        };
        let bytes = file.metadata()?.len();
        let Some(list) = self.list(id) else {
            let path = self.path(id, "list");
            let length = fs::metadata(&path).map_or(0, |m| m.len());
            let damage = FileDamage { id: *id, path, chunks: Vec::new(), places: vec![(0, length)] };
            return Ok((bytes, Some(damage).filter(|_| self.path(id, "data").exists())));
        };
        let chunks = missing(&present(&list, &file));
        let place = |range: &ChunkRange| {
            let last = list.place(range.from + range.count - 1)?;
            Some((list.place(range.from)?.0, last.0 + last.1 as u64))
        };
        let places: Vec<(u64, u64)> = chunks.iter().filter_map(place).collect();
        let damage = FileDamage { id: *id, path, chunks, places };
        Ok((bytes, Some(damage).filter(|d| !d.chunks.is_empty())))
    }

    /// A damaged file is no longer taken for whole; what fits of it is kept.
    pub fn set_apart(&self, damage: &FileDamage) -> io::Result<()> {
        if damage.chunks.is_empty() {
            match fs::remove_file(&damage.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => return Ok(()),
            }
        }
        fs::rename(self.path(&damage.id, "data"), self.path(&damage.id, "part"))
    }
}
