//! What was typed as options, as fields of a record.

use caphub_proto::codes;
use caphub_proto::exchange::RecordKind;
use serde_json::{Map, Value, json};

use super::{country, put_text, region};
use crate::arguments::Fields;
use crate::commands::Context;
use crate::failure::Failure;

/// The unit of seats, where a record counts in units.
const SEATS: &str = "seats";

/// Puts what was typed into the fields of a record; refuses an option that its kind has no field for.
pub(super) fn apply(
    context: &Context,
    kind: RecordKind,
    value: &mut Map<String, Value>,
    fields: &Fields,
) -> Result<(), Failure> {
    fit(kind, fields)?;
    let language = fields.text_language.clone().unwrap_or_else(|| context.texts.language().to_owned());
    for (name, text) in [("title", &fields.title), ("description", &fields.description)] {
        put_text(context, value, Some(&language), name, text.as_deref());
    }
    let countries: Vec<String> = fields.country.iter().map(|c| country(c)).collect::<Result<_, _>>()?;
    let regions: Vec<String> = fields.region.iter().map(|r| region(r)).collect::<Result<_, _>>()?;
    let themes: Vec<String> = fields.theme.iter().map(|t| theme(t)).collect::<Result<_, _>>()?;
    let lists = [
        ("themes", &themes),
        ("countries", &countries),
        ("regions", &regions),
        ("languages", &fields.language),
    ];
    for (name, list) in lists.into_iter().filter(|(_, l)| !l.is_empty()) {
        value.insert(name.to_owned(), json!(list));
    }
    if !fields.reachable_from.is_empty() {
        value.insert("reachable_from".to_owned(), area(&fields.reachable_from)?);
    }
    if !fields.escalate.is_empty() {
        value.insert("escalation".to_owned(), circles(&fields.escalate)?);
    }
    if !fields.delivery_mode.is_empty() {
        match kind {
            RecordKind::Session => value.insert("delivery_mode".to_owned(), json!(fields.delivery_mode[0])),
            _ => value.insert("delivery_modes".to_owned(), json!(fields.delivery_mode)),
        };
    }
    let texts = [
        ("urgency", &fields.urgency),
        ("confirm_by", &fields.confirm_by),
        ("place", &fields.place),
        ("provider", &fields.provider),
        ("course_id", &fields.course),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            value.insert(name.to_owned(), json!(text));
        }
    }
    if let Some(wanted) = &fields.offer_type {
        match kind {
            RecordKind::Need => value.insert("offer_types".to_owned(), json!([wanted])),
            _ => value.insert("offer_type".to_owned(), json!(wanted)),
        };
    }
    if let Some(url) = &fields.url {
        let name = if kind == RecordKind::Session { "link" } else { "url" };
        value.insert(name.to_owned(), json!(url));
    }
    if let Some(seats) = fields.seats {
        let capacity = json!({ "amount": seats, "unit": SEATS });
        match kind {
            RecordKind::Need => value.insert("asked".to_owned(), capacity),
            RecordKind::Offer => value.insert("capacity".to_owned(), capacity),
            RecordKind::Call => value.insert("places".to_owned(), json!(seats)),
            _ => value.insert("seats".to_owned(), json!(seats)),
        };
    }
    let (from, until) = (fields.from.as_deref(), fields.until.as_deref());
    if kind == RecordKind::Session {
        for (name, text) in [("starts", from), ("ends", until)] {
            if let Some(text) = text {
                value.insert(name.to_owned(), json!(text));
            }
        }
    } else if from.is_some() || until.is_some() {
        let window = json!({ "from": from.unwrap_or_default(), "until": until.unwrap_or_default() });
        value.insert("window".to_owned(), window);
    }
    Ok(())
}

/// Refuses an option for which this kind of record has no field.
fn fit(kind: RecordKind, fields: &Fields) -> Result<(), Failure> {
    use RecordKind::{Call, Course, Need, Offer, Session};
    let options: [(&str, bool, &[RecordKind]); 16] = [
        ("--theme", !fields.theme.is_empty(), &[Need, Offer, Course, Session, Call]),
        ("--country", !fields.country.is_empty(), &[Need, Offer, Course, Session, Call]),
        ("--region", !fields.region.is_empty(), &[Need, Offer, Course, Call]),
        ("--language", !fields.language.is_empty(), &[Need, Offer, Course, Session, Call]),
        ("--urgency", fields.urgency.is_some(), &[Need]),
        ("--offer-type", fields.offer_type.is_some(), &[Need, Offer]),
        ("--delivery-mode", !fields.delivery_mode.is_empty(), &[Need, Offer, Session]),
        ("--reachable-from", !fields.reachable_from.is_empty(), &[Offer, Session]),
        ("--escalate", !fields.escalate.is_empty(), &[Need]),
        ("--from", fields.from.is_some(), &[Need, Offer, Session, Call]),
        ("--until", fields.until.is_some(), &[Need, Offer, Session, Call]),
        ("--confirm-by", fields.confirm_by.is_some(), &[Need, Offer]),
        ("--place", fields.place.is_some(), &[Session]),
        ("--url", fields.url.is_some(), &[Course, Session]),
        ("--provider", fields.provider.is_some(), &[Course, Session]),
        ("--seats", fields.seats.is_some(), &[Need, Offer, Session, Call]),
    ];
    let course = ("--course", fields.course.is_some(), &[Session][..]);
    let title = ("--description", fields.description.is_some(), &[Need, Offer, Course, Session, Call][..]);
    let other =
        options.into_iter().chain([course, title]).find(|(_, given, kinds)| *given && !kinds.contains(&kind));
    match other {
        None => Ok(()),
        Some((option, _, _)) => Err(Failure::usage("error-option")
            .with("option", option)
            .with("kind", kind.code().replace('_', "-"))
            .hint("hint-option")
            .reason("option_without_field")),
    }
}

/// A theme by its code or its name in any of the six UN languages, or a code of another list.
fn theme(text: &str) -> Result<String, Failure> {
    if text.contains(':') {
        return Ok(text.to_owned());
    }
    let known = || codes::vocabulary::themes().iter().map(|t| t.code).collect::<Vec<_>>().join(", ");
    let found = codes::vocabulary::find_theme(text).map(|t| t.code.to_owned());
    found.ok_or_else(|| {
        Failure::usage("error-theme").with("theme", text).with("known", known()).hint("hint-theme")
    })
}

/// Circles as `region=30`: who is asked once so many days are over.
fn circles(typed: &[String]) -> Result<Value, Failure> {
    let circle = |text: &String| {
        let (scope, days) = text.split_once('=')?;
        Some(
            json!({ "scope": scope.trim().replace('-', "_"), "after_days": days.trim().parse::<u32>().ok()? }),
        )
    };
    let bad = |text: &String| Failure::usage("error-escalate").with("text", text).hint("hint-escalate");
    typed
        .iter()
        .map(|text| circle(text).ok_or_else(|| bad(text)))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::from)
}

/// Countries and regions, each by code or name.
fn area(places: &[String]) -> Result<Value, Failure> {
    let (mut countries, mut regions) = (Vec::new(), Vec::new());
    for place in places {
        match codes::region::find(place) {
            Some(found) => regions.push(found.code),
            None => countries.push(country(place)?),
        }
    }
    Ok(json!({ "countries": countries, "regions": regions }))
}
