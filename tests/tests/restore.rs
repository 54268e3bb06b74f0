//! A folder that was put back from a copy signs nothing behind what it has signed before.

use caphub_tests::{Machine, NodeProcess, Said, copy};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn run(machine: &Machine, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--home", "tv"].iter().chain(words).copied().collect();
    machine.run(&all).await
}

async fn add(machine: &Machine, title: &str) -> Said {
    run(machine, &["course", "add", "--title", title]).await
}

/// A member with one record in the copy and two more since, all of them at the hub.
async fn ahead_of_its_copy(machine: &Machine) -> NodeProcess<'_> {
    let hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    run(machine, &["join", &file, "--name", "Tuvalu CERT"]).await.ok();
    add(machine, "One").await.ok();
    run(machine, &["sync"]).await.ok();
    copy(&machine.path("tv"), &machine.path("backup"));
    add(machine, "Two").await.ok();
    add(machine, "Three").await.ok();
    run(machine, &["sync"]).await.ok();
    hub.reaches("records", 3).await;
    hub
}

#[tokio::test]
async fn behind_what_its_hub_shows_a_copy_signs_nothing_until_it_has_caught_up() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = ahead_of_its_copy(&machine).await;
    std::fs::remove_dir_all(machine.path("tv")).expect("a folder");
    copy(&machine.path("backup"), &machine.path("tv"));
    // Register and log are equally old: only the hub knows better. Nothing is taken yet.
    run(&machine, &["sync", "--dry-run"]).await.ok();
    let refused = add(&machine, "Four").await;
    assert!(refused.code == 1 && refused.err.contains("hint: sync first"), "{refused:?}");
    let again = add(&machine, "Four").await;
    assert_eq!(again.code, 1, "it is remembered: {again:?}");
    run(&machine, &["sync"]).await.ok();
    add(&machine, "Four").await.ok();
    run(&machine, &["sync"]).await.ok();
    hub.reaches("records", 4).await;
    hub.reaches("forks", 0).await;
}

#[tokio::test]
async fn what_the_register_holds_comes_back_when_the_log_is_older() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = ahead_of_its_copy(&machine).await;
    for part in ["store/segments", "store/index", "views"] {
        std::fs::remove_dir_all(machine.path("tv").join(part)).expect("a folder");
        copy(&machine.path("backup").join(part), &machine.path("tv").join(part));
    }
    add(&machine, "Four").await.ok();
    run(&machine, &["sync"]).await.ok();
    hub.reaches("records", 4).await;
    hub.reaches("forks", 0).await;
    run(&machine, &["verify"]).await.ok();
}

#[tokio::test]
async fn without_a_hub_to_ask_a_copy_forks_and_that_is_found_and_mended() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = ahead_of_its_copy(&machine).await;
    std::fs::remove_dir_all(machine.path("tv")).expect("a folder");
    copy(&machine.path("backup"), &machine.path("tv"));
    add(&machine, "Elsewhere").await.ok();
    run(&machine, &["sync"]).await;
    hub.reaches("forks", 1).await;
    run(&machine, &["sync"]).await;
    let refused = add(&machine, "Four").await;
    assert!(refused.code == 1 && refused.err.contains("key revoke"), "{refused:?}");
    run(&machine, &["key", "add", "second life"]).await.ok();
    run(&machine, &["key", "revoke", "first", "--reason", "forked"]).await.ok();
    add(&machine, "Four").await.ok();
    run(&machine, &["sync"]).await.ok();
    // One, what this folder signed, and the new record; what the lost copy had signed is void.
    hub.reaches("records", 3).await;
    add(&machine, "Two, written again").await.ok();
    run(&machine, &["sync"]).await.ok();
    hub.reaches("records", 4).await;
}
