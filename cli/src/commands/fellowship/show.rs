//! Nominations as lists and in full.

use std::collections::BTreeMap;

use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Overdue, Verdict};
use caphub_proto::exchange::fellowship::{Nominee, State};
use caphub_proto::v1::{self, revision};
use caphub_proto::wire::EntryHash;
use serde_json::{Value, json};

use super::Found;
use crate::commands::{Context, acting, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

pub(super) fn list(context: &Context, call: Option<&str>) -> Outcome {
    if let Some(call) = call {
        print(context, &Found::of(context, call)?);
        return Ok(());
    }
    let mut replica = context.replica()?;
    let (mut shown, mut any): (Vec<Value>, bool) = (Vec::new(), false);
    for call in super::calls(&replica)? {
        let found = Found::under(replica, call)?;
        match context.json {
            true => shown.push(value(&found)),
            false => lines(context, &found),
        }
        any = true;
        replica = found.replica;
    }
    if !any && !context.json {
        context.say("no-records", &[]);
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
    let t = &context.texts;
    let people = people(&found.replica)?;
    acting::line(&nominee_line(t, (&found.replica, &people), &nominee));
    if !nominee.reason.is_empty() {
        acting::told(&format!("  {}", nominee.reason));
    }
    let mut acts_of: Vec<_> = found.acts.iter().collect();
    acts_of.sort_by_key(|act| (act.time_ms, act.hash));
    for act in acts_of {
        let code = acts::code(&revision::Record::Fellowship(act.what.clone()));
        let verdict = found.all.verdicts.get(&act.hash).copied().unwrap_or(Verdict::Waiting);
        let name = acting::name_of(&found.replica, &act.author);
        if caphub_proto::exchange::fellowship::subject(act) == Some((nominee.nominator, nominee.nomination)) {
            acting::act_line(t, (act.time_ms, code), &name, "", verdict);
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
    let people = people(&found.replica).unwrap_or_default();
    // What is still to be done goes first.
    let mut nominees: Vec<&Nominee> = found.all.nominees.values().collect();
    nominees.sort_by_key(|n| (n.state, n.nomination));
    for nominee in nominees {
        let line = nominee_line(&context.texts, (&found.replica, &people), nominee);
        acting::line(&format!("  {line}"));
    }
    if let Some(closing) = &found.all.closing {
        let (count, cosigned) = (closing.nominations.len().to_string(), closing.cosigned.len().to_string());
        let values = [("count", count.as_str()), ("cosigned", &cosigned)];
        acting::line(&format!("  {}", context.texts.tf("call-closed", &values)));
    }
}

/// Whom sealed nominations name, as far as they open here.
type People = BTreeMap<EntryHash, String>;

fn people(replica: &Replica) -> Result<People, Failure> {
    let filter =
        v1::Filter { kinds: vec![RecordKind::Nomination.code().to_owned()], ..v1::Filter::default() };
    let named = |record: v1::Record| match record.revision?.record? {
        revision::Record::Nomination(person) => {
            Some((EntryHash::from_slice(&record.entry_hash)?, person.name))
        }
        _ => None,
    };
    Ok(replica.readable(&filter)?.into_iter().filter_map(named).collect())
}

fn nominee_line(t: &Texts, (replica, people): (&Replica, &People), n: &Nominee) -> String {
    let name_of = |state: State| t.named("fellowship-state", state.code());
    let columns = State::ALL.iter().map(|s| table::width(&name_of(*s))).max().unwrap_or(0);
    let state = table::pad(&name_of(n.state), columns);
    let rank = if n.rank > 0 { format!("  #{}", n.rank) } else { String::new() };
    let name = acting::name_of(replica, &n.nominator);
    let person = people.get(&n.nomination).map(|person| format!("  ({person})")).unwrap_or_default();
    format!("{}  {state}  {name} {}{rank}{person}", acting::short(&n.nomination.0), n.country)
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
