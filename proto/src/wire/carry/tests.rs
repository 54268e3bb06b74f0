//! What damage, lies and strangers can do to a file, and what they cannot.

use super::*;
use crate::wire::entry::Draft;
use crate::wire::feed::{Feed, Head};
use crate::wire::ids::{EntryHash, FeedId, LogId, PartyId, Seq};
use crate::wire::{Audience, Reason, Signer};

fn signer() -> Signer {
    Signer::from_seed(&[7; 32])
}

fn feed() -> Feed {
    Feed::records(PartyId([1; 32]), signer().public(), Audience::Network)
}

fn manifest() -> Manifest {
    Manifest {
        set: [3; 16],
        part: 1,
        purpose: Purpose::Entries,
        author: PartyId([1; 32]),
        key: signer().public(),
        log: LogId([4; 16]),
        time_ms: 1_798_761_600_000,
        entries: 2,
        readers: vec![Addressee { party: PartyId([5; 32]), assumed: [6; 16] }],
        name: "Tuvalu CERT".to_owned(),
    }
}

fn run(seed: u8) -> Vec<u8> {
    let draft = Draft { feed: &feed(), head: None, time_ms: 1_798_761_600_000, body: &[seed; 40] };
    draft.sign(&signer()).expect("a small body").0
}

/// A small file with a frame of every kind.
fn file() -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::start(&manifest(), signer(), &mut out);
    writer.run(&Feed::identity(PartyId([1; 32])), &run(1), 1, &mut out);
    writer.run(&feed(), &run(2), 1, &mut out);
    writer.fork(&feed(), &run(3), &run(4), &mut out);
    writer.statement(b"statement", &mut out);
    writer.checkpoint(&[b'c'; 80], &mut out);
    writer.holds(&[0; 16], &mut out);
    writer.finish(true, &mut out);
    out
}

fn read(bytes: &[u8], step: usize) -> (Vec<Piece>, Ending, usize) {
    let (mut reader, mut pieces, mut most) = (Reader::new(), Vec::new(), 0);
    for chunk in bytes.chunks(step.max(1)) {
        reader.feed(chunk);
        most = most.max(reader.held());
        while let Some(piece) = reader.next() {
            pieces.push(piece);
        }
    }
    (pieces, reader.finish(), most)
}

fn frames(pieces: &[Piece]) -> Vec<&Frame> {
    let mut whole = Vec::new();
    for piece in pieces {
        if let Piece::Frame { frame, .. } = piece {
            whole.push(frame);
        }
    }
    whole
}

/// The same numbers at every run: xorshift.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn what_was_written_is_read_in_pieces_of_any_size() {
    let bytes = file();
    let (whole, ending, _) = read(&bytes, bytes.len());
    assert_eq!(ending.reason, None);
    assert_eq!(ending.end.map(|e| (e.frames, e.runs, e.entries, e.last)), Some((7, 2, 2, true)));
    assert_eq!(frames(&whole)[0], &Frame::Manifest(manifest()));
    assert_eq!(frames(&whole)[2], &Frame::Run { feed: feed(), entries: run(2) });
    assert_eq!(frames(&whole)[3], &Frame::Fork { feed: feed(), first: run(3), second: run(4) });
    for step in [1, 2, 3, 13, 64, 1_000] {
        assert_eq!(read(&bytes, step).0, whole, "{step} bytes at a time");
    }
}

#[test]
fn a_file_cut_at_any_byte_gives_what_is_whole_before_the_cut() {
    let bytes = file();
    let all = read(&bytes, bytes.len()).0;
    for cut in 0..bytes.len() {
        let (pieces, ending, _) = read(&bytes[..cut], 50);
        assert_eq!(ending.reason, Some(Reason::CarryCut), "cut at {cut}");
        assert_eq!(pieces, all[..pieces.len()], "cut at {cut}");
    }
    let (_, ending, _) = read(&[&bytes[..], &[0]].concat(), 50);
    assert_eq!(ending.reason, Some(Reason::CarryDamaged), "a byte after the end");
}

#[test]
fn a_flipped_bit_is_seen_and_changes_no_frame() {
    let bytes = file();
    let all = read(&bytes, bytes.len()).0;
    let mut kept = 0;
    for at in 0..bytes.len() {
        for bit in [0, 3, 7] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let (pieces, ending, _) = read(&flipped, 97);
            let broken = pieces.iter().any(|p| matches!(p, Piece::Broken { .. }));
            assert!(ending.reason.is_some() || broken, "byte {at} bit {bit}");
            assert!(ending.reason.is_some(), "byte {at} bit {bit}");
            for piece in pieces.iter().filter(|p| matches!(p, Piece::Frame { .. })) {
                assert!(all.contains(piece), "byte {at} bit {bit}");
                kept += 1;
            }
        }
    }
    assert!(kept > bytes.len() * 3 * 4, "most of a file is read around a flipped bit: {kept}");
}

