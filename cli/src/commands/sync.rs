//! `caphub sync`: what is missing on either side moves; goes on after a cut; `--follow` stays.

mod explain;
mod report;

use std::sync::Mutex;
use std::time::Instant;

use caphub_node::entitlement::Viewer;
use caphub_node::link::LinkIdentity;
use caphub_node::standing::Standing;
use caphub_node::sync::{Options, Session, SyncError, Synced, remembered};
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::Card;
use caphub_proto::wire::session::Settings;

pub use report::Report;

use crate::arguments::{Join, Sync, SyncCommand};
use crate::commands::reach::connect;
use crate::commands::{Context, hubs, key};
use crate::failure::{Failure, Outcome};
use crate::home::{card_of, read_file};
use crate::replica::Replica;

/// How a sync is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    /// Bytes of entries in both directions together, that may still move.
    pub max_bytes: Option<u64>,
    /// Only say what would move.
    pub dry_run: bool,
}

/// Syncs once, or until interrupted.
pub async fn run(context: &Context, sync: Sync) -> Outcome {
    if let Some(SyncCommand::Explain { what, offline }) = &sync.command {
        return explain::run(context, what, *offline).await;
    }
    let mut replica = context.replica()?;
    let signer = replica.signer(&context.passphrase_question())?;
    let way = Way { max_bytes: sync.max_bytes, dry_run: sync.dry_run };
    if let Some(path) = &sync.through {
        let text = String::from_utf8(read_file(path)?).map_err(|_| Failure::usage("error-not-card"))?;
        let text = text.replace("\r\n", "\n");
        let card = card_of(&text).ok_or_else(|| Failure::usage("error-not-card").hint("hint-card"))?;
        let identity = LinkIdentity { party: replica.core.party, signer };
        once(context, &replica, &identity, &[card], way).await?.show(context);
        return Ok(());
    }
    let nothing = Join {
        file: std::path::PathBuf::new(),
        name: None,
        country: None,
        kind: None,
        mandate: String::new(),
        contact: String::new(),
        no_passphrase: false,
        name_in_public: false,
    };
    hubs::ask_and_sync(context, &mut replica, &signer, &nothing, None, way).await?.show(context)?;
    if sync.follow {
        let identity = LinkIdentity { party: replica.core.party, signer };
        return follow(context, &replica, &identity).await;
    }
    Ok(())
}

/// Syncs with the first hub that answers.
pub async fn once(
    context: &Context,
    replica: &Replica,
    identity: &LinkIdentity,
    cards: &[Card],
    way: Way,
) -> Result<Report, Failure> {
    let (card, session, _channel) = connect(context, &replica.core, identity, cards).await?;
    let report = over(context, replica, card, session, way).await?;
    if !way.dry_run {
        let mut me = replica.me.clone();
        me.synced_ms = caphub_node::author::now_ms();
        replica.home.save(&me)?;
    }
    Ok(report)
}

/// The same over a connection that is open.
pub async fn over(
    context: &Context,
    replica: &Replica,
    card: Card,
    session: Session,
    way: Way,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let path = replica.home.remembered(&card.party);
    let memory = Mutex::new(remembered::load(&path));
    let options = Options {
        settings: settings(replica, &card.party, way),
        memory: &memory,
        claims: &Mutex::default(),
        greeted: &|_| {},
        progress: &|synced, expected| progress(context, started, synced, expected),
    };
    if way.dry_run {
        let (pulled, pushed) = session.plan(&replica.core, &options).await.map_err(sync_failure)?;
        return Ok(Report::planned(card.name, pulled, pushed));
    }
    let mut synced = session.sync(&replica.core, &options).await;
    if key_refused(&synced) && bring_identity(context, replica, &card).await? {
        synced = session.sync(&replica.core, &options).await;
    }
    replica.refresh()?;
    let (hello, synced) = synced.map_err(sync_failure)?;
    session.fetch_bodies(&replica.core).await.map_err(sync_failure)?;
    let standing = hello.standing.as_str();
    let network = matches!(standing, "peer" | "own" | "member" | "network_member");
    let far = Viewer { network, ..options.settings.far.clone() };
    session.bring_bodies(&replica.core, &far, &hello).await.map_err(sync_failure)?;
    replica.refresh()?;
    drop(options);
    let memory = memory.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Without it the next sync compares again: no reason to fail this one.
    let _ = remembered::save(&path, &memory);
    Ok(Report::done(card.name, synced, &hello.hubs))
}

