//! Which feeds two nodes hold differently, at a cost that grows with the difference (SPEC.md section 11.2).
//!
//! Every class of feeds is a set of stated heads, kept as a radix trie on the feed id, sixteen ways at a time, with a
//! SHA-256 fingerprint a range. Fingerprints depend on the set alone. SHA-256 and not sums or XORs: those can be
//! steered by whoever chooses feed keys.

pub mod answer;
pub mod brief;
pub mod pack;
pub mod reconciler;
pub mod set;
pub mod sets;
#[cfg(test)]
mod tests;

pub use answer::{answer, roots};
pub use reconciler::{Difference, Reconciler};
pub use set::{Item, Set, Stated};
pub use sets::Sets;

/// Most feeds of a range that is hashed as a list; a longer one is hashed as its sixteen ranges.
pub const LEAF_MAX: usize = 4;
/// Bytes of a fingerprint as it travels. To hide a change an author would need two states of its own feeds that agree
/// in 128 bits, 2^64 work for each, and would hide no other party's feeds and its own only until the next change.
pub const CUT_BYTES: usize = 16;
/// Bytes of a fingerprint in a question, and of ids and hashes in a brief answer. Where a collision hides a difference,
/// the longer fingerprint above it still differs, and the range is asked for in full.
pub const SHORT_BYTES: usize = 8;
/// Half bytes of a feed id: no path is longer.
pub const PATH_MAX: usize = 64;
/// Ranges that one request compares or asks for: its fingerprints are at most 64 KiB, and the answer at most 2 MiB.
pub const SLOTS_MAX: usize = 4_096;
/// Classes of one request or hello: public, network, the caller's own, and hubs.
pub const CLASSES_MAX: usize = 256;
/// Heads of one answer before ranges are told by fingerprints where their number allows; about 120 bytes each.
pub const HEADS_MAX: usize = 8_192;
/// Differences that one reconciliation finds; what is beyond is found by the next. About 300 bytes each.
pub const DIFFERENCES_MAX: usize = 262_144;
/// Requests of one reconciliation; honest ones need fewer than ten.
pub const ROUNDS_MAX: usize = 512;

/// A fingerprint of a range, whole.
pub type Print = [u8; 32];
/// A fingerprint as it travels.
pub type Cut = [u8; CUT_BYTES];

/// The part of a fingerprint that travels.
pub fn cut(print: &Print) -> Cut {
    let (cut, _) = print.split_first_chunk().expect("a fingerprint is longer than its cut");
    *cut
}
