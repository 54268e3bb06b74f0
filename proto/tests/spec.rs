//! SPEC.md says what the code does: its lists of reasons, limits, codes and kinds are compared with the code's own.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use caphub_proto::codes::vocabulary::{self, Term};
use caphub_proto::exchange::{RecordKind, acts, check, engagement, fellowship, fund};
use caphub_proto::wire::carry;
use caphub_proto::wire::cert::EXTENSION_OID;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{PartyId, Reason, limits};

fn spec() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../SPEC.md")).unwrap()
}

/// The rows of the table that follows `before` and begins with `head`, as cells without backticks.
fn table(spec: &str, before: &str, head: &str) -> Vec<Vec<String>> {
    let section = spec.split_once(before).unwrap_or_else(|| panic!("no section {before}")).1;
    let rows = section.split_once(head).unwrap_or_else(|| panic!("no table {head}")).1;
    let cells = |line: &str| {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "!");
        inner.split('|').map(|c| c.trim().replace('`', "")).collect()
    };
    rows.lines().skip(2).take_while(|l| l.starts_with('|')).map(cells).collect()
}

#[test]
fn reasons() {
    let stated: Vec<(String, String)> = table(&spec(), "## 10 ", "| code | meaning |")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let held: Vec<(String, String)> =
        Reason::ALL.iter().map(|r| (r.code().to_owned(), r.meaning().to_owned())).collect();
    assert_eq!(stated, held);
}

#[test]
fn reasons_of_void_acts() {
    let stated: Vec<(String, String)> = table(&spec(), "### 15.6 ", "| code | meaning |")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let held: Vec<(String, String)> =
        acts::Fault::ALL.iter().map(|f| (f.code().to_owned(), f.meaning().to_owned())).collect();
    assert_eq!(stated, held);
}

#[test]
fn the_tables_of_acts_name_every_state() {
    let spec = spec();
    let section =
        |from: &str, to: &str| spec.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let words = |text: &str| -> std::collections::BTreeSet<String> {
        text.split(|c: char| !c.is_ascii_lowercase()).map(str::to_owned).collect()
    };
    for (text, states) in [
        (section("### 15.3 ", "### 15.4 "), engagement::State::ALL.map(engagement::State::code).to_vec()),
        (section("### 15.4 ", "### 15.5 "), fellowship::State::ALL.map(fellowship::State::code).to_vec()),
        (section("### 15.5 ", "### 15.6 "), fund::State::ALL.map(fund::State::code).to_vec()),
    ] {
        let missing: Vec<&str> = states.into_iter().filter(|s| !words(&text).contains(*s)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn limits_of_the_formats() {
    let stated: BTreeMap<String, u64> = table(&spec(), "### 9.1 ", "| limit | value | what it bounds |")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].replace(',', "").parse().unwrap()))
        .collect();
    let held = [
        ("BODY_BYTES_MAX", limits::BODY_BYTES_MAX as u64),
        ("SALT_BYTES", limits::SALT_BYTES as u64),
        ("HEADER_BYTES", limits::HEADER_BYTES as u64),
        ("SIGNATURE_BYTES", limits::SIGNATURE_BYTES as u64),
        ("INTEGER_END", limits::INTEGER_END),
        ("RUN_ENTRIES_MAX", limits::RUN_ENTRIES_MAX as u64),
        ("RUN_BYTES_MAX", limits::RUN_BYTES_MAX as u64),
        ("BATCH_BYTES", limits::BATCH_BYTES as u64),
        ("MESSAGE_BYTES_MAX", limits::MESSAGE_BYTES_MAX as u64),
        ("IDENTITY_KEYS_MAX", limits::IDENTITY_KEYS_MAX as u64),
        ("LABEL_BYTES_MAX", limits::LABEL_BYTES_MAX as u64),
        ("REVOKE_FEEDS_MAX", limits::REVOKE_FEEDS_MAX as u64),
        ("IDENTITY_ENTRIES_MAX", limits::IDENTITY_ENTRIES_MAX as u64),
        ("CERTIFICATE_MS_MAX", limits::CERTIFICATE_MS_MAX),
        ("FUTURE_MS_MAX", limits::FUTURE_MS_MAX),
        ("CARD_BYTES_MAX", limits::CARD_BYTES_MAX as u64),
        ("CARD_ADDRESSES_MAX", limits::CARD_ADDRESSES_MAX as u64),
        ("TITLE_BYTES_MAX", check::TITLE_BYTES_MAX as u64),
        ("TEXT_BYTES_MAX", check::TEXT_BYTES_MAX as u64),
        ("FIELD_BYTES_MAX", check::FIELD_BYTES_MAX as u64),
        ("LIST_MAX", check::LIST_MAX as u64),
        ("TRANSLATIONS_MAX", check::TRANSLATIONS_MAX as u64),
        ("ACTS_MAX", acts::ACTS_MAX as u64),
        ("BOARD_MAX", fund::BOARD_MAX as u64),
        ("MILESTONES_MAX", fund::MILESTONES_MAX as u64),
    ];
    assert_eq!(stated, held.into_iter().map(|(n, v)| (n.to_owned(), v)).collect());
}

