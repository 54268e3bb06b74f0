//! One run from its scenario to its result.

use std::collections::BTreeMap;

use crate::sim::build::LOOK;
use crate::sim::queue::{Micros, SECOND};
use crate::sim::scenario::{Fault, Scenario};
use crate::sim::world::{Counts, World};

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Nodes in it.
    pub nodes: usize,
    /// Virtual time.
    pub time: Micros,
    /// From the last record where nothing struck, or else from the end of faults, until all agreed.
    pub settled: Option<Micros>,
    /// What went wrong, first of all.
    pub failures: Vec<String>,
    /// Numbers.
    pub counts: Counts,
    /// What happened, where that was asked for.
    pub trace: Vec<String>,
}

/// Plays a scenario to its end.
pub fn run(scenario: Scenario, trace: bool) -> Outcome {
    let (seed, busy, patience) = (scenario.seed, scenario.busy, scenario.patience);
    let mut world = World::build(scenario, trace);
    let calm = world.scenario.faults.is_empty();
    while world.queue.now() < busy && !(calm && world.writers == 0) {
        world.run_until((world.queue.now() + LOOK).min(busy));
    }
    let mut settled = None;
    let (began, mut wait) = (world.queue.now(), LOOK);
    let mut why = None;
    while world.oracle.failures.is_empty() && settled.is_none() {
        let now = world.queue.now();
        if now > busy + patience {
            break;
        }
        world.run_until(now + wait);
        // Everything has been written some time after the busy part: only then can all agree.
        why = world.unsettled();
        match &why {
            None if world.quiet() => settled = Some(world.queue.now() - began),
            _ => wait = (wait + wait / 8).min(20 * SECOND),
        }
    }
    if world.oracle.failures.is_empty() {
        if settled.is_none() {
            world.fails(why.unwrap_or_else(|| "writing does not end".to_owned()));
        }
        world.check_end();
    }
    let time = world.queue.now();
    Outcome {
        seed,
        nodes: world.nodes.len(),
        time,
        settled,
        failures: world.oracle.failures,
        counts: world.counts,
        trace: world.trace.unwrap_or_default(),
    }
}

impl World {
    /// True where nothing is being taken or written any more.
    pub fn quiet(&self) -> bool {
        let idle = |n: &crate::sim::node::Node| n.disk.writing.is_none() && n.lanes.is_empty();
        self.writers == 0 && self.nodes.iter().all(idle)
    }
}

/// Several runs together.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Runs.
    pub runs: u64,
    /// Virtual time of all.
    pub time: Micros,
    /// Faults that struck, by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Seeds that failed, each with what went wrong first.
    pub failed: Vec<(u64, String)>,
    /// Events taken.
    pub events: u64,
    /// Entries written.
    pub written: u64,
    /// Entries stored, again and again.
    pub stored: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Nodes of all runs.
    pub nodes: u64,
    /// The slowest to agree.
    pub slowest: Micros,
    /// Contradictions of dishonest nodes that their own statements show.
    pub shown: u64,
    /// Runs refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Sum {
    /// Adds one run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.time += outcome.time;
        self.events += outcome.counts.events;
        self.written += outcome.counts.written;
        self.stored += outcome.counts.stored;
        self.bytes += outcome.counts.sent.iter().sum::<u64>();
        self.nodes += outcome.nodes as u64;
        self.shown += outcome.counts.shown;
        self.slowest = self.slowest.max(outcome.settled.unwrap_or(0));
        for (fault, count) in &outcome.counts.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (reason, count) in &outcome.counts.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        if let Some(first) = outcome.failures.first() {
            self.failed.push((outcome.seed, first.clone()));
        }
    }
}
