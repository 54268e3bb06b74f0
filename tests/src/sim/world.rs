//! The whole of a simulation: nodes, links, time and truth, and the loop that takes one event after the other.

use std::collections::BTreeMap;

use caphub_proto::wire::{Feed, FeedId, PartyId};

use crate::sim::cast::Party;
use crate::sim::message::Message;
use crate::sim::network::{Fate, Network};
use crate::sim::node::Node;
use crate::sim::oracle::Oracle;
use crate::sim::queue::{Micros, Queue};
use crate::sim::rng::Rng;
use crate::sim::scenario::{Fault, Scenario};
use crate::sim::strike::Strike;

/// What can happen.
pub enum Event {
    /// A node dials another.
    Dial {
        /// Who.
        node: usize,
        /// In which of its lives.
        life: u32,
        /// Whom.
        to: usize,
    },
    /// A connection is up.
    Opened {
        /// Which.
        conn: u64,
    },
    /// A message arrives.
    Arrives {
        /// Over which connection.
        conn: u64,
        /// Of which call.
        call: u32,
        /// What.
        message: Message,
    },
    /// A side learns that its connection is lost.
    Lost {
        /// Which.
        conn: u64,
    },
    /// What a node was writing is durable.
    Synced {
        /// Who.
        node: usize,
        /// In which of its lives.
        life: u32,
    },
    /// A node writes a record, and this many after it.
    Write {
        /// Who.
        node: usize,
        /// How many are left.
        left: usize,
    },
    /// A node turns to its links: sends on what is new, and compares again.
    Turn {
        /// Who.
        node: usize,
        /// In which of its lives.
        life: u32,
        /// Over which connection.
        conn: u64,
    },
    /// A carried file arrives.
    Carried {
        /// Where.
        node: usize,
        /// Who wrote it.
        author: PartyId,
        /// The file.
        bytes: Vec<u8>,
    },
    /// Something goes wrong, or is mended.
    Strike(Strike),
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Conn {
    /// Who opened it, and who accepted.
    pub ends: (usize, usize),
    /// In which of their lives.
    pub lives: (u32, u32),
    /// The next call's number.
    pub next_call: u32,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Events taken.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Bytes sent, by node.
    pub sent: Vec<u64>,
    /// Bytes received, by node.
    pub received: Vec<u64>,
    /// Faults that struck, by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Entries written.
    pub written: u64,
    /// Entries that became durable at some node, again and again.
    pub stored: u64,
    /// Entries that arrived where they were held already.
    pub known: u64,
    /// Statements that show a dishonest node's contradiction.
    pub shown: u64,
    /// Runs refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

/// A simulation.
pub struct World {
    /// What it follows from.
    pub scenario: Scenario,
    /// Events to come.
    pub queue: Queue<Event>,
    /// Links.
    pub network: Network,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Parties, by node; several nodes may share one.
    pub parties: Vec<Party>,
    /// Which party a node belongs to; `None` where it has no identity log.
    pub party_of: Vec<Option<usize>>,
    /// What is true.
    pub oracle: Oracle,
    /// Connections that are up.
    pub conns: BTreeMap<u64, Conn>,
    /// Numbers.
    pub counts: Counts,
    /// Every line of what happened, where that was asked for.
    pub trace: Option<Vec<String>>,
    /// False once faults have ended.
    pub busy: bool,
    /// Chance for everything but the links.
    pub rng: Rng,
    /// What dishonest nodes keep to send again.
    pub recorded: BTreeMap<usize, Vec<Message>>,
    /// Nodes that have still to write.
    pub writers: usize,
    pub(super) next_conn: u64,
}

impl World {
    /// Takes events until a time.
    pub fn run_until(&mut self, until: Micros) {
        while let Some(event) = self.queue.next(until) {
            self.counts.events += 1;
            self.happens(event);
            if self.oracle.failures.len() > FAILURES_MAX {
                return;
            }
        }
        self.queue.wait_until(until);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Dial { node, life, to } => self.dial(node, life, to),
            Event::Opened { conn } => self.opened(conn),
            Event::Arrives { conn, call, message } => self.arrives(conn, call, message),
            Event::Lost { conn } => self.close(conn),
            Event::Synced { node, life } => {
                if self.nodes[node].up && self.nodes[node].life == life {
                    self.synced(node);
                }
            }
            Event::Write { node, left } => self.write_record(node, left),
            Event::Turn { node, life, conn } => {
                if self.nodes[node].up && self.nodes[node].life == life {
                    self.turn(node, conn);
                }
            }
            Event::Carried { node, author, bytes } => self.carried(node, author, bytes),
            Event::Strike(strike) => self.strike(strike),
        }
    }

    fn arrives(&mut self, conn: u64, call: u32, message: Message) {
        let Some(Conn { ends: (dialler, acceptor), lives, .. }) = self.conns.get(&conn).copied() else {
            return;
        };
        let to = if matches!(message, Message::Request(_)) { acceptor } else { dialler };
        if !self.nodes[to].up || lives != (self.nodes[dialler].life, self.nodes[acceptor].life) {
            return;
        }
        self.counts.received[to] += message.size() as u64;
        self.line(|w| {
            format!("{} {dialler}-{acceptor} #{conn}.{call} at {to}: {}", w.time(), message.words())
        });
        match message {
            Message::Request(request) => self.serve(conn, call, request),
            Message::Answer(answer) => self.answered(conn, call, answer),
        }
    }

    /// Sends a message over a connection that is up; of a dishonest node, what it makes of it.
    pub fn send(&mut self, conn: u64, call: u32, message: Message) {
        let Some(Conn { ends: (dialler, acceptor), .. }) = self.conns.get(&conn).copied() else { return };
        let (from, to) = match message {
            Message::Request(_) => (dialler, acceptor),
            Message::Answer(_) => (acceptor, dialler),
        };
        if call & REPEATED != 0 {
            // The answer to a request that came twice finds nobody who waits for it.
            return;
        }
        for message in self.in_its_manner(from, to, message) {
            self.check_sent(from, to, &message);
            let (size, request) = (message.size(), matches!(message, Message::Request(_)));
            self.counts.messages += 1;
            self.counts.sent[from] += size as u64;
            let now = self.queue.now();
            match self.network.send(now, (conn, request), (from, to), call, size, request) {
                Fate::Arrives(times) => {
                    for (n, at) in times.into_iter().enumerate() {
                        let call = if n == 0 { call } else { call | REPEATED };
                        self.queue.at(at, Event::Arrives { conn, call, message: message.clone() });
                    }
                }
                Fate::Cut(at) => self.queue.at(at, Event::Lost { conn }),
            }
        }
    }

    fn check_sent(&mut self, from: usize, to: usize, message: &Message) {
        if self.nodes[from].conduct.is_some() {
            return;
        }
        let feeds = message.runs().iter().filter_map(|r| r.feed.as_ref());
        let feeds = feeds.chain(message.forks().iter().filter_map(|f| f.feed.as_ref()));
        for feed in feeds {
            self.oracle.check_sent(from, to, feed);
        }
        for head in message.heads() {
            let Some(parts) = &head.feed else { continue };
            self.oracle.check_sent(from, to, parts);
            if let Ok(feed) = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience) {
                let store = &self.nodes[from].durable.store;
                self.oracle.check_stated(from, store, &feed.id(), head.seq, &head.entry_hash);
            }
        }
    }

