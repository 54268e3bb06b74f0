//! Time zones of a calendar: by name where the name is known, else by the rules that the file brings.

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarFrequency, ICalendarProperty,
    ICalendarRecurrenceRule, ICalendarValue, ICalendarWeekday,
};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Span};

use crate::interchange::ical::{civil, text};

/// A moment of an event, in its zone.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The time on the wall.
    pub at: DateTime,
    /// Where the wall stands; nothing for a time that floats, or a whole day.
    pub zone: Option<TimeZone>,
    /// A day without a time.
    pub whole_day: bool,
    /// The name of a zone that neither we nor the file know.
    pub unknown_zone: Option<String>,
}

impl Moment {
    /// In the form of a record.
    pub fn text(&self) -> String {
        match (&self.zone, self.whole_day) {
            (_, true) => self.at.date().to_string(),
            (None, _) => self.at.to_string(),
            (Some(zone), _) => match zone.to_zoned(self.at) {
                Ok(zoned) if zoned.offset() == Offset::UTC => zoned.timestamp().to_string(),
                Ok(zoned) => zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
                Err(_) => self.at.to_string(),
            },
        }
    }

    /// So many days on, or back.
    pub fn days(&self, days: i64) -> Option<Self> {
        let at = self.at.checked_add(Span::new().try_days(days).ok()?).ok()?;
        Some(Self { at, ..self.clone() })
    }

    /// So many seconds of real time on.
    pub fn plus(&self, seconds: i64) -> Option<Self> {
        let length = SignedDuration::from_secs(seconds);
        match (&self.zone, self.whole_day) {
            (Some(zone), false) => {
                let end = zone.to_zoned(self.at).ok()?.checked_add(length).ok()?;
                // An hour that comes twice is told apart by its offset.
                let zone =
                    if end.offset() == Offset::UTC { zone.clone() } else { TimeZone::fixed(end.offset()) };
                Some(Self { at: end.datetime(), zone: Some(zone), ..self.clone() })
            }
            _ => Some(Self { at: self.at.checked_add(length).ok()?, ..self.clone() }),
        }
    }
}

/// The zones that a calendar may name.
pub struct Zones<'a> {
    names: TzResolver<&'a str>,
    own: Vec<(String, Vec<Observance>)>,
}

/// One rule of a zone: from when, and how far from UTC.
struct Observance {
    starts: DateTime,
    from: Offset,
    to: Offset,
    rule: Option<Yearly>,
    dates: Vec<DateTime>,
}

/// The nth weekday of a month, every year; the only rule that zones of this century use.
struct Yearly {
    month: i8,
    nth: i8,
    weekday: Weekday,
    until: Option<DateTime>,
}

impl<'a> Zones<'a> {
    /// Collects the zones of a calendar.
    pub fn of(calendar: &'a ICalendar) -> Self {
        let mut own = Vec::new();
        for zone in calendar.timezones() {
            let parts = zone.component_ids.iter().filter_map(|id| calendar.component_by_id(*id));
            let rules: Option<Vec<Observance>> = parts
                .filter(|p| {
                    use ICalendarComponentType as Type;
                    matches!(p.component_type, Type::Standard | Type::Daylight)
                })
                .map(Observance::of)
                .collect();
            if let Some(rules) = rules.filter(|r| !r.is_empty()) {
                own.push((text(zone, &ICalendarProperty::Tzid), rules));
            }
        }
        Self { names: calendar.build_tz_resolver(), own }
    }

    /// The zone of a name at a time on its wall.
    pub fn zone(&self, name: &str, at: DateTime) -> Option<TimeZone> {
        if let Some(zone) = self.known(name) {
            return Some(zone);
        }
        let (_, rules) = self.own.iter().find(|(n, _)| n == name)?;
        let latest = rules.iter().filter_map(|r| Some((r.onset(at)?, r.to))).max_by_key(|(onset, _)| *onset);
        let first = rules.iter().min_by_key(|r| r.starts).map(|r| r.from);
        latest.map(|(_, to)| to).or(first).map(TimeZone::fixed)
    }

    /// A zone of the public database, also by the names that common programs give it.
    pub fn known(&self, name: &str) -> Option<TimeZone> {
        // Some programs put their own name and a slash before the zone's.
        let inner = || {
            let ends = name.match_indices('/').filter_map(|(i, _)| name.get(i + 1..));
            ends.filter(|n| n.contains('/')).find_map(|n| TimeZone::get(n).ok())
        };
        let Some(zone) = self.names.resolve(name) else { return inner() };
        match zone {
            Tz::Floating => None,
            Tz::Fixed(offset) => Offset::from_seconds(offset.local_minus_utc()).ok().map(TimeZone::fixed),
            tz @ Tz::Tz(_) => TimeZone::get(&tz.name()?).ok(),
        }
    }

