//! `caphub audit`: what hubs are shown to have done by their own signed words, and what is only late.

mod show;

use caphub_node::audit::Auditor;
use caphub_node::audit::file::{EvidenceFile, FILE_BYTES_MAX, Finding};
use caphub_node::audit::report::Report;
use caphub_node::author::now_ms;
use caphub_node::link::LinkIdentity;
use caphub_node::refusals;
use caphub_proto::v1;
use caphub_proto::wire::{OperatorKey, PartyId};

use crate::arguments::{Audit, AuditCommand};
use crate::commands::allocate::shown;
use crate::commands::reach::{Reached, connect_all};
use crate::commands::{Context, hub, sync};
use crate::failure::{Failure, Outcome};
use crate::home::read_file;
use crate::replica::Replica;

/// An operator's hub, or a member's replica: whichever the command line names.
pub async fn run(context: &Context, audit: Audit) -> Outcome {
    match &audit.command {
        Some(AuditCommand::Verify { file }) => verify(context, file),
        Some(AuditCommand::Refusals) => {
            let groups = refusals::grouped(&refused(context).await?);
            show::refusals(context, &groups);
            Ok(())
        }
        None => {
            let (report, evidence) = match operates(context) {
                true => of_node(context, &audit).await?,
                false => of_replica(context, &audit).await?,
            };
            // The file first: with --json the report is the one object that is printed.
            if let Some(path) = &audit.out {
                write(context, path, &evidence)?;
                if EvidenceFile::parse(evidence.as_bytes()).is_ok_and(|f| f.judge().is_empty()) {
                    context.say("audit-nothing", &[]);
                }
            }
            show::report(context, &report);
            Ok(())
        }
    }
}

/// A hub that is named goes before a member; nobody who joined means a hub.
pub fn operates(context: &Context) -> bool {
    context.hub_given || !context.home.is_joined()
}

async fn of_node(context: &Context, audit: &Audit) -> Result<(Report, String), Failure> {
    let mut node = hub::admin(&context.hub_dir).await?;
    let request =
        v1::AuditRequest { ask: !audit.offline, evidence: audit.out.is_some(), restricted: audit.restricted };
    let answer = node.audit(request).await.map_err(|s| sync::status_failure(&s))?.into_inner();
    let report = serde_json::from_str(&answer.report);
    Ok((report.map_err(|e| Failure::new("error-hub-says").because(e))?, answer.evidence))
}

async fn of_replica(context: &Context, audit: &Audit) -> Result<(Report, String), Failure> {
    let replica = context.replica()?;
    let auditor = open(&replica)?;
    let cards = replica.me.cards();
    let hubs: Vec<(PartyId, String)> = cards.iter().map(|c| (c.party, c.name.clone())).collect();
    let parties: Vec<PartyId> = hubs.iter().map(|(party, _)| *party).collect();
    if !audit.offline {
        // What was kept of a hub that cannot be asked now is shown all the same.
        for (_, visited) in visit(context, &replica, &auditor).await? {
            if let Err(failure) = visited {
                eprintln!("{}", failure.lines(&context.texts));
            }
        }
    }
    pin(&replica, &auditor)?;
    auditor.book.save().map_err(|e| Failure::new("error-store").because(e))?;
    let evidence = match audit.out {
        Some(_) => {
            let file = EvidenceFile::of(&auditor, &parties, audit.restricted, now_ms());
            serde_json::to_string_pretty(&file).map_err(|e| Failure::new("error-store").because(e))?
        }
        None => String::new(),
    };
    Ok((Report::of(&auditor, &hubs), evidence))
}

