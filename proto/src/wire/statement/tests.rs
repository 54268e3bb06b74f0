//! An honest node is never shown anything by its statements, whatever befalls it; one that hides entries is.

use super::*;
use crate::wire::feed::Author;

const LATER: u64 = 1_000_000;

fn signer(n: u8) -> Signer {
    Signer::from_seed(&[n; 32])
}

fn feed() -> Feed {
    Feed::records(PartyId([7; 32]), OperatorKey([8; 32]), Audience::Public)
}

fn hash(branch: u8, seq: u64) -> EntryHash {
    EntryHash(crate::wire::keys::tagged_hash(b"test", &[&[branch], &seq.to_be_bytes()]))
}

fn at(branch: u8, seq: u64) -> Option<Head> {
    Seq::new(seq).map(|s| Head { seq: s, hash: hash(branch, seq) })
}

fn state(head: Option<Head>, time_ms: u64, cut: Cut) -> HeadStatement {
    let feed = feed();
    Stating { log: LogId([1; 16]), party: PartyId([2; 32]), time_ms, feed: &feed, head, cut }.sign(&signer(3))
}

fn no_chain(_: Seq) -> Option<EntryHash> {
    None
}

#[test]
fn a_statement_survives_its_bytes_and_no_others() {
    let statement = state(at(0, 9), 5, Cut::Forked);
    let bytes = statement.encode();
    assert_eq!(bytes.len(), STATEMENT_BYTES);
    assert_eq!(HeadStatement::decode(&bytes), Ok(statement));
    for i in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[i] ^= 1;
        assert!(HeadStatement::decode(&altered).is_err(), "byte {i}");
    }
    assert_eq!(HeadStatement::decode(&bytes[1..]), Err(Reason::BadLength));
}

#[test]
fn a_lower_head_later_under_the_same_log_is_evidence_in_either_order() {
    let (held, lower) = (state(at(0, 9), 5, Cut::Whole), state(at(0, 4), 6, Cut::Whole));
    for (one, other) in [(held, lower), (lower, held)] {
        assert_eq!(compare(&feed(), &one, &other, no_chain), Comparison::Contradiction);
        assert_eq!(in_order(one, other), (held, lower));
    }
    let nothing = state(None, 6, Cut::Whole);
    assert_eq!(compare(&feed(), &held, &nothing, no_chain), Comparison::Contradiction);
    let other_chain = state(at(1, 9), 6, Cut::Whole);
    assert_eq!(compare(&feed(), &held, &other_chain, no_chain), Comparison::Contradiction);
}

#[test]
fn growth_a_cut_another_log_and_another_key_are_no_evidence() {
    let held = state(at(0, 9), 5, Cut::Whole);
    let grown = state(at(0, 12), 6, Cut::Whole);
    assert_eq!(compare(&feed(), &held, &grown, no_chain), Comparison::Consistent);
    for cut in [Cut::Revoked, Cut::Forked] {
        let lower = state(at(0, 4), 6, cut);
        assert_eq!(compare(&feed(), &held, &lower, no_chain), Comparison::Cut(cut));
    }
    let feed = feed();
    let stating = |log, by: u8| {
        let (party, head) = (PartyId([2; 32]), at(0, 1));
        Stating { log: LogId([log; 16]), party, time_ms: 9, feed: &feed, head, cut: Cut::Whole }
            .sign(&signer(by))
    };
    for other in [stating(2, 3), stating(1, 4)] {
        assert_eq!(compare(&feed, &held, &other, no_chain), Comparison::Unrelated);
    }
}

#[test]
fn an_identity_log_that_was_replaced_is_no_evidence_and_a_shorter_piece_of_it_is() {
    let feed = Feed { party: PartyId([7; 32]), author: Author::Identity };
    let state = |head, time_ms| {
        let (log, party) = (LogId([1; 16]), PartyId([2; 32]));
        Stating { log, party, time_ms, feed: &feed, head, cut: Cut::Whole }.sign(&signer(3))
    };
    let chain = |seq: Seq| Some(hash(0, seq.value()));
    let held = state(at(0, 5), 1);
    let piece = compare(&feed, &held, &state(at(0, 3), 2), chain);
    assert_eq!(piece, Comparison::Contradiction);
    assert_eq!(compare(&feed, &held, &state(at(1, 3), 2), chain), Comparison::Replaced);
    assert_eq!(compare(&feed, &held, &state(at(0, 3), 2), no_chain), Comparison::Replaced);
    assert_eq!(compare(&feed, &held, &state(at(1, 5), 2), chain), Comparison::Replaced);
}

