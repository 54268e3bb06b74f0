//! The simulator: `cargo run --release -p caphub-tests --bin sim -- --seeds N --nodes N` runs as long as asked.
//!
//! `--seed N --trace` plays one seed again and prints all that happens. `--growth` prints how convergence and bytes
//! grow with the number of nodes.

use std::process::ExitCode;

use caphub_tests::sim::queue::SECOND;
use caphub_tests::sim::run::{Outcome, Sum, run};
use caphub_tests::sim::scenario::{Fault, Scenario};
use caphub_tests::sim::topology::Topology;

const HELP: &str = "\
sim --seeds N [--first N]     plays N seeds, from the first on (default 1)
sim --seed N [--trace]        plays one seed; with --trace prints all that happens
sim --growth [--most N]       how convergence and bytes grow: 10, 100, 1000 and 5000 nodes, four topologies
  --nodes N                   hubs in each run; without it each seed draws from 2 to 7
  --topology WORD             ring, tree, random, hub-and-spoke or clique; without it each seed draws one
  --faults WORD,WORD...       all (default), none, or some of: weather, partition, crash, restore, restore-bare,
                              clock, disk-full, withhold, fork, replay, stale, garbage, flood, no-body, widen,
                              rotate, theft, erase, carry, split; each seed draws some of them
  --together                  all of these faults in each run, not some
  --minutes N                 ends after the seed that is being played then
A seed that fails is printed with what went wrong; `sim --seed N` with the same other words plays it again.";

/// What was asked for.
struct Asked {
    words: Vec<String>,
}

fn main() -> ExitCode {
    let asked = Asked { words: std::env::args().skip(1).collect() };
    match asked.play() {
        Ok(code) => code,
        Err(what) => {
            eprintln!("error: {what}\nhint: sim --help");
            ExitCode::from(2)
        }
    }
}

impl Asked {
    fn play(&self) -> Result<ExitCode, String> {
        if self.words.is_empty() || self.has("--help") {
            println!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        if self.has("--growth") {
            return Ok(growth(self.number("--most")?.unwrap_or(5_000) as usize));
        }
        if let Some(seed) = self.number("--seed")? {
            let outcome = run(self.scenario(seed)?, self.has("--trace"));
            outcome.trace.iter().for_each(|line| println!("{line}"));
            return Ok(show(&outcome));
        }
        let seeds = self.number("--seeds")?.ok_or("how many seeds?")?;
        let first = self.number("--first")?.unwrap_or(1);
        let minutes = self.number("--minutes")?;
        let began = std::time::Instant::now();
        let mut sum = Sum::default();
        for seed in first..first.saturating_add(seeds) {
            let outcome = run(self.scenario(seed)?, false);
            if let Some(failure) = outcome.failures.first() {
                println!("seed {seed}: {failure}");
            }
            sum.add(&outcome);
            if minutes.is_some_and(|m| began.elapsed().as_secs() >= m * 60) {
                break;
            }
        }
        report(&sum, began.elapsed().as_secs_f64());
        Ok(if sum.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn scenario(&self, seed: u64) -> Result<Scenario, String> {
        let faults = match self.word("--faults") {
            None | Some("all") => Fault::ALL.to_vec(),
            Some("none") => Vec::new(),
            Some(words) => words
                .split(',')
                .map(|w| Fault::parse(w).ok_or(format!("{w} is no fault")))
                .collect::<Result<_, _>>()?,
        };
        let topology = match self.word("--topology") {
            None => None,
            Some(word) => Some(Topology::parse(word).ok_or(format!("{word} is no topology"))?),
        };
        let nodes = self.number("--nodes")?.map(|n| n.clamp(1, 100_000) as usize);
        let scenario = Scenario::drawn(seed, &faults).with(nodes, topology);
        Ok(if self.has("--together") { scenario.every(&faults) } else { scenario })
    }

    fn has(&self, name: &str) -> bool {
        self.words.iter().any(|w| w == name)
    }

    fn word(&self, name: &str) -> Option<&str> {
        let at = self.words.iter().position(|w| w == name)?;
        self.words.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let parse = |w: &str| w.parse().map_err(|_| format!("{name} wants a number, not {w}"));
        self.word(name).map(parse).transpose()
    }
}

fn show(outcome: &Outcome) -> ExitCode {
    let mut sum = Sum::default();
    sum.add(outcome);
    outcome.failures.iter().for_each(|f| println!("seed {}: {f}", outcome.seed));
    report(&sum, 0.0);
    if sum.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(sum: &Sum, seconds: f64) {
    let line = |what: &str, value: String| println!("{what:<28}{value}");
    line("seeds", sum.runs.to_string());
    line("seeds that failed", sum.failed.len().to_string());
    line("simulated time", format!("{:.1} h", sum.time as f64 / SECOND as f64 / 3_600.0));
    line("real time", format!("{seconds:.1} s"));
    line("nodes a run", format!("{:.1}", sum.nodes as f64 / sum.runs.max(1) as f64));
    line("events", sum.events.to_string());
    line("entries written", sum.written.to_string());
    line("entries stored, all nodes", sum.stored.to_string());
    line("bytes a node", (sum.bytes / sum.nodes.max(1)).to_string());
    line("slowest to agree", format!("{:.1} s", sum.slowest as f64 / SECOND as f64));
    line("contradictions shown", sum.shown.to_string());
    for (fault, count) in &sum.faults {
        line(&format!("fault {}", fault.name()), count.to_string());
    }
    for (reason, count) in &sum.refused {
        line(&format!("refused {reason}"), count.to_string());
    }
}

/// The table of growth: from the last record written until the last node holds it, and bytes.
fn growth(most: usize) -> ExitCode {
    println!(
        "{:<16}{:>7}{:>14}{:>16}{:>10}{:>12}",
        "topology", "nodes", "converged", "bytes a node", "records", "real time"
    );
    let mut code = ExitCode::SUCCESS;
    for topology in Topology::GROWTH {
        for nodes in [10, 100, 1_000, 5_000].into_iter().filter(|n| *n <= most) {
            let began = std::time::Instant::now();
            let outcome = run(Scenario::growth(1, topology, nodes), false);
            let converged =
                outcome.settled.map_or("never".to_owned(), |t| format!("{:.1} s", t as f64 / 1e6));
            let bytes: u64 = outcome.counts.sent.iter().sum::<u64>() / nodes as u64;
            let (written, real) = (outcome.counts.written, began.elapsed().as_secs_f64());
            println!(
                "{:<16}{nodes:>7}{converged:>14}{bytes:>16}{written:>10}{real:>10.1} s",
                topology.name()
            );
            if let Some(failure) = outcome.failures.first() {
                println!("{failure}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
