//! Money of several parties.

use caphub_proto::exchange::acts::{Fault, Verdict};
use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::fund::{Account, Fund, State};
use caphub_proto::v1::fund_act::Act as What;
use caphub_proto::v1::{
    FundAct, FundCharter, FundMilestone, FundPayment, FundPledge, FundProposal, FundStep, FundVote,
};
use caphub_proto::wire::EntryHash;

use super::pen::{DAY, Pen, TIME, money, party, text};

/// Board parties are 1, 2 and 3; two of them decide.
pub const BOARD: [u8; 3] = [1, 2, 3];
pub const DONOR: u8 = 4;
pub const RECIPIENT: u8 = 5;

pub fn act(what: What) -> FundAct {
    FundAct { act: Some(what), ..FundAct::default() }
}

pub fn charter(threshold: u32, board: &[u8], currencies: &[&str]) -> FundCharter {
    FundCharter {
        title: text("A fund"),
        board: board.iter().map(|b| party(*b).to_vec()).collect(),
        threshold,
        currencies: currencies.iter().map(|c| (*c).to_owned()).collect(),
        ..FundCharter::default()
    }
}

pub fn pledge(amount: &str, currency: &str) -> FundAct {
    act(What::Pledge(FundPledge {
        amount: money(amount, currency),
        text: None,
        due: "2027-02-01".to_owned(),
    }))
}

pub fn payment(about: EntryHash, amount: &str, currency: &str) -> FundPayment {
    paid(about, amount, currency, &format!("{amount} {currency}"))
}

pub fn paid(about: EntryHash, amount: &str, currency: &str, reference: &str) -> FundPayment {
    let reference = reference.to_owned();
    FundPayment { about: about.to_vec(), amount: money(amount, currency), note: None, reference }
}

/// Agreement to pay so much of a pledge back.
pub fn back(about: EntryHash, amount: &str, currency: &str) -> FundStep {
    FundStep { amount: money(amount, currency), ..step(about, 0) }
}

pub fn paid_in(about: EntryHash, amount: &str, currency: &str) -> FundAct {
    act(What::PaidIn(payment(about, amount, currency)))
}

pub fn propose(parts: &[&str], currency: &str) -> FundAct {
    let sum = parts.iter().try_fold(Amount::ZERO, |s, p| s.plus(p.parse().unwrap())).unwrap();
    let part = |amount: &&str| FundMilestone {
        title: text("part"),
        amount: (*amount).to_owned(),
        due: String::new(),
    };
    act(What::Propose(FundProposal {
        title: text("A project"),
        recipient: party(RECIPIENT).to_vec(),
        amount: money(&sum.to_string(), currency),
        milestones: parts.iter().map(part).collect(),
        ..FundProposal::default()
    }))
}

pub fn vote(about: EntryHash, yes: bool) -> FundAct {
    act(What::Vote(FundVote { about: about.to_vec(), yes, reason: None }))
}

pub fn step(about: EntryHash, milestone: u32) -> FundStep {
    FundStep { about: about.to_vec(), milestone, ..FundStep::default() }
}

pub fn of(pen: &Pen<FundAct>) -> Fund {
    Fund::of(&pen.root(), &pen.acts, &|_| false).unwrap()
}

/// A fund with 1,000 USD paid in, and its pledge.
pub fn funded() -> (Pen<FundAct>, EntryHash) {
    let mut pen = Pen::new("fund");
    pen.write(1, act(What::Charter(charter(2, &BOARD, &["USD", "EUR"]))));
    let promised = pen.write(DONOR, pledge("1000.00", "USD"));
    pen.write(1, paid_in(promised, "1000", "USD"));
    (pen, promised)
}

fn free(fund: &Fund, currency: &str) -> String {
    fund.ledger.balance(currency, Account::Free).text(2)
}

fn verdict(pen: &Pen<FundAct>, hash: EntryHash) -> Verdict {
    of(pen).verdicts[&hash]
}

/// Voted for by two and committed.
pub fn committed(parts: &[&str]) -> (Pen<FundAct>, EntryHash, EntryHash) {
    let (mut pen, promised) = funded();
    let project = pen.write(RECIPIENT, propose(parts, "USD"));
    pen.write(1, vote(project, true));
    pen.write(2, vote(project, true));
    pen.write(3, act(What::Commit(step(project, 0))));
    (pen, project, promised)
}

