//! Calendar days as numbers, for rules that count them.

use crate::v1::Window;

/// A day of the proleptic Gregorian calendar: 0 is 1 January 1970.
pub type Day = i32;

/// Before every day that a record can name.
pub const FIRST: Day = -1_000_000;
/// After every day that a record can name.
pub const LAST: Day = 4_000_000;

/// The day of an ISO 8601 date, or of the date that a time begins with; `None` where it is none.
pub fn parse(text: &str) -> Option<Day> {
    let date: jiff::civil::Date = text.get(..10)?.parse().ok()?;
    Some(of(date))
}

/// The day of a time in milliseconds since 1970 UTC.
pub fn of_ms(ms: u64) -> Day {
    Day::try_from(ms / 86_400_000).unwrap_or(LAST).min(LAST)
}

/// The ISO 8601 date of a day; empty at either end of time.
pub fn text(day: Day) -> String {
    if day <= FIRST || day >= LAST {
        return String::new();
    }
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(i64::from(day))).map(|d| d.to_string()).unwrap_or_default()
}

/// The first and the last day of a window; an open end is `FIRST` or `LAST`.
pub fn span(window: Option<&Window>) -> (Day, Day) {
    let Some(window) = window else { return (FIRST, LAST) };
    (parse(&window.from).unwrap_or(FIRST), parse(&window.until).unwrap_or(LAST))
}

/// Days since 1970 by the civil calendar's own arithmetic.
fn of(date: jiff::civil::Date) -> Day {
    // Years begin in March, so that the day that not every year has comes last.
    let (year, month) = (i32::from(date.year()), i32::from(date.month()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i32::from(date.day()) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970_and_come_back_as_dates() {
        assert_eq!(parse("1970-01-01"), Some(0));
        assert_eq!(parse("2000-02-29"), Some(11_016));
        assert_eq!(parse("2026-11-25T10:00:00Z"), parse("2026-11-25"));
        assert_eq!(parse("2027-03-01").zip(parse("2027-02-28")).map(|(a, b)| a - b), Some(1));
        assert_eq!(parse("soon"), None);
        assert_eq!(text(parse("2026-11-25").expect("a date")), "2026-11-25");
        assert_eq!(of_ms(86_400_000 * 3 + 5), 3);
    }
}
