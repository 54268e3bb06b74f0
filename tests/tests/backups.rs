//! Backups that are not what a node wrote: hostile and broken names and files are refused whole, with their place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use caphub_tests::damage::node;
use caphub_tests::{Machine, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

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
    assert!(refused(&machine, "a folder").await.err.contains("00000001.seg"));
    std::fs::remove_dir(&part).expect("a folder");
    std::fs::rename(&away, &part).expect("a move");
    node(&machine, "back", &["restore", "kept"]).await.ok();
}

/// All files below a folder, with their bytes.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(everything(&path)),
            false => drop(all.insert(path.clone(), std::fs::read(&path).expect("a file"))),
        }
    }
    all
}

#[tokio::test]
async fn files_that_are_longer_shorter_strange_or_without_end_are_refused_before_anything_is_written() {
    let machine = Machine::new(PROGRAM, "en");
    let (_, list) = backed_up(&machine).await;
    let segment = list["files"]["store/segments/00000001.seg"]["sha256"].as_str().expect("a name");
    let part = machine.path("kept/files").join(segment);
    let bytes = std::fs::read(&part).expect("a file");
    let same = machine.path("same");
    std::fs::write(&same, &bytes).expect("a file");
    let put = |what: &str| {
        let _ = std::fs::remove_file(&part);
        let sparse = |length: u64| {
            let file = std::fs::File::create(&part).expect("a file");
            file.set_len(length).expect("room for nothing");
        };
        match what {
            "cut" => std::fs::write(&part, &bytes[..bytes.len() - 1]).expect("a file"),
            "empty" => sparse(0),
            "longer" => std::fs::write(&part, [&bytes[..], b"x"].concat()).expect("a file"),
            // What reads all of them would read for hours, or for ever.
            "a terabyte" => sparse(1 << 40),
            "a link without end" => std::os::unix::fs::symlink("/dev/zero", &part).expect("a link"),
            "a link to the right bytes" => std::os::unix::fs::symlink(&same, &part).expect("a link"),
            "a pipe" => {
                let made = std::process::Command::new("mkfifo").arg(&part).status().expect("mkfifo");
                assert!(made.success());
            }
            _ => std::fs::write(&part, bytes.iter().map(|b| b ^ 1).collect::<Vec<u8>>()).expect("a file"),
        }
    };
    let all = [
        "cut",
        "empty",
        "longer",
        "a terabyte",
        "a link without end",
        "a link to the right bytes",
        "a pipe",
        "another",
    ];
    for what in all {
        put(what);
        let said = refused(&machine, what).await;
        assert!(said.err.contains("00000001.seg"), "{what}: {said:?}");
    }
    std::fs::remove_file(&part).expect("a file");
    std::fs::write(&part, &bytes).expect("a file");
    // The list itself: a pipe, a link without end, more than any has.
    let path = machine.path("kept/backup.json");
    for what in ["a pipe", "a link without end", "a terabyte"] {
        let _ = std::fs::remove_file(&path);
        match what {
            "a pipe" => drop(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo")),
            "a terabyte" => std::fs::File::create(&path).and_then(|f| f.set_len(1 << 40)).expect("a file"),
            _ => std::os::unix::fs::symlink("/dev/zero", &path).expect("a link"),
        }
        assert!(refused(&machine, what).await.err.contains("backup.json"));
    }
    std::fs::remove_file(&path).expect("a list");
    std::fs::write(&path, list.to_string()).expect("a list");
    node(&machine, "back", &["restore", "kept"]).await.ok();
}

#[tokio::test]
async fn a_backup_goes_into_no_folder_that_holds_something_else_and_removes_nothing_of_others() {
    let machine = Machine::new(PROGRAM, "en");
    let (_, _) = backed_up(&machine).await;
    let outside = machine.path("outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::fs::write(outside.join("thesis.txt"), "years of work").expect("a file");
    let refuses = async |folder: &str| {
        let before = everything(&machine.path(folder));
        let said = node(&machine, "hub", &["backup", folder]).await;
        assert!(said.code == 1 && said.err.contains("nothing was written"), "{folder}: {said:?}");
        assert!(said.err.contains("hint: name an empty folder"), "{folder}: {said:?}");
        assert_eq!(everything(&machine.path(folder)), before, "{folder}");
    };
    refuses("outside").await;
    // The backup of another hub.
    machine.run(&["node", "--dir", "second", "init", "Second", "--region", "009"]).await.ok();
    node(&machine, "second", &["backup", "theirs"]).await.ok();
    refuses("theirs").await;
    // A backup whose folder of files is a link to somebody else's folder.
    std::fs::rename(machine.path("kept/files"), machine.path("moved")).expect("a move");
    std::os::unix::fs::symlink(&outside, machine.path("kept/files")).expect("a link");
    refuses("kept").await;
    std::fs::remove_file(machine.path("kept/files")).expect("a link");
    std::fs::rename(machine.path("moved"), machine.path("kept/files")).expect("a move");
    // What somebody laid beside the files stays, and a link in the place of a file that is coming is not written through.
    std::fs::write(machine.path("kept/files/notes.txt"), "mine").expect("a file");
    std::os::unix::fs::symlink(outside.join("thesis.txt"), machine.path("kept/files/coming"))
        .expect("a link");
    std::fs::write(machine.path("hub/caphub-node.toml"), "log_level = \"warn\"\n").expect("a file");
    node(&machine, "hub", &["backup", "kept"]).await.ok();
    assert_eq!(std::fs::read_to_string(outside.join("thesis.txt")).expect("a file"), "years of work");
    assert_eq!(std::fs::read_to_string(machine.path("kept/files/notes.txt")).expect("a file"), "mine");
    node(&machine, "back", &["restore", "kept"]).await.ok();
    // A copy of a copy that has asked nobody yet.
    node(&machine, "back", &["backup", "again"]).await.ok();
    node(&machine, "further", &["restore", "again"]).await.ok();
    assert!(machine.path("further/store/unasked").exists());
}
