//! Records as files. What a format has no place for goes into a field of our own, found by reading the file back.

use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::{LocalisedText, Revision};
use caphub_proto::wire::PartyId;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::interchange::draft::Own;
use crate::interchange::table::FORMULA_STARTS;
use crate::interchange::{Format, LISTED, Reading, Wishes, ical, read, table as tables, wishes_for, xlsx};

/// Most columns of a list whose columns come from its records.
const COLUMNS_MAX: usize = 256;
/// Prefix of the identifier that a record has outside caphub.
const URN: &str = "urn:caphub:";

/// A record to be written.
pub struct Item {
    /// Whose it is.
    pub party: PartyId,
    /// The revision shown.
    pub revision: Revision,
    /// When its author says it was written, milliseconds since 1970 UTC.
    pub time_ms: u64,
}

impl Item {
    /// The identifier that a record has outside caphub.
    pub fn urn(&self) -> String {
        format!("{URN}{}:{}", self.party, hex::encode(&self.revision.record_id))
    }

    /// The record's fields, as files and `--json` show them.
    pub fn fields(&self) -> Map<String, Value> {
        use caphub_proto::v1::revision::Record;
        let value = match &self.revision.record {
            Some(Record::Need(r)) => serde_json::to_value(r),
            Some(Record::Offer(r)) => serde_json::to_value(r),
            Some(Record::Course(r)) => serde_json::to_value(r),
            Some(Record::Session(r)) => serde_json::to_value(r),
            Some(Record::Technique(r)) => serde_json::to_value(r),
            Some(Record::Vocabulary(r)) => serde_json::to_value(r),
            Some(Record::Project(r)) => serde_json::to_value(r),
            Some(Record::Call(r)) => serde_json::to_value(r),
            Some(Record::Artifact(r)) => serde_json::to_value(r),
            Some(Record::Endorsement(r)) => serde_json::to_value(r),
            Some(Record::Barrier(r)) => serde_json::to_value(r),
            Some(Record::RuleSet(r)) => serde_json::to_value(r),
            Some(Record::Profile(r)) => serde_json::to_value(r),
            Some(Record::Attestation(r)) => serde_json::to_value(r),
            Some(Record::Recognition(r)) => serde_json::to_value(r),
            Some(Record::Refusal(r)) => serde_json::to_value(r),
            Some(Record::Reply(r)) => serde_json::to_value(r),
            Some(Record::Engagement(r)) => serde_json::to_value(r),
            Some(Record::Fellowship(r)) => serde_json::to_value(r),
            Some(Record::Fund(r)) => serde_json::to_value(r),
            _ => Ok(Value::Null),
        };
        value.ok().and_then(|v| v.as_object().cloned()).unwrap_or_default()
    }
}

/// The record id of an identifier that one of our exports gave, where it is of this party.
pub fn own_record(party: &PartyId, identifier: &str) -> Option<[u8; 16]> {
    let (of, id) = identifier.strip_prefix(URN)?.split_once(':')?;
    let id = hex::decode(id).ok()?.try_into().ok()?;
    (of == party.to_string()).then_some(id)
}

/// All items in one format.
pub fn write(items: &[Item], kind: RecordKind, format: Format) -> Result<Vec<u8>, Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new("error-export").because(e);
    match format {
        Format::Own => {
            let records: Vec<Value> = items.iter().map(own_json).collect();
            let whole = json!({ "caphub": 1, "records": records });
            serde_json::to_string_pretty(&whole).map(|t| (t + "\n").into_bytes()).map_err(|e| failed(&e))
        }
        Format::JsonLd => {
            let graph: Vec<Value> = items.iter().map(|i| complete(i, kind)).collect();
            let context = json!({ "@vocab": "https://schema.org/", "caphub": "urn:caphub:schema:1:" });
            let whole = json!({ "@context": context, "@graph": graph });
            serde_json::to_string_pretty(&whole).map(|t| (t + "\n").into_bytes()).map_err(|e| failed(&e))
        }
        Format::Table => table(items, kind).map(String::into_bytes).map_err(|e| failed(&e)),
        Format::Calendar => Ok(ical::write::write(items, kind).into_bytes()),
        Format::Xlsx => {
            let (columns, rows) = rows(items, kind, false);
            xlsx::write(kind.code(), &columns, &rows).map_err(|e| failed(&e))
        }
        other => Err(Failure::usage("error-format").with("format", other.name())),
    }
}

