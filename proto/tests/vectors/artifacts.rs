//! `artifacts.json`: lists of chunks, ids of endorsements, states of barriers (SPEC.md section 17).

use caphub_proto::exchange::barrier::{Answer, Step, standing};
use caphub_proto::exchange::endorsement;
use caphub_proto::v1::{Barrier, RecordRef, Reply};
use caphub_proto::wire::chunks::{Manifest, chunk_bytes, chunk_hash};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{EntryHash, PartyId};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[derive(Serialize)]
pub struct ArtifactCase {
    pub name: String,
    pub kind: String,
    #[serde(flatten)]
    pub rest: Value,
}

pub fn cases() -> Vec<ArtifactCase> {
    let mut cases = Vec::new();
    let mut add = |name: String, kind: &str, rest: Value| {
        cases.push(ArtifactCase { name, kind: kind.to_owned(), rest });
    };
    for bytes in [0, 1, 262_143, 262_144, 262_145, 1_000_000] {
        add(format!("file of {bytes} bytes"), "file", file(bytes));
    }
    for (name, list) in lists() {
        let hash = tagged_hash(b"caphub/manifest/1\0", &[&list]);
        add(name.to_owned(), "list", judged(&list, &hash));
    }
    let good = listed(&content(300_000)).encode();
    add("list: another hash".to_owned(), "list", judged(&good, &[7; 32]));
    for endorsement_type in endorsement::TYPES {
        let about = RecordRef { party: vec![1; 32], record_id: vec![2; 16] };
        let id = endorsement::record_id(&about, endorsement_type);
        let rest = json!({
            "party": hex::encode(&about.party), "record_id": hex::encode(&about.record_id),
            "endorsement_type": endorsement_type, "result": id.to_string(),
        });
        add(format!("endorsement: {endorsement_type}"), "endorsement", rest);
    }
    for (name, steps, replies) in barriers() {
        add(format!("barrier: {name}"), "barrier", barrier(&steps, &replies));
    }
    cases
}

/// Byte `i` is `i` modulo 251.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8).collect()
}

fn listed(file: &[u8]) -> Manifest {
    let size = chunk_bytes(file.len() as u64).unwrap() as usize;
    Manifest::new(file.len() as u64, file.chunks(size).map(chunk_hash).collect()).unwrap()
}

fn file(bytes: usize) -> Value {
    let file = content(bytes);
    let list = listed(&file);
    json!({
        "bytes": bytes, "digest": hex::encode(Sha256::digest(&file)), "list": hex::encode(list.encode()),
        "manifest": hex::encode(list.hash()),
    })
}

fn judged(list: &[u8], manifest: &[u8; 32]) -> Value {
    let valid = Manifest::decode(list, manifest).is_ok();
    json!({ "list": hex::encode(list), "manifest": hex::encode(manifest), "valid": valid })
}

fn lists() -> Vec<(&'static str, Vec<u8>)> {
    let good = listed(&content(300_000)).encode();
    let changed = |at: usize| {
        let mut list = good.clone();
        list[at] ^= 1;
        list
    };
    vec![
        ("list: of two chunks", good.clone()),
        ("list: another version", changed(0)),
        ("list: another size of chunks", changed(2)),
        ("list: of a longer file", changed(9)),
        ("list: one hash too few", good[..good.len() - 32].to_vec()),
        ("list: one hash too many", [&good[..], &[0; 32]].concat()),
        ("list: cut in a hash", good[..good.len() - 1].to_vec()),
        ("list: no bytes", Vec::new()),
    ]
}

type Said = (u32, &'static str, &'static str);
type Replied = (u8, u32, &'static str);

fn barriers() -> Vec<(&'static str, Vec<Said>, Vec<Replied>)> {
    let reported = (1, "reported", "");
    let whole = vec![
        reported,
        (2, "eased", "2026-03-01"),
        (3, "lifted", "2026-04-01"),
        (4, "recurred", "2026-09-01"),
    ];
    vec![
        ("reported", vec![reported], vec![]),
        ("answered", vec![reported], vec![(3, 1, "")]),
        ("the reporter's own reply is no answer", vec![reported], vec![(1, 1, "lifted")]),
        ("a claim of the provider", vec![reported], vec![(2, 1, "lifted"), (3, 1, "")]),
        ("a claim that was taken back", vec![reported], vec![(2, 1, "lifted"), (2, 2, "")]),
        ("eased", whole[..2].to_vec(), vec![(2, 1, "lifted"), (3, 1, "eased")]),
        ("lifted", whole[..3].to_vec(), vec![(2, 1, "lifted")]),
        ("recurred", whole.clone(), vec![(2, 1, "lifted")]),
        ("recurred and answered", whole, vec![(2, 1, "lifted"), (3, 4, "")]),
        (
            "out of turn",
            vec![reported, (2, "recurred", ""), (3, "eased", "2026-03-01"), (4, "reported", "")],
            vec![],
        ),
    ]
}

fn barrier(steps: &[Said], replies: &[Replied]) -> Value {
    let hash = |i: usize| EntryHash(tagged_hash(b"x", &[&[i as u8]]));
    let barriers: Vec<Barrier> = steps
        .iter()
        .map(|(_, state, as_of)| Barrier {
            state: (*state).to_owned(),
            since: "2026-01-10".to_owned(),
            as_of: (*as_of).to_owned(),
            provider_party: vec![2; 32],
            ..Barrier::default()
        })
        .collect();
    let held: Vec<Reply> = replies
        .iter()
        .map(|(_, number, claim)| Reply { number: *number, claim: (*claim).to_owned(), ..Reply::default() })
        .collect();
    let each: Vec<Step<'_>> = steps
        .iter()
        .zip(&barriers)
        .enumerate()
        .map(|(i, ((number, ..), barrier))| Step { number: *number, hash: hash(i), barrier })
        .collect();
    let answers: Vec<Answer<'_>> = replies
        .iter()
        .zip(&held)
        .enumerate()
        .map(|(i, ((party, ..), reply))| Answer { party: PartyId([*party; 32]), hash: hash(100 + i), reply })
        .collect();
    let found = standing(PartyId([1; 32]), &each, &answers).unwrap();
    let claims = found.claims.iter().map(|c| {
        json!({ "party": hex::encode(c.party.as_bytes()), "provider": c.provider, "state": c.state.code() })
    });
    json!({
        "reporter": "01".repeat(32), "provider": "02".repeat(32), "since": "2026-01-10",
        "steps": each.iter().map(|s| json!({
            "number": s.number, "hash": s.hash.to_string(), "state": s.barrier.state, "as_of": s.barrier.as_of,
        })).collect::<Vec<_>>(),
        "replies": answers.iter().map(|a| json!({
            "party": hex::encode(a.party.as_bytes()), "hash": a.hash.to_string(), "number": a.reply.number,
            "claim": a.reply.claim,
        })).collect::<Vec<_>>(),
        "state": found.state.code(), "answered": found.answered, "as_of": found.as_of,
        "recurrences": found.recurrences, "claims": claims.collect::<Vec<_>>(), "out_of_turn": found.out_of_turn,
    })
}
