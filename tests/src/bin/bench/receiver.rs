//! The receiving end of a cold sync, a process of its own so that its memory and processor time are its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caphub_cli::home::{Home, Me};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::founding::{NewParty, found};
use caphub_node::keys::fresh;
use caphub_node::link::LinkIdentity;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{FeedId, PartyId, Seq};
use serde_json::{Value, json};

use crate::syncing::{Link, Moved};
use crate::usage::{cpu, forget_peak, memory};

/// How often the receiver's own memory is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Word with which this program becomes a receiver: `receive FOLDER ADDRESS HUB`.
pub const WORD: &str = "receive";

/// Word with which it becomes one that tells how far it is: `receive-slowly FOLDER ADDRESS HUB`.
pub const SLOWLY: &str = "receive-slowly";

/// Makes an empty replica in the folder, syncs it, and says what that took.
pub async fn receive(folder: &Path, address: &str, hub: &str) -> Value {
    let hub: PartyId = hub.parse().expect("a hub's id");
    let core = replica(folder).await;
    let identity = LinkIdentity { party: core.party, signer: fresh().expect("a key") };
    let pid = std::process::id();
    forget_peak(pid);
    let own = Arc::new(AtomicU64::new(0));
    let watching = tokio::spawn(watch(pid, Arc::clone(&own)));
    let (started, before) = (Instant::now(), cpu(pid));
    let mut link = Link::open(&identity, hub, address).await;
    let moved = link.pull(&core).await;
    let (durable, used) = (started.elapsed(), cpu(pid) - before);
    let syncing = memory(pid);
    core.views.catch_up().expect("views");
    let (searchable, all) = (started.elapsed(), cpu(pid) - before);
    watching.abort();
    json!({
        "entries": moved.pulled, "bytes": moved.bytes,
        "durable_us": durable.as_micros() as u64, "searchable_us": searchable.as_micros() as u64,
        "cpu_us": used.as_micros() as u64, "views_cpu_us": (all - used).as_micros() as u64,
        "peak": syncing.peak, "views_peak": memory(pid).peak,
        "own_peak": own.load(Ordering::Relaxed),
    })
}

/// Keeps the most of a process's own memory, without pages of files: the system does not count that itself.
async fn watch(pid: u32, own: Arc<AtomicU64>) {
    loop {
        own.fetch_max(memory(pid).own, Ordering::Relaxed);
        tokio::time::sleep(LOOK).await;
    }
}

/// Syncs the replica of the folder, made where there is none, and says after every batch how far it is.
pub async fn receive_slowly(folder: &Path, address: &str, hub: &str) {
    let hub: PartyId = hub.parse().expect("a hub's id");
    let core = replica(folder).await;
    let identity = LinkIdentity { party: core.party, signer: fresh().expect("a key") };
    let say = |moved: Moved| {
        let held = core.store.heads();
        // The end of a feed may come before its beginning: it is found by a search, and not stated yet.
        let records = !core.store.above().is_empty()
            || held.iter().any(|h| !h.feed.is_identity() && h.feed.party != hub);
        println!("{}", json!({ "records": records, "entries": moved.pulled, "bytes": moved.bytes }));
    };
    let dialled = Instant::now();
    let mut link = Link::open(&identity, hub, address).await;
    println!("{}", json!({ "linked_us": dialled.elapsed().as_micros() as u64 }));
    let moved = link.pull_newest(&core, &say).await.expect("a sync");
    let heads = core.store.heads();
    let others = heads.iter().filter(|h| h.feed.party != core.party);
    let read = |feed: FeedId| core.store.read_feed(&feed, Seq::FIRST, usize::MAX).expect("a feed");
    let held: usize = others.flat_map(|h| read(h.feed.id())).map(|run| run.packed.len()).sum();
    println!("{}", json!({ "records": true, "bytes": moved.bytes, "held_bytes": held }));
}

/// The replica of a folder, as the command makes one.
pub async fn replica(folder: &Path) -> Core {
    let home = Home::new(Some(folder.to_owned()));
    if let Ok(me) = home.load() {
        let party = me.party().unwrap_or_default();
        return Core::open(folder, party, true, Quotas::default()).expect("a replica");
    }
    let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "bench", passphrase: None };
    let core = found(folder, &new, true, Quotas::default()).await.expect("a replica").core;
    let me = Me { party: core.party.to_string(), name: "Bench".to_owned(), ..Me::default() };
    assert!(home.save(&me).is_ok(), "the member's file");
    core
}
