//! `caphub thread list|show|reply|grant` and `caphub sealed export`.

use std::path::Path;

use caphub_node::author::Author;
use caphub_node::opening::Opener;
use caphub_node::views::Thread;
use caphub_proto::exchange::{RecordKind, Summary};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, GrantedEntry, LocalisedText, Reply, ThreadGrant};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::{Header, entry_hash};
use caphub_proto::wire::limits::SALT_BYTES;
use caphub_proto::wire::{Audience, PartyId};
use serde_json::json;

use crate::arguments::{SealedCommand, ThreadCommand};
use crate::commands::sealing::{self, Seal, each_run, find_thread, opener, threads};
use crate::commands::{Context, acting, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;

/// Granted keys in one record: 64 bytes each, well within a body.
const GRANTED_PER_RECORD: usize = 512;

/// Runs one of the four.
pub async fn run(context: &Context, command: ThreadCommand) -> Outcome {
    let replica = context.replica()?;
    match command {
        ThreadCommand::List => list(context, &replica),
        ThreadCommand::Show { thread_id } => show(context, &replica, &thread_id),
        ThreadCommand::Reply { thread_id, words } => {
            reply(context, &replica, &thread_id, words.join(" ")).await
        }
        ThreadCommand::Grant { thread_id, .. } => grant(context, &replica, thread_id.as_deref()).await,
    }
}

fn list(context: &Context, replica: &Replica) -> Outcome {
    let all = threads(replica, &opener(context, replica)?)?;
    if context.json {
        let value = all.iter().map(|(id, t)| thread_json(id, t)).collect();
        screen::json(&value);
        return Ok(());
    }
    if all.is_empty() {
        context.say("no-threads", &[]);
    }
    for (id, thread) in &all {
        let others = thread.parties.iter().filter(|p| **p != replica.core.party);
        let names: Vec<String> = others.map(|p| sealing::name(replica, p)).collect();
        let title = thread.records.first().map(title).unwrap_or_default();
        let (id, count, names) = (hex::encode(id), thread.records.len(), names.join("; "));
        acting::told(&format!("{}  {count} {title}  ({names})", &id[..8]));
    }
    Ok(())
}

fn show(context: &Context, replica: &Replica, text: &str) -> Outcome {
    let (id, thread) = find_thread(context, replica, text)?;
    if context.json {
        screen::json(&thread_json(&id, &thread));
        return Ok(());
    }
    for record in &thread.records {
        let day = format!("{}  ", day(record.time_ms));
        screen::line(&screen::record_line_after(&context.texts, &day, record));
        if record.withdrawn {
            table::wrapped(&context.texts.t("thread-withdrawn"), 12);
        }
        if !record.void_reason.is_empty() {
            let reason = context.texts.reason(&record.void_reason);
            table::wrapped(&context.texts.tf("thread-void", &[("reason", &reason)]), 12);
        }
    }
    for (party, seq, reason) in &thread.voids {
        let values = [
            ("seq", seq.to_string()),
            ("who", sealing::name(replica, party)),
            ("reason", context.texts.said(reason.meaning())),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        acting::told(&context.texts.tf("thread-entry-void", &values));
    }
    if thread.closed > 0 {
        context.say("thread-closed", &[("count", &thread.closed.to_string())]);
    }
    Ok(())
}

fn thread_json(id: &[u8; 16], thread: &Thread) -> serde_json::Value {
    json!({
        "thread": hex::encode(id),
        "parties": thread.parties.iter().map(PartyId::to_string).collect::<Vec<_>>(),
        "records": thread.records.iter().map(screen::record_json).collect::<Vec<_>>(),
        "void": thread.voids.iter().map(|(party, seq, reason)| json!({
            "party": party.to_string(), "seq": seq, "reason": reason.code(),
        })).collect::<Vec<_>>(),
        "not_opened": thread.closed,
    })
}

fn title(record: &v1::Record) -> String {
    let summary = record.revision.as_ref().and_then(Summary::of);
    summary.map(|(_, s)| s.title).unwrap_or_default()
}

/// The day that the author states.
pub fn day(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map(|t| t.to_string().chars().take(10).collect()).unwrap_or_default()
}

async fn reply(context: &Context, replica: &Replica, text: &str, words: String) -> Outcome {
    let (_, thread) = find_thread(context, replica, text)?;
    // The thread is about the first record that is no answer itself.
    let about = |r: &&v1::Record| r.kind != RecordKind::Reply.code() && r.void_reason.is_empty();
    let first = thread.records.iter().find(about);
    let first = first.ok_or_else(|| Failure::nothing("error-no-thread").with("id", text))?;
    let language = context.texts.language().to_owned();
    let record = Record::Reply(Reply {
        party: first.party_id.clone(),
        record_id: first.record_id.clone(),
        text: Some(LocalisedText { language, text: words, translations: Vec::new() }),
        ..Reply::default()
    });
    let mut revision = Author::first(record).map_err(|e| Failure::new("error-key").because(e))?;
    let audience = Seal::within(&thread, &replica.core.party).put_on(&mut revision);
    replica.publish(audience, &[revision], &context.passphrase_question()).await?;
    context.say("record-added", &[]);
    Ok(())
}

/// Gives the party's present keys what the keys of this folder open: later keys read earlier words then.
async fn grant(context: &Context, replica: &Replica, text: Option<&str>) -> Outcome {
    let opener = opener(context, replica)?;
    let mut all = threads(replica, &opener)?;
    if let Some(text) = text {
        let (id, _) = find_thread(context, replica, text)?;
        all.retain(|thread, _| *thread == id);
    }
    let mut granted = 0;
    for (id, thread) in &all {
        let entries = file_keys(replica, &opener, id)?;
        granted += entries.len();
        for part in entries.chunks(GRANTED_PER_RECORD) {
            let record = Record::ThreadGrant(ThreadGrant { entries: part.to_vec() });
            let mut revision = Author::first(record).map_err(|e| Failure::new("error-key").because(e))?;
            let own = Thread { opening: thread.opening.clone(), ..Thread::default() };
            let audience = Seal::within(&own, &replica.core.party).put_on(&mut revision);
            replica.publish(audience, &[revision], &context.passphrase_question()).await?;
        }
    }
    let values = [("entries", granted.to_string()), ("threads", all.len().to_string())];
    if context.json {
        screen::json(&json!({ "entries": granted, "threads": all.len() }));
        return Ok(());
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    context.say("thread-granted", &values);
    Ok(())
}

/// The keys of all bodies of a thread that open here, grants apart.
fn file_keys(replica: &Replica, opener: &Opener, thread: &[u8; 16]) -> Result<Vec<GrantedEntry>, Failure> {
    let mut keys = Vec::new();
    each_run(replica, |run| {
        if run.feed.audience() != Audience::Sealed(*thread) {
            return Ok(());
        }
        for entry in unpack(&run.packed).unwrap_or_default() {
            let (Ok(header), Some(body)) = (Header::parse(entry.header), entry.body) else { continue };
            let Some(Ok(revision)) = opener.open(&header.feed, header.seq, body) else { continue };
            if matches!(revision.record, Some(Record::ThreadGrant(_))) {
                continue;
            }
            if let Some(key) = opener.file_key(&header.feed, header.seq, body) {
                keys.push(GrantedEntry {
                    feed_id: header.feed.to_vec(),
                    seq: header.seq.value(),
                    file_key: key.to_vec(),
                });
            }
        }
        Ok(())
    })?;
    Ok(keys)
}

/// Runs the one.
pub fn sealed(context: &Context, command: &SealedCommand) -> Outcome {
    let SealedCommand::Export { id, sealed_file } = command;
    export(context, id, sealed_file)
}

/// Writes the age file of a sealed record's shown revision, as its author signed it.
fn export(context: &Context, id: &str, path: &Path) -> Outcome {
    let replica = context.replica()?;
    let record = sealing::find(context, &replica, id, None)?;
    let mut found = None;
    each_run(&replica, |run| {
        for entry in unpack(&run.packed).unwrap_or_default() {
            if entry_hash(entry.header, entry.signature).0[..] == record.entry_hash[..] {
                found = entry.body.and_then(|b| b.get(SALT_BYTES..)).map(<[u8]>::to_vec);
            }
        }
        Ok(())
    })?;
    let file = found.ok_or_else(|| Failure::usage("error-not-sealed").with("id", id))?;
    let failed = |e: std::io::Error| Failure::new("error-file").with("path", path.display()).because(e);
    caphub_node::durable::replace(path, &file).map_err(failed)?;
    context.say("sealed-exported", &[("path", &path.display().to_string())]);
    Ok(())
}
