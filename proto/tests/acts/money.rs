//! Random, reordered, repeated, partial, cut-off and forged acts of a fund: what holds in every set of them.

use std::collections::BTreeMap;

use caphub_proto::exchange::acts::{Act, Seen};
use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::fund::{Account, Fund};
use caphub_proto::v1::FundAct;
use caphub_proto::v1::fund_act::Act as Funding;
use caphub_proto::wire::EntryHash;

use crate::auditor::Auditor;
use crate::fund;
use crate::pen::{Dice, Pen};
use crate::properties::{ROUNDS, arrivals, known, mangle};

fn random_fund(dice: &mut Dice) -> Pen<FundAct> {
    let currencies = ["USD", "EUR", "CHF"];
    let amounts = ["0.01", "5", "7.5", "10", "0.000000000000000001", "999999999999999999"];
    let mut pen = Pen::new("random fund");
    let charter = fund::charter(1 + dice.roll(3) as u32, &fund::BOARD, &["USD", "EUR"]);
    pen.write(1, fund::act(Funding::Charter(charter)));
    let promised = pen.write(4, fund::pledge("20", "USD"));
    pen.write(1, fund::paid_in(promised, "17.5", "USD"));
    let project = pen.write(5, fund::propose(&["5", "5"], "USD"));
    for member in 1..=3 {
        pen.write(member, fund::vote(project, dice.roll(4) > 0));
    }
    pen.write(2, fund::act(Funding::Commit(fund::step(project, 0))));
    if dice.roll(3) == 0 {
        // Agreed to once, and given back twice.
        pen.write(2, fund::act(Funding::Approve(fund::back(promised, "2.5", "USD"))));
        pen.write(3, fund::act(Funding::Approve(fund::back(promised, "2.5", "USD"))));
        for _ in 0..2 {
            pen.write(1, fund::act(Funding::PayBack(fund::payment(promised, "2.5", "USD"))));
        }
    }
    for _ in 0..40 + dice.roll(60) {
        let of = |kind: &str, pen: &Pen<FundAct>, dice: &mut Dice| {
            let fits = |a: &&Act<FundAct>| match kind {
                "pledge" => matches!(a.what.act, Some(Funding::Pledge(_))),
                "proposal" => matches!(a.what.act, Some(Funding::Propose(_))),
                _ => matches!(a.what.act, Some(Funding::Amend(_))),
            };
            let some: Vec<EntryHash> = pen.acts.iter().filter(fits).map(|a| a.hash).collect();
            if some.is_empty() || dice.roll(20) == 0 {
                pen.root()
            } else {
                some[dice.roll(some.len().min(3))]
            }
        };
        let (amount, currency) = (amounts[dice.roll(amounts.len())], currencies[dice.roll(10).min(2) / 2]);
        let milestone = [1, 1, 2, 0][dice.roll(4)];
        let usual = 1 + dice.roll(3) as u8;
        let (author, what) = match dice.roll(20) {
            0 | 1 => (4, fund::pledge(amount, currency)),
            2 | 3 => (usual, fund::paid_in(of("pledge", &pen, dice), amount, currency)),
            4 => (5, fund::propose(&[amount, "5"], currency)),
            5..=7 => (usual, fund::vote(of("proposal", &pen, dice), dice.roll(5) > 0)),
            8 | 9 => (usual, fund::act(Funding::Commit(fund::step(of("proposal", &pen, dice), 0)))),
            10 | 11 => {
                (usual, fund::act(Funding::Approve(fund::step(of("proposal", &pen, dice), milestone))))
            }
            12 | 13 => {
                (usual, fund::act(Funding::Disburse(fund::step(of("proposal", &pen, dice), milestone))))
            }
            14 => (5, fund::act(Funding::Receipt(fund::step(of("proposal", &pen, dice), milestone)))),
            15 => (5, fund::act(Funding::Report(fund::step(of("proposal", &pen, dice), milestone)))),
            16 => (
                usual,
                fund::act(Funding::Refund(fund::payment(of("proposal", &pen, dice), amount, currency))),
            ),
            17 => (usual, fund::act(Funding::Release(fund::step(of("proposal", &pen, dice), 0)))),
            18 => (
                usual,
                fund::act(Funding::PayBack(fund::payment(of("pledge", &pen, dice), amount, currency))),
            ),
            _ => match dice.roll(4) {
                0 => (usual, fund::act(Funding::Amend(fund::charter(1, &[1, 2], &["USD", "EUR"])))),
                1 => (usual, fund::act(Funding::Enact(fund::step(of("amend", &pen, dice), 0)))),
                2 => (usual, fund::act(Funding::Approve(fund::step(of("amend", &pen, dice), 0)))),
                _ => (
                    usual,
                    fund::act(Funding::Approve(fund::back(of("pledge", &pen, dice), amount, currency))),
                ),
            },
        };
        let author = if dice.roll(12) == 0 { 1 + dice.roll(6) as u8 } else { author };
        let known = known(&pen, dice);
        pen.write_knowing(author, dice.roll(2) as u8, &known, what);
    }
    pen
}

