//! The data bank between real processes: techniques, barriers and vocabularies, each by several organisations.

use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn run(machine: &Machine, home: &str, words: &[&str]) -> Said {
    machine.run(&[&["--json", "--home", home], words].concat()).await
}

async fn member(machine: &Machine, hub: &NodeProcess<'_>, home: &str, country: &str, name: &str) {
    let file = hub.invitation(country).await;
    machine.run(&["--home", home, "join", &file, "--name", name]).await.ok();
}

async fn exchange(machine: &Machine, homes: &[&str]) {
    for home in homes.iter().chain(homes) {
        run(machine, home, &["sync"]).await.ok();
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("an id: {value}")).to_owned()
}

#[tokio::test]
async fn a_technique_is_found_used_assessed_adapted_and_none_of_its_owners_own_word_counts() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &hub, "fj", "FJ", "Fiji CERT").await;
    std::fs::write(machine.path("ecsf.csv"), "code,name\nresponder,Incident responder\n").expect("a file");
    run(&machine, "fj", &["vocabulary", "add", "ecsf.csv", "--licence", "CC-BY-4.0"]).await.ok();
    exchange(&machine, &["fj", "tv"]).await;
    let words = ["technique", "add", "--title", "Phishing drill", "--problem", "Staff click", "--free"];
    let more = ["--step", "Agree on rules", "--sector", "Government", "--skill", "ecsf:responder"];
    let added = run(&machine, "tv", &[&words[..], &more, &["--theme", "culture_skills"]].concat()).await;
    let of_tv = id(&added.ok().json());
    run(&machine, "tv", &["technique", "edit", &of_tv, "--version", "2"]).await.ok();
    run(&machine, "tv", &["technique", "use", &of_tv]).await.ok();
    exchange(&machine, &["tv", "fj"]).await;

    for (words, found) in [
        (&["technique", "list", "--sector", "government", "--free"][..], 1),
        (&["technique", "list", "--skill", "ecsf:responder", "--theme", "culture_skills"], 1),
        (&["technique", "list", "--sector", "energy", "--sector", "government"], 1),
        (&["technique", "list", "--sector", "energy"], 0),
        (&["search", "drill", "--sector", "government"], 1),
        (&["search", "drill", "--skill", "ecsf:other"], 0),
    ] {
        let said = run(&machine, "fj", words).await.ok().json();
        assert_eq!(said.as_array().map(Vec::len), Some(found), "{words:?}: {said}");
    }
    for note in ["since June", "since May"] {
        run(&machine, "fj", &["technique", "use", &of_tv, "--note", note]).await.ok();
    }
    run(&machine, "fj", &["technique", "assess", &of_tv, "--rating", "4"]).await.ok();
    let words = ["technique", "add", "--title", "Drill for islands", "--adapts", &of_tv];
    run(&machine, "fj", &words).await.ok();
    exchange(&machine, &["fj", "tv"]).await;
    let shown = run(&machine, "tv", &["technique", "show", &of_tv]).await.ok().json();
    let said = &shown["statements"];
    assert_eq!(said["used_by"].as_array().map(Vec::len), Some(1), "{said}");
    assert_eq!(said["used_by"][0]["text"]["text"], "since May");
    assert_eq!(
        (&said["assessments"][0]["rating"], &said["own_not_counted"]),
        (&4.into(), &1.into()),
        "{said}"
    );
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown["adapted_by"][0]["record"]["title"]["text"], "Drill for islands");
    assert_eq!(shown["skills_named"][0], "ecsf:responder: Incident responder [Fiji CERT]");
    let words = machine.run(&["--home", "tv", "technique", "show", &of_tv]).await.ok();
    assert!(
        words.out.contains("Used by 1: Fiji CERT") && words.out.contains("Assessed 4.0 of 5 by 1"),
        "{words:?}"
    );
    run(&machine, "fj", &["technique", "use", &of_tv, "--end"]).await.ok();
    exchange(&machine, &["fj", "tv"]).await;
    let shown = run(&machine, "tv", &["technique", "show", &of_tv]).await.ok().json();
    assert_eq!(shown["statements"]["used_by"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn a_barrier_goes_from_report_to_recurrence_and_only_its_reporter_says_that_it_is_gone() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &hub, "fj", "FJ", "Course House").await;
    exchange(&machine, &["fj", "tv"]).await;
    let words = ["barrier", "add", "--title", "The course site refuses us", "--type", "address_blocked"];
    let more = ["--host", "learn.example.org", "--provider-party", "Course House", "--since", "2026-06-01"];
    let of_tv = id(&run(&machine, "tv", &[&words[..], &more].concat()).await.ok().json());
    exchange(&machine, &["tv", "fj"]).await;
    let state = async |home: &str| {
        let shown = run(&machine, home, &["barrier", "show", &of_tv]).await.ok().json();
        shown["standing"].clone()
    };
    assert_eq!(state("fj").await["state"], "reported");
    let denied = run(&machine, "fj", &["barrier", "lift", &of_tv]).await;
    assert_eq!(denied.code, 2, "{denied:?}");
    run(&machine, "fj", &["barrier", "reply", &of_tv, "Fixed on our side", "--claim", "lifted"]).await.ok();
    exchange(&machine, &["fj", "tv"]).await;
    let now = state("tv").await;
    assert_eq!((&now["state"], &now["claims"][0]["provider"]), (&"answered".into(), &true.into()), "{now}");
    let listed = machine.run(&["--home", "tv", "barrier", "list", "--open"]).await.ok();
    assert!(
        listed.out.contains("answered")
            && listed.out.contains("The provider, Course House, says that it is lifted"),
        "{listed:?}"
    );
    for (word, date, found) in [
        ("ease", "2026-07-01", "eased"),
        ("lift", "2026-08-01", "lifted"),
        ("recur", "2026-09-01", "recurred"),
    ] {
        run(&machine, "tv", &["barrier", word, &of_tv, "--as-of", date, "--evidence", "seen here"])
            .await
            .ok();
        exchange(&machine, &["tv", "fj"]).await;
        let now = state("fj").await;
        assert_eq!((&now["state"], &now["as_of"]), (&found.into(), &date.into()), "{now}");
        let open = run(&machine, "fj", &["barrier", "list", "--open", "--country", "TV"]).await.ok().json();
        assert_eq!(open.as_array().map(Vec::len), Some(usize::from(found != "lifted")), "{open}");
    }
    let now = state("fj").await;
    assert_eq!((&now["recurrences"], &now["answered"]), (&1.into(), &false.into()), "{now}");
    assert_eq!((now["claims"].as_array().map(Vec::len), &now["since"]), (Some(0), &"2026-06-01".into()));
    let shown = machine.run(&["--home", "fj", "barrier", "show", &of_tv]).await.ok();
    assert!(shown.out.contains("Course House replies: Fixed on our side"), "{shown:?}");
}

