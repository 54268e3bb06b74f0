//! Who takes how much room: counted as entries come in, and again from what is held after a start and where admissions
//! or links have changed.

use std::collections::HashMap;
use std::sync::PoisonError;

use caphub_proto::wire::identity::IdentityLog;
use caphub_proto::wire::{Feed, PartyId, Reason};

use super::{Checked, Ingest};
use crate::carriage::Carried;
use crate::identities::{STRANGER_BYTES_MAX, STRANGER_EVENTS_MAX, STRANGERS_BYTES_MAX, STRANGERS_MAX};

/// Entries, or identity logs of strangers, and their bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Room {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl Room {
    pub(super) fn add(&mut self, more: Self) {
        self.entries += more.entries;
        self.bytes += more.bytes;
    }

    fn take_back(&mut self, less: Self) {
        self.entries = self.entries.saturating_sub(less.entries);
        self.bytes = self.bytes.saturating_sub(less.bytes);
    }

    /// Whether it still fits with more in it.
    fn fits(self, more: Self, most: Self) -> Result<(), Reason> {
        match (self.entries + more.entries <= most.entries, self.bytes + more.bytes <= most.bytes) {
            (false, _) => Err(Reason::Quota),
            (true, false) => Err(Reason::QuotaBytes),
            (true, true) => Ok(()),
        }
    }

    fn shares(self, most: Self) -> [f64; 2] {
        let share = |used: u64, of: u64| if of == 0 { 0.0 } else { used as f64 / of as f64 };
        [share(self.entries, most.entries), share(self.bytes, most.bytes)]
    }
}

/// Room of all strangers together.
const STRANGERS: Room = Room { entries: STRANGERS_MAX as u64, bytes: STRANGERS_BYTES_MAX };

#[derive(Default)]
pub(super) struct Usage {
    pub(super) by_party: HashMap<PartyId, Room>,
    by_hub: HashMap<PartyId, Room>,
    guests: Room,
    /// Identity logs of parties that nobody has admitted.
    strangers: Room,
    /// The admissions by which hubs, guests and strangers were counted; `None` before the first count.
    pub(super) counted: Option<u64>,
}

impl Usage {
    fn add(&mut self, party: PartyId, carried: Carried, more: Room) {
        self.by_party.entry(party).or_default().add(more);
        match carried {
            Carried::Member { hub } => self.by_hub.entry(hub).or_default().add(more),
            Carried::Guest => self.guests.add(more),
            Carried::Own | Carried::Peer => {}
        }
    }

    fn take_back(&mut self, party: PartyId, carried: Carried, less: Room) {
        let take = |held: &mut Room| held.take_back(less);
        self.by_party.get_mut(&party).map(take);
        match carried {
            Carried::Member { hub } => drop(self.by_hub.get_mut(&hub).map(take)),
            Carried::Guest => take(&mut self.guests),
            Carried::Own | Carried::Peer => {}
        }
    }

    fn of_party(&self, party: &PartyId) -> Room {
        self.by_party.get(party).copied().unwrap_or_default()
    }
}

/// How much room a party has here, and how much of it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartyRoom {
    /// Why its feeds are carried, or why not.
    pub carried: Result<Carried, Reason>,
    /// Entries that it holds.
    pub entries: u64,
    /// Most of them.
    pub entries_max: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Most of them.
    pub bytes_max: u64,
    /// True where all members of its hub, or all guests, together have no room left.
    pub others_full: bool,
}

impl PartyRoom {
    /// True where it has no room left of its own.
    pub fn is_full(&self) -> bool {
        self.entries >= self.entries_max || self.bytes >= self.bytes_max
    }
}

impl Ingest {
    /// Whether the feeds of a party that stands at the door are carried, and within which room.
    pub fn room_of(&self, party: &PartyId) -> PartyRoom {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.holds(&mut usage, |_| Ok(()));
        let (carried, held) = (self.decide(party, true), usage.of_party(party));
        let full = |room: Room, most: Room| room.fits(Room { entries: 1, bytes: 1 }, most).is_err();
        let (most, others_full) = match carried {
            Ok(Carried::Member { hub }) => {
                let all = usage.by_hub.get(&hub).copied().unwrap_or_default();
                (self.party_room(), full(all, self.hub_room()))
            }
            Ok(Carried::Guest) => (self.guest_room(), full(usage.guests, self.guests_room())),
            Ok(Carried::Own | Carried::Peer) | Err(_) => (self.party_room(), false),
        };
        let Room { entries, bytes } = held;
        PartyRoom { carried, entries, entries_max: most.entries, bytes, bytes_max: most.bytes, others_full }
    }

