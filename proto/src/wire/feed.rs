//! Feeds and runs: what chains entries, and how a run is judged (SPEC.md section 3.3).

use crate::mutant;
use crate::wire::audience::Audience;
use crate::wire::bytes::Reader;
use crate::wire::entry::{Entry, UncheckedEntry};
use crate::wire::ids::{EntryHash, FeedId, OperatorKey, PartyId, Seq};
use crate::wire::keys::{Verifier, tagged_hash};
use crate::wire::limits::{HEADER_BYTES, RUN_BYTES_MAX, RUN_ENTRIES_MAX, SALT_BYTES, SIGNATURE_BYTES};
use crate::wire::reason::Reason;

const FEED_TAG: &[u8] = b"caphub/feed/1\0";
const IDENTITY_FEED_TAG: &[u8] = b"caphub/identity/1\0";

/// What a feed id is the hash of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Feed {
    /// Whose feed it is.
    pub party: PartyId,
    /// Which of the party's feeds.
    pub author: Author,
}

/// Which of a party's feeds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Author {
    /// The identity log, signed by root and recovery keys.
    Identity,
    /// One operator key's records for one audience.
    Operator {
        /// The key that signs.
        key: OperatorKey,
        /// Who may see it.
        audience: Audience,
    },
}

impl Feed {
    /// A party's identity feed.
    pub fn identity(party: PartyId) -> Self {
        Self { party, author: Author::Identity }
    }

    /// An operator key's feed for one audience.
    pub fn records(party: PartyId, key: OperatorKey, audience: Audience) -> Self {
        Self { party, author: Author::Operator { key, audience } }
    }

    /// The feed of three fields as they travel: key and audience are empty for an identity feed.
    pub fn from_parts(party: &[u8], key: &[u8], audience: &[u8]) -> Result<Self, Reason> {
        let party = PartyId::from_slice(party).ok_or(Reason::BadLength)?;
        if key.is_empty() && audience.is_empty() {
            return Ok(Self::identity(party));
        }
        let key = OperatorKey::from_slice(key).ok_or(Reason::BadLength)?;
        let audience = Audience::decode(audience).ok_or(Reason::BadAudience)?;
        Ok(Self::records(party, key, audience))
    }

    /// The id that headers carry.
    pub fn id(&self) -> FeedId {
        FeedId(match self.author {
            Author::Identity => tagged_hash(IDENTITY_FEED_TAG, &[self.party.as_bytes()]),
            Author::Operator { key, audience } => {
                tagged_hash(FEED_TAG, &[self.party.as_bytes(), key.as_bytes(), &audience.encode()])
            }
        })
    }

    /// True for an identity feed.
    pub fn is_identity(&self) -> bool {
        matches!(self.author, Author::Identity)
    }

    /// The operator key; `None` for an identity feed.
    pub fn key(&self) -> Option<OperatorKey> {
        match self.author {
            Author::Identity => None,
            Author::Operator { key, .. } => Some(key),
        }
    }

    /// Who may see it: identity feeds are public.
    pub fn audience(&self) -> Audience {
        match self.author {
            Author::Identity => Audience::Public,
            Author::Operator { audience, .. } => audience,
        }
    }
}

/// The last entry of a feed that a store holds without gaps from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Its place.
    pub seq: Seq,
    /// Its hash.
    pub hash: EntryHash,
}

/// Consecutive entries of one feed, chained to each other; authentic once `verify` has accepted the last.
#[derive(Debug)]
pub struct Run<'a> {
    /// The feed that all of them belong to.
    pub feed: Feed,
    /// At least one, in order.
    pub entries: Vec<Entry<'a>>,
}

