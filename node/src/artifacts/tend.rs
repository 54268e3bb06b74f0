//! What a node does about files by itself: it fetches those of records that it carries from linked hubs, within its
//! room, and forgets those that no record names any more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::fetch::fetch_claimed;
use super::look::{Wanted, look};
use super::table::Claim;
use super::{BlobError, FetchError, FileId, Room, Source};
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

/// When a file that a record claims is asked for again.
struct Retry {
    next: Instant,
    wait: Duration,
}

type Retries = HashMap<Claim, Retry>;

/// Looks after files until `stop`.
pub async fn tend(node: Arc<Node>, room: Room, stop: CancellationToken) {
    let mut changes = node.core.views.watch();
    let mut retries = Retries::new();
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
async fn turn(node: &Arc<Node>, room: Room, retries: &mut Retries) -> Option<Instant> {
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
    let claimed: HashSet<&Claim> = missing.iter().flat_map(|(_, claims)| claims).collect();
    retries.retain(|claim, _| claimed.contains(claim));
    let due = due(&missing, retries, Instant::now());
    let more = due.len() == AT_ONCE;
    if !due.is_empty() {
        let sources = sources(node).await;
        for (id, claims) in due {
            let got = one(&node.core, &id, &claims, &sources).await;
            note(retries, &claims, got);
        }
    }
    if more {
        return Some(Instant::now());
    }
    retries.values().map(|r| r.next).min()
}

/// Files with a word on them that is due; what is asked for then is what any word says that was not found false.
fn due(missing: &[Wanted], retries: &Retries, now: Instant) -> Vec<Wanted> {
    let is_due = |claim: &Claim| retries.get(claim).is_none_or(|r| r.next <= now);
    let open = |claim: &&Claim| is_due(claim) || retries.get(claim).is_some_and(|r| r.wait != NEVER);
    let due = missing.iter().filter(|(_, claims)| claims.iter().any(is_due)).take(AT_ONCE);
    due.map(|(id, claims)| (*id, claims.iter().filter(open).copied().collect())).collect()
}

/// Notes for each word on a file when it is asked for again.
fn note(retries: &mut Retries, claims: &[Claim], got: Got) {
    for claim in claims {
        let wait = match got {
            Got::Whole => {
                retries.remove(claim);
                continue;
            }
            Got::Never => NEVER,
            Got::NotYet => retries.get(claim).map_or(RETRY.0, |r| (r.wait * 2).min(RETRY.1)),
        };
        retries.insert(*claim, Retry { next: Instant::now() + wait, wait });
    }
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
#[derive(Clone, Copy)]
enum Got {
    Whole,
    NotYet,
    Never,
}

async fn one(core: &Core, id: &FileId, claims: &[Claim], sources: &[Source]) -> Got {
    let file = hex::encode(id);
    let (got, mistrusted) = match fetch_claimed(&core.blobs, id, claims, sources, &|_, _| {}).await {
        Ok(fetched) => (Got::Whole, fetched.mistrusted),
        Err(FetchError::Incomplete { fetched, .. } | FetchError::NoSource { fetched }) => {
            (Got::NotYet, fetched.mistrusted)
        }
        Err(FetchError::Blob(error)) => {
            tracing::warn!(%error, file, "a file could not be kept");
            let never = matches!(error, BlobError::NotDigest);
            (if never { Got::Never } else { Got::NotYet }, Vec::new())
        }
    };
    for bad in mistrusted {
        tracing::warn!(hub = bad.hub, file, chunk = ?bad.chunk, "a linked hub sent what is not the file");
    }
    got
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_false_word_on_a_file_is_asked_for_no_more_and_holds_up_no_true_one() {
        let claim = |digest: u8| Claim { id: [1; 32], bytes: 1, digest: [digest; 32] };
        let (wrong, right) = (claim(1), claim(2));
        let mut retries = Retries::new();
        note(&mut retries, &[wrong], Got::Never);
        let now = Instant::now();
        assert!(due(&[([1; 32], vec![wrong])], &retries, now).is_empty());
        assert_eq!(due(&[([1; 32], vec![wrong, right])], &retries, now), [([1; 32], vec![right])]);
        note(&mut retries, &[right], Got::NotYet);
        assert!(due(&[([1; 32], vec![wrong, right])], &retries, now).is_empty());
        let other = claim(3);
        let both = [([1; 32], vec![right, other])];
        assert_eq!(due(&both, &retries, now), both, "a new word alone could be false");
    }
}
