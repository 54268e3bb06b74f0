//! `caphub import FILES --as KIND`: records that others wrote, signed by this organisation.

use std::collections::HashMap;

use caphub_proto::exchange::{RecordKind, validate};
use caphub_proto::v1::{self, Revision};
use caphub_proto::wire::Audience;
use caphub_proto::wire::limits::{BODY_BYTES_MAX, SALT_BYTES};
use prost::Message;
use serde_json::{Value, json};

use crate::arguments::Import;
use crate::commands::{Context, acting, compose, records, table};
use crate::failure::{Failure, Outcome};
use crate::home::read_file;
use crate::interchange::mapping::Mapping;
use crate::interchange::{self, Draft, Found, Reading, Why, Wishes, write};
use crate::replica::Replica;
use crate::screen;

/// What happens to one item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    Add,
    Change,
    Same,
    Skip,
}

impl Action {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Add, "add"), (Self::Change, "change"), (Self::Same, "same"), (Self::Skip, "skip")];

    fn code(self) -> &'static str {
        Self::ALL.iter().find(|(a, _)| *a == self).map_or("", |(_, code)| code)
    }
}

/// One item with what is done about it.
struct Row {
    at: String,
    title: String,
    action: Action,
    why: Vec<Why>,
}

/// One file with its items.
struct File {
    path: String,
    format: &'static str,
    rows: Vec<Row>,
    not_carried: Vec<String>,
}

/// Reads files, says row by row what is done, and signs what is new unless this is a dry run.
pub async fn run(context: &Context, import: Import) -> Outcome {
    let wishes = wishes(context, &import)?;
    let replica = context.replica()?;
    let audience = records::audience(&replica, import.visible)?;
    let held = held(&replica, wishes.kind)?;
    let public = audience == Audience::Public;
    let mut plan =
        Plan { held, replica: &replica, wishes, public, revisions: Vec::new(), seen: HashMap::new() };
    let mut files = Vec::new();
    for path in &import.files {
        let bytes = read_file(path)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let reading = interchange::read(&bytes, &name, &plan.wishes);
        let reading = reading.map_err(|e| {
            Failure::usage("error-import").with("path", path.display()).because(e).hint("hint-import")
        })?;
        files.push(plan.file(path.display().to_string(), &name, reading));
    }
    let revisions = std::mem::take(&mut plan.revisions);
    show(context, &files);
    let mut rows = files.iter().flat_map(|f| &f.rows).peekable();
    if rows.peek().is_some() && rows.all(|r| r.action == Action::Skip) {
        return Err(Failure::new("import-nothing-new").hint("hint-import").answered());
    }
    if import.dry_run {
        if !context.json {
            context.say("import-dry-run", &[]);
        }
        return Ok(());
    }
    if !revisions.is_empty() {
        replica.publish(audience, &revisions, &context.passphrase_question()).await?;
        if !context.json {
            context.say("record-added", &[]);
        }
    }
    Ok(())
}

fn wishes(context: &Context, import: &Import) -> Result<Wishes, Failure> {
    let kind = interchange::of_code(&interchange::KINDS, &import.kind)?;
    let pair = |text: &String| text.split_once('=').map(|(c, f)| (c.trim().to_owned(), f.trim().to_owned()));
    let map: Option<Vec<_>> = import.map.iter().map(pair).collect();
    let mapping = match &import.mapping {
        None => None,
        Some(path) => {
            let text = interchange::decode::text(&read_file(path)?);
            let failed = |e| Failure::usage("error-mapping").with("path", path.display()).because(e);
            Some(Mapping::parse(&text).map_err(|e| failed(e).hint("hint-mapping"))?)
        }
    };
    let mut terms = HashMap::new();
    if kind == RecordKind::Vocabulary {
        for path in import.files.iter().filter(|p| p.as_os_str() != "-") {
            interchange::index(&read_file(path)?, &mut terms);
        }
    }
    Ok(Wishes {
        kind,
        language: import.text_language.clone().unwrap_or_else(|| context.texts.language().to_owned()),
        licence: import.licence.clone(),
        source: import.source.clone(),
        map: map.ok_or_else(|| Failure::usage("error-map"))?,
        mapping,
        terms,
        themes: import.theme.clone(),
    })
}