/// What the lines alone say, added up without the ledger.
fn recompute(fund: &Fund) -> BTreeMap<(String, Account), i128> {
    let mut sums: BTreeMap<(String, Account), i128> = BTreeMap::new();
    for line in fund.ledger.lines() {
        let text = line.amount.text(18).replace('.', "");
        let units: i128 = text.parse().unwrap();
        *sums.entry((line.currency.clone(), line.from)).or_default() -= units;
        *sums.entry((line.currency.clone(), line.to)).or_default() += units;
        for (key, sum) in &sums {
            assert!(*sum >= 0 || matches!(key.1, Account::Donor(_)), "below zero on the way: {key:?}");
        }
    }
    sums
}

#[test]
fn no_balance_is_below_zero_no_payment_lacks_its_threshold_and_every_total_adds_up() {
    holds();
}

/// Fails where it does not.
pub fn holds() {
    let (mut lines, mut paid, mut agreed) = (0, 0, 0);
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed ^ 0xf00d);
        let pen = random_fund(&mut dice);
        let (acts, cuts) = mangle(&pen, &mut dice);
        let gone = |s: &Seen| cuts.get(&s.feed).is_some_and(|cut| s.seq > *cut);
        let found = Fund::of(&pen.root(), &acts, &gone);
        let again = Fund::of(&pen.root(), &arrivals(&acts, &mut dice), &gone);
        assert_eq!(found, again, "seed {seed}: another order of arrival, another state");
        let without: Vec<_> = acts.iter().filter(|a| a.void.is_none()).cloned().collect();
        let other = Fund::of(&pen.root(), &without, &gone);
        let state = |f: &Option<Fund>| f.as_ref().map(|f| (f.counted.clone(), f.ledger.clone()));
        assert_eq!(state(&found), state(&other), "seed {seed}");
        let Some(f) = found else { continue };
        let sums = recompute(&f);
        let held = |a: &Amount| a.text(18).replace('.', "").parse::<i128>().unwrap();
        assert!(
            f.ledger.balances().iter().all(|(k, a)| held(a) == sums.get(k).copied().unwrap_or(0)),
            "seed {seed}"
        );
        for currency in ["USD", "EUR"] {
            let all: i128 = sums.iter().filter(|((c, _), _)| c == currency).map(|(_, v)| v).sum();
            assert_eq!(all, 0, "seed {seed}: money from nowhere");
        }
        assert!(f.ledger.totals().values().all(caphub_proto::exchange::fund::Totals::adds_up), "seed {seed}");
        lines += f.ledger.lines().len();
        // By the acts alone, without the ledger and without the rules.
        let by_hash: BTreeMap<EntryHash, &Act<FundAct>> = acts.iter().map(|a| (a.hash, a)).collect();
        let mut auditor = Auditor::new(seed, by_hash[&f.root]);
        f.counted.iter().filter(|hash| **hash != f.root).for_each(|hash| auditor.take(by_hash[hash]));
        let mut own = auditor.balances.clone();
        own.retain(|_, sum| *sum != 0);
        let mut stated = sums;
        stated.retain(|_, sum| *sum != 0);
        assert_eq!(own, stated, "seed {seed}: the acts say other balances");
        paid += auditor.paid;
        agreed += auditor.agreed;
    }
    assert!(
        lines > 500 && paid > 20 && agreed > 60,
        "only {lines} lines, {paid} payments and {agreed} agreements: the acts prove nothing"
    );
}
