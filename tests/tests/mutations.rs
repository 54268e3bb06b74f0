//! The simulator is proven by what it catches: each seeded fault of the rules, within a bounded number of seeds.
#![cfg(feature = "mutations")]

use caphub_proto::mutation::{Mutation, set};
use caphub_tests::sim::queue::SECOND;
use caphub_tests::sim::run::run;
use caphub_tests::sim::scenario::{Fault, Scenario};
use caphub_tests::sim::topology::Topology;

/// Seeds within which a fault of the rules must show.
const SEEDS_MAX: u64 = 200;

/// What has to go wrong in the world for a fault of the rules to matter.
fn stage(mutation: Mutation) -> &'static [Fault] {
    use Fault::{Crash, DiskFull, Fork, Garbage, NoBody, Partition, Restore, RestoreBare, Rotate, Weather};
    match mutation {
        Mutation::SkipPrevious
        | Mutation::SkipRunSignature
        | Mutation::SkipBodyHash
        | Mutation::UncheckedProof => &[Garbage],
        Mutation::SkipPlacement
        | Mutation::AcceptRollback
        | Mutation::IgnoreRevocation
        | Mutation::NoFreeze
        | Mutation::AcceptBeyondFreeze
        | Mutation::HideFreeze => &[Fork, Partition],
        Mutation::FingerprintWithoutHash => &[],
        Mutation::AcknowledgeBeforeSync => &[Crash],
        Mutation::WidenAudience => &[],
        Mutation::StateAboveHole | Mutation::DropDifference => &[Partition, Crash],
        Mutation::AccuseLate => &[Weather],
        Mutation::IgnoreLogId => &[Restore],
        Mutation::AcceptAbsentBody => &[NoBody],
        Mutation::HideAbove | Mutation::KeepSent => &[Partition, Crash, Fork],
        Mutation::KeepRefusals => &[DiskFull, RestoreBare, Rotate],
        Mutation::RememberPassing => &[DiskFull],
        // `proto/tests/acts/mutants.rs` catches those of acts.
        _ => &[],
    }
}

/// A ring in which a named branch has to travel far, and soon.
fn in_a_ring(seed: u64, faults: &[Fault]) -> Scenario {
    let ring = Scenario::drawn(seed, faults).with(Some(60), Some(Topology::Ring)).every(faults);
    Scenario { patience: 60 * SECOND, ..ring }
}

/// The first seed that fails with the fault and does not without it, and why.
fn caught(mutation: Mutation) -> Option<(u64, String)> {
    let play = |seed, on| {
        set(on);
        let scenario = match mutation {
            // Two branches of one length must meet before either side has the proof of the fork.
            Mutation::FingerprintWithoutHash => Scenario::even_twins(seed),
            // What these lose comes with a later comparison, a minute later at each node of the way.
            // Each begins where its ring has that to lose, for such a ring takes a while.
            Mutation::HideAbove => in_a_ring(seed + 27, stage(mutation)),
            Mutation::KeepSent => in_a_ring(seed + 18, stage(mutation)),
            _ => Scenario::drawn(seed, stage(mutation)),
        };
        let failures = run(scenario, false).failures;
        set(None);
        failures.into_iter().next()
    };
    (1..=SEEDS_MAX)
        .find_map(|seed| Some((seed, play(seed, Some(mutation))?)).filter(|_| play(seed, None).is_none()))
}

#[test]
fn every_seeded_fault_is_caught_and_is_why_the_seed_fails() {
    let mut missed = Vec::new();
    for mutation in Mutation::ALL.iter().filter(|m| !m.is_of_acts()) {
        match caught(*mutation) {
            None => missed.push(*mutation),
            Some((seed, why)) => println!("{mutation:?} ({}): seed {seed}: {why}", mutation.meaning()),
        }
    }
    assert!(missed.is_empty(), "not caught within {SEEDS_MAX} seeds: {missed:?}");
}
