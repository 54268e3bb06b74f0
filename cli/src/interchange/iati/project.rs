//! A valid activity, or an organisation's file, as a project.

mod amounts;

use caphub_proto::codes;
use caphub_proto::exchange::check::{FIELD_BYTES_MAX, LIST_MAX, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use caphub_proto::v1::{Link, LocalisedText, Project, ProjectParty, Translation, Window};
use serde_json::Value;

use crate::interchange::iati::tree::Node;
use crate::interchange::{Draft, Why, Wishes};

/// Elements that have a place in a project.
pub(super) const CARRIED: &[&str] = &[
    "activity-date",
    "activity-status",
    "budget",
    "description",
    "document-link",
    "iati-identifier",
    "name",
    "organisation-identifier",
    "participating-org",
    "planned-disbursement",
    "recipient-country",
    "recipient-country-budget",
    "recipient-org-budget",
    "recipient-region",
    "recipient-region-budget",
    "reporting-org",
    "sector",
    "title",
    "total-budget",
    "total-expenditure",
    "transaction",
];
/// Regions of the OECD's list that are one region of UN M49.
const REGIONS: &[(&str, &str)] = &[
    ("89", "150"),
    ("189", "015"),
    ("289", "202"),
    ("298", "002"),
    ("489", "005"),
    ("498", "019"),
    ("589", "145"),
    ("619", "143"),
    ("679", "034"),
    ("798", "142"),
    ("889", "009"),
];

/// The title, whatever else is wrong.
pub(super) fn title(item: &Node) -> String {
    let named = item.child("title").or_else(|| item.child("name"));
    let text = named.map(|n| n.child("narrative").map_or(&n.text, |t| &t.text)).cloned().unwrap_or_default();
    let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() { identifier(item) } else { title }
}

fn identifier(item: &Node) -> String {
    let of = item.child("iati-identifier").or_else(|| item.child("organisation-identifier"));
    of.map(|n| n.text.trim().to_owned()).unwrap_or_default()
}

/// The draft of a project.
pub(super) fn draft(item: &Node, wishes: &Wishes) -> Result<Draft, Why> {
    let mut out = Draft { identifier: identifier(item), registry: "iati", ..Draft::default() };
    let mut language = item.get("xml:lang").to_lowercase();
    if !codes::language::is_well_formed(&language) {
        language.clone_from(&wishes.language);
    }
    let named = item.child("title").or_else(|| item.child("name"));
    let title = narratives(named.into_iter(), &language, TITLE_BYTES_MAX, &mut out.notes);
    let Some(title) = title else { return Err(Why::new("import-no-title")) };
    out.title = title.clone();
    let notes = &mut out.notes;
    let text = |of: Option<&Node>| of.map(name).unwrap_or_default();
    let status = item.child("activity-status").map(|s| s.get("code").to_owned()).unwrap_or_default();
    let mut project = Project {
        identifier: out.identifier.clone(),
        title: Some(title),
        description: narratives(item.all("description"), &language, TEXT_BYTES_MAX, notes),
        reporting_organisation: text(item.child("reporting-org")),
        status: if status.parse::<u8>().is_ok_and(|s| (1..=6).contains(&s)) { status } else { String::new() },
        window: window(item, notes),
        sectors: sectors(item),
        countries: countries(item, notes),
        regions: regions(item, notes),
        participants: item.all("participating-org").take(LIST_MAX).map(participant).collect(),
        documents: item.all("document-link").filter_map(document).take(LIST_MAX).collect(),
        ..Project::default()
    };
    if item.all("participating-org").count() > LIST_MAX {
        notes.push(Why::new("import-left-items").with("field", "participating-org").with("kept", LIST_MAX));
    }
    amounts::fill(item, &mut project, notes);
    let value = serde_json::to_value(&project).map_err(|e| Why::new("import-invalid").with("problem", e))?;
    match value {
        Value::Object(map) => out.whole = Some(map),
        _ => return Err(Why::new("import-no-record")),
    }
    Ok(out)
}

/// Texts of several elements in several languages; the elements follow one another as paragraphs.
fn narratives<'a>(
    elements: impl Iterator<Item = &'a Node>,
    language: &str,
    bytes_max: usize,
    notes: &mut Vec<Why>,
) -> Option<LocalisedText> {
    let mut texts: Vec<(String, String)> = Vec::new();
    for narrative in elements.flat_map(|e| e.all("narrative")).filter(|n| !n.text.trim().is_empty()) {
        let stated = narrative.get("xml:lang").to_lowercase();
        let good = codes::language::is_well_formed(&stated);
        let language = if good { stated } else { language.to_owned() };
        let text = narrative.text.trim();
        match texts.iter_mut().find(|(l, _)| *l == language) {
            Some((_, so_far)) => {
                so_far.push_str("\n\n");
                so_far.push_str(text);
            }
            None => texts.push((language, text.to_owned())),
        }
    }
    for (_, text) in &mut texts {
        if text.len() > bytes_max {
            notes.push(Why::new("import-cut").with("found", text.len()).with("kept", bytes_max));
            text.truncate(text.floor_char_boundary(bytes_max));
        }
    }
    let mut texts = texts.into_iter();
    let (language, text) = texts.next()?;
    let translations = texts.take(64).map(|(language, text)| {
        let translator = String::new();
        Translation { language, text, translator }
    });
    Some(LocalisedText { language, text, translations: translations.collect() })
}

