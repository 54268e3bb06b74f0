//! The benchmarks run, at a size that says nothing about speed, and print what they promise.

use std::process::Command;

use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");

fn measured(case: &str) -> Value {
    let size = ["--entries", "120", "--feeds", "4", "--rounds", "1", "--followers", "3", "--json"];
    let said = Command::new(BENCH).arg(case).args(size).output().expect("the benchmarks");
    assert!(said.status.success(), "{case}: {}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap_or_else(|e| panic!("{case}: {e}: {said:?}"))
}

fn states(case: &str, measured: &Value, names: &[&str]) {
    for name in names {
        assert!(measured[name].as_f64().is_some_and(|n| n > 0.0), "{case} lacks {name}: {measured}");
    }
    assert_eq!(measured["entries"], 120, "{case}: {measured}");
}

#[test]
fn ingest_states_its_ratio_to_the_floor_of_the_same_run() {
    let names = ["floor_entries_per_second", "durable_entries_per_second", "ratio_to_floor"];
    states("ingest", &measured("ingest"), &names);
}

#[test]
fn open_states_starts_of_nodes_and_commands_beside_a_program_that_does_nothing() {
    let starts = ["node_start_ms_after_clean_end", "node_start_ms_after_kill", "node_start_to_floor"];
    let commands = ["command_status_ms", "command_search_ms", "command_search_to_nothing"];
    states("open", &measured("open"), &[&starts[..], &commands[..]].concat());
}

#[test]
fn memory_states_a_node_at_rest_searched_and_followed_and_commands() {
    let node = ["node_idle_own_mib", "node_searched_peak_mib", "node_followed_now_mib"];
    let commands = ["command_status_peak_mib", "command_search_peak_mib"];
    let names = [&node[..], &commands[..]].concat();
    states("memory", &measured("memory"), &names);
}

#[test]
fn attack_states_an_honest_members_slowest_answers_quiet_and_attacked_and_the_nodes_memory() {
    let size = ["--seconds", "1", "--connections", "60", "--json"];
    let said = Command::new(BENCH).arg("attack").args(size).output().expect("the benchmarks");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let measured: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let rows = measured["attacks"].as_array().expect("attacks");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["attack"].as_str()).collect();
    for name in ["rapid reset", "slow handshakes", "slow readers", "half-open connections", "flooding member"]
    {
        assert!(names.contains(&name), "{names:?}");
    }
    for row in rows {
        for figure in ["quiet_p99_ms", "attacked_p99_ms", "ratio", "node_peak_mib"] {
            assert!(row[figure].as_f64().is_some_and(|n| n > 0.0), "{figure}: {row}");
        }
        assert!(row["attacker"]["tried"].as_u64().is_some_and(|n| n > 0), "{row}");
    }
}
