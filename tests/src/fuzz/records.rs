//! Records of every kind, as protobuf and as JSON.

use caphub_proto::exchange::validate;
use caphub_proto::v1::Revision;
use caphub_proto::v1::revision::Record;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Does something with each kind that has a JSON.
macro_rules! kinds {
    ($do:ident, $($with:expr),*) => {
        $do!($($with,)* Profile Need Offer Course Session Attestation Recognition Refusal Reply NodeCard Withdraw Call
            Nomination Engagement Fellowship Fund Technique Artifact Endorsement Barrier Vocabulary RuleSet Project Erasure)
    };
}

macro_rules! written {
    ($record:expr, $valid:expr, $($kind:ident)*) => {
        match $record {
            $(Record::$kind(record) => again(record, $valid),)*
            Record::ThreadGrant(_) => {}
        }
    };
}

macro_rules! read {
    ($bytes:expr, $($kind:ident)*) => {
        $(if let Ok(record) = serde_json::from_slice($bytes).map(Record::$kind) {
            through_json(&record, false);
        })*
    };
}

/// What was read can be written as JSON; what is valid reads back as it was.
fn again<T: Serialize + DeserializeOwned + PartialEq>(record: &T, valid: bool) {
    let json = serde_json::to_value(record).expect("what was read can be written");
    if valid {
        let read: T = serde_json::from_value(json).expect("what is valid is read again");
        assert!(read == *record, "a valid record reads back as it was");
    }
}

/// The bytes of an entry's body.
pub(super) fn revision(bytes: &[u8]) {
    let Ok(revision) = Revision::decode(bytes) else { return };
    let valid = validate(&revision).is_ok();
    if let Some(record) = &revision.record {
        through_json(record, valid);
    }
}

fn through_json(record: &Record, valid: bool) {
    kinds!(written, record, valid);
}

/// JSON, as a record of each kind.
pub(super) fn json(bytes: &[u8]) {
    kinds!(read, bytes);
}
