//! The folder: which files are looked at, and how they are opened. Names decide nothing but that.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use caphub_proto::wire::Reason;
use caphub_proto::wire::carry::{Ending, Frame, Manifest, Piece, Reader};

use crate::carry::CarryError;

/// How the name of a carry file ends.
pub(super) const SUFFIX: &str = ".carry";
/// How the name of a file that is still written ends.
pub(super) const UNFINISHED: &str = ".unfinished";
/// Most carry files of a folder that are looked at.
const FILES_MAX: usize = 20_000;
/// Most names of a folder: other people's files lie on a stick too.
const NAMES_MAX: usize = 1_000_000;
/// Bytes read at once.
const CHUNK: usize = 128 * 1024;

/// A carry file as the folder shows it.
pub(super) struct Listed {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// `None` where the first frame cannot be read; its entries are judged all the same.
    pub(super) manifest: Option<Manifest>,
}

/// A name that looks like a carry file and cannot be used.
pub(super) struct Unusable {
    pub(super) name: String,
    pub(super) error: io::Error,
}

/// The folder's carry files, oldest first, and names that only look so.
pub(super) fn list(folder: &Path) -> Result<(Vec<Listed>, Vec<Unusable>), CarryError> {
    let failed = |source| CarryError::File { path: folder.to_owned(), source };
    let (mut listed, mut unusable) = (Vec::new(), Vec::new());
    for (count, entry) in std::fs::read_dir(folder).map_err(failed)?.enumerate() {
        if count >= NAMES_MAX || listed.len() + unusable.len() >= FILES_MAX {
            return Err(CarryError::TooMany { path: folder.to_owned(), most: FILES_MAX });
        }
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(SUFFIX) {
            continue;
        }
        match peek(&path) {
            Ok(manifest) => listed.push(Listed { path, name, manifest }),
            Err(error) => unusable.push(Unusable { name, error }),
        }
    }
    let order = |l: &Listed| l.manifest.as_ref().map(|m| (m.time_ms, m.set, m.part));
    listed.sort_by(|a, b| {
        (order(a).is_none(), order(a), &a.name).cmp(&(order(b).is_none(), order(b), &b.name))
    });
    Ok((listed, unusable))
}

/// Reads a file piece by piece, until `piece` answers false.
pub(super) fn read(path: &Path, piece: &mut dyn FnMut(Piece) -> bool) -> io::Result<Ending> {
    let (mut file, mut reader, mut chunk) = (open(path)?, Reader::new(), vec![0; CHUNK]);
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(reader.finish());
        }
        reader.feed(chunk.get(..count).unwrap_or_default());
        while let Some(next) = reader.next() {
            if !piece(next) {
                return Ok(Ending { reason: Some(Reason::CarryCut), end: None });
            }
        }
        if reader.is_done() && reader.finish().reason.is_some() {
            return Ok(reader.finish());
        }
    }
}

/// Opens a plain file and nothing else: a link, a pipe or a device of that name would lead elsewhere or never end.
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        match std::fs::symlink_metadata(path).is_ok_and(|m| !m.is_file()) {
            true => not_plain(),
            false => error,
        }
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_plain()) }
}

fn not_plain() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a plain file")
}

fn peek(path: &Path) -> io::Result<Option<Manifest>> {
    let file = open(path)?;
    let mut start = Vec::with_capacity(4_096);
    file.take(4_096).read_to_end(&mut start)?;
    let mut reader = Reader::new();
    reader.feed(&start);
    Ok(match reader.next() {
        Some(Piece::Frame { frame: Frame::Manifest(manifest), .. }) => Some(manifest),
        _ => None,
    })
}

/// Bytes that the folder's file system still takes.
pub(super) fn free(folder: &Path) -> io::Result<u64> {
    let about = rustix::fs::statvfs(folder)?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Makes a finished file durable under its name. Some file systems of sticks cannot sync a folder.
pub(super) fn publish(file: &File, from: &Path, to: &Path) -> io::Result<()> {
    file.sync_all()?;
    std::fs::rename(from, to)?;
    let folder = to.parent().unwrap_or(Path::new("."));
    match File::open(folder).and_then(|f| f.sync_all()) {
        Err(e) if !matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Err(e),
        _ => Ok(()),
    }
}
