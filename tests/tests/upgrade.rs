//! Data that an earlier version wrote, under today's program: it opens, is what it was, and goes on. Data of a version to come is
//! refused by name and left as it is.

use std::path::Path;

use caphub_tests::{Machine, copy};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

#[tokio::test]
async fn a_member_of_version_1_is_what_it_was_and_goes_on_publishing() {
    let machine = Machine::new(PROGRAM, "en").with("CAPHUB_PASSPHRASE", "fixture");
    let hub = machine.hub("hub", "Hub", "009").await;
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/tests/stored-1");
    copy(&kept, &machine.path("old"));
    let party = std::fs::read_to_string(kept.join("party")).expect("an id");
    let me =
        serde_json::json!({ "party": party.trim(), "name": "Old CERT", "country": "TV", "kind": "state" });
    std::fs::write(machine.path("old/me.json"), me.to_string()).expect("a file");
    let old = |words: &[&'static str]| [&["--home", "old", "--json"], words].concat();
    machine.run(&old(&["verify"])).await.ok();
    let list = machine.run(&old(&["course", "list"])).await.ok().json();
    assert_eq!(list.as_array().map(Vec::len), Some(4), "{list}");
    let segment = |number: u32| {
        let bytes = std::fs::read(machine.path(&format!("old/store/segments/{number:08}.seg"))).ok();
        bytes.map(|bytes| (bytes[7], bytes))
    };
    let (first, second) = (segment(1), segment(2));
    assert!(first.as_ref().is_some_and(|(version, _)| *version == 1) && second.is_none());
    machine.run(&old(&["course", "add", "--title", "Five"])).await.ok();
    // What is new lies in a segment that an older program refuses; the old one is what it was.
    assert!(segment(1) == first && segment(2).is_some_and(|(version, _)| version == 2));
    machine.run(&old(&["verify"])).await.ok();
    let list = machine.run(&old(&["course", "list"])).await.ok().json();
    assert_eq!(list.as_array().map(Vec::len), Some(5), "{list}");
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "old", "join", &file]).await.ok();
    machine.run(&old(&["sync"])).await.ok();
    hub.reaches("records", 5).await;
    hub.reaches("forks", 0).await;
}

#[tokio::test]
async fn a_store_of_a_version_to_come_is_refused_by_name_and_left_as_it_is() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    hub.stop().await;
    let path = hub.below("store/segments/00000001.seg");
    let mut bytes = std::fs::read(&path).expect("a segment");
    // Bytes 4 to 7 are the version.
    bytes[7] += 1;
    std::fs::write(&path, &bytes).expect("a segment");
    for words in [&["run", "--listen", "127.0.0.1:0"][..], &["verify"], &["repair"], &["rebuild"], &["check"]]
    {
        let said = machine.run(&[&["node", "--dir", "hub"], words].concat()).await;
        let all = format!("{}{}", said.out, said.err);
        assert!(said.code == 1 && all.contains("has format version 3"), "{words:?}: {said:?}");
        assert!(all.contains("nothing was changed"), "{words:?}: {said:?}");
        assert_eq!(std::fs::read(&path).expect("a segment"), bytes, "{words:?}");
    }
}
