//! `caphub technique`: the data bank of techniques, with who uses them and how they are assessed.

use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Filter, RecordRef, Reference, Technique};
use caphub_proto::wire::{PartyId, RecordId};
use serde_json::{Map, Value, json};

use crate::arguments::{Declare, HeldCommand, TakeBack, TechniqueCommand, TechniqueFields};
use crate::commands::statements::{Statements, some};
use crate::commands::{Context, compose, records, signing, vocabulary};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;

const KIND: RecordKind = RecordKind::Technique;
/// Adaptations and translations by others that are listed.
const BY_OTHERS_MAX: usize = 50;

/// Runs one of its commands.
pub async fn run(context: &Context, command: TechniqueCommand) -> Outcome {
    match command {
        TechniqueCommand::Add(fields) => {
            let replica = context.replica()?;
            let record = composed(context, &replica, None, &fields)?;
            let audience = records::audience(&replica, fields.visible)?;
            let shown = signing::first(context, &replica, audience, record).await?;
            records::say(context, &shown, "record-added")
        }
        TechniqueCommand::Edit { id, fields } => {
            let replica = context.replica()?;
            let held = records::own(context, &replica, &id, KIND)?;
            let before = held.revision.clone().and_then(|r| r.record);
            let record = composed(context, &replica, before, &fields)?;
            let shown = signing::next(context, &replica, &held, record).await?;
            records::say(context, &shown, "record-changed")
        }
        TechniqueCommand::List(narrow) => records::held(context, KIND, HeldCommand::List(narrow)).await,
        TechniqueCommand::Show { id } => show(context, &id).await,
        TechniqueCommand::Use(declare) => use_it(context, KIND, declare).await,
        TechniqueCommand::Assess { id, rating, note, link } => {
            let replica = context.replica()?;
            let about = replica.find(&id, Some(KIND.code()))?;
            let shown = signing::endorse(context, &replica, &about, "assessment", |said| {
                said.rating = rating;
                said.text = signing::localised(context, None, &note);
                said.links = link.iter().map(|l| signing::link(l)).collect();
            });
            records::said(context, &shown.await?, &about)
        }
        TechniqueCommand::Withdraw(taken) => records::held(context, KIND, HeldCommand::Withdraw(taken)).await,
    }
}

/// Declares that this organisation uses something of another's, or no longer.
pub async fn use_it(context: &Context, kind: RecordKind, declare: Declare) -> Outcome {
    let replica = context.replica()?;
    let about = replica.find(&declare.id, Some(kind.code()))?;
    if declare.end {
        let held = signing::own_statement(&replica, &about, "used_by")?;
        let taken = TakeBack { id: screen::record_id(&held), erase: false, note: declare.note };
        drop(replica);
        return records::held(context, RecordKind::Endorsement, HeldCommand::Withdraw(taken)).await;
    }
    let shown = signing::endorse(context, &replica, &about, "used_by", |said| {
        said.text = signing::localised(context, None, &declare.note);
    });
    records::said(context, &shown.await?, &about)
}

/// A technique from what was typed, over what it was before, over what a file says.
fn composed(
    context: &Context,
    replica: &Replica,
    before: Option<Record>,
    fields: &TechniqueFields,
) -> Result<Record, Failure> {
    let mut value = match before {
        Some(Record::Technique(t)) => {
            serde_json::to_value(t).ok().and_then(|v| v.as_object().cloned()).unwrap_or_default()
        }
        _ => Map::new(),
    };
    if let Some(path) = &fields.file {
        value.extend(compose::from_file(path)?);
    }
    let language = fields.text_language.as_deref();
    for (name, text) in [("title", &fields.title), ("problem", &fields.problem)] {
        compose::put_text(context, &mut value, language, name, text.as_deref());
    }
    let Record::Technique(mut t) = compose::record(KIND, value)? else {
        return Err(Failure::usage("error-kind"));
    };
    if t.title.is_none() {
        return Err(Failure::usage("error-title-needed").hint("hint-title-needed"));
    }
    let texts = |given: &[String], held: &mut Vec<v1::LocalisedText>| {
        if !given.is_empty() {
            *held = signing::all_localised(context, language, given);
        }
    };
    texts(&fields.step, &mut t.steps);
    texts(&fields.prerequisite, &mut t.prerequisites);
    texts(&fields.adaptation, &mut t.adaptation_notes);
    let words = [
        (&fields.theme, &mut t.themes),
        (&fields.sector, &mut t.sectors),
        (&fields.skill, &mut t.skills),
        (&fields.keyword, &mut t.keywords),
    ];
    for (given, held) in words.into_iter().filter(|(g, _)| !g.is_empty()) {
        *held = given.clone();
    }
    for (given, held) in [(&fields.licence, &mut t.licence), (&fields.version, &mut t.version)] {
        if let Some(given) = given {
            *held = given.clone();
        }
    }
    if !fields.evidence.is_empty() {
        t.evidence = fields.evidence.iter().map(|e| signing::evidence(context, language, e)).collect();
    }
    if !fields.reference.is_empty() {
        t.references = fields.reference.iter().map(|r| scheme_and_id(r)).collect::<Result<_, _>>()?;
    }
    if fields.free || fields.price.is_some() {
        t.cost = Some(compose::cost(fields.free, fields.price.as_deref())?);
    }
    let named = |id: &str, kind: RecordKind| -> Result<RecordRef, Failure> {
        Ok(signing::reference(&replica.find(id, Some(kind.code()))?))
    };
    if !fields.artifact.is_empty() {
        t.artifacts =
            fields.artifact.iter().map(|id| named(id, RecordKind::Artifact)).collect::<Result<_, _>>()?;
    }
    for (given, held) in [(&fields.adapts, &mut t.adapts), (&fields.translates, &mut t.translates)] {
        if let Some(id) = given {
            *held = Some(named(id, KIND)?);
        }
    }
    Ok(Record::Technique(t))
}

