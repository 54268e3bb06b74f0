//! `caphub vocabulary`: lists of codes that anybody may publish, and mappings between them. None is the authority.

use std::path::Path;

use caphub_node::author::Author;
use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    self, CodeMapping, Filter, LocalisedText, Revision, Vocabulary, VocabularyTerm, Withdraw,
};
use caphub_proto::wire::Audience;
use prost::Message;
use serde_json::{Value, json};

use crate::arguments::{VocabularyAdd, VocabularyCommand, VocabularyMap};
use crate::commands::statements::{some, who};
use crate::commands::{Context, compose, records, signing};
use crate::failure::{Failure, Outcome};
use crate::home::read_file;
use crate::replica::Replica;
use crate::screen::{self, plain};

const KIND: RecordKind = RecordKind::Vocabulary;
/// Bytes of terms in one record: an entry has room for 64 KiB.
const PART_BYTES: usize = 48 * 1024;
/// Terms in one record, as SPEC.md section 8.2 has it.
const PART_TERMS: usize = 1_024;
/// Most records of one list.
const PARTS_MAX: usize = 256;
/// Records of one name that are looked at, whoever published them.
const READ_MAX: usize = 1_024;
/// Names of one code that are shown where several organisations publish it.
const NAMES_MAX: usize = 3;

/// Runs one of its commands.
pub async fn run(context: &Context, command: VocabularyCommand) -> Outcome {
    match command {
        VocabularyCommand::Add(add) => publish(context, add).await,
        VocabularyCommand::List => list(context),
        VocabularyCommand::Show { name, words } => show(context, &name, &words.join(" ")),
        VocabularyCommand::Map(map) => mapped(context, map).await,
    }
}

/// Every record of a name, whoever published it, the parts of each in order.
fn held(replica: &Replica, name: &str) -> Result<Vec<(v1::Record, Vocabulary)>, Failure> {
    let filter = Filter {
        kinds: vec![KIND.code().to_owned()],
        labels: vec![format!("vocabulary:{name}")],
        ..Filter::default()
    };
    let (records, _) = some(replica, &filter, READ_MAX)?;
    let mut found: Vec<(v1::Record, Vocabulary)> = records.into_iter().filter_map(vocabulary).collect();
    found.sort_by(|a, b| (&a.0.party_id, a.1.part).cmp(&(&b.0.party_id, b.1.part)));
    Ok(found)
}

fn vocabulary(record: v1::Record) -> Option<(v1::Record, Vocabulary)> {
    match record.revision.clone()?.record? {
        Record::Vocabulary(v) => Some((record, v)),
        _ => None,
    }
}

/// A code with what it is called, by each who publishes it; the code alone where nobody known here does.
pub fn named(replica: &Replica, context: &Context, code: &str) -> Result<String, Failure> {
    let Some((vocabulary, bare)) = code.split_once(':') else { return Ok(plain(code)) };
    let mut names: Vec<(String, String)> = Vec::new();
    for (record, v) in held(replica, &vocabulary.to_lowercase())? {
        for term in v.terms.iter().filter(|t| t.code == bare) {
            let name = in_language(term.name.as_ref(), context.texts.language());
            match names.iter_mut().find(|(n, _)| *n == name) {
                Some((_, by)) => by.push_str(&format!(", {}", who(&record))),
                None => names.push((name, who(&record))),
            }
        }
    }
    let shown: Vec<String> = names.iter().take(NAMES_MAX).map(|(n, by)| format!("{n} [{by}]")).collect();
    match shown.is_empty() {
        true => Ok(plain(code)),
        false => Ok(format!("{}: {}", plain(code), shown.join(" / "))),
    }
}

fn in_language(text: Option<&LocalisedText>, language: &str) -> String {
    let Some(text) = text else { return String::new() };
    let translated = text.translations.iter().find(|t| t.language == language);
    plain(translated.map_or(&text.text, |t| &t.text))
}

async fn publish(context: &Context, add: VocabularyAdd) -> Outcome {
    let replica = context.replica()?;
    let mut whole = read(context, &add.file)?;
    let given = [
        (&add.name, &mut whole.name),
        (&add.list_version, &mut whole.version),
        (&add.publisher, &mut whole.publisher),
        (&add.licence, &mut whole.licence),
        (&add.url, &mut whole.url),
    ];
    for (given, held) in given {
        if let Some(given) = given {
            *held = given.clone();
        }
    }
    if let Some(title) = &add.title {
        whole.title = signing::localised(context, add.text_language.as_deref(), title);
    }
    if whole.title.is_none() {
        whole.title = signing::localised(context, None, &whole.name.clone());
    }
    let parts = parts(whole)?;
    let audience = records::audience(&replica, add.visible)?;
    let terms: usize = parts.iter().map(|p| p.terms.len()).sum();
    let name = parts.first().map(|p| p.name.clone()).unwrap_or_default();
    let (revisions, audience) = revisions(&replica, &name, parts, audience)?;
    let changed = revisions.len();
    if changed > 0 {
        replica.publish(audience, &revisions, &context.passphrase_question()).await?;
    }
    if context.json {
        screen::json(&json!({ "name": name, "terms": terms, "records": changed }));
        return Ok(());
    }
    let values = [("name", name.as_str()), ("terms", &terms.to_string()), ("records", &changed.to_string())];
    context.say("vocabulary-added", &values);
    Ok(())
}

