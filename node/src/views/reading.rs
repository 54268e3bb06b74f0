//! Files of the index that are read and not mapped.
//!
//! Of a mapped file all that a merge or a search ever touched counts as this process's memory until the file goes. Positions
//! of words and stored places are most of the index, and are touched here and there: they are read as they are needed,
//! and the system keeps them in its own memory as it sees fit.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tantivy::HasLen;
use tantivy::directory::error::OpenReadError;
use tantivy::directory::{FileHandle, OwnedBytes};

/// Endings of the files that are read: positions, and stored places.
const READ: [&str; 2] = ["pos", "store"];
/// Bytes read at once: a merge goes through a file in pieces of some bytes each.
const WINDOW_BYTES: usize = 32 * 1024;

/// The files that are open: every reader of the index shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(Arc<Mutex<HashMap<PathBuf, Weak<Reading>>>>);

impl Files {
    /// The file, where it is one that is read; `None` where it is to be mapped.
    pub(super) fn open(
        &self,
        root: &Path,
        path: &Path,
    ) -> Result<Option<Arc<dyn FileHandle>>, OpenReadError> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !READ.contains(&ending) {
            return Ok(None);
        }
        let mut open = lock(&self.0);
        if let Some(file) = open.get(path).and_then(Weak::upgrade) {
            return Ok(Some(file));
        }
        let file = Reading::open(&root.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        })?;
        let file = Arc::new(file);
        // Merged files are gone: what is remembered of them goes with the next that is opened.
        open.retain(|_, file| file.strong_count() > 0);
        open.insert(path.to_owned(), Arc::downgrade(&file));
        Ok(Some(file))
    }
}

/// One file, with the piece of it that was read last.
#[derive(Debug)]
struct Reading {
    file: File,
    length: usize,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    from: usize,
    bytes: OwnedBytes,
}

impl Reading {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let window = Mutex::new(Window { from: 0, bytes: OwnedBytes::empty() });
        Ok(Self { file, length, window })
    }

    fn read(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let mut bytes = vec![0; range.len()];
        self.file.read_exact_at(&mut bytes, range.start as u64)?;
        Ok(OwnedBytes::new(bytes))
    }
}

impl HasLen for Reading {
    fn len(&self) -> usize {
        self.length
    }
}

impl FileHandle for Reading {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if range.len() >= WINDOW_BYTES {
            return self.read(range);
        }
        let mut window = lock(&self.window);
        if range.start < window.from || range.end > window.from + window.bytes.len() {
            let end = (range.start + WINDOW_BYTES).min(self.length);
            *window = Window { from: range.start, bytes: self.read(range.start..end)? };
        }
        let at = range.start - window.from;
        Ok(window.bytes.slice(at..at + range.len()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each write replaces one value: a holder that panicked left none half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_the_file_holds_whatever_was_read_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let content: Vec<u8> = (0..3 * WINDOW_BYTES + 17).map(|n| (n * 7 % 251) as u8).collect();
        std::fs::write(folder.path().join("a.pos"), &content).expect("a file");
        let files = Files::default();
        let file = files.open(folder.path(), Path::new("a.pos")).expect("a file").expect("one that is read");
        assert_eq!(file.len(), content.len());
        let ends =
            [0, 1, 5, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 3, 2 * WINDOW_BYTES, content.len()];
        for from in ends.into_iter().rev().chain(ends) {
            for to in ends.into_iter().filter(|to| *to >= from) {
                assert_eq!(file.read_bytes(from..to).expect("bytes").as_slice(), &content[from..to]);
            }
        }
        assert!(file.read_bytes(0..content.len() + 1).is_err(), "beyond the end");
        let again = files.open(folder.path(), Path::new("a.pos")).expect("a file").expect("one that is read");
        assert!(Arc::ptr_eq(&file, &again), "one handle a file");
        let missing = files.open(folder.path(), Path::new("b.store"));
        assert!(matches!(missing, Err(OpenReadError::FileDoesNotExist(_))));
        assert!(files.open(folder.path(), Path::new("a.term")).expect("no error").is_none(), "it is mapped");
    }
}
