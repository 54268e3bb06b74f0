//! What must hold in the end: once faults have healed, all that are connected agree, and nobody honest is accused.

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::statement::{HeadStatement, Known};
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, OperatorKey, PartyId};

use crate::sim::node::QUOTAS;
use crate::sim::world::World;

/// Who stated what about which feed.
type Stater = (PartyId, OperatorKey, FeedId);
/// What a node states of a feed: the last entry, and whether a fork is why it ends there.
type State = (u64, EntryHash, bool);

impl World {
    /// What keeps the network from being settled; `None` where every feed is held alike by all that may see it.
    pub fn unsettled(&self) -> Option<String> {
        let feeds: Vec<(FeedId, Feed)> = self.oracle.feeds().map(|(i, f)| (*i, *f)).collect();
        feeds.iter().filter(|(_, f)| !self.oracle.is_nobody(&f.party)).find_map(|(id, f)| self.differs(id, f))
    }

    fn differs(&self, id: &FeedId, feed: &Feed) -> Option<String> {
        let honest = |n: &usize| self.nodes[*n].conduct.is_none() && self.oracle.entitled(*n, feed);
        let readers: Vec<usize> = (0..self.nodes.len()).filter(honest).collect();
        self.groups(&readers).into_iter().find_map(|group| {
            let (_, holders) = self.furthest(&group, feed)?;
            let takes = |n: &usize| !self.cannot_take(*n, feed, &holders);
            let taking: Vec<usize> = group.iter().copied().filter(takes).collect();
            match taking.len() == group.len() {
                true => self.parted(&group, id, feed),
                // Hubs that do not carry it are no way for it either.
                false => self.groups(&taking).iter().find_map(|group| self.parted(group, id, feed)),
            }
        })
    }

    /// What the furthest of these nodes state of a feed, and which they are.
    fn furthest(&self, group: &[usize], feed: &Feed) -> Option<(State, Vec<usize>)> {
        let most = group.iter().filter_map(|n| self.state(*n, feed)).max()?;
        Some((most, group.iter().copied().filter(|n| self.state(*n, feed) == Some(most)).collect()))
    }

    fn state(&self, node: usize, feed: &Feed) -> Option<State> {
        self.nodes[node].sets.stated(feed).map(|s| (s.seq, s.hash, s.frozen))
    }

    /// How nodes that all take a feed, and reach each other, hold it differently.
    fn parted(&self, group: &[usize], id: &FeedId, feed: &Feed) -> Option<String> {
        let (most, _) = self.furthest(group, feed)?;
        if self.is_undecided(group, id, feed) {
            return None;
        }
        if let Some(behind) = group.iter().find(|n| self.state(**n, feed) != Some(most)) {
            let there = self.state(*behind, feed).map_or(0, |s| s.0);
            return Some(format!(
                "node {behind} of {group:?} states entry {there} of {id} ({}), others entry {}{}",
                feed.audience(),
                most.0,
                if most.2 { ", frozen" } else { "" }
            ));
        }
        // What is stated, and so served: beyond it nobody asks.
        let places = |n: usize| -> BTreeSet<u64> {
            let all = self.nodes[n].lacking.get(id).into_iter().flatten();
            all.copied().filter(|seq| *seq <= most.0).collect()
        };
        let mut lacking = group.iter().filter(|n| !places(**n).is_empty());
        lacking.find_map(|lacking| {
            let of = places(*lacking);
            let with: Vec<_> = group.iter().filter(|n| !of.is_subset(&places(**n))).collect();
            // What only dishonest nodes have cannot be had.
            (!with.is_empty())
                .then(|| format!("node {lacking} of {group:?} lacks bodies of {id}, which {with:?} have"))
        })
    }

