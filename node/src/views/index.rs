//! The tantivy index on disk: opened, or thrown away and begun anew.
//!
//! Each commit carries what it was made from, so an index that does not fit the log is never used. After an
//! unclean end the checksums of all its files are compared first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use caphub_proto::wire::LogId;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, PreparedCommit};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Executor, Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy};
use tracing::warn;

use super::ViewsError;
use super::disk::{Unsynced, boot};
use super::queue::Queued;
use super::schema::{Fields, SCHEMA_VERSION};
use super::words::{TOKENIZER, Words};
use crate::cores::cores;

/// Bytes of memory in which the writer gathers a batch before it writes a segment.
const WRITER_BYTES: usize = 20_000_000;
/// Files with fewer documents are merged without regard to their sizes. Less than a commit of a bulk sync: otherwise
/// every eighth single record would have thousands written again.
const LAYER_DOCS_MIN: u32 = 128;
/// The file that stands while no process has the index open and the last one ended in good order; it names the boot
/// in which that was, because nothing here waits for the disk.
const CLEAN: &str = "ended-clean";
/// Threads that search the files of the index side by side; more would be idle for want of files of a like size.
const SEARCHERS_MAX: usize = 4;
/// Records from which on a search is worth handing out; below it one thread is done sooner.
const HANDED_OUT_MIN: u64 = 250_000;
/// Blocks of stored places that a reader keeps unpacked, 16 KiB each.
const STORE_BLOCKS: usize = 64;

/// What takes documents.
pub(super) type Writer = IndexWriter<Queued>;

/// What a commit was made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    /// The log.
    pub(super) log: LogId,
    /// One past the last entry taken in.
    pub(super) position: u64,
    /// True while files may still hold texts of erased records.
    pub(super) purge: bool,
    /// The reading keys with which sealed entries were taken in.
    pub(super) readers: [u8; 8],
}

impl Origin {
    fn write(&self) -> String {
        let (purge, readers) = (u8::from(self.purge), hex::encode(self.readers));
        format!("{SCHEMA_VERSION} {} {} {purge} {readers}", self.log, self.position)
    }

    /// `None` where another version wrote it.
    fn read(payload: &str) -> Option<Self> {
        let mut parts = payload.split(' ');
        let version: u32 = parts.next()?.parse().ok()?;
        let log = parts.next()?.parse().ok()?;
        let position = parts.next()?.parse().ok()?;
        let purge = parts.next()? == "1";
        let readers = hex::decode(parts.next()?).ok()?.try_into().ok()?;
        (version == SCHEMA_VERSION && parts.next().is_none()).then_some(Self {
            log,
            position,
            purge,
            readers,
        })
    }
}

/// An open index.
pub(super) struct Opened {
    pub(super) index: Index,
    pub(super) reader: IndexReader,
    pub(super) fields: Fields,
    pub(super) origin: Origin,
    threads: OnceLock<Executor>,
    dir: PathBuf,
}

impl Opened {
    /// Opens the index of this log in `dir`, or begins an empty one there.
    pub(super) fn open(dir: &Path, log: LogId, log_end: u64, readers: [u8; 8]) -> Result<Self, ViewsError> {
        fs::create_dir_all(dir).map_err(|source| ViewsError::Directory { source })?;
        match guarded(|| Self::existing(dir, log, log_end, readers)) {
            Ok(opened) => return Ok(opened),
            Err(Unusable::Absent) => {}
            Err(Unusable::Because(why)) => warn!(reason = %why, "views are built again"),
        }
        empty(dir).map_err(|source| ViewsError::Directory { source })?;
        let (schema, fields) = Fields::build();
        let directory = Unsynced::open(dir).map_err(tantivy::TantivyError::from)?;
        let index = Index::create(directory, schema, IndexSettings::default())?;
        let reader = reader(&index)?;
        let origin = Origin { log, position: 0, purge: false, readers };
        Ok(Self { index, reader, fields, origin, threads: OnceLock::new(), dir: dir.to_owned() })
    }