    /// The share of each quota that its fullest holder uses, 0 to 1.
    pub fn quotas_used(&self) -> [(&'static str, f64); 8] {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.holds(&mut usage, |_| Ok(()));
        let most = |rooms: &HashMap<PartyId, Room>| {
            let others = rooms.iter().filter(|(party, _)| **party != self.own);
            others.fold(Room::default(), |most, (_, room)| Room {
                entries: most.entries.max(room.entries),
                bytes: most.bytes.max(room.bytes),
            })
        };
        let [hub, hub_bytes] = most(&usage.by_hub).shares(self.hub_room());
        let [party, party_bytes] = most(&usage.by_party).shares(self.party_room());
        let [guests, guests_bytes] = usage.guests.shares(self.guests_room());
        let [strangers, strangers_bytes] = usage.strangers.shares(STRANGERS);
        [
            ("hub", hub),
            ("hub_bytes", hub_bytes),
            ("party", party),
            ("party_bytes", party_bytes),
            ("guests", guests),
            ("guests_bytes", guests_bytes),
            ("strangers", strangers),
            ("strangers_bytes", strangers_bytes),
        ]
    }

    fn hub_room(&self) -> Room {
        Room { entries: self.quotas.hub_entries, bytes: self.quotas.hub_bytes }
    }

    fn party_room(&self) -> Room {
        Room { entries: self.quotas.party_entries, bytes: self.quotas.party_bytes }
    }

    fn guest_room(&self) -> Room {
        Room { entries: self.quotas.guest_entries, bytes: self.quotas.guest_bytes }
    }

    fn guests_room(&self) -> Room {
        Room { entries: self.quotas.guests_entries, bytes: self.quotas.guests_bytes }
    }

    /// Takes room of the quota at the check: several runs of one message, or of several at once, share what is left.
    pub(super) fn within_quota(&self, party: &PartyId, carried: Carried, more: Room) -> Result<(), Reason> {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let within = |usage: &Usage| {
            let held = usage.of_party(party);
            match carried {
                Carried::Own | Carried::Peer => Ok(()),
                Carried::Member { hub } => {
                    held.fits(more, self.party_room())?;
                    usage.by_hub.get(&hub).copied().unwrap_or_default().fits(more, self.hub_room())
                }
                Carried::Guest => {
                    held.fits(more, self.guest_room())?;
                    usage.guests.fits(more, self.guests_room())
                }
            }
        };
        self.holds(&mut usage, within)?;
        usage.add(*party, carried, more);
        Ok(())
    }

    /// Strangers' identities are few and short: what others need has its own room. `bytes` are those of a run of the log.
    pub(super) fn room_for_stranger(&self, feed: &Feed, log: &IdentityLog, bytes: u64) -> Result<(), Reason> {
        let party = &feed.party;
        let more = Room { entries: u64::from(self.identities.state(party).is_none()), bytes };
        let one = Room { entries: STRANGER_EVENTS_MAX, bytes: STRANGER_BYTES_MAX };
        let events = log.head().map_or(0, |head| head.seq.value());
        let short = Room { entries: events, bytes: self.store.feed_bytes(&feed.id()) };
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let bounded = short
            .fits(Room { entries: 0, bytes }, one)
            .and_then(|()| self.holds(&mut usage, |usage| usage.strangers.fits(more, STRANGERS)));
        // Admitted since it came: it is no stranger.
        let admitted = || matches!(self.decide(party, false), Ok(Carried::Member { .. } | Carried::Peer));
        if let Err(reason) = bounded
            && !admitted()
        {
            return Err(reason);
        }
        usage.strangers.add(more);
        Ok(())
    }

    /// Whether a bound holds, by counts that are as new as the admissions where it does not.
    fn holds(&self, usage: &mut Usage, within: impl Fn(&Usage) -> Result<(), Reason>) -> Result<(), Reason> {
        let version = self.admissions.version();
        let fresh = usage.counted == Some(version);
        if usage.counted.is_none() || (within(usage).is_err() && !fresh) {
            self.count(usage);
            usage.counted = Some(version);
        }
        within(usage)
    }

    /// Counts by what is held who takes room of which hub, of the guests and of strangers: after a start, and where
    /// admissions or links have changed.
    fn count(&self, usage: &mut Usage) {
        (usage.by_hub, usage.guests, usage.strangers) = Default::default();
        for (party, held) in &usage.by_party {
            match self.decide(party, true) {
                Ok(Carried::Member { hub }) => usage.by_hub.entry(hub).or_default().add(*held),
                Ok(Carried::Guest) => usage.guests.add(*held),
                Ok(Carried::Own | Carried::Peer) | Err(_) => {}
            }
        }
        let parties = self.identities.parties();
        for party in parties.into_iter().filter(|party| self.decide(party, false).is_err()) {
            let bytes = self.store.feed_bytes(&Feed::identity(party).id());
            usage.strangers.add(Room { entries: 1, bytes });
        }
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
            (usage.strangers, usage.counted) = (STRANGERS, Some(hub.admissions.version()));
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

    #[tokio::test]
    async fn bytes_are_counted_beside_entries_and_after_a_restart_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (one, two) = (written(&path("one"), 3).await, written(&path("two"), 1).await);
        let bytes = |run: &v1::Run| run.entries.len() as u64;
        let quotas = Quotas { party_bytes: bytes(&one.2), hub_bytes: bytes(&one.2) + 1, ..Quotas::default() };
        let hub = party(&path("hub"), false, quotas).await;
        attest(&hub, one.0, AttestationLevel::Member, 1);
        attest(&hub, two.0, AttestationLevel::Member, 2);
        for run in [&one.1, &one.2, &two.1] {
            take(&hub, run, Origin::Peer).await.unwrap();
        }
        assert_eq!(take(&hub, &two.2, Origin::Peer).await, Err(Reason::QuotaBytes), "the hub's");
        let id = hub.party;
        drop(hub);
        let quotas = Quotas { hub_bytes: bytes(&one.2) + bytes(&two.2) - 1, ..quotas };
        // The index alone knows how many bytes a feed has; without it they are counted again.
        for rebuilt in [false, true] {
            if rebuilt {
                std::fs::remove_dir_all(path("hub").join("store/index")).unwrap();
            }
            let hub = Core::open(&path("hub"), id, false, quotas).unwrap();
            attest(&hub, one.0, AttestationLevel::Member, 1);
            attest(&hub, two.0, AttestationLevel::Member, 2);
            assert_eq!(take(&hub, &two.2, Origin::Peer).await, Err(Reason::QuotaBytes));
            let used: HashMap<_, _> = hub.ingest.quotas_used().into_iter().collect();
            assert!(used["party_bytes"] == 1.0 && used["hub_bytes"] < 1.0, "{used:?}");
        }
        let hub =
            Core::open(&path("hub"), id, false, Quotas { party_bytes: bytes(&two.2) - 1, ..quotas }).unwrap();
        attest(&hub, two.0, AttestationLevel::Member, 2);
        assert_eq!(take(&hub, &two.2, Origin::Peer).await, Err(Reason::QuotaBytes), "the party's");
    }

    #[tokio::test]
    async fn the_bytes_of_strangers_identities_are_bounded_for_each_and_for_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let hub = party(&path("hub"), false, Quotas::default()).await;
        let (one, two) = (written(&path("1"), 1).await, written(&path("2"), 1).await);
        let left = |bytes: u64| {
            let mut usage = hub.ingest.usage.lock().unwrap();
            let strangers = Room { entries: 1, bytes: STRANGERS_BYTES_MAX - bytes };
            (usage.strangers, usage.counted) = (strangers, Some(hub.admissions.version()));
        };
        left(one.1.entries.len() as u64 - 1);
        assert_eq!(take(&hub, &one.1, Origin::Caller(one.0)).await, Err(Reason::QuotaBytes));
        left(one.1.entries.len() as u64);
        assert_eq!(take(&hub, &one.1, Origin::Caller(one.0)).await, Ok(2));
        assert_eq!(take(&hub, &one.1, Origin::Caller(one.0)).await, Ok(0), "what is held takes no more room");
        assert_eq!(take(&hub, &two.1, Origin::Caller(two.0)).await, Err(Reason::QuotaBytes));
        // One stranger has room of its own, however much all have.
        left(STRANGERS_BYTES_MAX);
        let feed = Feed::identity(two.0);
        let log = hub.ingest.identities.judge(two.0, &two.1.entries).unwrap().1;
        let room = |bytes| hub.ingest.room_for_stranger(&feed, &log, bytes);
        assert_eq!(room(STRANGER_BYTES_MAX + 1), Err(Reason::QuotaBytes));
        assert_eq!(room(STRANGER_BYTES_MAX), Ok(()));
    }
}
