//! The story that people live: found a hub, join, write, sync, search; in real processes over real sockets.

use caphub_tests::Machine;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

#[tokio::test]
async fn the_demo_ends_with_three_hubs_that_hold_the_same() {
    let machine = Machine::new(PROGRAM, "en");
    let said = machine.run(&["--json", "demo", "--exit"]).await.ok().json();
    let hubs = said["hubs"].as_array().expect("hubs");
    assert_eq!(hubs.len(), 3);
    for hub in hubs {
        assert_eq!(hub["records"], hubs[0]["records"], "{said}");
        assert!(hub["records"].as_u64() >= Some(60), "{said}");
        assert_eq!(hub["links"], 2, "{said}");
    }
    for answer in said["search"].as_array().expect("answers") {
        assert!(answer["found"].as_u64() > Some(5), "{said}");
        assert_eq!(answer["found"], said["search"][0]["found"]);
    }
}

async fn from_join_to_need(language: &str, [error, hint]: [&str; 2]) {
    let machine = Machine::new(PROGRAM, language);
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let file = hub.invitation("TV").await;
    let early = machine.run(&["--home", "tv", "need", "add", "--title", "x"]).await;
    assert_eq!(early.code, 3);
    assert!(early.err.starts_with(error) && early.err.contains(hint), "{early:?}");
    let joined = machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    assert!(joined.out.contains("Tuvalu CERT"), "{joined:?}");
    assert_eq!(machine.run(&["--home", "tv", "join", &file]).await.code, 2);
    let words = ["--home", "tv", "--json", "need", "add", "--title", "Réponse aux incidents", "--theme"];
    let need = machine.run(&[&words[..], &["incident_management"]].concat()).await.ok().json();
    assert_eq!(need["record"]["countries"][0], "TV");
    machine.run(&["--home", "tv", "sync"]).await.ok();
    hub.reaches("records", 1).await;
    hub.reaches("members", 1).await;
    let found = machine.run(&["--home", "tv", "--json", "search", "reponse"]).await.ok().json();
    assert_eq!(found[0]["id"], need["id"]);
    let checked = machine.run(&["--home", "tv", "--json", "verify"]).await.ok().json();
    assert_eq!(checked["wrong"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn from_join_to_need_in_english() {
    from_join_to_need("en", ["error: ", "hint: join with the file"]).await;
}

#[tokio::test]
async fn from_join_to_need_in_french() {
    from_join_to_need("fr", ["erreur : ", "conseil : adhérez avec le fichier"]).await;
}

#[tokio::test]
async fn a_guest_publishes_public_needs_and_nothing_else_until_it_is_admitted() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let card = hub.card().await;
    let add = |kind: &'static str, title: &'static str| {
        let words = ["--home", "nu", kind, "add", "--title", title, "--theme", "standards"];
        let machine = &machine;
        async move { machine.run(&words).await.ok() }
    };
    machine.run(&["--home", "nu", "join", &card, "--name", "Niue", "--country", "NU"]).await.ok();
    add("need", "As a guest").await;
    machine.run(&["--home", "nu", "sync"]).await.ok();
    hub.reaches("records", 1).await;
    add("course", "More than a guest may").await;
    let said = machine.run(&["--home", "nu", "--json", "sync"]).await.ok().json();
    assert_eq!(said["refused"]["guest_record"], 1, "{said}");
    hub.reaches("records", 1).await;
    hub.reaches("members", 0).await;
    // Others see that no hub has admitted it.
    let other = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &other, "--name", "Tuvalu"]).await.ok();
    let needs = machine.run(&["--home", "tv", "--json", "need", "list"]).await.ok().json();
    assert_ne!(needs[0]["standing"], "member", "{needs}");
    let odd = hub.ask(&["approve", "Niue", "--until", "tomorrow"]).await;
    assert!(odd.code == 1 && odd.err.contains("until \"tomorrow\"") && !odd.err.contains("store"), "{odd:?}");
    assert_eq!(odd.json()["error"]["reason"], "record_invalid");
    hub.ask(&["approve", "Niue"]).await.ok();
    machine.run(&["--home", "nu", "sync"]).await.ok();
    hub.reaches("records", 2).await;
}

#[tokio::test]
async fn a_state_asks_is_refused_with_a_reason_and_another_is_admitted_and_roams() {
    let machine = Machine::new(PROGRAM, "en");
    let (north, south) =
        (machine.hub("north", "North Hub", "009").await, machine.hub("south", "South Hub", "061").await);
    let (north_card, south_card) = (north.card().await, south.card().await);
    for (home, name, country) in [("fj", "Fiji CERT", "FJ"), ("ws", "Samoa CERT", "WS")] {
        machine.run(&["--home", home, "join", &north_card, "--name", name, "--country", country]).await.ok();
    }
    north.reaches("requests", 2).await;
    north.ask(&["refuse", "Samoa CERT", "--reason", "identity_unverified"]).await.ok();
    north.ask(&["approve", "Fiji CERT", "--mandate", "NV 12/2026"]).await.ok();
    north.reaches("members", 1).await;
    north.ask(&["link", "add", &south_card]).await.ok();
    south.ask(&["link", "add", &north_card]).await.ok();
    machine
        .run(&["--home", "fj", "need", "add", "--title", "Roaming", "--theme", "incident_management"])
        .await
        .ok();
    // North's attestation has to reach South before South can know Fiji.
    north.reaches("links", 1).await;
    south.reaches("links", 1).await;
    south.holds_as_many_as(&north).await;
    machine.run(&["--home", "fj", "sync", "--through", &south_card]).await.ok();
    south.reaches("records", 1).await;
    north.reaches("records", 1).await;
    let links = north.ask(&["link", "list"]).await.ok().json();
    assert_eq!(links.as_array().map(Vec::len), Some(1), "{links}");
    north.ask(&["link", "remove", "South Hub"]).await.ok();
    assert_eq!(north.ask(&["link", "list"]).await.ok().json().as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn hubs_that_are_linked_through_a_third_recognise_each_other() {
    let machine = Machine::new(PROGRAM, "en");
    let region = machine.hub("region", "Region", "009").await;
    let (north, mut south) =
        (machine.hub("north", "North", "057").await, machine.hub("south", "South", "061").await);
    let centre = region.card().await;
    for hub in [&north, &south] {
        let card = hub.card().await;
        hub.ask(&["link", "add", &centre]).await.ok();
        region.ask(&["link", "add", &card]).await.ok();
    }
    let file = north.invitation("KI").await;
    machine.run(&["--home", "ki", "join", &file, "--name", "Kiribati"]).await.ok();
    let add = |title: &'static str| {
        let machine = &machine;
        async move {
            machine.run(&["--home", "ki", "course", "add", "--title", title]).await.ok();
            machine.run(&["--home", "ki", "sync"]).await.ok();
        }
    };
    add("First").await;
    region.reaches("records", 1).await;
    south.reaches("links", 1).await;
    south.reaches("records", 0).await;
    let card = north.card().await;
    south.ask(&["recognise", &card, "--note", "by agreement"]).await.ok();
    south.reaches("records", 1).await;
    add("Second").await;
    south.reaches("records", 2).await;
    south.ask(&["recognise", &card, "--end"]).await.ok();
    assert_ne!(south.ask(&["recognise", &card, "--end"]).await.code, 0);
    south.kill().await;
    south.up().await;
    add("Third").await;
    region.reaches("records", 3).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    south.reaches("records", 2).await;
}
