//! What a replica can open: its party's reading keys, and the keys of single bodies that its party granted it later.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use caphub_proto::exchange::seal::{self, FILE_KEY_BYTES};
use caphub_proto::v1::{Revision, ThreadGrant};
use caphub_proto::wire::limits::SALT_BYTES;
use caphub_proto::wire::{FeedId, PartyId, Reason, Seq};
use sha2::{Digest, Sha256};

use crate::keys::KeyRing;
use crate::sealing::{self, ReadingKey};

/// Most bodies of which a granted key is known; about 100 bytes each.
const GRANTED_MAX: usize = 262_144;

/// A place of a feed.
type At = (FeedId, u64);

/// Opens sealed bodies. A node that carries them has no key: for it nothing opens.
#[derive(Default)]
pub struct Opener {
    party: PartyId,
    keys: Vec<ReadingKey>,
    granted: RwLock<HashMap<At, [u8; FILE_KEY_BYTES]>>,
}

impl Opener {
    /// Opens nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Opens what is sealed to these keys of a party.
    pub fn new(party: PartyId, keys: Vec<ReadingKey>) -> Self {
        Self { party, keys, granted: RwLock::default() }
    }

    /// With the keys of a folder that lie there without a passphrase: the folder is trusted with what they open. Where
    /// a passphrase protects them, nothing that they open is written to its disk.
    pub fn of_folder(folder: &Path, party: PartyId) -> Self {
        Self::new(party, KeyRing::new(folder.join("keys")).open_reading())
    }

    /// Whose keys.
    pub fn party(&self) -> PartyId {
        self.party
    }

    /// True where nothing can be opened.
    pub fn is_none(&self) -> bool {
        self.keys.is_empty()
    }

    /// Names the set of keys: what was read under another set is read again.
    pub fn fingerprint(&self) -> [u8; 8] {
        let mut publics: Vec<[u8; 32]> = self.keys.iter().map(ReadingKey::public).collect();
        publics.sort_unstable();
        let digest: [u8; 32] = Sha256::digest(publics.concat()).into();
        if publics.is_empty() { [0; 8] } else { std::array::from_fn(|i| digest[i]) }
    }

    /// The revision in the body of an entry, salt included, or why it does not count; `None` where it does not open.
    pub fn open(&self, feed: &FeedId, seq: Seq, body: &[u8]) -> Option<Result<Revision, Reason>> {
        let plain = self.plain(feed, seq, body.get(SALT_BYTES..)?)?;
        Some(seal::unframe(&plain, feed, seq))
    }

    /// The key of one body, for a grant; `None` where it does not open.
    pub fn file_key(&self, feed: &FeedId, seq: Seq, body: &[u8]) -> Option<[u8; FILE_KEY_BYTES]> {
        if self.is_none() {
            return None;
        }
        let file = body.get(SALT_BYTES..)?;
        let own = sealing::open(file, &self.keys).map(|opened| opened.file_key);
        own.or_else(|| self.granted(feed, seq).filter(|key| sealing::open_granted(file, key).is_some()))
    }

    /// Remembers what its own party grants; the entries that this may open now.
    pub fn grant(&self, by: &PartyId, grant: &ThreadGrant) -> Vec<At> {
        if *by != self.party || self.is_none() {
            return Vec::new();
        }
        let mut granted = self.granted.write().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = Vec::new();
        for entry in &grant.entries {
            let (Some(feed), Ok(key)) =
                (FeedId::from_slice(&entry.feed_id), entry.file_key.as_slice().try_into())
            else {
                continue;
            };
            let at = (feed, entry.seq);
            // The first key stays: a later grant with another one cannot close what is open.
            if granted.len() < GRANTED_MAX && !granted.contains_key(&at) {
                granted.insert(at, key);
                fresh.push(at);
            }
        }
        fresh
    }

    fn plain(&self, feed: &FeedId, seq: Seq, file: &[u8]) -> Option<Vec<u8>> {
        if self.is_none() {
            return None;
        }
        let own = sealing::open(file, &self.keys).map(|opened| opened.plain);
        own.or_else(|| sealing::open_granted(file, &self.granted(feed, seq)?))
    }

    fn granted(&self, feed: &FeedId, seq: Seq) -> Option<[u8; FILE_KEY_BYTES]> {
        let granted = self.granted.read().unwrap_or_else(PoisonError::into_inner);
        granted.get(&(*feed, seq.value())).copied()
    }
}
