//! Asks a hub for its statements and its checkpoint, and for what it keeps of others: the auditor's side of a link.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{CheckpointRequest, StatementsRequest};
use caphub_proto::wire::{Feed, FeedId, OperatorKey, PartyId};
use tonic::transport::Channel;

use crate::audit::book::{Book, Line};
use crate::audit::notes::Notes;
use crate::audit::{arrived, notes};
use crate::author::{feed_parts, now_ms};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::link::limits;

/// Feeds named in one question.
pub const FEEDS_ASKED_MAX: usize = 4_096;
/// Statements taken from one answer: more than any node may keep of another.
const STATEMENTS_MAX: usize = 100_000;
/// Receipts that wait to be written down.
const RECEIPTS_MAX: usize = 10_000;

/// What hubs have stated to this node or replica.
pub struct Auditor {
    core: Core,
    /// What the own party wrote reaches a hub only from here: a hub is not late with what it never got.
    replica: bool,
    /// Head statements.
    pub book: Book,
    /// Checkpoints.
    pub notes: Notes,
}

/// Push receipts since the last time that somebody asked for them.
#[derive(Default)]
pub struct Receipts(Mutex<HashMap<FeedId, caphub_proto::v1::HeadStatement>>);

impl Receipts {
    /// Keeps the last receipt of each feed.
    pub fn note(&self, receipts: Vec<caphub_proto::v1::HeadStatement>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for receipt in receipts {
            let Some((feed, _)) = arrived(&receipt) else { continue };
            if kept.len() < RECEIPTS_MAX || kept.contains_key(&feed.id()) {
                kept.insert(feed.id(), receipt);
            }
        }
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn take(&self) -> Vec<caphub_proto::v1::HeadStatement> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.drain().map(|(_, r)| r).collect()
    }
}

