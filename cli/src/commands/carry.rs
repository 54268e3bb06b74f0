//! `caphub carry`: records by hand, for a member or for the hub of `--hub-dir`.

mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caphub_node::artifacts::Room;
use caphub_node::audit::Auditor;
use caphub_node::carry::{self, Bearer, CarryError, FILE_BYTES_MIN, Give, Progress, Role, Take, Words};
use caphub_node::node::StartError;
use caphub_proto::v1::carry_service_client::CarryServiceClient;
use caphub_proto::v1::{CarryInReport, CarryInRequest, CarryOutReport, CarryOutRequest, CarryProgress};
use caphub_proto::wire::PartyId;

use crate::arguments::{CarryCommand, CarryOut};
use crate::commands::{Context, hub, sync};
use crate::failure::{Failure, Outcome};
use crate::home::{card_of, read_file};
use crate::replica::open_failure;

/// Writes carry files, or takes them in.
pub async fn run(context: &Context, command: CarryCommand) -> Outcome {
    let hub = context.hub_given || (!context.home.is_joined() && has_hub(&context.hub_dir));
    match command {
        CarryCommand::Out(out) => {
            let give = asked(&out)?;
            let report = match hub {
                true => hub_out(context, &give).await?,
                false => member_out(context, give.clone()).await?,
            };
            report::out(context, &give.folder, &report)
        }
        CarryCommand::In { folder, dry_run } => {
            let take = Take { folder: absolute(&folder)?, dry_run };
            let report = match hub {
                true => hub_in(context, &take).await?,
                false => member_in(context, take.clone()).await?,
            };
            report::taken(context, &report)
        }
    }
}

fn has_hub(directory: &Path) -> bool {
    directory.join("hub.json").exists()
}

fn asked(out: &CarryOut) -> Result<Give, Failure> {
    let party = out.reader.as_deref().map(party).transpose()?;
    let file_bytes = out.size.as_deref().map(size).transpose()?.unwrap_or(0);
    let (artifacts, dry_run) = (out.artifacts, out.dry_run);
    Ok(Give { folder: absolute(&out.folder)?, party, file_bytes, artifacts, dry_run })
}

/// A node has another working folder than the person who types.
fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(folder)
        .map_err(|e| Failure::new("error-file").with("path", folder.display()).because(e))
}

/// An id, or a file with a card or invitation.
fn party(text: &str) -> Result<PartyId, Failure> {
    if let Ok(party) = text.parse() {
        return Ok(party);
    }
    let unknown = || Failure::usage("error-carry-for").with("party", text).hint("hint-carry-for");
    let bytes = read_file(Path::new(text)).map_err(|_| unknown())?;
    let text = String::from_utf8(bytes).map_err(|_| unknown())?.replace("\r\n", "\n");
    card_of(&text).map(|card| card.party).ok_or_else(unknown)
}

/// A number of bytes, as 25000000, 25M or 4G (decimal, as sizes of attachments and sticks are).
fn size(text: &str) -> Result<u64, Failure> {
    let wrong = || Failure::usage("error-carry-size").with("size", text).hint("hint-carry-size");
    let upper = text.to_ascii_uppercase();
    let number = upper.trim_end_matches('B');
    let (digits, factor) = match number.char_indices().next_back() {
        Some((at, 'K')) => (&number[..at], 1_000),
        Some((at, 'M')) => (&number[..at], 1_000_000),
        Some((at, 'G')) => (&number[..at], 1_000_000_000),
        _ => (number, 1),
    };
    let bytes = digits.trim().parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    bytes.filter(|b| *b >= FILE_BYTES_MIN).ok_or_else(wrong)
}

async fn member_out(context: &Context, give: Give) -> Result<CarryOutReport, Failure> {
    let (replica, bearer) = member(context)?;
    let mut tell = teller(context);
    let done = tokio::task::spawn_blocking(move || carry::give(&bearer, &give, &mut tell)).await;
    drop(replica);
    done.map_err(|e| Failure::new("error-carry").because(e))?.map_err(carry_failure)
}

async fn member_in(context: &Context, take: Take) -> Result<CarryInReport, Failure> {
    let (replica, bearer) = member(context)?;
    let mut tell = teller(context);
    let done = tokio::task::spawn_blocking(move || carry::take(&bearer, &take, &mut tell)).await;
    let done = done.map_err(|e| Failure::new("error-carry").because(e))?.map_err(carry_failure);
    replica.refresh()?;
    done
}

fn member(context: &Context) -> Result<(crate::replica::Replica, Bearer), Failure> {
    let replica = context.replica()?;
    let signer = replica.signer(&context.passphrase_question())?;
    let hubs = replica.me.cards().into_iter().map(|card| card.party).collect();
    let (core, name) = (replica.core.clone(), replica.me.name.clone());
    let auditor = Auditor::open(&context.home.directory, core.clone(), true);
    let auditor = auditor.map_err(|e| Failure::new("error-store").because(e))?;
    let words = Some(Words { auditor: Arc::new(auditor), own: None });
    // A member takes what it was brought: its disk is its own.
    let room = Room { file_bytes: u64::MAX, party_bytes: u64::MAX, total_bytes: u64::MAX };
    Ok((replica, Bearer { core, signer, name, role: Role::Member { hubs }, words, room }))
}

