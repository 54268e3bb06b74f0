//! Syncing over one connection, whichever side opened it (SPEC.md section 11). The decisions are the protocol's
//! (`caphub_proto::wire::session`); this is the network and the disk around them.

pub mod bodies;
mod confirm;
pub mod cut;
mod driver;
mod opening;
mod push;
pub mod remembered;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{self, FeedRange, HelloRequest, HelloResponse, PullRequest, PushRequest};
use caphub_proto::wire::claims::Claims;
use caphub_proto::wire::limits::RUN_BYTES_MAX;
use caphub_proto::wire::pace::Pace;
use caphub_proto::wire::session::{Finished, Memory, PushRange, Settings};
use caphub_proto::wire::{Feed, OperatorKey, PartyId, Reason, Seq};
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use crate::author::{feed_parts, now_ms};
use crate::core::Core;
use crate::ingest::{Origin, Taken};
use crate::link::limits;
use crate::sync::driver::{Driver, lock};

/// What moved in one direction, and what did not.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// Entries that are new and durable on the receiving side.
    pub entries: u64,
    /// Bytes of entries that arrived or left.
    pub bytes: u64,
    /// Runs that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// What one sync did.
#[derive(Clone, Debug, Default)]
pub struct Synced {
    /// To this side.
    pub pulled: Moved,
    /// To the far end.
    pub pushed: Moved,
    /// How it ended.
    pub finished: Finished,
}

/// Called after each batch with what has moved so far and how many entries are expected in all.
pub type OnProgress<'a> = &'a (dyn Fn(&Synced, u64) + Sync);

/// How one sync is done.
pub struct Options<'a> {
    /// What may move, and as whom.
    pub settings: Settings,
    /// What is remembered of this far end.
    pub memory: &'a Mutex<Memory>,
    /// Who fetches what, where several sessions run.
    pub claims: &'a Mutex<Claims>,
    /// Hears the answer to Hello.
    pub greeted: &'a (dyn Fn(&HelloResponse) + Sync),
    /// Hears of progress.
    pub progress: OnProgress<'a>,
}

/// What a sync would move in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Planned {
    /// Organisations.
    pub parties: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of entries.
    pub bytes: u64,
}

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
    /// The far end's answers do not fit the questions.
    #[error("the hub does not keep to the protocol: {}", .reason.meaning())]
    Protocol {
        /// What is wrong.
        reason: Reason,
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
    channel: Channel,
    party: PartyId,
    key: Option<OperatorKey>,
    pace: Arc<Mutex<Pace>>,
}

impl Session {
    /// Over a channel that `link::dial` opened to this hub.
    pub fn new(channel: Channel, party: PartyId, key: Option<OperatorKey>) -> Self {
        Self { channel, party, key, pace: Arc::default() }
    }

    /// Calls, compressed where that pays.
    fn client(&self) -> FederationServiceClient<Channel> {
        let client = FederationServiceClient::new(self.channel.clone())
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        match lock(&self.pace).compresses() {
            true => {
                client.accept_compressed(CompressionEncoding::Zstd).send_compressed(CompressionEncoding::Zstd)
            }
            false => client,
        }
    }

    /// Says hello, and checks that the hub authorised the node's key.
    pub async fn hello(&self, core: &Core) -> Result<HelloResponse, SyncError> {
        let hello = self.greet(Vec::new()).await?;
        self.authorised(core, &hello).await?;
        Ok(hello)
    }

    async fn greet(&self, roots: Vec<v1::ClassRoot>) -> Result<HelloResponse, SyncError> {
        let request = HelloRequest {
            versions: vec![1],
            software: concat!("caphub/", env!("CARGO_PKG_VERSION")).to_owned(),
            time_ms: now_ms(),
            roots,
        };
        let asked = Instant::now();
        let hello = self.client().hello(request).await?.into_inner();
        lock(&self.pace).answered(micros(asked));
        let ahead = hello.time_ms as i64 - now_ms() as i64;
        if ahead.unsigned_abs() > limits::CLOCK_SKEW_MS_MAX {
            return Err(SyncError::Clock { seconds: ahead / 1_000 });
        }
        Ok(hello)
    }

    /// Checks that the hub authorised the key of the node that answers.
    async fn authorised(&self, core: &Core, hello: &HelloResponse) -> Result<(), SyncError> {
        if !self.is_authorised(core, hello) {
            // At first contact, or after a change of its keys, the hub's identity comes from itself.
            self.fetch_identity(core, self.party).await?;
            if !self.is_authorised(core, hello) {
                return Err(SyncError::NotAuthorised { party: self.party });
            }
        }
        Ok(())
    }

    /// Brings the identity log of a party up to what the far end holds.
    pub async fn fetch_identity(&self, core: &Core, party: PartyId) -> Result<(), SyncError> {
        let range = FeedRange { feed_id: Feed::identity(party).id().to_vec(), from: 1, to: 0 };
        let request = PullRequest { ranges: vec![range], ..PullRequest::default() };
        let mut stream = self.client().pull(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            core.ingest.take(message.runs, Origin::Peer).await;
        }
        Ok(())
    }

