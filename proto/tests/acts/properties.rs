//! Random, reordered, repeated, partial, cut-off and forged acts: what holds in every set of them.

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::exchange::acts::{Act, Seen, Verdict};
use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::engagement::{Engagement, State, conflicts};
use caphub_proto::exchange::fund::{Account, Fund};
use caphub_proto::v1::engagement_act::Act as Engaging;
use caphub_proto::v1::fund_act::Act as Funding;
use caphub_proto::v1::{EngagementAct, EngagementAgreement, FundAct, ProviderTerms, RecipientTerms};
use caphub_proto::wire::{EntryHash, FeedId, PartyId, Reason};

use crate::pen::{Dice, Fill, Pen, party};
use crate::{engagement, fund};

/// Rounds of each property; a failing one prints its seed.
const ROUNDS: u64 = 400;

/// Some of what was written before, all of it, or nothing.
pub fn known<T: Fill>(pen: &Pen<T>, dice: &mut Dice) -> Vec<Act<T>> {
    match dice.roll(4) {
        0 => pen.acts.iter().take(dice.roll(pen.acts.len() + 1)).cloned().collect(),
        _ => pen.acts.clone(),
    }
}

/// Acts as a hostile network gives them, and which entries can never count: some are repeated, some missing, some feeds
/// are cut off, some acts are not as their author wrote them.
pub fn mangle<T: Fill>(pen: &Pen<T>, dice: &mut Dice) -> (Vec<Act<T>>, BTreeMap<FeedId, u64>) {
    let mut acts = pen.acts.clone();
    let mut cuts = BTreeMap::new();
    if dice.roll(3) == 0 {
        let feed = acts[dice.roll(acts.len())].feed;
        let cut = dice.roll(4) as u64;
        cuts.insert(feed, cut);
        acts.iter_mut()
            .filter(|a| a.feed == feed && a.seq > cut)
            .for_each(|a| a.void = Some(Reason::Revoked));
    }
    if dice.roll(3) == 0 {
        let at = dice.roll(acts.len());
        acts[at].author = party(1 + dice.roll(6) as u8);
    }
    if dice.roll(4) == 0 {
        let (at, from) = (dice.roll(acts.len()), dice.roll(acts.len()));
        let seen = Seen { feed: acts[from].feed, seq: acts[from].seq, hash: acts[from].hash };
        acts[at].after.push(seen);
    }
    let root = pen.root();
    if dice.roll(3) == 0 {
        let keep = dice.roll(10) + 1;
        acts.retain(|a| a.hash == root || a.hash.0[0] as usize % 10 < keep);
    }
    (acts, cuts)
}

pub fn arrivals<T: Fill>(acts: &[Act<T>], dice: &mut Dice) -> Vec<Act<T>> {
    let mut again = acts.to_vec();
    for _ in 0..dice.roll(5) {
        again.push(acts[dice.roll(acts.len())].clone());
    }
    dice.shuffle(&mut again);
    again
}

fn random_engagement(dice: &mut Dice) -> Pen<EngagementAct> {
    let names = ["US", "FJ"];
    let place = |dice: &mut Dice| match dice.roll(3) {
        2 => Vec::new(),
        n => vec![names[n].to_owned()],
    };
    let conditions =
        |dice: &mut Dice| ProviderTerms { data_locations: place(dice), ..ProviderTerms::default() };
    let mut pen = Pen::new("random");
    let terms = RecipientTerms { data_locations: place(dice), ..RecipientTerms::default() };
    let first = engagement::proposal(conditions(dice), terms);
    pen.write(1 + dice.roll(2) as u8, first);
    let note = engagement::note;
    for _ in 0..dice.roll(20) {
        let word = pen.acts[dice.roll(pen.acts.len())].hash;
        let waivers = ["data_location:US", "data_location:FJ"];
        // Half of the time what is due, so that lives are long enough to go wrong late.
        if let Some(e) = Engagement::of(&pen.root(), &pen.acts, &|_| false).filter(|_| dice.roll(2) == 0) {
            let (author, what) = match e.state {
                State::Proposed if e.proposer == e.recipient => {
                    (2, engagement::act(Engaging::Agree(EngagementAgreement::default())))
                }
                State::Proposed | State::Agreed => (1, engagement::accept(e.word, &waivers)),
                State::Accepted => (2, engagement::act(Engaging::Start(note()))),
                State::Active => (2, engagement::act(Engaging::Deliver(note()))),
                State::Delivered => (1, engagement::act(Engaging::Confirm(note()))),
                _ => (1, engagement::evaluate()),
            };
            let known = known(&pen, dice);
            pen.write_knowing(author, dice.roll(2) as u8, &known, what);
            continue;
        }
        let what = match dice.roll(12) {
            0 | 1 => engagement::accept(word, &waivers[..dice.roll(3)]),
            2 => engagement::accept(pen.root(), &waivers[..dice.roll(3)]),
            3 => engagement::act(Engaging::Agree(EngagementAgreement {
                conditions: Some(conditions(dice)),
                text: None,
            })),
            4 | 5 => engagement::act(Engaging::Start(note())),
            6 => engagement::act(Engaging::Deliver(note())),
            7 => engagement::act(Engaging::Confirm(note())),
            8 => engagement::evaluate(),
            9 => engagement::act(Engaging::Withdraw(note())),
            10 => engagement::act(Engaging::Dispute(note())),
            _ => engagement::resolve(["resume", "confirmed", "ended"][dice.roll(3)]),
        };
        let known = known(&pen, dice);
        pen.write_knowing(1 + dice.roll(3) as u8, dice.roll(2) as u8, &known, what);
    }
    pen
}

