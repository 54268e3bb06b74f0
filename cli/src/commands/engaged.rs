//! How far each need has come, by the engagements that name it.

use std::collections::BTreeMap;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act};
use caphub_proto::exchange::distribution::Stage;
use caphub_proto::exchange::engagement::Engagement;
use caphub_proto::exchange::matching::Key;
use caphub_proto::v1::{EngagementAct, RecordRef};
use caphub_proto::wire::{Audience, EntryHash, PartyId, RecordId};

use crate::commands::acting;
use crate::failure::Failure;
use crate::replica::Replica;

/// Engagements held here.
#[derive(Default)]
pub struct Engaged {
    needs: BTreeMap<Key, Stage>,
    served: BTreeMap<PartyId, u32>,
    all: Vec<(PartyId, Stage)>,
}

impl Engaged {
    /// All that the reader may read.
    pub fn read(replica: &Replica) -> Result<Self, Failure> {
        Self::of(replica, &|_| true)
    }

    /// What anybody may read.
    pub fn public(replica: &Replica) -> Result<Self, Failure> {
        Self::of(replica, &|audience| *audience == Audience::Public)
    }

    fn of(replica: &Replica, wanted: &dyn Fn(&Audience) -> bool) -> Result<Self, Failure> {
        let records = acting::acts(replica, RecordKind::Engagement, None)?;
        let mut acts = acts::engagements(&records);
        acts.retain(|act| wanted(&act.audience));
        acts.sort_by_key(|act| act.hash);
        let mut engaged = Self::default();
        let mut of_root: BTreeMap<EntryHash, Vec<Act<EngagementAct>>> = BTreeMap::new();
        for act in acts {
            let root = EntryHash::from_slice(&act.what.root).unwrap_or(act.hash);
            of_root.entry(root).or_default().push(act);
        }
        let mut gone = BTreeMap::new();
        for (root, acts) in of_root {
            let Some(audience) = acts.iter().find(|a| a.hash == root).map(|a| a.audience) else { continue };
            let gone =
                gone.entry(audience.encode()).or_insert_with(|| acting::gone(replica, &records, audience));
            let Some(one) = Engagement::of(&root, &acts, &|seen| gone.is(seen)) else { continue };
            let Some(stage) = Stage::of(one.state.code()) else { continue };
            engaged.all.push((one.provider, stage));
            if stage == Stage::Confirmed {
                *engaged.served.entry(one.recipient).or_default() += 1;
            }
            if let Some(key) = one.proposal.need.as_ref().and_then(key) {
                let held = engaged.needs.entry(key).or_insert(stage);
                *held = (*held).max(stage);
            }
        }
        Ok(engaged)
    }

    /// How far the furthest engagement for a need has come.
    pub fn stage(&self, need: &Key) -> Option<Stage> {
        self.needs.get(need).copied()
    }

    /// An engagement for it was accepted, and did not end without result.
    pub fn met(&self, need: &Key) -> bool {
        self.stage(need).is_some_and(|stage| stage >= Stage::Pledged)
    }

    /// Engagements that a recipient has confirmed.
    pub fn served(&self, party: &PartyId) -> u32 {
        self.served.get(party).copied().unwrap_or(0)
    }

    /// Each engagement: who provides, and how far it has come.
    pub fn all(&self) -> Vec<(PartyId, Stage)> {
        self.all.clone()
    }
}

fn key(named: &RecordRef) -> Option<Key> {
    Some((PartyId::from_slice(&named.party)?, RecordId::from_slice(&named.record_id)?))
}
