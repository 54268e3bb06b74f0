//! Bodies as age files (SPEC.md section 5.1): sealed to reading keys, opened with one of them or with a file's own key.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age_core::format::{FileKey, Stanza};
use caphub_proto::exchange::seal::{FILE_KEY_BYTES, READERS_MAX, parse_recipient, recipient_text};
use caphub_proto::wire::limits::BODY_BYTES_MAX;
use zeroize::Zeroizing;

/// The secret half of a reading key: opens what is sealed to it.
#[derive(Clone)]
pub struct ReadingKey(age::x25519::Identity);

impl ReadingKey {
    /// A key from the system's random source.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// The key of a file in the age tool's form, with a line `AGE-SECRET-KEY-1...`.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find(|l| l.starts_with("AGE-SECRET-KEY-1"))?;
        age::x25519::Identity::from_str(line.trim()).ok().map(Self)
    }

    /// The key as a file that the standard tool takes.
    pub fn file(&self) -> Zeroizing<String> {
        let public = recipient_text(&self.public());
        Zeroizing::new(format!("# public key: {public}\n{}\n", self.0.to_string().expose_secret()))
    }

    /// The public half, as `Authorise` states it.
    pub fn public(&self) -> [u8; 32] {
        parse_recipient(&self.0.to_public().to_string()).unwrap_or_default()
    }
}

/// An opened file.
pub struct Opened {
    /// What was sealed.
    pub plain: Vec<u8>,
    /// Opens this file and no other.
    pub file_key: [u8; FILE_KEY_BYTES],
}

/// Seals bytes to all of these keys, none of which is weak; fresh randomness comes from the system.
pub fn seal(plain: &[u8], readers: &BTreeSet<[u8; 32]>) -> io::Result<Vec<u8>> {
    let parse = |key| age::x25519::Recipient::from_str(&recipient_text(key)).map_err(io::Error::other);
    let recipients: Vec<_> = readers.iter().map(parse).collect::<Result<_, _>>()?;
    let recipients = recipients.iter().map(|r| r as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(out)
}

/// Opens a file with the first key that fits; `None` where none does, or where it is no age file.
pub fn open(file: &[u8], keys: &[ReadingKey]) -> Option<Opened> {
    let trying = Trying { keys, left: Cell::new(READERS_MAX), found: RefCell::default() };
    let plain = decrypt(file, &trying)?;
    let file_key = trying.found.take()?;
    Some(Opened { plain, file_key })
}

/// Opens a file with its own key, as a grant states it. The file's header is authentic under that key alone, so
/// that what comes out is what its author put in.
pub fn open_granted(file: &[u8], file_key: &[u8; FILE_KEY_BYTES]) -> Option<Vec<u8>> {
    decrypt(file, &Granted(file_key))
}

fn decrypt(file: &[u8], identity: &dyn age::Identity) -> Option<Vec<u8>> {
    let reader = age::Decryptor::new(file).ok()?.decrypt(std::iter::once(identity)).ok()?;
    let mut plain = Vec::new();
    // A file in a body cannot open to more than the body.
    reader.take(BODY_BYTES_MAX as u64).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// Tries keys, and keeps the file key that one of them gives.
struct Trying<'a> {
    keys: &'a [ReadingKey],
    /// Lines that are still looked at: a header could hold very many.
    left: Cell<usize>,
    found: RefCell<Option<[u8; FILE_KEY_BYTES]>>,
}

impl age::Identity for Trying<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        let left = self.left.get().checked_sub(1)?;
        self.left.set(left);
        // A malformed line is not ours, and is no reason to give up on the others.
        let mut keys = self.keys.iter().filter_map(|k| k.0.unwrap_stanza(stanza));
        let key = keys.find_map(Result::ok)?;
        *self.found.borrow_mut() = Some(*key.expose_secret());
        Some(Ok(key))
    }
}

struct Granted<'a>(&'a [u8; FILE_KEY_BYTES]);

impl age::Identity for Granted<'_> {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        Some(Ok(FileKey::new(Box::new(*self.0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_whom_it_is_sealed_to_open_a_file() {
        let keys: Vec<ReadingKey> = (0..3).map(|_| ReadingKey::generate()).collect();
        let readers = keys[..2].iter().map(ReadingKey::public).collect();
        let file = seal(b"a need", &readers).expect("sealed");
        for key in &keys[..2] {
            let opened = open(&file, std::slice::from_ref(key)).expect("sealed to it");
            assert_eq!(opened.plain, b"a need");
            assert_eq!(open_granted(&file, &opened.file_key).as_deref(), Some(&b"a need"[..]));
        }
        assert!(open(&file, &keys[2..]).is_none() && open(&file, &[]).is_none());
        let again = ReadingKey::parse(&keys[0].file()).expect("a key");
        assert_eq!(again.public(), keys[0].public());
    }

    #[test]
    fn a_grant_opens_its_own_file_and_an_altered_one_opens_for_nobody() {
        let key = ReadingKey::generate();
        let readers = BTreeSet::from([key.public()]);
        let [one, other] = [b"one", b"two"].map(|p| seal(p, &readers).expect("sealed"));
        let granted = open(&one, std::slice::from_ref(&key)).expect("opened").file_key;
        assert!(open_granted(&other, &granted).is_none());
        for at in 0..one.len() {
            let mut altered = one.clone();
            altered[at] ^= 1;
            assert!(open(&altered, std::slice::from_ref(&key)).is_none(), "byte {at}");
            assert!(open_granted(&altered, &granted).is_none(), "byte {at}");
        }
        for cut in 0..one.len() {
            assert!(open(&one[..cut], std::slice::from_ref(&key)).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn a_header_of_many_lines_costs_no_more_than_the_bound() {
        let (key, others) = (ReadingKey::generate(), ReadingKey::generate().public());
        let file = seal(b"late", &BTreeSet::from([key.public()])).expect("sealed");
        let (head, tail) = (b"age-encryption.org/v1\n".len(), file);
        let crowd = seal(b"", &BTreeSet::from([others])).expect("sealed");
        let start = head;
        let line_end = crowd[start..].windows(4).position(|w| w == b"\n---").expect("a header's end");
        let lines = crowd[start..=start + line_end].repeat(READERS_MAX);
        let crowded = [&tail[..head], &lines, &tail[head..]].concat();
        // The line that fits comes after the bound: not found, whatever the header's code says.
        assert!(open(&crowded, &[key]).is_none());
    }
}
