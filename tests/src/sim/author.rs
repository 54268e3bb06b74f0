//! Writing: a node signs after what it holds, and never behind its register.

use caphub_node::ingest::Origin;
use caphub_proto::wire::{Feed, Head};

use crate::sim::cast::{Signed, need, run_of, sign};
use crate::sim::disk::Reply;
use crate::sim::queue::{MILLISECOND, SECOND};
use crate::sim::rng::Rng;
use crate::sim::scenario::Fault;
use crate::sim::world::{Event, World};

impl World {
    /// A node writes one record, and plans the next.
    pub fn write_record(&mut self, node: usize, left: usize) {
        let wait = self.scenario.busy / (self.scenario.records as u64 + 1);
        let here = &self.nodes[node];
        let own_busy = here.lanes.contains_key(&u64::MAX);
        // Until they part, one of two machines with one key writes, and the other follows.
        let second = here.conduct == Some(Fault::Fork)
            && !here.apart
            && self.nodes.get(node - 1).is_some_and(|n| n.party == here.party);
        if second && self.busy {
            return self.queue.after(SECOND, Event::Write { node, left });
        }
        if !here.up || own_busy {
            return self.queue.after(self.rng.between(50, 2_000) * MILLISECOND, Event::Write { node, left });
        }
        let audiences = here.audiences.clone();
        let Some(audience) = self.rng.pick(&audiences).copied() else { return };
        let feed = Feed::records(here.party, here.writer.public(), audience);
        if let Some(signed) = self.signs(node, feed, |rng| need(rng, 2)) {
            self.counts.written += 1;
            self.oracle.need(feed.id(), signed.head.seq.value());
            self.line(|w| {
                format!("{} node {node} writes entry {} of {}", w.time(), signed.head.seq, feed.id())
            });
            self.take(node, vec![run_of(&[signed])], Origin::Own, false, Reply::Own);
        }
        if left <= 1 {
            self.writers -= 1;
            return;
        }
        let next = self.rng.between(wait / 2, wait);
        self.queue.after(next.max(SECOND / 10), Event::Write { node, left: left - 1 });
    }

    /// Signs the next entry of a feed; `None` where the store is behind the register, or the key has ended.
    pub(super) fn signs(
        &mut self,
        node: usize,
        feed: Feed,
        body: impl FnOnce(&mut Rng) -> Vec<u8>,
    ) -> Option<Signed> {
        let here = &self.nodes[node];
        let id = feed.id();
        let head = here.durable.store.head(&id);
        let of_feed = here.durable.register.iter().filter(|f| f.feed == feed);
        let registered = of_feed.map(|f| f.first).max().unwrap_or(0);
        if registered > head.map_or(0, |h: Head| h.seq.value()) {
            return None;
        }
        let time_ms = here.clock_ms(self.queue.now());
        let (salt, body) = (self.rng.array(), body(&mut self.rng));
        let signed = sign(feed, head, time_ms, salt, &body, &here.writer);
        self.oracle.note(&signed);
        Some(signed)
    }

    /// Gives a node another key to write by, and brings the whole identity log to its store.
    pub fn new_key(&mut self, node: usize) {
        let Some(party) = self.party_of[node] else { return };
        let rng = &mut self.rng;
        self.parties[party].authorise(rng);
        let Some(writer) = self.parties[party].operators.last().cloned() else { return };
        self.nodes[node].writer = writer;
        self.bring_identity(node);
    }

    /// A party's own machine has its identity log, whatever its store lost.
    pub fn bring_identity(&mut self, node: usize) {
        let Some(party) = self.party_of[node] else { return };
        let events = self.parties[party].identity.clone();
        events.iter().for_each(|e| self.oracle.note(e));
        self.take(node, vec![run_of(&events)], Origin::Own, false, Reply::Own);
    }
}
