//! What a node does about files by itself: it fetches those of records that it carries from linked hubs, within its
//! room, and forgets those that no record names any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caphub_proto::wire::PartyId;
use tokio_util::sync::CancellationToken;

use super::named::{Named, all};
use super::{BlobError, FetchError, FileId, Room, Source, fetch};
use crate::core::Core;
use crate::node::Node;

/// How long after a change of records files are looked at: records come in thousands, and their files after them.
const SOON: Duration = Duration::from_millis(500);
/// How often they are looked at where nothing changes.
const AGAIN: Duration = Duration::from_secs(30);
/// Waits before a file is asked for again: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));
/// Wait after a file that contradicts its own record: no later try will do better.
const NEVER: Duration = Duration::from_secs(24 * 3_600);
/// Files that are asked for in one turn.
const AT_ONCE: usize = 64;

/// When a file is asked for again.
struct Retry {
    next: Instant,
    wait: Duration,
}

/// Looks after files until `stop`.
pub async fn tend(node: Arc<Node>, room: Room, stop: CancellationToken) {
    let mut changes = node.core.views.watch();
    let mut retries: HashMap<FileId, Retry> = HashMap::new();
    loop {
        let waiting = tokio::select! {
            waiting = turn(&node, room, &mut retries) => waiting,
            () = stop.cancelled() => return,
        };
        // Where something is missing, the next try is due with its retry; else with the next change.
        let pause = waiting.map_or(AGAIN, |due| due.saturating_duration_since(Instant::now()).min(AGAIN));
        tokio::select! {
            () = tokio::time::sleep(pause.max(SOON)) => {}
            _ = changes.recv() => tokio::time::sleep(SOON).await,
            () = stop.cancelled() => return,
        }
        changes = changes.resubscribe();
    }
}

/// One look at all files; when the next is due.
async fn turn(node: &Arc<Node>, room: Room, retries: &mut HashMap<FileId, Retry>) -> Option<Instant> {
    let core = node.core.clone();
    let looked = tokio::task::spawn_blocking(move || look(&core, room)).await;
    let missing = match looked {
        Ok(Ok(missing)) => missing,
        Ok(Err(error)) => {
            tracing::warn!(%error, "files could not be looked after");
            return None;
        }
        Err(_) => return None,
    };
    retries.retain(|id, _| missing.iter().any(|(m, _)| m == id));
    let now = Instant::now();
    let due: Vec<&(FileId, Named)> = missing
        .iter()
        .filter(|(id, _)| retries.get(id).is_none_or(|r| r.next <= now))
        .take(AT_ONCE)
        .collect();
    let more = due.len() == AT_ONCE;
    if !due.is_empty() {
        let sources = sources(node).await;
        for (id, named) in due {
            let wait = match one(&node.core, named, &sources).await {
                Got::Whole => {
                    retries.remove(id);
                    continue;
                }
                Got::Never => NEVER,
                Got::NotYet => retries.get(id).map_or(RETRY.0, |r| (r.wait * 2).min(RETRY.1)),
            };
            retries.insert(*id, Retry { next: Instant::now() + wait, wait });
        }
    }
    if more {
        return Some(Instant::now());
    }
    retries.values().map(|r| r.next).min()
}

/// Forgets what no record names; what is missing and fits.
fn look(core: &Core, room: Room) -> Result<Vec<(FileId, Named)>, BlobError> {
    let failed = |e: crate::views::ViewsError| BlobError::Disk(std::io::Error::other(e));
    // Views that are behind do not know all records: what they miss is not forgotten.
    let current = core.views.behind() == 0;
    let mut named = all(core, None).map_err(failed)?;
    let mut held: HashMap<PartyId, u64> = HashMap::new();
    let mut total = 0;
    for (id, bytes) in core.blobs.all() {
        match named.get(&id) {
            None if current => core.blobs.remove(&id)?,
            None => {}
            Some(of) => {
                *held.entry(of.party).or_default() += bytes;
                total += bytes;
                if core.blobs.is_whole(&id) {
                    named.remove(&id);
                }
            }
        }
    }
    let mut missing: Vec<(FileId, Named)> = named.into_iter().collect();
    // The same order everywhere, the small ones first: more of them fit.
    missing.sort_by_key(|(id, n)| (n.blob.bytes, *id));
    missing.retain(|(_, n)| {
        let used = held.entry(n.party).or_default();
        let fits = n.blob.bytes <= room.file_bytes
            && *used + n.blob.bytes <= room.party_bytes
            && total + n.blob.bytes <= room.total_bytes;
        if fits {
            *used += n.blob.bytes;
            total += n.blob.bytes;
        }
        fits
    });
    Ok(missing)
}

async fn sources(node: &Arc<Node>) -> Vec<Source> {
    let mut sources = Vec::new();
    for card in node.peers.cards() {
        if let Ok(reached) = node.peers.dial(&card).await {
            sources.push(Source { name: card.name, channel: reached.channel });
        }
    }
    sources
}

/// What became of one file.
enum Got {
    Whole,
    NotYet,
    Never,
}

async fn one(core: &Core, named: &Named, sources: &[Source]) -> Got {
    let (got, mistrusted) = match fetch(&core.blobs, &named.blob, sources, &|_, _| {}).await {
        Ok(fetched) => (Got::Whole, fetched.mistrusted),
        Err(FetchError::Incomplete { fetched, .. } | FetchError::NoSource { fetched }) => {
            (Got::NotYet, fetched.mistrusted)
        }
        Err(FetchError::Blob(error)) => {
            tracing::warn!(%error, file = %hex::encode(&named.blob.manifest), "a file could not be kept");
            let never = matches!(error, BlobError::NotDigest);
            (if never { Got::Never } else { Got::NotYet }, Vec::new())
        }
    };
    for bad in mistrusted {
        let file = hex::encode(&named.blob.manifest);
        tracing::warn!(hub = bad.hub, file, chunk = ?bad.chunk, "a linked hub sent what is not the file");
    }
    got
}
