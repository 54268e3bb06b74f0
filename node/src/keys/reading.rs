//! Reading keys on disk, as the age tool keeps them: a line of text, under a passphrase where signing keys are.

use std::path::PathBuf;

use super::{KeyError, KeyRing, decrypt, encrypt, file};
use crate::durable;
use crate::sealing::ReadingKey;

/// Most reading keys of one folder: one for each signing key that was ever made there.
const READING_KEYS_MAX: usize = 64;

impl KeyRing {
    /// Adds a reading key; earlier ones stay, because they open what was sealed to them.
    pub fn write_reading(&self, key: &ReadingKey, passphrase: Option<&str>) -> Result<(), KeyError> {
        let path = self.reading_directory().join(format!("{}.key", hex::encode(&key.public()[..8])));
        let plain = key.file();
        let bytes = match passphrase {
            None => plain.as_bytes().to_vec(),
            Some(passphrase) => {
                encrypt(plain.as_bytes(), passphrase).map_err(|source| file(&path, source))?
            }
        };
        durable::replace(&path, &bytes).map_err(|source| file(&path, source))
    }

    /// All reading keys; fails where one is protected and the passphrase is not given or not right.
    pub fn read_reading(&self, passphrase: Option<&str>) -> Result<Vec<ReadingKey>, KeyError> {
        let mut keys = Vec::new();
        for path in self.reading_files()? {
            let bytes = std::fs::read(&path).map_err(|source| file(&path, source))?;
            let plain = match is_plain(&bytes) {
                true => bytes,
                false => decrypt(&bytes, passphrase, &path)?,
            };
            let key = std::str::from_utf8(&plain).ok().and_then(ReadingKey::parse);
            keys.push(key.ok_or(KeyError::NotAKey { path })?);
        }
        Ok(keys)
    }

    /// Those that lie open: the disk that holds them is trusted with what they open.
    pub fn open_reading(&self) -> Vec<ReadingKey> {
        self.read_reading(None).unwrap_or_default()
    }

    /// True where a passphrase protects any of them.
    pub fn reading_is_protected(&self) -> bool {
        let files = self.reading_files().unwrap_or_default();
        files.iter().any(|path| std::fs::read(path).is_ok_and(|bytes| !is_plain(&bytes)))
    }

    fn reading_directory(&self) -> PathBuf {
        self.directory.join("reading")
    }

    fn reading_files(&self) -> Result<Vec<PathBuf>, KeyError> {
        let directory = self.reading_directory();
        let listed = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(|source| file(&directory, source))?,
        };
        let paths = listed.filter_map(|e| e.ok().map(|e| e.path()));
        let mut files: Vec<PathBuf> = paths.filter(|p| p.extension().is_some_and(|e| e == "key")).collect();
        files.sort();
        files.truncate(READING_KEYS_MAX);
        Ok(files)
    }
}

fn is_plain(bytes: &[u8]) -> bool {
    bytes.starts_with(b"#") || bytes.starts_with(b"AGE-SECRET-KEY-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_keys_are_kept_beside_each_other_and_open_with_their_passphrase_only() {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let ring = KeyRing::new(directory.path());
        assert!(ring.read_reading(None).is_ok_and(|keys| keys.is_empty()));
        let [first, second] = [ReadingKey::generate(), ReadingKey::generate()];
        ring.write_reading(&first, None).expect("written");
        assert!(!ring.reading_is_protected());
        assert_eq!(ring.open_reading()[0].public(), first.public());
        ring.write_reading(&second, Some("coral reef")).expect("written");
        assert!(ring.reading_is_protected() && ring.open_reading().is_empty());
        assert!(matches!(ring.read_reading(None), Err(KeyError::PassphraseNeeded)));
        assert!(matches!(ring.read_reading(Some("coral")), Err(KeyError::WrongPassphrase)));
        assert_eq!(ring.read_reading(Some("coral reef")).expect("both").len(), 2);
    }
}
