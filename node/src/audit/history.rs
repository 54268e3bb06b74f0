//! The Merkle tree over the log's public entries: files that can be built again from the log.
//!
//! `places` has the ordinal of each leaf; `0`, `8`, `16` and `24` have the roots of all complete subtrees of that many
//! levels. What lies between is computed from at most 128 hashes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::history::{Checkpoint, Frontier, Hash, Tree, leaf_hash, node_hash};
use caphub_proto::wire::{Audience, Signer};
use tokio_util::sync::CancellationToken;

use crate::audit::published::Published;
use crate::store::Store;

/// Levels of which the subtrees' roots are kept: a proof reads a few hundred hashes at most.
const LEVELS: [u32; 4] = [0, 8, 16, 24];
/// Bytes of the log that are read at once.
const READ_BYTES: usize = 1024 * 1024;
/// Leaves after which the files are synced though nobody asked: a start reads no more of the log than that.
const SYNC_LEAVES: u64 = 100_000;
/// How long the log has to be at rest before it is followed: a bulk sync goes first.
const QUIET: std::time::Duration = std::time::Duration::from_millis(300);

/// The tree of one node's log.
pub struct History {
    store: Arc<Store>,
    published: Arc<Published>,
    signer: Signer,
    files: Files,
    inner: Mutex<Inner>,
}

struct Inner {
    frontier: Frontier,
    /// The log is followed up to here.
    next: u64,
    synced: u64,
}

struct Files {
    places: File,
    levels: [File; 4],
}

/// The log does not begin with what was published of it: the store was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutBack;

/// A checkpoint with what proves that it continues an earlier one.
pub struct Proven {
    /// The signed note.
    pub note: String,
    /// The root at the size asked for.
    pub old_root: Hash,
    /// From that size to this checkpoint's.
    pub consistency: Vec<Hash>,
}

impl History {
    /// Opens the tree of a store's log in `directory`, or builds it again. What was published must be its beginning.
    pub fn open(
        directory: &Path,
        store: Arc<Store>,
        published: Arc<Published>,
        signer: Signer,
    ) -> io::Result<Result<Self, PutBack>> {
        let record = published.record();
        if record.end > store.end() {
            return Ok(Err(PutBack));
        }
        let files = Files::open(&directory.join(store.log_id().to_string()))?;
        let loaded = files.load(record.size)?.filter(|(f, _)| f.root() == record.root);
        let whole = loaded.is_some();
        let (frontier, next) = loaded.unwrap_or_default();
        files.cut(frontier.size())?;
        let inner = Mutex::new(Inner { synced: frontier.size(), frontier, next });
        let history = Self { store, published, signer, files, inner };
        if !whole && record.size > 0 {
            tracing::warn!(
                entries = record.size,
                "the history's files are damaged or gone: built again from the log"
            );
            history.catch_up()?;
            let size = history.lock().frontier.size();
            if size < record.size || history.tree().root(record.size)? != record.root {
                return Ok(Err(PutBack));
            }
        }
        Ok(Ok(history))
    }

    /// Takes in what the log has beyond the tree.
    pub fn catch_up(&self) -> io::Result<()> {
        while self.step()? {}
        Ok(())
    }

    /// Takes in at most `READ_BYTES` of the log; false where there was nothing more.
    fn step(&self) -> io::Result<bool> {
        let mut inner = self.lock();
        let (runs, next) = self.store.read_from(inner.next, READ_BYTES).map_err(io::Error::other)?;
        if next == inner.next {
            return Ok(false);
        }
        let first = inner.frontier.size();
        let (mut places, mut done) = (Vec::new(), LEVELS.map(|_| Vec::new()));
        // Changed only once the bytes are in the files: a full disk leaves the tree as it was.
        let mut frontier = inner.frontier.clone();
        for run in runs.iter().filter(|r| r.feed.audience() == Audience::Public) {
            let entries = unpack(&run.packed).map_err(|r| io::Error::other(r.meaning()))?;
            for (ordinal, entry) in (run.first_ordinal..).zip(entries) {
                places.extend_from_slice(&ordinal.to_be_bytes());
                let leaf = leaf_hash(entry_hash(entry.header, entry.signature).as_bytes());
                frontier.push(leaf, |level, _, hash| {
                    if let Some(kept) = LEVELS.iter().position(|l| *l == level) {
                        done[kept].extend_from_slice(hash);
                    }
                });
            }
        }
        self.files.places.write_all_at(&places, first * 8)?;
        for ((file, level), bytes) in self.files.levels.iter().zip(LEVELS).zip(&done) {
            file.write_all_at(bytes, (first >> level) * 32)?;
        }
        (inner.frontier, inner.next) = (frontier, next);
        if inner.frontier.size() - inner.synced > SYNC_LEAVES {
            self.cover(&mut inner)?;
        }
        Ok(true)
    }

