//! Threats row 28: through our interfaces whatever is taken from somebody by name is a public record first.

use std::collections::BTreeSet;

use caphub_tests::Machine;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// Commands that take something from somebody by name, and what their record says was refused. Each is run below.
const REFUSING: [(&str, &str); 4] = [
    ("hub refuse", "membership"),
    ("hub end", "admission"),
    ("hub recognise", "recognition"),
    ("hub link remove", "link"),
];
/// The operator's calls behind them.
const REFUSING_CALLS: [&str; 4] = ["Refuse", "EndAdmission", "Recognise", "RemoveLink"];
/// Calls that take nothing from anybody by name.
const NEUTRAL_CALLS: [&str; 14] = [
    "NodeStatus",
    "Invite",
    "Requests",
    "Approve",
    "Members",
    "Card",
    "AddLink",
    "Links",
    "Audit",
    "Refusals",
    "Rebuild",
    "Explain",
    "Withheld",
    "Forks",
];
/// Commands that take nothing from anybody by name: reading, one's own records and keys, letting somebody in.
const NEUTRAL: &str = "join leave sync sync:explain status offers match coverage distribution allocate allocate:verify report need offer course session search import export org key hub reply \
    audit verify demo completions manual carry \
    need:add need:edit need:list need:show need:withdraw \
    offer:add offer:edit offer:list offer:show offer:withdraw \
    course:add course:edit course:list course:show course:withdraw \
    session:add session:edit session:list session:show session:withdraw \
    technique technique:add technique:edit technique:list technique:show technique:use technique:assess \
    technique:withdraw barrier barrier:add barrier:list barrier:show barrier:reply barrier:ease barrier:lift \
    barrier:recur barrier:withdraw vocabulary vocabulary:add vocabulary:list vocabulary:show vocabulary:map \
    rule-set rule-set:add rule-set:edit rule-set:list rule-set:show rule-set:withdraw \
    artifact artifact:add artifact:get artifact:list artifact:show artifact:verify artifact:use \
    artifact:reproduce artifact:advise artifact:withdraw thread thread:list thread:show thread:reply thread:grant \
    sealed sealed:export erasures \
    key:list key:add key:revoke key:rotate key:backup key:recover key:export-age \
    hub:status hub:invite hub:requests hub:approve hub:members hub:card hub:link hub:link:add hub:link:list \
    audit:verify audit:refusals carry:out carry:in carry:show";
/// Acts of several parties: each is itself a signed record, and one that declines or withdraws states why.
const ACTS: &str = "engage call fellowship fund engage:propose engage:agree engage:accept engage:start engage:deliver \
    engage:confirm engage:evaluate engage:decline engage:withdraw engage:dispute engage:resolve engage:note \
    engage:list engage:show call:add call:edit call:list call:show call:withdraw call:close call:cosign call:draw \
    fellowship:nominate fellowship:decide fellowship:accept fellowship:decline fellowship:withdraw \
    fellowship:start fellowship:complete fellowship:certificate fellowship:list fellowship:show fund:create \
    fund:pledge fund:paid-in fund:propose fund:vote fund:commit fund:approve fund:disburse fund:receipt \
    fund:report fund:refund fund:release fund:pay-back fund:amend fund:enact fund:close fund:list fund:show \
    fund:statement";
/// Keys of the node's configuration: each bounds or sets something for all alike.
const CONFIGURED: &str = "listen addresses proxy metrics log_format log_level shutdown_seconds hub_entries party_entries guest_entries \
     guests_entries hub_bytes guest_bytes guests_bytes file_bytes party_bytes total_bytes";

/// All commands, as the program itself lists them.
async fn commands(machine: &Machine, path: Vec<String>) -> Vec<Vec<String>> {
    let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
    words.push("--help");
    let said = machine.run(&words).await;
    let mut found = Vec::new();
    let listed = said.out.split_once("Commands:\n").map(|(_, rest)| rest).unwrap_or_default();
    for line in listed.lines().take_while(|l| !l.trim().is_empty()) {
        // A longer explanation goes on further to the right.
        let name = line.strip_prefix("  ").filter(|l| !l.starts_with(' ')).and_then(|l| l.split(' ').next());
        let Some(name) = name else { continue };
        let below = [path.clone(), vec![name.to_owned()]].concat();
        found.push(below.clone());
        found.extend(Box::pin(commands(machine, below)).await);
    }
    found
}

#[tokio::test]
async fn no_command_call_or_setting_is_unaccounted_for() {
    let machine = Machine::new(PROGRAM, "en");
    let all = commands(&machine, Vec::new()).await;
    assert!(all.len() > 40, "{all:?}");
    let neutral: BTreeSet<&str> = NEUTRAL.split_whitespace().chain(ACTS.split_whitespace()).collect();
    for command in &all {
        let refuses = REFUSING.iter().any(|(c, _)| *c == command.join(" "));
        assert!(
            refuses || neutral.contains(command.join(":").as_str()),
            "{command:?} is new: does it take something from somebody by name? Then it needs a record and a line in REFUSING"
        );
    }
    for (command, _) in REFUSING {
        assert!(all.iter().any(|c| c.join(" ") == command), "{command} is gone");
    }
    let schema = include_str!("../../proto/caphub/v1/admin.proto");
    for call in schema.lines().filter_map(|l| l.trim().strip_prefix("rpc ")?.split('(').next()) {
        let known = REFUSING_CALLS.contains(&call) || NEUTRAL_CALLS.contains(&call);
        assert!(known, "the call {call} is new: does it take something from somebody by name?");
    }
    let example = include_str!("../../deploy/caphub-node.example.toml");
    let configured: BTreeSet<&str> = CONFIGURED.split_whitespace().collect();
    for key in example.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" = ")) {
        assert!(configured.contains(key.0), "the setting {} is new: can it name somebody?", key.0);
    }
}

