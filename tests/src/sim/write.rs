//! Taking entries in: judged, written, synced, and only then acknowledged, stated and sent on.

use std::rc::Rc;

use caphub_node::admissions::Source;
use caphub_node::author::feed_parts;
use caphub_node::ingest::Origin;
use caphub_proto::mutant;
use caphub_proto::v1::{self, PushResponse, RunRefusal};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::fork::ForkProof;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::session::memory::Memory;
use caphub_proto::wire::{Feed, FeedId, Head, Reason, Seq};
use prost::Message as _;

use crate::sim::disk::{Checked, Job, Reply};
use crate::sim::message::{Answer, Message};
use crate::sim::queue::MILLISECOND;
use crate::sim::store::{Frame, Kind};
use crate::sim::strike::Strike;
use crate::sim::world::{Event, World};

/// What of a revision says who is admitted.
#[derive(Clone, PartialEq, prost::Message)]
struct Admitting {
    #[prost(message, optional, tag = "15")]
    attestation: Option<v1::Attestation>,
    #[prost(message, optional, tag = "20")]
    withdraw: Option<v1::Withdraw>,
}

impl World {
    /// Takes runs in order, and tells `reply` what became of them.
    pub fn take(&mut self, node: usize, runs: Vec<v1::Run>, origin: Origin, ahead: bool, reply: Reply) {
        let bytes = runs.iter().map(|r| r.entries.len() as u64).sum();
        let job = Job { runs: runs.into(), taken: Vec::new(), reply, origin, ahead, bytes };
        // What comes over one connection is taken in its order, as the streams of the real node are.
        let lane = job.lane();
        let waiting = self.nodes[node].lanes.entry(lane).or_default();
        waiting.push_back(job);
        if waiting.len() == 1 {
            self.next_job(node, lane);
        }
    }

    fn next_job(&mut self, node: usize, lane: u64) {
        while let Some(job) =
            self.nodes[node].lanes.get_mut(&lane).and_then(|l| l.front_mut()).map(Job::start)
        {
            if !self.step(node, job) {
                break;
            }
        }
        self.kick(node);
    }

    /// Judges what can be judged; true where the job is done and its lane goes on.
    fn step(&mut self, node: usize, mut job: Job) -> bool {
        loop {
            let (write, proofs) = self.nodes[node].judge(&mut job);
            for proof in proofs {
                self.keep_proof(node, proof);
            }
            write.iter().for_each(|(_, checked)| self.check_counts(node, checked));
            if !write.is_empty() {
                self.nodes[node].disk.waiting.push((job, write));
                return false;
            }
            if job.runs.is_empty() {
                self.finish(node, job);
                return true;
            }
        }
    }

    /// Begins to write what waits, where the disk is idle.
    fn kick(&mut self, node: usize) {
        if self.nodes[node].disk.writing.is_some() || self.nodes[node].disk.waiting.is_empty() {
            return;
        }
        let mut jobs = std::mem::take(&mut self.nodes[node].disk.waiting);
        let mut frames = Vec::new();
        let mut heads: std::collections::BTreeMap<_, _> = Default::default();
        for (job, writes) in &mut jobs {
            writes.retain(|(at, checked)| {
                let id = checked.frame.feed.id();
                let head =
                    heads.get(&id).copied().unwrap_or_else(|| self.nodes[node].durable.store.head(&id));
                let failed = match head == checked.after {
                    _ if self.nodes[node].disk.full => Some(Reason::StoreFailed),
                    true => None,
                    // Another writer was first with this feed.
                    false => Some(Reason::Gap),
                };
                if let Some(reason) = failed {
                    job.taken[*at].result = Err(reason);
                    self.nodes[node].give_back(checked);
                    return false;
                }
                if matches!(checked.frame.kind, Kind::Append | Kind::Replace) {
                    heads.insert(id, checked.head);
                }
                frames.push(checked.frame.clone());
                true
            });
        }
        let upto = self.nodes[node].durable.store.write(frames);
        if mutant!(AcknowledgeBeforeSync) {
            jobs.iter().for_each(|(job, _)| self.acknowledge(node, job));
        }
        self.nodes[node].disk.writing = Some((jobs, upto));
        let (wait, life) = (self.rng.between(1, 8) * MILLISECOND, self.nodes[node].life);
        if let Some(off) = self.nodes[node].doomed.take() {
            self.queue.after(wait / 2, Event::Strike(Strike::Crash(node, off)));
        }
        self.queue.after(wait, Event::Synced { node, life });
    }

