//! Engagements as lists and in full.

use caphub_node::acts::late;
use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act, Fault, Overdue, Verdict};
use caphub_proto::exchange::engagement::{Engagement, State};
use caphub_proto::v1::engagement_act::Act as What;
use caphub_proto::v1::{self, EngagementAct};
use caphub_proto::wire::{EntryHash, PartyId, RecordId};
use serde_json::json;

use super::Found;
use crate::commands::{Context, acting, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// Every engagement that can be read here, each with its record id; those that are not over first.
pub(super) fn all(replica: &Replica) -> Result<Vec<(RecordId, Engagement)>, Failure> {
    let records = acting::acts(replica, RecordKind::Engagement, None)?;
    let mut found = late::engagements_of(&replica.core, acts::engagements(&records));
    found.sort_by_key(|(record, e): &(RecordId, Engagement)| {
        (e.state.is_over(), std::cmp::Reverse(e.since_ms), *record)
    });
    Ok(found)
}

pub(super) fn list(context: &Context, mine: bool) -> Outcome {
    let replica = context.replica()?;
    let me = replica.core.party;
    let mut found = all(&replica)?;
    found.retain(|(_, e)| !mine || e.recipient == me || e.provider == me);
    if context.json {
        let listed: Vec<_> = found.iter().map(|(record, e)| value(&replica, record, e)).collect();
        screen::json(&listed.into());
        return Ok(());
    }
    let t = &context.texts;
    let columns = State::ALL.iter().map(|s| table::width(&state(t, *s))).max().unwrap_or(0);
    for (record, e) in &found {
        let title = title(&replica, e);
        let sides = format!(
            "{} < {}",
            acting::name_of(&replica, &e.recipient),
            acting::name_of(&replica, &e.provider)
        );
        let late = if e.overdue(now_ms()).is_some() { "!" } else { " " };
        let state = table::pad(&state(t, e.state), columns);
        acting::line(&format!("{}  {state}{late} {sides}: {title}", acting::short(&record.0)));
    }
    // Their proposal was cut off or never counted, and nothing of them does: better shown than gone.
    let void = void_proposals(&replica)?;
    for (record, fault, author) in &void {
        acting::void_line(t, record, *fault, &acting::name_of(&replica, author));
    }
    if found.is_empty() && void.is_empty() {
        context.say("engagements-none", &[]);
    }
    Ok(())
}

/// Proposals whose entry does not count, with the reason and the author.
fn void_proposals(replica: &Replica) -> Result<Vec<(RecordId, Fault, PartyId)>, Failure> {
    let acts = acts::engagements(&acting::acts(replica, RecordKind::Engagement, None)?);
    let proposals = acts.iter().filter(|a| matches!(a.what.act, Some(What::Propose(_))));
    let void = proposals.filter_map(|a| Some((a.record, Fault::of_entry(a.void?), a.author)));
    Ok(void.collect())
}

pub(super) fn one(context: &Context, id: &str) -> Outcome {
    print(context, &Found::of(context, id)?);
    Ok(())
}

/// After an act: the engagement as it is now.
pub(super) fn again(context: &Context, replica: Replica, id: &str) -> Outcome {
    // The replica has one opener at a time.
    drop(replica);
    one(context, id)
}

fn print(context: &Context, found: &Found) {
    let (replica, e) = (&found.replica, &found.engagement);
    if context.json {
        let mut shown = value(replica, &found.record, e);
        shown["acts"] = found.in_order().iter().map(|a| act_value(replica, a, e)).collect::<Vec<_>>().into();
        return screen::json(&shown);
    }
    let t = &context.texts;
    let title = title(replica, e);
    acting::told(&format!("{}  {}  {title}", acting::short(&found.record.0), state(t, e.state)));
    if let Some(mark) = acting::sealed(t, &found.audience) {
        acting::told(&format!("  {mark}"));
    }
    for (key, party) in [("engage-recipient", e.recipient), ("engage-provider", e.provider)] {
        acting::told(&format!("  {}", t.tf(key, &[("name", &acting::name_of(replica, &party))])));
    }
    for condition in &e.conditions.conditions {
        acting::told(&format!("  {}", t.tf("engage-condition", &[("text", &condition.text)])));
    }
    for conflict in &e.conflicts {
        let key = if e.waived.contains(conflict) { "engage-waived" } else { "engage-conflict" };
        acting::told(&format!("  {}", t.tf(key, &[("conflict", conflict)])));
    }
    if let Some((what, who, until)) = e.due() {
        let key = if now_ms() >= until { "act-overdue" } else { "act-due" };
        let name = acting::name_of(replica, &who);
        acting::told(&format!("  {}", acting::due_line(t, key, what, &name, until)));
    }
    for act in found.in_order() {
        let verdict = e.verdicts.get(&act.hash).copied().unwrap_or(Verdict::Waiting);
        let code = acts::code(&v1::revision::Record::Engagement(act.what.clone()));
        let (name, words) = (acting::name_of(replica, &act.author), words(t, &act.what));
        acting::act_line(t, (act.time_ms, code), &name, &words, verdict);
    }
}

impl Found {
    /// Acts in the order in which they count, then the others.
    fn in_order(&self) -> Vec<&Act<EngagementAct>> {
        let of = |hash: &EntryHash| self.acts.iter().find(|a| a.hash == *hash);
        let counted = self.engagement.counted.iter().filter_map(of);
        let others = self.engagement.verdicts.keys().filter(|h| !self.engagement.counted.contains(h));
        counted.chain(others.filter_map(of)).collect()
    }
}

/// What an act says besides its name: its figure or outcome, its words, its links.
fn words(t: &Texts, act: &EngagementAct) -> String {
    let (figure, text, links) = match &act.act {
        Some(What::Propose(p)) => (None, p.text.as_ref(), &[][..]),
        Some(What::Agree(a)) => (None, a.text.as_ref(), &[][..]),
        Some(What::Accept(a)) => (None, a.text.as_ref(), &[][..]),
        Some(What::Evaluate(e)) => {
            let rating = t.tf("act-rating", &[("rating", &e.rating.to_string())]);
            (Some(rating), e.text.as_ref(), &e.links[..])
        }
        Some(What::Resolve(r)) => (Some(t.named("resolution", &r.outcome)), r.text.as_ref(), &[][..]),
        Some(
            What::Start(n)
            | What::Deliver(n)
            | What::Confirm(n)
            | What::Decline(n)
            | What::Withdraw(n)
            | What::Dispute(n)
            | What::Note(n),
        ) => (None, n.text.as_ref(), &n.links[..]),
        None => (None, None, &[][..]),
    };
    let said = figure.into_iter().chain(text.map(|t| t.text.clone()));
    let said: Vec<String> = said.chain(links.iter().map(|link| link.url.clone())).collect();
    if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) }
}

