//! The hubs of one member: join another, leave one, sync with each that answers.

use caphub_node::link::LinkIdentity;
use caphub_proto::v1::membership_service_client::MembershipServiceClient;
use caphub_proto::v1::{JoinRequest, MembershipState};
use caphub_proto::wire::Signer;
use caphub_proto::wire::card::{Card, Invitation};
use serde_json::{Value, json};

use crate::arguments::Join;
use crate::commands::reach::{Reached, connect_all};
use crate::commands::sync::{self, Report, Way};
use crate::commands::{Context, artifact, audit, join, refused};
use crate::failure::{Failure, Outcome};
use crate::home::Joined;
use crate::replica::Replica;
use crate::screen;

/// What became of each hub in one sync.
pub struct Reports {
    done: Vec<Report>,
    failed: Vec<(String, Failure)>,
}

/// Another hub for somebody who has joined one: the same identity, the same history.
pub async fn join_another(context: &Context, request: &Join, text: String, card: Card) -> Outcome {
    let mut replica = context.replica()?;
    let own = card.party == replica.core.party;
    match replica.me.hubs.iter().position(|j| j.card().is_some_and(|c| c.party == card.party)) {
        Some(at) => {
            let held = replica.me.hubs.get(at).and_then(Joined::card);
            if held.is_some_and(|h| h.time_ms >= card.time_ms) {
                let failure = Failure::usage("error-hub-joined-already").with("hub", &card.name);
                return Err(failure.hint("hint-hub-joined-already"));
            }
            // A newer card or invitation of the same hub: it may have moved.
            let asks_again = Invitation::parse(&text).is_ok() && !admitted(&replica, &card);
            if let Some(joined) = replica.me.hubs.get_mut(at) {
                joined.asked &= !asks_again;
                joined.text = text;
            }
        }
        None if replica.me.hubs.len() >= HUBS_MAX => return Err(Failure::usage("error-many-hubs")),
        None => replica.me.hubs.push(Joined::new(text, own)),
    }
    replica.home.save(&replica.me)?;
    context.say("hub-added", &[("hub", &screen::plain(&card.name))]);
    let signer = replica.signer(&context.passphrase_question())?;
    match ask_and_sync(context, &mut replica, &signer, request, Some(&card), Way::default()).await {
        Ok(reports) => reports.show(context),
        Err(failure) if failure.code() == 4 => {
            context.say("join-offline", &[("hub", &screen::plain(&card.name))]);
            eprintln!("{}", failure.lines(&context.texts));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// Most hubs of one member: each is dialled at every sync.
const HUBS_MAX: usize = 16;

/// Forgets a hub. What it admitted and what came from it stays.
pub fn leave(context: &Context, text: &str) -> Outcome {
    let mut me = context.home.load()?;
    let named = |c: &Card| c.name == text || (text.len() > 6 && c.party.to_string().starts_with(text));
    let found = me.hubs.iter().position(|j| j.card().is_some_and(|c| named(&c)));
    let at =
        found.ok_or_else(|| Failure::nothing("error-not-your-hub").with("hub", text).hint("hint-status"))?;
    let name = me.hubs.remove(at).card().map(|c| c.name).unwrap_or_default();
    context.home.save(&me)?;
    context.say("hub-left", &[("hub", &screen::plain(&name))]);
    if me.hubs.is_empty() {
        context.say("hub-none-left", &[]);
    }
    Ok(())
}

fn admitted(replica: &Replica, card: &Card) -> bool {
    replica.core.admissions.of(&card.party, &replica.core.party).is_some()
}

/// Asks each hub for admission where that is still due and syncs with it, in the order of joining; `only` one of
/// them where that is given. Fails where none was reached, or where what failed is not the network.
pub async fn ask_and_sync(
    context: &Context,
    replica: &mut Replica,
    signer: &Signer,
    request: &Join,
    only: Option<&Card>,
    mut way: Way,
) -> Result<Reports, Failure> {
    let identity = LinkIdentity { party: replica.core.party, signer: signer.clone() };
    let wanted = |c: &Card| only.is_none_or(|o| o.party == c.party);
    let cards: Vec<Card> = replica.me.cards().into_iter().filter(wanted).collect();
    if cards.is_empty() {
        return Err(Failure::new("error-no-card").hint("hint-join"));
    }
    let reached = connect_all(context, &replica.core, &identity, &cards).await;
    let mut reports = Reports { done: Vec::new(), failed: Vec::new() };
    for (card, reached) in cards.into_iter().zip(reached) {
        let synced = match reached {
            Ok(reached) => one(context, replica, request, reached, way).await,
            Err(failure) => Err(failure),
        };
        match synced {
            Ok(report) => {
                way.max_bytes = way.max_bytes.map(|left| left.saturating_sub(report.bytes()));
                reports.done.push(report);
            }
            Err(failure) => reports.failed.push((card.name, failure)),
        }
    }
    match reports.done.is_empty() {
        true => Err(reports.failed.swap_remove(0).1),
        false => Ok(reports),
    }
}

async fn one(
    context: &Context,
    replica: &mut Replica,
    request: &Join,
    (card, session, channel): Reached,
    way: Way,
) -> Result<Report, Failure> {
    let due =
        replica.me.hubs.iter().position(|j| !j.asked && j.card().is_some_and(|c| c.party == card.party));
    if let Some(at) = due.filter(|_| !way.dry_run) {
        session.hello(&replica.core).await.map_err(sync::sync_failure)?;
        ask(context, replica, request, at, &card, channel.clone()).await?;
    }
    let report = sync::over(context, replica, card.clone(), session, way).await?;
    if way.dry_run {
        return Ok(report);
    }
    replica.home.know(&card.party, &report.hubs)?;
    refused::learn(context, replica, &card, channel.clone()).await?;
    artifact::bring_own(context, replica, &card, channel).await?;
    audit::keep_receipts(replica)?;
    let now = caphub_node::author::now_ms();
    replica.me.synced_ms = now;
    for joined in &mut replica.me.hubs {
        if joined.card().is_some_and(|c| c.party == card.party) {
            joined.synced_ms = now;
        }
    }
    replica.home.save(&replica.me)?;
    Ok(report)
}

async fn ask(
    context: &Context,
    replica: &mut Replica,
    request: &Join,
    at: usize,
    card: &Card,
    channel: tonic::transport::Channel,
) -> Outcome {
    let invitation = replica.me.hubs.get(at).and_then(|j| Invitation::parse(&j.text).ok());
    let asked = JoinRequest {
        identity: join::own_identity(replica)?,
        code: invitation.as_ref().map(|i| i.code.to_vec()).unwrap_or_default(),
        name: match invitation {
            Some(invitation) if !invitation.invited.is_empty() => invitation.invited,
            _ => replica.me.name.clone(),
        },
        country: replica.me.country.clone(),
        kind: replica.me.kind.clone(),
        mandate: request.mandate.clone(),
        contact: request.contact.clone(),
        name_in_public: request.name_in_public,
    };
    let mut desk = MembershipServiceClient::new(channel);
    let answer = desk.join(asked).await.map_err(|s| sync::status_failure(&s))?.into_inner();
    if let Some(joined) = replica.me.hubs.get_mut(at) {
        joined.asked = true;
    }
    replica.home.save(&replica.me)?;
    let hub = screen::plain(&card.name);
    match answer.state() {
        MembershipState::Member => context.say("join-member", &[("hub", &hub)]),
        _ => context.say("join-requested", &[("hub", &hub)]),
    }
    Ok(())
}

impl Reports {
    /// Says what moved with each hub, and which were not reached. Fails where one said no.
    pub fn show(self, context: &Context) -> Outcome {
        if context.json {
            screen::json(&self.json(context));
        } else {
            self.done.iter().for_each(|r| r.say(context));
            for (_, failure) in self.failed.iter().filter(|(_, f)| f.code() == 4) {
                eprintln!("{}", failure.lines(&context.texts));
            }
        }
        match self.failed.into_iter().find(|(_, f)| f.code() != 4) {
            Some((_, failure)) => Err(failure),
            None => Ok(()),
        }
    }

    /// One object: of the one hub, or sums with an object for each.
    fn json(&self, context: &Context) -> Value {
        let mut all: Vec<Value> = self.done.iter().map(Report::json).collect();
        let failed = self
            .failed
            .iter()
            .map(|(hub, f)| json!({ "hub": hub, "error": f.json(&context.texts)["error"] }));
        let failed: Vec<Value> = failed.collect();
        if all.len() == 1 && failed.is_empty() {
            return all.swap_remove(0);
        }
        let sum = |name: &str| all.iter().filter_map(|v| v[name].as_u64()).sum::<u64>();
        json!({
            "received": sum("received"), "received_bytes": sum("received_bytes"), "sent": sum("sent"),
            "hubs": all, "failed": failed,
        })
    }
}

/// The hubs that a signed text names, as people see them: for `status`.
pub fn states(replica: &Replica) -> Vec<(Card, &'static str, Joined)> {
    let refused = |card: &Card| replica.me.refused.iter().any(|r| r.hub == card.party.to_string());
    let state = |joined: &Joined| {
        let card = joined.card()?;
        let key = match (card.party == replica.core.party, admitted(replica, &card), joined.asked) {
            (true, ..) => "status-own-hub",
            (_, true, _) => "status-admitted",
            _ if refused(&card) => "status-refused",
            (_, _, true) => "status-asked",
            (_, _, false) => "status-not-asked",
        };
        Some((card, key, joined.clone()))
    };
    replica.me.hubs.iter().filter_map(state).collect()
}