    /// What was being written is durable: it is shown, acknowledged and sent on.
    pub fn synced(&mut self, node: usize) {
        let Some((jobs, upto)) = self.nodes[node].disk.writing.take() else { return };
        self.nodes[node].durable.store.synced(upto);
        for (job, writes) in jobs {
            for (_, checked) in writes {
                self.after(node, checked, matches!(job.reply, Reply::Own));
            }
            let lane = job.lane();
            if self.step(node, job) {
                self.next_job(node, lane);
            }
        }
        self.kick(node);
        self.grown(node);
    }

    fn after(&mut self, node: usize, checked: Checked, own: bool) {
        let Checked { frame, log, fresh, .. } = checked;
        self.counts.stored += fresh;
        let here = &mut self.nodes[node];
        if own {
            here.durable.register.push(Rc::new(frame.clone()));
        }
        if let Some(log) = log {
            here.identities.keep(log);
            here.restate_party(&frame.feed.party);
        }
        self.note(node, &frame);
    }

    /// What a durable frame changes besides the store; also after a restart.
    pub fn note(&mut self, node: usize, frame: &Frame) {
        self.oracle.check_taken(node, &frame.feed, &frame.packed);
        self.check_chain(node, frame);
        let here = &mut self.nodes[node];
        here.restate(&frame.feed);
        here.note_bodies(frame);
        if let Some((seq, hash)) = here.served(&frame.feed) {
            let store = &here.durable.store;
            self.oracle.check_stated(node, store, &frame.feed.id(), seq, hash.as_bytes());
        }
        let here = &mut self.nodes[node];
        let mut gone = Vec::new();
        for (place, entry) in (frame.first..).zip(unpack(&frame.packed).unwrap_or_default()) {
            let Some(content) = entry.body.and_then(|b| b.get(16..)) else { continue };
            if frame.feed.is_identity() {
                break;
            }
            let Ok(admitting) = Admitting::decode(content) else { continue };
            if let Some(withdraw) = admitting.withdraw.filter(|w| w.erase) {
                let named = withdraw.entries.iter();
                gone.extend(named.filter_map(|e| Some((FeedId::from_slice(&e.feed_id)?, e.seq))));
            }
            if let Some(attestation) = admitting.attestation {
                let (feed, hash) = (frame.feed, entry_hash(entry.header, entry.signature));
                let Some(seq) = Seq::new(place) else { continue };
                let time_ms =
                    entry.header.get(74..82).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
                let source = Source { feed, seq, hash, time_ms };
                here.admissions.attest(feed.party, &attestation, source, here.is_void(&source));
                // What was not carried before may be now.
                here.memories.values_mut().for_each(Memory::forget_here);
            }
        }
        let (id, owner) = (frame.feed.id(), frame.feed.party);
        let of_owner = |feed: &FeedId| here.durable.store.held(feed).is_none_or(|h| h.feed.party == owner);
        gone.retain(|(feed, _)| of_owner(feed));
        // What was erased before it came here.
        gone.extend(here.erased.get(&id).into_iter().flatten().map(|seq| (id, *seq)));
        gone.into_iter().for_each(|(feed, seq)| here.drop_body(feed, seq));
    }

    /// What a node holds is one chain, and what it held is replaced only where the author has said so.
    fn check_chain(&mut self, node: usize, frame: &Frame) {
        let here = &self.nodes[node];
        if here.conduct.is_some() {
            return;
        }
        let id = frame.feed.id();
        let hash_at = |seq: u64| here.durable.store.held(&id)?.hash_at(seq);
        let held = frame.first.checked_sub(1).filter(|s| *s > 0).and_then(hash_at);
        let named = frame.packed.get(42..74);
        // What another branch has taken the place of since is noted again after a restart, and held no longer.
        let entries = unpack(&frame.packed).unwrap_or_default();
        let first = entries.first().map(|e| entry_hash(e.header, e.signature));
        let stands = first.is_some() && hash_at(frame.first) == first;
        let parted = stands && held.is_some_and(|h| named != Some(&h.as_bytes()[..]));
        let replaced = frame.kind == Kind::Replace && !frame.feed.is_identity();
        let allowed = matches!(here.counted(&frame.feed), Some(Counted::UpTo { .. }));
        if parted {
            self.fails(format!(
                "node {node} holds entry {} of {id} after another than it names",
                frame.first
            ));
        }
        if replaced && !allowed && self.nodes[node].up {
            self.fails(format!("node {node} put entry {} of {id} in the place of another", frame.first));
        }
    }

