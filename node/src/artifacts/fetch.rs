//! Fetching a file from several hubs at once: each chunk is compared as it comes, and whoever sent one that does not
//! fit is named and asked no more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caphub_proto::v1::artifact_service_client::ArtifactServiceClient;
use caphub_proto::v1::{Blob, ChunkRange, FetchRequest, ManifestRequest};
use caphub_proto::wire::chunks::Manifest;
use futures::future::join_all;
use tonic::Status;
use tonic::transport::Channel;

use super::table::Claim;
use super::{BlobError, Blobs, FileId, Incoming, State};
use crate::link::limits;

/// Most chunks of one request: what a cut loses is asked for again.
const REQUEST_CHUNKS_MAX: u32 = 64;
/// Requests into which each source's share is cut, so that a slow one holds up little.
const REQUESTS_EACH: u32 = 4;
/// How long a source may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Rounds over what is left, with the sources that still answer.
const ROUNDS_MAX: usize = 4;

/// A hub that may have the file.
#[derive(Clone)]
pub struct Source {
    /// What people call it.
    pub name: String,
    /// The open link.
    pub channel: Channel,
}

/// A hub that sent what does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistrusted {
    /// Which hub.
    pub hub: String,
    /// The chunk; `None` where it was the list of chunks.
    pub chunk: Option<u32>,
}

/// What a fetch did.
#[derive(Clone, Default, Debug)]
pub struct Fetched {
    /// Chunks that each hub sent.
    pub from: BTreeMap<String, u64>,
    /// Bytes that came.
    pub bytes: u64,
    /// Hubs that sent what does not fit.
    pub mistrusted: Vec<Mistrusted>,
    /// Hubs that did not answer, or not to the end, with what they said.
    pub failed: BTreeMap<String, String>,
}

/// The file did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The disk, or a record that contradicts itself.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Some chunks are still missing; what came is kept.
    #[error("{missing} of {all} chunks are missing")]
    Incomplete {
        /// Chunks that have not come.
        missing: u32,
        /// Chunks of the file.
        all: u32,
        /// What was done until then.
        fetched: Box<Fetched>,
    },
    /// No source has the list of its chunks.
    #[error("no hub that was asked has the file")]
    NoSource {
        /// What was done until then.
        fetched: Box<Fetched>,
    },
}

/// Hears how many chunks have come, and of how many.
pub type OnChunk<'a> = &'a (dyn Fn(u32, u32) + Sync);

struct Work<'a> {
    id: FileId,
    all: u32,
    queue: Mutex<VecDeque<ChunkRange>>,
    incoming: Arc<Mutex<Incoming>>,
    told: Mutex<Fetched>,
    done: Mutex<u32>,
    progress: OnChunk<'a>,
}

enum Trouble {
    Mistrusted(u32),
    Failed(String),
    Disk(BlobError),
}

/// Fetches what is missing of a file, goes on where an earlier fetch was cut, and compares the whole at the end.
pub async fn fetch(
    blobs: &Blobs,
    wanted: &Blob,
    sources: &[Source],
    progress: OnChunk<'_>,
) -> Result<Fetched, FetchError> {
    let claim = Claim::of(wanted).ok_or(BlobError::Absent)?;
    fetch_claimed(blobs, &claim.id, &[claim], sources, progress).await
}

/// Fetches what was found damaged of a file that had come whole before.
pub async fn fetch_again(blobs: &Blobs, id: &FileId, sources: &[Source]) -> Result<Fetched, FetchError> {
    fetch_any(blobs, id, None, sources, &|_, _| {}).await
}

/// The same, of a file of which records say different things: what fits none of them is dropped.
pub(super) async fn fetch_claimed(
    blobs: &Blobs,
    id: &FileId,
    claims: &[Claim],
    sources: &[Source],
    progress: OnChunk<'_>,
) -> Result<Fetched, FetchError> {
    fetch_any(blobs, id, Some(claims), sources, progress).await
}

async fn fetch_any(
    blobs: &Blobs,
    id: &FileId,
    claims: Option<&[Claim]>,
    sources: &[Source],
    progress: OnChunk<'_>,
) -> Result<Fetched, FetchError> {
    let id = *id;
    if blobs.state(&id) == State::Whole {
        return Ok(Fetched::default());
    }
    let mut told = Fetched::default();
    let list = match blobs.list(&id) {
        Some(list) => list,
        None => match list_from(&id, sources, &mut told).await {
            Some(list) => list,
            None => return Err(FetchError::NoSource { fetched: Box::new(told) }),
        },
    };
    let digests = claims.map(|claims| {
        let fitting = claims.iter().filter(|c| c.bytes == list.bytes());
        fitting.map(|c| c.digest).collect::<Vec<[u8; 32]>>()
    });
    if digests.as_ref().is_some_and(Vec::is_empty) {
        return Err(BlobError::NotDigest.into());
    }
    let incoming = {
        let (blobs, list) = (blobs.clone(), list.clone());
        blocking(move || blobs.receive(id, list)).await?
    };
    let missing: u32 = incoming.missing().iter().map(|r| r.count).sum();
    let work = Work {
        id,
        all: list.count(),
        queue: Mutex::default(),
        incoming: Arc::new(Mutex::new(incoming)),
        told: Mutex::new(told),
        done: Mutex::new(list.count() - missing),
        progress,
    };
    for _ in 0..ROUNDS_MAX {
        let ranges = lock(&work.incoming).missing();
        let usable: Vec<&Source> = sources.iter().filter(|s| work.may_ask(&s.name)).collect();
        if ranges.is_empty() || usable.is_empty() {
            break;
        }
        *lock(&work.queue) = requests(&ranges, usable.len() as u32);
        for trouble in join_all(usable.iter().map(|s| work.drain(s))).await {
            trouble?;
        }
    }
    let Work { incoming, told, all, .. } = work;
    let fetched = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    let missing: u32 = lock(&incoming).missing().iter().map(|r| r.count).sum();
    let incoming = Arc::into_inner(incoming).map(|i| i.into_inner().unwrap_or_else(PoisonError::into_inner));
    match incoming.filter(|_| missing == 0) {
        None => Err(FetchError::Incomplete { missing, all, fetched: Box::new(fetched) }),
        Some(incoming) => {
            blocking(move || match digests {
                Some(digests) => incoming.finish(&digests).map(drop),
                None => incoming.finish_again(),
            })
            .await?;
            Ok(fetched)
        }
    }
}

