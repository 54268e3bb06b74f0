//! Checkpoints: size and root of a log as a signed note (C2SP tlog-checkpoint and signed-note).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::wire::history::Hash;
use crate::wire::ids::{LogId, OperatorKey};
use crate::wire::keys::{Checked, Signer, check};
use crate::wire::limits::INTEGER_END;

/// Largest note in bytes: 16 signatures and more fit.
pub const NOTE_BYTES_MAX: usize = 16_384;
/// What an origin begins with; the log id follows.
const ORIGIN: &str = "caphub/log/";
/// The signature type of Ed25519 over the note's text.
const ED25519: u8 = 1;
const DASH: &str = "\u{2014} ";

/// What a node signs about its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log.
    pub log: LogId,
    /// Public entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The last checkpoint of the log that this one goes on from, where the store was put back.
    pub restored: Option<Restored>,
}

/// Where another log ended that a restored store belonged to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restored {
    /// The other log.
    pub log: LogId,
    /// Its last published size.
    pub size: u64,
    /// The root there.
    pub root: Hash,
}

/// Why a text is not a checkpoint of this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than a note may be, or with control characters.
    #[error("this is not a signed note")]
    NotNote,
    /// The lines are not those of a checkpoint of a caphub log.
    #[error("line {line} of the note is not what a checkpoint has there")]
    Line {
        /// From 1.
        line: usize,
    },
    /// No signature of the key, or one that does not fit.
    #[error("the note has no valid signature of the expected key")]
    Signature,
}

impl Checkpoint {
    /// The origin line, which is the name of the key as well.
    pub fn origin(log: &LogId) -> String {
        format!("{ORIGIN}{log}")
    }

    /// The signed note.
    pub fn to_note(&self, signer: &Signer) -> String {
        let (text, name) = (self.text(), Self::origin(&self.log));
        let signature = signer.sign(b"", text.as_bytes());
        let id = key_id(&name, &signer.public());
        let signed = STANDARD.encode([&id[..], &signature].concat());
        format!("{text}\n{DASH}{name} {signed}\n")
    }

    fn text(&self) -> String {
        let line =
            |size: u64, root: &Hash, between: char| format!("{size}{between}{}", STANDARD.encode(root));
        let mut text = format!("{}\n{}\n", Self::origin(&self.log), line(self.size, &self.root, '\n'));
        if let Some(before) = &self.restored {
            text.push_str(&format!("restored {} {}\n", before.log, line(before.size, &before.root, ' ')));
        }
        text
    }

    /// Reads a note that `key` signed. Signatures of other keys are ignored, as the format says.
    pub fn parse(note: &str, key: &OperatorKey) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX || note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::NotNote);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::NotNote)?;
        let checkpoint = Self::read(text)?;
        let name = Self::origin(&checkpoint.log);
        let id = key_id(&name, key);
        let signed = format!("{text}\n");
        let mut valid = false;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::NotNote)?;
        for line in lines.split('\n') {
            let rest = line.strip_prefix(DASH).ok_or(NoteError::NotNote)?;
            let (by, bytes) = rest.split_once(' ').ok_or(NoteError::NotNote)?;
            let bytes = STANDARD.decode(bytes).map_err(|_| NoteError::NotNote)?;
            let Some((found, signature)) = bytes.split_first_chunk::<4>() else {
                return Err(NoteError::NotNote);
            };
            if by != name || *found != id {
                continue;
            }
            let signature: &[u8; 64] = signature.try_into().map_err(|_| NoteError::Signature)?;
            if check(key.as_bytes(), b"", signed.as_bytes(), signature) != Checked::Valid {
                return Err(NoteError::Signature);
            }
            valid = true;
        }
        if valid { Ok(checkpoint) } else { Err(NoteError::Signature) }
    }

    fn read(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let mut next = |line| lines.next().ok_or(NoteError::Line { line });
        let log = next(1)?.strip_prefix(ORIGIN).and_then(log_id).ok_or(NoteError::Line { line: 1 })?;
        let size = number(next(2)?).ok_or(NoteError::Line { line: 2 })?;
        let root = hash(next(3)?).ok_or(NoteError::Line { line: 3 })?;
        let mut restored = None;
        for (i, line) in lines.enumerate() {
            let wrong = NoteError::Line { line: i + 4 };
            if line.is_empty() {
                return Err(wrong);
            }
            if let Some(rest) = line.strip_prefix("restored ") {
                let read = read_restored(rest).filter(|_| restored.is_none());
                restored = Some(read.ok_or(wrong)?);
            }
        }
        Ok(Self { log, size, root, restored })
    }
}

fn read_restored(rest: &str) -> Option<Restored> {
    let mut words = rest.split(' ');
    let read =
        Restored { log: log_id(words.next()?)?, size: number(words.next()?)?, root: hash(words.next()?)? };
    words.next().is_none().then_some(read)
}

fn log_id(text: &str) -> Option<LogId> {
    // One log has one name.
    text.parse::<LogId>().ok().filter(|log| log.to_string() == text)
}

fn number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|n| *n < INTEGER_END && n.to_string() == text)
}

fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// The first four bytes of SHA-256 over the key's name, a line feed, the type and the key.
fn key_id(name: &str, key: &OperatorKey) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::new_with_prefix(name)
        .chain_update([b'\n', ED25519])
        .chain_update(key.as_bytes())
        .finalize()
        .into();
    [digest[0], digest[1], digest[2], digest[3]]
}
