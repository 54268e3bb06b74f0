//! `caphub org`: the organisation's profile.

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Filter, LocalisedText, PartyProfile, Revision};
use caphub_proto::wire::Audience;

use crate::arguments::Org;
use crate::commands::Context;
use crate::failure::{Failure, Outcome};
use crate::screen;

/// Shows the profile, or changes it where something is given.
pub async fn run(context: &Context, org: Org) -> Outcome {
    let replica = context.replica()?;
    let filter = Filter {
        kinds: vec!["profile".to_owned()],
        party_id: replica.core.party.to_vec(),
        ..Filter::default()
    };
    let held = replica.all(&filter)?.into_iter().next();
    let held = held.ok_or_else(|| Failure::nothing("error-no-profile"))?;
    let nothing_given = org.name.is_none()
        && org.description.is_none()
        && org.url.is_none()
        && org.contact.is_none()
        && org.language.is_empty();
    if nothing_given {
        match context.json {
            true => screen::json(&screen::record_json(&held)),
            false => screen::line(&screen::record_line(&context.texts, &held)),
        }
        return Ok(());
    }
    let before = held.revision.clone().unwrap_or_default();
    let Some(Record::Profile(mut profile)) = before.record.clone() else {
        return Err(Failure::new("error-views"));
    };
    change(context, &mut profile, org);
    let mut parents = vec![held.entry_hash.clone()];
    parents.extend(held.conflicts.iter().cloned());
    let number = before.number + 1;
    let revision = Revision { number, parents, record: Some(Record::Profile(profile)), ..before };
    replica.publish(Audience::Public, &[revision], &context.passphrase_question()).await?;
    context.say("record-changed", &[]);
    Ok(())
}

fn change(context: &Context, profile: &mut PartyProfile, org: Org) {
    let language = context.texts.language();
    let localised =
        |text: String| LocalisedText { language: language.to_owned(), text, translations: Vec::new() };
    if let Some(name) = org.name {
        profile.name = Some(localised(name));
    }
    if let Some(description) = org.description {
        profile.description = Some(localised(description));
    }
    if let Some(url) = org.url {
        profile.url = url;
    }
    if let Some(contact) = org.contact {
        profile.contact = contact;
    }
    if !org.language.is_empty() {
        profile.languages = org.language;
    }
}
