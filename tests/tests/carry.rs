//! Records carried by hand between real programs: on a stick, with no network in between.

use std::path::{Path, PathBuf};

use caphub_proto::wire::carry::{Frame, Holds, Manifest, Piece, Purpose, Reader, Writer};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{LogId, Signer, UncheckedEntry};
use caphub_tests::{Machine, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

async fn at(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--json", "--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

async fn out(machine: &Machine, home: &str, words: &[&str]) -> Value {
    at(machine, home, &[&["carry", "out"], words].concat()).await.ok().json()
}

async fn taken(machine: &Machine, home: &str, folder: &str) -> Value {
    at(machine, home, &["carry", "in", folder]).await.ok().json()
}

async fn add(machine: &Machine, home: &str, title: &str, visible: &str) {
    at(machine, home, &["course", "add", "--title", title, "--visible", visible]).await.ok();
}

async fn titles(machine: &Machine, home: &str) -> Vec<String> {
    let list = at(machine, home, &["course", "list"]).await.ok().json();
    let title = |r: &Value| r["record"]["title"]["text"].as_str().unwrap_or_default().to_owned();
    let mut titles: Vec<String> = list.as_array().expect("a list").iter().map(title).collect();
    titles.sort();
    titles
}

fn count(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("no {field}: {report}"))
}

/// Files with entries, in the order of their names.
fn carry_files(folder: &Path) -> Vec<PathBuf> {
    let entries = |p: &PathBuf| {
        let name = p.to_string_lossy();
        name.ends_with(".carry") && !name.ends_with("holds.carry")
    };
    let paths = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths.filter(entries).collect();
    files.sort();
    files
}

/// Two members of one hub, whose node is gone when this returns.
async fn two_members(machine: &Machine) -> String {
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    at(machine, "tv", &["sync"]).await.ok();
    let card = hub.card().await;
    hub.kill().await;
    card
}

/// So many courses with so long a description each.
async fn import(machine: &Machine, home: &str, count: usize, bytes: usize) {
    let mut table = "title,description\n".to_owned();
    for row in 0..count {
        table.push_str(&format!("Course {row},{row} {}\n", "long ".repeat(bytes / 5)));
    }
    std::fs::write(machine.path("courses.csv"), table).expect("a file");
    at(machine, home, &["import", "courses.csv", "--as", "course"]).await.ok();
}

#[tokio::test]
async fn from_laptop_to_laptop_to_the_hub_and_nothing_twice() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    at(&machine, "tv", &["sync"]).await.ok();
    let card = hub.card().await;
    hub.kill().await;
    add(&machine, "tv", "For all", "public").await;
    add(&machine, "tv", "For the network", "network").await;
    add(&machine, "tv", "For the hub", "hub").await;
    let first = out(&machine, "tv", &["stick"]).await;
    assert_eq!(first["readers"].as_array().map(Vec::len), Some(0), "{first}");
    assert_eq!(count(&first, "withheld_feeds"), 2, "{first}");
    let there = taken(&machine, "ki", "stick").await;
    assert_eq!(titles(&machine, "ki").await, ["For all"]);
    assert!(count(&there, "stored") >= 1 && there["refused"] == serde_json::json!([]), "{there}");

    // Kiribati stated what it holds: the next trip is exact, and may hold what a fellow member may read.
    let second = out(&machine, "tv", &["stick"]).await;
    assert_eq!((count(&second, "entries"), count(&second, "withheld_feeds")), (2, 0), "{second}");
    assert_eq!(second["readers"][0]["confirmed"], true, "{second}");
    assert_eq!(second["arrived"].as_array().map(Vec::len), Some(1), "{second}");
    assert_eq!(count(&taken(&machine, "ki", "stick").await, "stored"), 2);
    assert_eq!(titles(&machine, "ki").await, ["For all", "For the hub", "For the network"]);

    add(&machine, "ki", "From Kiribati", "network").await;
    assert_eq!(count(&out(&machine, "ki", &["stick"]).await, "entries"), 1);
    assert_eq!(count(&taken(&machine, "tv", "stick").await, "stored"), 1);
    for home in ["tv", "ki"] {
        let again = out(&machine, home, &["stick"]).await;
        assert_eq!((count(&again, "entries"), &again["files"]), (0, &serde_json::json!([])), "{again}");
        let again = taken(&machine, home, "stick").await;
        assert_eq!(count(&again, "stored"), 0, "{again}");
    }

    // The hub takes it from Kiribati's laptop, while its node runs and while it does not.
    let written = out(&machine, "ki", &["other", "--for", &card]).await;
    assert_eq!(count(&written, "withheld_feeds"), 0, "{written}");
    let by_folder = machine.run(&["--json", "--hub-dir", "hub", "carry", "in", "other"]).await.ok().json();
    assert_eq!(count(&by_folder, "stored"), 4, "{by_folder}");
    hub.up().await;
    hub.reaches("records", 4).await;
    let by_node = machine.run(&["--json", "--hub-dir", "hub", "carry", "in", "other"]).await.ok().json();
    assert_eq!(
        (count(&by_node, "stored"), by_node["refused"].clone()),
        (0, serde_json::json!([])),
        "{by_node}"
    );
    let back = machine.run(&["--json", "--hub-dir", "hub", "carry", "out", "other"]).await.ok().json();
    assert_eq!(back["readers"][0]["confirmed"], true, "{back}");
    taken(&machine, "ki", "other").await;
    let back = machine.run(&["--json", "--hub-dir", "hub", "carry", "out", "other"]).await.ok().json();
    assert_eq!(count(&back, "entries"), 0, "{back}");
    for home in ["tv", "ki"] {
        at(&machine, home, &["verify"]).await.ok();
    }
}

