//! Records carried by hand between real programs: on a stick, with no network in between.

use caphub_tests::Machine;
use caphub_tests::stick::{add, at, carry_files, count, import, out, taken, titles, two_members};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

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
    // And from Kiribati's next sync, although Tuvalu wrote it.
    add(&machine, "tv", "By way of Kiribati", "public").await;
    out(&machine, "tv", &["stick"]).await;
    assert_eq!(count(&taken(&machine, "ki", "stick").await, "stored"), 1);
    at(&machine, "ki", &["sync"]).await.ok();
    hub.reaches("records", 5).await;
    for home in ["tv", "ki"] {
        at(&machine, home, &["verify"]).await.ok();
    }
}

#[tokio::test]
async fn a_set_of_many_files_is_read_in_any_order_and_says_what_is_missing() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    import(&machine, "tv", 400, 30_000).await;
    let written = out(&machine, "tv", &["stick", "--size", "3M"]).await;
    let files = carry_files(&machine.path("stick"));
    assert!(files.len() >= 4 && files.len() == written["files"].as_array().map_or(0, Vec::len), "{written}");
    for file in &files {
        assert!(std::fs::metadata(file).expect("a file").len() <= 3_000_000);
    }
    let entries = count(&written, "entries");
    // The first file arrives last, the names say nothing, and one stays away.
    let (first, away) = (files[0].clone(), machine.path("away"));
    std::fs::rename(&files[2], &away).expect("a move");
    std::fs::rename(&first, machine.path("stick").join("zz renamed.carry")).expect("a move");
    let partly = at(&machine, "ki", &["carry", "in", "stick"]).await;
    assert_eq!(partly.code, 1, "{partly:?}");
    let report = partly.json();
    assert_eq!(report["missing"].as_array().map(Vec::len), Some(1), "{report}");
    assert!(report["missing"][0].as_str().is_some_and(|m| m.ends_with("0003")), "{report}");
    let stored = count(&report, "stored");
    assert!(stored > 0 && stored < entries, "{report}");
    std::fs::rename(&away, &files[2]).expect("a move");
    let rest = taken(&machine, "ki", "stick").await;
    assert_eq!(rest["missing"], serde_json::json!([]), "{rest}");
    assert_eq!(titles(&machine, "ki").await.len(), 400);
    assert_eq!(count(&taken(&machine, "ki", "stick").await, "stored"), 0);
    at(&machine, "ki", &["verify"]).await.ok();
}

#[tokio::test]
async fn a_writer_that_is_killed_leaves_nothing_that_looks_whole_and_goes_on() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    import(&machine, "tv", 800, 30_000).await;
    let stick = machine.path("stick");
    for least in [1, 3] {
        let mut child = machine.start(&["--home", "tv", "carry", "out", "stick", "--size", "3M"]);
        while !stick.is_dir() || carry_files(&stick).len() < least {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            assert!(child.try_wait().expect("a process").is_none(), "it should still be writing");
        }
        child.kill().await.expect("a process to kill");
    }
    let before = carry_files(&stick);
    let written = out(&machine, "tv", &["stick", "--size", "3M"]).await;
    assert_eq!(written["earlier"].as_array().map(Vec::len), Some(before.len()), "{written}");
    assert_eq!(written["faults"], serde_json::json!([]), "{written}");
    let names = std::fs::read_dir(&stick).expect("a folder").map(|e| e.expect("an entry").file_name());
    assert!(!names.into_iter().any(|n| n.to_string_lossy().ends_with("unfinished")));
    let there = taken(&machine, "ki", "stick").await;
    assert_eq!(there["missing"], serde_json::json!([]), "{there}");
    let fresh = out(&machine, "tv", &["fresh", "--dry-run"]).await;
    let there = there["files"].as_array().expect("files").iter().map(|f| count(f, "entries")).sum::<u64>();
    assert_eq!(there, count(&fresh, "entries"), "nothing was written twice");
    assert!(!machine.path("fresh").exists(), "a dry run makes no folder");
    assert_eq!(titles(&machine, "ki").await.len(), 800);
    assert_eq!(count(&out(&machine, "tv", &["stick"]).await, "entries"), 0);
}

#[tokio::test]
async fn a_reader_that_is_killed_goes_on() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    import(&machine, "tv", 800, 30_000).await;
    let written = out(&machine, "tv", &["stick", "--size", "3M"]).await;
    let segments = machine.path("ki/store/segments");
    let held = || -> u64 {
        let files = std::fs::read_dir(&segments).into_iter().flatten().flatten();
        files.filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum()
    };
    let before = held();
    let mut child = machine.start(&["--home", "ki", "carry", "in", "stick"]);
    while held() < before + 2_000_000 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert!(child.try_wait().expect("a process").is_none(), "it should still be reading");
    }
    child.kill().await.expect("a process to kill");
    let rest = taken(&machine, "ki", "stick").await;
    assert!(count(&rest, "known") > 0, "{rest}");
    assert!(count(&rest, "stored") + count(&rest, "known") >= count(&written, "entries"), "{rest}");
    assert_eq!(titles(&machine, "ki").await.len(), 800);
    at(&machine, "ki", &["verify"]).await.ok();
}