    /// True where a feed has two histories, its author names an entry, and nobody here holds that entry: what each holds of
    /// another branch is all that it can go by (SPEC 4.5).
    fn is_undecided(&self, group: &[usize], id: &FeedId, feed: &Feed) -> bool {
        let named = group.iter().find_map(|n| self.nodes[*n].counted(feed)?.named());
        let held = |n: &usize, at: &Head| {
            let hash = self.nodes[*n].durable.store.held(id).and_then(|h| {
                let seq = at.seq.value();
                h.hash_at(seq).or_else(|| h.hash_above(seq))
            });
            hash == Some(at.hash)
        };
        self.oracle.forked(id) && named.is_some_and(|at| !group.iter().any(|n| held(n, &at)))
    }

    /// True where only members' own machines hold it, of a party that this hub knows nothing of and does not carry: it
    /// was brought to them by hand. Whoever offers it is told so.
    fn cannot_take(&self, node: usize, feed: &Feed, holders: &[usize]) -> bool {
        let here = &self.nodes[node];
        let held = feed.is_identity() && here.identities.state(&feed.party).is_some();
        holders.iter().all(|n| self.nodes[*n].replica) && here.policy().decide(&feed.party, held).is_err()
    }

    /// Nodes that reach each other through others of the same list.
    fn groups(&self, of: &[usize]) -> Vec<Vec<usize>> {
        let mut group: BTreeMap<usize, usize> = of.iter().map(|n| (*n, *n)).collect();
        fn root(group: &BTreeMap<usize, usize>, mut n: usize) -> usize {
            while let Some(up) = group.get(&n).copied().filter(|up| *up != n) {
                n = up;
            }
            n
        }
        for n in of {
            for to in self.nodes[*n].dials.iter().filter(|to| self.carries(*n, **to)) {
                if group.contains_key(to) {
                    let (a, b) = (root(&group, *n), root(&group, *to));
                    group.insert(a.max(b), a.min(b));
                }
            }
        }
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for n in of {
            groups.entry(root(&group, *n)).or_default().push(*n);
        }
        groups.into_values().collect()
    }

    fn carries(&self, from: usize, to: usize) -> bool {
        self.nodes[from].up && self.nodes[to].up
    }

    /// All that must hold in the end besides agreement.
    pub fn check_end(&mut self) {
        for n in 0..self.nodes.len() {
            if self.nodes[n].conduct.is_some() {
                continue;
            }
            self.check_promises(n);
            self.check_bounds(n);
            self.check_forks(n);
            self.check_whole(n);
            self.check_chains(n);
            self.check_erased(n);
        }
        self.check_accusations();
        self.check_histories();
        self.check_branches();
    }

    /// What a node acknowledged is still there.
    pub(super) fn check_promises(&mut self, n: usize) {
        let here = &self.nodes[n];
        let revoked = |feed: &Feed| matches!(here.counted(feed), Some(Counted::UpTo { .. }));
        self.oracle.check_promises(n, &here.durable.store, revoked);
    }

    fn check_bounds(&mut self, n: usize) {
        let guests = &self.nodes[n].guests;
        let most = guests.values().copied().max().unwrap_or(0);
        if most > QUOTAS.guest_entries || self.nodes[n].guests_held() > QUOTAS.guests_entries {
            self.fails(format!("node {n} holds {} entries of guests", self.nodes[n].guests_held()));
        }
    }

    /// No feed of an honest author is frozen.
    fn check_forks(&mut self, n: usize) {
        let frozen: Vec<FeedId> =
            self.nodes[n].sets.items().filter(|i| i.stated.frozen).map(|i| i.id).collect();
        for feed in frozen {
            if !self.oracle.forked(&feed) {
                self.fails(format!("node {n} froze the feed {feed}, which never forked"));
            }
        }
    }

    /// What is stated and lacks its body is known to lack it, or was erased by its owner.
    fn check_whole(&mut self, n: usize) {
        let items: Vec<(FeedId, u64)> = self.nodes[n].sets.items().map(|i| (i.id, i.stated.seq)).collect();
        for (id, last) in items {
            let Some(held) = self.nodes[n].durable.store.held(&id) else { continue };
            if self.oracle.is_nobody(&held.feed.party) {
                continue;
            }
            let absent = |seq: &u64| {
                let packed = held.entry(*seq);
                packed.is_none_or(|p| unpack(&p).map_or(true, |e| e.iter().any(|e| e.body.is_none())))
            };
            let asked = self.nodes[n].lacking.get(&id);
            let erased = |seq: &u64| self.nodes[n].erased(id, *seq);
            let unasked = |seq: &u64| absent(seq) && !erased(seq) && !asked.is_some_and(|l| l.contains(seq));
            if let Some(seq) = (1..=last).find(unasked) {
                self.fails(format!("node {n} holds entry {seq} of {id} without its body and does not know"));
            }
        }
    }

