//! What a node and a replica share: the store, what is derived from it, and the one door between them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use caphub_proto::exchange::RecordKind;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::{Feed, FeedId, Head, LogId, PartyId, Seq};

use crate::admissions::Admissions;
use crate::artifacts::Blobs;
use crate::carriage::Quotas;
use crate::cores::cores;
use crate::forks::Forks;
use crate::heads::Heads;
use crate::identities::Identities;
use crate::ingest::Ingest;
use crate::opening::Opener;
use crate::shown::Shown;
use crate::store::{FeedHead, Kind, Store, StoreError, StoredRun};
use crate::verdicts::KnownKeys;
use crate::views::source::{Log, LogRun};
use crate::views::{IsHub, Views, ViewsError};

/// Absent bodies that are looked at in one turn.
const EXCUSED_AT_ONCE: usize = 4_096;
/// Fewest identity logs that are worth a thread of their own at the start.
const IDENTITIES_A_THREAD_MIN: usize = 256;

/// One open store with all that is derived from it.
#[derive(Clone)]
pub struct Core {
    /// Whose store it is.
    pub party: PartyId,
    /// The log.
    pub store: Arc<Store>,
    /// Every party's keys.
    pub identities: Arc<Identities>,
    /// Who admits whom.
    pub admissions: Arc<Admissions>,
    /// Proofs of forks.
    pub forks: Arc<Forks>,
    /// What far ends showed of the own party's feeds beyond what is held.
    pub shown: Arc<Shown>,
    /// What is stated to others.
    pub heads: Arc<Heads>,
    /// The door.
    pub ingest: Arc<Ingest>,
    /// Current records and search.
    pub views: Views,
    /// Files that records name.
    pub blobs: Blobs,
    /// What others acknowledged of what was pushed to them.
    pub receipts: Arc<crate::audit::Receipts>,
    told: Arc<RwLock<Option<KnownHubs>>>,
}

/// The hubs that a member's replica knows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KnownHubs {
    /// Those that it joined.
    pub joined: BTreeSet<PartyId>,
    /// Those whose admissions count at these, as they said.
    pub stated: BTreeSet<PartyId>,
}

/// The store or the views could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is derived from it.
    #[error(transparent)]
    Views(#[from] ViewsError),
}

