//! `caphub call`: as every record, and its closing list, cosignatures and draw.

use std::collections::{BTreeMap, BTreeSet};

use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act, Verdict};
use caphub_proto::exchange::allocation::{NOMINATIONS_EACH_MAX, Stands, list_hash, turns};
use caphub_proto::exchange::fellowship::State;
use caphub_proto::exchange::priority;
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Draw, FellowshipAct, FellowshipClose, FellowshipCosign, FellowshipDraw, RecordRef};
use caphub_proto::wire::{EntryHash, FeedId, PartyId};

use super::Found;
use crate::arguments::acts::{CallCommand, CallTerms};
use crate::commands::allocate::{self, claims, shown};
use crate::commands::fund::all as funds;
use crate::commands::{Context, acting, records};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;

/// Runs one of them.
pub async fn run(context: &Context, command: CallCommand) -> Outcome {
    match command {
        CallCommand::Add { fields, terms } => {
            records::add_with(context, RecordKind::Call, &fields, |replica, record| {
                with_terms(replica, &terms, record)
            })
            .await
        }
        CallCommand::Edit { id, fields, terms } => {
            records::edit_with(context, RecordKind::Call, &id, &fields, |replica, record| {
                with_terms(replica, &terms, record)
            })
            .await
        }
        CallCommand::Held(command) => records::held(context, RecordKind::Call, command).await,
        CallCommand::Close { call } => {
            let found = Found::of(context, &call)?;
            // Whose each is, not who says so; what was taken back is left out.
            let mut claims = claims::of(&found.replica, &counted(&found));
            claims.retain(|hash, party| {
                let nominee = found.all.nominees.get(&(*party, *hash));
                nominee.is_some_and(|n| n.state != State::Withdrawn)
            });
            let turns = turns(&counted(&found), &claims);
            // Nobody fills a list alone: of each party its first ones.
            let within =
                |hash: &EntryHash| turns.get(hash).is_none_or(|t| *t as usize <= NOMINATIONS_EACH_MAX);
            claims.retain(|hash, _| within(hash));
            let points = allocate::points_of(&found.replica, &found.call, &claims)?;
            let nominations = points.keys().map(|hash| hash.to_vec()).collect();
            let turns = points.keys().map(|hash| turns.get(hash).copied().unwrap_or(0)).collect();
            let feeds = made_in(&found, points.keys(), &claims);
            let points = points.values().copied().collect();
            let at = drawn_at(&found).map(allocate::moment);
            let close = FellowshipClose { nominations, points, turns, feeds };
            found.act(context, What::Close(close)).await?;
            // Whoever verifies asks what a hub stated before the value was there.
            at.iter().for_each(|at| context.say("call-closed-sync", &[("at", at)]));
            Ok(())
        }
        CallCommand::Cosign { call, anyway } => {
            let found = Found::of(context, &call)?;
            let closing = found.all.closing.clone().ok_or_else(|| Failure::new("error-call-open"))?;
            let entry = EntryHash::from_slice(&found.call.entry_hash).unwrap_or_default();
            let claims = claims::of(&found.replica, &counted(&found));
            let now = allocate::points_of(&found.replica, &found.call, &claims)?;
            let stated = closing.nominations.iter().zip(&closing.points);
            let other: Vec<String> = stated
                .filter(|(hash, points)| now.get(hash).is_some_and(|n| n != *points))
                .map(|(hash, _)| acting::short(&hash.0))
                .collect();
            if !other.is_empty() && !anyway {
                let failure = Failure::new("error-cosign-points").with("ids", other.join(", "));
                return Err(failure.hint("hint-cosign-points"));
            }
            let list_hash = list_hash(&entry, &closing.nominations).to_vec();
            let cosign = FellowshipCosign { closing: closing.act.to_vec(), list_hash };
            found.act(context, What::Cosign(cosign)).await
        }
        CallCommand::Draw { call, value, url } => {
            let value = hex::decode(&value).map_err(|e| Failure::usage("error-hex").because(e))?;
            let found = Found::of(context, &call)?;
            let closing = found.all.closing.as_ref().ok_or_else(|| Failure::new("error-call-open"))?;
            // A value that is stated before it exists was chosen.
            let Some(at) = drawn_at(&found).filter(|at| now_ms() >= *at) else {
                return Err(Failure::new("error-draw-early").hint("hint-draw-early").reason("draw_early"));
            };
            let list = found.acts.iter().find(|a| a.hash == closing.act);
            let shown = match list.map(|a| Stands { entry: a.hash, feed: a.feed, seq: a.seq }) {
                Some(list) => shown::to_carry(&found.replica, &found.call, list, at)?,
                None => Vec::new(),
            };
            if shown.is_empty() {
                context.say("call-draw-not-shown", &[]);
            }
            found
                .act(context, What::Draw(FellowshipDraw { value, url: url.unwrap_or_default(), shown }))
                .await
        }
    }
}