    /// Each entry that is held names the one that is held before it.
    fn check_chains(&mut self, n: usize) {
        let mut broken = Vec::new();
        for (id, held) in self.nodes[n].durable.store.feeds() {
            let last = held.head().map_or(0, |h| h.seq.value());
            let names = |seq: u64| EntryHash::from_slice(held.entry(seq)?.get(42..74)?);
            let before = |seq: u64| if seq == 1 { Some(EntryHash::default()) } else { held.hash_at(seq - 1) };
            let parted = (1..=last).find(|seq| names(*seq).is_none() || names(*seq) != before(*seq));
            broken.extend(parted.map(|seq| (*id, seq)));
        }
        for (id, seq) in broken {
            self.fails(format!("node {n} ends with entry {seq} of {id} after another than it names"));
        }
    }

    /// Of all statements that anybody ever heard, none shows something against an honest node.
    fn check_accusations(&mut self) {
        let mut known: BTreeMap<Stater, (Known, HeadStatement)> = BTreeMap::new();
        let mut accused = Vec::new();
        for keeper in &self.nodes {
            for (feed, statement) in &keeper.durable.heard {
                let chain = |seq: caphub_proto::wire::Seq| {
                    keeper.durable.store.held(&feed.id()).and_then(|h| h.hash_at(seq.value()))
                };
                let key = (statement.party, statement.node, statement.feed);
                match known.get_mut(&key) {
                    None => drop(known.insert(key, (Known::new(*statement), *statement))),
                    Some((kept, _)) => drop(kept.take(feed, *statement, chain)),
                }
            }
        }
        for ((party, node, _), (kept, first)) in &mut known {
            // Whatever others hold, being behind is no evidence.
            kept.compare_with(first.seq() + 1_000, 0);
            if kept.shown.is_some() {
                accused.push((*party, *node, first.feed));
            }
        }
        for (party, node, feed) in accused {
            let honest =
                |n: &&crate::sim::node::Node| n.party == party && n.own_key() == node && n.conduct.is_none();
            match self.nodes.iter().find(honest).map(|n| n.index) {
                Some(n) => self.fails(format!("the honest node {n} is accused over {feed}")),
                None => self.counts.shown += 1,
            }
        }
    }

    /// Where both histories of a feed have reached honest nodes that are connected, all know that it forked, or the
    /// author has said which one counts.
    fn check_branches(&mut self) {
        let feeds: Vec<(FeedId, Feed)> = self.oracle.feeds().map(|(i, f)| (*i, *f)).collect();
        for (id, feed) in feeds {
            let Some(at) = self.oracle.fork_at(&id) else { continue };
            let honest = |n: &usize| self.nodes[*n].conduct.is_none() && self.oracle.entitled(*n, &feed);
            let readers: Vec<usize> = (0..self.nodes.len()).filter(honest).collect();
            for group in self.groups(&readers) {
                let branch = |n: &usize| self.nodes[*n].durable.store.held(&id).and_then(|h| h.hash_at(at));
                let mut branches: Vec<_> = group.iter().filter_map(branch).collect();
                branches.sort_unstable();
                branches.dedup();
                let knows = |n: &usize| {
                    let named = matches!(self.nodes[*n].counted(&feed), Some(Counted::UpTo { .. }));
                    named || self.nodes[*n].freeze(&id).is_some()
                };
                if branches.len() > 1
                    && let Some(n) = group.iter().find(|n| !knows(n))
                {
                    self.fails(format!("node {n} does not know that {id} forked at {at}"));
                }
            }
        }
    }
}
