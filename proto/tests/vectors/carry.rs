//! `carry.json`: whole carry files and what may be wrong with them (SPEC.md section 14).

use caphub_proto::wire::carry::{Addressee, Holds, MARK, Manifest, Piece, Purpose, Reader, Writer};
use caphub_proto::wire::chunks;
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{Feed, LogId, Signer};
use serde::Serialize;

use crate::case::{Raw, TIME, feed, key, party};

#[derive(Serialize)]
pub struct FrameCase {
    pub at: u64,
    #[serde(rename = "type")]
    pub code: u8,
    pub reason: String,
}

#[derive(Serialize)]
pub struct CarryCase {
    pub name: String,
    pub valid: bool,
    pub reason: String,
    pub frames: Vec<FrameCase>,
    pub file: String,
}

pub fn cases() -> Vec<CarryCase> {
    let mut cases = Vec::new();
    let mut add = |name: &str, file: Vec<u8>, frames: &[&str], reason: &str| {
        cases.push(case(name, &file, frames, reason));
    };
    let whole = file(&manifest(), &key("desk"), every_kind);
    add("every kind of frame", whole.clone(), &[""; 7], "");
    let empty = file(&manifest(), &key("desk"), |_, _| {});
    add("nothing but a manifest", empty.clone(), &[""], "");
    let mut other = whole.clone();
    other[13] = b'2';
    add("another mark", other, &[], "carry_format");
    let mut wrong = Vec::new();
    Writer::start(&manifest(), key("desk"), &mut wrong);
    add("the end is missing", wrong, &[""], "carry_cut");
    add("cut to nothing", Vec::new(), &[], "carry_cut");
    add("cut in the mark", whole[..5].to_vec(), &[], "carry_cut");
    add("cut in a frame's head", empty[..20].to_vec(), &[], "carry_cut");
    add("cut in the end", whole[..whole.len() - 1].to_vec(), &[""; 7], "carry_cut");
    add("a byte after the end", [&whole[..], &[0]].concat(), &[""; 7], "carry_damaged");

    let later = file(&manifest(), &key("desk"), |w, out| w.other(200, b"of a later version", out));
    add("a frame of a later type", later, &["", ""], "");
    let frame = |code: u8, length: u32, payload: &[u8]| {
        let sum = tagged_hash(b"caphub/frame/1\0", &[&[code], &length.to_be_bytes(), payload]);
        [&[code][..], &length.to_be_bytes(), &sum[..8], payload].concat()
    };
    let head = &empty[..empty.len() - 126];
    add("a frame of type 0", [head, &frame(0, 0, &[])].concat(), &[""], "carry_format");
    add("a length over the limit", [head, &frame(2, 1_048_676, &[])].concat(), &[""], "carry_format");
    let run_at = head.len() + 13 + 34;
    add(
        "a flipped bit in a payload",
        flip(&whole, run_at + 20),
        &["", "carry_damaged", "", "", "", "", ""],
        "carry_damaged",
    );
    add(
        "a flipped bit in a sum",
        flip(&whole, head.len() + 6),
        &["", "carry_damaged", "", "", "", "", ""],
        "carry_damaged",
    );
    add(
        "a flipped bit in the manifest",
        flip(&whole, 40),
        &["carry_damaged", "", "", "", "", "", ""],
        "carry_damaged",
    );
    add(
        "a flipped bit in the end",
        flip(&whole, whole.len() - 100),
        &["", "", "", "", "", "", "", "carry_damaged"],
        "carry_cut",
    );
    let of = |payload: &[u8]| {
        let payload = payload.to_vec();
        file(&manifest(), &key("desk"), move |w, out| w.other(2, &payload, out))
    };
    add(
        "a feed that ends within its key",
        of(&[[1; 32].as_slice(), &[32, 1, 1]].concat()),
        &["", "carry_format"],
        "",
    );
    add(
        "a feed with a key of 31 bytes",
        of(&[[1; 32].as_slice(), &[31], &[1; 31], &[1, 0]].concat()),
        &["", "bad_length"],
        "",
    );
    add(
        "a feed with an unknown audience",
        of(&[[1; 32].as_slice(), &[32], &[1; 32], &[1, 9]].concat()),
        &["", "bad_audience"],
        "",
    );
    let short = [[1; 32].as_slice(), &[0, 0], &100u32.to_be_bytes(), &[0; 99]].concat();
    let short = file(&manifest(), &key("desk"), move |w, out| w.other(3, &short, out));
    add("a fork proof that ends within a run", short, &["", "carry_format"], "");

    let short = file(&manifest(), &key("desk"), |w, out| w.checkpoint(&[4; 63], out));
    add("a checkpoint without its node's key", short, &["", "carry_format"], "");

    let list = chunks::Manifest::new(3, vec![chunks::chunk_hash(b"abc")]).unwrap();
    let id = list.hash();
    let with_file = file(&manifest(), &key("desk"), |w, out| {
        w.list(&list, out);
        w.chunk(&id, 0, b"abc", out);
    });
    add("a file's list and its chunk", with_file, &["", "", ""], "");
    let mut other = list.encode();
    other[0] = 2;
    let other = file(&manifest(), &key("desk"), move |w, out| w.other(8, &other, out));
    add("a file's list of another version", other, &["", "carry_format"], "");
    let bare = file(&manifest(), &key("desk"), |w, out| w.chunk(&id, 0, b"", out));
    add("a chunk without bytes", bare, &["", "carry_format"], "");
    let short = file(&manifest(), &key("desk"), |w, out| w.other(9, &[5; 35], out));
    add("a chunk that ends within its index", short, &["", "carry_format"], "");
    add("a chunk over the limit", [head, &frame(9, 1_048_613, &[])].concat(), &[""], "carry_format");

    let by_another = file(&manifest(), &key("another desk"), |_, _| {});
    add("manifest signed by another key", by_another, &["bad_signature"], "carry_damaged");
    let zero = Manifest { part: 0, ..manifest() };
    add("manifest of part 0", file(&zero, &key("desk"), |_, _| {}), &["carry_format"], "carry_damaged");
    let late = Manifest { time_ms: 1 << 53, ..manifest() };
    add(
        "manifest with a time of 2^53",
        file(&late, &key("desk"), |_, _| {}),
        &["carry_format"],
        "carry_damaged",
    );
    let again = manifest().encode(&key("desk"));
    let twice = file(&manifest(), &key("desk"), move |w, out| w.other(1, &again, out));
    add("manifest twice", twice, &["", "carry_format"], "");
    let end = |bytes: &[u8]| bytes[bytes.len() - 126..].to_vec();
    add("end of another file", [head, &end(&whole)].concat(), &[""], "carry_damaged");
    let second = file(&Manifest { part: 2, ..manifest() }, &key("desk"), |_, _| {});
    add("end of another part", [head, &end(&second)].concat(), &[""], "bad_signature");
    add("end of 112 bytes", [head, &frame(7, 112, &[0; 112])].concat(), &[""], "carry_format");
    let run_bytes = 13 + 34 + packed(&Feed::identity(party()), "identity").len();
    let dropped = [head, &whole[head.len() + run_bytes..]].concat();
    add("a frame was dropped", dropped, &[""; 6], "carry_damaged");
    cases
}

