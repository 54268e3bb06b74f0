//! The map stays true: layers point one way, files stay short, every dependency has its reason.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file that git knows, with its text where it is text.
fn files() -> Vec<(String, String)> {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output().expect("git");
    let names = String::from_utf8(listed.stdout).expect("names");
    let read = |name: &str| std::fs::read_to_string(root().join(name)).ok().map(|t| (name.to_owned(), t));
    let files: Vec<_> = names.lines().filter_map(read).collect();
    assert!(files.len() > 50, "git lists {} files", files.len());
    files
}

fn sources() -> Vec<(String, String)> {
    files().into_iter().filter(|(n, _)| n.ends_with(".rs")).collect()
}

#[test]
fn layers_point_one_way() {
    let rules: &[(&str, &[&str])] = &[
        ("sled::", &["node/src/store"]),
        ("tantivy::", &["node/src/views"]),
        ("rustls::", &["node/src/link"]),
        ("rcgen::", &["node/src/link"]),
        ("fluent_bundle::", &["node/src/texts"]),
        ("caphub_cli::", &[]),
    ];
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(n, _)| !n.starts_with("tests/")) {
        for (word, homes) in rules {
            // A program's own entry names its library.
            let main = *word == "caphub_cli::" && name == "cli/src/main.rs";
            if text.contains(word) && !main && !homes.iter().any(|h| name.starts_with(h)) {
                wrong.push(format!("{name} uses {word}"));
            }
        }
        let touches =
            ["SystemTime", "Instant::now", "std::fs", "std::net", "tokio::", "getrandom", "std::env"];
        for word in touches.iter().filter(|w| name.starts_with("proto/src") && text.contains(**w)) {
            wrong.push(format!("{name} touches the world: {word}"));
        }
    }
    let manifest =
        |name: &str| std::fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
    for (of, banned) in [("proto", &["caphub-node", "caphub-cli"][..]), ("node", &["caphub-cli"])] {
        for word in banned.iter().filter(|w| manifest(of).contains(**w)) {
            wrong.push(format!("{of} depends on {word}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_short_and_say_what_they_mean() {
    let (mut wrong, unfinished) =
        (Vec::new(), ["todo!(", "unimplemented!(", "dbg!(", "thread::sleep", "#[ignore"]);
    for (name, text) in sources() {
        let lines = text.lines().count();
        if lines > 500 {
            wrong.push(format!("{name} has {lines} lines"));
        }
        if !text.starts_with("//!") && name != "proto/build.rs" {
            wrong.push(format!("{name} does not say what it is for"));
        }
        for word in unfinished.iter().filter(|w| name != "tests/tests/tidy.rs" && text.contains(**w)) {
            wrong.push(format!("{name} has {word}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_threat_has_a_row_and_every_test_that_it_names_exists() {
    let spec = std::fs::read_to_string(root().join("SPEC.md")).expect("SPEC.md");
    let section = spec.split_once("\n## 18 Security considerations").expect("a section").1;
    let rows: Vec<&str> = section.lines().filter(|l| l.starts_with("| ")).skip(1).take(30).collect();
    let mut wrong = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        if cells.first() != Some(&(at + 1).to_string().as_str()) || cells.len() != 5 {
            wrong.push(format!("row {}: {row}", at + 1));
            continue;
        }
        for test in cells[4].split('`').skip(1).step_by(2) {
            let (file, name) = test.split_once("::").unwrap_or_default();
            let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
            if !text.contains(&format!("fn {name}(")) {
                wrong.push(format!("no test {test}"));
            }
        }
    }
    assert!(rows.len() == 30 && wrong.is_empty(), "{} rows, {wrong:#?}", rows.len());
}

/// The schema by buf's standard rules, as far as they concern us.
#[test]
fn the_schema_is_clean() {
    let mut wrong = Vec::new();
    for (name, text) in files().iter().filter(|(n, _)| n.ends_with(".proto")) {
        if !name.starts_with("proto/caphub/v1/") || !text.contains("package caphub.v1;") {
            wrong.push(format!("{name}: a package has the path of its folder"));
        }
        let (mut prefix, mut first) = (String::new(), false);
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("enum ") {
                prefix = upper_snake(rest.trim_end_matches(" {")) + "_";
                first = true;
            } else if line == "}" {
                prefix.clear();
            } else if !prefix.is_empty() && line.contains(" = ") {
                if !line.starts_with(&prefix) || (first && !line.ends_with("_UNSPECIFIED = 0;")) {
                    wrong.push(format!("{name}: {line}"));
                }
                first = false;
            }
            if let Some(rest) = line.strip_prefix("rpc ") {
                let method = rest.split('(').next().unwrap_or_default();
                let (request, response) = (format!("{method}Request)"), format!("{method}Response)"));
                if !line.contains(&request) || !line.contains(&response) {
                    wrong.push(format!("{name}: {line}"));
                }
            }
            if let Some(rest) = line.strip_prefix("service ")
                && !rest.trim_end_matches(" {").ends_with("Service")
            {
                wrong.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn upper_snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

fn metadata() -> serde_json::Value {
    // Packages of other platforms are not fetched by a build: on a fresh machine this fetches them.
    let words = ["metadata", "--format-version", "1", "--locked"];
    let said = Command::new(env!("CARGO")).args(words).current_dir(root()).output().expect("cargo");
    serde_json::from_slice(&said.stdout).unwrap_or_else(|e| panic!("{e}: {said:?}"))
}

#[test]
fn every_direct_dependency_has_its_reason_in_the_architecture() {
    let (mut direct, all) = (BTreeSet::new(), metadata());
    for package in all["packages"].as_array().expect("packages") {
        if package["name"].as_str().is_some_and(|n| n.starts_with("caphub-")) {
            for dependency in package["dependencies"].as_array().expect("dependencies") {
                let name = dependency["name"].as_str().expect("a name");
                if !name.starts_with("caphub-") {
                    direct.insert(name.to_owned());
                }
            }
        }
    }
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the architecture");
    let table = text.split_once("| crate | reason |").expect("a table of dependencies").1;
    let named: BTreeSet<String> = table
        .lines()
        .filter_map(|l| l.trim().strip_prefix("| "))
        .flat_map(|l| l.split('|').next().unwrap_or_default().split(',').map(|n| n.trim().to_owned()))
        .filter(|n| !n.is_empty())
        .collect();
    assert_eq!(direct.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "without a reason");
    assert_eq!(named.difference(&direct).collect::<Vec<_>>(), Vec::<&String>::new(), "no longer used");
    let counted = all["packages"].as_array().map_or(0, Vec::len) - 4;
    let stated = format!("{} direct dependencies, {counted} packages in all", direct.len());
    assert!(text.contains(&stated), "ARCHITECTURE.md should say: {stated}");
}

#[test]
fn every_dependency_comes_from_the_registry_under_a_licence_that_we_accept() {
    let accepted = [
        "Apache-2.0",
        "MIT",
        "MIT-0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unicode-3.0",
        "CC0-1.0",
        "0BSD",
        "Unlicense",
        "BSL-1.0",
        "OpenSSL",
        "MPL-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "CDLA-Permissive-2.0",
        "Unicode-DFS-2016",
        "BlueOak-1.0.0",
    ];
    let mut wrong = Vec::new();
    for package in metadata()["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().unwrap_or_default();
        if name.starts_with("caphub-") {
            continue;
        }
        if !package["source"].as_str().is_some_and(|s| s.starts_with("registry+")) {
            wrong.push(format!("{name} does not come from the registry"));
        }
        let licence = package["license"].as_str().unwrap_or_default().replace('/', " OR ");
        let licence = licence.replace(['(', ')'], "");
        let fits = |one: &str| one.split(" AND ").all(|l| accepted.contains(&l.trim()));
        // "A OR B AND C" is read as alternatives first, which is how every one of ours is meant.
        if !licence.split(" OR ").any(fits) {
            wrong.push(format!("{name}: {licence}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
