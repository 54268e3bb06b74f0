//! Bends what honest ones wrote, against each decoder: `cargo run --release -p caphub-tests --bin fuzz -- [TARGET] [--seconds N]
//! [--seed N]`. Ends with the first input that a decoder does not survive, as hexadecimal, with its number. `--write FOLDER`
//! writes the cases of each target for cargo-fuzz instead.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use caphub_tests::fuzz::{TARGETS, all_seeds, drive, seeds};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| words.iter().position(|w| w == name).and_then(|i| words.get(i + 1));
    let number = |name: &str, default: u64| given(name).and_then(|n| n.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number("--seconds", 10), number("--seed", 1));
    if let Some(folder) = given("--write") {
        return write(Path::new(folder));
    }
    let wanted = words.first().filter(|w| !w.starts_with("--"));
    let (all, mut ran) = (all_seeds(), false);
    for target in TARGETS.iter().filter(|t| wanted.is_none_or(|w| w == t.name)) {
        ran = true;
        let own = seeds(target);
        let count = drive(target, &own, &all, seed, Duration::from_secs(seconds));
        println!("{:<12} {} cases, {count} inputs in {seconds} s, nothing found", target.name, own.len());
    }
    if !ran {
        let names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
        eprintln!("error: no such target\nhint: one of {}", names.join(", "));
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn write(folder: &Path) -> ExitCode {
    for target in TARGETS {
        let of = folder.join(target.name);
        std::fs::create_dir_all(&of).expect("a folder");
        for (at, case) in seeds(target).iter().enumerate() {
            std::fs::write(of.join(format!("{at:04}")), case).expect("a case");
        }
    }
    ExitCode::SUCCESS
}
