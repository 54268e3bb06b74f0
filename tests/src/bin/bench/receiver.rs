//! The receiving end of a cold sync, a process of its own so that its memory and processor time are its own.

use std::path::Path;
use std::time::Instant;

use caphub_cli::home::{Home, Me};
use caphub_node::carriage::Quotas;
use caphub_node::founding::{NewParty, found};
use caphub_node::keys::{KeyName, fresh};
use caphub_node::link::LinkIdentity;
use caphub_proto::wire::PartyId;
use caphub_proto::wire::identity::Capabilities;
use serde_json::{Value, json};

use crate::syncing::Link;
use crate::usage::{cpu, forget_peak, memory};

/// Word with which this program becomes a receiver: `receive FOLDER ADDRESS HUB`.
pub const WORD: &str = "receive";

/// Makes an empty replica in the folder, syncs it, and says what that took.
pub async fn receive(folder: &Path, address: &str, hub: &str) -> Value {
    let hub: PartyId = hub.parse().expect("a hub's id");
    let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "bench", passphrase: None };
    let founded = found(folder, &new, true, Quotas::default()).await.expect("a replica");
    let core = founded.core;
    let home = Home::new(Some(folder.to_owned()));
    let me = Me { party: core.party.to_string(), name: "Bench".to_owned(), ..Me::default() };
    assert!(home.save(&me).is_ok(), "the member's file");
    assert!(home.keys().read(KeyName::Operator, None).is_ok(), "the member's key");
    let identity = LinkIdentity { party: core.party, signer: fresh().expect("a key") };
    let pid = std::process::id();
    forget_peak(pid);
    let (started, before) = (Instant::now(), cpu(pid));
    let mut link = Link::open(&identity, hub, address).await;
    let moved = link.pull(&core).await;
    let (durable, used) = (started.elapsed(), cpu(pid) - before);
    let syncing = memory(pid);
    core.views.catch_up().expect("views");
    let (searchable, all) = (started.elapsed(), cpu(pid) - before);
    json!({
        "entries": moved.pulled, "bytes": moved.bytes,
        "durable_us": durable.as_micros() as u64, "searchable_us": searchable.as_micros() as u64,
        "cpu_us": used.as_micros() as u64, "views_cpu_us": (all - used).as_micros() as u64,
        "peak": syncing.peak, "views_peak": memory(pid).peak,
    })
}
