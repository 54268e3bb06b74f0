//! Restore: a backup becomes a hub's folder again. The copy may be older than what was signed since, so it signs nothing
//! until a linked hub has shown how far its feeds reach, and it goes on under another log id.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable;
use crate::hub::Hub;
use crate::shown::UNASKED;
use crate::store::PUT_BACK;
use crate::upkeep::backup::{FILES, List, read};
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
        let is_name = copied.sha256.len() == 64 && copied.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !inside || !is_name || digest(&held)? != copied.sha256 {
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
    let others = list.files.iter().filter(|(path, _)| **path != hub);
    for (path, copied) in others.chain(list.files.iter().filter(|(path, _)| **path == hub)) {
        let target = directory.join(path);
        put(&from.join(FILES).join(&copied.sha256), &target).map_err(file_error(&target))?;
    }
    Ok(list)
}

/// True for the plain name of a file below a folder: it has parts, each of them a name, and is written as they are.
fn is_inside(path: &Path) -> bool {
    let plain: PathBuf = path.components().filter(|c| matches!(c, Component::Normal(_))).collect();
    !plain.as_os_str().is_empty() && plain.as_os_str() == path.as_os_str()
}

/// Copies a file, durable when this returns.
fn put(from: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    io::copy(&mut File::open(from)?, &mut out)?;
    out.sync_all()?;
    File::open(folder)?.sync_all()
}

fn digest(path: &Path) -> Result<String, UpkeepError> {
    let hashed: io::Result<String> = (|| {
        let (mut file, mut hash, mut chunk) = (File::open(path)?, Sha256::new(), vec![0; 256 * 1024]);
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(hex::encode(hash.finalize())),
                read => hash.update(chunk.get(..read).unwrap_or_default()),
            }
        }
    })();
    match hashed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        hashed => hashed.map_err(file_error(path)),
    }
}
