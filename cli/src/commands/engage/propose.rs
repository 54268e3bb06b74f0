//! The first act, by either side.

use caphub_proto::exchange::engagement::{Engagement, stated_by};
use caphub_proto::v1::engagement_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, EngagementAct, EngagementProposal, ProviderTerms, RecordRef, Window};
use caphub_proto::wire::{Audience, PartyId};

use super::{show, stated};
use crate::arguments::acts::{Conditions, SeenBy, Words};
use crate::commands::{Context, acting, sealing, world};
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
    pub(super) again: bool,
    pub(super) seen_by: SeenBy,
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
    if !asked.again {
        not_yet(context, &replica, &need, &offer, (recipient, provider))?;
    }
    let (audience, seal) = sealing::of_act(context, &replica, &asked.seen_by, &[recipient, provider])?;
    for named in need.iter().chain(&offer) {
        not_wider(named, audience)?;
    }
    if let Some(need) = need.as_ref().filter(|_| me == provider) {
        not_asked(context, &replica, need)?;
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
    let act = EngagementAct { act: Some(What::Propose(proposal)), ..EngagementAct::default() };
    let (seen_by, record) = ((audience, seal), Record::Engagement(act));
    let signed = acting::sign_sealed(context, &replica, seen_by, record, "engagement-proposed").await?;
    show::again(context, replica, &hex::encode(&signed.record_id))
}

/// Refuses a second proposal of the same, where the first still stands.
fn not_yet(
    context: &Context,
    replica: &Replica,
    need: &Option<v1::Record>,
    offer: &Option<v1::Record>,
    (recipient, provider): (PartyId, PartyId),
) -> Outcome {
    let refer = |r: &Option<v1::Record>| r.as_ref().map(acting::reference);
    let (need, offer) = (refer(need), refer(offer));
    let same = |e: &Engagement| {
        (e.recipient, e.provider, e.proposer) == (recipient, provider, replica.core.party)
            && (&e.proposal.need, &e.proposal.offer) == (&need, &offer)
            && !e.state.is_over()
    };
    match show::all(replica)?.into_iter().find(|(_, e)| same(e)) {
        None => Ok(()),
        Some((record, e)) => Err(Failure::usage("error-proposed-already")
            .with("id", acting::short(&record.0))
            .with("state", show::state(&context.texts, e.state))
            .hint("hint-proposed-already")
            .reason("proposed_already")),
    }
}

/// Refuses a proposal that more can see than the need or the offer that it names: it would tell them of it.
fn not_wider(named: &v1::Record, audience: Audience) -> Outcome {
    let own = Audience::decode(&named.audience).unwrap_or(Audience::Public);
    let (fits, option) = match own {
        Audience::Public => (true, ""),
        Audience::Network => (audience != Audience::Public, "--visible network"),
        Audience::Hub(_) => (audience == own || matches!(audience, Audience::Sealed(_)), "--visible hub"),
        Audience::Sealed(_) => (matches!(audience, Audience::Sealed(_)), "--thread"),
    };
    match fits {
        true => Ok(()),
        false => Err(Failure::usage("error-wider")
            .with("id", acting::short(&named.record_id))
            .with("option", option)
            .hint("hint-wider")
            .reason("wider_audience")),
    }
}

/// Says it where the need's author has not yet asked so far; the proposal stands all the same, for the recipient decides.
fn not_asked(context: &Context, replica: &Replica, need: &v1::Record) -> Outcome {
    if let Some(asked) = world::asked(replica, need)?
        && let Some(reach) = asked.reach
        && !reach.meets(&world::home(replica)?)
    {
        context.say("engage-not-asked", &[("asked", &asked.words(&context.texts))]);
    }
    Ok(())
}

/// Whether any condition was typed.
fn typed_any(typed: &Conditions) -> bool {
    let Conditions { data_location, law, technology, language, condition } = typed;
    law.is_some() || [data_location, technology, language, condition].iter().any(|list| !list.is_empty())
}
