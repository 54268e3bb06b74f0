//! A full hub and an empty replica that syncs with it, each in a process of its own.

use std::time::{Duration, Instant};

use caphub_node::arenas;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::catalogue::Catalogue;
use crate::floor;
use crate::proxy::Proxy;
use crate::receiver;
use crate::source::{Source, machine};
use crate::usage::{self, at, disk, memory, mib, millis, ratio};
use crate::{Plan, median, yardstick};

/// Times that a command is run to find its usual time.
const COMMANDS: usize = 7;

/// What one round took.
pub struct Round {
    said: Value,
    sender_cpu: Duration,
}

impl Round {
    fn of(&self, name: &str) -> u64 {
        self.said[name].as_u64().unwrap_or_else(|| panic!("{name} in {}", self.said))
    }

    fn rate(&self, name: &str) -> f64 {
        self.of("entries") as f64 * 1e6 / self.of(name) as f64
    }
}

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let catalogue = Catalogue::make(plan.entries, plan.feeds);
    let mut hub = Source::found(machine(), "hub").await;
    hub.fill(&catalogue, catalogue.records.clone(), true).await;
    let start = hub.start().await;
    let restarted = memory(hub.pid());
    let (mut floors, mut rounds, mut last) = (Vec::new(), Vec::new(), None);
    for n in 0..plan.rounds {
        floors.push(plan.entries as f64 / floor::run(&catalogue).as_secs_f64());
        let folder = format!("replica-{n}");
        rounds.push(round(&hub, &folder, &hub.node.address).await);
        if let Some(old) = last.replace(folder) {
            std::fs::remove_dir_all(hub.machine.path(&old)).expect("a folder to remove");
        }
    }
    let wire = wire(&hub).await;
    let entries = rounds.first().map_or(1, |r| r.of("entries")).max(1) as f64;
    rounds.sort_by_key(|r| r.of("durable_us"));
    let middle = rounds.get(rounds.len() / 2).expect("at least one round");
    let (floor, rate) = (median(&mut floors), middle.rate("durable_us"));
    let replica = last.expect("a replica");
    let path = hub.machine.path(&replica);
    let serving = memory(hub.pid());
    let (status, search) =
        (command(&hub, &replica, &["status"]).await, command(&hub, &replica, &["search", "forensics"]).await);
    hub.node.stop().await;
    let clean = hub.start().await;
    let entry_bytes = catalogue.bytes() as f64;
    let mut measured = json!({
        "entries": plan.entries, "feeds": plan.feeds, "entry_bytes": catalogue.bytes() / plan.entries,
        "floor_entries_per_second": floor.round(),
        "cold_sync_entries_per_second": rate.round(),
        "ratio_to_floor": ratio(rate, floor),
        "megabytes_per_second": (middle.of("bytes") as f64 / middle.of("durable_us") as f64).round(),
        "cpu_us_a_record_receiver": ratio(middle.of("cpu_us") as f64, entries),
        "cpu_us_a_record_sender": ratio(middle.sender_cpu.as_micros() as f64, entries),
        "wire_bytes_a_record": (wire as f64 / entries).round(),
        "searchable_entries_per_second": middle.rate("searchable_us").round(),
        "cpu_us_a_record_views": ratio(middle.of("views_cpu_us") as f64, entries),
        "receiver_peak_mib_until_durable": mib(middle.of("peak")),
        "receiver_peak_mib_until_searchable": mib(middle.of("views_peak")),
        "receiver_own_peak_mib": mib(middle.of("own_peak")),
        "sender_peak_mib": mib(serving.peak),
        "sender_own_mib": mib(serving.own),
        "node_mib_after_start": mib(restarted.now),
        "node_start_ms": millis(start),
        "node_start_ms_after_clean_end": millis(clean),
        "command_status_ms": status,
        "command_search_ms": search,
        "disk_ratio_all": ratio(disk(&path) as f64, entry_bytes),
        "disk_ratio_log": ratio(disk(&path.join("store/segments")) as f64, entry_bytes),
        "disk_ratio_index": ratio(disk(&path.join("store/index")) as f64, entry_bytes),
        "disk_ratio_views": ratio(disk(&path.join("views")) as f64, entry_bytes),
    });
    if plan.yardstick {
        drop(hub);
        yardstick::add(&mut measured, plan.entries, catalogue.bytes() / plan.entries, rate).await;
    }
    measured
}

/// One sync of an empty replica, in a process of its own.
pub async fn round(hub: &Source, folder: &str, address: &str) -> Round {
    let before = usage::cpu(hub.pid());
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    // As the programs do for themselves.
    let arenas = std::env::var(arenas::VARIABLE).unwrap_or(arenas::FEW.to_owned());
    command.env(arenas::VARIABLE, arenas);
    for (name, value) in arenas::GIVEN_BACK {
        command.env(name, std::env::var(name).unwrap_or(value.to_owned()));
    }
    command.arg(receiver::WORD).arg(hub.machine.path(folder)).arg(address).arg(hub.party.to_string());
    let said = command.output().await.expect("a receiver");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let sender_cpu = usage::cpu(hub.pid()) - before;
    Round { said: serde_json::from_slice(&said.stdout).expect("what it took"), sender_cpu }
}

/// Bytes on the wire of one more sync, the handshake and all framing included.
async fn wire(hub: &Source) -> u64 {
    let proxy = Proxy::start(&hub.node.address, Duration::ZERO).await.expect("a proxy");
    round(hub, "counted", &proxy.address).await;
    std::fs::remove_dir_all(hub.machine.path("counted")).expect("a folder to remove");
    let (up, down) = proxy.counts.now();
    up + down
}

/// The usual time of a command that reads the replica, from its start to its end.
pub async fn command(hub: &Source, replica: &str, words: &[&str]) -> f64 {
    let mut times = Vec::new();
    for _ in 0..COMMANDS {
        let started = Instant::now();
        hub.machine.run(&[&["--home", replica, "--json"], words].concat()).await.ok();
        times.push(started.elapsed());
    }
    times.sort_unstable();
    millis(at(&times, 0.5))
}
