//! Places under a call, from its announcement to a verdict by somebody who took no part: in real processes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use caphub_node::author::Author;
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::keys::{KeyName, KeyRing};
use caphub_proto::exchange::day;
use caphub_proto::v1::fellowship_act::Act;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{FellowshipAct, FellowshipNominate, RecordRef};
use caphub_proto::wire::{Audience, PartyId};
use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// A member's own program signs a nomination by the hash of somebody else's sealed one.
async fn claim(machine: &Machine, home: &str, call: &str, nomination: &str) {
    let shown = machine.run(&["--home", home, "--json", "call", "show", call]).await.ok().json();
    let owner: PartyId = shown["party"].as_str().expect("a party").parse().expect("a party");
    let record = hex(shown["id"].as_str().expect("an id"));
    let status = machine.run(&["--home", home, "--json", "status"]).await.ok().json();
    let party: PartyId = status["party"].as_str().expect("a party").parse().expect("a party");
    let folder = machine.path(home);
    let core = Core::open(&folder, party, true, Quotas::default()).expect("a replica");
    let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
    let act = FellowshipAct {
        call: Some(RecordRef { party: owner.to_vec(), record_id: record }),
        after: Vec::new(),
        act: Some(Act::Nominate(FellowshipNominate {
            nomination: hex(nomination),
            country: "WS".to_owned(),
        })),
    };
    let revision = Author::first(Record::Fellowship(act)).expect("an act");
    Author::new(party, signer).publish(&core, Audience::Public, &[revision]).await.expect("it is signed");
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn outcomes(said: &Value) -> Vec<(String, String)> {
    let placed = said["placed"].as_array().expect("placed").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    placed.map(|p| (text(&p["nomination"]), text(&p["outcome"]))).collect()
}

#[tokio::test]
async fn everybody_computes_the_same_places_and_a_decision_against_the_rules_is_told() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let run = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let machine = &machine;
        async move { machine.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    for (home, country, name) in [
        ("fj", "FJ", "Fiji Academy"),
        ("tv", "TV", "Tuvalu CERT"),
        ("ki", "KI", "Kiribati CERT"),
        ("ws", "WS", "Samoa CERT"),
    ] {
        let invitation = hub.invitation(country).await;
        run(&["--home", home, "join", &invitation, "--name", name]).await.ok();
    }
    let joined = run(&["--home", "fj", "--json", "status"]).await.ok().json();
    let admitting = joined["hubs"][0]["hub"].clone();
    let call = json!({
        "title": { "language": "en", "text": "One place in the course" }, "call_type": "fellowship", "places": 1,
        "rule_set": "caphub/allocation/1", "cosignatures": 1, "attesting_hubs": [admitting],
        "window": { "from": "2020-01-01", "until": "2999-12-30" },
        "draw": { "source": "a public beacon", "round": "77", "at": "2999-12-31T00:00:00Z" },
    });
    std::fs::write(machine.path("call.json"), call.to_string()).expect("a file");
    let call = run(&["--home", "fj", "--json", "call", "add", "--file", "call.json"]).await.ok().json();
    let call = call["id"].as_str().expect("an id")[..8].to_owned();
    for home in ["fj", "tv", "ki", "ws"] {
        run(&["--home", home, "sync"]).await.ok();
    }
    for (home, name) in [("tv", "A. Fellow"), ("ki", "B. Fellow")] {
        run(&["--home", home, "fellowship", "nominate", &call, "--name", name]).await.ok();
        run(&["--home", home, "sync"]).await.ok();
    }
    // Another member claims what Tuvalu nominated, which every member can read by its hash.
    run(&["--home", "ws", "sync"]).await.ok();
    let nominated = run(&["--home", "ws", "--json", "allocate", &call]).await;
    let taken = nominated.ok().json()["placed"].clone();
    let taken = taken.as_array().expect("placed").iter().find(|p| p["country"] == "TV").expect("one").clone();
    claim(&machine, "ws", &call, taken["nomination"].as_str().expect("a hash")).await;
    for home in ["ws", "fj"] {
        run(&["--home", home, "sync"]).await.ok();
    }
    let open = run(&["--home", "fj", "--json", "allocate", &call]).await.ok().json();
    assert_eq!(
        (&open["closed"], open["placed"].as_array().map(Vec::len)),
        (&json!(false), Some(2)),
        "{open}"
    );
    let kept =
        open["placed"].as_array().expect("placed").iter().find(|p| p["nomination"] == taken["nomination"]);
    assert_eq!(kept.map(|k| (&k["party"], &k["country"])), Some((&taken["party"], &json!("TV"))), "{open}");
    let early = run(&["--home", "fj", "--json", "allocate", "verify", &call]).await;
    assert_eq!((early.code, &early.json()["findings"][1]["finding"]), (1, &json!("no_list")), "{early:?}");

    let open = run(&["--home", "fj", "call", "draw", &call, "--value", "00ff10"]).await;
    assert_eq!(open.code, 1, "a value before the list: {open:?}");
    run(&["--home", "fj", "call", "close", &call]).await.ok();
    let early = run(&["--home", "fj", "--json", "call", "draw", &call, "--value", "00ff10"]).await;
    assert_eq!((early.code, &early.json()["error"]["reason"]), (1, &json!("draw_early")), "{early:?}");
    for home in ["fj", "ws"] {
        run(&["--home", home, "sync"]).await.ok();
    }
    run(&["--home", "ws", "call", "cosign", &call]).await.ok();
    for home in ["ws", "fj", "tv"] {
        run(&["--home", home, "sync"]).await.ok();
    }
    let waiting = run(&["--home", "fj", "--json", "allocate", &call]).await.ok().json();
    assert!(outcomes(&waiting).iter().all(|(_, outcome)| outcome == "undrawn"), "{waiting}");
    let ours = run(&["--home", "fj", "--json", "allocate", &call, "--value", "00ff10"]).await.ok().json();
    let mut counted: Vec<String> = outcomes(&ours).into_iter().map(|(_, outcome)| outcome).collect();
    counted.sort();
    assert_eq!(counted, ["no_place", "place"], "{ours}");
    let theirs = run(&["--home", "tv", "--json", "allocate", &call, "--value", "00ff10"]).await.ok().json();
    assert_eq!(theirs["placed"], ours["placed"]);
    assert_eq!(theirs["list_hash"], ours["list_hash"]);
    let shown = run(&["--home", "tv", "allocate", &call, "--value", "00ff10"]).await.ok();
    assert!(
        shown.out.contains("no place left") && shown.out.lines().all(|l| l.chars().count() <= 80),
        "{shown:?}"
    );
    let verdict = run(&["--home", "ws", "allocate", "verify", &call, "--value", "00ff10"]).await.ok();
    assert!(verdict.out.contains("The allocation holds"), "{verdict:?}");

    let blind = run(&["--home", "ws", "--json", "allocate", "verify", &call]).await;
    assert_eq!(
        (blind.code, &blind.json()["findings"][0]["finding"]),
        (1, &json!("value_unchecked")),
        "{blind:?}"
    );

    // The place goes to the one whom the lottery left out.
    let (loser, _) = outcomes(&ours).into_iter().find(|(_, outcome)| outcome == "no_place").expect("one");
    run(&["--home", "fj", "fellowship", "decide", &loser[..12], "--grant", "--text", "ours"]).await.ok();
    // A need that the one who has no place states only now moves no place.
    let placed = ours["placed"].as_array().expect("placed");
    let out = placed.iter().find(|p| p["nomination"] == loser.as_str()).expect("one");
    let home = if out["country"] == "TV" { "tv" } else { "ki" };
    run(&["--home", home, "need", "add", "--title", "Stated late", "--theme", "standards"]).await.ok();
    for home in [home, "fj", "ws"] {
        run(&["--home", home, "sync"]).await.ok();
    }
    let wrong = run(&["--home", "ws", "--json", "allocate", "verify", &call, "--value", "00ff10"]).await;
    let findings = wrong.json()["findings"].clone();
    let told: Vec<&Value> = findings.as_array().expect("findings").iter().map(|f| &f["finding"]).collect();
    let due = ["closing_not_shown", "points_differ", "decided_otherwise", "undecided"].map(Value::from);
    assert_eq!((wrong.code, told), (1, due.iter().collect()), "{wrong:?}");
    assert_eq!(run(&["--home", "ws", "allocate", &call, "--value", "xyz"]).await.code, 2);
}

async fn at(machine: &Machine, home: &str, words: &[&str]) -> Said {
    machine.run(&[&["--home", home], words].concat()).await
}

async fn out(machine: &Machine, home: &str, words: &[&str]) -> Value {
    machine.run(&[&["--home", home, "--json"], words].concat()).await.ok().json()
}

/// Members of one hub, and its id.
async fn members(machine: &Machine, hub: &NodeProcess<'_>, names: &[(&str, &str)]) -> Value {
    for (home, country) in names {
        let invitation = hub.invitation(country).await;
        let name = format!("{country} CERT");
        machine.run(&["--home", home, "join", &invitation, "--name", &name]).await.ok();
    }
    out(machine, names[0].0, &["status"]).await["hubs"][0]["hub"].clone()
}

/// A call with one place, by its short id.
async fn announce(machine: &Machine, home: &str, hub: &Value, at: &str) -> String {
    let call = json!({
        "title": { "language": "en", "text": "One place" }, "call_type": "fellowship", "places": 1,
        "rule_set": "caphub/allocation/1", "cosignatures": 1, "attesting_hubs": [hub],
        "window": { "from": "2020-01-01", "until": "2999-12-30" },
        "draw": { "source": "a public beacon", "round": "77", "at": at },
    });
    std::fs::write(machine.path("call.json"), call.to_string()).expect("a file");
    let call = out(machine, home, &["call", "add", "--file", "call.json"]).await;
    call["id"].as_str().expect("an id")[..8].to_owned()
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// A moment to the second.
fn written(ms: u64) -> String {
    let second = ms / 1_000 % 86_400;
    let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{}T{h:02}:{m:02}:{s:02}Z", day::text(day::of_ms(ms)))
}

fn codes(said: &Value) -> Vec<String> {
    let findings = said["findings"].as_array().expect("findings").iter();
    findings.map(|f| f["finding"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_hub_shows_that_a_list_was_closed_before_its_draw_and_nobody_shows_it_of_one_kept_back() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let admitting = members(&machine, &hub, &[("fj", "FJ"), ("tv", "TV"), ("ws", "WS")]).await;
    let begun = Instant::now();
    let shown = announce(&machine, "fj", &admitting, "2999-12-31T00:00:00Z").await;
    let kept_back = announce(&machine, "fj", &admitting, "2999-12-31T00:00:00Z").await;
    at(&machine, "fj", &["sync"]).await.ok();
    at(&machine, "tv", &["sync"]).await.ok();
    for call in [&shown, &kept_back] {
        at(&machine, "tv", &["fellowship", "nominate", call, "--name", "A. Fellow"]).await.ok();
    }
    for home in ["tv", "fj"] {
        at(&machine, home, &["sync"]).await.ok();
    }
    // As long as what is left to do before the draw takes on this machine, and some more.
    let draw_ms = now_ms() + begun.elapsed().as_millis() as u64 * 2 + 5_000;
    let draw = written(draw_ms);
    for call in [&shown, &kept_back] {
        at(&machine, "fj", &["call", "edit", call, "--draw-at", &draw]).await.ok();
    }
    let closed = at(&machine, "fj", &["call", "close", &shown]).await.ok();
    assert!(closed.err.contains("Sync before"), "{closed:?}");
    for home in ["fj", "ws"] {
        at(&machine, home, &["sync"]).await.ok();
    }
    at(&machine, "ws", &["call", "cosign", &shown]).await.ok();
    at(&machine, "ws", &["sync"]).await.ok();
    at(&machine, "fj", &["call", "close", &kept_back]).await.ok();
    let left = draw_ms.checked_sub(now_ms()).expect("all of it before the draw");
    tokio::time::sleep(Duration::from_millis(left + 1_500)).await;

    // What the author says later in the same feed takes nothing away from what the hub said before.
    at(&machine, "fj", &["need", "add", "--title", "Stated later", "--theme", "standards"]).await.ok();
    at(&machine, "fj", &["sync"]).await.ok();
    let drawn = at(&machine, "fj", &["call", "draw", &shown, "--value", "00ff10"]).await.ok();
    assert!(!drawn.err.contains("No statement"), "{drawn:?}");
    let drawn = at(&machine, "fj", &["call", "draw", &kept_back, "--value", "00ff10"]).await.ok();
    assert!(drawn.err.contains("No statement of a hub"), "{drawn:?}");
    for home in ["fj", "ws"] {
        at(&machine, home, &["sync"]).await.ok();
    }
    // Whoever verifies has asked no hub for anything but records.
    let verify = ["allocate", "verify", &shown, "--value", "00ff10"];
    let found = out(&machine, "ws", &verify).await;
    assert_eq!((codes(&found), &found["holds"]), (vec!["undecided".to_owned()], &json!(true)), "{found}");
    let told = &found["closed_before_draw"];
    assert_eq!(told["hub"], admitting, "{found}");
    assert!(told["time_ms"].as_u64().is_some_and(|ms| ms < draw_ms && ms + 600_000 > draw_ms), "{found}");
    let words = at(&machine, "ws", &verify).await.ok();
    assert!(words.out.contains("closed before the draw: shown by Pacific Hub at 20"), "{words:?}");
    assert!(words.out.lines().all(|line| line.chars().count() <= 80), "{words:?}");

    let verify = ["allocate", "verify", &kept_back, "--value", "00ff10"];
    let json = [&["--home", "ws", "--json"], &verify[..]].concat();
    let found = machine.run(&json).await.json();
    assert!(found["closed_before_draw"].is_null(), "{found}");
    let finding = &found["findings"][0];
    assert_eq!(
        (&finding["finding"], &finding["breaks"]),
        (&json!("closing_not_shown"), &json!(false)),
        "{found}"
    );
    let words = at(&machine, "ws", &verify).await;
    assert!(words.out.contains("closed before the draw: not shown"), "{words:?}");
}

#[tokio::test]
async fn a_nomination_that_its_party_cuts_off_after_the_list_named_it_makes_no_author_look_guilty() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let admitting = members(&machine, &hub, &[("fj", "FJ"), ("tv", "TV"), ("ki", "KI"), ("ws", "WS")]).await;
    // Tuvalu nominates on another machine; the first one never hears of it and takes that machine's key back.
    at(&machine, "tv", &["key", "add", "desk two", "--to", "two"]).await.ok();
    let call = announce(&machine, "fj", &admitting, "2999-12-31T00:00:00Z").await;
    for home in ["tv", "fj", "two", "ki"] {
        at(&machine, home, &["sync"]).await.ok();
    }
    for (home, name) in [("two", "A. Fellow"), ("ki", "B. Fellow")] {
        at(&machine, home, &["fellowship", "nominate", &call, "--name", name]).await.ok();
        at(&machine, home, &["sync"]).await.ok();
    }
    at(&machine, "fj", &["sync"]).await.ok();
    at(&machine, "fj", &["call", "close", &call]).await.ok();
    for home in ["fj", "ws"] {
        at(&machine, home, &["sync"]).await.ok();
    }
    at(&machine, "ws", &["call", "cosign", &call]).await.ok();
    at(&machine, "ws", &["sync"]).await.ok();
    let verify = ["allocate", "verify", &call, "--value", "00ff10"];
    let before = out(&machine, "ws", &verify).await;
    assert_eq!(outcomes(&before).len(), 2, "{before}");
    at(&machine, "tv", &["key", "revoke", "desk two", "--reason", "stolen"]).await.ok();
    at(&machine, "tv", &["sync"]).await.ok();
    // One who held the act, and one who never did.
    let invitation = hub.invitation("NU").await;
    at(&machine, "nu", &["join", &invitation, "--name", "NU CERT"]).await.ok();
    for home in ["ws", "nu"] {
        at(&machine, home, &["sync"]).await.ok();
        let after = out(&machine, home, &verify).await;
        assert_eq!(after["placed"], before["placed"], "{home}: {after}");
        let told: Vec<String> = codes(&after).into_iter().filter(|code| code != "undecided").collect();
        assert_eq!(told, ["closing_not_shown", "cut_later"], "{home}: {after}");
    }
}
