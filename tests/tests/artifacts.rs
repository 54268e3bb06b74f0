//! Files between real processes: from two hubs at once, cut and resumed, a wrong chunk refused and its hub named.

#[path = "artifacts/liar.rs"]
mod liar;

use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use caphub_node::artifacts::Blobs;
use caphub_node::author::now_ms;
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::artifact_service_client::ArtifactServiceClient;
use caphub_proto::v1::{ChunkRange, FetchRequest, HoldingsRequest, ManifestRequest};
use caphub_proto::wire::PartyId;
use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::liar::Liar;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// Bytes of the file: twelve chunks and a piece.
const BYTES: usize = 12 * 256 * 1024 + 100;
const BOM: &str = r#"{"bomFormat":"CycloneDX","components":[{"name":"parser","version":"2","licenses":[{"license":{"id":"MIT"}}]}]}"#;
const ADVISORY: &str = r#"{"document":{"title":"Crash on hostile input","aggregate_severity":{"text":"High"},
    "tracking":{"id":"EX-2026-7","current_release_date":"2026-11-20T00:00:00Z"}}}"#;

async fn run(machine: &Machine, home: &str, words: &[&str]) -> Said {
    machine.run(&[&["--json", "--home", home], words].concat()).await
}

async fn member(machine: &Machine, hub: &NodeProcess<'_>, home: &str, country: &str, name: &str) {
    let file = hub.invitation(country).await;
    machine.run(&["--home", home, "join", &file, "--name", name]).await.ok();
}

async fn link<'a>(machine: &'a Machine) -> [NodeProcess<'a>; 2] {
    let hubs =
        [machine.hub("north", "North Hub", "009").await, machine.hub("south", "South Hub", "061").await];
    let cards = [hubs[0].card().await, hubs[1].card().await];
    hubs[0].ask(&["link", "add", &cards[1]]).await.ok();
    hubs[1].ask(&["link", "add", &cards[0]]).await.ok();
    hubs
}

