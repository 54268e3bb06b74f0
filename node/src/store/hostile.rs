//! Files of a store that hold anything at all: reading them ends, says what is wrong, and never takes more than a run at once.
#![allow(clippy::unwrap_used)]

use caphub_proto::wire::limits::{RUN_BYTES_MAX, RUN_ENTRIES_MAX};

use super::registers::quick_folder;
use super::tests::{feed, run};
use super::*;

/// Stores that are spoilt and opened.
const SPOILT: u64 = 400;
/// The files that a start reads.
const FILES: [&str; 4] = ["segments/00000001.seg", "register", "erasures", "log-id"];

/// Numbers that look random and are the same for a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// Bytes as a bad disk, a bad tool or somebody with a grudge leaves them.
fn spoil(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let (at, length) = (dice.below(bytes.len()), 1 + dice.below(200));
        let end = (at + length).min(bytes.len());
        match dice.below(7) {
            0 => bytes[at..end].iter_mut().for_each(|b| *b ^= 1 << (length % 8)),
            1 => bytes.truncate(at),
            2 => bytes[at..end].fill(0xff),
            3 => bytes[at..end].fill(0),
            4 => drop(bytes.splice(at..at, bytes[at..end].to_vec()).collect::<Vec<_>>()),
            5 => drop(bytes.drain(at..end).collect::<Vec<_>>()),
            // A frame that claims as much as its fields can say.
            _ => drop(bytes.splice(at..at, [&b"CHR1"[..], &[0xff; 200]].concat()).collect::<Vec<_>>()),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

#[tokio::test]
async fn whatever_the_files_of_a_store_hold_a_start_ends_and_says_what_is_wrong() {
    let directory = quick_folder();
    let (signer, own) = feed(2);
    {
        let store = Store::open(directory.path()).unwrap();
        let mut head = None;
        for count in [2, 3, 1] {
            let batch = run(&signer, &own, head, count);
            head = Some(batch.head);
            store.append_own(vec![batch]).await.unwrap();
        }
        store.erase(&[(own.id(), 2)]).unwrap();
    }
    let whole = FILES.map(|name| std::fs::read(directory.path().join(name)).unwrap());
    let (mut opened, mut refused) = (0, 0);
    for seed in 1..=SPOILT {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let _ = std::fs::remove_dir_all(directory.path().join("aside"));
        let _ = std::fs::remove_file(directory.path().join(crate::shown::UNASKED));
        for (name, bytes) in FILES.iter().zip(&whole) {
            let mut bytes = bytes.clone();
            if dice.below(2) == 0 {
                spoil(&mut bytes, &mut dice);
            }
            std::fs::write(directory.path().join(name), bytes).unwrap();
        }
        if dice.below(2) == 0 {
            let _ = std::fs::remove_dir_all(directory.path().join("index"));
        }
        // What only reads ends too, with an error or without.
        let _ = scan::scan(directory.path(), |_, done, total| assert!(done <= total, "seed {seed}"));
        let _ = register::check(directory.path(), |_| {});
        match Store::open(directory.path()) {
            Ok(store) => {
                opened += 1;
                let (_, end) = store.read_from(0, 1 << 20).unwrap_or_default();
                assert!(end <= store.end(), "seed {seed}");
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty(), "seed {seed}");
            }
        }
    }
    println!("{opened} stores opened, {refused} refused");
    assert!(opened > 0 && refused > 0);
}

#[test]
fn no_twelve_bytes_make_a_reader_allocate_more_than_a_run_and_its_head() {
    let most = RUN_BYTES_MAX + 256 + RUN_ENTRIES_MAX * 8;
    let values =
        [0, 1, 11, 12, 255, 1 << 16, 1 << 20, 1 << 24, i32::MAX as u32, 1 << 31, u32::MAX - 1, u32::MAX];
    for head in values {
        for packed in values {
            let lead = [&b"CHR1"[..], &head.to_be_bytes(), &packed.to_be_bytes()].concat();
            if let Some((head, packed)) = frame::lengths(lead.first_chunk().unwrap()) {
                assert!(head + packed <= most, "{head} {packed}");
            }
        }
    }
}
