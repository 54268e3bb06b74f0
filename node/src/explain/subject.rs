//! What is meant by the words that were typed: a hub, an organisation, a record, a feed or a place in one.

use caphub_proto::exchange::{RecordKind, Summary};
use caphub_proto::v1::{Filter, Record};
use caphub_proto::wire::limits::FUTURE_MS_MAX;
use caphub_proto::wire::{FeedId, PartyId, RecordId, Seq};

use super::{Explainer, Explanation, Finding};
use crate::views::{PAGE_SIZE_MAX, PageRequest, ViewsError};

/// Longest name or id that is looked up, in characters.
pub const WHAT_CHARS_MAX: usize = 512;
/// Characters of an id that name one of those that are known: as many as a short id has.
const PARTY_CHARS_MIN: usize = 12;
/// Hexadecimal digits of a record's id that name one of those that are held.
const RECORD_CHARS_MIN: usize = 4;
/// Hexadecimal digits of a record's whole id, and of a feed's.
const RECORD_CHARS: usize = 32;
const FEED_CHARS: usize = 64;

/// Nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// What was typed means more than one thing.
    #[error("it means several; use more of the id")]
    Several,
    /// Nothing, or more than any name.
    #[error("between 1 and 512 characters name something")]
    Length,
    /// The views could not be read.
    #[error(transparent)]
    Views(#[from] ViewsError),
}

impl Explainer<'_> {
    /// What is known of what these words mean.
    pub fn explain(&self, what: &str) -> Result<Explanation, ExplainError> {
        let what = what.trim();
        if what.is_empty() || what.chars().count() > WHAT_CHARS_MAX {
            return Err(ExplainError::Length);
        }
        if let Some(hub) = one(self.hubs.iter().filter(|h| means(&h.party, &h.name, what)))? {
            let mut told = explanation("hub", hub.party.to_string(), hub.name.clone());
            told.findings = self.hub(hub);
            return Ok(told);
        }
        if let Some((feed, seq)) = feed_place(what) {
            return Ok(self.feed(&feed, seq));
        }
        let hex = what.to_ascii_lowercase();
        if (RECORD_CHARS_MIN..=RECORD_CHARS).contains(&hex.len())
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
        {
            let found = self.records(&hex)?;
            if let Some(record) = one(found.iter())? {
                return Ok(self.record(record));
            }
        }
        if let Some(party) = self.party(what)? {
            let mut told = explanation("organisation", party.to_string(), self.name_of(&party));
            self.organisation(&party, &mut told.findings);
            return Ok(told);
        }
        let mut told = explanation("unknown", what.to_owned(), String::new());
        told.findings.push(Finding::new("unknown"));
        self.general(&mut told.findings);
        Ok(told)
    }

    fn feed(&self, id: &FeedId, seq: Option<Seq>) -> Explanation {
        let party = self.feed_of(id).map(|f| f.party);
        let name = party.map(|p| self.name_of(&p)).unwrap_or_default();
        let mut told = explanation("feed", id.to_string(), name);
        self.place(id, seq, &mut told.findings);
        if let Some(party) = party {
            self.carried(&party, &mut told.findings);
        }
        told
    }

    fn record(&self, record: &Record) -> Explanation {
        let summary = record.revision.as_ref().and_then(Summary::of).map(|(_, s)| s).unwrap_or_default();
        let mut told = explanation("record", hex::encode(&record.record_id), summary.title);
        let out = &mut told.findings;
        if !record.void_reason.is_empty() {
            out.push(Finding::new("record-void").with("reason", record.void_reason.clone()));
        }
        if record.withdrawn {
            out.push(Finding::new("record-withdrawn"));
        }
        if !record.conflicts.is_empty() {
            out.push(Finding::new("record-conflict").with("count", record.conflicts.len() + 1));
        }
        if record.time_ms > self.now_ms.saturating_add(FUTURE_MS_MAX) {
            out.push(Finding::new("record-future").with("at_ms", record.time_ms));
        }
        if let Some(feed) = FeedId::from_slice(&record.feed_id) {
            self.place(&feed, Seq::new(record.seq), out);
        }
        if let Some(party) = PartyId::from_slice(&record.party_id) {
            self.carried(&party, out);
        }
        told
    }

    /// Records whose id begins so; of a whole id also those of which no revision counts.
    fn records(&self, hex: &str) -> Result<Vec<Record>, ViewsError> {
        let views = &self.core().views;
        if let Some(id) = hex::decode(hex).ok().as_deref().and_then(RecordId::from_slice) {
            let parties = self.core().identities.parties();
            let read = parties.iter().map(|party| views.get(&self.viewer, party, &id, self.now_ms));
            return read.filter_map(Result::transpose).collect();
        }
        let filter = Filter { withdrawn: true, ..Filter::default() };
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = PageRequest { size: PAGE_SIZE_MAX, token };
            let page = views.list(&self.viewer, &filter, &page, self.now_ms)?;
            let of = |r: &Record| hex::encode(&r.record_id).starts_with(hex);
            found.extend(page.records.into_iter().filter(of));
            if page.next_page_token.is_empty() || found.len() > 1 {
                return Ok(found);
            }
            token = page.next_page_token;
        }
    }

    /// An organisation by its whole id, the start of the id of one that is known, the name by which a hub admits it, or
    /// else the name that it gives itself.
    fn party(&self, what: &str) -> Result<Option<PartyId>, ExplainError> {
        if let Ok(party) = what.parse() {
            return Ok(Some(party));
        }
        let core = self.core();
        let admitted = |party: &PartyId| {
            let names = core.admissions.hubs_of(party);
            means(party, "", what) || names.iter().any(|(_, a)| a.name == what)
        };
        if let Some(party) = one(core.identities.parties().into_iter().filter(admitted))? {
            return Ok(Some(party));
        }
        let filter = Filter { kinds: vec![RecordKind::Profile.code().to_owned()], ..Filter::default() };
        let page = PageRequest { size: PAGE_SIZE_MAX, token: String::new() };
        let found = core.views.search(&self.viewer, what, &filter, &page, self.now_ms)?;
        let called = |r: &Record| r.self_named && r.party_name == what;
        one(found.records.iter().filter(|r| called(r)).filter_map(|r| PartyId::from_slice(&r.party_id)))
    }
}

