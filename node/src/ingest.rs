//! The one door for entries: publish, pull, push and import all come through here, with the same checks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use caphub_proto::v1;
use caphub_proto::v1::revision::Record;
use caphub_proto::wire::feed::{Author, Placement, unpack};
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{Audience, Feed, FeedId, OperatorKey, PartyId, Reason, Run, Seq};
use prost::Message;

use crate::admissions::Admissions;
use crate::carriage::{Carried, Policy, Quotas};
use crate::heads::Heads;
use crate::identities::{Identities, Judged};
use crate::store::{Kind, NewRun, Outcome, Store};

/// Signing keys whose curve point is kept ready; about 200 bytes each.
const VERIFIERS_MAX: usize = 10_000;

/// Fewest runs that are worth a thread of their own.
const CHUNK_RUNS_MIN: usize = 2;

/// What of a revision can change who is admitted; all else is skipped unread.
#[derive(Clone, PartialEq, prost::Message)]
struct Admitting {
    #[prost(bytes = "vec", tag = "1")]
    record_id: Vec<u8>,
    #[prost(message, optional, tag = "15")]
    attestation: Option<v1::Attestation>,
    #[prost(message, optional, tag = "16")]
    recognition: Option<v1::Recognition>,
    #[prost(message, optional, tag = "20")]
    withdraw: Option<v1::Withdraw>,
}

/// Who brings entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This machine's own keys signed them.
    Own,
    /// A linked hub, or the hub of a replica.
    Peer,
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
    peers: RwLock<HashSet<PartyId>>,
    usage: Mutex<Usage>,
    verifiers: Mutex<HashMap<OperatorKey, Verifier>>,
}

#[derive(Default)]
struct Usage {
    by_party: HashMap<PartyId, u64>,
    by_hub: HashMap<PartyId, u64>,
    guests: u64,
}

/// A run that passed its checks and waits for the disk.
struct Checked {
    run: NewRun,
    carried: Carried,
    fresh: u64,
    known: u64,
    log: Option<caphub_proto::wire::identity::IdentityLog>,
}

