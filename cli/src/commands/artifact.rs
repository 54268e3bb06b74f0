//! `caphub artifact`: files that are transferred, with what they are made of, who came to the same, and what is warned of.

mod advisory;
mod get;
mod provenance;
mod sbom;

use std::path::Path;

use caphub_node::artifacts::{Source, State, bring, id_of};
use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Artifact, Blob, Filter, Sbom};
use caphub_proto::wire::{PartyId, RecordId};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::arguments::{ArtifactAdd, ArtifactCommand, HeldCommand};
use crate::commands::statements::{Statements, some, who};
use crate::commands::{Context, acting, records, signing, technique};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen::{self, plain};

const KIND: RecordKind = RecordKind::Artifact;
/// Components that are shown where not all are asked for.
const COMPONENTS_SHOWN: usize = 10;

/// Runs one of its commands.
pub async fn run(context: &Context, command: ArtifactCommand) -> Outcome {
    match command {
        ArtifactCommand::Add(fields) => add(context, fields).await,
        ArtifactCommand::Get(wanted) => get::run(context, wanted).await,
        ArtifactCommand::List(narrow) => records::held(context, KIND, HeldCommand::List(narrow)).await,
        ArtifactCommand::Show { id, components } => show(context, &id, components),
        ArtifactCommand::Verify { file } => verify(context, &file),
        ArtifactCommand::Use(declare) => technique::use_it(context, KIND, declare).await,
        ArtifactCommand::Reproduce { id, digest, note, link } => {
            let replica = context.replica()?;
            let about = replica.find(&id, Some(KIND.code()))?;
            let digest = hex::decode(digest.trim())
                .ok()
                .filter(|d| d.len() == 32)
                .ok_or_else(|| Failure::usage("error-digest"))?;
            let same = file_of(&about).is_some_and(|f| f.digest == digest);
            let shown = signing::endorse(context, &replica, &about, "reproduction", |said| {
                said.digest = digest;
                said.text = signing::localised(context, None, &note);
                said.links = link.iter().map(|l| signing::link(l)).collect();
            });
            let shown = shown.await?;
            if about.party_id == replica.core.party.as_bytes() {
                context.say("artifact-own-reproduction", &[]);
            }
            let said = if same { "artifact-reproduced" } else { "artifact-differs" };
            records::say(context, if context.json { &shown } else { &about }, said)
        }
        ArtifactCommand::Advise { id, file, note } => {
            let replica = context.replica()?;
            let about = replica.find(&id, Some(KIND.code()))?;
            let mut read = advisory::read(&file)?;
            read.file = Some(keep(&replica, &file, "application/json")?);
            let shown = signing::endorse(context, &replica, &about, "advisory", |said| {
                // A newer text of the same advisory takes its place.
                said.advisories.retain(|a| a.identifier != read.identifier);
                said.advisories.push(read);
                if !note.is_empty() {
                    said.text = signing::localised(context, None, &note);
                }
            });
            records::said(context, &shown.await?, &about)
        }
        ArtifactCommand::Withdraw(taken) => records::held(context, KIND, HeldCommand::Withdraw(taken)).await,
    }
}

/// The file of an artifact's record.
pub fn file_of(record: &v1::Record) -> Option<Blob> {
    artifact_of(record)?.file
}

/// What an artifact's record says.
pub fn artifact_of(record: &v1::Record) -> Option<Artifact> {
    match record.revision.clone()?.record? {
        Record::Artifact(artifact) => Some(artifact),
        _ => None,
    }
}

/// Takes a file in, with its name and type.
fn keep(replica: &Replica, path: &Path, media_type: &str) -> Result<Blob, Failure> {
    // Told apart from a folder of files that cannot be used.
    let there = std::fs::File::open(path).map(drop);
    there.map_err(|e| Failure::new("error-file").with("path", path.display()).because(e))?;
    let blob = replica.core.blobs.add(path);
    let blob = blob.map_err(|e| Failure::new("error-file").with("path", path.display()).because(e))?;
    let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Blob { media_type: media_type.to_owned(), file_name, ..blob })
}

