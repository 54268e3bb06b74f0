//! A second source for identities: whether the far end holds the same identity logs of others as this side does.

use caphub_proto::v1::HeadsRequest;
use caphub_proto::wire::{Feed, PartyId, Seq};

use crate::core::Core;
use crate::sync::{Session, SyncError};

/// Most identities that are asked about at once.
const ASKED_MAX: usize = 256;

impl Session {
    /// Those of the parties whose identity log the far end holds, too, entry for entry as far as it holds it. One
    /// that holds other entries, or none, or more than this side, confirms nothing.
    pub async fn confirms(&self, core: &Core, parties: &[PartyId]) -> Result<Vec<PartyId>, SyncError> {
        let asked: Vec<&PartyId> = parties.iter().filter(|p| **p != self.party).take(ASKED_MAX).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let feed_ids = asked.iter().map(|p| Feed::identity(**p).id().to_vec()).collect();
        let mut stream = self.client().heads(HeadsRequest { feed_ids }).await?.into_inner();
        let mut confirmed = Vec::new();
        while let Some(message) = stream.message().await? {
            for head in message.heads {
                let party = head.feed.and_then(|f| PartyId::from_slice(&f.party_id));
                let Some(party) = party.filter(|p| asked.contains(&p)) else { continue };
                let held = Seq::new(head.seq).and_then(|seq| core.heads.hash_at(&Feed::identity(party), seq));
                let same = held.is_some_and(|hash| hash.to_vec() == head.entry_hash);
                if same && !confirmed.contains(&party) {
                    confirmed.push(party);
                }
            }
        }
        Ok(confirmed)
    }
}