#[tokio::test]
async fn a_set_of_many_files_is_read_in_any_order_and_says_what_is_missing() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    import(&machine, "tv", 400, 30_000).await;
    let written = out(&machine, "tv", &["stick", "--size", "3M"]).await;
    let files = carry_files(&machine.path("stick"));
    assert!(files.len() >= 4 && files.len() == written["files"].as_array().map_or(0, Vec::len), "{written}");
    for file in &files {
        assert!(std::fs::metadata(file).expect("a file").len() <= 3_000_000);
    }
    let entries = count(&written, "entries");
    // The first file arrives last, the names say nothing, and one stays away.
    let (first, away) = (files[0].clone(), machine.path("away"));
    std::fs::rename(&files[2], &away).expect("a move");
    std::fs::rename(&first, machine.path("stick").join("zz renamed.carry")).expect("a move");
    let partly = at(&machine, "ki", &["carry", "in", "stick"]).await;
    assert_eq!(partly.code, 1, "{partly:?}");
    let first_object = partly.out.split("\n}\n").next().expect("an object").to_owned() + "\n}";
    let report: Value = serde_json::from_str(&first_object).expect("a report");
    assert_eq!(report["missing"].as_array().map(Vec::len), Some(1), "{report}");
    assert!(report["missing"][0].as_str().is_some_and(|m| m.ends_with("0003")), "{report}");
    let stored = count(&report, "stored");
    assert!(stored > 0 && stored < entries, "{report}");
    std::fs::rename(&away, &files[2]).expect("a move");
    let rest = taken(&machine, "ki", "stick").await;
    assert_eq!(rest["missing"], serde_json::json!([]), "{rest}");
    assert_eq!(titles(&machine, "ki").await.len(), 400);
    assert_eq!(count(&taken(&machine, "ki", "stick").await, "stored"), 0);
    at(&machine, "ki", &["verify"]).await.ok();
}

#[tokio::test]
async fn a_writer_that_is_killed_leaves_nothing_that_looks_whole_and_goes_on() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    import(&machine, "tv", 800, 30_000).await;
    let stick = machine.path("stick");
    for least in [1, 3] {
        let mut child = machine.start(&["--home", "tv", "carry", "out", "stick", "--size", "3M"]);
        while !stick.is_dir() || carry_files(&stick).len() < least {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            assert!(child.try_wait().expect("a process").is_none(), "it should still be writing");
        }
        child.kill().await.expect("a process to kill");
    }
    let before = carry_files(&stick);
    let written = out(&machine, "tv", &["stick", "--size", "3M"]).await;
    assert_eq!(written["earlier"].as_array().map(Vec::len), Some(before.len()), "{written}");
    assert_eq!(written["faults"], serde_json::json!([]), "{written}");
    let names = std::fs::read_dir(&stick).expect("a folder").map(|e| e.expect("an entry").file_name());
    assert!(!names.into_iter().any(|n| n.to_string_lossy().ends_with("unfinished")));
    let there = taken(&machine, "ki", "stick").await;
    assert_eq!(there["missing"], serde_json::json!([]), "{there}");
    let fresh = out(&machine, "tv", &["fresh", "--dry-run"]).await;
    let there = there["files"].as_array().expect("files").iter().map(|f| count(f, "entries")).sum::<u64>();
    assert_eq!(there, count(&fresh, "entries"), "nothing was written twice");
    assert!(!machine.path("fresh").exists(), "a dry run makes no folder");
    assert_eq!(titles(&machine, "ki").await.len(), 800);
    assert_eq!(count(&out(&machine, "tv", &["stick"]).await, "entries"), 0);
}

