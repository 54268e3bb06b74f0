//! Funds as lists and in full.

use caphub_node::acts::late;
use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act, Fault, Overdue, Verdict};
use caphub_proto::exchange::fund::Fund;
use caphub_proto::v1::fund_act::Act as What;
use caphub_proto::v1::{FundAct, revision};
use caphub_proto::wire::{EntryHash, PartyId, RecordId};
use serde_json::{Value, json};

use super::Found;
use crate::commands::{Context, acting};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;

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
    for (record, fund) in &found {
        let free = fund.ledger.totals().iter().map(|(c, t)| format!("{} {c}", t.free.text(2)));
        let free: Vec<String> = free.collect();
        let state = if fund.closed { "closed" } else { "open" };
        acting::line(&format!(
            "{}  {state:<6}  {}  {}",
            acting::short(&record.0),
            title(fund),
            free.join(", ")
        ));
    }
    // Their charter was cut off or never counted, and nothing of them does: better shown than gone.
    let void = void_charters(&replica)?;
    for (record, code, author) in &void {
        acting::line(&format!("{}  {code}  {}", acting::short(&record.0), acting::name_of(&replica, author)));
    }
    if found.is_empty() && void.is_empty() {
        context.say("funds-none", &[]);
    }
    Ok(())
}

/// Charters whose entry does not count, with the reason and the author.
fn void_charters(replica: &Replica) -> Result<Vec<(RecordId, &'static str, PartyId)>, Failure> {
    let acts = acts::funds(&acting::acts(replica, RecordKind::Fund, None)?);
    let charters = acts.iter().filter(|a| matches!(a.what.act, Some(What::Charter(_))));
    let void = charters.filter_map(|a| Some((a.record, Fault::of_entry(a.void?).code(), a.author)));
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
    acting::line(&format!("{}  {}", acting::short(&found.record.0), title(fund)));
    let names: Vec<String> = fund.board().iter().map(|p| acting::name_of(replica, p)).collect();
    let threshold = fund.charter.threshold.to_string();
    acting::line(&format!(
        "  {}",
        t.tf("fund-board", &[("threshold", &threshold), ("names", &names.join(", "))])
    ));
    for (hash, pledge) in &fund.pledges {
        let (paid, amount) = (pledge.paid.text(2), pledge.amount.text(2));
        let name = acting::name_of(replica, &pledge.donor);
        let values =
            [("name", name.as_str()), ("paid", &paid), ("amount", &amount), ("currency", &pledge.currency)];
        acting::line(&format!("  {}  {}", id_of(&found, hash), t.tf("fund-pledge", &values)));
    }
    for (hash, proposal) in &fund.proposals {
        let (amount, votes) = (proposal.amount.text(2), fund.votes_for(proposal).to_string());
        let name = acting::name_of(replica, &proposal.recipient);
        let values = [
            ("state", proposal.state.code()),
            ("title", &proposal.title),
            ("name", &name),
            ("amount", &amount),
            ("currency", &proposal.currency),
            ("votes", &votes),
        ];
        acting::line(&format!("  {}  {}", id_of(&found, hash), t.tf("fund-proposal", &values)));
        for (at, milestone) in (1_u32..).zip(&proposal.milestones) {
            let mut marks: Vec<String> = Vec::new();
            let agreed = fund.approved(hash, at);
            marks.extend((agreed > 0).then(|| format!("approve {agreed}")));
            marks.extend(milestone.disbursed_ms.map(|ms| format!("disburse {}", acting::day(ms))));
            marks.extend(milestone.received.then(|| "receipt".to_owned()));
            marks.extend(milestone.reported.then(|| "report".to_owned()));
            acting::line(&format!("            {at}. {} {}", milestone.amount.text(2), marks.join(", ")));
        }
    }
    for (hash, late) in fund.overdue(now_ms()) {
        let (name, day) = (acting::name_of(replica, &late.who), acting::day(late.since_ms));
        let words = t.tf("act-overdue", &[("what", late.what), ("name", &name), ("day", &day)]);
        acting::line(&format!("  {}  {words}", id_of(&found, &hash)));
    }
    for act in &found.acts {
        let verdict = fund.verdicts.get(&act.hash).copied().unwrap_or(Verdict::Waiting);
        if verdict != Verdict::Counted {
            let (code, name) = (code(act), acting::name_of(replica, &act.author));
            acting::line(&format!("  {}  {code} [{}]  {name}", acting::short(&act.record.0), verdict.code()));
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
    acting::line(&format!("{}  {}  {}", acting::short(&act.record.0), code(act), title(&found.fund)));
    Ok(())
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
