//! Backups that are not what a node wrote: hostile and broken names and files are refused whole, with their place.

use std::path::PathBuf;

use caphub_tests::{Machine, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn node(machine: &Machine, name: &str, words: &[&str]) -> Said {
    machine.run(&[&["node", "--dir", name], words].concat()).await
}

/// A backup of a hub, and its list.
async fn backed_up(machine: &Machine) -> (PathBuf, Value) {
    let mut hub = machine.hub("hub", "Hub", "009").await;
    node(machine, "hub", &["backup", "kept"]).await.ok();
    hub.stop().await;
    let list = machine.path("kept/backup.json");
    let read = serde_json::from_slice(&std::fs::read(&list).expect("a list")).expect("JSON");
    (list, read)
}

async fn refused(machine: &Machine, what: &str) -> Said {
    let said = node(machine, "back", &["restore", "kept"]).await;
    assert!(said.code == 1 && said.err.contains("hint: "), "{what}: {said:?}");
    assert!(!machine.path("back").exists(), "{what}: nothing is written");
    said
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_refused_and_nothing_is_written() {
    let machine = Machine::new(PROGRAM, "en");
    let (path, list) = backed_up(&machine).await;
    let any = list["files"]["hub.json"].clone();
    let outside = machine.path("outside");
    for name in [
        "../outside",
        outside.to_str().expect("a path"),
        "store/../../outside",
        "..",
        "",
        ".",
        "store",
        "store//x",
        "store/./x",
    ] {
        let mut hostile = list.clone();
        hostile["files"][name] = any.clone();
        std::fs::write(&path, hostile.to_string()).expect("a list");
        refused(&machine, name).await;
        assert!(!outside.exists(), "{name}");
    }
    for sha in ["../hub.json", "", "zz", &"g".repeat(64)] {
        let mut hostile = list.clone();
        hostile["files"]["hub.json"]["sha256"] = sha.into();
        std::fs::write(&path, hostile.to_string()).expect("a list");
        let said = refused(&machine, sha).await;
        assert!(said.err.contains("hub.json"), "{sha}: {said:?}");
    }
}

#[tokio::test]
async fn missing_parts_and_lists_of_something_else_are_refused_with_their_place() {
    let machine = Machine::new(PROGRAM, "en");
    let (path, list) = backed_up(&machine).await;
    for text in ["", "{", "[]", "{\"version\":2}", &"[".repeat(200_000)] {
        std::fs::write(&path, text).expect("a list");
        let said = refused(&machine, text.get(..8).unwrap_or(text)).await;
        assert!(said.err.contains("backup.json"), "{said:?}");
    }
    let mut newer = list.clone();
    newer["version"] = 2.into();
    std::fs::write(&path, newer.to_string()).expect("a list");
    assert!(refused(&machine, "a newer list").await.err.contains("backup.json"));
    std::fs::write(&path, list.to_string()).expect("a list");
    let segment = list["files"]["store/segments/00000001.seg"]["sha256"].as_str().expect("a name");
    let part = machine.path("kept/files").join(segment);
    let away = machine.path("away");
    std::fs::rename(&part, &away).expect("a move");
    assert!(refused(&machine, "a missing part").await.err.contains("00000001.seg"));
    // Another file, or the right bytes by way of a link to outside: what is read must have its hash.
    std::os::unix::fs::symlink("/etc/hostname", &part).expect("a link");
    assert!(refused(&machine, "a link").await.err.contains("00000001.seg"));
    std::fs::remove_file(&part).expect("a link");
    std::fs::create_dir(&part).expect("a folder");
    let said = node(&machine, "back", &["restore", "kept"]).await;
    assert!(said.code == 1 && said.err.contains(segment) && !machine.path("back").exists(), "{said:?}");
    std::fs::remove_dir(&part).expect("a folder");
    std::fs::rename(&away, &part).expect("a move");
    node(&machine, "back", &["restore", "kept"]).await.ok();
}
