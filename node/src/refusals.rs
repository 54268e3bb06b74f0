//! Refusals of all hubs and the replies to them, side by side.

use std::collections::BTreeMap;

use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{self, Filter, LocalisedText};
use caphub_proto::wire::PartyId;
use serde::Serialize;

use crate::author::now_ms;
use crate::entitlement::Viewer;
use crate::views::{PAGE_SIZE_MAX, PageRequest, Views, ViewsError};

/// Refusals and replies that are read at most.
const RECORDS_MAX: usize = 20_000;

/// Refusals of one hub for one thing and one reason.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Group {
    /// The hub, as text.
    pub hub: String,
    /// Its name, where it has a profile.
    pub hub_name: String,
    /// What was refused.
    pub what: String,
    /// The reason's code.
    pub reason: String,
    /// How many.
    pub count: usize,
    /// Each of them.
    pub refusals: Vec<OneRefusal>,
}

/// One refusal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OneRefusal {
    /// Its record.
    pub id: String,
    /// Whom it names, as text; empty where that did not agree.
    pub party: String,
    /// On what it rests.
    pub basis: String,
    /// When it ends.
    pub until: String,
    /// When it was signed, as its author states.
    pub time_ms: u64,
    /// What was replied, with equal weight.
    pub replies: Vec<OneReply>,
}

/// One reply.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OneReply {
    /// By whom, as text.
    pub party: String,
    /// Its name.
    pub name: String,
    /// In its own words.
    pub text: String,
    /// When it was signed, as its author states.
    pub time_ms: u64,
}

/// The records of both kinds that count.
pub fn records(views: &Views, viewer: &Viewer) -> Result<Vec<v1::Record>, ViewsError> {
    views.catch_up()?;
    let kinds = vec!["refusal".to_owned(), "reply".to_owned()];
    let filter = Filter { kinds, ..Filter::default() };
    let (mut records, mut request) = (Vec::new(), PageRequest { size: PAGE_SIZE_MAX, token: String::new() });
    loop {
        let page = views.list(viewer, &filter, &request, now_ms())?;
        records.extend(page.records.into_iter().filter(|r| r.void_reason.is_empty()));
        if page.next_page_token.is_empty() || records.len() >= RECORDS_MAX {
            return Ok(records);
        }
        request.token = page.next_page_token;
    }
}

/// By hub, what and reason, with replies beside what they answer.
pub fn grouped(records: &[v1::Record]) -> Vec<Group> {
    let mut replies: BTreeMap<(Vec<u8>, Vec<u8>), Vec<OneReply>> = BTreeMap::new();
    for record in records {
        let Some(Kind::Reply(reply)) = body(record) else { continue };
        let one = OneReply {
            party: party_text(&record.party_id),
            name: record.party_name.clone(),
            text: text_of(reply.text.as_ref()),
            time_ms: record.time_ms,
        };
        replies.entry((reply.party.clone(), reply.record_id.clone())).or_default().push(one);
    }
    let mut groups: BTreeMap<(String, String, String), Group> = BTreeMap::new();
    for record in records {
        let Some(Kind::Refusal(refusal)) = body(record) else { continue };
        let hub = party_text(&record.party_id);
        let key = (hub.clone(), refusal.what.clone(), refusal.reason.clone());
        let group = groups.entry(key).or_insert_with(|| Group {
            hub,
            hub_name: record.party_name.clone(),
            what: refusal.what.clone(),
            reason: refusal.reason.clone(),
            ..Group::default()
        });
        group.count += 1;
        let mut answers =
            replies.get(&(record.party_id.clone(), record.record_id.clone())).cloned().unwrap_or_default();
        answers.sort_by_key(|a| a.time_ms);
        group.refusals.push(OneRefusal {
            id: hex::encode(&record.record_id),
            party: party_text(&refusal.party),
            basis: refusal.basis.clone(),
            until: refusal.until.clone(),
            time_ms: record.time_ms,
            replies: answers,
        });
    }
    for group in groups.values_mut() {
        group.refusals.sort_by_key(|r| r.time_ms);
    }
    groups.into_values().collect()
}

fn body(record: &v1::Record) -> Option<&Kind> {
    record.revision.as_ref()?.record.as_ref()
}

fn party_text(bytes: &[u8]) -> String {
    PartyId::from_slice(bytes).map(|p| p.to_string()).unwrap_or_default()
}

fn text_of(text: Option<&LocalisedText>) -> String {
    text.map(|t| t.text.clone()).unwrap_or_default()
}
