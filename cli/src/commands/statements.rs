//! What others say of a record: who uses it, how they assess it, who came to the same file, what they warn of.

use caphub_node::author::now_ms;
use caphub_node::views::{PAGE_SIZE_MAX, PageRequest};
use caphub_proto::exchange::endorsement::{Statement, Tally, tally};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Advisory, Endorsement, Filter};
use caphub_proto::wire::PartyId;
use serde_json::{Value, json};

use crate::commands::signing::reference;
use crate::commands::{Context, acting};
use crate::failure::Failure;
use crate::replica::Replica;
use crate::screen::{self, plain};

/// Most statements about one record that are read, the newest first; what is beyond is counted and not read.
const READ_MAX: usize = 2_000;
/// Names that one line lists.
const NAMES_MAX: usize = 8;

/// Statements about one record, as read.
pub struct Statements {
    owner: PartyId,
    digest: Option<Vec<u8>>,
    read: Vec<(v1::Record, Endorsement)>,
    /// How many there are in all.
    pub total: u64,
}

impl Statements {
    /// Reads those about a record.
    pub fn of(replica: &Replica, about: &v1::Record) -> Result<Self, Failure> {
        let filter = Filter {
            kinds: vec!["endorsement".to_owned()],
            about: Some(reference(about)),
            ..Filter::default()
        };
        let (records, total) = some(replica, &filter, READ_MAX)?;
        let said = |record: v1::Record| match record.revision.clone()?.record? {
            Record::Endorsement(said) => Some((record, said)),
            _ => None,
        };
        let digest = match about.revision.as_ref().and_then(|r| r.record.as_ref()) {
            Some(Record::Artifact(artifact)) => artifact.file.as_ref().map(|f| f.digest.clone()),
            _ => None,
        };
        let owner = PartyId::from_slice(&about.party_id).unwrap_or_default();
        Ok(Self { owner, digest, read: records.into_iter().filter_map(said).collect(), total })
    }

    /// What counts of them.
    pub fn tally(&self) -> Tally<'_> {
        let one = |(record, endorsement)| {
            let record: &v1::Record = record;
            let party = PartyId::from_slice(&record.party_id)?;
            Some(Statement { party, admitted: record.standing == "member", endorsement })
        };
        tally(self.owner, self.digest.as_deref(), self.read.iter().map(|(r, e)| (r, e)).filter_map(one))
    }

    /// The advisories that count, newest date first, each with who gives it.
    pub fn advisories(&self) -> Vec<(String, Advisory)> {
        let tally = self.tally();
        let all = tally.advisories.iter().flat_map(|s| s.endorsement.advisories.iter().map(|a| (s.party, a)));
        let mut all: Vec<_> = all.map(|(party, a)| (self.name(&party), a.clone())).collect();
        all.sort_by(|a, b| (&b.1.date, &a.1.identifier).cmp(&(&a.1.date, &b.1.identifier)));
        all
    }

    fn name(&self, party: &PartyId) -> String {
        let by = self.read.iter().find(|(r, _)| r.party_id == party.as_bytes());
        by.map(|(r, _)| who(r)).unwrap_or_default()
    }

    /// Lines for people.
    pub fn show(&self, context: &Context) {
        let tally = self.tally();
        for (key, list) in [
            ("said-used-by", &tally.used_by),
            ("said-reproduced", &tally.reproduced),
            ("said-differing", &tally.differing),
        ] {
            if !list.is_empty() {
                let names: Vec<String> = list.iter().take(NAMES_MAX).map(|s| self.name(&s.party)).collect();
                let more = if list.len() > NAMES_MAX { ", ..." } else { "" };
                let (count, names) = (list.len().to_string(), names.join(", ") + more);
                acting::told(&context.texts.tf(key, &[("count", &count), ("names", &names)]));
            }
        }
        let (sum, count) = tally.ratings();
        // In tenths, rounded down: no floats.
        if let Some(tenths) = (sum * 10).checked_div(count) {
            let average = format!("{}.{}", tenths / 10, tenths % 10);
            let values = [("average", average.as_str()), ("count", &count.to_string())];
            acting::told(&context.texts.tf("said-assessed", &values));
        }
        for said in tally.assessments.iter().take(NAMES_MAX) {
            let text = said.endorsement.text.as_ref().map(|t| plain(&t.text)).unwrap_or_default();
            let (name, rating) = (self.name(&said.party), said.endorsement.rating.to_string());
            let values = [("name", name.as_str()), ("rating", &rating), ("text", &text)];
            acting::told(&format!("  {}", context.texts.tf("said-assessment", &values)));
        }
        if tally.own + tally.not_admitted > 0 {
            let values = [("own", tally.own.to_string()), ("strangers", tally.not_admitted.to_string())];
            let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
            acting::told(&context.texts.tf("said-not-counted", &values));
        }
        if self.total > self.read.len() as u64 {
            let (read, total) = (self.read.len().to_string(), self.total.to_string());
            acting::told(&context.texts.tf("said-more", &[("read", &read), ("total", &total)]));
        }
        self.show_advisories(context);
    }

    /// Lines about what is warned of.
    pub fn show_advisories(&self, context: &Context) {
        for (by, advisory) in self.advisories() {
            acting::told(&advisory_line(context, &by, &advisory));
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let tally = self.tally();
        let list = |all: &[Statement<'_>]| -> Vec<Value> {
            let one = |s: &Statement<'_>| {
                let mut value = json!({
                    "party": s.party.to_string(), "name": self.name(&s.party), "country": s.endorsement.country,
                    "text": s.endorsement.text, "rating": s.endorsement.rating,
                });
                screen::prune(&mut value);
                value
            };
            all.iter().map(one).collect()
        };
        let advisories: Vec<Value> =
            self.advisories().into_iter().map(|(by, a)| json!({ "by": by, "advisory": a })).collect();
        json!({
            "used_by": list(&tally.used_by), "assessments": list(&tally.assessments),
            "reproduced_by": list(&tally.reproduced), "differing": list(&tally.differing),
            "advisories": advisories, "own_not_counted": tally.own, "not_admitted": tally.not_admitted,
            "read": self.read.len(), "total": self.total,
        })
    }
}

/// One advisory on a line.
pub fn advisory_line(context: &Context, by: &str, a: &Advisory) -> String {
    let (id, title) = (plain(&a.identifier), plain(&a.title));
    let severity = if a.severity.is_empty() { "-".to_owned() } else { plain(&a.severity) };
    let values =
        [("id", id.as_str()), ("title", &title), ("severity", &severity), ("date", &a.date), ("by", by)];
    context.texts.tf("said-advisory", &values)
}

/// Who wrote a record, made harmless.
pub fn who(record: &v1::Record) -> String {
    match record.party_name.is_empty() {
        true => PartyId::from_slice(&record.party_id).map(|p| p.short()).unwrap_or_default(),
        false => crate::screen::name(&record.party_name, record.self_named),
    }
}

/// The newest records of a filter, at most so many, and how many there are in all.
pub fn some(replica: &Replica, filter: &Filter, most: usize) -> Result<(Vec<v1::Record>, u64), Failure> {
    let (mut records, mut token) = (Vec::new(), String::new());
    loop {
        let request = PageRequest { size: PAGE_SIZE_MAX, token };
        let page = replica.core.views.list(&replica.viewer(), filter, &request, now_ms());
        let page = page.map_err(|e| Failure::new("error-views").because(e))?;
        records.extend(page.records);
        if page.next_page_token.is_empty() || records.len() >= most {
            records.truncate(most);
            return Ok((records, page.total));
        }
        token = page.next_page_token;
    }
}
