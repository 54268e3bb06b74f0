//! Restore: a backup becomes a hub's folder again. The copy may be older than what was signed since, so it signs nothing
//! until a linked hub has shown how far its feeds reach, and it goes on under another log id.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable;
use crate::hub::Hub;
use crate::shown::UNASKED;
use crate::store::PUT_BACK;
use crate::upkeep::backup::{FILES, List, is_name, read};
use crate::upkeep::{UpkeepError, file_error};

/// Puts a backup back as the hub of `directory`, which must hold none. With `alone` it may sign at once: only where
/// nobody else has seen anything of this hub since.
pub fn restore(from: &Path, directory: &Path, alone: bool) -> Result<List, UpkeepError> {
    let list = read(from)?.ok_or_else(|| UpkeepError::NoBackup { path: from.to_owned() })?;
    let there = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if there {
        return Err(UpkeepError::NotEmpty { path: directory.to_owned() });
    }
    // All of it is checked before anything is written.
    let folders: HashSet<&Path> = list.files.keys().flat_map(|path| path.ancestors().skip(1)).collect();
    for (path, copied) in &list.files {
        let inside = is_inside(path) && !folders.contains(path.as_path());
        let held = from.join(FILES).join(&copied.sha256);
        // A plain file of the length that the list says: nothing else is opened, however it would answer.
        let plain =
            |held: &Path| fs::symlink_metadata(held).is_ok_and(|f| f.is_file() && f.len() == copied.bytes);
        if !inside || !is_name(&copied.sha256) || !plain(&held) || digest(&held)? != copied.sha256 {
            return Err(UpkeepError::BackupDamaged { path: path.clone() });
        }
    }
    let store = directory.join("store");
    let marks: &[(&str, &[u8])] =
        &[(PUT_BACK, b"begin another log\n"), (UNASKED, b"signs nothing before a linked hub was asked\n")];
    for (name, text) in marks.iter().filter(|(name, _)| *name == PUT_BACK || !alone) {
        let path = store.join(name);
        durable::replace(&path, text).map_err(file_error(&path))?;
    }
    // The hub's own file comes last: without it the folder is no hub.
    let hub = Hub::path(Path::new(""));
    // A copy of a copy that asked nobody yet had the marks too; they are what is decided here.
    let is_mark = |path: &Path| marks.iter().any(|(name, _)| path == Path::new("store").join(name));
    let others = list.files.iter().filter(|(path, _)| **path != hub && !is_mark(path));
    for (path, copied) in others.chain(list.files.iter().filter(|(path, _)| **path == hub)) {
        let target = directory.join(path);
        let digest = put(&from.join(FILES).join(&copied.sha256), &target).map_err(file_error(&target))?;
        if digest != copied.sha256 {
            // It changed since it was checked; the hub's own file is not there yet, so the folder is no hub.
            fs::remove_file(&target).map_err(file_error(&target))?;
            return Err(UpkeepError::BackupDamaged { path: path.clone() });
        }
    }
    Ok(list)
}

/// True for the plain name of a file below a folder: it has parts, each of them a name, and is written as they are.
fn is_inside(path: &Path) -> bool {
    let plain: PathBuf = path.components().filter(|c| matches!(c, Component::Normal(_))).collect();
    !plain.as_os_str().is_empty() && plain.as_os_str() == path.as_os_str()
}

/// Copies a file, durable when this returns; the SHA-256 of what was written.
fn put(from: &Path, target: &Path) -> io::Result<String> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    let digest = through(&mut File::open(from)?, &mut out)?;
    out.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(digest)
}

/// Copies bytes, and hashes what went through.
fn through(from: &mut File, out: &mut impl Write) -> io::Result<String> {
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; 256 * 1024]);
    loop {
        let read = from.read(&mut chunk)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
            return Ok(hex::encode(hash.finalize()));
        };
        hash.update(part);
        out.write_all(part)?;
    }
}

fn digest(path: &Path) -> Result<String, UpkeepError> {
    match File::open(path).and_then(|mut file| through(&mut file, &mut io::sink())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        hashed => hashed.map_err(file_error(path)),
    }
}
