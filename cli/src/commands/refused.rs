//! What a hub refused: learnt signed, shown, and answered with `caphub reply`.

use caphub_node::author::Author;
use caphub_proto::codes;
use caphub_proto::v1::membership_service_client::MembershipServiceClient;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, LocalisedText, MembershipState, StatusRequest};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, Feed, OperatorKey, PartyId};
use prost::Message;
use tonic::transport::Channel;

use crate::arguments::Reply;
use crate::commands::{Context, sync};
use crate::failure::{Failure, Outcome};
use crate::home::Refused;
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// Asks a hub that has not admitted this organisation how it decided, and keeps a refusal as it signed it.
pub async fn learn(
    context: &Context,
    replica: &mut Replica,
    card: &caphub_proto::wire::card::Card,
    channel: Channel,
) -> Outcome {
    let admitted = replica.core.admissions.of(&card.party, &replica.core.party).is_some();
    if card.party == replica.core.party {
        return Ok(());
    }
    let hub = card.party.to_string();
    let before = replica.me.refused.iter().find(|r| r.hub == hub).cloned();
    let now = match admitted {
        true => None,
        false => {
            let mut desk = MembershipServiceClient::new(channel);
            let answer =
                desk.status(StatusRequest {}).await.map_err(|s| sync::status_failure(&s))?.into_inner();
            (answer.state() == MembershipState::Refused).then(|| kept(hub.clone(), answer))
        }
    };
    if before == now {
        return Ok(());
    }
    replica.me.refused.retain(|r| r.hub != hub);
    replica.me.refused.extend(now);
    replica.home.save(&replica.me)?;
    if let Some(refused) = replica.me.refused.iter().find(|r| r.hub == hub) {
        let reason = reason(&context.texts, &refused.reason);
        context.say("join-refused", &[("hub", &screen::plain(&card.name)), ("reason", &reason)]);
    }
    Ok(())
}

/// A reason of a refusal as people read it: its name, and the code that commands take.
pub fn reason(t: &Texts, code: &str) -> String {
    let language = codes::Lang::parse(t.language()).unwrap_or(codes::Lang::En);
    let term = codes::vocabulary::refusal_reasons().iter().find(|term| term.code == code);
    term.map_or_else(|| screen::plain(code), |term| format!("{} ({code})", term.names.name(language)))
}

fn kept(hub: String, answer: v1::StatusResponse) -> Refused {
    let (record, reason, note) = (hex::encode(&answer.refusal_id), answer.reason, answer.note);
    let run = answer.refusal.unwrap_or_default();
    let key = hex::encode(run.feed.unwrap_or_default().operator_key);
    Refused { hub, record, reason, note, key, entry: hex::encode(&run.entries) }
}

/// True where the entry is what it is kept as: a refusal that the hub signed by a key that may refuse.
pub fn is_signed(replica: &Replica, refused: &Refused) -> bool {
    let checked = || {
        let (hub, key): (PartyId, OperatorKey) = (refused.hub.parse().ok()?, refused.key.parse().ok()?);
        let bytes = hex::decode(&refused.entry).ok()?;
        let feed = Feed::records(hub, key, Audience::Public);
        let [entry] = &unpack(&bytes).ok()?[..] else { return None };
        let entry = entry.clone().verify(&feed, &key).ok()?;
        let state = replica.core.identities.state(&hub)?;
        let revision = v1::Revision::decode(entry.content()?).ok()?;
        let same = hex::encode(&revision.record_id) == refused.record;
        let may = state.may(&key, Capabilities::ADMIT, entry.header.time_ms);
        Some(same && may && matches!(revision.record, Some(Record::Refusal(_))))
    };
    checked().unwrap_or(false)
}

/// `caphub reply ID TEXT`: an answer in public, shown beside the refusal with equal weight.
pub async fn reply(context: &Context, reply: Reply) -> Outcome {
    let replica = context.replica()?;
    let (party, record_id) = answered(&replica, &reply.refusal.to_ascii_lowercase())?;
    let text = reply.words.join(" ");
    let language = context.texts.language().to_owned();
    let text = Some(LocalisedText { language, text, translations: Vec::new() });
    let record = Record::Reply(v1::Reply { party, record_id, text, ..v1::Reply::default() });
    let revision = Author::first(record).map_err(|e| Failure::new("error-key").because(e))?;
    let published = replica.publish(Audience::Public, &[revision], &context.passphrase_question()).await?;
    match (context.json, published.first()) {
        (true, Some(one)) => screen::json(&serde_json::json!({ "id": one.record.to_string() })),
        _ => context.say("record-added", &[]),
    }
    Ok(())
}

/// The refusal that an id names: one that a hub gave us, or any that is held here.
fn answered(replica: &Replica, id: &str) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let own = replica.me.refused.iter().find(|r| id.len() >= 4 && r.record.starts_with(id));
    if let Some((hub, record)) = own.and_then(|r| Some((r.hub.parse().ok()?, hex::decode(&r.record).ok()?))) {
        let hub: PartyId = hub;
        return Ok((hub.to_vec(), record));
    }
    let found = replica.find(id, Some("refusal"))?;
    Ok((found.party_id, found.record_id))
}
