//! The book of requests and used invitations on disk: a line a change, appended and synced, so that a request costs what it
//! holds and not what all hold. It is written anew where most of its lines are history.
//!
//! ```text
//! line   CRC32C of the rest, 8 hexadecimal digits | space | a change as JSON | line feed
//! ```
//!
//! A line that a power cut left unfinished was acknowledged to nobody: it is cut at the next start. A change counts in
//! memory once it is durable; after a write that failed the next one writes the whole book anew, into another file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::membership::Asked;

/// Name of the book in a node's folder.
const BOOK: &str = "requests.log";
/// Its name while it was one JSON object, written whole for each change.
const BEFORE: &str = "requests.json";
/// Lines of history that a book may have beside as many as it holds entries: below them rewriting gains nothing.
const HISTORY_LINES: usize = 1_000;
/// Hexadecimal digits of a checksum, and the space after it.
const LEAD: usize = 9;

/// What the book says.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Entries {
    /// By party.
    pub(super) requests: BTreeMap<String, Asked>,
    /// By whom each code was used: a join that was cut short can be made again.
    pub(super) used_codes: BTreeMap<String, String>,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    /// A request, or what became of it.
    Asked(String, Box<Asked>),
    /// Its party was admitted.
    Answered(String),
    /// A code, and who used it.
    Used(String, String),
}

/// The open book.
pub(super) struct Book {
    path: PathBuf,
    /// `None` after a write that failed.
    file: Option<File>,
    entries: Entries,
    lines: usize,
    /// Bytes of the texts of all requests.
    bytes: usize,
}

