//! Pull and push over one connection, whichever side opened it (SPEC.md section 11).

use std::collections::{BTreeMap, HashMap};

use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{
    self, FeedRange, HeadsRequest, HelloRequest, HelloResponse, PullRequest, PushRequest,
};
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::{Feed, FeedId, OperatorKey, PartyId, Reason, Seq};
use tokio::sync::mpsc;
use tonic::transport::Channel;

use crate::author::{feed_parts, now_ms};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::ingest::{Origin, Taken};
use crate::link::limits;

/// Feed ranges asked for in one request.
const RANGES_MAX: usize = 4_096;

/// What moved, and what did not.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// Entries that are new and durable on the receiving side.
    pub entries: u64,
    /// Bytes of entries that arrived or left.
    pub bytes: u64,
    /// Runs that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Feeds of which this side refused something, and why.
    pub feeds: HashMap<FeedId, Reason>,
}

/// Called after each batch with what has moved and how many entries are expected in all.
pub type OnProgress<'a> = &'a mut (dyn FnMut(&Moved, u64) + Send);

/// The far end did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The connection or the far end's answer.
    #[error("{}", .0.message())]
    Remote(#[from] Box<tonic::Status>),
    /// This side's store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The far end's key is not one that its party authorised to run a node.
    #[error("the node's key is not authorised by {party} to run a node")]
    NotAuthorised {
        /// The expected hub.
        party: PartyId,
    },
    /// Clocks differ by more than links allow.
    #[error("the clocks differ by {seconds} seconds; set this machine's clock, or tell the hub's operator")]
    Clock {
        /// How much the far end's clock is ahead; negative where behind.
        seconds: i64,
    },
}

impl From<tonic::Status> for SyncError {
    fn from(status: tonic::Status) -> Self {
        Self::Remote(Box::new(status))
    }
}

/// One connected far end.
#[derive(Clone)]
pub struct Session {
    client: FederationServiceClient<Channel>,
    party: PartyId,
    key: Option<OperatorKey>,
}

impl Session {
    /// Over a channel that `link::dial` opened to this hub.
    pub fn new(channel: Channel, party: PartyId, key: Option<OperatorKey>) -> Self {
        let client = FederationServiceClient::new(channel)
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        Self { client, party, key }
    }

    /// Says hello, fetches the hub's identity where it is not held, and checks that it authorised the node's key.
    pub async fn hello(&mut self, core: &Core) -> Result<HelloResponse, SyncError> {
        let request = HelloRequest {
            versions: vec![1],
            software: concat!("caphub/", env!("CARGO_PKG_VERSION")).to_owned(),
            time_ms: now_ms(),
            roots: Vec::new(),
        };
        let hello = self.client.hello(request).await?.into_inner();
        let ahead = hello.time_ms as i64 - now_ms() as i64;
        if ahead.unsigned_abs() > limits::CLOCK_SKEW_MS_MAX {
            return Err(SyncError::Clock { seconds: ahead / 1_000 });
        }
        let identity = Feed::identity(self.party);
        let held = core.store.head(&identity.id()).map_or(0, |h| h.head.seq.value());
        let range = FeedRange { feed_id: identity.id().to_vec(), from: held + 1, to: 0 };
        self.pull_ranges(core, vec![range], 0, &mut Moved::default(), &mut |_, _| {}).await?;
        self.check_key(core, &hello)?;
        Ok(hello)
    }

    fn check_key(&self, core: &Core, hello: &HelloResponse) -> Result<(), SyncError> {
        use caphub_proto::wire::identity::Capabilities;
        let not_authorised = || SyncError::NotAuthorised { party: self.party };
        let key = self.key.or_else(|| OperatorKey::from_slice(&hello.node_key)).ok_or_else(not_authorised)?;
        let state = core.identities.state(&self.party).ok_or_else(not_authorised)?;
        match state.may(&key, Capabilities::SERVE, now_ms()) {
            true => Ok(()),
            false => Err(not_authorised()),
        }
    }