async fn add(context: &Context, fields: ArtifactAdd) -> Outcome {
    let replica = context.replica()?;
    let held = fields.replaces.as_ref().map(|id| records::own(context, &replica, id, KIND)).transpose()?;
    let mut artifact = held.as_ref().and_then(artifact_of).unwrap_or_default();
    let language = fields.text_language.as_deref();
    let file = keep(&replica, &fields.path, &fields.media_type)?;
    let title = match (&fields.title, &artifact.title) {
        (Some(title), _) => signing::localised(context, language, title),
        (None, Some(title)) => Some(title.clone()),
        (None, None) => signing::localised(context, language, &file.file_name),
    };
    artifact.title = title;
    let texts = [
        (&fields.description, &mut artifact.description),
        (&fields.withdrawal_terms, &mut artifact.withdrawal_terms),
    ];
    for (given, held) in texts {
        if let Some(text) = given {
            *held = signing::localised(context, language, text);
        }
    }
    for (given, held) in [(&fields.licence, &mut artifact.licence), (&fields.version, &mut artifact.version)]
    {
        if let Some(text) = given {
            *held = text.clone();
        }
    }
    if !fields.theme.is_empty() {
        artifact.themes = fields.theme.clone();
    }
    // What described the file before does not describe another one.
    artifact.sbom = match &fields.sbom {
        None => None,
        Some(path) => {
            let read = sbom::read_file(path)?;
            let mut licences = read.licences();
            licences.truncate(sbom::LICENCES_STATED);
            Some(Sbom {
                file: Some(keep(&replica, path, "application/json")?),
                sbom_format: read.format.to_owned(),
                components: u32::try_from(read.components.len()).unwrap_or(u32::MAX),
                licences,
            })
        }
    };
    artifact.provenance.clear();
    for path in &fields.provenance {
        artifact.provenance.push(provenance::attach(context, &replica, path, &file)?);
    }
    artifact.file = Some(file);
    let audience = records::audience(&replica, fields.visible)?;
    let record = Record::Artifact(artifact);
    let shown = match held {
        Some(held) => signing::next(context, &replica, &held, record).await?,
        None => signing::first(context, &replica, audience, record).await?,
    };
    records::say(context, &shown, "record-added")
}

