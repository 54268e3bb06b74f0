//! What honest ones wrote: the bytes of the vectors, what our own code makes, and `tests/fuzz/corpus`.

use std::path::PathBuf;
use std::sync::OnceLock;

use caphub_cli::interchange::xlsx;
use caphub_node::audit::file::{EvidenceFile, FeedHex, ForkHex, HistoryPair, LateStatement, StatementPair};
use caphub_node::link::LinkIdentity;
use caphub_proto::wire::card::{Card, Invitation};
use caphub_proto::wire::{Feed, PartyId, Signer};
use serde_json::Value;

use super::{TARGETS, Target, hex, place};

/// The segment of the stored folder.
pub(super) const SEGMENT: &str = "00000001.seg";
/// Cases of no more than this are bent: larger ones slow it down.
const CASE_BYTES_MAX: usize = 64 * 1024;

/// A store as a node left it.
pub(super) fn stored() -> PathBuf {
    place("../node/tests/stored-1/store")
}

fn vectors(name: &str) -> Value {
    let text = std::fs::read(place("../proto/vectors").join(format!("{name}.json"))).expect("vectors");
    serde_json::from_slice(&text).expect("JSON")
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok()).collect()
}

/// The feed that entries and runs of the vectors are of.
pub fn feed() -> Feed {
    static FEED: OnceLock<Feed> = OnceLock::new();
    *FEED.get_or_init(|| {
        let first = &vectors("entries")["cases"][0];
        let of = |name: &str| first[name].as_str().and_then(unhex).expect("bytes");
        Feed::from_parts(&of("party_id"), &of("operator_key"), &of("audience")).expect("a feed")
    })
}

/// The cases of one target.
pub fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut all = made(target.name);
    for name in target.vectors {
        collect(&vectors(name), &mut all);
    }
    for entry in std::fs::read_dir(place("fuzz/corpus").join(target.name)).into_iter().flatten().flatten() {
        all.push(std::fs::read(entry.path()).expect("a case"));
    }
    all.retain(|case| case.len() < CASE_BYTES_MAX);
    all.sort();
    all.dedup();
    all
}

/// The cases of all targets: what is a case of one is hostile to another.
pub fn all_seeds() -> Vec<Vec<u8>> {
    TARGETS.iter().flat_map(seeds).collect()
}

fn collect(value: &Value, all: &mut Vec<Vec<u8>>) {
    match value {
        Value::Array(items) => {
            // A run's or a log's entries, one after another, as they travel.
            let run: Vec<u8> = items.iter().filter_map(packed).flatten().collect();
            if items.len() > 1 && !run.is_empty() {
                all.push(run);
            }
            items.iter().for_each(|item| collect(item, all));
        }
        Value::Object(map) => {
            all.extend(packed(value));
            if let Some(record) = map.get("record").filter(|record| record.is_object()) {
                all.push(record.to_string().into_bytes());
            }
            if let (Some(one), Some(other)) = (bytes(map.get("first")), bytes(map.get("second"))) {
                all.push([one, other].concat());
            }
            map.values().for_each(|item| collect(item, all));
        }
        Value::String(text) if text.len() >= 8 => {
            all.push(unhex(text).unwrap_or_else(|| text.clone().into_bytes()));
        }
        _ => {}
    }
}

fn bytes(value: Option<&Value>) -> Option<Vec<u8>> {
    value?.as_str().and_then(unhex)
}

/// An entry with its body, packed.
fn packed(value: &Value) -> Option<Vec<u8>> {
    let of = |name: &str| bytes(value.get(name));
    let body = of("body")?;
    Some([of("header")?, of("signature")?, vec![1], body].concat())
}