#[test]
fn no_engagement_is_active_without_the_recipients_yes_to_the_conditions_and_all_nodes_agree() {
    let mut active = 0;
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let pen = random_engagement(&mut dice);
        let (acts, cuts) = mangle(&pen, &mut dice);
        let gone = |s: &Seen| cuts.get(&s.feed).is_some_and(|cut| s.seq > *cut);
        let found = Engagement::of(&pen.root(), &acts, &gone);
        let again = Engagement::of(&pen.root(), &arrivals(&acts, &mut dice), &gone);
        assert_eq!(found, again, "seed {seed}: another order of arrival, another state");
        // A node that never got what was cut off comes to the same.
        let without: Vec<_> = acts.iter().filter(|a| a.void.is_none()).cloned().collect();
        let other = Engagement::of(&pen.root(), &without, &gone);
        let state = |e: &Option<Engagement>| e.as_ref().map(|e| (e.state, e.counted.clone()));
        assert_eq!(state(&found), state(&other), "seed {seed}");
        let Some(e) = found else { continue };
        if matches!(e.state, State::Active | State::Delivered | State::Confirmed | State::Evaluated) {
            active += 1;
            let yes: Vec<_> = acts
                .iter()
                .filter(|a| e.verdicts.get(&a.hash) == Some(&Verdict::Counted))
                .filter_map(|a| match &a.what.act {
                    Some(Engaging::Accept(accept)) => Some((a, accept)),
                    _ => None,
                })
                .collect();
            assert_eq!(yes.len(), 1, "seed {seed}");
            let (act, accept) = yes[0];
            assert!(act.author == e.recipient && act.void.is_none(), "seed {seed}");
            assert_eq!(accept.to, e.word.as_bytes(), "seed {seed}");
            let against = conflicts(&e.terms, &e.conditions);
            assert!(against.iter().all(|c| accept.waivers.contains(c)), "seed {seed}: {against:?}");
        }
    }
    assert!(active > 20, "only {active} were ever active: the acts prove nothing");
}

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
    let (mut lines, mut paid) = (0, 0);
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
        // By the acts alone: whoever of the first board agreed to what was paid. Funds whose charter changed are left out.
        let by_hash: BTreeMap<EntryHash, &Act<FundAct>> = acts.iter().map(|a| (a.hash, a)).collect();
        if f.counted.iter().any(|h| matches!(by_hash[h].what.act, Some(Funding::Enact(_)))) {
            continue;
        }
        let board: BTreeSet<PartyId> = fund::BOARD.iter().map(|b| party(*b)).collect();
        for (at, hash) in f.counted.iter().enumerate() {
            let act = by_hash[hash];
            let Some(Funding::Disburse(step)) = &act.what.act else { continue };
            let mut agreed = BTreeSet::from([act.author]);
            for earlier in &f.counted[..at] {
                match &by_hash[earlier].what.act {
                    Some(Funding::Approve(s)) if s.about == step.about && s.milestone == step.milestone => {
                        agreed.insert(by_hash[earlier].author);
                    }
                    _ => {}
                }
            }
            paid += 1;
            assert!(agreed.intersection(&board).count() >= f.charter.threshold as usize, "seed {seed}");
        }
    }
    assert!(lines > 500 && paid > 20, "only {lines} lines and {paid} payments: the acts prove nothing");
}
