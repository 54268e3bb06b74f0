//! What tests of damage share: two hubs that hold the same, and files that are no longer what was written.

use std::path::Path;

use crate::{Machine, NodeProcess, Said};

/// An operator's command for a hub's folder.
pub async fn node(machine: &Machine, name: &str, words: &[&str]) -> Said {
    machine.run(&[&["node", "--dir", name], words].concat()).await
}

/// Two linked hubs that hold the same, with six courses of a member of the first.
pub async fn linked(machine: &Machine) -> (NodeProcess<'_>, NodeProcess<'_>) {
    let one = machine.hub("one", "Pacific Hub", "009").await;
    let other = machine.hub("other", "Atlantic Hub", "150").await;
    let (card, back) = (one.card().await, other.card().await);
    one.ask(&["link", "add", &back]).await.ok();
    other.ask(&["link", "add", &card]).await.ok();
    let file = one.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    for title in ["One", "Two", "Three", "Four", "Five", "Six"] {
        machine.run(&["--home", "tv", "course", "add", "--title", title]).await.ok();
        machine.run(&["--home", "tv", "sync"]).await.ok();
    }
    one.reaches("records", 6).await;
    other.reaches("records", 6).await;
    other.holds_as_many_as(&one).await;
    (one, other)
}

/// Flips a bit of a file.
pub fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("a file");
    bytes[at] ^= 0x40;
    std::fs::write(path, bytes).expect("a file");
}

/// Where the frames of a segment or a register begin.
pub fn frames(bytes: &[u8]) -> Vec<usize> {
    bytes.windows(4).enumerate().filter(|(_, w)| w == b"CHR1").map(|(at, _)| at).collect()
}