/// An organisation's name, or its reference.
fn name(node: &Node) -> String {
    let text = node.child("narrative").map(|n| n.text.trim()).filter(|t| !t.is_empty());
    field(text.unwrap_or(node.get("ref")))
}

/// A text that fits a short field.
fn field(text: &str) -> String {
    text[..text.floor_char_boundary(FIELD_BYTES_MAX)].trim().to_owned()
}

/// A date without the zone that XSD allows behind it.
fn date(text: &str) -> String {
    text.trim().get(..10).unwrap_or_default().to_owned()
}

fn window(item: &Node, notes: &mut Vec<Why>) -> Option<Window> {
    let of = |kinds: [&str; 2]| {
        let dates = kinds.iter().filter_map(|k| item.all("activity-date").find(|d| d.get("type") == *k));
        dates.map(|d| date(d.get("iso-date"))).find(|d| !d.is_empty()).unwrap_or_default()
    };
    // Actual dates before planned ones.
    let mut window = Window { from: of(["2", "1"]), until: of(["4", "3"]) };
    if !window.until.is_empty() && window.until < window.from {
        notes.push(Why::new("import-left-end").with("from", &window.from).with("until", &window.until));
        window.until.clear();
    }
    (window != Window::default()).then_some(window)
}

fn sectors(item: &Node) -> Vec<String> {
    let own = item.all("sector").collect::<Vec<_>>();
    let spent = item.all("transaction").flat_map(|t| t.all("sector"));
    let all = if own.is_empty() { spent.collect() } else { own };
    let mut out: Vec<String> = Vec::new();
    for sector in all {
        let code = match sector.get("vocabulary") {
            "" | "1" => format!("dac:{}", sector.get("code")),
            "2" => format!("dac3:{}", sector.get("code")),
            other => format!("iati-{other}:{}", sector.get("code")),
        };
        if out.len() < LIST_MAX && code.len() <= FIELD_BYTES_MAX && !out.contains(&code) {
            out.push(code);
        }
    }
    out
}

fn countries(item: &Node, notes: &mut Vec<Why>) -> Vec<String> {
    let budgets = item.all("recipient-country-budget").flat_map(|b| b.all("recipient-country"));
    let spent = item.all("transaction").flat_map(|t| t.all("recipient-country"));
    let mut out: Vec<String> = Vec::new();
    for country in item.all("recipient-country").chain(budgets).chain(spent) {
        let code = country.get("code").trim().to_uppercase();
        match codes::country::by_alpha2(&code) {
            Some(known) if out.iter().all(|c| c != known.alpha2) => out.push(known.alpha2.to_string()),
            Some(_) => {}
            None => notes.push(Why::new("import-left-country").with("text", field(&code))),
        }
    }
    notes.dedup();
    out.truncate(LIST_MAX);
    out
}

fn regions(item: &Node, notes: &mut Vec<Why>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let budgets = item.all("recipient-region-budget").flat_map(|b| b.all("recipient-region"));
    let spent = item.all("transaction").flat_map(|t| t.all("recipient-region"));
    for region in item.all("recipient-region").chain(budgets).chain(spent) {
        let code = region.get("code");
        let known = match region.get("vocabulary") {
            "" | "1" => REGIONS.iter().find(|(dac, _)| *dac == code).map(|(_, m49)| *m49),
            "2" => codes::region::find(code).map(|r| r.code),
            _ => None,
        };
        match known {
            Some(code) if out.iter().all(|c| c != code) => out.push(code.to_owned()),
            Some(_) => {}
            None => notes.push(Why::new("import-left-region").with("text", field(code))),
        }
    }
    notes.dedup();
    out.truncate(LIST_MAX);
    out
}

fn participant(node: &Node) -> ProjectParty {
    ProjectParty { name: name(node), identifier: field(node.get("ref")), role: field(node.get("role")) }
}

fn document(node: &Node) -> Option<Link> {
    let url = node.get("url").trim();
    let good = ["http://", "https://"].iter().any(|p| url.starts_with(p)) && url.len() <= FIELD_BYTES_MAX;
    let title = node.child("title").map(name).unwrap_or_default();
    good.then(|| Link { title, url: url.to_owned() })
}
