//! Private keys on disk: age-encrypted under a passphrase, or plain and readable by their owner only.

mod reading;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use caphub_proto::wire::Signer;
use caphub_proto::wire::identity::Founding;

use crate::durable;
use crate::sealing::ReadingKey;

const PLAIN_HEAD: &str = "caphub-key 1 ";

/// Seconds that deriving a key from the passphrase is tuned to; rises with the power of two.
const SCRYPT_LOG_N: u8 = 15;

/// Most bytes that a sealed file is opened to: a backup holds an identity log.
const SEALED_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Where a party's own keys lie.
#[derive(Clone, Debug)]
pub struct KeyRing {
    directory: PathBuf,
    /// A plain key that others on this machine can read is not taken.
    private: bool,
}

/// Which key of the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyName {
    /// Signs records; on this machine only.
    Operator,
    /// Signs identity events now.
    Root,
    /// Signs identity events after the next rotation.
    Next,
    /// Puts new root keys in place.
    Recovery,
    /// Becomes the next key once a rotation that has begun is durable.
    Coming,
}

/// A key could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system's word.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Plain, and not its owner's alone.
    #[error("others on this machine can read {path}: chmod 600 {path}")]
    Exposed {
        /// Which file.
        path: PathBuf,
    },
    /// Encrypted, and no passphrase was given.
    #[error("this key is protected by a passphrase")]
    PassphraseNeeded,
    /// Encrypted under another passphrase.
    #[error("the passphrase does not fit")]
    WrongPassphrase,
    /// Neither form.
    #[error("{path} is not a key file")]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}

impl KeyRing {
    /// The ring in this directory; nothing is read yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), private: false }
    }

    /// The same, which takes no plain key that others on this machine can read.
    pub fn private(self) -> Self {
        Self { private: true, ..self }
    }

    /// True where the key is plain and others on this machine can read it.
    pub fn is_exposed(&self, name: KeyName) -> bool {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(self.path(name)).map_or(0, |about| about.permissions().mode());
        mode & 0o077 != 0 && !self.is_protected(name)
    }

    /// True where the key lies here.
    pub fn has(&self, name: KeyName) -> bool {
        self.path(name).exists()
    }

    /// The file of a key.
    pub fn path(&self, name: KeyName) -> PathBuf {
        self.directory.join(match name {
            KeyName::Operator => "operator.key",
            KeyName::Root => "root.key",
            KeyName::Next => "next.key",
            KeyName::Recovery => "recovery.key",
            KeyName::Coming => "coming.key",
        })
    }

    /// Writes a key, encrypted where a passphrase is given.
    pub fn write(&self, name: KeyName, signer: &Signer, passphrase: Option<&str>) -> Result<(), KeyError> {
        let path = self.path(name);
        let plain = format!("{PLAIN_HEAD}{}\n", hex::encode(signer.seed()));
        let bytes = match passphrase {
            None => plain.into_bytes(),
            Some(passphrase) => {
                encrypt(plain.as_bytes(), passphrase).map_err(|source| file(&path, source))?
            }
        };
        durable::replace(&path, &bytes).map_err(|source| file(&path, source))
    }

    /// Reads a key.
    pub fn read(&self, name: KeyName, passphrase: Option<&str>) -> Result<Signer, KeyError> {
        let path = self.path(name);
        let bytes = std::fs::read(&path).map_err(|source| file(&path, source))?;
        if self.private && self.is_exposed(name) {
            return Err(KeyError::Exposed { path });
        }
        let plain = match bytes.starts_with(PLAIN_HEAD.as_bytes()) {
            true => bytes,
            false => decrypt(&bytes, passphrase, &path)?,
        };
        let text = std::str::from_utf8(&plain).ok().and_then(|t| t.strip_prefix(PLAIN_HEAD));
        let seed = text.and_then(|t| hex::decode(t.trim()).ok()).and_then(|s| s.try_into().ok());
        seed.map(|seed: [u8; 32]| Signer::from_seed(&seed)).ok_or(KeyError::NotAKey { path })
    }

    /// Removes a key that has moved elsewhere, such as a recovery key that was printed.
    pub fn remove(&self, name: KeyName) -> Result<(), KeyError> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(file(&path, source)),
            _ => Ok(()),
        }
    }

    /// True where the key is encrypted.
    pub fn is_protected(&self, name: KeyName) -> bool {
        let mut head = [0; PLAIN_HEAD.len()];
        let read = std::fs::File::open(self.path(name)).and_then(|mut f| f.read_exact(&mut head));
        read.is_ok() && head != *PLAIN_HEAD.as_bytes()
    }
}