    /// The files first, the word about them second.
    fn cover(&self, inner: &mut Inner) -> io::Result<()> {
        let (size, root) = (inner.frontier.size(), inner.frontier.root());
        if size > inner.synced {
            self.files.sync()?;
            self.published.cover_checkpoint(inner.next, size, root)?;
            inner.synced = size;
        }
        Ok(())
    }

    /// A checkpoint of the log as it is now, covered on disk; with the proof from `size`, where that is not beyond it.
    pub fn checkpoint(&self, size: u64) -> io::Result<Proven> {
        self.catch_up()?;
        let mut inner = self.lock();
        self.cover(&mut inner)?;
        let (now, root) = (inner.frontier.size(), inner.frontier.root());
        let restored = self.published.record().restored;
        let note = Checkpoint { log: self.store.log_id(), size: now, root, restored }.to_note(&self.signer);
        let mut proven = Proven { note, old_root: root, consistency: Vec::new() };
        if size < now {
            proven.old_root = self.tree().root(size)?;
            proven.consistency = self.tree().consistency(size, now)?;
        }
        Ok(proven)
    }

    /// How many public entries the tree has.
    pub fn size(&self) -> u64 {
        self.lock().frontier.size()
    }

    /// Where the public entry of an ordinal stands in the tree of `size` leaves, and what proves it.
    pub fn inclusion(&self, ordinal: u64, size: u64) -> io::Result<Option<(u64, Vec<Hash>)>> {
        let (mut low, mut high) = (0, size.min(self.size()));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.files.place(middle)? < ordinal {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        match low < size && self.files.place(low)? == ordinal {
            true => Ok(Some((low, self.tree().inclusion(low, size)?))),
            false => Ok(None),
        }
    }

    /// Follows the log, once it is at rest.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut growing = self.store.subscribe();
        loop {
            growing.mark_unchanged();
            let this = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || this.catch_up()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the history could not follow the log; tried again later")
                }
                Err(error) => tracing::error!(%error, "the history could not follow the log"),
            }
            tokio::select! {
                grown = growing.changed() => if grown.is_err() { return },
                () = stop.cancelled() => return,
            }
            loop {
                growing.mark_unchanged();
                tokio::select! {
                    _ = growing.changed() => {}
                    () = tokio::time::sleep(QUIET) => break,
                    () = stop.cancelled() => return,
                }
            }
        }
    }

    fn tree(&self) -> Tree<impl FnMut(u32, u64) -> io::Result<Hash> + '_> {
        Tree(|level, index| self.files.node(level, index))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn open(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let open = |name: String| {
            let path: PathBuf = directory.join(name);
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        };
        let [a, b, c, d] = LEVELS.map(|l| open(l.to_string()));
        let files = Self { places: open("places".to_owned())?, levels: [a?, b?, c?, d?] };
        File::open(directory)?.sync_all()?;
        Ok(files)
    }

    /// The frontier at a size that was synced, and the ordinal after its last leaf.
    fn load(&self, size: u64) -> io::Result<Option<(Frontier, u64)>> {
        if size == 0 || self.places.metadata()?.len() < size * 8 {
            return Ok(None);
        }
        match Frontier::load(size, |level, index| self.node(level, index)) {
            Ok(frontier) => Ok(Some((frontier, self.place(size - 1)? + 1))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn cut(&self, size: u64) -> io::Result<()> {
        self.places.set_len(size * 8)?;
        let cut = |(file, level): (&File, u32)| file.set_len((size >> level) * 32);
        self.levels.iter().zip(LEVELS).try_for_each(cut)
    }

    fn sync(&self) -> io::Result<()> {
        self.places.sync_data()?;
        self.levels.iter().try_for_each(File::sync_data)
    }

    fn place(&self, leaf: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.places.read_exact_at(&mut bytes, leaf * 8)?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// The root of a complete subtree, from those kept at the next lower level.
    fn node(&self, level: u32, index: u64) -> io::Result<Hash> {
        let kept = LEVELS.iter().rposition(|l| *l <= level).unwrap_or(0);
        let above = level - LEVELS[kept];
        if above > 8 {
            // Above 2^32 leaves: two halves.
            let (left, right) = (self.node(level - 1, index * 2)?, self.node(level - 1, index * 2 + 1)?);
            return Ok(node_hash(&left, &right));
        }
        let mut bytes = vec![0; 32 << above];
        self.levels[kept].read_exact_at(&mut bytes, (index << above) * 32)?;
        let mut row: Vec<Hash> = bytes.as_chunks::<32>().0.to_vec();
        while row.len() > 1 {
            row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        row.first().copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
