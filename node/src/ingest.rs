//! The one door for entries: publish, pull, push and import all come through here, with the same checks.

mod admitting;
mod forks;
mod quotas;
mod records;
mod stream;
mod waves;

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use caphub_proto::v1;
use caphub_proto::wire::feed::{Author, unpack};
use caphub_proto::wire::identity::IdentityLog;
use caphub_proto::wire::intake::aside::Asides;
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{Feed, FeedId, Head, OperatorKey, PartyId, Reason};

use crate::admissions::Admissions;
use crate::carriage::{Carried, Policy, Quotas};
use crate::cores::cores;
use crate::forks::Forks;
use crate::heads::Heads;
use crate::identities::{Identities, Judged};
use crate::ingest::quotas::{Room, Usage};
use crate::ingest::waves::{Arrived, InFlight};
use crate::metrics::IngestCounts;
use crate::store::{Kind, NewRun, Outcome, Store};
use crate::verdicts::KnownKeys;
use crate::views::Views;
use crate::views::source::Authority;

/// Signing keys whose curve point is kept ready; about 200 bytes each.
const VERIFIERS_MAX: usize = 10_000;

/// Fewest runs that are worth a thread of their own.
const CHUNK_RUNS_MIN: usize = 2;

/// Runs and bytes that are checked where they are, by a tenth of a millisecond: handing a new record to another thread and
/// its verdict back takes longer.
const HERE_RUNS_MAX: usize = 2;
const HERE_BYTES_MAX: usize = 16 * 1024;

/// Who brings entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This machine's own keys signed them.
    Own,
    /// A linked hub, or the hub of a replica.
    Peer,
    /// The same, asked for the newest entries first: what lies above a hole is taken too.
    Ahead,
    /// Any other caller, for itself.
    Caller(PartyId),
}

/// What became of one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The feed, zeroes where the run did not state one.
    pub feed: FeedId,
    /// First place of the run, 0 where unknown.
    pub from: u64,
    /// Entries stored, or why not.
    pub result: Result<Stored, Reason>,
}

/// How much of a run was new.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stored {
    /// Entries that were new and are durable now.
    pub stored: u64,
    /// Entries that were held before.
    pub known: u64,
    /// True where what was stored stands above a hole: what is missing before it is still to be fetched.
    pub above: bool,
}

/// Checks entries, and is the only writer of the store.
pub struct Ingest {
    store: Arc<Store>,
    identities: Arc<Identities>,
    heads: Arc<Heads>,
    admissions: Arc<Admissions>,
    own: PartyId,
    everything: bool,
    quotas: Quotas,
    forks: Arc<Forks>,
    keys: KnownKeys,
    peers: RwLock<HashSet<PartyId>>,
    usage: Mutex<Usage>,
    anchors: Mutex<HashMap<FeedId, Anchor>>,
    asides: Mutex<Asides>,
    verifiers: Mutex<HashMap<OperatorKey, Verifier>>,
    erasures: OnceLock<Views>,
    counts: IngestCounts,
}

/// An entry known to lie on the branch that a Revoke names; it is forgotten with the Revoke.
#[derive(Clone, Copy)]
struct Anchor {
    named: Head,
    at: Head,
}

/// A run that passed its checks and waits for the disk.
struct Checked {
    runs: Vec<NewRun>,
    party: PartyId,
    carried: Carried,
    /// What it took of the quota.
    counted: Room,
    fresh: u64,
    known: u64,
    /// Stands above a hole.
    above: bool,
    log: Option<IdentityLog>,
}

/// A run's feed, its first place, what its checks gave (`None`: all known), and how many entries it has.
type Verdict = (FeedId, u64, Result<Option<Checked>, Reason>, u64);

impl Ingest {
    /// Over a store whose identity feeds are read into `identities` first.
    pub fn new(
        store: Arc<Store>,
        identities: Arc<Identities>,
        heads: Arc<Heads>,
        admissions: Arc<Admissions>,
        own: PartyId,
        everything: bool,
        quotas: Quotas,
    ) -> Self {
        let mut usage = Usage::default();
        for head in store.heads().into_iter().filter(|h| !h.feed.is_identity()) {
            let held = Room { entries: head.head.seq.value(), bytes: store.feed_bytes(&head.feed.id()) };
            usage.by_party.entry(head.feed.party).or_default().add(held);
        }
        let (peers, usage) = (RwLock::default(), Mutex::new(usage));
        let (verifiers, anchors, asides) = (Mutex::default(), Mutex::default(), Mutex::default());
        let forks = heads.forks();
        let keys = KnownKeys::new(Arc::clone(&identities), Arc::clone(&forks), Arc::clone(&store));
        Self {
            store,
            identities,
            heads,
            admissions,
            own,
            everything,
            quotas,
            forks,
            keys,
            peers,
            usage,
            anchors,
            asides,
            verifiers,
            erasures: OnceLock::new(),
            counts: IngestCounts::default(),
        }
    }