fn key_refused<T>(synced: &Result<T, SyncError>) -> bool {
    matches!(synced, Err(SyncError::Remote(status))
        if caphub_node::services::status::reason_of(status).as_deref() == Some("revoked"))
}

/// A hub that does not know this machine's new key yet hears of it from a stranger; true where that was news to it.
async fn bring_identity(context: &Context, replica: &Replica, card: &Card) -> Result<bool, Failure> {
    let stranger = key::stranger()?;
    let (_, session, _channel) =
        connect(context, &replica.core, &stranger, std::slice::from_ref(card)).await?;
    let told = session.introduce(&replica.core).await.map_err(sync_failure)?;
    Ok(told.stored > 0)
}

/// Everything that the hub may read is brought to it, whoever wrote it: any path carries a record.
fn settings(replica: &Replica, hub: &PartyId, way: Way) -> Settings {
    Settings {
        far: Standing::Applicant.viewer(&replica.core, *hub),
        parties: vec![replica.core.party],
        pull: true,
        push: true,
        to_strangers: true,
        max_bytes: way.max_bytes,
        newest_first: way.max_bytes.is_some(),
        dry: way.dry_run,
    }
}

async fn follow(context: &Context, replica: &Replica, identity: &LinkIdentity) -> Outcome {
    loop {
        let (card, session, _channel) =
            match connect(context, &replica.core, identity, &replica.me.cards()).await {
                Ok(connected) => connected,
                Err(failure) => {
                    eprintln!("{}", failure.lines(&context.texts));
                    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                    continue;
                }
            };
        let hello = session.hello(&replica.core).await.map_err(sync_failure)?;
        context.say("sync-following", &[("hub", &card.name)]);
        let position = hello.position.unwrap_or_default();
        let followed = session
            .follow(&replica.core, position, |taken| {
                let stored: u64 = taken.iter().filter_map(|t| t.result.ok()).map(|s| s.stored).sum();
                if stored > 0 {
                    context.say("sync-arrived", &[("count", &stored.to_string())]);
                }
                true
            })
            .await;
        if let Err(error) = followed {
            eprintln!("{}", sync_failure(error).lines(&context.texts));
        }
        replica.refresh()?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

fn progress(context: &Context, started: Instant, synced: &Synced, expected: u64) {
    use std::io::IsTerminal;
    if context.json || !std::io::stderr().is_terminal() {
        return;
    }
    let seconds = started.elapsed().as_secs_f64().max(0.001);
    let (entries, bytes) =
        (synced.pulled.entries + synced.pushed.entries, synced.pulled.bytes + synced.pushed.bytes);
    let left = expected.saturating_sub(entries) as f64 * seconds / (entries as f64).max(1.0);
    let values = [
        ("done", entries.to_string()),
        ("all", expected.max(entries).to_string()),
        ("kib", (bytes / 1024).to_string()),
        ("rate", format!("{:.0}", bytes as f64 / 1024.0 / seconds)),
        ("left", format!("{left:.0}")),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    eprint!("\r{}", context.texts.tf("sync-progress", &values));
    if entries >= expected {
        eprintln!();
    }
}

/// What a failed sync says.
pub fn sync_failure(error: SyncError) -> Failure {
    match error {
        SyncError::Remote(status) => status_failure(&status),
        SyncError::Clock { .. } => Failure::new("error-clock").because(error).reason("clock_off"),
        SyncError::NotAuthorised { .. } => Failure::new("error-hub-key").because(error),
        SyncError::Store(_) => Failure::new("error-store").because(error),
        SyncError::Protocol { reason } => Failure::new("error-hub-says").because(error).reason(reason),
    }
}

/// What a hub's answer says.
pub fn status_failure(status: &tonic::Status) -> Failure {
    let reason = caphub_node::services::status::reason_of(status);
    match (&reason, status.code()) {
        (None, tonic::Code::Unavailable | tonic::Code::Unknown | tonic::Code::Cancelled) => {
            Failure::new("error-cut").because(status.message()).hint("hint-resume").offline()
        }
        _ => Failure::new("error-hub-says").because(status.message()).reason(reason.unwrap_or_default()),
    }
}
