//! What a node and a replica share: the store, what is derived from it, and the one door between them.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use caphub_proto::exchange::RecordKind;
use caphub_proto::wire::identity::State;
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::{Feed, Head, LogId, PartyId, Seq};

use crate::admissions::Admissions;
use crate::carriage::Quotas;
use crate::heads::Heads;
use crate::identities::Identities;
use crate::ingest::Ingest;
use crate::store::{FeedHead, Store, StoreError, StoredRun};
use crate::views::source::{Authority, Log, LogRun};
use crate::views::{Views, ViewsError};

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
    /// What is stated to others.
    pub heads: Arc<Heads>,
    /// The door.
    pub ingest: Arc<Ingest>,
    /// Current records and search.
    pub views: Views,
    /// What others acknowledged of what was pushed to them.
    pub receipts: Arc<crate::audit::Receipts>,
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
        let heads = Arc::new(Heads::new(Arc::clone(&store), Arc::clone(&identities)));
        let ingest = Ingest::new(
            Arc::clone(&store),
            Arc::clone(&identities),
            Arc::clone(&heads),
            Arc::clone(&admissions),
            party,
            everything,
            quotas,
        );
        let log = Arc::new(StoreLog(Arc::clone(&store)));
        let authority = Arc::new(KnownKeys(Arc::clone(&identities)));
        let views = Views::open(&directory.join("views"), log, authority)?;
        views.catch_up()?;
        let (ingest, receipts) = (Arc::new(ingest), Arc::default());
        let core = Self { party, store, identities, admissions, heads, ingest, views, receipts };
        core.read_admissions()?;
        Ok(core)
    }

    /// Where a feed ends for others; `None` where nothing of it counts.
    pub fn counted(&self, held: &FeedHead) -> Option<Head> {
        self.heads.counted(held)
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
        let mut run: Option<StoredRun> = None;
        for ordinal in self.views.entries_of(&kinds)?.into_iter().filter(|o| *o < noted) {
            if run.as_ref().is_none_or(|r| ordinal - r.first_ordinal >= u64::from(r.count)) {
                run = self.store.read_from(ordinal, 1)?.0.into_iter().next();
            }
            let Some(held) = &run else { continue };
            let Some(at) = ordinal.checked_sub(held.first_ordinal) else { continue };
            self.ingest.note_admissions(&held.feed, &held.packed, at as usize, 1);
        }
        let mut next = noted;
        while next < self.store.end() {
            let (runs, after) = self.store.read_from(next, BATCH_BYTES)?;
            for run in &runs {
                self.ingest.note_admissions(&run.feed, &run.packed, 0, usize::MAX);
            }
            next = after;
        }
        Ok(())
    }
}

fn read_identities(store: &Store, identities: &Identities) -> Result<(), StoreError> {
    for held in store.heads().into_iter().filter(|h| h.feed.is_identity()) {
        let (party, id) = (held.feed.party, held.feed.id());
        let (mut runs, mut from) = (Vec::new(), Some(Seq::FIRST));
        while let Some(next) = from.filter(|f| *f <= held.head.seq) {
            let read = store.read_feed(&id, next, BATCH_BYTES)?;
            from = read.last().and_then(|run| Seq::new(run.first.value() + u64::from(run.count)));
            runs.extend(read.into_iter().map(|run| run.packed));
        }
        let packed = runs.concat();
        if identities.restore(party, &packed, held.head) {
            continue;
        }
        // Not what was stored, or events that replaced others: all is checked, and the reason said.
        for packed in runs {
            match identities.judge(party, &packed) {
                Ok((_, log)) => identities.keep(log),
                Err(reason) => tracing::error!(%party, %reason, "a stored identity log is damaged"),
            }
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

    fn log_id(&self) -> LogId {
        self.0.log_id()
    }
}

struct KnownKeys(Arc<Identities>);

impl Authority for KnownKeys {
    fn state(&self, party: &PartyId) -> Option<Arc<State>> {
        self.0.state(party)
    }
}
