//! Statements and checkpoints for callers, each within what it may read (SPEC.md sections 13.2 and 13.3).

use std::sync::Arc;

use caphub_proto::v1::{
    CheckpointRequest, CheckpointResponse, HeadStatement, StatementsRequest, StatementsResponse,
};
use caphub_proto::wire::history::Checkpoint;
use caphub_proto::wire::{Feed, FeedId, LogId, OperatorKey, PartyId, Reason, Seq};
use tonic::Status;

use crate::audit::visit::{FEEDS_ASKED_MAX, SharedAuditor};
use crate::audit::{History, Stater, travelling};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::ingest::Taken;
use crate::services::federation::party_of;
use crate::services::status::status;

/// Statements in one message; about 360 bytes each.
const STATEMENTS_PER_MESSAGE: usize = 700;
/// Feeds of which nothing is held that one question gets an answer for: each costs a signature.
const UNHELD_MAX: usize = 256;

/// What a node says under its own name.
#[derive(Clone)]
pub struct Evidence {
    core: Core,
    stater: Arc<Stater>,
    history: Arc<History>,
    auditor: SharedAuditor,
    key: OperatorKey,
}

impl Evidence {
    /// For the node of this key.
    pub fn new(stater: Arc<Stater>, history: Arc<History>, auditor: SharedAuditor, key: OperatorKey) -> Self {
        Self { core: auditor.core().clone(), stater, history, auditor, key }
    }

    /// Answers with statements; waits for the disk, so it is no work for a network task.
    pub fn statements(
        &self,
        viewer: &Viewer,
        asked: StatementsRequest,
    ) -> Result<Vec<StatementsResponse>, Status> {
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "heads could not be stated");
            status(Reason::StoreFailed, "")
        };
        let statements = if !asked.of_party.is_empty() {
            self.kept(viewer, party_of(&asked.of_party)?, asked.since_ms)
        } else if asked.feeds.is_empty() {
            let changed =
                self.stater.changed(asked.since_ms, |feed| viewer.may_read(feed)).map_err(failed)?;
            changed.iter().map(|(f, s)| travelling(f, s)).collect()
        } else {
            let feeds = self.named(viewer, &asked)?;
            self.stater.state(&feeds).map_err(failed)?.iter().map(|(f, s)| travelling(f, s)).collect()
        };
        let message = |part: &[HeadStatement]| StatementsResponse { statements: part.to_vec() };
        Ok(statements.chunks(STATEMENTS_PER_MESSAGE).map(message).collect())
    }

    /// The feeds asked for that the caller may read. Whether they are held makes no difference: the feed's parts alone
    /// say who may read it.
    fn named(&self, viewer: &Viewer, asked: &StatementsRequest) -> Result<Vec<Feed>, Status> {
        if asked.feeds.len() > FEEDS_ASKED_MAX {
            return Err(status(Reason::BadRequest, "at most 4,096 feeds in one question"));
        }
        let parsed: Result<Vec<Feed>, Reason> =
            asked.feeds.iter().map(|f| Feed::from_parts(&f.party_id, &f.operator_key, &f.audience)).collect();
        let mut feeds = parsed.map_err(|reason| status(reason, "a feed"))?;
        let mut unheld = 0;
        feeds.retain(|feed| {
            let held = self.core.store.head(&feed.id()).is_some();
            unheld += usize::from(!held);
            viewer.may_read(feed) && (held || unheld <= UNHELD_MAX)
        });
        Ok(feeds)
    }

    fn kept(&self, viewer: &Viewer, of: PartyId, since_ms: u64) -> Vec<HeadStatement> {
        let lines = self.auditor.book.since(&of, since_ms);
        let readable = lines.iter().filter(|l| viewer.may_read(&l.feed));
        let both = readable.flat_map(|line| {
            let known = &line.known;
            let latest = (known.latest != known.highest).then_some(known.latest);
            [Some(known.highest), latest].into_iter().flatten().map(|s| travelling(&line.feed, &s))
        });
        both.collect()
    }

    /// Receipts for what a message of a push brought, once a feed, after it is durable.
    pub fn receipts(&self, viewer: &Viewer, feeds: &[Feed], taken: &[Taken]) -> Vec<HeadStatement> {
        let held = |feed: &FeedId| taken.iter().any(|t| t.feed == *feed && t.result.is_ok());
        let mut due: Vec<Feed> = feeds.iter().copied().filter(|f| viewer.may_read(f)).collect();
        due.sort_unstable();
        due.dedup();
        due.retain(|f| held(&f.id()));
        match self.stater.state(&due) {
            Ok(statements) => statements.iter().map(|(f, s)| travelling(f, s)).collect(),
            Err(error) => {
                tracing::error!(%error, "receipts could not be signed");
                Vec::new()
            }
        }
    }

    /// Answers with a checkpoint.
    pub fn checkpoint(&self, asked: &CheckpointRequest) -> Result<CheckpointResponse, Status> {
        if !asked.of_party.is_empty() {
            let kept = self.auditor.notes.last(&party_of(&asked.of_party)?);
            let kept = kept.filter(|k| !k.note.is_empty());
            let kept = kept.ok_or_else(|| status(Reason::NotFound, "no checkpoint of this hub"))?;
            let node_key = hex::decode(&kept.node_key).unwrap_or_default();
            return Ok(CheckpointResponse { note: kept.note, node_key, ..Default::default() });
        }
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "no checkpoint could be made");
            status(Reason::StoreFailed, "")
        };
        let seen = Checkpoint::parse(&asked.seen, &self.key).ok();
        let store = &self.core.store;
        let ours = seen.filter(|s| s.log == store.log_id());
        // A checkpoint by this key of a log that this store never was.
        let unknown = seen.is_some_and(|s| s.log != store.log_id() && !store.earlier_logs().contains(&s.log));
        let from = match asked.size {
            0 => ours.map_or(0, |s| s.size),
            size => size,
        };
        let proven = self.history.checkpoint(from).map_err(failed)?;
        if unknown || ours.is_some_and(|s| s.size > self.history.size()) {
            self.put_back();
            return Err(status(
                Reason::ShuttingDown,
                "this store was put back; it begins another log when it is started again",
            ));
        }
        let (leaf, inclusion) = self.inclusion(asked).map_err(failed)?.unwrap_or_default();
        Ok(CheckpointResponse {
            note: proven.note,
            node_key: self.key.to_vec(),
            old_root: proven.old_root.to_vec(),
            consistency: proven.consistency.iter().map(|h| h.to_vec()).collect(),
            leaf,
            inclusion: inclusion.iter().map(|h| h.to_vec()).collect(),
        })
    }

    fn inclusion(&self, asked: &CheckpointRequest) -> std::io::Result<Option<(u64, Vec<[u8; 32]>)>> {
        let (Some(feed), Some(seq)) = (FeedId::from_slice(&asked.feed_id), Seq::new(asked.seq)) else {
            return Ok(None);
        };
        let stored = self.core.store.entry(&feed, seq).map_err(std::io::Error::other)?;
        match stored {
            Some(entry) => self.history.inclusion(entry.ordinal, self.history.size()),
            None => Ok(None),
        }
    }

    /// A caller shows a checkpoint by this key that the log does not reach, or of a later log than this one is: whatever this node says now
    /// would contradict what it said before.
    fn put_back(&self) {
        let log: LogId = self.core.store.log_id();
        tracing::error!(%log, "a linked hub shows that this store was put back: nothing more is stated; restart the node, and it begins another log");
        self.stater.silence();
        if let Err(error) = self.core.store.mark_put_back() {
            tracing::error!(%error, "the store could not be marked");
        }
    }
}
