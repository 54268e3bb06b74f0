//! Many small networks under every fault, and a few larger ones: what must hold does, whatever the seed.

use caphub_tests::sim::queue::SECOND;
use caphub_tests::sim::run::{Outcome, Sum, run};
use caphub_tests::sim::scenario::{Fault, Scenario};
use caphub_tests::sim::topology::Topology;

/// Plays seeds; a failure names the seed and the words that play it again.
fn play(first: u64, seeds: u64, faults: &[Fault]) -> Sum {
    let mut sum = Sum::default();
    for seed in first..first + seeds {
        sum.add(&run(Scenario::drawn(seed, faults), false));
    }
    let words: Vec<&str> = faults.iter().map(|f| f.name()).collect();
    assert_eq!(sum.failed, [], "sim --seed N --trace --faults {}", words.join(","));
    sum
}

fn whole(outcome: &Outcome) {
    assert_eq!(outcome.failures, Vec::<String>::new(), "seed {}", outcome.seed);
}

#[test]
fn networks_agree_without_faults_and_at_little_cost() {
    let sum = play(1, 40, &[]);
    assert!(sum.slowest < 5 * SECOND, "{sum:?}");
}

#[test]
fn every_fault_together_breaks_no_promise() {
    let sum = play(1_000, 80, &Fault::ALL);
    for fault in Fault::ALL.into_iter().filter(|f| *f != Fault::Weather) {
        assert!(sum.faults.get(&fault).is_some_and(|n| *n > 0), "{fault:?} never struck");
    }
}

#[test]
fn what_was_acknowledged_survives_power_cuts_restores_and_full_disks() {
    play(2_000, 60, &[Fault::Crash, Fault::Restore, Fault::RestoreBare, Fault::DiskFull]);
}

/// A branch published entry by entry which a Revoke names (146, 10,103, 11,269, 3,004), a link that was not compared
/// again (1,164), and identity events in the wrong order (2,120); with all kinds, a batch that the register lost (4,838),
/// a refusal that outlived its reason (4,444), a named branch whose end alone was asked for (100,823, 101,432, 102,050), a
/// feed that was stated and did not come, and was not asked for again (403,263), and what one member's machine got by hand
/// and no hub on the way to another carries, a branch that nobody brings, or what a key signed
/// that its party's log no longer has (401,442, 410,301, 413,940, 416,230: the judge's own faults).
#[test]
fn seeds_that_once_failed_do_not_fail_again() {
    for seed in [146, 1_164, 2_120, 10_103, 11_269] {
        play(seed, 1, &Fault::ALL[..15]);
    }
    for seed in [
        4_444, 4_838, 100_823, 101_432, 102_050, 104_080, 104_235, 104_366, 401_442, 403_263, 410_301,
        413_940, 416_230,
    ] {
        play(seed, 1, &Fault::ALL);
    }
    play(3_004, 1, &[Fault::Fork, Fault::Partition, Fault::Weather]);
}

/// threats.md row 1.
#[test]
fn two_histories_of_one_author_are_found_by_all_who_may_see_them() {
    let sum = play(3_000, 60, &[Fault::Fork, Fault::Partition, Fault::Weather]);
    assert!(sum.faults[&Fault::Fork] > 20 && sum.refused.contains_key("frozen"), "{sum:?}");
}

/// threats.md row 3: the accusation is made from statements alone, and only against who contradicts itself.
#[test]
fn a_slow_hub_is_never_accused_and_one_that_states_less_than_before_is() {
    let slow =
        [Fault::Weather, Fault::Partition, Fault::Crash, Fault::DiskFull, Fault::Restore, Fault::Clock];
    assert_eq!(play(4_000, 60, &slow).shown, 0);
    assert!(play(4_200, 40, &[Fault::Stale]).shown > 0);
}

/// threats.md row 29.
#[test]
fn clocks_that_are_wrong_or_move_back_change_nothing() {
    let sum = play(5_000, 60, &[Fault::Clock, Fault::Weather]);
    assert!(sum.faults[&Fault::Clock] > 25, "{sum:?}");
}