/// What differs from what was published under this name before: new parts, changed ones, and those that went.
fn revisions(
    replica: &Replica,
    name: &str,
    parts: Vec<Vocabulary>,
    audience: Audience,
) -> Result<(Vec<Revision>, Audience), Failure> {
    let mut before: Vec<(v1::Record, Vocabulary)> = held(replica, name)?;
    before.retain(|(r, _)| r.party_id == replica.core.party.as_bytes());
    // A list keeps the audience that it began with: all its parts are read by the same.
    let audience = before.first().and_then(|(r, _)| Audience::decode(&r.audience)).unwrap_or(audience);
    let next = |held: &v1::Record, record: Record| {
        let revision = held.revision.clone().unwrap_or_default();
        let mut parents = vec![held.entry_hash.clone()];
        parents.extend(held.conflicts.iter().cloned());
        Revision { number: revision.number + 1, parents, record: Some(record), ..revision }
    };
    let mut out = Vec::new();
    for part in parts {
        let at = before.iter().position(|(_, v)| v.part.max(1) == part.part.max(1));
        match at.map(|at| before.swap_remove(at)) {
            Some((_, same)) if same == part => {}
            Some((record, _)) => out.push(next(&record, Record::Vocabulary(part))),
            None => {
                let first = Author::first(Record::Vocabulary(part));
                out.push(first.map_err(|e| Failure::new("error-key").because(e))?);
            }
        }
    }
    for (record, _) in before {
        let withdraw = Withdraw { kind: KIND.code().to_owned(), ..Withdraw::default() };
        out.push(next(&record, Record::Withdraw(withdraw)));
    }
    Ok((out, audience))
}

/// A list as records that each fit an entry.
fn parts(whole: Vocabulary) -> Result<Vec<Vocabulary>, Failure> {
    let head = Vocabulary { terms: Vec::new(), mappings: Vec::new(), part: 0, parts: 0, ..whole.clone() };
    let mut parts = vec![Vocabulary { mappings: whole.mappings, ..head.clone() }];
    let mut bytes = parts.first().map_or(0, Message::encoded_len);
    for term in whole.terms {
        let more = term.encoded_len() + 4;
        let full = parts.last().is_some_and(|p| bytes + more > PART_BYTES || p.terms.len() >= PART_TERMS);
        if full {
            parts.push(head.clone());
            bytes = head.encoded_len();
        }
        bytes += more;
        if let Some(part) = parts.last_mut() {
            part.terms.push(term);
        }
    }
    let count = parts.len();
    if count > PARTS_MAX {
        return Err(Failure::usage("error-vocabulary-long").with("parts", count).with("most", PARTS_MAX));
    }
    if count > 1 {
        for (at, part) in (1..).zip(&mut parts) {
            (part.part, part.parts) = (at, count as u32);
        }
    }
    Ok(parts)
}

/// A list from JSON or TOML with our fields, or from a table with the columns code, name, description and broader.
fn read(context: &Context, path: &Path) -> Result<Vocabulary, Failure> {
    let failed = |e: String| Failure::usage("error-parse").with("path", path.display()).because(e);
    if path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("csv")) {
        let value = Value::Object(compose::from_file(path)?);
        let mut value = value;
        if let Some(map) = value.as_object_mut() {
            compose::put_text(context, map, None, "title", None);
        }
        return serde_json::from_value(value).map_err(|e| failed(e.to_string()));
    }
    let bytes = read_file(path)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let header = reader.headers().map_err(|e| failed(e.to_string()))?.clone();
    let column = |name: &str| header.iter().position(|h| h.trim().eq_ignore_ascii_case(name));
    let (code, name) = column("code")
        .zip(column("name"))
        .ok_or_else(|| Failure::usage("error-vocabulary-columns").with("path", path.display()))?;
    let (description, broader) = (column("description"), column("broader"));
    let mut terms = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|e| failed(e.to_string()))?;
        let cell = |at: Option<usize>| at.and_then(|at| row.get(at)).unwrap_or_default().trim();
        terms.push(VocabularyTerm {
            code: cell(Some(code)).to_owned(),
            name: signing::localised(context, None, cell(Some(name))),
            description: signing::localised(context, None, cell(description)),
            broader: cell(broader).to_owned(),
            maps: Vec::new(),
        });
    }
    let name = path.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
    Ok(Vocabulary { name, terms, ..Vocabulary::default() })
}

