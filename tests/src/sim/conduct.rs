//! Dishonest peers: what they make of the messages that an honest node in their place would send.

use caphub_proto::v1::{self, ForkProof};
use caphub_proto::wire::Audience;
use caphub_proto::wire::feed::unpack;

use crate::sim::cast::{Party, need, run_of, sign};
use crate::sim::message::{Answer, Message, Request};
use crate::sim::rng::Rng;
use crate::sim::scenario::Fault;
use crate::sim::serve::feed_from;
use crate::sim::world::World;

/// Messages that a peer keeps to send again.
const RECORDED_MAX: usize = 64;
/// Messages into which a flood is poured; each brings one more party.
const FLOODS_MAX: u64 = 40;
/// Entries of each of those parties; above the quota of a guest.
const FLOOD_ENTRIES: usize = 12;

impl World {
    /// What a node makes of a message; an honest one leaves it as it is.
    pub fn in_its_manner(&mut self, from: usize, to: usize, mut message: Message) -> Vec<Message> {
        let Some(conduct) = self.nodes[from].conduct else { return vec![message] };
        let mut rng = self.rng.branch();
        let mut struck = false;
        match conduct {
            Fault::Withhold => struck = withhold(&mut message),
            Fault::NoBody => struck = strip(&mut message, &mut rng),
            Fault::Garbage => struck = garble(&mut message, &mut rng),
            Fault::Widen => struck = self.widen(from, &mut message, &mut rng),
            Fault::Flood => struck = self.flood(&mut message),
            Fault::Replay | Fault::Stale => {
                let recorded = self.recorded.entry(from).or_default();
                let again = recorded
                    .iter()
                    .filter(|m| std::mem::discriminant(*m) == std::mem::discriminant(&message));
                let again: Vec<Message> = again.filter(|m| same_kind(m, &message)).cloned().collect();
                if recorded.len() >= RECORDED_MAX {
                    let at = rng.index(RECORDED_MAX);
                    recorded.swap_remove(at);
                }
                recorded.push(message.clone());
                if let Some(old) = rng.pick(&again).filter(|_| rng.clone().permille(400)) {
                    struck = true;
                    let whole = conduct == Fault::Stale || message.runs().is_empty();
                    match (whole, message.runs_mut()) {
                        (false, Some(runs)) => runs.extend_from_slice(old.runs()),
                        _ => message = old.clone(),
                    }
                }
            }
            _ => {}
        }
        if struck {
            self.count(conduct);
            self.line(|w| {
                format!("{} node {from} to {to} by {}: {}", w.time(), conduct.name(), message.words())
            });
        }
        vec![message]
    }

    /// Sends feeds to whom they are not for, and says that they are for all.
    fn widen(&mut self, from: usize, message: &mut Message, rng: &mut Rng) -> bool {
        let held: Vec<_> = self.nodes[from].durable.store.feeds().map(|(_, h)| h.clone()).collect();
        let Some(runs) = message.runs_mut() else { return false };
        let narrow =
            held.iter().filter(|h| matches!(h.feed.audience(), Audience::Hub(_) | Audience::Network));
        let narrow: Vec<_> = narrow.collect();
        let Some(held) = rng.pick(&narrow) else { return false };
        let last = held.head().map_or(0, |h| h.seq.value());
        let mut more = held.runs(1, last);
        if rng.permille(500) {
            more.iter_mut()
                .filter_map(|r| r.feed.as_mut())
                .for_each(|f| f.audience = Audience::Public.encode());
        }
        runs.extend(more);
        true
    }

    /// Adds what a party that nobody knows has written, more than a guest may.
    fn flood(&mut self, message: &mut Message) -> bool {
        if self.counts.faults.get(&Fault::Flood).is_some_and(|n| *n >= FLOODS_MAX) {
            return false;
        }
        let Some(runs) = message.runs_mut() else { return false };
        let party = Party::found(&mut self.rng, 1);
        let key = &party.operators[0];
        let feed = caphub_proto::wire::Feed::records(party.id, key.public(), Audience::Public);
        let (mut entries, mut head) = (Vec::new(), None);
        for n in 0..FLOOD_ENTRIES {
            let (salt, body) = (self.rng.array(), need(&mut self.rng, n));
            let signed = sign(feed, head, crate::sim::cast::EPOCH_MS, salt, &body, key);
            head = Some(signed.head);
            entries.push(signed);
        }
        party.identity.iter().chain(&entries).for_each(|e| self.oracle.note(e));
        self.oracle.nobody(party.id);
        runs.push(run_of(&party.identity));
        for part in entries.chunks(4) {
            runs.push(run_of(part));
        }
        true
    }
}

