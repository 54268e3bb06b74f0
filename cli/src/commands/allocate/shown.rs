//! Which hubs show that a call's list was closed before its draw: by statements that the draw carries or that are kept
//! here.

use caphub_node::audit::Book;
use caphub_proto::exchange::acts::Act;
use caphub_proto::exchange::allocation::{SHOWN_MAX, Shown, Stands, covers};
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Call, FellowshipAct, Filter};
use caphub_proto::wire::statement::HeadStatement;
use caphub_proto::wire::{EntryHash, FeedId, PartyId, Seq};

use crate::failure::Failure;
use crate::replica::Replica;

/// Everything that shows the call's revision or a list of its author; `carried` comes with acts.
pub(super) fn of(
    replica: &Replica,
    record: &v1::Record,
    call: &Call,
    acts: &[Act<FellowshipAct>],
) -> Vec<Shown> {
    let author = PartyId::from_slice(&record.party_id).unwrap_or_default();
    let of_author = || acts.iter().filter(|a| a.author == author);
    let closings = of_author().filter(|a| matches!(a.what.act, Some(What::Close(_))));
    let closings = closings.map(|a| Stands { entry: a.hash, feed: a.feed, seq: a.seq });
    let entries: Vec<Stands> = stands(record).into_iter().chain(closings).collect();
    let carried = of_author().filter_map(|act| match &act.what.act {
        Some(What::Draw(draw)) => Some(&draw.shown),
        _ => None,
    });
    let carried = carried.flatten().filter_map(|bytes| HeadStatement::decode(bytes).ok());
    let statements: Vec<HeadStatement> = carried.chain(kept(replica, &entries)).collect();
    shown(replica, call, &entries, &statements).into_iter().map(|(shown, _)| shown).collect()
}

/// The statements that a draw carries: of each entry the first of every hub that counts, from before the value; none where
/// one of the entries has none.
pub fn to_carry(
    replica: &Replica,
    record: &v1::Record,
    closing: Stands,
    draw_ms: u64,
) -> Result<Vec<Vec<u8>>, Failure> {
    let Some(Record::Call(call)) = record.revision.as_ref().and_then(|r| r.record.as_ref()) else {
        return Ok(Vec::new());
    };
    let author = PartyId::from_slice(&record.party_id).unwrap_or_default();
    let entries: Vec<Stands> = stands(record).into_iter().chain([closing]).collect();
    let mut found = shown(replica, call, &entries, &kept(replica, &entries));
    found.retain(|(s, _)| s.counts && s.hub != author && s.time_ms < draw_ms);
    found.sort_by_key(|(s, _)| *s);
    // What shows the call alone, or the list alone, shows nothing of the draw.
    if entries.iter().any(|entry| found.iter().all(|(s, _)| s.entry != entry.entry)) {
        return Ok(Vec::new());
    }
    let mut carried: Vec<Vec<u8>> = Vec::new();
    for entry in &entries {
        let mut hubs: Vec<PartyId> = Vec::new();
        for (shown, statement) in found.iter().filter(|(s, _)| s.entry == entry.entry) {
            if hubs.len() < SHOWN_MAX / 2 && !hubs.contains(&shown.hub) {
                hubs.push(shown.hub);
                carried.push(statement.encode());
            }
        }
    }
    carried.sort_unstable();
    carried.dedup();
    Ok(carried)
}

/// Places of this organisation's calls and closing lists: what hubs state of them is kept for good.
pub fn own_places(replica: &Replica) -> Result<Vec<(FeedId, u64)>, Failure> {
    let kinds = ["call", "fellowship"].map(str::to_owned).to_vec();
    let party_id = replica.core.party.to_vec();
    let own = replica.readable(&Filter { kinds, party_id, void_acts: true, ..Filter::default() })?;
    let counts = |r: &&v1::Record| match r.revision.as_ref().and_then(|r| r.record.as_ref()) {
        Some(Record::Call(_)) => true,
        Some(Record::Fellowship(act)) => matches!(act.act, Some(What::Close(_))),
        _ => false,
    };
    Ok(own.iter().filter(counts).filter_map(stands).map(|s| (s.feed, s.seq)).collect())
}

fn stands(record: &v1::Record) -> Option<Stands> {
    let (entry, feed) = (EntryHash::from_slice(&record.entry_hash)?, FeedId::from_slice(&record.feed_id)?);
    Some(Stands { entry, feed, seq: record.seq })
}

/// What is kept here about the feeds of these entries.
fn kept(replica: &Replica, entries: &[Stands]) -> Vec<HeadStatement> {
    let folder = replica.home.directory.join("evidence");
    // Nobody was ever asked: nothing is kept, and reading makes no files.
    let Some(book) = folder.is_dir().then(|| Book::open(&folder).ok()).flatten() else { return Vec::new() };
    let mut feeds: Vec<FeedId> = entries.iter().map(|e| e.feed).collect();
    feeds.sort_unstable();
    feeds.dedup();
    feeds.iter().flat_map(|feed| book.of_feed(feed)).collect()
}

/// Of these statements those that their hub's identity log bears out, with each entry that they cover.
fn shown(
    replica: &Replica,
    call: &Call,
    entries: &[Stands],
    statements: &[HeadStatement],
) -> Vec<(Shown, HeadStatement)> {
    let closes = super::last_day(call);
    let chain = |feed: &FeedId, seq: Seq| replica.core.store.hash(feed, seq).ok().flatten();
    let mut found = Vec::new();
    for statement in statements {
        let hub = statement.party;
        if !replica.core.identities.state(&hub).is_some_and(|s| statement.authorised(&s)) {
            continue;
        }
        let named = call.attesting_hubs.iter().any(|h| h == hub.as_bytes());
        let counts = named || super::attested(replica, call, &hub, closes).is_some();
        for at in entries.iter().filter(|at| covers(statement, at, chain)) {
            let shown = Shown { entry: at.entry, time_ms: statement.time_ms, hub, counts };
            found.push((shown, *statement));
        }
    }
    found
}
