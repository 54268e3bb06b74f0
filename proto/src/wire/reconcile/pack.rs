//! Paths and fingerprints as they travel.

use crate::wire::reconcile::set::Range;
use crate::wire::reconcile::{CUT_BYTES, PATH_MAX};

/// True for at most 64 half bytes.
pub fn is_path(path: &[u8]) -> bool {
    path.len() <= PATH_MAX && path.iter().all(|step| *step < 16)
}

/// The fingerprints of the ranges `levels` below a range, as answers have them: 16 bytes each.
pub fn pack(range: &Range<'_>, levels: u32) -> Vec<u8> {
    pack_as::<CUT_BYTES>(range, levels)
}

/// A mask with a bit a range, then so many bytes of the fingerprint of each range that is not empty. The first range is
/// the top bit of the first byte.
pub fn pack_as<const BYTES: usize>(range: &Range<'_>, levels: u32) -> Vec<u8> {
    let slots = slots(levels);
    let mut bytes = vec![0; slots.div_ceil(8)];
    for slot in 0..slots {
        let below = below(range, slot, levels);
        if below.count() > 0 {
            bytes[slot / 8] |= 0x80 >> (slot % 8);
            bytes.extend_from_slice(&below.print()[..BYTES]);
        }
    }
    bytes
}

/// Reads what `pack_as` wrote; `None` where the length does not fit the mask.
pub fn unpack_as<const BYTES: usize>(bytes: &[u8], levels: u32) -> Option<Vec<Option<[u8; BYTES]>>> {
    let slots = slots(levels);
    let (mask, mut rest) = bytes.split_at_checked(slots.div_ceil(8))?;
    let mut prints = Vec::with_capacity(slots);
    for slot in 0..slots {
        if mask[slot / 8] & (0x80 >> (slot % 8)) == 0 {
            prints.push(None);
            continue;
        }
        let (print, after) = rest.split_first_chunk::<BYTES>()?;
        prints.push(Some(*print));
        rest = after;
    }
    rest.is_empty().then_some(prints)
}

/// How many ranges lie so many levels below one.
pub fn slots(levels: u32) -> usize {
    16_usize.saturating_pow(levels)
}

/// One of them.
pub fn below<'a>(range: &Range<'a>, slot: usize, levels: u32) -> Range<'a> {
    steps(slot, levels).into_iter().fold(*range, |range, step| range.child(step))
}

/// The half bytes from a range to one below it.
pub fn steps(slot: usize, levels: u32) -> Vec<u8> {
    (0..levels).rev().map(|level| ((slot >> (4 * level)) & 15) as u8).collect()
}