fn same_kind(one: &Message, other: &Message) -> bool {
    match (one, other) {
        (Message::Request(a), Message::Request(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
        (Message::Answer(a), Message::Answer(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
        _ => false,
    }
}

/// Leaves out half of all feeds, and states lower heads of them.
fn withhold(message: &mut Message) -> bool {
    let left_out = |feed: Option<&v1::Feed>| {
        feed_from(feed).is_some_and(|f| !f.is_identity() && f.id().as_bytes()[31] % 2 == 0)
    };
    let mut struck = false;
    if let Some(runs) = message.runs_mut() {
        let before = runs.len();
        runs.retain(|r| !left_out(r.feed.as_ref()));
        struck |= runs.len() < before;
    }
    if let Message::Answer(Answer::Reconcile(found)) = message {
        for answer in found.classes.iter_mut().flat_map(|c| c.answers.iter_mut()) {
            let before = answer.heads.len();
            answer.heads.retain(|h| !left_out(h.feed.as_ref()));
            struck |= answer.heads.len() < before;
        }
    }
    struck
}

/// Leaves out bodies; the headers and their signatures stay.
fn strip(message: &mut Message, rng: &mut Rng) -> bool {
    let mut struck = false;
    for run in message.runs_mut().into_iter().flatten().filter(|_| rng.permille(600)) {
        let entries = unpack(&run.entries).unwrap_or_default();
        let mut out = Vec::with_capacity(run.entries.len());
        for entry in &entries {
            out.extend_from_slice(entry.header);
            out.extend_from_slice(entry.signature);
            out.push(0);
        }
        drop(entries);
        run.entries = out.into();
        struck = true;
    }
    struck
}

/// Alters bytes anywhere, and makes proofs of forks that never were.
fn garble(message: &mut Message, rng: &mut Rng) -> bool {
    if rng.permille(400) {
        return false;
    }
    join_runs(message);
    let mut invented = Vec::new();
    for run in message.runs_mut().into_iter().flatten() {
        invented.extend(invent(run, rng));
        let mut bytes = run.entries.to_vec();
        match rng.below(6) {
            4 => forge_inner(&mut bytes, rng),
            0 => bytes = rng.array::<64>().to_vec(),
            1 => bytes.truncate(rng.index(bytes.len())),
            2 => swap_entries(&mut bytes, rng),
            3 => alter_body(&mut bytes),
            _ => {
                let at = rng.index(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
        }
        run.entries = bytes.into();
    }
    match message {
        Message::Request(Request::Push(m)) => m.forks.extend(invented),
        Message::Answer(Answer::Pull(m)) => m.forks.extend(invented),
        Message::Answer(Answer::Reconcile(m)) => {
            for head in m.classes.iter_mut().flat_map(|c| &mut c.answers).flat_map(|a| &mut a.heads) {
                match rng.below(4) {
                    0 => head.seq = rng.draw(),
                    1 => head.entry_hash = rng.array::<32>().to_vec(),
                    2 => head.frozen = !head.frozen,
                    _ => {}
                }
            }
        }
        Message::Answer(Answer::Hello(m)) => {
            m.roots.iter_mut().for_each(|r| r.fingerprint = rng.array::<16>().to_vec());
        }
        Message::Answer(Answer::Statements(m)) => {
            m.iter_mut().filter_map(|s| s.get_mut(150)).for_each(|b| *b ^= 1);
        }
        _ => {}
    }
    true
}

/// A proof that shows nothing: one history is real, and the other its last entry with an altered signature.
fn invent(run: &v1::Run, rng: &mut Rng) -> Option<ForkProof> {
    let entries = unpack(&run.entries).ok()?;
    let last = entries.last()?;
    let mut first = [&last.header[..], last.signature, &[0]].concat();
    let mut second = first.clone();
    *second.get_mut(90 + rng.index(20))? ^= 1;
    if rng.permille(500) {
        std::mem::swap(&mut first, &mut second);
    }
    Some(ForkProof { feed: run.feed.clone(), first, second })
}

/// Puts the first entry after the others.
fn swap_entries(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let Some(first) = unpack(bytes).ok().and_then(|e| e.first().map(|e| e.packed_len())) else { return };
    if rng.permille(500) {
        bytes.rotate_left(first);
    } else {
        bytes.drain(..first);
    }
}

/// Puts runs that follow one another together: what is altered inside is covered by the last signature alone.
fn join_runs(message: &mut Message) {
    let Some(runs) = message.runs_mut() else { return };
    let mut joined: Vec<v1::Run> = Vec::new();
    for run in std::mem::take(runs) {
        match joined.last_mut().filter(|last| last.feed == run.feed) {
            Some(last) => last.entries = [&last.entries[..], &run.entries].concat().into(),
            None => joined.push(run),
        }
    }
    *runs = joined;
}

/// Gives the first entry of several another body, and the header the hash of it.
fn forge_inner(bytes: &mut [u8], rng: &mut Rng) {
    let Some(count) = unpack(bytes).ok().map(|e| e.len()).filter(|n| *n > 1) else { return };
    let at = if count > 1 { 183 + rng.index(16) } else { 0 };
    let Some(length) = bytes.get(114..118).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes) else {
        return;
    };
    let end = 183 + length as usize;
    if bytes.get(182) != Some(&1) || bytes.len() < end {
        return;
    }
    bytes[at] ^= 1;
    let hash = caphub_proto::wire::header::body_hash(&bytes[183..end]);
    bytes[82..114].copy_from_slice(&hash);
}

/// Changes the last byte of all: it belongs to a body, if there is one.
fn alter_body(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}
