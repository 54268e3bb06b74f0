//! README's transcript is what the commands say: it is run, line by line.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// Commands of the transcript, each with the lines that follow it.
fn transcript() -> Vec<(String, Vec<String>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(path).expect("README.md");
    let block = text.split("```console\n").nth(1).and_then(|b| b.split("```").next()).expect("a transcript");
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => out.push((command.to_owned(), Vec::new())),
            None => out.last_mut().expect("a command first").1.push(line.to_owned()),
        }
    }
    out
}

/// Words of a command line; double quotes hold several together.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (i, part) in line.split('"').enumerate() {
        match i % 2 {
            0 => out.extend(part.split_whitespace().map(str::to_owned)),
            _ => out.push(part.to_owned()),
        }
    }
    out
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

#[test]
fn the_transcript_of_the_simple_path_is_true() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |line: &str| {
        let (line, output) = line.split_once(" > ").map_or((line, None), |(l, o)| (l, Some(o)));
        let all = words(line);
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("HOME", folder.path()).env("CAPHUB_LANG", "en").current_dir(folder.path());
        match all[0].as_str() {
            "caphub-node" => command.arg("node").args(&all[1..]),
            "caphub" => command.args(&all[1..]),
            other => panic!("the transcript runs {other}"),
        };
        (
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).take_it(),
            output.map(str::to_owned),
        )
    };
    let mut node = None;
    for (line, expected) in transcript() {
        if let Some(line) = line.strip_suffix(" &") {
            let (mut command, _) = run(line);
            // A port of its own: others may run beside this test.
            command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::null());
            node = Some(Node(command.spawn().expect("a node")));
            let deadline = Instant::now() + Duration::from_secs(60);
            while !run("caphub hub status").0.status().expect("a command").success() {
                assert!(Instant::now() < deadline, "the node does not start");
            }
            continue;
        }
        let (mut command, output) = run(&line);
        let said = command.output().expect("a command");
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success(), "{line}: {err}");
        if let Some(name) = &output {
            std::fs::write(folder.path().join(name), said.stdout.clone()).expect("a file");
        }
        let shown = if output.is_some() { err.into_owned() } else { format!("{out}{err}") };
        let found: Vec<&str> = shown.lines().filter(|l| !l.trim().is_empty()).collect();
        let expected: Vec<&String> = expected.iter().filter(|l| !l.trim().is_empty()).collect();
        let same = found.len() == expected.len() && expected.iter().zip(&found).all(|(e, f)| fits(e, f));
        assert!(same, "README says after `{line}`:\n{expected:#?}\nbut it says:\n{found:#?}");
    }
    drop(node);
}

/// A command with its pipes set, by value.
trait TakeIt {
    fn take_it(&mut self) -> Command;
}

impl TakeIt for Command {
    fn take_it(&mut self) -> Command {
        std::mem::replace(self, Command::new(PROGRAM))
    }
}
