//! A client in Python that shares no code with the nodes, written from SPEC.md alone, deals with real nodes and commands.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// How long something may take to come over a link.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client's Python, made by the project's own script; none where this machine has no Python or cannot fetch packages.
fn python() -> Option<&'static str> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let script = Path::new(PROJECT).join("tests/interop/setup.sh");
        let said = Command::new("bash").arg(script).output();
        match said {
            Ok(said) if said.status.success() => {
                Some(String::from_utf8(said.stdout).expect("a path").trim().to_owned())
            }
            other => {
                let why = match other {
                    Ok(said) => String::from_utf8_lossy(&said.stderr).into_owned(),
                    Err(error) => error.to_string(),
                };
                // Where everything must be checked, nothing may be left out.
                assert!(std::env::var_os("CAPHUB_INTEROP_REQUIRED").is_none(), "{why}");
                eprintln!("skipped: nothing was checked, as the Python client cannot be set up: {why}");
                None
            }
        }
    });
    found.as_deref()
}

/// An organisation whose client is the Python one.
struct Stranger<'a> {
    machine: &'a Machine,
    home: &'static str,
    python: &'static str,
}

impl Stranger<'_> {
    fn run(&self, words: &[&str]) -> (i32, Value, String) {
        let client = Path::new(PROJECT).join("tests/interop/client.py");
        let home = self.machine.path(self.home);
        let mut command = Command::new(self.python);
        command.arg(client).arg(home).args(words).current_dir(self.machine.path("."));
        let said = command.output().expect("Python runs");
        let errors = String::from_utf8_lossy(&said.stderr).into_owned();
        let data = serde_json::from_slice(&said.stdout).unwrap_or(Value::Null);
        (said.status.code().unwrap_or(-1), data, errors)
    }

    fn ok(&self, words: &[&str]) -> Value {
        let (code, said, errors) = self.run(words);
        assert_eq!(code, 0, "{words:?}: {said} {errors}");
        said
    }

    fn refused(&self, words: &[&str]) -> String {
        let (code, said, errors) = self.run(words);
        assert_eq!(code, 3, "{words:?}: {said} {errors}");
        said["refused"].as_str().expect("a reason").to_owned()
    }

    /// A sync of which nothing was refused on either side.
    fn sync(&self, key: &str) -> Value {
        let said = self.ok(&["sync", key]);
        assert_eq!(said["refused_here"], json!([]), "{said}");
        assert_eq!(said["refusals"], json!([]), "{said}");
        said
    }

    /// Syncs until the two sides state the same: others go on writing meanwhile.
    fn in_step(&self, key: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.sync(key);
            if said["differ"] == json!([]) {
                return said;
            }
            assert!(Instant::now() < deadline, "{said}");
        }
    }
}

