//! Benchmarks that print ratios: `cargo run --release -p caphub-tests --bin bench -- CASE [--json]`.
//!
//! Cases: `cold-sync`, `floor`, `ingest`, `reconcile`, `idle`, `live`, `fanout`, `memory`, `open`, `slow-link`, `match`,
//! `search`, `attack`. `--entries N` and `--feeds N` change the size, `--rounds N` how often it is measured; the median is
//! shown. `attack` takes `--seconds N` of each attack and `--connections N`. `--yardstick` moves the same rows with PostgreSQL's logical replication in the same run. Every other command line is the command's own: the
//! benchmark starts nodes as processes of this same program.

#![allow(unreachable_pub)]

mod attack;
mod attacker;
mod catalogue;
mod cold;
mod fanout;
mod floor;
mod ingest;
mod live;
mod matching;
mod memory;
mod open;
mod pair;
mod proxy;
mod receiver;
mod reconcile;
mod searching;
mod slow;
mod source;
mod spoken;
mod syncing;
mod usage;
mod yardstick;

use std::process::ExitCode;

use catalogue::Catalogue;
use serde_json::{Value, json};

const CASES: &[&str] = &[
    "cold-sync",
    "floor",
    "ingest",
    "reconcile",
    "idle",
    "live",
    "fanout",
    "memory",
    "open",
    "slow-link",
    "match",
    "search",
    "attack",
];

/// What is measured, and how large it is.
struct Plan {
    entries: u64,
    feeds: u64,
    rounds: usize,
    followers: usize,
    seconds: u64,
    connections: usize,
    yardstick: bool,
    json: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            eprintln!("error: name a benchmark: {}", CASES.join(", "));
            eprintln!(
                "hint: --json, --entries N, --feeds N, --rounds N, --yardstick, --followers N, --seconds N, --connections N, --keep"
            );
            ExitCode::from(2)
        }
        [receiver::WORD, folder, address, hub] => {
            println!("{}", runtime().block_on(receiver::receive(folder.as_ref(), address, hub)));
            ExitCode::SUCCESS
        }
        [receiver::SLOWLY, folder, address, hub] => {
            runtime().block_on(receiver::receive_slowly(folder.as_ref(), address, hub));
            ExitCode::SUCCESS
        }
        [attacker::WORD, name, card, invitation, seconds, connections] => {
            let bounds = (seconds.parse().unwrap_or(1), connections.parse().unwrap_or(1));
            println!("{}", runtime().block_on(attacker::run(name, card, invitation, bounds)));
            ExitCode::SUCCESS
        }
        [case, ..] if CASES.contains(&case) => {
            let plan = Plan::of(case, &words);
            let measured = runtime().block_on(measure(case, &plan));
            show(&measured, plan.json);
            if !words.iter().any(|w| w == "--keep") {
                source::clear();
            }
            ExitCode::SUCCESS
        }
        _ => caphub_cli::app::main(),
    }
}

impl Plan {
    fn of(case: &str, words: &[String]) -> Self {
        let number = |name: &str, default: u64| {
            let at = words.iter().position(|w| w == name);
            at.and_then(|i| words.get(i + 1)?.parse().ok()).unwrap_or(default)
        };
        // What a slow link carries in less than a minute.
        let (entries, feeds) = if case == "slow-link" { (300, 30) } else { (100_000, 2_000) };
        Self {
            entries: number("--entries", entries).max(1),
            feeds: number("--feeds", feeds).max(1),
            rounds: number("--rounds", 3).max(1) as usize,
            followers: number("--followers", 50).clamp(1, 250) as usize,
            seconds: number("--seconds", 5).clamp(1, 60),
            connections: number("--connections", 10_000).clamp(1, 10_000) as usize,
            yardstick: words.iter().any(|w| w == "--yardstick"),
            json: words.iter().any(|w| w == "--json"),
        }
    }
}

async fn measure(case: &str, plan: &Plan) -> Value {
    match case {
        "cold-sync" => cold::run(plan).await,
        "ingest" => ingest::run(plan).await,
        "memory" => memory::run(plan).await,
        "open" => open::run(plan).await,
        "reconcile" => reconcile::run(plan).await,
        "idle" => reconcile::idle(plan).await,
        "live" => live::run(plan).await,
        "fanout" => fanout::run(plan).await,
        "slow-link" => slow::run(plan).await,
        "match" => matching::run(plan),
        "search" => searching::run(plan).await,
        "attack" => attack::run(plan).await,
        _ => {
            let catalogue = Catalogue::make(plan.entries, plan.feeds);
            let rate = |_| plan.entries as f64 / floor::run(&catalogue).as_secs_f64();
            let mut rates: Vec<f64> = (0..plan.rounds).map(rate).collect();
            json!({ "entries": plan.entries, "feeds": plan.feeds,
                "floor_entries_per_second": median(&mut rates).round() })
        }
    }
}

/// The middle one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    usage::at(values, 0.5)
}

fn show(measured: &Value, as_json: bool) {
    if as_json {
        println!("{measured}");
        return;
    }
    for (name, value) in measured.as_object().into_iter().flatten() {
        match value.as_array() {
            Some(rows) => rows.iter().for_each(|row| println!("{}", attack::line(row))),
            None => println!("{:<36} {value}", name.replace('_', " ")),
        }
    }
}