/// threats.md rows 11 and 30: what nobody admitted stays within its quota, and the rest goes on.
#[test]
fn a_flood_of_unknown_parties_stays_within_its_quota_and_holds_nobody_up() {
    let sum = play(6_000, 50, &[Fault::Flood]);
    assert!(sum.refused.contains_key("quota"), "{sum:?}");
}

#[test]
fn altered_stripped_replayed_and_widened_entries_are_not_taken() {
    play(7_000, 100, &[Fault::Garbage, Fault::NoBody, Fault::Replay, Fault::Widen, Fault::Withhold]);
}

/// threats.md row 2: new root keys, and keys put in the place of what a thief signed, are in force everywhere.
#[test]
fn root_keys_are_replaced_and_stolen_ones_give_way_everywhere() {
    let faults = [Fault::Rotate, Fault::Theft, Fault::RestoreBare, Fault::Partition, Fault::Crash];
    let sum = play(9_000, 80, &faults);
    assert!(sum.faults[&Fault::Theft] > 10 && sum.refused.contains_key("identity_conflict"), "{sum:?}");
}

#[test]
fn an_erased_body_is_gone_wherever_its_withdrawal_is_and_nobody_brings_it_back() {
    let faults = [Fault::Erase, Fault::NoBody, Fault::Partition, Fault::Crash, Fault::Restore];
    let sum = play(9_200, 80, &faults);
    assert!(sum.faults[&Fault::Erase] > 20, "{sum:?}");
}

#[test]
fn files_carried_by_hand_bring_what_counts_and_nothing_else_however_damaged() {
    let faults = [Fault::Carry, Fault::Partition, Fault::Fork, Fault::Erase, Fault::Theft];
    let sum = play(9_400, 80, &faults);
    assert!(sum.faults[&Fault::Carry] > 20, "{sum:?}");
}

/// threats.md row 3.
#[test]
fn a_hub_that_shows_two_histories_is_found_and_one_that_was_restored_is_not() {
    assert!(play(9_600, 60, &[Fault::Split]).shown > 0);
    let honest = [Fault::Crash, Fault::Restore, Fault::RestoreBare, Fault::Erase, Fault::Partition];
    assert_eq!(play(9_700, 60, &honest).shown, 0);
}

#[test]
fn two_histories_of_one_length_are_found_when_the_network_heals() {
    for seed in 1..=20 {
        whole(&run(Scenario::even_twins(seed), false));
    }
}

#[test]
fn larger_networks_agree_in_every_topology() {
    for topology in Topology::GROWTH {
        let faults = [Fault::Partition, Fault::Crash, Fault::Clock];
        let scenario = Scenario::drawn(8_000, &faults).with(Some(120), Some(topology));
        whole(&run(scenario, false));
    }
}

/// The end of a branch that a Revoke names is kept above a hole: each node of the ring asks at once for what comes before. And
/// what takes the place of a branch goes back over the link that brought that branch (seed 3).
#[test]
fn a_named_branch_travels_round_a_ring_without_a_wait_at_each_node() {
    let faults = [Fault::Partition, Fault::Crash, Fault::Fork];
    for seed in [1, 3] {
        let scenario = Scenario::drawn(seed, &faults).with(Some(60), Some(Topology::Ring)).every(&faults);
        let outcome = run(scenario, false);
        whole(&outcome);
        assert!(outcome.settled < Some(60 * SECOND), "seed {seed}: {:?}", outcome.settled);
    }
}

/// A node that dials nobody who has them says in its Hello which bodies were withheld from it, and gets them.
#[test]
fn bodies_that_were_withheld_come_wherever_one_honest_node_has_them() {
    let sum = play(9_800, 80, &[Fault::NoBody, Fault::Crash, Fault::Partition]);
    assert!(sum.faults[&Fault::NoBody] > 100, "{sum:?}");
}

#[test]
fn a_seed_plays_the_same_again() {
    for seed in [1_000, 1_001, 1_002, 1_003] {
        let one = run(Scenario::drawn(seed, &Fault::ALL), true);
        let other = run(Scenario::drawn(seed, &Fault::ALL), true);
        assert!(one.trace == other.trace && one.counts.events == other.counts.events, "seed {seed}");
        assert!(!one.trace.is_empty());
    }
}
