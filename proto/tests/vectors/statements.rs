//! `statements.json`: head statements one by one and in pairs (SPEC.md section 13.2).

use caphub_proto::wire::feed::Head;
use caphub_proto::wire::statement::{Comparison, Cut, HeadStatement, Stating, compare};
use caphub_proto::wire::{Audience, EntryHash, Feed, LogId, PartyId, Seq, Signer};
use serde::Serialize;

use crate::case::{TIME, feed, key, party};

#[derive(Serialize)]
pub struct StatementCase {
    pub name: String,
    /// Of the feed that the statements are about.
    pub party_id: String,
    pub operator_key: String,
    pub audience: String,
    /// One statement, or two.
    pub statements: Vec<String>,
    /// Hashes of the identity log's events as the judge knows them.
    pub chain: Vec<String>,
    /// Of the first statement that is refused.
    pub reason: String,
    /// Of two that are not.
    pub result: String,
}

fn hash(branch: &str, seq: u64) -> EntryHash {
    let name = format!("{branch} {seq}");
    EntryHash(caphub_proto::wire::keys::tagged_hash(b"caphub vectors: head ", &[name.as_bytes()]))
}

fn at(branch: &str, seq: u64) -> Option<Head> {
    Seq::new(seq).map(|seq| Head { seq, hash: hash(branch, seq.value()) })
}

fn hub() -> PartyId {
    PartyId(caphub_proto::wire::keys::tagged_hash(b"caphub vectors: hub", &[]))
}

fn stating<'a>(feed: &'a Feed, head: Option<Head>, later: u64, cut: Cut) -> Stating<'a> {
    Stating { log: LogId([3; 16]), party: hub(), time_ms: TIME + later, feed, head, cut }
}

/// What the code makes of a case.
pub fn judged(case: &StatementCase) -> (String, String) {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let read: Result<Vec<HeadStatement>, _> =
        case.statements.iter().map(|s| HeadStatement::decode(&bytes(s))).collect();
    let read = match read {
        Ok(read) => read,
        Err(reason) => return (reason.code().to_owned(), String::new()),
    };
    let [one, other] = &read[..] else { return (String::new(), String::new()) };
    let feed = Feed::from_parts(&bytes(&case.party_id), &bytes(&case.operator_key), &bytes(&case.audience));
    let chain = |seq: Seq| {
        let text = case.chain.get(usize::try_from(seq.value()).ok()?.checked_sub(1)?)?;
        EntryHash::from_slice(&bytes(text))
    };
    let result = match compare(&feed.unwrap(), one, other, chain) {
        Comparison::Unrelated => "unrelated",
        Comparison::Consistent => "consistent",
        Comparison::Cut(Cut::Revoked) => "revoked",
        Comparison::Cut(_) => "forked",
        Comparison::Replaced => "replaced",
        Comparison::Contradiction => "contradiction",
    };
    (String::new(), result.to_owned())
}

pub fn cases() -> Vec<StatementCase> {
    let mut cases = Vec::new();
    let mut add =
        |name: &str, of: &Feed, statements: Vec<Vec<u8>>, chain: &[EntryHash], reason: &str, result: &str| {
            let (operator_key, audience) = match of.key() {
                Some(key) => (hex::encode(key.0), hex::encode(of.audience().encode())),
                None => Default::default(),
            };
            cases.push(StatementCase {
                name: name.to_owned(),
                party_id: hex::encode(of.party.0),
                operator_key,
                audience,
                statements: statements.iter().map(hex::encode).collect(),
                chain: chain.iter().map(|h| hex::encode(h.0)).collect(),
                reason: reason.to_owned(),
                result: result.to_owned(),
            });
        };
    let (node, feed) = (key("node"), feed());
    let sign = |s: Stating<'_>| s.sign(&node).encode();
    let whole = |head, later| sign(stating(&feed, head, later, Cut::Whole));
    singles(&mut |name, of, bytes, reason| add(name, of, vec![bytes], &[], reason, ""), &feed, &node);

    let mut pair = |name: &str, one: Vec<u8>, other: Vec<u8>, result: &str| {
        add(name, &feed, vec![one, other], &[], "", result);
    };
    let held = whole(at("a", 9), 5);
    pair("a head grows", held.clone(), whole(at("a", 12), 6), "consistent");
    pair("a head stays", held.clone(), whole(at("a", 9), 6), "consistent");
    pair("a lower head earlier", held.clone(), whole(at("a", 4), 4), "consistent");
    pair("a lower head later", held.clone(), whole(at("a", 4), 6), "contradiction");
    pair("a lower head later, in the other order", whole(at("a", 4), 6), held.clone(), "contradiction");
    pair("a lower head at the same time", held.clone(), whole(at("a", 4), 5), "contradiction");
    pair("nothing later", held.clone(), whole(None, 6), "contradiction");
    pair("another entry at the same place", held.clone(), whole(at("b", 9), 6), "contradiction");
    pair(
        "a lower head after a revocation",
        held.clone(),
        sign(stating(&feed, at("a", 4), 6, Cut::Revoked)),
        "revoked",
    );
    pair(
        "a lower head after a fork",
        held.clone(),
        sign(stating(&feed, at("a", 4), 6, Cut::Forked)),
        "forked",
    );
    let log = Stating { log: LogId([4; 16]), ..stating(&feed, at("a", 4), 6, Cut::Whole) };
    pair("a lower head of another log", held.clone(), sign(log), "unrelated");
    let other = stating(&feed, at("a", 4), 6, Cut::Whole).sign(&key("another node")).encode();
    pair("a lower head by another node", held.clone(), other, "unrelated");
    let party = Stating { party: PartyId([9; 32]), ..stating(&feed, at("a", 4), 6, Cut::Whole) };
    pair("a lower head of another hub", held.clone(), sign(party), "unrelated");
    let elsewhere = Feed::records(feed.party, key("desk").public(), Audience::Network);
    pair(
        "a lower head of another feed",
        held,
        sign(stating(&elsewhere, at("a", 4), 6, Cut::Whole)),
        "unrelated",
    );

    let identity = Feed::identity(feed.party);
    let of = |head, later| sign(stating(&identity, head, later, Cut::Whole));
    let chain: Vec<EntryHash> = (1..=5).map(|seq| hash("a", seq)).collect();
    let mut identities = |name: &str, lower: Option<Head>, chain: &[EntryHash], result: &str| {
        add(name, &identity, vec![of(at("a", 5), 5), of(lower, 6)], chain, "", result);
    };
    identities("identity: a piece of the same log later", at("a", 3), &chain, "contradiction");
    identities("identity: nothing later", None, &chain, "contradiction");
    identities("identity: events were replaced", at("b", 3), &chain, "replaced");
    identities("identity: another event at the same place", at("b", 5), &chain, "replaced");
    identities("identity: the judge knows another log", at("a", 3), &chain[..4], "replaced");
    cases
}

