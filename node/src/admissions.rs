//! Who admits whom: what carriage and standing are decided from. Kept in step with the log by `ingest`.

mod words;

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use caphub_proto::v1::{Attestation, AttestationLevel};
use caphub_proto::wire::PartyId;
use tokio::sync::watch;

use crate::admissions::words::Words;
use crate::author::now_ms;

pub use words::Source;

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
    by_party: HashMap<PartyId, BTreeMap<PartyId, Words<Admission>>>,
    /// By the record that says so, which its hub may withdraw.
    recognised: HashMap<PartyId, HashMap<Vec<u8>, Words<PartyId>>>,
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
    /// Takes in what `hub` attests by an entry, which is void or counts; a later attestation of the same party replaces
    /// the earlier, in whatever order they arrive.
    pub fn attest(&self, hub: PartyId, attestation: &Attestation, source: Source, void: bool) {
        let Some(party) = PartyId::from_slice(&attestation.party) else { return };
        let level = match AttestationLevel::try_from(attestation.level).unwrap_or_default() {
            AttestationLevel::Member => Some(Level::Member),
            AttestationLevel::Guest => Some(Level::Guest),
            AttestationLevel::Ended | AttestationLevel::Unspecified => None,
        };
        let admission = level.map(|level| Admission {
            level,
            name: attestation.name.clone(),
            country: attestation.country.clone(),
            mandate: attestation.mandate.clone(),
            until_ms: end_of(&attestation.until),
        });
        let mut table = self.write();
        let words = table.by_party.entry(party).or_default().entry(hub).or_default();
        words.say(Some(source), admission, void);
        drop(table);
        self.1.send_modify(|n| *n += 1);
    }

    /// Takes in that `hub` recognises `other`, by a record of its own; without an entry, by its operator's decision.
    pub fn recognise(
        &self,
        hub: PartyId,
        record: Vec<u8>,
        other: PartyId,
        source: Option<Source>,
        void: bool,
    ) {
        let mut table = self.write();
        table.recognised.entry(hub).or_default().entry(record).or_default().say(source, Some(other), void);
        drop(table);
        self.1.send_modify(|n| *n += 1);
    }

    /// Takes in that `hub` withdraws the record of a recognition.
    pub fn withdraw(&self, hub: PartyId, record: &[u8], source: Option<Source>, void: bool) {
        let mut table = self.write();
        let known = table.recognised.get_mut(&hub).and_then(|r| r.get_mut(record));
        let gone = known.map(|words| words.say(source, None, void));
        drop(table);
        if gone.is_some() {
            self.1.send_modify(|n| *n += 1);
        }
    }

    /// A hub's keys, or what forks show of its feeds, have changed: which of its words count is judged again.
    pub fn recount(&self, hub: &PartyId, is_void: impl Fn(&Source) -> bool) {
        let mut table = self.write();
        let mut changed = false;
        for words in table.by_party.values_mut().filter_map(|hubs| hubs.get_mut(hub)) {
            changed |= words.recount(&is_void);
        }
        for words in table.recognised.get_mut(hub).into_iter().flat_map(HashMap::values_mut) {
            changed |= words.recount(&is_void);
        }
        drop(table);
        if changed {
            self.1.send_modify(|n| *n += 1);
        }
    }

    /// Says that links were added or removed: who stands where, and what is carried, may have changed.
    pub fn relinked(&self) {
        self.1.send_modify(|n| *n += 1);
    }

    /// A number that rises with every change.
    pub fn version(&self) -> u64 {
        *self.1.borrow()
    }

    /// Rises with every change: what was not carried before may be now.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.1.subscribe()
    }

    /// The hubs that admit a party, with their words.
    pub fn hubs_of(&self, party: &PartyId) -> Vec<(PartyId, Admission)> {
        let (table, now) = (self.read(), now_ms());
        let words = table.by_party.get(party).into_iter().flatten();
        let current = words.filter_map(|(hub, words)| Some((*hub, words.current()?)));
        current.filter(|(_, a)| now <= a.until_ms).map(|(h, a)| (h, a.clone())).collect()
    }

    /// One hub's word about a party.
    pub fn of(&self, hub: &PartyId, party: &PartyId) -> Option<Admission> {
        let table = self.read();
        let current = table.by_party.get(party)?.get(hub)?.current()?;
        Some(current).filter(|a| now_ms() <= a.until_ms).cloned()
    }

    /// Everybody that a hub admits.
    pub fn members(&self, hub: &PartyId) -> Vec<(PartyId, Admission)> {
        let (table, now) = (self.read(), now_ms());
        let admitted = table.by_party.iter().filter_map(|(p, hubs)| Some((*p, hubs.get(hub)?.current()?)));
        admitted.filter(|(_, a)| now <= a.until_ms).map(|(p, a)| (p, a.clone())).collect()
    }

    /// True where `hub` recognises `other`.
    pub fn recognises(&self, hub: &PartyId, other: &PartyId) -> bool {
        let table = self.read();
        table.recognised.get(hub).is_some_and(|r| r.values().any(|words| words.current() == Some(other)))
    }

    /// Everybody whom `hub` recognises.
    pub fn recognised_by(&self, hub: &PartyId) -> Vec<PartyId> {
        let table = self.read();
        let words = table.recognised.get(hub).into_iter().flat_map(HashMap::values);
        words.filter_map(|words| words.current().copied()).collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        // Each write replaces one value: a writer that panicked left none half done.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
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
    use caphub_proto::wire::{Audience, EntryHash, Feed, OperatorKey, Seq};

    fn source(hub: PartyId, seq: u64) -> Source {
        let feed = Feed::records(hub, OperatorKey([7; 32]), Audience::Public);
        Source { feed, seq: Seq::new(seq).expect("a place"), hash: EntryHash([8; 32]), time_ms: seq }
    }

    fn attested(until: &str) -> bool {
        let (hub, party) = (PartyId([1; 32]), PartyId([2; 32]));
        let admissions = Admissions::default();
        let level = AttestationLevel::Member.into();
        let until = until.to_owned();
        let attestation = Attestation { party: party.to_vec(), level, until, ..Attestation::default() };
        admissions.attest(hub, &attestation, source(hub, 1), false);
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
        admissions.recognise(hub, vec![1], other, Some(source(hub, 1)), false);
        admissions.withdraw(hub, &[2], Some(source(hub, 2)), false);
        assert!(admissions.recognises(&hub, &other) && !admissions.recognises(&other, &hub));
        admissions.withdraw(hub, &[1], Some(source(hub, 3)), false);
        assert!(!admissions.recognises(&hub, &other));
        let mut changes = admissions.watch();
        changes.mark_unchanged();
        admissions.recount(&hub, |s| s.seq.value() > 2);
        assert!(admissions.recognises(&hub, &other) && changes.has_changed().expect("a sender"));
        admissions.recount(&hub, |_| true);
        assert!(!admissions.recognises(&hub, &other));
    }
}
