//! Places under a call, from its announcement to a verdict by somebody who took no part: in real processes.

use caphub_tests::Machine;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

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
    let call = json!({
        "title": { "language": "en", "text": "One place in the course" }, "call_type": "fellowship", "places": 1,
        "rule_set": "caphub/allocation/1", "cosignatures": 1,
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
    run(&["--home", "fj", "sync"]).await.ok();
    let open = run(&["--home", "fj", "--json", "allocate", &call]).await.ok().json();
    assert_eq!(
        (&open["closed"], open["placed"].as_array().map(Vec::len)),
        (&json!(false), Some(2)),
        "{open}"
    );
    let early = run(&["--home", "fj", "--json", "allocate", "verify", &call]).await;
    assert_eq!((early.code, &early.json()["findings"][0]["finding"]), (1, &json!("no_list")), "{early:?}");

    run(&["--home", "fj", "call", "close", &call]).await.ok();
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

    // The place goes to the one whom the lottery left out.
    let (loser, _) = outcomes(&ours).into_iter().find(|(_, outcome)| outcome == "no_place").expect("one");
    run(&["--home", "fj", "fellowship", "decide", &loser[..12], "--grant", "--text", "ours"]).await.ok();
    for home in ["fj", "ws"] {
        run(&["--home", home, "sync"]).await.ok();
    }
    let wrong = run(&["--home", "ws", "--json", "allocate", "verify", &call, "--value", "00ff10"]).await;
    let findings = wrong.json()["findings"].clone();
    let told: Vec<&Value> = findings.as_array().expect("findings").iter().map(|f| &f["finding"]).collect();
    assert_eq!((wrong.code, told), (1, vec![&json!("decided_otherwise"), &json!("undecided")]), "{wrong:?}");
    assert_eq!(run(&["--home", "ws", "allocate", &call, "--value", "xyz"]).await.code, 2);
}
