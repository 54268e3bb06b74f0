//! `caphub sync`: progress, resumed after a cut; `--follow` stays.

use std::time::Instant;

use caphub_node::link::LinkIdentity;
use caphub_node::sync::{Moved, Session, SyncError};
use caphub_proto::wire::card::Card;

use crate::arguments::{Join, Sync};
use crate::commands::reach::connect;
use crate::commands::{Context, hubs};
use crate::failure::{Failure, Outcome};
use crate::home::{card_of, read_file};
use crate::replica::Replica;
use crate::screen;

/// Syncs once, or until interrupted.
pub async fn run(context: &Context, sync: Sync) -> Outcome {
    let mut replica = context.replica()?;
    let signer = replica.signer(&context.passphrase_question())?;
    if let Some(path) = &sync.through {
        let text = String::from_utf8(read_file(path)?).map_err(|_| Failure::usage("error-not-card"))?;
        let text = text.replace("\r\n", "\n");
        let card = card_of(&text).ok_or_else(|| Failure::usage("error-not-card").hint("hint-card"))?;
        let identity = LinkIdentity { party: replica.core.party, signer };
        once(context, &replica, &identity, &[card]).await?.show(context);
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
    hubs::ask_and_sync(context, &mut replica, &signer, &nothing, None).await?.show(context)?;
    if sync.follow {
        let identity = LinkIdentity { party: replica.core.party, signer };
        return follow(context, &replica, &identity).await;
    }
    Ok(())
}

/// Compares heads with the first hub that answers, pulls and pushes.
pub async fn once(
    context: &Context,
    replica: &Replica,
    identity: &LinkIdentity,
    cards: &[Card],
) -> Result<Report, Failure> {
    let (card, session, _channel) = connect(context, &replica.core, identity, cards).await?;
    let report = over(context, replica, card, session).await?;
    let mut me = replica.me.clone();
    me.synced_ms = caphub_node::author::now_ms();
    replica.home.save(&me)?;
    Ok(report)
}

/// The same over a connection that is open.
pub async fn over(
    context: &Context,
    replica: &Replica,
    card: Card,
    mut session: Session,
) -> Result<Report, Failure> {
    let started = Instant::now();
    session.hello(&replica.core).await.map_err(sync_failure)?;
    let heads = session.heads().await.map_err(sync_failure)?;
    let mut show = |moved: &Moved, expected: u64| progress(context, started, moved, expected);
    let pulled = session.pull(&replica.core, &heads, &mut show).await.map_err(sync_failure)?;
    let own = replica.core.party;
    let pushed = session
        .push(&replica.core, &heads, &replica.viewer(), |feed| feed.party == own, &mut |_, _| {})
        .await
        .map_err(sync_failure)?;
    replica.refresh()?;
    Ok(Report { hub: card.name, pulled, pushed })
}

async fn follow(context: &Context, replica: &Replica, identity: &LinkIdentity) -> Outcome {
    loop {
        let (card, mut session, _channel) =
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

fn progress(context: &Context, started: Instant, moved: &Moved, expected: u64) {
    use std::io::IsTerminal;
    if context.json || !std::io::stderr().is_terminal() {
        return;
    }
    let seconds = started.elapsed().as_secs_f64().max(0.001);
    let rate = moved.entries as f64 / seconds;
    let left = expected.saturating_sub(moved.entries) as f64 / rate.max(0.001);
    let values = [
        ("done", moved.entries.to_string()),
        ("all", expected.to_string()),
        ("kib", (moved.bytes / 1024).to_string()),
        ("rate", format!("{rate:.0}")),
        ("left", format!("{left:.0}")),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    eprint!("\r{}", context.texts.tf("sync-progress", &values));
    if moved.entries >= expected {
        eprintln!();
    }
}

/// What moved in one sync.
pub struct Report {
    hub: String,
    pulled: Moved,
    pushed: Moved,
}

impl Report {
    /// Says it, as words or as one JSON object.
    pub fn show(&self, context: &Context) {
        match context.json {
            true => screen::json(&self.json()),
            false => self.say(context),
        }
    }

    /// As one JSON object.
    pub fn json(&self) -> serde_json::Value {
        let (pulled, pushed) = (&self.pulled, &self.pushed);
        serde_json::json!({
            "hub": self.hub,
            "received": pulled.entries,
            "received_bytes": pulled.bytes,
            "sent": pushed.entries,
            "refused": pushed.refused,
            "not_taken": pulled.refused,
        })
    }

    /// As words.
    pub fn say(&self, context: &Context) {
        let (pulled, pushed) = (&self.pulled, &self.pushed);
        let values = [
            ("hub", screen::plain(&self.hub)),
            ("received", pulled.entries.to_string()),
            ("sent", pushed.entries.to_string()),
            ("kib", pulled.bytes.div_ceil(1024).to_string()),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        context.say("sync-done", &values);
        for (reason, count) in pushed.refused.iter().chain(&pulled.refused) {
            let meaning = caphub_proto::wire::Reason::parse(reason).map_or(reason.as_str(), |r| r.meaning());
            context.say("sync-refused", &[("count", &count.to_string()), ("reason", meaning)]);
        }
    }
}

/// What a failed sync says.
pub fn sync_failure(error: SyncError) -> Failure {
    match error {
        SyncError::Remote(status) => status_failure(&status),
        SyncError::Clock { .. } => Failure::new("error-clock").because(error).reason("clock_off"),
        SyncError::NotAuthorised { .. } => Failure::new("error-hub-key").because(error),
        SyncError::Store(_) => Failure::new("error-store").because(error),
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
