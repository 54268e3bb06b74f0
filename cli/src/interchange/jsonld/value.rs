//! The many forms in which JSON-LD writes one value.

use std::collections::HashMap;

use caphub_proto::v1::{LocalisedText, Translation};
use serde_json::{Map, Value};

/// A name without its vocabulary: `schema:name` and `https://schema.org/name` are `name`.
pub(super) fn short(name: &str) -> &str {
    name.rsplit(['/', '#', ':']).next().unwrap_or(name)
}

/// One or several as a list.
pub(super) fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Object(map)) if map.contains_key("@list") => list(map.get("@list")),
        Some(one) => vec![one],
    }
}

/// A text, a number or a `@value`; the `@id` of a reference.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Object(map) => ["@value", "url", "@id", "value"].iter().find_map(|k| text(map.get(*k)?)),
        _ => None,
    }
}

/// All texts of a value.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    list(value).into_iter().filter_map(text).filter(|t| !t.trim().is_empty()).collect()
}

/// The first text, or nothing.
pub(super) fn first_text(value: Option<&Value>) -> String {
    texts(value).into_iter().next().unwrap_or_default()
}

/// Names of persons, organisations, terms and places: a text, or the name of an object.
pub(super) fn names(value: Option<&Value>) -> Vec<String> {
    list(value).into_iter().filter_map(name).filter(|n| !n.trim().is_empty()).collect()
}

fn name(value: &Value) -> Option<String> {
    let Some(map) = value.as_object() else { return text(value) };
    let by = |key: &str| map.iter().find(|(k, _)| short(k) == key).map(|(_, v)| v);
    if let Some(name) = by("name").map(|v| names(Some(v))).filter(|n| !n.is_empty()) {
        return Some(name.join(", "));
    }
    let parts: Vec<String> = ["givenName", "familyName"].iter().flat_map(|k| texts(by(k))).collect();
    if !parts.is_empty() {
        return Some(parts.join(" "));
    }
    ["@value", "alternateName", "termCode"].iter().find_map(|k| by(k).and_then(text)).or_else(|| text(value))
}

/// A document with its objects by `@id`, so that references can be followed.
pub(super) struct Document<'a> {
    by_id: HashMap<&'a str, &'a Map<String, Value>>,
}

impl<'a> Document<'a> {
    /// Collects what has an `@id` and says more than that.
    pub(super) fn of(value: &'a Value) -> Self {
        let mut document = Self { by_id: HashMap::new() };
        document.collect(value);
        document
    }

    fn collect(&mut self, value: &'a Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|v| self.collect(v)),
            Value::Object(map) => {
                if let Some(id) = map.get("@id").and_then(Value::as_str).filter(|_| map.len() > 1) {
                    self.by_id.entry(id).or_insert(map);
                }
                map.values().for_each(|v| self.collect(v));
            }
            _ => {}
        }
    }

    /// An object's properties by their short names.
    pub(super) fn view<'b>(&self, map: &'b Map<String, Value>) -> HashMap<&'b str, &'b Value> {
        map.iter().map(|(name, value)| (short(name), value)).collect()
    }

    /// Names, with references followed.
    pub(super) fn names(&self, value: Option<&Value>) -> Vec<String> {
        let followed = list(value).into_iter().map(|v| self.follow(v));
        followed.filter_map(|v| name(&v)).filter(|n| !n.trim().is_empty()).collect()
    }

    fn follow(&self, value: &Value) -> Value {
        let reference = value.as_object().filter(|m| m.len() == 1).and_then(|m| m.get("@id")?.as_str());
        match reference.and_then(|id| self.by_id.get(id)) {
            Some(map) => Value::Object((*map).clone()),
            None => value.clone(),
        }
    }

    /// Keywords: a list, terms with names, or one text with commas.
    pub(super) fn keywords(&self, value: Option<&Value>) -> Vec<String> {
        let split = |text: String| text.split([',', ';']).map(|k| k.trim().to_owned()).collect::<Vec<_>>();
        let items = list(value);
        let words: Vec<String> = match &items[..] {
            [Value::String(one)] if !matches!(value, Some(Value::Array(_))) => split(one.clone()),
            _ => self.names(value),
        };
        words.into_iter().filter(|k| !k.is_empty()).collect()
    }

    /// Language tags: texts, or Language objects with a tag as alternate name or identifier.
    pub(super) fn language_tags(&self, value: Option<&Value>) -> Vec<String> {
        let tag = |value: &Value| match value.as_object() {
            Some(map) => ["alternateName", "identifier", "@value", "name"]
                .iter()
                .find_map(|k| map.get(*k).and_then(text)),
            None => text(value),
        };
        list(value).into_iter().filter_map(tag).map(|t| t.trim().replace('_', "-")).collect()
    }

    /// A text in one or several languages, from the first of the properties that has one.
    pub(super) fn localised(
        &self,
        view: &HashMap<&str, &Value>,
        properties: &[&str],
        language: &str,
    ) -> LocalisedText {
        let own = list(view.get("inLanguage").copied());
        let stated = self.language_tags(own.first().copied());
        let language = match &stated[..] {
            [one] if caphub_proto::codes::language::is_well_formed(one) => one.clone(),
            _ => language.to_owned(),
        };
        let mut out = LocalisedText { language: language.clone(), ..LocalisedText::default() };
        let items = properties.iter().map(|p| list(view.get(p).copied())).find(|l| !l.is_empty());
        let mut seen: Vec<String> = Vec::new();
        for item in items.unwrap_or_default() {
            let Some(text) = text(item).filter(|t| !t.trim().is_empty()) else { continue };
            let tag = item.get("@language").and_then(Value::as_str).unwrap_or(&language).to_owned();
            if seen.contains(&tag) {
                continue;
            }
            match seen.is_empty() {
                true => (out.language, out.text) = (tag.clone(), text),
                false => {
                    let translator = String::new();
                    out.translations.push(Translation { language: tag.clone(), text, translator });
                }
            }
            seen.push(tag);
        }
        out
    }
}
