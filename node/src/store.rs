//! The embedded store: segment files are the truth, everything else is an index (design section 7).

mod commit;
mod files;
mod frame;
mod index;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};

use bytes::Bytes;
use caphub_proto::wire::limits::{RUN_BYTES_MAX, RUN_ENTRIES_MAX};
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, LogId, PartyId, Seq};
use tokio::sync::{oneshot, watch};

use crate::store::commit::{Committer, Work};
use crate::store::files::{Register, Segments, read_frame};
use crate::store::index::{Index, Place};

/// The mark of a store that was put back from a copy.
const PUT_BACK: &str = "put-back";
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
    /// Identity feeds only: replaces what is held from `first` on.
    pub replaces: bool,
}

impl NewRun {
    /// Nothing: stands where a run was moved out.
    pub(crate) fn empty() -> Self {
        let head = Head { seq: Seq::FIRST, hash: EntryHash::default() };
        let feed = Feed::identity(PartyId::default());
        Self { feed, packed: Bytes::new(), first: Seq::FIRST, head, count: 0, replaces: false }
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
    /// A segment of another format or another store.
    #[error("{path} is not a segment of this store, or of a later version")]
    OtherFormat {
        /// Which file.
        path: PathBuf,
    },
    /// A segment that is not the last has bytes that do not fit.
    #[error("segment {segment} is damaged at byte {offset}")]
    Damaged {
        /// Its number.
        segment: u32,
        /// Where.
        offset: u64,
    },
    /// A write or a sync failed before: nothing is written any more until a restart.
    #[error("the disk failed before; the store takes nothing more until the node is started again")]
    Failed,
}

pub(crate) struct Shared {
    log: LogId,
    earlier: Vec<LogId>,
    segments: Segments,
    index: Index,
    heads: RwLock<HashMap<FeedId, FeedHead>>,
    own: RwLock<HashMap<FeedId, (Seq, EntryHash)>>,
    erased: RwLock<HashSet<(FeedId, u64)>>,
    erasures: Mutex<File>,
    end: AtomicU64,
    grown: watch::Sender<u64>,
    failed: AtomicBool,
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
        let lock = lock(directory)?;
        let (log, earlier) = log_ids(directory)?;
        let segments = Segments::new(directory.join("segments"), log, earlier.clone())?;
        let index = Index::open(&directory.join("index"), log)?;
        let (erasures, erased) = erasures(&directory.join("erasures"))?;
        let shared = Shared {
            log,
            earlier,
            segments,
            index,
            heads: RwLock::default(),
            own: RwLock::default(),
            erased: RwLock::new(erased),
            erasures: Mutex::new(erasures),
            end: AtomicU64::new(0),
            grown: watch::channel(0).0,
            failed: AtomicBool::new(false),
        };
        let tail = commit::recover(&shared)?;
        let mut signed = Vec::new();
        let register =
            Register::open(&directory.join("register"), |head, packed| signed.push((head, packed)))?;
        let shared = Arc::new(shared);
        let mut committer = Committer::new(Arc::clone(&shared), tail, register);
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

    /// The last entry of a feed that this machine signed.
    pub fn own_head(&self, feed: &FeedId) -> Option<(Seq, EntryHash)> {
        self.shared.own.read().unwrap_or_else(PoisonError::into_inner).get(feed).copied()
    }

    /// How many entries were ever appended; ordinals are below.
    pub fn end(&self) -> u64 {
        self.shared.end.load(Ordering::Acquire)
    }

    /// Rises with every commit.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.grown.subscribe()
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

