//! Signing keys come, go and are lost; the organisation stays the same to everybody.

use caphub_tests::{Machine, NodeProcess};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn do_it(machine: &Machine, home: &str, words: &[&str]) -> caphub_tests::Said {
    let all: Vec<&str> = ["--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

async fn json(machine: &Machine, home: &str, words: &[&str]) -> Value {
    let all: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
    do_it(machine, home, &all).await.ok().json()
}

async fn add(machine: &Machine, home: &str, title: &str) {
    do_it(machine, home, &["course", "add", "--title", title]).await.ok();
}

async fn joined<'a>(machine: &'a Machine) -> (NodeProcess<'a>, String, Value) {
    let hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    let sheet = json(machine, "tv", &["join", &file, "--name", "Tuvalu CERT"]).await;
    (hub, file, sheet)
}

#[tokio::test]
async fn a_second_machine_signs_and_its_key_is_taken_back() {
    let machine = Machine::new(PROGRAM, "en");
    let (hub, ..) = joined(&machine).await;
    do_it(&machine, "tv", &["key", "add", "desk two", "--to", "two"]).await.ok();
    add(&machine, "two", "Before").await;
    // The hub does not know the key yet, and learns of it from the log that the second machine was given.
    do_it(&machine, "two", &["sync"]).await.ok();
    do_it(&machine, "tv", &["sync"]).await.ok();
    hub.reaches("records", 1).await;
    let own = do_it(&machine, "tv", &["key", "revoke", "first"]).await;
    assert!(own.code == 2 && own.err.contains("hint: "), "{own:?}");
    assert_eq!(do_it(&machine, "two", &["key", "revoke", "first"]).await.code, 3);
    do_it(&machine, "tv", &["sync"]).await.ok();
    do_it(&machine, "tv", &["key", "revoke", "desk two", "--reason", "stolen"]).await.ok();
    do_it(&machine, "tv", &["sync"]).await.ok();
    add(&machine, "two", "After").await;
    let late = do_it(&machine, "two", &["sync"]).await;
    assert!(late.code != 0 && late.err.contains("error: "), "{late:?}");
    hub.reaches("records", 1).await;
    let keys = json(&machine, "tv", &["key", "list"]).await;
    let revoked: Vec<_> =
        keys.as_array().expect("keys").iter().filter(|k| k["revoked"] == "stolen").collect();
    assert_eq!(revoked.len(), 1, "{keys}");
}

#[tokio::test]
async fn the_keys_behind_are_rotated_and_an_old_backup_says_so() {
    let machine = Machine::new(PROGRAM, "en").with("CAPHUB_PASSPHRASE", "coral reef");
    let (hub, ..) = joined(&machine).await;
    do_it(&machine, "tv", &["key", "backup", "old.backup"]).await.ok();
    do_it(&machine, "tv", &["key", "rotate"]).await.ok();
    do_it(&machine, "tv", &["key", "rotate"]).await.ok();
    do_it(&machine, "tv", &["key", "backup", "new.backup"]).await.ok();
    do_it(&machine, "tv", &["sync"]).await.ok();
    let old = do_it(&machine, "back", &["key", "recover", "old.backup"]).await;
    assert!(old.code == 1 && old.err.contains("replaced"), "{old:?}");
    do_it(&machine, "again", &["key", "recover", "new.backup"]).await.ok();
    add(&machine, "again", "From the backup").await;
    do_it(&machine, "again", &["sync"]).await.ok();
    hub.reaches("records", 1).await;
    hub.reaches("members", 1).await;
    assert!(!std::fs::read(machine.path("new.backup")).expect("a file").windows(4).any(|w| w == b"root"));
}

#[tokio::test]
async fn a_lost_machine_comes_back_with_the_recovery_sheet() {
    let machine = Machine::new(PROGRAM, "en");
    let (hub, file, sheet) = joined(&machine).await;
    add(&machine, "tv", "Before the loss").await;
    do_it(&machine, "tv", &["sync"]).await.ok();
    let (party, key) =
        (sheet["party"].as_str().expect("an id"), sheet["recovery_key"].as_str().expect("a key"));
    let words = ["key", "recover", &file, "--organisation", party, "--recovery-key"];
    let wrong = "00".repeat(32);
    let refused = do_it(&machine, "new", &[&words[..], &[&wrong]].concat()).await;
    assert!(refused.code == 2 && refused.err.contains("recovery key"), "{refused:?}");
    let back = do_it(&machine, "new", &[&words[..], &[key]].concat()).await.ok();
    assert!(back.out.contains(party) && back.err.contains("Tuvalu CERT is back"), "{back:?}");
    assert!(!back.out.contains(key), "a recovery key serves once; the new sheet has another");
    add(&machine, "new", "After the loss").await;
    do_it(&machine, "new", &["sync"]).await.ok();
    hub.reaches("records", 2).await;
    hub.reaches("members", 1).await;
    do_it(&machine, "new", &["key", "revoke", "first", "--reason", "lost"]).await.ok();
    do_it(&machine, "new", &["sync"]).await.ok();
    add(&machine, "tv", "By the finder").await;
    assert!(do_it(&machine, "tv", &["sync"]).await.code != 0);
    hub.reaches("records", 2).await;
    let again = do_it(&machine, "third", &[&words[..], &[key]].concat()).await;
    assert_eq!(again.code, 2, "{again:?}");
}

#[tokio::test]
async fn what_a_stolen_key_signed_later_is_served_to_nobody() {
    let machine = Machine::new(PROGRAM, "en");
    let (hub, ..) = joined(&machine).await;
    do_it(&machine, "tv", &["key", "add", "desk two", "--to", "two"]).await.ok();
    do_it(&machine, "tv", &["sync"]).await.ok();
    add(&machine, "two", "By its owner").await;
    do_it(&machine, "two", &["sync"]).await.ok();
    do_it(&machine, "tv", &["sync"]).await.ok();
    add(&machine, "two", "By the thief").await;
    do_it(&machine, "two", &["sync"]).await.ok();
    hub.reaches("records", 2).await;
    // The first machine has seen one record of the key, and counts that one.
    do_it(&machine, "tv", &["key", "revoke", "desk two", "--reason", "stolen"]).await.ok();
    do_it(&machine, "tv", &["sync"]).await.ok();
    hub.reaches("records", 1).await;
    let file = hub.invitation("KI").await;
    machine.run(&["--home", "ki", "join", &file, "--name", "Kiribati"]).await.ok();
    let courses = json(&machine, "ki", &["course", "list"]).await;
    assert_eq!(courses.as_array().map(Vec::len), Some(1), "{courses}");
    assert_eq!(courses[0]["record"]["title"]["text"], "By its owner");
    let again = json(&machine, "ki", &["sync"]).await;
    assert_eq!(
        (again["received"].as_u64(), again["not_taken"].as_object().map(|m| m.len())),
        (Some(0), Some(0))
    );
    do_it(&machine, "ki", &["verify"]).await.ok();
}

#[tokio::test]
async fn a_person_who_types_the_passphrase_rotates_and_goes_on() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.answer(&["--home", "tv", "join", &file], "Tuvalu\nreef\n").await.ok();
    for _ in 0..2 {
        machine.answer(&["--home", "tv", "key", "rotate"], "reef\nreef\n").await.ok();
    }
    // Only the last line is asked for: no rotation is left half done.
    let words = ["--home", "tv", "course", "add", "--title", "After"];
    machine.answer(&words, "reef\n").await.ok();
    machine.answer(&["--home", "tv", "sync"], "reef\n").await.ok();
    hub.reaches("records", 1).await;
    machine.answer(&["--home", "tv", "key", "list"], "").await.ok();
}
