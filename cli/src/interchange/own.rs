//! Our own JSON: `{"caphub": 1, "records": [{"id", "kind", "record", "source", "tlp"}]}`.

use serde_json::{Map, Value};

use crate::interchange::draft::{Own, localised};
use crate::interchange::{Draft, Format, Found, Reading, Why, Wishes};

/// Reads what `export --format json` wrote.
pub fn read(value: &Value, _name: &str, wishes: &Wishes) -> Result<Reading, String> {
    if value.get("caphub").and_then(Value::as_u64) != Some(1) {
        return Err("this version reads \"caphub\": 1".to_owned());
    }
    let records = value.get("records").and_then(Value::as_array).ok_or("no list of records")?;
    let found = records.iter().enumerate().map(|(i, item)| {
        let title = item.pointer("/record/title/text").and_then(Value::as_str).unwrap_or_default();
        let at = format!("/records/{i}");
        Found { at, title: title.to_owned(), draft: draft(item, title, wishes) }
    });
    Ok(Reading { format: Format::Own, found: found.collect(), not_carried: Vec::new() })
}

fn draft(item: &Value, title: &str, wishes: &Wishes) -> Result<Draft, Why> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text("kind");
    if kind != wishes.kind.code() {
        return Err(Why::new("import-other-kind").with("type", &kind).with("kind", kind));
    }
    let fields: Map<String, Value> =
        item.get("record").and_then(Value::as_object).cloned().ok_or(Why::new("import-no-record"))?;
    let source = item.get("source").filter(|s| !s.is_null()).cloned().map(serde_json::from_value);
    let source = source.transpose().map_err(|e| Why::new("import-invalid").with("problem", e))?;
    let own = Own { fields, source, tlp: text("tlp") };
    let title = localised(&wishes.language, title);
    Ok(Draft { title, identifier: text("id"), own: Some(own), ..Draft::default() })
}
