//! What names a record, wherever its revisions lie.

use caphub_proto::wire::{PartyId, RecordId};

/// Bytes of a record key.
pub(super) const KEY_BYTES: usize = 48;

/// A record: its owner and the id that the owner chose. The same id under another party is another record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordKey {
    /// Only this party revises it.
    pub party: PartyId,
    /// Unique within the party.
    pub record: RecordId,
}

impl RecordKey {
    /// The term under which the index finds it.
    pub(super) fn bytes(&self) -> [u8; KEY_BYTES] {
        let mut out = [0; KEY_BYTES];
        out[..32].copy_from_slice(self.party.as_bytes());
        out[32..].copy_from_slice(self.record.as_bytes());
        out
    }

    /// Reads what `bytes` wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (party, record) = bytes.split_at_checked(32)?;
        Some(Self { party: PartyId::from_slice(party)?, record: RecordId::from_slice(record)? })
    }
}
