//! What views ask of the identity logs and of the proofs of forks: whose entries count, and how far.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use caphub_proto::wire::identity::State;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::intake::counting::Bounds;
use caphub_proto::wire::{EntryHash, Feed, FeedId, PartyId, Reason, Seq};

use crate::forks::Forks;
use crate::identities::Identities;
use crate::store::Store;
use crate::views::source::Authority;

/// The judgement of identity logs and of proven forks.
pub(crate) struct KnownKeys {
    identities: Arc<Identities>,
    forks: Arc<Forks>,
    store: Arc<Store>,
    /// Proofs that the views were told of; all of them again after a start.
    told: AtomicUsize,
}

impl KnownKeys {
    pub(crate) fn new(identities: Arc<Identities>, forks: Arc<Forks>, store: Arc<Store>) -> Self {
        Self { identities, forks, store, told: AtomicUsize::new(0) }
    }

    fn hash(&self, feed: &FeedId, seq: u64) -> Option<EntryHash> {
        self.store.hash(feed, Seq::new(seq)?).ok().flatten()
    }
}

impl Authority for KnownKeys {
    fn state(&self, party: &PartyId) -> Option<Arc<State>> {
        self.identities.state(party)
    }

    fn void(&self, feed: &Feed, id: &FeedId, seq: u64, hash: EntryHash) -> Option<Reason> {
        let counted = self.identities.state(&feed.party)?.counted(&feed.key()?, id)?;
        let freeze = self.forks.freeze(id);
        // The disk is asked only about feeds that forked or changed their branch.
        let decided = match counted {
            Counted::UpTo { seq, hash } if freeze.is_some() => self.hash(id, seq) == Some(hash),
            _ => false,
        };
        let held = if self.store.was_replaced(id) { self.hash(id, seq) } else { None };
        Bounds { counted, freeze, decided }.void(seq, hash, held)
    }

    fn is_unsettled(&self, feed: &FeedId) -> bool {
        self.forks.freeze(feed).is_some() || self.store.was_replaced(feed)
    }

    fn newly_frozen(&self) -> Vec<PartyId> {
        let seen = self.told.swap(self.forks.end(), Ordering::AcqRel);
        let mut parties: Vec<PartyId> = self.forks.since(seen).iter().map(|p| p.feed().party).collect();
        parties.sort_unstable();
        parties.dedup();
        parties
    }
}
