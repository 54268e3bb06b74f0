//! `caphub status`: who I am, what I hold, what waits.

use caphub_node::addresses::places;

use crate::commands::{
    Context, acting, artifact, confirmed, engage, fellowship, fund, hubs, refused, statements, table,
};
use crate::failure::Outcome;
use crate::replica::Replica;
use crate::screen;

/// Reads the replica; works without a network.
pub fn run(context: &Context) -> Outcome {
    let replica = context.replica()?;
    let me = &replica.me;
    let admitting = replica.core.admissions.hubs_of(&replica.core.party);
    let own = replica.own_records()?;
    let synced = match me.synced_ms {
        0 => String::new(),
        ms => i64::try_from(ms)
            .ok()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .unwrap_or_default(),
    };
    let mut late = engage::overdue(&replica)?;
    late.extend(fellowship::overdue(&replica)?);
    late.extend(fund::overdue(&replica)?);
    late.extend(confirmed::overdue(&replica)?);
    if context.json {
        let overdue = late.iter().map(|(id, o)| {
            serde_json::json!({ "id": id, "what": o.what, "who": o.who.to_string(), "since_ms": o.since_ms })
        });
        let overdue: Vec<_> = overdue.collect();
        let admitted: Vec<_> = admitting
            .iter()
            .map(|(hub, a)| serde_json::json!({ "hub": hub.to_string(), "level": format!("{:?}", a.level).to_lowercase() }))
            .collect();
        let listed = hubs::states(&replica).into_iter().map(|(card, state, joined)| {
            let addresses = places(&replica.core, &card).into_iter().map(|p| p.address);
            serde_json::json!({
                "hub": card.party.to_string(), "name": card.name, "state": state.trim_start_matches("status-"),
                "synced_ms": joined.synced_ms, "addresses": addresses.collect::<Vec<_>>(),
            })
        });
        let listed: Vec<_> = listed.collect();
        let refusals: Vec<_> = me
            .refused
            .iter()
            .map(|r| {
                let signed = refused::is_signed(&replica, r);
                serde_json::json!({ "hub": r.hub, "id": r.record, "reason": r.reason, "note": r.note, "signed": signed })
            })
            .collect();
        screen::json(&serde_json::json!({
            "name": me.name, "party": me.party, "country": me.country, "admitted_by": admitted,
            "refusals": refusals, "overdue": overdue,
            "asked": me.hubs.iter().any(|j| j.asked), "hubs": listed, "synced": synced, "entries": replica.core.store.end(),
            "own_records": own, "behind": replica.core.views.behind(),
            "advisories": artifact::warned(&replica)?.iter().map(|(record, by, a)| {
                serde_json::json!({ "id": screen::record_id(record), "by": by, "advisory": a })
            }).collect::<Vec<_>>(),
            "withheld": replica.core.store.withheld_count(), "frozen": frozen(&replica).len(),
        }));
        return Ok(());
    }
    let t = &context.texts;
    screen::line(&format!("{} ({})", screen::plain(&me.name), me.party));
    // What a hub refused follows with its reason.
    for (card, key, _) in hubs::states(&replica).into_iter().filter(|(_, key, _)| *key != "status-refused") {
        acting::told(&t.tf(key, &[("hub", &card.name)]));
    }
    for refused in &me.refused {
        let hub = me.cards().into_iter().find(|c| c.party.to_string() == refused.hub).map(|c| c.name);
        let key = match refused::is_signed(&replica, refused) {
            true => "status-refused",
            false => "status-refused-unsigned",
        };
        let (hub, note) =
            (screen::plain(&hub.unwrap_or_else(|| refused.hub.clone())), screen::plain(&refused.note));
        let id = refused.record.get(..8).unwrap_or(&refused.record);
        let reason = refused::reason(t, &refused.reason);
        acting::told(&t.tf(key, &[("hub", &hub), ("reason", &reason), ("note", &note), ("id", id)]));
    }
    if me.hubs.is_empty() {
        screen::line(&t.t("status-no-hub"));
    }
    match synced.is_empty() {
        true => screen::line(&t.t("status-never-synced")),
        false => screen::line(&t.tf("status-synced", &[("when", &synced)])),
    }
    let held = replica.core.store.end().to_string();
    screen::line(&t.tf("status-held", &[("entries", &held)]));
    let withheld = replica.core.store.withheld_count();
    if withheld > 0 {
        acting::told(&t.tf("status-withheld", &[("count", &withheld.to_string())]));
    }
    for (key, feed, common) in frozen(&replica) {
        let hint = t.t("hint-frozen");
        let values = [("key", &key[..8]), ("feed", &feed[..8]), ("common", &common), ("hint", &hint)];
        acting::told(&t.tf("status-frozen", &values));
    }
    for (record, by, advisory) in artifact::warned(&replica)? {
        let line = statements::advisory_line(context, &by, &advisory);
        let id = screen::record_id(&record);
        let id = id.get(..8).unwrap_or(&id);
        acting::told(&t.tf("status-advisory", &[("id", id), ("advisory", &line)]));
    }
    for (id, overdue) in &late {
        if overdue.what == confirmed::CONFIRM_RECORD {
            let day = acting::day(overdue.since_ms.saturating_sub(1));
            table::wrapped(&t.tf("status-confirm-record", &[("id", id), ("day", &day)]), 0);
            continue;
        }
        let name = acting::name_of(&replica, &overdue.who);
        let words = acting::due_line(t, "act-overdue", overdue.what, &name, overdue.since_ms);
        acting::told(&format!("{id}  {words}"));
    }
    let mut kinds: Vec<_> = own.into_iter().collect();
    kinds.sort();
    for (kind, count) in kinds {
        screen::line(
            &t.tf("status-own", &[("kind", &t.named("kind", &kind)), ("count", &count.to_string())]),
        );
    }
    Ok(())
}

/// Own feeds that forked and wait for a Revoke: key, feed, and the last common place.
fn frozen(replica: &Replica) -> Vec<(String, String, String)> {
    let own = replica.core.forks.all().into_iter().filter(|p| p.feed().party == replica.core.party);
    let state = replica.core.identities.state(&replica.core.party);
    let open = own.filter_map(|proof| {
        let key = proof.feed().key()?;
        let revoked = state.as_ref()?.operators.get(&key)?.revoked.is_some();
        let names = (key.to_string(), proof.feed().id().to_string(), proof.common().seq.to_string());
        (!revoked).then_some(names)
    });
    open.collect()
}
