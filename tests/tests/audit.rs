//! Threats row 3: an inconsistent hub is named with its own signed words, a slow one is only late, and a store that was
//! put back accuses nobody.

#[path = "audit/liar.rs"]
mod liar;

use caphub_node::audit::Published;
use caphub_node::keys::{KeyName, KeyRing};
use caphub_proto::wire::history::Checkpoint;
use caphub_proto::wire::{Feed, OperatorKey};
use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::Value;

use crate::liar::Liar;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn audit(machine: &Machine, hub: &str, more: &[&str]) -> Said {
    machine.run(&[&["--json", "--hub-dir", hub, "audit"], more].concat()).await
}

async fn link<'a>(machine: &'a Machine, names: [&str; 2]) -> [NodeProcess<'a>; 2] {
    let hubs = [machine.hub(names[0], names[0], "009").await, machine.hub(names[1], names[1], "061").await];
    let cards = [hubs[0].card().await, hubs[1].card().await];
    hubs[0].ask(&["link", "add", &cards[1]]).await.ok();
    hubs[1].ask(&["link", "add", &cards[0]]).await.ok();
    hubs
}

async fn need(machine: &Machine, home: &str, title: &str) {
    machine.run(&["--home", home, "need", "add", "--title", title, "--theme", "standards"]).await.ok();
    machine.run(&["--home", home, "sync"]).await.ok();
}

async fn member(machine: &Machine, hub: &NodeProcess<'_>, home: &str) {
    let file = hub.invitation("TV").await;
    machine.run(&["--home", home, "join", &file, "--name", "Tuvalu CERT"]).await.ok();
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a number: {value}"))
}

#[tokio::test]
async fn a_slow_hub_is_only_late_and_catches_up_without_a_stain() {
    let machine = Machine::new(PROGRAM, "en");
    let [north, south] = link(&machine, ["north", "south"]).await;
    member(&machine, &north, "tv").await;
    need(&machine, "tv", "First").await;
    south.reaches("records", 1).await;
    let fresh = audit(&machine, "north", &[]).await.ok().json();
    let hub = &fresh["hubs"][0];
    assert_eq!(
        (&hub["name"], &hub["late"], &hub["shown"]),
        (&"south".into(), &Value::Array(vec![]), &Value::Array(vec![]))
    );
    assert!(number(&hub["stated"]) > 2 && number(&hub["checkpoint"]["size"]) > 2, "{fresh}");
    // South ends its link: nothing reaches it any more, and it says so by what it states.
    south.ask(&["link", "remove", "north"]).await.ok();
    need(&machine, "tv", "Second").await;
    north.reaches("records", 2).await;
    let behind = audit(&machine, "north", &["--out", "late.json"]).await.ok().json();
    let late = &behind["hubs"][0]["late"];
    assert_eq!(late.as_array().map(Vec::len), Some(1), "{behind}");
    assert_eq!(
        (number(&late[0]["behind"]), &behind["hubs"][0]["shown"]),
        (1, &Value::Array(vec![])),
        "{behind}"
    );
    let again = audit(&machine, "north", &[]).await.ok().json();
    assert_eq!(again["hubs"][0]["late"][0]["since_ms"], late[0]["since_ms"], "since when does not move");
    let words = machine.run(&["--hub-dir", "north", "audit"]).await.ok();
    assert!(
        words.out.contains("late: Tuvalu CERT, 1 behind, for less than a minute")
            && words.out.contains("nothing is shown against it"),
        "{words:?}"
    );
    let file = machine.run(&["audit", "verify", "late.json"]).await.ok();
    assert!(file.out.contains("no evidence of anything"), "{file:?}");
    // It comes back: no longer late, and nothing stays on it.
    let card = north.card().await;
    south.ask(&["link", "add", &card]).await.ok();
    south.reaches("records", 2).await;
    let after = audit(&machine, "north", &[]).await.ok().json();
    assert_eq!(
        (&after["hubs"][0]["late_feeds"], &after["hubs"][0]["shown"]),
        (&0.into(), &Value::Array(vec![])),
        "{after}"
    );
}

