//! Views: current records by kind, party, place, theme and date, and full-text search.
//!
//! Views follow the log asynchronously and say how far they are. They hold places in the log and never bodies, are
//! judged from the log and the identity logs alone, and can be deleted at any time: the next open builds them again.

mod counting;
mod disk;
mod erasure;
mod filter;
mod fold;
mod follow;
mod held;
mod index;
mod judge;
mod key;
mod pace;
mod page;
mod places;
mod profiles;
mod query;
mod queue;
mod read;
mod reading;
mod renew;
mod schema;
mod sealed;
pub mod source;
mod tables;
mod threads;
mod token;
mod words;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use caphub_proto::wire::{Feed, FeedId, PartyId, Reason};
use tokio::sync::broadcast;

pub use follow::Progress;
pub use key::RecordKey;
pub use page::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Page, PageRequest};
pub use read::Party;
pub use source::{Authority, Log, LogRun};
pub use tables::{Admission, Card};
pub use threads::{Thread, Threads};

use crate::opening::Opener;
use erasure::Erasures;
use follow::Writing;
use index::Opened;
use pace::Pace;
use queue::Queue;
use renew::Beside;
use tables::Tables;
use token::Tokens;
use write::Fresh;

/// Changed records that a slow watcher may fall behind; it is told how many it missed.
pub const WATCH_MAX: usize = 1_024;
/// Most parties that wait to be judged again; beyond them all records are.
const RECONSIDER_MAX: usize = 10_000;

/// Why views could not answer or go on.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The views' directory.
    #[error("the views' directory cannot be used")]
    Directory {
        /// What the system said.
        source: std::io::Error,
    },
    /// The index failed.
    #[error("the search index failed")]
    Index(#[from] tantivy::TantivyError),
    /// The index has damaged files; the next catch-up builds it again.
    #[error("the search index is damaged and is built again")]
    Damaged,
    /// The log could not be read.
    #[error("the log cannot be read: {0}")]
    Log(String),
    /// They are being derived again already.
    #[error("the views are being derived again already")]
    Renewing,
    /// The node ends.
    #[error("the node was told to stop")]
    Stopping,
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] crate::keys::KeyError),
    /// The page token is not one that views gave out.
    #[error("the page token is not one that this node gave out")]
    BadPageToken,
    /// A field of a filter.
    #[error("{field} {problem}")]
    BadFilter {
        /// Its name in the schema.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl ViewsError {
    /// The machine-readable reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::BadPageToken => Reason::BadPageToken,
            Self::BadFilter { .. } => Reason::BadRequest,
            Self::Directory { .. }
            | Self::Index(_)
            | Self::Damaged
            | Self::Log(_)
            | Self::Renewing
            | Self::Stopping
            | Self::Random(_) => Reason::StoreFailed,
        }
    }
}

/// Whether an attestation's author is a hub whose word counts here.
pub type IsHub = Box<dyn Fn(&Admission) -> bool + Send + Sync>;

/// The views of one node; clones share them.
#[derive(Clone)]
pub struct Views(Arc<Inner>);

struct Inner {
    log: Arc<dyn Log>,
    authority: Arc<dyn Authority>,
    opener: Arc<Opener>,
    /// Entries that grants may have opened, and that are to be taken in.
    granted: Mutex<Vec<(FeedId, u64)>>,
    opened: RwLock<Arc<Opened>>,
    /// Views that are being derived again.
    beside: Beside,
    queue: Queue,
    tokens: Tokens,
    writing: Mutex<Writing>,
    position: AtomicU64,
    pace: Mutex<Pace>,
    fresh: RwLock<Fresh>,
    /// The index was seen to be damaged: the next catch-up builds it again.
    damaged: AtomicBool,
    /// Catch-ups end at the next batch.
    stopping: AtomicBool,
    /// Files may hold words of erased records.
    purging: AtomicBool,
    tables: RwLock<Tables>,
    erasures: Mutex<Erasures>,
    /// Parties whose identity changed; `None` where there were too many to remember.
    reconsider: Mutex<Option<BTreeSet<PartyId>>>,
    changed: broadcast::Sender<RecordKey>,
    is_hub: OnceLock<IsHub>,
}

impl Views {
    /// Opens the views in `dir`, which is theirs alone. They begin anew where their schema, the log's id or its
    /// end do not fit, or where files are damaged; `catch_up` then reads the log again.
    pub fn open(dir: &Path, log: Arc<dyn Log>, authority: Arc<dyn Authority>) -> Result<Self, ViewsError> {
        Self::open_reading(dir, log, authority, Arc::new(Opener::none()))
    }

