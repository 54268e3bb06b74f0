//! What is true, kept apart from every node: who signed what, who may see what, and what was promised to whom.
//!
//! It shares with the code under test the layout of entries and their hashes, and none of its decisions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use caphub_proto::v1;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::{body_hash, entry_hash};
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, Head, PartyId};

use crate::sim::cast::Signed;
use crate::sim::store::Store;

/// The truth about one signed entry.
#[derive(Clone, Copy, Debug)]
struct Truth {
    feed: FeedId,
    seq: u64,
}

/// A node as the oracle knows it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its party.
    pub party: PartyId,
    /// Hubs that admit its party as a member.
    pub member_of: BTreeSet<PartyId>,
    /// Parties that it is linked with.
    pub linked: BTreeSet<PartyId>,
    /// True where it follows the rules.
    pub honest: bool,
    /// True for a hub.
    pub hub: bool,
}

/// Everything that is true.
#[derive(Default)]
pub struct Oracle {
    /// By node.
    pub nodes: Vec<Known>,
    signed: HashMap<EntryHash, Truth>,
    places: BTreeMap<(FeedId, u64), Vec<EntryHash>>,
    feeds: BTreeMap<FeedId, Feed>,
    forkers: BTreeSet<PartyId>,
    nobody: BTreeSet<PartyId>,
    needs: BTreeSet<(FeedId, u64)>,
    erased: Vec<(FeedId, u64, Head)>,
    promised: Vec<BTreeMap<(FeedId, u64), EntryHash>>,
    /// What went wrong, in the order in which it was seen.
    pub failures: Vec<String>,
}

impl Oracle {
    /// A truth about these nodes.
    pub fn new(nodes: Vec<Known>) -> Self {
        let promised = vec![BTreeMap::new(); nodes.len()];
        Self { nodes, promised, ..Self::default() }
    }

    /// Notes an entry that a key holder really signed.
    pub fn note(&mut self, entry: &Signed) {
        let (feed, seq) = (entry.feed.id(), entry.head.seq.value());
        self.signed.insert(entry.head.hash, Truth { feed, seq });
    }

    /// Notes that an entry became durable somewhere: from now on somebody may have seen it.
    fn show(&mut self, feed: &Feed, id: FeedId, seq: u64, hash: EntryHash) {
        self.feeds.entry(id).or_insert(*feed);
        let at = self.places.entry((id, seq)).or_default();
        if !at.contains(&hash) {
            at.push(hash);
            if at.len() > 1 && !self.forkers.contains(&feed.party) {
                self.failures.push(format!("an honest author forked its feed {id} at {seq}"));
            }
        }
    }

    /// Notes that an entry is a record which its author may take back.
    pub fn need(&mut self, feed: FeedId, seq: u64) {
        self.needs.insert((feed, seq));
    }

    /// True for such an entry.
    pub fn is_need(&self, feed: FeedId, seq: u64) -> bool {
        self.needs.contains(&(feed, seq))
    }

    /// Notes that the body of an entry is to be erased, by the entry `by` of the same feed.
    pub fn erased(&mut self, feed: FeedId, seq: u64, by: Head) {
        self.erased.push((feed, seq, by));
    }

    /// Every erasure: feed, place, and the withdrawal.
    pub fn erasures(&self) -> impl Iterator<Item = (FeedId, u64, Head)> {
        self.erased.iter().copied()
    }

    /// Says that a party may sign two histories.
    pub fn may_fork(&mut self, party: PartyId) {
        self.forkers.insert(party);
    }

    /// Notes a party that no hub admits.
    pub fn nobody(&mut self, party: PartyId) {
        self.nobody.insert(party);
    }

    /// True where no hub admits a party: what is kept of it depends on what came first.
    pub fn is_nobody(&self, party: &PartyId) -> bool {
        self.nobody.contains(party)
    }

    /// True where a party may sign two histories.
    pub fn is_forker(&self, party: &PartyId) -> bool {
        self.forkers.contains(party)
    }

    /// True where a feed really has two histories.
    pub fn forked(&self, feed: &FeedId) -> bool {
        self.places.range((*feed, 0)..=(*feed, u64::MAX)).any(|(_, at)| at.len() > 1)
    }

    /// The first place at which a feed really has two entries.
    pub fn fork_at(&self, feed: &FeedId) -> Option<u64> {
        self.places.range((*feed, 0)..=(*feed, u64::MAX)).find(|(_, at)| at.len() > 1).map(|((_, s), _)| *s)
    }

    /// Checks what a node took in: every entry was signed by its author, and every body is its own.
    pub fn check_taken(&mut self, node: usize, feed: &Feed, packed: &[u8]) {
        let id = feed.id();
        for entry in unpack(packed).unwrap_or_default() {
            let hash = entry_hash(entry.header, entry.signature);
            if let Some(truth) = self.signed.get(&hash).copied().filter(|t| t.feed == id) {
                self.show(feed, id, truth.seq, hash);
            }
            if !self.nodes[node].honest {
                continue;
            }
            let real = self
                .signed
                .get(&hash)
                .is_some_and(|t| t.feed == id && entry.header[34..42] == t.seq.to_be_bytes());
            if !real {
                self.failures.push(format!("node {node} took an entry of {id} that nobody signed"));
            }
            if entry.body.is_some_and(|b| body_hash(b)[..] != entry.header[82..114]) {
                self.failures.push(format!("node {node} took a body of {id} that is not the entry's"));
            }
        }
    }