/// Lines that stand before a download and in `show`: licence, size, terms, and what others say.
pub fn describe(context: &Context, record: &v1::Record, artifact: &Artifact, said: &Statements) {
    let t = &context.texts;
    let file = artifact.file.clone().unwrap_or_default();
    let or_none = |text: &str| if text.is_empty() { t.t("not-stated") } else { plain(text) };
    let values = [
        ("publisher", who(record)),
        ("version", or_none(&artifact.version)),
        ("licence", or_none(&artifact.licence)),
        ("bytes", file.bytes.to_string()),
        ("digest", hex::encode(&file.digest)),
        ("name", plain(&file.file_name)),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    for line in t.tf("artifact-head", &values).lines() {
        screen::line(line);
    }
    if let Some(terms) = &artifact.withdrawal_terms {
        acting::told(&t.tf("artifact-terms", &[("terms", &terms.text)]));
    }
    if let Some(sbom) = &artifact.sbom {
        let (count, licences) = (sbom.components.to_string(), sbom.licences.join(", "));
        let values =
            [("format", sbom.sbom_format.as_str()), ("count", &count), ("licences", &plain(&licences))];
        acting::told(&t.tf("artifact-sbom", &values));
    }
    if said.tally().reproduced.is_empty() {
        screen::line(&t.t("artifact-not-reproduced"));
    }
    said.show(context);
}

fn show(context: &Context, id: &str, all_components: bool) -> Outcome {
    let replica = context.replica()?;
    let record = replica.find(id, Some(KIND.code()))?;
    let Some(artifact) = artifact_of(&record) else {
        match context.json {
            true => screen::json(&screen::record_json(&record)),
            false => screen::line(&screen::record_line(&context.texts, &record)),
        }
        return Ok(());
    };
    let said = Statements::of(&replica, &record)?;
    let here = artifact.file.as_ref().and_then(id_of).map(|id| replica.core.blobs.state(&id));
    let here = match here {
        Some(State::Whole) => "whole",
        Some(State::Partial(_)) => "partial",
        _ => "absent",
    };
    let signed = provenance::check(&replica, &record, &artifact);
    let components = sbom::of_artifact(&replica, &artifact);
    if context.json {
        let mut value = screen::record_json(&record);
        value["statements"] = said.json();
        value["here"] = json!(here);
        value["provenance"] = json!(signed);
        value["components"] = json!(components.as_ref().map(|s| &s.components));
        screen::json(&value);
        return Ok(());
    }
    screen::line(&screen::record_line(&context.texts, &record));
    describe(context, &record, &artifact, &said);
    for line in signed.iter().map(|s| s.line(context)) {
        acting::told(&line);
    }
    screen::line(&context.texts.t(&format!("artifact-{here}")));
    if let Some(sbom) = components {
        let shown = if all_components { sbom.components.len() } else { COMPONENTS_SHOWN };
        for c in sbom.components.iter().take(shown) {
            screen::line(&format!(
                "  {} {}  {}",
                plain(&c.name),
                plain(&c.version),
                plain(&c.licences.join(", "))
            ));
        }
        if sbom.components.len() > shown {
            let more = (sbom.components.len() - shown).to_string();
            screen::line(&context.texts.tf("artifact-components-more", &[("count", &more)]));
        }
    }
    Ok(())
}

/// Which records held here name a file of this machine, by its SHA-256.
fn verify(context: &Context, path: &Path) -> Outcome {
    let replica = context.replica()?;
    let failed = |e: std::io::Error| Failure::new("error-file").with("path", path.display()).because(e);
    let mut hasher = Sha256::new();
    std::io::copy(&mut std::fs::File::open(path).map_err(failed)?, &mut hasher).map_err(failed)?;
    let digest = hasher.finalize().to_vec();
    let filter = Filter { kinds: vec![KIND.code().to_owned()], ..Filter::default() };
    let request = caphub_node::views::PageRequest { size: 200, token: String::new() };
    let now = caphub_node::author::now_ms();
    let words = hex::encode(&digest);
    let page = replica.core.views.search(&replica.viewer(), &words, &filter, &request, now);
    let page = page.map_err(|e| Failure::new("error-views").because(e))?;
    let same = |r: &v1::Record| file_of(r).is_some_and(|f| f.digest == digest);
    let found: Vec<v1::Record> = page.records.into_iter().filter(same).collect();
    let mut values = Vec::new();
    for record in &found {
        let said = Statements::of(&replica, record)?;
        if context.json {
            let mut value = screen::record_json(record);
            value["statements"] = said.json();
            values.push(value);
            continue;
        }
        screen::line(&screen::record_line(&context.texts, record));
        if let Some(artifact) = artifact_of(record) {
            describe(context, record, &artifact, &said);
        }
    }
    if context.json {
        screen::json(&json!({ "digest": words, "records": values }));
    }
    match found.is_empty() {
        true => Err(Failure::nothing("error-file-unknown").with("digest", words).answered()),
        false => Ok(()),
    }
}

/// Every file of own records that is whole here: what a hub may lack.
pub fn own_files(replica: &Replica) -> Result<Vec<Blob>, Failure> {
    let mut files = Vec::new();
    for (kind, label) in [("artifact", None), ("endorsement", Some("statement:advisory"))] {
        let filter = Filter {
            kinds: vec![kind.to_owned()],
            party_id: replica.core.party.to_vec(),
            labels: label.map(str::to_owned).into_iter().collect(),
            ..Filter::default()
        };
        let records = replica.all(&filter)?;
        files.extend(records.iter().flat_map(caphub_node::artifacts::of_record).map(|n| n.blob));
    }
    Ok(files)
}

/// Brings a hub the files of own records that it lacks and takes.
pub async fn bring_own(
    context: &Context,
    replica: &Replica,
    card: &caphub_proto::wire::card::Card,
    channel: tonic::transport::Channel,
) -> Outcome {
    let files = own_files(replica)?;
    if files.is_empty() {
        return Ok(());
    }
    let hub = Source { name: card.name.clone(), channel };
    // Records have moved; files that did not are brought at the next sync.
    let brought = match bring(&replica.core.blobs, &files, &hub).await {
        Ok(brought) => brought,
        Err(status) => {
            let failure = crate::commands::sync::status_failure(&status);
            context.say(
                "artifact-not-brought",
                &[("hub", &plain(&card.name)), ("why", &context.texts.said(failure.detail()))],
            );
            return Ok(());
        }
    };
    let name = plain(&card.name);
    if brought.files > 0 {
        let (count, kib) = (brought.files.to_string(), (brought.bytes / 1024).to_string());
        context.say("artifact-brought", &[("hub", &name), ("count", &count), ("kib", &kib)]);
    }
    for (blob, reason) in &brought.refused {
        let why = context.texts.reason(reason);
        let values = [("hub", name.as_str()), ("name", &plain(&blob.file_name)), ("why", &why)];
        context.say("artifact-refused", &values);
    }
    Ok(())
}

/// What is warned of in what this organisation says that it uses: for `status`.
pub fn warned(replica: &Replica) -> Result<Vec<(v1::Record, String, v1::Advisory)>, Failure> {
    /// Declarations that are looked at.
    const USES_MAX: usize = 500;
    let filter = Filter {
        kinds: vec!["endorsement".to_owned()],
        party_id: replica.core.party.to_vec(),
        labels: vec!["statement:used_by".to_owned()],
        ..Filter::default()
    };
    let (uses, _) = some(replica, &filter, USES_MAX)?;
    let mut found = Vec::new();
    for used in uses {
        let about = match used.revision.and_then(|r| r.record) {
            Some(Record::Endorsement(said)) => said.about.unwrap_or_default(),
            _ => continue,
        };
        let ids = PartyId::from_slice(&about.party).zip(RecordId::from_slice(&about.record_id));
        let Some((party, id)) = ids else { continue };
        if let Some(record) = replica.get(&party, &id)? {
            let advisories = Statements::of(replica, &record)?.advisories();
            found.extend(advisories.into_iter().map(|(by, a)| (record.clone(), by, a)));
        }
    }
    Ok(found)
}