/// A state as people read it.
pub(super) fn state(t: &Texts, state: State) -> String {
    t.named("engagement-state", state.code())
}

fn title(replica: &Replica, e: &Engagement) -> String {
    let need = acting::title_of(replica, e.proposal.need.as_ref());
    if need.is_empty() { acting::title_of(replica, e.proposal.offer.as_ref()) } else { need }
}

fn value(replica: &Replica, record: &RecordId, e: &Engagement) -> serde_json::Value {
    let due = e.due().map(|(what, who, until)| {
        json!({ "what": what, "who": who.to_string(), "until_ms": until, "overdue": now_ms() >= until })
    });
    json!({
        "id": hex::encode(record.0),
        "root": e.root.to_string(),
        "state": e.state.code(),
        "since_ms": e.since_ms,
        "title": title(replica, e),
        "recipient": e.recipient.to_string(),
        "provider": e.provider.to_string(),
        "need": e.proposal.need,
        "offer": e.proposal.offer,
        "conditions": e.conditions,
        "terms": e.terms,
        "conflicts": e.conflicts,
        "waived": e.waived,
        "due": due,
    })
}

fn act_value(replica: &Replica, act: &Act<EngagementAct>, e: &Engagement) -> serde_json::Value {
    json!({
        "act": acts::code(&v1::revision::Record::Engagement(act.what.clone())),
        "by": acting::name_of(replica, &act.author),
        "party": act.author.to_string(),
        "time_ms": act.time_ms,
        "verdict": e.verdicts.get(&act.hash).map(|v| v.code()),
        "entry_hash": act.hash.to_string(),
        "content": act.what.act,
    })
}

/// What is late in engagements of this organisation, for `caphub status`.
pub fn overdue(replica: &Replica) -> Result<Vec<(String, Overdue)>, Failure> {
    let me = replica.core.party;
    let mine = all(replica)?.into_iter().filter(|(_, e)| e.recipient == me || e.provider == me);
    let late = mine.filter_map(|(record, e)| Some((acting::short(&record.0), e.overdue(now_ms())?)));
    Ok(late.collect())
}
