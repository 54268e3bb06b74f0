//! What other hubs stated, kept within bounds, and what that shows (SPEC.md 13.2).

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use caphub_proto::wire::statement::{Comparison, HeadStatement, Known};
use caphub_proto::wire::{EntryHash, Feed, FeedId, OperatorKey, PartyId, Seq};

use crate::audit::kept::{Fact, Kept};
use crate::core::Core;

/// Feeds of one hub of which statements are kept; about 700 bytes each.
const FEEDS_PER_HUB_MAX: usize = 20_000;
/// The same for all hubs together.
const FEEDS_MAX: usize = 100_000;
/// Pairs that show something, kept for one hub: one is enough to show it.
pub const SHOWN_MAX: usize = 64;
/// Statements kept for good because they show that an entry was there by their time; 700 bytes each.
const PINS_MAX: usize = 4_096;
/// The same about the feeds of one party: nobody's entries take the room of others'.
const PINS_EACH_MAX: usize = 256;
/// Records of the file beyond twice what is live, before it is written anew.
const SLACK: usize = 2_000;

/// The statements kept of all hubs.
pub struct Book {
    inner: Mutex<Inner>,
}

struct Inner {
    kept: Kept,
    hubs: BTreeMap<PartyId, HashMap<(OperatorKey, FeedId), Line>>,
    feeds: usize,
    due: Vec<Fact>,
    /// What is never replaced by a later statement, in a file of its own.
    pinned: Kept,
    pins: Vec<(Feed, HeadStatement)>,
    pins_due: Vec<Fact>,
}

/// What is kept of one node about one feed.
#[derive(Clone, Debug)]
pub struct Line {
    /// The feed.
    pub feed: Feed,
    /// The statements.
    pub known: Known,
}

impl Book {
    /// Opens the book in a folder.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let (kept, facts) = Kept::open(&directory.join("statements"))?;
        let (pinned, held) = Kept::open(&directory.join("pinned"))?;
        let pin = |fact| match fact {
            Fact::Said(feed, statement) => Some((feed, *statement)),
            _ => None,
        };
        let pins = held.into_iter().filter_map(pin).take(PINS_MAX).collect();
        let mut inner = Inner {
            kept,
            hubs: BTreeMap::new(),
            feeds: 0,
            due: Vec::new(),
            pinned,
            pins,
            pins_due: Vec::new(),
        };
        for fact in facts {
            inner.read(fact);
        }
        inner.due.clear();
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Takes a statement that a hub's node made, however it came. It counts where the hub's identity log lets the key
    /// speak. `save` makes what was taken durable.
    pub fn take(&self, core: &Core, feed: &Feed, statement: HeadStatement) -> Comparison {
        let authorised = core.identities.state(&statement.party).is_some_and(|s| statement.authorised(&s));
        if !authorised || statement.party == core.party {
            return Comparison::Unrelated;
        }
        let chain = |seq: Seq| chain_of(core, feed, seq);
        self.lock().take(feed, statement, chain)
    }

    /// Compares what a hub states with what is held here, feed by feed.
    pub fn compare_with(&self, hub: &PartyId, now_ms: u64, held: impl Fn(&Feed) -> u64) {
        let mut inner = self.lock();
        let (mut due, Some(lines)) = (Vec::new(), inner.hubs.get_mut(hub)) else { return };
        for ((_, id), line) in lines.iter_mut() {
            let before = line.known.late_since_ms;
            line.known.compare_with(held(&line.feed), now_ms);
            if line.known.late_since_ms != before {
                due.push(Fact::LateSince(*hub, *id, line.known.late_since_ms.unwrap_or(0)));
            }
        }
        inner.due.append(&mut due);
    }

    /// Everything kept of one hub.
    pub fn lines(&self, hub: &PartyId) -> Vec<Line> {
        let inner = self.lock();
        inner.hubs.get(hub).into_iter().flat_map(|lines| lines.values().cloned()).collect()
    }

    /// Everything kept of one node that is newer than a time of its own stating clock.
    pub fn since(&self, hub: &PartyId, since_ms: u64) -> Vec<Line> {
        let mut lines = self.lines(hub);
        lines.retain(|l| l.known.latest.time_ms > since_ms);
        lines
    }

    /// The latest time that a node of this hub stated.
    pub fn latest_ms(&self, hub: &PartyId) -> u64 {
        let inner = self.lock();
        let lines = inner.hubs.get(hub).into_iter().flatten();
        lines.map(|(_, l)| l.known.latest.time_ms).max().unwrap_or(0)
    }

    /// The highest place that any hub stated of a feed.
    pub fn highest(&self, feed: &Feed) -> u64 {
        let (inner, id) = (self.lock(), feed.id());
        let lines = inner.hubs.values().flatten().filter(|((_, of), _)| *of == id);
        lines.map(|(_, line)| line.known.highest.seq()).max().unwrap_or(0)
    }

