//! `caphub sync explain`: why a thing has not arrived, in words.

use caphub_node::addresses::places;
use caphub_node::audit::file::moment;
use caphub_node::author::now_ms;
use caphub_node::explain::{ExplainError, Explainer, Explanation, Far, Finding};
use caphub_node::sync::remembered;
use caphub_proto::v1;
use caphub_proto::wire::card::Card;
use caphub_proto::wire::{PartyId, Reason};
use serde_json::Value;

use crate::commands::sync::status_failure;
use crate::commands::{Context, audit, hub, table};
use crate::failure::{Failure, Outcome};
use crate::home::Joined;
use crate::replica::Replica;
use crate::screen;

/// Findings whose sentence names the hub; before others stands which hub they are about.
const NAMES_ITS_HUB: [&str; 8] = [
    "admitted",
    "audience-hub",
    "carried-member",
    "may-not-read",
    "room-hub-full",
    "stated",
    "stated-less",
    "stated-nothing",
];

/// An operator's hub, or a member's replica: whichever the command line names.
pub(super) async fn run(context: &Context, what: &str, offline: bool) -> Outcome {
    let told = match audit::operates(context) {
        true => of_node(context, what, offline).await?,
        false => of_replica(context, what, offline).await?,
    };
    match context.json {
        true => screen::json(&serde_json::to_value(&told).unwrap_or_default()),
        false => show(context, &told),
    }
    match told.kind.as_str() {
        "unknown" => Err(Failure::nothing("error-explain-unknown").with("id", what).answered()),
        _ => Ok(()),
    }
}

async fn of_node(context: &Context, what: &str, offline: bool) -> Result<Explanation, Failure> {
    let mut node = hub::admin(&context.hub_dir).await?;
    let request = v1::ExplainRequest { what: what.to_owned(), ask: !offline };
    let answer = node.explain(request).await.map_err(|s| status_failure(&s))?.into_inner();
    serde_json::from_str(&answer.explanation).map_err(|e| Failure::new("error-hub-says").because(e))
}

async fn of_replica(context: &Context, what: &str, offline: bool) -> Result<Explanation, Failure> {
    let replica = context.replica()?;
    let auditor = audit::open(&replica)?;
    let asked = match offline {
        true => Vec::new(),
        false => audit::visit(context, &replica, &auditor).await?,
    };
    let hubs =
        replica.me.hubs.iter().filter_map(|joined| Some(far(context, &replica, joined, joined.card()?)));
    let (hubs, viewer) = (hubs.collect(), replica.reader());
    let explainer = Explainer { auditor: &auditor, hubs, replica: true, viewer, now_ms: now_ms() };
    let mut told = explainer.explain(what).map_err(|error| match error {
        ExplainError::Views(_) => Failure::new("error-views").because(error),
        ExplainError::Several => {
            Failure::usage("error-explain-several").with("id", what).hint("hint-longer-id")
        }
        ExplainError::Length => Failure::usage("error-explain-length"),
    })?;
    answered(context, &asked, &mut told);
    Ok(told)
}

/// What is kept of a hub of a member.
fn far(context: &Context, replica: &Replica, joined: &Joined, card: Card) -> Far {
    let path = replica.home.remembered(&card.party);
    let memory = remembered::load(&path);
    let addresses: Vec<String> = places(&replica.core, &card).into_iter().map(|p| p.address).collect();
    let proxy = addresses.iter().find_map(|a| context.proxies.of(a)).map(|p| p.to_string());
    Far {
        party: card.party,
        name: card.name,
        addresses,
        proxy: proxy.unwrap_or_default(),
        last_ms: joined.synced_ms,
        standing: memory.kept().0.to_owned(),
        here: remembered::refused_here(&path),
        there: memory.there().map(|(feed, r)| (*feed, *r)).collect(),
        ..Far::default()
    }
}

/// Whether the hubs answered just now: of the one that was asked about, or of each that did not.
fn answered(context: &Context, asked: &[(PartyId, Outcome)], told: &mut Explanation) {
    let about = told.kind == "hub";
    for (party, outcome) in asked.iter().rev().filter(|(p, _)| !about || p.to_string() == told.id) {
        let finding = match outcome {
            Ok(()) if about => Finding::new("answers"),
            Ok(()) => continue,
            Err(failure) => {
                let said = failure.lines(&context.texts);
                let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
                Finding::new("unreachable").with("detail", said).with("party", party.to_string())
            }
        };
        told.findings.insert(0, finding);
    }
}

fn show(context: &Context, told: &Explanation) {
    let head = match (told.name.is_empty(), told.kind.as_str()) {
        (true, _) => told.id.clone(),
        (false, _) => format!("{} ({})", told.name, told.id),
    };
    screen::line(&screen::plain(&head));
    for finding in &told.findings {
        table::wrapped(&sentence(context, finding), 2);
    }
}

fn sentence(context: &Context, finding: &Finding) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut values: Vec<(&str, String)> = Vec::new();
    for (name, value) in &finding.values {
        match (name.strip_suffix("_ms"), name.as_str(), value.as_u64()) {
            (Some(name), _, Some(ms)) => values.push((name, moment(ms))),
            (_, "reason", _) => values.push(("reason", why(context, &text(value)))),
            (_, "bytes" | "bytes_max", Some(bytes)) => {
                let name = if name == "bytes" { "kib" } else { "kib-max" };
                values.push((name, bytes.div_ceil(1024).to_string()));
            }
            (_, "entries_max", _) => values.push(("entries-max", text(value))),
            _ => values.push((name, text(value))),
        }
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let said = context.texts.tf(&format!("explain-{}", finding.code), &values);
    match finding.values.get("hub").and_then(Value::as_str) {
        Some(hub) if !NAMES_ITS_HUB.contains(&finding.code.as_str()) => {
            context.texts.tf("explain-of-hub", &[("hub", hub), ("said", &said)])
        }
        _ => said,
    }
}

/// What a reason means to the person who waits, and what helps.
fn why(context: &Context, code: &str) -> String {
    let key = format!("explain-why-{}", code.replace('_', "-"));
    match (context.texts.has(&key), Reason::parse(code)) {
        (true, _) => context.texts.t(&key),
        (false, Some(reason)) if context.texts.language() == "en" => reason.meaning().to_owned(),
        (false, _) => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_finding_has_a_sentence_in_each_language() {
        for texts in [include_str!("../../../texts/en.ftl"), include_str!("../../../texts/fr.ftl")] {
            let said = |code: &&&str| texts.contains(&format!("\nexplain-{code} ="));
            let missing: Vec<&&str> = caphub_node::explain::CODES.iter().filter(|c| !said(c)).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    }
}
