//! Backup: a copy of a hub's folder that a node may run beside. Files lie under the hash of their bytes, so that a second
//! backup into the same folder copies only what changed, and one that is cut short leaves the one before it whole.
//!
//! The order makes it consistent. Segments first: their frames are whole up to some commit, and a start cuts the rest.
//! Then what must not be older than they are: the register of own signed batches, and the marks of erased bodies, which
//! are durable before bodies are overwritten. What can be derived again is left out.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::author::now_ms;
use crate::durable;
use crate::hub::Hub;
use crate::upkeep::{UpkeepError, file_error};

/// The list of a backup's files; written last.
pub const LIST: &str = "backup.json";
/// Where the files' bytes lie, each under its hash.
pub const FILES: &str = "files";
/// The version of the list.
pub const VERSION: u32 = 1;
/// What can be derived again, or means nothing elsewhere.
const LEFT_OUT: [&str; 6] = ["store/index", "store/lock", "views", "views.next", "history", "admin.sock"];
/// What is copied after everything else, in this order.
const LAST: [&str; 2] = ["store/register", "store/erasures"];
/// Longest list that is read: a hub has some dozens of files besides those that records name.
const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The name of a file whose bytes are still coming.
const COMING: &str = "coming";
/// Bytes that are copied at once.
const CHUNK: usize = 256 * 1024;

/// A backup's list.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// [`VERSION`].
    pub version: u32,
    /// Whose.
    pub hub: String,
    /// The hub's name.
    pub name: String,
    /// When it was made, milliseconds since 1970 UTC.
    pub made_ms: u64,
    /// Each file by its path in the hub's folder.
    pub files: BTreeMap<PathBuf, Copied>,
}

/// One file of a backup.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    /// SHA-256 of its bytes, and its name in the backup.
    pub sha256: String,
    /// How many bytes.
    pub bytes: u64,
    /// Size, time of the last change and inode when it was copied: as long as they stay, so do its bytes.
    pub seen: (u64, i64, i64, u64),
}

/// What a backup did.
#[derive(Debug, Default)]
pub struct Done {
    /// Files of the hub's folder.
    pub files: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes that had to be copied.
    pub copied: u64,
}

/// Backs up a hub's folder to another one, made where it does not exist.
pub fn backup(directory: &Path, to: &Path) -> Result<Done, UpkeepError> {
    let hub = Hub::load(directory)?;
    let before = prepare(directory, to, &hub)?;
    let mut list = List {
        version: VERSION,
        hub: hub.party.to_string(),
        name: hub.name,
        made_ms: now_ms(),
        files: BTreeMap::new(),
    };
    let mut done = Done::default();
    for path in order(directory)? {
        let source = directory.join(&path);
        let metadata = match fs::metadata(&source) {
            // A file that a running node has just replaced or removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read.map_err(file_error(&source))?,
        };
        let seen = (metadata.size(), metadata.mtime(), metadata.mtime_nsec(), metadata.ino());
        let held = before.as_ref().and_then(|list| list.files.get(&path)).filter(|c| c.seen == seen);
        let copied = match held.filter(|c| to.join(FILES).join(&c.sha256).exists()) {
            Some(held) => held.clone(),
            None => {
                let copied = copy(&source, to, seen)?;
                done.copied += copied.bytes;
                copied
            }
        };
        done.files += 1;
        done.bytes += copied.bytes;
        list.files.insert(path, copied);
    }
    let path = to.join(LIST);
    durable::replace_json(&path, &list).map_err(file_error(&path))?;
    forget(to, &list)?;
    Ok(done)
}