/// Cuts runs, in their order, into groups in which no run rests on another: two of one feed, or a feed after the
/// identity of its party, are checked against what is stored and so come one after the other.
fn waves(runs: Vec<v1::Run>) -> Vec<Vec<v1::Run>> {
    let mut waves = vec![Vec::new()];
    let (mut feeds, mut introduced) = (HashSet::new(), HashSet::new());
    for run in runs {
        let feed = run.feed.clone().unwrap_or_default();
        let rests = introduced.contains(&feed.party_id)
            || feeds.contains(&(feed.party_id.clone(), feed.operator_key.clone(), feed.audience.clone()));
        if rests {
            feeds.clear();
            introduced.clear();
            waves.push(Vec::new());
        }
        if feed.operator_key.is_empty() {
            introduced.insert(feed.party_id.clone());
        }
        feeds.insert((feed.party_id, feed.operator_key, feed.audience));
        waves.last_mut().into_iter().for_each(|wave| wave.push(run.clone()));
    }
    waves
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
        for head in store.heads() {
            *usage.by_party.entry(head.feed.party).or_default() += head.head.seq.value();
        }
        let (peers, usage) = (RwLock::default(), Mutex::new(usage));
        let verifiers = Mutex::default();
        Self { store, identities, heads, admissions, own, everything, quotas, peers, usage, verifiers }
    }

    /// States which hubs are linked; decides carriage from now on.
    pub fn link(&self, peers: HashSet<PartyId>) {
        *self.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
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
        for wave in waves(runs) {
            let judged = self.judge(wave, origin).await;
            taken.extend(self.commit(judged, origin).await);
        }
        taken
    }

    /// Checks the runs of a wave, which do not rest on one another, on all cores; in their order.
    async fn judge(self: &Arc<Self>, wave: Vec<v1::Run>, origin: Origin) -> Vec<Verdict> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let size = wave.len().div_ceil(cores).max(CHUNK_RUNS_MIN);
        let mut runs = wave.into_iter().peekable();
        let mut chunks = Vec::new();
        while runs.peek().is_some() {
            let chunk: Vec<v1::Run> = runs.by_ref().take(size).collect();
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

    async fn commit(&self, judged: Vec<Verdict>, origin: Origin) -> Vec<Taken> {
        let mut taken = Vec::with_capacity(judged.len());
        let mut waiting = Vec::new();
        let mut to_store = Vec::new();
        for (feed, from, result, known) in judged {
            let result = match result {
                Err(reason) => Err(reason),
                Ok(None) => Ok(Stored { stored: 0, known }),
                Ok(Some(mut checked)) => {
                    to_store.push(std::mem::replace(&mut checked.run, NewRun::empty()));
                    waiting.push((taken.len(), checked));
                    Ok(Stored { stored: 0, known })
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
            Origin::Peer | Origin::Caller(_) => self.store.append(to_store).await,
        };
        let outcomes = match appended {
            Ok(appended) => appended.outcomes,
            Err(error) => {
                tracing::error!(%error, "entries could not be stored");
                waiting.iter().for_each(|(i, _)| taken[*i].result = Err(Reason::StoreFailed));
                return taken;
            }
        };
        let stored: Vec<Feed> = packed.iter().map(|(feed, _)| *feed).collect();
        for (((at, checked), outcome), (feed, packed)) in waiting.into_iter().zip(outcomes).zip(packed) {
            taken[at].result = match outcome {
                Outcome::Stored { .. } => {
                    self.after(checked.log, checked.carried, checked.fresh, &feed, &packed);
                    Ok(Stored { stored: checked.fresh, known: checked.known })
                }
                // Another writer was first with this feed: the caller reads the heads again.
                Outcome::Conflict { .. } => Err(Reason::Gap),
            };
        }
        self.heads.held(&stored);
        taken
    }

    fn check(&self, run: v1::Run, origin: Origin) -> Verdict {
        let parts = run.feed.unwrap_or_default();
        let feed = match Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience) {
            Ok(feed) => feed,
            Err(reason) => return (FeedId::default(), 0, Err(reason), 0),
        };
        let from = first_seq(&run.entries);
        let (id, count) = (feed.id(), unpack(&run.entries).map_or(0, |e| e.len() as u64));
        let result = match feed.author {
            Author::Identity => self.check_identity(feed, run.entries, origin),
            Author::Operator { key, audience } => {
                self.check_records(feed, key, audience, run.entries, origin)
            }
        };
        (id, from, result, count)
    }

    fn check_identity(&self, feed: Feed, packed: Bytes, origin: Origin) -> Result<Option<Checked>, Reason> {
        let carried = match origin {
            Origin::Own => Carried::Own,
            // A linked hub vouches for what it carries; the number of parties is bounded.
            Origin::Peer => Carried::Peer,
            Origin::Caller(caller) if caller == feed.party => Carried::Guest,
            Origin::Caller(_) => self.decide(&feed.party, false)?,
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
        let run = new_run(feed, &packed, &entries, skip, head, kind)?;
        Ok(Some(Checked { run, carried, fresh: fresh as u64, known: skip as u64, log: Some(log) }))
    }

    fn check_records(
        &self,
        feed: Feed,
        key: OperatorKey,
        audience: Audience,
        packed: Bytes,
        origin: Origin,
    ) -> Result<Option<Checked>, Reason> {
        let at_the_door = match origin {
            Origin::Own | Origin::Peer => true,
            Origin::Caller(caller) => caller == feed.party,
        };
        let carried = match origin {
            Origin::Own => Carried::Own,
            _ => self.decide(&feed.party, at_the_door)?,
        };
        let state = self.identities.state(&feed.party).ok_or(Reason::UnknownParty)?;
        let id = feed.id();
        let counted = state.counted(&key, &id).ok_or(Reason::UnknownKeyOfParty)?;
        let entries = unpack(&packed)?;
        let run = Run::chain(feed, entries.clone())?;
        if let Counted::UpTo { seq, .. } = counted
            && run.last().header.seq.value() > seq
        {
            return Err(Reason::Revoked);
        }
        let held = self.store.head(&id).map(|h| h.head);
        let skip = match run.place(held) {
            Placement::Known => return self.compare(&run, &id),
            Placement::Gap { .. } => return Err(Reason::Gap),
            Placement::Extends { skip } => skip,
            Placement::Forks => return self.fork(&run, &key),
        };
        run.authenticate(&self.verifier(&key)?)?;
        if carried == Carried::Guest {
            guest_may(&run, audience, skip)?;
        }
        let fresh = (run.entries.len() - skip) as u64;
        self.within_quota(&feed.party, carried, fresh)?;
        let run = new_run(feed, &packed, &entries, skip, run.head(), Kind::Append)?;
        Ok(Some(Checked { run, carried, fresh, known: skip as u64, log: None }))
    }

    /// Known places: the same bytes, or an authentic second branch.
    fn compare(&self, run: &Run<'_>, id: &FeedId) -> Result<Option<Checked>, Reason> {
        let last = run.last();
        let held = self.store.entry(id, last.header.seq).ok().flatten();
        let same = held.is_some_and(|h| h.packed.get(..118) == Some(&last.header_bytes[..]));
        if same {
            return Ok(None);
        }
        match run.feed.key() {
            Some(key) => self.fork(run, &key),
            None => Err(Reason::Fork),
        }
    }

    /// Another chain than the one held is a fork only if the key really signed it.
    fn fork(&self, run: &Run<'_>, key: &OperatorKey) -> Result<Option<Checked>, Reason> {
        run.authenticate(&self.verifier(key)?)?;
        tracing::warn!(feed = %run.feed.id(), seq = %run.first().header.seq, "a feed has forked");
        Err(Reason::Fork)
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

    fn within_quota(&self, party: &PartyId, carried: Carried, fresh: u64) -> Result<(), Reason> {
        let usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let held = usage.by_party.get(party).copied().unwrap_or(0);
        let within = match carried {
            Carried::Own | Carried::Peer => true,
            Carried::Member { hub } => {
                usage.by_hub.get(&hub).copied().unwrap_or(0) + fresh <= self.quotas.hub_entries
            }
            Carried::Guest => {
                held + fresh <= self.quotas.guest_entries
                    && usage.guests + fresh <= self.quotas.guests_entries
            }
        };
        if within { Ok(()) } else { Err(Reason::Quota) }
    }

    /// What is durable now changes the tables that later decisions use.
    fn after(
        &self,
        log: Option<caphub_proto::wire::identity::IdentityLog>,
        carried: Carried,
        fresh: u64,
        feed: &Feed,
        packed: &[u8],
    ) {
        if let Some(log) = log {
            self.identities.keep(log);
            self.heads.judged(&feed.party);
        }
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        *usage.by_party.entry(feed.party).or_default() += fresh;
        match carried {
            Carried::Member { hub } => *usage.by_hub.entry(hub).or_default() += fresh,
            Carried::Guest => usage.guests += fresh,
            Carried::Own | Carried::Peer => {}
        }
        drop(usage);
        self.note_admissions(feed, packed, 0, usize::MAX);
    }

    /// Attestations and recognitions take effect at once, by keys that may make them: of a packed run, at most
    /// `count` entries after the first `skip`.
    pub fn note_admissions(&self, feed: &Feed, packed: &[u8], skip: usize, count: usize) {
        use caphub_proto::wire::identity::Capabilities;
        let (Some(key), Some(state)) = (feed.key(), self.identities.state(&feed.party)) else { return };
        let Ok(entries) = unpack(packed) else { return };
        for entry in entries.into_iter().skip(skip).take(count) {
            let time = u64::from_be_bytes(entry.header[74..82].try_into().expect("eight bytes of a header"));
            let Some(content) = entry.body.and_then(|b| b.get(16..)) else { continue };
            if !state.may(&key, Capabilities::ADMIT, time) {
                return;
            }
            let Ok(admitting) = Admitting::decode(content) else { continue };
            if let Some(attestation) = &admitting.attestation {
                self.admissions.attest(feed.party, attestation);
            }
            if let Some(hub) = admitting.recognition.and_then(|r| PartyId::from_slice(&r.hub)) {
                self.admissions.recognise(feed.party, admitting.record_id, hub);
            } else if admitting.withdraw.is_some() {
                self.admissions.withdraw(feed.party, &admitting.record_id);
            }
        }
    }
}

/// A guest may publish public needs, its profile and replies, and take them back.
fn guest_may(run: &Run<'_>, audience: Audience, skip: usize) -> Result<(), Reason> {
    if audience != Audience::Public {
        return Err(Reason::GuestRecord);
    }
    for entry in run.entries.iter().skip(skip) {
        let content = entry.content().ok_or(Reason::BodyMissing)?;
        let revision = v1::Revision::decode(content).map_err(|_| Reason::RecordMalformed)?;
        match revision.record {
            Some(Record::Need(_) | Record::Profile(_) | Record::Reply(_) | Record::Withdraw(_)) => {}
            _ => return Err(Reason::GuestRecord),
        }
    }
    Ok(())
}

fn new_run(
    feed: Feed,
    packed: &Bytes,
    entries: &[caphub_proto::wire::UncheckedEntry<'_>],
    skip: usize,
    head: caphub_proto::wire::Head,
    kind: Kind,
) -> Result<NewRun, Reason> {
    let offset: usize = entries.iter().take(skip).map(caphub_proto::wire::UncheckedEntry::packed_len).sum();
    let packed = packed.slice(offset..);
    let first = Seq::new(first_seq(&packed)).ok_or(Reason::BadSeq)?;
    let count = u32::try_from(entries.len() - skip).map_err(|_| Reason::RunTooLarge)?;
    Ok(NewRun { feed, packed, first, head, count, kind })
}

fn first_seq(packed: &[u8]) -> u64 {
    packed.get(34..42).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_rest_on_others_wait_for_them() {
        let run = |party: u8, key: &[u8]| {
            let feed = v1::Feed { party_id: vec![party], operator_key: key.to_vec(), audience: vec![0] };
            v1::Run { feed: Some(feed), ..v1::Run::default() }
        };
        let runs = vec![run(1, b""), run(2, b""), run(1, b"k"), run(2, b"k"), run(3, b"k"), run(1, b"k")];
        let sizes: Vec<usize> = waves(runs).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 3, 1]);
        assert_eq!(waves(Vec::new()).concat().len(), 0);
    }
}
