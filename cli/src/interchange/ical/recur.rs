//! Recurrence: the lines of RFC 5545 as they are, with the start that they count from.

use calcard::Entry;
use calcard::Parser;
use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarProperty, ICalendarValue,
};
use caphub_proto::exchange::check::{FIELD_BYTES_MAX, LIST_MAX};

use crate::interchange::ical::zone::Zones;
use crate::interchange::{Draft, Why};

/// Properties that make up a recurrence, in the order in which records hold them.
const PARTS: [ICalendarProperty; 5] = [
    ICalendarProperty::Dtstart,
    ICalendarProperty::Rrule,
    ICalendarProperty::Exrule,
    ICalendarProperty::Rdate,
    ICalendarProperty::Exdate,
];
/// Dates of one line, so that a line fits a field of a record.
const DATES_A_LINE: usize = 60;

/// Puts an event's recurrence into the draft; a changed occurrence is an item of its own.
pub fn carry(event: &ICalendarComponent, zones: &Zones<'_>, draft: &mut Draft) {
    if let Some(entry) = event.property(&ICalendarProperty::RecurrenceId) {
        let of = line(entry);
        draft.notes.push(Why::new("import-occurrence").with("text", &of));
        if !draft.identifier.is_empty() {
            draft.identifier = format!("{}\n{of}", draft.identifier);
        }
        return;
    }
    if !event.is_recurrent() {
        return;
    }
    let mut lines = Vec::new();
    for entry in PARTS.iter().flat_map(|property| event.properties(property)) {
        match sound(entry) {
            true => lines.extend(split(entry).iter().map(line)),
            false => draft.notes.push(Why::new("import-bad-recurrence").with("text", line(entry))),
        }
    }
    if lines.iter().all(|l| l.starts_with("DTSTART")) {
        return;
    }
    let unknown = event.entries.iter().filter_map(ICalendarEntry::tz_id).find(|n| zones.known(n).is_none());
    if let Some(name) = unknown {
        draft.notes.push(Why::new("import-recurs-zone").with("text", name));
    }
    let rules: Vec<&str> = lines.iter().filter(|l| !l.starts_with("DTSTART")).map(String::as_str).collect();
    match lines.len() <= LIST_MAX && lines.iter().all(|l| l.len() <= FIELD_BYTES_MAX) {
        true => {
            let shown: String = rules.join("; ").chars().take(120).collect();
            draft.notes.push(Why::new("import-recurs").with("text", shown));
            draft.set("recurrence", lines);
        }
        false => draft.notes.push(Why::new("import-left-recurrence").with("found", lines.len())),
    }
}

/// The properties that lines of a record stand for; lines that are none are passed over.
pub fn entries(lines: &[String]) -> Vec<ICalendarEntry> {
    let mut text = "BEGIN:VEVENT\r\n".to_owned();
    for line in lines.iter().filter(|l| !l.contains(['\r', '\n'])) {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("END:VEVENT\r\n");
    let Entry::ICalendar(parsed) = Parser::new(&text).entry() else { return Vec::new() };
    let events = parsed.components.into_iter();
    let mut events = events.filter(|c| c.component_type == ICalendarComponentType::VEvent);
    let entries = events.next().map(|e| e.entries).unwrap_or_default();
    entries.into_iter().filter(|e| PARTS.contains(&e.name) && sound(e)).collect()
}

/// False for what stands in the place of a rule or a date and is none.
fn sound(entry: &ICalendarEntry) -> bool {
    let good = |value: &ICalendarValue| {
        use ICalendarValue as Value;
        matches!(value, Value::RecurrenceRule(_) | Value::PartialDateTime(_) | Value::Period(_))
    };
    !entry.values.is_empty() && entry.values.iter().all(good)
}

/// Long lists of dates as several lines.
fn split(entry: &ICalendarEntry) -> Vec<ICalendarEntry> {
    if entry.values.len() <= DATES_A_LINE {
        return vec![entry.clone()];
    }
    let part = |values: &[_]| ICalendarEntry { values: values.to_vec(), ..entry.clone() };
    entry.values.chunks(DATES_A_LINE).map(part).collect()
}

/// One property as one line.
fn line(entry: &ICalendarEntry) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = entry.write_to(&mut out);
    out.replace("\r\n ", "").trim_end().to_owned()
}
