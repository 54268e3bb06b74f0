//! Faults: when they strike, whom, and how they are mended.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use caphub_node::admissions::Admissions;
use caphub_node::identities::Identities;
use caphub_proto::wire::limits::HEADER_BYTES;
use caphub_proto::wire::reconcile::Sets;
use caphub_proto::wire::statement::Stamp;
use caphub_proto::wire::{EntryHash, Feed, Head};

use crate::sim::disk::Disk;
use crate::sim::network::Weather;
use crate::sim::queue::{MILLISECOND, Micros, SECOND};
use crate::sim::rng::Rng;
use crate::sim::scenario::{Fault, Scenario};
use crate::sim::store::{Frame, Kind};
use crate::sim::world::{Event, World};

/// One thing that goes wrong, or is mended.
#[derive(Clone, Debug)]
pub enum Strike {
    /// Nodes of different sides do not reach each other.
    Part(Vec<u8>),
    /// All reach all again.
    Heal,
    /// A node loses power.
    Crash(usize, Micros),
    /// A node loses power in the middle of its next write.
    Doom(usize, Micros),
    /// It has power again.
    Restart(usize),
    /// A copy of its store is put aside.
    Backup(usize),
    /// The copy is put in its place; with or without the register.
    Restore(usize, bool),
    /// Its clock is off by this many milliseconds.
    Clock(usize, i64),
    /// Its disk takes nothing, or takes again.
    Disk(usize, bool),
    /// This machine and the next, which has the same key, sign histories of their own from now on.
    Apart(usize),
    /// A party that signed two histories revokes its key and names the one of this node.
    Revoke(usize),
    /// The party of this node puts its next root keys in force.
    Rotate(usize),
    /// Whoever has stolen its root keys shows events to this node.
    Theft(usize),
    /// The party of this node recovers.
    Recover(usize),
    /// This node has the body of one of its entries erased.
    Erase(usize),
    /// What one node holds for another is written to a file, and arrives after a while.
    Carry(usize, usize, Micros),
    /// No more faults from now on.
    Calm,
}

/// When what strikes, from the seed.
pub fn plan(scenario: &Scenario, nodes: usize, rng: &mut Rng) -> Vec<(Micros, Strike)> {
    let mut plan = Vec::new();
    let busy = scenario.busy;
    let times = |rng: &mut Rng, fault: Fault, most: u64| -> Vec<Micros> {
        let count = if scenario.has(fault) { rng.between(1, most) } else { 0 };
        (0..count).map(|_| rng.between(busy / 20, busy)).collect()
    };
    let some = 2 + nodes as u64 / 4;
    for at in times(rng, Fault::Partition, 3) {
        let sides = (0..nodes).map(|_| rng.below(2) as u8).collect();
        plan.push((at, Strike::Part(sides)));
        plan.push((at + rng.between(1, 90) * SECOND, Strike::Heal));
    }
    for at in times(rng, Fault::Crash, some) {
        let (node, off) = (rng.index(nodes), rng.between(1, 60) * SECOND);
        plan.push((at, if rng.permille(700) { Strike::Doom(node, off) } else { Strike::Crash(node, off) }));
    }
    for (fault, bare) in [(Fault::Restore, false), (Fault::RestoreBare, true)] {
        for at in times(rng, fault, 1 + some / 4) {
            let node = rng.index(nodes);
            plan.push((at / 2, Strike::Backup(node)));
            plan.push((at, Strike::Restore(node, bare)));
        }
    }
    for at in times(rng, Fault::Clock, some) {
        let far = [-400 * 86_400_000_i64, -90_000, -5_000, 90_000, 3_600_000, 400 * 86_400_000];
        plan.push((at, Strike::Clock(rng.index(nodes), rng.pick(&far).copied().unwrap_or(0))));
    }
    for at in times(rng, Fault::DiskFull, some) {
        let node = rng.index(nodes);
        plan.push((at, Strike::Disk(node, true)));
        plan.push((at + rng.between(1, 60) * SECOND, Strike::Disk(node, false)));
    }
    for at in times(rng, Fault::Rotate, some) {
        plan.push((at, Strike::Rotate(rng.index(nodes))));
    }
    for at in times(rng, Fault::Theft, 2) {
        let node = rng.index(nodes);
        plan.push((at, Strike::Theft(node)));
        plan.push((at + rng.between(1, 60) * SECOND, Strike::Recover(node)));
    }
    for at in times(rng, Fault::Erase, some) {
        plan.push((at, Strike::Erase(rng.index(nodes))));
    }
    for at in times(rng, Fault::Carry, some) {
        let (from, to) = (rng.index(nodes), rng.index(nodes));
        plan.push((at, Strike::Carry(from, to, rng.between(1, 60) * SECOND)));
    }
    plan.push((busy, Strike::Calm));
    plan
}

