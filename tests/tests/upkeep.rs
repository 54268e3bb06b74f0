//! What an operator does for a store, with the real binary: damage is named and repaired from a linked hub, a backup
//! taken beside a running node is restored elsewhere, and an old copy signs nothing behind what was signed.

use std::path::PathBuf;
use std::time::Duration;

use caphub_tests::damage::{flip, frames, linked, node};
use caphub_tests::{Machine, NodeProcess};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

fn segment(hub: &NodeProcess<'_>) -> PathBuf {
    hub.below("store/segments/00000001.seg")
}

#[tokio::test]
async fn flipped_bytes_are_named_and_come_back_from_a_linked_hub() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, _other) = linked(&machine).await;
    let said = node(&machine, "one", &["verify"]).await.ok();
    assert!(said.out.contains("Every hash and signature is right."), "while it runs: {said:?}");
    let running = node(&machine, "one", &["repair"]).await;
    assert!(running.code == 1 && running.err.contains("stop it first"), "{running:?}");
    one.stop().await;
    let path = segment(&one);
    let whole = std::fs::read(&path).expect("a segment");
    let frames = frames(&whole);
    assert!(frames.len() > 8, "{frames:?}");
    // In bodies, in a head's count, in a length, in a magic, and in the last frame of all.
    let last = *frames.last().expect("frames");
    for at in [frames[3] + 250, frames[4] + 65, frames[5] + 9, frames[6] + 1, last + 70, whole.len() - 3] {
        flip(&path, at);
    }
    let said = node(&machine, "one", &["verify"]).await;
    assert!(said.code == 1 && said.out.contains("00000001.seg, bytes"), "{said:?}");
    assert!(said.out.contains("Atlantic Hub can replace"), "{said:?}");
    assert!(said.err.contains("hint: stop the node, then: caphub-node repair"), "{said:?}");
    let said = node(&machine, "one", &["repair"]).await.ok();
    assert!(said.out.contains("repaired  entries"), "{said:?}");
    assert_eq!(std::fs::read(&path).expect("a segment"), whole, "byte for byte as it was: {said:?}");
    node(&machine, "one", &["verify"]).await.ok();
    one.up().await;
    one.reaches("records", 6).await;
}

#[tokio::test]
async fn what_no_linked_hub_has_is_told_and_left_as_it_is() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, mut other) = linked(&machine).await;
    one.stop().await;
    other.stop().await;
    let path = segment(&one);
    let at = frames(&std::fs::read(&path).expect("a segment"))[7] + 250;
    flip(&path, at);
    let damaged = std::fs::read(&path).expect("a segment");
    let said = node(&machine, "one", &["repair"]).await;
    assert!(said.code == 1 && said.out.contains("Atlantic Hub could not be asked"), "{said:?}");
    assert!(said.err.contains("hint: "), "{said:?}");
    let refused = node(&machine, "one", &["rebuild"]).await;
    assert!(refused.code == 1 && refused.err.contains("hint: first: caphub-node repair"), "{refused:?}");
    assert_eq!(std::fs::read(&path).expect("a segment"), damaged);
    // The index still knows its way around it.
    one.up().await;
}

#[tokio::test]
async fn index_and_views_are_derived_again() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("one", "Pacific Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    machine.run(&["--home", "tv", "course", "add", "--title", "One"]).await.ok();
    machine.run(&["--home", "tv", "sync"]).await.ok();
    let running = node(&machine, "one", &["rebuild"]).await.ok();
    assert!(running.out.contains("while the hub ran"), "{running:?}");
    hub.stop().await;
    let said = node(&machine, "one", &["rebuild"]).await.ok();
    assert!(said.out.contains("derived again from"), "{said:?}");
    hub.up().await;
    hub.reaches("records", 1).await;
    hub.reaches("members", 1).await;
}

#[tokio::test]
async fn a_backup_of_a_running_node_is_restored_elsewhere_and_signs_nothing_behind_what_was_signed() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, other) = linked(&machine).await;
    node(&machine, "one", &["backup", "kept"]).await.ok();
    let again = node(&machine, "one", &["backup", "kept"]).await.ok();
    assert!(again.out.contains("0 bytes had to be copied"), "nothing changed: {again:?}");
    // Signed after the backup, and seen by the other hub.
    let file = one.invitation("FJ").await;
    machine.run(&["--home", "fj", "join", &file, "--name", "Fiji CERT"]).await.ok();
    one.reaches("members", 2).await;
    other.holds_as_many_as(&one).await;
    one.kill().await;
    let refused = node(&machine, "one", &["restore", "kept"]).await;
    assert!(refused.code == 1 && refused.err.contains("nothing was written"), "{refused:?}");
    node(&machine, "back", &["restore", "kept"]).await.ok();
    // Nobody to ask: it runs, and signs nothing.
    let mut back = machine.node("back", "127.0.0.1:0", &[("CAPHUB_PROXY", "http://127.0.0.1:9")]);
    back.up().await;
    let knocks = back.card().await;
    machine.run(&["--home", "ki", "join", &knocks, "--name", "Kiribati CERT", "--country", "KI"]).await.ok();
    let unsigned = back.ask(&["approve", "Kiribati CERT"]).await;
    assert!(unsigned.code != 0 && unsigned.err.contains("restored from a backup"), "{unsigned:?}");
    back.stop().await;
    // Once the other hub was asked it has what was signed since, and goes on after it.
    let mut back = machine.node("back", "127.0.0.1:0", &[]);
    back.up().await;
    back.reaches("members", 2).await;
    // The entries come before the end of the comparison.
    let compared = async {
        while back.below("store/unasked").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), compared).await.expect("the feeds are compared");
    back.ask(&["approve", "Kiribati CERT"]).await.ok();
    back.reaches("members", 3).await;
    other.holds_as_many_as(&back).await;
    other.reaches("forks", 0).await;
    back.reaches("forks", 0).await;
    node(&machine, "back", &["verify"]).await.ok();
}

#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_written() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = machine.hub("one", "Pacific Hub", "009").await;
    node(&machine, "one", &["backup", "kept"]).await.ok();
    for file in std::fs::read_dir(machine.path("kept/files")).expect("files") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).expect("a file");
        let mut damaged = bytes.clone();
        damaged.push(0);
        std::fs::write(&path, damaged).expect("a file");
        let refused = node(&machine, "back", &["restore", "kept"]).await;
        assert!(refused.code == 1 && refused.err.contains("the backup is damaged"), "{path:?}: {refused:?}");
        assert!(!machine.path("back").join("hub.json").exists());
        std::fs::write(&path, bytes).expect("a file");
    }
    let inside = node(&machine, "one", &["backup", "one/kept"]).await;
    assert!(inside.code == 1 && inside.err.contains("own folder"), "{inside:?}");
}

#[test]
fn a_reader_that_goes_away_ends_no_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "\"{PROGRAM}\" node --dir {}/hub init \"North Hub\" --region 009 | true",
        folder.path().display()
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    let mut check = std::process::Command::new(PROGRAM);
    check.args(["node", "--dir"]).arg(folder.path().join("hub")).arg("check");
    assert!(check.status().expect("a program").success(), "the hub is made all the same");
}