impl Core {
    /// Opens `directory`; `everything` for a replica, which takes all that its hub serves.
    pub fn open(
        directory: &Path,
        party: PartyId,
        everything: bool,
        quotas: Quotas,
    ) -> Result<Self, OpenError> {
        let store = Arc::new(Store::open(&directory.join("store"))?);
        let identities = Arc::new(Identities::default());
        read_identities(&store, &identities)?;
        let admissions = Arc::new(Admissions::default());
        let files = directory.join("store");
        let forks = Arc::new(Forks::open(&files.join("forks")).map_err(StoreError::File)?);
        let shown = Arc::new(Shown::open(&files.join("shown")).map_err(StoreError::File)?);
        let log = Arc::new(StoreLog(Arc::clone(&store)));
        let authority =
            Arc::new(KnownKeys::new(Arc::clone(&identities), Arc::clone(&forks), Arc::clone(&store)));
        // Only a member's replica opens anything, and only with keys that its folder holds openly.
        let opener = if everything { Opener::of_folder(directory, party) } else { Opener::none() };
        let (views, heads) = std::thread::scope(|scope| {
            // The two rest on the same store and not on each other.
            let opener = Arc::new(opener);
            let views = scope.spawn(|| Views::open_reading(&directory.join("views"), log, authority, opener));
            let heads = Heads::new(Arc::clone(&store), Arc::clone(&identities), Arc::clone(&forks));
            (views.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), Arc::new(heads))
        });
        let views = views?;
        let ingest = Ingest::new(
            Arc::clone(&store),
            Arc::clone(&identities),
            Arc::clone(&heads),
            Arc::clone(&admissions),
            party,
            everything,
            quotas,
        );
        views.catch_up()?;
        let (ingest, receipts, blobs) = (Arc::new(ingest), Arc::default(), Blobs::of(directory));
        let core = Self {
            party,
            store,
            identities,
            admissions,
            forks,
            shown,
            heads,
            ingest,
            views,
            blobs,
            receipts,
            told: Arc::default(),
        };
        core.ingest.heed_erasures(core.views.clone());
        core.views.heed_hubs(core.hubs(everything));
        core.read_admissions()?;
        Ok(core)
    }

    /// Says which hubs a replica knows: only their admissions make a member from now on.
    pub fn heed_hubs(&self, known: KnownHubs) {
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    /// A node knows its hubs: itself, those linked and those recognised. A replica knows those that it was told of. Where
    /// nobody told it, as in a tool that opens a store, it goes by whether a node's key signed, which a desk's is not; but
    /// anybody can give itself such a key.
    fn hubs(&self, everything: bool) -> IsHub {
        // The door holds the views: these must not hold the door.
        let (own, ingest, admissions) =
            (self.party, Arc::downgrade(&self.ingest), Arc::clone(&self.admissions));
        let (identities, told) = (Arc::clone(&self.identities), Arc::clone(&self.told));
        match everything {
            false => Box::new(move |a| {
                let linked = || ingest.upgrade().is_some_and(|i| i.is_peer(&a.hub));
                a.hub == own || admissions.recognises(&own, &a.hub) || linked()
            }),
            true => Box::new(move |a| {
                if let Some(known) = &*told.read().unwrap_or_else(PoisonError::into_inner) {
                    let recognised = || known.joined.iter().any(|h| admissions.recognises(h, &a.hub));
                    let named = known.joined.contains(&a.hub) || known.stated.contains(&a.hub);
                    return named || a.hub == own || recognised();
                }
                let state = identities.state(&a.hub);
                let operator = a.feed.key().and_then(|key| state.as_ref()?.operators.get(&key));
                operator.is_some_and(|o| o.capabilities.holds(Capabilities::SERVE))
            }),
        }
    }

    /// Where a feed ends for others; `None` where nothing of it counts.
    pub fn counted(&self, held: &FeedHead) -> Option<Head> {
        self.heads.counted(held)
    }

    /// What a follower is sent for one run of the log, in order: nothing from above a hole, until the run that fills it
    /// comes, and then that with what it joins; nothing of a branch that another has replaced.
    pub fn servable(&self, run: StoredRun) -> Vec<StoredRun> {
        let id = run.feed.id();
        let Some(held) = self.store.head(&id) else { return Vec::new() };
        let Some(last) = self.counted(&held).map(|h| h.seq) else { return Vec::new() };
        if run.kind == Kind::Tail || (self.store.was_replaced(&id) && !self.store.is_current(&run)) {
            return Vec::new();
        }
        let (ordinal, kind) = (run.first_ordinal, run.kind);
        let mut next = Seq::new(run.first.value() + u64::from(run.count)).filter(|n| *n <= last);
        let mut out: Vec<StoredRun> = run.up_to(last).into_iter().collect();
        while let Some(at) = next.filter(|_| kind != Kind::Refill) {
            // Older in the log, and yet after it in the feed: a tail that it joined.
            let earlier = self.store.ordinal(&id, at).is_some_and(|o| o < ordinal);
            let Some(run) = earlier.then(|| self.store.run_from(&id, at).ok().flatten()).flatten() else {
                break;
            };
            next = Seq::new(at.value() + u64::from(run.count)).filter(|n| *n <= last);
            out.extend(run.up_to(last));
        }
        out
    }

    /// Bodies that are not here because their owner had them erased: to be marked, so that nobody asks for them again.
    pub fn excused(&self) -> Vec<(FeedId, u64)> {
        let missing = self.store.withheld(EXCUSED_AT_ONCE);
        let entries =
            missing.into_iter().flat_map(|(feed, from, to)| (from..=to).map(move |seq| (feed, seq)));
        let by_owner = |(feed, seq): &(FeedId, u64)| {
            self.store.head(feed).is_some_and(|h| self.views.excuses(&h.feed, feed, *seq))
        };
        entries.filter(by_owner).take(EXCUSED_AT_ONCE).collect()
    }

    /// The heads of all feeds, as others may hear of them.
    pub fn counted_heads(&self) -> Vec<FeedHead> {
        let heads = self.store.heads().into_iter();
        heads.filter_map(|held| Some(FeedHead { head: self.counted(&held)?, feed: held.feed })).collect()
    }

    /// Attestations and recognitions are few among many records: the views know where they are. What the views have
    /// not taken in is read whole.
    fn read_admissions(&self) -> Result<(), OpenError> {
        let noted = self.views.position();
        let kinds = [RecordKind::Attestation, RecordKind::Recognition];
        let mut ordinals = self.views.entries_of(&kinds)?;
        // Of feeds that forked or whose key was revoked the views know what counts: the rest may count again.
        for held in self.store.heads().into_iter().filter(|h| self.ingest.may_admit_again(&h.feed)) {
            let (id, last) = (held.feed.id(), held.head.seq.value());
            ordinals.extend((1..=last).filter_map(Seq::new).filter_map(|seq| self.store.ordinal(&id, seq)));
        }
        ordinals.retain(|o| *o < noted);
        ordinals.sort_unstable();
        ordinals.dedup();
        let mut rest = &ordinals[..];
        while let Some(first) = rest.first() {
            let Some(run) = self.store.read_from(*first, 1)?.0.into_iter().next() else { break };
            // Entries of one run are often many, and are unpacked once.
            let within = rest.partition_point(|o| *o < run.first_ordinal + u64::from(run.count));
            let (here, after) = rest.split_at(within.max(1));
            let wanted = |at: usize| here.binary_search(&(run.first_ordinal + at as u64)).is_ok();
            self.ingest.note_admissions(&run.feed, &run.packed, wanted);
            rest = after;
        }
        let mut next = noted;
        while next < self.store.end() {
            let (runs, after) = self.store.read_from(next, BATCH_BYTES)?;
            for run in &runs {
                self.ingest.note_admissions(&run.feed, &run.packed, |_| true);
            }
            next = after;
        }
        Ok(())
    }
}

