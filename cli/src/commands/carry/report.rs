//! What carrying did, in words or as one JSON object.

use std::path::Path;

use caphub_proto::v1::{CarryFault, CarryInReport, CarryOutReport, CarryReader};
use caphub_proto::wire::PartyId;

use crate::commands::Context;
use crate::failure::{Failure, Outcome};
use crate::screen;

/// What was written: names of files on stdout, all else as talk.
pub(super) fn out(context: &Context, folder: &Path, report: &CarryOutReport) -> Outcome {
    if context.json {
        screen::json(&serde_json::to_value(report).unwrap_or_default());
        return Ok(());
    }
    report.faults.iter().for_each(|fault| say_fault(context, fault));
    if report.readers.is_empty() {
        context.say("carry-for-all", &[]);
    }
    report.readers.iter().for_each(|reader| say_reader(context, reader));
    report.files.iter().for_each(|file| screen::line(&screen::plain(&file.name)));
    let kib = report.bytes.div_ceil(1024).to_string();
    let (entries, files) = (report.entries.to_string(), report.files.len().to_string());
    let values = [("entries", entries.as_str()), ("files", &files), ("kib", &kib)];
    let written = report.entries + report.proofs + report.artifacts + report.artifact_bytes;
    match (written, report.left_entries + report.left_artifacts, report.dry_run) {
        (0, 0, _) => context.say("carry-out-nothing", &values),
        (0, _, _) => {}
        (_, _, true) => context.say("carry-out-dry", &values),
        (_, _, false) => context.say("carry-out-done", &values),
    }
    say_proofs(context, report.proofs);
    if report.artifacts > 0 {
        say_files(context, "carry-artifacts-out", report.artifacts, report.artifact_bytes);
    }
    if report.left_artifacts > 0 {
        let folder = folder.display().to_string();
        let count = report.left_artifacts.to_string();
        context.say("carry-artifacts-left", &[("count", &count), ("path", &folder)]);
    }
    if report.left_entries > 0 {
        let (entries, feeds) = (report.left_entries.to_string(), report.left_feeds.to_string());
        let folder = folder.display().to_string();
        context.say("carry-left", &[("entries", &entries), ("feeds", &feeds), ("path", &folder)]);
    }
    if report.withheld_feeds > 0 {
        context.say("carry-withheld", &[("feeds", &report.withheld_feeds.to_string())]);
    }
    for name in &report.arrived {
        context.say("carry-arrived", &[("name", &screen::plain(name))]);
    }
    if !report.readers.is_empty() && report.entries > 0 {
        context.say("carry-bearer", &[]);
    }
    Ok(())
}

/// What was taken in; fails where a file is not whole or one is missing, after all that could be taken was taken.
pub(super) fn taken(context: &Context, report: &CarryInReport) -> Outcome {
    if context.json {
        screen::json(&serde_json::to_value(report).unwrap_or_default());
    } else {
        for file in &report.files {
            let party = PartyId::from_slice(&file.party_id).map(|p| p.short()).unwrap_or_default();
            let (author, entries) = (screen::plain(&file.author), file.entries.to_string());
            let key = match (file.party_id.is_empty(), file.confirmed) {
                // Nobody signed it in a way that can be read; what is wrong is said below.
                (true, _) if file.entries == 0 => continue,
                (true, _) => "carry-from-nobody",
                (false, true) => "carry-from",
                (false, false) => "carry-from-unknown",
            };
            let name = screen::plain(&file.name);
            let values =
                [("name", name.as_str()), ("author", &author), ("party", &party), ("entries", &entries)];
            context.say(key, &values);
        }
        let (stored, known) = (report.stored.to_string(), report.known.to_string());
        let key = if report.dry_run { "carry-in-dry" } else { "carry-in-done" };
        context.say(key, &[("stored", &stored), ("known", &known)]);
        say_proofs(context, report.proofs);
        if report.artifacts > 0 {
            say_files(context, "carry-artifacts-in", report.artifacts, report.artifact_bytes);
        }
        if report.partial_artifacts > 0 {
            context.say("carry-artifacts-partial", &[("count", &report.partial_artifacts.to_string())]);
        }
        for refused in &report.refused {
            let meaning = context.texts.reason(&refused.reason);
            context.say("sync-refused", &[("count", &refused.runs.to_string()), ("reason", &meaning)]);
        }
        report.faults.iter().for_each(|fault| say_fault(context, fault));
        for name in &report.missing {
            context.say("carry-missing", &[("name", &screen::plain(name))]);
        }
        match report.holds.is_empty() {
            false => context.say("carry-holds", &[("name", &screen::plain(&report.holds))]),
            true if report.dry_run => {}
            true => context.say("carry-no-holds", &[]),
        }
    }
    let incomplete = report.faults_found + report.missing.len() as u64;
    match incomplete {
        0 => Ok(()),
        count => {
            let failure = Failure::new("error-carry-incomplete").with("count", count);
            let reason = report.faults.iter().map(|f| f.reason.clone()).find(|r| !r.is_empty());
            Err(failure.hint("hint-carry-incomplete").reason(reason.unwrap_or_default()).answered())
        }
    }
}

fn say_files(context: &Context, key: &str, count: u64, bytes: u64) {
    let (count, kib) = (count.to_string(), bytes.div_ceil(1024).to_string());
    context.say(key, &[("count", &count), ("kib", &kib)]);
}

fn say_proofs(context: &Context, proofs: u64) {
    if proofs > 0 {
        context.say("carry-proofs", &[("count", &proofs.to_string())]);
    }
}

fn say_reader(context: &Context, reader: &CarryReader) {
    let party = PartyId::from_slice(&reader.party_id).unwrap_or_default();
    let name = match reader.name.is_empty() {
        true => party.to_string(),
        false => format!("{} ({})", screen::plain(&reader.name), party.short()),
    };
    let when = i64::try_from(reader.stated_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let when = when.map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    let key = match (reader.confirmed, reader.stated_ms) {
        (false, _) => "carry-for-unknown",
        (true, 0) => "carry-for-unstated",
        (true, _) => "carry-for",
    };
    context.say(key, &[("name", &name), ("when", &when)]);
}

fn say_fault(context: &Context, fault: &CarryFault) {
    context.say(
        "carry-fault",
        &[
            ("name", &screen::plain(&fault.name)),
            ("why", &screen::plain(&context.texts.said(&fault.message))),
        ],
    );
}