fn explanation(kind: &str, id: String, name: String) -> Explanation {
    Explanation { kind: kind.to_owned(), id, name, findings: Vec::new() }
}

fn means(party: &PartyId, name: &str, what: &str) -> bool {
    name == what || (what.len() >= PARTY_CHARS_MIN && party.to_string().starts_with(what))
}

/// The only one, if there is any.
fn one<T>(mut all: impl Iterator<Item = T>) -> Result<Option<T>, ExplainError> {
    match (all.next(), all.next()) {
        (found, None) => Ok(found),
        _ => Err(ExplainError::Several),
    }
}

/// A feed's id, alone or with a place behind a slash.
fn feed_place(what: &str) -> Option<(FeedId, Option<Seq>)> {
    let (feed, seq) = match what.split_once('/') {
        Some((feed, seq)) => (feed, Some(seq)),
        None => (what, None),
    };
    let feed: FeedId = Some(feed).filter(|f| f.len() == FEED_CHARS)?.parse().ok()?;
    match seq {
        None => Some((feed, None)),
        Some(seq) => Some((feed, Some(Seq::new(seq.parse().ok()?)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_named_alone_or_with_a_place_and_nothing_else_is_one() {
        let id = "ab".repeat(32);
        assert_eq!(feed_place(&id).map(|(_, seq)| seq), Some(None));
        assert_eq!(feed_place(&format!("{id}/7")).map(|(_, seq)| seq), Some(Seq::new(7)));
        for other in ["", "ab", "7", &format!("{id}/"), &format!("{id}/0"), &format!("{id}/x"), &id[..62]] {
            assert_eq!(feed_place(other), None, "{other}");
        }
    }
}
