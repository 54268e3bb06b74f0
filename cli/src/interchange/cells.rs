//! Named values of one row or object, and the draft that they make.

use std::collections::BTreeMap;

use caphub_proto::codes::{self, vocabulary};
use caphub_proto::exchange::RecordKind;
use serde_json::json;

use crate::interchange::draft::localised;
use crate::interchange::{Draft, Why, Wishes, moment};

/// Finds a term by its code or name.
type Find = fn(&str) -> Option<&'static vocabulary::Term>;

/// What stands in one place.
#[derive(Clone, Debug)]
pub enum Cell {
    /// One text; where a field is a list, the text holds its items.
    Text(String),
    /// Items that were apart already.
    List(Vec<String>),
}

/// The values of one item by the names of fields.
#[derive(Default, Debug)]
pub struct Cells(BTreeMap<&'static str, Cell>);

impl Cells {
    /// Puts a value.
    pub fn set(&mut self, field: &'static str, cell: Cell) {
        self.0.insert(field, cell);
    }

    fn text(&self, field: &str) -> String {
        match self.0.get(field) {
            Some(Cell::Text(text)) => text.trim().to_owned(),
            Some(Cell::List(items)) => items.join(", ").trim().to_owned(),
            None => String::new(),
        }
    }

    /// Items of a list; commas part them only in fields whose items hold none.
    fn items(&self, field: &str, comma: bool) -> Vec<String> {
        let text = match self.0.get(field) {
            Some(Cell::Text(text)) => text,
            Some(Cell::List(items)) => {
                let items = items.iter().map(|i| i.trim().to_owned());
                return items.filter(|i| !i.is_empty()).collect();
            }
            None => return Vec::new(),
        };
        let several = text.contains([';', '|']);
        let parts: Vec<&str> = match (several, comma) {
            (true, _) => text.split([';', '|']).collect(),
            (false, true) => text.split(',').collect(),
            (false, false) => vec![text],
        };
        parts.into_iter().map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }

    /// Items as codes where they are names that a list knows, else as they stand.
    fn codes(&self, field: &str, find: impl Fn(&str) -> Option<&'static str>) -> Vec<String> {
        // A name may hold a comma; a code does not.
        let whole = self.items(field, false);
        match whole.iter().all(|i| find(i).is_some()) {
            true => whole,
            false => self.items(field, true),
        }
        .into_iter()
        .map(|i| find(&i).map_or(i, str::to_owned))
        .collect()
    }

    /// The draft that the values make.
    pub fn draft(&self, wishes: &Wishes) -> Result<Draft, Why> {
        let get = |field: &str| self.text(field);
        if get("title").is_empty() {
            return Err(Why::new("import-no-title"));
        }
        let mut language = get("text_language");
        if !codes::language::is_well_formed(&language) {
            let stated = self.items("languages", true);
            language = match &stated[..] {
                [one] if codes::language::is_well_formed(one) => one.clone(),
                _ => wishes.language.clone(),
            };
        }
        let mut draft = Draft {
            title: localised(&language, &get("title")),
            description: localised(&language, &get("description")),
            url: get("url"),
            licence: get("licence"),
            identifier: get("identifier"),
            ..Draft::default()
        };
        let tags: Vec<String> = self.items("languages", true).iter().map(|t| t.replace('_', "-")).collect();
        draft.languages(&tags);
        draft.countries(&self.items("countries", false));
        let find = vocabulary::find_theme;
        draft.set("themes", self.codes("themes", |t| find(t).map(|t| t.code)));
        draft.regions(&self.items("regions", false));
        draft.set("keywords", self.items("keywords", true));
        draft.set("authors", self.items("authors", false));
        for field in ["level", "duration", "provider", "confirm_by", "course_id"] {
            draft.set(field, get(field));
        }
        for (field, find) in
            [("urgency", vocabulary::find_urgency as Find), ("offer_type", vocabulary::find_offer_type)]
        {
            let stated = get(field);
            draft.set(field, find(&stated).map_or(stated.as_str(), |t| t.code));
        }
        let place: Vec<String> = [get("place"), get("city")].into_iter().filter(|p| !p.is_empty()).collect();
        draft.set("place", place.join(", "));
        dates(&get, &mut draft)?;
        if let Ok(seats) = get("seats").parse::<u32>() {
            draft.set("seats", seats);
        }
        let mode = vocabulary::find_delivery_mode;
        draft.delivery = self.codes("delivery", |t| mode(t).map(|t| t.code));
        if draft.delivery.is_empty() && truth(&get("online")) {
            draft.delivery.push("online".to_owned());
        }
        draft.cost = cost(&get("price"), &get("currency"));
        if !get("caphub").is_empty() {
            let own = serde_json::from_str(&get("caphub"));
            draft.own = Some(own.map_err(|e| Why::new("import-invalid").with("problem", e))?);
        }
        if wishes.kind == RecordKind::Session && draft.own.is_none() && !draft.fields.contains_key("starts") {
            return Err(Why::new("import-no-start"));
        }
        Ok(draft)
    }
}

fn dates(get: &impl Fn(&str) -> String, draft: &mut Draft) -> Result<(), Why> {
    let zone = get("timezone");
    if !zone.is_empty() && jiff::tz::TimeZone::get(&zone).is_err() {
        draft.notes.push(Why::new("import-left-zone").with("text", &zone));
    }
    for field in ["starts", "ends"] {
        let given = get(field);
        let normal = moment::normal(&given, &zone)
            .ok_or_else(|| Why::new("import-bad-date").with("field", field).with("text", &given))?;
        draft.set(field, normal);
    }
    Ok(())
}

fn truth(text: &str) -> bool {
    ["true", "yes", "1", "oui", "online", "x"].contains(&text.to_lowercase().as_str())
}

fn cost(price: &str, currency: &str) -> Option<serde_json::Value> {
    let free = ["free", "0", "0.00", "gratuit"].contains(&price.to_lowercase().as_str());
    match (price.is_empty(), free, codes::currency::is_known(currency)) {
        (true, _, _) => None,
        (_, true, _) => Some(json!({ "free": true })),
        (_, _, true) => Some(json!({ "price": { "amount": price, "currency": currency } })),
        _ => Some(json!({ "note": format!("{price} {currency}").trim() })),
    }
}
