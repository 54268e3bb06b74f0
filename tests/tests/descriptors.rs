//! A node whose file descriptors run out for callers goes on writing: strangers that only connect cannot stop it.

use std::time::Duration;

use caphub_tests::Machine;
use tokio::net::TcpStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// What the node may open, its own files included.
const DESCRIPTORS: u32 = 320;
/// What strangers open: more than that.
const STRANGERS: usize = 400;

#[tokio::test]
async fn callers_cannot_take_the_descriptors_that_the_store_needs() {
    let machine = Machine::new(PROGRAM, "en");
    let mut north = machine.hub("north", "North Hub", "009").await;
    let south = machine.hub("south", "South Hub", "061").await;
    let (file, card) = (north.invitation("TV").await, south.card().await);
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    north.kill().await;
    let mut north = machine.node("north", &north.address, &[]).with_descriptors(DESCRIPTORS);
    north.up().await;

    let mut idle = Vec::new();
    for _ in 0..STRANGERS {
        idle.push(TcpStream::connect(&north.address).await.expect("the system accepts"));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let open = std::fs::read_dir(format!("/proc/{}/fd", north.id().expect("a process"))).expect("a process");
    assert!(open.count() < DESCRIPTORS as usize, "some are left");
    // It signs, stores and makes files while they all hang on.
    north.ask(&["recognise", &card]).await.ok();
    assert!(north.log().contains("gave way to others"), "{}", north.log());
    assert!(north.log().contains("few file descriptors"), "{}", north.log());

    // Nor are members kept out while they hang on: whoever only connects gives way.
    machine
        .run(&["--home", "tv", "need", "add", "--title", "After the crowd", "--theme", "standards"])
        .await
        .ok();
    machine.run(&["--home", "tv", "sync"]).await.ok();
    north.reaches("records", 1).await;
    drop(idle);
}
