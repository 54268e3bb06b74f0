//! The shipped sample catalogue: invented organisations and records.

use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::Revision;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::commands::compose;
use crate::failure::Failure;

const CATALOGUE: &str = include_str!("../../../samples/catalogue.json");

/// All records of the catalogue with the organisation that each is of.
pub(super) struct Sample(Vec<(String, Revision)>);

impl Sample {
    /// Reads the catalogue.
    pub(super) fn read() -> Result<Self, Failure> {
        let damaged = |what: &str| Failure::new("error-sample").because(what);
        let mut whole: Value = serde_json::from_str(CATALOGUE).map_err(|e| damaged(&e.to_string()))?;
        let records = whole.get_mut("records").and_then(Value::as_array_mut);
        let records = records.map(std::mem::take).ok_or_else(|| damaged("no records"))?;
        let mut out = Vec::with_capacity(records.len());
        for mut value in records {
            rename(&mut value);
            let Value::Object(mut map) = value else { return Err(damaged("not an object")) };
            let party = text(&mut map, "party");
            let kind = text(&mut map, "kind");
            let id = text(&mut map, "id");
            let kinds = [RecordKind::Need, RecordKind::Offer, RecordKind::Course, RecordKind::Session];
            let kind = kinds.into_iter().find(|k| k.code() == kind).ok_or_else(|| damaged(&id))?;
            if let Some(Value::String(course)) = map.remove("course") {
                map.insert("course_id".to_owned(), Value::String(hex::encode(record_id(&course))));
            }
            let record = Some(compose::record(kind, map)?);
            let record_id = record_id(&id).to_vec();
            out.push((party, Revision { record_id, number: 1, record, ..Revision::default() }));
        }
        Ok(Self(out))
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those of one organisation, in order.
    pub(super) fn of(&self, party: &str) -> Vec<Revision> {
        self.0.iter().filter(|(p, _)| p == party).map(|(_, r)| r.clone()).collect()
    }
}

fn text(map: &mut Map<String, Value>, name: &str) -> String {
    map.remove(name).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The catalogue writes `lang` where the schema says `language`.
fn rename(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(rename);
            if let Some(language) = map.remove("lang") {
                map.insert("language".to_owned(), language);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rename),
        _ => {}
    }
}

fn record_id(name: &str) -> [u8; 16] {
    let digest = Sha256::digest(format!("caphub/sample/1\0{name}"));
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_of_the_catalogue_is_valid() {
        let sample = Sample::read().map_err(|f| f.lines(&crate::texts::of("en"))).expect("a catalogue");
        assert!(sample.len() >= 60);
        for (party, revision) in &sample.0 {
            let checked = caphub_proto::exchange::validate(revision);
            assert!(checked.is_ok(), "{party}: {:?} {checked:?}", revision.record);
        }
    }
}
