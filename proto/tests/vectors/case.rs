//! What a case is, and the parts that cases are made of: all derived from names, so that every run gives the same.

use caphub_proto::wire::feed::Author;
use caphub_proto::wire::feed::salted;
use caphub_proto::wire::header::{body_hash, entry_hash};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{Audience, Feed, PartyId, Signer};
use serde::Serialize;

/// One entry as the files hold it; every field lower-case hexadecimal.
#[derive(Clone, Serialize)]
pub struct EntryHex {
    pub party_id: String,
    pub operator_key: String,
    pub audience: String,
    pub feed_id: String,
    pub header: String,
    pub signature: String,
    pub body: String,
    pub entry_hash: String,
}

#[derive(Serialize)]
pub struct EntryCase {
    pub name: String,
    #[serde(flatten)]
    pub entry: EntryHex,
    pub valid: bool,
    pub reason: String,
}

#[derive(Serialize)]
pub struct RunCase {
    pub name: String,
    pub valid: bool,
    pub reason: String,
    pub entries: Vec<EntryHex>,
}

/// When everything in the vectors happens: 2027-01-01 00:00 UTC.
pub const TIME: u64 = 1_798_761_600_000;

/// A key that only the vectors use.
pub fn key(name: &str) -> Signer {
    Signer::from_seed(&tagged_hash(b"caphub vectors: key ", &[name.as_bytes()]))
}

/// Salt of a body.
pub fn salt(name: &str) -> [u8; 16] {
    let hash = tagged_hash(b"caphub vectors: salt ", &[name.as_bytes()]);
    hash[..16].try_into().unwrap()
}

/// A party without a log: entries are judged one by one.
pub fn party() -> PartyId {
    PartyId(tagged_hash(b"caphub vectors: party", &[]))
}

/// The feed that most cases use.
pub fn feed() -> Feed {
    Feed::records(party(), key("desk").public(), Audience::Public)
}

/// An entry in raw parts: any of them may be wrong.
#[derive(Clone)]
pub struct Raw {
    pub party: Vec<u8>,
    pub key: Vec<u8>,
    pub audience: Vec<u8>,
    pub feed_id: [u8; 32],
    pub version: u8,
    pub kind: u8,
    pub seq: u64,
    pub previous: [u8; 32],
    pub time: u64,
    pub body_hash: [u8; 32],
    pub body_len: u32,
    pub body: Vec<u8>,
}

impl Raw {
    /// The first entry of a feed.
    pub fn first(feed: &Feed, bytes: &[u8]) -> Self {
        let body = salted(salt("body"), bytes);
        let (kind, key, audience) = match feed.author {
            Author::Identity => (0, Vec::new(), Vec::new()),
            Author::Operator { key, audience } => (1, key.to_vec(), audience.encode()),
        };
        Self {
            party: feed.party.to_vec(),
            key,
            audience,
            feed_id: feed.id().0,
            version: 1,
            kind,
            seq: 1,
            previous: [0; 32],
            time: TIME,
            body_hash: body_hash(&body),
            body_len: body.len() as u32,
            body,
        }
    }

    /// An entry further on.
    pub fn at(mut self, seq: u64, previous: [u8; 32]) -> Self {
        (self.seq, self.previous) = (seq, previous);
        self
    }

    /// Another body, with hash and length to match.
    pub fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body_hash = body_hash(&body);
        self.body_len = body.len() as u32;
        self.body = body;
        self
    }

    /// Another audience, with the feed id to match, legal or not.
    pub fn with_audience(mut self, audience: &[u8]) -> Self {
        self.audience = audience.to_vec();
        self.feed_id = tagged_hash(b"caphub/feed/1\0", &[&self.party, &self.key, audience]);
        self
    }

    /// Another operator key, with the feed id to match, legal or not.
    pub fn with_key(mut self, key: &[u8]) -> Self {
        self.key = key.to_vec();
        self.feed_id = tagged_hash(b"caphub/feed/1\0", &[&self.party, key, &self.audience]);
        self
    }

    pub fn header(&self) -> Vec<u8> {
        let mut out = vec![self.version, self.kind];
        out.extend_from_slice(&self.feed_id);
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&self.time.to_be_bytes());
        out.extend_from_slice(&self.body_hash);
        out.extend_from_slice(&self.body_len.to_be_bytes());
        out
    }

    pub fn signed(&self, signer: &Signer) -> EntryHex {
        let signature = signer.sign(b"caphub/entry/1\0", &self.header());
        self.hex(&signature, signer.public().as_bytes())
    }

    /// With this signature; `signer` is stated in place of the operator key where the feed has none.
    pub fn hex(&self, signature: &[u8], signer: &[u8]) -> EntryHex {
        let header = self.header();
        let key = if self.key.is_empty() { signer } else { &self.key };
        let (h, s): (&[u8; 118], &[u8; 64]) = (header[..].try_into().unwrap(), signature.try_into().unwrap());
        EntryHex {
            party_id: hex::encode(&self.party),
            operator_key: hex::encode(key),
            audience: hex::encode(&self.audience),
            feed_id: hex::encode(self.computed_feed_id()),
            entry_hash: hex::encode(entry_hash(h, s).0),
            header: hex::encode(&header),
            signature: hex::encode(signature),
            body: hex::encode(&self.body),
        }
    }

    fn computed_feed_id(&self) -> [u8; 32] {
        match self.key.is_empty() && self.audience.is_empty() {
            true => tagged_hash(b"caphub/identity/1\0", &[&self.party]),
            false => tagged_hash(b"caphub/feed/1\0", &[&self.party, &self.key, &self.audience]),
        }
    }
}

/// The hash of an entry as the next one carries it.
pub fn hash_of(entry: &EntryHex) -> [u8; 32] {
    hex::decode(&entry.entry_hash).unwrap().try_into().unwrap()
}

/// The entry with the hash of the header and signature that it now has, of any length.
pub fn rehashed(mut entry: EntryHex) -> EntryHex {
    let (header, signature) = (hex::decode(&entry.header).unwrap(), hex::decode(&entry.signature).unwrap());
    entry.entry_hash = hex::encode(tagged_hash(b"caphub/entry-hash/1\0", &[&header, &signature]));
    entry
}
