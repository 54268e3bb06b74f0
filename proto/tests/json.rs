//! Records as JSON: every field of every kind looks as the published file says, and is read back as it was.

use caphub_proto::v1::Revision;
use caphub_proto::v1::revision::Record;
use prost::Message;
use serde_json::Value;

fn cases() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/json.json");
    let text = std::fs::read_to_string(path).expect("the file");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    all["cases"].as_array().expect("cases").clone()
}

/// Writes a record as JSON, and reads another from JSON; `None` where the kind has no JSON.
macro_rules! through_json {
    ($record:expr, $json:expr, $($kind:ident)*) => {
        match $record {
            $(Record::$kind(r) => Some((
                serde_json::to_value(r).expect("JSON"),
                serde_json::from_value($json).map(Record::$kind),
            )),)*
            Record::ThreadGrant(_) => None,
        }
    };
}

fn through(record: &Record, json: Value) -> Option<(Value, serde_json::Result<Record>)> {
    through_json!(record, json,
        Profile Need Offer Course Session Attestation Recognition Refusal Reply NodeCard Withdraw Call Nomination
        Engagement Fellowship Fund Technique Artifact Endorsement Barrier Vocabulary RuleSet Project Erasure)
}

#[test]
fn every_kind_is_written_and_read_as_published() {
    let cases = cases();
    assert!(cases.len() > 60, "{} cases", cases.len());
    for case in &cases {
        let name = &case["name"];
        let body = hex::decode(case["body"].as_str().expect("hex")).expect("hex");
        let revision = Revision::decode(body.as_slice()).expect("a revision");
        let record = revision.record.as_ref().expect("a record");
        let (written, read) = through(record, case["record"].clone()).expect("a kind with JSON");
        assert_eq!(written, case["record"], "{name}");
        let again = Revision { record: Some(read.expect("a record")), ..Revision::default() };
        assert_eq!(again.encode_to_vec(), body, "{name}: read back");
    }
}

#[test]
fn an_absent_field_is_empty_and_an_unknown_one_is_refused() {
    for case in cases() {
        let body = hex::decode(case["body"].as_str().expect("hex")).expect("hex");
        let record = Revision::decode(body.as_slice()).expect("a revision").record.expect("a record");
        let empty = Value::Object(serde_json::Map::new());
        let (_, read) = through(&record, empty).expect("a kind with JSON");
        let read = Revision { record: Some(read.expect("nothing is needed")), ..Revision::default() };
        // The kind's tag and a length of 0.
        assert!(read.encode_to_vec().len() <= 3, "{}", case["name"]);
        let mut more = case["record"].clone();
        more.as_object_mut().expect("an object").insert("of_a_later_version".to_owned(), Value::from(1));
        let (_, read) = through(&record, more).expect("a kind with JSON");
        assert!(read.is_err(), "{}: a word that is misspelt is not left out in silence", case["name"]);
    }
}
