//! Why a thing has not arrived, through the real programs: each way in which it may be missing is told in words, to
//! operators of a hub and to members, with codes for programs.

use std::time::{Duration, Instant};

use caphub_node::author::packed_run;
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::ingest::Origin;
use caphub_node::store::FeedHead;
use caphub_proto::wire::{Audience, Seq};
use caphub_tests::{Machine, NodeProcess, Said, copy};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn at(machine: &Machine, home: &str, words: &[&str]) -> Said {
    machine.run(&[&["--home", home], words].concat()).await
}

/// The explanation that a member's replica gives.
async fn told(machine: &Machine, home: &str, what: &str, more: &[&str]) -> Value {
    at(machine, home, &[&["--json", "sync", "explain", what], more].concat()).await.json()
}

/// The one that a hub's node gives.
async fn told_by(machine: &Machine, hub: &str, what: &str) -> Value {
    machine.run(&["--json", "--hub-dir", hub, "sync", "explain", what]).await.ok().json()
}

fn codes(told: &Value) -> Vec<&str> {
    let findings = told["findings"].as_array().unwrap_or_else(|| panic!("findings: {told}"));
    findings.iter().filter_map(|f| f["code"].as_str()).collect()
}

/// The first finding with a code.
fn finding<'a>(told: &'a Value, code: &str) -> &'a Value {
    let all = told["findings"].as_array().into_iter().flatten();
    all.into_iter().find(|f| f["code"] == code).unwrap_or_else(|| panic!("no {code}: {told}"))
}

fn has(told: &Value, wanted: &[&str], unwanted: &[&str]) {
    let codes = codes(told);
    assert!(wanted.iter().all(|w| codes.contains(w)), "{wanted:?} in {told}");
    assert!(!unwanted.iter().any(|u| codes.contains(u)), "{unwanted:?} not in {told}");
}

async fn member(machine: &Machine, hub: &NodeProcess<'_>, home: &str, country: &str, name: &str) {
    let file = hub.invitation(country).await;
    at(machine, home, &["join", &file, "--name", name, "--no-passphrase"]).await.ok();
}

/// A course of a member, signed and not synced; its id.
async fn course(machine: &Machine, home: &str, title: &str, more: &[&str]) -> String {
    let said = at(machine, home, &[&["--json", "course", "add", "--title", title], more].concat()).await.ok();
    let said = said.json();
    said["id"].as_str().unwrap_or_else(|| panic!("an id: {said}")).to_owned()
}

async fn linked<'a>(machine: &'a Machine, names: [&str; 2]) -> [NodeProcess<'a>; 2] {
    let hubs = [machine.hub(names[0], names[0], "009").await, machine.hub(names[1], names[1], "061").await];
    hubs[0].ask(&["link", "add", &hubs[1].card().await]).await.ok();
    hubs[1].ask(&["link", "add", &hubs[0].card().await]).await.ok();
    hubs
}

