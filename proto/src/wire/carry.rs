//! Carry files: entries in a file, for carrying by hand (SPEC.md section 14).
//!
//! Bytes in, frames out, and the other way round. Folders, and what is taken or written, are the node's.

mod frame;
mod holds;
mod manifest;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use frame::Frame;
pub use holds::{Held, Holds};
pub use manifest::{Addressee, End, Manifest, Purpose};
pub use reader::{Ending, Piece, Reader};
pub use writer::Writer;

use crate::wire::chunks;
use crate::wire::limits::RUN_BYTES_MAX;

/// First bytes of every carry file; who opens one in an editor sees what it is.
pub const MARK: &[u8; 16] = b"caphub carry 1\n\0";
/// Bytes before the payload of every frame: type 1, length 4, sum 8.
pub const FRAME_HEAD_BYTES: usize = 13;
/// Largest payload in bytes of a frame of any type; a reader never holds more than one.
pub const FRAME_BYTES_MAX: usize = 4_194_304;
/// Largest payload in bytes of a manifest.
pub const MANIFEST_BYTES_MAX: usize = 2_048;
/// Bytes of a feed's three parts with their lengths, at most.
pub const FEED_BYTES_MAX: usize = 32 + 1 + 32 + 1 + 33;
/// Largest payload in bytes of a run.
pub const RUN_FRAME_BYTES_MAX: usize = RUN_BYTES_MAX + FEED_BYTES_MAX;
/// Largest payload in bytes of a fork proof: two runs.
pub const FORK_FRAME_BYTES_MAX: usize = 2 * RUN_BYTES_MAX + FEED_BYTES_MAX + 4;
/// Largest payload in bytes of a head statement or a checkpoint.
pub const EVIDENCE_BYTES_MAX: usize = 65_536;
/// Largest payload in bytes of a file's list of chunks.
pub const LIST_FRAME_BYTES_MAX: usize = chunks::MANIFEST_BYTES_MAX;
/// Largest payload in bytes of a chunk of a file: which file, which chunk, its bytes.
pub const CHUNK_FRAME_BYTES_MAX: usize = 32 + 4 + chunks::CHUNK_BYTES[2] as usize;
/// Most feeds that one frame states as held.
pub const HOLDS_MAX: usize = 4_096;
/// Most organisations that one file is addressed to.
pub const ADDRESSEES_MAX: usize = 16;
/// Most bytes of the author's name.
pub const NAME_BYTES_MAX: usize = 64;
/// Frames of one file that may be damaged before the rest is given up.
pub const BROKEN_MAX: u32 = 64;