/// The keys of a new party.
pub struct NewKeys {
    /// Signs records.
    pub operator: Signer,
    /// Signs identity events.
    pub root: Signer,
    /// The one after.
    pub next: Signer,
    /// For the recovery sheet.
    pub recovery: Signer,
    /// Opens what is sealed to the party.
    pub reading: ReadingKey,
}

impl NewKeys {
    /// Fresh keys.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self {
            operator: fresh()?,
            root: fresh()?,
            next: fresh()?,
            recovery: fresh()?,
            reading: ReadingKey::generate(),
        })
    }

    /// What the first identity event states.
    pub fn founding(&self, party_kind: u8) -> Founding<'_> {
        Founding { party_kind, root: &self.root, next: &self.next, recovery: &self.recovery }
    }
}

/// A key from the system's random source.
pub fn fresh() -> Result<Signer, KeyError> {
    Ok(Signer::from_seed(&random::<32>()?))
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}

/// Bytes under a passphrase, as an age file.
pub fn seal(plain: &[u8], passphrase: &str) -> io::Result<Vec<u8>> {
    encrypt(plain, passphrase)
}

/// What `seal` made; `path` is named where it is no such file.
pub fn unseal(bytes: &[u8], passphrase: &str, path: &Path) -> Result<Vec<u8>, KeyError> {
    decrypt(bytes, Some(passphrase), path)
}

fn encrypt(plain: &[u8], passphrase: &str) -> io::Result<Vec<u8>> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(SCRYPT_LOG_N);
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(io::Error::other)?;
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(out)
}

fn decrypt(bytes: &[u8], passphrase: Option<&str>, path: &Path) -> Result<Vec<u8>, KeyError> {
    let not_a_key = || KeyError::NotAKey { path: path.to_owned() };
    let decryptor = age::Decryptor::new(bytes).map_err(|_| not_a_key())?;
    if !decryptor.is_scrypt() {
        return Err(not_a_key());
    }
    let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(SCRYPT_LOG_N + 4);
    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let mut plain = Vec::new();
    let mut reader = reader.map_err(|_| KeyError::WrongPassphrase)?.take(SEALED_BYTES_MAX);
    reader.read_to_end(&mut plain).map_err(|_| KeyError::WrongPassphrase)?;
    Ok(plain)
}

fn file(path: &Path, source: io::Error) -> KeyError {
    KeyError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protected_key_opens_with_its_passphrase_only() {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let ring = KeyRing::new(directory.path());
        let key = fresh().expect("random bytes");
        ring.write(KeyName::Root, &key, Some("coral reef")).expect("written");
        assert!(ring.is_protected(KeyName::Root));
        assert!(matches!(ring.read(KeyName::Root, None), Err(KeyError::PassphraseNeeded)));
        assert!(matches!(ring.read(KeyName::Root, Some("coral")), Err(KeyError::WrongPassphrase)));
        let read = ring.read(KeyName::Root, Some("coral reef")).expect("the right passphrase");
        assert_eq!(read.public(), key.public());
    }

    #[test]
    fn a_plain_key_that_others_can_read_is_told_and_a_private_ring_does_not_take_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a temporary folder");
        let (ring, key) = (KeyRing::new(directory.path()), fresh().expect("random bytes"));
        ring.write(KeyName::Root, &key, None).expect("written");
        assert!(ring.clone().private().read(KeyName::Root, None).is_ok());
        let open = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(ring.path(KeyName::Root), open.clone()).expect("set");
        assert!(ring.is_exposed(KeyName::Root) && ring.read(KeyName::Root, None).is_ok());
        let refused = ring.clone().private().read(KeyName::Root, None);
        assert!(matches!(refused, Err(KeyError::Exposed { .. })));
        // Under a passphrase it says nothing to them.
        ring.write(KeyName::Root, &key, Some("coral reef")).expect("written");
        std::fs::set_permissions(ring.path(KeyName::Root), open).expect("set");
        assert!(!ring.is_exposed(KeyName::Root));
    }

    #[test]
    fn a_damaged_key_file_is_told_from_a_wrong_passphrase() {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let ring = KeyRing::new(directory.path());
        std::fs::write(ring.path(KeyName::Root), b"garbage").expect("written");
        assert!(matches!(ring.read(KeyName::Root, Some("x")), Err(KeyError::NotAKey { .. })));
    }
}
