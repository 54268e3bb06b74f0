//! What of an entry changes who is admitted: it takes effect with the entry, before any view has read it.

use caphub_proto::v1;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Feed, PartyId};
use prost::Message;

use crate::ingest::Ingest;

/// What of a revision can change who is admitted; all else is skipped unread.
#[derive(Clone, PartialEq, prost::Message)]
struct Admitting {
    #[prost(bytes = "vec", tag = "1")]
    record_id: Vec<u8>,
    #[prost(message, optional, tag = "15")]
    attestation: Option<v1::Attestation>,
    #[prost(message, optional, tag = "16")]
    recognition: Option<v1::Recognition>,
    #[prost(message, optional, tag = "20")]
    withdraw: Option<v1::Withdraw>,
}

impl Ingest {
    /// Attestations and recognitions take effect at once, by keys that may make them: of a packed run, at most
    /// `count` entries after the first `skip`.
    pub fn note_admissions(&self, feed: &Feed, packed: &[u8], skip: usize, count: usize) {
        let (Some(key), Some(state)) = (feed.key(), self.identities.state(&feed.party)) else { return };
        // Most keys may not admit, which one entry tells.
        let first_ms = packed.get(74..82).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
        if skip == 0 && !state.may(&key, Capabilities::ADMIT, first_ms) {
            return;
        }
        let Ok(entries) = unpack(packed) else { return };
        for entry in entries.into_iter().skip(skip).take(count) {
            let time = u64::from_be_bytes(entry.header[74..82].try_into().expect("eight bytes of a header"));
            let Some(content) = entry.body.and_then(|b| b.get(16..)) else { continue };
            if !state.may(&key, Capabilities::ADMIT, time) {
                return;
            }
            let Ok(admitting) = Admitting::decode(content) else { continue };
            if let Some(attestation) = &admitting.attestation {
                self.admissions.attest(feed.party, attestation);
            }
            if let Some(hub) = admitting.recognition.and_then(|r| PartyId::from_slice(&r.hub)) {
                self.admissions.recognise(feed.party, admitting.record_id, hub);
            } else if admitting.withdraw.is_some() {
                self.admissions.withdraw(feed.party, &admitting.record_id);
            }
        }
    }
}