#[tokio::test]
async fn an_inconsistent_hub_is_named_with_its_own_statements_and_anybody_can_check_them() {
    let machine = Machine::new(PROGRAM, "en");
    let [north, mut south] = link(&machine, ["north", "south"]).await;
    member(&machine, &north, "tv").await;
    need(&machine, "tv", "First").await;
    need(&machine, "tv", "Second").await;
    south.reaches("records", 2).await;
    audit(&machine, "north", &[]).await.ok();
    // The operator of South answers from now on with a program of its own: fewer entries of Tuvalu, by the same log.
    south.kill().await;
    let signer = KeyRing::new(south.below("keys")).read(KeyName::Operator, None).expect("South's key");
    let record = Published::read(&south.below("published")).expect("a file").expect("a record");
    let tuvalu: Value = machine.run(&["--home", "tv", "--json", "status"]).await.ok().json();
    let party = tuvalu["party"].as_str().and_then(|p| p.parse().ok()).expect("an id");
    let key: OperatorKey =
        KeyRing::new(machine.path("tv").join("keys")).read(KeyName::Operator, None).expect("a key").public();
    let feed = Feed::records(party, key, caphub_proto::wire::Audience::Public);
    let root = Checkpoint { log: record.log, size: record.size, root: [7; 32], restored: None };
    let hub = serde_json::from_slice::<Value>(&std::fs::read(south.below("hub.json")).expect("a file"));
    let hub = hub.expect("JSON")["party"].as_str().and_then(|p| p.parse().ok()).expect("an id");
    let liar = Liar { party: hub, signer, log: record.log, lowered: feed, note: root };
    let serving = liar.serve(&south.address).await;
    let said = audit(&machine, "north", &["--out", "evidence.json"]).await.ok().json();
    let hub = &said["hubs"][0];
    assert_eq!(hub["shown"].as_array().map(Vec::len), Some(1), "{said} {}", north.log());
    assert_eq!(hub["shown"][0]["feed"], feed.id().to_string(), "{said}");
    assert!(number(&hub["shown"][0]["held"]) > number(&hub["shown"][0]["lower"]), "{said}");
    assert_eq!(hub["checkpoint"]["shown"], 1, "two histories of one log: {said}");
    serving.end().await;
    // It stays, whatever South says later, also after a restart of North.
    south.up().await;
    let later = audit(&machine, "north", &[]).await.ok().json();
    assert_eq!(later["hubs"][0]["shown"], hub["shown"], "{later}");
    let words = machine.run(&["--hub-dir", "north", "audit", "--offline"]).await.ok();
    assert!(words.out.contains("it stated to hold"), "{words:?}");
    assert!(words.out.contains("SHOWN BY EVIDENCE: it signed two histories of one log"), "{words:?}");
    // From the bytes alone, on a machine that knows nobody.
    let elsewhere = Machine::new(PROGRAM, "en");
    let text = std::fs::read_to_string(machine.path("evidence.json")).expect("the file");
    std::fs::write(elsewhere.path("e.json"), &text).expect("a copy");
    let checked = elsewhere.run(&["--json", "audit", "verify", "e.json"]).await.ok().json();
    assert_eq!(number(&checked["shown"]), 2, "{checked}");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    for (pointer, index) in
        [("/statements/0/lower", 340), ("/statements/0/held", 300), ("/histories/0/pair/other", 60)]
    {
        let mut altered = file.clone();
        let field = altered.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}: {file}"));
        let mut bytes = field.as_str().expect("a text").as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'1' { b'2' } else { b'1' };
        *field = String::from_utf8(bytes).expect("ASCII").into();
        std::fs::write(elsewhere.path("a.json"), altered.to_string()).expect("a file");
        let said = elsewhere.run(&["--json", "audit", "verify", "a.json"]).await;
        assert_eq!(said.code, 1, "{pointer}: {said:?}");
    }
    // Without the hub's identity log nobody says that the key is the hub's.
    let mut bare = file.clone();
    bare["identities"] = serde_json::json!({});
    std::fs::write(elsewhere.path("b.json"), bare.to_string()).expect("a file");
    let said = elsewhere.run(&["--json", "audit", "verify", "b.json"]).await;
    assert!(said.code == 1 && said.out.contains("unauthorised"), "{said:?}");
    for broken in ["", "{}", "[]", "{\"caphub_evidence\": 2}", &text[..text.len() / 2]] {
        std::fs::write(elsewhere.path("c.json"), broken).expect("a file");
        let said = elsewhere.run(&["audit", "verify", "c.json"]).await;
        assert!(said.code == 2 && said.err.starts_with("error: "), "{broken:?}: {said:?}");
    }
}

