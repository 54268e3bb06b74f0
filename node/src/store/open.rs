//! What opening a store needs besides segments and index: its lock, the id of its log, the marks of erased bodies.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use caphub_proto::wire::{FeedId, LogId};

use crate::store::files::Erased;
use crate::store::{PUT_BACK, StoreError};

/// Bytes of one mark of the file of erased places: a feed and a place.
const MARK: u64 = 32 + 8;

/// Takes the store for this process.
pub(super) fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("lock");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        let holder = if holder.trim().is_empty() { "?".to_owned() } else { holder.trim().to_owned() };
        return Err(StoreError::Locked { path: directory.to_owned(), holder });
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// The log's id, and those that it had before its store was put back. A mark that it was put back gives it another:
/// the new id is durable before the mark goes, so that a crash between makes one id too many and never one too few.
pub(super) fn log_ids(directory: &Path) -> Result<(LogId, Vec<LogId>), StoreError> {
    let (path, mark) = (directory.join("log-id"), directory.join(PUT_BACK));
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let parsed: Result<Vec<LogId>, _> = text.lines().map(|line| line.trim().parse()).collect();
    let mut ids = parsed.map_err(|_| StoreError::OtherFormat { path: path.clone() })?;
    let put_back = mark.try_exists()?;
    if ids.is_empty() || put_back {
        ids.insert(0, LogId(crate::keys::random().map_err(|e| StoreError::File(std::io::Error::other(e)))?));
        let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
        crate::durable::replace(&path, lines.as_bytes())?;
    }
    if put_back {
        tracing::warn!(log = %ids[0], "the store was put back from a copy: it goes on under another log id");
        std::fs::remove_file(&mark)?;
    }
    Ok((ids.remove(0), ids))
}

/// The file of erased places, and what it holds.
pub(super) fn erasures(path: &Path) -> Result<(File, Erased), StoreError> {
    let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let length = file.metadata()?.len();
    file.set_len(length - length % MARK)?;
    Ok((file, erased(path)?))
}

/// What the file of erased places holds, as far as its marks are whole.
pub(super) fn erased(path: &Path) -> Result<Erased, StoreError> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let mut erased = Erased::new();
    for mark in bytes.chunks_exact(MARK as usize) {
        let (feed, seq) = mark.split_at(32);
        if let (Some(feed), Ok(seq)) = (FeedId::from_slice(feed), seq.try_into()) {
            erased.entry(feed).or_default().insert(u64::from_be_bytes(seq));
        }
    }
    Ok(erased)
}
