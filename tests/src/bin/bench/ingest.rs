//! Entries through the node's own intake, durable and then searchable, without a network.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::source::{machine, take};
use crate::usage::{cpu, forget_peak, memory, mib, ratio};
use crate::{Plan, floor, median, receiver};

/// What one round took.
struct Round {
    durable: Duration,
    searchable: Duration,
    cpu: Duration,
    views_cpu: Duration,
}

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let catalogue = Catalogue::make(plan.entries, plan.feeds);
    let (mut floors, mut rounds) = (Vec::new(), Vec::new());
    forget_peak(std::process::id());
    for n in 0..plan.rounds {
        floors.push(plan.entries as f64 / floor::local(&catalogue).as_secs_f64());
        rounds.push(round(&catalogue, &format!("intake-{n}")).await);
    }
    rounds.sort_by_key(|r| r.durable);
    let middle = rounds.get(rounds.len() / 2).expect("at least one round");
    let entries = plan.entries as f64;
    let (floor, rate) = (median(&mut floors), entries / middle.durable.as_secs_f64());
    json!({
        "entries": plan.entries, "feeds": plan.feeds, "entry_bytes": catalogue.bytes() / plan.entries,
        "floor_entries_per_second": floor.round(),
        "durable_entries_per_second": rate.round(),
        "ratio_to_floor": ratio(rate, floor),
        "searchable_entries_per_second": (entries / middle.searchable.as_secs_f64()).round(),
        "cpu_us_a_record": ratio(middle.cpu.as_micros() as f64, entries),
        "cpu_us_a_record_views": ratio(middle.views_cpu.as_micros() as f64, entries),
        // The catalogue is in the same process.
        "peak_mib_with_the_catalogue": mib(memory(std::process::id()).peak),
    })
}

async fn round(catalogue: &Catalogue, folder: &str) -> Round {
    let path = machine().path(folder);
    let core = receiver::replica(&path).await;
    take(&core, catalogue.identities.clone()).await;
    let pid = std::process::id();
    let (started, before) = (Instant::now(), cpu(pid));
    take(&core, catalogue.records.clone()).await;
    let (durable, used) = (started.elapsed(), cpu(pid) - before);
    core.views.catch_up().expect("views");
    let (searchable, all) = (started.elapsed(), cpu(pid) - before);
    drop(core);
    std::fs::remove_dir_all(&path).expect("a folder to remove");
    Round { durable, searchable, cpu: used, views_cpu: all - used }
}
