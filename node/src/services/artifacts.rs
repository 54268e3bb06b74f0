//! Files to those who may read a record that names them, and from those whose records do.

use std::pin::Pin;
use std::time::Duration;

use caphub_proto::v1::artifact_service_server::ArtifactService;
use caphub_proto::v1::{
    BringRequest, BringResponse, ChunkRange, FetchRequest, FetchResponse, Holding, HoldingsRequest,
    HoldingsResponse, ManifestRequest, ManifestResponse,
};
use caphub_proto::wire::chunks::{CHUNK_BYTES, CHUNKS_MAX, Manifest};
use caphub_proto::wire::{PartyId, Reason};
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::artifacts::{BlobError, Claim, FileId, HOLDINGS_MAX, Incoming, Named, Room, State, Used, named};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::services::gate::{Admitted, SharedGate};
use crate::services::status::status;
use crate::services::way;
use crate::standing::Standing;

/// How long views are waited for, and how often they are looked at.
const SETTLE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Serves files of one node.
pub struct Artifacts {
    core: Core,
    gate: SharedGate,
    room: Room,
}

impl Artifacts {
    /// Over a node's folder of files, within its room.
    pub fn new(core: Core, gate: SharedGate, room: Room) -> Self {
        Self { core, gate, room }
    }

    /// Files come right after the records that name them: views may need a moment to know those.
    async fn settled(&self) {
        let end = self.core.store.end();
        let known = async {
            while self.core.views.position() < end {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let _ = tokio::time::timeout(SETTLE, known).await;
    }

    /// Refuses where no readable record names a file. An unreadable record and an unknown file look the same from outside.
    async fn named(&self, admitted: &Admitted, id: FileId) -> Result<(), Status> {
        let (core, viewer) = (self.core.clone(), admitted.viewer.clone());
        let found = blocking(move || words(&core, &viewer, &id, None)).await?;
        match found.is_empty() {
            true => Err(status(Reason::NotFound, "no record that you may read names this file")),
            false => Ok(()),
        }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ArtifactService for Artifacts {
    async fn holdings(
        &self,
        request: Request<HoldingsRequest>,
    ) -> Result<Response<HoldingsResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let asked = request.into_inner().manifests;
        if asked.len() > HOLDINGS_MAX {
            return Err(status(Reason::BadRequest, "at most 64 files in one request"));
        }
        self.settled().await;
        let ids: Vec<FileId> = asked.iter().map(|m| file_id(m)).collect::<Result<_, _>>()?;
        let (core, room) = (self.core.clone(), self.room);
        let holdings = blocking(move || {
            let mut used = Used::of(&core);
            let each = ids.iter().map(|id| holding(&core, room, &admitted, id, &mut used));
            each.collect::<Result<Vec<_>, _>>()
        });
        Ok(Response::new(HoldingsResponse { holdings: holdings.await? }))
    }

    async fn manifest(
        &self,
        request: Request<ManifestRequest>,
    ) -> Result<Response<ManifestResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let id = file_id(&request.into_inner().manifest)?;
        self.named(&admitted, id).await?;
        let list = self.core.blobs.list(&id).ok_or_else(not_here)?;
        Ok(Response::new(ManifestResponse { list: list.encode() }))
    }

    type FetchStream = Answers<FetchResponse>;

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let admitted = self.gate.admit(&request)?;
        let (sender, answers) = way::of(&request, 2);
        let asked = request.into_inner();
        let id = file_id(&asked.manifest)?;
        self.named(&admitted, id).await?;
        let chunks = chunks(&asked.ranges)?;
        let open = self.gate.follow(&admitted)?;
        let blobs = self.core.blobs.clone();
        tokio::spawn(async move {
            for index in chunks {
                // Room first: callers that do not read hold neither a thread nor a chunk.
                let Some(place) = sender.room(CHUNK_BYTES[CHUNK_BYTES.len() - 1] as usize).await else {
                    return;
                };
                let blobs = blobs.clone();
                let read = tokio::task::spawn_blocking(move || blobs.chunk(&id, index)).await;
                match read {
                    Ok(Ok(chunk)) => place.send(Ok(FetchResponse { index, chunk })),
                    _ => return place.send(Err(not_here())),
                }
            }
            drop(open);
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn bring(
        &self,
        request: Request<Streaming<BringRequest>>,
    ) -> Result<Response<BringResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let mut messages = request.into_inner();
        let place = self.gate.push(admitted.party).await?;
        let Some(mut message) = messages.message().await? else {
            return Err(status(Reason::BadRequest, "a file is brought in one message or more"));
        };
        let id = file_id(&message.manifest)?;
        self.settled().await;
        let list = Manifest::decode(&message.list, &id)
            .map_err(|e| status(Reason::ChunkMismatch, &e.to_string()))?;
        let (core, room, caller) = (self.core.clone(), self.room, admitted.clone());
        let bytes = list.bytes();
        let held =
            blocking(move || match refused(&core, room, &caller, &id, Some(bytes), &mut Used::of(&core))? {
                Some(reason) => Err(status(reason, "")),
                None => core.blobs.receive(id, list).map_err(|e| blob_status(&e)),
            });
        let mut incoming = held.await?;
        let mut stored = 0;
        loop {
            let empty = message.chunk.is_empty() && incoming.list().count() == 0;
            if !empty {
                let turn = self.gate.turn(admitted.party, admitted.standing, message.chunk.len()).await;
                let (back, put) = blocking(move || {
                    let put = incoming.put(message.index, &message.chunk);
                    Ok((incoming, put))
                })
                .await?;
                drop(turn);
                incoming = back;
                stored += u32::from(put.map_err(|e| blob_status(&e))?);
            }
            match messages.message().await? {
                Some(next) => message = next,
                None => break,
            }
        }
        drop(place);
        let whole = incoming.is_complete();
        if whole {
            let core = self.core.clone();
            blocking(move || finish(&core, &admitted, &id, incoming)).await?;
        }
        Ok(Response::new(BringResponse { stored, whole }))
    }
}

fn words(core: &Core, viewer: &Viewer, id: &FileId, party: Option<&PartyId>) -> Result<Vec<Named>, Status> {
    named(core, viewer, id, party).map_err(|_| status(Reason::StoreFailed, ""))
}

/// Words that a bringer may rest on: its own, and those of anybody where it is a linked hub or this node's operator.
fn rests_on(core: &Core, admitted: &Admitted, id: &FileId) -> Result<Vec<Named>, Status> {
    let mut found = words(core, &admitted.viewer, id, Some(&admitted.party))?;
    if matches!(admitted.standing, Standing::Own | Standing::Peer) {
        found.extend(words(core, &admitted.viewer, id, None)?);
    }
    Ok(found)
}

/// All of a file was brought: it must be what the bringer's own record says. What only others' records say of it stays
/// for them.
fn finish(core: &Core, admitted: &Admitted, id: &FileId, incoming: Incoming) -> Result<(), Status> {
    let digests = |words: &[Named]| -> Vec<[u8; 32]> {
        words.iter().filter_map(|n| Claim::of(&n.blob)).map(|c| c.digest).collect()
    };
    let own = digests(&rests_on(core, admitted, id)?);
    let others = digests(&words(core, &admitted.viewer, id, None)?);
    let whole = incoming.finish(&[own.clone(), others].concat()).map_err(|e| blob_status(&e))?;
    match own.contains(&whole) {
        true => Ok(()),
        false => Err(blob_status(&BlobError::NotDigest)),
    }
}

fn holding(
    core: &Core,
    room: Room,
    admitted: &Admitted,
    id: &FileId,
    used: &mut Used,
) -> Result<Holding, Status> {
    let manifest = id.to_vec();
    if words(core, &admitted.viewer, id, None)?.is_empty() {
        let (state, reason) = ("unknown".to_owned(), Reason::NotFound.code().to_owned());
        return Ok(Holding { manifest, state, reason, ..Holding::default() });
    }
    let (state, missing) = match core.blobs.state(id) {
        State::Whole => ("whole", Vec::new()),
        State::Partial(missing) => ("partial", missing),
        State::Absent => ("absent", Vec::new()),
    };
    let reason = refused(core, room, admitted, id, None, used)?.map_or("", Reason::code).to_owned();
    Ok(Holding { manifest, state: state.to_owned(), missing, reason })
}

/// Why a caller may not bring a file, of this size where it is known; `None` where it may.
fn refused(
    core: &Core,
    room: Room,
    admitted: &Admitted,
    id: &FileId,
    bytes: Option<u64>,
    used: &mut Used,
) -> Result<Option<Reason>, Status> {
    let mut found = rests_on(core, admitted, id)?;
    if found.is_empty() {
        let known = !words(core, &admitted.viewer, id, None)?.is_empty();
        return Ok(Some(if known { Reason::NotEntitled } else { Reason::NotFound }));
    }
    found.retain(|named| bytes.is_none_or(|bytes| bytes == named.blob.bytes));
    if found.is_empty() {
        return Ok(Some(Reason::ChunkMismatch));
    }
    if core.blobs.list(id).is_some() {
        // It has its room already.
        return Ok(None);
    }
    for Named { party, blob } in found {
        let party = used.party(core, &party).map_err(|_| status(Reason::StoreFailed, ""))?;
        if party + blob.bytes <= room.party_bytes && used.total() + blob.bytes <= room.total_bytes {
            return Ok(None);
        }
    }
    Ok(Some(Reason::NoRoom))
}

fn file_id(bytes: &[u8]) -> Result<FileId, Status> {
    bytes.try_into().map_err(|_| status(Reason::BadRequest, "a file is named by 32 bytes"))
}

fn chunks(ranges: &[ChunkRange]) -> Result<Vec<u32>, Status> {
    let all: u64 = ranges.iter().map(|r| u64::from(r.count)).sum();
    if all > CHUNKS_MAX {
        return Err(status(Reason::BadRequest, "at most 4,096 chunks in one request"));
    }
    let each = |r: &ChunkRange| r.from..r.from.saturating_add(r.count);
    Ok(ranges.iter().flat_map(each).collect())
}

fn not_here() -> Status {
    status(Reason::NotFound, "this hub does not have the file, or not that part of it")
}

fn blob_status(error: &BlobError) -> Status {
    let reason = match error {
        BlobError::NotChunk { .. } | BlobError::NotDigest | BlobError::List(_) => Reason::ChunkMismatch,
        BlobError::Busy => Reason::TooManyRequests,
        BlobError::Absent => Reason::NotFound,
        BlobError::TooLarge { .. } => Reason::NoRoom,
        BlobError::Disk(_) => Reason::StoreFailed,
    };
    status(reason, &error.to_string())
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