fn own_json(item: &Item) -> Value {
    let kind = item.revision.record.as_ref().map(RecordKind::of).map_or("", RecordKind::code);
    let mut value = json!({ "id": item.urn(), "kind": kind, "record": item.fields() });
    if let (Some(source), Some(map)) = (&item.revision.source, value.as_object_mut()) {
        map.insert("source".to_owned(), json!(source));
    }
    if let (false, Some(map)) = (item.revision.tlp.is_empty(), value.as_object_mut()) {
        map.insert("tlp".to_owned(), json!(item.revision.tlp));
    }
    value
}

fn wishes(kind: RecordKind) -> Wishes {
    Wishes { language: "und".to_owned(), ..wishes_for(kind) }
}

/// What reading a file back gives, as the fields of a whole record; nothing where it reads as no item.
pub(super) fn read_back(bytes: &[u8], kind: RecordKind) -> Map<String, Value> {
    fields_of(read(bytes, "", &wishes(kind)), kind)
}

fn fields_of(reading: Result<Reading, String>, kind: RecordKind) -> Map<String, Value> {
    let found = reading.ok().and_then(|r| r.found.into_iter().next());
    let Some(Ok(draft)) = found.map(|f| f.draft) else { return Map::new() };
    let record = crate::commands::compose::record(kind, draft.record(&wishes(kind))).ok();
    record
        .map(|record| {
            let revision = Revision { record: Some(record), ..Revision::default() };
            Item { party: PartyId::default(), revision, time_ms: 0 }.fields()
        })
        .unwrap_or_default()
}

/// What the field of our own must hold so that the file imports as this record.
pub(super) fn own(item: &Item, read: &Map<String, Value>) -> Own {
    let fields = item.fields().into_iter().filter(|(name, value)| read.get(name) != Some(value)).collect();
    Own { fields, source: item.revision.source.clone(), tlp: item.revision.tlp.clone() }
}

fn texts(value: Option<&Value>) -> Value {
    let Some(text) = value.and_then(|v| serde_json::from_value::<LocalisedText>(v.clone()).ok()) else {
        return Value::Null;
    };
    let one = |language: &str, text: &str| json!({ "@value": text, "@language": language });
    let mut all = vec![one(&text.language, &text.text)];
    all.extend(text.translations.iter().map(|t| one(&t.language, &t.text)));
    if all.len() == 1 { all.swap_remove(0) } else { Value::Array(all) }
}

