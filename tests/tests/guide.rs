//! The guides under `cli/guides` are what the commands say: every line of them is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// A command of a guide with the lines that follow it.
struct Step {
    line: String,
    expected: Vec<String>,
}

/// Files that the guide shows, and the commands of all its transcripts.
fn read(name: &str) -> (Vec<(String, String)>, Vec<Step>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../cli/guides").join(name);
    let text = std::fs::read_to_string(path).expect("a guide");
    let (mut files, mut steps) = (Vec::new(), Vec::<Step>::new());
    let mut before = String::new();
    for (i, part) in text.split("```").enumerate() {
        let (kind, block) = part.split_once('\n').unwrap_or((part, ""));
        match (i % 2, kind) {
            (0, _) => before = part.to_owned(),
            (_, "console") => {
                for line in block.lines().filter(|l| !l.trim().is_empty()) {
                    match line.strip_prefix("$ ") {
                        Some(line) => steps.push(Step { line: line.to_owned(), expected: Vec::new() }),
                        None => steps.last_mut().expect("a command first").expected.push(line.to_owned()),
                    }
                }
            }
            // The file that the words before it name.
            _ => {
                let name = before.rsplit('`').nth(1).expect("a file's name").to_owned();
                files.push((name, block.to_owned()));
            }
        }
    }
    (files, steps)
}

/// Words of a command line; double quotes hold several together.
fn words(line: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (i, part) in line.split('"').enumerate() {
        match i % 2 {
            0 => out.extend(part.split_whitespace().map(str::to_owned)),
            _ => out.push(part.to_owned()),
        }
    }
    out
}

/// The example id that a line begins with.
fn id(line: &str) -> Option<&str> {
    let word = line.split_whitespace().next()?;
    (word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit())).then_some(word)
}

/// True where the line is the pattern, in which each `...` stands for anything.
fn fits(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    let parts: Vec<&str> = pattern.split("...").collect();
    for (i, part) in parts.iter().enumerate() {
        let found = match i {
            0 => rest.starts_with(part).then_some(0),
            _ => rest.find(part),
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    parts.last().is_some_and(|last| last.is_empty()) || rest.is_empty()
}

struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(folder: &Path, all: &[String]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", folder).env("CAPHUB_LANG", "en").current_dir(folder).stdin(Stdio::null());
    match all[0].as_str() {
        "caphub-node" => command.arg("node").args(&all[1..]),
        "caphub" => command.args(&all[1..]),
        other => panic!("the guide runs {other}"),
    };
    command
}

/// Starts a node on a port of its own and waits until it answers.
fn start(folder: &Path, line: &str) -> Node {
    let all = words(line);
    let mut node = command(folder, &all);
    node.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::null());
    let node = Node(node.spawn().expect("a node"));
    let status = ["caphub", "--hub-dir", all[2].as_str(), "hub", "status"].map(str::to_owned);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !command(folder, &status).output().expect("a command").status.success() {
        assert!(Instant::now() < deadline, "{line}: the node does not start");
    }
    node
}

#[test]
fn a_small_island_state_goes_from_a_need_to_a_confirmed_result_and_an_auditor_checks_it_from_a_stick() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, steps) = read("small-island.md");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    // Example ids and what they are in this run.
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut nodes = Vec::new();
    for Step { line, expected } in steps {
        let line = ids.iter().fold(line, |line, (example, real)| line.replace(example, real));
        if let Some(line) = line.strip_suffix(" &") {
            nodes.push(start(folder.path(), line));
            continue;
        }
        let (line, output) = line.split_once(" > ").map_or((line.as_str(), None), |(l, o)| (l, Some(o)));
        let said = command(folder.path(), &words(line)).output().expect("a command");
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success(), "{line}: {err}");
        if let Some(name) = output {
            std::fs::write(folder.path().join(name), &said.stdout).expect("a file");
            continue;
        }
        let shown = format!("{out}{err}");
        let found: Vec<&str> = shown.lines().filter(|l| !l.trim().is_empty()).collect();
        for (expected, found) in expected.iter().zip(&found) {
            if let Some((example, real)) = id(expected).zip(id(found)) {
                ids.entry(example.to_owned()).or_insert_with(|| real.to_owned());
            }
        }
        let due = |e: &String| ids.iter().fold(e.clone(), |e, (example, real)| e.replace(example, real));
        let expected: Vec<String> = expected.iter().map(due).collect();
        let same = found.len() == expected.len() && expected.iter().zip(&found).all(|(e, f)| fits(e, f));
        assert!(same, "the guide says after `{line}`:\n{expected:#?}\nbut it says:\n{found:#?}");
    }
    drop(nodes);
}
