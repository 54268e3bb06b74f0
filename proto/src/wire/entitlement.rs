//! Who may read what (SPEC.md section 5): one rule for every path on which entries or records leave a node.

use std::collections::BTreeSet;

use crate::mutant;
use crate::wire::audience::Audience;
use crate::wire::feed::Feed;
use crate::wire::ids::PartyId;

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
    /// What was opened in the own replica is shown too: for the eyes of its reader, and in nothing that is passed on.
    pub opened: bool,
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
            Audience::Hub(hub) => {
                self.hubs.contains(&hub)
                    || self.parties.contains(&hub)
                    || self.network && mutant!(WidenAudience)
            }
        }
    }

    /// True where records of this feed may be shown to the caller: of sealed feeds it may be handed the entries, but
    /// what they say is shown to nobody but the reader whose own replica opened them.
    pub fn may_show(&self, feed: &Feed) -> bool {
        self.may_read(feed) && (self.opened || !matches!(feed.audience(), Audience::Sealed(_)))
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

/// The feeds that nodes compare as one set (SPEC.md section 11.2): by who may read them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// Public feeds, identity feeds included.
    Public,
    /// Feeds for the network, sealed ones included.
    Network,
    /// Feeds for one hub.
    Hub(PartyId),
    /// Of the caller's own parties, whatever no other class grants it.
    Own,
}

impl Class {
    /// The class that a feed belongs to for everybody but its own party.
    pub fn of(feed: &Feed) -> Self {
        match feed.audience() {
            Audience::Public => Self::Public,
            Audience::Network | Audience::Sealed(_) => Self::Network,
            Audience::Hub(hub) => Self::Hub(hub),
        }
    }

    /// As it travels: the audience's bytes, and 4 for the caller's own feeds.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Public => vec![0],
            Self::Network => vec![1],
            Self::Hub(hub) => [&[2][..], hub.as_bytes()].concat(),
            Self::Own => vec![4],
        }
    }

    /// Reads exactly one class; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (0, []) => Some(Self::Public),
            (1, []) => Some(Self::Network),
            (2, rest) => PartyId::from_slice(rest).map(Self::Hub),
            (4, []) => Some(Self::Own),
            _ => None,
        }
    }
}

impl Viewer {
    /// True where the caller may read every feed of a class. Its own feeds it may always read.
    pub fn may_read_class(&self, class: &Class) -> bool {
        self.all
            || match class {
                Class::Public | Class::Own => true,
                Class::Network => self.network,
                Class::Hub(hub) => {
                    self.hubs.contains(hub)
                        || self.parties.contains(hub)
                        || self.network && mutant!(WidenAudience)
                }
            }
    }

    /// The class as which this caller sees a feed; `None` where it may not read it.
    pub fn class_of(&self, feed: &Feed) -> Option<Class> {
        let class = Class::of(feed);
        if self.may_read_class(&class) {
            return Some(class);
        }
        self.may_read(feed).then_some(Class::Own)
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::ids::OperatorKey;

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

    #[test]
    fn classes_grant_exactly_what_may_read_grants() {
        let hub = PartyId([2; 32]);
        let audiences = [Audience::Public, Audience::Network, Audience::Hub(hub), Audience::Sealed([7; 16])];
        let viewers = [
            Viewer::public(),
            Viewer::everything(),
            Viewer { hubs: vec![hub], ..Viewer::default() },
            Viewer { parties: vec![hub], ..Viewer::default() },
            Viewer { parties: vec![PartyId([1; 32])], network: true, ..Viewer::default() },
            Viewer { parties: vec![PartyId([1; 32])], ..Viewer::default() },
        ];
        for viewer in &viewers {
            for feed in audiences.iter().flat_map(|a| [feed(1, *a), feed(3, *a)]) {
                let class = viewer.class_of(&feed);
                assert_eq!(class.is_some(), viewer.may_read(&feed), "{viewer:?} {feed:?}");
                assert!(class.is_none_or(|c| c == Class::Own || c == Class::of(&feed)));
            }
        }
    }

    #[test]
    fn a_class_is_read_back_exactly() {
        for class in [Class::Public, Class::Network, Class::Hub(PartyId([9; 32])), Class::Own] {
            assert_eq!(Class::decode(&class.encode()), Some(class));
        }
        for wrong in [&[][..], &[3], &[0, 0], &[2, 1], &[5]] {
            assert_eq!(Class::decode(wrong), None);
        }
    }
}
