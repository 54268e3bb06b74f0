//! What a stick from a stranger, a forger or a broken machine can do, and what it cannot.

use caphub_proto::wire::carry::{Frame, Holds, Manifest, Piece, Purpose, Reader, Writer};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{LogId, Signer, UncheckedEntry};
use caphub_tests::Machine;
use caphub_tests::stick::{add, at, carry_files, count, import, out, taken, titles, two_members};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

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
    let said = machine.run(&["--home", "ki", "carry", "in", "stick"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("error: ") && said.err.contains("hint: "), "{said:?}");
    assert!(!said.err.contains('\u{1b}') && !said.err.contains('\u{202e}'));
    for name in ["folder", "zero", "link", "pipe", "sparse", "cut", "flipped", "claims", "empty"] {
        assert!(said.err.contains(&format!("{name}.carry: ")), "{name}: {}", said.err);
    }
    assert_eq!(titles(&machine, "ki").await.len(), 20);
    for number in 0..2_000 {
        std::fs::write(stick.join(format!("{number}.carry")), b"caphub carry 1\n\0").expect("a file");
    }
    let many = at(&machine, "ki", &["carry", "in", "stick"]).await;
    let report = many.json();
    assert!(many.code == 1 && count(&report, "faults_found") > 2_000, "{}", report["faults_found"]);
    assert_eq!(report["faults"].as_array().map(Vec::len), Some(1_000), "what is listed is bounded");
    at(&machine, "ki", &["verify"]).await.ok();
    add(&machine, "ki", "In spite of it", "public").await;
    let written = out(&machine, "ki", &["stick"]).await;
    assert_eq!(count(&written, "entries"), 1, "{written}");
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

#[tokio::test]
async fn a_proof_of_a_fork_travels_by_stick_and_once() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    for (country, home) in [("TV", "tv"), ("KI", "ki"), ("WS", "ws")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    hub.kill().await;
    // A copied folder: one key signs two histories.
    let folders = [machine.path("tv"), machine.path("twin")];
    assert!(std::process::Command::new("cp").arg("-r").args(&folders).status().expect("cp").success());
    add(&machine, "tv", "One history", "public").await;
    add(&machine, "twin", "Another", "public").await;
    out(&machine, "tv", &["a"]).await;
    out(&machine, "twin", &["b"]).await;
    taken(&machine, "ki", "a").await;
    assert_eq!(titles(&machine, "ki").await, ["One history"]);
    let forked = taken(&machine, "ki", "b").await;
    assert!(
        forked["refused"].as_array().is_some_and(|r| r.iter().any(|r| r["reason"] == "fork")),
        "{forked}"
    );
    let written = out(&machine, "ki", &["c"]).await;
    assert_eq!(count(&written, "proofs"), 1, "{written}");
    let there = taken(&machine, "ws", "c").await;
    assert_eq!((count(&there, "proofs"), there["refused"].clone()), (1, serde_json::json!([])), "{there}");
    for folder in ["a", "b"] {
        let late = taken(&machine, "ws", folder).await;
        let reasons = late["refused"].as_array().expect("refusals");
        assert!(reasons.iter().any(|r| r["reason"] == "frozen" || r["reason"] == "fork"), "{late}");
    }
    let again = out(&machine, "ki", &["c"]).await;
    assert_eq!((count(&again, "proofs"), count(&again, "entries")), (0, 0), "{again}");
    let again = out(&machine, "ws", &["c"]).await;
    assert_eq!(count(&again, "proofs"), 0, "{again}");
}
