//! Who takes how much room: counted as entries come in, and again from what is held after a start and where admissions
//! or links have changed.

use std::collections::HashMap;
use std::sync::PoisonError;

use caphub_proto::wire::identity::IdentityLog;
use caphub_proto::wire::{PartyId, Reason};

use super::{Checked, Ingest};
use crate::carriage::Carried;
use crate::identities::{STRANGER_EVENTS_MAX, STRANGERS_MAX};

#[derive(Default)]
pub(super) struct Usage {
    pub(super) by_party: HashMap<PartyId, u64>,
    by_hub: HashMap<PartyId, u64>,
    guests: u64,
    /// Parties whose identity is held, and which nobody has admitted.
    strangers: usize,
    /// The admissions by which hubs, guests and strangers were counted; `None` before the first count.
    pub(super) counted: Option<u64>,
}

impl Usage {
    fn add(&mut self, party: PartyId, carried: Carried, count: u64) {
        *self.by_party.entry(party).or_default() += count;
        match carried {
            Carried::Member { hub } => *self.by_hub.entry(hub).or_default() += count,
            Carried::Guest => self.guests += count,
            Carried::Own | Carried::Peer => {}
        }
    }

    fn take_back(&mut self, party: PartyId, carried: Carried, count: u64) {
        let less = |held: &mut u64| *held = held.saturating_sub(count);
        self.by_party.get_mut(&party).map(less);
        match carried {
            Carried::Member { hub } => drop(self.by_hub.get_mut(&hub).map(less)),
            Carried::Guest => less(&mut self.guests),
            Carried::Own | Carried::Peer => {}
        }
    }
}

impl Ingest {
    /// The share of each quota that its fullest holder uses, 0 to 1.
    pub fn quotas_used(&self) -> [(&'static str, f64); 3] {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        self.holds(&mut usage, |_| true);
        let share = |used: u64, of: u64| if of == 0 { 0.0 } else { used as f64 / of as f64 };
        let most = |counts: &HashMap<PartyId, u64>| {
            let others = counts.iter().filter(|(party, _)| **party != self.own);
            others.map(|(_, count)| *count).max().unwrap_or_default()
        };
        [
            ("hub", share(most(&usage.by_hub), self.quotas.hub_entries)),
            ("party", share(most(&usage.by_party), self.quotas.party_entries)),
            ("guests", share(usage.guests, self.quotas.guests_entries)),
        ]
    }

    /// Takes places in the quota at the check: several runs of one message, or of several at once, share what is left.
    pub(super) fn within_quota(&self, party: &PartyId, carried: Carried, fresh: u64) -> Result<(), Reason> {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let within = |usage: &Usage| {
            let held = usage.by_party.get(party).copied().unwrap_or(0);
            match carried {
                Carried::Own | Carried::Peer => true,
                Carried::Member { hub } => {
                    held + fresh <= self.quotas.party_entries
                        && usage.by_hub.get(&hub).copied().unwrap_or(0) + fresh <= self.quotas.hub_entries
                }
                Carried::Guest => {
                    held + fresh <= self.quotas.guest_entries
                        && usage.guests + fresh <= self.quotas.guests_entries
                }
            }
        };
        if !self.holds(&mut usage, within) {
            return Err(Reason::Quota);
        }
        usage.add(*party, carried, fresh);
        Ok(())
    }

    /// Strangers' identities are few and short: what others need has its own room.
    pub(super) fn room_for_stranger(&self, party: &PartyId, log: &IdentityLog) -> Result<(), Reason> {
        let new = self.identities.state(party).is_none();
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let short = log.head().is_none_or(|head| head.seq.value() <= STRANGER_EVENTS_MAX);
        let room = !new || self.holds(&mut usage, |usage| usage.strangers < STRANGERS_MAX);
        // Admitted since it came: it is no stranger.
        let admitted = || matches!(self.decide(party, false), Ok(Carried::Member { .. } | Carried::Peer));
        let bounded = short && room;
        if !bounded && !admitted() {
            return Err(Reason::Quota);
        }
        usage.strangers += usize::from(new);
        Ok(())
    }

    /// Whether a bound holds, by counts that are as new as the admissions where it does not.
    fn holds(&self, usage: &mut Usage, within: impl Fn(&Usage) -> bool) -> bool {
        let version = self.admissions.version();
        let fresh = usage.counted == Some(version);
        if usage.counted.is_none() || (!within(usage) && !fresh) {
            self.count(usage);
            usage.counted = Some(version);
        }
        within(usage)
    }

    /// Counts by what is held who takes room of which hub, of the guests and of strangers: after a start, and where
    /// admissions or links have changed.
    fn count(&self, usage: &mut Usage) {
        (usage.by_hub, usage.guests) = Default::default();
        for (party, count) in &usage.by_party {
            match self.decide(party, true) {
                Ok(Carried::Member { hub }) => *usage.by_hub.entry(hub).or_default() += count,
                Ok(Carried::Guest) => usage.guests += count,
                Ok(Carried::Own | Carried::Peer) | Err(_) => {}
            }
        }
        let nobodys = |party: &&PartyId| self.decide(party, false).is_err();
        usage.strangers = self.identities.parties().iter().filter(nobodys).count();
    }

    /// Gives back the places of what was not stored.
    pub(super) fn not_stored(&self, checked: &Checked) {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.take_back(checked.party, checked.carried, checked.counted);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use caphub_proto::v1::revision::Record;
    use caphub_proto::v1::{self, Attestation, AttestationLevel, Course, LocalisedText};
    use caphub_proto::wire::identity::Capabilities;
    use caphub_proto::wire::{Audience, EntryHash, Feed, OperatorKey, Seq};

    use super::*;
    use crate::admissions::Source;
    use crate::author::{Author, feed_parts};
    use crate::carriage::Quotas;
    use crate::core::Core;
    use crate::founding::{NewParty, found};
    use crate::ingest::Origin;
    use crate::keys::{KeyName, KeyRing};

    async fn party(folder: &Path, everything: bool, quotas: Quotas) -> Core {
        let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "x", passphrase: None };
        found(folder, &new, everything, quotas).await.unwrap().core
    }

    /// A party's identity, and a feed with so many courses, as they travel.
    async fn written(folder: &Path, courses: usize) -> (PartyId, v1::Run, v1::Run) {
        let core = party(folder, true, Quotas::default()).await;
        let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).unwrap();
        let author = Author::new(core.party, signer);
        let text = LocalisedText { language: "en".to_owned(), text: "x".to_owned(), ..Default::default() };
        let course = || Record::Course(Course { title: Some(text.clone()), ..Course::default() });
        let records: Vec<_> = (0..courses).map(|_| Author::first(course()).unwrap()).collect();
        author.publish(&core, Audience::Public, &records).await.unwrap();
        let run = |feed: &Feed| {
            let packed = core.store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap();
            let packed: Vec<u8> = packed.iter().flat_map(|run| run.packed.to_vec()).collect();
            v1::Run { feed: Some(feed_parts(feed)), entries: packed.into() }
        };
        (core.party, run(&Feed::identity(core.party)), run(&author.feed(Audience::Public)))
    }