fn write(machine: &Machine, name: &str, bytes: &[u8]) -> PathBuf {
    let path = machine.path(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn content() -> Vec<u8> {
    (0..BYTES).map(|i| (i * 7 % 253) as u8).collect()
}

/// Waits until a hub's folder has as many whole files.
async fn has_files(hub: &NodeProcess<'_>, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let entries = std::fs::read_dir(hub.below("artifacts")).into_iter().flatten().flatten();
        let whole = entries.filter(|e| e.path().extension().is_some_and(|x| x == "data")).count();
        if whole == count {
            return;
        }
        assert!(Instant::now() < deadline, "{whole} files where {count} are due: {}", hub.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn sum(value: &Value) -> u64 {
    value.as_object().map_or(0, |o| o.values().filter_map(Value::as_u64).sum())
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(pair).collect()
}

/// A member's identity, as its machine has it.
async fn caller(machine: &Machine, home: &str) -> LinkIdentity {
    let status = run(machine, home, &["status"]).await.ok().json();
    let party = status["party"].as_str().expect("an id").parse().expect("an id");
    let keys = KeyRing::new(machine.path(home).join("keys"));
    LinkIdentity { party, signer: keys.read(KeyName::Operator, None).expect("a key") }
}

/// The node's own identity, as its operator has it.
fn identity(hub: &NodeProcess<'_>) -> LinkIdentity {
    let stated: Value =
        serde_json::from_slice(&std::fs::read(hub.below("hub.json")).expect("a file")).expect("JSON");
    let party: PartyId = stated["party"].as_str().expect("an id").parse().expect("an id");
    let signer = KeyRing::new(hub.below("keys")).read(KeyName::Operator, None).expect("a key");
    LinkIdentity { party, signer }
}

#[tokio::test]
async fn a_file_comes_from_two_hubs_at_once_and_what_does_not_fit_is_refused_by_name() {
    let machine = Machine::new(PROGRAM, "en");
    let [mut north, south] = link(&machine).await;
    member(&machine, &north, "tv", "TV", "Tuvalu CERT").await;
    for (home, country, name) in
        [("fj", "FJ", "Fiji CERT"), ("ki", "KI", "Kiribati CERT"), ("ws", "WS", "Samoa CERT")]
    {
        member(&machine, &south, home, country, name).await;
    }
    write(&machine, "tool.bin", &content());
    write(&machine, "bom.json", BOM.as_bytes());
    let digest = run(&machine, "tv", &["artifact", "verify", "tool.bin"]).await;
    assert_eq!(digest.code, 3, "nobody has published it yet: {digest:?}");
    let digest = digest.json()["digest"].as_str().expect("a digest").to_owned();
    let statement = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"tool","digest":{{"sha256":"{digest}"}}}}],
        "predicateType":"https://slsa.dev/provenance/v1","predicate":{{"runDetails":{{"builder":{{"id":"https://example.org/b"}}}}}}}}"#
    );
    write(&machine, "made.json", statement.as_bytes());
    let words = ["artifact", "add", "tool.bin", "--title", "Log collector", "--licence", "Apache-2.0"];
    let more = ["--sbom", "bom.json", "--provenance", "made.json", "--theme", "standards"];
    let added = run(&machine, "tv", &[&words[..], &more].concat()).await.ok().json();
    let id = added["id"].as_str().expect("an id").to_owned();
    assert_eq!(added["record"]["file"]["digest"], digest.as_str());
    run(&machine, "tv", &["sync"]).await.ok();
    has_files(&north, 3).await;
    has_files(&south, 3).await;
    for home in ["fj", "ki", "ws"] {
        run(&machine, home, &["sync"]).await.ok();
    }

    // From both at once.
    let got = run(&machine, "fj", &["artifact", "get", &id, "--out", "fj.bin"]).await.ok().json();
    assert_eq!(std::fs::read(machine.path("fj.bin")).expect("the file"), content());
    assert_eq!((sum(&got["from"]), got["received_bytes"].as_u64()), (13, Some(BYTES as u64)), "{got}");
    assert!(
        got["from"]["North Hub"].as_u64() > Some(0) && got["from"]["South Hub"].as_u64() > Some(0),
        "{got}"
    );
    let shown = run(&machine, "fj", &["artifact", "show", &id]).await.ok().json();
    assert_eq!(shown["components"][0]["name"], "parser", "{shown}");
    assert_eq!(
        (&shown["provenance"][0]["state"], &shown["provenance"][0]["signed_by_publisher"]),
        (&"here".into(), &true.into())
    );
    let verified = run(&machine, "fj", &["artifact", "verify", "fj.bin"]).await.ok().json();
    assert_eq!(verified["records"][0]["id"], id.as_str());

    // North's operator answers with another program: it is cut off after four chunks.
    north.stop().await;
    let liar = |flips, left| Liar { blobs: Blobs::of(&north.below("")), flips, left: AtomicU32::new(left) };
    let stop = CancellationToken::new();
    let serving = liar(false, 4).serve(identity(&north), &north.address, stop.clone()).await;
    let only = ["artifact", "get", &id, "--out", "ki.bin", "--hub", "North Hub"];
    let cut = run(&machine, "ki", &only).await;
    assert!(cut.code == 1 && cut.err.contains("9 of 13 chunks are missing"), "{cut:?}");
    assert!(!machine.path("ki.bin").exists(), "nothing half is where the file should be");
    stop.cancel();
    serving.await.expect("the end");
    let resumed = run(&machine, "ki", &["artifact", "get", &id, "--out", "ki.bin"]).await.ok().json();
    assert_eq!(resumed["from"]["South Hub"], 9, "only what was missing: {resumed}");
    assert_eq!(std::fs::read(machine.path("ki.bin")).expect("the file"), content());

    // And one that sends other bytes: refused, named, and the rest comes from the other hub.
    let stop = CancellationToken::new();
    let serving = liar(true, u32::MAX).serve(identity(&north), &north.address, stop.clone()).await;
    let wrong = run(&machine, "ws", &["artifact", "get", &id, "--out", "ws.bin", "--hub", "North Hub"]).await;
    assert_eq!(
        (wrong.code, wrong.json()["error"]["reason"].as_str()),
        (1, Some("chunk_mismatch")),
        "{wrong:?}"
    );
    assert!(wrong.err.contains("REFUSED: North Hub sent what is not chunk"), "{wrong:?}");
    let both = run(&machine, "ws", &["artifact", "get", &id, "--out", "ws.bin"]).await.ok().json();
    assert_eq!((&both["refused"][0]["hub"], sum(&both["from"])), (&"North Hub".into(), 13), "{both}");
    assert_eq!(both["from"]["South Hub"], 13, "{both}");
    assert_eq!(std::fs::read(machine.path("ws.bin")).expect("the file"), content());
    stop.cancel();
    serving.await.expect("the end");
}

