//! Decoders survive what honest ones wrote and what is bent of it (threats.md rows 9, 15, 24 and 26), for a bounded time and
//! within a bounded memory. `tests/fuzz` has the same for cargo-fuzz.

use std::time::Duration;

use caphub_tests::fuzz::{TARGETS, all_seeds, drive, seeds};

/// Of each target, so that all of them stay below half a minute.
const EACH: Duration = Duration::from_millis(1_200);
/// The ceiling: what no input of 256 KiB may make any decoder take, beside what the cases themselves do.
const GROWTH_KIB_MAX: u64 = 256 * 1024;

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

#[test]
fn no_decoder_falls_over_bent_bytes() {
    let all = all_seeds();
    let before = peak_kib();
    for target in TARGETS {
        let own = seeds(target);
        assert!(!own.is_empty(), "{} has no cases", target.name);
        let count = drive(target, &own, &all, 1, EACH);
        eprintln!("{}: {} cases, {count} inputs", target.name, own.len());
        assert!(count > 0, "{}", target.name);
        assert!(peak_kib() < before + GROWTH_KIB_MAX, "{}: {before} to {} KiB", target.name, peak_kib());
    }
}

#[test]
fn every_decoder_has_a_target_for_cargo_fuzz_too() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    for target in TARGETS {
        let path = format!("fuzz_targets/{}.rs", target.name);
        let text = std::fs::read_to_string(folder.join(&path)).unwrap_or_default();
        assert!(text.contains(&format!("caphub_tests::fuzz::one(\"{}\"", target.name)), "{path}");
        assert!(manifest.contains(&format!("path = \"{path}\"")), "{path} is not in the manifest");
    }
}
