//! How long a node and commands take to start on a full store: after a clean end, and after one as a power cut leaves.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::source::{Source, machine};
use crate::usage::{at, millis, ratio};
use crate::{Plan, cold};

/// Starts of the least program that are measured.
const STARTS: usize = 15;
/// Commands that read a replica, from the start of the program to its end.
const COMMANDS: [(&str, &[&str]); 3] =
    [("status", &["status"]), ("search", &["search", "forensics"]), ("needs", &["need", "list"])];

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let catalogue = Catalogue::make(plan.entries, plan.feeds);
    let mut hub = Source::found(machine(), "hub").await;
    hub.fill(&catalogue, catalogue.records.clone(), true).await;
    drop(catalogue);
    let (mut clean, mut killed) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        clean.push(hub.start().await);
        hub.node.kill().await;
        killed.push(hub.start().await);
        hub.node.stop().await;
    }
    let index = read(&hub.directory().join("store/index"));
    hub.start().await;
    cold::round(&hub, "replica", &hub.node.address).await;
    let nothing = nothing(&hub).await;
    let mut measured = json!({
        "entries": plan.entries, "feeds": plan.feeds,
        "program_that_does_nothing_ms": millis(nothing),
        "reading_the_index_ms": millis(index),
        "node_start_ms_after_clean_end": millis(middle(&mut clean)),
        "node_start_ms_after_kill": millis(middle(&mut killed)),
        "node_start_to_floor": ratio(middle(&mut clean).as_secs_f64(), (nothing + index).as_secs_f64()),
    });
    for (name, words) in COMMANDS {
        let took = cold::command(&hub, "replica", words).await;
        measured[format!("command_{name}_ms")] = took.into();
        measured[format!("command_{name}_to_nothing")] = ratio(took, millis(nothing)).into();
    }
    measured
}

/// A program that only says its version.
async fn nothing(hub: &Source) -> Duration {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        hub.machine.run(&["--version"]).await.ok();
        times.push(started.elapsed());
    }
    middle(&mut times)
}

/// The time to read all files of a folder.
fn read(folder: &Path) -> Duration {
    let started = Instant::now();
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files.filter(|f| f.path().is_file()) {
        std::hint::black_box(std::fs::read(file.path()).expect("a file"));
    }
    started.elapsed()
}

fn middle(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    at(times, 0.5)
}
