//! Two histories of one key: the proof reaches every hub, the feed stands still everywhere, and its author moves on.

use std::time::{Duration, Instant};

use caphub_tests::{Machine, NodeProcess, Said, copy};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// Much less than the time between two comparisons, of which half may pass in any case.
const AT_ONCE: Duration = Duration::from_secs(20);

async fn run(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

async fn add(machine: &Machine, home: &str, title: &str) {
    run(machine, home, &["course", "add", "--title", title]).await.ok();
}

async fn titles(machine: &Machine, home: &str) -> Vec<String> {
    let list = run(machine, home, &["--json", "course", "list"]).await.ok().json();
    let titles = list.as_array().expect("a list").iter().map(|c| c["record"]["title"]["text"].clone());
    let mut titles: Vec<String> = titles.map(|t| t.as_str().expect("a title").to_owned()).collect();
    titles.sort();
    titles
}

async fn link(one: &NodeProcess<'_>, other: &NodeProcess<'_>) {
    one.ask(&["link", "add", &other.card().await]).await.ok();
    other.ask(&["link", "add", &one.card().await]).await.ok();
}

/// Every hub asks its linked hubs what they state: heads fell, and none of them is accused of anything. What is known of
/// forks is in the answer.
async fn nobody_is_accused(machine: &Machine, forks: usize) {
    for hub in ["one", "two", "three"] {
        let said =
            machine.run(&["--json", "--hub-dir", hub, "audit", "--out", "evidence.json"]).await.ok().json();
        for of in said["hubs"].as_array().expect("hubs") {
            assert_eq!(of["shown"].as_array().map(Vec::len), Some(0), "{said}");
            assert_eq!(of["checkpoint"]["shown"], 0, "{said}");
        }
        assert_eq!(said["forks"].as_array().map(Vec::len), Some(forks), "{said}");
        let checked = machine.run(&["--json", "audit", "verify", "evidence.json"]).await;
        let kinds = if forks == 0 { Vec::new() } else { vec!["fork"; forks] };
        let found = checked.json();
        let shown = found["findings"].as_array().into_iter().flatten().filter(|f| f["verdict"] == "shown");
        assert_eq!(shown.filter_map(|f| f["kind"].as_str()).collect::<Vec<_>>(), kinds, "{found}");
    }
}

/// Three hubs in a row, a member of the first whose folder was copied, and a record on each side of the fork.
async fn forked(machine: &Machine) -> [NodeProcess<'_>; 3] {
    let one = machine.hub("one", "Hub One", "009").await;
    let two = machine.hub("two", "Hub Two", "009").await;
    let three = machine.hub("three", "Hub Three", "009").await;
    let file = one.invitation("TV").await;
    run(machine, "tv", &["join", &file, "--name", "Tuvalu CERT"]).await.ok();
    add(machine, "tv", "Common").await;
    run(machine, "tv", &["sync"]).await.ok();
    link(&one, &two).await;
    link(&two, &three).await;
    three.ask(&["recognise", &one.card().await]).await.ok();
    for hub in [&one, &two, &three] {
        hub.reaches("records", 1).await;
    }
    nobody_is_accused(machine, 0).await;
    copy(&machine.path("tv"), &machine.path("copy"));
    add(machine, "tv", "Left").await;
    add(machine, "copy", "Right").await;
    add(machine, "copy", "Right again").await;
    [one, two, three]
}

#[tokio::test]
async fn the_proof_of_a_fork_reaches_all_and_its_author_moves_on() {
    let machine = Machine::new(PROGRAM, "en");
    let [one, mut two, three] = forked(&machine).await;
    run(&machine, "tv", &["sync"]).await.ok();
    let card = two.card().await;
    run(&machine, "copy", &["sync", "--through", &card]).await;
    for hub in [&one, &two, &three] {
        hub.reaches("forks", 1).await;
        hub.reaches("records", 1).await;
    }
    nobody_is_accused(&machine, 1).await;
    // A killed node still knows.
    two.kill().await;
    two.up().await;
    two.reaches("forks", 1).await;
    two.reaches("records", 1).await;

    run(&machine, "tv", &["sync"]).await.ok();
    assert_eq!(titles(&machine, "tv").await, ["Common"]);
    let refused = run(&machine, "tv", &["course", "add", "--title", "Later"]).await;
    assert!(refused.code == 1 && refused.err.contains("caphub key revoke"), "{refused:?}");
    let status = run(&machine, "tv", &["status"]).await.ok();
    assert!(status.out.contains("two histories"), "{status:?}");

    run(&machine, "tv", &["key", "add", "new desk"]).await.ok();
    let revoked = run(&machine, "tv", &["key", "revoke", "first", "--reason", "forked"]).await.ok();
    assert!(revoked.err.contains("the one held here counts, up to entry"), "{revoked:?}");
    add(&machine, "tv", "Later").await;
    run(&machine, "tv", &["sync"]).await.ok();
    for hub in [&one, &two, &three] {
        hub.reaches("records", 3).await;
    }
    nobody_is_accused(&machine, 1).await;
    assert_eq!(titles(&machine, "tv").await, ["Common", "Later", "Left"]);
    assert_ne!(run(&machine, "copy", &["sync", "--through", &card]).await.code, 0, "its key is revoked");
    run(&machine, "tv", &["verify"]).await.ok();

    // A member of the last hub sees the same, having met neither history.
    let file = three.invitation("KI").await;
    run(&machine, "ki", &["join", &file, "--name", "Kiribati"]).await.ok();
    assert_eq!(titles(&machine, "ki").await, ["Common", "Later", "Left"]);
}

#[tokio::test]
async fn a_hub_that_holds_the_other_history_takes_the_one_that_its_author_names() {
    let machine = Machine::new(PROGRAM, "en");
    let [one, two, three] = forked(&machine).await;
    // The second history alone is known, to all three; the author revokes before anybody has a proof.
    let card = two.card().await;
    run(&machine, "copy", &["sync", "--through", &card]).await.ok();
    for hub in [&one, &two, &three] {
        hub.reaches("records", 3).await;
    }
    nobody_is_accused(&machine, 0).await;
    run(&machine, "tv", &["key", "add", "new desk"]).await.ok();
    run(&machine, "tv", &["key", "revoke", "first", "--reason", "forked"]).await.ok();
    run(&machine, "tv", &["sync"]).await;
    run(&machine, "tv", &["sync"]).await.ok();
    for hub in [&one, &two, &three] {
        hub.reaches("records", 2).await;
    }
    nobody_is_accused(&machine, 0).await;
    assert_eq!(titles(&machine, "tv").await, ["Common", "Left"]);
    let file = three.invitation("KI").await;
    run(&machine, "ki", &["join", &file, "--name", "Kiribati"]).await.ok();
    assert_eq!(titles(&machine, "ki").await, ["Common", "Left"]);
}

/// A hub that is dialled and cannot dial gets at once what takes the place of what it sent itself: the two need not wait
/// until they compare again.
#[tokio::test]
async fn what_takes_the_place_of_a_history_goes_back_over_the_link_that_it_came_by() {
    let machine = Machine::new(PROGRAM, "en");
    let one = machine.hub("one", "Hub One", "009").await;
    let two = machine.hub("two", "Hub Two", "009").await;
    let file = one.invitation("TV").await;
    run(&machine, "tv", &["join", &file, "--name", "Tuvalu CERT"]).await.ok();
    add(&machine, "tv", "Common").await;
    run(&machine, "tv", &["sync"]).await.ok();
    one.ask(&["link", "add", &two.card().await]).await.ok();
    // Nothing answers there: only the other side can open this link.
    two.ask(&["link", "add", &one.card().await, "--link-proxy", "http://127.0.0.1:9"]).await.ok();
    two.reaches("records", 1).await;
    copy(&machine.path("tv"), &machine.path("copy"));
    add(&machine, "tv", "Left").await;
    add(&machine, "copy", "Right").await;
    add(&machine, "copy", "Right again").await;
    let card = two.card().await;
    run(&machine, "copy", &["sync", "--through", &card]).await.ok();
    one.reaches("records", 3).await;
    run(&machine, "tv", &["key", "add", "new desk"]).await.ok();
    run(&machine, "tv", &["key", "revoke", "first", "--reason", "forked"]).await.ok();
    run(&machine, "tv", &["sync"]).await;
    run(&machine, "tv", &["sync"]).await.ok();
    one.reaches("records", 2).await;
    let taken = Instant::now();
    two.reaches("records", 2).await;
    assert!(taken.elapsed() < AT_ONCE, "{:?}", taken.elapsed());
}

#[tokio::test]
async fn the_author_may_let_only_what_both_histories_share_count() {
    let machine = Machine::new(PROGRAM, "en");
    let [one, two, three] = forked(&machine).await;
    run(&machine, "tv", &["sync"]).await.ok();
    let card = two.card().await;
    run(&machine, "copy", &["sync", "--through", &card]).await;
    for hub in [&one, &two, &three] {
        hub.reaches("forks", 1).await;
    }
    run(&machine, "tv", &["sync"]).await.ok();
    run(&machine, "tv", &["key", "add", "new desk"]).await.ok();
    let revoked =
        run(&machine, "tv", &["key", "revoke", "first", "--reason", "forked", "--common"]).await.ok();
    assert!(revoked.err.contains("only what they share counts"), "{revoked:?}");
    add(&machine, "tv", "Later").await;
    run(&machine, "tv", &["sync"]).await.ok();
    for hub in [&one, &two, &three] {
        hub.reaches("records", 2).await;
    }
    nobody_is_accused(&machine, 1).await;
    let file = three.invitation("KI").await;
    run(&machine, "ki", &["join", &file, "--name", "Kiribati"]).await.ok();
    for home in ["tv", "ki"] {
        assert_eq!(titles(&machine, home).await, ["Common", "Later"], "{home}");
    }
    run(&machine, "tv", &["verify"]).await.ok();
}
