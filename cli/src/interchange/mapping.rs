//! Any JSON, by a small file that says where the list is and which value is which field.
//!
//! `items = "/events"`, then `[fields]` with `title = "/name/text"`; `[constants]` for what is the same everywhere.

use caphub_node::config::placed;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::interchange::cells::{Cell, Cells};
use crate::interchange::table::COLUMNS;
use crate::interchange::{Draft, Format, Found, Reading, Why, Wishes, html};

/// Most items of one file.
const ITEMS_MAX: usize = 100_000;
/// Most values that one path may lead to, so that stars inside stars end.
const VALUES_MAX: usize = 10_000;
/// Fields that hold several values; all paths count, where other fields take the first that is there.
const LISTS: &[&str] = &["authors", "countries", "delivery", "keywords", "languages", "regions", "themes"];

/// What a mapping file says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Path of the list; the whole file where empty. An object that stands there is one item.
    items: String,
    /// Field to path, to several paths, or to a text with paths in braces.
    fields: BTreeMap<String, Paths>,
    /// Field to what it is in every item.
    constants: BTreeMap<String, String>,
    /// Fields whose values are HTML.
    html: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    Several(Vec<String>),
}

impl Paths {
    fn all(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

impl Mapping {
    /// Reads a mapping file; names of fields and forms of paths are checked here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mapping: Self = toml::from_str(text).map_err(|e| placed(text, &e))?;
        let known: Vec<&str> = COLUMNS.iter().map(|(f, _)| *f).collect();
        let named = mapping.fields.keys().chain(mapping.constants.keys()).chain(&mapping.html);
        for name in named {
            if field(name).is_none() {
                return Err(format!("no field \"{name}\"; there are {}", known.join(", ")));
            }
        }
        if !mapping.fields.contains_key("title") {
            return Err("[fields] has no title".to_owned());
        }
        let is_path = |p: &str| p.is_empty() || p.starts_with('/') || p.contains("{/");
        if let Some(path) = mapping.fields.values().flat_map(|p| p.all()).find(|p| !is_path(p)) {
            return Err(format!(
                "\"{path}\" is no path such as /name/text; a fixed text goes to [constants]"
            ));
        }
        if !(mapping.items.is_empty() || mapping.items.starts_with('/')) {
            return Err(format!("items = \"{}\" is no path such as /events", mapping.items));
        }
        Ok(mapping)
    }

    /// Reads every item of a document.
    pub fn read(&self, document: &Value, wishes: &Wishes) -> Result<Reading, String> {
        let mut items = Vec::new();
        for (at, value) in values(document, &self.items) {
            match value {
                Value::Array(list) => {
                    items.extend(list.iter().enumerate().map(|(i, v)| (format!("{at}/{i}"), v)));
                }
                other => items.push((at, other)),
            }
        }
        if items.is_empty() && !matches!(document.pointer(&self.items), Some(Value::Array(_))) {
            return Err(format!("nothing stands at items = \"{}\"", self.items));
        }
        if items.len() > ITEMS_MAX {
            return Err(format!("there are {} items where {ITEMS_MAX} are read", items.len()));
        }
        let heads: BTreeSet<&str> =
            self.fields.values().flat_map(|p| p.all()).flat_map(|p| heads(p)).collect();
        let (mut found, mut not_carried) = (Vec::new(), BTreeSet::new());
        for (at, item) in items {
            if let Some(map) = item.as_object() {
                not_carried.extend(map.keys().filter(|k| !heads.contains(k.as_str())).cloned());
            }
            let title = self.paths_text(item, "title");
            found.push(Found { at, title, draft: self.draft(item, wishes) });
        }
        Ok(Reading { format: Format::Mapped, found, not_carried: not_carried.into_iter().collect() })
    }

    fn draft(&self, item: &Value, wishes: &Wishes) -> Result<Draft, Why> {
        let mut cells = Cells::default();
        for (name, text) in &self.constants {
            if let Some(name) = field(name) {
                cells.set(name, Cell::Text(text.clone()));
            }
        }
        for (name, paths) in &self.fields {
            let Some(name) = field(name) else { continue };
            let cell = self.cell(item, name, paths.all());
            let empty = matches!(&cell, Cell::Text(t) if t.trim().is_empty());
            if !empty {
                cells.set(name, cell);
            }
        }
        cells.draft(wishes)
    }

    fn paths_text(&self, item: &Value, name: &str) -> String {
        match self.fields.get(name).map(|p| self.cell(item, name, p.all())) {
            Some(Cell::Text(text)) => text,
            _ => String::new(),
        }
    }

    fn cell(&self, item: &Value, name: &str, paths: &[String]) -> Cell {
        let is_html = self.html.iter().any(|h| h == name);
        let dress = |text: String| if is_html { html::plain(&text) } else { text };
        let per_path = paths.iter().map(|path| {
            let found = if path.contains("{/") { vec![template(item, path)] } else { texts(item, path) };
            found.into_iter().map(dress).filter(|t| !t.trim().is_empty()).collect::<Vec<_>>()
        });
        let mut per_path = per_path.filter(|found| !found.is_empty());
        if !LISTS.contains(&name) {
            return Cell::Text(per_path.next().unwrap_or_default().join(", "));
        }
        let mut all: Vec<String> = per_path.flatten().collect();
        // One text may hold a list in the way of people: a, b; c.
        match all.len() {
            0 | 1 => Cell::Text(all.pop().unwrap_or_default()),
            _ => Cell::List(all),
        }
    }
}

fn field(name: &str) -> Option<&'static str> {
    COLUMNS.iter().find(|(f, _)| *f == name).map(|(f, _)| *f)
}

