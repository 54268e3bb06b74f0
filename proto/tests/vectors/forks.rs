//! `forks.json`: proofs of forks (SPEC.md section 13.1).

use caphub_proto::wire::fork::{ForkProof, LastCommon};
use caphub_proto::wire::{Feed, Reason};
use serde::Serialize;

use crate::case::{EntryHex, feed, hash_of, key, party};
use crate::runs::{body_of, chain};

#[derive(Serialize)]
pub struct ForkCase {
    pub name: String,
    pub party_id: String,
    pub operator_key: String,
    pub audience: String,
    pub first: String,
    pub second: String,
    pub valid: bool,
    pub reason: String,
    pub common_seq: u64,
    pub common_hash: String,
}

/// A case in raw parts.
struct Raw {
    party: Vec<u8>,
    key: Vec<u8>,
    audience: Vec<u8>,
    first: Vec<u8>,
    second: Vec<u8>,
}

/// Packed as a run, without bodies.
fn bare(entries: &[EntryHex]) -> Vec<u8> {
    let bytes = |text: &str| hex::decode(text).unwrap();
    entries.iter().flat_map(|e| [bytes(&e.header), bytes(&e.signature), vec![0]].concat()).collect()
}

fn raw(first: &[EntryHex], second: &[EntryHex]) -> Raw {
    Raw {
        party: party().to_vec(),
        key: key("desk").public().to_vec(),
        audience: vec![0],
        first: bare(first),
        second: bare(second),
    }
}

pub fn judged(case: &ForkCase) -> Result<LastCommon, Reason> {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let feed = Feed::from_parts(&bytes(&case.party_id), &bytes(&case.operator_key), &bytes(&case.audience))?;
    Ok(ForkProof::check(feed, &bytes(&case.first), &bytes(&case.second))?.common())
}

pub fn cases() -> Vec<ForkCase> {
    let mut cases = Vec::new();
    let mut add = |name: &str, raw: Raw, result: Result<Option<&EntryHex>, &str>| {
        let common = result.ok().flatten();
        let seq = common.map_or(0, |e| u64::from_str_radix(&e.header[68..84], 16).unwrap());
        cases.push(ForkCase {
            name: name.to_owned(),
            party_id: hex::encode(raw.party),
            operator_key: hex::encode(raw.key),
            audience: hex::encode(raw.audience),
            first: hex::encode(raw.first),
            second: hex::encode(raw.second),
            valid: result.is_ok(),
            reason: result.err().unwrap_or_default().to_owned(),
            common_seq: seq,
            common_hash: match result {
                Ok(_) => hex::encode(common.map_or([0; 32], hash_of)),
                Err(_) => String::new(),
            },
        });
    };
    let a = chain(&feed(), "a", 6, None);
    let b = [&a[..3], &chain(&feed(), "b", 3, Some((3, hash_of(&a[2]))))[..]].concat();
    let other = chain(&feed(), "c", 2, None);
    add("the two entries alone", raw(&a[3..4], &b[3..4]), Ok(Some(&a[2])));
    add("two first entries", raw(&a[..1], &other[..1]), Ok(None));
    add("in the other order", raw(&b[3..4], &a[3..4]), Ok(Some(&a[2])));
    add("from an earlier entry", raw(&a[1..4], &b[1..5]), Ok(Some(&a[2])));
    add("from different places", raw(&a[..5], &b[2..4]), Ok(Some(&a[2])));
    add("longer than needed", raw(&a[3..], &b[3..]), Ok(Some(&a[2])));
    let mut unsigned = a.clone();
    unsigned[3].signature = "5a".repeat(64);
    let resigned = crate::case::rehashed(unsigned[3].clone());
    let after = chain(&feed(), "d", 1, Some((4, hash_of(&resigned))));
    let late = [&[resigned], &after[..]].concat();
    add("the later entry is the signed one", raw(&late, &b[3..4]), Ok(Some(&a[2])));

    add("one history twice", raw(&a[3..4], &a[3..4]), Err("bad_proof"));
    add("one history, one run longer", raw(&a[..3], &a[..6]), Err("bad_proof"));
    add("one history in two parts", raw(&a[..3], &a[3..]), Err("bad_proof"));
    add("two histories that do not meet", raw(&a[3..4], &b[4..]), Err("bad_proof"));
    add("two histories after they parted", raw(&a[4..5], &b[4..5]), Err("bad_proof"));
    add("no entries", raw(&a[..0], &b[3..4]), Err("empty_run"));
    add("no entries on the other side", raw(&a[3..4], &b[..0]), Err("empty_run"));
    add("a gap", raw(&[a[3].clone(), a[5].clone()], &b[3..4]), Err("gap"));
    add("not a chain", raw(&a[3..4], &[b[3].clone(), a[4].clone()]), Err("wrong_previous"));
    add("an unsigned entry", raw(&unsigned[3..4], &b[3..4]), Err("bad_signature"));
    add("an unsigned entry on the other side", raw(&b[3..4], &unsigned[3..4]), Err("bad_signature"));
    let mut cut = raw(&a[3..4], &b[3..4]);
    cut.second.truncate(100);
    add("cut short", cut, Err("bad_length"));
    let mut with_body = raw(&a[3..4], &b[3..4]);
    with_body.first.pop();
    with_body.first.push(1);
    with_body.first.extend(hex::decode(body_of("a", 4)).unwrap());
    add("with a body", with_body, Err("bad_proof"));
    let network = Raw { audience: vec![1], ..raw(&a[3..4], &b[3..4]) };
    add("of another feed", network, Err("wrong_feed"));
    let identity = Raw { key: Vec::new(), audience: Vec::new(), ..raw(&a[3..4], &b[3..4]) };
    add("an identity feed", identity, Err("wrong_feed"));
    let short = Raw { party: vec![7; 31], ..raw(&a[3..4], &b[3..4]) };
    add("a party id of 31 bytes", short, Err("bad_length"));
    let weak = Feed::records(party(), caphub_proto::wire::OperatorKey([0; 32]), feed().audience());
    let entries = |branch| chain(&weak, branch, 1, None);
    let weak_key = Raw { key: vec![0; 32], ..raw(&entries("a"), &entries("b")) };
    add("a key of small order", weak_key, Err("bad_key"));
    cases
}
