//! Documents given to the index's writer, and what shows them before and after their commit.

use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use caphub_proto::v1::revision::Record;
use caphub_proto::wire::FeedId;
use prost::Message;
use tantivy::Term;
use tracing::warn;

use super::follow::Writing;
use super::held::Held;
use super::index::{Origin, commit};
use super::key::RecordKey;
use super::schema::{Place, document};
use super::tables::{ROWS_MAX, Row};
use super::{Inner, ViewsError};

/// How long a record that is shown waits for its commit, with others: a commit takes some milliseconds of the processor.
pub(super) const COMMIT_AFTER: Duration = Duration::from_millis(100);

/// Bytes of a document beside what its record says, about.
const DOCUMENT_BYTES: usize = 512;

/// One record after its judgement.
pub(super) struct Outcome {
    pub(super) key: RecordKey,
    pub(super) former: Option<Place>,
    pub(super) place: Option<Place>,
    pub(super) shown: Option<Held>,
    /// Records that acts beside the shown one name.
    pub(super) about: BTreeSet<RecordKey>,
    pub(super) erasures: Vec<(FeedId, u64)>,
}

impl Outcome {
    /// True where words of the record must not stay in the index's files.
    fn erases(&self) -> bool {
        let record = self.shown.as_ref().and_then(|s| s.revision.record.as_ref());
        !self.erasures.is_empty() || matches!(record, Some(Record::Withdraw(w)) if w.erase)
    }
}

/// What follows outside the index from a record that was written to it.
struct Written {
    key: RecordKey,
    row: Option<Row>,
    erasures: Vec<(FeedId, u64)>,
}

/// What was given to the writer since the last commit.
#[derive(Default)]
pub(super) struct Uncommitted {
    /// Where records stand that readers of the index do not see yet; `None` where nothing of one is left.
    pub(super) places: HashMap<RecordKey, Option<Place>>,
    /// Batches of the log.
    pub(super) batches: usize,
    unseen: Vec<Written>,
    began: Option<Instant>,
    purge: bool,
}

impl Uncommitted {
    /// True where the first of it has waited long enough.
    pub(super) fn waited(&self) -> bool {
        self.began.is_some_and(|began| began.elapsed() >= COMMIT_AFTER)
    }
}

/// Records that are shown before the index has them. Those of the last commit stay until the next one: a reader may
/// still hold the index as it was before.
#[derive(Default)]
pub(super) struct Fresh {
    before: HashMap<RecordKey, Option<Place>>,
    since: HashMap<RecordKey, Option<Place>>,
}

impl Fresh {
    /// What was shown is in the index now; a reader may still hold it as it was before.
    pub(super) fn settle(&mut self) {
        self.before = std::mem::take(&mut self.since);
    }

    /// Where a record stands; `None` where the index knows.
    pub(super) fn find(&self, key: &RecordKey) -> Option<Option<Place>> {
        self.since.get(key).or_else(|| self.before.get(key)).cloned()
    }
}

impl Inner {
    /// One record's document, in place of its former one.
    pub(super) fn write(&self, writing: &mut Writing, outcome: Outcome) -> Result<(), ViewsError> {
        let fields = self.opened().fields;
        let writer = self.writer(writing)?;
        if outcome.former.is_some() {
            writer.delete_term(Term::from_field_bytes(fields.key, &outcome.key.bytes()));
        }
        if let (Some(place), Some(shown)) = (&outcome.place, &outcome.shown) {
            let bytes = DOCUMENT_BYTES + shown.revision.encoded_len();
            let document = document(&fields, place, shown, &outcome.about);
            writer.add_document(self.queue.admit(document, bytes))?;
        }
        let since = &mut writing.since;
        since.purge |= outcome.former.is_some() && outcome.erases();
        since.began.get_or_insert_with(Instant::now);
        let counts = outcome.place.as_ref().is_some_and(|p| p.void_reason.is_empty());
        let row = outcome.shown.as_ref().filter(|_| counts).and_then(Row::of);
        since.unseen.push(Written { key: outcome.key, row, erasures: outcome.erasures });
        since.places.insert(outcome.key, outcome.place);
        Ok(())
    }

    /// Shows what was written, to readers of single records and to those who watch.
    pub(super) fn show(&self, since: &mut Uncommitted) {
        let unseen = std::mem::take(&mut since.unseen);
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        for written in &unseen {
            if let Some(place) = since.places.get(&written.key) {
                fresh.since.insert(written.key, place.clone());
            }
        }
        drop(fresh);
        self.announce(unseen);
    }

    /// What was written becomes part of the index, with the position up to which it is current.
    pub(super) fn commit(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        if writing.read == writing.origin.position && writing.since.places.is_empty() {
            return Ok(());
        }
        let since = std::mem::take(&mut writing.since);
        let purge = writing.origin.purge || since.purge;
        let origin = Origin { position: writing.read, purge, ..writing.origin };
        commit(self.writer(writing)?, &origin)?;
        writing.origin = origin;
        self.purging.store(purge, Ordering::Release);
        self.opened().reader.reload()?;
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        fresh.settle();
        drop(fresh);
        // Readers see the documents first: a position never promises what is not there.
        self.position.store(origin.position, Ordering::Release);
        self.announce(since.unseen);
        Ok(())
    }

    /// Forgets what was not committed: it is taken in again.
    pub(super) fn forget(&self, writing: &mut Writing) {
        writing.since = Uncommitted::default();
        writing.read = writing.origin.position;
        *self.fresh.write().unwrap_or_else(PoisonError::into_inner) = Fresh::default();
    }

    /// What follows from a record outside the index.
    fn announce(&self, written: Vec<Written>) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let mut erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        for Written { key, row, erasures: found } in written {
            if !tables.set(key, row) {
                warn!(rows = ROWS_MAX, "the tables of admissions, recognitions and cards are full");
            }
            erasures.add(found);
            // An error means that nobody watches.
            let _ = self.changed.send(key);
        }
    }
}