fn manifest() -> Manifest {
    let hash = |name: &str| -> [u8; 16] {
        tagged_hash(b"caphub vectors: carry ", &[name.as_bytes()])[..16].try_into().unwrap()
    };
    Manifest {
        set: hash("set"),
        part: 1,
        purpose: Purpose::Entries,
        author: party(),
        key: key("desk").public(),
        log: LogId(hash("log")),
        time_ms: TIME,
        entries: 2,
        readers: vec![Addressee { party: party(), assumed: hash("assumed") }],
        name: "Vectors é".to_owned(),
    }
}

fn packed(feed: &Feed, name: &str) -> Vec<u8> {
    let entry = Raw::first(feed, name.as_bytes()).signed(&key("desk"));
    let bytes = |text: &str| hex::decode(text).unwrap();
    [bytes(&entry.header), bytes(&entry.signature), vec![1], bytes(&entry.body)].concat()
}

fn every_kind(writer: &mut Writer, out: &mut Vec<u8>) {
    let identity = Feed::identity(party());
    writer.run(&identity, &packed(&identity, "identity"), 1, out);
    writer.run(&feed(), &packed(&feed(), "one"), 1, out);
    writer.fork(&feed(), &packed(&feed(), "one"), &packed(&feed(), "two"), out);
    writer.statement(b"opaque here", out);
    writer.checkpoint(&[&[4; 64][..], b"opaque here too"].concat(), out);
    writer.holds(&Holds::encode([9; 16], &[])[0], out);
}

fn file(manifest: &Manifest, signer: &Signer, with: impl FnOnce(&mut Writer, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::start(manifest, signer.clone(), &mut out);
    with(&mut writer, &mut out);
    writer.finish(true, &mut out);
    assert!(out.starts_with(MARK));
    out
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[at] ^= 1;
    out
}

fn case(name: &str, file: &[u8], reasons: &[&str], reason: &str) -> CarryCase {
    let (found, ending) = read(file);
    let given: Vec<&str> = found.iter().map(|f| f.reason.as_str()).collect();
    assert_eq!(given, reasons, "carry.json: {name}");
    assert_eq!(ending, reason, "carry.json: {name}");
    let valid = reason.is_empty() && reasons.iter().all(|r| r.is_empty());
    CarryCase {
        name: name.to_owned(),
        valid,
        reason: reason.to_owned(),
        frames: found,
        file: hex::encode(file),
    }
}

fn read(file: &[u8]) -> (Vec<FrameCase>, String) {
    let (mut reader, mut frames) = (Reader::new(), Vec::new());
    for chunk in file.chunks(100) {
        reader.feed(chunk);
        while let Some(piece) = reader.next() {
            frames.push(match piece {
                Piece::Frame { at, frame } => FrameCase { at, code: frame.code(), reason: String::new() },
                Piece::Broken { at, code, reason } => {
                    FrameCase { at, code, reason: reason.code().to_owned() }
                }
            });
        }
    }
    (frames, reader.finish().reason.map_or(String::new(), |r| r.code().to_owned()))
}
