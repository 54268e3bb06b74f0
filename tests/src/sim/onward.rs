//! What a node sends on: to followers at once, to far ends that do not follow after a moment.

use std::collections::{BTreeSet, VecDeque};

use caphub_proto::v1::{ForkProof, PushRequest, Run};
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::session::{Push, still_sent};
use caphub_proto::wire::{Feed, FeedId, Head, Seq};

use crate::sim::message::{Message, Request};
use crate::sim::queue::{MILLISECOND, Micros};
use crate::sim::world::{Event, World};
use crate::sim::write::travelling;

/// Entries that arrive within this time leave in one push.
const DEBOUNCE: Micros = 20 * MILLISECOND;

impl World {
    /// A node holds more than before: followers get it at once, other links after a moment.
    pub fn grown(&mut self, node: usize) {
        let followers: Vec<u64> = self.nodes[node].followers.keys().copied().collect();
        for conn in followers {
            self.feed_follower(node, conn);
        }
        let life = self.nodes[node].life;
        for dialled in self.nodes[node].dialled.values_mut().filter(|d| d.sends_on() && !d.turn_due) {
            let Some(conn) = dialled.conn else { continue };
            dialled.turn_due = true;
            self.queue.after(DEBOUNCE, Event::Turn { node, life, conn });
        }
    }

    /// Pushes what is new since the last time to a far end that does not follow.
    pub fn send_on(&mut self, node: usize, to: usize) {
        let party = self.nodes[to].party;
        let here = &mut self.nodes[node];
        let far = here.viewer(&party);
        let Some(dialled) = here.dialled.get(&to) else { return };
        let (Some(conn), true, (next, next_proof)) = (dialled.conn, dialled.sends_on(), dialled.next) else {
            return;
        };
        let touched: BTreeSet<Feed> = here.durable.store.frames_from(next).iter().map(|f| f.feed).collect();
        let (mut runs, mut sent) = (Vec::new(), Vec::new());
        for feed in touched.into_iter().filter(|f| f.party != party && far.may_read(f)) {
            let Some((last, hash)) = here.served(&feed) else { continue };
            let (Some(held), Some(seq)) = (here.durable.store.held(&feed.id()), Seq::new(last)) else {
                continue;
            };
            // What another branch has taken the place of since is no longer what the far end has to have.
            let known = dialled.theirs.get(&feed.id());
            let known = known.filter(|k| still_sent(**k, held.hash_at(k.seq.value())));
            let new = here.durable.store.frames_from(next).iter().filter(|f| f.feed == feed);
            let from = known.map_or(new.map(|f| f.first).min().unwrap_or(1), |k| k.seq.value() + 1);
            if from <= last {
                runs.push((!feed.is_identity(), held.runs(from, last)));
                sent.push((feed.id(), Head { seq, hash }));
            }
        }
        let proofs = here.durable.proofs.get(next_proof..).unwrap_or_default();
        let forks = proofs.iter().filter(|p| far.may_read(p.feed())).map(travelling).collect();
        let now_next = (here.durable.store.end(), here.durable.proofs.len());
        runs.sort_by_key(|(late, _)| *late);
        let messages = batches(runs.into_iter().flat_map(|(_, r)| r), forks);
        if let Some(dialled) = here.dialled.get_mut(&to) {
            dialled.next = now_next;
            dialled.theirs.extend(sent);
            dialled.unanswered.extend(messages.iter().map(|_| 0));
        }
        for push in messages {
            let call = self.call(conn);
            self.send(conn, call, Message::Request(Request::Push(push)));
        }
    }
}

impl World {
    /// Pushes bodies that the far end misses and this node has.
    pub fn bring_bodies(&mut self, node: usize, to: usize, conn: u64) {
        let party = self.nodes[to].party;
        let here = &mut self.nodes[node];
        let far = here.viewer(&party);
        let Some(dialled) = here.dialled.get_mut(&to) else { return };
        let mut runs = Vec::new();
        for range in std::mem::take(&mut dialled.missed) {
            let held = FeedId::from_slice(&range.feed_id).and_then(|id| here.durable.store.held(&id));
            let Some(held) = held.filter(|h| far.may_read(&h.feed)) else { continue };
            let Some((last, _)) = here.served(&held.feed) else { continue };
            let absent = here.lacking.get(&held.feed.id());
            let whole = |seq: &u64| absent.is_none_or(|places| !places.contains(seq));
            for seq in (range.from..=range.to.min(last)).filter(whole) {
                runs.extend(held.runs(seq, seq));
            }
        }
        let messages = batches(runs.into_iter(), Vec::new());
        if let Some(dialled) = self.nodes[node].dialled.get_mut(&to) {
            dialled.unanswered.extend(messages.iter().map(|_| 0));
        }
        for push in messages {
            let call = self.call(conn);
            self.send(conn, call, Message::Request(Request::Push(push)));
        }
    }
}

impl crate::sim::node::Node {
    /// The messages of a push.
    pub fn reads(&self, push: &Push) -> VecDeque<PushRequest> {
        let (mut runs, mut forks) = (Vec::new(), Vec::new());
        for range in &push.ranges {
            let id = range.feed.id();
            if range.proof {
                forks.extend(self.durable.proofs.iter().filter(|p| p.feed().id() == id).map(travelling));
            }
            let Some(held) = self.durable.store.held(&id) else { continue };
            if range.from <= range.to {
                runs.extend(held.runs(range.from, range.to));
            }
        }
        batches(runs.into_iter(), forks)
    }
}

fn batches(runs: impl Iterator<Item = Run>, forks: Vec<ForkProof>) -> VecDeque<PushRequest> {
    let mut all = VecDeque::new();
    let (mut push, mut bytes) = (PushRequest { forks, ..PushRequest::default() }, 0);
    for run in runs {
        bytes += run.entries.len();
        push.runs.push(run);
        if bytes >= BATCH_BYTES {
            bytes = 0;
            all.push_back(std::mem::take(&mut push));
        }
    }
    if !push.runs.is_empty() || !push.forks.is_empty() {
        all.push_back(push);
    }
    all
}
