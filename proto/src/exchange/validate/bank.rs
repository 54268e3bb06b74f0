//! The data bank, technology, barriers, vocabularies and projects.

use super::{Field, Invalid, exactly, reference};
use crate::exchange::check::{self, FIELD_BYTES_MAX, Problem, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use crate::v1::{
    Artifact, Barrier, Endorsement, Evidence, Link, Money, Project, ProjectAmount, RuleSet, Technique,
    Vocabulary,
};

/// Most terms of one record of a vocabulary.
const TERMS_MAX: usize = 1_024;

pub(super) fn technique(r: &Technique) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.problem, TEXT_BYTES_MAX).of("problem")?;
    let texts =
        [(&r.steps, "steps"), (&r.prerequisites, "prerequisites"), (&r.adaptation_notes, "adaptation_notes")];
    for (list, field) in texts {
        check::list(list, |t| check::required(&Some(t.clone()), TEXT_BYTES_MAX)).of(field)?;
    }
    check::list(&r.evidence, evidence).of("evidence")?;
    check::list(&r.references, |f| {
        [&f.scheme, &f.identifier, &f.title].iter().try_for_each(|t| check::bounded(t, FIELD_BYTES_MAX))?;
        check::url(&f.url)
    })
    .of("references")?;
    check::list(&r.artifacts, |a| reference(&Some(a.clone()))).of("artifacts")?;
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    let words =
        [(&r.sectors, "sectors"), (&r.skills, "skills"), (&r.keywords, "keywords"), (&r.authors, "authors")];
    for (list, field) in words {
        check::list(list, |t| check::bounded(t, FIELD_BYTES_MAX)).of(field)?;
    }
    check::cost(&r.cost).of("cost")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    check::bounded(&r.licence, FIELD_BYTES_MAX).of("licence")?;
    check::bounded(&r.version, FIELD_BYTES_MAX).of("version")?;
    reference(&r.adapts).of("adapts")?;
    reference(&r.translates).of("translates")
}

pub(super) fn artifact(r: &Artifact) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    exactly(&r.digest, 32).of("digest")?;
    let texts = [
        (&r.media_type, "media_type"),
        (&r.file_name, "file_name"),
        (&r.version, "version"),
        (&r.licence, "licence"),
    ];
    for (text, field) in texts {
        check::bounded(text, FIELD_BYTES_MAX).of(field)?;
    }
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    check::localised(&r.withdrawal_terms, TEXT_BYTES_MAX).of("withdrawal_terms")
}

pub(super) fn endorsement(r: &Endorsement) -> Result<(), Invalid> {
    required(r.about.is_some()).of("about")?;
    reference(&r.about).of("about")?;
    one_of(&r.endorsement_type, &["used_by", "assessment", "reproduction", "advisory"])
        .of("endorsement_type")?;
    check::localised(&r.text, TEXT_BYTES_MAX).of("text")?;
    check::list(&r.links, link).of("links")?;
    match r.rating <= 5 {
        true => Ok(()),
        false => Err(format!("is {} where 1 to 5 are possible", r.rating)).of("rating"),
    }?;
    optional(&r.country, check::country).of("country")?;
    match r.digest.is_empty() {
        true => Ok(()),
        false => exactly(&r.digest, 32).of("digest"),
    }
}

pub(super) fn barrier(r: &Barrier) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    let types =
        ["address_blocked", "domain_refused", "app_removed", "licence_denied", "payment_denied", "other"];
    one_of(&r.barrier_type, &types).of("barrier_type")?;
    check::bounded(&r.service, FIELD_BYTES_MAX).of("service")?;
    check::list(&r.hosts, |h| check::bounded(h, FIELD_BYTES_MAX)).of("hosts")?;
    check::bounded(&r.provider, FIELD_BYTES_MAX).of("provider")?;
    match r.provider_party.is_empty() {
        true => Ok(()),
        false => check::party(&r.provider_party).of("provider_party"),
    }?;
    if let Some(scope) = &r.scope {
        check::list(&scope.countries, |c| check::country(c)).of("scope.countries")?;
        check::list(&scope.regions, |c| check::region(c)).of("scope.regions")?;
        check::bounded(&scope.note, FIELD_BYTES_MAX).of("scope.note")?;
    }
    check::date(&r.since, true).of("since")?;
    one_of(&r.state, &["reported", "eased", "lifted", "recurred"]).of("state")?;
    check::list(&r.evidence, evidence).of("evidence")?;
    check::list(&r.about, |a| reference(&Some(a.clone()))).of("about")
}