/// Own records of a kind by their ids, withdrawn ones too.
fn held(replica: &Replica, kind: RecordKind) -> Result<HashMap<Vec<u8>, v1::Record>, Failure> {
    let kinds = vec![kind.code().to_owned()];
    let party_id = replica.core.party.to_vec();
    let filter = v1::Filter { kinds, party_id, withdrawn: true, ..v1::Filter::default() };
    Ok(replica.all(&filter)?.into_iter().map(|r| (r.record_id.clone(), r)).collect())
}

struct Plan<'a> {
    replica: &'a Replica,
    wishes: Wishes,
    public: bool,
    held: HashMap<Vec<u8>, v1::Record>,
    revisions: Vec<Revision>,
    /// Where each record was met first, in any of the files: one import writes a record once.
    seen: HashMap<Vec<u8>, String>,
}

impl Plan<'_> {
    fn file(&mut self, path: String, name: &str, reading: Reading) -> File {
        let catalogue = if self.wishes.source.is_empty() { name } else { &self.wishes.source }.to_owned();
        let mut rows = Vec::with_capacity(reading.found.len());
        for found in reading.found {
            let Found { at, title, draft } = found;
            let (action, why) = match draft {
                Err(why) => (Action::Skip, vec![why]),
                Ok(draft) => self.item(&draft, &catalogue, &format!("{name} {at}")),
            };
            rows.push(Row { at, title, action, why });
        }
        File { path, format: reading.format.name(), rows, not_carried: reading.not_carried }
    }

    fn item(&mut self, draft: &Draft, catalogue: &str, at: &str) -> (Action, Vec<Why>) {
        let skip = |why: Why| (Action::Skip, vec![why]);
        let party = self.replica.core.party;
        let ours = write::own_record(&party, &draft.identifier);
        let id = ours.unwrap_or_else(|| draft.record_id(catalogue, self.wishes.kind)).to_vec();
        if let Some(first) = self.seen.get(&id) {
            return skip(Why::new("import-twice").with("at", first));
        }
        let exported = draft.own.as_ref().and_then(|o| o.source.clone());
        let source = match (ours, exported) {
            (_, Some(source)) => Some(source),
            (Some(_), None) => None,
            (None, None) => Some(draft.source(catalogue, &self.wishes)),
        };
        let mut fields = draft.record(&self.wishes);
        if let Some(me) = (draft.own.is_none() && draft.whole.is_none()).then_some(&self.replica.me) {
            compose::defaults(self.wishes.kind, &mut fields, me);
        }
        let held = self.held.get(&id).cloned();
        if let Some(before) = &held {
            // A day to confirm by that we had set ourselves stays as it is.
            keep_confirm_by(before, draft, &mut fields);
        }
        let record = match compose::record(self.wishes.kind, fields) {
            Ok(record) => record,
            Err(failure) => return skip(Why::new("import-invalid").with("problem", failure.detail())),
        };
        let tlp = draft.own.as_ref().map_or_else(|| draft.tlp.clone(), |o| o.tlp.clone());
        let closed = tlp.starts_with("TLP:RED") || tlp.starts_with("TLP:AMBER");
        if self.public && closed && draft.own.is_none() {
            return skip(Why::new("import-tlp").with("text", tlp));
        }
        let mut revision = Revision {
            record_id: id.clone(),
            number: 1,
            tlp,
            source,
            record: Some(record),
            parents: Vec::new(),
            ..Revision::default()
        };
        if let Err(invalid) = validate(&revision) {
            return skip(Why::new("import-invalid").with("problem", invalid));
        }
        if revision.encoded_len() + SALT_BYTES > BODY_BYTES_MAX {
            return skip(Why::new("import-too-large").with("found", revision.encoded_len()));
        }
        self.seen.insert(id, at.to_owned());
        let Some(held) = held else {
            self.revisions.push(revision);
            return (Action::Add, draft.notes.clone());
        };
        if held.withdrawn {
            return skip(Why::new("import-withdrawn"));
        }
        let before = held.revision.clone().unwrap_or_default();
        if before.record == revision.record && before.source == revision.source && before.tlp == revision.tlp
        {
            return (Action::Same, draft.notes.clone());
        }
        revision.number = before.number + 1;
        revision.parents = vec![held.entry_hash.clone()];
        revision.parents.extend(held.conflicts.iter().cloned());
        self.revisions.push(revision);
        (Action::Change, draft.notes.clone())
    }
}