/// The item in schema.org's words, with the field of our own.
fn complete(item: &Item, kind: RecordKind) -> Value {
    let fields = item.fields();
    let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let mut out = Map::new();
    out.insert("@id".to_owned(), json!(item.urn()));
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("@type", json!(if kind == RecordKind::Session { "CourseInstance" } else { "Course" }));
    put("name", texts(fields.get("title")));
    put("description", texts(fields.get("description")));
    put("inLanguage", get("languages"));
    put("keywords", get("keywords"));
    put("educationalLevel", get("level"));
    put("timeRequired", get("duration"));
    if !get("provider").as_str().unwrap_or_default().is_empty() {
        put("provider", json!({ "@type": "Organization", "name": get("provider") }));
    }
    put("author", get("authors"));
    put("license", get("licence"));
    put("url", if kind == RecordKind::Session { get("link") } else { get("url") });
    put("startDate", get("starts"));
    put("endDate", get("ends"));
    put("courseMode", if kind == RecordKind::Session { get("delivery_mode") } else { get("delivery_modes") });
    if get("seats").as_u64().unwrap_or(0) > 0 {
        put("maximumAttendeeCapacity", get("seats"));
    }
    put("location", location(&fields));
    if fields.get("cost").and_then(|c| c.get("free")).and_then(Value::as_bool) == Some(true) {
        put("isAccessibleForFree", json!(true));
    }
    if let Some(price) = fields.get("cost").and_then(|c| c.get("price")).filter(|p| !p.is_null()) {
        put(
            "offers",
            json!({ "@type": "Offer", "price": price["amount"], "priceCurrency": price["currency"] }),
        );
    }
    out.retain(|_, v| !matches!(v, Value::Null) && *v != json!("") && *v != json!([]));
    let read = read_back(json!({ "@graph": [out] }).to_string().as_bytes(), kind);
    let own = own(item, &read);
    if own != Own::default() {
        out.insert("caphub:record".to_owned(), json!(own));
    }
    Value::Object(out)
}

fn location(fields: &Map<String, Value>) -> Value {
    let place = fields.get("place").and_then(Value::as_str).unwrap_or_default();
    let countries = fields.get("countries").and_then(Value::as_array).cloned().unwrap_or_default();
    if place.is_empty() && countries.is_empty() {
        return Value::Null;
    }
    let mut out = json!({ "@type": "Place" });
    if !place.is_empty() {
        out["name"] = json!(place);
    }
    if !countries.is_empty() {
        out["address"] = json!({ "@type": "PostalAddress", "addressCountry": countries });
    }
    out
}

/// Columns of a kind, in their order.
fn columns(kind: RecordKind) -> Vec<&'static str> {
    let mut out =
        vec!["identifier", "title", "text_language", "description", "themes", "languages", "countries"];
    out.extend(match kind {
        RecordKind::Course => {
            &["regions", "level", "duration", "keywords", "provider", "authors", "licence", "url"][..]
        }
        RecordKind::Session => &[
            "starts", "ends", "place", "seats", "keywords", "provider", "url", "delivery", "price",
            "currency",
        ],
        RecordKind::Offer => {
            &["regions", "offer_type", "starts", "ends", "delivery", "price", "currency", "confirm_by"]
        }
        RecordKind::Technique => &["regions", "keywords", "authors"],
        RecordKind::Project | RecordKind::Call => &["regions", "starts", "ends"],
        RecordKind::Need => &["regions", "urgency", "starts", "ends", "delivery", "confirm_by"],
        _ => &[],
    });
    out.push("caphub");
    out
}

fn table(items: &[Item], kind: RecordKind) -> Result<String, csv::Error> {
    let (columns, rows) = rows(items, kind, true);
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(&columns)?;
    for row in &rows {
        out.write_record(row)?;
    }
    out.flush()?;
    Ok(String::from_utf8_lossy(&out.into_inner().unwrap_or_default()).into_owned())
}

/// A row for each record; the last cell is the field of our own. In plain text formulas are made harmless.
fn rows(items: &[Item], kind: RecordKind, guard: bool) -> (Vec<String>, Vec<Vec<String>>) {
    if LISTED.contains(&kind) {
        return listed(items, guard);
    }
    let columns: Vec<String> = columns(kind).iter().map(|c| (*c).to_owned()).collect();
    let one = |item: &Item| {
        let mut row = row(item, kind, &columns, guard);
        let alone = [(String::new(), row.clone())].into_iter();
        let own = own(item, &fields_of(tables::read_rows(&columns, alone, &wishes(kind)), kind));
        if let (true, Some(last)) = (own != Own::default(), row.last_mut()) {
            *last = json!(own).to_string();
        }
        row
    };
    let rows = items.iter().map(one).collect();
    (columns, rows)
}