#[tokio::test]
async fn an_operator_is_told_what_a_linked_hub_lacks_since_when_and_why_it_is_not_reached() {
    let machine = Machine::new(PROGRAM, "en");
    let [north, mut south] = linked(&machine, ["north", "south"]).await;
    member(&machine, &north, "tv", "TV", "Tuvalu CERT").await;
    let first = course(&machine, "tv", "First", &[]).await;
    let inside = course(&machine, "tv", "Inside", &["--visible", "hub"]).await;
    at(&machine, "tv", &["sync"]).await.ok();
    south.reaches("records", 1).await;
    let fresh = told_by(&machine, "north", "south").await;
    assert_eq!((&fresh["kind"], &fresh["name"]), (&"hub".into(), &"south".into()));
    has(
        &fresh,
        &["link-up", "addresses", "states", "complete"],
        &["missing-there", "unreachable", "standing"],
    );
    let record = told_by(&machine, "north", &first[..8]).await;
    assert_eq!((&record["kind"], &record["name"]), (&"record".into(), &"First".into()), "{record}");
    has(
        &record,
        &["held", "audience-public", "stated", "carried-member", "room"],
        &["stated-nothing", "room-full"],
    );
    assert_eq!(finding(&record, "stated")["hub"], "south");
    let hidden = told_by(&machine, "north", &inside).await;
    has(&hidden, &["held", "audience-hub", "may-not-read"], &["stated", "stated-nothing"]);

    // South ends its side: what follows stays away, and since when is told.
    south.ask(&["link", "remove", "north"]).await.ok();
    let second = course(&machine, "tv", "Second", &[]).await;
    at(&machine, "tv", &["sync"]).await.ok();
    north.reaches("records", 3).await;
    let behind = told_by(&machine, "north", "south").await;
    has(&behind, &["missing-there"], &["complete"]);
    let missing = finding(&behind, "missing-there");
    assert_eq!((&missing["name"], &missing["entries"]), (&"Tuvalu CERT".into(), &1.into()), "{behind}");
    assert!(missing["since_ms"].as_u64().is_some_and(|ms| ms > 0));
    let record = told_by(&machine, "north", &second).await;
    has(&record, &["held", "stated-less"], &["stated"]);
    let organisation = told_by(&machine, "north", "Tuvalu CERT").await;
    assert_eq!(organisation["kind"], "organisation");
    has(&organisation, &["admitted", "carried-member", "room", "feed", "held-to"], &["identity-unknown"]);

    // It is gone: which address was tried and what stands in the way.
    south.kill().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let gone = loop {
        let told = told_by(&machine, "north", "south").await;
        let detail = told["findings"].as_array().into_iter().flatten().find(|f| f["code"] == "unreachable");
        // At first it is that the connection was cut; then that nobody answers at its address.
        if detail.is_some_and(|f| f["detail"].as_str().is_some_and(|d| d.contains(&south.address))) {
            break told;
        }
        assert!(Instant::now() < deadline, "{told}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    has(&gone, &["link-down", "unreachable", "addresses"], &["link-up"]);
    let words = machine.run(&["--hub-dir", "north", "sync", "explain", "south", "--offline"]).await.ok();
    for said in
        ["It is not connected; last heard at", "Not reached:", "Missing there: 1 of Tuvalu CERT, since"]
    {
        assert!(words.out.replace("\n  ", " ").contains(said), "{said}: {}", words.out);
    }
    assert!(words.out.lines().all(|line| line.chars().count() <= 80), "{}", words.out);
    for nobody in ["nobody", "deadbeef", &"ab".repeat(32)] {
        let said =
            machine.run(&["--json", "--hub-dir", "north", "sync", "explain", nobody, "--offline"]).await;
        let unknown = said.json();
        match nobody.len() {
            64 => has(&unknown, &["feed-unknown"], &["held"]),
            _ => {
                assert_eq!((said.code, &unknown["kind"]), (3, &"unknown".into()), "{said:?}");
                has(&unknown, &["unknown", "link-down", "missing-there"], &[]);
            }
        }
    }
    let long = "x".repeat(513);
    for wrong in ["", long.as_str()] {
        let said = machine.run(&["--hub-dir", "north", "sync", "explain", wrong]).await;
        assert!(said.code != 0 && said.err.contains("512"), "{said:?}");
    }
}

#[tokio::test]
async fn a_member_is_told_what_waits_here_what_a_hub_has_and_what_was_withdrawn() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Pacific Hub", "009").await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &hub, "fj", "FJ", "Fiji CERT").await;
    let id = course(&machine, "tv", "Drill", &[]).await;
    let waiting = told(&machine, "tv", &id, &[]).await;
    has(&waiting, &["held", "waits-to-leave"], &["stated"]);
    let before = told(&machine, "tv", "Pacific Hub", &[]).await;
    has(&before, &["waiting"], &["complete"]);
    assert_eq!(finding(&before, "waiting")["entries"], 1, "{before}");
    // Fiji has never heard of it: what might be in the way is told, and the code says that nothing was found.
    let unknown = at(&machine, "fj", &["--json", "sync", "explain", &id]).await;
    assert_eq!(unknown.code, 3, "{unknown:?}");
    has(&unknown.json(), &["unknown", "synced", "addresses"], &["unreachable"]);
    at(&machine, "tv", &["sync"]).await.ok();
    let arrived = told(&machine, "tv", &id, &[]).await;
    has(&arrived, &["held", "stated", "audience-public"], &["waits-to-leave"]);
    assert_eq!(finding(&arrived, "stated")["hub"], "Pacific Hub");
    has(&told(&machine, "tv", "Pacific Hub", &[]).await, &["complete"], &["waiting"]);
    // The hub is gone: what is kept is told, and that it does not answer.
    hub.kill().await;
    let offline = told(&machine, "tv", "Pacific Hub", &[]).await;
    has(&offline, &["unreachable", "synced", "addresses"], &["answers"]);
    let quiet = told(&machine, "tv", "Pacific Hub", &["--offline"]).await;
    has(&quiet, &["synced"], &["unreachable"]);
    hub.up().await;
    has(&told(&machine, "tv", "Pacific Hub", &[]).await, &["answers", "synced", "states"], &["unreachable"]);
    at(&machine, "tv", &["course", "withdraw", &id]).await.ok();
    at(&machine, "tv", &["sync"]).await.ok();
    at(&machine, "fj", &["sync"]).await.ok();
    let withdrawn = told(&machine, "fj", &id, &[]).await;
    has(&withdrawn, &["record-withdrawn"], &[]);
    // A member of no hub that answers: its words are French, and every sentence is there.
    let french = Machine::new(PROGRAM, "fr");
    copy(&machine.path("fj"), &french.path("fj"));
    for what in ["Pacific Hub", "Tuvalu CERT", &id, "cafecafe"] {
        let said = at(&french, "fj", &["sync", "explain", what]).await;
        assert!(!said.out.contains("explain-"), "{said:?}");
        assert!(said.out.contains('é'), "{said:?}");
    }
}

#[tokio::test]
async fn who_has_no_room_left_is_told_so_on_both_sides() {
    let machine = Machine::new(PROGRAM, "en");
    machine.run(&["node", "--dir", "hub", "init", "Pacific Hub", "--region", "009"]).await.ok();
    std::fs::write(machine.path("hub").join("caphub-node.toml"), "[quotas]\nparty_entries = 3\n")
        .expect("a file");
    let mut hub = machine.node("hub", "127.0.0.1:0", &[]);
    hub.up().await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    let mut last = String::new();
    for title in ["One", "Two", "Three", "Four"] {
        last = course(&machine, "tv", title, &[]).await;
        at(&machine, "tv", &["sync"]).await.ok();
    }
    let there = told(&machine, "tv", &last, &[]).await;
    has(&there, &["held", "refused-there", "waits-to-leave"], &["stated"]);
    assert_eq!(finding(&there, "refused-there")["reason"], "quota", "{there}");
    let hub_told = told(&machine, "tv", "Pacific Hub", &[]).await;
    assert_eq!(finding(&hub_told, "refused-there")["reason"], "quota", "{hub_told}");
    let words = at(&machine, "tv", &["sync", "explain", "Pacific Hub"]).await.ok();
    assert!(words.out.replace("\n  ", " ").contains("can raise \"quotas\""), "{}", words.out);
    let here = told_by(&machine, "hub", "Tuvalu CERT").await;
    has(&here, &["carried-member", "room-full"], &["room"]);
    assert_eq!(finding(&here, "room-full")["entries_max"], 3, "{here}");
}

/// Puts the entries of a member's public records from a place on into another's replica; the feed's id.
async fn newest_alone(machine: &Machine, from: &str, to: &str, seq: u64) -> String {
    let open = |home: &str| {
        let me = std::fs::read(machine.path(home).join("me.json")).expect("a member");
        let me: Value = serde_json::from_slice(&me).expect("JSON");
        let party = me["party"].as_str().and_then(|p| p.parse().ok()).expect("an id");
        Core::open(&machine.path(home), party, true, Quotas::default()).expect("a replica")
    };
    let (from, to) = (open(from), open(to));
    let own = |h: &FeedHead| h.feed.party == from.party && h.feed.audience() == Audience::Public;
    let heads = from.store.heads().into_iter().filter(|h| own(h) && !h.feed.is_identity());
    let feed = heads.max_by_key(|h| h.head.seq).expect("records").feed;
    let runs = from.store.read_feed(&feed.id(), Seq::new(seq).expect("a place"), 1 << 20).expect("runs");
    let runs = runs.into_iter().map(|r| packed_run(&r.feed, r.packed.to_vec())).collect();
    let taken = to.ingest.take(runs, Origin::Ahead).await;
    assert!(taken.iter().all(|t| t.result.is_ok_and(|s| s.above)), "{taken:?}");
    feed.id().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_sequence_and_one_with_a_hole_are_told_with_their_places() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &hub, "fj", "FJ", "Fiji CERT").await;
    for title in 0..12 {
        course(&machine, "tv", &format!("Course {title}"), &[]).await;
        at(&machine, "tv", &["sync"]).await.ok();
        if title == 3 {
            at(&machine, "fj", &["sync"]).await.ok();
        }
    }
    // The newest came first, as over a slow link: what is before them is missing.
    let feed = newest_alone(&machine, "tv", "fj", 9).await;
    let organisation = told(&machine, "fj", "Tuvalu CERT", &["--offline"]).await;
    let hole = finding(&organisation, "in-hole");
    assert_eq!((&hole["seq"], &hole["to"], &hole["last"]), (&6.into(), &8.into(), &5.into()), "{hole}");
    let top = told(&machine, "fj", &format!("{feed}/12"), &["--offline"]).await;
    let held = finding(&top, "held-hole");
    assert_eq!((&held["from"], &held["to"]), (&6.into(), &8.into()), "{top}");
    let gap = told(&machine, "fj", &format!("{feed}/6"), &["--offline"]).await;
    has(&gap, &["in-hole"], &["held", "held-hole"]);
    let beyond = told(&machine, "fj", &format!("{feed}/99"), &["--offline"]).await;
    has(&beyond, &["beyond"], &["held"]);
    at(&machine, "fj", &["sync"]).await.ok();
    has(&told(&machine, "fj", &format!("{feed}/12"), &[]).await, &["held", "stated"], &["held-hole"]);

    copy(&machine.path("tv"), &machine.path("copy"));
    let left = course(&machine, "tv", "Left", &[]).await;
    course(&machine, "copy", "Right", &[]).await;
    at(&machine, "tv", &["sync"]).await.ok();
    at(&machine, "copy", &["sync"]).await;
    hub.reaches("forks", 1).await;
    at(&machine, "fj", &["sync"]).await.ok();
    let frozen = told(&machine, "fj", &format!("{feed}/14"), &[]).await;
    has(&frozen, &["frozen"], &[]);
    assert_eq!(finding(&frozen, "frozen")["last"], 13, "{frozen}");
    has(&told_by(&machine, "hub", &left).await, &["record-void", "frozen"], &[]);
}