type Add<'a> = &'a mut dyn FnMut(&str, &Feed, Vec<u8>, &str);

fn singles(add: Add<'_>, feed: &Feed, node: &Signer) {
    let network = Feed::records(party(), key("desk").public(), Audience::Network);
    let sealed = Feed::records(party(), key("desk").public(), Audience::Sealed([1; 16]));
    let of_hub = Feed::records(party(), key("desk").public(), Audience::Hub(hub()));
    let sign = |of: &Feed| stating(of, at("a", 9), 5, Cut::Whole).sign(node).encode();
    for (name, of) in [
        ("public", *feed),
        ("for the network", network),
        ("sealed", sealed),
        ("for a hub", of_hub),
        ("an identity feed", Feed::identity(party())),
    ] {
        add(&format!("statement: {name}"), &of, sign(&of), "");
    }
    add("statement: nothing held", feed, stating(feed, None, 5, Cut::Whole).sign(node).encode(), "");
    add("statement: revoked", feed, stating(feed, at("a", 9), 5, Cut::Revoked).sign(node).encode(), "");
    add("statement: forked", feed, stating(feed, at("a", 9), 5, Cut::Forked).sign(node).encode(), "");

    // Altered and signed again: the fields are judged before the signature.
    let mut resigned = |name: &str, change: &dyn Fn(&mut Vec<u8>), reason: &str| {
        let mut bytes = sign(feed);
        bytes.truncate(194);
        change(&mut bytes);
        let signature = node.sign(b"caphub/head/1\0", &bytes);
        add(&format!("statement: {name}"), feed, [&bytes[..], &signature].concat(), reason);
    };
    resigned("a class of type 3", &|b| b[80] = 3, "bad_audience");
    resigned("a public class with a hub", &|b| b[81] = 1, "bad_audience");
    resigned("a seq of 2^53", &|b| b[145..153].copy_from_slice(&(1_u64 << 53).to_be_bytes()), "bad_seq");
    resigned("seq 0 with a hash", &|b| b[145..153].fill(0), "bad_seq");
    resigned("a time of 2^53", &|b| b[185..193].copy_from_slice(&(1_u64 << 53).to_be_bytes()), "bad_time");
    resigned("a cut of type 3", &|b| b[193] = 3, "unknown_kind");
    resigned("a key of small order", &|b| b[48..80].fill(0), "bad_key");
    let good = sign(feed);
    add("statement: 257 bytes", feed, good[..257].to_vec(), "bad_length");
    add("statement: 259 bytes", feed, [&good[..], &[0]].concat(), "bad_length");
    for (name, offset) in
        [("log", 0), ("party", 16), ("feed", 113), ("hash", 153), ("time", 192), ("signature", 194)]
    {
        let mut altered = good.clone();
        altered[offset] ^= 1;
        add(&format!("statement: one bit of its {name}"), feed, altered, "bad_signature");
    }
    // An entry's signature says nothing here: the tags differ.
    let mut entry_tag = good;
    let signature = node.sign(b"caphub/entry/1\0", &entry_tag[..194]);
    entry_tag[194..].copy_from_slice(&signature);
    add("statement: signed as an entry", feed, entry_tag, "bad_signature");
}
