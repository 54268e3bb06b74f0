//! Power cuts and lost indexes: what was acknowledged is there, nothing is half applied, nobody forks itself.

use std::time::Duration;

use caphub_tests::Machine;
use caphub_tests::members::write_courses;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
const COURSES: u64 = 3_000;

#[tokio::test]
async fn a_node_killed_in_the_middle_of_sync_goes_on_where_it_was() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    write_courses(&machine, "tv", "Course", COURSES).await;
    for wait in [5, 20, 40, 80] {
        let mut sync = machine.start(&["--home", "tv", "sync"]);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        hub.kill().await;
        assert!(sync.wait().await.is_ok());
        hub.up().await;
    }
    machine.run(&["--home", "tv", "sync"]).await.ok();
    hub.reaches("records", COURSES).await;
    machine.run(&["--home", "tv", "verify"]).await.ok();
    let again = machine.run(&["--home", "tv", "--json", "sync"]).await.ok().json();
    assert_eq!((again["sent"].as_u64(), again["received"].as_u64()), (Some(0), Some(0)), "{again}");
}

#[tokio::test]
async fn a_member_killed_while_it_signs_never_forks_itself() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    for wait in 1..25 {
        let mut add = machine.start(&["--home", "tv", "course", "add", "--title", "Cut short"]);
        tokio::time::sleep(Duration::from_millis(wait * 2)).await;
        add.kill().await.expect("a process to kill");
    }
    machine.run(&["--home", "tv", "course", "add", "--title", "Whole"]).await.ok();
    machine.run(&["--home", "tv", "verify"]).await.ok();
    let synced = machine.run(&["--home", "tv", "--json", "sync"]).await.ok().json();
    assert!(synced["refused"].as_object().is_none_or(serde_json::Map::is_empty), "{synced}");
    let list = machine.run(&["--home", "tv", "--json", "course", "list"]).await.ok().json();
    hub.reaches("records", list.as_array().map_or(0, Vec::len) as u64).await;
}

#[tokio::test]
async fn the_index_and_the_views_can_be_deleted() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    write_courses(&machine, "tv", "Course", COURSES).await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    hub.reaches("records", COURSES).await;
    hub.kill().await;
    std::fs::remove_dir_all(hub.below("store/index")).expect("an index");
    std::fs::remove_dir_all(hub.below("views")).expect("views");
    hub.up().await;
    hub.reaches("records", COURSES).await;
    hub.reaches("members", 1).await;
}

#[tokio::test]
async fn a_node_killed_while_it_admits_has_admitted_whom_it_said() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    let card = hub.card().await;
    let homes: Vec<String> = (0..6).map(|n| format!("state{n}")).collect();
    for home in &homes {
        machine.run(&["--home", home, "join", &card, "--name", home, "--country", "TV"]).await.ok();
    }
    hub.reaches("requests", homes.len() as u64).await;
    let mut said = 0;
    for (n, home) in homes.iter().enumerate() {
        let words = ["--hub-dir", "hub", "hub", "approve", home];
        let mut approving = machine.start(&words);
        tokio::time::sleep(Duration::from_millis(n as u64 * 4)).await;
        hub.kill().await;
        said += u64::from(approving.wait().await.is_ok_and(|s| s.success()));
        hub.up().await;
        let members = hub.ask(&["status"]).await.ok().json()["members"].as_u64().unwrap_or_default();
        assert!(members >= said, "{members} members where {said} were told");
    }
    for home in &homes {
        hub.ask(&["approve", home]).await;
    }
    hub.reaches("members", homes.len() as u64).await;
}
