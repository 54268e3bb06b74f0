//! What each kind of record must have (the table of SPEC.md section 8.2).

mod acts;
mod bank;
mod seal;

use crate::codes::vocabulary;
use crate::exchange::check::{self, FIELD_BYTES_MAX, Problem, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use crate::v1::revision::Record;
use crate::v1::{
    Area, Attestation, AttestationLevel, Capacity, Course, Eligibility, Need, NodeCard, Offer, PartyProfile,
    RecipientTerms, RecordRef, Refusal, Reply, Revision, Session, Withdraw,
};

/// A field that is missing or out of bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    /// The field's name in the schema.
    pub field: &'static str,
    /// What is wrong, for the person who wrote it.
    pub problem: Problem,
}

trait Field {
    fn of(self, field: &'static str) -> Result<(), Invalid>;
}

impl Field for Result<(), Problem> {
    fn of(self, field: &'static str) -> Result<(), Invalid> {
        self.map_err(|problem| Invalid { field, problem })
    }
}

/// Checks a whole revision; the first problem is told.
pub fn validate(revision: &Revision) -> Result<(), Invalid> {
    if revision.record_id.len() != 16 {
        return Err("has another length than 16 bytes".to_owned()).of("record_id");
    }
    let first = revision.parents.is_empty();
    if first != (revision.number == 1) || revision.number == 0 {
        return Err("is 1 exactly where there are no parents".to_owned()).of("number");
    }
    check::list(&revision.parents, |p| exactly(p, 32)).of("parents")?;
    let labels = ["", "TLP:RED", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN", "TLP:CLEAR"];
    if !labels.contains(&revision.tlp.as_str()) {
        return Err(format!("\"{}\" is not a TLP 2.0 label", revision.tlp)).of("tlp");
    }
    if let Some(source) = &revision.source {
        for text in [&source.identifier, &source.url, &source.licence, &source.catalogue] {
            check::bounded(text, FIELD_BYTES_MAX).of("source")?;
        }
    }
    seal::form(revision)?;
    match &revision.record {
        None => Err("is none that this version knows".to_owned()).of("record"),
        Some(Record::Profile(r)) => profile(r),
        Some(Record::Need(r)) => need(r),
        Some(Record::Offer(r)) => offer(r),
        Some(Record::Course(r)) => course(r),
        Some(Record::Session(r)) => session(r),
        Some(Record::Attestation(r)) => attestation(r),
        Some(Record::Recognition(r)) => {
            check::party(&r.hub).of("hub")?;
            check::bounded(&r.name, FIELD_BYTES_MAX).of("name")?;
            check::bounded(&r.note, FIELD_BYTES_MAX).of("note")
        }
        Some(Record::Refusal(r)) => refusal(r),
        Some(Record::Reply(r)) => reply(r),
        Some(Record::NodeCard(r)) => node_card(r),
        Some(Record::Withdraw(r)) => withdraw(r),
        Some(Record::Call(r)) => acts::call(r),
        Some(Record::Nomination(r)) => acts::nomination(r),
        Some(Record::Engagement(r)) => acts::engagement(r),
        Some(Record::Fellowship(r)) => acts::fellowship(r),
        Some(Record::Fund(r)) => acts::fund(r),
        Some(Record::Technique(r)) => bank::technique(r),
        Some(Record::Artifact(r)) => bank::artifact(r),
        Some(Record::Endorsement(r)) => bank::endorsement(&revision.record_id, r),
        Some(Record::Barrier(r)) => bank::barrier(revision.number, r),
        Some(Record::Vocabulary(r)) => bank::vocabulary(r),
        Some(Record::RuleSet(r)) => bank::rule_set(r),
        Some(Record::Project(r)) => bank::project(r),
        Some(Record::Erasure(r)) => seal::erasure(r),
        Some(Record::ThreadGrant(r)) => seal::grant(r),
    }
}

fn profile(r: &PartyProfile) -> Result<(), Invalid> {
    check::required(&r.name, TITLE_BYTES_MAX).of("name")?;
    check::term(&r.kind, vocabulary::party_kinds(), false).of("kind")?;
    optional_country(&r.country).of("country")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::url(&r.url).of("url")?;
    check::bounded(&r.contact, FIELD_BYTES_MAX).of("contact")
}

fn need(r: &Need) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    if r.themes.is_empty() {
        return Err("is required".to_owned()).of("themes");
    }
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    check::localised(&r.beneficiaries, TEXT_BYTES_MAX).of("beneficiaries")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    check::term(&r.urgency, vocabulary::urgencies(), true).of("urgency")?;
    check::window(&r.window).of("window")?;
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::list(&r.delivery_modes, |m| check::term(m, vocabulary::delivery_modes(), false))
        .of("delivery_modes")?;
    check::list(&r.national_plans, |l| check::bounded(&l.title, FIELD_BYTES_MAX).and(check::url(&l.url)))
        .of("national_plans")?;
    check::localised(&r.own_contribution, TEXT_BYTES_MAX).of("own_contribution")?;
    recipient_terms(&r.terms)?;
    check::list(&r.escalation, |e| match ["sub_region", "region", "all"].contains(&e.scope.as_str()) {
        true => Ok(()),
        false => Err(format!("\"{}\" is not one of sub_region, region, all", e.scope)),
    })
    .of("escalation")?;
    check::date(&r.confirm_by, false).of("confirm_by")?;
    check::list(&r.offer_types, |t| check::term(t, vocabulary::offer_types(), false)).of("offer_types")?;
    capacity(&r.asked).of("asked.unit")
}

fn capacity(r: &Option<Capacity>) -> Result<(), Problem> {
    r.as_ref().map_or(Ok(()), |c| check::bounded(&c.unit, FIELD_BYTES_MAX))
}

fn area(r: &Option<Area>, fields: [&'static str; 3]) -> Result<(), Invalid> {
    let Some(area) = r else { return Ok(()) };
    let [countries, regions, note] = fields;
    check::list(&area.countries, |c| check::country(c)).of(countries)?;
    check::list(&area.regions, |c| check::region(c)).of(regions)?;
    check::bounded(&area.note, FIELD_BYTES_MAX).of(note)
}

const REACHABLE: [&str; 3] = ["reachable_from.countries", "reachable_from.regions", "reachable_from.note"];

/// Terms of a recipient, in its need and in what it accepts.
fn recipient_terms(terms: &Option<RecipientTerms>) -> Result<(), Invalid> {
    let Some(terms) = terms else { return Ok(()) };
    check::list(&terms.data_locations, |c| check::country(c)).of("terms.data_locations")?;
    check::list(&terms.languages, |l| check::language(l)).of("terms.languages")?;
    check::bounded(&terms.law, FIELD_BYTES_MAX).of("terms.law")?;
    check::list(&terms.technology_not_accepted, |t| check::bounded(t, FIELD_BYTES_MAX))
        .of("terms.technology_not_accepted")
}

fn offer(r: &Offer) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    check::term(&r.offer_type, vocabulary::offer_types(), false).of("offer_type")?;
    if r.themes.is_empty() {
        return Err("is required".to_owned()).of("themes");
    }
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    capacity(&r.capacity).of("capacity.unit")?;
    if let Some(rule) = &r.eligibility {
        eligibility(rule)?;
    }
    check::list(&r.conditions, |c| check::required(&Some(c.clone()), TEXT_BYTES_MAX)).of("conditions")?;
    check::cost(&r.cost).of("cost")?;
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    check::list(&r.delivery_modes, |m| check::term(m, vocabulary::delivery_modes(), false))
        .of("delivery_modes")?;
    check::window(&r.window).of("window")?;
    check::date(&r.confirm_by, false).of("confirm_by")?;
    area(&r.reachable_from, REACHABLE)?;
    check::list(&r.data_locations, |c| check::country(c)).of("data_locations")?;
    check::bounded(&r.law, FIELD_BYTES_MAX).of("law")?;
    check::list(&r.technology, |t| check::bounded(t, FIELD_BYTES_MAX)).of("technology")
}

fn eligibility(r: &Eligibility) -> Result<(), Invalid> {
    check::list(&r.countries, |c| check::country(c)).of("eligibility.countries")?;
    check::list(&r.regions, |c| check::region(c)).of("eligibility.regions")?;
    check::list(&r.groups, |g| match ["ldc", "lldc", "sids"].contains(&g.as_str()) {
        true => Ok(()),
        false => Err(format!("\"{g}\" is not one of ldc, lldc, sids")),
    })
    .of("eligibility.groups")?;
    check::list(&r.excluded_countries, |c| check::country(c)).of("eligibility.excluded_countries")?;
    check::bounded(&r.exclusion_reason, FIELD_BYTES_MAX).of("eligibility.exclusion_reason")?;
    if !r.excluded_countries.is_empty() && r.exclusion_reason.trim().is_empty() {
        return Err("is required where countries are excluded".to_owned()).of("eligibility.exclusion_reason");
    }
    check::localised(&r.note, TEXT_BYTES_MAX).of("eligibility.note")
}

fn course(r: &Course) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")?;
    for (text, field) in
        [(&r.level, "level"), (&r.duration, "duration"), (&r.provider, "provider"), (&r.licence, "licence")]
    {
        check::bounded(text, FIELD_BYTES_MAX).of(field)?;
    }
    check::list(&r.keywords, |k| check::bounded(k, FIELD_BYTES_MAX)).of("keywords")?;
    check::list(&r.authors, |a| check::bounded(a, FIELD_BYTES_MAX)).of("authors")?;
    check::url(&r.url).of("url")
}

