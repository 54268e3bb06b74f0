//! Runs that were judged on what another writer has replaced since.

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::{EntryHash, FeedId, Seq};

use crate::store::files::read_frame;
use crate::store::{Kind, NewRun, Shared, frame};

/// False where a run would stand after an entry that it does not name, or brings bodies of entries that are held no
/// longer. What merely follows is known by the head, and by the tails. `before` are earlier runs of the same commit.
pub(super) fn chains(shared: &Shared, run: &NewRun, before: &[&NewRun]) -> bool {
    let hash = |seq| hash_at(shared, &run.feed.id(), seq, before);
    match run.kind {
        Kind::Append | Kind::Tail => true,
        Kind::Refill => hash(run.head.seq) == Some(run.head.hash),
        Kind::Replace => {
            let held = Seq::new(run.first.value() - 1).map_or(Some(EntryHash::default()), hash);
            held.is_some() && held == frame::previous(&run.packed)
        }
    }
}

/// The hash of the entry at a place, as it will be after earlier runs of the same commit.
fn hash_at(shared: &Shared, feed: &FeedId, seq: Seq, before: &[&NewRun]) -> Option<EntryHash> {
    for run in before.iter().rev().filter(|r| r.feed.id() == *feed && r.kind != Kind::Refill) {
        let Some(at) = seq.value().checked_sub(run.first.value()) else { continue };
        if at < u64::from(run.count) {
            return hash_in(&run.packed, at);
        }
        if run.kind == Kind::Replace {
            return None;
        }
    }
    let place = shared.index.run_at(feed, seq).ok()??;
    let file = shared.segments.file(place.segment).ok()?;
    let (_, packed, _) = read_frame(&file, place.offset).ok()??;
    hash_in(&packed, seq.value() - place.first.value())
}

fn hash_in(packed: &[u8], at: u64) -> Option<EntryHash> {
    let entries = unpack(packed).ok()?;
    let entry = entries.get(usize::try_from(at).ok()?)?;
    Some(entry_hash(entry.header, entry.signature))
}
