//! Each node's public entries as an append-only history: checkpoints are asked for over every link, and compared.

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::history::{
    Checkpoint, Frontier, Hash, Histories, Tree, compare, empty_root, leaf_hash,
};
use caphub_proto::wire::{Audience, LogId};

use crate::sim::message::{Answer, Message, Request};
use crate::sim::node::Node;
use crate::sim::scenario::Fault;
use crate::sim::world::World;

/// A checkpoint as it travels.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The signed note.
    pub note: String,
    /// The root at the size that was asked about.
    pub middle: Hash,
    /// From there to the checkpoint.
    pub path: Vec<Hash>,
}

impl World {
    /// Asks the far end how its history goes on from what is known of it.
    pub(super) fn ask_checkpoint(&mut self, node: usize, to: usize, conn: u64) {
        let known = self.nodes[node].durable.checkpoints.get(&to).map(|c| (c.log, c.size));
        let call = self.call(conn);
        self.send(conn, call, Message::Request(Request::Checkpoint(known)));
    }

    pub(super) fn serve_checkpoint(&mut self, conn: u64, call: u32, known: Option<(LogId, u64)>) {
        let Some((caller, node)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        let here = &mut self.nodes[node];
        let end = here.durable.store.end();
        here.durable.published = here.durable.published.max(end);
        let mut leaves = here.leaves();
        if here.conduct == Some(Fault::Split) && caller.is_multiple_of(2) && !leaves.is_empty() {
            // Half of those who ask are shown another history.
            leaves[0] = leaf_hash(b"another");
            self.count(Fault::Split);
        }
        let here = &self.nodes[node];
        let log = here.log_id();
        let size = leaves.len() as u64;
        let from = known.filter(|(l, s)| *l == log && *s <= size).map_or(0, |(_, s)| s);
        let checkpoint = Checkpoint { log, size, root: root(&leaves), restored: None };
        let note = checkpoint.to_note(&here.signer);
        let middle = root(&leaves[..from as usize]);
        let path = tree(&leaves, |tree| tree.consistency(from, size)).unwrap_or_default();
        self.send(conn, call, Message::Answer(Answer::Checkpoint(Proven { note, middle, path })));
    }

    /// What a far end says of its history is compared with what it said before.
    pub(super) fn checkpoint_heard(&mut self, node: usize, to: usize, proven: &Proven) {
        let Ok(new) = Checkpoint::parse(&proven.note, &self.nodes[to].own_key()) else {
            return self.fails(format!("node {to} signed a checkpoint that does not hold"));
        };
        let old = self.nodes[node].durable.checkpoints.get(&to).copied();
        let found = old.map_or(Histories::One, |old| compare(&old, &new, &proven.middle, &proven.path));
        if found == Histories::Two {
            self.two_histories(to);
        }
        if old.is_none_or(|old| old.log != new.log || old.size <= new.size) {
            self.nodes[node].durable.checkpoints.insert(to, new);
        }
    }

    fn two_histories(&mut self, of: usize) {
        match self.nodes[of].conduct {
            Some(_) => self.counts.shown += 1,
            None => self.fails(format!("the honest node {of} is accused of two histories")),
        }
    }

    /// What each node was told of an honest one is the beginning of its history; and where two were told of different
    /// ones, their checkpoints show it.
    pub(super) fn check_histories(&mut self) {
        for of in 0..self.nodes.len() {
            let leaves = self.nodes[of].leaves();
            let (honest, log) = (self.nodes[of].conduct.is_none(), self.nodes[of].log_id());
            let keepers = self.nodes.iter().filter(|n| n.conduct.is_none());
            let told: Vec<Checkpoint> = keepers
                .filter_map(|n| n.durable.checkpoints.get(&of))
                .copied()
                .filter(|c| c.log == log)
                .collect();
            for (n, one) in told.iter().enumerate() {
                let held = leaves.get(..one.size as usize).map(root);
                if honest && held != Some(one.root) {
                    self.fails(format!("the history of node {of} is not what it was told to be"));
                }
                for other in &told[..n] {
                    // Two who compare their checkpoints ask the node for the way from one to the other.
                    let (small, large) = if one.size <= other.size { (one, other) } else { (other, one) };
                    let middle = leaves.get(..small.size as usize).map_or(empty_root(), root);
                    let path = tree(&leaves, |t| t.consistency(small.size, large.size)).unwrap_or_default();
                    if compare(one, other, &middle, &path) == Histories::Two {
                        self.two_histories(of);
                    }
                }
            }
        }
    }
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf, |_, _, _| {}));
    frontier.root()
}

/// Reads the tree over some leaves; each subtree is computed anew, for they are few.
fn tree<T>(
    leaves: &[Hash],
    read: impl FnOnce(&mut Tree<&mut dyn FnMut(u32, u64) -> Result<Hash, ()>>) -> Result<T, ()>,
) -> Option<T> {
    let mut node = |level: u32, index: u64| {
        let from = (index << level) as usize;
        leaves.get(from..from + (1 << level)).map(root).ok_or(())
    };
    read(&mut Tree(&mut node)).ok()
}

impl Node {
    /// The leaves of its history: public entries in the order of its log.
    fn leaves(&self) -> Vec<Hash> {
        let public =
            self.durable.store.frames_from(0).iter().filter(|f| f.feed.audience() == Audience::Public);
        let mut leaves = Vec::new();
        for frame in public {
            let entries = unpack(&frame.packed).unwrap_or_default();
            let hashes = entries.iter().map(|e| entry_hash(e.header, e.signature));
            leaves.extend(hashes.map(|hash| leaf_hash(hash.as_bytes())));
        }
        leaves
    }
}