#[test]
fn a_small_file_that_claims_much_costs_little() {
    let mut out = Vec::new();
    Writer::start(&manifest(), signer(), &mut out);
    for code in 0..=255 {
        for length in [u32::MAX, 1 << 31, FRAME_BYTES_MAX as u32 + 1, FRAME_BYTES_MAX as u32] {
            let mut claims = out.clone();
            claims.push(code);
            claims.extend(length.to_be_bytes());
            claims.extend([0; 600]);
            let (pieces, ending, most) = read(&claims, 64);
            assert!(most < 2_048, "{most} bytes held for type {code}");
            assert_eq!(pieces.len(), 1);
            let reason = if length as usize <= FRAME_BYTES_MAX && code > 9 {
                Reason::CarryCut
            } else {
                Reason::CarryFormat
            };
            assert_eq!(ending.reason, Some(reason), "type {code} length {length}");
        }
    }
}

#[test]
fn endless_junk_is_given_up_soon() {
    let mut out = Vec::new();
    Writer::start(&manifest(), signer(), &mut out);
    // A frame of a type to come, of no bytes, whose sum does not hold: again and again.
    let junk = [&out[..], &[[10, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]; 10_000].concat()].concat();
    let (pieces, ending, _) = read(&junk, 4_096);
    assert_eq!((pieces.len(), ending.reason), (1 + BROKEN_MAX as usize, Some(Reason::CarryDamaged)));
    assert_eq!(read(&[0; 100_000], 4_096).1.reason, Some(Reason::CarryFormat));
}

#[test]
fn no_bytes_make_the_reader_panic_or_hoard() {
    let (bytes, mut dice) = (file(), Dice(0x9e37_79b9_7f4a_7c15));
    for round in 0..3_000 {
        let mut hostile = match round % 3 {
            0 => bytes.clone(),
            1 => [&bytes[..300], &bytes[100..]].concat(),
            _ => (0..400).map(|_| dice.next() as u8).collect(),
        };
        for _ in 0..dice.next() % 8 {
            let at = dice.next() as usize % hostile.len();
            hostile[at] = dice.next() as u8;
        }
        let (pieces, _, most) = read(&hostile, 1 + dice.next() as usize % 500);
        assert!(most <= FRAME_BYTES_MAX + 1_024, "round {round}");
        for frame in frames(&pieces) {
            if let Frame::Holds(payload) = frame {
                Holds::default().add(payload);
            }
        }
    }
}

#[test]
fn a_manifest_or_an_end_by_another_key_is_refused() {
    let mut stolen = manifest();
    stolen.key = Signer::from_seed(&[8; 32]).public();
    let payload = stolen.encode(&signer());
    assert_eq!(Manifest::decode(&payload), Err(Reason::BadSignature));
    assert_eq!(Manifest::decode(&[0; 64]), Err(Reason::CarryFormat));
    // The frames of one file under the end of another: what was dropped is seen.
    let mut out = Vec::new();
    let mut writer = Writer::start(&manifest(), signer(), &mut out);
    writer.run(&feed(), &run(2), 1, &mut out);
    writer.finish(true, &mut out);
    let end = |bytes: &[u8]| bytes[bytes.len() - 126..].to_vec();
    let dropped = [&out[..out.len() - 126], &end(&file())[..]].concat();
    assert_eq!(read(&dropped, 64).1.reason, Some(Reason::CarryDamaged));
}

#[test]
fn unknown_types_are_passed_over() {
    let mut out = Vec::new();
    let mut writer = Writer::start(&manifest(), signer(), &mut out);
    writer.other(200, b"of a later version", &mut out);
    writer.run(&feed(), &run(2), 1, &mut out);
    writer.finish(true, &mut out);
    let (pieces, ending, _) = read(&out, 64);
    assert_eq!(frames(&pieces)[1], &Frame::Unknown(200));
    assert_eq!((pieces.len(), ending.reason), (3, None));
}

#[test]
fn what_is_held_is_read_only_by_who_holds_the_feed() {
    let held = |seq, byte| Held {
        head: Head { seq: Seq::new(seq).expect("a place"), hash: EntryHash([byte; 32]) },
        frozen: seq == 9,
    };
    let feeds: Vec<_> =
        (1..=200u8).map(|i| (FeedId([i; 32]), EntryHash([i ^ 0xff; 32]), held(u64::from(i), i))).collect();
    let mut holds = Holds::default();
    for payload in Holds::encode([1; 16], &feeds[..100]).iter().chain(&Holds::encode([2; 16], &feeds[100..]))
    {
        holds.add(payload).expect("a payload of our own");
    }
    assert_eq!(holds.len(), 200);
    for (feed, first, held) in &feeds {
        assert_eq!(holds.of(feed, first), Some(*held));
        assert_eq!(holds.of(feed, &EntryHash([0; 32])), None, "the first entry is the key");
    }
    assert_eq!(Holds::default().add(&[0; 17]), None);
    let text = Holds::encode([1; 16], &feeds[..1]).concat();
    assert!(!text.windows(32).any(|w| w == [1; 32]), "no feed id and no hash stands in the file");
}