fn session(r: &Session) -> Result<(), Invalid> {
    check::required(&r.title, TITLE_BYTES_MAX).of("title")?;
    check::localised(&r.description, TEXT_BYTES_MAX).of("description")?;
    if !r.course_id.is_empty() {
        exactly(&r.course_id, 16).of("course_id")?;
    }
    check::moment(&r.starts).of("starts")?;
    check::moment(&r.ends).of("ends")?;
    check::bounded(&r.place, FIELD_BYTES_MAX).of("place")?;
    check::url(&r.link).of("link")?;
    check::term(&r.delivery_mode, vocabulary::delivery_modes(), true).of("delivery_mode")?;
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::cost(&r.cost).of("cost")?;
    area(&r.reachable_from, REACHABLE)?;
    check::list(&r.themes, |t| check::theme(t)).of("themes")?;
    check::list(&r.countries, |c| check::country(c)).of("countries")?;
    check::list(&r.keywords, |k| check::bounded(k, FIELD_BYTES_MAX)).of("keywords")?;
    check::bounded(&r.provider, FIELD_BYTES_MAX).of("provider")?;
    check::list(&r.recurrence, |l| check::recurrence(l)).of("recurrence")
}

fn attestation(r: &Attestation) -> Result<(), Invalid> {
    check::party(&r.party).of("party")?;
    if AttestationLevel::try_from(r.level).unwrap_or_default() == AttestationLevel::Unspecified {
        return Err("is required: member, guest or ended".to_owned()).of("level");
    }
    check::bounded(&r.mandate, FIELD_BYTES_MAX).of("mandate")?;
    check::bounded(&r.name, FIELD_BYTES_MAX).of("name")?;
    optional_country(&r.country).of("country")?;
    check::date(&r.until, true).of("until")
}