#[tokio::test]
async fn a_store_that_was_put_back_begins_another_log_and_is_not_accused() {
    let machine = Machine::new(PROGRAM, "en");
    let [mut north, south] = link(&machine, ["north", "south"]).await;
    member(&machine, &north, "tv").await;
    need(&machine, "tv", "First").await;
    south.reaches("records", 1).await;
    audit(&machine, "south", &[]).await.ok();
    north.kill().await;
    copy(&north.below("store"), &machine.path("old-store"));
    copy(&machine.path("north"), &machine.path("old-hub"));
    north.up().await;
    need(&machine, "tv", "Second").await;
    south.reaches("records", 2).await;
    let before = audit(&machine, "south", &[]).await.ok().json();
    let log = |node: &NodeProcess<'_>| std::fs::read_to_string(node.below("store/log-id")).expect("a log id");
    let first = log(&north);
    // The store alone is put back: the file beside it says what was published, so the node sees it at start.
    north.kill().await;
    std::fs::remove_dir_all(north.below("store")).expect("a folder");
    copy(&machine.path("old-store"), &north.below("store"));
    north.up().await;
    let second = log(&north);
    assert!(second.ends_with(&first) && second.lines().count() == 2, "{second}");
    let after = audit(&machine, "south", &[]).await.ok().json();
    let hub = &after["hubs"][0];
    assert_eq!(hub["shown"], Value::Array(vec![]), "{after}");
    assert_eq!(
        (&hub["checkpoint"]["other_logs"], &hub["checkpoint"]["unnamed"]),
        (&1.into(), &false.into()),
        "{after}"
    );
    assert_eq!(hub["checkpoint"]["shown"], 0, "{after}");
    // What South holds comes back to North, and the restored log goes on.
    north.reaches("records", 2).await;
    north.kill().await;
    north.up().await;
    assert_eq!(log(&north), second, "no further log without a reason");
    // The whole folder is put back: the node learns it from the one who saw more, and says nothing until a restart.
    north.kill().await;
    std::fs::remove_dir_all(machine.path("north")).expect("a folder");
    copy(&machine.path("old-hub"), &machine.path("north"));
    north.up().await;
    assert_eq!(log(&north), first);
    let during = audit(&machine, "south", &[]).await.ok().json();
    assert_eq!(during["hubs"][0]["shown"], Value::Array(vec![]), "{during}");
    assert!(number(&before["hubs"][0]["stated"]) > 0);
    north.kill().await;
    north.up().await;
    assert_eq!(log(&north).lines().count(), 2, "{}", north.log());
    let after = audit(&machine, "south", &[]).await.ok().json();
    assert_eq!(
        (&after["hubs"][0]["shown"], &after["hubs"][0]["checkpoint"]["shown"]),
        (&Value::Array(vec![]), &0.into())
    );
    north.reaches("records", 2).await;
}

#[tokio::test]
async fn a_member_audits_its_hubs_from_receipts_on_and_what_it_has_not_sent_is_not_late() {
    let machine = Machine::new(PROGRAM, "en");
    let [north, south] = link(&machine, ["north", "south"]).await;
    member(&machine, &north, "tv").await;
    need(&machine, "tv", "First").await;
    // The receipt of the push is kept, though nobody asked for an audit.
    assert!(std::fs::metadata(machine.path("tv/evidence/statements")).expect("receipts").len() > 250);
    let card = south.card().await;
    machine.run(&["--home", "tv", "join", &card]).await.ok();
    south.reaches("records", 1).await;
    let words = ["--home", "tv", "need", "add", "--title", "Not sent yet", "--theme", "standards"];
    machine.run(&words).await.ok();
    let said = machine.run(&["--home", "tv", "--json", "audit", "--out", "e.json"]).await.ok().json();
    assert_eq!(said["hubs"].as_array().map(Vec::len), Some(2), "{said}");
    for hub in said["hubs"].as_array().expect("hubs") {
        assert!(number(&hub["organisations"]) >= 2, "{said}");
        assert_eq!((&hub["late_feeds"], &hub["shown"]), (&0.into(), &Value::Array(vec![])), "{said}");
        assert!(number(&hub["checkpoint"]["size"]) > 3, "{said}");
    }
    assert_eq!(machine.run(&["audit", "verify", "e.json"]).await.code, 3);
    let french = Machine::new(PROGRAM, "fr");
    std::fs::copy(machine.path("e.json"), french.path("e.json")).expect("a copy");
    let said = french.run(&["audit", "verify", "e.json"]).await;
    assert!(said.err.contains("ne contient rien"), "{said:?}");
    // Without a network what is kept is shown all the same.
    let offline = machine.run(&["--home", "tv", "audit", "--offline"]).await.ok();
    assert!(offline.out.contains("nothing is shown against it"), "{offline:?}");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => copy(&path, &target),
            kind if kind.is_file() => drop(std::fs::copy(&path, &target).expect("a copy")),
            _ => {}
        }
    }
}
