//! Who admits whom: what carriage and standing are decided from. Kept in step with the log by `ingest`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use caphub_proto::v1::{Attestation, AttestationLevel};
use caphub_proto::wire::PartyId;
use tokio::sync::watch;

use crate::author::now_ms;

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
    /// Last millisecond of the day on which it ends (UTC); `u64::MAX` where it does not.
    pub until_ms: u64,
}

#[derive(Default, Debug)]
struct Table {
    by_party: HashMap<PartyId, BTreeMap<PartyId, Admission>>,
    /// By the record that says so, which its hub may withdraw.
    recognised: HashMap<PartyId, HashMap<Vec<u8>, PartyId>>,
}

/// Admissions and recognitions of all hubs known here.
#[derive(Debug)]
pub struct Admissions(RwLock<Table>, watch::Sender<u64>);

impl Default for Admissions {
    fn default() -> Self {
        Self(RwLock::default(), watch::channel(0).0)
    }
}

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
                    until_ms: end_of(&attestation.until),
                };
                hubs.insert(hub, admission);
            }
        }
        drop(table);
        self.1.send_modify(|n| *n += 1);
    }

    /// Takes in that `hub` recognises `other`, by a record of its own.
    pub fn recognise(&self, hub: PartyId, record: Vec<u8>, other: PartyId) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        table.recognised.entry(hub).or_default().insert(record, other);
        drop(table);
        self.1.send_modify(|n| *n += 1);
    }

    /// Takes in that `hub` withdraws the record of a recognition.
    pub fn withdraw(&self, hub: PartyId, record: &[u8]) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let gone = table.recognised.get_mut(&hub).and_then(|r| r.remove(record));
        drop(table);
        if gone.is_some() {
            self.1.send_modify(|n| *n += 1);
        }
    }

    /// Says that links were added or removed: who stands where, and what is carried, may have changed.
    pub fn relinked(&self) {
        self.1.send_modify(|n| *n += 1);
    }

    /// Rises with every change: what was not carried before may be now.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.1.subscribe()
    }

    /// The hubs that admit a party, with their words.
    pub fn hubs_of(&self, party: &PartyId) -> Vec<(PartyId, Admission)> {
        let (table, now) = (self.read(), now_ms());
        let words = table.by_party.get(party).into_iter().flatten();
        words.filter(|(_, a)| now <= a.until_ms).map(|(h, a)| (*h, a.clone())).collect()
    }

    /// One hub's word about a party.
    pub fn of(&self, hub: &PartyId, party: &PartyId) -> Option<Admission> {
        self.read().by_party.get(party)?.get(hub).filter(|a| now_ms() <= a.until_ms).cloned()
    }

    /// Everybody that a hub admits.
    pub fn members(&self, hub: &PartyId) -> Vec<(PartyId, Admission)> {
        let (table, now) = (self.read(), now_ms());
        let admitted = table.by_party.iter().filter_map(|(p, hubs)| Some((*p, hubs.get(hub)?.clone())));
        admitted.filter(|(_, a)| now <= a.until_ms).collect()
    }

    /// True where `hub` recognises `other`.
    pub fn recognises(&self, hub: &PartyId, other: &PartyId) -> bool {
        self.read().recognised.get(hub).is_some_and(|r| r.values().any(|o| o == other))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        // Each write replaces one value: a writer that panicked left none half done.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a day, or never where none is named. A day that is not one was refused when it was signed.
fn end_of(day: &str) -> u64 {
    let date = day.parse::<jiff::civil::Date>().ok();
    let after = date.and_then(|d| d.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let ms = after.and_then(|z| u64::try_from(z.timestamp().as_millisecond()).ok());
    ms.map_or(u64::MAX, |ms| ms.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attested(until: &str) -> bool {
        let (hub, party) = (PartyId([1; 32]), PartyId([2; 32]));
        let admissions = Admissions::default();
        let level = AttestationLevel::Member.into();
        let until = until.to_owned();
        admissions
            .attest(hub, &Attestation { party: party.to_vec(), level, until, ..Attestation::default() });
        let admitted = admissions.of(&hub, &party).is_some();
        assert_eq!(
            admissions.hubs_of(&party).len() + admissions.members(&hub).len(),
            2 * usize::from(admitted)
        );
        admitted
    }

    #[test]
    fn an_admission_ends_after_the_day_that_it_names() {
        assert!(attested("") && attested("9999-01-01"));
        assert!(!attested("2020-02-29"));
        assert_eq!(end_of("1970-01-01"), 86_399_999);
    }

    #[test]
    fn a_recognition_lasts_until_its_record_is_withdrawn() {
        let (hub, other) = (PartyId([1; 32]), PartyId([3; 32]));
        let admissions = Admissions::default();
        admissions.recognise(hub, vec![1], other);
        admissions.withdraw(hub, &[2]);
        assert!(admissions.recognises(&hub, &other) && !admissions.recognises(&other, &hub));
        admissions.withdraw(hub, &[1]);
        assert!(!admissions.recognises(&hub, &other));
    }
}
