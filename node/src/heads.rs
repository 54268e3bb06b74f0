//! What this node states to others: the heads that count, kept as sets that are compared at no cost that grows with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::limits::HEADER_BYTES;
use caphub_proto::wire::reconcile::{Sets, Stated};
use caphub_proto::wire::{EntryHash, Feed, Head, PartyId, Seq};

use crate::identities::Identities;
use crate::store::{FeedHead, Store};

/// The stated heads of all feeds, in step with the store and with what identity logs say.
pub struct Heads {
    store: Arc<Store>,
    identities: Arc<Identities>,
    sets: RwLock<Sets>,
    /// Every feed that is held, also where nothing of it counts now: a later Revoke can change that.
    feeds: RwLock<HashMap<PartyId, BTreeSet<Feed>>>,
}

impl Heads {
    /// Builds the sets from the store's heads.
    pub fn new(store: Arc<Store>, identities: Arc<Identities>) -> Self {
        let new = Self { store, identities, sets: RwLock::default(), feeds: RwLock::default() };
        new.held(&new.store.heads().iter().map(|h| h.feed).collect::<Vec<_>>());
        new
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
            let counted = self.store.head(&feed.id()).and_then(|held| self.counted(&held));
            let stated = counted.map(|head| Stated { seq: head.seq.value(), hash: head.hash, frozen: false });
            if sets.stated(feed) != stated {
                sets.state(*feed, stated);
            }
        }
    }

    /// Where a feed ends for others: what lies beyond a revocation, or on another branch than it chose, is neither
    /// stated nor served. `None` where nothing of it counts.
    pub fn counted(&self, held: &FeedHead) -> Option<Head> {
        let Some(key) = held.feed.key() else { return Some(held.head) };
        let counted = self.identities.state(&held.feed.party)?.counted(&key, &held.feed.id())?;
        match counted {
            Counted::UpTo { seq, hash } if seq < held.head.seq.value() => {
                let seq = Seq::new(seq)?;
                (self.hash_at(&held.feed, seq)? == hash).then_some(Head { seq, hash })
            }
            _ => Some(held.head),
        }
    }

    /// The hash of an entry that is held.
    pub fn hash_at(&self, feed: &Feed, seq: Seq) -> Option<EntryHash> {
        let stored = self.store.entry(&feed.id(), seq).ok().flatten()?;
        let header = stored.packed.get(..HEADER_BYTES)?.try_into().ok()?;
        let signature = stored.packed.get(HEADER_BYTES..)?.first_chunk()?;
        Some(entry_hash(header, signature))
    }
}
