//! Runs in pieces for links on which a whole one would take too long.

use bytes::Bytes;
use caphub_proto::wire::Feed;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::ENTRY_TAG;
use caphub_proto::wire::keys::Verifier;

/// The run in pieces of about `bytes`, each ending at an entry whose signature is valid: only such a piece can be
/// verified by itself. One piece where the run is small, or no signature inside it is valid.
pub fn pieces(feed: &Feed, packed: Bytes, bytes: usize) -> Vec<Bytes> {
    // Twice the size is near enough: a signature costs more than half a message.
    let verifier =
        feed.key().filter(|_| packed.len() > bytes * 2).and_then(|key| Verifier::new(key.as_bytes()));
    let (Some(verifier), Ok(entries)) = (verifier, unpack(&packed)) else { return vec![packed] };
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    for (index, entry) in entries.iter().enumerate() {
        at += entry.packed_len();
        let next = entries.get(index + 1).map_or(0, caphub_proto::wire::UncheckedEntry::packed_len);
        let full = at - from + next > bytes && next > 0;
        if full && verifier.verify(ENTRY_TAG, entry.header, entry.signature) {
            pieces.push(packed.slice(from..at));
            from = at;
        }
    }
    pieces.push(packed.slice(from..));
    pieces
}
