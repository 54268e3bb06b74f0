//! Whose feeds a node carries, and within which quota (design section 8). Pure: tables in, decision out.

use std::collections::HashSet;

use caphub_proto::wire::{PartyId, Reason};
use serde::Deserialize;

use crate::admissions::{Admissions, Level};

/// Quotas of a node, as its configuration may state them: counts of entries, and of their bytes as they are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// All parties that one hub attests, together.
    pub hub_entries: u64,
    /// Their bytes.
    pub hub_bytes: u64,
    /// One of them, with however many signing keys.
    pub party_entries: u64,
    /// Its bytes.
    pub party_bytes: u64,
    /// One organisation that no hub has admitted; 0 turns guests away.
    pub guest_entries: u64,
    /// Its bytes.
    pub guest_bytes: u64,
    /// All of them together.
    pub guests_entries: u64,
    /// Their bytes.
    pub guests_bytes: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            hub_entries: 5_000_000,
            hub_bytes: 16 << 30,
            party_entries: 1_000_000,
            party_bytes: 4 << 30,
            guest_entries: 64,
            guest_bytes: 512 << 10,
            guests_entries: 20_000,
            guests_bytes: 64 << 20,
        }
    }
}

/// Why a feed is carried, and so what it may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carried {
    /// The node's own party, or a replica that takes what its hub serves.
    Own,
    /// A linked or recognised hub.
    Peer,
    /// A member of this hub, of a linked or of a recognised hub; the quota is that hub's.
    Member {
        /// The hub that attests it.
        hub: PartyId,
    },
    /// Nobody admitted it yet: public needs within the guests' quota.
    Guest,
}

/// What a decision is made from.
pub struct Policy<'a> {
    /// The node's party.
    pub own: PartyId,
    /// A replica carries whatever its hub serves.
    pub everything: bool,
    /// Linked hubs.
    pub peers: &'a HashSet<PartyId>,
    /// Who admits whom.
    pub admissions: &'a Admissions,
    /// Bounds.
    pub quotas: Quotas,
}

impl Policy<'_> {
    /// Whether and why the feeds of `party` are carried; `guest_at_the_door` where the party itself, or a
    /// linked hub, brings them.
    pub fn decide(&self, party: &PartyId, guest_at_the_door: bool) -> Result<Carried, Reason> {
        if self.everything || *party == self.own {
            return Ok(Carried::Own);
        }
        if self.peers.contains(party) || self.admissions.recognises(&self.own, party) {
            return Ok(Carried::Peer);
        }
        let hubs = self.admissions.hubs_of(party);
        let trusted = hubs.iter().filter(|(hub, _)| {
            *hub == self.own || self.peers.contains(hub) || self.admissions.recognises(&self.own, hub)
        });
        let best = trusted.max_by_key(|(hub, a)| (a.level, *hub == self.own));
        match best {
            Some((hub, admission)) if admission.level == Level::Member => Ok(Carried::Member { hub: *hub }),
            Some(_) => Ok(Carried::Guest),
            None if guest_at_the_door && self.quotas.guest_entries > 0 => Ok(Carried::Guest),
            None => Err(Reason::NotCarried),
        }
    }
}
