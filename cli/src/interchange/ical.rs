//! iCalendar (RFC 5545): events as sessions. Recurrence is carried as written and never expanded.

pub mod recur;
pub mod write;
pub mod zone;

use std::collections::BTreeSet;

use calcard::icalendar::{
    ICalendar, ICalendarClassification, ICalendarComponent, ICalendarComponentType, ICalendarDuration,
    ICalendarProperty, ICalendarStatus, ICalendarValue,
};
use calcard::{Entry, Parser};
use caphub_proto::codes;
use caphub_proto::exchange::RecordKind;
use jiff::civil::DateTime;

use crate::interchange::draft::{Own, localised};
use crate::interchange::{Draft, Format, Found, Reading, Why, Wishes, html};
use zone::{Moment, Zones};

/// Most components and stray lines of one file; a year of a busy calendar has a few thousand.
const ITEMS_MAX: usize = 100_000;
/// Property in which our exports keep what the format has no place for.
pub const OWN: &str = "X-CAPHUB-RECORD";
/// Properties that have a place in our records, or that only say how the item is written.
const CARRIED: &[ICalendarProperty] = &[
    ICalendarProperty::Begin,
    ICalendarProperty::End,
    ICalendarProperty::Categories,
    ICalendarProperty::Class,
    ICalendarProperty::Created,
    ICalendarProperty::Description,
    ICalendarProperty::Dtend,
    ICalendarProperty::Dtstamp,
    ICalendarProperty::Dtstart,
    ICalendarProperty::Duration,
    ICalendarProperty::Exdate,
    ICalendarProperty::Exrule,
    ICalendarProperty::LastModified,
    ICalendarProperty::Location,
    ICalendarProperty::Organizer,
    ICalendarProperty::Rdate,
    ICalendarProperty::RecurrenceId,
    ICalendarProperty::Rrule,
    ICalendarProperty::Sequence,
    ICalendarProperty::Status,
    ICalendarProperty::Summary,
    ICalendarProperty::Uid,
    ICalendarProperty::Url,
];

/// True where a text begins as calendars do, whatever its case.
pub fn is_calendar(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    start.get(..6).is_some_and(|s| s.eq_ignore_ascii_case("BEGIN:"))
}

/// Reads every event; what is no event, and what is no calendar, is told.
pub fn read(text: &str, _name: &str, wishes: &Wishes) -> Result<Reading, String> {
    let mut parser = Parser::new(text);
    let mut reader = Reader { wishes, found: Vec::new(), not_carried: BTreeSet::new() };
    loop {
        match parser.entry() {
            Entry::Eof => break,
            Entry::ICalendar(calendar) => reader.calendar(&calendar),
            Entry::InvalidLine(line) => {
                let line: String = line.chars().take(80).collect();
                reader.skip("line", Why::new("import-ical-line").with("text", line));
            }
            Entry::VCard(_) => reader.skip("VCARD", Why::new("import-no-kind").with("type", "VCARD")),
            Entry::UnterminatedComponent(name) => {
                reader.skip(&name, Why::new("import-ical-cut").with("type", &name));
            }
            Entry::UnexpectedComponentEnd { expected, found } => {
                reader.skip(found.as_str(), Why::new("import-ical-cut").with("type", expected.as_str()));
            }
            // The enum may grow; what we do not know ends the reading instead of looping over it.
            _ => return Err("the calendar has more components than can be read".to_owned()),
        }
        if reader.found.len() > ITEMS_MAX {
            return Err(format!("the calendar has more than {ITEMS_MAX} components"));
        }
    }
    let not_carried = reader.not_carried.into_iter().collect();
    Ok(Reading { format: Format::Calendar, found: reader.found, not_carried })
}

struct Reader<'a> {
    wishes: &'a Wishes,
    found: Vec<Found>,
    not_carried: BTreeSet<String>,
}

