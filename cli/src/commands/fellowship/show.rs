//! Nominations as lists and in full.

use caphub_node::author::now_ms;
use caphub_proto::exchange::acts::{self, Overdue, Verdict};
use caphub_proto::exchange::fellowship::Nominee;
use caphub_proto::v1::revision;
use serde_json::{Value, json};

use super::Found;
use crate::commands::{Context, acting};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;

pub(super) fn list(context: &Context, call: Option<&str>) -> Outcome {
    if let Some(call) = call {
        print(context, &Found::of(context, call)?);
        return Ok(());
    }
    let mut replica = context.replica()?;
    let mut shown: Vec<Value> = Vec::new();
    for call in super::calls(&replica)? {
        let found = Found::under(replica, call)?;
        match context.json {
            true => shown.push(value(&found)),
            false => lines(context, &found),
        }
        replica = found.replica;
    }
    if context.json {
        screen::json(&shown.into());
    }
    Ok(())
}

pub(super) fn one(context: &Context, id: &str) -> Outcome {
    let (found, nominee) = super::nominee(context, id)?;
    if context.json {
        screen::json(&nominee_value(&found.replica, &nominee));
        return Ok(());
    }
    acting::line(&nominee_line(&found.replica, &nominee));
    if !nominee.reason.is_empty() {
        acting::line(&format!("  {}", nominee.reason));
    }
    for act in &found.acts {
        let code = acts::code(&revision::Record::Fellowship(act.what.clone()));
        let verdict = found.all.verdicts.get(&act.hash).copied().unwrap_or(Verdict::Waiting);
        let mark = if verdict == Verdict::Counted { String::new() } else { format!(" [{}]", verdict.code()) };
        let (day, name) = (acting::day(act.time_ms), acting::name_of(&found.replica, &act.author));
        if caphub_proto::exchange::fellowship::subject(act) == Some((nominee.nominator, nominee.nomination)) {
            acting::line(&format!("  {day}  {code}{mark}  {name}"));
        }
    }
    Ok(())
}

/// A call with every nomination under it.
pub(super) fn print(context: &Context, found: &Found) {
    match context.json {
        true => screen::json(&value(found)),
        false => lines(context, found),
    }
}

fn lines(context: &Context, found: &Found) {
    let title = found.call.revision.as_ref().and_then(caphub_proto::exchange::Summary::of);
    let title = title.map(|(_, s)| s.title).unwrap_or_default();
    acting::line(&format!("{}  {title}", acting::short(&found.call.record_id)));
    // What is still to be done goes first.
    let mut nominees: Vec<&Nominee> = found.all.nominees.values().collect();
    nominees.sort_by_key(|n| (n.state, n.nomination));
    for nominee in nominees {
        acting::line(&format!("  {}", nominee_line(&found.replica, nominee)));
    }
    if let Some(closing) = &found.all.closing {
        let (count, cosigned) = (closing.nominations.len().to_string(), closing.cosigned.len().to_string());
        let values = [("count", count.as_str()), ("cosigned", &cosigned)];
        acting::line(&format!("  {}", context.texts.tf("call-closed", &values)));
    }
}

fn nominee_line(replica: &Replica, n: &Nominee) -> String {
    let rank = if n.rank > 0 { format!("  #{}", n.rank) } else { String::new() };
    let name = acting::name_of(replica, &n.nominator);
    format!("{}  {:<9}  {name} {}{rank}", acting::short(&n.nomination.0), n.state.code(), n.country)
}

fn nominee_value(replica: &Replica, n: &Nominee) -> Value {
    json!({
        "nomination": n.nomination.to_string(),
        "nominator": n.nominator.to_string(),
        "nominator_name": acting::name_of(replica, &n.nominator),
        "country": n.country,
        "state": n.state.code(),
        "since_ms": n.since_ms,
        "listed": n.listed,
        "rank": n.rank,
        "rule_set": n.rule_set,
        "reason": n.reason,
    })
}

fn value(found: &Found) -> Value {
    let closing = found.all.closing.as_ref().map(|c| {
        json!({
            "entry_hash": c.act.to_string(),
            "nominations": c.nominations.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "cosigned": c.cosigned.keys().map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    let void = found.all.verdicts.iter().filter(|(_, v)| **v != Verdict::Counted);
    json!({
        "call": hex::encode(&found.call.record_id),
        "nominations": found.all.nominees.values().map(|n| nominee_value(&found.replica, n)).collect::<Vec<_>>(),
        "closing": closing,
        "draw": found.all.draw.as_ref().map(hex::encode),
        "not_counted": void.map(|(h, v)| json!({ "entry_hash": h.to_string(), "verdict": v.code() })).collect::<Vec<_>>(),
    })
}

/// Places that this organisation has not answered, for `caphub status`.
pub fn overdue(replica: &Replica) -> Result<Vec<(String, Overdue)>, Failure> {
    let mut late = Vec::new();
    for call in super::calls(replica)? {
        let (_, _, all) = super::read(replica, &call)?;
        let mine = all.overdue(now_ms()).into_iter().filter(|(_, o)| o.who == replica.core.party);
        late.extend(mine.map(|(n, o)| (acting::short(&n.0), o)));
    }
    Ok(late)
}