#[tokio::test]
async fn what_others_say_shows_before_a_download_and_reaches_those_who_use_it() {
    let machine = Machine::new(PROGRAM, "en");
    let [mut north, south] = link(&machine).await;
    member(&machine, &north, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &south, "fj", "FJ", "Fiji CERT").await;
    write(&machine, "tool.bin", b"a small tool");
    write(&machine, "advisory.json", ADVISORY.as_bytes());
    let added = run(&machine, "tv", &["artifact", "add", "tool.bin", "--title", "Tool"]).await.ok().json();
    let id = added["id"].as_str().expect("an id").to_owned();
    let digest = added["record"]["file"]["digest"].as_str().expect("a digest").to_owned();
    run(&machine, "tv", &["artifact", "reproduce", &id, "--digest", &digest]).await.ok();
    run(&machine, "tv", &["sync"]).await.ok();
    has_files(&south, 1).await;
    run(&machine, "fj", &["sync"]).await.ok();
    run(&machine, "fj", &["artifact", "use", &id, "--note", "since June"]).await.ok();
    run(&machine, "fj", &["artifact", "reproduce", &id, "--digest", &digest]).await.ok();
    run(&machine, "fj", &["sync"]).await.ok();
    north.holds_as_many_as(&south).await;
    run(&machine, "tv", &["sync"]).await.ok();
    let shown = run(&machine, "tv", &["artifact", "show", &id]).await.ok().json();
    let said = &shown["statements"];
    assert_eq!(said["reproduced_by"].as_array().map(Vec::len), Some(1), "{said}");
    assert_eq!(
        (&said["reproduced_by"][0]["name"], &said["own_not_counted"]),
        (&"Fiji CERT".into(), &1.into())
    );

    run(&machine, "tv", &["artifact", "advise", &id, "--file", "advisory.json"]).await.ok();
    run(&machine, "tv", &["sync"]).await.ok();
    has_files(&south, 2).await;
    run(&machine, "fj", &["sync"]).await.ok();
    let status = run(&machine, "fj", &["status"]).await.ok().json();
    assert_eq!(status["advisories"][0]["advisory"]["identifier"], "EX-2026-7", "{status}");
    let words = machine.run(&["--home", "fj", "artifact", "get", &id, "--out", "got.bin"]).await.ok();
    let before = words.out.find("ADVISORY EX-2026-7 (High").expect("the advisory");
    assert!(words.out.contains("Reproduced by 1: Fiji CERT"), "{words:?}");
    assert!(before < words.out.len() && words.err.contains("as signed: got.bin"), "{words:?}");
    assert!(machine.run(&["--home", "fj", "status"]).await.ok().out.contains("You use"));

    // Withdrawn: hubs forget the file, and nobody is given it any more.
    run(&machine, "tv", &["artifact", "withdraw", &id]).await.ok();
    run(&machine, "tv", &["sync"]).await.ok();
    has_files(&south, 1).await;
    run(&machine, "fj", &["sync"]).await.ok();
    let gone = run(&machine, "fj", &["artifact", "get", &id, "--out", "again.bin"]).await;
    assert!(gone.code == 2 && gone.err.contains("has been withdrawn"), "{gone:?}");
    north.kill().await;
    north.up().await;
    has_files(&north, 1).await;
}

