//! Proofs of forks as they arrive, and forks that runs show: the feed is frozen at once, here and for followers.

use std::sync::Arc;

use caphub_proto::v1;
use caphub_proto::wire::{FeedId, ForkProof, Reason};

use super::{Ingest, Origin};
use crate::forks::parse;

impl Ingest {
    /// Checks proofs and keeps those that freeze a feed, or freeze it earlier. What they freeze is frozen, durably,
    /// when this returns; each feed with true where something changed, or with why its proof was not taken.
    pub async fn take_forks(
        self: &Arc<Self>,
        proofs: Vec<v1::ForkProof>,
        origin: Origin,
    ) -> Vec<(FeedId, Result<bool, Reason>)> {
        if proofs.is_empty() {
            return Vec::new();
        }
        let this = Arc::clone(self);
        // Signatures and the disk: not on a network task.
        let taken = tokio::task::spawn_blocking(move || {
            proofs.iter().map(|proof| this.take_fork(proof, origin)).collect::<Vec<_>>()
        });
        taken.await.unwrap_or_default()
    }

    fn take_fork(&self, proof: &v1::ForkProof, origin: Origin) -> (FeedId, Result<bool, Reason>) {
        let proof = match parse(proof) {
            Ok(proof) => proof,
            Err(reason) => return (FeedId::default(), Err(reason)),
        };
        let feed = *proof.feed();
        (feed.id(), self.may_keep(&proof, origin).and_then(|()| self.freeze(proof)))
    }

    /// The party authorised the key, and its feeds are carried here.
    fn may_keep(&self, proof: &ForkProof, origin: Origin) -> Result<(), Reason> {
        let feed = proof.feed();
        let at_the_door = match origin {
            Origin::Own | Origin::Peer | Origin::Ahead => true,
            Origin::Caller(caller) => caller == feed.party,
        };
        // Evidence about a feed that is held here may come from anybody.
        if self.store.head(&feed.id()).is_none() {
            self.decide(&feed.party, at_the_door)?;
        }
        let state = self.identities.state(&feed.party).ok_or(Reason::UnknownParty)?;
        let known = feed.key().is_some_and(|key| state.operators.contains_key(&key));
        if known { Ok(()) } else { Err(Reason::UnknownKeyOfParty) }
    }

    /// Keeps a proof, states the feed anew and wakes who follows the log.
    pub(super) fn freeze(&self, proof: ForkProof) -> Result<bool, Reason> {
        let feed = *proof.feed();
        let changed = self.forks.keep(proof)?;
        if changed {
            self.heads.held(&[feed]);
            self.recount_admissions(&feed.party);
            self.store.nudge();
        }
        Ok(changed)
    }
}
