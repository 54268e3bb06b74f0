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
    answered: BTreeMap<Key, u64>,
    all: Vec<Listed>,
}

/// One engagement, for lists.
#[derive(Clone)]
pub struct Listed {
    /// Its record.
    pub record: RecordId,
    /// When it was proposed, as its proposer claims.
    pub proposed_ms: u64,
    /// How far it has come.
    pub stage: Stage,
    /// All of it.
    pub engagement: Engagement,
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
            let first = acts.iter().find(|a| a.hash == root);
            let Some((audience, record, proposed_ms)) = first.map(|a| (a.audience, a.record, a.time_ms))
            else {
                continue;
            };
            let gone =
                gone.entry(audience.encode()).or_insert_with(|| acting::gone(replica, &records, audience));
            let Some(one) = Engagement::of(&root, &acts, &|seen| gone.is(seen)) else { continue };
            let Some(stage) = Stage::of(one.state.code()) else { continue };
            if stage == Stage::Confirmed {
                *engaged.served.entry(one.recipient).or_default() += 1;
            }
            if let Some(key) = one.proposal.need.as_ref().and_then(key) {
                let held = engaged.needs.entry(key).or_insert(stage);
                *held = (*held).max(stage);
                if let Some(answered) = one.answered_ms() {
                    let first = engaged.answered.entry(key).or_insert(answered);
                    *first = (*first).min(answered);
                }
            }
            engaged.all.push(Listed { record, proposed_ms, stage, engagement: one });
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

    /// When somebody first answered a need, where that did not come to nothing.
    pub fn answered_ms(&self, need: &Key) -> Option<u64> {
        self.answered.get(need).copied()
    }

    /// Engagements that a recipient has confirmed.
    pub fn served(&self, party: &PartyId) -> u32 {
        self.served.get(party).copied().unwrap_or(0)
    }

    /// Each engagement: who provides, and how far it has come.
    pub fn all(&self) -> Vec<(PartyId, Stage)> {
        self.all.iter().map(|one| (one.engagement.provider, one.stage)).collect()
    }

    /// Each engagement, by the hash of its proposal.
    pub fn listed(&self) -> &[Listed] {
        &self.all
    }
}

fn key(named: &RecordRef) -> Option<Key> {
    Some((PartyId::from_slice(&named.party)?, RecordId::from_slice(&named.record_id)?))
}
