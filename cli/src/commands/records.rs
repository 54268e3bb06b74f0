//! `caphub need|offer|course|session add|edit|list|show|withdraw`.

use caphub_node::author::Author;
use caphub_node::opening::Opener;
use caphub_proto::exchange::{RecordKind, seal};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, EntryRef, Filter, Revision, Withdraw};
use caphub_proto::wire::{Audience, Seq};

use crate::arguments::{Fields, HeldCommand, Narrow, RecordCommand, TakeBack, Visible};
use crate::commands::{Context, closed, compose, confirmed, sealing, table, world};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;

/// Runs one of the five for a kind of record.
pub async fn run(context: &Context, kind: RecordKind, command: RecordCommand) -> Outcome {
    match command {
        RecordCommand::Add(fields) => add(context, kind, &fields).await,
        RecordCommand::Edit { id, fields } => edit(context, kind, &id, &fields).await,
        RecordCommand::Held(command) => held(context, kind, command).await,
    }
}

/// Runs one of those that are the same for every kind.
pub async fn held(context: &Context, kind: RecordKind, command: HeldCommand) -> Outcome {
    match command {
        HeldCommand::List(narrow) => list(context, kind, &narrow),
        HeldCommand::Show { id } => show(context, kind, &id),
        HeldCommand::Withdraw(TakeBack { id, erase, note }) => {
            withdraw(context, kind, &id, erase, note).await
        }
    }
}

async fn add(context: &Context, kind: RecordKind, fields: &Fields) -> Outcome {
    add_with(context, kind, fields, |_, record| Ok(record)).await
}

/// Writes a record of which a part is found in the replica.
pub async fn add_with(
    context: &Context,
    kind: RecordKind,
    fields: &Fields,
    more: impl FnOnce(&Replica, Record) -> Result<Record, Failure>,
) -> Outcome {
    // Questions come first: what was typed is not lost to a failure of the store.
    let me = context.home.load()?;
    let record = compose::new(context, kind, fields, &me)?;
    let replica = context.replica()?;
    let record = more(&replica, record)?;
    let mut revision = Author::first(record).map_err(|e| Failure::new("error-key").because(e))?;
    let seal = sealing::chosen(context, &replica, &fields.sealed_to, fields.thread.as_deref())?;
    let audience = match seal {
        None => audience(&replica, fields.visible)?,
        Some(seal) => seal.put_on(&mut revision),
    };
    let published = replica.publish(audience, &[revision], &context.passphrase_question()).await?;
    done(context, &replica, &published, "record-added")
}

async fn edit(context: &Context, kind: RecordKind, id: &str, fields: &Fields) -> Outcome {
    edit_with(context, kind, id, fields, |_, record| Ok(record)).await
}

/// Changes a record of which a part is found in the replica.
pub async fn edit_with(
    context: &Context,
    kind: RecordKind,
    id: &str,
    fields: &Fields,
    more: impl FnOnce(&Replica, Record) -> Result<Record, Failure>,
) -> Outcome {
    if !fields.sealed_to.is_empty() || fields.thread.is_some() {
        return Err(Failure::usage("error-audience-stays").hint("hint-audience-stays"));
    }
    let replica = context.replica()?;
    let held = own(context, &replica, id, kind)?;
    let before = held.revision.clone().unwrap_or_default();
    let record = before.record.clone().ok_or_else(|| Failure::new("error-views"))?;
    let record = more(&replica, compose::changed(context, kind, record, fields)?)?;
    // Where revisions conflict, one that says the same merges them.
    if before.record.as_ref() == Some(&record) && held.conflicts.is_empty() {
        return say(context, &held, "record-unchanged");
    }
    let revision = Revision { record: Some(record), ..next(&held, before) };
    let audience = Audience::decode(&held.audience).unwrap_or(Audience::Public);
    let published = replica.publish(audience, &[revision], &context.passphrase_question()).await?;
    done(context, &replica, &published, "record-changed")
}

/// The next revision of a record replaces all that are shown, conflicts included: that merges them.
fn next(held: &v1::Record, before: Revision) -> Revision {
    let mut parents = vec![held.entry_hash.clone()];
    parents.extend(held.conflicts.iter().cloned());
    Revision { number: before.number + 1, parents, ..before }
}

fn list(context: &Context, kind: RecordKind, narrow: &Narrow) -> Outcome {
    let replica = context.replica()?;
    let filter = Filter {
        kinds: vec![kind.code().to_owned()],
        party_id: if narrow.mine { replica.core.party.to_vec() } else { Vec::new() },
        countries: narrow.country.iter().map(|c| compose::country(c)).collect::<Result<_, _>>()?,
        themes: narrow.theme.clone(),
        from: narrow.from.clone().unwrap_or_default(),
        until: narrow.until.clone().unwrap_or_default(),
        withdrawn: narrow.withdrawn,
        labels: labels(&narrow.sector, &narrow.skill, narrow.free),
        ..Filter::default()
    };
    let records = replica.readable(&filter)?;
    print_records(context, &replica, &records)?;
    Ok(())
}

