//! Sealed records between real processes: read by those they are for, carried by hubs that cannot read them.

use std::path::Path;
use std::process::Command;

use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// A word that nothing else holds.
const SECRET: &str = "xylophonists";

async fn do_it(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

async fn json(machine: &Machine, home: &str, words: &[&str]) -> Value {
    let all: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
    do_it(machine, home, &all).await.ok().json()
}

async fn sync(machine: &Machine, homes: &[&str]) {
    for home in homes {
        do_it(machine, home, &["sync"]).await.ok();
    }
}

/// Members of a hub, each in the folder of its name; their ids.
async fn members(machine: &Machine, hub: &NodeProcess<'_>, of: &[(&str, &str, &str)]) -> Vec<String> {
    let mut ids = Vec::new();
    for (home, country, name) in of {
        let file = hub.invitation(country).await;
        let sheet = json(machine, home, &["join", &file, "--name", name]).await;
        ids.push(sheet["party"].as_str().expect("an id").to_owned());
    }
    ids
}

/// True where any file below the folder holds the word.
fn on_disk(folder: &Path, word: &str) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => on_disk(&path, word),
        false => std::fs::read(&path).unwrap_or_default().windows(word.len()).any(|w| w == word.as_bytes()),
    })
}

fn titles(list: &Value) -> Vec<String> {
    let title = |r: &Value| r["record"]["title"]["text"].as_str().unwrap_or_default().to_owned();
    list.as_array().expect("a list").iter().map(title).collect()
}

