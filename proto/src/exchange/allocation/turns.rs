//! Which of its party's each nomination is (SPEC.md section 16.4).

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::acts::Act;
use crate::v1::FellowshipAct;
use crate::v1::fellowship_act::Act as What;
use crate::wire::{EntryHash, FeedId, PartyId};

/// The place of each nomination among those of its party, from 1, in the order in which that party nominated: by place
/// in its feed, then feed id. `claims` says whose each is; what is nominated twice counts where it was first.
pub fn turns(acts: &[Act<FellowshipAct>], claims: &BTreeMap<EntryHash, PartyId>) -> BTreeMap<EntryHash, u32> {
    let mut own: Vec<(PartyId, u64, FeedId, EntryHash)> = acts
        .iter()
        .filter_map(|act| match &act.what.act {
            Some(What::Nominate(n)) => {
                let hash = EntryHash::from_slice(&n.nomination)?;
                (claims.get(&hash) == Some(&act.author)).then_some((act.author, act.seq, act.feed, hash))
            }
            _ => None,
        })
        .collect();
    own.sort_unstable();
    let (mut turns, mut last, mut turn) = (BTreeMap::new(), None, 0);
    for (party, _, _, hash) in own {
        if turns.contains_key(&hash) {
            continue;
        }
        turn = if last == Some(party) { turn + 1 } else { 1 };
        last = Some(party);
        turns.insert(hash, turn);
    }
    turns
}

/// Parties whose nominations, those of `listed`, a list puts in another order than they nominated in.
pub fn turns_differ(
    listed: impl IntoIterator<Item = (PartyId, EntryHash)>,
    stated: &BTreeMap<EntryHash, u32>,
    now: &BTreeMap<EntryHash, u32>,
) -> BTreeSet<PartyId> {
    let turn = |turns: &BTreeMap<EntryHash, u32>, hash: &EntryHash| turns.get(hash).copied().unwrap_or(0);
    let mut of: BTreeMap<PartyId, Vec<EntryHash>> = BTreeMap::new();
    for (party, hash) in listed {
        of.entry(party).or_default().push(hash);
    }
    of.retain(|_, hashes| {
        hashes.sort_by_key(|hash| (turn(stated, hash), *hash));
        !hashes.is_sorted_by_key(|hash| turn(now, hash))
    });
    of.into_keys().collect()
}