fn row(item: &Item, kind: RecordKind, columns: &[String], guard: bool) -> Vec<String> {
    let fields = item.fields();
    let get = |pointer: &str| Value::Object(fields.clone()).pointer(pointer).map(flat).unwrap_or_default();
    let session = kind == RecordKind::Session;
    let cell = |column: &str| match column {
        "identifier" => item.urn(),
        // What has no title is named by what it is.
        "title" => ["/title/text", "/endorsement_type"]
            .iter()
            .map(|p| get(p))
            .find(|t| !t.is_empty())
            .unwrap_or_default(),
        "text_language" => get("/title/language"),
        "description" if kind == RecordKind::Technique => technique(&fields),
        "description" if kind == RecordKind::Vocabulary => terms(&fields),
        "description" => get("/description/text"),
        "url" if session => get("/link"),
        "delivery" if session => get("/delivery_mode"),
        "delivery" => get("/delivery_modes"),
        "starts" if !session => get("/window/from"),
        "ends" if !session => get("/window/until"),
        "seats" => Some(get("/seats")).filter(|s| s != "0").unwrap_or_default(),
        "price" if get("/cost/free") == "true" => "free".to_owned(),
        "price" => get("/cost/price/amount"),
        "currency" => get("/cost/price/currency"),
        "caphub" => String::new(),
        field => get(&format!("/{field}")),
    };
    columns.iter().map(|c| if guard { guarded(cell(c)) } else { cell(c) }).collect()
}

/// For people: the problem, and the steps.
fn technique(fields: &Map<String, Value>) -> String {
    let texts = fields
        .get("problem")
        .into_iter()
        .chain(fields.get("steps").and_then(Value::as_array).into_iter().flatten());
    let texts = texts.filter_map(|t| t.get("text").and_then(Value::as_str));
    texts.collect::<Vec<_>>().join("\n\n")
}

/// For people: the codes with their names.
fn terms(fields: &Map<String, Value>) -> String {
    let terms = fields.get("terms").and_then(Value::as_array).into_iter().flatten();
    let one = |t: &Value| {
        let text = |pointer: &str| t.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{}: {}", text("/code"), text("/name/text"))
    };
    terms.map(one).collect::<Vec<_>>().join("\n")
}

/// Lists that are not read back: each value in the column of its path.
fn listed(items: &[Item], guard: bool) -> (Vec<String>, Vec<Vec<String>>) {
    let mut columns = vec!["party".to_owned(), "id".to_owned()];
    let mut rows = Vec::new();
    for item in items {
        let mut row = vec![item.party.to_string(), hex::encode(&item.revision.record_id)];
        let mut found = Vec::new();
        leaves(&Value::Object(item.fields()), "", &mut found);
        for (path, text) in found {
            let at = columns.iter().position(|c| *c == path).unwrap_or(columns.len());
            if at == columns.len() && at < COLUMNS_MAX {
                columns.push(path);
            }
            if at < COLUMNS_MAX {
                row.resize(row.len().max(at + 1), String::new());
                row.splice(at..=at, [if guard { guarded(text) } else { text }]);
            }
        }
        rows.push(row);
    }
    rows.iter_mut().for_each(|r| r.resize(columns.len(), String::new()));
    (columns, rows)
}

/// Every text, number and list of texts below a value, with its path.
fn leaves(value: &Value, path: &str, out: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(map) => map.iter().for_each(|(name, v)| leaves(v, &below(name), out)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, v)| leaves(v, &below(&(i + 1).to_string()), out));
        }
        other => {
            let text = flat(other);
            if !text.is_empty() {
                out.push((path.to_owned(), text));
            }
        }
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join(";"),
        Value::Null | Value::Object(_) => String::new(),
        other => other.to_string(),
    }
}

/// A spreadsheet must not run what somebody wrote as a title.
fn guarded(cell: String) -> String {
    if cell.starts_with(FORMULA_STARTS) { format!("'{cell}") } else { cell }
}
