//! The embedded store: segment files are the truth, everything else is an index (design section 7).

mod alone;
mod batch;
mod chains;
mod commit;
mod disk;
#[cfg(test)]
mod faults;
mod files;
mod frame;
mod frames;
#[cfg(test)]
mod hostile;
mod index;
#[cfg(test)]
mod kinds;
mod logged;
pub mod mend;
mod open;
mod read;
pub mod register;
#[cfg(test)]
mod registers;
pub mod scan;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};

use bytes::Bytes;
use caphub_proto::wire::intake::Tail;
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, LogId, Seq};
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{oneshot, watch};

use crate::metrics::fsync_times;
pub use crate::store::disk::Trouble;

use crate::store::commit::{Committer, Work};
use crate::store::files::Segments;
use crate::store::index::Index;
use crate::store::register::Register;

/// The mark of a store that was put back from a copy.
pub(crate) const PUT_BACK: &str = "put-back";
/// Commits that wait for the disk; each holds at most one message of runs.
const WAITING_MAX: usize = 64;

/// A run to be stored; its checks are done.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Whose.
    pub feed: Feed,
    /// Header, signature, presence, body, once an entry.
    pub packed: Bytes,
    /// Place of the first entry.
    pub first: Seq,
    /// The last entry.
    pub head: Head,
    /// Entries.
    pub count: u32,
    /// How it meets what is held.
    pub kind: Kind,
}

/// How a run meets what is held of its feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It follows the head.
    Append = 0,
    /// It takes the place of what is held from its first entry on: another branch counts.
    Replace = 1,
    /// It lies above a hole.
    Tail = 2,
    /// It has bodies that were missing; its entries are held.
    Refill = 3,
}

impl Kind {
    /// Of a frame's byte.
    fn of(byte: u8) -> Option<Self> {
        [Self::Append, Self::Replace, Self::Tail, Self::Refill].into_iter().find(|k| *k as u8 == byte)
    }
}

/// What became of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Durable, from this ordinal on.
    Stored {
        /// Of its first entry.
        ordinal: u64,
    },
    /// It does not follow what is held now; nothing of it was stored.
    Conflict {
        /// The last place held, 0 for none.
        held: u64,
    },
}

/// What became of all runs of a commit, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// One a run.
    pub outcomes: Vec<Outcome>,
}

/// The last entry of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedHead {
    /// The feed.
    pub feed: Feed,
    /// Its last entry.
    pub head: Head,
}

/// A run as stored, or its end from the place asked for.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// Whose.
    pub feed: Feed,
    /// Place of the first entry.
    pub first: Seq,
    /// Ordinal of the first entry.
    pub first_ordinal: u64,
    /// Entries.
    pub count: u32,
    /// As it travels.
    pub packed: Bytes,
    /// How it met what was held when it was stored.
    pub kind: Kind,
}

impl StoredRun {
    /// The run up to a place; `None` where it begins after it.
    pub fn up_to(self, last: Seq) -> Option<Self> {
        let wanted = (last.value() + 1).saturating_sub(self.first.value());
        if wanted >= u64::from(self.count) {
            return Some(self);
        }
        let entries = caphub_proto::wire::feed::unpack(&self.packed).ok()?;
        let bytes: usize =
            entries.iter().take(wanted as usize).map(caphub_proto::wire::UncheckedEntry::packed_len).sum();
        let packed = self.packed.slice(..bytes);
        (wanted > 0).then_some(Self { count: wanted as u32, packed, ..self })
    }
}

/// One entry as stored.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Whose.
    pub feed: Feed,
    /// Its ordinal.
    pub ordinal: u64,
    /// As it travels.
    pub packed: Bytes,
}

