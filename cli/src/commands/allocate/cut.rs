//! Nominations that a closing list names and that their party cut off later, by a revocation or a fork of its own feed.

use std::collections::BTreeMap;

use caphub_node::acts::Gone;
use caphub_proto::exchange::acts::{self, Act, Seen};
use caphub_proto::exchange::allocation::Closing;
use caphub_proto::v1::FellowshipAct;
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, PartyId, Reason, Seq};

use crate::replica::Replica;

/// Whose each nomination on the list is that no counted act makes any more: by the cut act where it is held, else by
/// the feed that the list names. `all` are the acts under the call, void ones too.
pub(super) fn of(
    replica: &Replica,
    audience: Audience,
    closing: &Closing,
    all: &[Act<FellowshipAct>],
    claims: &BTreeMap<EntryHash, PartyId>,
) -> BTreeMap<EntryHash, PartyId> {
    let makes = |act: &Act<FellowshipAct>, hash: &EntryHash| match &act.what.act {
        Some(What::Nominate(nominate)) => nominate.nomination == hash.as_bytes(),
        _ => false,
    };
    let list = all.iter().find(|a| a.hash == closing.entry);
    let was_cut = |a: &&Act<FellowshipAct>| matches!(a.void, Some(Reason::Revoked | Reason::Frozen));
    let mut feeds: Option<BTreeMap<FeedId, PartyId>> = None;
    let mut found = BTreeMap::new();
    for hash in &closing.applications {
        let mut held = all.iter().filter(was_cut).filter(|a| makes(a, hash));
        let act = held.find(|act| list.is_some_and(|list| acts::knew(list, act)));
        let owner = act.map(|act| act.author).or_else(|| {
            let seen = closing.made_in(hash)?;
            let feeds = feeds.get_or_insert_with(|| feeds_of(replica, audience));
            let party = feeds.get(&seen.feed).copied()?;
            let gone = Gone::new(&replica.core, [party], audience);
            (gone.is(seen) && !is_held(replica, seen)).then_some(party)
        });
        // Who nominated the same again by an act that counts is no stranger to the list.
        found.extend(owner.filter(|owner| claims.get(hash) != Some(owner)).map(|owner| (*hash, owner)));
    }
    found
}

/// True where everything up to there is held: then an act that is not there never was.
fn is_held(replica: &Replica, seen: &Seen) -> bool {
    let hash = Seq::new(seen.seq).and_then(|seq| replica.core.store.hash(&seen.feed, seq).ok().flatten());
    hash == Some(seen.hash)
}

/// The party of every key's feed for this audience, as far as identities are held.
fn feeds_of(replica: &Replica, audience: Audience) -> BTreeMap<FeedId, PartyId> {
    let identities = &replica.core.identities;
    let states = identities.parties().into_iter().filter_map(|party| identities.state(&party));
    states
        .flat_map(|state| {
            let party = state.party;
            let feed = |key: &caphub_proto::wire::OperatorKey| Feed::records(party, *key, audience).id();
            state.operators.keys().map(|key| (feed(key), party)).collect::<Vec<_>>()
        })
        .collect()
}