    /// Runs of a feed from a place on: at least one, then up to `max_bytes`; each ends where a run ended when it
    /// was stored, because only there a signature is known to be valid.
    pub fn read_feed(
        &self,
        feed: &FeedId,
        from: Seq,
        max_bytes: usize,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let (mut runs, mut bytes, mut next) = (Vec::<StoredRun>::new(), 0, Some(from));
        while let Some(at) = next {
            let Some(place) = self.shared.index.run_at(feed, at)? else { break };
            let run = self.read(place, at)?;
            next = Seq::new(run.first.value() + u64::from(run.count));
            bytes += run.packed.len();
            match runs.last_mut() {
                Some(last) if coalesces(last, &run) => {
                    last.count += run.count;
                    last.packed = [&last.packed[..], &run.packed].concat().into();
                }
                _ => runs.push(run),
            }
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(runs)
    }

    /// Runs in the order of the log, and the ordinal after them.
    pub fn read_from(&self, ordinal: u64, max_bytes: usize) -> Result<(Vec<StoredRun>, u64), StoreError> {
        let (mut runs, mut bytes, mut next) = (Vec::new(), 0, ordinal);
        let end = self.end();
        while next < end && bytes < max_bytes {
            let Some(place) = self.shared.index.run_from(next)?.filter(|p| p.ordinal < end) else {
                next = end;
                break;
            };
            let skip = next.saturating_sub(place.ordinal);
            let from = Seq::new(place.first.value() + skip).ok_or(StoreError::Failed)?;
            let run = self.read(place, from)?;
            next = place.ordinal + u64::from(place.count);
            bytes += run.packed.len();
            runs.push(run);
        }
        Ok((runs, next))
    }

    /// One entry of a feed.
    pub fn entry(&self, feed: &FeedId, seq: Seq) -> Result<Option<StoredEntry>, StoreError> {
        match self.shared.index.run_at(feed, seq)? {
            Some(place) => self.read(place, seq).map(|run| first_of(&run)),
            None => Ok(None),
        }
    }

    /// One entry by its ordinal.
    pub fn entry_at(&self, ordinal: u64) -> Result<Option<StoredEntry>, StoreError> {
        let place = self.shared.index.run_from(ordinal)?.filter(|p| p.ordinal <= ordinal);
        let Some(place) = place else { return Ok(None) };
        match Seq::new(place.first.value() + (ordinal - place.ordinal)) {
            Some(seq) => self.read(place, seq).map(|run| first_of(&run)),
            None => Ok(None),
        }
    }

    /// Drops bodies: the mark is durable first, then the bytes are overwritten. Places never move.
    pub fn erase(&self, entries: &[(FeedId, u64)]) -> Result<(), StoreError> {
        let mut file = self.shared.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        let marks: Vec<u8> =
            entries.iter().flat_map(|(f, s)| [&f.as_bytes()[..], &s.to_be_bytes()].concat()).collect();
        file.write_all(&marks)?;
        file.sync_data()?;
        self.shared.erased.write().unwrap_or_else(PoisonError::into_inner).extend(entries);
        for (feed, seq) in entries {
            let Some(place) =
                Seq::new(*seq).map(|s| self.shared.index.run_at(feed, s)).transpose()?.flatten()
            else {
                continue;
            };
            let segment = self.shared.segments.file(place.segment)?;
            let Some((head, packed, length)) = read_frame(&segment, place.offset)? else { continue };
            let start = place.offset + length - packed.len() as u64;
            let body = frame::bodies(&head, &packed).into_iter().find(|(s, ..)| s == seq);
            if let Some((_, offset, length)) = body {
                self.shared.segments.overwrite(place.segment, start + offset as u64, length)?;
            }
        }
        Ok(())
    }

    fn read(&self, place: Place, from: Seq) -> Result<StoredRun, StoreError> {
        let damaged = || StoreError::Damaged { segment: place.segment, offset: place.offset };
        let file = self.shared.segments.file(place.segment)?;
        let (head, packed, _) = read_frame(&file, place.offset)?.ok_or_else(damaged)?;
        let skip = from.value().checked_sub(head.first.value()).ok_or_else(damaged)?;
        let feed = head.feed.id();
        let erased = self.shared.erased.read().unwrap_or_else(PoisonError::into_inner);
        let packed = match erased.is_empty() && skip == 0 {
            true => packed,
            false => frame::serve(&head, &packed, from, |seq| erased.contains(&(feed, seq))),
        };
        let count = u32::try_from(u64::from(place.count) - skip).map_err(|_| damaged())?;
        Ok(StoredRun { feed: head.feed, first: from, first_ordinal: head.ordinal + skip, count, packed })
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

fn coalesces(last: &StoredRun, run: &StoredRun) -> bool {
    (last.count + run.count) as usize <= RUN_ENTRIES_MAX
        && last.packed.len() + run.packed.len() <= RUN_BYTES_MAX
}

fn first_of(run: &StoredRun) -> Option<StoredEntry> {
    let entries = caphub_proto::wire::feed::unpack(&run.packed).ok()?;
    let length = 118 + 64 + 1 + entries.first()?.body.map_or(0, <[u8]>::len);
    Some(StoredEntry { feed: run.feed, ordinal: run.first_ordinal, packed: run.packed.slice(..length) })
}

fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("lock");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        let holder = if holder.trim().is_empty() { "?".to_owned() } else { holder.trim().to_owned() };
        return Err(StoreError::Locked { path: directory.to_owned(), holder });
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// The log's id, and those that it had before its store was put back. A mark that it was put back gives it another:
/// the new id is durable before the mark goes, so that a crash between makes one id too many and never one too few.
fn log_ids(directory: &Path) -> Result<(LogId, Vec<LogId>), StoreError> {
    let (path, mark) = (directory.join("log-id"), directory.join(PUT_BACK));
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let parsed: Result<Vec<LogId>, _> = text.lines().map(|line| line.trim().parse()).collect();
    let mut ids = parsed.map_err(|_| StoreError::OtherFormat { path: path.clone() })?;
    let put_back = mark.try_exists()?;
    if ids.is_empty() || put_back {
        ids.insert(0, LogId(crate::keys::random().map_err(|e| StoreError::File(std::io::Error::other(e)))?));
        let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
        crate::durable::replace(&path, lines.as_bytes())?;
    }
    if put_back {
        tracing::warn!(log = %ids[0], "the store was put back from a copy: it goes on under another log id");
        std::fs::remove_file(&mark)?;
    }
    Ok((ids.remove(0), ids))
}

fn erasures(path: &Path) -> Result<(File, HashSet<(FeedId, u64)>), StoreError> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.len() - bytes.len() % 40;
    file.set_len(whole as u64)?;
    let marks = bytes.chunks_exact(40).filter_map(|mark| {
        let seq = u64::from_be_bytes(mark[32..].try_into().ok()?);
        Some((FeedId::from_slice(&mark[..32])?, seq))
    });
    Ok((file, marks.collect()))
}
