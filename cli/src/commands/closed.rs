//! Barriers that are reported against an offer or a session: a listing is not access.
//!
//! A report is one side's word, so it is shown beside the record, with how many have answered it, and changes neither
//! score nor order. What its reporter has lifted is not shown.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use caphub_node::views::{PAGE_SIZE_MAX, PageRequest};
use caphub_proto::codes::country;
use caphub_proto::exchange::barrier::{Target, applies, is_open};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Barrier, Filter, RecordRef};
use caphub_proto::wire::{PartyId, RecordId};
use serde_json::{Value, json};

use crate::commands::table;
use crate::failure::Failure;
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// Barriers shown beside one record; more are counted by `caphub barrier list`.
const SHOWN_MAX: usize = 3;

/// Every barrier that is not lifted.
pub struct Closures<'a> {
    replica: &'a Replica,
    open: Vec<(v1::Record, Barrier)>,
    /// Answers counted so far, by barrier.
    answers: RefCell<BTreeMap<Vec<u8>, u64>>,
}

/// One report that concerns a record, for one country.
pub struct Closure {
    country: &'static str,
    barrier: Barrier,
    id: String,
    reporter: String,
    answers: u64,
}

impl<'a> Closures<'a> {
    /// Reads the reports held here.
    pub fn read(replica: &'a Replica) -> Result<Self, Failure> {
        let filter = Filter { kinds: vec!["barrier".to_owned()], ..Filter::default() };
        let open = replica.readable(&filter)?.into_iter().filter_map(|record| {
            match record.revision.as_ref().and_then(|r| r.record.clone()) {
                Some(Record::Barrier(barrier)) if is_open(&barrier) => Some((record, barrier)),
                _ => None,
            }
        });
        Ok(Self { replica, open: open.collect(), answers: RefCell::default() })
    }

    /// Reports that close a record to one of these countries, the first that applies of each.
    pub fn of(&self, record: &v1::Record, countries: &[&'static str]) -> Vec<Closure> {
        let (Some(party), Some(id)) =
            (PartyId::from_slice(&record.party_id), RecordId::from_slice(&record.record_id))
        else {
            return Vec::new();
        };
        let links = links(record);
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        let target = Target { party, record: id, links: &links };
        let applying = self.open.iter().filter_map(|(report, barrier)| {
            let country = countries.iter().find(|c| applies(barrier, &target, c))?;
            Some(Closure {
                country,
                barrier: barrier.clone(),
                id: screen::record_id(report),
                reporter: table::who(report),
                answers: self.answers(report),
            })
        });
        applying.take(SHOWN_MAX).collect()
    }

    /// How many have answered a report.
    fn answers(&self, report: &v1::Record) -> u64 {
        if let Some(known) = self.answers.borrow().get(&report.record_id) {
            return *known;
        }
        let about = RecordRef { party: report.party_id.clone(), record_id: report.record_id.clone() };
        let filter = Filter { kinds: vec!["reply".to_owned()], about: Some(about), ..Filter::default() };
        let page = PageRequest { size: PAGE_SIZE_MAX, token: String::new() };
        let now = caphub_node::author::now_ms();
        let page = self.replica.core.views.list(&self.replica.viewer(), &filter, &page, now);
        // Whoever answers often is one that has answered.
        let replies = page.map(|page| page.records).unwrap_or_default();
        let heard: BTreeSet<&[u8]> = replies
            .iter()
            .map(|r| r.party_id.as_slice())
            .filter(|party| *party != report.party_id.as_slice())
            .collect();
        let count = heard.len() as u64;
        self.answers.borrow_mut().insert(report.record_id.clone(), count);
        count
    }
}

impl Closure {
    /// One sentence.
    pub fn words(&self, texts: &Texts) -> String {
        let since = if self.barrier.since.is_empty() { "?" } else { &self.barrier.since };
        let kind = texts.t(&format!("closed-{}", self.barrier.barrier_type.replace('_', "-")));
        let values = [
            ("country", self.country),
            ("since", since),
            ("kind", &kind),
            ("reporter", &self.reporter),
            ("answers", &self.answers.to_string()),
            ("state", &texts.t(&format!("barrier-{}", self.state()))),
            ("id", self.id.get(..8).unwrap_or_default()),
        ];
        texts.tf("closed-reported", &values)
    }

    /// How it stands, as far as the report itself and the answers say.
    fn state(&self) -> &str {
        match self.barrier.state.as_str() {
            "" | "reported" if self.answers > 0 => "answered",
            "" => "reported",
            stated => stated,
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "id": self.id, "country": self.country, "since": self.barrier.since, "state": self.state(),
            "barrier_type": self.barrier.barrier_type, "service": self.barrier.service,
            "reporter": self.reporter, "answers": self.answers,
        })
    }
}

/// For each record what is reported to close it to one's own country.
pub fn beside(replica: &Replica, records: &[v1::Record]) -> Result<Vec<Vec<Closure>>, Failure> {
    let usable = |record: &v1::Record| ["offer", "session", "course"].contains(&record.kind.as_str());
    let country = country::by_alpha2(&replica.me.country).map(|c| c.alpha2);
    if country.is_none() || !records.iter().any(usable) {
        return Ok(records.iter().map(|_| Vec::new()).collect());
    }
    let closures = Closures::read(replica)?;
    let of = |record| if usable(record) { closures.of(record, country.as_slice()) } else { Vec::new() };
    Ok(records.iter().map(of).collect())
}

/// A record for programs, with what is reported to close it.
pub fn with(record: &v1::Record, closed: &[Closure]) -> Value {
    let mut value = screen::record_json(record);
    if !closed.is_empty() {
        value["barriers"] = closed.iter().map(Closure::json).collect();
    }
    value
}

/// The addresses at which a record is used.
fn links(record: &v1::Record) -> Vec<String> {
    let links = match record.revision.as_ref().and_then(|r| r.record.as_ref()) {
        Some(Record::Session(session)) => vec![session.link.clone()],
        Some(Record::Course(course)) => vec![course.url.clone()],
        _ => Vec::new(),
    };
    links.into_iter().filter(|link| !link.is_empty()).collect()
}
