//! What a caller is here, and so what it may read (design sections 5 and 6).

use caphub_proto::wire::PartyId;

use crate::admissions::Level;
use crate::core::Core;
use crate::entitlement::Viewer;

/// A caller's place, looked up at each request because it changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The node's own party.
    Own,
    /// A linked hub.
    Peer,
    /// A member of this hub.
    Member,
    /// A guest of this hub.
    Guest,
    /// A recognised hub, or a member of a hub that this one is linked with or recognises.
    NetworkMember,
    /// Anybody else with an identity.
    Applicant,
}

impl Standing {
    /// Looks a party up.
    pub fn of(core: &Core, party: &PartyId) -> Self {
        if *party == core.party {
            return Self::Own;
        }
        if core.ingest.is_peer(party) {
            return Self::Peer;
        }
        match core.admissions.of(&core.party, party).map(|a| a.level) {
            Some(Level::Member) => return Self::Member,
            Some(Level::Guest) => return Self::Guest,
            None => {}
        }
        let trusted =
            |hub: &PartyId| core.ingest.is_peer(hub) || core.admissions.recognises(&core.party, hub);
        // A recognised hub reads as its members do.
        if trusted(party) {
            return Self::NetworkMember;
        }
        let admitted = core.admissions.hubs_of(party);
        match admitted.iter().any(|(hub, a)| a.level == Level::Member && trusted(hub)) {
            true => Self::NetworkMember,
            false => Self::Applicant,
        }
    }

    /// The word that travels in Hello.
    pub fn code(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Peer => "peer",
            Self::Member => "member",
            Self::Guest => "guest",
            Self::NetworkMember => "network_member",
            Self::Applicant => "applicant",
        }
    }

    /// What it may read.
    pub fn viewer(self, core: &Core, party: PartyId) -> Viewer {
        let network = matches!(self, Self::Own | Self::Peer | Self::Member | Self::NetworkMember);
        // A hub's own nodes read what is for that hub; members read what is for each hub that admits them.
        let mut hubs: Vec<PartyId> = core
            .admissions
            .hubs_of(&party)
            .into_iter()
            .filter(|(_, a)| a.level == Level::Member)
            .map(|(hub, _)| hub)
            .collect();
        hubs.push(party);
        Viewer { parties: vec![party], hubs, network, all: false, opened: false }
    }
}
