//! Damage beside the log, with the real binary: the register of own batches and files that records name are checked, named and
//! written again; what nothing tells is never signed behind; and no file of a hub, whatever it holds, makes a command panic.

use std::path::PathBuf;
use std::time::Duration;

use caphub_tests::damage::{flip, frames, linked, node};
use caphub_tests::{Machine, NodeProcess, copy};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// Bytes of a file of four chunks and a piece.
const BYTES: usize = 4 * 256 * 1024 + 100;

/// The only file of an ending that a hub keeps; waited for, as it comes after its record.
async fn kept(hub: &NodeProcess<'_>, ending: &str) -> PathBuf {
    let found = async {
        loop {
            let entries = std::fs::read_dir(hub.below("artifacts")).into_iter().flatten().flatten();
            let mut paths = entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == ending));
            if let Some(path) = paths.next() {
                return path;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found).await.expect("the file to come")
}

/// Has a member of the first hub publish a file, and waits until both hubs keep it.
async fn file(machine: &Machine, one: &NodeProcess<'_>, other: &NodeProcess<'_>) -> PathBuf {
    let content: Vec<u8> = (0..BYTES).map(|i| (i * 7 % 253) as u8).collect();
    std::fs::write(machine.path("tool.bin"), content).expect("a file");
    let words = ["--home", "tv", "artifact", "add", "tool.bin", "--title", "Tool", "--licence", "MIT"];
    machine.run(&words).await.ok();
    machine.run(&["--home", "tv", "sync"]).await.ok();
    kept(other, "data").await;
    kept(one, "data").await
}

#[tokio::test]
async fn a_damaged_register_is_named_and_written_again_from_the_log() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, _other) = linked(&machine).await;
    one.stop().await;
    let path = one.below("store/register");
    let whole = std::fs::read(&path).expect("a register");
    let at = frames(&whole);
    assert!(at.len() > 2, "{at:?}");
    for places in [vec![at[1] + 1], vec![at[0] + 300, at[1] + 9], vec![whole.len() - 3]] {
        places.iter().for_each(|place| flip(&path, *place));
        let said = node(&machine, "one", &["verify"]).await;
        assert!(said.code == 1 && said.out.contains("store/register, bytes"), "{places:?}: {said:?}");
        assert!(said.out.contains("the log has them too"), "{places:?}: {said:?}");
        assert!(said.err.contains("hint: stop the node, then: caphub-node repair"), "{said:?}");
        let said = node(&machine, "one", &["repair"]).await.ok();
        assert!(said.out.contains("of the register, from the log"), "{said:?}");
        assert!(std::fs::read(&path).expect("a register") == whole, "{places:?}: as it was");
        node(&machine, "one", &["verify"]).await.ok();
    }
    // A start does the same, and says so.
    flip(&path, at[1] + 1);
    one.up().await;
    assert!(one.log().contains("the register was damaged"), "{}", one.log());
    assert!(std::fs::read(&path).expect("a register") == whole);
    one.invitation("FJ").await;
}

#[tokio::test]
async fn what_neither_register_nor_log_tells_is_not_signed_behind() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, other) = linked(&machine).await;
    // A copy of the log from before the hub admitted somebody, beside the register that has it.
    one.stop().await;
    copy(&one.below("store"), &machine.path("before"));
    one.up().await;
    for (home, country, name) in
        [("fj", "FJ", "Fiji CERT"), ("ki", "KI", "Kiribati CERT"), ("to", "TO", "Tonga CERT")]
    {
        let file = one.invitation(country).await;
        machine.run(&["--home", home, "join", &file, "--name", name]).await.ok();
    }
    one.reaches("members", 4).await;
    other.holds_as_many_as(&one).await;
    one.stop().await;
    let path = one.below("store/register");
    let register = std::fs::read(&path).expect("a register");
    let lost = *frames(&register).iter().rev().nth(1).expect("two frames");
    std::fs::remove_dir_all(one.below("store")).expect("a store");
    copy(&machine.path("before"), &one.below("store"));
    // One of its batches since is damaged, and one from before the copy was made.
    std::fs::write(&path, &register).expect("a register");
    flip(&path, 1);
    flip(&path, lost + 1);
    let damaged = std::fs::read(&path).expect("a register");
    let said = node(&machine, "one", &["verify"]).await;
    assert!(said.code == 1 && said.out.contains("the log does not have them"), "{said:?}");
    let said = node(&machine, "one", &["run", "--listen", "127.0.0.1:0"]).await;
    assert!(said.code == 1 && said.err.contains("register is damaged at byte"), "{said:?}");
    assert!(said.err.contains("hint: first: caphub-node repair"), "{said:?}");
    assert!(std::fs::read(&path).expect("a register") == damaged, "nothing was changed");
    let said = node(&machine, "one", &["repair"]).await.ok();
    assert!(said.out.contains("signs nothing until a linked hub"), "{said:?}");
    assert!(one.below("store/unasked").exists() && one.below("store/aside").exists());
    one.up().await;
    one.reaches("members", 4).await;
    let asked = async {
        while one.below("store/unasked").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.expect("a linked hub to be asked");
    let card = one.card().await;
    machine.run(&["--home", "ws", "join", &card, "--name", "Samoa CERT", "--country", "WS"]).await.ok();
    one.ask(&["approve", "Samoa CERT"]).await.ok();
    other.holds_as_many_as(&one).await;
    other.reaches("forks", 0).await;
    one.reaches("forks", 0).await;
}

