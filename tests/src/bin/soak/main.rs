//! The soak: three linked hubs under mixed load, one of them restarted and one killed every minute.
//!
//! `cargo run -p caphub-tests --release --bin soak -- run --minutes 60` prints a line for each sample, then how memory, file
//! handles and disk went, and whether everything that was acknowledged is on all three. It ends with code 1 where it is not, or
//! where something grew that must not. `CAPHUB_SEED` plays a printed seed again, `CAPHUB_PATIENCE` is how many seconds one
//! command may take. Every other command line is the command's own: hubs and members are processes of this same program.

#![allow(unreachable_pub)]

mod held;
mod load;
mod samples;
#[allow(dead_code)]
#[path = "../bench/usage.rs"]
mod usage;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caphub_tests::acknowledged::Dice;
use caphub_tests::{Machine, NodeProcess};
use tokio_util::sync::CancellationToken;

use load::Load;
use samples::Samples;

/// The first word that asks for a soak.
const WORD: &str = "run";
/// Folders, names and regions of the hubs.
const HUBS: [(&str, &str, &str); 3] =
    [("north", "North Hub", "001"), ("east", "East Hub", "001"), ("south", "South Hub", "001")];
/// The hub that nothing strikes: a leak shows in a process that lives as long as the soak.
const SPARED: usize = 2;
/// How often a hub is restarted and another one killed, and how often is measured.
const ROUND: Duration = Duration::from_secs(60);
const SAMPLE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_none_or(|w| w != WORD) {
        return caphub_cli::app::main();
    }
    let minutes = words.iter().position(|w| w == "--minutes").and_then(|at| words.get(at + 1)?.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(soak(minutes.unwrap_or(60))) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn soak(minutes: u64) -> bool {
    let program = std::env::current_exe().expect("this program").display().to_string();
    let machine = Arc::new(Machine::new(&program, "en"));
    let mut dice = Dice::printed();
    let mut hubs = Vec::new();
    for (name, title, region) in HUBS {
        hubs.push(machine.hub(name, title, region).await);
    }
    for (at, hub) in hubs.iter().enumerate() {
        for other in hubs.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, h)| h) {
            hub.ask(&["link", "add", &other.card().await]).await.ok();
        }
    }
    let stop = CancellationToken::new();
    let load = Load::start(&machine, &hubs, &mut dice, stop.clone()).await;
    println!("{minutes} minutes, {} members, folder {}", load.members(), machine.path("").display());
    let mut samples = Samples::begin(HUBS.map(|(name, ..)| name));
    let began = Instant::now();
    let (mut round, mut killed, mut restarted) = (0_usize, 0, 0);
    while began.elapsed() < Duration::from_secs(minutes * 60) {
        let ends = ROUND * u32::try_from(round + 1).unwrap_or(u32::MAX);
        // One of the two is restarted in order, the other killed, each at a moment of its half of the minute.
        for (struck, kill) in [(round % 2, false), ((round + 1) % 2, true)] {
            measured(&hubs, &load, &mut samples, dice.below(20_000)).await;
            let Some(hub) = hubs.get_mut(struck) else { continue };
            match kill {
                true => hub.kill().await,
                false => hub.stop().await,
            }
            hub.up().await;
            killed += u32::from(kill);
            restarted += u32::from(!kill);
        }
        while began.elapsed() < ends {
            measured(&hubs, &load, &mut samples, SAMPLE.as_millis() as u64).await;
        }
        round += 1;
    }
    stop.cancel();
    println!("{killed} kills and {restarted} restarts of hubs");
    let whole = load.end(&machine, &mut hubs).await;
    let flat = samples.judge(SPARED);
    println!("{}", if whole && flat { "the soak passed" } else { "THE SOAK FAILED" });
    whole && flat
}

/// Waits, and measures all hubs that answer.
async fn measured(hubs: &[NodeProcess<'_>], load: &Load, samples: &mut Samples, milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    for (at, hub) in hubs.iter().enumerate() {
        samples.take(at, hub).await;
    }
    samples.line(&load.counts());
}