/// What a list or a search is narrowed to beyond places, themes and dates.
pub fn labels(sectors: &[String], skills: &[String], free: bool) -> Vec<String> {
    let of = |name: &'static str, values: &[String]| -> Vec<String> {
        values.iter().map(|v| format!("{name}:{}", v.trim())).collect()
    };
    let mut labels = of("sector", sectors);
    labels.extend(of("skill", skills));
    labels.extend(free.then(|| "cost:free".to_owned()));
    labels
}

/// Lines, or one JSON array; beside what can be used, the reports that it is closed to one's own country.
pub fn print_records(context: &Context, replica: &Replica, records: &[v1::Record]) -> Outcome {
    let closed = closed::beside(replica, records)?;
    if context.json {
        let listed = records.iter().zip(&closed).map(|(record, closed)| closed::with(record, closed));
        screen::json(&listed.collect());
        return Ok(());
    }
    for (record, closed) in records.iter().zip(&closed) {
        screen::line(&screen::record_line(&context.texts, record));
        if let Some(words) = confirmed::words(&context.texts, record) {
            table::wrapped(&words, 10);
        }
        closed.iter().for_each(|c| table::wrapped(&c.words(&context.texts), 10));
    }
    if records.is_empty() {
        context.say("no-records", &[]);
    }
    Ok(())
}

fn show(context: &Context, kind: RecordKind, id: &str) -> Outcome {
    let replica = context.replica()?;
    let record = sealing::find(context, &replica, id, Some(kind.code()))?;
    let closed = closed::beside(&replica, std::slice::from_ref(&record))?.pop().unwrap_or_default();
    let asked = world::asked(&replica, &record)?;
    if context.json {
        let mut shown = closed::with(&record, &closed);
        if let Some(asked) = &asked {
            shown["asked"] = asked.json();
        }
        screen::json(&shown);
        return Ok(());
    }
    print_record(context, &record);
    if let Some(asked) = &asked {
        table::wrapped(&context.texts.tf("asked-in", &[("asked", &asked.words(&context.texts))]), 2);
    }
    if let Some(words) = confirmed::words(&context.texts, &record) {
        table::wrapped(&words, 2);
    }
    closed.iter().for_each(|c| table::wrapped(&c.words(&context.texts), 2));
    Ok(())
}

/// A record in full.
pub fn print_record(context: &Context, record: &v1::Record) {
    screen::line(&screen::record_line(&context.texts, record));
    print_fields(&screen::record_json(record), 1);
}

/// A statement that was signed, shown by the record that it is about.
pub fn said(context: &Context, statement: &v1::Record, about: &v1::Record) -> Outcome {
    say(context, if context.json { statement } else { about }, "record-added")
}

/// One record that was signed, and a sentence about it.
pub fn say(context: &Context, record: &v1::Record, key: &'static str) -> Outcome {
    match context.json {
        true => screen::json(&screen::record_json(record)),
        false => {
            screen::line(&screen::record_line(&context.texts, record));
            context.say(key, &[]);
        }
    }
    Ok(())
}

/// Field by field, indented; every text made harmless.
fn print_fields(value: &serde_json::Value, depth: usize) {
    let pad = "  ".repeat(depth);
    let Some(map) = value.as_object() else { return };
    for (name, value) in map {
        match value {
            serde_json::Value::Object(_) => {
                screen::line(&format!("{pad}{name}:"));
                print_fields(value, depth + 1);
            }
            serde_json::Value::Array(items) if items.iter().any(serde_json::Value::is_object) => {
                screen::line(&format!("{pad}{name}:"));
                for item in items {
                    screen::line(&format!("{pad}  -"));
                    print_fields(item, depth + 2);
                }
            }
            serde_json::Value::Array(items) => {
                let texts: Vec<String> = items.iter().map(text).collect();
                screen::line(&format!("{pad}{name}: {}", texts.join(", ")));
            }
            value => screen::line(&format!("{pad}{name}: {}", text(value))),
        }
    }
}

fn text(value: &serde_json::Value) -> String {
    screen::plain(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str())
}