    /// Checks that nobody hears of a feed that it may not see.
    pub fn check_named(&mut self, from: usize, to: usize, feed: &FeedId) {
        self.oracle.check_named(from, to, feed);
    }

    /// Opens a connection if the far end is there.
    fn dial(&mut self, node: usize, life: u32, to: usize) {
        let (from, far) = (&self.nodes[node], &self.nodes[to]);
        if !from.up || from.life != life || from.dialled.get(&to).is_some_and(|d| d.conn.is_some()) {
            return;
        }
        if !far.up || !self.network.reaches(node, to) {
            self.dial_again(node, to);
            return;
        }
        let lives = (from.life, far.life);
        let conn = self.next_conn;
        self.next_conn += 1;
        self.conns.insert(conn, Conn { ends: (node, to), lives, next_call: 1 });
        self.nodes[node].dialled.entry(to).or_default().conn = Some(conn);
        // TCP and TLS take two round trips before the first request.
        let now = self.queue.now();
        match self.network.send(now, (conn, true), (node, to), 0, 6_000, false) {
            Fate::Arrives(times) => {
                let at = times.first().copied().unwrap_or(now);
                self.queue.at(now + 4 * (at - now), Event::Opened { conn });
            }
            Fate::Cut(at) => self.queue.at(at, Event::Lost { conn }),
        }
    }

    /// Ends a connection for both sides.
    pub fn close(&mut self, conn: u64) {
        let Some(Conn { ends: (dialler, acceptor), lives, .. }) = self.conns.remove(&conn) else { return };
        self.network.forget(conn);
        self.nodes[acceptor].followers.remove(&conn);
        if self.nodes[dialler].life == lives.0 {
            self.hung_up(dialler, acceptor);
        }
    }

    /// A number for a new call over a connection.
    pub fn call(&mut self, conn: u64) -> u32 {
        self.conns.get_mut(&conn).map_or(0, |c| {
            c.next_call += 1;
            c.next_call
        })
    }

    /// Adds a line to the trace, where one is kept.
    pub fn line(&mut self, words: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = words(self);
            self.trace.iter_mut().for_each(|t| t.push(line.clone()));
        }
    }

    /// The time, in seconds.
    pub fn time(&self) -> String {
        format!("{:>12.6}", self.queue.now() as f64 / 1e6)
    }

    /// Something is not as it must be.
    pub fn fails(&mut self, what: String) {
        self.line(|w| format!("{} fails: {what}", w.time()));
        self.oracle.failures.push(what);
    }
}

/// Marks the call of a request that a transport has repeated.
pub const REPEATED: u32 = 1 << 31;
/// Failures after which a run is given up: the first one is what matters.
const FAILURES_MAX: usize = 16;
