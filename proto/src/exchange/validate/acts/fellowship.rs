//! What acts of fellowships must have.

use super::super::{Field, Invalid, exactly, reference};
use super::{days, note, required, said, seen};
use crate::exchange::allocation::SHOWN_MAX;
use crate::exchange::check::{self, FIELD_BYTES_MAX, TEXT_BYTES_MAX};
use crate::v1::fellowship_act::Act;
use crate::v1::{FellowshipAct, FellowshipStep};
use crate::wire::statement::STATEMENT_BYTES;

/// Most nominations of one closing list: as many as fit a body, with room for the rest.
const NOMINATIONS_MAX: usize = 1_500;

pub(in crate::exchange::validate) fn fellowship(r: &FellowshipAct) -> Result<(), Invalid> {
    required(r.call.is_some()).of("call")?;
    reference(&r.call).of("call")?;
    seen(&r.after).of("after")?;
    let Some(act) = &r.act else { return required(false).of("act") };
    match act {
        Act::Nominate(n) => {
            exactly(&n.nomination, 32).of("nominate.nomination")?;
            if n.country.is_empty() { Ok(()) } else { check::country(&n.country) }.of("nominate.country")
        }
        Act::Close(c) => {
            let sorted = c.nominations.windows(2).all(|pair| pair[0] < pair[1]);
            match c.nominations.len() <= NOMINATIONS_MAX
                && sorted
                && c.nominations.iter().all(|n| n.len() == 32)
            {
                true => Ok(()),
                false => Err("is not an ascending list of at most 1,500 items of 32 bytes".to_owned()),
            }
            .of("close.nominations")?;
            let each = |stated: &[u32]| match stated.len() == c.nominations.len() {
                true => Ok(()),
                false => Err("are not one for each nomination".to_owned()),
            };
            each(&c.points).of("close.points")?;
            if c.turns.is_empty() { Ok(()) } else { each(&c.turns) }.of("close.turns")?;
            if c.feeds.is_empty() { Ok(()) } else { each(&c.feeds) }.of("close.feeds")
        }
        Act::Cosign(c) => {
            exactly(&c.closing, 32).of("cosign.closing")?;
            exactly(&c.list_hash, 32).of("cosign.list_hash")
        }
        Act::Draw(d) => {
            required(!d.value.is_empty()).of("draw.value")?;
            match d.shown.len() <= SHOWN_MAX && d.shown.iter().all(|s| s.len() == STATEMENT_BYTES) {
                true => Ok(()),
                false => Err(format!("are not at most {SHOWN_MAX} statements of {STATEMENT_BYTES} bytes")),
            }
            .of("draw.shown")?;
            match d.value.len() <= FIELD_BYTES_MAX {
                true => check::url(&d.url).of("draw.url"),
                false => {
                    Err(format!("has {} bytes where {FIELD_BYTES_MAX} fit", d.value.len())).of("draw.value")
                }
            }
        }
        Act::Decide(d) => {
            exactly(&d.nomination, 32).of("decide.nomination")?;
            check::party(&d.nominator).of("decide.nominator")?;
            check::bounded(&d.rule_set, FIELD_BYTES_MAX).of("decide.rule_set")?;
            check::required(&d.reason, TEXT_BYTES_MAX).of("decide.reason")?;
            days(d.answer_days).of("decide.answer_days")
        }
        Act::Accept(s) | Act::Start(s) | Act::Complete(s) | Act::Certificate(s) => step(s, false),
        Act::Decline(s) | Act::Withdraw(s) => step(s, true),
        Act::Note(n) => said(n).of("text"),
    }
}

fn step(s: &FellowshipStep, reasoned: bool) -> Result<(), Invalid> {
    exactly(&s.nomination, 32).of("nomination")?;
    check::party(&s.nominator).of("nominator")?;
    let words = s.note.clone().unwrap_or_default();
    if reasoned { said(&words).of("text") } else { note(&words).of("note") }
}
