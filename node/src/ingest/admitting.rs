//! What of an entry changes who is admitted: it takes effect with the entry, before any view has read it.

use std::ops::Range;

use caphub_proto::v1;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::{Feed, PartyId, Seq};
use prost::Message;

use crate::admissions::Source;
use crate::ingest::Ingest;
use crate::views::source::Authority;

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
    /// Attestations and recognitions take effect at once, by keys that may make them: of a packed run, the entries at
    /// the `wanted` places, counted from 0. Those that do not count now are noted too: a Revoke can bring them back.
    pub fn note_admissions(&self, feed: &Feed, packed: &[u8], wanted: impl Fn(usize) -> bool) {
        let (Some(key), Some(state)) = (feed.key(), self.identities.state(&feed.party)) else { return };
        let Some(operator) = state.operators.get(&key) else { return };
        if !operator.capabilities.holds(Capabilities::ADMIT) {
            return;
        }
        let Ok(entries) = unpack(packed) else { return };
        for (_, entry) in entries.into_iter().enumerate().filter(|(at, _)| wanted(*at)) {
            let number = |at: Range<usize>| {
                u64::from_be_bytes(entry.header[at].try_into().expect("eight bytes of a header"))
            };
            let (Some(seq), time) = (Seq::new(number(34..42)), number(74..82)) else { continue };
            let Some(content) = entry.body.and_then(|b| b.get(16..)) else { continue };
            let Ok(admitting) = Admitting::decode(content) else { continue };
            if time > operator.not_after || admitting.is_other() {
                continue;
            }
            let hash = entry_hash(entry.header, entry.signature);
            let source = Source { feed: *feed, seq, hash, time_ms: time };
            let void = self.is_void(&source);
            if let Some(attestation) = &admitting.attestation {
                self.admissions.attest(feed.party, attestation, source, void);
            }
            if let Some(hub) = admitting.recognition.and_then(|r| PartyId::from_slice(&r.hub)) {
                self.admissions.recognise(feed.party, admitting.record_id, hub, Some(source), void);
            } else if admitting.withdraw.is_some() {
                self.admissions.withdraw(feed.party, &admitting.record_id, Some(source), void);
            }
        }
    }

    /// True for a feed in which a hub may admit, and of which another part can come to count.
    pub fn may_admit_again(&self, feed: &Feed) -> bool {
        let (Some(key), Some(state)) = (feed.key(), self.identities.state(&feed.party)) else { return false };
        let admits = state.operators.get(&key).is_some_and(|o| o.capabilities.holds(Capabilities::ADMIT));
        if !admits {
            return false;
        }
        let id = feed.id();
        let revoked = state.counted(&key, &id).is_some_and(|counted| counted != Counted::All);
        revoked || self.keys.is_unsettled(&id)
    }

    /// A party's keys, its branch or its forks have changed: what it said of others counts, or no longer does.
    pub(super) fn recount_admissions(&self, party: &PartyId) {
        self.admissions.recount(party, |source| self.is_void(source));
    }

    fn is_void(&self, source: &Source) -> bool {
        self.keys.void(&source.feed, &source.feed.id(), source.seq.value(), source.hash).is_some()
    }
}

impl Admitting {
    fn is_other(&self) -> bool {
        self.attestation.is_none() && self.recognition.is_none() && self.withdraw.is_none()
    }
}