impl World {
    /// Something goes wrong, or is mended.
    pub fn strike(&mut self, strike: Strike) {
        self.line(|w| format!("{} {strike:?}", w.time()));
        match strike {
            Strike::Part(sides) if self.busy => {
                self.count(Fault::Partition);
                self.network.sides = sides;
            }
            Strike::Crash(node, off) if self.busy && self.nodes[node].up => {
                self.count(Fault::Crash);
                self.crash(node);
                self.queue.after(off, Event::Strike(Strike::Restart(node)));
            }
            Strike::Doom(node, off) => self.nodes[node].doomed = Some(off),
            Strike::Restore(node, bare) if self.busy && self.nodes[node].up => self.restore(node, bare),
            Strike::Clock(node, skew_ms) if self.busy => {
                self.count(Fault::Clock);
                self.nodes[node].skew_ms = skew_ms;
            }
            Strike::Disk(node, full) => {
                if full && self.busy {
                    self.count(Fault::DiskFull);
                }
                self.nodes[node].disk.full = full && self.busy;
            }
            Strike::Backup(node) => {
                let durable = &self.nodes[node].durable;
                self.nodes[node].backup = Some((durable.store.backup(), durable.proofs.clone()));
            }
            Strike::Heal => self.network.sides.fill(0),
            Strike::Restart(node) => self.restart(node),
            Strike::Apart(node) => {
                self.count(Fault::Fork);
                for twin in [node, node + 1] {
                    self.nodes[twin].apart = true;
                    let feeds: Vec<Feed> =
                        self.nodes[twin].durable.store.feeds().map(|(_, h)| h.feed).collect();
                    feeds.iter().for_each(|f| self.nodes[twin].restate(f));
                }
            }
            Strike::Revoke(node) => self.revoke(node),
            Strike::Rotate(node) | Strike::Recover(node) if !self.nodes[node].up => {
                self.queue.after(SECOND, Event::Strike(strike));
            }
            Strike::Rotate(node) => self.rotate(node),
            Strike::Theft(node) if self.busy && self.nodes[node].up => self.theft(node),
            Strike::Recover(node) => self.recover(node),
            Strike::Erase(node) if self.busy && self.nodes[node].up => self.erase(node),
            Strike::Carry(from, to, off) if self.busy && self.nodes[from].up => self.carry(from, to, off),
            Strike::Calm => self.calm(),
            Strike::Theft(_) | Strike::Erase(_) | Strike::Carry(..) => {}
            Strike::Part(_) | Strike::Crash(..) | Strike::Restore(..) | Strike::Clock(..) => {}
        }
    }

    /// Counts a fault that struck.
    pub fn count(&mut self, fault: Fault) {
        *self.counts.faults.entry(fault).or_default() += 1;
    }

    fn calm(&mut self) {
        self.busy = false;
        self.network.sides.fill(0);
        self.network.weather = Weather::FAIR;
        for node in 0..self.nodes.len() {
            self.nodes[node].disk.full = false;
            if !self.nodes[node].up {
                self.restart(node);
            }
        }
    }

    fn crash(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        here.up = false;
        here.life += 1;
        // Own batches go to the register and the log at the same time: either may have come through alone.
        if let Some((jobs, _)) = here.disk.writing.take() {
            let own = jobs.iter().filter(|(j, _)| j.lane() == u64::MAX).flat_map(|(_, w)| w);
            let frames: Vec<_> = own.map(|(_, checked)| std::rc::Rc::new(checked.frame.clone())).collect();
            if self.rng.permille(500) {
                here.durable.register.extend(frames);
            }
        }
        let luck = self.rng.index(here.durable.store.unsynced() + 1);
        here.durable.store.crash(luck);
        here.forget();
        let conns: Vec<u64> = self
            .conns
            .iter()
            .filter(|(_, c)| c.ends.0 == node || c.ends.1 == node)
            .map(|(id, _)| *id)
            .collect();
        for conn in conns {
            // The far end learns it when the address answers again with nothing, or by silence.
            let at = self.queue.now() + self.rng.between(0, 20_000) * MILLISECOND;
            self.queue.at(at, Event::Lost { conn });
        }
    }

    fn restore(&mut self, node: usize, bare: bool) {
        let Some((backup, proofs)) = self.nodes[node].backup.clone() else { return };
        self.count(if bare { Fault::RestoreBare } else { Fault::Restore });
        self.crash(node);
        self.oracle.release(node);
        let log_id = self.rng.array();
        let here = &mut self.nodes[node];
        // The note of how far others were told stands outside the store: a log that is shorter begins another.
        let (old, end) = (here.durable.store.log_id, backup.len());
        let log_id = if end < here.durable.published { log_id } else { old };
        here.durable.store.restore(&backup, log_id);
        here.durable.proofs = proofs;
        here.durable.published = if log_id == old { here.durable.published } else { 0 };
        if bare {
            here.durable.register.clear();
        }
        self.restart(node);
        if bare {
            self.new_key(node);
        }
    }

