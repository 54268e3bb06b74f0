//! Hubs that move, that nobody can dial, or that are gone for good; members that go on, and that become hubs.

use std::time::{Duration, Instant};

use caphub_tests::{Machine, NodeProcess};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn need(machine: &Machine, home: &str, title: &str) {
    let words = ["--home", home, "need", "add", "--title", title, "--theme", "standards"];
    machine.run(&words).await.ok();
}

async fn link_to(hub: &NodeProcess<'_>, name: &str) -> Value {
    let links = hub.ask(&["link", "list"]).await.ok().json();
    let found = links.as_array().and_then(|l| l.iter().find(|l| l["name"] == name));
    found.unwrap_or_else(|| panic!("no link to {name}: {links}")).clone()
}

async fn connected(hub: &NodeProcess<'_>, name: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let link = link_to(hub, name).await;
        if link["state"] == "connected" {
            return link;
        }
        assert!(Instant::now() < deadline, "{link}: {}", hub.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_hub_that_moved_is_found_again_through_any_third_by_hubs_and_members() {
    let machine = Machine::new(PROGRAM, "en");
    let (a, c) = (machine.hub("a", "Hub A", "009").await, machine.hub("c", "Hub C", "061").await);
    let mut b = machine.hub("b", "Hub B", "057").await;
    let (a_card, b_card, c_card) = (a.card().await, b.card().await, c.card().await);
    // B never dials A: what brings them together again is A, by way of C.
    for (hub, cards) in [(&a, [&b_card, &c_card].as_slice()), (&b, &[&c_card]), (&c, &[&a_card, &b_card])] {
        for card in cards {
            hub.ask(&["link", "add", card]).await.ok();
        }
    }
    let file = b.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    need(&machine, "tv", "Before the move").await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    for hub in [&a, &c] {
        hub.reaches("records", 1).await;
    }
    connected(&a, "Hub B").await;
    // C gives a second word on who B is.
    let deadline = Instant::now() + Duration::from_secs(20);
    while link_to(&a, "Hub B").await["confirmed_by"][0] != "Hub C" {
        assert!(Instant::now() < deadline, "{}", link_to(&a, "Hub B").await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let former = b.address.clone();
    b.kill().await;
    b.address = "127.0.0.1:0".to_owned();
    b.up().await;
    assert_ne!(b.address, former);
    let link = connected(&a, "Hub B").await;
    assert_eq!(link["addresses"][0], b.address.as_str(), "{link}");
    assert_eq!(link["addresses"][1], former.as_str(), "{link}");

    need(&machine, "tv", "After the move").await;
    assert_eq!(machine.run(&["--home", "tv", "sync"]).await.code, 4, "the old address is all it knows");
    machine.run(&["--home", "tv", "sync", "--through", &c_card]).await.ok();
    let said = machine.run(&["--home", "tv", "--json", "sync"]).await.ok().json();
    assert_eq!(said["hub"], "Hub B", "{said}");
    a.reaches("records", 2).await;
    // What was learned outlives a restart, also of who learned it.
    let status = machine.run(&["--home", "tv", "--json", "status"]).await.ok().json();
    assert_eq!(status["hubs"][0]["addresses"][0], b.address.as_str(), "{status}");
}

/// Sockets of a process that listen on a network, by the system's own tables.
fn listening(process: u32) -> usize {
    let mut inodes = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{process}/fd")).expect("a process").flatten() {
        let to = std::fs::read_link(entry.path()).unwrap_or_default().display().to_string();
        inodes.extend(to.strip_prefix("socket:[").and_then(|t| t.strip_suffix(']')).map(str::to_owned));
    }
    let tables =
        ["tcp", "tcp6"].map(|t| std::fs::read_to_string(format!("/proc/net/{t}")).unwrap_or_default());
    let lines = tables.iter().flat_map(|t| t.lines().skip(1));
    let fields = lines.map(|l| l.split_whitespace().collect::<Vec<_>>());
    fields.filter(|f| f[3] == "0A" && inodes.iter().any(|i| i == f[9])).count()
}

#[tokio::test]
async fn a_hub_that_listens_nowhere_exchanges_over_links_of_its_own_making() {
    let machine = Machine::new(PROGRAM, "en");
    let south = machine.hub("south", "South Hub", "061").await;
    let mut north = machine.hub("north", "North Hub", "009").await;
    let file = north.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    need(&machine, "tv", "From behind a wall").await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    assert_eq!(listening(north.id().expect("a process")), 1);
    north.kill().await;
    let mut north = machine.node("north", "none", &[]);
    north.up().await;
    assert_eq!(listening(north.id().expect("a process")), 0);
    let (north_card, south_card) = (north.card().await, south.card().await);
    assert!(!std::fs::read_to_string(machine.path(&north_card)).expect("a card").contains("\naddress "));
    let invited = north.ask(&["invite", "KI"]).await.ok();
    assert!(invited.err.contains("no address at which it can be reached"), "{invited:?}");
    north.ask(&["link", "add", &south_card]).await.ok();
    south.ask(&["link", "add", &north_card]).await.ok();
    south.reaches("records", 1).await;
    let file = south.invitation("FJ").await;
    machine.run(&["--home", "fj", "join", &file, "--name", "Fiji CERT"]).await.ok();
    let seen = machine.run(&["--home", "fj", "--json", "search", "wall"]).await.ok().json();
    assert_eq!(seen[0]["party_name"], "Tuvalu CERT", "{seen}");
    need(&machine, "fj", "From the other side").await;
    machine.run(&["--home", "fj", "sync"]).await.ok();
    north.reaches("records", 2).await;
    let link = link_to(&south, "North Hub").await;
    assert!(link["detail"].as_str().is_some_and(|d| d.contains("it connects to this node")), "{link}");
}

#[tokio::test]
async fn a_member_whose_hub_is_gone_for_good_goes_on_through_another_with_its_history() {
    let machine = Machine::new(PROGRAM, "en");
    let mut north = machine.hub("north", "North Hub", "009").await;
    let south = machine.hub("south", "South Hub", "061").await;
    let (file, south_card) = (north.invitation("TV").await, south.card().await);
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    need(&machine, "tv", "Through the first hub").await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    north.reaches("records", 1).await;
    let before = machine.run(&["--home", "tv", "--json", "status"]).await.ok().json();
    north.kill().await;
    std::fs::remove_dir_all(machine.path("north")).expect("a hub that is gone");

    need(&machine, "tv", "While no hub was there").await;
    assert_eq!(machine.run(&["--home", "tv", "sync"]).await.code, 4);
    let joined = machine.run(&["--home", "tv", "join", &south_card, "--mandate", "NV 3/2026"]).await.ok();
    assert!(joined.err.contains("South Hub has your request"), "{joined:?}");
    let again = machine.run(&["--home", "tv", "join", &south_card]).await;
    assert!(again.code == 2 && again.err.contains("among your hubs already"), "{again:?}");
    south.reaches("requests", 1).await;
    south.ask(&["approve", "Tuvalu CERT"]).await.ok();
    let synced = machine.run(&["--home", "tv", "sync"]).await.ok();
    assert!(synced.err.contains("Synced with South Hub"), "{synced:?}");
    assert!(synced.err.contains("North Hub cannot be reached"), "{synced:?}");
    south.reaches("records", 2).await;
    let after = machine.run(&["--home", "tv", "--json", "status"]).await.ok().json();
    assert_eq!(after["party"], before["party"]);
    assert_eq!(after["own_records"]["need"], 2, "{after}");
    let states: Vec<_> = after["hubs"].as_array().expect("hubs").iter().map(|h| &h["state"]).collect();
    assert_eq!(states, ["admitted", "admitted"], "{after}");

    machine.run(&["--home", "tv", "leave", "North Hub"]).await.ok();
    assert_eq!(machine.run(&["--home", "tv", "leave", "North Hub"]).await.code, 3);
    let synced = machine.run(&["--home", "tv", "sync"]).await.ok();
    assert!(!synced.err.contains("North Hub"), "{synced:?}");
    let file = south.invitation("FJ").await;
    machine.run(&["--home", "fj", "join", &file, "--name", "Fiji CERT"]).await.ok();
    let seen = machine.run(&["--home", "fj", "--json", "search", "hub", "--kind", "need"]).await.ok().json();
    assert_eq!(seen.as_array().map(Vec::len), Some(2), "{seen}");
    assert!(seen.as_array().expect("needs").iter().all(|n| n["party"] == before["party"]), "{seen}");
    // With no hub left everything still can be written.
    machine.run(&["--home", "tv", "leave", "South Hub"]).await.ok();
    need(&machine, "tv", "On its own").await;
    assert_eq!(machine.run(&["--home", "tv", "sync"]).await.code, 1);
}

#[tokio::test]
async fn a_member_becomes_a_hub_and_its_old_records_keep_their_author_and_are_served() {
    let machine = Machine::new(PROGRAM, "en").with("CAPHUB_PASSPHRASE", "coral reef");
    let south = machine.hub("south", "South Hub", "061").await;
    let north = machine.hub("north", "North Hub", "009").await;
    let file = north.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    need(&machine, "tv", "As a member").await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    let party = machine.run(&["--home", "tv", "--json", "status"]).await.ok().json()["party"].clone();

    let nobody = machine.run(&["node", "--dir", "tvhub", "init", "--from-member", "nowhere"]).await;
    assert!(nobody.code == 1 && nobody.err.contains("holds no member"), "{nobody:?}");
    let locked = Machine::new(PROGRAM, "en");
    let from = machine.path("tv").display().to_string();
    let no = locked.run(&["node", "--dir", "x", "init", "--from-member", &from]).await;
    assert!(no.code == 1 && no.err.contains("passphrase"), "{no:?}");
    let made =
        machine.run(&["node", "--dir", "tvhub", "init", "Tuvalu Hub", "--from-member", "tv"]).await.ok();
    assert!(made.out.contains(party.as_str().expect("an id")), "{made:?}");
    let key = std::fs::read(machine.path("tvhub/keys/operator.key")).expect("a key");
    // A crash before the last step: the next try does the rest, with the same key.
    std::fs::remove_file(machine.path("tvhub/hub.json")).expect("a file");
    machine.run(&["node", "--dir", "tvhub", "init", "Tuvalu Hub", "--from-member", "tv"]).await.ok();
    assert_eq!(std::fs::read(machine.path("tvhub/keys/operator.key")).expect("a key"), key);
    let twice = machine.run(&["node", "--dir", "tvhub", "init", "--from-member", "tv"]).await;
    assert!(twice.code == 1 && twice.err.contains("already"), "{twice:?}");
    assert!(!machine.path("tvhub/keys/root.key").exists(), "the root key stays with the member");

    let mut own = machine.node("tvhub", "127.0.0.1:0", &[]);
    own.up().await;
    own.reaches("records", 1).await;
    let (own_card, south_card) = (own.card().await, south.card().await);
    own.ask(&["link", "add", &south_card]).await.ok();
    south.ask(&["link", "add", &own_card]).await.ok();
    south.reaches("records", 1).await;
    let invited = own.invitation("FJ").await;
    machine.run(&["--home", "fj", "join", &invited, "--name", "Fiji CERT"]).await.ok();
    let seen = machine.run(&["--home", "fj", "--json", "search", "member"]).await.ok().json();
    assert_eq!(seen[0]["party"], party, "{seen}");

    // The member's folder goes on as a desk of its own hub, and still of the other.
    machine.run(&["--home", "tv", "join", &own_card]).await.ok();
    let status = machine.run(&["--home", "tv", "--json", "status"]).await.ok().json();
    assert_eq!(status["hubs"][1]["state"], "own-hub", "{status}");
    need(&machine, "tv", "As a hub").await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    for hub in [&own, &south, &north] {
        hub.reaches("records", 2).await;
    }
}
