//! Engagements and funds that are sealed to their parties, and what a proposal refuses, through the real command.

use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn at(machine: &Machine, home: &str, words: &[&str]) -> Said {
    machine.run(&[&["--home", home, "--json"][..], words].concat()).await
}

async fn data(machine: &Machine, home: &str, words: &[&str]) -> Value {
    at(machine, home, words).await.ok().json()
}

async fn sync(machine: &Machine) {
    for home in ["tv", "fj", "ws", "tv", "fj", "ws"] {
        at(machine, home, &["sync"]).await.ok();
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn refused(said: Said) -> Value {
    assert_ne!(said.code, 0, "{said:?}");
    said.json()["error"]["reason"].clone()
}

async fn members(machine: &Machine) -> NodeProcess<'_> {
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    for (home, name) in [("tv", "Tuvalu CERT"), ("fj", "Fiji CERT"), ("ws", "Samoa CERT")] {
        let file = hub.invitation(&home.to_uppercase()).await;
        at(machine, home, &["join", &file, "--name", name, "--no-passphrase"]).await.ok();
    }
    sync(machine).await;
    hub
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_engagement_is_lived_by_its_two_sides_and_nobody_else_reads_any_of_it() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = members(&machine).await;
    let need = ["need", "add", "--title", "Quietly", "--theme", "incident_management"];
    let need = id(&data(&machine, "tv", &[&need[..], &["--to", "Fiji CERT"]].concat()).await);
    sync(&machine).await;
    // In public it would tell everybody of a need that few may read.
    let wide = at(&machine, "fj", &["engage", "propose", "--need", &need]).await;
    assert_eq!(refused(wide), "wider_audience");
    let threads = data(&machine, "fj", &["thread", "list"]).await;
    let thread = threads[0]["thread"].as_str().expect("a thread").to_owned();
    let propose = ["engage", "propose", "--need", &need, "--thread", &thread, "--data-location", "FJ"];
    let one = id(&data(&machine, "fj", &propose).await);
    sync(&machine).await;
    data(&machine, "tv", &["engage", "accept", &one]).await;
    sync(&machine).await;
    data(&machine, "fj", &["engage", "start", &one]).await;
    let empty = at(&machine, "fj", &["engage", "deliver", &one]).await;
    assert!(empty.err.contains("--text"), "{empty:?}");
    assert_eq!(refused(empty), "words_needed");
    data(&machine, "fj", &["engage", "deliver", &one, "--text", "Done"]).await;
    sync(&machine).await;
    data(&machine, "tv", &["engage", "confirm", &one]).await;
    sync(&machine).await;
    for home in ["tv", "fj"] {
        let shown = data(&machine, home, &["engage", "show", &one]).await;
        assert_eq!(shown["state"], "confirmed", "{home}: {shown}");
        let verdicts = shown["acts"].as_array().expect("acts");
        assert!(verdicts.len() == 5 && verdicts.iter().all(|a| a["verdict"] == "counted"), "{shown}");
    }
    assert_eq!(data(&machine, "ws", &["engage", "list"]).await, json!([]));
    assert_eq!(at(&machine, "ws", &["engage", "show", &one]).await.code, 3);
    // Another is sealed to a third one too, who reads it and has no part in it.
    let open = id(&data(&machine, "tv", &["need", "add", "--title", "Open", "--theme", "standards"]).await);
    sync(&machine).await;
    let propose = ["engage", "propose", "--need", &open, "--to", "Samoa CERT"];
    let second = id(&data(&machine, "fj", &propose).await);
    sync(&machine).await;
    data(&machine, "tv", &["engage", "accept", &second]).await;
    sync(&machine).await;
    assert_eq!(data(&machine, "ws", &["engage", "show", &second]).await["state"], "accepted");
    assert_eq!(refused(at(&machine, "ws", &["engage", "confirm", &second]).await), "not_a_party");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_proposed_once_unless_somebody_means_it() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = members(&machine).await;
    let need = id(&data(&machine, "tv", &["need", "add", "--title", "Once", "--theme", "standards"]).await);
    sync(&machine).await;
    let propose = ["engage", "propose", "--need", &need];
    let first = id(&data(&machine, "fj", &propose).await);
    let again = at(&machine, "fj", &propose).await;
    assert!(again.err.contains(&first[..8]) && again.err.contains("--again"), "{again:?}");
    assert_eq!(refused(again), "proposed_already");
    let second = id(&data(&machine, "fj", &[&propose[..], &["--again"]].concat()).await);
    assert_ne!(first, second);
    data(&machine, "ws", &propose).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_fund_takes_pledges_and_votes_of_those_it_is_sealed_to() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = members(&machine).await;
    for home in ["tv", "fj", "ws"] {
        at(&machine, home, &["key", "add", "treasury", "--treasury"]).await.ok();
    }
    sync(&machine).await;
    let create = ["fund", "create", "--title", "Sealed", "--board", "me,Fiji CERT", "--threshold", "2"];
    let fund =
        data(&machine, "tv", &[&create[..], &["--currency", "USD", "--to", "Fiji CERT"]].concat()).await;
    let fund = id(&fund);
    sync(&machine).await;
    let pledge = id(&data(&machine, "fj", &["fund", "pledge", &fund, "10", "USD"]).await);
    sync(&machine).await;
    data(&machine, "tv", &["fund", "paid-in", &pledge, "10", "USD", "--reference", "FJ 1"]).await;
    sync(&machine).await;
    let totals = data(&machine, "fj", &["fund", "statement", &fund]).await["totals"][0].clone();
    assert_eq!((&totals["free"], &totals["adds_up"]), (&json!("10"), &json!(true)), "{totals}");
    assert_eq!(data(&machine, "ws", &["fund", "list"]).await, json!([]));
    // A call names it as what pays, with its draw and its rules, and so a call is one command.
    let call = [
        "call",
        "add",
        "--title",
        "Places",
        "--theme",
        "standards",
        "--seats",
        "2",
        "--fund",
        &fund,
        "--rule-set",
        "caphub/allocation/1",
        "--draw-source",
        "A beacon",
        "--draw-round",
        "7",
        "--draw-at",
        "2030-01-01T00:00:00Z",
        "--cosignatures",
        "2",
        "--attested-by",
        "Fiji CERT",
    ];
    let call = data(&machine, "tv", &call).await["record"].clone();
    assert_eq!(
        (&call["places"], &call["cosignatures"], &call["draw"]["round"]),
        (&json!(2), &json!(2), &json!("7"))
    );
    assert_eq!(call["fund"]["record_id"], json!(fund), "{call}");
    let unknown = at(&machine, "tv", &["call", "add", "--title", "Places", "--fund", "ffffffff"]).await;
    assert_eq!(unknown.code, 3, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_fund_is_lived_to_its_last_receipt_and_who_carries_it_learns_nothing_of_it() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = members(&machine).await;
    for home in ["tv", "fj"] {
        at(&machine, home, &["key", "add", "treasury", "--treasury"]).await.ok();
    }
    sync(&machine).await;
    let create = ["fund", "create", "--title", "Hushmoney", "--board", "me,Fiji CERT", "--threshold", "2"];
    let create = [&create[..], &["--currency", "USD", "--to", "Fiji CERT"]].concat();
    let fund = id(&data(&machine, "tv", &create).await);
    sync(&machine).await;
    let pledge = id(&data(&machine, "fj", &["fund", "pledge", &fund, "100.10", "USD"]).await);
    let propose =
        ["fund", "propose", &fund, "--title", "Hushproject", "--recipient", "me", "--currency", "USD"];
    let parts = ["--milestone", "First=60.05", "--milestone", "Second=40.05"];
    let project = id(&data(&machine, "fj", &[&propose[..], &parts].concat()).await);
    sync(&machine).await;
    let paid = ["fund", "paid-in", &pledge, "100.10", "USD", "--reference", "FJ 1"];
    data(&machine, "tv", &paid).await;
    data(&machine, "tv", &["fund", "vote", &project, "--yes"]).await;
    let alone = at(&machine, "tv", &["fund", "commit", &project]).await;
    assert_eq!(refused(alone), "under_threshold");
    sync(&machine).await;
    data(&machine, "fj", &["fund", "vote", &project, "--yes"]).await;
    data(&machine, "fj", &["fund", "commit", &project]).await;
    for part in ["1", "2"] {
        let of = [project.as_str(), "--milestone", part];
        data(&machine, "fj", &[&["fund", "approve"], &of[..]].concat()).await;
        let early = at(&machine, "fj", &[&["fund", "disburse"], &of[..]].concat()).await;
        assert_eq!(refused(early), "under_threshold", "its own word alone");
        sync(&machine).await;
        data(&machine, "tv", &[&["fund", "disburse"], &of[..]].concat()).await;
        sync(&machine).await;
        data(&machine, "fj", &[&["fund", "receipt"], &of[..]].concat()).await;
        let report = [&["fund", "report"], &of[..], &["--text", "Done"]].concat();
        data(&machine, "fj", &report).await;
        sync(&machine).await;
    }
    let mut statements = Vec::new();
    for home in ["tv", "fj"] {
        statements.push(data(&machine, home, &["fund", "statement", &fund]).await);
    }
    assert_eq!(statements[0]["totals"], statements[1]["totals"]);
    let totals = &statements[0]["totals"][0];
    assert_eq!(
        (&totals["disbursed"], &totals["free"], &totals["committed"], &totals["adds_up"]),
        (&json!("100.1"), &json!("0"), &json!("0"), &json!(true)),
        "{totals}"
    );
    // A member of the same hub, and the hub itself, hold the bytes and none of the words.
    let (list, found) = (["fund", "list"], ["search", "Hushmoney"]);
    for words in [&list[..], &found] {
        let said = at(&machine, "ws", words).await;
        assert!(!said.out.contains("Hush") && !said.out.contains(&fund[..8]), "{said:?}");
    }
    assert_eq!(at(&machine, "ws", &["fund", "statement", &fund]).await.code, 3);
    let shared = data(&machine, "ws", &["distribution"]).await;
    assert_eq!(shared["money"].as_array().map_or(0, Vec::len), 0, "{shared}");
    // Who reads it sees it in its own table; what is published leaves it out.
    let ours = data(&machine, "tv", &["distribution"]).await;
    assert_eq!(ours["money"][0]["paid"], "100.1", "{ours}");
    at(&machine, "tv", &["report", "--period", "2020-01..2999-12", "--out", "published"]).await.ok();
    let page = std::fs::read_to_string(machine.path("published/report.html")).expect("a page");
    assert!(!page.contains("100.1") && !page.contains("Hush"), "what is sealed is in no report for others");
    for home in ["ws", "hub"] {
        assert_eq!(holds(&machine.path(home), b"Hush"), Vec::<std::path::PathBuf>::new(), "{home}");
    }
    drop(hub);
}

/// Files below a folder in which these bytes stand.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> Vec<std::path::PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if std::fs::read(&path).is_ok_and(|file| file.windows(bytes.len()).any(|w| w == bytes)) {
                found.push(path);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_by_other_published_weights_say_whose_they_are() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = members(&machine).await;
    at(&machine, "tv", &["need", "add", "--title", "Help", "--theme", "standards,cybercrime"]).await.ok();
    at(&machine, "fj", &["offer", "add", "--title", "Some", "--theme", "standards"]).await.ok();
    let rules = json!({ "title": "Themes alone", "name": "themes", "rule_type": "matching", "version": "1",
        "weights": [{ "criterion": "theme", "weight": 40 }] });
    std::fs::write(machine.path("rules.json"), rules.to_string()).expect("a file");
    let rules = id(&data(&machine, "ws", &["rule-set", "add", "--file", "rules.json"]).await);
    sync(&machine).await;
    let found = data(&machine, "tv", &["match", "--rules", &rules]).await;
    let best = &found["matches"][0]["best"][0];
    assert_eq!(
        (&best["score"], &best["of"], &found["rule_set"]),
        (&json!(20), &json!(40), &json!(rules)),
        "{found}"
    );
    let said = machine.run(&["--home", "tv", "match", "--rules", &rules]).await.ok();
    assert!(said.out.contains("Themes alone") && said.out.contains("Samoa CERT"), "{said:?}");
    assert!(said.err.contains("out of 40"), "{said:?}");
    assert_eq!(at(&machine, "tv", &["match", "--rules", "ffffffff"]).await.code, 3);
}
