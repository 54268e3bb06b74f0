//! Calls, nominations and the acts of several parties.

mod engagement;
mod fellowship;
mod fund;

use super::{Field, Invalid, eligibility, reference};
use crate::exchange::acts::DAYS_MAX;
use crate::exchange::check::{self, FIELD_BYTES_MAX, Problem, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use crate::v1::{ActNote, Call, Nomination, Seen};

pub(super) use engagement::engagement;
pub(super) use fellowship::fellowship;
pub(super) use fund::fund;

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
        check::moment(&draw.at).of("draw.at")?;
    }
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    reference(&r.session).of("session")?;
    reference(&r.priority).of("priority")
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

/// What every act has: the first act of its kind names no other, all others name it, and what their author held.
fn common(first: bool, names_record: bool, root: &[u8], after: &[Seen]) -> Result<(), Invalid> {
    if first == names_record {
        return Err("is absent exactly in the first act".to_owned()).of("record");
    }
    match root.len() {
        0 if first => Ok(()),
        32 if !first => Ok(()),
        _ => Err("has 32 bytes exactly where it is not the first act".to_owned()).of("root"),
    }?;
    seen(after).of("after")?;
    match first && !after.is_empty() {
        true => Err("is empty in the first act".to_owned()).of("after"),
        false => Ok(()),
    }
}

/// At most 256 feeds, each once.
fn seen(after: &[Seen]) -> Result<(), Problem> {
    check::list(after, |s| match s.feed_id.len() == 32 && s.entry_hash.len() == 32 && s.seq > 0 {
        true => Ok(()),
        false => Err("has an item without a feed and an entry of 32 bytes or a place".to_owned()),
    })?;
    let mut feeds: Vec<&Vec<u8>> = after.iter().map(|s| &s.feed_id).collect();
    feeds.sort_unstable();
    match feeds.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err("names a feed twice".to_owned()),
        false => Ok(()),
    }
}

fn note(note: &ActNote) -> Result<(), Problem> {
    check::localised(&note.text, TEXT_BYTES_MAX)?;
    check::list(&note.links, |l| check::bounded(&l.title, FIELD_BYTES_MAX).and(check::url(&l.url)))?;
    check::list(&note.records, |r| reference(&Some(r.clone())))
}

/// Words that must be there.
fn said(words: &ActNote) -> Result<(), Problem> {
    check::required(&words.text, TEXT_BYTES_MAX)?;
    note(words)
}

fn days(days: u32) -> Result<(), Problem> {
    match days <= DAYS_MAX {
        true => Ok(()),
        false => Err(format!("is {days} where {DAYS_MAX} fit")),
    }
}

fn required(there: bool) -> Result<(), Problem> {
    if there { Ok(()) } else { Err("is required".to_owned()) }
}
