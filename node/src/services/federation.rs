//! Hello, heads, pull and push: whole feeds, as signed.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use caphub_proto::v1::federation_service_server::FederationService;
use caphub_proto::v1::{
    self, CheckpointRequest, CheckpointResponse, FeedHead, HeadsRequest, HeadsResponse, HelloRequest,
    HelloResponse, Position, PullRequest, PullResponse, PushRequest, PushResponse, ReconcileRequest,
    ReconcileResponse, RunRefusal, StatementsRequest, StatementsResponse,
};
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::reconcile;
use caphub_proto::wire::{FeedId, LogId, OperatorKey, PartyId, Reason};
use futures::TryStreamExt;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::author::{feed_parts, now_ms};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::forks;
use crate::ingest::{Origin, Taken};
use crate::link::limits;
use crate::services::evidence::Evidence;
use crate::services::gate::{Admitted, SharedGate};
use crate::services::pull::{Ranges, Sender};
use crate::services::status::status;
use crate::services::way;
use crate::standing::Standing;
use crate::store::{Store, StoredRun};
use crate::sync::bodies;

/// Heads in one message.
const HEADS_PER_MESSAGE: usize = 1_000;

/// Hubs that Hello names: more than any hub is linked with, and within what costs nothing to say.
const HUBS_STATED_MAX: usize = 256;

/// What a stated head takes, about.
const HEAD_BYTES: usize = 200;

/// What a list of heads counts for at most: less than a stranger may have waiting, so that it comes.
const HEADS_HELD_MAX: usize = 1024 * 1024;

/// Feeds that one request for heads may name.
const HEADS_ASKED_MAX: usize = 4_096;

/// Serves feeds of one node.
pub struct Federation {
    core: Core,
    gate: SharedGate,
    name: String,
    node_key: OperatorKey,
    follows: Follows,
    evidence: Evidence,
}

/// Whether this node has a live link of its own to a party.
pub type Follows = Box<dyn Fn(&PartyId) -> bool + Send + Sync>;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Federation {
    /// For the hub of this name, by the node of this key.
    pub fn new(
        core: Core,
        gate: SharedGate,
        name: String,
        node_key: OperatorKey,
        follows: Follows,
        evidence: Evidence,
    ) -> Self {
        Self { core, gate, name, node_key, follows, evidence }
    }

    fn position(&self, admitted: &Admitted) -> Position {
        position(&self.core.store, self.core.store.end(), admitted)
    }

    /// The other hubs whose admissions count here, for callers whom that concerns.
    fn hubs(&self, standing: Standing) -> Vec<Vec<u8>> {
        if !matches!(standing, Standing::Own | Standing::Peer | Standing::Member) {
            return Vec::new();
        }
        let (peers, own) = (self.core.ingest.peers(), self.core.party);
        let mut hubs: Vec<PartyId> =
            peers.into_iter().chain(self.core.admissions.recognised_by(&own)).filter(|h| *h != own).collect();
        hubs.sort_unstable();
        hubs.dedup();
        hubs.into_iter().take(HUBS_STATED_MAX).map(PartyId::to_vec).collect()
    }
}

fn position(store: &Store, ordinal: u64, admitted: &Admitted) -> Position {
    Position { log_id: store.log_id().to_vec(), ordinal, entitlement: entitlement(admitted) }
}

/// Changes with what the caller may read: a position under another one is not enough.
fn entitlement(admitted: &Admitted) -> u64 {
    use sha2::{Digest, Sha256};
    let mut hubs = admitted.viewer.hubs.clone();
    hubs.sort_unstable();
    let mut hasher = Sha256::new_with_prefix(admitted.standing.code());
    hubs.iter().for_each(|h| hasher.update(h.as_bytes()));
    let digest: [u8; 32] = hasher.finalize().into();
    u64::from_be_bytes(digest[..8].try_into().expect("eight bytes of a digest")) >> 11
}

