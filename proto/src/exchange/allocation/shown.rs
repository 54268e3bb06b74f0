//! What hubs' statements show of a closing list: that it was there before the value that orders it.

use crate::wire::statement::HeadStatement;
use crate::wire::{EntryHash, FeedId, PartyId, Seq};

/// Most statements that one act carries; two entries are shown by eight hubs each.
pub const SHOWN_MAX: usize = 16;

/// An entry, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stands {
    /// Which.
    pub entry: EntryHash,
    /// The feed.
    pub feed: FeedId,
    /// Its place there.
    pub seq: u64,
}

/// A hub's statement that covers an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Shown {
    /// The entry.
    pub entry: EntryHash,
    /// By the hub's stating clock, which never goes back.
    pub time_ms: u64,
    /// Who stated it.
    pub hub: PartyId,
    /// The call names the hub, or a hub that the call names admits it.
    pub counts: bool,
}

/// True where whoever made the statement held the entry: it states a head of that feed at or behind it, on the chain
/// whose hashes `hash` knows. That the hub's identity log lets the key speak is for `HeadStatement::authorised`.
pub fn covers(
    statement: &HeadStatement,
    stands: &Stands,
    hash: impl Fn(&FeedId, Seq) -> Option<EntryHash>,
) -> bool {
    let Some(head) = statement.head.filter(|_| statement.feed == stands.feed) else { return false };
    let on_chain = |seq: u64, entry: EntryHash| {
        Seq::new(seq).and_then(|seq| hash(&stands.feed, seq)).is_some_and(|held| held == entry)
    };
    stands.seq <= head.seq.value()
        && on_chain(stands.seq, stands.entry)
        && on_chain(head.seq.value(), head.hash)
}

/// When all of these entries were shown first, each by a hub that counts other than `author` and before `before_ms`,
/// and by whom the last of them; `None` where one of them was not.
pub fn since(
    entries: &[EntryHash],
    author: &PartyId,
    before_ms: u64,
    shown: &[Shown],
) -> Option<(u64, PartyId)> {
    let counts = |s: &&Shown| s.counts && s.hub != *author && s.time_ms < before_ms;
    let first = |entry: &EntryHash| {
        shown.iter().filter(counts).filter(|s| s.entry == *entry).map(|s| (s.time_ms, s.hub)).min()
    };
    entries.iter().map(first).collect::<Option<Vec<_>>>()?.into_iter().max()
}