#[test]
fn money_goes_from_pledge_to_receipt_by_milestones_and_the_statement_adds_up() {
    let (mut pen, project, _) = committed(&["400.10", "199.90"]);
    assert_eq!(free(&of(&pen), "USD"), "400.00");
    pen.write(2, act(What::Approve(step(project, 1))));
    pen.write(1, act(What::Disburse(step(project, 1))));
    let early = pen.write(2, act(What::Approve(step(project, 2))));
    assert_eq!(verdict(&pen, early), Verdict::Void(Fault::MilestoneOrder));
    pen.write(RECIPIENT, act(What::Receipt(step(project, 1))));
    pen.write(RECIPIENT, act(What::Report(step(project, 1))));
    pen.write(2, act(What::Approve(step(project, 2))));
    pen.write(3, act(What::Disburse(step(project, 2))));
    assert_eq!(of(&pen).proposals[&project].state, State::Committed);
    pen.write(RECIPIENT, act(What::Receipt(step(project, 2))));
    pen.write(1, act(What::Refund(payment(project, "0.01", "USD"))));
    let fund = of(&pen);
    assert_eq!(fund.proposals[&project].state, State::Done);
    let totals = fund.ledger.totals()["USD"];
    assert!(totals.adds_up());
    let shown = [totals.paid_in, totals.disbursed, totals.refunded, totals.committed, totals.free];
    assert_eq!(shown.map(|a| a.text(2)), ["1000.00", "600.00", "0.01", "0.00", "400.01"]);
    assert_eq!(fund.ledger.lines().len(), 5);
}

#[test]
fn what_lacks_its_threshold_or_would_overdraw_is_void() {
    let (mut pen, promised) = funded();
    let more = pen.write(1, paid_in(promised, "0.000000000000000001", "USD"));
    assert_eq!(verdict(&pen, more), Verdict::Void(Fault::OverBalance));
    let stranger = pen.write(DONOR, paid_in(promised, "1", "USD"));
    assert_eq!(verdict(&pen, stranger), Verdict::Void(Fault::WrongParty));
    let francs = pen.write(DONOR, pledge("5", "CHF"));
    assert_eq!(verdict(&pen, francs), Verdict::Void(Fault::WrongCurrency));
    let (one, two) = (pen.write(5, propose(&["600"], "USD")), pen.write(5, propose(&["600"], "USD")));
    for project in [one, two] {
        pen.write(1, vote(project, true));
        pen.write(3, vote(project, true));
        pen.write(3, vote(project, false));
        let alone = pen.write(1, act(What::Commit(step(project, 0))));
        assert_eq!(verdict(&pen, alone), Verdict::Void(Fault::UnderThreshold));
        pen.write(2, vote(project, true));
    }
    pen.write(1, act(What::Commit(step(one, 0))));
    let over = pen.write(1, act(What::Commit(step(two, 0))));
    assert_eq!(verdict(&pen, over), Verdict::Void(Fault::OverBalance));
    let alone = pen.write(1, act(What::Disburse(step(one, 1))));
    assert_eq!(verdict(&pen, alone), Verdict::Void(Fault::UnderThreshold));
    // Agreeing twice is agreeing once.
    pen.write(1, act(What::Approve(step(one, 1))));
    let still = pen.write(1, act(What::Disburse(step(one, 1))));
    assert_eq!(verdict(&pen, still), Verdict::Void(Fault::UnderThreshold));
    assert_eq!(free(&of(&pen), "USD"), "400.00");
}

#[test]
fn one_payment_counts_once_whoever_of_the_board_reports_it() {
    let mut pen = Pen::new("fund: reported twice");
    pen.write(1, act(What::Charter(charter(2, &BOARD, &["USD"]))));
    let promised = pen.write(DONOR, pledge("1000", "USD"));
    pen.write(1, act(What::PaidIn(paid(promised, "500", "USD", "NZ-4711"))));
    let again = pen.write(2, act(What::PaidIn(paid(promised, "500", "USD", " nz-4711"))));
    assert_eq!(verdict(&pen, again), Verdict::Void(Fault::AlreadyDone));
    assert_eq!(free(&of(&pen), "USD"), "500.00");
    // Another pledge of the same donor is paid by another payment; another donor's may be called alike.
    let (more, other) = (pen.write(DONOR, pledge("500", "USD")), pen.write(6, pledge("500", "USD")));
    let borrowed = pen.write(2, act(What::PaidIn(paid(more, "500", "USD", "NZ-4711"))));
    assert_eq!(verdict(&pen, borrowed), Verdict::Void(Fault::AlreadyDone));
    pen.write(2, act(What::PaidIn(paid(other, "500", "USD", "NZ-4711"))));
    assert_eq!(free(&of(&pen), "USD"), "1000.00");
}

#[test]
fn a_refund_counts_once() {
    let (mut pen, project, _) = committed(&["600"]);
    pen.write(2, act(What::Approve(step(project, 1))));
    pen.write(1, act(What::Disburse(step(project, 1))));
    pen.write(1, act(What::Refund(paid(project, "100", "USD", "TV 1"))));
    let again = pen.write(2, act(What::Refund(paid(project, "100", "USD", "TV1"))));
    assert_eq!(verdict(&pen, again), Verdict::Void(Fault::AlreadyDone));
    assert_eq!(free(&of(&pen), "USD"), "500.00");
}