#[tonic::async_trait]
impl FederationService for Federation {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let asked = request.into_inner();
        if !asked.versions.contains(&1) {
            return Err(status(Reason::UnknownVersion, "this node speaks version 1"));
        }
        let follows_you = (self.follows)(&admitted.party);
        // Who has a link of its own to the caller asks over that.
        let missing_bodies = match follows_you {
            true => Vec::new(),
            false => bodies::missing(&self.core, &admitted.viewer),
        };
        Ok(Response::new(HelloResponse {
            version: 1,
            software: concat!("caphub/", env!("CARGO_PKG_VERSION")).to_owned(),
            party_id: self.core.party.to_vec(),
            node_key: self.node_key.as_bytes().to_vec(),
            name: self.name.clone(),
            position: Some(self.position(&admitted)),
            time_ms: now_ms(),
            standing: admitted.standing.code().to_owned(),
            follows_you,
            roots: reconcile::roots(&asked.roots, &self.core.heads.sets(), &admitted.viewer),
            missing_bodies,
            hubs: self.hubs(admitted.standing),
        }))
    }

    async fn reconcile(
        &self,
        request: Request<ReconcileRequest>,
    ) -> Result<Response<ReconcileResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let answered = reconcile::answer(request.get_ref(), &self.core.heads.sets(), &admitted.viewer);
        answered.map(Response::new).map_err(|reason| status(reason, "ranges are in order, apart and bounded"))
    }

    type HeadsStream = Answers<HeadsResponse>;

    async fn heads(&self, request: Request<HeadsRequest>) -> Result<Response<Self::HeadsStream>, Status> {
        let admitted = self.gate.admit(&request)?;
        let named = request.get_ref().feed_ids.len();
        if named > HEADS_ASKED_MAX {
            return Err(status(Reason::BadRequest, "at most 4,096 feeds in one request"));
        }
        // A list of all is work and memory for as long as it is read.
        let open = (named == 0).then(|| self.gate.follow(&admitted)).transpose()?;
        let heads = if named == 0 { self.core.store.heads().len() } else { named };
        let held = way::held(&request, (heads * HEAD_BYTES).min(HEADS_HELD_MAX)).await?;
        let wanted = request.into_inner().feed_ids;
        let core = self.core.clone();
        let messages = blocking(move || Ok(stated_heads(&core, &admitted.viewer, &wanted))).await?;
        let messages = messages.into_iter().map(move |message| {
            let _open = (&open, &held);
            Ok(message)
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }

    type PullStream = Answers<PullResponse>;

    async fn pull(&self, request: Request<PullRequest>) -> Result<Response<Self::PullStream>, Status> {
        let admitted = self.gate.admit(&request)?;
        let (sender, answers) = way::of(&request, limits::PIPELINE_MESSAGES / 2);
        let asked = request.into_inner();
        match asked.position {
            None if asked.ranges.is_empty() && (!asked.newest_first || asked.measure) => {
                return Err(status(Reason::BadRequest, "a pull names ranges, or a position"));
            }
            Some(_) if !asked.ranges.is_empty() => {
                return Err(status(Reason::BadRequest, "a pull names ranges or a position, not both"));
            }
            None => {
                let ranges = Ranges::parse(&asked)?;
                let core = self.core.clone();
                tokio::spawn(ranges.serve(core, admitted, sender));
            }
            Some(from) => {
                let ordinal = self.resume(&from, &admitted)?;
                let core = self.core.clone();
                let open = self.gate.follow(&admitted)?;
                tokio::spawn(async move {
                    serve_log(core, admitted, ordinal, asked.follow, sender).await;
                    drop(open);
                });
            }
        }
        Ok(Response::new(Box::pin(answers)))
    }

    type PushStream = Answers<PushResponse>;

    async fn push(
        &self,
        request: Request<Streaming<PushRequest>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let admitted = self.gate.admit(&request)?;
        let (gate, core, evidence) = (Arc::clone(&self.gate), self.core.clone(), self.evidence.clone());
        let messages = request.into_inner();
        let answers = async move {
            let place = Arc::new(gate.push(admitted.party).await?);
            Ok::<_, Status>(messages.then(move |message| {
                let (core, evidence, admitted) = (core.clone(), evidence.clone(), admitted.clone());
                let (gate, place) = (Arc::clone(&gate), Arc::clone(&place));
                async move {
                    let PushRequest { runs, forks } = message?;
                    let feeds = feeds_of(&runs);
                    let proofs = forks.iter().map(prost::Message::encoded_len).sum::<usize>();
                    let bytes = proofs + runs.iter().map(|r| r.entries.len()).sum::<usize>();
                    let Admitted { party, standing, .. } = admitted.now(&core);
                    let turn = gate.turn(party, standing, bytes).await;
                    let admitted = admitted.now(&core);
                    let (origin, viewer) = (origin(&admitted), admitted.viewer);
                    let proofs = core.ingest.take_forks(forks, origin).await;
                    let taken = core.ingest.take(runs, origin).await;
                    drop((turn, place));
                    let mut response = push_response(&taken);
                    response.refusals.extend(proofs.into_iter().filter_map(refused_proof));
                    response.receipts =
                        blocking(move || Ok(evidence.receipts(&viewer, &feeds, &taken))).await?;
                    Ok(response)
                }
            }))
        };
        let answers = futures::stream::once(answers).try_flatten();
        Ok(Response::new(Box::pin(answers)))
    }

    type StatementsStream = Answers<StatementsResponse>;

    async fn statements(
        &self,
        request: Request<StatementsRequest>,
    ) -> Result<Response<Self::StatementsStream>, Status> {
        let admitted = self.gate.admit(&request)?;
        let (evidence, asked) = (self.evidence.clone(), request.into_inner());
        let messages = blocking(move || evidence.statements(&admitted.viewer, asked)).await?;
        Ok(Response::new(Box::pin(tokio_stream::iter(messages.into_iter().map(Ok)))))
    }

    async fn checkpoint(
        &self,
        request: Request<CheckpointRequest>,
    ) -> Result<Response<CheckpointResponse>, Status> {
        self.gate.admit(&request)?;
        let (evidence, asked) = (self.evidence.clone(), request.into_inner());
        blocking(move || evidence.checkpoint(&asked)).await.map(Response::new)
    }
}

impl Federation {
    fn resume(&self, from: &Position, admitted: &Admitted) -> Result<u64, Status> {
        if from.log_id.is_empty() {
            return Ok(0);
        }
        let same = LogId::from_slice(&from.log_id) == Some(self.core.store.log_id());
        let within = from.ordinal <= self.core.store.end();
        match same && within && from.entitlement == entitlement(admitted) {
            true => Ok(from.ordinal),
            false => Err(status(Reason::UnknownPosition, "compare heads, then follow from the new position")),
        }
    }
}

/// Where a caller's entries come from: linked hubs bring what they carry, others their own.
pub fn origin(admitted: &Admitted) -> Origin {
    match admitted.standing {
        Standing::Peer | Standing::Own => Origin::Peer,
        _ => Origin::Caller(admitted.party),
    }
}

/// Why a proof of a fork was not taken; its place is 0.
fn refused_proof((feed, result): (FeedId, Result<bool, Reason>)) -> Option<RunRefusal> {
    let reason = result.err()?;
    let (code, message) = (reason.code().to_owned(), reason.meaning().to_owned());
    Some(RunRefusal { feed_id: feed.to_vec(), from: 0, reason: code, message })
}

/// What became of each run, as it travels.
pub fn push_response(taken: &[Taken]) -> PushResponse {
    let mut response = PushResponse::default();
    for run in taken {
        let refused = match &run.result {
            Ok(stored) => {
                response.stored += stored.stored;
                response.known += stored.known;
                // It is kept, and what comes before it is asked for.
                stored.above.then_some(Reason::Gap)
            }
            Err(reason) => Some(*reason),
        };
        response.refusals.extend(refused.map(|reason| RunRefusal {
            feed_id: run.feed.to_vec(),
            from: run.from,
            reason: reason.code().to_owned(),
            message: reason.meaning().to_owned(),
        }));
    }
    response
}

/// The stated heads that a caller may hear of: of the feeds that it names, or of all where it names none.
pub(super) fn stated_heads(core: &Core, viewer: &Viewer, wanted: &[Vec<u8>]) -> Vec<HeadsResponse> {
    let heads = match wanted {
        [] => core.counted_heads(),
        // By their ids, each once: what is asked costs no more than what is named.
        some => {
            let ids: BTreeSet<FeedId> = some.iter().filter_map(|id| FeedId::from_slice(id)).collect();
            let held = ids.iter().filter_map(|id| core.store.head(id));
            held.filter_map(|held| Some(crate::store::FeedHead { head: core.counted(&held)?, ..held }))
                .collect()
        }
    };
    let readable: Vec<_> = heads.into_iter().filter(|h| viewer.may_read(&h.feed)).collect();
    let travelling = |h: &crate::store::FeedHead| FeedHead {
        feed: Some(feed_parts(&h.feed)),
        seq: h.head.seq.value(),
        entry_hash: h.head.hash.to_vec(),
        frozen: core.forks.freeze(&h.feed.id()).is_some(),
    };
    let part =
        |part: &[crate::store::FeedHead]| HeadsResponse { heads: part.iter().map(travelling).collect() };
    readable.chunks(HEADS_PER_MESSAGE).map(part).collect()
}

/// Runs what waits for the disk away from the network's tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(status(Reason::StoreFailed, "")),
    }
}