#[tokio::test]
async fn damaged_files_are_named_with_their_bytes_and_come_back_from_a_linked_hub() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, mut other) = linked(&machine).await;
    let data = file(&machine, &one, &other).await;
    let list = data.with_extension("list");
    let whole = [std::fs::read(&data).expect("a file"), std::fs::read(&list).expect("a list")];
    let said = node(&machine, "one", &["verify"]).await.ok();
    assert!(said.out.contains("files: 1 with"), "while it runs: {said:?}");
    one.stop().await;
    let damage: [(&PathBuf, usize, &str); 3] = [
        (&data, 300_000, "bytes 262144 to 524288"),
        (&data, BYTES - 1, "bytes 1048576"),
        (&list, 40, "list of chunks"),
    ];
    for (path, at, told) in damage {
        flip(path, at);
        let said = node(&machine, "one", &["verify"]).await;
        assert!(said.code == 1 && said.out.contains(told), "{told}: {said:?}");
        assert!(said.out.contains(&path.file_name().expect("a name").to_string_lossy()[..]), "{said:?}");
        assert!(said.out.contains("Atlantic Hub can replace 1 of 1 chunks of files."), "{said:?}");
        let said = node(&machine, "one", &["repair"]).await.ok();
        assert!(said.out.contains("repaired  file"), "{said:?}");
        let now = [std::fs::read(&data).expect("a file"), std::fs::read(&list).expect("a list")];
        assert!(now == whole, "{told}: byte for byte as it was");
        node(&machine, "one", &["verify"]).await.ok();
    }
    // Cut short; and nobody to ask.
    std::fs::write(&data, &whole[0][..BYTES / 2]).expect("a file");
    other.stop().await;
    let said = node(&machine, "one", &["repair"]).await;
    assert!(said.code == 1 && said.out.contains("damaged   file"), "{said:?}");
    assert!(said.out.contains("Atlantic Hub could not be asked") && said.err.contains("hint: "), "{said:?}");
    // A node that starts gets it by itself, once it can; a damaged list as well.
    other.up().await;
    flip(&list, 40);
    one.up().await;
    let back = async {
        while std::fs::read(&data).ok().as_ref() != whole.first() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), back).await.expect("the file to come back");
    assert!(std::fs::read(&list).expect("a list") == whole[1]);
}

/// All files of a folder, below it too.
fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => out.extend(files(&path)),
            false if path.is_file() => out.push(path),
            false => {}
        }
    }
    out.sort();
    out
}

#[tokio::test]
async fn no_file_of_a_hub_whatever_it_holds_makes_a_command_panic_or_lie() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, other) = linked(&machine).await;
    file(&machine, &one, &other).await;
    one.stop().await;
    copy(&one.below(""), &machine.path("whole"));
    let all = files(&one.below(""));
    let mut told = Vec::new();
    for path in &all {
        let bytes = std::fs::read(path).expect("a file");
        let mut flipped = bytes.clone();
        let middle = bytes.len() / 2;
        flipped.get_mut(middle).into_iter().for_each(|b| *b ^= 0x21);
        let name = path.strip_prefix(one.below("")).expect("a part").display().to_string();
        for (how, damaged) in [("flipped", &flipped[..]), ("cut", &bytes[..middle]), ("empty", &[][..])] {
            std::fs::write(path, damaged).expect("a file");
            let said = node(&machine, "one", &["verify", "--offline"]).await;
            assert!(
                [0, 1, 3].contains(&said.code) && !said.err.contains("panicked"),
                "{name} {how}: {said:?}"
            );
            if said.code != 0 {
                assert!(said.err.contains("error: "), "{name} {how}: {said:?}");
                told.push(format!("{name} {how}"));
            }
            if how == "flipped" {
                let said = node(&machine, "one", &["check"]).await;
                assert!([0, 1, 3].contains(&said.code), "{name}: {said:?}");
                assert!(!said.err.contains("panicked"), "{name}: {said:?}");
            }
            // Each look begins with what was written: a check may have mended, and may have kept aside.
            std::fs::remove_dir_all(one.below("")).expect("a folder");
            copy(&machine.path("whole"), &one.below(""));
        }
    }
    for due in
        ["store/segments/00000001.seg flipped", "store/register flipped", ".data flipped", ".list flipped"]
    {
        assert!(told.iter().any(|t| t.ends_with(due) || t.contains(due)), "{due}: {told:?}");
    }
    node(&machine, "one", &["verify"]).await.ok();
}
