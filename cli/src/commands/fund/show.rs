//! Funds as lists and in full.

use caphub_node::acts::late;
use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act, Fault, Overdue, Verdict};
use caphub_proto::exchange::fund::Fund;
use caphub_proto::v1::fund_act::Act as What;
use caphub_proto::v1::{FundAct, FundMilestone, revision};
use caphub_proto::wire::{EntryHash, PartyId, RecordId};
use serde_json::{Value, json};

use super::Found;
use crate::commands::{Context, acting, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// Every fund that can be read here, each with the id of its charter.
pub fn all(replica: &Replica) -> Result<Vec<(RecordId, Fund)>, Failure> {
    let records = acting::acts(replica, RecordKind::Fund, None)?;
    Ok(late::funds_of(&replica.core, acts::funds(&records)))
}

fn title(fund: &Fund) -> String {
    fund.charter.title.as_ref().map(|t| t.text.clone()).unwrap_or_default()
}

pub(super) fn list(context: &Context) -> Outcome {
    let replica = context.replica()?;
    let found = all(&replica)?;
    if context.json {
        screen::json(&found.iter().map(|(record, f)| value(record, f)).collect());
        return Ok(());
    }
    let t = &context.texts;
    let columns = ["open", "closed"].map(|s| table::width(&state(t, s))).into_iter().max().unwrap_or(0);
    for (record, fund) in &found {
        let free = fund.ledger.totals().iter().map(|(c, t)| format!("{} {c}", t.free.text(2)));
        let free: Vec<String> = free.collect();
        let state = table::pad(&state(t, if fund.closed { "closed" } else { "open" }), columns);
        acting::line(&format!("{}  {state}  {}  {}", acting::short(&record.0), title(fund), free.join(", ")));
    }
    // Their charter was cut off or never counted, and nothing of them does: better shown than gone.
    let void = void_charters(&replica)?;
    for (record, fault, author) in &void {
        acting::void_line(t, record, *fault, &acting::name_of(&replica, author));
    }
    if found.is_empty() && void.is_empty() {
        context.say("funds-none", &[]);
    }
    Ok(())
}

/// Charters whose entry does not count, with the reason and the author.
fn void_charters(replica: &Replica) -> Result<Vec<(RecordId, Fault, PartyId)>, Failure> {
    let acts = acts::funds(&acting::acts(replica, RecordKind::Fund, None)?);
    let charters = acts.iter().filter(|a| matches!(a.what.act, Some(What::Charter(_))));
    let void = charters.filter_map(|a| Some((a.record, Fault::of_entry(a.void?), a.author)));
    Ok(void.collect())
}

pub(super) fn one(context: &Context, id: &str) -> Outcome {
    let found = Found::of(context, id)?;
    let (replica, fund) = (&found.replica, &found.fund);
    if context.json {
        let mut shown = value(&found.record, fund);
        shown["acts"] = found.acts.iter().map(|a| act_value(replica, a, fund)).collect::<Vec<_>>().into();
        screen::json(&shown);
        return Ok(());
    }
    let t = &context.texts;
    acting::told(&format!("{}  {}", acting::short(&found.record.0), title(fund)));
    if let Some(mark) = acting::sealed(t, &found.audience) {
        acting::told(&format!("  {mark}"));
    }
    let names: Vec<String> = fund.board().iter().map(|p| acting::name_of(replica, p)).collect();
    let threshold = fund.charter.threshold.to_string();
    let values = [("threshold", threshold.as_str()), ("names", &names.join(", "))];
    acting::told(&format!("  {}", t.tf("fund-board", &values)));
    for (hash, pledge) in &fund.pledges {
        let (paid, amount) = (pledge.paid.text(2), pledge.amount.text(2));
        let name = acting::name_of(replica, &pledge.donor);
        let values =
            [("name", name.as_str()), ("paid", &paid), ("amount", &amount), ("currency", &pledge.currency)];
        acting::told(&format!("  {}  {}", id_of(&found, hash), t.tf("fund-pledge", &values)));
    }
    for (hash, proposal) in &fund.proposals {
        let (amount, votes) = (proposal.amount.text(2), fund.votes_for(proposal).to_string());
        let name = acting::name_of(replica, &proposal.recipient);
        let state = state(t, proposal.state.code());
        let values = [
            ("state", state.as_str()),
            ("title", &proposal.title),
            ("name", &name),
            ("amount", &amount),
            ("currency", &proposal.currency),
            ("votes", &votes),
        ];
        acting::told(&format!("  {}  {}", id_of(&found, hash), t.tf("fund-proposal", &values)));
        let titles = milestone_titles(&found, hash);
        for (at, milestone) in (1_u32..).zip(&proposal.milestones) {
            let act = |code| t.named("act", code);
            let mut marks: Vec<String> = Vec::new();
            let agreed = fund.approved(hash, at);
            marks.extend((agreed > 0).then(|| format!("{} {agreed}", act("approve"))));
            marks.extend(milestone.disbursed_ms.map(|ms| format!("{} {}", act("disburse"), acting::day(ms))));
            marks.extend(milestone.received.then(|| act("receipt")));
            marks.extend(milestone.reported.then(|| act("report")));
            let name = titles.get(at as usize - 1).map(String::as_str).unwrap_or_default();
            marks.insert(0, format!("{at}. {name} {}", milestone.amount.text(2)));
            acting::told(&format!("            {}", marks.join(", ")));
        }
    }
    for (hash, late) in fund.overdue(now_ms()) {
        let name = acting::name_of(replica, &late.who);
        let words = acting::due_line(t, "act-overdue", late.what, &name, late.since_ms);
        acting::told(&format!("  {}  {words}", id_of(&found, &hash)));
    }
    for act in &found.acts {
        let verdict = fund.verdicts.get(&act.hash).copied().unwrap_or(Verdict::Waiting);
        if let Some(mark) = acting::mark(t, verdict) {
            let (act_name, name) = (t.named("act", code(act)), acting::name_of(replica, &act.author));
            acting::told(&format!("  {}  {act_name}  {name}", acting::short(&act.record.0)));
            acting::told(&format!("      {mark}"));
        }
    }
    Ok(())
}

/// After an act: its id, for the acts to come that name it.
pub(super) fn act(context: &Context, id: &str) -> Outcome {
    let found = Found::of(context, id)?;
    let Some(act) = found.acts.iter().find(|a| a.hash == found.about) else { return Ok(()) };
    if context.json {
        screen::json(&act_value(&found.replica, act, &found.fund));
        return Ok(());
    }
    let name = context.texts.named("act", code(act));
    acting::line(&format!("{}  {name}  {}", acting::short(&act.record.0), title(&found.fund)));
    Ok(())
}

/// What the milestones of a proposal are called.
fn milestone_titles(found: &Found, proposal: &EntryHash) -> Vec<String> {
    let act = found.acts.iter().find(|a| a.hash == *proposal);
    let Some(What::Propose(stated)) = act.and_then(|a| a.what.act.as_ref()) else { return Vec::new() };
    let title = |m: &FundMilestone| m.title.as_ref().map(|t| t.text.clone()).unwrap_or_default();
    stated.milestones.iter().map(title).collect()
}

/// How a fund or a proposal stands, as people read it.
fn state(t: &Texts, code: &str) -> String {
    t.named("fund-state", code)
}

fn code(act: &Act<FundAct>) -> &'static str {
    acts::code(&revision::Record::Fund(act.what.clone()))
}