fn scheme_and_id(text: &str) -> Result<Reference, Failure> {
    let (scheme, identifier) =
        text.split_once(':').ok_or_else(|| Failure::usage("error-reference").with("text", text))?;
    Ok(Reference { scheme: scheme.to_owned(), identifier: identifier.to_owned(), ..Reference::default() })
}

async fn show(context: &Context, id: &str) -> Outcome {
    let replica = context.replica()?;
    let record = replica.find(id, Some(KIND.code()))?;
    let Some(Record::Technique(technique)) = record.revision.clone().and_then(|r| r.record) else {
        // Withdrawn, or void: there is nothing to join. The store opens once at a time.
        drop(replica);
        return records::held(context, KIND, HeldCommand::Show { id: id.to_owned() }).await;
    };
    let said = Statements::of(&replica, &record)?;
    let versions = versions(&replica, &record)?;
    let (adapted, translated) = by_others(&replica, &record)?;
    let skills: Vec<String> =
        technique.skills.iter().map(|s| vocabulary::named(&replica, context, s)).collect::<Result<_, _>>()?;
    if context.json {
        let mut value = screen::record_json(&record);
        value["statements"] = said.json();
        value["versions"] = versions.iter().map(version_json).collect();
        value["adapted_by"] = adapted.iter().map(screen::record_json).collect();
        value["translated_by"] = translated.iter().map(screen::record_json).collect();
        value["skills_named"] = json!(skills);
        screen::json(&value);
        return Ok(());
    }
    records::print_record(context, &record);
    let t = &context.texts;
    if !skills.is_empty() {
        screen::line(&t.tf("technique-skills", &[("skills", &skills.join("; "))]));
    }
    let languages = languages(&technique);
    if languages.len() > 1 {
        screen::line(&t.tf("technique-languages", &[("languages", &languages.join(", "))]));
    }
    if versions.len() > 1 {
        screen::line(&t.tf("technique-versions", &[("count", &versions.len().to_string())]));
        versions.iter().for_each(|v| screen::line(&format!("  {}", version_line(v))));
    }
    for (key, list) in [("technique-adapted", &adapted), ("technique-translated", &translated)] {
        if !list.is_empty() {
            screen::line(&t.tf(key, &[("count", &list.len().to_string())]));
            list.iter().for_each(|r| screen::line(&screen::record_line_after(&context.texts, "  ", r)));
        }
    }
    said.show(context);
    Ok(())
}

/// Languages of the title, the authoritative one first.
fn languages(technique: &Technique) -> Vec<String> {
    let title = technique.title.iter();
    title
        .flat_map(|t| std::iter::once(&t.language).chain(t.translations.iter().map(|t| &t.language)))
        .cloned()
        .collect()
}

fn versions(replica: &Replica, record: &v1::Record) -> Result<Vec<v1::Record>, Failure> {
    let (party, id) = PartyId::from_slice(&record.party_id)
        .zip(RecordId::from_slice(&record.record_id))
        .ok_or_else(|| Failure::new("error-views"))?;
    let mut all = replica
        .core
        .views
        .history(&replica.viewer(), &party, &id, now_ms())
        .map_err(|e| Failure::new("error-views").because(e))?;
    all.retain(|r| r.void_reason.is_empty());
    Ok(all)
}

fn version_parts(record: &v1::Record) -> (u32, String, String) {
    let revision = record.revision.clone().unwrap_or_default();
    let stated = match revision.record {
        Some(Record::Technique(t)) => t.version,
        _ => String::new(),
    };
    let time = i64::try_from(record.time_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let day = time.map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    (revision.number, screen::plain(&stated), day)
}

fn version_line(record: &v1::Record) -> String {
    let (number, stated, day) = version_parts(record);
    format!("{number}  {day}  {stated}").trim_end().to_owned()
}

fn version_json(record: &v1::Record) -> Value {
    let (number, version, date) = version_parts(record);
    json!({ "number": number, "version": version, "date": date })
}

/// Techniques of others that say they adapt this one, and that translate it.
fn by_others(replica: &Replica, record: &v1::Record) -> Result<(Vec<v1::Record>, Vec<v1::Record>), Failure> {
    let this = signing::reference(record);
    let filter =
        Filter { kinds: vec![KIND.code().to_owned()], about: Some(this.clone()), ..Filter::default() };
    let (all, _) = some(replica, &filter, BY_OTHERS_MAX)?;
    let names = |r: &v1::Record, of: fn(&Technique) -> &Option<RecordRef>| match &r.revision {
        Some(v1::Revision { record: Some(Record::Technique(t)), .. }) => of(t).as_ref() == Some(&this),
        _ => false,
    };
    let pick =
        |of: fn(&Technique) -> &Option<RecordRef>| all.iter().filter(|r| names(r, of)).cloned().collect();
    Ok((pick(|t| &t.adapts), pick(|t| &t.translates)))
}
