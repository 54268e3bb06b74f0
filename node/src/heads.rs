//! What this node states to others: the heads that count, kept as sets that are compared at no cost that grows with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use caphub_proto::wire::intake::counting::{self, stated};
use caphub_proto::wire::reconcile::{Sets, Stated};
use caphub_proto::wire::{EntryHash, Feed, Head, PartyId, Seq};

use crate::forks::Forks;
use crate::identities::Identities;
use crate::store::{FeedHead, Store};

/// The stated heads of all feeds, in step with the store and with what identity logs say.
pub struct Heads {
    store: Arc<Store>,
    identities: Arc<Identities>,
    forks: Arc<Forks>,
    sets: RwLock<Sets>,
    /// Every feed that is held, also where nothing of it counts now: a later Revoke can change that.
    feeds: RwLock<HashMap<PartyId, BTreeSet<Feed>>>,
}

impl Heads {
    /// Builds the sets from the store's heads.
    pub fn new(store: Arc<Store>, identities: Arc<Identities>, forks: Arc<Forks>) -> Self {
        let new = Self { store, identities, forks, sets: RwLock::default(), feeds: RwLock::default() };
        new.held(&new.store.heads().iter().map(|h| h.feed).collect::<Vec<_>>());
        new
    }

    /// The proofs by which feeds are frozen.
    pub fn forks(&self) -> Arc<Forks> {
        Arc::clone(&self.forks)
    }

    /// The sets now. Do not hold them across an await.
    pub fn sets(&self) -> RwLockReadGuard<'_, Sets> {
        // Each change puts whole values in: a writer that panicked left none half done.
        self.sets.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// More is held of these feeds.
    pub fn held(&self, feeds: &[Feed]) {
        let mut all = self.feeds.write().unwrap_or_else(PoisonError::into_inner);
        for feed in feeds {
            all.entry(feed.party).or_default().insert(*feed);
        }
        drop(all);
        self.state(feeds);
    }

    /// A party's identity log has changed: what counts of its feeds may have, too.
    pub fn judged(&self, party: &PartyId) {
        let all = self.feeds.read().unwrap_or_else(PoisonError::into_inner);
        let feeds: Vec<Feed> = all.get(party).into_iter().flatten().copied().collect();
        drop(all);
        self.state(&feeds);
    }

    fn state(&self, feeds: &[Feed]) {
        // Read within the lock: of two changes of one feed, the later is stated last.
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        for feed in feeds {
            let stated = match self.store.head(&feed.id()) {
                Some(held) => self.stated(&held),
                // Nothing is held, and a proof freezes it: who holds the proof differs from who does not.
                None => counting::Stated { head: None, frozen: self.forks.freeze(&feed.id()).is_some() },
            };
            let stated = stated.marked();
            if sets.stated(feed) != stated {
                sets.state(*feed, stated);
            }
        }
    }

    /// Where a feed ends for others, and whether a proven fork is why: what lies beyond a fork or a revocation, or on
    /// another branch than it chose, is neither stated nor served.
    pub fn stated(&self, held: &FeedHead) -> counting::Stated {
        let nothing = counting::Stated { head: None, frozen: false };
        let Some(key) = held.feed.key() else {
            return counting::Stated { head: Some(held.head), frozen: false };
        };
        let id = held.feed.id();
        let counted = self.identities.state(&held.feed.party).and_then(|s| s.counted(&key, &id));
        let Some(counted) = counted else { return nothing };
        let hash = |seq| self.store.hash(&id, seq).ok().flatten();
        stated(held.head, counted, self.forks.freeze(&id), hash)
    }

    /// The same head alone; `None` where nothing of the feed counts.
    pub fn counted(&self, held: &FeedHead) -> Option<Head> {
        self.stated(held).head
    }

    /// The hash of an entry that is held.
    pub fn hash_at(&self, feed: &Feed, seq: Seq) -> Option<EntryHash> {
        self.store.hash(&feed.id(), seq).ok().flatten()
    }
}

/// A stated head as it stands in the sets.
trait Marked {
    fn marked(&self) -> Option<Stated>;
}

impl Marked for counting::Stated {
    fn marked(&self) -> Option<Stated> {
        match self.head {
            Some(head) => Some(Stated { seq: head.seq.value(), hash: head.hash, frozen: self.frozen }),
            None => self.frozen.then_some(Stated { seq: 0, hash: EntryHash::default(), frozen: true }),
        }
    }
}
