//! Following the log: batches of entries become documents, some batches a commit.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use caphub_proto::exchange::Summary;
use caphub_proto::wire::PartyId;
use caphub_proto::wire::feed::unpack;
use tantivy::Term;
use tantivy::query::{AllQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::erasure::{Excuse, LastPurge, purge};
use super::held::Held;
use super::index::{Origin, Writer, commit};
use super::judge::{Verdict, bound, judge};
use super::key::RecordKey;
use super::page::Addresses;
use super::schema::{Place, state};
use super::tables::Tables;
use super::write::{COMMIT_AFTER, Outcome, Uncommitted};
use super::{Inner, Views, ViewsError};

/// Bytes of entries that are judged at once; bounds the memory of a batch to a few times as much.
const BATCH_BYTES: usize = 1024 * 1024;
/// Batches of one commit: few, large files take less work to write and to merge than many small ones.
const BATCHES_PER_COMMIT: usize = 16;
/// Records that are judged again between two looks at the log.
const REJUDGE_RECORDS: usize = 512;
/// Most records of a batch that are shown before they are committed.
const SHOWN_AT_ONCE: usize = 256;
/// How long entries gather that come right after others were taken in; the first after a silence is taken in at once.
const DEBOUNCE: Duration = Duration::from_millis(5);
/// How often is looked whether a burst goes on, and how long views stand back for it at most.
const STAND_BACK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
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
    /// True while records are shown that lists and searches do not find yet.
    pub commit_pending: bool,
    /// True while files may still hold words of erased records.
    pub purge_pending: bool,
}

/// What only one catch-up at a time may use.
pub(super) struct Writing {
    /// Made when first needed, and again after a failure.
    pub(super) writer: Option<Writer>,
    /// What the last commit was made from.
    pub(super) origin: Origin,
    pub(super) last_purge: LastPurge,
    /// Ends early where entries pour in.
    pub(super) yielding: bool,
    /// What was given to the writer since the last commit.
    pub(super) since: Uncommitted,
    /// One past the last entry that was given to it.
    pub(super) read: u64,
}

impl Writing {
    pub(super) fn new(origin: Origin) -> Self {
        let (last_purge, since) = (LastPurge::default(), Uncommitted::default());
        Self { writer: None, origin, last_purge, yielding: false, since, read: origin.position }
    }
}

impl Views {
    /// Takes the log in to its end, and does what else is due: parties to be judged again, purges.
    pub fn catch_up(&self) -> Result<Progress, ViewsError> {
        self.advance(false)
    }

    /// The same; `yielding`, it ends early where entries pour in.
    fn advance(&self, yielding: bool) -> Result<Progress, ViewsError> {
        let mut writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        writing.yielding = yielding;
        // Damaged files can make the index's readers panic: that means a rebuild, and never a stop.
        let result = catch_unwind(AssertUnwindSafe(|| self.0.catch_up(&mut writing)));
        let result = result.unwrap_or_else(|_| {
            self.0.damaged.store(true, Ordering::Release);
            Err(ViewsError::Damaged)
        });
        if result.is_err() {
            // What was not committed is taken in again; a writer that failed is of no more use.
            writing.writer = None;
            self.0.forget(&mut writing);
        }
        result?;
        let origin = writing.origin;
        let commit_pending = !writing.since.places.is_empty();
        let (position, behind) = (origin.position, self.behind());
        Ok(Progress { position, behind, commit_pending, purge_pending: origin.purge })
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
            let work = tokio::task::spawn_blocking(move || views.advance(true));
            let done = tokio::select! {
                done = work => done.unwrap_or(Err(ViewsError::Damaged)),
                () = shutdown.cancelled() => break,
            };
            let ended = Instant::now();
            let pause = match done {
                Err(error) => {
                    warn!(error = %chain(&error), "views cannot follow the log");
                    let pause = wait;
                    wait = (wait * 2).min(RETRY.1);
                    Some((pause, false))
                }
                Ok(progress) => {
                    wait = RETRY.0;
                    if progress.commit_pending || (progress.behind > 0 && self.0.burst()) {
                        Some((COMMIT_AFTER, true))
                    } else {
                        progress.purge_pending.then_some((PURGE_WAIT, true))
                    }
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
            if ended.elapsed() < DEBOUNCE {
                tokio::time::sleep(DEBOUNCE).await;
            }
            self.stand_back(&shutdown).await;
        }
        self.0.stopping.store(true, Ordering::Release);
        self.0.beside.stop();
        // What was shown is committed; what was not taken in yet is at the next start.
        let views = self.clone();
        let _ = tokio::task::spawn_blocking(move || views.catch_up()).await;
    }

    /// Waits while entries pour in: a sync is over sooner, and the index is written in larger pieces.
    async fn stand_back(&self, shutdown: &CancellationToken) {
        let began = Instant::now();
        while self.0.burst() && began.elapsed() < STAND_BACK.1 {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(STAND_BACK.0) => {}
            }
        }
    }
}

