//! What acts of funds must have.

use std::collections::BTreeSet;

use super::super::{Field, Invalid, exactly, reference};
use super::{common, note, required, said};
use crate::codes::currency;
use crate::exchange::amount::Amount;
use crate::exchange::check::{self, FIELD_BYTES_MAX, Problem, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use crate::exchange::fund::{BOARD_MAX, MILESTONES_MAX};
use crate::v1::fund_act::Act;
use crate::v1::{FundAct, FundCharter, FundPayment, FundProposal, FundStep, Money};

pub(in crate::exchange::validate) fn fund(r: &FundAct) -> Result<(), Invalid> {
    reference(&r.fund).of("fund")?;
    let first = matches!(r.act, Some(Act::Charter(_)));
    common(first, r.fund.is_some(), &r.root, &r.after)?;
    let Some(act) = &r.act else { return required(false).of("act") };
    match act {
        Act::Charter(c) | Act::Amend(c) => charter(c),
        Act::Pledge(p) => {
            money(p.amount.as_ref()).of("pledge.amount")?;
            check::localised(&p.text, TEXT_BYTES_MAX).of("pledge.text")?;
            check::date(&p.due, true).of("pledge.due")
        }
        Act::PaidIn(p) | Act::Refund(p) => {
            payment(p)?;
            required(!p.reference.trim().is_empty()).of("reference")
        }
        Act::PayBack(p) => payment(p),
        Act::Propose(p) => proposal(p),
        Act::Vote(v) => {
            exactly(&v.about, 32).of("vote.about")?;
            check::localised(&v.reason, TEXT_BYTES_MAX).of("vote.reason")
        }
        // What was reached is shown, not only said.
        Act::Report(s) => {
            step(s)?;
            let words = s.note.clone().unwrap_or_default();
            required(!words.links.is_empty() || !words.records.is_empty() || words.text.is_some())
                .of("report.note")
        }
        Act::Approve(s) => {
            step(s)?;
            s.amount.as_ref().map_or(Ok(()), |amount| money(Some(amount))).of("approve.amount")
        }
        Act::Commit(s)
        | Act::Disburse(s)
        | Act::Receipt(s)
        | Act::Release(s)
        | Act::Enact(s)
        | Act::Close(s) => step(s),
        Act::Note(n) => said(n).of("text"),
    }
}

fn charter(c: &FundCharter) -> Result<(), Invalid> {
    check::required(&c.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&c.description, TEXT_BYTES_MAX).of("description")?;
    let parties: BTreeSet<&Vec<u8>> = c.board.iter().collect();
    match (1..=BOARD_MAX).contains(&c.board.len()) && parties.len() == c.board.len() {
        true => Ok(()),
        false => Err(format!("is not 1 to {BOARD_MAX} organisations, none twice")),
    }
    .of("board")?;
    check::list(&c.board, |p| check::party(p)).of("board")?;
    let threshold = usize::try_from(c.threshold).unwrap_or(usize::MAX);
    match (1..=c.board.len()).contains(&threshold) {
        true => Ok(()),
        false => Err(format!("is not from 1 to {}", c.board.len())),
    }
    .of("threshold")?;
    required(!c.currencies.is_empty()).of("currencies")?;
    check::list(&c.currencies, |code| match currency::is_known(code) {
        true => Ok(()),
        false => Err(format!("\"{code}\" is not a currency code such as USD")),
    })
    .of("currencies")
}

fn proposal(p: &FundProposal) -> Result<(), Invalid> {
    check::required(&p.title, TITLE_BYTES_MAX).of("propose.title")?;
    check::localised(&p.description, TEXT_BYTES_MAX).of("propose.description")?;
    check::party(&p.recipient).of("propose.recipient")?;
    check::list(&p.needs, |n| reference(&Some(n.clone()))).of("propose.needs")?;
    reference(&p.call).of("propose.call")?;
    money(p.amount.as_ref()).of("propose.amount")?;
    let whole = p.amount.as_ref().and_then(|m| m.amount.parse::<Amount>().ok());
    let mut sum = Some(Amount::ZERO);
    for milestone in p.milestones.iter().take(MILESTONES_MAX) {
        check::required(&milestone.title, TITLE_BYTES_MAX).of("propose.milestones")?;
        check::date(&milestone.due, true).of("propose.milestones")?;
        let part = positive(&milestone.amount);
        sum = part.clone().ok().zip(sum).and_then(|(part, sum)| sum.plus(part));
        part.map(drop).of("propose.milestones")?;
    }
    match (1..=MILESTONES_MAX).contains(&p.milestones.len()) && sum == whole {
        true => Ok(()),
        false => {
            Err(format!("are not 1 to {MILESTONES_MAX} that add up to the amount")).of("propose.milestones")
        }
    }
}

fn payment(p: &FundPayment) -> Result<(), Invalid> {
    exactly(&p.about, 32).of("about")?;
    money(p.amount.as_ref()).of("amount")?;
    check::bounded(&p.reference, FIELD_BYTES_MAX).of("reference")?;
    note(&p.note.clone().unwrap_or_default()).of("note")
}

fn step(s: &FundStep) -> Result<(), Invalid> {
    exactly(&s.about, 32).of("about")?;
    note(&s.note.clone().unwrap_or_default()).of("note")
}

fn money(money: Option<&Money>) -> Result<(), Problem> {
    let Some(money) = money else { return required(false) };
    check::money(money)?;
    positive(&money.amount).map(drop)
}

fn positive(text: &str) -> Result<Amount, Problem> {
    let amount: Amount = text.parse().map_err(|e: crate::exchange::amount::BadAmount| e.to_string())?;
    if amount > Amount::ZERO { Ok(amount) } else { Err("is not above zero".to_owned()) }
}
