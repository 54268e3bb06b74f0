//! Dates and times as files write them, in the form that records have.

use caphub_proto::exchange::check;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The moment in the form of a record; `None` where it is no date that has one meaning only.
///
/// A form such as 03/04/2027 means two days, and is refused.
pub fn normal(text: &str, zone: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return Some(String::new());
    }
    let known = local(text);
    if let Some(local) = known
        && let Ok(zone) = TimeZone::get(zone.trim())
        && !zone.iana_name().unwrap_or_default().is_empty()
        && text.len() > 10
    {
        let zoned = local.to_zoned(zone).ok()?;
        return Some(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
    }
    if text.contains('-') && !text.contains(' ') && check::moment(text).is_ok() {
        return Some(text.to_owned());
    }
    if let Ok(date) = text.parse::<Date>()
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    {
        return Some(date.to_string());
    }
    let instant = ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z"].iter().find_map(|format| {
        let parsed = jiff::fmt::strtime::parse(format, text).ok()?;
        parsed.to_timestamp().ok()
    });
    instant.map(|t| t.to_string()).or_else(|| known.map(|d| d.to_string()))
}

/// A date and time without a zone.
fn local(text: &str) -> Option<DateTime> {
    let has_zone = text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|t| t.contains(['+', '-']));
    if has_zone || text.len() < 12 {
        return None;
    }
    let spaced = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M", text).ok().and_then(|t| t.to_datetime().ok());
    text.parse::<DateTime>().ok().or(spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_with_one_meaning_are_kept_or_brought_into_one_form() {
        for (given, zone, expected) in [
            ("2027-03-31", "", "2027-03-31"),
            ("20270331", "", "2027-03-31"),
            ("2027-03-31T09:00:00Z", "", "2027-03-31T09:00:00Z"),
            ("2027-03-31T09:00:00+12:00", "", "2027-03-31T09:00:00+12:00"),
            ("20220112T110000", "", "2022-01-12T11:00:00"),
            ("20220112T110000", "Australia/Sydney", "2022-01-12T11:00:00+11:00"),
            ("2022-01-12 11:00", "", "2022-01-12T11:00:00"),
            ("1970-01-01 00:00:09 +0000", "", "1970-01-01T00:00:09Z"),
            ("", "", ""),
        ] {
            assert_eq!(normal(given, zone).as_deref(), Some(expected), "{given} {zone}");
        }
        for given in ["03/04/2027", "next week", "2027-02-30", "12:30"] {
            assert_eq!(normal(given, ""), None, "{given}");
        }
    }
}