async fn need(machine: &Machine, home: &str, title: &str, more: &[&str]) -> Said {
    let words = ["need", "add", "--title", title, "--theme", "incident_management"];
    do_it(machine, home, &[&words[..], more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_need_is_answered_in_its_thread_and_the_hub_reads_none_of_it() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let who = [("tv", "TV", "Tuvalu CERT"), ("ws", "WS", "Samoa CERT"), ("fj", "FJ", "Fiji CERT")];
    let ids = members(&machine, &hub, &who).await;
    sync(&machine, &["tv", "ws", "fj"]).await;
    let unknown = need(&machine, "tv", SECRET, &["--to", "Nobody"]).await;
    assert!(unknown.code == 3 && unknown.err.contains("hint: "), "{unknown:?}");
    let added = need(&machine, "tv", SECRET, &["--to", "Samoa CERT"]).await.ok();
    assert!(added.err.contains("Sealed to Samoa CERT"), "{added:?}");
    sync(&machine, &["tv", "ws", "fj"]).await;

    let list = json(&machine, "ws", &["need", "list"]).await;
    assert_eq!(titles(&list), [SECRET]);
    assert_eq!(list[0]["sealing"]["parties"][0].as_str(), Some(ids[1].as_str()));
    assert_eq!(titles(&json(&machine, "ws", &["search", SECRET]).await), [SECRET]);
    for words in [&["need", "list"][..], &["search", SECRET], &["thread", "list"]] {
        assert_eq!(json(&machine, "fj", words).await, serde_json::json!([]), "{words:?}");
    }
    // What is passed on to others holds nothing that was opened.
    let exported = do_it(&machine, "ws", &["export", "--kind", "need", "--format", "json"]).await.ok();
    assert!(!exported.out.contains(SECRET), "{exported:?}");
    assert_eq!(hub.ask(&["status"]).await.ok().json()["records"], 0);
    assert!(!on_disk(&machine.path("hub"), SECRET) && !on_disk(&machine.path("fj"), SECRET));

    let threads = json(&machine, "ws", &["thread", "list"]).await;
    let thread = threads[0]["thread"].as_str().expect("a thread")[..8].to_owned();
    do_it(&machine, "ws", &["thread", "reply", &thread, "We", "host", "two"]).await.ok();
    let words = ["offer", "add", "--title", "Two places", "--theme", "incident_management"];
    let more = ["--offer-type", "training", "--thread", &thread];
    do_it(&machine, "ws", &[&words[..], &more].concat()).await.ok();
    sync(&machine, &["ws", "tv", "fj"]).await;
    let shown = do_it(&machine, "tv", &["thread", "show", &thread]).await.ok();
    for word in [SECRET, "We host two", "Two places"] {
        assert!(shown.out.contains(word), "{shown:?}");
    }
    assert_eq!(json(&machine, "fj", &["offer", "list"]).await, serde_json::json!([]));
    assert_eq!(do_it(&machine, "fj", &["thread", "show", &thread]).await.code, 3);

    // Taken back, for those who can read it.
    let id = list[0]["id"].as_str().expect("an id");
    assert_eq!(do_it(&machine, "ws", &["need", "withdraw", id]).await.code, 2);
    do_it(&machine, "tv", &["need", "withdraw", id]).await.ok();
    sync(&machine, &["tv", "ws"]).await;
    assert_eq!(json(&machine, "ws", &["need", "list"]).await, serde_json::json!([]));
    assert!(do_it(&machine, "ws", &["verify"]).await.code == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_key_reads_old_threads_once_it_is_let_in_and_an_ended_key_nothing_new() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let ids = members(&machine, &hub, &[("tv", "TV", "Tuvalu CERT"), ("ws", "WS", "Samoa CERT")]).await;
    sync(&machine, &["tv", "ws"]).await;
    need(&machine, "ws", "Old words", &["--to", &ids[0]]).await.ok();
    sync(&machine, &["ws", "tv"]).await;
    do_it(&machine, "tv", &["key", "add", "desk two", "--to", "two"]).await.ok();
    sync(&machine, &["tv", "two", "ws"]).await;
    assert_eq!(json(&machine, "two", &["need", "list"]).await, serde_json::json!([]));
    need(&machine, "ws", "New words", &["--to", &ids[0]]).await.ok();
    sync(&machine, &["ws", "two"]).await;
    assert_eq!(titles(&json(&machine, "two", &["need", "list"]).await), ["New words"]);
    sync(&machine, &["tv"]).await;
    let granted = json(&machine, "tv", &["thread", "grant", "--all"]).await;
    assert_eq!((&granted["entries"], &granted["threads"]), (&2.into(), &2.into()), "{granted}");
    sync(&machine, &["tv", "two", "ws"]).await;
    let mut all = titles(&json(&machine, "two", &["need", "list"]).await);
    all.sort();
    assert_eq!(all, ["New words", "Old words"]);
    assert_eq!(json(&machine, "two", &["thread", "list"]).await.as_array().map(Vec::len), Some(2));
    // They stand as Samoa's, by Samoa's signature; nobody else gained anything.
    let list = json(&machine, "two", &["need", "list"]).await;
    assert!(list.as_array().expect("needs").iter().all(|n| n["party"] == ids[1].as_str()), "{list}");

    do_it(&machine, "tv", &["key", "revoke", "desk two", "--reason", "person_left"]).await.ok();
    sync(&machine, &["tv", "ws"]).await;
    need(&machine, "ws", "After the end", &["--to", &ids[0]]).await.ok();
    sync(&machine, &["ws", "tv"]).await;
    assert!(titles(&json(&machine, "tv", &["need", "list"]).await).contains(&"After the end".to_owned()));
    // The hub does not talk to the ended key; somebody hands it a stick all the same.
    do_it(&machine, "tv", &["carry", "out", "stick", "--for", &ids[0]]).await.ok();
    do_it(&machine, "two", &["carry", "in", "stick"]).await.ok();
    let held = titles(&json(&machine, "two", &["need", "list"]).await);
    assert!(!held.contains(&"After the end".to_owned()) && held.len() == 2, "{held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_passphrase_protects_the_keys_nothing_opened_is_on_disk() {
    let open = Machine::new(PROGRAM, "en");
    let hub = open.hub("hub", "Hub", "009").await;
    let ids = members(&open, &hub, &[("ws", "WS", "Samoa CERT")]).await;
    let file = hub.invitation("TV").await;
    let folder = open.path("");
    let invitation = std::fs::read(folder.join(file)).expect("a file");
    let closed = Machine::new(PROGRAM, "en").with("CAPHUB_PASSPHRASE", "coral reef");
    std::fs::write(closed.path("tv.caphub"), invitation).expect("a file");
    let sheet = json(&closed, "tv", &["join", "tv.caphub", "--name", "Tuvalu CERT"]).await;
    sync(&open, &["ws"]).await;
    need(&open, "ws", SECRET, &["--to", sheet["party"].as_str().expect("an id")]).await.ok();
    sync(&open, &["ws"]).await;
    sync(&closed, &["tv"]).await;
    assert_eq!(json(&closed, "tv", &["need", "list"]).await, serde_json::json!([]));
    let threads = json(&closed, "tv", &["thread", "list"]).await;
    assert_eq!(titles(&threads[0]["records"]), [SECRET]);
    assert_eq!(threads[0]["parties"].as_array().map(Vec::len), Some(2));
    let id = threads[0]["records"][0]["id"].as_str().expect("an id").to_owned();
    assert!(do_it(&closed, "tv", &["need", "show", &id]).await.ok().out.contains(SECRET));
    need(&closed, "tv", "Ours, sealed", &["--to", &ids[0]]).await.ok();
    sync(&closed, &["tv"]).await;
    sync(&open, &["ws"]).await;
    assert!(titles(&json(&open, "ws", &["need", "list"]).await).contains(&"Ours, sealed".to_owned()));
    assert!(!on_disk(&closed.path("tv"), SECRET) && !on_disk(&closed.path("tv"), "Ours, sealed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_age_tool_opens_an_exported_record_with_the_exported_key() {
    if Command::new("age").arg("--version").output().is_err() {
        eprintln!("skipped: the age tool is not installed (Debian: apt-get install age)");
        return;
    }
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let ids = members(&machine, &hub, &[("tv", "TV", "Tuvalu CERT"), ("ws", "WS", "Samoa CERT")]).await;
    sync(&machine, &["tv", "ws"]).await;
    need(&machine, "tv", SECRET, &["--to", &ids[1]]).await.ok();
    sync(&machine, &["tv", "ws"]).await;
    let list = json(&machine, "ws", &["need", "list"]).await;
    let id = list[0]["id"].as_str().expect("an id");
    for home in ["tv", "ws"] {
        do_it(&machine, home, &["key", "export-age", "keys.txt"]).await.ok();
        do_it(&machine, home, &["sealed", "export", id, "need.age"]).await.ok();
        let (keys, file) = (machine.path("keys.txt"), machine.path("need.age"));
        let opened = Command::new("age").arg("-d").arg("-i").args([&keys, &file]).output().expect("age");
        assert!(opened.status.success(), "{opened:?}");
        assert!(opened.stdout.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()), "{opened:?}");
    }
}