/// Asks each hub of a member what it states; what became of each.
pub async fn visit(
    context: &Context,
    replica: &Replica,
    auditor: &Auditor,
) -> Result<Vec<(PartyId, Outcome)>, Failure> {
    let cards = replica.me.cards();
    let parties: Vec<PartyId> = cards.iter().map(|c| c.party).collect();
    let signer = replica.signer(&context.passphrase_question())?;
    let identity = LinkIdentity { party: replica.core.party, signer };
    let reached = connect_all(context, &replica.core, &identity, &cards).await;
    let mut visited = Vec::new();
    for (card, reached) in cards.iter().zip(reached) {
        visited.push((card.party, asked(replica, auditor, &parties, reached).await));
    }
    Ok(visited)
}

async fn asked(
    replica: &Replica,
    auditor: &Auditor,
    parties: &[PartyId],
    reached: Result<Reached, Failure>,
) -> Outcome {
    let (card, session, channel) = reached?;
    let hello = session.hello(&replica.core).await.map_err(sync::sync_failure)?;
    let key = OperatorKey::from_slice(&hello.node_key).unwrap_or(card.node_key);
    let visit = auditor.visit(channel, card.party, key, parties).await;
    visit.map_err(|e| Failure::new("error-hub-says").because(e))
}

/// What hubs have stated to a member.
pub fn open(replica: &Replica) -> Result<Auditor, Failure> {
    Auditor::open(&replica.home.directory, replica.core.clone(), true)
        .map_err(|e| Failure::new("error-store").because(e))
}

/// Keeps what hubs acknowledged of what was pushed to them.
pub fn keep_receipts(replica: &Replica) -> Outcome {
    if replica.core.receipts.is_empty() {
        return Ok(());
    }
    let auditor = open(replica)?;
    auditor.receipts();
    pin(replica, &auditor)?;
    auditor.book.save().map_err(|e| Failure::new("error-store").because(e))
}

/// What shows that own calls and closing lists were there by a time is not replaced by what is stated later.
fn pin(replica: &Replica, auditor: &Auditor) -> Outcome {
    for (feed, seq) in shown::own_places(replica)? {
        auditor.book.pin(&feed, seq);
    }
    Ok(())
}

fn write(context: &Context, path: &std::path::Path, evidence: &str) -> Outcome {
    let written = caphub_node::durable::replace(path, format!("{evidence}\n").as_bytes());
    written.map_err(|e| Failure::new("error-file").with("path", path.display()).because(e))?;
    context.say("audit-written", &[("path", &path.display().to_string())]);
    Ok(())
}

/// Checks a file of evidence from its bytes alone: no network, no replica.
fn verify(context: &Context, path: &std::path::Path) -> Outcome {
    let length = std::fs::metadata(path).map_or(0, |m| m.len());
    if length > FILE_BYTES_MAX {
        return Err(Failure::usage("error-not-evidence").with("path", path.display()));
    }
    let bytes = read_file(path)?;
    let file = EvidenceFile::parse(&bytes)
        .map_err(|e| Failure::usage("error-not-evidence").with("path", path.display()).because(e))?;
    let findings = file.judge();
    show::findings(context, &findings);
    let wrong = findings.iter().filter(|f| f.verdict == "not_shown").count();
    match (findings.is_empty(), wrong) {
        (true, _) => Err(Failure::nothing("error-no-evidence").answered()),
        (_, 0) => Ok(()),
        (_, wrong) => Err(Failure::new("error-not-shown").with("count", wrong).answered()),
    }
}

async fn refused(context: &Context) -> Result<Vec<v1::Record>, Failure> {
    if operates(context) {
        let mut node = hub::admin(&context.hub_dir).await?;
        let answer = node.refusals(v1::RefusalsRequest {}).await.map_err(|s| sync::status_failure(&s))?;
        return Ok(answer.into_inner().records);
    }
    let replica = context.replica()?;
    let records = refusals::records(&replica.core.views, &replica.viewer());
    records.map_err(|e| Failure::new("error-views").because(e))
}

/// The findings that show something.
pub(crate) fn shown(findings: &[Finding]) -> usize {
    findings.iter().filter(|f| f.verdict == "shown").count()
}
