//! One simulated node: what a power cut leaves of it, what it derives from that, and what it only remembers.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

use caphub_node::admissions::{Admissions, Level, Source};
use caphub_node::carriage::{Policy, Quotas};
use caphub_node::identities::Identities;
use caphub_proto::mutant;
use caphub_proto::wire::claims::Claims;
use caphub_proto::wire::entitlement::Viewer;
use caphub_proto::wire::fork::{ForkProof, LastCommon};
use caphub_proto::wire::history::Checkpoint;
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::intake::aside::Asides;
use caphub_proto::wire::intake::counting::{self, Bounds};
use caphub_proto::wire::reconcile::{Sets, Stated};
use caphub_proto::wire::session::memory::Memory;
use caphub_proto::wire::statement::{Cut, HeadStatement, Stamp};
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, Head, LogId, OperatorKey, PartyId, Signer};

use crate::sim::cast::EPOCH_MS;
use crate::sim::dial::Dialled;
use crate::sim::disk::{Disk, Job};
use crate::sim::parties::Erased;
use crate::sim::queue::{MILLISECOND, Micros};
use crate::sim::scenario::Fault;
use crate::sim::store::{Backup, Frame, Store};

/// Quotas small enough for a simulation to reach them.
pub const QUOTAS: Quotas = Quotas {
    hub_entries: 50_000,
    hub_bytes: u64::MAX,
    party_entries: 50_000,
    party_bytes: u64::MAX,
    guest_entries: 8,
    guest_bytes: u64::MAX,
    guests_entries: 64,
    guests_bytes: u64::MAX,
};

/// What a power cut leaves.
pub struct Durable {
    /// The log.
    pub store: Store,
    /// Proven forks, in the order in which they were found.
    pub proofs: Vec<ForkProof>,
    /// Own signed batches, in their order; no part of a backup.
    pub register: Vec<Rc<Frame>>,
    /// The stating clock's reserve.
    pub reserved: u64,
    /// Statements of other nodes, all that were ever heard; the judge of the simulation reads them.
    pub heard: Vec<(Feed, HeadStatement)>,
    /// The last checkpoint of each far end.
    pub checkpoints: BTreeMap<usize, Checkpoint>,
    /// The highest place of the log that anybody was told of; outside the store, and so outside its backups.
    pub published: u64,
}

/// One node.
pub struct Node {
    /// Its place in the world.
    pub index: usize,
    /// Its party.
    pub party: PartyId,
    /// Its own key, for links and statements.
    pub signer: Signer,
    /// The key by which it writes; another one after its register was lost.
    pub writer: Signer,
    /// Whom it writes for.
    pub audiences: Vec<Audience>,
    /// A replica of a member carries what its hub serves.
    pub replica: bool,
    /// What is wrong with its manners; `None` for an honest node.
    pub conduct: Option<Fault>,
    /// True once this machine, one of two with one key, signs a history of its own.
    pub apart: bool,
    /// Parties of linked hubs.
    pub linked: HashSet<PartyId>,
    /// Nodes that it dials.
    pub dials: Vec<usize>,
    /// False while it has no power.
    pub up: bool,
    /// It will lose power for so long in the middle of its next write.
    pub doomed: Option<Micros>,
    /// Rises with every power cut, so that what was begun before is void.
    pub life: u32,
    /// How far its clock is off, milliseconds.
    pub skew_ms: i64,
    /// What a power cut leaves.
    pub durable: Durable,
    /// Copies of the store that were put aside.
    pub backup: Option<(Backup, Vec<ForkProof>)>,
    /// What is being written.
    pub disk: Disk,
    /// Jobs that wait for one another, by connection.
    pub lanes: BTreeMap<u64, VecDeque<Job>>,
    /// Entries of which the body is missing.
    pub lacking: BTreeMap<FeedId, BTreeSet<u64>>,
    /// Identity logs.
    pub identities: Identities,
    /// Who admits whom.
    pub admissions: Admissions,
    /// Hubs whose members it carries by its operator's decision.
    pub recognised: BTreeSet<PartyId>,
    /// Heads as others hear them.
    pub sets: Sets,
    /// Entries known to lie on a branch that a Revoke names.
    pub anchors: BTreeMap<FeedId, Head>,
    /// Other histories, until a Revoke's named entry shows which one counts.
    pub asides: Asides,
    /// Bodies that are gone for good.
    pub erased: Erased,
    /// The stating clock.
    pub stamp: Stamp,
    /// Entries of parties that nobody admitted.
    pub guests: BTreeMap<PartyId, u64>,
    /// What its sessions fetch.
    pub claims: Claims,
    /// What is remembered of far ends.
    pub memories: BTreeMap<usize, Memory>,
    /// Connections that it opened, by far end.
    pub dialled: BTreeMap<usize, Dialled>,
    /// Connections whose far end follows its log.
    pub followers: BTreeMap<u64, Follower>,
}

impl Node {
    /// The clock that it believes.
    pub fn clock_ms(&self, now: Micros) -> u64 {
        (EPOCH_MS + now / MILLISECOND).saturating_add_signed(self.skew_ms)
    }

    /// Which log it has.
    pub fn log_id(&self) -> LogId {
        LogId(self.durable.store.log_id)
    }

    /// How far the key of a feed counts here; `None` where the key, or the party, is not known.
    pub fn counted(&self, feed: &Feed) -> Option<Counted> {
        let Some(key) = feed.key() else { return Some(Counted::All) };
        self.identities.state(&feed.party)?.counted(&key, &feed.id())
    }

