//! Who admits whom: what carriage and standing are decided from. Kept in step with the log by `ingest`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use caphub_proto::v1::{Attestation, AttestationLevel};
use caphub_proto::wire::PartyId;

/// How far a hub admits a party.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Within the guests' quota.
    Guest,
    /// In full.
    Member,
}

/// One hub's word about one party.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admission {
    /// In full or as a guest.
    pub level: Level,
    /// The name under which the party was admitted.
    pub name: String,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
    /// The mandate shown.
    pub mandate: String,
}

#[derive(Default, Debug)]
struct Table {
    by_party: HashMap<PartyId, BTreeMap<PartyId, Admission>>,
    recognised: HashMap<PartyId, HashSet<PartyId>>,
}

/// Admissions and recognitions of all hubs known here.
#[derive(Default, Debug)]
pub struct Admissions(RwLock<Table>, AtomicU64);

impl Admissions {
    /// Takes in what `hub` attests; a later attestation of the same party replaces the earlier.
    pub fn attest(&self, hub: PartyId, attestation: &Attestation) {
        let Some(party) = PartyId::from_slice(&attestation.party) else { return };
        let level = match AttestationLevel::try_from(attestation.level).unwrap_or_default() {
            AttestationLevel::Member => Some(Level::Member),
            AttestationLevel::Guest => Some(Level::Guest),
            AttestationLevel::Ended | AttestationLevel::Unspecified => None,
        };
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let hubs = table.by_party.entry(party).or_default();
        match level {
            None => {
                hubs.remove(&hub);
            }
            Some(level) => {
                let admission = Admission {
                    level,
                    name: attestation.name.clone(),
                    country: attestation.country.clone(),
                    mandate: attestation.mandate.clone(),
                };
                hubs.insert(hub, admission);
            }
        }
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes in that `hub` recognises `other`.
    pub fn recognise(&self, hub: PartyId, other: PartyId) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        table.recognised.entry(hub).or_default().insert(other);
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    /// Rises with every change: what was not carried before may be now.
    pub fn version(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    /// The hubs that admit a party, with their words.
    pub fn hubs_of(&self, party: &PartyId) -> Vec<(PartyId, Admission)> {
        let table = self.read();
        table.by_party.get(party).into_iter().flatten().map(|(h, a)| (*h, a.clone())).collect()
    }

    /// One hub's word about a party.
    pub fn of(&self, hub: &PartyId, party: &PartyId) -> Option<Admission> {
        self.read().by_party.get(party)?.get(hub).cloned()
    }

    /// Everybody that a hub admits.
    pub fn members(&self, hub: &PartyId) -> Vec<(PartyId, Admission)> {
        let table = self.read();
        let admitted = table.by_party.iter().filter_map(|(p, hubs)| Some((*p, hubs.get(hub)?.clone())));
        admitted.collect()
    }

    /// True where `hub` recognises `other`.
    pub fn recognises(&self, hub: &PartyId, other: &PartyId) -> bool {
        self.read().recognised.get(hub).is_some_and(|r| r.contains(other))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        // Each write replaces one value: a writer that panicked left none half done.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
