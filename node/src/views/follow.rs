//! Following the log: batches of entries become documents, one commit a batch.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use caphub_proto::v1::revision::Record;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{FeedId, PartyId};
use tantivy::query::{AllQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{IndexWriter, Searcher, Term};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::erasure::{LastPurge, purge};
use super::held::Held;
use super::index::{Origin, commit};
use super::judge::{Verdict, bound, judge};
use super::key::RecordKey;
use super::page::Addresses;
use super::schema::{Place, document, state};
use super::tables::{ROWS_MAX, Row, Tables};
use super::{Inner, Views, ViewsError};

/// Bytes of entries that one commit takes in; bounds the memory of a batch to a few times as much.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of entries asked of the log at once.
const READ_BYTES: usize = 1024 * 1024;
/// Records that are judged again between two looks at the log.
const REJUDGE_RECORDS: usize = 512;
/// How long new entries gather before they are taken in: more than a burst, less than anybody notices.
const DEBOUNCE: Duration = Duration::from_millis(2);
/// Waits after a failure: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long files wait to be purged where nothing else happens.
const PURGE_WAIT: Duration = Duration::from_secs(2);

/// How far a catch-up came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// One past the last entry taken in.
    pub position: u64,
    /// Entries that were there and are not taken in.
    pub behind: u64,
    /// True while files may still hold words of erased records.
    pub purge_pending: bool,
}

/// What only one catch-up at a time may use.
pub(super) struct Writing {
    /// Made when first needed, and again after a failure.
    pub(super) writer: Option<IndexWriter>,
    /// What the last commit was made from.
    pub(super) origin: Origin,
    pub(super) last_purge: LastPurge,
}

impl Writing {
    pub(super) fn new(origin: Origin) -> Self {
        Self { writer: None, origin, last_purge: LastPurge::default() }
    }
}

/// One record after its judgement.
struct Outcome {
    key: RecordKey,
    former: Option<Place>,
    place: Option<Place>,
    shown: Option<Held>,
    erasures: Vec<(FeedId, u64)>,
}

impl Views {
    /// Takes the log in to its end, and does what else is due: parties to be judged again, purges.
    pub fn catch_up(&self) -> Result<Progress, ViewsError> {
        let mut writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Damaged files can make the index's readers panic: that means a rebuild, and never a stop.
        let result = catch_unwind(AssertUnwindSafe(|| self.0.catch_up(&mut writing)));
        let result = result.unwrap_or_else(|_| {
            self.0.damaged.store(true, Ordering::Release);
            Err(ViewsError::Damaged)
        });
        if result.is_err() {
            // What was not committed is taken in again; a writer that failed is of no more use.
            writing.writer = None;
        }
        result?;
        let origin = writing.origin;
        Ok(Progress { position: origin.position, behind: self.behind(), purge_pending: origin.purge })
    }

    /// Throws everything away and reads the whole log again.
    pub fn rebuild(&self) -> Result<Progress, ViewsError> {
        self.0.damaged.store(true, Ordering::Release);
        self.catch_up()
    }

    /// Follows the log until `shutdown`: `ends` tells that its end moved.
    pub async fn run(self, mut ends: watch::Receiver<u64>, shutdown: CancellationToken) {
        let mut wait = RETRY.0;
        while !shutdown.is_cancelled() {
            ends.mark_unchanged();
            let views = self.clone();
            let work = tokio::task::spawn_blocking(move || views.catch_up());
            let done = tokio::select! {
                done = work => done.unwrap_or(Err(ViewsError::Damaged)),
                () = shutdown.cancelled() => break,
            };
            let pause = match done {
                Err(error) => {
                    warn!(error = %chain(&error), "views cannot follow the log");
                    let pause = wait;
                    wait = (wait * 2).min(RETRY.1);
                    Some((pause, false))
                }
                Ok(progress) => {
                    wait = RETRY.0;
                    progress.purge_pending.then_some((PURGE_WAIT, true))
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = async {
                    match pause {
                        Some((pause, false)) => tokio::time::sleep(pause).await,
                        Some((pause, true)) => drop(tokio::time::timeout(pause, ends.changed()).await),
                        None => drop(ends.changed().await),
                    }
                } => {}
            }
            if ends.has_changed().is_err() {
                break;
            }
            tokio::time::sleep(DEBOUNCE).await;
        }
        self.0.stopping.store(true, Ordering::Release);
    }
}

impl Inner {
    fn catch_up(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        if self.damaged.load(Ordering::Acquire) {
            self.begin_anew(writing)?;
        }
        self.follow(writing)?;
        if self.erasures.lock().unwrap_or_else(PoisonError::into_inner).ask_again() {
            let due = Term::from_field_text(self.opened.fields.state, state::DUE);
            self.rejudge(writing, &TermQuery::new(due, IndexRecordOption::Basic))?;
        }
        self.reconsider_waiting(writing)?;
        if writing.origin.purge && writing.last_purge.long_ago() {
            self.writer(writing)?;
            purge(&self.opened, writing)?;
        }
        Ok(())
    }