async fn mapped(context: &Context, map: VocabularyMap) -> Outcome {
    let replica = context.replica()?;
    let mut own: Vec<(v1::Record, Vocabulary)> = held(&replica, &map.list)?;
    own.retain(|(r, _)| r.party_id == replica.core.party.as_bytes());
    let mapping = CodeMapping { from: map.from_code, relation: map.relation, to: map.to_code };
    let shown = match own.into_iter().next() {
        Some((record, mut v)) => {
            v.mappings.retain(|m| (&m.from, &m.to) != (&mapping.from, &mapping.to));
            v.mappings.push(mapping);
            signing::next(context, &replica, &record, Record::Vocabulary(v)).await?
        }
        None => {
            let title = signing::localised(context, None, &context.texts.t("vocabulary-mappings"));
            let v = Vocabulary { name: map.list, title, mappings: vec![mapping], ..Vocabulary::default() };
            signing::first(context, &replica, Audience::Public, Record::Vocabulary(v)).await?
        }
    };
    records::say(context, &shown, "record-added")
}

fn list(context: &Context) -> Outcome {
    let replica = context.replica()?;
    let filter = Filter { kinds: vec![KIND.code().to_owned()], ..Filter::default() };
    let mut all: Vec<(v1::Record, Vocabulary)> =
        replica.all(&filter)?.into_iter().filter_map(vocabulary).collect();
    all.sort_by(|a, b| (&a.1.name, &a.0.party_id, a.1.part).cmp(&(&b.1.name, &b.0.party_id, b.1.part)));
    let groups = all.chunk_by(|a, b| a.1.name == b.1.name && a.0.party_id == b.0.party_id);
    let mut values = Vec::new();
    for group in groups {
        let Some((record, first)) = group.first() else { continue };
        let terms: usize = group.iter().map(|(_, v)| v.terms.len()).sum();
        let mappings: usize = group.iter().map(|(_, v)| v.mappings.len()).sum();
        let missing = (first.parts.max(1) as usize).saturating_sub(group.len());
        let title = in_language(first.title.as_ref(), context.texts.language());
        if context.json {
            values.push(json!({
                "name": first.name, "title": first.title, "version": first.version, "party_name": record.party_name,
                "terms": terms, "mappings": mappings, "parts": group.len(), "parts_missing": missing,
            }));
            continue;
        }
        let (terms, mappings, missing) = (terms.to_string(), mappings.to_string(), missing.to_string());
        let values = [("terms", terms.as_str()), ("mappings", &mappings), ("missing", &missing)];
        let key = if missing == "0" { "vocabulary-line" } else { "vocabulary-line-missing" };
        let (name, version) = (plain(&first.name), plain(&first.version));
        let counts = context.texts.tf(key, &values);
        screen::line(&format!("{name:<16} {title} {version}  ({}; {counts})", who(record)));
    }
    match (context.json, all.is_empty()) {
        (true, _) => screen::json(&Value::Array(values)),
        (false, true) => context.say("no-records", &[]),
        _ => {}
    }
    Ok(())
}

fn show(context: &Context, name: &str, words: &str) -> Outcome {
    let replica = context.replica()?;
    let found = held(&replica, &name.to_lowercase())?;
    if found.is_empty() {
        return Err(Failure::nothing("error-no-vocabulary").with("name", name).hint("hint-no-vocabulary"));
    }
    if context.json {
        screen::json(&found.iter().map(|(r, _)| screen::record_json(r)).collect());
        return Ok(());
    }
    let wanted = words.to_lowercase();
    let language = context.texts.language();
    for (record, v) in &found {
        for term in &v.terms {
            let title = in_language(term.name.as_ref(), language);
            if wanted.is_empty() || format!("{} {title}", term.code).to_lowercase().contains(&wanted) {
                screen::line(&format!(
                    "{}:{}  {title}  ({})",
                    plain(&v.name),
                    plain(&term.code),
                    who(record)
                ));
            }
        }
        for m in v.mappings.iter().filter(|m| format!("{} {}", m.from, m.to).to_lowercase().contains(&wanted))
        {
            let (from, to) = (plain(&m.from), plain(&m.to));
            screen::line(&format!("{from} {} {to}  ({})", m.relation, who(record)));
        }
    }
    Ok(())
}
