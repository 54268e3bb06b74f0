//! Sessions as a calendar that programs subscribe to.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDuration, ICalendarEntry,
    ICalendarMethod, ICalendarParameter, ICalendarProperty, ICalendarValue, ICalendarValueType, Uri,
};
use caphub_proto::exchange::RecordKind;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde_json::{Value, json};

use crate::interchange::draft::Own;
use crate::interchange::ical::{OWN, recur};
use crate::interchange::write::{Item, own, read_back};

/// How often a program looks again.
const REFRESH: ICalendarDuration =
    ICalendarDuration { neg: false, weeks: 0, days: 1, hours: 0, minutes: 0, seconds: 0 };

/// All sessions as one calendar.
pub fn write(items: &[Item], kind: RecordKind) -> String {
    let mut events = Vec::new();
    for item in items {
        let mut event = event(item);
        let alone = calendar(vec![event.clone()]).to_string();
        let own = own(item, &read_back(alone.as_bytes(), kind));
        if own != Own::default() {
            event.add_property(ICalendarProperty::Other(OWN.to_owned()), json!(own).to_string());
        }
        events.push(event);
    }
    calendar(events).to_string()
}

fn calendar(events: Vec<ICalendarComponent>) -> ICalendar {
    let mut top = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    top.add_property(ICalendarProperty::Version, "2.0".to_owned());
    top.add_property(ICalendarProperty::Prodid, "-//caphub//caphub//EN".to_owned());
    top.add_property(ICalendarProperty::Method, ICalendarMethod::Publish);
    top.add_property(ICalendarProperty::Name, "caphub".to_owned());
    top.add_property(ICalendarProperty::Other("X-WR-CALNAME".to_owned()), "caphub".to_owned());
    let duration = ICalendarParameter::value(ICalendarValueType::Duration);
    top.add_property_with_params(ICalendarProperty::RefreshInterval, [duration], REFRESH);
    // Places in the list of components are u32; far fewer records fit a replica.
    top.component_ids = (1..=u32::try_from(events.len()).unwrap_or(u32::MAX)).collect();
    let mut calendar = ICalendar { components: vec![top] };
    calendar.components.extend(events);
    // Recurrence that counts on a wall needs the rules of that wall.
    calendar.add_missing_timezones();
    calendar
}

fn event(item: &Item) -> ICalendarComponent {
    let fields = item.fields();
    let get = |pointer: &str| {
        let value = fields.get(pointer.split('/').next().unwrap_or_default());
        let value = match pointer.split_once('/') {
            Some((_, inner)) => value.and_then(|v| v.get(inner)),
            None => value,
        };
        clean(value.and_then(Value::as_str).unwrap_or_default())
    };
    let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
    event.add_property(ICalendarProperty::Uid, item.urn());
    let stamp = i64::try_from(item.time_ms / 1_000).unwrap_or(0);
    event.add_property(ICalendarProperty::Dtstamp, PartialDateTime::from_utc_timestamp(stamp));
    event.add_property(ICalendarProperty::Sequence, i64::from(item.revision.number.saturating_sub(1)));
    let language = ICalendarParameter::language(get("title/language"));
    event.add_property_with_params(ICalendarProperty::Summary, [language], get("title/text"));
    let texts = [
        (ICalendarProperty::Description, get("description/text")),
        (ICalendarProperty::Location, get("place")),
    ];
    for (property, text) in texts.into_iter().filter(|(_, t)| !t.is_empty()) {
        event.add_property(property, text);
    }
    if !get("link").is_empty() {
        event.add_property(ICalendarProperty::Url, Uri::Location(get("link")));
    }
    let words = fields.get("keywords").and_then(Value::as_array).cloned().unwrap_or_default();
    let words: Vec<ICalendarValue> =
        words.iter().filter_map(Value::as_str).map(|w| ICalendarValue::Text(clean(w))).collect();
    if !words.is_empty() {
        event.entries.push(ICalendarEntry::new(ICalendarProperty::Categories).with_values(words));
    }
    let lines = fields.get("recurrence").and_then(Value::as_array).cloned().unwrap_or_default();
    let lines: Vec<String> = lines.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let recurrence = recur::entries(&lines);
    let counted = recurrence.iter().any(|e| e.name == ICalendarProperty::Dtstart);
    if !counted {
        event.entries.extend(date(ICalendarProperty::Dtstart, &get("starts")));
    }
    event.entries.extend(date(ICalendarProperty::Dtend, &get("ends")));
    event.entries.extend(recurrence);
    event
}

/// A date, a time that floats, or a moment in UTC; nothing for an empty field.
fn date(property: ICalendarProperty, text: &str) -> Option<ICalendarEntry> {
    let entry = ICalendarEntry::new(property.clone());
    if let Ok(day) = text.parse::<Date>()
        && text.len() == 10
    {
        // The end of whole days is the day after the last one.
        let end = property == ICalendarProperty::Dtend;
        let day = if end { day.tomorrow().ok()? } else { day };
        let value = partial(day.to_datetime(jiff::civil::Time::midnight()))?;
        let value = PartialDateTime { hour: None, minute: None, second: None, ..value };
        return Some(entry.with_param(ICalendarParameter::value(ICalendarValueType::Date)).with_value(value));
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(entry.with_value(PartialDateTime::from_utc_timestamp(moment.as_second())));
    }
    Some(entry.with_value(partial(text.parse::<DateTime>().ok()?)?))
}

fn partial(at: DateTime) -> Option<PartialDateTime> {
    let small = |part: i8| u8::try_from(part).ok();
    Some(PartialDateTime {
        year: Some(u16::try_from(at.year()).ok()?),
        month: Some(small(at.month())?),
        day: Some(small(at.day())?),
        hour: Some(small(at.hour())?),
        minute: Some(small(at.minute())?),
        second: Some(small(at.second())?),
        ..PartialDateTime::default()
    })
}

/// Text without what a calendar must not hold: control characters other than line ends and tabs.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
