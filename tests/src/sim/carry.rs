//! Files that are carried by hand: written by the real writer, damaged on the way or not, and read by the real reader.

use caphub_node::ingest::Origin;
use caphub_proto::v1;
use caphub_proto::wire::carry::{Addressee, Frame, Manifest, Piece, Purpose, Reader, Writer};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{Feed, PartyId};

use crate::sim::disk::Reply;
use crate::sim::queue::{Micros, SECOND};
use crate::sim::scenario::Fault;
use crate::sim::world::{Event, World};

impl World {
    /// What one node holds and another may read goes into a file, which arrives after a while.
    pub(super) fn carry(&mut self, from: usize, to: usize, off: Micros) {
        if from == to || self.nodes[from].conduct.is_some() {
            return;
        }
        self.count(Fault::Carry);
        let (party, set, now) = (self.nodes[to].party, self.rng.array(), self.queue.now());
        let here = &self.nodes[from];
        let far = here.viewer(&party);
        let manifest = Manifest {
            set,
            part: 1,
            purpose: Purpose::Entries,
            author: here.party,
            key: here.own_key(),
            log: here.log_id(),
            time_ms: here.clock_ms(now),
            entries: 0,
            readers: vec![Addressee { party, assumed: [0; 16] }],
            name: String::new(),
        };
        let mut bytes = Vec::new();
        let mut writer = Writer::start(&manifest, here.signer.clone(), &mut bytes);
        let mut feeds: Vec<Feed> = here.durable.store.feeds().map(|(_, h)| h.feed).collect();
        feeds.retain(|f| far.may_read(f));
        feeds.sort_by_key(|f| (!f.is_identity(), f.id()));
        for feed in &feeds {
            let (Some((last, _)), Some(held)) = (here.served(feed), here.durable.store.held(&feed.id()))
            else {
                continue;
            };
            for run in held.runs(1, last) {
                let count = unpack(&run.entries).map_or(0, |e| e.len() as u32);
                writer.run(feed, &run.entries, count, &mut bytes);
            }
        }
        for proof in here.durable.proofs.iter().filter(|p| far.may_read(p.feed())) {
            writer.fork(proof.feed(), proof.first(), proof.second(), &mut bytes);
        }
        writer.finish(true, &mut bytes);
        let author = here.party;
        for feed in &feeds {
            self.oracle.check_carried(from, to, feed);
        }
        match self.rng.below(4) {
            0 => bytes.truncate(self.rng.index(bytes.len())),
            1 => {
                let at = self.rng.index(bytes.len());
                bytes[at] ^= 1 << self.rng.below(8);
            }
            _ => {}
        }
        self.queue.after(off, Event::Carried { node: to, author, bytes });
    }

    /// A file has arrived; where the node has no power it waits.
    pub(super) fn carried(&mut self, node: usize, author: PartyId, bytes: Vec<u8>) {
        if !self.nodes[node].up {
            return self.queue.after(SECOND, Event::Carried { node, author, bytes });
        }
        let (mut reader, mut runs, mut forks) = (Reader::new(), Vec::new(), Vec::new());
        reader.feed(&bytes);
        while let Some(piece) = reader.next() {
            let Piece::Frame { frame, .. } = piece else { continue };
            match frame {
                Frame::Run { feed, entries } => {
                    let feed = Some(caphub_node::author::feed_parts(&feed));
                    runs.push(v1::Run { feed, entries: entries.into() });
                }
                Frame::Fork { feed, first, second } => {
                    let feed = Some(caphub_node::author::feed_parts(&feed));
                    forks.push(v1::ForkProof { feed, first, second });
                }
                _ => {}
            }
        }
        let here = &self.nodes[node];
        let trusted = here.replica || matches!(here.standing(&author), "own" | "peer" | "member");
        let origin = if trusted { Origin::Peer } else { Origin::Caller(author) };
        self.line(|w| format!("{} node {node} reads a carried file of {} runs", w.time(), runs.len()));
        self.prove(node, &forks);
        self.take(node, runs, origin, false, Reply::Carried);
    }
}