#[tokio::test]
async fn a_reader_that_is_killed_goes_on() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    import(&machine, "tv", 800, 30_000).await;
    let written = out(&machine, "tv", &["stick", "--size", "3M"]).await;
    let segments = machine.path("ki/store/segments");
    let held = || -> u64 {
        let files = std::fs::read_dir(&segments).into_iter().flatten().flatten();
        files.filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum()
    };
    let before = held();
    let mut child = machine.start(&["--home", "ki", "carry", "in", "stick"]);
    while held() < before + 2_000_000 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert!(child.try_wait().expect("a process").is_none(), "it should still be reading");
    }
    child.kill().await.expect("a process to kill");
    let rest = taken(&machine, "ki", "stick").await;
    assert!(count(&rest, "known") > 0, "{rest}");
    assert!(count(&rest, "stored") + count(&rest, "known") >= count(&written, "entries"), "{rest}");
    assert_eq!(titles(&machine, "ki").await.len(), 800);
    at(&machine, "ki", &["verify"]).await.ok();
}

#[tokio::test]
async fn a_revocation_travels_by_stick() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    at(&machine, "tv", &["key", "add", "desk two", "--to", "two"]).await.ok();
    at(&machine, "tv", &["sync"]).await.ok();
    hub.kill().await;
    add(&machine, "two", "By its owner", "public").await;
    out(&machine, "two", &["stick"]).await;
    taken(&machine, "tv", "stick").await;
    add(&machine, "two", "By the thief", "public").await;
    out(&machine, "two", &["other"]).await;
    taken(&machine, "ki", "stick").await;
    taken(&machine, "ki", "other").await;
    assert_eq!(titles(&machine, "ki").await, ["By its owner", "By the thief"]);
    at(&machine, "tv", &["key", "revoke", "desk two", "--reason", "stolen"]).await.ok();
    let written = out(&machine, "tv", &["stick"]).await;
    assert!(count(&written, "entries") >= 1, "{written}");
    taken(&machine, "ki", "stick").await;
    assert_eq!(titles(&machine, "ki").await, ["By its owner"]);
    // What the thief signs later is refused from any stick.
    add(&machine, "two", "Later", "public").await;
    out(&machine, "two", &["third"]).await;
    let late = taken(&machine, "ki", "third").await;
    assert!(late["refused"].as_array().is_some_and(|r| r.iter().any(|r| r["reason"] == "revoked")), "{late}");
    assert_eq!(titles(&machine, "ki").await, ["By its owner"]);
}

#[tokio::test]
async fn a_hostile_folder_harms_nobody_and_what_is_whole_is_taken() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    import(&machine, "tv", 20, 2_000).await;
    let stick = machine.path("stick");
    assert_eq!(at(&machine, "ki", &["carry", "in", "stick"]).await.code, 1, "no such folder");
    std::fs::create_dir(&stick).expect("a folder");
    assert_eq!(at(&machine, "ki", &["carry", "in", "stick"]).await.code, 3, "nothing there");
    out(&machine, "tv", &["stick"]).await;
    let whole = std::fs::read(&carry_files(&stick)[0]).expect("a file");
    std::fs::create_dir(stick.join("folder.carry")).expect("a folder");
    std::os::unix::fs::symlink("/dev/zero", stick.join("zero.carry")).expect("a link");
    std::os::unix::fs::symlink(machine.path("ki/me.json"), stick.join("link.carry")).expect("a link");
    let fifo = stick.join("pipe.carry");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    // A terabyte of nothing that takes no room, a cut file, a flipped bit, a claim of four gigabytes, an empty file.
    let sparse = std::fs::File::create(stick.join("sparse.carry")).expect("a file");
    std::io::Write::write_all(&mut &sparse, &whole[..1_000]).expect("bytes");
    sparse.set_len(1 << 40).expect("a sparse file");
    std::fs::write(stick.join("cut.carry"), &whole[..whole.len() / 2]).expect("a file");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    std::fs::write(stick.join("flipped.carry"), &flipped).expect("a file");
    let claims = [&whole[..16], &[2, 255, 255, 255, 255], &[0; 1_000]].concat();
    std::fs::write(stick.join("claims.carry"), claims).expect("a file");
    std::fs::write(stick.join("empty.carry"), "").expect("a file");
    std::fs::write(stick.join("\u{1b}[2J\u{202e}.carry"), "not one").expect("a file");
    for number in 0..2_000 {
        std::fs::write(stick.join(format!("{number}.carry")), b"caphub carry 1\n\0").expect("a file");
    }
    let said = machine.run(&["--home", "ki", "carry", "in", "stick"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("error: ") && said.err.contains("hint: "), "{said:?}");
    assert!(!said.err.contains('\u{1b}') && !said.err.contains('\u{202e}'));
    for name in ["folder", "zero", "link", "pipe", "sparse", "cut", "flipped", "claims", "empty"] {
        assert!(said.err.contains(&format!("{name}.carry: ")), "{name}: {}", said.err);
    }
    assert_eq!(titles(&machine, "ki").await.len(), 20);
    at(&machine, "ki", &["verify"]).await.ok();
    add(&machine, "ki", "In spite of it", "public").await;
    let written = out(&machine, "ki", &["stick"]).await;
    assert_eq!(count(&written, "entries"), 1, "{written}");
}