    /// Keeps for good, of every node, the first statement known here that covers this place of a feed: later ones show
    /// less, since they say nothing of the time before them. `save` makes it durable.
    pub fn pin(&self, feed: &FeedId, seq: u64) {
        let mut inner = self.lock();
        let lines = inner.hubs.values().flatten().filter(|((_, of), _)| of == feed);
        let covers = |s: &HeadStatement| s.seq() >= seq;
        let first = |line: &Line| {
            let both = [line.known.highest, line.known.latest];
            both.into_iter().filter(covers).min_by_key(|s| s.time_ms).map(|s| (line.feed, s))
        };
        let found: Vec<(Feed, HeadStatement)> = lines.filter_map(|(_, line)| first(line)).collect();
        for (feed, statement) in found {
            let shows_as_much = |(_, held): &(Feed, HeadStatement)| {
                (held.feed, held.node) == (statement.feed, statement.node)
                    && covers(held)
                    && held.time_ms <= statement.time_ms
            };
            let each = inner.pins.iter().filter(|(of, _)| of.party == feed.party).count();
            let room = inner.pins.len() < PINS_MAX && each < PINS_EACH_MAX;
            if room && !inner.pins.iter().any(shows_as_much) {
                inner.pins.push((feed, statement));
                inner.pins_due.push(Fact::Said(feed, Box::new(statement)));
            }
        }
    }

    /// Every statement kept about a feed, of all hubs.
    pub fn of_feed(&self, feed: &FeedId) -> Vec<HeadStatement> {
        let inner = self.lock();
        let lines = inner.hubs.values().flatten().filter(|((_, of), _)| of == feed);
        let kept = lines.flat_map(|(_, line)| [line.known.highest, line.known.latest]);
        let pinned = inner.pins.iter().filter(|(of, _)| of.id() == *feed).map(|(_, s)| *s);
        kept.chain(pinned).collect()
    }

    /// The hubs of which anything is kept.
    pub fn hubs(&self) -> Vec<PartyId> {
        self.lock().hubs.keys().copied().collect()
    }

    /// Makes what was taken since the last time durable.
    pub fn save(&self) -> io::Result<()> {
        let mut inner = self.lock();
        let due = std::mem::take(&mut inner.due);
        inner.kept.append(&due)?;
        let due = std::mem::take(&mut inner.pins_due);
        inner.pinned.append(&due)?;
        if inner.kept.records > 2 * (2 * inner.feeds + SLACK) {
            let live = inner.live();
            inner.kept.replace(&live)?;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take(
        &mut self,
        feed: &Feed,
        statement: HeadStatement,
        chain: impl Fn(Seq) -> Option<EntryHash>,
    ) -> Comparison {
        let key = (statement.node, feed.id());
        let lines = self.hubs.entry(statement.party).or_default();
        let Some(line) = lines.get_mut(&key) else {
            if lines.len() < FEEDS_PER_HUB_MAX && self.feeds < FEEDS_MAX {
                lines.insert(key, Line { feed: *feed, known: Known::new(statement) });
                self.feeds += 1;
                self.due.push(Fact::Said(*feed, Box::new(statement)));
            }
            return Comparison::Unrelated;
        };
        let before = line.known.clone();
        let found = line.known.take(feed, statement, chain);
        if line.known.highest != before.highest || line.known.latest != before.latest {
            self.due.push(Fact::Said(*feed, Box::new(statement)));
        }
        if let (None, Some(pair)) = (before.shown, line.known.shown) {
            self.due.push(Fact::Shown(*feed, Box::new(pair)));
            let feed = line.feed.id();
            tracing::warn!(hub = %statement.party, %feed, "a hub contradicts its own statements");
        }
        found
    }

    fn read(&mut self, fact: Fact) {
        match fact {
            // Nothing new is shown by reading again what was judged before.
            Fact::Said(feed, statement) => drop(self.take(&feed, *statement, |_| None)),
            Fact::LateSince(hub, feed, ms) => {
                let lines = self.hubs.get_mut(&hub).into_iter().flatten();
                for (_, line) in lines.filter(|((_, id), _)| *id == feed) {
                    line.known.late_since_ms = Some(ms).filter(|ms| *ms > 0);
                }
            }
            Fact::Shown(feed, pair) => {
                self.take(&feed, pair.0, |_| None);
                let lines = self.hubs.get_mut(&pair.0.party);
                if let Some(line) = lines.and_then(|l| l.get_mut(&(pair.0.node, feed.id()))) {
                    line.known.shown = Some(*pair);
                }
            }
        }
    }

    fn live(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (hub, lines) in &self.hubs {
            for ((_, id), line) in lines {
                facts.push(Fact::Said(line.feed, Box::new(line.known.highest)));
                if line.known.latest != line.known.highest {
                    facts.push(Fact::Said(line.feed, Box::new(line.known.latest)));
                }
                facts.extend(line.known.shown.map(|pair| Fact::Shown(line.feed, Box::new(pair))));
                facts.extend(line.known.late_since_ms.map(|ms| Fact::LateSince(*hub, *id, ms)));
            }
        }
        facts
    }
}

/// The hash of an identity event as this store holds it.
fn chain_of(core: &Core, feed: &Feed, seq: Seq) -> Option<EntryHash> {
    use caphub_proto::wire::header::entry_hash;
    let stored = core.store.entry(&feed.id(), seq).ok().flatten()?;
    let (header, rest) = stored.packed.split_first_chunk()?;
    Some(entry_hash(header, rest.first_chunk()?))
}
