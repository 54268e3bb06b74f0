//! The small tables: who admits whom, which hubs recognise each other, how nodes are reached. Kept in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{AttestationLevel, NodeCard, Recognition};
use caphub_proto::wire::{EntryHash, Feed, OperatorKey, PartyId};

use super::held::Held;
use super::key::RecordKey;

/// Most rows of all tables together, about 400 bytes each; records beyond them are kept but not in a table.
pub(super) const ROWS_MAX: usize = 262_144;

/// What a hub says about a party, in its latest counted attestation of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admission {
    /// Who says it.
    pub hub: PartyId,
    /// Of whom.
    pub party: PartyId,
    /// Member, guest or ended.
    pub level: AttestationLevel,
    /// The mandate shown.
    pub mandate: String,
    /// The name under which the party was admitted.
    pub name: String,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
    /// ISO 8601 date of the last day; empty where it does not expire.
    pub until: String,
    /// The feed that says it: who may read that may know it.
    pub feed: Feed,
    /// The attestation.
    pub record: RecordKey,
    /// Its author's claim, milliseconds since 1970 UTC.
    pub time_ms: u64,
}

impl Admission {
    /// True where it admits on a day (ISO 8601): neither ended nor expired.
    pub fn admits_on(&self, day: &str) -> bool {
        // ISO dates of one length sort as text.
        self.level != AttestationLevel::Ended && (self.until.is_empty() || self.until.as_str() >= day)
    }
}

/// How to reach a node, by its hub's latest counted card.
#[derive(Clone, PartialEq, Debug)]
pub struct Card {
    /// Whose node it is.
    pub hub: PartyId,
    /// What the card says.
    pub card: NodeCard,
    /// The feed that says it.
    pub feed: Feed,
    /// Its author's claim, milliseconds since 1970 UTC.
    pub time_ms: u64,
}

/// A row, by the record that makes it.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Row {
    Admission(Admission, EntryHash),
    Recognition(PartyId, Recognition),
    Card(Card, EntryHash),
}

impl Row {
    /// The row of a counted revision; `None` where its kind has no table.
    pub(super) fn of(held: &Held) -> Option<Self> {
        let (hub, feed, time_ms) = (held.party(), held.feed, held.time_ms);
        match held.revision.record.as_ref()? {
            Record::Attestation(a) => {
                let admission = Admission {
                    hub,
                    party: PartyId::from_slice(&a.party)?,
                    level: AttestationLevel::try_from(a.level).ok()?,
                    mandate: a.mandate.clone(),
                    name: a.name.clone(),
                    country: a.country.clone(),
                    until: a.until.clone(),
                    feed,
                    record: held.key(),
                    time_ms,
                };
                Some(Self::Admission(admission, held.hash))
            }
            Record::Recognition(r) => Some(Self::Recognition(hub, r.clone())),
            Record::NodeCard(c) => Some(Self::Card(Card { hub, card: c.clone(), feed, time_ms }, held.hash)),
            _ => None,
        }
    }
}

/// All rows, found by record and by party.
#[derive(Default, Debug)]
pub(super) struct Tables {
    rows: HashMap<RecordKey, Row>,
    /// Records with attestations of a party.
    attested: HashMap<PartyId, BTreeSet<RecordKey>>,
}

impl Tables {
    /// Puts the row of a record in place of its former one; false where the tables are full.
    pub(super) fn set(&mut self, key: RecordKey, row: Option<Row>) -> bool {
        if let Some(Row::Admission(former, _)) = self.rows.remove(&key)
            && let Some(records) = self.attested.get_mut(&former.party)
        {
            records.remove(&key);
            if records.is_empty() {
                self.attested.remove(&former.party);
            }
        }
        let Some(row) = row else { return true };
        if self.rows.len() >= ROWS_MAX {
            return false;
        }
        if let Row::Admission(admission, _) = &row {
            self.attested.entry(admission.party).or_default().insert(key);
        }
        self.rows.insert(key, row);
        true
    }

    /// The latest word of each hub about a party.
    pub(super) fn of(&self, party: &PartyId) -> Vec<Admission> {
        let keys = self.attested.get(party).into_iter().flatten();
        latest(keys.filter_map(|key| self.rows.get(key)))
    }

    /// The latest word of each hub about each party.
    pub(super) fn admissions(&self) -> Vec<Admission> {
        latest(self.rows.values())
    }

    /// Hubs that each hub recognises.
    pub(super) fn recognitions(&self) -> BTreeMap<PartyId, BTreeSet<PartyId>> {
        let mut out: BTreeMap<PartyId, BTreeSet<PartyId>> = BTreeMap::new();
        for row in self.rows.values() {
            if let Row::Recognition(hub, recognised) = row
                && let Some(other) = PartyId::from_slice(&recognised.hub)
            {
                out.entry(*hub).or_default().insert(other);
            }
        }
        out
    }

    /// The latest card of each node of each hub.
    pub(super) fn cards(&self) -> Vec<Card> {
        let mut newest: BTreeMap<(PartyId, OperatorKey), (u64, EntryHash, &Card)> = BTreeMap::new();
        for row in self.rows.values() {
            if let Row::Card(card, hash) = row
                && let Some(node) = OperatorKey::from_slice(&card.card.node_key)
            {
                let best = newest.entry((card.hub, node)).or_insert((card.time_ms, *hash, card));
                if (best.0, best.1) < (card.time_ms, *hash) {
                    *best = (card.time_ms, *hash, card);
                }
            }
        }
        newest.into_values().map(|(_, _, card)| card.clone()).collect()
    }
}

/// One admission for each hub and party: the newest by the hub's own clock, then by hash.
fn latest<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Admission> {
    let mut newest: BTreeMap<(PartyId, PartyId), (u64, EntryHash, &Admission)> = BTreeMap::new();
    for row in rows {
        let Row::Admission(admission, hash) = row else { continue };
        let rank = (admission.time_ms, *hash, admission);
        let best = newest.entry((admission.party, admission.hub)).or_insert(rank);
        if (best.0, best.1) < (rank.0, rank.1) {
            *best = rank;
        }
    }
    newest.into_values().map(|(_, _, admission)| admission.clone()).collect()
}