/// The node does it where it runs; where it does not, this process does.
async fn hub_out(context: &Context, give: &Give) -> Result<CarryOutReport, Failure> {
    let failed = |status: tonic::Status| remote_failure(&status, &give.folder);
    let mut tell = teller(context);
    let Some(mut node) = node(context).await? else {
        let (bearer, give) = (of_folder(context).await?, give.clone());
        let done = tokio::task::spawn_blocking(move || carry::give(&bearer, &give, &mut tell)).await;
        return done.map_err(|e| Failure::new("error-carry").because(e))?.map_err(carry_failure);
    };
    let request = CarryOutRequest {
        folder: give.folder.display().to_string(),
        party_id: give.party.map(PartyId::to_vec).unwrap_or_default(),
        file_bytes: give.file_bytes,
        dry_run: give.dry_run,
        artifacts: give.artifacts,
    };
    let mut answers = node.carry_out(request).await.map_err(failed)?.into_inner();
    while let Some(answer) = answers.message().await.map_err(failed)? {
        if let Some(report) = answer.report {
            return Ok(report);
        }
        tell(progress(answer.progress));
    }
    Err(Failure::new("error-cut"))
}

async fn hub_in(context: &Context, take: &Take) -> Result<CarryInReport, Failure> {
    let failed = |status: tonic::Status| remote_failure(&status, &take.folder);
    let mut tell = teller(context);
    let Some(mut node) = node(context).await? else {
        let (bearer, take) = (of_folder(context).await?, take.clone());
        let done = tokio::task::spawn_blocking(move || {
            let done = carry::take(&bearer, &take, &mut tell);
            // The next start of the node finds its views current.
            let _ = bearer.core.views.catch_up();
            done
        });
        return done.await.map_err(|e| Failure::new("error-carry").because(e))?.map_err(carry_failure);
    };
    let request = CarryInRequest { folder: take.folder.display().to_string(), dry_run: take.dry_run };
    let mut answers = node.carry_in(request).await.map_err(failed)?.into_inner();
    while let Some(answer) = answers.message().await.map_err(failed)? {
        if let Some(report) = answer.report {
            return Ok(report);
        }
        tell(progress(answer.progress));
    }
    Err(Failure::new("error-cut"))
}

/// The running node of the hub's folder; `None` where only the folder is there.
async fn node(context: &Context) -> Result<Option<CarryServiceClient<tonic::transport::Channel>>, Failure> {
    match hub::channel(&context.hub_dir).await {
        Ok(channel) => Ok(Some(CarryServiceClient::new(channel))),
        Err(_) if has_hub(&context.hub_dir) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn of_folder(context: &Context) -> Result<Bearer, Failure> {
    let directory = context.hub_dir.clone();
    let opened = tokio::task::spawn_blocking(move || Bearer::of_folder(&directory)).await;
    opened.map_err(|e| Failure::new("error-store").because(e))?.map_err(|error| match error {
        StartError::Open(error) => open_failure(error),
        other => Failure::new("error-store").because(other),
    })
}

fn progress(progress: Option<CarryProgress>) -> Progress {
    let CarryProgress { entries, bytes, expected } = progress.unwrap_or_default();
    Progress { entries, bytes, expected }
}

/// Says on a terminal how far it is.
fn teller(context: &Context) -> impl FnMut(Progress) -> bool + Send + 'static {
    use std::io::IsTerminal;
    let shown = !context.json && std::io::stderr().is_terminal();
    let template =
        context.texts.tf("carry-progress", &[("done", "\u{1}"), ("all", "\u{2}"), ("kib", "\u{3}")]);
    move |now: Progress| {
        if shown {
            let all = if now.expected == 0 { "?".to_owned() } else { now.expected.to_string() };
            let line = template.replace('\u{1}', &now.entries.to_string());
            let line = line.replace('\u{2}', &all).replace('\u{3}', &(now.bytes / 1024).to_string());
            eprint!("\r{line}");
            if now.entries >= now.expected {
                eprintln!();
            }
        }
        true
    }
}

fn carry_failure(error: CarryError) -> Failure {
    match error {
        CarryError::Nothing(folder) => nothing(&folder),
        file @ CarryError::File { .. } if !file.is_full() => {
            Failure::new("error-carry").because(file).hint("hint-carry-folder")
        }
        full if full.is_full() => Failure::new("error-carry-full").because(full).hint("hint-carry-full"),
        other => Failure::new("error-carry").because(other),
    }
}

fn nothing(folder: &Path) -> Failure {
    Failure::nothing("error-carry-nothing").with("path", folder.display()).hint("hint-carry-nothing")
}

fn remote_failure(status: &tonic::Status, folder: &Path) -> Failure {
    match status.code() {
        tonic::Code::NotFound => nothing(folder),
        tonic::Code::FailedPrecondition => Failure::new("error-carry").because(status.message()),
        _ => sync::status_failure(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_typed_as_people_type_them() {
        for (text, bytes) in
            [("25M", 25_000_000), ("25mb", 25_000_000), ("4G", 4_000_000_000), ("3000000", 3_000_000)]
        {
            assert_eq!(size(text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1K", "1.5G", "99999999999G", "ten"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