    fn existing(dir: &Path, log: LogId, log_end: u64, readers: [u8; 8]) -> Result<Self, Unusable> {
        let because = |why: &dyn std::fmt::Display| Unusable::Because(why.to_string());
        let clean = dir.join(CLEAN);
        let marked = fs::read_to_string(&clean);
        let ended_clean =
            marked.as_ref().is_ok_and(|boot_then| !boot_then.is_empty() && *boot_then == boot());
        if !dir.join("meta.json").exists() {
            return Err(Unusable::Absent);
        }
        let directory = Unsynced::open(dir).map_err(|e| because(&e))?;
        let index = Index::open(directory).map_err(|e| because(&e))?;
        let (schema, fields) = Fields::build();
        if index.schema() != schema {
            return Err(because(&"another schema"));
        }
        let payload = index.load_metas().map_err(|e| because(&e))?.payload.unwrap_or_default();
        if payload.is_empty() {
            // Made and never committed to, as after `init`.
            return Err(Unusable::Absent);
        }
        let origin = Origin::read(&payload).ok_or_else(|| because(&"another version"))?;
        if origin.log != log {
            return Err(because(&"another log"));
        }
        if origin.readers != readers {
            return Err(because(&"other reading keys"));
        }
        if origin.position > log_end {
            return Err(because(&"positions beyond the end of the log"));
        }
        if !ended_clean && !index.validate_checksum().map_err(|e| because(&e))?.is_empty() {
            return Err(because(&"damaged files"));
        }
        if marked.is_ok() {
            fs::remove_file(&clean).map_err(|e| because(&e))?;
        }
        let reader = reader(&index).map_err(|e| because(&e))?;
        Ok(Self { index, reader, fields, origin, threads: OnceLock::new(), dir: dir.to_owned() })
    }

    /// A writer; there is at most one at a time.
    pub(super) fn writer(&self) -> tantivy::Result<Writer> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        let writer: Writer = self.index.writer_with_options(options)?;
        let mut merging = LogMergePolicy::default();
        merging.set_min_layer_size(LAYER_DOCS_MIN);
        writer.set_merge_policy(Box::new(merging));
        Ok(writer)
    }

    /// Its folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What a search runs on: all cores where there are many records.
    pub(super) fn executor(&self, records: u64) -> &Executor {
        let several = || Executor::multi_thread(cores().min(SEARCHERS_MAX), "search-");
        match records < HANDED_OUT_MIN || cores() == 1 {
            true => &Executor::SingleThread,
            // Without threads of its own a search runs where it was asked for.
            false => self.threads.get_or_init(|| several().unwrap_or(Executor::SingleThread)),
        }
    }

    /// Says that the next open need not compare checksums.
    pub(super) fn end_clean(&self) {
        if let Err(error) = fs::write(self.dir.join(CLEAN), boot()) {
            warn!(%error, "the views' mark of a clean end could not be written");
        }
    }
}

/// Makes a batch durable together with what it was made from.
pub(super) fn commit(writer: &mut Writer, origin: &Origin) -> tantivy::Result<()> {
    let mut prepared: PreparedCommit<'_, Queued> = writer.prepare_commit()?;
    prepared.set_payload(&origin.write());
    prepared.commit().map(|_| ())
}

enum Unusable {
    /// There is none yet.
    Absent,
    /// It does not fit, or is damaged.
    Because(String),
}

/// Damaged files can make the index's readers panic: that means a rebuild, and never a stop.
fn guarded(open: impl FnOnce() -> Result<Opened, Unusable>) -> Result<Opened, Unusable> {
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
    opened.unwrap_or_else(|_| Err(Unusable::Because("damaged files".to_owned())))
}

fn reader(index: &Index) -> tantivy::Result<IndexReader> {
    index.tokenizers().register(TOKENIZER, TextAnalyzer::from(Words));
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
    reader.doc_store_cache_num_blocks(STORE_BLOCKS).try_into()
}

/// Removes the files in the directory, which is the views' own.
fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