fn refusal(r: &Refusal) -> Result<(), Invalid> {
    if !r.party.is_empty() {
        check::party(&r.party).of("party")?;
    }
    if r.what.trim().is_empty() {
        return Err("is required".to_owned()).of("what");
    }
    check::bounded(&r.what, FIELD_BYTES_MAX).of("what")?;
    check::term(&r.reason, vocabulary::refusal_reasons(), false).of("reason")?;
    check::bounded(&r.basis, FIELD_BYTES_MAX).of("basis")?;
    check::bounded(&r.scope, FIELD_BYTES_MAX).of("scope")?;
    check::date(&r.until, true).of("until")
}

fn reply(r: &Reply) -> Result<(), Invalid> {
    check::party(&r.party).of("party")?;
    exactly(&r.record_id, 16).of("record_id")?;
    check::required(&r.text, TEXT_BYTES_MAX).of("text")?;
    match ["", "eased", "lifted"].contains(&r.claim.as_str()) {
        true => Ok(()),
        false => Err(format!("\"{}\" is not one of eased, lifted", r.claim)).of("claim"),
    }
}

fn node_card(r: &NodeCard) -> Result<(), Invalid> {
    exactly(&r.node_key, 32).of("node_key")?;
    if r.addresses.len() > crate::wire::limits::CARD_ADDRESSES_MAX {
        return Err("has more than 8 items".to_owned()).of("addresses");
    }
    check::list(&r.addresses, |a| check::bounded(a, FIELD_BYTES_MAX)).of("addresses")?;
    check::list(&r.languages, |l| check::language(l)).of("languages")?;
    check::bounded(&r.name, FIELD_BYTES_MAX).of("name")?;
    check::list(&r.regions, |c| check::region(c)).of("regions")
}

fn withdraw(r: &Withdraw) -> Result<(), Invalid> {
    check::bounded(&r.note, FIELD_BYTES_MAX).of("note")?;
    // A withdrawal names all revisions of one record, which may be many.
    if r.entries.len() > 1_024 {
        return Err("has more than 1,024 items".to_owned()).of("entries");
    }
    if !r.entries.iter().all(|e| e.feed_id.len() == 32 && e.seq > 0) {
        return Err("has an item without a feed of 32 bytes or a place".to_owned()).of("entries");
    }
    match r.erase && r.entries.is_empty() {
        true => Err("is required where bodies are erased".to_owned()).of("entries"),
        false => Ok(()),
    }
}

/// A reference to a record, where there is one.
fn reference(reference: &Option<RecordRef>) -> Result<(), Problem> {
    let Some(r) = reference else { return Ok(()) };
    check::party(&r.party)?;
    exactly(&r.record_id, 16)
}

fn exactly(bytes: &[u8], length: usize) -> Result<(), Problem> {
    match bytes.len() == length {
        true => Ok(()),
        false => Err(format!("has {} bytes where {length} are due", bytes.len())),
    }
}

fn optional_country(code: &str) -> Result<(), Problem> {
    if code.is_empty() { Ok(()) } else { check::country(code) }
}