#[tokio::test]
async fn a_long_list_travels_in_parts_a_second_publication_changes_what_changed_and_anybody_maps() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &hub, "fj", "FJ", "Fiji CERT").await;
    let table = |last: &str| {
        let rows = (0..3_000).map(|n| format!("t{n:04},Task {n} {}\n", "of some length".repeat(3)));
        format!("code,name\n{}t9999,{last}\n", rows.collect::<String>())
    };
    let rules = "rule_type = \"priority\"\nname = \"islands/1\"\nversion = \"1\"\ntitle = \"Islands first\"\n\
        [[weights]]\ncriterion = \"sids\"\nweight = 7\n";
    std::fs::write(machine.path("rules.toml"), rules).expect("a file");
    let rules = run(&machine, "tv", &["rule-set", "add", "--file", "rules.toml"]).await.ok().json();
    assert_eq!(rules["record"]["weights"][0]["weight"], 7, "{rules}");
    std::fs::write(machine.path("tasks.csv"), table("Last")).expect("a file");
    let first = run(&machine, "tv", &["vocabulary", "add", "tasks.csv"]).await.ok().json();
    assert_eq!(
        (first["terms"].as_u64(), first["records"].as_u64() > Some(3)),
        (Some(3_001), true),
        "{first}"
    );
    let same = run(&machine, "tv", &["vocabulary", "add", "tasks.csv"]).await.ok().json();
    assert_eq!(same["records"], 0, "{same}");
    std::fs::write(machine.path("tasks.csv"), table("Changed")).expect("a file");
    let changed = run(&machine, "tv", &["vocabulary", "add", "tasks.csv"]).await.ok().json();
    assert_eq!(changed["records"], 1, "{changed}");
    exchange(&machine, &["tv", "fj"]).await;
    run(&machine, "fj", &["vocabulary", "map", "tasks:t9999", "close", "nice:T0001"]).await.ok();
    exchange(&machine, &["fj", "tv"]).await;
    let listed = run(&machine, "tv", &["vocabulary", "list"]).await.ok().json();
    let of = |name: &str| listed.as_array().and_then(|l| l.iter().find(|v| v["name"] == name)).cloned();
    let tasks = of("tasks").expect("the list");
    assert_eq!((&tasks["terms"], &tasks["parts_missing"]), (&3_001.into(), &0.into()), "{tasks}");
    assert_eq!(of("mappings").expect("the mappings")["mappings"], 1);
    let shown = machine.run(&["--home", "fj", "vocabulary", "show", "tasks", "Changed"]).await.ok();
    assert!(shown.out.contains("tasks:t9999  Changed  (Tuvalu CERT)"), "{shown:?}");
}