/// The first names that a path or a template goes through.
fn heads(path: &str) -> Vec<&str> {
    let paths: Vec<&str> = match path.contains("{/") {
        true => path.split('{').filter_map(|p| p.split_once('}')).map(|(p, _)| p).collect(),
        false => vec![path],
    };
    paths.into_iter().filter_map(|p| p.split('/').nth(1)).collect()
}

/// All values that a path leads to, with where each stands; `*` is every item of a list or object.
fn values<'a>(value: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    let mut found = vec![(String::new(), value)];
    for step in path.split('/').skip(1) {
        let mut next = Vec::new();
        for (at, value) in found {
            match (step, value) {
                ("*", Value::Array(list)) => {
                    next.extend(list.iter().enumerate().map(|(i, v)| (format!("{at}/{i}"), v)));
                }
                ("*", Value::Object(map)) => next.extend(map.iter().map(|(k, v)| (format!("{at}/{k}"), v))),
                (name, value) => {
                    next.extend(value.pointer(&format!("/{name}")).map(|v| (format!("{at}/{name}"), v)))
                }
            }
        }
        next.truncate(VALUES_MAX);
        found = next;
    }
    found
}

fn texts(item: &Value, path: &str) -> Vec<String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    let found = values(item, path).into_iter().map(|(_, v)| v);
    let flat = found.flat_map(|value| match value {
        Value::Array(list) => list.iter().filter_map(scalar).collect(),
        other => scalar(other).into_iter().collect::<Vec<_>>(),
    });
    flat.collect()
}

/// A text with paths in braces; nothing where one of them leads nowhere.
fn template(item: &Value, template: &str) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((path, tail)) = after.split_once('}') else { break };
        let Some(text) = texts(item, path).into_iter().find(|t| !t.is_empty()) else {
            return String::new();
        };
        out.push_str(before);
        out.push_str(&text);
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use caphub_proto::exchange::RecordKind;
    use serde_json::json;

    use super::*;
    use crate::interchange::wishes_for;

    #[test]
    fn a_list_deep_in_a_file_becomes_records_by_paths_stars_and_templates() {
        let mapping = Mapping::parse(
            "items = \"/data/events\"\nhtml = [\"description\"]\n[fields]\ntitle = \"/name\"\n\
             description = \"/body\"\nstarts = \"{/date}T{/time}\"\ntimezone = \"/tz\"\n\
             keywords = [\"/tags/*/name\", \"/topic\"]\nurl = [\"/missing\", \"/link\"]\n\
             [constants]\nlicence = \"CC-BY-4.0\"\n",
        );
        let document = json!({ "data": { "events": [
            { "name": "A", "body": "<p>x &amp; y</p>", "date": "2027-03-01", "time": "09:00", "tz": "Africa/Accra",
              "tags": [{ "name": "a, b" }, { "name": "c" }], "topic": "d", "link": "https://x.example", "more": 1 },
            { "name": 7, "date": "2027-03-02" }, "no object"
        ] } });
        let reading = mapping.expect("a mapping").read(&document, &wishes_for(RecordKind::Session));
        let reading = reading.expect("a reading");
        let first = reading.found[0].draft.as_ref().expect("an item");
        assert_eq!(first.description.text, "x & y");
        assert_eq!(first.fields["starts"], "2027-03-01T09:00:00+00:00");
        assert_eq!(first.fields["keywords"], json!(["a, b", "c", "d"]));
        assert_eq!((first.url.as_str(), first.licence.as_str()), ("https://x.example", "CC-BY-4.0"));
        assert_eq!(reading.not_carried, ["more"]);
        let why = |i: usize| reading.found[i].draft.as_ref().expect_err("not taken").key;
        assert_eq!((why(1), why(2)), ("import-no-start", "import-no-title"));
        assert_eq!(reading.found[1].at, "/data/events/1");
    }

    #[test]
    fn a_wrong_mapping_says_what_is_wrong() {
        for bad in [
            "[fields]\ntitel = \"/x\"",
            "[fields]\ndescription = \"/x\"",
            "[fields]\ntitle = \"x\"",
            "items = \"x\"\n[fields]\ntitle = \"/x\"",
            "more = 1\n[fields]\ntitle = \"/x\"",
        ] {
            assert!(Mapping::parse(bad).is_err(), "{bad}");
        }
        let mapping = Mapping::parse("items = \"/none\"\n[fields]\ntitle = \"/x\"").expect("a mapping");
        assert!(mapping.read(&json!({}), &wishes_for(RecordKind::Course)).is_err());
    }
}