#[tokio::test]
async fn a_hub_takes_files_within_its_room_and_only_for_records_of_who_brings_them() {
    let machine = Machine::new(PROGRAM, "en");
    std::fs::create_dir_all(machine.path("north")).expect("a folder");
    machine.run(&["node", "--dir", "north", "init", "North Hub", "--region", "009"]).await.ok();
    let room = "[artifacts]\nparty_bytes = 1000000\n";
    std::fs::write(machine.path("north").join("caphub-node.toml"), room).expect("a file");
    let mut north = machine.node("north", "127.0.0.1:0", &[]);
    north.up().await;
    member(&machine, &north, "tv", "TV", "Tuvalu CERT").await;
    write(&machine, "large.bin", &content());
    write(&machine, "small.bin", b"small");
    run(&machine, "tv", &["artifact", "add", "large.bin", "--title", "Large"]).await.ok();
    let synced = machine.run(&["--home", "tv", "sync"]).await.ok();
    assert!(synced.err.contains("did not take the file large.bin: this node has no room"), "{synced:?}");
    run(&machine, "tv", &["artifact", "add", "small.bin", "--title", "Small"]).await.ok();
    let synced = machine.run(&["--home", "tv", "sync"]).await.ok();
    assert!(synced.err.contains("North Hub has 1 files more"), "{synced:?}");
    has_files(&north, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_the_record_learns_nothing_of_the_file_and_nobody_brings_a_file_of_others() {
    let machine = Machine::new(PROGRAM, "en");
    let [north, south] = link(&machine).await;
    member(&machine, &north, "tv", "TV", "Tuvalu CERT").await;
    member(&machine, &north, "ki", "KI", "Kiribati CERT").await;
    member(&machine, &south, "fj", "FJ", "Fiji CERT").await;
    let mut files = Vec::new();
    for (name, visible) in [("ours.bin", "hub"), ("all.bin", "public")] {
        write(&machine, name, name.as_bytes());
        let words = ["artifact", "add", name, "--title", name, "--visible", visible];
        let added = run(&machine, "tv", &words).await.ok().json();
        let manifest = added["record"]["file"]["manifest"].as_str().expect("a hash");
        files.push(unhex(manifest));
    }
    run(&machine, "tv", &["sync"]).await.ok();
    has_files(&north, 2).await;
    has_files(&south, 1).await;
    let hub = identity(&north).party;
    for (home, stated) in [
        ("tv", [("whole", ""), ("whole", "")]),
        ("ki", [("whole", "not_entitled"), ("whole", "not_entitled")]),
        ("fj", [("unknown", "not_found"), ("whole", "not_entitled")]),
    ] {
        let caller = caller(&machine, home).await;
        let channel =
            dial(&caller, hub, None, std::slice::from_ref(&north.address), now_ms()).await.expect("a link");
        let mut client = ArtifactServiceClient::new(channel);
        let answer = client.holdings(HoldingsRequest { manifests: files.clone() }).await.expect("an answer");
        let found = answer.into_inner().holdings;
        let found: Vec<_> = found.iter().map(|h| (h.state.as_str(), h.reason.as_str())).collect();
        assert_eq!(found, stated, "{home}");
        let hidden = stated[0].0 == "unknown";
        let list = client.manifest(ManifestRequest { manifest: files[0].clone() }).await;
        assert_eq!(list.is_err(), hidden, "{home}");
        let ranges = vec![ChunkRange { from: 0, count: 1 }];
        let chunk = client.fetch(FetchRequest { manifest: files[0].clone(), ranges }).await;
        match (chunk, hidden) {
            (Err(status), true) => assert_eq!(status.code(), tonic::Code::NotFound),
            (Ok(stream), false) => {
                let first = stream.into_inner().message().await.expect("a chunk").expect("one");
                assert_eq!(first.chunk, b"ours.bin");
            }
            (other, _) => panic!("{home}: {other:?}"),
        }
        let unknown = client.manifest(ManifestRequest { manifest: vec![7; 32] }).await;
        assert_eq!(unknown.map_err(|s| s.code()).err(), Some(tonic::Code::NotFound));
        let odd = client.manifest(ManifestRequest { manifest: vec![7; 31] }).await;
        assert_eq!(odd.map_err(|s| s.code()).err(), Some(tonic::Code::InvalidArgument));
    }
}
