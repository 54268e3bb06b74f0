//! What commands that publish records share: texts, references, first and further revisions, statements about others.

use caphub_node::author::Author;
use caphub_proto::exchange::endorsement;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Endorsement, Evidence, Link, LocalisedText, RecordRef, Revision};
use caphub_proto::wire::{Audience, PartyId};

use crate::commands::Context;
use crate::failure::Failure;
use crate::replica::Replica;

/// A text in the language of its author; `None` where it is empty.
pub fn localised(context: &Context, language: Option<&str>, text: &str) -> Option<LocalisedText> {
    let language = language.unwrap_or_else(|| context.texts.language()).to_owned();
    let text = text.trim().to_owned();
    (!text.is_empty()).then(|| LocalisedText { language, text, translations: Vec::new() })
}

/// Several of them, the empty ones left out.
pub fn all_localised(context: &Context, language: Option<&str>, texts: &[String]) -> Vec<LocalisedText> {
    texts.iter().filter_map(|t| localised(context, language, t)).collect()
}

/// An address, or words.
pub fn evidence(context: &Context, language: Option<&str>, text: &str) -> Evidence {
    let is_address = ["http://", "https://", "mailto:"].iter().any(|p| text.starts_with(p));
    match is_address {
        true => Evidence { text: None, link: Some(link(text)) },
        false => Evidence { text: localised(context, language, text), link: None },
    }
}

/// A link without a title.
pub fn link(url: &str) -> Link {
    Link { title: String::new(), url: url.to_owned() }
}

/// How another record names this one.
pub fn reference(record: &v1::Record) -> RecordRef {
    RecordRef { party: record.party_id.clone(), record_id: record.record_id.clone() }
}

/// Publishes a new record; as it is shown afterwards.
pub async fn first(
    context: &Context,
    replica: &Replica,
    audience: Audience,
    record: Record,
) -> Result<v1::Record, Failure> {
    let revision = Author::first(record).map_err(|e| Failure::new("error-key").because(e))?;
    publish(context, replica, audience, revision).await
}

/// Publishes the next revision of an own record; as it is shown afterwards.
pub async fn next(
    context: &Context,
    replica: &Replica,
    held: &v1::Record,
    record: Record,
) -> Result<v1::Record, Failure> {
    let before = held.revision.clone().unwrap_or_default();
    // All that are shown are replaced, conflicts included: that merges them.
    let mut parents = vec![held.entry_hash.clone()];
    parents.extend(held.conflicts.iter().cloned());
    let (number, record) = (before.number + 1, Some(record));
    let revision = Revision { number, parents, record, ..before };
    let audience = Audience::decode(&held.audience).unwrap_or(Audience::Public);
    publish(context, replica, audience, revision).await
}

async fn publish(
    context: &Context,
    replica: &Replica,
    audience: Audience,
    revision: Revision,
) -> Result<v1::Record, Failure> {
    let published = replica.publish(audience, &[revision], &context.passphrase_question()).await?;
    let one = published.first().ok_or_else(|| Failure::new("error-sign"))?;
    replica.get(&replica.core.party, &one.record)?.ok_or_else(|| Failure::new("error-views"))
}

/// Says something of another's record, or changes what was said: one statement of a type about each record.
pub async fn endorse(
    context: &Context,
    replica: &Replica,
    about: &v1::Record,
    endorsement_type: &str,
    change: impl FnOnce(&mut Endorsement),
) -> Result<v1::Record, Failure> {
    let reference = reference(about);
    let id = endorsement::record_id(&reference, endorsement_type);
    let held = replica.get(&replica.core.party, &id)?;
    let mut said = match held.as_ref().and_then(|h| h.revision.clone()?.record) {
        Some(Record::Endorsement(said)) => said,
        // Nothing yet, or taken back.
        _ => Endorsement {
            about: Some(reference),
            endorsement_type: endorsement_type.to_owned(),
            country: replica.me.country.clone(),
            ..Endorsement::default()
        },
    };
    change(&mut said);
    match held {
        Some(held) => next(context, replica, &held, Record::Endorsement(said)).await,
        // Whoever may read the one may read the other, and nobody else.
        None => first(context, replica, audience_of(about)?, Record::Endorsement(said)).await,
    }
}

/// The own statement of a type about a record, where there is one.
pub fn own_statement(
    replica: &Replica,
    about: &v1::Record,
    endorsement_type: &str,
) -> Result<v1::Record, Failure> {
    let id = endorsement::record_id(&reference(about), endorsement_type);
    let held = replica.get(&replica.core.party, &id)?.filter(|h| !h.withdrawn);
    held.ok_or_else(|| Failure::nothing("error-not-declared"))
}

/// The audience that a statement about a record has.
pub fn audience_of(about: &v1::Record) -> Result<Audience, Failure> {
    match Audience::decode(&about.audience) {
        Some(audience @ (Audience::Public | Audience::Network | Audience::Hub(_))) => Ok(audience),
        _ => Err(Failure::usage("error-sealed-about")),
    }
}

/// An organisation by its id, or by a name that one only has here.
pub fn party(replica: &Replica, text: &str) -> Result<PartyId, Failure> {
    if let Ok(party) = text.parse::<PartyId>() {
        return Ok(party);
    }
    let filter = v1::Filter { kinds: vec!["profile".to_owned()], ..v1::Filter::default() };
    let mut found: Vec<PartyId> = replica
        .all(&filter)?
        .into_iter()
        .filter(|r| r.party_name.eq_ignore_ascii_case(text))
        .filter_map(|r| PartyId::from_slice(&r.party_id))
        .collect();
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [one] => Ok(one),
        _ => Err(Failure::usage("error-party").with("party", text)),
    }
}
