//! The serving side of a connection: every request is answered from what is stated now, and nothing is remembered.

use caphub_node::ingest::Origin;
use caphub_proto::v1::{HelloResponse, Position, PullRequest, PullResponse};
use caphub_proto::wire::entitlement::Viewer;
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::reconcile::{answer, roots};
use caphub_proto::wire::statement::Stating;
use caphub_proto::wire::{Feed, FeedId, Head, PartyId, Reason, Seq};

use crate::sim::disk::Reply;
use crate::sim::message::{Answer, Message, Request};
use crate::sim::node::{Follower, Node};
use crate::sim::scenario::Fault;
use crate::sim::world::{REPEATED, World};
use crate::sim::write::travelling;

impl World {
    /// Answers a request.
    pub fn serve(&mut self, conn: u64, call: u32, request: Request) {
        let Some((caller, node)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        let party = self.nodes[caller].party;
        match request {
            Request::Hello(asked) => {
                let now = self.queue.now() as usize;
                let here = &mut self.nodes[node];
                // Another one first each time; the chance of the run stays as it was.
                let skip = now % here.lacking.len().max(1);
                here.durable.published = here.durable.published.max(here.durable.store.end());
                let follows_you = here.dialled.get(&caller).is_some_and(|d| d.live());
                let missing_bodies = match follows_you {
                    true => Vec::new(),
                    false => here.lacking_ranges(skip, &here.viewer(&party)),
                };
                let hello = HelloResponse {
                    version: 1,
                    party_id: here.party.to_vec(),
                    node_key: here.own_key().to_vec(),
                    position: Some(here.position(here.durable.store.end(), &party)),
                    time_ms: here.clock_ms(self.queue.now()),
                    standing: here.standing(&party).to_owned(),
                    follows_you,
                    missing_bodies,
                    roots: roots(&asked.roots, &here.sets, &here.viewer(&party)),
                    ..HelloResponse::default()
                };
                self.answer(conn, call, Answer::Hello(hello));
            }
            Request::Reconcile(asked) => {
                let here = &self.nodes[node];
                let found = answer(&asked, &here.sets, &here.viewer(&party));
                self.answer(conn, call, found.map_or_else(Answer::Failed, Answer::Reconcile));
            }
            Request::Pull(asked) => self.serve_pull(conn, call, &asked),
            Request::Push(asked) => {
                self.prove(node, &asked.forks);
                let origin = match self.nodes[node].standing(&party) {
                    "own" | "peer" => Origin::Peer,
                    _ => Origin::Caller(party),
                };
                self.take(node, asked.runs, origin, false, Reply::Pusher { conn, call });
            }
            Request::Statements(asked) => self.serve_statements(conn, call, &asked),
            Request::Checkpoint(known) => self.serve_checkpoint(conn, call, known),
        }
    }

    fn answer(&mut self, conn: u64, call: u32, answer: Answer) {
        self.send(conn, call, Message::Answer(answer));
    }

    fn serve_pull(&mut self, conn: u64, call: u32, asked: &PullRequest) {
        let Some((caller, node)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        if call & REPEATED != 0 {
            return;
        }
        let party = self.nodes[caller].party;
        let here = &mut self.nodes[node];
        if let Some(position) = &asked.position {
            let same = position.log_id == here.durable.store.log_id;
            let current = here.position(position.ordinal, &party);
            if !same
                || position.entitlement != current.entitlement
                || position.ordinal > here.durable.store.end()
            {
                return self.answer(conn, call, Answer::Failed(Reason::UnknownPosition));
            }
            let next_proof = here.durable.proofs.len();
            here.followers.insert(conn, Follower { call, next: position.ordinal, next_proof });
            return self.feed_follower(node, conn);
        }
        let messages = here.ranges(asked, &here.viewer(&party));
        for message in messages {
            self.answer(conn, call, Answer::Pull(message));
        }
        self.answer(conn, call, Answer::PullEnd);
    }

    /// Sends a follower what is new.
    pub fn feed_follower(&mut self, node: usize, conn: u64) {
        let Some((caller, _)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        let party = self.nodes[caller].party;
        let here = &mut self.nodes[node];
        let Some(follower) = here.followers.get(&conn).copied() else { return };
        let viewer = here.viewer(&party);
        let peer = here.standing(&party) == "peer";
        let mut message = PullResponse::default();
        for frame in here.durable.store.frames_from(follower.next) {
            let echo = peer && frame.feed.party == party;
            let held = here.durable.store.held(&frame.feed.id());
            let Some((last, _)) = here.served(&frame.feed).filter(|_| !echo && viewer.may_read(&frame.feed))
            else {
                continue;
            };
            let end = frame.first
                + caphub_proto::wire::feed::unpack(&frame.packed).map_or(0, |e| e.len() as u64)
                - 1;
            if let Some(held) = held.filter(|_| frame.first <= last) {
                message.runs.extend(held.runs(frame.first, end.min(last)));
            }
        }
        let proofs = here.durable.proofs.get(follower.next_proof..).unwrap_or_default();
        message.forks = proofs.iter().filter(|p| viewer.may_read(p.feed())).map(travelling).collect();
        let (next, next_proof) = (here.durable.store.end(), here.durable.proofs.len());
        here.followers.insert(conn, Follower { call: follower.call, next, next_proof });
        if !message.runs.is_empty() || !message.forks.is_empty() {
            message.position = Some(here.position(next, &party));
            message.current = true;
            self.answer(conn, follower.call, Answer::Pull(message));
        }
    }

    fn serve_statements(&mut self, conn: u64, call: u32, asked: &[FeedId]) {
        let Some((caller, node)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        let viewer = self.nodes[node].viewer(&self.nodes[caller].party);
        let now_ms = self.nodes[node].clock_ms(self.queue.now());
        let here = &mut self.nodes[node];
        let (time_ms, reserve) = here.stamp.next(now_ms);
        here.durable.reserved = reserve.unwrap_or(here.durable.reserved);
        here.durable.published = here.durable.published.max(here.durable.store.end());
        let mut statements = Vec::new();
        for feed in asked.iter().filter_map(|id| here.durable.store.held(id)).map(|h| h.feed) {
            if !viewer.may_read(&feed) {
                continue;
            }
            let head = here.served(&feed).and_then(|(seq, hash)| Some(Head { seq: Seq::new(seq)?, hash }));
            let head = head.filter(|_| here.conduct != Some(Fault::Stale) || asked.len().is_multiple_of(2));
            let cut = here.cut(&feed);
            let (log, party) = (here.log_id(), here.party);
            let stating = Stating { log, party, time_ms, feed: &feed, head, cut };
            statements.push(stating.sign(&here.signer).encode());
        }
        self.answer(conn, call, Answer::Statements(statements));
    }
}

impl Node {
    /// A place in this node's log as a caller sees it.
    pub fn position(&self, ordinal: u64, caller: &PartyId) -> Position {
        let viewer = self.viewer(caller);
        let mut hubs = viewer.hubs;
        hubs.sort_unstable();
        let sum = |at: u64, b: &u8| at.wrapping_mul(31).wrapping_add(u64::from(*b));
        let entitlement = hubs.iter().flat_map(|h| h.0.iter()).fold(u64::from(viewer.network), sum) >> 11;
        Position { log_id: self.durable.store.log_id.to_vec(), ordinal, entitlement }
    }

    /// What a pull by ranges gets: the runs, and the proofs of feeds that are frozen.
    fn ranges(&self, asked: &PullRequest, viewer: &Viewer) -> Vec<PullResponse> {
        let (mut messages, mut message, mut bytes, mut all) = (Vec::new(), PullResponse::default(), 0, 0);
        for range in &asked.ranges {
            let Some(id) = FeedId::from_slice(&range.feed_id) else { continue };
            let proofs = self.durable.proofs.iter().filter(|p| p.feed().id() == id);
            message.forks.extend(proofs.filter(|p| viewer.may_read(p.feed())).map(travelling));
            let Some(held) = self.durable.store.held(&id).filter(|h| viewer.may_read(&h.feed)) else {
                continue;
            };
            let Some((last, _)) = self.served(&held.feed) else { continue };
            let to = if range.to == 0 { last } else { range.to.min(last) };
            let mut runs = held.runs(range.from.max(1), to);
            // Identity events rest on those before them.
            if asked.newest_first && !held.feed.is_identity() {
                runs.reverse();
            }
            for run in runs {
                if asked.max_bytes > 0 && all >= asked.max_bytes {
                    break;
                }
                bytes += run.entries.len();
                all += run.entries.len() as u64;
                message.runs.push(run);
                if bytes >= BATCH_BYTES {
                    bytes = 0;
                    messages.push(std::mem::take(&mut message));
                }
            }
        }
        messages.push(message);
        messages
    }
}

/// A feed's three fields, read.
pub fn feed_from(parts: Option<&caphub_proto::v1::Feed>) -> Option<Feed> {
    let parts = parts?;
    Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience).ok()
}
