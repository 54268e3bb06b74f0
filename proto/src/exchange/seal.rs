//! Sealed records (SPEC.md section 5.1): what the age file holds, whose keys read it, and when what was opened counts.
//!
//! Pure: who seals and opens is `node`; keys, randomness and the file itself are arguments there.

use std::collections::BTreeSet;

use prost::Message;

use crate::exchange::RecordKind;
use crate::v1::{Revision, Sealing};
use crate::wire::bytes::Reader;
use crate::wire::identity::State;
use crate::wire::keys::tagged_hash;
use crate::wire::{Audience, Feed, FeedId, PartyId, Reason, Seq};

/// Bytes of a thread's opening.
pub const OPENING_BYTES: usize = 32;
/// Bytes of the key of an age file.
pub const FILE_KEY_BYTES: usize = 16;
/// Bytes before the revision in a sealed plaintext: feed id and place.
pub const FRAME_BYTES: usize = 40;
/// Most parties, besides its author's, that one body is sealed to: all keys of all of them have their lines in it.
pub const PARTIES_MAX: usize = 16;
/// Most keys that one body is sealed to; about 130 bytes each.
pub const READERS_MAX: usize = 128;
/// `Withdraw.kind` where the bodies to be erased are sealed, and so of a kind that carriers do not know.
pub const SEALED_KIND: &str = "sealed";

/// The id of the thread that this opening opens.
pub fn thread(opening: &[u8; OPENING_BYTES]) -> [u8; 16] {
    let digest = tagged_hash(b"caphub/thread/1\0", &[opening]);
    std::array::from_fn(|i| digest[i])
}

/// What is sealed: the place of the entry first, so that nobody can pass the body on as their own.
pub fn frame(feed: &FeedId, seq: Seq, revision: &Revision) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_BYTES + revision.encoded_len());
    out.extend_from_slice(feed.as_bytes());
    out.extend_from_slice(&seq.value().to_be_bytes());
    out.extend_from_slice(&revision.encode_to_vec());
    out
}

/// The revision of an opened body; `RecordMalformed` where it was sealed for another place.
pub fn unframe(plain: &[u8], feed: &FeedId, seq: Seq) -> Result<Revision, Reason> {
    let mut reader = Reader::new(plain);
    let stated = (reader.array::<32>(), reader.u64());
    if stated != (Some(feed.0), Some(seq.value())) {
        return Err(Reason::RecordMalformed);
    }
    Revision::decode(reader.rest()).map_err(|_| Reason::RecordMalformed)
}

/// Whether a revision may stand in this audience: some kinds only sealed, some never, and whoever writes into a thread
/// shows its opening.
pub fn placed(revision: &Revision, audience: &Audience) -> Result<(), Reason> {
    let kind = revision.record.as_ref().map(RecordKind::of);
    match (audience, &revision.sealing) {
        (Audience::Sealed(id), sealing) => {
            if kind.is_some_and(|k| !k.sealable()) {
                return Err(Reason::OpenOnly);
            }
            let opening = sealing.as_ref().and_then(opening);
            opening.filter(|o| thread(o) == *id).map(|_| ()).ok_or(Reason::NotInThread)
        }
        (_, Some(_)) => Err(Reason::RecordInvalid),
        (_, None) if kind.is_some_and(RecordKind::sealed_only) => Err(Reason::SealedOnly),
        (_, None) => Ok(()),
    }
}

/// The opening that a revision shows.
pub fn opening(sealing: &Sealing) -> Option<[u8; OPENING_BYTES]> {
    sealing.opening.as_slice().try_into().ok()
}

/// Why a record cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSeal {
    /// None of the party's current signing keys has a reading key beside it.
    #[error("{0} has no reading key")]
    NoReader(PartyId),
    /// More than fit.
    #[error("{found} reading keys where {READERS_MAX} fit")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// The reading keys that a body is sealed to: those of every signing key of the parties that is neither revoked nor
/// ended at `now_ms`. Each party has one at least.
pub fn readers<'a>(
    parties: impl IntoIterator<Item = &'a State>,
    now_ms: u64,
) -> Result<BTreeSet<[u8; 32]>, NoSeal> {
    let mut all = BTreeSet::new();
    for party in parties {
        let current = party.operators.values().filter(|o| o.revoked.is_none() && o.not_after >= now_ms);
        let keys: Vec<[u8; 32]> = current.map(|o| o.recipient).filter(|k| !is_weak(k)).collect();
        if keys.is_empty() {
            return Err(NoSeal::NoReader(party.party));
        }
        all.extend(keys);
    }
    match all.len() <= READERS_MAX {
        true => Ok(all),
        false => Err(NoSeal::TooMany { found: all.len() }),
    }
}

/// True for "no key", and for the points of small order: what is sealed to them anybody can open.
pub fn is_weak(key: &[u8; 32]) -> bool {
    /// Canonical and other encodings below 2^255; the top bit is not part of a key (RFC 7748 section 5).
    const SMALL_ORDER: [[u8; 32]; 7] = [
        [0; 32],
        little(1),
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
            0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
            0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
        near_prime(0xec),
        near_prime(0xed),
        near_prime(0xee),
    ];
    let mut masked = *key;
    masked[31] &= 0x7f;
    SMALL_ORDER.contains(&masked)
}

const fn little(first: u8) -> [u8; 32] {
    let mut out = [0; 32];
    out[0] = first;
    out
}

/// 2^255 - 19 and its neighbours.
const fn near_prime(first: u8) -> [u8; 32] {
    let mut out = [0xff; 32];
    out[0] = first;
    out[31] = 0x7f;
    out
}

/// A reading key as the age tool writes it: `age1...`.
pub fn recipient_text(key: &[u8; 32]) -> String {
    let prefix = bech32::Hrp::parse_unchecked("age");
    bech32::encode::<bech32::Bech32>(prefix, key).expect("32 bytes fit the checksum's length")
}

/// The reading key of an `age1...` text; `None` where it is none.
pub fn parse_recipient(text: &str) -> Option<[u8; 32]> {
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text).ok()?;
    let bytes: Vec<u8> = checked.byte_iter().collect();
    if checked.hrp().as_str() != "age" { None } else { bytes.try_into().ok() }
}

/// True where a body of the entry may be sealed to others: the feed is of a thread.
pub fn is_sealed(feed: &Feed) -> bool {
    matches!(feed.audience(), Audience::Sealed(_))
}

#[cfg(test)]
mod tests;
