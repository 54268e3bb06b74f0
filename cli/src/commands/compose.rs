//! A record from what was typed: questions, flags, or a TOML or JSON file.

mod options;

use caphub_node::config::placed;
use caphub_proto::codes;
use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Cost, LocalisedText, Money};
use serde_json::{Map, Value, json};

use crate::arguments::Fields;
use crate::commands::Context;
use crate::failure::Failure;
use crate::home::{Me, read_file};
use crate::screen;

/// Months until a need or an offer asks to be confirmed, where nothing else is said.
const CONFIRM_MONTHS: i32 = 6;

/// A new record; asks for what is missing where somebody can answer.
pub fn new(context: &Context, kind: RecordKind, fields: &Fields, me: &Me) -> Result<Record, Failure> {
    let mut value = match &fields.file {
        Some(path) => from_file(path)?,
        None => Map::new(),
    };
    options::apply(context, kind, &mut value, fields)?;
    if !value.contains_key("title") {
        questions(context, kind, &mut value)?;
    }
    defaults(kind, &mut value, me);
    record(kind, value)
}

/// A record with some fields replaced.
pub fn changed(
    context: &Context,
    kind: RecordKind,
    before: Record,
    fields: &Fields,
) -> Result<Record, Failure> {
    let mut value = match before {
        Record::Need(r) => serde_json::to_value(r),
        Record::Offer(r) => serde_json::to_value(r),
        Record::Course(r) => serde_json::to_value(r),
        Record::Session(r) => serde_json::to_value(r),
        Record::Call(r) => serde_json::to_value(r),
        Record::Technique(r) => serde_json::to_value(r),
        Record::Artifact(r) => serde_json::to_value(r),
        Record::Endorsement(r) => serde_json::to_value(r),
        Record::Barrier(r) => serde_json::to_value(r),
        Record::Vocabulary(r) => serde_json::to_value(r),
        Record::RuleSet(r) => serde_json::to_value(r),
        Record::Project(r) => serde_json::to_value(r),
        _ => return Err(Failure::usage("error-kind")),
    }
    .map_err(|e| Failure::new("error-views").because(e))?;
    let Some(map) = value.as_object_mut() else { return Err(Failure::new("error-views")) };
    if let Some(path) = &fields.file {
        map.extend(from_file(path)?);
    }
    options::apply(context, kind, map, fields)?;
    record(kind, std::mem::take(map))
}

/// A record of a kind from its fields, as files and `--json` show them.
pub fn record(kind: RecordKind, value: Map<String, Value>) -> Result<Record, Failure> {
    let parsed = match kind {
        RecordKind::Need => read(value).map(Record::Need),
        RecordKind::Offer => read(value).map(Record::Offer),
        RecordKind::Course => read(value).map(Record::Course),
        RecordKind::Session => read(value).map(Record::Session),
        RecordKind::Call => read(value).map(Record::Call),
        RecordKind::Technique => read(value).map(Record::Technique),
        RecordKind::Artifact => read(value).map(Record::Artifact),
        RecordKind::Endorsement => read(value).map(Record::Endorsement),
        RecordKind::Barrier => read(value).map(Record::Barrier),
        RecordKind::Vocabulary => read(value).map(Record::Vocabulary),
        RecordKind::RuleSet => read(value).map(Record::RuleSet),
        RecordKind::Project => read(value).map(Record::Project),
        _ => return Err(Failure::usage("error-kind")),
    };
    parsed.map_err(|e| Failure::usage("error-fields").because(e).hint("hint-fields"))
}

/// Reads the whole, or says which field does not fit.
fn read<T: serde::de::DeserializeOwned>(fields: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields.clone())).map_err(|whole| {
        // Each field may be absent, so the one that fails alone is the one that fails.
        let alone = fields.into_iter().find_map(|(name, value)| {
            let one = Map::from_iter([(name.clone(), value)]);
            Some((name, serde_json::from_value::<T>(Value::Object(one)).err()?))
        });
        match alone {
            Some((name, error)) if !error.to_string().contains("unknown field") => {
                format!("field {name}: {}", plainly(&error.to_string()))
            }
            _ => plainly(&whole.to_string()),
        }
    })
}

/// What a reader of fields says, without the names of types of this program.
fn plainly(said: &str) -> String {
    let words = [("struct ", "a group of fields"), ("a sequence", "a list"), ("a string", "a text")];
    let Some((before, due)) = said.split_once(", expected ") else { return said.to_owned() };
    if before.starts_with("unknown ") {
        return said.to_owned();
    }
    let due = words.iter().find(|(begin, _)| due.starts_with(begin)).map_or(due, |(_, word)| *word);
    let due = if ["u32", "u64", "i32"].contains(&due) { "a whole number" } else { due };
    let before = before.replace("sequence", "a list").replace(": map", ": a group of fields");
    format!("{before}, expected {due}")
}