async fn withdraw(context: &Context, kind: RecordKind, id: &str, erase: bool, note: String) -> Outcome {
    let replica = context.replica()?;
    let held = own(context, &replica, id, kind)?;
    // Said again in fewer words it would take the erasing back.
    let before = held.revision.as_ref().and_then(|r| r.record.as_ref());
    let erased = matches!(before, Some(Record::Withdraw(before)) if before.erase);
    if held.withdrawn && (erased || !erase) {
        return say(context, &held, "record-withdrawn-already");
    }
    let audience = Audience::decode(&held.audience).unwrap_or(Audience::Public);
    let entries = if erase { entries_of(context, &replica, &held, audience)? } else { Vec::new() };
    let named = entries.clone();
    let record = Withdraw { kind: kind.code().to_owned(), erase, entries, note };
    let before = held.revision.clone().unwrap_or_default();
    let revision = Revision { record: Some(Record::Withdraw(record)), source: None, ..next(&held, before) };
    let published = replica.publish(audience, &[revision], &context.passphrase_question()).await?;
    if erase && matches!(audience, Audience::Sealed(_)) {
        erase_sealed(context, &replica, named).await?;
    }
    if context.json {
        return done(context, &replica, &published, "record-withdrawn");
    }
    // What is withdrawn, and not the withdrawal, which says nothing.
    say(context, &held, "record-withdrawn")
}

/// Those who carry sealed bodies cannot read the withdrawal in the thread: another one, for the network, names places
/// and says nothing else.
async fn erase_sealed(context: &Context, replica: &Replica, entries: Vec<EntryRef>) -> Outcome {
    let (kind, note) = (seal::SEALED_KIND.to_owned(), String::new());
    let record = Record::Withdraw(Withdraw { kind, erase: true, entries, note });
    let revision = Author::first(record).map_err(|e| Failure::new("error-key").because(e))?;
    replica.publish(Audience::Network, &[revision], &context.passphrase_question()).await.map(drop)
}

/// The places of all revisions of a record, in the party's feeds for its audience.
fn entries_of(
    context: &Context,
    replica: &Replica,
    held: &v1::Record,
    audience: Audience,
) -> Result<Vec<EntryRef>, Failure> {
    use prost::Message;
    let opener = match audience {
        Audience::Sealed(_) => sealing::opener(context, replica)?,
        _ => Opener::none(),
    };
    let failed = |e: caphub_node::store::StoreError| Failure::new("error-store").because(e);
    let mut found = Vec::new();
    let heads = replica.core.store.heads();
    let own = heads.iter().filter(|h| h.feed.party == replica.core.party && h.feed.key().is_some());
    for head in own.filter(|h| h.feed.audience() == audience) {
        let id = head.feed.id();
        let mut next = Some(Seq::FIRST);
        while let Some(from) = next.filter(|n| *n <= head.head.seq) {
            next = None;
            for run in replica.core.store.read_feed(&id, from, 1 << 18).map_err(failed)? {
                let entries = caphub_proto::wire::feed::unpack(&run.packed).unwrap_or_default();
                for (i, entry) in entries.iter().enumerate() {
                    let (body, seq) = (entry.body.unwrap_or_default(), run.first.value() + i as u64);
                    let revision = match (audience, Seq::new(seq)) {
                        (Audience::Sealed(_), Some(at)) => opener.open(&id, at, body).and_then(Result::ok),
                        _ => body.get(16..).and_then(|content| Revision::decode(content).ok()),
                    };
                    if revision.is_some_and(|r| r.record_id == held.record_id) {
                        found.push(EntryRef { feed_id: id.to_vec(), seq });
                    }
                }
                next = Seq::new(run.first.value() + u64::from(run.count));
            }
        }
    }
    Ok(found)
}

/// An own record by the beginning of its id.
pub fn own(context: &Context, replica: &Replica, id: &str, kind: RecordKind) -> Result<v1::Record, Failure> {
    let record = sealing::find(context, replica, id, Some(kind.code()))?;
    match record.party_id == replica.core.party.as_bytes() {
        true => Ok(record),
        false => Err(Failure::usage("error-not-yours").with("id", id)),
    }
}

/// Who may see it, by what the person chose.
pub fn audience(replica: &Replica, visible: Visible) -> Result<Audience, Failure> {
    match visible {
        Visible::Public => Ok(Audience::Public),
        Visible::Network => Ok(Audience::Network),
        Visible::Hub => {
            let card = replica.me.cards().into_iter().next();
            card.map(|c| Audience::Hub(c.party)).ok_or_else(|| Failure::new("error-no-card"))
        }
    }
}

fn done(
    context: &Context,
    replica: &Replica,
    published: &[caphub_node::author::Published],
    key: &'static str,
) -> Outcome {
    for one in published {
        if let Some(record) = replica.get(&replica.core.party, &one.record)? {
            match context.json {
                true => screen::json(&screen::record_json(&record)),
                false => screen::line(&screen::record_line(&context.texts, &record)),
            }
        }
    }
    if !context.json {
        context.say(key, &[]);
    }
    Ok(())
}
