//! Calls, nominations and the acts of several parties.

use super::{Field, Invalid, eligibility, exactly, reference};
use crate::exchange::check::{self, FIELD_BYTES_MAX, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use crate::v1::engagement_act::Act as Engaging;
use crate::v1::fund_act::Act as Funding;
use crate::v1::{Call, EngagementAct, FellowshipAct, FundAct, Nomination};

pub(super) fn call(r: &Call) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    match ["fellowship", "seats", "projects"].contains(&r.call_type.as_str()) {
        true => Ok(()),
        false => {
            Err(format!("\"{}\" is not one of fellowship, seats, projects", r.call_type)).of("call_type")
        }
    }?;
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    check::list(&r.needs, |n| reference(&Some(n.clone()))).of("needs")?;
    reference(&r.fund).of("fund")?;
    check::bounded(&r.rule_set, FIELD_BYTES_MAX).of("rule_set")?;
    if let Some(rule) = &r.eligibility {
        eligibility(rule)?;
    }
    check::list(&r.conditions, |c| check::required(&Some(c.clone()), TEXT_BYTES_MAX)).of("conditions")?;
    check::cost(&r.cost).of("cost")?;
    check::window(&r.window).of("window")?;
    check::list(&r.attesting_hubs, |h| check::party(h)).of("attesting_hubs")?;
    if let Some(draw) = &r.draw {
        check::bounded(&draw.source, FIELD_BYTES_MAX).of("draw.source")?;
        check::bounded(&draw.round, FIELD_BYTES_MAX).of("draw.round")?;
    }
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    reference(&r.session).of("session")
}

pub(super) fn nomination(r: &Nomination) -> Result<(), Invalid> {
    required(r.call.is_some()).of("call")?;
    reference(&r.call).of("call")?;
    required(!r.name.trim().is_empty()).of("name")?;
    for (text, field) in [(&r.name, "name"), (&r.function, "function"), (&r.contact, "contact")] {
        check::bounded(text, FIELD_BYTES_MAX).of(field)?;
    }
    check::localised(&r.statement, TEXT_BYTES_MAX).of("statement")?;
    check::list(&r.languages, |l| check::language(l)).of("languages")
}

pub(super) fn engagement(r: &EngagementAct) -> Result<(), Invalid> {
    reference(&r.engagement).of("engagement")?;
    check::list(&r.after, |h| exactly(h, 32)).of("after")?;
    match &r.act {
        None => required(false).of("act"),
        Some(Engaging::Propose(p)) => {
            check::party(&p.recipient).of("recipient")?;
            check::party(&p.provider).of("provider")?;
            reference(&p.need).of("need")?;
            reference(&p.offer).of("offer")?;
            check::localised(&p.terms, TEXT_BYTES_MAX).of("terms")
        }
        Some(Engaging::Note(text)) => check::required(&Some(text.clone()), TEXT_BYTES_MAX).of("note"),
    }
}

pub(super) fn fellowship(r: &FellowshipAct) -> Result<(), Invalid> {
    required(r.call.is_some()).of("call")?;
    reference(&r.call).of("call")?;
    check::list(&r.after, |h| exactly(h, 32)).of("after")?;
    required(r.act.is_some()).of("act")
}

pub(super) fn fund(r: &FundAct) -> Result<(), Invalid> {
    reference(&r.fund).of("fund")?;
    check::list(&r.after, |h| exactly(h, 32)).of("after")?;
    match &r.act {
        None => required(false).of("act"),
        Some(Funding::Charter(c)) => {
            check::required(&c.title, TITLE_BYTES_MAX).of("title")?;
            check::localised(&c.description, TEXT_BYTES_MAX).of("description")?;
            check::list(&c.board, |p| check::party(p)).of("board")
        }
    }
}

fn required(there: bool) -> Result<(), String> {
    if there { Ok(()) } else { Err("is required".to_owned()) }
}