impl Reader<'_> {
    fn skip(&mut self, what: &str, why: Why) {
        let at = format!("{what} {}", self.found.len() + 1);
        self.found.push(Found { at, title: String::new(), draft: Err(why) });
    }

    fn calendar(&mut self, calendar: &ICalendar) {
        use ICalendarComponentType as Type;
        let zones = Zones::of(calendar);
        for component in &calendar.components {
            let kind = &component.component_type;
            let title = text(component, &ICalendarProperty::Summary);
            let at = format!("{} {}", kind.as_str(), self.found.len() + 1);
            let draft = match kind {
                Type::VEvent => self.event(component, &zones),
                Type::VTodo | Type::VJournal | Type::VFreebusy | Type::VAvailability | Type::Other(_) => {
                    Err(Why::new("import-no-kind").with("type", kind.as_str()))
                }
                // Parts of a calendar or of an event, and no items.
                _ => continue,
            };
            self.found.push(Found { at, title, draft });
        }
    }

    fn event(&mut self, event: &ICalendarComponent, zones: &Zones<'_>) -> Result<Draft, Why> {
        if self.wishes.kind != RecordKind::Session {
            return Err(Why::new("import-other-kind").with("type", "VEVENT").with("kind", "session"));
        }
        for entry in event.entries.iter().filter(|e| !CARRIED.contains(&e.name)) {
            if entry.name.as_str() != OWN {
                self.not_carried.insert(entry.name.as_str().to_owned());
            }
        }
        judge(event)?;
        let (language, title) = titled(event, &self.wishes.language);
        let own = match text(event, &ICalendarProperty::Other(OWN.to_owned())) {
            own if own.is_empty() => None,
            own => {
                let own = serde_json::from_str::<Own>(&own);
                Some(own.map_err(|e| Why::new("import-invalid").with("problem", e))?)
            }
        };
        // A title of characters that no calendar can hold stands in our own field.
        let elsewhere = own.as_ref().is_some_and(|o| o.fields.contains_key("title"));
        if title.trim().is_empty() && !elsewhere {
            return Err(Why::new("import-no-title"));
        }
        let description = text(event, &ICalendarProperty::Description);
        let mut draft = Draft {
            title: localised(&language, title.trim()),
            description: localised(&language, &html::plain(&description)),
            identifier: text(event, &ICalendarProperty::Uid),
            own,
            ..Draft::default()
        };
        draft.address(&text(event, &ICalendarProperty::Url));
        let place = text(event, &ICalendarProperty::Location);
        draft.set("place", place.split_whitespace().collect::<Vec<_>>().join(" "));
        draft.set("provider", organiser(event));
        let words = event.properties(&ICalendarProperty::Categories).flat_map(|e| &e.values);
        let words = words.filter_map(ICalendarValue::as_text).map(str::trim).filter(|w| !w.is_empty());
        draft.set("keywords", words.map(str::to_owned).collect::<Vec<_>>());
        dates(event, zones, &mut draft)?;
        recur::carry(event, zones, &mut draft);
        Ok(draft)
    }
}

/// What its author does not want to be taken is not taken.
fn judge(event: &ICalendarComponent) -> Result<(), Why> {
    if event.status() == Some(&ICalendarStatus::Cancelled) {
        return Err(Why::new("import-cancelled"));
    }
    let class = event.property(&ICalendarProperty::Class).and_then(|e| e.values.first());
    let open = match class {
        Some(ICalendarValue::Classification(class)) => *class == ICalendarClassification::Public,
        // RFC 5545 section 3.8.1.3: a class that is not known counts as private.
        Some(_) => false,
        None => true,
    };
    if open { Ok(()) } else { Err(Why::new("import-private")) }
}

fn titled(event: &ICalendarComponent, language: &str) -> (String, String) {
    use calcard::icalendar::ICalendarParameterName;
    let entry = event.property(&ICalendarProperty::Summary);
    let stated =
        entry.and_then(|e| e.parameters(&ICalendarParameterName::Language).find_map(|p| p.as_text()));
    let language = stated.filter(|l| codes::language::is_well_formed(l)).unwrap_or(language);
    (language.to_owned(), text(event, &ICalendarProperty::Summary))
}