/// A hub could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The connection or the far end's answer.
    #[error("{}", .0.message())]
    Remote(#[from] Box<tonic::Status>),
    /// What was learnt could not be kept.
    #[error("what was stated could not be kept: {0}")]
    Files(#[from] io::Error),
}

impl From<tonic::Status> for VisitError {
    fn from(status: tonic::Status) -> Self {
        Self::Remote(Box::new(status))
    }
}

type Client = FederationServiceClient<Channel>;

impl Auditor {
    /// Opens what was kept in a folder; `replica` where that is a member's.
    pub fn open(directory: &Path, core: Core, replica: bool) -> io::Result<Self> {
        let directory = directory.join("evidence");
        std::fs::create_dir_all(&directory)?;
        Ok(Self { core, replica, book: Book::open(&directory)?, notes: Notes::open(&directory)? })
    }

    /// Whose store it is.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Asks a hub, over a channel that was opened to this node of it, for all that it states, and compares that with
    /// what is held here. `others` are hubs about which it may know more.
    pub async fn visit(
        &self,
        channel: Channel,
        hub: PartyId,
        node: OperatorKey,
        others: &[PartyId],
    ) -> Result<(), VisitError> {
        let mut client = Client::new(channel)
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        self.receipts();
        // The checkpoint goes first: a node that was put back from a copy learns it so, before it states anything.
        self.checkpoints(&mut client, hub, node, others).await?;
        let since_ms = self.book.latest_ms(&hub);
        self.ask(&mut client, StatementsRequest { since_ms, ..Default::default() }, Some((hub, node)))
            .await?;
        let held = self.held(&hub);
        for feeds in self.unstated(&hub, &held).chunks(FEEDS_ASKED_MAX) {
            let feeds = feeds.iter().map(feed_parts).collect();
            self.ask(&mut client, StatementsRequest { feeds, ..Default::default() }, Some((hub, node)))
                .await?;
        }
        self.book.compare_with(&hub, now_ms(), |feed| held.get(feed).copied().unwrap_or(0));
        for other in others.iter().filter(|o| **o != hub && **o != self.core.party) {
            let (of_party, since_ms) = (other.to_vec(), self.book.latest_ms(other));
            self.ask(&mut client, StatementsRequest { of_party, since_ms, ..Default::default() }, None)
                .await?;
        }
        self.book.save()?;
        Ok(())
    }

    /// Takes receipts that came with pushes into the book.
    pub fn receipts(&self) {
        for receipt in self.core.receipts.take() {
            if let Some((feed, statement)) = arrived(&receipt) {
                self.book.take(&self.core, &feed, statement);
            }
        }
    }

    /// One question. Of its own heads a hub is believed for now only; what third hubs said is as old as it is.
    async fn ask(
        &self,
        client: &mut Client,
        request: StatementsRequest,
        own: Option<(PartyId, OperatorKey)>,
    ) -> Result<(), VisitError> {
        let mut stream = client.statements(request).await?.into_inner();
        let mut taken = 0;
        while let Some(message) = stream.message().await? {
            taken += message.statements.len();
            if taken > STATEMENTS_MAX {
                break;
            }
            for (feed, statement) in message.statements.iter().filter_map(arrived) {
                let fits = own.is_none_or(|(hub, node)| {
                    (statement.party, statement.node) == (hub, node) && statement.fresh(now_ms())
                });
                if fits {
                    self.book.take(&self.core, &feed, statement);
                }
            }
        }
        Ok(())
    }

    async fn checkpoints(
        &self,
        client: &mut Client,
        hub: PartyId,
        node: OperatorKey,
        others: &[PartyId],
    ) -> Result<(), VisitError> {
        let seen = self.notes.last(&hub).map(|k| k.note).unwrap_or_default();
        let request = CheckpointRequest { seen, ..Default::default() };
        let answer = client.checkpoint(request).await?.into_inner();
        self.notes.take(&self.core, hub, node, &notes::Answer::from(answer), now_ms())?;
        // What others were given of this hub's history has to be the beginning of the same one.
        for (key, note) in self.notes.heard(&hub) {
            let Some(size) = notes::size_of(&note, &key) else { continue };
            let request = CheckpointRequest { size, seen: note.clone(), ..Default::default() };
            let answer = client.checkpoint(request).await?.into_inner();
            self.notes.settle(&self.core, hub, (key, note), node, &notes::Answer::from(answer), now_ms())?;
        }
        for other in others.iter().filter(|o| **o != hub && **o != self.core.party) {
            let request = CheckpointRequest { of_party: other.to_vec(), ..Default::default() };
            if let Ok(answer) = client.checkpoint(request).await {
                let answer = answer.into_inner();
                if let Some(key) = OperatorKey::from_slice(&answer.node_key) {
                    self.notes.hear(&self.core, *other, key, &answer.note);
                }
            }
        }
        Ok(())
    }

    /// What others hold of a feed as far as is known here: this side, or for a member's own feeds what any hub has stated.
    pub fn held_of(&self, line: &Line) -> u64 {
        if self.replica && line.feed.party == self.core.party {
            return self.book.highest(&line.feed);
        }
        let held = self.core.store.head(&line.feed.id());
        held.and_then(|h| self.core.counted(&h)).map_or(0, |h| h.seq.value())
    }

    /// What is held here of the feeds that a hub may read.
    fn held(&self, hub: &PartyId) -> HashMap<Feed, u64> {
        let viewer =
            Viewer { parties: vec![*hub], hubs: vec![*hub], network: true, all: false, opened: false };
        let heads = self.core.counted_heads().into_iter().filter(|h| viewer.may_read(&h.feed));
        let own = |feed: &Feed| self.replica && feed.party == self.core.party;
        let held = |feed: Feed, seq: u64| if own(&feed) { self.book.highest(&feed) } else { seq };
        heads.map(|h| (h.feed, held(h.feed, h.head.seq.value()))).collect()
    }

    /// Feeds of which more is held here than the hub has stated: it may have more by now.
    fn unstated(&self, hub: &PartyId, held: &HashMap<Feed, u64>) -> Vec<Feed> {
        let stated: HashMap<FeedId, u64> =
            self.book.lines(hub).into_iter().map(|l| (l.feed.id(), l.known.latest.seq())).collect();
        let less = |feed: &Feed, seq: u64| stated.get(&feed.id()).is_none_or(|s| *s < seq);
        let mut feeds: Vec<Feed> = held.iter().filter(|(f, s)| less(f, **s)).map(|(f, _)| *f).collect();
        feeds.sort_unstable();
        feeds
    }
}

/// Shared by all who ask.
pub type SharedAuditor = Arc<Auditor>;
