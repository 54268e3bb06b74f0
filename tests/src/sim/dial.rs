//! The side that opened a connection: the real session decides, this does what it says; then it follows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use caphub_node::ingest::Origin;
use caphub_proto::v1::{
    FeedRange, ForkProof, HelloRequest, HelloResponse, Position, PullRequest, PullResponse, PushRequest,
    PushResponse,
};
use caphub_proto::wire::entitlement::Viewer;
use caphub_proto::wire::session::{Action, Facts, Finished, Input, Session, Settings, calls_for_comparison};
use caphub_proto::wire::statement::HeadStatement;
use caphub_proto::wire::{Feed, FeedId, Head, Reason};

use crate::sim::disk::{Reply, Taken};
use crate::sim::message::{Answer, Message, Request};
use crate::sim::queue::{MILLISECOND, Micros, SECOND};
use crate::sim::world::{Event, World};
use crate::sim::write::arrived;

/// First wait after a failure.
const BACKOFF_MIN: Micros = 250 * MILLISECOND;
/// Longest wait between two tries.
const BACKOFF_MAX: Micros = 60 * SECOND;
/// Wait before heads are compared again although nothing asked for it.
const AGAIN: Micros = 60 * SECOND;
/// Wait before they are compared again where something is known to be missing.
const SOON: Micros = 250 * MILLISECOND;
/// Feeds of which statements are asked for at once.
const STATEMENTS_MAX: usize = 64;
/// Feeds of which missing bodies are asked for at once.
const LACKING_MAX: usize = 64;
/// Push messages that wait for their answer at once.
const PUSHES_MAX: usize = 4;

/// A link that this node dials.
#[derive(Debug, Default)]
pub struct Dialled {
    /// The connection, while there is one.
    pub conn: Option<u64>,
    wait: Micros,
    session: Option<Session>,
    /// The call of a pull by ranges, and whether it has ended.
    pull: Option<(u32, bool)>,
    /// That pull asked for the newest entries first.
    newest_first: bool,
    /// Messages of runs that are being taken.
    taking: usize,
    /// A push that has begun: what is left of it, and what waits for its answer.
    push: Option<VecDeque<PushRequest>>,
    pub(super) unanswered: VecDeque<u64>,
    /// True once this side follows the far end's log.
    following: bool,
    /// True where the far end does not fetch from here itself.
    pushes: bool,
    position: Option<Position>,
    /// Bodies that the far end misses, by its Hello.
    pub(super) missed: Vec<FeedRange>,
    /// The last entry of feeds that the far end is known to hold.
    pub(super) theirs: BTreeMap<FeedId, Head>,
    /// The next frame of this node's log to send on, and the next proof.
    pub(super) next: (u64, usize),
    /// When heads are compared again.
    compare_at: Micros,
    /// A turn to send on is due.
    pub(super) turn_due: bool,
}

impl Dialled {
    /// True while the link is up and follows.
    pub fn live(&self) -> bool {
        self.conn.is_some() && self.following
    }

    /// True where the far end gets what is new by a push.
    pub fn sends_on(&self) -> bool {
        self.live() && self.pushes && self.session.is_none()
    }
}

impl World {
    /// Dials again after a wait that grows.
    pub fn dial_again(&mut self, node: usize, to: usize) {
        let here = &mut self.nodes[node];
        let dialled = here.dialled.entry(to).or_default();
        dialled.wait = (dialled.wait * 2).clamp(BACKOFF_MIN, BACKOFF_MAX);
        let wait = dialled.wait / 2 + self.rng.below(dialled.wait / 2 + 1);
        let life = here.life;
        self.queue.after(wait, Event::Dial { node, life, to });
    }

    /// A connection that this node opened is lost.
    pub fn hung_up(&mut self, node: usize, to: usize) {
        let here = &mut self.nodes[node];
        let Some(mut ended) = here.dialled.remove(&to) else { return };
        if let Some(session) = &mut ended.session {
            session.end(&mut here.claims);
        }
        here.dialled.insert(to, Dialled { wait: ended.wait, ..Dialled::default() });
        if here.up {
            self.dial_again(node, to);
        }
    }

