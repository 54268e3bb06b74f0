//! The first act, by either side.

use caphub_proto::exchange::engagement::stated_by;
use caphub_proto::v1::engagement_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{EngagementAct, EngagementProposal, ProviderTerms, RecordRef, Window};
use caphub_proto::wire::PartyId;

use super::{show, stated};
use crate::arguments::Visible;
use crate::arguments::acts::{Conditions, Words};
use crate::commands::{Context, acting, records};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;

/// What was typed.
pub(super) struct Asked {
    pub(super) need: Option<String>,
    pub(super) offer: Option<String>,
    pub(super) with: Option<String>,
    pub(super) until: Option<String>,
    pub(super) acknowledge_days: u32,
    pub(super) confirm_days: u32,
    pub(super) visible: Visible,
}

pub(super) async fn propose(context: &Context, asked: Asked, typed: &Conditions, words: &Words) -> Outcome {
    let replica = context.replica()?;
    let named =
        |id: &Option<String>, kind: &str| id.as_ref().map(|id| replica.find(id, Some(kind))).transpose();
    let (need, offer) = (named(&asked.need, "need")?, named(&asked.offer, "offer")?);
    let me = replica.core.party;
    let owner = |r: &caphub_proto::v1::Record| PartyId::from_slice(&r.party_id).unwrap_or_default();
    let with = asked.with.as_ref().map(|w| acting::party(&replica, w)).transpose()?;
    let mut recipient = need.as_ref().map(owner);
    let mut provider = offer.as_ref().map(owner);
    // Who is not named by a record is the other side.
    let other = |known: &Option<PartyId>| match known {
        Some(known) if *known == me => with,
        _ => Some(me),
    };
    if recipient.is_none() {
        recipient = other(&provider);
    }
    if provider.is_none() {
        provider = other(&recipient);
    }
    let (Some(recipient), Some(provider)) = (recipient, provider) else {
        return Err(Failure::usage("error-engage-sides").hint("hint-engage-sides"));
    };
    if recipient == provider || ![recipient, provider].contains(&me) {
        return Err(Failure::usage("error-engage-sides").hint("hint-engage-sides"));
    }
    let body = |record: &Option<caphub_proto::v1::Record>| {
        record.as_ref().and_then(|r| r.revision.as_ref()).and_then(|r| r.record.clone())
    };
    let terms = match body(&need) {
        Some(Record::Need(need)) => need.terms,
        _ => None,
    };
    let offered = match body(&offer) {
        Some(Record::Offer(offer)) => stated_by(&offer),
        _ => ProviderTerms::default(),
    };
    if me != provider && typed_any(typed) {
        return Err(Failure::usage("error-engage-conditions").hint("hint-engage-conditions"));
    }
    let conditions = (me == provider).then(|| stated(context, offered, typed)).transpose()?;
    let refer =
        |r: &Option<caphub_proto::v1::Record>| -> Option<RecordRef> { r.as_ref().map(acting::reference) };
    let proposal = EngagementProposal {
        recipient: recipient.to_vec(),
        provider: provider.to_vec(),
        need: refer(&need),
        offer: refer(&offer),
        text: acting::text(context, words),
        terms,
        conditions,
        acknowledge_days: asked.acknowledge_days,
        confirm_days: asked.confirm_days,
        window: asked.until.map(|until| Window { from: String::new(), until }),
        call: None,
    };
    publish(context, replica, asked.visible, proposal).await
}

/// Whether any condition was typed.
fn typed_any(typed: &Conditions) -> bool {
    let Conditions { data_location, law, technology, language, condition } = typed;
    law.is_some() || [data_location, technology, language, condition].iter().any(|list| !list.is_empty())
}

async fn publish(
    context: &Context,
    replica: Replica,
    visible: Visible,
    proposal: EngagementProposal,
) -> Outcome {
    let audience = records::audience(&replica, visible)?;
    let act = EngagementAct { act: Some(What::Propose(proposal)), ..EngagementAct::default() };
    let signed =
        acting::sign(context, &replica, audience, Record::Engagement(act), "engagement-proposed").await?;
    show::again(context, replica, &hex::encode(&signed.record_id))
}
