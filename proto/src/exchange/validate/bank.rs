//! The data bank, technology, barriers, vocabularies and projects.

use super::{Field, Invalid, exactly, reference};
use crate::exchange::check::{self, FIELD_BYTES_MAX, Problem, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use crate::exchange::endorsement;
use crate::v1::{
    Artifact, Barrier, Blob, Endorsement, Evidence, Link, Money, Project, ProjectAmount, RuleSet, Technique,
    Vocabulary,
};
use crate::wire::chunks;

/// How two codes relate (SKOS).
const RELATIONS: [&str; 5] = ["exact", "close", "broad", "narrow", "related"];
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
    required(r.file.is_some()).of("file")?;
    blob(&r.file).of("file")?;
    for (text, field) in [(&r.version, "version"), (&r.licence, "licence")] {
        check::bounded(text, FIELD_BYTES_MAX).of(field)?;
    }
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    check::localised(&r.withdrawal_terms, TEXT_BYTES_MAX).of("withdrawal_terms")?;
    if let Some(sbom) = &r.sbom {
        required(sbom.file.is_some()).and(blob(&sbom.file)).of("sbom.file")?;
        one_of(&sbom.sbom_format, &["cyclonedx", "spdx"]).of("sbom.sbom_format")?;
        check::list(&sbom.licences, |l| check::bounded(l, FIELD_BYTES_MAX)).of("sbom.licences")?;
    }
    check::list(&r.provenance, |p| {
        required(p.file.is_some()).and(blob(&p.file))?;
        check::bounded(&p.predicate_type, FIELD_BYTES_MAX)?;
        check::bounded(&p.builder, FIELD_BYTES_MAX)
    })
    .of("provenance")
}

pub(super) fn endorsement(record_id: &[u8], r: &Endorsement) -> Result<(), Invalid> {
    let Some(about) = &r.about else { return required(false).of("about") };
    reference(&r.about).of("about")?;
    one_of(&r.endorsement_type, &endorsement::TYPES).of("endorsement_type")?;
    match endorsement::record_id(about, &r.endorsement_type).as_bytes() == record_id {
        true => Ok(()),
        false => {
            Err("is not the one that follows from about and endorsement_type".to_owned()).of("record_id")
        }
    }?;
    check::localised(&r.text, TEXT_BYTES_MAX).of("text")?;
    check::list(&r.links, link).of("links")?;
    match r.rating <= 5 {
        true => Ok(()),
        false => Err(format!("is {} where 1 to 5 are possible", r.rating)).of("rating"),
    }?;
    optional(&r.country, check::country).of("country")?;
    let reproduction = r.endorsement_type == "reproduction";
    match r.digest.is_empty() && !reproduction {
        true => Ok(()),
        false => exactly(&r.digest, 32).of("digest"),
    }?;
    check::list(&r.advisories, |a| {
        required(a.file.is_some()).and(blob(&a.file))?;
        one_of(&a.advisory_format, &["csaf", "openvex", "cyclonedx"])?;
        [&a.identifier, &a.title, &a.severity].iter().try_for_each(|t| check::bounded(t, FIELD_BYTES_MAX))?;
        check::date(&a.date, true)
    })
    .of("advisories")?;
    required(r.endorsement_type != "advisory" || !r.advisories.is_empty()).of("advisories")
}

/// Bytes by what they hash to, where they are named.
fn blob(blob: &Option<Blob>) -> Result<(), Problem> {
    let Some(b) = blob else { return Ok(()) };
    exactly(&b.digest, 32)?;
    exactly(&b.manifest, 32)?;
    if b.bytes > chunks::FILE_BYTES_MAX {
        return Err(format!("has {} bytes where {} fit", b.bytes, chunks::FILE_BYTES_MAX));
    }
    check::bounded(&b.media_type, FIELD_BYTES_MAX)?;
    check::bounded(&b.file_name, FIELD_BYTES_MAX)
}

pub(super) fn barrier(number: u32, r: &Barrier) -> Result<(), Invalid> {
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
    let scope = r.scope.clone().unwrap_or_default();
    required(!scope.countries.is_empty() || !scope.regions.is_empty()).of("scope")?;
    check::list(&scope.countries, |c| check::country(c)).of("scope.countries")?;
    check::list(&scope.regions, |c| check::region(c)).of("scope.regions")?;
    check::bounded(&scope.note, FIELD_BYTES_MAX).of("scope.note")?;
    check::date(&r.since, true).of("since")?;
    one_of(&r.state, &["reported", "eased", "lifted", "recurred"]).of("state")?;
    match number != 1 || r.state == "reported" {
        true => Ok(()),
        false => Err("is reported at first".to_owned()).of("state"),
    }?;
    check::list(&r.evidence, evidence).of("evidence")?;
    check::list(&r.about, |a| reference(&Some(a.clone()))).of("about")?;
    check::date(&r.as_of, true).of("as_of")
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
            one_of(&m.relation, &RELATIONS)?;
            check::bounded(&m.term, 256)
        })
        .of("terms.maps")?;
    }
    if r.mappings.len() > TERMS_MAX {
        return Err(format!("has {} items where {TERMS_MAX} fit", r.mappings.len())).of("mappings");
    }
    for mapping in &r.mappings {
        one_of(&mapping.relation, &RELATIONS).of("mappings.relation")?;
        qualified(&mapping.from).of("mappings.from")?;
        qualified(&mapping.to).of("mappings.to")?;
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

/// `vocabulary:code`.
fn qualified(term: &str) -> Result<(), Problem> {
    match term.split_once(':').is_some_and(|(v, c)| !v.is_empty() && !c.is_empty()) {
        true => check::bounded(term, 256),
        false => Err(format!("\"{term}\" is not of the form vocabulary:code")),
    }
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
