//! Files that records name: kept as chunks that are checked whenever they are read, fetched from several hubs at once,
//! brought by their owners, and replicated by hubs that carry the records (SPEC.md section 17).

mod blobs;
mod bring;
mod fetch;
mod look;
mod named;
mod table;
mod tend;

pub use blobs::{BlobError, Blobs, FileDamage, FileId, Incoming, State};
pub use bring::{Brought, bring};
pub use fetch::{FetchError, Fetched, Mistrusted, OnChunk, Source, fetch, fetch_again};
pub use look::wanted;
pub use named::{Named, Used, blobs_of, id_of, is_named, named, of_record};
pub use table::Claim;
pub use tend::tend;

use serde::Deserialize;

/// Most files of one question about what a node holds.
pub const HOLDINGS_MAX: usize = 64;

/// How much a node keeps for others, as its configuration may state it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Room {
    /// Largest file that is fetched from other hubs unasked, in bytes; 0 for none.
    pub file_bytes: u64,
    /// Files of one party together, in bytes.
    pub party_bytes: u64,
    /// All files together, in bytes.
    pub total_bytes: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { file_bytes: 64 << 20, party_bytes: 512 << 20, total_bytes: 8 << 30 }
    }
}