    /// What a node is about to write counts, by what it knows of revocations and forks.
    fn check_counts(&mut self, node: usize, checked: &Checked) {
        let here = &self.nodes[node];
        let feed = checked.frame.feed;
        let last = checked.frame.first + unpack(&checked.frame.packed).map_or(0, |e| e.len() as u64) - 1;
        let beyond = match here.counted(&feed) {
            Some(Counted::UpTo { seq, .. }) => last > seq,
            Some(Counted::All) => here.freeze(&feed.id()).is_some_and(|c| last > c.seq),
            None => true,
        };
        if beyond && here.conduct.is_none() {
            self.fails(format!("node {node} took entry {last} of {}, which is void", feed.id()));
        }
    }

    /// Keeps a proof of a fork and passes it on.
    pub fn keep_proof(&mut self, node: usize, proof: ForkProof) {
        let feed = *proof.feed();
        if self.nodes[node].keep_proof(proof) {
            self.line(|w| format!("{} node {node} holds a proof that {} forked", w.time(), feed.id()));
            if self.nodes[node].conduct.is_none() && !self.oracle.forked(&feed.id()) {
                self.fails(format!(
                    "node {node} froze the feed {} of an author who never forked it",
                    feed.id()
                ));
            }
            self.grown(node);
        }
    }

    fn finish(&mut self, node: usize, job: Job) {
        for taken in &job.taken {
            match &taken.result {
                Ok((_, known)) => self.counts.known += known,
                Err(reason) => {
                    *self.counts.refused.entry(reason.code()).or_default() += 1;
                    self.line(|w| {
                        let (feed, from, why) = (taken.feed, taken.from, reason.code());
                        format!("{} node {node} refuses entry {from} of {feed}: {why}", w.time())
                    });
                }
            }
        }
        let lane = job.lane();
        if let Some(waiting) = self.nodes[node].lanes.get_mut(&lane) {
            waiting.pop_front();
            if waiting.is_empty() {
                self.nodes[node].lanes.remove(&lane);
            }
        }
        self.acknowledge(node, &job);
        if let Reply::Session { conn, call } = job.reply {
            self.taken(conn, call, &job.taken, job.bytes);
        }
    }

    /// Tells who pushed, or who wrote, that it is durable.
    fn acknowledge(&mut self, node: usize, job: &Job) {
        if matches!(job.reply, Reply::Session { .. }) {
            return;
        }
        for taken in job.taken.iter().filter(|t| t.result.is_ok()) {
            if let Some(Head { seq, hash }) = taken.head {
                self.oracle.promise(node, taken.feed, seq.value(), hash);
            }
        }
        if let Reply::Pusher { conn, call } = job.reply {
            let mut response = PushResponse::default();
            for taken in &job.taken {
                let refused = match &taken.result {
                    Ok((stored, known)) => {
                        response.stored += stored;
                        response.known += known;
                        taken.above.then_some(Reason::Gap)
                    }
                    Err(reason) => Some(*reason),
                };
                response.refusals.extend(refused.map(|reason| RunRefusal {
                    feed_id: taken.feed.to_vec(),
                    from: taken.from,
                    reason: reason.code().to_owned(),
                    message: String::new(),
                }));
            }
            self.send(conn, call, Message::Answer(Answer::Push(response)));
        }
    }
}

/// A proof as it travels.
pub fn travelling(proof: &ForkProof) -> v1::ForkProof {
    v1::ForkProof {
        feed: Some(feed_parts(proof.feed())),
        first: proof.first().to_vec(),
        second: proof.second().to_vec(),
    }
}

/// A proof as it arrived, checked.
pub fn arrived(proof: &v1::ForkProof) -> Result<ForkProof, Reason> {
    let parts = proof.feed.as_ref().ok_or(Reason::BadLength)?;
    let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience)?;
    ForkProof::check(feed, &proof.first, &proof.second)
}