/// Splits packed entries: header 118, signature 64, presence 1, body as long as the header says.
pub fn unpack(bytes: &[u8]) -> Result<Vec<UncheckedEntry<'_>>, Reason> {
    if bytes.len() > RUN_BYTES_MAX {
        return Err(Reason::RunTooLarge);
    }
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    while !reader.is_empty() {
        if entries.len() == RUN_ENTRIES_MAX {
            return Err(Reason::RunTooLarge);
        }
        entries.push(unpack_one(&mut reader).ok_or(Reason::BadLength)?);
    }
    if entries.is_empty() { Err(Reason::EmptyRun) } else { Ok(entries) }
}

fn unpack_one<'a>(reader: &mut Reader<'a>) -> Option<UncheckedEntry<'a>> {
    let header: &[u8; HEADER_BYTES] = reader.take(HEADER_BYTES)?.try_into().ok()?;
    let signature: &[u8; SIGNATURE_BYTES] = reader.take(SIGNATURE_BYTES)?.try_into().ok()?;
    let body = match reader.u8()? {
        0 => None,
        1 => {
            let length = u32::from_be_bytes(header[114..118].try_into().ok()?) as usize;
            Some(reader.take(length)?)
        }
        _ => return None,
    };
    Some(UncheckedEntry { header, signature, body })
}

impl<'a> Run<'a> {
    /// Checks each entry and the chain between them, but no signature.
    pub fn chain(feed: Feed, entries: Vec<UncheckedEntry<'a>>) -> Result<Self, Reason> {
        let id = feed.id();
        let mut chained: Vec<Entry<'a>> = Vec::with_capacity(entries.len());
        for entry in entries {
            let entry = entry.parse_in(&id, feed.is_identity())?;
            if let Some(last) = chained.last() {
                if last.header.seq == entry.header.seq && last.hash != entry.hash {
                    return Err(Reason::Fork);
                }
                if last.header.seq.next() != Some(entry.header.seq) {
                    return Err(Reason::Gap);
                }
                if entry.header.previous != last.hash && !mutant!(SkipPrevious) {
                    return Err(Reason::WrongPrevious);
                }
            }
            chained.push(entry);
        }
        if chained.is_empty() { Err(Reason::EmptyRun) } else { Ok(Self { feed, entries: chained }) }
    }

    /// Checks the last signature: with it all entries of the run are authentic.
    pub fn authenticate(&self, verifier: &Verifier) -> Result<(), Reason> {
        self.last().signed_by(verifier)
    }

    /// The first entry.
    pub fn first(&self) -> &Entry<'a> {
        self.entries.first().expect("a run is made with at least one entry")
    }

    /// The last entry.
    pub fn last(&self) -> &Entry<'a> {
        self.entries.last().expect("a run is made with at least one entry")
    }

    /// The head of the feed once the run is stored.
    pub fn head(&self) -> Head {
        Head { seq: self.last().header.seq, hash: self.last().hash }
    }

    /// How the run meets what is held of its feed.
    pub fn place(&self, head: Option<Head>) -> Placement {
        let first = &self.first().header;
        let held = head.map_or(0, |h| h.seq.value());
        if first.seq.value() > held + 1 {
            return Placement::Gap { held };
        }
        if self.last().header.seq.value() <= held {
            return Placement::Known;
        }
        let skip = (held + 1 - first.seq.value()) as usize;
        let previous = self.entries.get(skip).map(|e| e.header.previous);
        match previous == Some(head.map_or(EntryHash::default(), |h| h.hash)) {
            true => Placement::Extends { skip },
            false => Placement::Forks,
        }
    }
}

/// What a run is to a feed of which the entries up to a head are held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// All places are held already; whether the bytes are the same is for the caller to compare.
    Known,
    /// The entries after the first `skip` are new and follow the head.
    Extends {
        /// Entries at the front that are held.
        skip: usize,
    },
    /// Entries between the head and the run are missing.
    Gap {
        /// The last place held, 0 for none.
        held: u64,
    },
    /// Another chain than the one held.
    Forks,
}

/// Salt and bytes as one body.
pub fn salted(salt: [u8; SALT_BYTES], bytes: &[u8]) -> Vec<u8> {
    [&salt[..], bytes].concat()
}
