//! What the tests of carry files share: members of a hub that is gone, and a folder between them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Machine, Said};

/// Runs a command of a member, with JSON as its answer.
pub async fn at(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--json", "--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

/// What `carry out` says it wrote.
pub async fn out(machine: &Machine, home: &str, words: &[&str]) -> Value {
    at(machine, home, &[&["carry", "out"], words].concat()).await.ok().json()
}

/// What `carry in` says it took.
pub async fn taken(machine: &Machine, home: &str, folder: &str) -> Value {
    at(machine, home, &["carry", "in", folder]).await.ok().json()
}

/// Writes a course.
pub async fn add(machine: &Machine, home: &str, title: &str, visible: &str) {
    at(machine, home, &["course", "add", "--title", title, "--visible", visible]).await.ok();
}

/// Titles of all courses held, sorted.
pub async fn titles(machine: &Machine, home: &str) -> Vec<String> {
    let list = at(machine, home, &["course", "list"]).await.ok().json();
    let title = |r: &Value| r["record"]["title"]["text"].as_str().unwrap_or_default().to_owned();
    let mut titles: Vec<String> = list.as_array().expect("a list").iter().map(title).collect();
    titles.sort();
    titles
}

/// A number of a report.
pub fn count(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("no {field}: {report}"))
}

/// Files with entries, in the order of their names.
pub fn carry_files(folder: &Path) -> Vec<PathBuf> {
    let entries = |p: &PathBuf| {
        let name = p.to_string_lossy();
        name.ends_with(".carry") && !name.ends_with("holds.carry")
    };
    let paths = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths.filter(entries).collect();
    files.sort();
    files
}

/// Two members of one hub, whose node is gone when this returns.
pub async fn two_members(machine: &Machine) -> String {
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    at(machine, "tv", &["sync"]).await.ok();
    let card = hub.card().await;
    hub.kill().await;
    card
}

/// So many courses with so long a description each.
pub async fn import(machine: &Machine, home: &str, count: usize, bytes: usize) {
    let mut table = "title,description\n".to_owned();
    for row in 0..count {
        table.push_str(&format!("Course {row},{row} {}\n", "long ".repeat(bytes / 5)));
    }
    std::fs::write(machine.path("courses.csv"), table).expect("a file");
    at(machine, home, &["import", "courses.csv", "--as", "course"]).await.ok();
}