    /// What became of runs since the start.
    pub fn counts(&self) -> &IngestCounts {
        &self.counts
    }

    /// From now on, bodies that their owners had erased are left out.
    pub fn heed_erasures(&self, views: Views) {
        let _ = self.erasures.set(views);
    }

    /// States which hubs are linked; decides carriage from now on.
    pub fn link(&self, peers: HashSet<PartyId>) {
        *self.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).counted = None;
    }

    /// Every linked hub.
    pub fn peers(&self) -> Vec<PartyId> {
        self.peers.read().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// True where the party is a linked hub.
    pub fn is_peer(&self, party: &PartyId) -> bool {
        self.peers.read().unwrap_or_else(PoisonError::into_inner).contains(party)
    }

    /// Takes runs in order; each is judged on its own, and what is stored is durable when this returns.
    pub async fn take(self: &Arc<Self>, runs: Vec<v1::Run>, origin: Origin) -> Vec<Taken> {
        let mut taken = Vec::with_capacity(runs.len());
        let mut waiting: VecDeque<_> = runs.into_iter().map(Arrived::read).collect();
        while !waiting.is_empty() {
            let wave = self.wave(&mut waiting, &mut InFlight::default());
            let judged = self.judge(wave, origin).await;
            taken.extend(self.commit(judged, origin).await);
        }
        taken
    }

    /// Checks the runs of a wave, which do not rest on one another, on all cores; in their order.
    async fn judge(self: &Arc<Self>, wave: Vec<Result<Arrived, Reason>>, origin: Origin) -> Vec<Verdict> {
        let bytes: usize = wave.iter().flatten().map(|run| run.packed.len()).sum();
        if wave.len() <= HERE_RUNS_MAX && bytes <= HERE_BYTES_MAX {
            let check = || wave.into_iter().map(|run| self.check(run, origin)).collect();
            return catch_unwind(AssertUnwindSafe(check)).unwrap_or_default();
        }
        let size = wave.len().div_ceil(cores()).max(CHUNK_RUNS_MIN);
        let mut runs = wave.into_iter().peekable();
        let mut chunks = Vec::new();
        while runs.peek().is_some() {
            let chunk: Vec<_> = runs.by_ref().take(size).collect();
            let this = Arc::clone(self);
            // Hashing and signatures would hold up the network tasks of this thread.
            chunks.push(tokio::task::spawn_blocking(move || {
                chunk.into_iter().map(|run| this.check(run, origin)).collect::<Vec<_>>()
            }));
        }
        let mut judged = Vec::new();
        for chunk in chunks {
            match chunk.await {
                Ok(part) => judged.extend(part),
                // A panic inside a check: what follows would be told the wrong run's verdict.
                Err(_) => return Vec::new(),
            }
        }
        judged
    }

    /// Stores what passed its checks, and counts what came of each run.
    async fn commit(&self, judged: Vec<Verdict>, origin: Origin) -> Vec<Taken> {
        let taken = self.store_checked(judged, origin).await;
        for run in &taken {
            match run.result {
                Ok(stored) => drop(self.counts.stored.inc_by(stored.stored)),
                Err(reason) => drop(self.counts.refused.get_or_create(&[("reason", reason.code())]).inc()),
            }
        }
        taken
    }

    async fn store_checked(&self, judged: Vec<Verdict>, origin: Origin) -> Vec<Taken> {
        let mut taken = Vec::with_capacity(judged.len());
        let mut waiting = Vec::new();
        let mut to_store = Vec::new();
        for (feed, from, result, known) in judged {
            let result = match result {
                Err(reason) => Err(reason),
                Ok(None) => Ok(Stored { known, ..Stored::default() }),
                Ok(Some(mut checked)) => {
                    let runs = std::mem::take(&mut checked.runs);
                    waiting.push((taken.len(), checked, runs.len()));
                    to_store.extend(runs);
                    Ok(Stored { known, ..Stored::default() })
                }
            };
            taken.push(Taken { feed, from, result });
        }
        if to_store.is_empty() {
            return taken;
        }
        let packed: Vec<(Feed, Bytes)> = to_store.iter().map(|r| (r.feed, r.packed.clone())).collect();
        let appended = match origin {
            Origin::Own => self.store.append_own(to_store).await,
            Origin::Peer | Origin::Ahead | Origin::Caller(_) => self.store.append(to_store).await,
        };
        let outcomes = match appended {
            Ok(appended) => appended.outcomes,
            Err(error) => {
                tracing::error!(%error, "entries could not be stored");
                for (at, checked, _) in &waiting {
                    self.not_stored(checked);
                    taken[*at].result = Err(Reason::StoreFailed);
                }
                return taken;
            }
        };
        let stored: Vec<Feed> = packed.iter().map(|(feed, _)| *feed).collect();
        let mut done = outcomes.into_iter().zip(packed);
        for (at, checked, runs) in waiting {
            let parts: Vec<_> = done.by_ref().take(runs).collect();
            let whole = parts.iter().all(|(outcome, _)| matches!(outcome, Outcome::Stored { .. }));
            taken[at].result = match whole {
                true => {
                    self.after(checked.log, &parts);
                    Ok(Stored { stored: checked.fresh, known: checked.known, above: checked.above })
                }
                // Another writer was first with this feed: the caller reads the heads again.
                false => {
                    self.not_stored(&checked);
                    Err(Reason::Gap)
                }
            };
        }
        self.heads.held(&stored);
        taken
    }

    fn check(&self, run: Result<Arrived, Reason>, origin: Origin) -> Verdict {
        let run = match run {
            Ok(run) => run,
            Err(reason) => return (FeedId::default(), 0, Err(reason), 0),
        };
        let (id, from, count) = (run.id, run.from, run.count);
        let result = match run.feed.author {
            Author::Identity => self.check_identity(run.feed, run.packed, origin),
            Author::Operator { key, audience } => self.check_records(run, key, audience, origin),
        };
        (id, from, result, count)
    }

    fn check_identity(&self, feed: Feed, packed: Bytes, origin: Origin) -> Result<Option<Checked>, Reason> {
        let carried = match origin {
            Origin::Own => Carried::Own,
            // A linked hub vouches for what it carries; the number of parties is bounded.
            Origin::Peer | Origin::Ahead => Carried::Peer,
            Origin::Caller(caller) if caller == feed.party => Carried::Guest,
            // Of a log that is held anybody may bring the rest: a revocation depends on no single path.
            Origin::Caller(_) => {
                let held = self.identities.state(&feed.party).is_some();
                self.decide(&feed.party, held)?
            }
        };
        let (judged, log) = self.identities.judge(feed.party, &packed)?;
        let (fresh, replaces) = match judged {
            Judged::Known => return Ok(None),
            Judged::Appended { fresh } => (fresh, false),
            Judged::Replaced { fresh } => (fresh, true),
        };
        let entries = unpack(&packed)?;
        let count = entries.len();
        let skip = count.saturating_sub(fresh);
        let head = log.head().ok_or(Reason::IdentityNotIncept)?;
        let kind = if replaces { Kind::Replace } else { Kind::Append };
        let head = (count > 0).then_some(head).ok_or(Reason::EmptyRun)?;
        let run = records::part(feed, &packed, skip..count, head, kind)?;
        if carried == Carried::Guest {
            self.room_for_stranger(&feed, &log, run.packed.len() as u64)?;
        }
        Ok(Some(Checked {
            runs: vec![run],
            party: feed.party,
            carried,
            // Identities have bounds of their own.
            counted: Room::default(),
            fresh: fresh as u64,
            known: skip as u64,
            above: false,
            log: Some(log),
        }))
    }

    fn verifier(&self, key: &OperatorKey) -> Result<Verifier, Reason> {
        let mut cache = self.verifiers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verifier) = cache.get(key) {
            return Ok(verifier.clone());
        }
        let verifier = Verifier::new(key.as_bytes()).ok_or(Reason::BadKey)?;
        if cache.len() >= VERIFIERS_MAX {
            cache.clear();
        }
        cache.insert(*key, verifier.clone());
        Ok(verifier)
    }

    fn decide(&self, party: &PartyId, at_the_door: bool) -> Result<Carried, Reason> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        let policy = Policy {
            own: self.own,
            everything: self.everything,
            peers: &peers,
            admissions: &self.admissions,
            quotas: self.quotas,
        };
        policy.decide(party, at_the_door)
    }

    /// What is durable now changes the tables that later decisions use.
    fn after(&self, log: Option<IdentityLog>, parts: &[(Outcome, (Feed, Bytes))]) {
        let Some((_, (feed, _))) = parts.first() else { return };
        if let Some(log) = log {
            self.identities.keep(log);
            self.heads.judged(&feed.party);
            self.recount_admissions(&feed.party);
        }
        for (_, (feed, packed)) in parts {
            self.note_admissions(feed, packed, |_| true);
        }
        if self.keys.is_unsettled(&feed.id()) {
            self.recount_admissions(&feed.party);
        }
    }
}
