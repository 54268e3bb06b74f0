//! What a side that holds almost nothing asks beside Hello: the newest entries there are. On a slow link something useful
//! is there about one round trip after the handshake, before all that is held is compared.

use crate::v1::PullRequest;
use crate::wire::pace::BATCH_BYTES_MIN;
use crate::wire::session::{Facts, Memory, Session};

/// Bytes of entries that are asked for: half a second of a slow link.
pub const OPENING_BYTES: u64 = 4_096;
/// Stated feeds up to which a side holds almost nothing: its own, and the identities of the hubs that it has joined.
const FEEDS_FEW: usize = 8;

impl Session {
    /// The question; `None` where enough is held, where a sync with this far end moved all that there was, or
    /// where nothing is to be pulled. What comes of it is kept above holes
    /// (`holds_above`) and told as `Input::Taken` before the answer to Hello. A far end that does not know this form of a
    /// pull refuses it, which changes nothing.
    pub fn opening(&self, facts: &Facts<'_>, memory: &Memory) -> Option<PullRequest> {
        let little = facts.sets.len() <= FEEDS_FEW && !memory.has_finished();
        let wanted = self.settings.pull && !self.settings.dry && little;
        let max_bytes = self.left.map_or(OPENING_BYTES, |left| left.min(OPENING_BYTES));
        let batch_bytes = BATCH_BYTES_MIN;
        (wanted && max_bytes > 0).then(|| PullRequest {
            newest_first: true,
            max_bytes,
            batch_bytes,
            ..PullRequest::default()
        })
    }
}