/// The store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("{path} is in use by process {holder}")]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// Its process id, or a question mark.
        holder: String,
    },
    /// The file system.
    #[error("the store's files: {0}")]
    File(#[from] std::io::Error),
    /// The index could not be read or written.
    #[error("the store's index: {0}")]
    Index(String),
    /// Not a segment, or of another store.
    #[error("{path} is not a segment of this store")]
    OtherFormat {
        /// Which file.
        path: PathBuf,
    },
    /// A segment of another version of the format.
    #[error(
        "{path} has format version {found}, and this program reads versions up to {reads}: nothing was changed"
    )]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// The version that it states.
        found: u32,
        /// The latest that is read.
        reads: u32,
    },
    /// A segment that is not the last has bytes that do not fit.
    #[error("segment {segment} is damaged at byte {offset}; look closer with: caphub-node verify")]
    Damaged {
        /// Its number.
        segment: u32,
        /// Where.
        offset: u64,
    },
    /// The register of own signed batches has bytes that do not fit, and the log does not tell what they were.
    #[error(
        "{path} is damaged at byte {offset}, and the log does not tell what it held: nothing was changed"
    )]
    Register {
        /// The register.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// There is no room: nothing of it is stored, and the next try may find room.
    #[error("the disk is full; the store takes nothing until there is room")]
    Full,
    /// A write or a sync failed before: nothing is written any more until a restart.
    #[error("the disk failed before; the store takes nothing more until the node is started again")]
    Failed,
}

pub(crate) struct Shared {
    log: LogId,
    earlier: Vec<LogId>,
    segments: Segments,
    frames: frames::Frames,
    index: Index,
    heads: RwLock<HashMap<FeedId, FeedHead>>,
    tails: RwLock<HashMap<FeedId, Vec<Tail>>>,
    marks: RwLock<Marks>,
    /// Bytes of entries that were stored of each feed, replaced and erased ones too.
    bytes: RwLock<HashMap<FeedId, u64>>,
    own: RwLock<HashMap<FeedId, (Seq, EntryHash)>>,
    erased: RwLock<HashMap<FeedId, BTreeSet<u64>>>,
    erasures: Mutex<File>,
    end: AtomicU64,
    grown: watch::Sender<u64>,
    failed: AtomicBool,
    full: AtomicBool,
    disk: disk::Disk,
    /// How long syncs took.
    syncs: Histogram,
}

/// Marks that the index keeps, in memory.
#[derive(Default)]
struct Marks {
    /// Bodies that are not here.
    absent: HashMap<FeedId, BTreeSet<u64>>,
    /// Feeds some of whose bodies came later, in other frames.
    refilled: HashSet<FeedId>,
    /// Feeds in which another branch took the place of held entries.
    replaced: HashSet<FeedId>,
}

/// An open store.
pub struct Store {
    shared: Arc<Shared>,
    work: Option<mpsc::SyncSender<Work>>,
    committer: Option<std::thread::JoinHandle<()>>,
    directory: PathBuf,
    _lock: File,
}