/// The fields of a TOML or JSON file.
pub fn from_file(path: &std::path::Path) -> Result<Map<String, Value>, Failure> {
    let text = String::from_utf8(read_file(path)?)
        .map_err(|_| Failure::usage("error-not-utf8").with("path", path.display()))?;
    let text = text.trim_start_matches('\u{feff}');
    let parsed: Result<Map<String, Value>, String> = match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text).map_err(|e| e.to_string()),
        false => toml::from_str(text).map_err(|e| placed(text, &e)),
    };
    parsed.map_err(|e| Failure::usage("error-parse").with("path", path.display()).because(e))
}

/// Puts a text where it is given. In a file, a bare string is a text in the language of its reader.
pub fn put_text(
    context: &Context,
    value: &mut Map<String, Value>,
    language: Option<&str>,
    name: &str,
    given: Option<&str>,
) {
    let language = language.unwrap_or_else(|| context.texts.language());
    let bare = value.get(name).and_then(Value::as_str);
    if let Some(text) = given.or(bare).map(|t| localised(language, t)) {
        value.insert(name.to_owned(), text);
    }
}

/// Free, or a price such as "1200.00 USD".
pub fn cost(free: bool, price: Option<&str>) -> Result<Cost, Failure> {
    let price = match price {
        None => None,
        Some(text) => {
            let (amount, currency) = text
                .trim()
                .split_once(' ')
                .ok_or_else(|| Failure::usage("error-price").with("text", text))?;
            Some(Money { amount: amount.to_owned(), currency: currency.trim().to_ascii_uppercase() })
        }
    };
    Ok(Cost { free, price, note: String::new() })
}

fn questions(context: &Context, kind: RecordKind, value: &mut Map<String, Value>) -> Result<(), Failure> {
    if !screen::may_ask() {
        return Err(Failure::usage("error-title-needed").hint("hint-title-needed"));
    }
    let ask = |key: &str| {
        screen::ask(&context.texts.t(key), "").map_err(|e| Failure::new("error-terminal").because(e))
    };
    let language = context.texts.language().to_owned();
    let title = ask(match kind {
        RecordKind::Need => "ask-need-title",
        RecordKind::Offer => "ask-offer-title",
        _ => "ask-title",
    })?;
    value.insert("title".to_owned(), localised(&language, &title));
    let description = ask("ask-description")?;
    if !description.is_empty() {
        value.insert("description".to_owned(), localised(&language, &description));
    }
    if !value.contains_key("themes") && matches!(kind, RecordKind::Need | RecordKind::Offer) {
        let language = codes::Lang::parse(&language).unwrap_or(codes::Lang::En);
        for (i, term) in codes::vocabulary::themes().iter().enumerate() {
            eprintln!("  {}  {}", i + 1, term.names.name(language));
        }
        value.insert("themes".to_owned(), json!([theme(&ask("ask-theme")?)]));
    }
    Ok(())
}

/// A theme by its number in the list, its code, or its name.
fn theme(answer: &str) -> String {
    let themes = codes::vocabulary::themes();
    let numbered = answer.parse::<usize>().ok().and_then(|n| themes.get(n.checked_sub(1)?));
    let found = numbered.or_else(|| codes::vocabulary::find_theme(answer));
    found.map_or_else(|| answer.to_owned(), |t| t.code.to_string())
}

/// Fills what a record must have and its author did not say.
pub fn defaults(kind: RecordKind, value: &mut Map<String, Value>, me: &Me) {
    if matches!(kind, RecordKind::Need | RecordKind::Offer) && !value.contains_key("confirm_by") {
        let today = jiff::Zoned::now().date();
        let due = today.checked_add(jiff::Span::new().months(CONFIRM_MONTHS)).unwrap_or(today);
        value.insert("confirm_by".to_owned(), json!(due.to_string()));
    }
    if kind == RecordKind::Need && !value.contains_key("countries") && !me.country.is_empty() {
        value.insert("countries".to_owned(), json!([me.country]));
    }
    if kind == RecordKind::Call && !value.contains_key("call_type") {
        value.insert("call_type".to_owned(), json!("fellowship"));
    }
    if kind == RecordKind::Offer && !value.contains_key("offer_type") {
        value.insert("offer_type".to_owned(), json!("training"));
    }
}

fn localised(language: &str, text: &str) -> Value {
    let text =
        LocalisedText { language: language.to_owned(), text: text.to_owned(), translations: Vec::new() };
    serde_json::to_value(text).unwrap_or_default()
}

/// A country by code or name in any of the six UN languages.
pub fn country(text: &str) -> Result<String, Failure> {
    let found = codes::country::find(text).map(|c| c.alpha2.to_string());
    found.ok_or_else(|| Failure::usage("error-no-country").with("country", text).hint("hint-country"))
}

/// The code of a region, by code or name.
pub fn region(text: &str) -> Result<String, Failure> {
    let found = codes::region::find(text).map(|r| r.code.to_string());
    found.ok_or_else(|| Failure::usage("error-no-region").with("region", text).hint("hint-region"))
}