#[test]
fn a_slow_hub_is_only_late_and_since_when() {
    let mut known = Known::new(state(at(0, 3), 1, Cut::Whole));
    assert_eq!(known.compare_with(8, 100), Some(Late { behind: 5, since_ms: 100 }));
    assert_eq!(known.compare_with(9, 200), Some(Late { behind: 6, since_ms: 100 }));
    known.take(&feed(), state(at(0, 9), 2, Cut::Whole), no_chain);
    assert_eq!(known.compare_with(9, 300), None);
    assert_eq!(known.shown, None);
}

#[test]
fn another_log_forgets_what_was_stated_under_the_old_one_and_says_so() {
    let feed = feed();
    let mut known = Known::new(state(at(0, 9), 5, Cut::Whole));
    let restored = Stating {
        log: LogId([2; 16]),
        party: PartyId([2; 32]),
        time_ms: 6,
        feed: &feed,
        head: at(0, 4),
        cut: Cut::Whole,
    };
    assert_eq!(known.take(&feed, restored.sign(&signer(3)), no_chain), Comparison::Unrelated);
    assert_eq!((known.shown, known.other_logs, known.latest.seq()), (None, 1, 4));
}

#[test]
fn the_stating_clock_never_goes_back() {
    let mut stamp = Stamp::default();
    let (first, reserve) = stamp.next(LATER);
    assert_eq!((first, reserve), (LATER, Some(LATER + stamp::RESERVE_MS)));
    assert_eq!(stamp.next(5), (LATER + 1, None));
    let mut restarted = Stamp::resume(stamp.reserved());
    let (time, reserve) = restarted.next(0);
    assert!(time > stamp.reserved() && reserve.is_some());
}

/// A small generator: tests need no more.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// One honest node: it appends, crashes, is restored, loses its clock, learns of revocations and of forks.
struct Honest {
    log: u8,
    seq: u64,
    top: u64,
    cut: Cut,
    stamp: Stamp,
    durable: u64,
    clock: u64,
}

impl Honest {
    fn step(&mut self, dice: &mut Dice) {
        match dice.below(9) {
            0..=3 if self.cut == Cut::Whole => (self.seq, self.top) = (self.seq + 1, self.top + 1),
            4 => self.clock = dice.below(2 * LATER),
            5 => self.stamp = Stamp::resume(self.durable),
            6 if dice.below(4) == 0 => {
                // A restored store is shorter, and begins another log under another name.
                (self.log, self.seq) = (self.log + 1, dice.below(self.seq + 1));
                (self.stamp, self.cut) = (Stamp::resume(self.durable), Cut::Whole);
            }
            7 if dice.below(8) == 0 => (self.cut, self.seq) = (Cut::Revoked, dice.below(self.seq + 1)),
            8 if dice.below(8) == 0 => (self.cut, self.seq) = (Cut::Forked, dice.below(self.seq + 1)),
            _ => self.clock += dice.below(1_000),
        }
    }

    fn state(&mut self) -> HeadStatement {
        let (time_ms, reserve) = self.stamp.next(self.clock);
        self.durable = reserve.unwrap_or(self.durable);
        let (feed, log) = (feed(), LogId([self.log; 16]));
        let head = at(0, self.seq);
        Stating { log, party: PartyId([2; 32]), time_ms, feed: &feed, head, cut: self.cut }.sign(&signer(3))
    }
}

#[test]
fn an_honest_node_is_never_accused_whatever_befalls_it() {
    for seed in 0..150 {
        let mut dice = Dice(seed);
        let whole = Honest {
            log: 1,
            seq: 0,
            top: 0,
            cut: Cut::Whole,
            stamp: Stamp::default(),
            durable: 0,
            clock: LATER,
        };
        let mut node = whole;
        let mut said = Vec::new();
        for _ in 0..24 {
            for _ in 0..dice.below(4) {
                node.step(&mut dice);
            }
            said.push(node.state());
        }
        let mut known = Known::new(said[0]);
        // Statements arrive by any path, in any order, and some of them twice.
        for _ in 0..80 {
            let statement = said[dice.below(said.len() as u64) as usize];
            let found = known.take(&feed(), statement, no_chain);
            assert_ne!(found, Comparison::Contradiction, "seed {seed}");
            known.compare_with(node.top, LATER);
        }
        assert_eq!(known.shown, None, "seed {seed}");
    }
}
