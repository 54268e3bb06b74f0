//! A frame of a segment: one run as it travels, behind a head that makes a torn or damaged one known.
//!
//! ```text
//! head   magic "CHR1" 4 | head length u32 | packed length u32 | ordinal u64 | arrived ms u64 | party 32
//!        | operator key 32 and audience length u8, audience (length 0 and no key: identity)
//!        | first seq u64 | count u32 | last entry hash 32 | kind u8: 0 append, 1 replace, 2 tail, 3 refill; 16 more where
//!        | the register of own signed batches has it too (since format version 2)
//!        | count x (CRC32C of header, signature, presence; CRC32C of body) | CRC32C of all before
//! packed the entries: header 118, signature 64, presence 1, body
//! ```
//! Integers are big-endian. An erased body leaves a valid frame: only its own CRC stops fitting.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use caphub_proto::wire::bytes::Reader;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::limits::{RUN_BYTES_MAX, RUN_ENTRIES_MAX};
use caphub_proto::wire::{EntryHash, Feed, Head, PartyId, Seq};

use crate::store::shape::Piece;
use crate::store::{Kind, NewRun, mend};

pub(super) const MAGIC: &[u8; 4] = b"CHR1";
/// Added to the kind of what the register of own signed batches has too.
const OWN: u8 = 16;
/// Bytes that tell how long a frame is.
pub(super) const LEAD: usize = 12;
/// Header, signature and presence of one entry.
pub(super) const FIXED: usize = 118 + 64 + 1;
/// No head is longer: a full run's table and the fixed part.
const HEAD_MAX: usize = 256 + RUN_ENTRIES_MAX * 8;

/// What a frame's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) ordinal: u64,
    pub(super) feed: Feed,
    pub(super) first: Seq,
    pub(super) count: u32,
    pub(super) last: EntryHash,
    pub(super) kind: Kind,
    /// Written to the register at the same time.
    pub(super) own: bool,
    sums: Vec<(u32, u32)>,
}

impl FrameHead {
    pub(super) fn head(&self) -> Option<Head> {
        let seq = Seq::new(self.first.value() + u64::from(self.count) - 1)?;
        Some(Head { seq, hash: self.last })
    }

    /// True where an entry is the one of this frame, its `at`-th; of an erased one the body may differ.
    pub(super) fn fits_at(&self, at: usize, entry: &[u8], erased: bool) -> bool {
        let (Some(sums), Some((fixed, body))) = (self.sums.get(at), entry.split_at_checked(FIXED)) else {
            return false;
        };
        crc32c::crc32c(fixed) == sums.0 && (crc32c::crc32c(body) == sums.1 || erased)
    }

    /// The frame as the shape of its feed sees it.
    pub(super) fn piece(&self, packed: &[u8]) -> Option<Piece> {
        let (kind, first, last) = (self.kind, self.first, self.head()?);
        Some(Piece { kind, first, previous: previous(packed)?, last, bytes: packed.len() as u64 })
    }
}

/// Lengths of head and packed entries; `None` where this is no frame.
pub(super) fn lengths(lead: &[u8; LEAD]) -> Option<(usize, usize)> {
    let mut reader = Reader::new(lead);
    let magic = reader.take(4)?;
    let (head, packed) = (reader.u32()? as usize, reader.u32()? as usize);
    let plausible = (LEAD..=HEAD_MAX).contains(&head) && packed <= RUN_BYTES_MAX;
    (magic == MAGIC && plausible).then_some((head, packed))
}