    /// A value with the zone that its property names.
    pub fn moment(&self, value: &PartialDateTime, name: Option<&str>) -> Option<Moment> {
        let at = civil(value)?;
        let whole_day = value.hour.is_none();
        let (mut zone, mut unknown_zone) = (None, None);
        if !whole_day {
            if let Some(offset) = value.tz_hour.and_then(|_| offset(value)) {
                zone = Some(if offset == Offset::UTC { TimeZone::UTC } else { TimeZone::fixed(offset) });
            } else if let Some(name) = name {
                zone = self.zone(name, at);
                unknown_zone = zone.is_none().then(|| name.to_owned());
            }
        }
        Some(Moment { at, zone, whole_day, unknown_zone })
    }
}

fn offset(value: &PartialDateTime) -> Option<Offset> {
    let seconds = i32::from(value.tz_hour?) * 3_600 + i32::from(value.tz_minute.unwrap_or(0)) * 60;
    Offset::from_seconds(if value.tz_minus { -seconds } else { seconds }).ok()
}

impl Observance {
    /// Nothing where a rule is of a form that we do not follow: a wrong offset is worse than none.
    fn of(part: &ICalendarComponent) -> Option<Self> {
        let first = |property: &ICalendarProperty| match part.property(property)?.values.first()? {
            ICalendarValue::PartialDateTime(value) => Some((**value).clone()),
            _ => None,
        };
        let rule = match part.property(&ICalendarProperty::Rrule).and_then(|e| e.values.first()) {
            None => None,
            Some(ICalendarValue::RecurrenceRule(rule)) => Some(Yearly::of(rule)?),
            Some(_) => return None,
        };
        let dates = part.properties(&ICalendarProperty::Rdate).flat_map(|e| &e.values);
        let dates = dates.filter_map(|v| match v {
            ICalendarValue::PartialDateTime(value) => civil(value),
            _ => None,
        });
        Some(Self {
            starts: civil(&first(&ICalendarProperty::Dtstart)?)?,
            from: offset(&first(&ICalendarProperty::Tzoffsetfrom)?)?,
            to: offset(&first(&ICalendarProperty::Tzoffsetto)?)?,
            rule,
            dates: dates.collect(),
        })
    }

    /// When it last began, up to a time on the wall.
    fn onset(&self, at: DateTime) -> Option<DateTime> {
        let fixed = self.dates.iter().copied().chain([self.starts]).filter(|d| *d <= at).max();
        let yearly = self.rule.as_ref().and_then(|rule| {
            let of = |year: i16| Some(rule.day(year)?.to_datetime(self.starts.time()));
            let years = [at.year(), at.year() - 1, rule.until.map_or(at.year(), |u| u.year())];
            let onsets = years.into_iter().filter_map(of);
            let within = |d: &DateTime| {
                *d <= at && *d >= self.starts && rule.until.is_none_or(|u| d.date() <= u.date())
            };
            onsets.filter(within).max()
        });
        fixed.max(yearly)
    }
}

impl Yearly {
    fn of(rule: &ICalendarRecurrenceRule) -> Option<Self> {
        let ([month], [day]) = (&rule.bymonth[..], &rule.byday[..]) else { return None };
        let plain = rule.freq == ICalendarFrequency::Yearly && rule.count.is_none();
        if !plain || rule.interval.unwrap_or(1) != 1 || !rule.bymonthday.is_empty() {
            return None;
        }
        Some(Self {
            month: i8::try_from(month.month()).ok()?,
            nth: i8::try_from(day.ordwk?).ok()?,
            weekday: match day.weekday {
                ICalendarWeekday::Sunday => Weekday::Sunday,
                ICalendarWeekday::Monday => Weekday::Monday,
                ICalendarWeekday::Tuesday => Weekday::Tuesday,
                ICalendarWeekday::Wednesday => Weekday::Wednesday,
                ICalendarWeekday::Thursday => Weekday::Thursday,
                ICalendarWeekday::Friday => Weekday::Friday,
                ICalendarWeekday::Saturday => Weekday::Saturday,
            },
            until: rule.until.as_ref().and_then(civil),
        })
    }

    fn day(&self, year: i16) -> Option<Date> {
        Date::new(year, self.month, 1).ok()?.nth_weekday_of_month(self.nth, self.weekday).ok()
    }
}