impl Book {
    /// Opens the book of a node's folder; one of an earlier version is written anew.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let (path, before) = (directory.join(BOOK), directory.join(BEFORE));
        let mut book = Self { path, file: None, entries: Entries::default(), lines: 0, bytes: 0 };
        match std::fs::read(&book.path) {
            Ok(bytes) => book.read(&bytes)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                book.entries = durable::read_json(&before)?;
                book.rewrite()?;
            }
            Err(error) => return Err(error),
        }
        // The new book is durable: a crash before this line leaves both, and the new one is read.
        match std::fs::remove_file(&before) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        book.bytes = book.entries.requests.values().map(Asked::bytes).sum();
        Ok(book)
    }

    pub(super) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Bytes of the texts of all requests.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Durable, and in force, when this returns.
    pub(super) fn note(&mut self, change: Change) -> io::Result<()> {
        let held = self.entries.requests.len() + self.entries.used_codes.len();
        let mostly_history = self.lines >= 2 * held + HISTORY_LINES;
        match self.file.take().filter(|_| !mostly_history) {
            Some(mut file) => {
                let line = line(&change)?;
                file.write_all(&line)?;
                file.sync_data()?;
                self.file = Some(file);
                self.lines += 1;
                self.take(change);
            }
            None => {
                let (before, bytes) = (self.entries.clone(), self.bytes);
                self.take(change);
                if let Err(error) = self.rewrite() {
                    (self.entries, self.bytes) = (before, bytes);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, change: Change) {
        let (mut gone, mut come) = (0, 0);
        match change {
            Change::Asked(party, asked) => {
                come = asked.bytes();
                gone = self.entries.requests.insert(party, *asked).map_or(0, |a| a.bytes());
            }
            Change::Answered(party) => {
                gone = self.entries.requests.remove(&party).map_or(0, |a| a.bytes());
            }
            Change::Used(code, by) => drop(self.entries.used_codes.insert(code, by)),
        }
        self.bytes = (self.bytes + come).saturating_sub(gone);
    }

    fn read(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut whole = 0;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            let Some(change) = parse(line) else { break };
            whole += line.len();
            self.lines += 1;
            self.take(change);
        }
        let rest = bytes.get(whole..).unwrap_or_default();
        // What is torn is the last line alone: sound lines after it mean that the file is damaged.
        if rest.split_inclusive(|b| *b == b'\n').skip(1).any(|line| parse(line).is_some()) {
            let place = format!("{} is damaged in line {}", self.path.display(), self.lines + 1);
            return Err(io::Error::new(ErrorKind::InvalidData, place));
        }
        let file = OpenOptions::new().append(true).open(&self.path)?;
        if !rest.is_empty() {
            tracing::warn!(bytes = rest.len(), "a torn end of the book of requests is cut");
            file.set_len(whole as u64)?;
            file.sync_all()?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Writes the whole book, as another file that takes this one's place.
    fn rewrite(&mut self) -> io::Result<()> {
        let Entries { requests, used_codes } = &self.entries;
        let asked = requests.iter().map(|(p, a)| Change::Asked(p.clone(), Box::new(a.clone())));
        let used = used_codes.iter().map(|(c, by)| Change::Used(c.clone(), by.clone()));
        let mut bytes = Vec::new();
        for change in asked.chain(used) {
            bytes.extend(line(&change)?);
        }
        durable::replace(&self.path, &bytes)?;
        self.lines = requests.len() + used_codes.len();
        self.file = Some(OpenOptions::new().append(true).mode(0o600).open(&self.path)?);
        Ok(())
    }
}

fn line(change: &Change) -> io::Result<Vec<u8>> {
    // JSON escapes line feeds: the one at the end is the only one.
    let json = serde_json::to_string(change)?;
    Ok(format!("{:08x} {json}\n", crc32c::crc32c(json.as_bytes())).into_bytes())
}

fn parse(line: &[u8]) -> Option<Change> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (sum, json) = (line.get(..LEAD - 1)?, line.get(LEAD..)?);
    let sum = u32::from_str_radix(sum, 16).ok()?;
    (sum == crc32c::crc32c(json.as_bytes())).then(|| serde_json::from_str(json).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(party: &str, name: &str) -> Change {
        Change::Asked(party.to_owned(), Box::new(Asked { name: name.to_owned(), ..Asked::default() }))
    }

    fn history() -> Vec<Change> {
        vec![
            asked("a", "First\nof \"two\" lines"),
            Change::Used("0011".to_owned(), "b".to_owned()),
            asked("c", "Third"),
            Change::Answered("a".to_owned()),
            asked("c", "Third, refused"),
        ]
    }

    /// What the first changes of a history leave.
    fn after(changes: &[Change]) -> Entries {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::open(folder.path()).unwrap();
        changes.iter().for_each(|c| book.note(c.clone()).unwrap());
        book.entries
    }

    #[test]
    fn a_book_that_is_cut_anywhere_opens_with_all_whole_lines_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(BOOK);
        let (mut book, mut ends) = (Book::open(folder.path()).unwrap(), vec![0]);
        for change in history() {
            book.note(change).unwrap();
            ends.push(std::fs::metadata(&path).unwrap().len() as usize);
        }
        drop(book);
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..=bytes.len() {
            for torn in [&b""[..], &[0; 7], b"\n"] {
                std::fs::write(&path, [&bytes[..length], torn].concat()).unwrap();
                // A line feed in the place of the one that was cut off ends the line.
                let ended = torn == b"\n" && ends.contains(&(length + 1));
                let whole = ends.iter().filter(|e| **e <= length + usize::from(ended)).count() - 1;
                let mut book = Book::open(folder.path()).unwrap();
                assert_eq!(book.entries, after(&history()[..whole]), "cut at {length}");
                book.note(asked("d", "Later")).unwrap();
                drop(book);
                assert!(Book::open(folder.path()).unwrap().entries.requests.contains_key("d"));
            }
        }
    }

    #[test]
    fn damage_before_the_end_is_told_and_nothing_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(BOOK);
        let mut book = Book::open(folder.path()).unwrap();
        history().into_iter().for_each(|c| book.note(c).unwrap());
        drop(book);
        let sound = std::fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        damaged[12] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let error = Book::open(folder.path()).err().unwrap();
        assert!(error.to_string().contains("line 1"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged);
    }

    #[test]
    fn a_book_of_one_object_is_taken_over_once() {
        let folder = tempfile::tempdir().unwrap();
        let held = after(&history());
        durable::replace_json(&folder.path().join(BEFORE), &held).unwrap();
        assert_eq!(Book::open(folder.path()).unwrap().entries, held);
        assert!(!folder.path().join(BEFORE).exists());
        // Both are there where the machine stopped between: the lines are the newer.
        durable::replace_json(&folder.path().join(BEFORE), &Entries::default()).unwrap();
        assert_eq!(Book::open(folder.path()).unwrap().entries, held);
    }

    #[test]
    fn a_change_costs_its_own_bytes_and_history_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(BOOK);
        let mut book = Book::open(folder.path()).unwrap();
        let length = || std::fs::metadata(&path).unwrap().len();
        for n in 0..200 {
            book.note(asked(&format!("party {n}"), "An organisation")).unwrap();
        }
        let before = (length(), std::fs::metadata(&path).unwrap());
        book.note(asked("one more", "An organisation")).unwrap();
        assert!(length() - before.0 < 400, "{}", length() - before.0);
        for n in 0..3_000 {
            book.note(asked("one more", &format!("Answer {n}"))).unwrap();
            assert!(book.lines <= 2 * 201 + HISTORY_LINES);
        }
        let held = book.entries.clone();
        drop(book);
        assert_eq!(Book::open(folder.path()).unwrap().entries, held);
    }

    #[test]
    fn after_a_write_that_failed_the_next_one_writes_the_book_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(BOOK);
        let mut book = Book::open(folder.path()).unwrap();
        book.note(asked("a", "First")).unwrap();
        // A file that takes no writes.
        book.file = Some(File::open(&path).unwrap());
        book.note(asked("b", "Second")).unwrap_err();
        assert!(!book.entries.requests.contains_key("b"), "it is not durable");
        book.note(asked("c", "Third")).unwrap();
        drop(book);
        let held = Book::open(folder.path()).unwrap().entries.requests;
        assert_eq!(held.keys().collect::<Vec<_>>(), ["a", "c"]);
    }
}