fn feeds_of(runs: &[v1::Run]) -> Vec<caphub_proto::wire::Feed> {
    let parts = runs.iter().filter_map(|r| r.feed.as_ref());
    let feeds =
        parts.map(|f| caphub_proto::wire::Feed::from_parts(&f.party_id, &f.operator_key, &f.audience));
    feeds.filter_map(Result::ok).collect()
}

pub(super) async fn serve_log(
    core: Core,
    admitted: Admitted,
    mut ordinal: u64,
    follow: bool,
    sender: Sender,
) {
    let mut growing = core.store.subscribe();
    let mut standings = core.admissions.watch();
    // Earlier proofs come by reconciliation: who lacks one differs by it.
    let (mut told_current, mut told_forks) = (false, core.forks.end());
    loop {
        growing.mark_unchanged();
        let Some(place) = sender.room(BATCH_BYTES).await else { return };
        let read = core.store.read_from(ordinal, BATCH_BYTES);
        let (runs, next) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, ordinal, "the log could not be read");
                return place.send(Err(status(Reason::StoreFailed, "")));
            }
        };
        // What the caller may read can change while it reads: it reconciles then.
        if admitted.now(&core) != admitted {
            return;
        }
        let at_end = next >= core.store.end();
        ordinal = next;
        // A linked hub wrote its own entries; a member's other machine has not seen its party's.
        let echo = |r: &StoredRun| admitted.standing == Standing::Peer && r.feed.party == admitted.party;
        let due = runs.into_iter().filter(|r| !echo(r) && admitted.viewer.may_read(&r.feed));
        let due = due.flat_map(|r| core.servable(r));
        let new = core.forks.since(told_forks);
        told_forks += new.len();
        let readable = new.iter().filter(|proof| admitted.viewer.may_read(proof.feed()));
        let message = PullResponse {
            runs: due.map(travelling).collect(),
            position: Some(position(&core.store, ordinal, &admitted)),
            current: at_end,
            measure: None,
            forks: readable.map(|proof| forks::travelling(proof)).collect(),
        };
        let news = !message.runs.is_empty() || !message.forks.is_empty() || (at_end && !told_current);
        match news {
            true => place.send(Ok(message)),
            false => drop(place),
        }
        told_current |= at_end;
        if at_end && !follow {
            return;
        }
        if at_end {
            tokio::select! {
                grown = growing.changed() => if grown.is_err() { return },
                changed = standings.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    }
}

fn travelling(run: StoredRun) -> v1::Run {
    v1::Run { feed: Some(feed_parts(&run.feed)), entries: run.packed }
}

/// The party of a request field.
pub fn party_of(bytes: &[u8]) -> Result<PartyId, Status> {
    PartyId::from_slice(bytes).ok_or_else(|| status(Reason::BadRequest, "an organisation id has 32 bytes"))
}