async fn do_it(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--json", "--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

/// Titles of the needs that the command finds, with who wrote them.
async fn found(machine: &Machine, home: &str, words: &str) -> Vec<(String, String)> {
    do_it(machine, home, &["sync"]).await.ok();
    let said = do_it(machine, home, &["search", words]).await.ok().json();
    let text = |v: &Value| v.as_str().expect("a text").to_owned();
    let one = |r: &Value| (text(&r["record"]["title"]["text"]), text(&r["party"]));
    said.as_array().expect("records").iter().filter(|r| r["kind"] == "need").map(one).collect()
}

async fn member<'a>(
    machine: &'a Machine,
    hub: &NodeProcess<'_>,
    python: &'static str,
) -> (Stranger<'a>, String) {
    let stranger = Stranger { machine, home: "py", python };
    let party = stranger.ok(&["found", "Python CERT"])["party"].as_str().expect("an id").to_owned();
    let file = hub.invitation("TV").await;
    assert_eq!(stranger.ok(&["join", &file])["state"], "MEMBERSHIP_STATE_MEMBER");
    (stranger, party)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_another_language_joins_is_found_and_verifies_all_that_it_may_see() {
    let Some(python) = python() else { return };
    let machine = Machine::new(PROGRAM, "en");
    let north = machine.hub("north", "North Hub", "021").await;
    let south = machine.hub("south", "South Hub", "009").await;
    north.ask(&["link", "add", &south.card().await]).await.ok();
    south.ask(&["link", "add", &north.card().await]).await.ok();
    for (hub, home, country, name) in
        [(&south, "tv", "TV", "Tuvalu CERT"), (&north, "ws", "WS", "Samoa CERT")]
    {
        let file = hub.invitation(country).await;
        do_it(&machine, home, &["join", &file, "--name", name]).await.ok();
    }
    north.holds_as_many_as(&south).await;
    let add = ["need", "add", "--theme", "standards", "--title"];
    for more in [&["Open"][..], &["In the network", "--visible", "network"], &["Members", "--visible", "hub"]]
    {
        do_it(&machine, "ws", &[&add[..], more].concat()).await.ok();
    }
    do_it(&machine, "ws", &["sync"]).await.ok();
    let sealed = [&add[..], &["In confidence", "--to", "Tuvalu CERT"]].concat();
    do_it(&machine, "ws", &sealed).await.ok();
    let gone = do_it(&machine, "ws", &[&add[..], &["Not for long"]].concat()).await.ok().json();
    do_it(&machine, "ws", &["sync"]).await.ok();
    do_it(&machine, "ws", &["need", "withdraw", gone["id"].as_str().expect("an id"), "--erase"]).await.ok();
    do_it(&machine, "ws", &["sync"]).await.ok();

    let (stranger, party) = member(&machine, &north, python).await;
    stranger.ok(&["need", "Coral divers for the cable", "first"]);
    stranger.ok(&["need", "Coral among members", "first+hub"]);
    let moved = stranger.sync("first");
    assert_eq!(moved["stored"], 2, "{moved}");
    assert_eq!(moved["receipts"], 2, "signed words of the hub that it holds them: {moved}");

    // The command finds it, at the same hub and over a link; the hub's own need stays among its members.
    let mut both = found(&machine, "ws", "coral").await;
    both.sort();
    let (open, members) = ("Coral divers for the cable".to_owned(), "Coral among members".to_owned());
    assert_eq!(both, [(members.clone(), party.clone()), (open.clone(), party.clone())]);
    let deadline = Instant::now() + PATIENCE;
    while found(&machine, "tv", "coral").await != [(open.clone(), party.clone())] {
        assert!(Instant::now() < deadline, "the need does not reach the other hub's member");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stranger.ok(&["search", "coral", "first"])["titles"], json!([members, open]));

    // Everything that the hub holds is held, was verified, and is in the history that the hub signs.
    let deadline = Instant::now() + PATIENCE;
    let (moved, report) = loop {
        let (moved, report) = (stranger.in_step("first"), stranger.ok(&["report"]));
        let entries = north.ask(&["status"]).await.ok().json()["entries"].clone();
        if report["entries"] == entries {
            break (moved, report);
        }
        assert!(Instant::now() < deadline, "{entries} entries there: {report}");
    };
    assert_eq!(report["void"], json!({"sealed": 1, "erased": 1}), "{report}");
    let titles: Vec<&str> = report["needs"]
        .as_array()
        .expect("needs")
        .iter()
        .map(|n| n["title"].as_str().expect("one"))
        .collect();
    assert_eq!(titles, [&members[..], &open[..], "In the network", "Members", "Open"], "{report}");
    assert_eq!(report["members"].as_object().map(serde_json::Map::len), Some(2), "{report}");
    assert!(moved["proven_in_history"].as_u64() > Some(10), "{moved}");
    // The verifier that took all of this takes none of it with one bit changed.
    let tampered = stranger.ok(&["tamper"]);
    assert!(tampered["refused_changes"].as_u64() > Some(500), "{tampered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_identity_outlives_a_revoked_key_and_a_rotation() {
    let Some(python) = python() else { return };
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let (stranger, party) = member(&machine, &hub, python).await;
    let file = hub.invitation("WS").await;
    do_it(&machine, "ws", &["join", &file, "--name", "Samoa CERT"]).await.ok();
    stranger.ok(&["need", "Coral before", "first"]);
    stranger.ok(&["key-add", "second"]);
    stranger.in_step("first");
    std::fs::create_dir(machine.path("thief")).expect("a folder");
    std::fs::copy(machine.path("py/interop.json"), machine.path("thief/interop.json")).expect("a copy");
    let thief = Stranger { machine: &machine, home: "thief", python };

    let ended = stranger.ok(&["key-revoke", "first", "second"]);
    assert!(ended["stream_ended_ms"].as_i64() < Some(1_000), "{ended}");
    assert_eq!((&ended["old_link"], &ended["new_link"]), (&json!("revoked"), &json!("revoked")), "{ended}");
    thief.ok(&["need", "Coral by a thief", "first"]);
    assert_eq!(thief.refused(&["sync", "first"]), "revoked");
    assert_eq!(thief.refused(&["services", "first"]), "revoked", "health and reflection too");
    // Brought over a link that is let in, what lies beyond the revocation is still nothing.
    let brought = stranger.ok(&["bring-forged", "Coral by a thief", "first", "second"]);
    assert_eq!(brought, json!({"stored": 0, "refusals": ["revoked"]}));
    stranger.ok(&["need", "Coral after", "second"]);
    stranger.in_step("second");

    assert_eq!(stranger.ok(&["rotate"])["old_root"], "bad_signature", "judged by the client itself");
    stranger.ok(&["key-add", "third"]);
    stranger.ok(&["need", "Coral at last", "third"]);
    stranger.in_step("second");
    let brought = stranger.ok(&["bring-stale", "third"]);
    assert_eq!(brought["stored"], 0, "{brought}");
    assert_eq!(brought["refusals"], json!(["bad_signature"]), "judged by the node alike");
    stranger.in_step("third");

    let mut needs = found(&machine, "ws", "coral").await;
    needs.sort();
    let due = ["Coral after", "Coral at last", "Coral before"].map(|t| (t.to_owned(), party.clone()));
    assert_eq!(needs, due);
    // Whoever lost nothing and comes later sees the same.
    let late = Stranger { machine: &machine, home: "late", python };
    late.ok(&["found", "Late CERT"]);
    late.ok(&["join", &hub.invitation("FJ").await]);
    late.in_step("first");
    let titles: Vec<Value> =
        late.ok(&["report"])["needs"].as_array().expect("needs").iter().map(|n| n["title"].clone()).collect();
    assert_eq!(titles, due.map(|(t, _)| Value::from(t)));
}

#[tokio::test(flavor = "multi_thread")]
async fn common_tools_ask_a_node_for_its_health_and_its_schema() {
    let Some(python) = python() else { return };
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let (stranger, _) = member(&machine, &hub, python).await;
    let said = stranger.ok(&["services", "first"]);
    let served = ["ArtifactService", "ExchangeService", "FederationService", "MembershipService"]
        .map(|name| format!("caphub.v1.{name}"));
    for name in &served {
        assert_eq!(said["health"][name], "SERVING", "{said}");
        assert!(said["methods"][name].as_array().is_some_and(|m| !m.is_empty()), "{said}");
    }
    assert_eq!(said["health"][""], "SERVING", "{said}");
    // What is for the hub's operator alone is not told of.
    assert_eq!(said["methods"].as_object().map(serde_json::Map::len), Some(served.len()), "{said}");
    assert_eq!(said["hello"], "Hub", "a call made from the schema that the node told: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_invitation_and_another_hub_at_the_address_are_noticed() {
    let Some(python) = python() else { return };
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let other = machine.hub("other", "Other", "021").await;
    let stranger = Stranger { machine: &machine, home: "py", python };
    stranger.ok(&["found", "Python CERT"]);
    let file = hub.invitation("TV").await;
    let text = std::fs::read_to_string(machine.path(&file)).expect("an invitation");
    std::fs::write(machine.path("altered"), text.replace(&hub.address, &other.address)).expect("a file");
    let (code, _, errors) = stranger.run(&["join", "altered"]);
    assert!(code == 1 && errors.contains("altered"), "{code} {errors}");

    // The address is the hub's own no longer: what answers there proves to be somebody else.
    let mut hub = hub;
    hub.stop().await;
    let mut other = other;
    other.stop().await;
    other.address = hub.address.clone();
    other.up().await;
    let (code, _, errors) = stranger.run(&["join", &file]);
    assert!(code == 1 && errors.contains("another party answers"), "{code} {errors}");
}
