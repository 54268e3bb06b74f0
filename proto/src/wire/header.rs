//! The 118 bytes that an author signs (SPEC.md section 3.1).

use crate::wire::bytes::Reader;
use crate::wire::ids::{EntryHash, FeedId, Seq};
use crate::wire::keys::{Signer, tagged_hash};
use crate::wire::limits::{BODY_BYTES_MAX, HEADER_BYTES, INTEGER_END, SALT_BYTES};
use crate::wire::reason::Reason;

/// Tag of an entry's signature.
pub const ENTRY_TAG: &[u8] = b"caphub/entry/1\0";
/// Tag of an entry's hash.
pub const ENTRY_HASH_TAG: &[u8] = b"caphub/entry-hash/1\0";
/// Tag of a body's hash.
pub const BODY_TAG: &[u8] = b"caphub/body/1\0";

/// What a feed holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A party's identity events.
    Identity,
    /// Revisions of records.
    Records,
}

/// A header whose own fields are in range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Identity or records.
    pub kind: Kind,
    /// The feed that this entry belongs to.
    pub feed: FeedId,
    /// Its place there.
    pub seq: Seq,
    /// The entry before; zeroes at the first.
    pub previous: EntryHash,
    /// The author's claim, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// Hash of salt and bytes.
    pub body_hash: [u8; 32],
    /// Bytes of the body, salt included.
    pub body_len: u32,
}

impl Header {
    /// Reads and checks the fixed layout, in the order of SPEC.md section 3.2.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Reason> {
        let mut reader = Reader::new(bytes);
        let mut fields = || {
            Some((
                reader.u8()?,
                reader.u8()?,
                reader.array::<32>()?,
                reader.u64()?,
                reader.array::<32>()?,
                reader.u64()?,
                reader.array::<32>()?,
                reader.u32()?,
            ))
        };
        let (version, kind, feed, seq, previous, time_ms, body_hash, body_len) =
            fields().ok_or(Reason::BadLength)?;
        if version != 1 {
            return Err(Reason::UnknownVersion);
        }
        let kind = match kind {
            0 => Kind::Identity,
            1 => Kind::Records,
            _ => return Err(Reason::UnknownKind),
        };
        let seq = Seq::new(seq).ok_or(Reason::BadSeq)?;
        if (seq == Seq::FIRST) != (previous == [0; 32]) {
            return Err(Reason::BadPrevious);
        }
        if time_ms >= INTEGER_END {
            return Err(Reason::BadTime);
        }
        if (body_len as usize) < SALT_BYTES {
            return Err(Reason::BodyTooSmall);
        }
        if body_len as usize > BODY_BYTES_MAX {
            return Err(Reason::BodyTooLarge);
        }
        let (feed, previous) = (FeedId(feed), EntryHash(previous));
        Ok(Self { kind, feed, seq, previous, time_ms, body_hash, body_len })
    }

    /// The bytes that are signed, after their tag.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0] = 1;
        out[1] = match self.kind {
            Kind::Identity => 0,
            Kind::Records => 1,
        };
        out[2..34].copy_from_slice(self.feed.as_bytes());
        out[34..42].copy_from_slice(&self.seq.value().to_be_bytes());
        out[42..74].copy_from_slice(self.previous.as_bytes());
        out[74..82].copy_from_slice(&self.time_ms.to_be_bytes());
        out[82..114].copy_from_slice(&self.body_hash);
        out[114..118].copy_from_slice(&self.body_len.to_be_bytes());
        out
    }

    /// Signs the header.
    pub fn sign(&self, signer: &Signer) -> [u8; 64] {
        signer.sign(ENTRY_TAG, &self.encode())
    }
}

/// The hash that the next entry carries.
pub fn entry_hash(header: &[u8; HEADER_BYTES], signature: &[u8; 64]) -> EntryHash {
    EntryHash(tagged_hash(ENTRY_HASH_TAG, &[header, signature]))
}

/// The hash of a body, salt included.
pub fn body_hash(body: &[u8]) -> [u8; 32] {
    tagged_hash(BODY_TAG, &[body])
}
