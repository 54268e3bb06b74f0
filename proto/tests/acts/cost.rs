//! The worst case has a ceiling (threats.md row 10): as many acts as are put in order, all concurrent or all chained.

use std::time::{Duration, Instant};

use caphub_proto::exchange::acts::{ACTS_MAX, Fault, Verdict};
use caphub_proto::exchange::fund::Fund;
use caphub_proto::v1::ActNote;
use caphub_proto::v1::fund_act::Act as What;

use crate::fund;
use crate::pen::{Pen, text};

/// Generous, for a debug build on a busy machine; measured in release: some tens of milliseconds.
const CEILING: Duration = Duration::from_secs(60);

#[test]
fn the_worst_set_of_acts_is_put_in_order_in_bounded_time_and_a_flood_is_cut_where_it_came_from() {
    let note = || fund::act(What::Note(ActNote { text: text("flood"), ..ActNote::default() }));
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
    let started = Instant::now();
    let fund = Fund::of(&pen.root(), &pen.acts, &|_| false).unwrap();
    let took = started.elapsed();
    println!("{} acts in {took:?}", pen.acts.len());
    assert!(took < CEILING, "{took:?}");
    let cut = fund.verdicts.values().filter(|v| **v == Verdict::Void(Fault::TooMany)).count();
    assert_eq!(cut, pen.acts.len() - ACTS_MAX);
    // What the board wrote and named stays.
    assert_eq!(fund.ledger.lines().len(), 1);
}

#[test]
fn a_board_that_writes_as_much_as_it_can_at_once_is_put_in_order_in_bounded_time() {
    let note = || fund::act(What::Note(ActNote { text: text("at once"), ..ActNote::default() }));
    let mut pen = Pen::new("at once");
    pen.write(1, fund::act(What::Charter(fund::charter(2, &fund::BOARD, &["USD"]))));
    let root = pen.acts.clone();
    // Three parties with 80 keys each: half of their acts know nothing of the others, half know all that was.
    for n in 0..ACTS_MAX / 2 {
        pen.write_knowing(1 + (n % 3) as u8, (n % 80) as u8, &root, note());
    }
    let known = pen.acts.clone();
    for n in 0..ACTS_MAX / 2 - 1 {
        let part = &known[..known.len() * (n % 7 + 1) / 7];
        pen.write_knowing(1 + (n % 3) as u8, (n % 80) as u8, part, note());
    }
    let started = Instant::now();
    let fund = Fund::of(&pen.root(), &pen.acts, &|_| false).unwrap();
    let took = started.elapsed();
    println!("{} acts in {took:?}", pen.acts.len());
    assert!(took < CEILING, "{took:?}");
    assert_eq!(fund.counted.len(), ACTS_MAX);
}