/// Appends the head of a run's frame, which its packed entries follow; returns the places of entries without a body.
pub(super) fn encode(run: &NewRun, own: bool, ordinal: u64, arrived_ms: u64, out: &mut Vec<u8>) -> Vec<u64> {
    let start = out.len();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(run.packed.len() as u32).to_be_bytes());
    out.extend_from_slice(&ordinal.to_be_bytes());
    out.extend_from_slice(&arrived_ms.to_be_bytes());
    out.extend_from_slice(run.feed.party.as_bytes());
    match run.feed.key() {
        None => out.push(0),
        Some(key) => {
            let audience = run.feed.audience().encode();
            out.push(audience.len() as u8);
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(&audience);
        }
    }
    out.extend_from_slice(&run.first.value().to_be_bytes());
    out.extend_from_slice(&run.count.to_be_bytes());
    out.extend_from_slice(run.head.hash.as_bytes());
    out.push(run.kind as u8 | if own { OWN } else { 0 });
    let (mut rest, mut absent) = (&run.packed[..], Vec::new());
    for seq in run.first.value().. {
        let Some((fixed, after)) = rest.split_first_chunk::<FIXED>() else { break };
        let length = if fixed[FIXED - 1] == 0 { 0 } else { body_length(fixed) };
        if fixed[FIXED - 1] == 0 {
            absent.push(seq);
        }
        let (body, after) = after.split_at(length.min(after.len()));
        rest = after;
        out.extend_from_slice(&crc32c::crc32c(fixed).to_be_bytes());
        out.extend_from_slice(&crc32c::crc32c(body).to_be_bytes());
    }
    let length = (out.len() - start + 4) as u32;
    out[start + 4..start + 8].copy_from_slice(&length.to_be_bytes());
    let sum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&sum.to_be_bytes());
    absent
}

/// Reads a head; `None` where its checksum does not fit.
pub(super) fn decode(head: &[u8]) -> Option<FrameHead> {
    let (covered, sum) = head.split_at_checked(head.len().checked_sub(4)?)?;
    if crc32c::crc32c(covered).to_be_bytes() != sum {
        return None;
    }
    let mut reader = Reader::new(covered);
    reader.take(LEAD)?;
    let ordinal = reader.u64()?;
    let _arrived = reader.u64()?;
    let party = PartyId(reader.array()?);
    let feed = match reader.u8()? {
        0 => Feed::identity(party),
        length => {
            let key = reader.take(32)?;
            Feed::from_parts(party.as_bytes(), key, reader.take(usize::from(length))?).ok()?
        }
    };
    let first = Seq::new(reader.u64()?)?;
    let count = reader.u32().filter(|c| (1..=RUN_ENTRIES_MAX as u32).contains(c))?;
    let last = EntryHash(reader.array()?);
    let kind = reader.u8()?;
    let (own, kind) = (kind & OWN != 0, Kind::of(kind & !OWN)?);
    let sums: Option<Vec<_>> = (0..count).map(|_| Some((reader.u32()?, reader.u32()?))).collect();
    Some(FrameHead { ordinal, feed, first, count, last, kind, own, sums: sums? })
}

/// What can be read of a head whose checksum does not fit: kind, whether the register has it too, and time of arrival, which
/// nothing else tells.
pub(super) fn remains(file: &File, offset: u64, feed: &Feed) -> io::Result<(Kind, bool, u64)> {
    let author = feed.key().map_or(1, |_| 1 + 32 + feed.audience().encode().len());
    let kind_at = LEAD + 8 + 8 + 32 + author + 8 + 4 + 32;
    let mut head = vec![0; kind_at + 1];
    file.read_exact_at(&mut head, offset)?;
    let mut reader = Reader::new(head.get(LEAD + 8..).unwrap_or_default());
    let kind = head.last().copied().unwrap_or_default();
    Ok((mend::likely(kind & !OWN), kind & OWN != 0, reader.u64().unwrap_or_default()))
}

/// True where every entry is whole; a body may differ where `erased` says so.
pub(super) fn fits(head: &FrameHead, packed: &[u8], erased: impl Fn(u64) -> bool) -> bool {
    let parts = parts(packed);
    parts.len() == head.sums.len()
        && parts.iter().zip(&head.sums).zip(head.first.value()..).all(|(((fixed, body), sums), seq)| {
            crc32c::crc32c(fixed) == sums.0 && (crc32c::crc32c(body) == sums.1 || erased(seq))
        })
}

/// Where the bodies of a packed run lie: `(seq, offset in packed, length)`.
pub(super) fn bodies(head: &FrameHead, packed: &[u8]) -> Vec<(u64, usize, usize)> {
    let mut offset = 0;
    let lengths = parts(packed).into_iter().zip(head.first.value()..).map(|((_, body), seq)| {
        let place = (seq, offset + FIXED, body.len());
        offset += FIXED + body.len();
        place
    });
    lengths.collect()
}

