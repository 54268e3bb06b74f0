//! Whose each sealed nomination is. Anybody can name the hash of another's in an act of its own.

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::exchange::acts::Act;
use caphub_proto::v1::FellowshipAct;
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::wire::{Audience, EntryHash, PartyId, Seq};

use crate::replica::Replica;

/// Most sealed entries of one claimant that are looked through; it can only hurt itself with more.
const SEALED_MAX: u64 = 65_536;

/// Who nominated, by the sealed entry: where several claim one, the party in whose sealed feed it is held here, or
/// nobody.
pub fn of(replica: &Replica, acts: &[Act<FellowshipAct>]) -> BTreeMap<EntryHash, PartyId> {
    let mut claimants: BTreeMap<EntryHash, BTreeSet<PartyId>> = BTreeMap::new();
    for act in acts {
        if let Some(What::Nominate(nominate)) = &act.what.act
            && let Some(hash) = EntryHash::from_slice(&nominate.nomination)
        {
            claimants.entry(hash).or_default().insert(act.author);
        }
    }
    let disputed: BTreeSet<PartyId> = claimants.values().filter(|c| c.len() > 1).flatten().copied().collect();
    let sealed = if disputed.is_empty() { BTreeMap::new() } else { sealed(replica, &disputed) };
    settle(claimants, &sealed)
}

fn settle(
    claimants: BTreeMap<EntryHash, BTreeSet<PartyId>>,
    sealed: &BTreeMap<EntryHash, PartyId>,
) -> BTreeMap<EntryHash, PartyId> {
    let owner = |(hash, parties): (EntryHash, BTreeSet<PartyId>)| {
        let held = sealed.get(&hash).copied().filter(|owner| parties.contains(owner));
        let only = (parties.len() == 1).then(|| parties.first().copied()).flatten();
        Some((hash, held.or(only)?))
    };
    claimants.into_iter().filter_map(owner).collect()
}

/// The sealed entries of these parties that are held here.
fn sealed(replica: &Replica, parties: &BTreeSet<PartyId>) -> BTreeMap<EntryHash, PartyId> {
    let (mut found, mut counts) = (BTreeMap::new(), BTreeMap::<PartyId, u64>::new());
    for held in replica.core.store.heads() {
        let party = held.feed.party;
        if !parties.contains(&party) || !matches!(held.feed.audience(), Audience::Sealed(_)) {
            continue;
        }
        let looked = counts.entry(party).or_default();
        let last = held.head.seq.value().min(SEALED_MAX.saturating_sub(*looked));
        *looked += last;
        for seq in (1..=last).filter_map(Seq::new) {
            let hash = replica.core.store.hash(&held.feed.id(), seq).ok().flatten();
            found.extend(hash.map(|hash| (hash, party)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nomination_that_several_claim_is_the_sealing_partys_or_nobodys() {
        let (hash, own, forger) = (EntryHash([1; 32]), PartyId([9; 32]), PartyId([2; 32]));
        let claims = |parties: &[PartyId], sealed: &[PartyId]| {
            let claimed = BTreeMap::from([(hash, parties.iter().copied().collect())]);
            let sealed = sealed.iter().map(|p| (hash, *p)).collect();
            settle(claimed, &sealed).get(&hash).copied()
        };
        assert_eq!(claims(&[own], &[]), Some(own));
        assert_eq!(claims(&[own, forger], &[own]), Some(own));
        assert_eq!(claims(&[own, forger], &[]), None);
        assert_eq!(claims(&[forger, PartyId([3; 32])], &[own]), None);
    }
}