/// What our own code writes.
fn made(name: &str) -> Vec<Vec<u8>> {
    let signer = Signer::from_seed(&[8; 32]);
    let card = Card {
        party: PartyId([1; 32]),
        node_key: signer.public(),
        name: "Hub of the North".to_owned(),
        addresses: vec!["192.0.2.1:7430".to_owned(), "[2001:db8::1]:7430".to_owned()],
        languages: vec!["en".to_owned(), "fr".to_owned()],
        time_ms: 1,
    };
    match name {
        "card" => {
            let invitation = Invitation {
                card: card.clone(),
                admit_key: signer.public(),
                code: [3; 16],
                country: "TV".to_owned(),
                invited: "Tuvalu CERT".to_owned(),
                not_after: 2,
            };
            vec![card.to_text(&signer).into_bytes(), invitation.to_text(&signer).into_bytes()]
        }
        "segment" => vec![std::fs::read(stored().join("segments").join(SEGMENT)).expect("a segment")],
        "certificate" => {
            let identity = LinkIdentity { party: card.party, signer };
            let made = identity.certificate(1).expect("a certificate");
            made.cert.iter().map(|der| der.to_vec()).collect()
        }
        "workbook" => {
            let rows = vec![vec!["Logs".to_owned(), "beginner".to_owned()]; 3];
            vec![xlsx::write("course", &["title", "level"], &rows).expect("a workbook")]
        }
        "evidence" => vec![evidence()],
        "import" => FILES.iter().map(|text| text.as_bytes().to_vec()).collect(),
        _ => Vec::new(),
    }
}

/// A file of evidence with one item of each kind.
fn evidence() -> Vec<u8> {
    let parts = |feed: Feed| FeedHex {
        party: feed.party.to_string(),
        operator_key: feed.key().map(|key| hex(key.as_bytes())).unwrap_or_default(),
        audience: hex(&feed.audience().encode()),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (forks, statements) = (vectors("forks"), vectors("statements"));
    let (proof, stated) = (&forks["cases"][0], text(&statements["cases"][0]["statements"][0]));
    let feed = parts(feed());
    let file = EvidenceFile {
        caphub_evidence: 1,
        statements: vec![StatementPair { feed: feed.clone(), held: stated.clone(), lower: stated.clone() }],
        late: vec![LateStatement { feed: feed.clone(), statement: stated, held: 9, since_ms: 1 }],
        histories: vec![HistoryPair::default()],
        forks: vec![ForkHex { feed, first: text(&proof["first"]), second: text(&proof["second"]) }],
        ..EvidenceFile::default()
    };
    serde_json::to_vec(&file).expect("a file")
}

const FILES: &[&str] = &[
    "title;level\nLogs;beginner\n",
    "{\"@graph\":[{\"@type\":\"Course\",\"name\":\"A\",\"hasCourseInstance\":[{\"startDate\":\"2027-03-01\"}]}]}",
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:A\r\nDTSTART:20270301T090000Z\r\nRRULE:FREQ=DAILY;COUNT=2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:2\r\nSUMMARY:B\r\nDTSTART;TZID=X:20270301T090000\r\nDURATION:PT2H\r\nEXDATE;TZID=X:20270302T090000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "<iati-activities version=\"2.03\"><iati-activity xml:lang=\"en\"><iati-identifier>X</iati-identifier><title><narrative>A</narrative></title><activity-date type=\"1\" iso-date=\"2027-01-01\"/><budget><value currency=\"EUR\" value-date=\"2027-01-01\">10</value></budget></iati-activity></iati-activities>",
    "<!DOCTYPE html><script type=\"application/ld+json\">{\"@type\":\"Course\",\"name\":\"A\"}</script>",
    "{\"type\":\"bundle\",\"id\":\"b\",\"objects\":[{\"type\":\"course-of-action\",\"id\":\"c\",\"name\":\"A\"}]}",
    "{\"type\":\"playbook\",\"spec_version\":\"cacao-2.0\",\"id\":\"playbook--1\",\"name\":\"A\",\"workflow\":{}}",
    "{\"uuid\":\"u\",\"name\":\"G\",\"type\":\"g\",\"values\":[{\"value\":\"A\",\"uuid\":\"v\",\"meta\":{\"refs\":[\"https://example.org\"]}}]}",
    "{\"caphub\":1,\"records\":[{\"id\":\"urn:x:1\",\"kind\":\"course\",\"record\":{\"title\":{\"language\":\"en\",\"text\":\"A\"}}}]}",
];