    /// The same, for a replica that opens what is sealed to its party: what it says lies in the views' files then.
    pub fn open_reading(
        dir: &Path,
        log: Arc<dyn Log>,
        authority: Arc<dyn Authority>,
        opener: Arc<Opener>,
    ) -> Result<Self, ViewsError> {
        renew::settle(dir)?;
        let opened = Opened::open(dir, log.log_id(), log.end(), opener.fingerprint())?;
        let origin = opened.origin;
        let pace = Mutex::new(Pace::new(Instant::now(), log.end()));
        let inner = Inner {
            log,
            authority,
            opener,
            opened: RwLock::new(Arc::new(opened)),
            beside: Beside::default(),
            queue: Queue::default(),
            tokens: Tokens::new()?,
            granted: Mutex::default(),
            writing: Mutex::new(Writing::new(origin)),
            position: AtomicU64::new(origin.position),
            pace,
            fresh: RwLock::default(),
            damaged: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            purging: AtomicBool::new(origin.purge),
            tables: RwLock::default(),
            erasures: Mutex::default(),
            reconsider: Mutex::new(Some(BTreeSet::new())),
            changed: broadcast::channel(WATCH_MAX).0,
            is_hub: OnceLock::new(),
        };
        let views = Self(Arc::new(inner));
        match views.load_tables().and_then(|()| views.load_excuses()) {
            // The next catch-up builds the index again, and the tables with it.
            Err(error @ (ViewsError::Index(_) | ViewsError::Damaged)) => {
                tracing::warn!(%error, "views are built again");
                views.0.damaged.store(true, Ordering::Release);
            }
            done => done?,
        }
        Ok(views)
    }

    /// States whose attestations decide how a party stands; until then all do. The first word stays.
    pub fn heed_hubs(&self, is_hub: IsHub) {
        let _ = self.0.is_hub.set(is_hub);
    }

    fn is_hub(&self, admission: &Admission) -> bool {
        self.0.is_hub.get().is_none_or(|is_hub| is_hub(admission))
    }

    /// One past the last entry of the log that the views have taken in.
    pub fn position(&self) -> u64 {
        self.0.position.load(Ordering::Acquire)
    }

    /// Entries of the log that the views have not taken in yet.
    pub fn behind(&self) -> u64 {
        self.0.log.end().saturating_sub(self.position())
    }

    /// Keys of records as they change, from now on.
    pub fn watch(&self) -> broadcast::Receiver<RecordKey> {
        self.0.changed.subscribe()
    }

    /// Has all records of a party judged again by the next catch-up: its identity log changed.
    pub fn reconsider(&self, party: PartyId) {
        self.0.beside.reconsider(party);
        let mut waiting = self.0.reconsider.lock().unwrap_or_else(PoisonError::into_inner);
        let full = waiting.as_ref().is_some_and(|w| w.len() >= RECONSIDER_MAX);
        match waiting.as_mut() {
            Some(parties) if !full => drop(parties.insert(party)),
            _ => *waiting = None,
        }
    }

    /// Bodies that counted withdrawals erase and that the log still held; each is told at least once, again after
    /// a restart until the log has erased it.
    pub fn take_erasures(&self) -> Vec<(FeedId, u64)> {
        self.0.erasures.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// True where a counted withdrawal of its owner erases this entry of a feed: its body may be absent.
    pub fn excuses(&self, feed: &Feed, id: &FeedId, seq: u64) -> bool {
        self.erasures().excuses(feed, id, seq)
    }

    /// What decides which bodies of a feed are taken no more; `None` where all are.
    pub fn erased_bodies(&self, feed: &Feed) -> Option<impl Fn(u64, &[u8]) -> bool + use<>> {
        let (feed, excuses) = (*feed, self.erasures().of_feed(feed));
        (!excuses.is_empty())
            .then_some(move |seq, body: &[u8]| erasure::is_erased(&excuses, &feed, seq, body))
    }

    /// Every entry that counted withdrawals erase, where there are more than at this version; and the version now.
    pub fn excused_since(&self, version: u64) -> (u64, Vec<(FeedId, u64)>) {
        let erasures = self.erasures();
        if erasures.version() == version { (version, Vec::new()) } else { erasures.all() }
    }

    /// True while files of the index may still hold words of erased records.
    pub fn purge_pending(&self) -> bool {
        self.0.purging.load(Ordering::Acquire)
    }

    fn erasures(&self) -> std::sync::MutexGuard<'_, Erasures> {
        self.0.erasures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each hub says about each party, the latest counted attestation of each pair. Ended ones are among
    /// them; `Admission::admits_on` tells.
    pub fn admissions(&self) -> Vec<Admission> {
        self.tables().admissions()
    }

    /// What each hub says about one party.
    pub fn admissions_of(&self, party: &PartyId) -> Vec<Admission> {
        self.tables().of(party)
    }

    /// The hubs that each hub recognises.
    pub fn recognitions(&self) -> BTreeMap<PartyId, BTreeSet<PartyId>> {
        self.tables().recognitions()
    }

    /// The latest card of each node of each hub.
    pub fn node_cards(&self) -> Vec<Card> {
        self.tables().cards()
    }

    fn tables(&self) -> std::sync::RwLockReadGuard<'_, Tables> {
        // Each write replaces one row: a writer that panicked left none half done.
        self.0.tables.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The index as it is now.
    fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The writer first: the mark says that nobody writes any more.
        let writing = self.writing.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(writing.writer.take());
        if !self.damaged.load(Ordering::Acquire) {
            self.opened().end_clean();
        }
    }
}
