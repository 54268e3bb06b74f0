//! Frames: type, length, sum, payload (SPEC.md section 14.2).

use crate::wire::bytes::Reader as Bytes;
use crate::wire::carry::{
    CHUNK_FRAME_BYTES_MAX, EVIDENCE_BYTES_MAX, FORK_FRAME_BYTES_MAX, FRAME_BYTES_MAX, FRAME_HEAD_BYTES,
    HOLDS_MAX, LIST_FRAME_BYTES_MAX, MANIFEST_BYTES_MAX, Manifest, RUN_FRAME_BYTES_MAX,
};
use crate::wire::chunks;
use crate::wire::feed::{Author, Feed};
use crate::wire::ids::{OperatorKey, PartyId};
use crate::wire::keys::tagged_hash;
use crate::wire::reason::Reason;

const SUM_TAG: &[u8] = b"caphub/frame/1\0";
const SUM: usize = 8;

pub(super) const MANIFEST: u8 = 1;
pub(super) const RUN: u8 = 2;
pub(super) const FORK: u8 = 3;
pub(super) const STATEMENT: u8 = 4;
pub(super) const CHECKPOINT: u8 = 5;
pub(super) const HOLDS: u8 = 6;
pub(super) const END: u8 = 7;
pub(super) const LIST: u8 = 8;
pub(super) const CHUNK: u8 = 9;

/// What a frame between the first and the last brings. Nothing of it is checked but its own layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Who wrote the file, and for whom; its signature holds.
    Manifest(Manifest),
    /// Consecutive entries of one feed, packed.
    Run {
        /// The feed.
        feed: Feed,
        /// As they travel.
        entries: Vec<u8>,
    },
    /// Two packed runs of one feed that show a fork.
    Fork {
        /// The feed.
        feed: Feed,
        /// One branch.
        first: Vec<u8>,
        /// The other.
        second: Vec<u8>,
    },
    /// The protobuf of a `HeadStatement`.
    Statement(Vec<u8>),
    /// A checkpoint of a hub's node.
    Checkpoint {
        /// The hub.
        hub: PartyId,
        /// The node's key.
        key: OperatorKey,
        /// The text as signed.
        note: Vec<u8>,
    },
    /// Part of what the author holds; for `Holds::add`.
    Holds(Vec<u8>),
    /// What the chunks of a file hash to.
    List(chunks::Manifest),
    /// Bytes of a file; whether they are that chunk, the file's list says.
    Chunk {
        /// The hash of the file's list.
        file: [u8; 32],
        /// Which chunk.
        index: u32,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A type that this version does not know; its payload is not kept.
    Unknown(u8),
}

impl Frame {
    /// The frame's type.
    pub fn code(&self) -> u8 {
        match self {
            Self::Manifest(_) => MANIFEST,
            Self::Run { .. } => RUN,
            Self::Fork { .. } => FORK,
            Self::Statement(_) => STATEMENT,
            Self::Checkpoint { .. } => CHECKPOINT,
            Self::Holds(_) => HOLDS,
            Self::List(_) => LIST,
            Self::Chunk { .. } => CHUNK,
            Self::Unknown(code) => *code,
        }
    }

    /// Reads a payload whose sum holds.
    pub(super) fn decode(code: u8, payload: &[u8]) -> Result<Self, Reason> {
        Ok(match code {
            MANIFEST => Self::Manifest(Manifest::decode(payload)?),
            RUN => {
                let mut bytes = Bytes::new(payload);
                let feed = read_feed(&mut bytes)?;
                Self::Run { feed, entries: bytes.rest().to_vec() }
            }
            FORK => {
                let mut bytes = Bytes::new(payload);
                let feed = read_feed(&mut bytes)?;
                let length = bytes.u32().ok_or(Reason::CarryFormat)? as usize;
                let first = bytes.take(length).ok_or(Reason::CarryFormat)?.to_vec();
                Self::Fork { feed, first, second: bytes.rest().to_vec() }
            }
            STATEMENT => Self::Statement(payload.to_vec()),
            CHECKPOINT => {
                let mut bytes = Bytes::new(payload);
                let mut part = || bytes.array().ok_or(Reason::CarryFormat);
                let (hub, key) = (PartyId(part()?), OperatorKey(part()?));
                Self::Checkpoint { hub, key, note: bytes.rest().to_vec() }
            }
            HOLDS => Self::Holds(payload.to_vec()),
            LIST => Self::List(chunks::Manifest::parse(payload).map_err(|_| Reason::CarryFormat)?),
            CHUNK => {
                let mut bytes = Bytes::new(payload);
                let (file, index) = (bytes.array(), bytes.u32());
                let (file, index) = file.zip(index).ok_or(Reason::CarryFormat)?;
                // An empty file has no chunk.
                let bytes = Some(bytes.rest().to_vec()).filter(|b| !b.is_empty());
                Self::Chunk { file, index, bytes: bytes.ok_or(Reason::CarryFormat)? }
            }
            other => Self::Unknown(other),
        })
    }
}

/// Most bytes of the payload of a type; `None` for type 0, which no frame has.
pub(super) fn cap(code: u8) -> Option<usize> {
    match code {
        0 => None,
        MANIFEST => Some(MANIFEST_BYTES_MAX),
        RUN => Some(RUN_FRAME_BYTES_MAX),
        FORK => Some(FORK_FRAME_BYTES_MAX),
        STATEMENT | CHECKPOINT => Some(EVIDENCE_BYTES_MAX),
        HOLDS => Some(16 + HOLDS_MAX * 57),
        END => Some(113),
        LIST => Some(LIST_FRAME_BYTES_MAX),
        CHUNK => Some(CHUNK_FRAME_BYTES_MAX),
        _ => Some(FRAME_BYTES_MAX),
    }
}

/// Type, length and sum of a payload given in parts.
pub(super) fn head(code: u8, parts: &[&[u8]]) -> [u8; FRAME_HEAD_BYTES] {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    let length = (length as u32).to_be_bytes();
    let mut out = [0; FRAME_HEAD_BYTES];
    out[0] = code;
    out[1..5].copy_from_slice(&length);
    out[5..].copy_from_slice(&sum(code, length, parts));
    out
}

/// The first bytes of a hash over type, length and payload: shows damage, proves nothing.
pub(super) fn sum(code: u8, length: [u8; 4], parts: &[&[u8]]) -> [u8; SUM] {
    let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 2);
    let code = [code];
    all.extend([&code[..], &length[..]]);
    all.extend(parts);
    let hash = tagged_hash(SUM_TAG, &all);
    std::array::from_fn(|i| hash[i])
}

/// A feed's three parts, each of the last two after its length.
pub(super) fn write_feed(feed: &Feed) -> Vec<u8> {
    let mut out = feed.party.to_vec();
    match &feed.author {
        Author::Identity => out.extend([0, 0]),
        Author::Operator { key, audience } => {
            let audience = audience.encode();
            out.push(32);
            out.extend_from_slice(key.as_bytes());
            out.push(audience.len() as u8);
            out.extend_from_slice(&audience);
        }
    }
    out
}

fn read_feed(bytes: &mut Bytes<'_>) -> Result<Feed, Reason> {
    let mut parts = || {
        let party = bytes.take(32)?;
        let key = usize::from(bytes.u8()?);
        let key = bytes.take(key)?;
        let audience = usize::from(bytes.u8()?);
        Some((party, key, bytes.take(audience)?))
    };
    let (party, key, audience) = parts().ok_or(Reason::CarryFormat)?;
    Feed::from_parts(party, key, audience)
}
