//! A small mutator whose every input follows from a number.

use std::time::{Duration, Instant};

use super::Target;

/// How long one input may take, on a machine that does much else.
const SLOW: Duration = Duration::from_secs(5);
/// An input of no more than this: what repeats itself would grow.
const INPUT_BYTES_MAX: usize = 256 * 1024;
/// Values at which counts and lengths turn.
const EDGES: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];

/// A xorshift.
struct Random(u64);

impl Random {
    /// Of a number: close ones give far ones.
    fn of(number: u64) -> Self {
        Self((number << 1 | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn of_them<'a>(&mut self, cases: &'a [Vec<u8>]) -> &'a [u8] {
        let at = self.below(cases.len());
        cases.get(at).map_or(&[], Vec::as_slice)
    }

    /// A case, bent a few times; one in eight is a case of something else.
    fn bend(&mut self, own: &[Vec<u8>], all: &[Vec<u8>]) -> Vec<u8> {
        let cases = if self.below(8) == 0 { all } else { own };
        let mut bytes = self.of_them(cases).to_vec();
        let times = 1 + self.below(5);
        for _ in 0..times {
            self.once(&mut bytes, cases);
            bytes.truncate(INPUT_BYTES_MAX);
        }
        bytes
    }

    fn once(&mut self, bytes: &mut Vec<u8>, cases: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        match self.below(8) {
            0 if !bytes.is_empty() => bytes[at] = self.next() as u8,
            1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            2 => bytes.truncate(at),
            3 => {
                // A number at an edge, over what is there, in either order of bytes.
                let (edge, width) = (EDGES[self.below(EDGES.len())], [1, 2, 4, 8][self.below(4)]);
                let big = edge.to_be_bytes();
                let part = if self.below(2) == 0 {
                    big[8 - width..].to_vec()
                } else {
                    edge.to_le_bytes()[..width].to_vec()
                };
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, part);
            }
            4 => {
                let other = self.of_them(cases);
                let from = self.below(other.len());
                bytes.splice(at.., other[from..].to_vec());
            }
            5 => {
                // A part again, many times: nesting and counts.
                let end = (at + 1 + self.below(32)).min(bytes.len());
                let most = if self.below(16) == 0 { 2_000 } else { 8 };
                let again = bytes[at..end].repeat(1 + self.below(most));
                bytes.splice(at..at, again);
            }
            6 => {
                let end = (at + self.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                // A digit or a sign, as texts have them.
                let sign = b"0123456789-+.:;,<>{}[]\"'\\/=\r\n"[self.below(29)];
                bytes.insert(at.min(bytes.len()), sign);
            }
        }
    }
}

/// Runs a target over its cases and over what is bent of them, from this number on, for so long; how many inputs that were.
///
/// # Panics
/// With the number and the input where the target panics or takes too long.
pub fn drive(target: &Target, own: &[Vec<u8>], all: &[Vec<u8>], seed: u64, time: Duration) -> u64 {
    let until = Instant::now() + time;
    own.iter().for_each(|bytes| tried(target, bytes, "a case"));
    let mut count = 0;
    while Instant::now() < until {
        let number = seed.wrapping_add(count);
        let bytes = Random::of(number).bend(own, all);
        tried(target, &bytes, &format!("number {number}"));
        count += 1;
    }
    count
}

fn tried(target: &Target, bytes: &[u8], which: &str) {
    let started = Instant::now();
    let done = std::panic::catch_unwind(|| (target.run)(bytes));
    assert!(done.is_ok(), "{} does not survive {which}: {}", target.name, hex(bytes));
    let took = started.elapsed();
    assert!(took < SLOW, "{} takes {took:?} for {which}: {}", target.name, hex(bytes));
}

/// Bytes as they are written down.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