#[test]
fn limits_of_carry_files() {
    let stated: Vec<usize> = table(&spec(), "### 14.2 ", "| type | frame | payload | at most, bytes |")
        .into_iter()
        .map(|row| row[3].replace(',', "").parse().unwrap())
        .collect();
    let end = 4 + 4 + 8 + 1 + 32 + 64;
    let holds = 16 + carry::HOLDS_MAX * (16 + 41);
    let (evidence, fork) = (carry::EVIDENCE_BYTES_MAX, carry::FORK_FRAME_BYTES_MAX);
    let run = carry::RUN_FRAME_BYTES_MAX;
    let (list, chunk) = (carry::LIST_FRAME_BYTES_MAX, carry::CHUNK_FRAME_BYTES_MAX);
    assert_eq!(stated, [carry::MANIFEST_BYTES_MAX, run, fork, evidence, evidence, holds, end, list, chunk]);
}

#[test]
fn codes() {
    let codes = |terms: &[Term]| terms.iter().map(|t| t.code.to_string()).collect::<Vec<_>>();
    let stated: BTreeMap<String, Vec<String>> = table(&spec(), "### 8.2 ", "| list | codes |")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].split(", ").map(str::to_owned).collect()))
        .collect();
    for (name, terms) in [
        ("themes", vocabulary::themes()),
        ("delivery modes", vocabulary::delivery_modes()),
        ("offer types", vocabulary::offer_types()),
        ("urgencies", vocabulary::urgencies()),
        ("refusal reasons", vocabulary::refusal_reasons()),
        ("party kinds", vocabulary::party_kinds()),
    ] {
        assert_eq!(stated.get(name), Some(&codes(terms)), "{name}");
    }
}

#[test]
fn kinds_with_their_capability_and_whether_they_are_kept() {
    let rows = table(&spec(), "### 8.2 ", "| kind, code, capability | fields, in order |");
    let names = |c| match c {
        Capabilities::PUBLISH => "publish",
        Capabilities::ADMIT => "admit",
        Capabilities::SERVE => "serve",
        Capabilities::ENGAGE => "engage",
        Capabilities::TREASURY => "treasury",
        _ => "?",
    };
    let stated: Vec<String> = rows.iter().map(|row| row[0].split_once(' ').unwrap().1.to_owned()).collect();
    let held: Vec<String> = RecordKind::ALL
        .iter()
        .map(|k| format!("{k}, {}{}", names(k.capability()), if k.erasable() { "" } else { ", kept" }))
        .collect();
    assert_eq!(stated, held);
}

#[test]
fn the_certificate_extension_and_an_id_as_text() {
    let arcs: Vec<String> = EXTENSION_OID.iter().map(u64::to_string).collect();
    assert!(spec().contains(&arcs.join(".")));
    assert!(spec().contains(&PartyId(std::array::from_fn(|i| i as u8)).to_string()));
}
