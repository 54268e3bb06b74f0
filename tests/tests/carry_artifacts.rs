//! Files of artifacts carried by hand between real programs: split, cut, damaged and hostile, with no hub in between.

use std::path::{Path, PathBuf};
use std::time::Duration;

use caphub_proto::wire::carry::{Frame, Manifest, Piece, Purpose, Reader, Writer};
use caphub_proto::wire::chunks::{self, chunk_hash};
use caphub_proto::wire::{LogId, Signer};
use caphub_tests::Machine;
use caphub_tests::stick::{at, carry_files, count, out, taken, two_members};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// Bytes of a chunk of a small file.
const CHUNK: usize = 256 * 1024;
/// Bytes of the file: twenty chunks and a piece.
const BYTES: usize = 20 * CHUNK + 100;

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 7 % 253) as u8).collect()
}

/// Publishes a file as software of a member; the record's id.
async fn artifact(machine: &Machine, home: &str, name: &str, bytes: &[u8], visible: &str) -> String {
    std::fs::write(machine.path(name), bytes).expect("a file");
    let words = ["artifact", "add", name, "--title", name, "--licence", "Apache-2.0", "--visible", visible];
    let added = at(machine, home, &words).await.ok().json();
    added["id"].as_str().expect("an id").to_owned()
}

/// Writes a published file out of a folder; nobody is asked who cannot be reached.
async fn got(machine: &Machine, home: &str, id: &str) -> Option<Vec<u8>> {
    let name = format!("{home}.out");
    let said = at(machine, home, &["artifact", "get", id, "--out", &name, "--replace"]).await;
    (said.code == 0).then(|| std::fs::read(machine.path(&name)).expect("the file"))
}

/// Names in a folder of files, without their endings.
fn kept(machine: &Machine, home: &str, ending: &str) -> usize {
    let entries = std::fs::read_dir(machine.path(home).join("artifacts")).into_iter().flatten().flatten();
    entries.filter(|e| e.path().extension().is_some_and(|x| x == ending)).count()
}

fn refused<'a>(report: &'a Value, reason: &str) -> Option<&'a Value> {
    report["refused"].as_array().into_iter().flatten().find(|r| r["reason"] == reason)
}

#[tokio::test]
async fn software_goes_from_laptop_to_laptop_and_to_a_hub_with_no_network_between() {
    let machine = Machine::new(PROGRAM, "en");
    let card = two_members(&machine).await;
    let whole = content(BYTES);
    let id = artifact(&machine, "tv", "tool.bin", &whole, "public").await;
    let hidden = artifact(&machine, "tv", "inside.bin", b"for the hub alone", "hub").await;
    let empty = artifact(&machine, "tv", "empty.bin", b"", "public").await;
    let bare = out(&machine, "tv", &["bare"]).await;
    assert_eq!(
        (count(&bare, "artifacts"), count(&bare, "artifact_bytes")),
        (0, 0),
        "only when asked: {bare}"
    );
    let dry = out(&machine, "tv", &["stick", "--artifacts", "--dry-run"]).await;
    assert_eq!((count(&dry, "artifacts"), count(&dry, "artifact_bytes")), (2, BYTES as u64), "{dry}");
    let written = out(&machine, "tv", &["stick", "--artifacts", "--size", "3M"]).await;
    assert_eq!((count(&written, "artifacts"), count(&written, "artifact_bytes")), (2, BYTES as u64));
    assert!(written["files"].as_array().is_some_and(|f| f.len() > 1), "it is split: {written}");

    assert_eq!(got(&machine, "ki", &id).await, None, "nothing is here yet");
    let there = taken(&machine, "ki", "stick").await;
    assert_eq!((count(&there, "artifacts"), count(&there, "artifact_bytes")), (2, BYTES as u64), "{there}");
    assert_eq!((count(&there, "partial_artifacts"), &there["refused"]), (0, &json!([])), "{there}");
    assert_eq!(got(&machine, "ki", &id).await.as_ref(), Some(&whole));
    assert_eq!(got(&machine, "ki", &empty).await, Some(Vec::new()));
    assert_eq!(
        got(&machine, "ki", &hidden).await,
        None,
        "a file for nobody in particular holds no such record"
    );
    let again = taken(&machine, "ki", "stick").await;
    assert_eq!((count(&again, "artifacts"), count(&again, "artifact_bytes")), (0, 0), "{again}");

    // Kiribati left word of what it holds: only what it lacks is written, now also what a fellow member may read.
    let second = out(&machine, "tv", &["stick", "--artifacts"]).await;
    assert_eq!((count(&second, "artifacts"), count(&second, "artifact_bytes")), (1, 17), "{second}");
    assert!(second["arrived"].as_array().is_some_and(|a| a.len() > 1), "{second}");
    taken(&machine, "ki", "stick").await;
    assert_eq!(got(&machine, "ki", &hidden).await.as_deref(), Some(&b"for the hub alone"[..]));
    let third = out(&machine, "tv", &["stick", "--artifacts"]).await;
    assert_eq!((count(&third, "artifacts"), &third["files"]), (0, &json!([])), "{third}");

    // It passes them on: to the hub's folder, and to its node while that runs.
    out(&machine, "ki", &["on", "--artifacts", "--for", &card]).await;
    let folder = machine.run(&["--json", "--hub-dir", "hub", "carry", "in", "on"]).await.ok().json();
    assert_eq!(count(&folder, "artifacts"), 3, "{folder}");
    assert_eq!(kept(&machine, "hub", "data"), 3, "{folder}");
    let mut hub = machine.node("hub", "127.0.0.1:0", &[]);
    hub.up().await;
    let later = artifact(&machine, "ki", "later.bin", &content(CHUNK + 1), "public").await;
    out(&machine, "ki", &["on", "--artifacts", "--for", &card]).await;
    let by_node = machine.run(&["--json", "--hub-dir", "hub", "carry", "in", "on"]).await.ok().json();
    assert_eq!(count(&by_node, "artifacts"), 1, "{by_node}");
    let from_hub = machine.run(&["--json", "--hub-dir", "hub", "carry", "out", "back", "--artifacts"]).await;
    assert_eq!(count(&from_hub.ok().json(), "artifacts"), 3);
    taken(&machine, "tv", "back").await;
    assert_eq!(got(&machine, "tv", &later).await, Some(content(CHUNK + 1)));
}