/// Of each nomination the place in `after`, from 1, of the feed in which its party made it; 0 where it is not there.
fn made_in<'a>(
    found: &Found,
    nominations: impl Iterator<Item = &'a EntryHash>,
    claims: &BTreeMap<EntryHash, PartyId>,
) -> Vec<u32> {
    let after = acts::after(&found.acts, &found.all.verdicts);
    let places: BTreeMap<&[u8], u32> = after.iter().map(|s| &s.feed_id[..]).zip(1..).collect();
    let feeds: BTreeMap<(PartyId, Vec<u8>), FeedId> = counted(found)
        .into_iter()
        .filter_map(|act| match act.what.act {
            Some(What::Nominate(n)) => Some(((act.author, n.nomination), act.feed)),
            _ => None,
        })
        .collect();
    let made = |hash: &EntryHash| feeds.get(&(*claims.get(hash)?, hash.to_vec()));
    let place = |hash| made(hash).and_then(|feed| places.get(&feed.as_bytes()[..]).copied()).unwrap_or(0);
    nominations.map(place).collect()
}

/// Acts under the call that count.
fn counted(found: &Found) -> Vec<Act<FellowshipAct>> {
    let counts = |act: &&Act<FellowshipAct>| found.all.verdicts.get(&act.hash) == Some(&Verdict::Counted);
    found.acts.iter().filter(counts).cloned().collect()
}

/// When the call's public value comes to be.
fn drawn_at(found: &Found) -> Option<u64> {
    let Some(Record::Call(call)) = found.call.revision.as_ref()?.record.as_ref() else { return None };
    let at: jiff::Timestamp = call.draw.as_ref()?.at.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

/// What a call rests on, as it was typed: needs, the fund that pays, rules, the draw, who has to sign the list.
fn with_terms(replica: &Replica, terms: &CallTerms, record: Record) -> Result<Record, Failure> {
    let Record::Call(mut call) = record else { return Ok(record) };
    let named =
        |id: &String, kind: RecordKind| replica.find(id, Some(kind.code())).map(|r| acting::reference(&r));
    if let Some(call_type) = &terms.call_type {
        call.call_type = call_type.clone();
    }
    if !terms.need.is_empty() {
        call.needs = terms.need.iter().map(|id| named(id, RecordKind::Need)).collect::<Result<_, _>>()?;
    }
    if let Some(id) = &terms.fund {
        call.fund = Some(fund(replica, id)?);
    }
    if let Some(id) = &terms.session {
        call.session = Some(named(id, RecordKind::Session)?);
    }
    if let Some(rules) = &terms.call_rules {
        call.rule_set = rules.clone();
    }
    if let Some(id) = &terms.priority {
        call.priority = Some(weights(replica, id)?);
    }
    if !terms.attested_by.is_empty() {
        let hubs = terms.attested_by.iter().map(|text| hub(replica, text).map(|p| p.to_vec()));
        call.attesting_hubs = hubs.collect::<Result<_, _>>()?;
    }
    let mut draw = call.draw.take().unwrap_or_default();
    for (field, typed) in [
        (&mut draw.source, &terms.draw_source),
        (&mut draw.round, &terms.draw_round),
        (&mut draw.at, &terms.draw_at),
    ] {
        typed.iter().for_each(|text| field.clone_from(text));
    }
    call.draw = Some(draw).filter(|draw| *draw != Draw::default());
    if let Some(count) = terms.cosignatures {
        call.cosignatures = count;
    }
    // Nobody could have a place; a call for projects gives money and not places.
    if call.places == 0 && matches!(call.call_type.as_str(), "fellowship" | "seats") {
        let failure = Failure::usage("error-places-needed").with("kind", &call.call_type);
        return Err(failure.hint("hint-places-needed"));
    }
    Ok(Record::Call(call))
}

/// A hub by its id, or by the name on a card that it gave this organisation; or any organisation that is admitted.
fn hub(replica: &Replica, text: &str) -> Result<PartyId, Failure> {
    let own = replica.me.cards().into_iter().filter(|card| card.name == text).map(|card| card.party);
    match own.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()[..] {
        [one] => Ok(one),
        _ => acting::party(replica, text),
    }
}

/// The charter of a fund that counts, by the first characters of its id.
fn fund(replica: &Replica, id: &str) -> Result<RecordRef, Failure> {
    let funds = funds(replica)?;
    let (record, fund) = acting::pick(id, funds.iter().map(|f| (&f.0.0[..], f)))?;
    Ok(RecordRef { party: fund.author.to_vec(), record_id: record.to_vec() })
}

/// A rule set whose weights of priority can be used.
fn weights(replica: &Replica, id: &str) -> Result<RecordRef, Failure> {
    let record = replica.find(id, Some(RecordKind::RuleSet.code()))?;
    if let Some(Record::RuleSet(rules)) = record.revision.as_ref().and_then(|r| r.record.as_ref()) {
        let bad = |e| Failure::usage("error-rule-set").because(e);
        priority::Weights::of(rules).map_err(bad)?;
    }
    Ok(acting::reference(&record))
}