/// The folder to write to, and the list that it holds.
fn prepare(directory: &Path, to: &Path, hub: &Hub) -> Result<Option<List>, UpkeepError> {
    let files = to.join(FILES);
    fs::create_dir_all(to).map_err(file_error(to))?;
    let (own, other) = (fs::canonicalize(directory), fs::canonicalize(to));
    let (own, other) = (own.map_err(file_error(directory))?, other.map_err(file_error(to))?);
    if other.starts_with(&own) || own.starts_with(&other) {
        return Err(UpkeepError::Inside { path: to.to_owned() });
    }
    let before = read(to)?;
    let strange = match &before {
        Some(list) => list.hub != hub.party.to_string(),
        // A first one that was cut short left a folder of files alone.
        None => names(to)?.iter().any(|name| name != FILES),
    };
    // What is not needed any more is removed there: it must be the backup's own folder, and no link to another.
    let elsewhere = fs::symlink_metadata(&files).is_ok_and(|found| !found.is_dir());
    if strange || elsewhere {
        return Err(UpkeepError::NotEmpty { path: to.to_owned() });
    }
    fs::create_dir_all(&files).map_err(file_error(&files))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).map_err(file_error(to))?;
    Ok(before)
}

fn names(folder: &Path) -> Result<Vec<String>, UpkeepError> {
    let entries = fs::read_dir(folder).map_err(file_error(folder))?;
    let name = |e: io::Result<fs::DirEntry>| Ok(e?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<io::Result<_>>().map_err(file_error(folder))
}

/// The list of a backup; `None` where there is none.
pub fn read(from: &Path) -> Result<Option<List>, UpkeepError> {
    let path = from.join(LIST);
    let bytes = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() || found.len() > LIST_BYTES_MAX => {
            return Err(UpkeepError::NoBackup { path });
        }
        _ => fs::read(&path).map_err(file_error(&path))?,
    };
    let list: Option<List> = serde_json::from_slice(&bytes).ok();
    list.filter(|l| l.version == VERSION).map(Some).ok_or(UpkeepError::NoBackup { path })
}

/// All files of a hub's folder that belong to a backup, in the order in which they are copied.
fn order(directory: &Path) -> Result<Vec<PathBuf>, UpkeepError> {
    let (mut all, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for name in names(&directory.join(&folder))? {
            let path = folder.join(&name);
            let full = directory.join(&path);
            let left_out = LEFT_OUT.iter().any(|l| path == Path::new(l)) || name.ends_with(".new");
            match fs::symlink_metadata(&full) {
                Ok(_) if left_out => {}
                Ok(found) if found.is_dir() => folders.push(path),
                Ok(found) if found.is_file() => all.push(path),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(file_error(&full)(error)),
            }
        }
    }
    let rank = |path: &PathBuf| match LAST.iter().position(|l| path == Path::new(l)) {
        Some(last) => 2 + last,
        None => usize::from(!path.starts_with("store/segments")),
    };
    all.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    Ok(all)
}

/// Copies a file as long as it was when it was looked at; what is appended meanwhile waits for the next backup.
fn copy(source: &Path, to: &Path, seen: (u64, i64, i64, u64)) -> Result<Copied, UpkeepError> {
    let temporary = to.join(FILES).join(COMING);
    let copied = (|| {
        let mut from = File::open(source)?.take(seen.0);
        // One that was cut short left its own; whatever else has that name is not written through.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let (mut hash, mut chunk, mut bytes) = (Sha256::new(), vec![0; CHUNK], 0_u64);
        loop {
            let read = from.read(&mut chunk)?;
            let Some(part) = chunk.get(..read).filter(|p| !p.is_empty()) else { break };
            hash.update(part);
            out.write_all(part)?;
            bytes += read as u64;
        }
        out.sync_all()?;
        let sha256 = hex::encode(hash.finalize());
        fs::rename(&temporary, to.join(FILES).join(&sha256))?;
        File::open(to.join(FILES))?.sync_all()?;
        Ok(Copied { sha256, bytes, seen })
    })();
    copied.map_err(file_error(source))
}

/// True for the name of a file of a backup: its SHA-256.
pub(super) fn is_name(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Removes what the list names no more: erased bodies leave a backup with the next one. What somebody else put there stays.
fn forget(to: &Path, list: &List) -> Result<(), UpkeepError> {
    let kept: std::collections::BTreeSet<&str> = list.files.values().map(|c| c.sha256.as_str()).collect();
    let files = to.join(FILES);
    let own = |name: &&String| is_name(name) && !kept.contains(name.as_str());
    for name in names(&files)?.iter().filter(own) {
        fs::remove_file(files.join(name)).map_err(file_error(&files))?;
    }
    Ok(())
}
