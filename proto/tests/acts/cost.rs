//! The worst case has a ceiling (threats.md row 10): as many acts as are put in order, all concurrent or all chained.
//!
//! What is bounded is work and not time: a machine that does much else does no more of it.

use caphub_proto::exchange::acts::{ACTS_MAX, Act, Fault, Graph, Verdict};
use caphub_proto::exchange::fund::Fund;
use caphub_proto::v1::fund_act::Act as What;
use caphub_proto::v1::{ActNote, FundAct};
use caphub_proto::wire::PartyId;

use crate::fund;
use crate::pen::{Pen, party, text};

/// Words that tell which acts follow one: a bit each, and each side's begin anew.
const WORDS: u64 = ACTS_MAX.div_ceil(64) as u64 + 3;

fn note() -> FundAct {
    fund::act(What::Note(ActNote { text: text("at once"), ..ActNote::default() }))
}

/// Words compared to put all of them in order, as a fund of the usual board does it.
fn work(acts: &[Act<FundAct>]) -> u64 {
    let on_board = |p: &PartyId| fund::BOARD.iter().any(|b| party(*b) == *p);
    let graph = Graph::new(acts, &|_| 0, &|_| false);
    assert_eq!(graph.sequence(&|_| true, &on_board, &|_| 0).len(), acts.len().min(ACTS_MAX));
    graph.work()
}

/// As many candidates at a time as there are feeds: each is compared with each when it comes and when it is taken, both
/// ways.
fn ceiling(feeds: u64) -> u64 {
    4 * ACTS_MAX as u64 * feeds * WORDS
}

#[test]
fn the_worst_set_of_acts_is_put_in_order_with_bounded_work_and_a_flood_is_cut_where_it_came_from() {
    let mut pen = Pen::new("flood");
    pen.write(1, fund::act(What::Charter(fund::charter(2, &fund::BOARD, &["USD"]))));
    let root = pen.acts.clone();
    // A stranger with many keys, none of which knows of another, and more than fit.
    for n in 0..ACTS_MAX + 500 {
        pen.write_knowing(200, (n % 250) as u8, &root, note());
    }
    let promised = pen.write_knowing(fund::DONOR, 0, &root, fund::pledge("5", "USD"));
    let named = pen.acts.last().cloned().into_iter().chain(root).collect::<Vec<_>>();
    pen.write_knowing(1, 0, &named, fund::paid_in(promised, "5", "USD"));
    // Nobody built on the stranger's acts: they are told apart without a comparison each.
    let words = work(&pen.acts);
    println!("{} acts: {words} words", pen.acts.len());
    assert!(words <= 1_000 * WORDS, "{words} words");
    let fund = Fund::of(&pen.root(), &pen.acts, &|_| false).unwrap();
    let cut = fund.verdicts.values().filter(|v| **v == Verdict::Void(Fault::TooMany)).count();
    assert_eq!(cut, pen.acts.len() - ACTS_MAX);
    // What the board wrote and named stays.
    assert_eq!(fund.ledger.lines().len(), 1);
}

/// Parties of the board with so many keys each: half of the acts know nothing of the others, half know some of them.
fn at_once(keys: usize) -> Pen<FundAct> {
    let mut pen = Pen::new("at once");
    pen.write(1, fund::act(What::Charter(fund::charter(2, &fund::BOARD, &["USD"]))));
    let root = pen.acts.clone();
    for n in 0..ACTS_MAX / 2 {
        pen.write_knowing(1 + (n % 3) as u8, (n % keys) as u8, &root, note());
    }
    let known = pen.acts.clone();
    for n in 0..ACTS_MAX / 2 - 1 {
        let part = &known[..known.len() * (n % 7 + 1) / 7];
        pen.write_knowing(1 + (n % 3) as u8, (n % keys) as u8, part, note());
    }
    pen
}

#[test]
fn a_board_that_writes_as_much_as_it_can_at_once_is_put_in_order_with_bounded_work() {
    // With one and with 80 keys each; work grows with candidates at a time and with nothing else.
    for keys in [1, 80] {
        let pen = at_once(keys);
        let words = work(&pen.acts);
        let feeds = 3 * keys as u64;
        println!("{} acts in {feeds} feeds: {words} words, ceiling {}", pen.acts.len(), ceiling(feeds));
        assert!(words <= ceiling(feeds), "{words} words where {} are the most", ceiling(feeds));
        let fund = Fund::of(&pen.root(), &pen.acts, &|_| false).unwrap();
        assert_eq!(fund.counted.len(), ACTS_MAX);
    }
}