    /// The far end's heads of all feeds that this side may read there.
    pub async fn heads(&mut self) -> Result<Vec<(Feed, Seq)>, SyncError> {
        let mut stream = self.client.heads(HeadsRequest::default()).await?.into_inner();
        let mut heads = Vec::new();
        while let Some(message) = stream.message().await? {
            heads.extend(message.heads.into_iter().filter_map(|h| {
                let parts = h.feed?;
                let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience).ok()?;
                Some((feed, Seq::new(h.seq)?))
            }));
        }
        Ok(heads)
    }

    /// Pulls what the far end has beyond what is held: identity feeds first, then all others.
    pub async fn pull(
        &mut self,
        core: &Core,
        heads: &[(Feed, Seq)],
        progress: OnProgress<'_>,
    ) -> Result<Moved, SyncError> {
        let mut moved = Moved::default();
        let (mut identity, mut records, mut expected) = (Vec::new(), Vec::new(), 0);
        for (feed, seq) in heads {
            let held = core.store.head(&feed.id()).map_or(0, |h| h.head.seq.value());
            if seq.value() > held {
                let range = FeedRange { feed_id: feed.id().to_vec(), from: held + 1, to: 0 };
                expected += seq.value() - held;
                if feed.is_identity() { identity.push(range) } else { records.push(range) }
            }
        }
        for ranges in [identity, records] {
            for part in ranges.chunks(RANGES_MAX) {
                self.pull_ranges(core, part.to_vec(), expected, &mut moved, progress).await?;
            }
        }
        Ok(moved)
    }

    async fn pull_ranges(
        &mut self,
        core: &Core,
        ranges: Vec<FeedRange>,
        expected: u64,
        moved: &mut Moved,
        progress: OnProgress<'_>,
    ) -> Result<(), SyncError> {
        let request = PullRequest { ranges, ..PullRequest::default() };
        let mut stream = self.client.pull(request).await?.into_inner();
        // The network fills the pipe while the last batch is checked and written.
        let (sender, mut receiver) = mpsc::channel::<Vec<v1::Run>>(limits::PIPELINE_MESSAGES);
        let network = async move {
            while let Some(message) = stream.message().await? {
                if sender.send(message.runs).await.is_err() {
                    break;
                }
            }
            Ok::<(), SyncError>(())
        };
        let disk = async {
            while let Some(mut runs) = receiver.recv().await {
                while let Ok(more) = receiver.try_recv() {
                    runs.extend(more);
                }
                moved.bytes += runs.iter().map(|r| r.entries.len() as u64).sum::<u64>();
                for taken in core.ingest.take(runs, Origin::Peer).await {
                    moved.count(&taken);
                }
                progress(moved, expected);
            }
        };
        let (network, ()) = tokio::join!(network, disk);
        network
    }

    /// Follows the far end's log from a position until the connection ends, or `seen`, which gets every batch's
    /// result, answers that the two sides should compare heads again.
    pub async fn follow(
        &mut self,
        core: &Core,
        position: v1::Position,
        mut seen: impl FnMut(&[Taken]) -> bool,
    ) -> Result<(), SyncError> {
        let request = PullRequest { position: Some(position), follow: true, ..PullRequest::default() };
        let mut stream = self.client.pull(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            let taken = core.ingest.take(message.runs, Origin::Peer).await;
            if !seen(&taken) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Pushes what this side holds and the far end, as `heads` say, does not: as far as `viewer` may read it.
    /// Feeds in `unwanted` were refused before and are left out.
    pub async fn push(
        &mut self,
        core: &Core,
        heads: &[(Feed, Seq)],
        viewer: &Viewer,
        only: impl Fn(&Feed) -> bool,
        progress: OnProgress<'_>,
    ) -> Result<Moved, SyncError> {
        let theirs: BTreeMap<FeedId, u64> = heads.iter().map(|(f, s)| (f.id(), s.value())).collect();
        let mut due: Vec<(Feed, u64, u64)> = Vec::new();
        for head in core.counted_heads() {
            let known = theirs.get(&head.feed.id()).copied().unwrap_or(0);
            if head.head.seq.value() > known && viewer.may_read(&head.feed) && only(&head.feed) {
                due.push((head.feed, known + 1, head.head.seq.value()));
            }
        }
        let mut moved = Moved::default();
        if due.is_empty() {
            return Ok(moved);
        }
        due.sort_by_key(|(feed, ..)| !feed.is_identity());
        let expected = due.iter().map(|(_, from, to)| to - from + 1).sum();
        let (sender, receiver) = mpsc::channel::<PushRequest>(limits::PIPELINE_MESSAGES);
        let store = core.store.clone();
        let reader = tokio::task::spawn_blocking(move || read_due(&store, due, &sender));
        let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
        let mut answers = self.client.push(stream).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            moved.entries += answer.stored;
            core.receipts.note(answer.receipts);
            for refusal in answer.refusals {
                *moved.refused.entry(refusal.reason).or_default() += 1;
            }
            progress(&moved, expected);
        }
        if let Ok(read) = reader.await {
            moved.bytes = read?;
        }
        Ok(moved)
    }
}

impl Moved {
    fn count(&mut self, taken: &Taken) {
        match &taken.result {
            Ok(stored) => self.entries += stored.stored,
            Err(reason) => {
                *self.refused.entry(reason.code().to_owned()).or_default() += 1;
                self.feeds.insert(taken.feed, *reason);
            }
        }
    }
}

fn read_due(
    store: &crate::store::Store,
    due: Vec<(Feed, u64, u64)>,
    sender: &mpsc::Sender<PushRequest>,
) -> Result<u64, crate::store::StoreError> {
    let (mut batch, mut bytes, mut all) = (PushRequest::default(), 0, 0);
    for (feed, from, to) in due {
        let mut next = Seq::new(from).filter(|_| from <= to);
        while let Some(from) = next {
            next = None;
            for run in store.read_feed(&feed.id(), from, BATCH_BYTES)? {
                let Some(run) = Seq::new(to).and_then(|to| run.up_to(to)) else { break };
                let after = run.first.value() + u64::from(run.count);
                next = Seq::new(after).filter(|_| after <= to);
                bytes += run.packed.len();
                all += run.packed.len() as u64;
                batch.runs.push(v1::Run { feed: Some(feed_parts(&feed)), entries: run.packed });
            }
            if bytes >= BATCH_BYTES {
                bytes = 0;
                if sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                    return Ok(all);
                }
            }
        }
    }
    if !batch.runs.is_empty() {
        // A closed channel means that the far end is gone, which its stream reports.
        let _ = sender.blocking_send(batch);
    }
    Ok(all)
}
