//! Benchmarks that print ratios: `cargo run --release -p caphub-tests --bin bench -- cold-sync|floor [--json]`.
//!
//! `--entries N` and `--feeds N` change the size, `--rounds N` how often it is measured; the median is shown. Every
//! other command line is the command's own: the benchmark starts nodes as processes of this same program.

#![allow(unreachable_pub)]

mod catalogue;
mod cold;
mod floor;

use std::process::ExitCode;
use std::time::Duration;

use catalogue::Catalogue;
use serde_json::json;

/// What is measured, and how large it is.
struct Plan {
    entries: u64,
    feeds: u64,
    rounds: usize,
    json: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let what = words.first().map(String::as_str).unwrap_or_default();
    if !matches!(what, "cold-sync" | "floor") {
        if words.is_empty() {
            eprintln!(
                "error: name a benchmark: cold-sync or floor\nhint: --json, --entries N, --feeds N, --rounds N"
            );
            return ExitCode::from(2);
        }
        return caphub_cli::app::main();
    }
    let number = |name: &str, default: u64| {
        let at = words.iter().position(|w| w == name);
        at.and_then(|i| words.get(i + 1)?.parse().ok()).unwrap_or(default)
    };
    let plan = Plan {
        entries: number("--entries", 100_000),
        feeds: number("--feeds", 2_000).max(1),
        rounds: number("--rounds", 3).max(1) as usize,
        json: words.iter().any(|w| w == "--json"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(what == "cold-sync", &plan));
    ExitCode::SUCCESS
}

async fn measure(cold: bool, plan: &Plan) {
    let catalogue = Catalogue::make(plan.entries, plan.feeds);
    let mut floors: Vec<Duration> = Vec::new();
    let mut synced: Vec<cold::Times> = Vec::new();
    let hub = if cold { Some(cold::Source::start(&catalogue).await) } else { None };
    for _ in 0..plan.rounds {
        floors.push(floor::run(&catalogue));
        if let Some(hub) = &hub {
            synced.push(hub.sync(&catalogue).await);
        }
    }
    floors.sort_unstable();
    let rate = |time: Duration| plan.entries as f64 / time.as_secs_f64();
    let floor = rate(floors[floors.len() / 2]);
    let mut out = json!({
        "entries": plan.entries, "feeds": plan.feeds, "entry_bytes": catalogue.bytes() / plan.entries,
        "floor_entries_per_second": floor.round(),
    });
    if !synced.is_empty() {
        synced.sort_unstable_by_key(|t| t.durable);
        let median = synced[synced.len() / 2];
        let (durable, searchable) = (rate(median.durable), rate(median.searchable));
        out["cold_sync_entries_per_second"] = json!(durable.round());
        out["ratio_to_floor"] = json!((durable / floor * 1_000.0).round() / 1_000.0);
        out["searchable_entries_per_second"] = json!(searchable.round());
        out["megabytes_per_second"] =
            json!((catalogue.bytes() as f64 / 1e6 / median.durable.as_secs_f64()).round());
    }
    if plan.json {
        println!("{out}");
        return;
    }
    for (name, value) in out.as_object().expect("an object") {
        println!("{:<32} {value}", name.replace('_', " "));
    }
}