    /// Checks what an honest node sends: the far end may see every feed of it.
    pub fn check_sent(&mut self, from: usize, to: usize, feed: &v1::Feed) {
        if !self.nodes[from].honest {
            return;
        }
        let parsed = Feed::from_parts(&feed.party_id, &feed.operator_key, &feed.audience);
        match parsed {
            Ok(feed) if self.may_see(from, to, &feed) => {}
            Ok(feed) => self.failures.push(format!(
                "node {from} showed node {to} the feed {} for {}",
                feed.id(),
                feed.audience()
            )),
            Err(reason) => self.failures.push(format!("node {from} sent a feed that is none: {reason}")),
        }
    }

    /// Checks what an honest node writes to a file for a node that it need not be linked with.
    pub fn check_carried(&mut self, from: usize, to: usize, feed: &Feed) {
        if !self.may_see(from, to, feed) && !self.entitled(to, feed) {
            self.failures.push(format!("node {from} wrote for node {to} the feed {}", feed.id()));
        }
    }

    /// Checks that a feed id that an honest node names is of a feed that the far end may see.
    pub fn check_named(&mut self, from: usize, to: usize, feed: &FeedId) {
        if let Some(feed) = self.feeds.get(feed).copied()
            && self.nodes[from].honest
            && !self.may_see(from, to, &feed)
        {
            self.failures.push(format!("node {from} named to node {to} the feed {}", feed.id()));
        }
    }

    /// True where `to` may see a feed that `from` holds: by the feed's audience and by who the two are.
    pub fn may_see(&self, from: usize, to: usize, feed: &Feed) -> bool {
        let (server, reader) = (&self.nodes[from], &self.nodes[to]);
        if reader.party == feed.party {
            return true;
        }
        match feed.audience() {
            Audience::Public => true,
            Audience::Network | Audience::Sealed(_) => {
                server.party == reader.party
                    || server.linked.contains(&reader.party)
                    || reader.linked.contains(&server.party)
                    || reader.member_of.contains(&server.party)
                    || server.linked.iter().any(|l| reader.member_of.contains(l))
            }
            Audience::Hub(hub) => reader.party == hub || reader.member_of.contains(&hub),
        }
    }

    /// True where a node may see a feed wherever it is: what it must hold in the end.
    pub fn entitled(&self, node: usize, feed: &Feed) -> bool {
        let reader = &self.nodes[node];
        match feed.audience() {
            Audience::Public => true,
            Audience::Network | Audience::Sealed(_) => reader.hub || !reader.member_of.is_empty(),
            Audience::Hub(hub) => reader.party == hub || reader.member_of.contains(&hub),
        }
    }

    /// Notes that a node acknowledged holding a feed's entries up to a place.
    pub fn promise(&mut self, node: usize, feed: FeedId, seq: u64, hash: EntryHash) {
        self.promised[node].insert((feed, seq), hash);
    }

    /// Forgets what a node acknowledged: its store was replaced from outside.
    pub fn release(&mut self, node: usize) {
        self.promised[node].clear();
    }

    /// Checks that a node still holds all that it acknowledged. Only the author's own word takes any of it away: a Revoke, as
    /// this node knows of it by `revoked`, or other identity events in the place of a thief's.
    pub fn check_promises(&mut self, node: usize, store: &Store, revoked: impl Fn(&Feed) -> bool) {
        for ((feed, seq), hash) in &self.promised[node] {
            let parts = self.feeds.get(feed);
            if self.forked(feed) && parts.is_some_and(|f| f.is_identity() || revoked(f)) {
                continue;
            }
            let held = store.held(feed).and_then(|h| h.hash_at(*seq).or_else(|| h.hash_above(*seq)));
            if held != Some(*hash) {
                self.failures
                    .push(format!("node {node} lost entry {seq} of {feed}, which it had acknowledged"));
            }
        }
    }

    /// Checks that a head which a node states stands on entries without a hole.
    pub fn check_stated(&mut self, node: usize, store: &Store, feed: &FeedId, seq: u64, hash: &[u8]) {
        if !self.nodes[node].honest || seq == 0 {
            return;
        }
        let held = store.held(feed);
        let whole = held.is_some_and(|h| (1..=seq).all(|s| h.hash_at(s).is_some()));
        let same =
            held.and_then(|h| h.hash_at(seq)).is_some_and(|h| h.as_bytes()[..] == *hash || hash.is_empty());
        if !whole || !same {
            self.failures
                .push(format!("node {node} stated entry {seq} of {feed} as head and does not hold it"));
        }
    }

    /// Every feed that anybody signed in.
    pub fn feeds(&self) -> impl Iterator<Item = (&FeedId, &Feed)> {
        self.feeds.iter()
    }

    /// The last place of a feed that was ever signed.
    pub fn last(&self, feed: &FeedId) -> Option<(u64, EntryHash)> {
        let (place, hashes) = self.places.range((*feed, 0)..=(*feed, u64::MAX)).next_back()?;
        Some((place.1, *hashes.first()?))
    }
}
