//! Who may read what (design section 5): one rule for every path on which entries or records leave a node.

use std::collections::BTreeSet;

use caphub_proto::wire::{Audience, Feed, PartyId};

/// A caller, as far as reading goes: what follows from its identity, admissions and the node's links.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Viewer {
    /// Its own parties: their feeds are always readable, whatever the audience.
    pub parties: Vec<PartyId>,
    /// Hubs that it belongs to, as a member or as a node of theirs.
    pub hubs: Vec<PartyId>,
    /// A peer, a member of a peer or a member of this node.
    pub network: bool,
    /// The node's operator, or a replica that reads its own store.
    pub all: bool,
}

/// The same right as sets, from which `may_read` and the views' queries both decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// No limit.
    Everything,
    /// Public feeds, and what is listed.
    Limited {
        /// Feeds for the network, sealed ones included.
        network: bool,
        /// Feeds for these hubs.
        hubs: BTreeSet<PartyId>,
        /// All feeds of these parties.
        parties: BTreeSet<PartyId>,
    },
}

impl Viewer {
    /// Anybody: public feeds only.
    pub fn public() -> Self {
        Self::default()
    }

    /// No limit.
    pub fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// True where the caller may read entries of this feed.
    pub fn may_read(&self, feed: &Feed) -> bool {
        if self.all || self.parties.contains(&feed.party) {
            return true;
        }
        match feed.audience() {
            Audience::Public => true,
            // Sealed bodies are carried like `network`: whoever reads the entry cannot open the body.
            Audience::Network | Audience::Sealed(_) => self.network,
            // A hub's own caller belongs to that hub by being it.
            Audience::Hub(hub) => self.hubs.contains(&hub) || self.parties.contains(&hub),
        }
    }

    /// The right as sets; grants exactly the feeds that `may_read` grants.
    pub fn scope(&self) -> Scope {
        if self.all {
            return Scope::Everything;
        }
        Scope::Limited {
            network: self.network,
            hubs: self.hubs.iter().chain(&self.parties).copied().collect(),
            parties: self.parties.iter().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use caphub_proto::wire::OperatorKey;

    use super::*;

    fn feed(party: u8, audience: Audience) -> Feed {
        Feed::records(PartyId([party; 32]), OperatorKey([9; 32]), audience)
    }

    #[test]
    fn strangers_read_public_feeds_and_nothing_else() {
        let viewer = Viewer::public();
        assert!(
            viewer.may_read(&feed(1, Audience::Public)) && viewer.may_read(&Feed::identity(PartyId([1; 32])))
        );
        for audience in [Audience::Network, Audience::Hub(PartyId([2; 32])), Audience::Sealed([0; 16])] {
            assert!(!viewer.may_read(&feed(1, audience)), "{audience}");
        }
    }

    #[test]
    fn a_hubs_feed_is_read_by_its_members_by_the_hub_and_by_the_author() {
        let hub = PartyId([2; 32]);
        let feed = feed(1, Audience::Hub(hub));
        let member = Viewer { hubs: vec![hub], ..Viewer::default() };
        let the_hub = Viewer { parties: vec![hub], ..Viewer::default() };
        let author = Viewer { parties: vec![PartyId([1; 32])], ..Viewer::default() };
        let peer = Viewer { network: true, hubs: vec![PartyId([3; 32])], ..Viewer::default() };
        assert!(member.may_read(&feed) && the_hub.may_read(&feed) && author.may_read(&feed));
        assert!(!peer.may_read(&feed));
    }
}
