//! `caphub erasures`: what the organisation had erased, and which hubs have confirmed it by their signed records.

use std::collections::{BTreeMap, BTreeSet};

use caphub_node::erasing::{Confirmed, confirmed};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Filter};
use caphub_proto::wire::{FeedId, PartyId};
use serde_json::json;

use crate::commands::threads::day;
use crate::commands::{Context, sealing, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;

/// One record that was to be erased.
struct Erased {
    record: v1::Record,
    entries: BTreeSet<(FeedId, u64)>,
}

/// How far one hub is with it.
struct State {
    hub: PartyId,
    confirmed: usize,
    /// When the last of it was confirmed, by the hub's clock.
    time_ms: u64,
}

/// Shows each of them with each known hub.
pub fn run(context: &Context) -> Outcome {
    let replica = context.replica()?;
    let erased = erased(&replica)?;
    let words = confirmed(&replica.core, &replica.viewer(), None)
        .map_err(|e| Failure::new("error-views").because(e))?;
    let mut by_hub: BTreeMap<PartyId, Vec<Confirmed>> = BTreeMap::new();
    for hub in hubs(&replica) {
        by_hub.entry(hub).or_default();
    }
    for word in words {
        by_hub.entry(word.hub).or_default().push(word);
    }
    let states = |one: &Erased| by_hub.iter().map(|(hub, words)| state(*hub, words, one)).collect::<Vec<_>>();
    if context.json {
        let value = erased.iter().map(|one| erased_json(&replica, one, &states(one))).collect();
        screen::json(&value);
        return Ok(());
    }
    if erased.is_empty() {
        context.say("erasures-none", &[]);
    }
    for one in &erased {
        screen::line(&screen::record_line(&context.texts, &one.record));
        for state in states(one) {
            let (key, time_ms) = match state.confirmed {
                0 => ("erasure-not-yet", one.record.time_ms),
                all if all == one.entries.len() => ("erasure-confirmed", state.time_ms),
                _ => ("erasure-partly", one.record.time_ms),
            };
            let values = [
                ("hub", sealing::name(&replica, &state.hub)),
                ("day", day(time_ms)),
                ("count", state.confirmed.to_string()),
                ("all", one.entries.len().to_string()),
            ];
            let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
            table::wrapped(&context.texts.tf(key, &values), 10);
        }
    }
    Ok(())
}

/// Own withdrawals that erase.
fn erased(replica: &Replica) -> Result<Vec<Erased>, Failure> {
    let filter = Filter { party_id: replica.core.party.to_vec(), withdrawn: true, ..Filter::default() };
    let mut erased = Vec::new();
    for record in replica.all(&filter)? {
        let revision = record.revision.as_ref().and_then(|r| r.record.as_ref());
        let Some(Record::Withdraw(withdraw)) = revision.filter(|_| record.void_reason.is_empty()) else {
            continue;
        };
        if withdraw.erase {
            let named = withdraw.entries.iter();
            let entries = named.filter_map(|e| Some((FeedId::from_slice(&e.feed_id)?, e.seq))).collect();
            erased.push(Erased { record, entries });
        }
    }
    Ok(erased)
}

/// Every hub that is known here, by its card or because it was joined.
fn hubs(replica: &Replica) -> BTreeSet<PartyId> {
    let joined = replica.me.cards().into_iter().map(|c| c.party);
    replica.core.views.node_cards().into_iter().map(|c| c.hub).chain(joined).collect()
}

fn state(hub: PartyId, words: &[Confirmed], one: &Erased) -> State {
    let mut first: BTreeMap<(FeedId, u64), u64> = BTreeMap::new();
    for word in words.iter().filter(|w| one.entries.contains(&(w.feed, w.seq))) {
        let time_ms = first.entry((word.feed, word.seq)).or_insert(word.time_ms);
        *time_ms = word.time_ms.min(*time_ms);
    }
    State { hub, confirmed: first.len(), time_ms: first.into_values().max().unwrap_or(0) }
}

fn erased_json(replica: &Replica, one: &Erased, states: &[State]) -> serde_json::Value {
    let hub = |state: &State| {
        let whole = state.confirmed == one.entries.len();
        json!({
            "hub": state.hub.to_string(), "name": sealing::name(replica, &state.hub),
            "confirmed": whole, "entries_confirmed": state.confirmed,
            "confirmed_ms": whole.then_some(state.time_ms),
        })
    };
    json!({
        "id": screen::record_id(&one.record), "kind": one.record.kind, "asked_ms": one.record.time_ms,
        "entries": one.entries.len(), "hubs": states.iter().map(hub).collect::<Vec<_>>(),
    })
}