/// threats.md row 11: the bound is the organisation's and not the key's.
#[tokio::test]
async fn what_one_organisation_may_have_stored_does_not_grow_with_its_keys() {
    let machine = Machine::new(PROGRAM, "en");
    machine.run(&["node", "--dir", "hub", "init", "Pacific Hub", "--region", "009"]).await.ok();
    std::fs::write(machine.path("hub").join("caphub-node.toml"), "[quotas]\nparty_entries = 5\n")
        .expect("a file");
    let mut hub = machine.node("hub", "127.0.0.1:0", &[]);
    hub.up().await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &hub, "fj", "FJ", "Fiji CERT").await;
    run(&machine, "tv", &["key", "add", "second desk", "--to", "desk"]).await.ok();
    run(&machine, "tv", &["sync"]).await.ok();
    let mut refused = Vec::new();
    for (home, title) in (0..4).flat_map(|n| [("tv", n), ("desk", n)]) {
        let title = format!("{home} {title}");
        run(&machine, home, &["technique", "add", "--title", &title]).await.ok();
        let said = run(&machine, home, &["sync"]).await.ok().json();
        refused.push(said["refused"]["quota"].as_u64().unwrap_or(0) > 0);
    }
    // What was refused is not asked again at once: it shows once for each key.
    let by = |key: usize| refused.iter().skip(key).step_by(2).any(|r| *r);
    assert!(!refused[0] && by(0) && by(1), "one key after the other is refused: {refused:?}");
    run(&machine, "fj", &["technique", "add", "--title", "Of another"]).await.ok();
    let said = run(&machine, "fj", &["sync"]).await.ok().json();
    assert!(said["refused"]["quota"].is_null(), "others are not held up: {said}");
    let held = run(&machine, "fj", &["technique", "list"]).await.ok().json();
    let held = held.as_array().map_or(0, Vec::len);
    assert!((2..=6).contains(&held), "{held} of nine");
}

/// threats.md row 30: a party's bytes are bounded beside the number of its entries.
#[tokio::test]
async fn what_one_organisation_may_have_stored_is_bounded_in_bytes_too_and_told_with_its_reason() {
    let machine = Machine::new(PROGRAM, "en");
    machine.run(&["node", "--dir", "hub", "init", "Pacific Hub", "--region", "009"]).await.ok();
    std::fs::write(machine.path("hub").join("caphub-node.toml"), "[quotas]\nparty_bytes = 4000\n")
        .expect("a file");
    let mut hub = machine.node("hub", "127.0.0.1:0", &[]);
    hub.up().await;
    member(&machine, &hub, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &hub, "fj", "FJ", "Fiji CERT").await;
    let long = "words ".repeat(400);
    let mut refused = Vec::new();
    for _ in 0..2 {
        run(&machine, "tv", &["technique", "add", "--title", "Long", "--problem", &long]).await.ok();
        let said = run(&machine, "tv", &["sync"]).await.ok().json();
        refused.push(said["refused"]["quota_bytes"].as_u64().unwrap_or(0));
        // What is used is known after a start too.
        hub.kill().await;
        hub.up().await;
    }
    assert_eq!(refused, [0, 1], "the second of two passes 4,000 bytes");
    run(&machine, "fj", &["technique", "add", "--title", "Of another"]).await.ok();
    let said = run(&machine, "fj", &["sync"]).await.ok().json();
    assert!(said["refused"].as_object().is_none_or(|r| r.is_empty()), "others are not held up: {said}");
}
