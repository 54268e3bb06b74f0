//! A fund of two organisations, a donor and a recipient, by commands through a hub.

use caphub_tests::{Machine, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn fund(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all = [&["--home", home, "--json", "fund"][..], words].concat();
    machine.run(&all).await
}

/// Everybody sends and gets, twice: who went first also gets what came later.
async fn sync(machine: &Machine) {
    for home in ["fj", "ws", "nz", "tv", "fj", "ws", "nz", "tv"] {
        machine.run(&["--home", home, "sync"]).await.ok();
    }
}

fn id(said: Said) -> String {
    said.ok().json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn money_moves_only_by_votes_and_approvals_and_every_member_sees_the_same_statement() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    for (home, country, name) in [
        ("fj", "FJ", "Fiji CERT"),
        ("ws", "WS", "Samoa CERT"),
        ("nz", "NZ", "Donor"),
        ("tv", "TV", "Tuvalu CERT"),
    ] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file, "--name", name, "--no-passphrase"]).await.ok();
    }
    sync(&machine).await;
    let create =
        ["create", "--title", "A fund", "--board", "me,Samoa CERT", "--threshold", "2", "--currency", "USD"];
    // A desk's key does not move money.
    let desk = fund(&machine, "fj", &create).await;
    assert_eq!((desk.code, &desk.json()["error"]["reason"]), (1, &Value::from("capability")), "{desk:?}");
    for home in ["fj", "ws", "nz", "tv"] {
        machine.run(&["--home", home, "key", "add", "treasury", "--treasury"]).await.ok();
    }
    let root = id(fund(&machine, "fj", &create).await);
    sync(&machine).await;
    let promised = id(fund(&machine, "nz", &["pledge", &root[..8], "1000.00", "USD"]).await);
    let project = [
        "propose",
        &root,
        "--title",
        "Training",
        "--recipient",
        "me",
        "--currency",
        "USD",
        "--milestone",
        "First=400.10",
        "--milestone",
        "Second=199.90",
    ];
    let project = id(fund(&machine, "tv", &project).await);
    sync(&machine).await;
    fund(&machine, "fj", &["paid-in", &promised, "600", "USD", "--reference", "NZ 47"]).await.ok();
    fund(&machine, "fj", &["paid-in", &promised, "400", "USD", "--reference", "NZ 48"]).await.ok();
    fund(&machine, "fj", &["vote", &project, "--yes"]).await.ok();
    let alone = fund(&machine, "fj", &["commit", &project]).await;
    assert_eq!(alone.json()["error"]["reason"], "under_threshold", "{alone:?}");
    sync(&machine).await;
    fund(&machine, "ws", &["vote", &project, "--yes"]).await.ok();
    fund(&machine, "ws", &["commit", &project]).await.ok();
    fund(&machine, "ws", &["approve", &project, "--milestone", "1"]).await.ok();
    sync(&machine).await;
    let early = fund(&machine, "fj", &["disburse", &project, "--milestone", "2"]).await;
    assert_eq!(early.json()["error"]["reason"], "milestone_order", "{early:?}");
    fund(&machine, "fj", &["disburse", &project, "--milestone", "1"]).await.ok();
    sync(&machine).await;
    fund(&machine, "tv", &["receipt", &project, "--milestone", "1"]).await.ok();
    sync(&machine).await;
    let statements: Vec<Value> = {
        let mut all = Vec::new();
        for home in ["fj", "ws", "nz", "tv"] {
            all.push(fund(&machine, home, &["statement", &root]).await.ok().json());
        }
        all
    };
    assert!(statements.iter().all(|s| s["totals"] == statements[0]["totals"]), "{statements:#?}");
    let totals = &statements[0]["totals"][0];
    assert_eq!(
        (&totals["adds_up"], &totals["free"], &totals["committed"]),
        (&true.into(), &"400".into(), &"199.9".into())
    );
    let shown = machine.run(&["--home", "tv", "fund", "statement", &root]).await.ok().out;
    assert!(shown.contains("1000.00") && shown.contains("Adds up"), "{shown}");
    for command in [["fund", "list"], ["fund", "show"]] {
        let mut words = vec!["--home", "tv", command[0], command[1]];
        if command[1] == "show" {
            words.push(&root);
        }
        let shown = machine.run(&words).await.ok().out;
        assert!(shown.lines().all(|l| l.chars().count() <= 80) && !shown.is_empty(), "{shown}");
    }
    assert!(machine.run(&["--home", "tv", "status"]).await.ok().out.contains("Tuvalu CERT"));
}