impl Inner {
    fn catch_up(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        if self.damaged.load(Ordering::Acquire) {
            self.begin_anew(writing)?;
        }
        self.follow(writing)?;
        for party in self.authority.newly_frozen() {
            self.beside.reconsider(party);
            self.queue(party);
        }
        let reconsider = self.reconsider.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = reconsider.as_ref().is_none_or(|parties| !parties.is_empty());
        drop(reconsider);
        let ask_again = self.erasures.lock().unwrap_or_else(PoisonError::into_inner).ask_again();
        let purge_due = writing.origin.purge && writing.last_purge.long_ago();
        if waiting || ask_again || purge_due {
            // What is looked up next is looked up among what was committed.
            self.commit(writing)?;
        }
        if ask_again {
            let due = Term::from_field_text(self.opened().fields.state, state::DUE);
            self.rejudge(writing, &TermQuery::new(due, IndexRecordOption::Basic))?;
        }
        self.reconsider_waiting(writing)?;
        if purge_due {
            self.writer(writing)?;
            purge(&self.opened(), writing)?;
            self.purging.store(writing.origin.purge, Ordering::Release);
        }
        Ok(())
    }

    fn begin_anew(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        writing.origin.position = 0;
        self.forget(writing);
        let origin = writing.origin;
        let writer = self.writer(writing)?;
        writer.delete_all_documents()?;
        commit(writer, &origin)?;
        self.opened().reader.reload()?;
        self.position.store(0, Ordering::Release);
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Tables::default();
        self.damaged.store(false, Ordering::Release);
        Ok(())
    }

