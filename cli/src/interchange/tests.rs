//! Every reader against cut, bent and hostile bytes: whatever comes, it answers, and it does not take the program along.

use serde_json::json;

use super::*;

/// A small xorshift, so that a failure names its seed and comes back.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most.max(1) as u64).unwrap_or(0)
    }
}

/// One honest file of each format, and the kind that it becomes.
fn samples() -> Vec<(&'static str, RecordKind, Vec<u8>)> {
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
        TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
        BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:A\\, b\r\nDTSTART;TZID=X:20270301T090000\r\nDURATION:PT1H\r\n\
        RRULE:FREQ=WEEKLY;COUNT=3\r\nEXDATE;TZID=X:20270308T090000\r\nCATEGORIES:a,b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let page = "<!DOCTYPE html><html><script type=\"application/ld+json\">{\"@type\":\"Course\",\"name\":\"A\"}</script></html>";
    let activity = "<iati-activities version=\"2.03\"><iati-activity default-currency=\"USD\"><iati-identifier>X</iati-identifier>\
        <reporting-org ref=\"X\" type=\"40\"><narrative>N</narrative></reporting-org><title><narrative>T &amp; u</narrative></title>\
        <description><narrative>D</narrative></description><participating-org role=\"1\"/><activity-status code=\"2\"/>\
        <activity-date type=\"1\" iso-date=\"2027-01-01\"/><budget><period-start iso-date=\"2027-01-01\"/>\
        <period-end iso-date=\"2027-12-31\"/><value value-date=\"2027-01-01\">12.5</value></budget></iati-activity></iati-activities>";
    let stix = json!({ "type": "bundle", "id": "bundle--1", "objects": [{ "type": "course-of-action",
        "id": "course-of-action--1", "name": "A", "description": "B", "external_references": [{ "source_name": "x" }] }] });
    let galaxy = json!({ "type": "x", "uuid": "u", "name": "X", "version": 1, "values": [
        { "uuid": "1", "value": "A - K1", "description": "B", "related": [{ "dest-uuid": "1", "type": "part-of" }] }] });
    let row = vec![vec!["Logs".to_owned(), "2027-03-01".to_owned()]];
    let book = xlsx::write("S", &["title", "starts"], &row).expect("a workbook");
    vec![
        ("ics", RecordKind::Session, calendar.as_bytes().to_vec()),
        ("html", RecordKind::Course, page.as_bytes().to_vec()),
        ("iati", RecordKind::Project, activity.as_bytes().to_vec()),
        ("stix", RecordKind::Technique, stix.to_string().into_bytes()),
        ("galaxy", RecordKind::Vocabulary, galaxy.to_string().into_bytes()),
        ("xlsx", RecordKind::Session, book),
        ("csv", RecordKind::Course, b"title;level\nLogs;beginner\n".to_vec()),
    ]
}

fn taken(bytes: &[u8], kind: RecordKind) -> usize {
    let Ok(reading) = read(bytes, "f", &wishes_for(kind)) else { return 0 };
    reading
        .found
        .iter()
        .filter(|f| f.draft.as_ref().is_ok_and(|d| !d.record(&wishes_for(kind)).is_empty()))
        .count()
}

#[test]
fn honest_files_are_taken_and_told_by_their_bytes_alone() {
    for (format, kind, bytes) in samples() {
        let reading = read(&bytes, "f", &wishes_for(kind)).expect(format);
        assert_eq!((reading.format.name(), taken(&bytes, kind)), (format, 1), "{format}");
    }
}

#[test]
fn yaml_is_named_and_a_table_is_none() {
    let read = |text: &str, name: &str| read(text.as_bytes(), name, &wishes_for(RecordKind::Need));
    for (text, name) in [("title: Logs\n", "a.yml"), ("---\n- title: Logs\n", "a"), ("%YAML 1.2\n", "a")] {
        let problem = read(text, name).err().unwrap_or_default();
        assert!(problem.contains("YAML"), "{name}: {problem}");
    }
    assert!(read("title;theme\nLogs;standards\n", "a.csv").is_ok());
}

#[test]
fn a_file_cut_anywhere_is_answered() {
    for (_, kind, bytes) in samples() {
        for cut in 0..bytes.len() {
            let _ = taken(&bytes[..cut], kind);
        }
    }
}

#[test]
fn bent_bytes_are_answered() {
    for seed in 1..=400 {
        let mut random = Random(seed * 0x9e37_79b9);
        for (_, kind, mut bytes) in samples() {
            for _ in 0..1 + random.below(8) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = u8::try_from(random.below(256)).expect("a byte"),
                    1 => bytes.insert(at, b"<>&;,:\"{}[]\0\r\n"[random.below(14)]),
                    2 => drop(bytes.remove(at)),
                    _ => {
                        let end = (at + random.below(40)).min(bytes.len());
                        let again = bytes[at..end].to_vec();
                        bytes.splice(at..at, again);
                    }
                }
            }
            let _ = taken(&bytes, kind);
        }
    }
}