#[tokio::test]
async fn what_is_missing_cut_damaged_or_killed_half_way_comes_from_the_rest_and_nothing_twice() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    let whole = content(BYTES);
    let id = artifact(&machine, "tv", "tool.bin", &whole, "public").await;
    out(&machine, "tv", &["stick", "--artifacts", "--size", "3M"]).await;
    let files = carry_files(&machine.path("stick"));
    assert!(files.len() > 1, "{files:?}");
    let last = files.last().expect("a file").clone();
    let aside = machine.path("aside.bytes");
    std::fs::rename(&last, &aside).expect("a move");
    let said = at(&machine, "ki", &["carry", "in", "stick"]).await;
    let first = said.json();
    assert_eq!(
        (said.code, count(&first, "artifacts"), count(&first, "partial_artifacts")),
        (1, 0, 1),
        "{first}"
    );
    let so_far = count(&first, "artifact_bytes");
    assert!(so_far > 0 && so_far < BYTES as u64, "{first}");
    // Cut in a chunk, and one bit of another flipped: what is whole is kept.
    let mut bytes = std::fs::read(&aside).expect("the file");
    let end = bytes.len();
    std::fs::write(&last, &bytes[..end - CHUNK - 300]).expect("a file");
    let cut = at(&machine, "ki", &["carry", "in", "stick"]).await.json();
    assert_eq!(count(&cut, "partial_artifacts"), 1, "{cut}");
    bytes[end - CHUNK / 2] ^= 1;
    std::fs::write(&last, &bytes).expect("a file");
    let damaged = at(&machine, "ki", &["carry", "in", "stick"]).await;
    assert_eq!(damaged.code, 1, "{damaged:?}");
    assert_eq!(got(&machine, "ki", &id).await, None);
    std::fs::remove_file(&last).expect("a file");
    std::fs::rename(&aside, &last).expect("a move");
    let rest = taken(&machine, "ki", "stick").await;
    assert_eq!((count(&rest, "artifacts"), count(&rest, "partial_artifacts")), (1, 0), "{rest}");
    let came = [&first, &cut, &damaged.json(), &rest].map(|r| count(r, "artifact_bytes"));
    assert_eq!(came.iter().sum::<u64>(), BYTES as u64, "nothing came twice: {came:?}");
    assert_eq!(got(&machine, "ki", &id).await, Some(whole));

    // Killed at some moment of reading: the next time it goes on.
    let large = content(60 * 1024 * 1024);
    let id = artifact(&machine, "tv", "large.bin", &large, "public").await;
    out(&machine, "tv", &["stick", "--artifacts"]).await;
    let mut halted = machine.start(&["--home", "ki", "carry", "in", "stick"]);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while kept(&machine, "ki", "part") == 0 && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    halted.kill().await.expect("a process to kill");
    let rest = taken(&machine, "ki", "stick").await;
    assert_eq!(count(&rest, "artifacts") + u64::from(kept(&machine, "ki", "data") == 2), 2, "{rest}");
    assert_eq!(got(&machine, "ki", &id).await, Some(large));
}