    /// Where proven histories of a feed part.
    pub fn freeze(&self, feed: &FeedId) -> Option<LastCommon> {
        self.durable.proofs.iter().filter(|p| p.feed().id() == *feed).map(ForkProof::common).min()
    }

    /// Derives again what is stated of a feed.
    pub fn restate(&mut self, feed: &Feed) {
        let id = feed.id();
        let (mut counted, mut freeze) = (self.counted(feed), self.freeze(&id));
        if self.apart && feed.key() == Some(self.writer.public()) {
            (counted, freeze) = (Some(Counted::All), None);
        }
        // A key that the party's log does not have, or has no more since it recovered: nothing counts, as at the real node.
        let Some(counted) = counted else { return self.sets.state(*feed, None) };
        let held = self.durable.store.held(&id);
        let mut head = held.and_then(|h| h.head());
        if mutant!(StateAboveHole)
            && let Some(tail) = held.and_then(|h| h.tails.values().next_back())
        {
            head = tail.head();
        }
        let stated = match (head, freeze) {
            (Some(head), freeze) => {
                let at = |seq: caphub_proto::wire::Seq| held.and_then(|h| h.hash_at(seq.value()));
                let found = counting::stated(head, counted, freeze, at);
                match found.head {
                    Some(head) => {
                        Some(Stated { seq: head.seq.value(), hash: head.hash, frozen: found.frozen })
                    }
                    None => found.frozen.then_some(NOTHING_BUT_A_PROOF),
                }
            }
            (None, Some(_)) => Some(NOTHING_BUT_A_PROOF),
            (None, None) => None,
        };
        self.sets.state(*feed, stated);
        if freeze.is_some() || counted != Counted::All {
            self.recount(&feed.party);
        }
    }

    /// What a party said of others counts, or no longer does: its keys, its branch or its forks have changed.
    fn recount(&self, party: &PartyId) {
        self.admissions.recount(party, |source| self.is_void(source));
    }

    /// True where an entry does not count.
    pub fn is_void(&self, source: &Source) -> bool {
        let (id, Some(counted)) = (source.feed.id(), self.counted(&source.feed)) else { return true };
        let hash = |seq: u64| self.durable.store.held(&id).and_then(|h| h.hash_at(seq));
        let decided = counted.named().is_some_and(|n| hash(n.seq.value()) == Some(n.hash));
        let bounds = Bounds { counted, freeze: self.freeze(&id), decided };
        bounds.void(source.seq.value(), source.hash, hash(source.seq.value())).is_some()
    }

    /// Derives again what is stated of all feeds of a party: its keys have changed.
    pub fn restate_party(&mut self, party: &PartyId) {
        let of: Vec<Feed> =
            self.durable.store.feeds().map(|(_, h)| h.feed).filter(|f| f.party == *party).collect();
        of.iter().for_each(|f| self.restate(f));
    }

    /// Why a stated head may be lower than it was.
    pub fn cut(&self, feed: &Feed) -> Cut {
        match self.counted(feed) {
            Some(Counted::UpTo { .. }) => Cut::Revoked,
            _ if self.freeze(&feed.id()).is_some() => Cut::Forked,
            _ => Cut::Whole,
        }
    }

    /// The last entry of a feed that this node serves.
    pub fn served(&self, feed: &Feed) -> Option<(u64, EntryHash)> {
        self.sets.stated(feed).filter(|s| s.seq > 0).map(|s| (s.seq, s.hash))
    }

    /// What a caller may read here, by the same tables as the real node's.
    pub fn viewer(&self, caller: &PartyId) -> Viewer {
        let admitted = self.admissions.hubs_of(caller);
        let member = |hub: &PartyId| admitted.iter().any(|(h, a)| h == hub && a.level == Level::Member);
        let trusted = |hub: &PartyId| self.linked.contains(hub) || self.recognised.contains(hub);
        let network = *caller == self.party
            || self.linked.contains(caller)
            || member(&self.party)
            || admitted.iter().any(|(h, a)| a.level == Level::Member && trusted(h));
        let mut hubs: Vec<PartyId> =
            admitted.into_iter().filter(|(_, a)| a.level == Level::Member).map(|(hub, _)| hub).collect();
        hubs.push(*caller);
        Viewer { parties: vec![*caller], hubs, network, all: false, opened: false }
    }

    /// The word for a caller in Hello.
    pub fn standing(&self, caller: &PartyId) -> &'static str {
        let member = self.admissions.of(&self.party, caller).is_some();
        match () {
            () if *caller == self.party => "own",
            () if self.linked.contains(caller) => "peer",
            () if member => "member",
            () if self.viewer(caller).network => "network_member",
            () => "applicant",
        }
    }

    /// Whose feeds it carries.
    pub fn policy(&self) -> Policy<'_> {
        Policy {
            own: self.party,
            everything: self.replica,
            peers: &self.linked,
            admissions: &self.admissions,
            quotas: QUOTAS,
        }
    }

    /// Entries of all guests together.
    pub fn guests_held(&self) -> u64 {
        self.guests.values().sum()
    }

    /// A feed that it writes itself.
    pub fn own_key(&self) -> OperatorKey {
        self.signer.public()
    }
}

/// A far end that follows a node's log.
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    /// The call that it follows by.
    pub call: u32,
    /// The frame that it gets next.
    pub next: u64,
    /// The proof that it gets next.
    pub next_proof: usize,
}

/// A feed that is frozen before its first entry.
const NOTHING_BUT_A_PROOF: Stated = Stated { seq: 0, hash: EntryHash([0; 32]), frozen: true };