/// Every record of the shipped catalogue, written by one member; its ids and links between records are left out.
async fn write_catalogue(machine: &Machine, home: &str) -> usize {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/samples/catalogue.json");
    let text = std::fs::read_to_string(path).expect("the catalogue").replace("\"lang\":", "\"language\":");
    let whole: Value = serde_json::from_str(&text).expect("JSON");
    let records = whole["records"].as_array().expect("records");
    for record in records {
        let mut record = record.as_object().expect("a record").clone();
        let kind = record["kind"].as_str().expect("a kind").to_owned();
        for field in ["party", "kind", "id", "course"] {
            record.remove(field);
        }
        let text = serde_json::to_string(&record).expect("JSON");
        std::fs::write(machine.path("record.json"), text).expect("a file");
        at(machine, home, &[&kind, "add", "--file", "record.json"]).await.ok();
    }
    records.len()
}

#[tokio::test]
async fn the_shipped_catalogue_crosses_and_is_the_same_there() {
    let machine = Machine::new(PROGRAM, "fr");
    two_members(&machine).await;
    let written = write_catalogue(&machine, "tv").await;
    assert!(written >= 60, "{written}");
    let sent = out(&machine, "tv", &["stick"]).await;
    let there = taken(&machine, "ki", "stick").await;
    assert!(count(&there, "stored") >= written as u64, "{sent} {there}");
    for kind in ["need", "offer", "course", "session"] {
        let here = at(&machine, "tv", &[kind, "list"]).await.ok().json();
        assert!(here.as_array().is_some_and(|l| !l.is_empty()), "{kind}");
        assert_eq!(here, at(&machine, "ki", &[kind, "list"]).await.ok().json(), "{kind}");
    }
    let said = machine.run(&["--home", "ki", "carry", "out", "stick"]).await.ok();
    assert!(said.err.contains("Rien ne manque"), "{said:?}");
}

#[tokio::test]
async fn a_stick_gives_nobody_more_than_it_may_read() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    let mut far = machine.hub("far", "Far Hub", "150").await;
    let file = far.invitation("FR").await;
    machine.run(&["--home", "fr", "join", &file]).await.ok();
    far.kill().await;
    add(&machine, "tv", "For all", "public").await;
    add(&machine, "tv", "For the network", "network").await;
    add(&machine, "tv", "For the hub", "hub").await;
    // A stranger states what it holds: it is not known here, and later known but of another hub.
    out(&machine, "fr", &["stick"]).await;
    let first = out(&machine, "tv", &["stick"]).await;
    assert_eq!(
        (&first["readers"][0]["confirmed"], count(&first, "withheld_feeds")),
        (&Value::Bool(false), 2)
    );
    taken(&machine, "tv", "stick").await;
    taken(&machine, "fr", "stick").await;
    let second = out(&machine, "tv", &["stick"]).await;
    assert_eq!(
        (&second["readers"][0]["confirmed"], count(&second, "withheld_feeds")),
        (&Value::Bool(true), 2)
    );
    assert_eq!(titles(&machine, "fr").await, ["For all"]);
    // Beside a member that may read them, it still gets nothing more: both may find the stick.
    taken(&machine, "ki", "stick").await;
    let both = out(&machine, "tv", &["stick"]).await;
    assert_eq!((both["readers"].as_array().map(Vec::len), count(&both, "entries")), (Some(2), 0), "{both}");
    // For the member alone it leaves; the stranger that takes it from the stick was not to have it.
    let id = at(&machine, "ki", &["status"]).await.ok().json()["party"].as_str().expect("an id").to_owned();
    let member = out(&machine, "tv", &["stick", "--for", &id]).await;
    assert_eq!(count(&member, "entries"), 2, "{member}");
    // Who copies a member's words under a key of its own is not taken for the member.
    let forged = forged_statement(&id);
    std::fs::create_dir(machine.path("forged")).expect("a folder");
    std::fs::write(machine.path("forged/x.carry"), forged).expect("a file");
    let to_forger = out(&machine, "tv", &["forged"]).await;
    assert_eq!(to_forger["readers"][0]["confirmed"], false, "{to_forger}");
    assert_eq!(count(&to_forger, "withheld_feeds"), 2, "{to_forger}");
    for words in [["--for", "nobody"], ["--size", "1K"], ["--size", "x"]] {
        let said = at(&machine, "tv", &["carry", "out", "stick", words[0], words[1]]).await;
        assert_eq!(said.code, 2, "{said:?}");
    }
}