/// A carry file of somebody unknown, with these frames after the records of a true one.
fn forged(records: &[PathBuf], frames: impl Fn(&mut Writer, &mut Vec<u8>)) -> Vec<u8> {
    let signer = Signer::from_seed(&[66; 32]);
    let manifest = Manifest {
        set: [1; 16],
        part: 1,
        purpose: Purpose::Entries,
        author: caphub_proto::wire::PartyId([3; 32]),
        key: signer.public(),
        log: LogId([2; 16]),
        time_ms: 1_798_761_600_000,
        entries: 0,
        readers: Vec::new(),
        name: "Nobody".to_owned(),
    };
    let mut file = Vec::new();
    let mut writer = Writer::start(&manifest, signer, &mut file);
    for path in records {
        let mut reader = Reader::new();
        reader.feed(&std::fs::read(path).expect("a file"));
        while let Some(piece) = reader.next() {
            if let Piece::Frame { frame: Frame::Run { feed, entries }, .. } = piece {
                writer.run(&feed, &entries, 1, &mut file);
            }
        }
    }
    frames(&mut writer, &mut file);
    writer.finish(true, &mut file);
    file
}

fn list_of(bytes: &[u8]) -> chunks::Manifest {
    chunks::Manifest::new(bytes.len() as u64, bytes.chunks(CHUNK).map(chunk_hash).collect()).expect("a list")
}

fn put(folder: &Path, file: &[u8]) {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir(folder).expect("a folder");
    std::fs::write(folder.join("x.carry"), file).expect("a file");
}

#[tokio::test]
async fn what_no_record_names_or_is_not_the_file_is_refused_and_leaves_nothing_behind() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    let whole = content(3 * CHUNK + 5);
    let id = artifact(&machine, "tv", "tool.bin", &whole, "public").await;
    out(&machine, "tv", &["records"]).await;
    let records = carry_files(&machine.path("records"));
    let (list, other) = (list_of(&whole), content(2 * CHUNK + 9));
    let (file, unnamed) = (list.hash(), list_of(&other));
    let folder = machine.path("x");
    type Frames<'a> = Box<dyn Fn(&mut Writer, &mut Vec<u8>) + 'a>;
    let cases: [(&str, u64, Frames<'_>); 6] = [
        ("not_found", 1, Box::new(|w, out| w.list(&unnamed, out))),
        ("carry_format", 1, Box::new(|w, out| w.chunk(&file, 0, &whole[..CHUNK], out))),
        (
            "carry_format",
            2,
            Box::new(|w, out| {
                w.list(&unnamed, out);
                w.chunk(&file, 0, &whole[..CHUNK], out);
                w.chunk(&file, 1, &whole[CHUNK..2 * CHUNK], out);
            }),
        ),
        (
            "chunk_mismatch",
            3,
            Box::new(|w, out| {
                w.list(&list, out);
                w.chunk(&file, 0, &other[1..CHUNK + 1], out);
                w.chunk(&file, 3, &whole[..CHUNK], out);
                w.chunk(&file, u32::MAX, &whole[..CHUNK], out);
            }),
        ),
        (
            "carry_format",
            1,
            Box::new(|w, out| {
                w.list(&list, out);
                w.list(&list, out);
            }),
        ),
        ("bad_signature", 0, Box::new(|w, out| w.other(200, b"of a later version", out))),
    ];
    for (reason, times, frames) in &cases {
        put(&folder, &forged(&records, frames));
        let there = at(&machine, "ki", &["carry", "in", "x"]).await.json();
        let found = refused(&there, reason).map_or(0, |r| count(r, "runs"));
        assert_eq!(found, *times, "{reason}: {there}");
        assert_eq!((count(&there, "artifacts"), kept(&machine, "ki", "data")), (0, 0), "{reason}: {there}");
    }
    assert_eq!(got(&machine, "ki", &id).await, None);
    // The true chunks from whoever has them are the file.
    put(
        &folder,
        &forged(&[], |w, out| {
            w.list(&list, out);
            for (index, chunk) in (0..).zip(whole.chunks(CHUNK)) {
                w.chunk(&file, index, chunk, out);
            }
        }),
    );
    let there = taken(&machine, "ki", "x").await;
    assert_eq!(count(&there, "artifacts"), 1, "{there}");
    assert_eq!(got(&machine, "ki", &id).await.as_ref(), Some(&whole));
}
