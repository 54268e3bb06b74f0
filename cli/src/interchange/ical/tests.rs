//! Calendars as programs write them, and as they should not.

use super::*;
use crate::interchange::wishes_for;

fn events(body: &str) -> Vec<Found> {
    let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}END:VCALENDAR\r\n");
    read(&text, "c.ics", &wishes_for(RecordKind::Session)).expect("a calendar").found
}

fn one(lines: &str) -> Result<Draft, Why> {
    let body = format!("BEGIN:VEVENT\r\nUID:u\r\nSUMMARY:S\r\n{lines}\r\nEND:VEVENT\r\n");
    events(&body).remove(0).draft
}

fn dated(lines: &str) -> (String, String) {
    let draft = one(lines).expect("an event");
    let get = |name: &str| draft.fields.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    (get("starts"), get("ends"))
}

#[test]
fn times_keep_their_zone_whatever_its_name() {
    for (lines, starts, ends) in [
        (
            "DTSTART:20270301T090000Z\r\nDTEND:20270301T100000Z",
            "2027-03-01T09:00:00Z",
            "2027-03-01T10:00:00Z",
        ),
        (
            "DTSTART;TZID=Pacific/Auckland:20270101T090000\r\nDURATION:PT90M",
            "2027-01-01T09:00:00+13:00",
            "2027-01-01T10:30:00+13:00",
        ),
        ("DTSTART;TZID=W. Europe Standard Time:20270701T090000", "2027-07-01T09:00:00+02:00", ""),
        ("DTSTART;TZID=/some.example/Europe/Berlin:20270301T090000", "2027-03-01T09:00:00+01:00", ""),
        ("DTSTART:20270301T090000", "2027-03-01T09:00:00", ""),
        ("DTSTART;VALUE=DATE:20270301\r\nDTEND;VALUE=DATE:20270304", "2027-03-01", "2027-03-03"),
        ("DTSTART;VALUE=DATE:20270301\r\nDURATION:P1D", "2027-03-01", "2027-03-01"),
        // Across the end of summer time an hour is an hour.
        (
            "DTSTART;TZID=Europe/Berlin:20271031T013000\r\nDURATION:PT2H",
            "2027-10-31T01:30:00+02:00",
            "2027-10-31T02:30:00+01:00",
        ),
    ] {
        assert_eq!(dated(lines), (starts.to_owned(), ends.to_owned()), "{lines}");
    }
}

#[test]
fn a_zone_that_only_the_file_knows_follows_the_rules_of_the_file() {
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Island Time\r\nBEGIN:STANDARD\r\nDTSTART:20000402T030000\r\n\
        TZOFFSETFROM:+1400\r\nTZOFFSETTO:+1300\r\nRRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU\r\nEND:STANDARD\r\n\
        BEGIN:DAYLIGHT\r\nDTSTART:20000924T020000\r\nTZOFFSETFROM:+1300\r\nTZOFFSETTO:+1400\r\n\
        RRULE:FREQ=YEARLY;BYMONTH=9;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n";
    let at = |when: &str| {
        let event = format!("BEGIN:VEVENT\r\nSUMMARY:S\r\nDTSTART;TZID=Island Time:{when}\r\nEND:VEVENT\r\n");
        let found = events(&format!("{zone}{event}")).remove(0);
        found.draft.expect("an event").fields["starts"].as_str().expect("a text").to_owned()
    };
    assert_eq!(at("20270110T090000"), "2027-01-10T09:00:00+14:00");
    assert_eq!(at("20270610T090000"), "2027-06-10T09:00:00+13:00");
    assert_eq!(at("20271010T090000"), "2027-10-10T09:00:00+14:00");
    let unknown = one("DTSTART;TZID=Nowhere:20270301T090000").expect("an event");
    assert_eq!(unknown.fields["starts"], "2027-03-01T09:00:00");
    assert_eq!(unknown.notes[0].key, "import-left-zone");
}

#[test]
fn recurrence_is_stated_and_never_expanded() {
    let draft = one("DTSTART;TZID=Europe/Paris:20270301T090000\r\nRRULE:FREQ=SECONDLY\r\n\
        EXDATE;TZID=Europe/Paris:20270302T090000");
    let draft = draft.expect("an event");
    let expected = serde_json::json!([
        "DTSTART;TZID=Europe/Paris:20270301T090000",
        "RRULE:FREQ=SECONDLY",
        "EXDATE;TZID=Europe/Paris:20270302T090000"
    ]);
    assert_eq!(draft.fields["recurrence"], expected);
    assert_eq!(draft.notes[0].key, "import-recurs");
    let odd = one("DTSTART:20270301T090000Z\r\nRRULE:FREQ=NEVER").expect("an event");
    assert_eq!((odd.fields.get("recurrence"), odd.notes[0].key), (None, "import-bad-recurrence"));
    let changed = one("DTSTART:20270301T090000Z\r\nRECURRENCE-ID:20270301T080000Z").expect("an event");
    assert_eq!(changed.identifier, "u\nRECURRENCE-ID:20270301T080000Z");
}

#[test]
fn what_is_private_cancelled_or_no_event_is_told_and_not_taken() {
    let why = |lines: &str| one(lines).expect_err("not taken").key;
    assert_eq!(why("DTSTART:20270301T090000Z\r\nCLASS:PRIVATE"), "import-private");
    assert_eq!(why("DTSTART:20270301T090000Z\r\nSTATUS:CANCELLED"), "import-cancelled");
    assert_eq!(why("DTSTART:not a date"), "import-bad-date");
    assert_eq!(why("DESCRIPTION:x"), "import-no-start");
    let todo = events("BEGIN:VTODO\r\nSUMMARY:T\r\nEND:VTODO\r\n").remove(0);
    assert_eq!((todo.at.as_str(), todo.draft.expect_err("no event").key), ("VTODO 1", "import-no-kind"));
}

#[test]
fn nesting_and_endless_input_end() {
    let deep = "BEGIN:VEVENT\r\n".repeat(100_000);
    let _ = read(&deep, "d.ics", &wishes_for(RecordKind::Session));
    let noise = format!("BEGIN:VCALENDAR\r\n{}", "END:VEVENT\r\n".repeat(150_000));
    let _ = read(&noise, "n.ics", &wishes_for(RecordKind::Session));
    let stray = format!("BEGIN:VEVENT\r\nEND:VEVENT\r\n{}", "X\r\n".repeat(150_000));
    assert!(read(&stray, "s.ics", &wishes_for(RecordKind::Session)).is_err());
}