    /// Runs of these ranges as the far end holds them, each given to `each` unchecked.
    pub async fn fetch(&self, ranges: &[FeedRange], mut each: impl FnMut(v1::Run)) -> Result<(), SyncError> {
        for ranges in ranges.chunks(caphub_proto::wire::session::RANGES_MAX) {
            let request = PullRequest { ranges: ranges.to_vec(), ..PullRequest::default() };
            let mut stream = self.client().pull(request).await?.into_inner();
            while let Some(message) = stream.message().await? {
                message.runs.into_iter().for_each(&mut each);
            }
        }
        Ok(())
    }

    /// Brings this side's own identity log, as a stranger may who knocks.
    pub async fn introduce(&self, core: &Core) -> Result<v1::PushResponse, SyncError> {
        let own = Feed::identity(core.party);
        let stored = core.store.read_feed(&own.id(), Seq::FIRST, RUN_BYTES_MAX)?;
        let runs = stored.into_iter().map(|r| v1::Run { feed: Some(feed_parts(&own)), entries: r.packed });
        let request = PushRequest { runs: runs.collect(), ..PushRequest::default() };
        let mut told = v1::PushResponse::default();
        let heard = |answer| {
            told = answer;
            true
        };
        self.send(core, futures::stream::once(std::future::ready(request)), heard).await?;
        Ok(told)
    }

    fn is_authorised(&self, core: &Core, hello: &HelloResponse) -> bool {
        use caphub_proto::wire::identity::Capabilities;
        let key = self.key.or_else(|| OperatorKey::from_slice(&hello.node_key));
        let state = core.identities.state(&self.party);
        key.zip(state).is_some_and(|(key, state)| state.may(&key, Capabilities::SERVE, now_ms()))
    }

    /// Finds what differs and moves it, in both directions at once; also what the far end said at first.
    pub async fn sync(
        &self,
        core: &Core,
        options: &Options<'_>,
    ) -> Result<(HelloResponse, Synced), SyncError> {
        let (driver, hello, actions) = Driver::begin(core, self.clone(), options).await?;
        let synced = driver.run(actions).await?;
        Ok((hello, synced))
    }

    /// What a sync would move: to this side, and to the far end.
    pub async fn plan(&self, core: &Core, options: &Options<'_>) -> Result<(Planned, Planned), SyncError> {
        let (driver, _, actions) = Driver::begin(core, self.clone(), options).await?;
        driver.run(actions).await?;
        let (pulls, pushes) = driver.planned();
        let mut pulled =
            Planned { parties: parties(pulls.iter().map(|(feed, _)| *feed)), ..Planned::default() };
        for ranges in pulls.chunks(caphub_proto::wire::session::RANGES_MAX) {
            let ranges = ranges.iter().map(|(_, range)| range.clone()).collect();
            let request = PullRequest { ranges, measure: true, ..PullRequest::default() };
            let mut stream = self.client().pull(request).await?.into_inner();
            while let Some(message) = stream.message().await? {
                let measure = message.measure.unwrap_or_default();
                pulled.entries += measure.entries;
                pulled.bytes += measure.bytes;
            }
        }
        let pushed = Planned { parties: parties(pushes.iter().map(|r| r.feed)), ..Planned::default() };
        Ok((pulled, measure(core, &pushes, pushed)?))
    }

    /// Follows the far end's log from a position until the connection ends, or `seen`, which gets every batch's
    /// result, answers that the two sides should compare again.
    pub async fn follow(
        &self,
        core: &Core,
        position: v1::Position,
        mut seen: impl FnMut(&[Taken]) -> bool,
    ) -> Result<(), SyncError> {
        let request = PullRequest { position: Some(position), follow: true, ..PullRequest::default() };
        let mut stream = self.client().pull(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            core.ingest.take_forks(message.forks, Origin::Peer).await;
            let taken = core.ingest.take(message.runs, Origin::Peer).await;
            if !seen(&taken) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends runs as they come, until there are no more; `told` gets each answer, with the runs that it is about.
    pub async fn send(
        &self,
        core: &Core,
        requests: impl futures::Stream<Item = PushRequest> + Send + 'static,
        mut told: impl FnMut(v1::PushResponse) -> bool,
    ) -> Result<(), SyncError> {
        let mut answers = self.client().push(requests).await?.into_inner();
        while let Some(mut answer) = answers.message().await? {
            core.receipts.note(std::mem::take(&mut answer.receipts));
            if !told(answer) {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Moved {
    fn count(&mut self, taken: &Taken) {
        match &taken.result {
            Ok(stored) => self.entries += stored.stored,
            Err(reason) => *self.refused.entry(reason.code().to_owned()).or_default() += 1,
        }
    }
}

fn parties(feeds: impl Iterator<Item = Feed>) -> u64 {
    feeds.map(|f| f.party).collect::<std::collections::BTreeSet<_>>().len() as u64
}

fn measure(core: &Core, ranges: &[PushRange], mut all: Planned) -> Result<Planned, SyncError> {
    for range in ranges {
        let (entries, bytes) = core.store.measure(&range.feed.id(), range.from, range.to)?;
        all.entries += entries;
        all.bytes += bytes;
    }
    Ok(all)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
