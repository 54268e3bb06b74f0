//! What a far end showed of the own party's feeds beyond what is held here: this copy was put back from a backup, or
//! entries were lost. Signing there would fork the feed, so it waits until they are here again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use caphub_proto::wire::FeedId;

use crate::durable;

/// Most feeds that are remembered; a party has a few.
const FEEDS_MAX: usize = 4_096;

/// The mark, beside the store, of a copy that was put back and has asked no linked hub yet.
pub const UNASKED: &str = "unasked";

/// A small file with a place for each feed.
#[derive(Debug)]
pub struct Shown {
    path: PathBuf,
    /// This copy was put back, and nobody was asked yet what was signed since.
    unasked: AtomicBool,
    places: Mutex<BTreeMap<String, u64>>,
}

impl Shown {
    /// Opens the file; nothing was shown where there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let places = durable::read_json(path)?;
        let unasked = AtomicBool::new(path.with_file_name(UNASKED).try_exists()?);
        Ok(Self { path: path.to_owned(), unasked, places: Mutex::new(places) })
    }

    /// True where this copy was put back and has not compared itself with a linked hub yet: it signs nothing.
    pub fn is_unasked(&self) -> bool {
        self.unasked.load(Ordering::Acquire)
    }

    /// A linked hub has shown how far it knows the own feeds, and all that was shown is noted.
    pub fn asked(&self) -> io::Result<()> {
        if !self.is_unasked() {
            return Ok(());
        }
        match std::fs::remove_file(self.path.with_file_name(UNASKED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.unasked.store(false, Ordering::Release);
        Ok(())
    }

    /// Remembers that a far end has the feed up to `seq`, where that is more than is held; durable when it returns.
    pub fn note(&self, feed: &FeedId, seq: u64, held: u64) -> io::Result<()> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let name = feed.to_string();
        let before = places.get(&name).copied().unwrap_or(0);
        if seq <= held.max(before) || (before == 0 && places.len() >= FEEDS_MAX) {
            return Ok(());
        }
        places.insert(name, seq);
        durable::replace_json(&self.path, &*places)
    }

    /// The place up to which the feed must be held before anything is signed; `None` where it is, or nothing was shown.
    pub fn beyond(&self, feed: &FeedId, held: u64) -> Option<u64> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&feed.to_string()).copied().filter(|seq| *seq > held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_remembered_until_it_is_held() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shown");
        let (feed, shown) = (FeedId([1; 32]), Shown::open(&path).expect("no file"));
        shown.note(&feed, 5, 5).expect("nothing to write");
        assert!(!path.exists());
        shown.note(&feed, 7, 5).expect("a file");
        shown.note(&feed, 6, 5).expect("a file");
        let shown = Shown::open(&path).expect("a file");
        assert_eq!((shown.beyond(&feed, 6), shown.beyond(&feed, 7)), (Some(7), None));
        assert_eq!(shown.beyond(&FeedId([2; 32]), 0), None);
    }
}