pub(super) fn vocabulary(r: &Vocabulary) -> Result<(), Invalid> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    match !r.name.is_empty() && r.name.len() <= 64 && r.name.bytes().all(plain) {
        true => Ok(()),
        false => Err(format!("\"{}\" is not a short name such as nice", r.name)).of("name"),
    }?;
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    for (text, field) in [(&r.version, "version"), (&r.publisher, "publisher"), (&r.licence, "licence")] {
        check::bounded(text, FIELD_BYTES_MAX).of(field)?;
    }
    check::url(&r.url).of("url")?;
    if r.terms.len() > TERMS_MAX {
        return Err(format!("has {} items where {TERMS_MAX} fit", r.terms.len())).of("terms");
    }
    for term in &r.terms {
        required(!term.code.trim().is_empty()).of("terms.code")?;
        check::bounded(&term.code, 128).of("terms.code")?;
        check::required(&term.name, TITLE_BYTES_MAX).of("terms.name")?;
        check::localised(&term.description, TEXT_BYTES_MAX).of("terms.description")?;
        check::bounded(&term.broader, 128).of("terms.broader")?;
        check::list(&term.maps, |m| {
            one_of(&m.relation, &["exact", "close", "broad", "narrow", "related"])?;
            check::bounded(&m.term, 256)
        })
        .of("terms.maps")?;
    }
    match r.part <= r.parts && (r.part > 0) == (r.parts > 0) {
        true => Ok(()),
        false => Err(format!("is {} of {}", r.part, r.parts)).of("part"),
    }
}

pub(super) fn rule_set(r: &RuleSet) -> Result<(), Invalid> {
    one_of(&r.rule_type, &["matching", "priority", "allocation"]).of("rule_type")?;
    required(!r.name.trim().is_empty()).of("name")?;
    check::bounded(&r.name, FIELD_BYTES_MAX).of("name")?;
    check::bounded(&r.version, FIELD_BYTES_MAX).of("version")?;
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::list(&r.weights, |w| check::bounded(&w.criterion, FIELD_BYTES_MAX)).of("weights")
}

pub(super) fn project(r: &Project) -> Result<(), Invalid> {
    check::bounded(&r.identifier, FIELD_BYTES_MAX).of("identifier")?;
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    check::bounded(&r.reporting_organisation, FIELD_BYTES_MAX).of("reporting_organisation")?;
    optional(&r.status, |s| one_of(s, &["1", "2", "3", "4", "5", "6"])).of("status")?;
    check::window(&r.window).of("window")?;
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    check::list(&r.sectors, |t| check::bounded(t, FIELD_BYTES_MAX)).of("sectors")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    check::list(&r.participants, |p| {
        [&p.name, &p.identifier, &p.role].iter().try_for_each(|t| check::bounded(t, FIELD_BYTES_MAX))
    })
    .of("participants")?;
    check::list(&r.budgets, amount).of("budgets")?;
    check::list(&r.transactions, amount).of("transactions")?;
    check::list(&r.documents, link).of("documents")
}

fn amount(a: &ProjectAmount) -> Result<(), Problem> {
    for text in [&a.amount_type, &a.from, &a.to, &a.note] {
        check::bounded(text, FIELD_BYTES_MAX)?;
    }
    check::date(&a.date, true)?;
    check::window(&a.window)?;
    a.value.as_ref().map_or(Ok(()), money)
}

/// A signed decimal amount: corrections of published figures go below zero.
fn money(m: &Money) -> Result<(), Problem> {
    let positive = Money { amount: m.amount.trim_start_matches('-').to_owned(), ..m.clone() };
    check::money(&positive)
}

fn evidence(e: &Evidence) -> Result<(), Problem> {
    check::localised(&e.text, TEXT_BYTES_MAX)?;
    e.link.as_ref().map_or(Ok(()), link)
}

fn link(l: &Link) -> Result<(), Problem> {
    check::bounded(&l.title, FIELD_BYTES_MAX)?;
    check::url(&l.url)
}

fn one_of(text: &str, known: &[&str]) -> Result<(), Problem> {
    match known.contains(&text) {
        true => Ok(()),
        false => Err(format!("\"{text}\" is not one of {}", known.join(", "))),
    }
}

fn optional(text: &str, check: impl Fn(&str) -> Result<(), Problem>) -> Result<(), Problem> {
    if text.is_empty() { Ok(()) } else { check(text) }
}

fn required(there: bool) -> Result<(), Problem> {
    if there { Ok(()) } else { Err("is required".to_owned()) }
}