fn id_of(found: &Found, hash: &EntryHash) -> String {
    let act = found.acts.iter().find(|a| a.hash == *hash);
    act.map(|a| acting::short(&a.record.0)).unwrap_or_default()
}

fn value(record: &RecordId, fund: &Fund) -> Value {
    let totals = fund.ledger.totals().iter().map(|(currency, t)| {
        json!({
            "currency": currency, "paid_in": t.paid_in.to_string(), "paid_back": t.paid_back.to_string(),
            "disbursed": t.disbursed.to_string(), "refunded": t.refunded.to_string(),
            "committed": t.committed.to_string(), "free": t.free.to_string(), "adds_up": t.adds_up(),
        })
    });
    let proposals = fund.proposals.iter().map(|(hash, p)| {
        json!({
            "entry_hash": hash.to_string(), "title": p.title, "state": p.state.code(), "recipient": p.recipient.to_string(),
            "amount": p.amount.to_string(), "currency": p.currency, "votes": fund.votes_for(p),
        })
    });
    json!({
        "id": hex::encode(record.0),
        "root": fund.root.to_string(),
        "closed": fund.closed,
        "charter": fund.charter,
        "totals": totals.collect::<Vec<_>>(),
        "proposals": proposals.collect::<Vec<_>>(),
    })
}

fn act_value(replica: &Replica, act: &Act<FundAct>, fund: &Fund) -> Value {
    json!({
        "id": hex::encode(act.record.0),
        "act": code(act),
        "by": acting::name_of(replica, &act.author),
        "party": act.author.to_string(),
        "time_ms": act.time_ms,
        "verdict": fund.verdicts.get(&act.hash).map(|v| v.code()),
        "entry_hash": act.hash.to_string(),
        "content": act.what.act,
    })
}

/// What this organisation owes to funds, for `caphub status`.
pub fn overdue(replica: &Replica) -> Result<Vec<(String, Overdue)>, Failure> {
    let mut late = Vec::new();
    for (record, fund) in all(replica)? {
        let mine = fund.overdue(now_ms()).into_iter().filter(|(_, o)| o.who == replica.core.party);
        late.extend(mine.map(|(_, o)| (acting::short(&record.0), o)));
    }
    Ok(late)
}