/// The organiser's name; an address alone is a person's, and is left out.
fn organiser(event: &ICalendarComponent) -> String {
    use calcard::icalendar::ICalendarParameterName;
    let entry = event.property(&ICalendarProperty::Organizer);
    let name = entry.and_then(|e| e.parameters(&ICalendarParameterName::Cn).find_map(|p| p.as_text()));
    name.filter(|n| !n.contains('@')).unwrap_or_default().trim().to_owned()
}

/// A property's text; values that the writer forgot to escape are put together again.
pub(super) fn text(component: &ICalendarComponent, property: &ICalendarProperty) -> String {
    let Some(entry) = component.property(property) else { return String::new() };
    let parts: Vec<&str> = entry.values.iter().filter_map(ICalendarValue::as_text).collect();
    parts.join(",").trim().to_owned()
}

fn dates(event: &ICalendarComponent, zones: &Zones<'_>, draft: &mut Draft) -> Result<(), Why> {
    let elsewhere = draft.own.as_ref().is_some_and(|o| o.fields.contains_key("starts"));
    let Some(start) = moment(event, &ICalendarProperty::Dtstart, zones)? else {
        return if elsewhere { Ok(()) } else { Err(Why::new("import-no-start")) };
    };
    if let Some(unknown) = &start.unknown_zone {
        draft.notes.push(Why::new("import-left-zone").with("text", unknown));
    }
    draft.set("starts", start.text());
    let length = event.property(&ICalendarProperty::Duration).and_then(|e| e.values.first());
    let end = match (moment(event, &ICalendarProperty::Dtend, zones)?, length) {
        // The end of whole days is the day after the last one.
        (Some(end), _) if end.whole_day => end.days(-1).filter(|e| e.at >= start.at),
        (Some(end), _) => Some(end),
        (None, Some(ICalendarValue::Duration(length))) => {
            let end = start.plus(seconds(length));
            if start.whole_day { end.and_then(|e| e.days(-1)).filter(|e| e.at >= start.at) } else { end }
        }
        _ => None,
    };
    draft.set("ends", end.map(|e| e.text()).unwrap_or_default());
    Ok(())
}

fn seconds(length: &ICalendarDuration) -> i64 {
    let days = i64::from(length.weeks) * 7 + i64::from(length.days);
    let hours = days * 24 + i64::from(length.hours);
    let total = (hours * 60 + i64::from(length.minutes)) * 60 + i64::from(length.seconds);
    if length.neg { 0 } else { total }
}

/// A date property; an error where something stands there that is no date.
pub(super) fn moment(
    event: &ICalendarComponent,
    property: &ICalendarProperty,
    zones: &Zones<'_>,
) -> Result<Option<Moment>, Why> {
    let Some(entry) = event.property(property) else { return Ok(None) };
    let bad = |text: String| Why::new("import-bad-date").with("field", property.as_str()).with("text", text);
    let Some(ICalendarValue::PartialDateTime(value)) = entry.values.first() else {
        let text = entry.values.first().and_then(ICalendarValue::as_text).unwrap_or_default();
        return Err(bad(text.to_owned()));
    };
    zones.moment(value, entry.tz_id()).map(Some).ok_or_else(|| bad(format!("{value:?}")))
}

/// Whole seconds as a civil time; `None` out of the range of the calendar.
pub(super) fn civil(value: &calcard::common::PartialDateTime) -> Option<DateTime> {
    let whole = |part: Option<u8>| i8::try_from(part.unwrap_or(0)).ok();
    let year = i16::try_from(value.year?).ok()?;
    let date = jiff::civil::Date::new(year, whole(value.month)?, whole(value.day)?).ok()?;
    // A leap second is the last one of its minute.
    let second = whole(value.second)?.min(59);
    let time = jiff::civil::Time::new(whole(value.hour)?, whole(value.minute)?, second, 0).ok()?;
    Some(date.to_datetime(time))
}

#[cfg(test)]
mod tests;
