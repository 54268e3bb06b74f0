//! What a node and commands take of memory on a full store: after its start, while it is searched, and with followers.
//!
//! `peak` and `now` are resident memory with pages of mapped files, which the system takes back when it needs them; `own` is
//! without them.

use std::time::Duration;

use caphub_node::author::now_ms;
use caphub_node::link::dial;
use caphub_proto::v1::SearchRequest;
use caphub_proto::v1::exchange_service_client::ExchangeServiceClient;
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::source::{Source, machine};
use crate::spoken::{LANGUAGES, query};
use crate::usage::{forget_peak, memory, mib, ratio};
use crate::{Plan, cold, fanout};

/// Searches while memory is looked at.
const SEARCHES: u64 = 300;
/// Records of a page, as `caphub search` asks for.
const PAGE: u32 = 50;
/// What a head of a feed takes at least: feed id, seq, hash, party, key.
const HEAD_BYTES: u64 = 32 + 8 + 32 + 32 + 32;
/// How long a node is left alone before it counts as idle.
const QUIET: Duration = Duration::from_secs(1);
/// How often the memory of a command is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let mut hub = Source::found(machine(), "hub").await;
    let (desk, parties) = {
        let catalogue = Catalogue::spoken(plan.entries, plan.feeds.min(plan.entries));
        hub.fill(&catalogue, catalogue.records.clone(), true).await;
        (catalogue.desk(0), catalogue.parties.len() as u64)
    };
    hub.start().await;
    tokio::time::sleep(QUIET).await;
    let mut measured = json!({ "entries": plan.entries, "feeds": plan.feeds, "followers": plan.followers });
    // Each party has an identity feed and one of records.
    let heads = 2 * parties * HEAD_BYTES;
    measured["bytes_of_the_heads_mib"] = mib(heads).into();
    note(&mut measured, "node_idle", hub.pid());
    measured["node_idle_own_to_heads"] = ratio(memory(hub.pid()).own as f64, heads as f64).into();
    let addresses = [hub.node.address.clone()];
    let channel = dial(&desk, hub.party, None, &addresses, now_ms()).await.expect("a link");
    let mut client = ExchangeServiceClient::new(channel).max_decoding_message_size(16 << 20);
    forget_peak(hub.pid());
    for n in 0..SEARCHES {
        let query = query(n as usize % LANGUAGES.len(), n);
        let request = SearchRequest { query, page_size: PAGE, ..SearchRequest::default() };
        client.search(request).await.expect("an answer");
    }
    note(&mut measured, "node_searched", hub.pid());
    forget_peak(hub.pid());
    let followers = fanout::followers(&hub, plan.followers).await;
    tokio::time::sleep(QUIET).await;
    note(&mut measured, "node_followed", hub.pid());
    drop(followers);
    cold::round(&hub, "replica", &hub.node.address).await;
    for (name, words) in [("status", &["status"][..]), ("search", &["search", "forensics"][..])] {
        let peak = command(&hub, &[&["--home", "replica", "--json"], words].concat()).await;
        measured[format!("command_{name}_peak_mib")] = mib(peak).into();
    }
    measured
}

fn note(measured: &mut Value, state: &str, pid: u32) {
    let used = memory(pid);
    for (name, bytes) in [("peak", used.peak), ("now", used.now), ("own", used.own)] {
        measured[format!("{state}_{name}_mib")] = mib(bytes).into();
    }
}

/// The most memory that a command has, as far as looks at it tell.
async fn command(hub: &Source, words: &[&str]) -> u64 {
    let mut child = hub.machine.start(words);
    let (pid, mut peak) = (child.id().expect("a process"), 0);
    loop {
        peak = peak.max(memory(pid).peak);
        match tokio::time::timeout(LOOK, child.wait()).await {
            Ok(ended) => {
                assert!(ended.expect("a process").success(), "{words:?}");
                return peak;
            }
            Err(_) => continue,
        }
    }
}