#[tokio::test]
async fn every_interface_that_refuses_leaves_its_record_and_what_it_takes_is_gone_after_a_crash_too() {
    let machine = Machine::new(PROGRAM, "en");
    let mut north = machine.hub("north", "North Hub", "009").await;
    let south = machine.hub("south", "South Hub", "061").await;
    let (north_card, south_card) = (north.card().await, south.card().await);
    for (home, name, country) in [("ws", "Samoa CERT", "WS"), ("fj", "Fiji CERT", "FJ")] {
        machine.run(&["--home", home, "join", &north_card, "--name", name, "--country", country]).await.ok();
    }
    north.ask(&["approve", "Fiji CERT"]).await.ok();
    north.reaches("members", 1).await;
    north.ask(&["link", "add", &south_card]).await.ok();
    north.ask(&["recognise", &south_card]).await.ok();

    north
        .ask(&["refuse", "Samoa CERT", "--reason", "identity_unverified", "--note", "no Note Verbale"])
        .await
        .ok();
    north.ask(&["end", "Fiji CERT", "--reason", "outside_mandate", "--note", "moved"]).await.ok();
    north.ask(&["recognise", &south_card, "--end", "--reason", "legal_requirement"]).await.ok();
    north.ask(&["link", "remove", "South Hub", "--reason", "quota"]).await.ok();
    north.reaches("members", 0).await;
    north.kill().await;
    north.up().await;
    north.reaches("members", 0).await;
    assert_eq!(north.ask(&["link", "list"]).await.ok().json().as_array().map(Vec::len), Some(0));
    assert_eq!(north.ask(&["end", "Fiji CERT", "--reason", "other"]).await.code, 3);

    let said = machine.run(&["--json", "--hub-dir", "north", "audit", "refusals"]).await.ok().json();
    let mut found: Vec<(String, String)> = Vec::new();
    for group in said.as_array().expect("groups") {
        let text = |name: &str| group[name].as_str().unwrap_or_default().to_owned();
        assert_eq!((text("hub_name").as_str(), &group["count"]), ("North Hub", &1.into()), "{said}");
        // Nobody agreed to be named.
        assert_eq!(group["refusals"][0]["party"], "", "{said}");
        found.push((text("what"), text("reason")));
    }
    found.sort();
    let due = [
        ("admission", "outside_mandate"),
        ("link", "quota"),
        ("membership", "identity_unverified"),
        ("recognition", "legal_requirement"),
    ];
    assert_eq!(found, due.map(|(w, r)| (w.to_owned(), r.to_owned())));
    let whats: BTreeSet<&str> = REFUSING.iter().map(|(_, what)| *what).collect();
    assert_eq!(whats, due.iter().map(|(w, _)| *w).collect());
}

#[tokio::test]
async fn an_applicant_gets_its_refusal_signed_and_its_reply_stands_beside_it() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let card = hub.card().await;
    let words =
        ["--home", "ws", "join", &card, "--name", "Samoa CERT", "--country", "WS", "--name-in-public"];
    machine.run(&words).await.ok();
    hub.ask(&["refuse", "Samoa CERT", "--reason", "identity_unverified", "--note", "no Note Verbale"])
        .await
        .ok();
    let synced = machine.run(&["--home", "ws", "sync"]).await.ok();
    assert!(synced.err.contains("identity_unverified"), "{synced:?}");
    let status = machine.run(&["--home", "ws", "--json", "status"]).await.ok().json();
    let refusal = &status["refusals"][0];
    assert_eq!((&refusal["signed"], &refusal["note"]), (&true.into(), &"no Note Verbale".into()), "{status}");
    let id = refusal["id"].as_str().expect("an id");
    let words = machine.run(&["--home", "ws", "status"]).await.ok();
    assert!(words.out.contains("Refused by Pacific Hub") && words.out.contains("caphub reply"), "{words:?}");
    assert!(!words.out.contains("has not decided") && status["hubs"][0]["state"] == "refused", "{words:?}");

    assert_eq!(machine.run(&["--home", "ws", "reply", "ffffffff", "no"]).await.code, 3);
    machine.run(&["--home", "ws", "reply", id, "Our", "mandate", "is in NV 12/2026"]).await.ok();
    machine.run(&["--home", "ws", "sync"]).await.ok();
    let on_both_sides = [
        machine.run(&["--home", "ws", "--json", "audit", "refusals"]).await.ok().json(),
        machine.run(&["--json", "--hub-dir", "hub", "audit", "refusals"]).await.ok().json(),
    ];
    for said in on_both_sides {
        let one = &said[0]["refusals"][0];
        assert_eq!(one["party"], status["party"], "it agreed to be named: {said}");
        assert_eq!(one["replies"][0]["text"], "Our mandate is in NV 12/2026", "{said}");
        assert_eq!(one["replies"][0]["name"], "Samoa CERT", "{said}");
    }
    let words = machine.run(&["--home", "ws", "audit", "refusals"]).await.ok();
    assert!(
        words.out.contains("Pacific Hub: membership, Identity not verified (identity_unverified): 1"),
        "{words:?}"
    );
    assert!(words.out.contains("Samoa CERT replies: Our mandate"), "{words:?}");
    // Once admitted, the refusal is no longer what counts.
    hub.ask(&["approve", "Samoa CERT"]).await.ok();
    machine.run(&["--home", "ws", "sync"]).await.ok();
    let words = machine.run(&["--home", "ws", "status"]).await.ok();
    assert!(words.out.contains("Member of Pacific Hub") && !words.out.contains("Refused"), "{words:?}");
}
