//! What views need of the store and of the identity logs.

use std::sync::Arc;

use caphub_proto::wire::identity::State;
use caphub_proto::wire::intake::counting::Bounds;
use caphub_proto::wire::{EntryHash, Feed, FeedId, LogId, PartyId, Reason};

pub use bytes::Bytes;

/// Consecutive entries of one feed at consecutive ordinals of the log.
#[derive(Clone, Debug)]
pub struct LogRun {
    /// The feed of all of them.
    pub feed: Feed,
    /// Ordinal of the first.
    pub first_ordinal: u64,
    /// As `caphub_proto::wire::feed::unpack` reads them.
    pub packed: Bytes,
}

/// One node's log, read only. Ordinals count its entries from 0 and never move.
pub trait Log: Send + Sync + 'static {
    /// One past the last durable entry.
    fn end(&self) -> u64;

    /// Runs from `ordinal` on, about `max_bytes` of them but at least one where there is any, and the ordinal
    /// after them.
    fn read_from(&self, ordinal: u64, max_bytes: usize) -> Result<(Vec<LogRun>, u64), String>;

    /// The entry at a place with its feed, packed; `None` beyond the end.
    fn packed_entry(&self, ordinal: u64) -> Result<Option<(Feed, Bytes)>, String>;

    /// As `packed_entry`, where its neighbours are not wanted.
    fn lone_entry(&self, ordinal: u64) -> Result<Option<(Feed, Bytes)>, String> {
        self.packed_entry(ordinal)
    }

    /// The entry at a place of a feed: its ordinal, its feed, and itself, packed; `None` where it is not held.
    fn placed_entry(&self, _feed: &FeedId, _seq: u64) -> Result<Option<(u64, Feed, Bytes)>, String> {
        Ok(None)
    }

    /// Which log it is: ordinals mean nothing under another.
    fn log_id(&self) -> LogId;
}

/// The judgement of identity logs.
pub trait Authority: Send + Sync + 'static {
    /// The keys of a party now; `None` where its identity log is not held.
    fn state(&self, party: &PartyId) -> Option<Arc<State>>;

    /// Why an entry does not count, by its feed: cut off by a revocation or a proven fork, or replaced by another
    /// branch. `None` where it does, or where its key is not known.
    fn void(&self, feed: &Feed, id: &FeedId, seq: u64, hash: EntryHash) -> Option<Reason> {
        let counted = self.state(&feed.party)?.counted(&feed.key()?, id)?;
        Bounds { counted, freeze: None, decided: false }.void(seq, hash, None)
    }

    /// True where entries of a feed that were judged before may be judged otherwise with each one that comes: it has
    /// forked, or another branch took the place of held entries.
    fn is_unsettled(&self, _feed: &FeedId) -> bool {
        false
    }

    /// Parties of feeds whose forks were proven since this was last asked.
    fn newly_frozen(&self) -> Vec<PartyId> {
        Vec::new()
    }
}