    /// A connection is up: heads are compared.
    pub fn opened(&mut self, conn: u64) {
        let Some((node, to)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        if self.nodes[node].up && self.nodes[to].up {
            self.begin(node, to);
        }
    }

    fn begin(&mut self, node: usize, to: usize) {
        let party = self.nodes[to].party;
        let now_ms = self.nodes[node].clock_ms(self.queue.now());
        let here = &mut self.nodes[node];
        let Some(dialled) = here.dialled.get_mut(&to) else { return };
        let (Some(conn), None) = (dialled.conn, &dialled.session) else { return };
        let settings = Settings {
            far: here.viewer(&party),
            parties: vec![here.party],
            pull: true,
            push: true,
            to_strangers: here.replica,
            max_bytes: None,
            newest_first: self.scenario.newest_first,
            dry: false,
        };
        let facts = Facts { sets: &here.sets, hash_at: &|_, _| None, now_ms };
        let (session, roots) = Session::new(settings, &facts, &mut here.claims);
        let next = (here.durable.store.end(), here.durable.proofs.len());
        let Some(dialled) = here.dialled.get_mut(&to) else { return };
        (dialled.session, dialled.next) = (Some(session), next);
        (dialled.pull, dialled.taking, dialled.push) = (None, 0, None);
        let hello = HelloRequest { versions: vec![1], time_ms: now_ms, roots, ..HelloRequest::default() };
        let call = self.call(conn);
        self.send(conn, call, Message::Request(Request::Hello(hello)));
    }

    /// An answer has arrived.
    pub fn answered(&mut self, conn: u64, call: u32, answer: Answer) {
        let Some((node, to)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        match answer {
            Answer::Hello(hello) => self.hello(node, to, &hello),
            Answer::Reconcile(found) => self.hear(node, to, Input::Reconciled(&found)),
            Answer::Pull(message) => self.pulled(node, to, conn, call, message),
            Answer::PullEnd => {
                let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
                if let Some((pull, ended)) = &mut dialled.pull {
                    *ended |= *pull == call;
                }
                self.pull_may_end(node, to);
            }
            Answer::Push(response) => self.pushed(node, to, conn, &response),
            Answer::Statements(statements) => self.heard(node, &statements),
            Answer::Checkpoint(proven) => self.checkpoint_heard(node, to, &proven),
            Answer::Failed(reason) => {
                *self.counts.refused.entry(reason.code()).or_default() += 1;
                self.close(conn);
            }
        }
    }

    fn hello(&mut self, node: usize, to: usize, hello: &HelloResponse) {
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        dialled.position.clone_from(&hello.position);
        dialled.missed.clone_from(&hello.missing_bodies);
        dialled.pushes = !hello.follows_you && hello.standing != "applicant";
        dialled.wait = 0;
        let (first, conn) = (!dialled.following, dialled.conn);
        if first && let Some(conn) = conn {
            // What a node states before it is brought up to date is where a wrong accusation would come from.
            self.ask_statements(node, conn);
        }
        self.hear(node, to, Input::Hello(hello));
    }

    /// Tells the session of a link something, and does what it says.
    fn hear(&mut self, node: usize, to: usize, input: Input<'_>) {
        let now_ms = self.nodes[node].clock_ms(self.queue.now());
        let here = &mut self.nodes[node];
        let Some(dialled) = here.dialled.get_mut(&to) else { return };
        let Some(mut session) = dialled.session.take() else { return };
        let Some(conn) = dialled.conn else { return };
        let mut memory = here.memories.remove(&to).unwrap_or_default();
        let mut claims = std::mem::take(&mut here.claims);
        let hash_at = |feed: &Feed, seq: u64| {
            let counts = here.served(feed).is_some_and(|(last, _)| seq <= last);
            here.durable.store.held(&feed.id()).filter(|_| counts)?.hash_at(seq)
        };
        let facts = Facts { sets: &here.sets, hash_at: &hash_at, now_ms };
        let done = session.handle(input, &facts, &mut memory, &mut claims);
        here.claims = claims;
        here.memories.insert(to, memory);
        let Some(dialled) = here.dialled.get_mut(&to) else { return };
        dialled.session = Some(session);
        match done {
            Ok(actions) => actions.into_iter().for_each(|a| self.act(node, to, conn, a)),
            Err(reason) => {
                *self.counts.refused.entry(reason.code()).or_default() += 1;
                self.close(conn);
            }
        }
    }

    fn act(&mut self, node: usize, to: usize, conn: u64, action: Action) {
        match action {
            Action::Reconcile(request) => {
                let call = self.call(conn);
                self.send(conn, call, Message::Request(Request::Reconcile(request)));
            }
            Action::Pull(request) => {
                let call = self.call(conn);
                if let Some(dialled) = self.nodes[node].dialled.get_mut(&to) {
                    dialled.newest_first = request.newest_first;
                    (dialled.pull, dialled.taking) = (Some((call, false)), 0);
                }
                self.send(conn, call, Message::Request(Request::Pull(request)));
            }
            Action::Push(push) => {
                let messages = self.nodes[node].reads(&push);
                if let Some(dialled) = self.nodes[node].dialled.get_mut(&to) {
                    dialled.push = Some(messages);
                }
                self.push_on(node, to, conn);
            }
            Action::Wait => {
                let life = self.nodes[node].life;
                self.queue.after(SOON, Event::Turn { node, life, conn });
            }
            Action::Finished(finished) => self.finished(node, to, conn, &finished),
        }
    }

    /// Both sides hold what they would take: this one follows now.
    fn finished(&mut self, node: usize, to: usize, conn: u64, finished: &Finished) {
        self.line(|w| {
            let how = match (finished.idle, finished.more) {
                (true, _) => "nothing to do",
                (false, true) => "more is missing",
                (false, false) => "all moved",
            };
            format!("{} node {node} has compared with {to}: {how}", w.time())
        });
        let life = self.nodes[node].life;
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        dialled.session = None;
        let first = !std::mem::replace(&mut dialled.following, true);
        dialled.turn_due = false;
        let position = dialled.position.take();
        let wait = if finished.more { SOON } else { AGAIN };
        let at = self.queue.now() + wait + self.rng.below(wait / 4);
        dialled.compare_at = at;
        self.queue.at(at, Event::Turn { node, life, conn });
        if let Some(position) = position.filter(|_| first) {
            let call = self.call(conn);
            let follow = PullRequest { position: Some(position), follow: true, ..PullRequest::default() };
            self.send(conn, call, Message::Request(Request::Pull(follow)));
        }
        // Bodies that are missing are asked of every far end in turn.
        let skip = self.rng.index(self.nodes[node].lacking.len());
        let far = self.nodes[node].viewer(&self.nodes[to].party);
        let ranges = self.nodes[node].lacking_ranges(skip, &far);
        if !ranges.is_empty() {
            let call = self.call(conn);
            let pull = PullRequest { ranges, ..PullRequest::default() };
            self.send(conn, call, Message::Request(Request::Pull(pull)));
        }
        self.bring_bodies(node, to, conn);
        self.ask_statements(node, conn);
        if self.scenario.statements {
            self.ask_checkpoint(node, to, conn);
        }
        self.send_on(node, to);
    }

    fn ask_statements(&mut self, node: usize, conn: u64) {
        if self.scenario.statements {
            let feeds = self.nodes[node].sets.items().map(|i| i.id).take(STATEMENTS_MAX).collect();
            let call = self.call(conn);
            self.send(conn, call, Message::Request(Request::Statements(feeds)));
        }
    }

    fn pulled(&mut self, node: usize, to: usize, conn: u64, call: u32, message: PullResponse) {
        self.prove(node, &message.forks);
        if message.runs.is_empty() {
            return;
        }
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        dialled.taking += usize::from(dialled.pull.is_some_and(|(pull, _)| pull == call));
        let ahead = dialled.newest_first && dialled.pull.is_some_and(|(pull, _)| pull == call);
        self.take(node, message.runs, Origin::Peer, ahead, Reply::Session { conn, call });
    }

    /// Checks proofs that arrived, and keeps those that hold.
    pub fn prove(&mut self, node: usize, forks: &[ForkProof]) {
        for proof in forks.iter().map(arrived) {
            match proof {
                Ok(proof) => self.keep_proof(node, proof),
                Err(reason) => {
                    *self.counts.refused.entry(reason.code()).or_default() += 1;
                    self.line(|w| format!("{} node {node} refuses a proof: {}", w.time(), reason.code()));
                }
            }
        }
    }

    /// What became of runs that this side pulled, or got by following.
    pub fn taken(&mut self, conn: u64, call: u32, taken: &[Taken], bytes: u64) {
        let Some((node, to)) = self.conns.get(&conn).map(|c| c.ends) else { return };
        let life = self.nodes[node].life;
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        let known = taken.iter().filter(|t| t.result.is_ok());
        dialled.theirs.extend(known.filter_map(|t| Some((t.feed, t.head?))));
        if dialled.pull.is_some_and(|(pull, _)| pull == call) {
            dialled.taking = dialled.taking.saturating_sub(1);
            let told: Vec<(FeedId, Result<(), Reason>)> =
                taken.iter().map(|t| (t.feed, t.result.as_ref().map(|_| ()).map_err(|r| *r))).collect();
            self.hear(node, to, Input::Taken(&told, bytes));
            self.pull_may_end(node, to);
        } else if taken.iter().any(|t| t.above || t.result.is_err_and(calls_for_comparison)) {
            dialled.compare_at = 0;
            self.queue.after(SOON, Event::Turn { node, life, conn });
        }
    }

    fn pull_may_end(&mut self, node: usize, to: usize) {
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        if dialled.taking == 0 && dialled.pull.is_some_and(|(_, ended)| ended) {
            dialled.pull = None;
            self.hear(node, to, Input::PullEnded);
        }
    }

    fn push_on(&mut self, node: usize, to: usize, conn: u64) {
        loop {
            let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
            let Some(messages) = &mut dialled.push else { return };
            if dialled.unanswered.len() >= PUSHES_MAX {
                return;
            }
            let Some(message) = messages.pop_front() else { break };
            dialled.unanswered.push_back(message.runs.iter().map(|r| r.entries.len() as u64).sum());
            let call = self.call(conn);
            self.send(conn, call, Message::Request(Request::Push(message)));
        }
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        if dialled.unanswered.is_empty() && dialled.push.take().is_some() {
            self.hear(node, to, Input::PushEnded);
        }
    }

    fn pushed(&mut self, node: usize, to: usize, conn: u64, response: &PushResponse) {
        let life = self.nodes[node].life;
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        let bytes = dialled.unanswered.pop_front().unwrap_or(0);
        if dialled.push.is_some() {
            self.hear(node, to, Input::Pushed(response, bytes));
            self.push_on(node, to, conn);
        } else if response.refusals.iter().filter_map(|r| Reason::parse(&r.reason)).any(calls_for_comparison)
        {
            dialled.compare_at = 0;
            self.queue.after(SOON, Event::Turn { node, life, conn });
        }
    }

    /// Sends on what is new, or compares again.
    pub fn turn(&mut self, node: usize, conn: u64) {
        let (now, Some((_, to))) = (self.queue.now(), self.conns.get(&conn).map(|c| c.ends)) else { return };
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        if dialled.session.is_some() {
            return self.hear(node, to, Input::Again);
        }
        if std::mem::take(&mut dialled.turn_due) {
            self.send_on(node, to);
        }
        let life = self.nodes[node].life;
        let Some(dialled) = self.nodes[node].dialled.get_mut(&to) else { return };
        if dialled.following && now >= dialled.compare_at {
            match dialled.unanswered.is_empty() {
                true => {
                    dialled.compare_at = Micros::MAX;
                    self.begin(node, to);
                }
                false => self.queue.after(SOON, Event::Turn { node, life, conn }),
            }
        }
    }

    fn heard(&mut self, node: usize, statements: &[Vec<u8>]) {
        for statement in statements.iter().filter_map(|s| HeadStatement::decode(s).ok()) {
            if let Some(held) = self.nodes[node].durable.store.held(&statement.feed) {
                let feed = held.feed;
                self.nodes[node].durable.heard.push((feed, statement));
            }
        }
    }
}

impl crate::sim::node::Node {
    /// Where bodies are missing, of feeds that the far end may read.
    pub(super) fn lacking_ranges(&self, skip: usize, far: &Viewer) -> Vec<FeedRange> {
        let range = |(feed, places): (&FeedId, &BTreeSet<u64>)| {
            let (from, to) = (*places.first()?, *places.last()?);
            Some(FeedRange { feed_id: feed.to_vec(), from, to })
        };
        // From another one on each time: of some feeds nobody may have the bodies.
        let readable = |(feed, _): &(&FeedId, &BTreeSet<u64>)| {
            self.durable.store.held(feed).is_some_and(|h| far.may_read(&h.feed))
        };
        self.lacking
            .iter()
            .cycle()
            .skip(skip)
            .take(self.lacking.len().min(LACKING_MAX))
            .filter(readable)
            .filter_map(range)
            .collect()
    }
}