impl Work<'_> {
    fn may_ask(&self, hub: &str) -> bool {
        let told = lock(&self.told);
        !told.failed.contains_key(hub) && !told.mistrusted.iter().any(|m| m.hub == hub)
    }

    /// One source takes request after request until there are no more or it fails.
    async fn drain(&self, source: &Source) -> Result<(), BlobError> {
        loop {
            let Some(mut left) = lock(&self.queue).pop_front() else { return Ok(()) };
            let Err(trouble) = self.one(source, &mut left).await else { continue };
            lock(&self.queue).push_back(left);
            let mut told = lock(&self.told);
            match trouble {
                Trouble::Mistrusted(index) => {
                    told.mistrusted.push(Mistrusted { hub: source.name.clone(), chunk: Some(index) });
                }
                Trouble::Failed(why) => drop(told.failed.insert(source.name.clone(), why)),
                Trouble::Disk(error) => return Err(error),
            }
            return Ok(());
        }
    }

    /// One request; `left` is what it has not brought.
    async fn one(&self, source: &Source, left: &mut ChunkRange) -> Result<(), Trouble> {
        let failed = |status: Status| Trouble::Failed(status.message().to_owned());
        let request = FetchRequest { manifest: self.id.to_vec(), ranges: vec![*left] };
        let mut stream = client(source).fetch(request).await.map_err(failed)?.into_inner();
        while left.count > 0 {
            let message = tokio::time::timeout(SILENCE, stream.message()).await;
            let message = message.map_err(|_| Trouble::Failed("silent for a minute".to_owned()))?;
            let Some(message) = message.map_err(failed)? else {
                return Err(Trouble::Failed("ended before the last chunk".to_owned()));
            };
            if message.index != left.from {
                return Err(Trouble::Mistrusted(left.from));
            }
            let (incoming, bytes) = (Arc::clone(&self.incoming), message.chunk.len() as u64);
            let put = blocking(move || lock(&incoming).put(message.index, &message.chunk)).await;
            match put {
                Err(BlobError::NotChunk { index }) => return Err(Trouble::Mistrusted(index)),
                Err(error) => return Err(Trouble::Disk(error)),
                Ok(_) => {}
            }
            (left.from, left.count) = (left.from + 1, left.count - 1);
            let mut told = lock(&self.told);
            *told.from.entry(source.name.clone()).or_default() += 1;
            told.bytes += bytes;
            drop(told);
            let done = {
                let mut done = lock(&self.done);
                *done += 1;
                *done
            };
            (self.progress)(done, self.all);
        }
        Ok(())
    }
}

/// The list, from the first source that has it; one that sends another is asked no more.
async fn list_from(id: &FileId, sources: &[Source], told: &mut Fetched) -> Option<Manifest> {
    for source in sources {
        let request = ManifestRequest { manifest: id.to_vec() };
        match client(source).manifest(request).await {
            Ok(answer) => match Manifest::decode(&answer.into_inner().list, id) {
                Ok(list) => return Some(list),
                Err(_) => told.mistrusted.push(Mistrusted { hub: source.name.clone(), chunk: None }),
            },
            Err(status) => drop(told.failed.insert(source.name.clone(), status.message().to_owned())),
        }
    }
    None
}

/// What is missing, cut so that each source gets several pieces.
fn requests(missing: &[ChunkRange], sources: u32) -> VecDeque<ChunkRange> {
    let all: u32 = missing.iter().map(|r| r.count).sum();
    let size = (all / (sources * REQUESTS_EACH).max(1)).clamp(1, REQUEST_CHUNKS_MAX);
    let mut out = VecDeque::new();
    for range in missing {
        let (mut from, end) = (range.from, range.from + range.count);
        while from < end {
            let count = size.min(end - from);
            out.push_back(ChunkRange { from, count });
            from += count;
        }
    }
    out
}

pub(super) fn client(source: &Source) -> ArtifactServiceClient<Channel> {
    ArtifactServiceClient::new(source.channel.clone())
        .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
        .max_encoding_message_size(limits::MESSAGE_BYTES_MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is held is whole after each statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what waits for the disk away from the network's tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(BlobError::Disk(std::io::Error::other(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_cut_into_pieces_for_all_sources() {
        let range = |from, count| ChunkRange { from, count };
        assert_eq!(requests(&[range(0, 4), range(9, 1)], 2), [0, 1, 2, 3, 9].map(|f| range(f, 1)));
        let large = requests(&[range(0, 4_096)], 2);
        assert!(large.iter().all(|r| r.count == REQUEST_CHUNKS_MAX) && large.len() == 64);
        assert!(requests(&[], 0).is_empty());
    }
}