    fn begin_anew(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        writing.origin.position = 0;
        let origin = writing.origin;
        let writer = self.writer(writing)?;
        writer.delete_all_documents()?;
        commit(writer, &origin)?;
        self.opened.reader.reload()?;
        self.position.store(0, Ordering::Release);
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Tables::default();
        self.damaged.store(false, Ordering::Release);
        Ok(())
    }

    fn writer<'a>(&self, writing: &'a mut Writing) -> Result<&'a mut IndexWriter, ViewsError> {
        match &mut writing.writer {
            Some(writer) => Ok(writer),
            none => Ok(none.insert(self.opened.writer()?)),
        }
    }

    /// Takes in the log to its end.
    fn follow(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        while writing.origin.position < self.log.end() && !self.stopping.load(Ordering::Acquire) {
            let from = writing.origin.position;
            let (touched, next) = self.read_batch(from)?;
            if next <= from {
                return Err(ViewsError::Log(format!("no entry at {from} before the end")));
            }
            let searcher = self.opened.reader.searcher();
            let mut outcomes = Vec::with_capacity(touched.len());
            for (key, fresh) in touched {
                outcomes.push(self.judge_record(&searcher, key, fresh)?);
            }
            self.write(writing, outcomes, next)?;
        }
        Ok(())
    }

    /// Revisions of one batch by record, and the position after it.
    fn read_batch(&self, from: u64) -> Result<(HashMap<RecordKey, Vec<Held>>, u64), ViewsError> {
        let mut touched: HashMap<RecordKey, Vec<Held>> = HashMap::new();
        let mut next = from;
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let (runs, after) = self.log.read_from(next, READ_BYTES).map_err(ViewsError::Log)?;
            for run in &runs {
                bytes += run.packed.len();
                if run.feed.is_identity() {
                    // A party without records, as all are in a first sync, has none to judge again.
                    let records =
                        self.opened.reader.searcher().doc_freq(&self.party_term(&run.feed.party))?;
                    if records > 0 {
                        self.queue(run.feed.party);
                    }
                    continue;
                }
                let entries = unpack(&run.packed).map_err(|r| ViewsError::Log(r.to_string()))?;
                for (ordinal, entry) in (run.first_ordinal..).zip(&entries) {
                    if let Some(held) = Held::read(ordinal, run.feed, entry) {
                        touched.entry(held.key()).or_default().push(held);
                    }
                }
            }
            if after <= next {
                break;
            }
            next = after;
        }
        Ok((touched, next))
    }

    fn party_term(&self, party: &PartyId) -> Term {
        Term::from_field_bytes(self.opened.fields.party, party.as_bytes())
    }

    fn queue(&self, party: PartyId) {
        let mut waiting = self.reconsider.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parties) = waiting.as_mut() {
            parties.insert(party);
        }
    }

    fn judge_record(
        &self,
        searcher: &Searcher,
        key: RecordKey,
        mut held: Vec<Held>,
    ) -> Result<Outcome, ViewsError> {
        let former = self.find(searcher, &key)?;
        let fresh: BTreeSet<u64> = held.iter().map(|h| h.ordinal).collect();
        for ordinal in former.iter().flat_map(|f| &f.ordinals).filter(|o| !fresh.contains(o)) {
            held.extend(Held::load(self.log.as_ref(), *ordinal)?);
        }
        bound(&mut held);
        let verdict: Verdict = judge(&held, self.authority.state(&key.party).as_deref());
        let place = Place::of(&key, &held, &verdict);
        let shown = place.as_ref().and_then(|p| held.into_iter().find(|h| h.ordinal == p.shown));
        Ok(Outcome { key, former, place, shown, erasures: verdict.erasures })
    }

    /// One commit: documents, and the position up to which they are current.
    fn write(&self, writing: &mut Writing, outcomes: Vec<Outcome>, position: u64) -> Result<(), ViewsError> {
        let fields = self.opened.fields;
        let mut origin = Origin { position, ..writing.origin };
        let writer = self.writer(writing)?;
        for outcome in &outcomes {
            if outcome.former.is_some() {
                writer.delete_term(Term::from_field_bytes(fields.key, &outcome.key.bytes()));
                origin.purge |= outcome.erases();
            }
            if let (Some(place), Some(shown)) = (&outcome.place, &outcome.shown) {
                writer.add_document(document(&fields, place, shown))?;
            }
        }
        commit(writer, &origin)?;
        writing.origin = origin;
        self.opened.reader.reload()?;
        // Readers see the documents first: a position never promises what is not there.
        self.position.store(position, Ordering::Release);
        self.announce(outcomes);
        Ok(())
    }

    /// What follows from a commit outside the index.
    fn announce(&self, outcomes: Vec<Outcome>) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let mut erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        for outcome in outcomes {
            let counts = outcome.place.as_ref().is_some_and(|p| p.void_reason.is_empty());
            let row = outcome.shown.as_ref().filter(|_| counts).and_then(Row::of);
            if !tables.set(outcome.key, row) {
                warn!(rows = ROWS_MAX, "the tables of admissions, recognitions and cards are full");
            }
            erasures.add(outcome.erasures);
            // An error means that nobody watches.
            let _ = self.changed.send(outcome.key);
        }
    }

    fn reconsider_waiting(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        let waiting = {
            let mut waiting = self.reconsider.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.replace(BTreeSet::new())
        };
        let Some(parties) = waiting else { return self.rejudge(writing, &AllQuery) };
        for party in parties {
            let all = TermQuery::new(self.party_term(&party), IndexRecordOption::Basic);
            let done = self.rejudge(writing, &all);
            if done.is_err() || self.stopping.load(Ordering::Acquire) {
                self.queue(party);
            }
            done?;
        }
        Ok(())
    }

    /// Judges all matching records again and writes those whose judgement changed; new entries are taken in
    /// between, so that nobody waits for it.
    fn rejudge(&self, writing: &mut Writing, query: &dyn Query) -> Result<(), ViewsError> {
        let snapshot = self.opened.reader.searcher();
        let addresses = snapshot.search(query, &Addresses)?;
        for chunk in addresses.chunks(REJUDGE_RECORDS) {
            if self.stopping.load(Ordering::Acquire) {
                return Ok(());
            }
            let current = self.opened.reader.searcher();
            let mut outcomes = Vec::new();
            for address in chunk {
                let place = self.place_at(&snapshot, *address)?;
                let Some(key) = place.and_then(|p| p.key()) else { continue };
                let outcome = self.judge_record(&current, key, Vec::new())?;
                match outcome.former == outcome.place {
                    true => {
                        let mut erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
                        erasures.add(outcome.erasures);
                    }
                    false => outcomes.push(outcome),
                }
            }
            if !outcomes.is_empty() {
                self.write(writing, outcomes, writing.origin.position)?;
            }
            self.follow(writing)?;
        }
        Ok(())
    }
}

impl Outcome {
    /// True where words of the record must not stay in the index's files.
    fn erases(&self) -> bool {
        let record = self.shown.as_ref().and_then(|s| s.revision.record.as_ref());
        !self.erasures.is_empty() || matches!(record, Some(Record::Withdraw(w)) if w.erase)
    }
}

fn chain(error: &ViewsError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