#[tokio::test]
async fn a_revocation_travels_by_stick() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    at(&machine, "tv", &["key", "add", "desk two", "--to", "two"]).await.ok();
    at(&machine, "tv", &["sync"]).await.ok();
    hub.kill().await;
    add(&machine, "two", "By its owner", "public").await;
    out(&machine, "two", &["stick"]).await;
    taken(&machine, "tv", "stick").await;
    add(&machine, "two", "By the thief", "public").await;
    out(&machine, "two", &["other"]).await;
    taken(&machine, "ki", "stick").await;
    taken(&machine, "ki", "other").await;
    assert_eq!(titles(&machine, "ki").await, ["By its owner", "By the thief"]);
    at(&machine, "tv", &["key", "revoke", "desk two", "--reason", "stolen"]).await.ok();
    let written = out(&machine, "tv", &["stick"]).await;
    assert!(count(&written, "entries") >= 1, "{written}");
    taken(&machine, "ki", "stick").await;
    assert_eq!(titles(&machine, "ki").await, ["By its owner"]);
    // What the thief signs later is refused from any stick.
    add(&machine, "two", "Later", "public").await;
    out(&machine, "two", &["third"]).await;
    let late = taken(&machine, "ki", "third").await;
    assert!(late["refused"].as_array().is_some_and(|r| r.iter().any(|r| r["reason"] == "revoked")), "{late}");
    assert_eq!(titles(&machine, "ki").await, ["By its owner"]);
}

/// Every record of the shipped catalogue, written by one member; its ids and links between records are left out.
async fn write_catalogue(machine: &Machine, home: &str) -> usize {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/samples/catalogue.json");
    let text = std::fs::read_to_string(path).expect("the catalogue").replace("\"lang\":", "\"language\":");
    let whole: Value = serde_json::from_str(&text).expect("JSON");
    let records = whole["records"].as_array().expect("records");
    for record in records {
        let mut record = record.as_object().expect("a record").clone();
        let kind = record["kind"].as_str().expect("a kind").to_owned();
        for field in ["party", "kind", "id", "course"] {
            record.remove(field);
        }
        let text = serde_json::to_string(&record).expect("JSON");
        std::fs::write(machine.path("record.json"), text).expect("a file");
        at(machine, home, &[&kind, "add", "--file", "record.json"]).await.ok();
    }
    records.len()
}

#[tokio::test]
async fn the_shipped_catalogue_crosses_and_is_the_same_there() {
    let machine = Machine::new(PROGRAM, "fr");
    two_members(&machine).await;
    let written = write_catalogue(&machine, "tv").await;
    assert!(written >= 60, "{written}");
    let sent = out(&machine, "tv", &["stick"]).await;
    let there = taken(&machine, "ki", "stick").await;
    assert!(count(&there, "stored") >= written as u64, "{sent} {there}");
    for kind in ["need", "offer", "course", "session"] {
        let here = at(&machine, "tv", &[kind, "list"]).await.ok().json();
        assert!(here.as_array().is_some_and(|l| !l.is_empty()), "{kind}");
        assert_eq!(here, at(&machine, "ki", &[kind, "list"]).await.ok().json(), "{kind}");
    }
    let said = machine.run(&["--home", "ki", "carry", "out", "stick"]).await.ok();
    assert!(said.err.contains("Rien ne manque"), "{said:?}");
}

#[tokio::test]
async fn what_a_hub_stated_travels_with_the_entries() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    at(&machine, "ki", &["sync"]).await.ok();
    at(&machine, "ki", &["audit"]).await.ok();
    hub.kill().await;
    add(&machine, "ki", "One", "public").await;
    let written = out(&machine, "ki", &["stick"]).await;
    assert!(count(&written, "statements") > 0, "{written}");
    let there = taken(&machine, "tv", "stick").await;
    assert_eq!(count(&there, "statements"), count(&written, "statements"), "{there}");
    // Tuvalu never asked the hub itself, and knows now what it said.
    let kept = std::fs::metadata(machine.path("tv/evidence/statements")).expect("a file").len();
    assert!(kept > 100, "{kept} bytes");
    add(&machine, "ki", "Two", "public").await;
    let again = out(&machine, "ki", &["stick"]).await;
    assert_eq!((count(&again, "entries"), count(&again, "statements")), (1, 0), "{again}");
}
