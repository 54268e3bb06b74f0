//! The sets of all classes that a node holds, and which of them somebody sees.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::wire::entitlement::{Class, Viewer};
use crate::wire::feed::Feed;
use crate::wire::ids::PartyId;
use crate::wire::reconcile::set::{Item, Set, Stated};

/// One set a class, and each party's feeds.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    classes: BTreeMap<Class, Set>,
    by_party: BTreeMap<PartyId, BTreeSet<Feed>>,
}

impl Sets {
    /// States how far a feed goes; `None` where nothing of it counts any more.
    pub fn state(&mut self, feed: Feed, stated: Option<Stated>) {
        let class = Class::of(&feed);
        match stated {
            Some(stated) => {
                self.classes.entry(class).or_default().put(Item::new(feed, stated));
                self.by_party.entry(feed.party).or_default().insert(feed);
            }
            None => {
                let Some(set) = self.classes.get_mut(&class) else { return };
                set.remove(&feed.id());
                if set.is_empty() {
                    self.classes.remove(&class);
                }
                if let Some(feeds) = self.by_party.get_mut(&feed.party) {
                    feeds.remove(&feed);
                }
            }
        }
    }

    /// What is stated of a feed.
    pub fn stated(&self, feed: &Feed) -> Option<Stated> {
        self.classes.get(&Class::of(feed))?.get(&feed.id()).map(|i| i.stated)
    }

    /// Feeds of a party of which something is stated.
    pub fn feeds_of(&self, party: &PartyId) -> impl Iterator<Item = &Feed> {
        self.by_party.get(party).into_iter().flatten()
    }

    /// All feeds, class by class.
    pub fn items(&self) -> impl Iterator<Item = Item> + '_ {
        self.classes.values().flat_map(Set::items)
    }

    /// Feeds in all classes.
    pub fn len(&self) -> usize {
        self.classes.values().map(Set::len).sum()
    }

    /// True where nothing is stated.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The classes that are not empty.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.classes.keys()
    }

    /// The classes that a caller may read, in order, empty ones included.
    pub fn classes_of(&self, viewer: &Viewer) -> Vec<Class> {
        let mut classes: BTreeSet<Class> = [Class::Public, Class::Own].into();
        if viewer.network || viewer.all {
            classes.insert(Class::Network);
        }
        classes.extend(viewer.hubs.iter().chain(&viewer.parties).map(|hub| Class::Hub(*hub)));
        if viewer.all {
            classes.extend(self.classes.keys());
        }
        classes.into_iter().collect()
    }

    /// A class as a caller sees it: empty where it may not read it, so that both look the same from outside.
    pub fn seen(&self, class: &Class, viewer: &Viewer) -> Cow<'_, Set> {
        match class {
            Class::Own => Cow::Owned(self.own(&viewer.parties, |c| viewer.may_read_class(c))),
            _ if !viewer.may_read_class(class) => Cow::Owned(Set::default()),
            _ => self.held(class),
        }
    }

    /// A class as it is.
    pub fn held(&self, class: &Class) -> Cow<'_, Set> {
        self.classes.get(class).map_or_else(|| Cow::Owned(Set::default()), Cow::Borrowed)
    }

    /// The feeds of these parties in classes that `granted` does not name.
    pub fn own(&self, parties: &[PartyId], granted: impl Fn(&Class) -> bool) -> Set {
        let mut own = Set::default();
        for feed in parties.iter().flat_map(|p| self.feeds_of(p)) {
            if !granted(&Class::of(feed))
                && let Some(stated) = self.stated(feed)
            {
                own.put(Item::new(*feed, stated));
            }
        }
        own
    }
}