    fn restart(&mut self, node: usize) {
        if self.nodes[node].up {
            return;
        }
        let here = &mut self.nodes[node];
        here.up = true;
        here.stamp = Stamp::resume(here.durable.reserved);
        here.register_logged();
        here.append_registered();
        self.derive(node);
        let (life, dials) = (self.nodes[node].life, self.nodes[node].dials.clone());
        for to in dials {
            self.nodes[node].dialled.remove(&to);
            self.queue.after(self.rng.between(0, 1_000) * MILLISECOND, Event::Dial { node, life, to });
        }
        self.check_promises(node);
        self.bring_identity(node);
    }

    /// Derives everything again from the log.
    pub fn derive(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        here.forget();
        // The operator's own decisions are no part of what a power cut takes.
        for hub in &here.recognised {
            here.admissions.recognise(here.party, hub.to_vec(), *hub, None, false);
        }
        let frames = here.durable.store.frames_from(0).to_vec();
        for frame in frames.iter().filter(|f| f.feed.is_identity()) {
            if let Ok((_, log)) = here.identities.judge(frame.feed.party, &frame.packed) {
                here.identities.keep(log);
            }
        }
        frames.iter().for_each(|f| self.note(node, f));
        let here = &mut self.nodes[node];
        let proven: Vec<Feed> = here.durable.proofs.iter().map(|p| *p.feed()).collect();
        proven.iter().for_each(|f| here.restate(f));
        for feed in here.durable.store.feeds().map(|(_, h)| h.feed).collect::<Vec<_>>() {
            let guest = !feed.is_identity()
                && here.policy().decide(&feed.party, true) == Ok(caphub_node::carriage::Carried::Guest);
            if guest {
                let count = here.durable.store.head(&feed.id()).map_or(0, |h| h.seq.value());
                *here.guests.entry(feed.party).or_default() += count;
            }
        }
    }

    /// The way out of a fork: the key is revoked, the branch of this node counts, and a new key goes on.
    fn revoke(&mut self, node: usize) {
        let Some(party) = self.party_of[node] else { return };
        if !self.nodes[node].up {
            return self.queue.after(SECOND, Event::Strike(Strike::Revoke(node)));
        }
        let here = &self.nodes[node];
        let key = here.writer.public();
        let own = here.durable.store.feeds().filter(|(_, h)| h.feed.key() == Some(key));
        let counted: Vec<(Feed, Head)> = own.filter_map(|(_, h)| Some((h.feed, h.head()?))).collect();
        self.parties[party].revoke(&mut self.rng, key, &counted);
        self.nodes[node].apart = false;
        self.new_key(node);
    }
}

impl crate::sim::node::Node {
    /// What a power cut takes besides the disk: everything derived or remembered.
    fn forget(&mut self) {
        let full = self.disk.full;
        self.disk = Disk { full, ..Disk::default() };
        self.identities = Identities::default();
        self.admissions = Admissions::default();
        self.sets = Sets::default();
        self.claims = Default::default();
        self.memories = BTreeMap::new();
        self.guests = BTreeMap::new();
        self.anchors = BTreeMap::new();
        self.asides = Default::default();
        self.erased = Default::default();
        self.lanes = BTreeMap::new();
        self.lacking = BTreeMap::new();
        self.followers = BTreeMap::new();
    }

    /// Own batches that came through in the log alone go to the register before anybody sees them.
    fn register_logged(&mut self) {
        let durable = &mut self.durable;
        let known: BTreeSet<_> =
            durable.register.iter().map(|f| f.packed.get(..HEADER_BYTES).map(<[u8]>::to_vec)).collect();
        let lacks =
            |f: &&Rc<Frame>| f.own && !known.contains(&f.packed.get(..HEADER_BYTES).map(<[u8]>::to_vec));
        let logged: Vec<_> = durable.store.frames_from(0).iter().filter(lacks).cloned().collect();
        durable.register.extend(logged);
    }

    /// Batches of the register that the log lacks follow it, where they follow what it holds.
    fn append_registered(&mut self) {
        for frame in self.durable.register.clone() {
            let head = self.durable.store.head(&frame.feed.id());
            let (last, hash) = head.map_or((0, EntryHash::default()), |h| (h.seq.value(), h.hash));
            let follows = frame.first == last + 1 && frame.packed.get(42..74) == Some(&hash.as_bytes()[..]);
            if follows && frame.kind == Kind::Append {
                let upto = self.durable.store.write([frame.as_ref().clone()]);
                self.durable.store.synced(upto);
            }
        }
    }
}