/// "I am this party, and hold nothing", signed by a key that the party never authorised.
fn forged_statement(party: &str) -> Vec<u8> {
    let signer = Signer::from_seed(&[66; 32]);
    let manifest = Manifest {
        set: [1; 16],
        part: 1,
        purpose: Purpose::Holds,
        author: party.parse().expect("an id"),
        key: signer.public(),
        log: LogId([2; 16]),
        time_ms: 1_798_761_600_000,
        entries: 0,
        readers: Vec::new(),
        name: "Kiribati".to_owned(),
    };
    let mut file = Vec::new();
    let mut writer = Writer::start(&manifest, signer, &mut file);
    writer.holds(&Holds::encode([3; 16], &[])[0], &mut file);
    writer.finish(true, &mut file);
    file
}

/// The same file under another key, with its author's records altered.
fn forged(whole: &[u8], alter: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let signer = Signer::from_seed(&[66; 32]);
    let (mut reader, mut author) = (Reader::new(), None);
    let (mut file, mut writer) = (Vec::new(), None);
    reader.feed(whole);
    while let Some(Piece::Frame { frame, .. }) = reader.next() {
        match (frame, &mut writer) {
            (Frame::Manifest(stated), _) => {
                author = Some(stated.author);
                let stated = Manifest { key: signer.public(), ..stated };
                writer = Some(Writer::start(&stated, signer.clone(), &mut file));
            }
            (Frame::Run { feed, mut entries }, Some(writer)) => {
                if author == Some(feed.party) && !feed.is_identity() {
                    alter(&mut entries);
                }
                writer.run(&feed, &entries, 1, &mut file);
            }
            _ => {}
        }
    }
    writer.expect("a manifest").finish(true, &mut file);
    file
}

fn rename(entries: &mut [u8]) {
    let at = entries.windows(4).position(|w| w == b"True").expect("the title");
    entries[at..at + 4].copy_from_slice(b"Fake");
}

/// Another time in the last header: every hash still fits, only the signature cannot.
fn redate(entries: &mut [u8]) {
    let last = unpack(entries).expect("entries").last().map(UncheckedEntry::packed_len).expect("an entry");
    let start = entries.len() - last;
    entries[start + 81] ^= 1;
}

#[tokio::test]
async fn entries_forged_or_altered_on_a_stick_are_refused_with_their_reason() {
    let machine = Machine::new(PROGRAM, "en");
    two_members(&machine).await;
    add(&machine, "tv", "True", "public").await;
    out(&machine, "tv", &["stick"]).await;
    let whole = std::fs::read(&carry_files(&machine.path("stick"))[0]).expect("a file");
    let forgeries = [
        ("renamed", forged(&whole, |e| rename(e)), "body_hash"),
        ("redated", forged(&whole, |e| redate(e)), "bad_signature"),
    ];
    for (folder, file, reason) in forgeries {
        std::fs::create_dir(machine.path(folder)).expect("a folder");
        std::fs::write(machine.path(folder).join("x.carry"), file).expect("a file");
        let there = taken(&machine, "ki", folder).await;
        assert_eq!(there["files"][0]["confirmed"], false, "{there}");
        let reasons = there["refused"].as_array().expect("refusals");
        assert!(reasons.iter().any(|r| r["reason"] == reason), "{there}");
        assert_eq!(titles(&machine, "ki").await, Vec::<String>::new());
    }
    taken(&machine, "ki", "stick").await;
    assert_eq!(titles(&machine, "ki").await, ["True"], "a forger cannot stop the true one");
}
