//! What lies in the logs of folders whose programs have ended: entry by entry, without their indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use caphub_node::store::scan::{Found, scan};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{FeedId, PartyId};

/// Headers of entries by feed and place: they hold the hash of the body, so an erased entry is the same one.
pub type Held = BTreeMap<(FeedId, u64), BTreeSet<Vec<u8>>>;

/// All entries of a folder's log, or of one party only; and how much of it is damaged.
pub fn held(folder: &Path, of: Option<PartyId>) -> (Held, usize) {
    let (mut held, mut damaged) = (Held::new(), 0);
    let scanned = scan(&folder.join("store"), |found, _, _| match found {
        Found::Damaged(_) => damaged += 1,
        Found::Whole(frame) if of.is_some_and(|party| party != frame.feed.party) => {}
        Found::Whole(frame) => {
            let (id, first) = (frame.feed.id(), frame.first.value());
            for (seq, entry) in (first..).zip(unpack(&frame.packed).unwrap_or_default()) {
                held.entry((id, seq)).or_default().insert(entry.header.to_vec());
            }
        }
    });
    damaged += usize::from(scanned.is_err());
    (held, damaged)
}

/// How many of these entries a log has not.
pub fn missing(of: &Held, from: &Held) -> usize {
    let has = |(at, headers): (&(FeedId, u64), &BTreeSet<Vec<u8>>)| {
        from.get(at).is_some_and(|there| headers.is_subset(there))
    };
    of.iter().filter(|entry| !has(*entry)).count()
}