    async fn take(core: &Core, run: &v1::Run, origin: Origin) -> Result<u64, Reason> {
        core.ingest.take(vec![run.clone()], origin).await.remove(0).result.map(|s| s.stored)
    }

    fn attest(core: &Core, party: PartyId, level: AttestationLevel, seq: u64) {
        let feed = Feed::records(core.party, OperatorKey([7; 32]), Audience::Public);
        let source = Source { feed, seq: Seq::new(seq).unwrap(), hash: EntryHash([8; 32]), time_ms: seq };
        let attestation =
            Attestation { party: party.to_vec(), level: level.into(), ..Attestation::default() };
        core.admissions.attest(core.party, &attestation, source, false);
    }

    #[tokio::test]
    async fn what_members_of_a_hub_hold_counts_after_a_restart_too_and_until_they_are_members_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let quotas = Quotas { hub_entries: 3, ..Quotas::default() };
        let hub = party(&path("hub"), false, quotas).await;
        let (one, two) = (written(&path("one"), 3).await, written(&path("two"), 1).await);
        attest(&hub, one.0, AttestationLevel::Member, 1);
        for run in [&one.1, &one.2, &two.1] {
            take(&hub, run, Origin::Peer).await.unwrap();
        }
        let id = hub.party;
        drop(hub);
        let hub = Core::open(&path("hub"), id, false, quotas).unwrap();
        attest(&hub, one.0, AttestationLevel::Member, 1);
        attest(&hub, two.0, AttestationLevel::Member, 2);
        assert_eq!(take(&hub, &two.2, Origin::Caller(two.0)).await, Err(Reason::Quota));
        attest(&hub, one.0, AttestationLevel::Ended, 3);
        assert_eq!(take(&hub, &two.2, Origin::Caller(two.0)).await, Ok(1));
    }

    #[tokio::test]
    async fn strangers_leave_room_for_the_identities_of_members_and_of_what_linked_hubs_bring() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let hub = party(&path("hub"), false, Quotas::default()).await;
        let (one, two, three) =
            (written(&path("1"), 1).await, written(&path("2"), 1).await, written(&path("3"), 1).await);
        let full = || {
            let mut usage = hub.ingest.usage.lock().unwrap();
            (usage.strangers, usage.counted) = (STRANGERS_MAX, Some(hub.admissions.version()));
        };
        full();
        assert_eq!(take(&hub, &one.1, Origin::Caller(one.0)).await, Err(Reason::Quota));
        assert_eq!(take(&hub, &two.1, Origin::Peer).await, Ok(2));
        attest(&hub, three.0, AttestationLevel::Member, 1);
        full();
        assert_eq!(take(&hub, &three.1, Origin::Caller(three.0)).await, Ok(2));
        // What changes who is a stranger counts them again.
        attest(&hub, PartyId([5; 32]), AttestationLevel::Member, 2);
        assert_eq!(take(&hub, &one.1, Origin::Caller(one.0)).await, Ok(2));
    }
}