impl Store {
    /// Opens or makes the store of a folder; cuts a torn tail and brings the index up to the segments.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)?;
        let lock = open::lock(directory)?;
        let (log, earlier) = open::log_ids(directory)?;
        let segments = Segments::new(directory.join("segments"), log, earlier.clone())?;
        let index = Index::open(&directory.join("index"), log)?;
        let (erasures, erased) = open::erasures(&directory.join("erasures"))?;
        let shared = Shared {
            log,
            earlier,
            segments,
            frames: Default::default(),
            index,
            heads: RwLock::default(),
            tails: RwLock::default(),
            marks: RwLock::default(),
            bytes: RwLock::default(),
            own: RwLock::default(),
            erased: RwLock::new(erased),
            erasures: Mutex::new(erasures),
            end: AtomicU64::new(0),
            grown: watch::channel(0).0,
            failed: AtomicBool::new(false),
            full: AtomicBool::new(false),
            disk: disk::Disk::default(),
            syncs: fsync_times(),
        };
        let (tail, logged) = commit::recover(&shared)?;
        let mut signed = Vec::new();
        let register = {
            let erased = shared.erased.read().unwrap_or_else(PoisonError::into_inner);
            Register::open(directory, &erased, |head, packed| signed.push((head, packed)))?
        };
        let shared = Arc::new(shared);
        let mut committer = Committer::new(Arc::clone(&shared), tail, register);
        committer.register_own(&logged, &mut signed)?;
        committer.replay_own(signed)?;
        let (work, waiting) = mpsc::sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("committer".to_owned());
        let committer = thread.spawn(move || committer.run(&waiting))?;
        Ok(Self {
            shared,
            work: Some(work),
            committer: Some(committer),
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// Stores runs; they are durable when this returns.
    pub async fn append(&self, runs: Vec<NewRun>) -> Result<Appended, StoreError> {
        self.submit(runs, false).await
    }

    /// The same for runs that this machine's own key signed: the register holds them too.
    pub async fn append_own(&self, runs: Vec<NewRun>) -> Result<Appended, StoreError> {
        self.submit(runs, true).await
    }

    async fn submit(&self, runs: Vec<NewRun>, own: bool) -> Result<Appended, StoreError> {
        let (answer, answered) = oneshot::channel();
        let mut work = Work { runs, own, answer };
        let sender = self.work.as_ref().ok_or(StoreError::Failed)?;
        loop {
            match sender.try_send(work) {
                Ok(()) => break,
                Err(mpsc::TrySendError::Full(back)) => {
                    work = back;
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(StoreError::Failed),
            }
        }
        answered.await.map_err(|_| StoreError::Failed)?
    }

    /// The last entry of a feed.
    pub fn head(&self, feed: &FeedId) -> Option<FeedHead> {
        self.shared.heads.read().unwrap_or_else(PoisonError::into_inner).get(feed).copied()
    }

    /// The last entries of all feeds.
    pub fn heads(&self) -> Vec<FeedHead> {
        self.shared.heads.read().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// Bytes of entries that were ever stored of a feed: what was replaced or erased still takes its room.
    pub fn feed_bytes(&self, feed: &FeedId) -> u64 {
        self.shared.bytes.read().unwrap_or_else(PoisonError::into_inner).get(feed).copied().unwrap_or(0)
    }

    /// First and last places of all that is held above holes, by feed.
    pub fn above(&self) -> std::collections::BTreeMap<FeedId, Vec<(u64, u64)>> {
        let tails = self.shared.tails.read().unwrap_or_else(PoisonError::into_inner);
        let places = |t: &Tail| (t.first.value(), t.head.seq.value());
        let some = tails.iter().filter(|(_, tails)| !tails.is_empty());
        some.map(|(feed, tails)| (*feed, tails.iter().map(places).collect())).collect()
    }

    /// What is held of a feed above holes, lowest first.
    pub fn tails(&self, feed: &FeedId) -> Vec<Tail> {
        self.shared
            .tails
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(feed)
            .cloned()
            .unwrap_or_default()
    }

    /// Bytes of all tails of all feeds.
    pub fn tail_bytes(&self) -> u64 {
        let tails = self.shared.tails.read().unwrap_or_else(PoisonError::into_inner);
        tails.values().flatten().map(|t| t.bytes).sum()
    }

    /// True where entries of the feed were replaced by those of another branch.
    pub fn was_replaced(&self, feed: &FeedId) -> bool {
        self.shared.marks.read().unwrap_or_else(PoisonError::into_inner).replaced.contains(feed)
    }

    /// The last entry of a feed that this machine signed.
    pub fn own_head(&self, feed: &FeedId) -> Option<(Seq, EntryHash)> {
        self.shared.own.read().unwrap_or_else(PoisonError::into_inner).get(feed).copied()
    }

    /// True while nothing is taken: the disk failed, or is full.
    pub fn is_read_only(&self) -> bool {
        self.trouble().is_some()
    }

    /// True once the disk failed: nothing is written any more.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// How long syncs of the log took.
    pub fn fsync_times(&self) -> Histogram {
        self.shared.syncs.clone()
    }

    /// How many entries were ever appended; ordinals are below.
    pub fn end(&self) -> u64 {
        self.shared.end.load(Ordering::Acquire)
    }

    /// Rises with every commit.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.grown.subscribe()
    }

    /// Wakes who follows the log: what counts has changed, though nothing was appended.
    pub fn nudge(&self) {
        self.shared.grown.send_modify(|_| {});
    }

    /// The id of this log.
    pub fn log_id(&self) -> LogId {
        self.shared.log
    }

    /// Ids under which this log was known before its store was put back from a copy.
    pub fn earlier_logs(&self) -> &[LogId] {
        &self.shared.earlier
    }

    /// This store is an older copy of itself: it begins another log when it is opened next.
    pub fn mark_put_back(&self) -> Result<(), StoreError> {
        Ok(crate::durable::replace(&self.directory.join(PUT_BACK), b"begin another log\n")?)
    }

    /// Bytes of all segments.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.shared.segments.bytes()?)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Closing the channel ends the committer after what waits; then the lock goes with its file.
        self.work.take();
        if let Some(committer) = self.committer.take() {
            let _ = committer.join();
        }
        self.shared.index.flush();
    }
}
