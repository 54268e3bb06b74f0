//! The golden vectors of SPEC.md section 12: written by this test, read by every implementation.
//!
//! `CAPHUB_WRITE_VECTORS=1 cargo test -p caphub-proto --test vectors` writes the files anew. Without it the test
//! fails where the files differ from what the code makes, or where the code judges a case otherwise than stated.

#![allow(unreachable_pub, clippy::unwrap_used)]

mod acts;
mod artifacts;
mod carry;
mod case;
mod closings;
mod curve;
mod ed25519;
mod entries;
mod forks;
mod history;
mod identity;
mod judge;
mod reconcile;
mod rules;
mod runs;
mod seals;
mod statements;

use std::path::PathBuf;

use serde::Serialize;

#[derive(Serialize)]
struct File<'a, T> {
    cases: &'a [T],
}

/// Writes the cases, or compares them with the file that is there.
fn keep<T: Serialize>(name: &str, cases: &[T]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    let text = serde_json::to_string_pretty(&File { cases }).unwrap() + "\n";
    if std::env::var_os("CAPHUB_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let held = std::fs::read_to_string(&path).unwrap();
    // Not assert_eq: a failure would print megabytes.
    assert!(held == text, "{name} is not what the code makes; write it anew and read the difference");
}

#[test]
fn entries_are_judged_as_the_vectors_say() {
    let cases = entries::cases();
    for case in &cases {
        let found = judge::entry(&case.entry).err().map_or("", |r| r.code());
        assert_eq!(found, case.reason, "entries.json: {}", case.name);
        assert_eq!(case.valid, case.reason.is_empty(), "{}", case.name);
    }
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("entries.json", &cases);
}

#[test]
fn published_edge_cases_of_signatures_are_judged_as_the_vectors_say() {
    let cases = ed25519::cases();
    assert_eq!(cases.len(), 12);
    for case in &cases {
        assert_eq!(ed25519::judge(case), case.reason, "ed25519.json: {}", case.name);
    }
}

#[test]
fn files_endorsements_and_barriers_are_as_the_vectors_say() {
    let cases = artifacts::cases();
    let valid = cases.iter().filter(|c| c.rest["valid"] == true).map(|c| c.name.as_str());
    assert_eq!(valid.collect::<Vec<_>>(), ["list: of two chunks"]);
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("artifacts.json", &cases);
}

#[test]
fn runs_are_judged_as_the_vectors_say() {
    let cases = runs::cases();
    for case in &cases {
        let found = judge::run(&case.entries).err().map_or("", |r| r.code());
        assert_eq!(found, case.reason, "runs.json: {}", case.name);
        assert_eq!(case.valid, case.reason.is_empty(), "{}", case.name);
    }
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("runs.json", &cases);
}

#[test]
fn identity_logs_are_judged_as_the_vectors_say() {
    let cases = identity::cases();
    for case in &cases {
        assert!(!case.events.is_empty(), "{}", case.name);
    }
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("identity.json", &cases);
}

#[test]
fn fingerprints_are_as_the_vectors_say() {
    let cases = reconcile::cases();
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("reconcile.json", &cases);
}

#[test]
fn carry_files_are_read_as_the_vectors_say() {
    let cases = carry::cases();
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("carry.json", &cases);
}

#[test]
fn fork_proofs_are_judged_as_the_vectors_say() {
    let cases = forks::cases();
    for case in &cases {
        let found = forks::judged(case);
        assert_eq!(found.err().map_or("", |r| r.code()), case.reason, "forks.json: {}", case.name);
        assert_eq!(case.valid, case.reason.is_empty(), "{}", case.name);
        if let Ok(common) = found {
            assert_eq!((common.seq, hex::encode(common.hash.0)), (case.common_seq, case.common_hash.clone()));
        }
    }
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("forks.json", &cases);
}

#[test]
fn sealed_plaintexts_are_judged_as_the_vectors_say() {
    let cases = seals::cases();
    for case in &cases {
        assert_eq!(seals::judged(case), case.reason, "seals.json: {}", case.name);
    }
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("seals.json", &cases);
}

#[test]
fn head_statements_are_judged_as_the_vectors_say() {
    let cases = statements::cases();
    for case in &cases {
        let due = (case.reason.clone(), case.result.clone());
        assert_eq!(statements::judged(case), due, "statements.json: {}", case.name);
    }
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("statements.json", &cases);
}

#[test]
fn histories_are_judged_as_the_vectors_say() {
    let cases = history::cases();
    for case in &cases {
        assert_eq!(history::judged(case), case.result, "history.json: {}", case.name);
    }
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("history.json", &cases);
}

#[test]
fn rules_give_what_the_vectors_say() {
    let cases = rules::cases();
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("rules.json", &cases);
}

#[test]
fn acts_make_what_the_vectors_say() {
    let cases = acts::cases();
    distinct(cases.iter().map(|c| c.name.as_str()));
    keep("acts.json", &cases);
}

/// The section of SPEC.md that says which case proves which rule names every case, and no other.
#[test]
fn the_specification_names_every_case() {
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../SPEC.md")).unwrap();
    let table = spec.split("| section | file | cases |").nth(1).unwrap();
    let rows: Vec<(&str, &str)> = table
        .lines()
        .skip(2)
        .take_while(|l| l.starts_with('|'))
        .map(|l| {
            let cells: Vec<&str> = l.trim_matches('|').split('|').map(str::trim).collect();
            (cells[1], cells[2])
        })
        .collect();
    let files = [
        ("entries.json", entries::cases().into_iter().map(|c| c.name).collect::<Vec<_>>()),
        ("ed25519.json", ed25519::cases().into_iter().map(|c| c.name).collect()),
        ("runs.json", runs::cases().into_iter().map(|c| c.name).collect()),
        ("identity.json", identity::cases().into_iter().map(|c| c.name).collect()),
        ("carry.json", carry::cases().into_iter().map(|c| c.name).collect()),
        ("reconcile.json", reconcile::cases().into_iter().map(|c| c.name).collect()),
        ("forks.json", forks::cases().into_iter().map(|c| c.name).collect()),
        ("statements.json", statements::cases().into_iter().map(|c| c.name).collect()),
        ("history.json", history::cases().into_iter().map(|c| c.name).collect()),
        ("rules.json", rules::cases().into_iter().map(|c| c.name).collect()),
        ("artifacts.json", artifacts::cases().into_iter().map(|c| c.name).collect()),
        ("acts.json", acts::cases().into_iter().map(|c| c.name).collect()),
    ];
    for (file, names) in files {
        let globs: Vec<&str> = rows
            .iter()
            .filter(|(f, _)| *f == file)
            // Names may hold commas: what stands between backticks is one.
            .flat_map(|(_, cases)| cases.split('`').skip(1).step_by(2))
            .collect();
        let matches = |glob: &str, name: &str| match glob.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == glob,
        };
        for name in &names {
            assert!(globs.iter().any(|g| matches(g, name)), "{file}: no row of SPEC.md names {name}");
        }
        for glob in globs {
            assert!(
                names.iter().any(|n| matches(glob, n)),
                "{file}: SPEC.md names {glob}, which is not there"
            );
        }
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        assert!(seen.insert(name), "two cases are called {name}");
    }
}