/// Of a packed run, `count` entries after the first `skip`, without a look at more than their lengths.
pub(super) fn cut(packed: &Bytes, skip: u64, count: u32) -> Bytes {
    let after = |mut at: usize, entries: u64| {
        for _ in 0..entries {
            let Some(fixed) = packed.get(at..).and_then(|rest| rest.first_chunk::<FIXED>()) else { break };
            let body = if fixed[FIXED - 1] == 0 { 0 } else { body_length(fixed) };
            at = (at + FIXED + body).min(packed.len());
        }
        at
    };
    let start = after(0, skip);
    packed.slice(start..after(start, u64::from(count)))
}

/// Bytes of a packed entry, from its header, signature and presence; no body is longer than a run.
pub(super) fn entry_length(fixed: &[u8; FIXED]) -> usize {
    let body = if fixed[FIXED - 1] == 0 { 0 } else { body_length(fixed) };
    FIXED + body.min(RUN_BYTES_MAX)
}

/// The length of the body, as the header of an entry states it.
pub(super) fn body_length(fixed: &[u8; FIXED]) -> usize {
    let [.., a, b, c, d] = *fixed.first_chunk::<118>().expect("a header is shorter than the fixed part");
    u32::from_be_bytes([a, b, c, d]) as usize
}

/// What the first entry of a packed run names as previous.
pub(super) fn previous(packed: &[u8]) -> Option<EntryHash> {
    EntryHash::from_slice(packed.get(42..74)?)
}

/// Places of entries without a body.
pub(super) fn absent(first: Seq, packed: &[u8]) -> Vec<u64> {
    let entries = unpack(packed).unwrap_or_default();
    let bare = entries.iter().zip(first.value()..).filter(|(e, _)| e.body.is_none());
    bare.map(|(_, seq)| seq).collect()
}

/// A packed run from `first` on as it is served: from `from` up to `end` (the place after the last), each body as
/// `body` gives it.
pub(super) fn serve(
    packed: &Bytes,
    places: std::ops::Range<u64>,
    first: u64,
    mut body: impl FnMut(u64, Option<Bytes>) -> Option<Bytes>,
) -> Bytes {
    let mut out = Vec::with_capacity(packed.len());
    let mut at = 0;
    for (entry, seq) in unpack(packed).unwrap_or_default().iter().zip(first..) {
        let size = entry.packed_len();
        if places.contains(&seq) {
            let held = entry.body.map(|b| packed.slice(at + FIXED..at + FIXED + b.len()));
            let given = body(seq, held);
            out.extend_from_slice(entry.header);
            out.extend_from_slice(entry.signature);
            out.push(u8::from(given.is_some()));
            out.extend_from_slice(given.as_deref().unwrap_or_default());
        }
        at += size;
    }
    out.into()
}

fn parts(packed: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut rest = packed;
    let entries = unpack(packed).unwrap_or_default();
    let split = entries.iter().filter_map(|entry| {
        let (fixed, after) = rest.split_at_checked(FIXED)?;
        let (body, after) = after.split_at_checked(entry.body.map_or(0, <[u8]>::len))?;
        rest = after;
        Some((fixed, body))
    });
    split.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_what_lengths_say_and_never_more_than_there_is() {
        let entry = |body: Option<usize>| {
            let mut packed = vec![7; FIXED];
            packed[114..118].copy_from_slice(&(body.unwrap_or(20) as u32).to_be_bytes());
            packed[FIXED - 1] = u8::from(body.is_some());
            packed.extend(vec![9; body.unwrap_or(0)]);
            packed
        };
        let entries = [entry(Some(16)), entry(None), entry(Some(300)), entry(Some(17))];
        let packed = Bytes::from(entries.concat());
        for skip in 0..=5 {
            for count in 0..=5 {
                let expected: Vec<u8> = entries.iter().skip(skip).take(count).flatten().copied().collect();
                assert_eq!(cut(&packed, skip as u64, count as u32), expected, "{skip} {count}");
            }
        }
        // A run that ends too early gives what there is.
        let torn = packed.slice(..packed.len() - 5);
        assert_eq!(cut(&torn, 0, 9), torn);
    }
}
