//! Records carried by hand between real programs: on a stick, with no network in between.

use caphub_tests::{Machine, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn at(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--json", "--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

async fn out(machine: &Machine, home: &str, words: &[&str]) -> Value {
    at(machine, home, &[&["carry", "out"], words].concat()).await.ok().json()
}

async fn taken(machine: &Machine, home: &str, folder: &str) -> Value {
    at(machine, home, &["carry", "in", folder]).await.ok().json()
}

async fn add(machine: &Machine, home: &str, title: &str, visible: &str) {
    at(machine, home, &["course", "add", "--title", title, "--visible", visible]).await.ok();
}

async fn titles(machine: &Machine, home: &str) -> Vec<String> {
    let list = at(machine, home, &["course", "list"]).await.ok().json();
    let title = |r: &Value| r["record"]["title"]["text"].as_str().unwrap_or_default().to_owned();
    let mut titles: Vec<String> = list.as_array().expect("a list").iter().map(title).collect();
    titles.sort();
    titles
}

fn count(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("no {field}: {report}"))
}

#[tokio::test]
async fn from_laptop_to_laptop_to_the_hub_and_nothing_twice() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    at(&machine, "tv", &["sync"]).await.ok();
    let card = hub.card().await;
    hub.kill().await;
    add(&machine, "tv", "For all", "public").await;
    add(&machine, "tv", "For the network", "network").await;
    add(&machine, "tv", "For the hub", "hub").await;
    let first = out(&machine, "tv", &["stick"]).await;
    assert_eq!(first["readers"].as_array().map(Vec::len), Some(0), "{first}");
    assert_eq!(count(&first, "withheld_feeds"), 2, "{first}");
    let there = taken(&machine, "ki", "stick").await;
    assert_eq!(titles(&machine, "ki").await, ["For all"]);
    assert!(count(&there, "stored") >= 1 && there["refused"] == serde_json::json!([]), "{there}");

    // Kiribati stated what it holds: the next trip is exact, and may hold what a fellow member may read.
    let second = out(&machine, "tv", &["stick"]).await;
    assert_eq!((count(&second, "entries"), count(&second, "withheld_feeds")), (2, 0), "{second}");
    assert_eq!(second["readers"][0]["confirmed"], true, "{second}");
    assert_eq!(second["arrived"].as_array().map(Vec::len), Some(1), "{second}");
    assert_eq!(count(&taken(&machine, "ki", "stick").await, "stored"), 2);
    assert_eq!(titles(&machine, "ki").await, ["For all", "For the hub", "For the network"]);

    add(&machine, "ki", "From Kiribati", "network").await;
    assert_eq!(count(&out(&machine, "ki", &["stick"]).await, "entries"), 1);
    assert_eq!(count(&taken(&machine, "tv", "stick").await, "stored"), 1);
    for home in ["tv", "ki"] {
        let again = out(&machine, home, &["stick"]).await;
        assert_eq!((count(&again, "entries"), &again["files"]), (0, &serde_json::json!([])), "{again}");
        let again = taken(&machine, home, "stick").await;
        assert_eq!(count(&again, "stored"), 0, "{again}");
    }

    // The hub takes it from Kiribati's laptop, while its node runs and while it does not.
    let written = out(&machine, "ki", &["other", "--for", &card]).await;
    assert_eq!(count(&written, "withheld_feeds"), 0, "{written}");
    let by_folder = machine.run(&["--json", "--hub-dir", "hub", "carry", "in", "other"]).await.ok().json();
    assert_eq!(count(&by_folder, "stored"), 4, "{by_folder}");
    hub.up().await;
    hub.reaches("records", 4).await;
    let by_node = machine.run(&["--json", "--hub-dir", "hub", "carry", "in", "other"]).await.ok().json();
    assert_eq!(
        (count(&by_node, "stored"), by_node["refused"].clone()),
        (0, serde_json::json!([])),
        "{by_node}"
    );
    let back = machine.run(&["--json", "--hub-dir", "hub", "carry", "out", "other"]).await.ok().json();
    assert_eq!(back["readers"][0]["confirmed"], true, "{back}");
    taken(&machine, "ki", "other").await;
    let back = machine.run(&["--json", "--hub-dir", "hub", "carry", "out", "other"]).await.ok().json();
    assert_eq!(count(&back, "entries"), 0, "{back}");
    for home in ["tv", "ki"] {
        at(&machine, home, &["verify"]).await.ok();
    }
}
