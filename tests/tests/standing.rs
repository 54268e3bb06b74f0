//! Who is shown as admitted: a hub's word makes a member only where the reader knows the hub.
//!
//! threats.md row 17.

use caphub_tests::stick::{at, out, taken};
use caphub_tests::{Machine, NodeProcess};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// A need as one member sees it: how its party stands, and what it is called.
async fn seen(machine: &Machine, home: &str) -> (String, String) {
    let needs = at(machine, home, &["need", "list"]).await.ok().json();
    let need =
        needs.as_array().expect("needs").iter().find(|n| n["record"]["title"]["text"] == "Of the other hub");
    let need = need.unwrap_or_else(|| panic!("no such need: {needs}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&need["standing"]), text(&need["party_name"]))
}

/// A member of its hub, with one need, all of it in a folder.
async fn writes(machine: &Machine, hub: &NodeProcess<'_>, name: &str) {
    let file = hub.invitation("KI").await;
    at(machine, "ki", &["join", &file, "--name", name]).await.ok();
    at(machine, "ki", &["need", "add", "--title", "Of the other hub", "--theme", "standards"]).await.ok();
    at(machine, "ki", &["sync"]).await.ok();
    out(machine, "ki", &["stick"]).await;
}

#[tokio::test]
async fn a_hub_that_nobody_here_knows_makes_no_members_and_one_that_the_own_hub_is_linked_with_does() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let other = machine.hub("other", "Another Hub", "009").await;
    let file = hub.invitation("TV").await;
    at(&machine, "tv", &["join", &file, "--name", "Tuvalu CERT"]).await.ok();
    // Anybody can run a hub, and attest whom it likes under any name.
    writes(&machine, &other, "Fiji CERT").await;
    taken(&machine, "tv", "stick").await;
    let (standing, _) = seen(&machine, "tv").await;
    assert_eq!(standing, "", "a stranger's word made a member");
    // Nothing is sealed to whoever is only called so.
    let words = ["need", "add", "--title", "Quietly", "--theme", "standards", "--to", "Fiji CERT"];
    let sealed = at(&machine, "tv", &words).await;
    assert_ne!(sealed.code, 0, "{sealed:?}");

    // Its own hub links with it, which says that its admissions count there.
    let (cards, of) = ([hub.card().await, other.card().await], [&hub, &other]);
    of[0].ask(&["link", "add", &cards[1]]).await.ok();
    at(&machine, "tv", &["sync"]).await.ok();
    assert_eq!(seen(&machine, "tv").await.0, "member");
    at(&machine, "tv", &words).await.ok();
    // And no more once it has ended the link.
    of[0].ask(&["link", "remove", "Another Hub", "--reason", "other"]).await.ok();
    at(&machine, "tv", &["sync"]).await.ok();
    assert_eq!(seen(&machine, "tv").await.0, "");
    // A member that joins it itself knows it too.
    at(&machine, "tv", &["join", &cards[1], "--name", "Tuvalu CERT"]).await.ok();
    assert_eq!(seen(&machine, "tv").await.0, "member");
}