fn keep_confirm_by(before: &v1::Record, draft: &Draft, fields: &mut serde_json::Map<String, Value>) {
    use caphub_proto::v1::revision::Record;
    let record = before.revision.as_ref().and_then(|r| r.record.as_ref());
    let day = match record {
        Some(Record::Need(r)) => r.confirm_by.clone(),
        Some(Record::Offer(r)) => r.confirm_by.clone(),
        _ => return,
    };
    if draft.own.is_none() && !draft.fields.contains_key("confirm_by") {
        fields.insert("confirm_by".to_owned(), json!(day));
    }
}

fn show(context: &Context, files: &[File]) {
    let sentence = |why: &Why| {
        let said = |name: &str, v: &str| if name == "problem" { context.texts.said(v) } else { v.to_owned() };
        let values = why.values.iter().map(|(n, v)| (*n, screen::plain(&said(n, v))));
        let values: Vec<(&str, String)> = values.collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        context.texts.tf(why.key, &values)
    };
    let count = |file: &File, action| file.rows.iter().filter(|r| r.action == action).count();
    if context.json {
        let rows = |file: &File| -> Vec<Value> {
            let row = |r: &Row| {
                let why: Vec<Value> =
                    r.why.iter().map(|w| json!({ "code": w.key, "message": sentence(w) })).collect();
                json!({ "at": r.at, "title": r.title, "action": r.action.code(), "why": why })
            };
            file.rows.iter().map(row).collect()
        };
        let all = files.iter().map(|f| {
            let mut out = json!({
                "file": f.path, "format": f.format, "present": f.rows.len(),
                "not_carried": f.not_carried, "rows": rows(f),
            });
            for (action, code) in Action::ALL {
                out[code] = json!(count(f, action));
            }
            out
        });
        return screen::json(&json!({ "files": all.collect::<Vec<_>>() }));
    }
    for file in files {
        for row in &file.rows {
            let why: Vec<String> = row.why.iter().map(&sentence).collect();
            let action = context.texts.t(&format!("import-{}", row.action.code()));
            let tail = if why.is_empty() { String::new() } else { format!("  ({})", why.join("; ")) };
            acting::told(&format!("{} {:<14} {}{tail}", table::pad(&action, 9), row.at, row.title));
        }
        let counts = [
            ("path", screen::plain(&file.path)),
            ("present", file.rows.len().to_string()),
            ("add", count(file, Action::Add).to_string()),
            ("change", count(file, Action::Change).to_string()),
            ("same", count(file, Action::Same).to_string()),
            ("skip", count(file, Action::Skip).to_string()),
        ];
        let counts: Vec<(&str, &str)> = counts.iter().map(|(n, v)| (*n, v.as_str())).collect();
        context.say("import-file", &counts);
        if file.rows.is_empty() {
            context.say("import-no-items", &[]);
        }
        if !file.not_carried.is_empty() {
            context.say("import-not-carried", &[("names", &screen::plain(&file.not_carried.join(", ")))]);
        }
    }
}