/// Reads what the store holds of every party's keys, on all cores where there are many.
fn read_identities(store: &Store, identities: &Identities) -> Result<(), StoreError> {
    let held: Vec<FeedHead> = store.heads().into_iter().filter(|h| h.feed.is_identity()).collect();
    let share = held.len().div_ceil(cores()).max(IDENTITIES_A_THREAD_MIN);
    std::thread::scope(|scope| {
        let read =
            |part: &[FeedHead]| part.iter().try_for_each(|held| read_identity(store, identities, held));
        let mut parts = held.chunks(share);
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts.map(|part| scope.spawn(move || read(part))).collect();
        let own = read(own);
        let panicked = |panic| std::panic::resume_unwind(panic);
        others.into_iter().map(|other| other.join().unwrap_or_else(panicked)).fold(own, Result::and)
    })
}

fn read_identity(store: &Store, identities: &Identities, held: &FeedHead) -> Result<(), StoreError> {
    let (party, id) = (held.feed.party, held.feed.id());
    let (mut runs, mut from) = (Vec::new(), Some(Seq::FIRST));
    while let Some(next) = from.filter(|f| *f <= held.head.seq) {
        let read = store.read_feed(&id, next, BATCH_BYTES)?;
        from = read.last().and_then(|run| Seq::new(run.first.value() + u64::from(run.count)));
        runs.extend(read.into_iter().map(|run| run.packed));
    }
    let packed = runs.concat();
    if identities.restore(party, &packed, held.head) {
        return Ok(());
    }
    // Not what was stored, or events that replaced others: all is checked, and the reason said.
    for packed in runs {
        match identities.judge(party, &packed) {
            Ok((_, log)) => identities.keep(log),
            Err(reason) => tracing::error!(%party, %reason, "a stored identity log is damaged"),
        }
    }
    Ok(())
}

struct StoreLog(Arc<Store>);

impl Log for StoreLog {
    fn end(&self) -> u64 {
        self.0.end()
    }

    fn read_from(&self, ordinal: u64, max_bytes: usize) -> Result<(Vec<LogRun>, u64), String> {
        let (runs, next) = self.0.read_from(ordinal, max_bytes).map_err(|e| e.to_string())?;
        let runs = runs.into_iter().map(|r| LogRun {
            feed: r.feed,
            first_ordinal: r.first_ordinal,
            packed: r.packed,
        });
        Ok((runs.collect(), next))
    }

    fn packed_entry(&self, ordinal: u64) -> Result<Option<(Feed, Bytes)>, String> {
        let entry = self.0.entry_at(ordinal).map_err(|e| e.to_string())?;
        Ok(entry.map(|e| (e.feed, e.packed)))
    }

    fn lone_entry(&self, ordinal: u64) -> Result<Option<(Feed, Bytes)>, String> {
        let entry = self.0.entry_alone(ordinal).map_err(|e| e.to_string())?;
        Ok(entry.map(|e| (e.feed, e.packed)))
    }

    fn placed_entry(&self, feed: &FeedId, seq: u64) -> Result<Option<(u64, Feed, Bytes)>, String> {
        let Some(seq) = Seq::new(seq) else { return Ok(None) };
        let entry = self.0.entry(feed, seq).map_err(|e| e.to_string())?;
        Ok(entry.map(|e| (e.ordinal, e.feed, e.packed)))
    }

    fn log_id(&self) -> LogId {
        self.0.log_id()
    }
}
