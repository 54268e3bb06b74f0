//! What parties do besides writing: new root keys, a theft and the way out of it, and the end of a body.

use std::collections::BTreeMap;

use caphub_node::ingest::Origin;
use caphub_proto::wire::{Feed, FeedId, Head};

use crate::sim::cast::{erasure, run_of};
use crate::sim::disk::Reply;
use crate::sim::node::Node;
use crate::sim::scenario::Fault;
use crate::sim::world::World;

impl World {
    /// The next root keys are put in force.
    pub(super) fn rotate(&mut self, node: usize) {
        let Some(party) = self.party_of[node] else { return };
        self.count(Fault::Rotate);
        let rng = &mut self.rng;
        self.parties[party].rotate(rng);
        self.bring_identity(node);
    }

    /// A thief's events reach this node first.
    pub(super) fn theft(&mut self, node: usize) {
        let Some(party) = self.party_of[node] else { return };
        self.count(Fault::Theft);
        let rng = &mut self.rng;
        let events = self.parties[party].steal(rng);
        self.oracle.may_fork(self.parties[party].id);
        events.iter().for_each(|e| self.oracle.note(e));
        self.take(node, vec![run_of(&events)], Origin::Peer, false, Reply::Carried);
    }

    /// The owner puts new keys in the place of what the thief signed.
    pub(super) fn recover(&mut self, node: usize) {
        let Some(party) = self.party_of[node].filter(|p| self.parties[*p].is_stolen()) else { return };
        let rng = &mut self.rng;
        self.parties[party].recover(rng);
        self.bring_identity(node);
    }

    /// A node's author takes one of its records back, with its body.
    pub(super) fn erase(&mut self, node: usize) {
        let here = &self.nodes[node];
        // Of two histories only the one that counts may erase: that is not for this world to decide.
        let idle = !here.lanes.contains_key(&u64::MAX) && here.conduct.is_none();
        let own = here.writer.public();
        let needs = |feed: &Feed, last: u64| -> Vec<u64> {
            let fits = |seq: &u64| self.oracle.is_need(feed.id(), *seq) && !here.erased(feed.id(), *seq);
            (1..=last).filter(fits).collect()
        };
        let feeds = here.durable.store.feeds().filter(|(_, h)| h.feed.key() == Some(own));
        let all: Vec<(Feed, u64)> = feeds
            .filter_map(|(_, h)| Some((h.feed, h.head()?.seq.value())))
            .flat_map(|(feed, last)| needs(&feed, last).into_iter().map(move |seq| (feed, seq)))
            .collect();
        let Some((feed, seq)) = self.rng.pick(&all).copied().filter(|_| idle) else { return };
        if let Some(signed) = self.signs(node, feed, |rng| erasure(rng, feed.id(), seq)) {
            self.count(Fault::Erase);
            self.line(|w| format!("{} node {node} erases entry {seq} of {}", w.time(), feed.id()));
            self.oracle.erased(feed.id(), seq, signed.head);
            self.take(node, vec![run_of(&[signed])], Origin::Own, false, Reply::Own);
        }
    }

    /// Where a withdrawal is held, the body that it names is gone.
    pub fn check_erased(&mut self, n: usize) {
        let erased: Vec<(FeedId, u64, Head)> = self.oracle.erasures().collect();
        for (feed, seq, by) in erased {
            let Some(held) = self.nodes[n].durable.store.held(&feed) else { continue };
            let whole = |seq: u64| held.entry(seq).is_some_and(|e| e.get(182) == Some(&1));
            // A withdrawal that a full disk did not take is none, and one that came without its body says nothing yet.
            let known = held.hash_at(by.seq.value()) == Some(by.hash) && whole(by.seq.value());
            if known && whole(seq) {
                self.fails(format!(
                    "node {n} still holds the body of entry {seq} of {feed}, which was erased"
                ));
            }
        }
    }
}

/// Bodies that their owner had erased: nobody asks for them, and nobody brings them back.
pub type Erased = BTreeMap<FeedId, std::collections::BTreeSet<u64>>;

impl Node {
    /// True where an entry's body was erased by its owner, as this node knows.
    pub fn erased(&self, feed: FeedId, seq: u64) -> bool {
        self.erased.get(&feed).is_some_and(|places| places.contains(&seq))
    }

    /// Drops a body, now or when it comes.
    pub fn drop_body(&mut self, feed: FeedId, seq: u64) {
        self.erased.entry(feed).or_default().insert(seq);
        self.durable.store.drop_body(&feed, seq);
        if let Some(lacking) = self.lacking.get_mut(&feed) {
            lacking.remove(&seq);
            if lacking.is_empty() {
                self.lacking.remove(&feed);
            }
        }
    }
}