    pub(super) fn writer<'a>(&self, writing: &'a mut Writing) -> Result<&'a mut Writer, ViewsError> {
        match &mut writing.writer {
            Some(writer) => Ok(writer),
            none => Ok(none.insert(self.opened().writer()?)),
        }
    }

    fn burst(&self) -> bool {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.burst(Instant::now(), self.log.end())
    }

    /// Takes in the log to its end. A few records are shown at once and committed later; many are committed as they
    /// come, and shown then.
    fn follow(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        while writing.read < self.log.end() && !self.stopping.load(Ordering::Acquire) {
            let (touched, next) = self.read_batch(writing.read)?;
            if next <= writing.read {
                return Err(ViewsError::Log(format!("no entry at {} before the end", writing.read)));
            }
            let (few, searcher) = (touched.len() <= SHOWN_AT_ONCE, self.opened().reader.searcher());
            for (key, fresh) in touched {
                let former = match writing.since.places.get(&key) {
                    Some(place) => place.clone(),
                    None => self.find(&searcher, &key)?,
                };
                let outcome = self.judge_record(key, former, fresh)?;
                self.write(writing, outcome)?;
            }
            writing.read = next;
            writing.since.batches += 1;
            if few && writing.yielding {
                self.show(&mut writing.since);
            }
            if writing.since.batches >= BATCHES_PER_COMMIT {
                self.commit(writing)?;
            }
            if writing.yielding && self.burst() {
                return Ok(());
            }
        }
        self.take_granted(writing)?;
        if !writing.yielding || writing.since.waited() {
            self.commit(writing)?;
        }
        Ok(())
    }

    /// Revisions of one batch by record, and the position after it.
    fn read_batch(&self, from: u64) -> Result<(HashMap<RecordKey, Vec<Held>>, u64), ViewsError> {
        let mut touched: HashMap<RecordKey, Vec<Held>> = HashMap::new();
        let mut next = from;
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let (runs, after) = self.log.read_from(next, BATCH_BYTES).map_err(ViewsError::Log)?;
            for run in &runs {
                bytes += run.packed.len();
                if run.feed.is_identity() {
                    // A party without records, as all are in a first sync, has none to judge again.
                    let records =
                        self.opened().reader.searcher().doc_freq(&self.party_term(&run.feed.party))?;
                    if records > 0 {
                        self.queue(run.feed.party);
                    }
                    continue;
                }
                if self.authority.is_unsettled(&run.feed.id()) {
                    self.queue(run.feed.party);
                }
                let entries = unpack(&run.packed).map_err(|r| ViewsError::Log(r.to_string()))?;
                for (ordinal, entry) in (run.first_ordinal..).zip(&entries) {
                    if let Some(held) = Held::read(ordinal, run.feed, entry, &self.opener) {
                        self.note_grant(&held);
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
        Term::from_field_bytes(self.opened().fields.party, party.as_bytes())
    }

    fn queue(&self, party: PartyId) {
        let mut waiting = self.reconsider.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parties) = waiting.as_mut() {
            parties.insert(party);
        }
    }

    pub(super) fn judge_record(
        &self,
        key: RecordKey,
        former: Option<Place>,
        mut held: Vec<Held>,
    ) -> Result<Outcome, ViewsError> {
        let fresh: BTreeSet<u64> = held.iter().map(|h| h.ordinal).collect();
        for ordinal in former.iter().flat_map(|f| &f.ordinals).filter(|o| !fresh.contains(o)) {
            held.extend(Held::load(self.log.as_ref(), *ordinal, &self.opener)?);
        }
        bound(&mut held);
        let mut verdict: Verdict = judge(&held, &key.party, self.authority.as_ref());
        verdict.erasures.extend(self.sealed_due(&key.party, &verdict.sealed)?);
        let place = Place::of(&key, &held, &verdict);
        let shown = place.as_ref().and_then(|p| held.iter().find(|h| h.ordinal == p.shown)).cloned();
        let about = shown.as_ref().map(|s| acts_about(s, &held)).unwrap_or_default();
        if !verdict.excused.is_empty() || !verdict.sealed.is_empty() {
            let mut erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
            erasures.excuse(Excuse { owner: key.party, record: Some(key.record) }, verdict.excused);
            erasures.excuse(Excuse { owner: key.party, record: None }, verdict.sealed);
        }
        Ok(Outcome { key, former, place, shown, about, erasures: verdict.erasures })
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
        let snapshot = self.opened().reader.searcher();
        let addresses = snapshot.search(query, &Addresses)?;
        for chunk in addresses.chunks(REJUDGE_RECORDS) {
            if self.stopping.load(Ordering::Acquire) {
                return Ok(());
            }
            let current = self.opened().reader.searcher();
            for address in chunk {
                let place = self.place_at(&snapshot, *address)?;
                let Some(key) = place.and_then(|p| p.key()) else { continue };
                let outcome = self.judge_record(key, self.find(&current, &key)?, Vec::new())?;
                match outcome.former == outcome.place {
                    true => {
                        let mut erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
                        erasures.add(outcome.erasures);
                    }
                    false => self.write(writing, outcome)?,
                }
            }
            self.commit(writing)?;
            self.follow(writing)?;
        }
        Ok(())
    }
}

/// What acts beside the shown one name: two acts under one record id are two acts, and neither hides the other.
fn acts_about(shown: &Held, held: &[Held]) -> BTreeSet<RecordKey> {
    let beside = held.iter().filter(|h| h.hash != shown.hash && h.feed.audience() == shown.feed.audience());
    let acts = beside.filter_map(|h| Summary::of(&h.revision)).filter(|(kind, _)| kind.is_act());
    acts.flat_map(|(_, s)| s.about).map(|(party, record)| RecordKey { party, record }).collect()
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