#[test]
fn who_agrees_to_give_money_back_says_how_much_and_nobody_takes_more() {
    let (mut pen, promised) = funded();
    let blank = pen.write(1, act(What::Approve(step(promised, 0))));
    assert_eq!(verdict(&pen, blank), Verdict::Void(Fault::UnknownSubject));
    pen.write(1, act(What::Approve(back(promised, "1", "USD"))));
    let more = pen.write(2, act(What::PayBack(payment(promised, "999", "USD"))));
    assert_eq!(verdict(&pen, more), Verdict::Void(Fault::UnderThreshold));
    pen.write(2, act(What::PayBack(payment(promised, "1.00", "USD"))));
    assert_eq!(free(&of(&pen), "USD"), "999.00");
    let euros = pen.write(1, act(What::Approve(back(promised, "1", "EUR"))));
    assert_eq!(verdict(&pen, euros), Verdict::Void(Fault::WrongCurrency));
    let root = pen.root();
    let charter = pen.write(1, act(What::Approve(back(root, "1", "USD"))));
    assert_eq!(verdict(&pen, charter), Verdict::Void(Fault::UnknownSubject));
}

#[test]
fn currencies_are_never_converted() {
    let (mut pen, promised) = funded();
    let wrong = pen.write(1, paid_in(promised, "1", "EUR"));
    assert_eq!(verdict(&pen, wrong), Verdict::Void(Fault::WrongCurrency));
    let project = pen.write(RECIPIENT, propose(&["1"], "EUR"));
    pen.write(1, vote(project, true));
    pen.write(2, vote(project, true));
    let none = pen.write(1, act(What::Commit(step(project, 0))));
    assert_eq!(verdict(&pen, none), Verdict::Void(Fault::OverBalance));
}

#[test]
fn a_charter_changes_only_by_the_threshold_of_the_one_in_force() {
    let (mut pen, _) = funded();
    let amend = pen.write(3, act(What::Amend(charter(1, &[3], &["USD"]))));
    let alone = pen.write(3, act(What::Enact(step(amend, 0))));
    assert_eq!(verdict(&pen, alone), Verdict::Void(Fault::UnderThreshold));
    let without = pen.write(3, act(What::Amend(charter(1, &[3], &["EUR"]))));
    pen.write(1, act(What::Approve(step(without, 0))));
    let stuck = pen.write(1, act(What::Enact(step(without, 0))));
    assert_eq!(verdict(&pen, stuck), Verdict::Void(Fault::WrongCurrency));
    pen.write(1, act(What::Approve(step(amend, 0))));
    pen.write(3, act(What::Enact(step(amend, 0))));
    assert_eq!(of(&pen).board().len(), 1);
    let former = pen.write(1, act(What::Approve(step(pen.root(), 0))));
    assert_eq!(verdict(&pen, former), Verdict::Void(Fault::WrongParty));
}

#[test]
fn what_is_left_is_released_paid_back_and_the_fund_closed() {
    let (mut pen, project, promised) = committed(&["400", "200"]);
    let root = pen.root();
    let bound = pen.write(1, act(What::Close(step(root, 0))));
    assert_eq!(verdict(&pen, bound), Verdict::Void(Fault::OutOfTurn));
    pen.write(1, act(What::Approve(step(project, 0))));
    pen.write(2, act(What::Release(step(project, 0))));
    assert_eq!(free(&of(&pen), "USD"), "1000.00");
    pen.write(1, act(What::Approve(back(promised, "1000", "USD"))));
    let over = pen.write(2, act(What::PayBack(payment(promised, "1000.01", "USD"))));
    assert_eq!(verdict(&pen, over), Verdict::Void(Fault::OverBalance));
    pen.write(2, act(What::PayBack(payment(promised, "1000", "USD"))));
    let again = pen.write(2, act(What::PayBack(payment(promised, "1", "USD"))));
    assert_eq!(verdict(&pen, again), Verdict::Void(Fault::OverBalance));
    pen.write(1, act(What::Approve(step(root, 0))));
    pen.write(2, act(What::Close(step(root, 0))));
    let late = pen.write(DONOR, pledge("1", "USD"));
    assert_eq!(verdict(&pen, late), Verdict::Void(Fault::OutOfTurn));
    let fund = of(&pen);
    assert!(fund.closed && fund.ledger.totals()["USD"].adds_up());
}

#[test]
fn unpaid_pledges_and_missing_receipts_show_as_late() {
    let (mut pen, project, _) = committed(&["600"]);
    pen.write(4, pledge("1", "EUR"));
    pen.write(2, act(What::Approve(step(project, 1))));
    pen.write(1, act(What::Disburse(step(project, 1))));
    assert!(of(&pen).overdue(TIME).is_empty());
    let late: Vec<_> = of(&pen).overdue(TIME + 100 * DAY).into_iter().map(|(_, o)| (o.what, o.who)).collect();
    assert_eq!(late, [("pay_in", party(DONOR)), ("receipt", party(RECIPIENT))]);
}
