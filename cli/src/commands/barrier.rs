//! `caphub barrier`: access limitations from report to recurrence, with every reply beside them.

use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::barrier::{self, Answer, Standing, Step};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Barrier, Filter, Reply};
use caphub_proto::wire::{EntryHash, PartyId, RecordId};
use serde_json::{Map, Value, json};

use crate::arguments::{BarrierCommand, BarrierFields, BarrierStep, HeldCommand};
use crate::commands::statements::{some, who};
use crate::commands::{Context, acting, compose, records, signing, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen::{self, plain};

const KIND: RecordKind = RecordKind::Barrier;
/// Most replies to one report that are read, the newest first.
const REPLIES_MAX: usize = 2_000;
/// Replies of one organisation that are shown: each is heard, and none fills the page.
const SHOWN_EACH: usize = 8;

/// Runs one of its commands.
pub async fn run(context: &Context, command: BarrierCommand) -> Outcome {
    match command {
        BarrierCommand::Add(fields) => {
            let replica = context.replica()?;
            let record = composed(context, &replica, &fields)?;
            let audience = records::audience(&replica, fields.visible)?;
            let shown = signing::first(context, &replica, audience, Record::Barrier(record)).await?;
            records::say(context, &shown, "record-added")
        }
        BarrierCommand::List { country, mine, open } => list(context, &country, mine, open),
        BarrierCommand::Show { id } => show(context, &id),
        BarrierCommand::Reply { id, words, claim } => {
            let replica = context.replica()?;
            let held = replica.find(&id, Some(KIND.code()))?;
            let reply = Reply {
                party: held.party_id.clone(),
                record_id: held.record_id.clone(),
                text: signing::localised(context, None, &words.join(" ")),
                claim: claim.unwrap_or_default(),
                number: held.revision.as_ref().map_or(0, |r| r.number),
            };
            let audience = signing::audience_of(&held)?;
            let shown = signing::first(context, &replica, audience, Record::Reply(reply)).await?;
            records::say(context, &shown, "record-added")
        }
        BarrierCommand::Ease(step) => go_on(context, "eased", step).await,
        BarrierCommand::Lift(step) => go_on(context, "lifted", step).await,
        BarrierCommand::Recur(step) => go_on(context, "recurred", step).await,
        BarrierCommand::Withdraw(taken) => records::held(context, KIND, HeldCommand::Withdraw(taken)).await,
    }
}

fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

fn composed(context: &Context, replica: &Replica, fields: &BarrierFields) -> Result<Barrier, Failure> {
    let mut value = match &fields.file {
        Some(path) => compose::from_file(path)?,
        None => Map::new(),
    };
    let language = fields.text_language.as_deref();
    for (name, text) in [("title", &fields.title), ("description", &fields.description)] {
        compose::put_text(context, &mut value, language, name, text.as_deref());
    }
    let Record::Barrier(mut b) = compose::record(KIND, value)? else {
        return Err(Failure::usage("error-kind"));
    };
    if b.title.is_none() {
        return Err(Failure::usage("error-title-needed").hint("hint-title-needed"));
    }
    let texts = [
        (&fields.barrier_type, &mut b.barrier_type),
        (&fields.service, &mut b.service),
        (&fields.provider, &mut b.provider),
        (&fields.since, &mut b.since),
    ];
    for (given, held) in texts {
        if let Some(given) = given {
            *held = given.clone();
        }
    }
    if b.barrier_type.is_empty() {
        b.barrier_type = "other".to_owned();
    }
    if b.since.is_empty() {
        b.since = today();
    }
    b.hosts.extend(fields.host.iter().cloned());
    if let Some(party) = &fields.provider_party {
        b.provider_party = signing::party(replica, party)?.to_vec();
    }
    let mut scope = b.scope.take().unwrap_or_default();
    for country in &fields.country {
        scope.countries.push(compose::country(country)?);
    }
    for region in &fields.region {
        scope.regions.push(compose::region(region)?);
    }
    if scope.countries.is_empty() && scope.regions.is_empty() && !replica.me.country.is_empty() {
        scope.countries.push(replica.me.country.clone());
    }
    b.scope = Some(scope);
    b.evidence.extend(fields.evidence.iter().map(|e| signing::evidence(context, language, e)));
    for id in &fields.about {
        b.about.push(signing::reference(&replica.find(id, None)?));
    }
    b.state = "reported".to_owned();
    Ok(b)
}

/// The reporter's next word.
async fn go_on(context: &Context, state: &'static str, step: BarrierStep) -> Outcome {
    let replica = context.replica()?;
    let held = records::own(context, &replica, &step.id, KIND)?;
    let Some(Record::Barrier(mut b)) = held.revision.clone().and_then(|r| r.record) else {
        return Err(Failure::usage("error-kind"));
    };
    let before = Followed::of(&replica, &held)?.standing;
    b.state = state.to_owned();
    b.as_of = step.as_of.unwrap_or_else(today);
    b.evidence.extend(step.evidence.iter().map(|e| signing::evidence(context, None, e)));
    let shown = signing::next(context, &replica, &held, Record::Barrier(b)).await?;
    let after = Followed::of(&replica, &shown)?.standing;
    if let Some(number) = after.out_of_turn.last().filter(|_| after.out_of_turn != before.out_of_turn) {
        let (from, number) = (before.state.code(), number.to_string());
        context.say("barrier-out-of-turn", &[("number", &number), ("from", from), ("to", state)]);
    }
    records::say(context, &shown, "record-changed")
}

/// A report with its revisions and replies.
pub struct Followed {
    /// How it stands.
    pub standing: Standing,
    steps: Vec<(v1::Record, Barrier)>,
    replies: Vec<(v1::Record, Reply)>,
    total: u64,
}

impl Followed {
    /// Reads what was said of a report.
    pub fn of(replica: &Replica, held: &v1::Record) -> Result<Self, Failure> {
        let failed = || Failure::new("error-views");
        let party = PartyId::from_slice(&held.party_id).ok_or_else(failed)?;
        let id = RecordId::from_slice(&held.record_id).ok_or_else(failed)?;
        let history = replica.core.views.history(&replica.viewer(), &party, &id, now_ms());
        let history = history.map_err(|e| failed().because(e))?;
        let steps: Vec<(v1::Record, Barrier)> = history
            .into_iter()
            .filter(|r| r.void_reason.is_empty())
            .filter_map(|r| match r.revision.clone()?.record? {
                Record::Barrier(b) => Some((r, b)),
                _ => None,
            })
            .collect();
        let filter = Filter {
            kinds: vec!["reply".to_owned()],
            about: Some(signing::reference(held)),
            ..Filter::default()
        };
        let (replies, total) = some(replica, &filter, REPLIES_MAX)?;
        let replies: Vec<(v1::Record, Reply)> = replies
            .into_iter()
            .filter_map(|r| match r.revision.clone()?.record? {
                Record::Reply(reply) => Some((r, reply)),
                _ => None,
            })
            .collect();
        let hash = |r: &v1::Record| EntryHash::from_slice(&r.entry_hash).unwrap_or_default();
        let number = |r: &v1::Record| r.revision.as_ref().map_or(0, |v| v.number);
        let each: Vec<Step<'_>> =
            steps.iter().map(|(r, barrier)| Step { number: number(r), hash: hash(r), barrier }).collect();
        let answers: Vec<Answer<'_>> = replies
            .iter()
            .filter_map(|(r, reply)| {
                Some(Answer { party: PartyId::from_slice(&r.party_id)?, hash: hash(r), reply })
            })
            .collect();
        let standing = barrier::standing(party, &each, &answers).ok_or_else(failed)?;
        Ok(Self { standing, steps, replies, total })
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let s = &self.standing;
        let claims = s.claims.iter().map(
            |c| json!({ "party": c.party.to_string(), "provider": c.provider, "state": c.state.code() }),
        );
        let replies = self.replies.iter().map(|(r, reply)| {
            json!({
                "party": PartyId::from_slice(&r.party_id).map(|p| p.to_string()), "name": who(r),
                "text": reply.text, "claim": reply.claim, "number": reply.number,
            })
        });
        json!({
            "state": s.state.code(), "answered": s.answered, "since": s.since, "as_of": s.as_of,
            "recurrences": s.recurrences, "replied": s.replied.len(), "claims": claims.collect::<Vec<_>>(),
            "out_of_turn": s.out_of_turn, "replies": replies.collect::<Vec<_>>(),
        })
    }
}

fn list(context: &Context, countries: &[String], mine: bool, open: bool) -> Outcome {
    let replica = context.replica()?;
    let filter = Filter {
        kinds: vec![KIND.code().to_owned()],
        party_id: if mine { replica.core.party.to_vec() } else { Vec::new() },
        countries: countries.iter().map(|c| compose::country(c)).collect::<Result<_, _>>()?,
        ..Filter::default()
    };
    let mut values = Vec::new();
    let mut shown = 0;
    let states = ["reported", "answered", "eased", "lifted", "recurred"];
    let widths = states.iter().map(|s| table::width(&context.texts.named("barrier", s)));
    let columns = widths.max().unwrap_or(0);
    for record in replica.all(&filter)? {
        let Some(Record::Barrier(b)) = record.revision.clone().and_then(|r| r.record) else { continue };
        if open && !barrier::is_open(&b) {
            continue;
        }
        let followed = Followed::of(&replica, &record)?;
        shown += 1;
        if context.json {
            let mut value = screen::record_json(&record);
            value["standing"] = followed.json();
            values.push(value);
            continue;
        }
        let id = screen::record_id(&record);
        let title = b.title.as_ref().map(|t| plain(&t.text)).unwrap_or_default();
        let state = context.texts.t(&format!("barrier-{}", followed.standing.state.code()));
        let (id, since) = (id.get(..8).unwrap_or_default(), &followed.standing.since);
        let state = table::pad(&state, columns);
        acting::told(&format!("{id}  {state} {since:<10}  {title}  ({}; {})", who(&record), scope(&b)));
        claims(context, &replica, &followed.standing, 10);
    }
    match (context.json, shown) {
        (true, _) => screen::json(&Value::Array(values)),
        (false, 0) => context.say("no-records", &[]),
        _ => {}
    }
    Ok(())
}

fn scope(b: &Barrier) -> String {
    let scope = b.scope.clone().unwrap_or_default();
    scope.countries.into_iter().chain(scope.regions).collect::<Vec<_>>().join(" ")
}

fn claims(context: &Context, replica: &Replica, standing: &Standing, indent: usize) {
    for claim in &standing.claims {
        let name = name_of(replica, &claim.party);
        let key = if claim.provider { "barrier-claim-provider" } else { "barrier-claim" };
        let state = context.texts.t(&format!("barrier-{}", claim.state.code()));
        let line = context.texts.tf(key, &[("name", &name), ("state", &state)]);
        acting::told(&format!("{:indent$}{line}", ""));
    }
}

fn name_of(replica: &Replica, party: &PartyId) -> String {
    let profile = replica.core.views.profile(&replica.viewer(), party, now_ms()).ok().flatten();
    profile.and_then(|p| p.name).map_or_else(|| party.short(), |n| plain(&n.text))
}

fn show(context: &Context, id: &str) -> Outcome {
    let replica = context.replica()?;
    let record = replica.find(id, Some(KIND.code()))?;
    let followed = match record.withdrawn || !record.void_reason.is_empty() {
        true => None,
        false => Some(Followed::of(&replica, &record)?),
    };
    if context.json {
        let mut value = screen::record_json(&record);
        if let Some(followed) = followed {
            value["standing"] = followed.json();
        }
        screen::json(&value);
        return Ok(());
    }
    records::print_record(context, &record);
    let Some(followed) = followed else { return Ok(()) };
    let (t, s) = (&context.texts, &followed.standing);
    let state = t.t(&format!("barrier-{}", s.state.code()));
    let (count, back) = (s.replied.len().to_string(), s.recurrences.to_string());
    let values = [
        ("state", state.as_str()),
        ("as-of", &s.as_of),
        ("since", &s.since),
        ("count", &count),
        ("back", &back),
    ];
    acting::told(&t.tf("barrier-stands", &values));
    claims(context, &replica, s, 0);
    let mut steps: Vec<_> = followed.steps.iter().collect();
    steps.sort_by_key(|(r, _)| r.revision.as_ref().map_or(0, |v| v.number));
    for (r, b) in steps {
        let number = r.revision.as_ref().map_or(0, |v| v.number);
        let key = if s.out_of_turn.contains(&number) { "barrier-step-out" } else { "barrier-step" };
        let date = if b.as_of.is_empty() { &b.since } else { &b.as_of };
        let state = t.t(&format!("barrier-{}", b.state));
        acting::told(&t.tf(key, &[("number", &number.to_string()), ("state", &state), ("date", date)]));
    }
    let mut heard: std::collections::HashMap<&[u8], usize> = std::collections::HashMap::new();
    for (r, reply) in followed.replies.iter().rev() {
        let count = heard.entry(&r.party_id).or_default();
        *count += 1;
        if *count <= SHOWN_EACH {
            let text = reply.text.as_ref().map(|t| plain(&t.text)).unwrap_or_default();
            acting::told(&t.tf("barrier-reply", &[("name", &who(r)), ("text", &text)]));
        }
    }
    if followed.total > followed.replies.len() as u64 {
        let (read, total) = (followed.replies.len().to_string(), followed.total.to_string());
        screen::line(&t.tf("said-more", &[("read", &read), ("total", &total)]));
    }
    Ok(())
}
