//! Cases of `rules.json` on what hubs' statements show of a closing list (SPEC.md section 16.4).

use caphub_proto::exchange::allocation::{Shown, Stands, covers, since};
use caphub_proto::wire::feed::Head;
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::statement::{Cut, HeadStatement, Stating};
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, LogId, OperatorKey, PartyId, Seq};
use serde_json::{Value, json};

use crate::case::{TIME, feed, key, party};

/// When the value comes to be.
const DRAW: u64 = TIME + 1_000;

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn stands(value: &Value) -> Stands {
    Stands {
        entry: EntryHash::from_slice(&bytes(&value["entry"])).unwrap(),
        feed: FeedId::from_slice(&bytes(&value["feed_id"])).unwrap(),
        seq: value["seq"].as_u64().unwrap(),
    }
}

/// What the code makes of a case: when and by whom the list is shown to have been closed before the value.
pub fn judged(i: &Value) -> Value {
    let entries = [stands(&i["call"]), stands(&i["closing"])];
    let author = PartyId::from_slice(&bytes(&i["author"])).unwrap();
    let chain = |feed: &FeedId, seq: Seq| {
        let hashes = i["chains"][feed.to_string()].as_array()?;
        EntryHash::from_slice(&bytes(hashes.get(usize::try_from(seq.value()).ok()? - 1)?))
    };
    let mut shown = Vec::new();
    for statement in i["statements"].as_array().unwrap() {
        let Ok(s) = HeadStatement::decode(&bytes(statement)) else { continue };
        let hub = hex::encode(s.party.0);
        let is_key = |k: &Value| OperatorKey::from_slice(&bytes(k)) == Some(s.node);
        if !i["node_keys"][&hub].as_array().is_some_and(|keys| keys.iter().any(is_key)) {
            continue;
        }
        let counts = i["hubs"].as_array().unwrap().iter().any(|h| h.as_str() == Some(&hub));
        for at in entries.iter().filter(|at| covers(&s, at, chain)) {
            shown.push(Shown { entry: at.entry, time_ms: s.time_ms, hub: s.party, counts });
        }
    }
    let draw = i["draw_ms"].as_u64().unwrap();
    match since(&entries.map(|e| e.entry), &author, draw, &shown) {
        Some((time_ms, hub)) => json!({ "time_ms": time_ms, "hub": hex::encode(hub.0) }),
        None => Value::Null,
    }
}

fn hash(branch: &str, seq: u64) -> EntryHash {
    EntryHash(tagged_hash(b"caphub vectors: closing ", &[branch.as_bytes(), &seq.to_be_bytes()]))
}

fn hub(name: &str) -> PartyId {
    PartyId(tagged_hash(b"caphub vectors: hub ", &[name.as_bytes()]))
}

/// The call is the second entry of its author's feed and the list the fourth of five, unless said otherwise.
pub fn cases(add: &mut dyn FnMut(&str, Value)) {
    let one = feed();
    let other = Feed::records(party(), key("another desk").public(), Audience::Public);
    let state = |by: &str, node: &str, of: &Feed, branch: &str, seq: u64, later: u64, cut: Cut| {
        let head = Seq::new(seq).map(|s| Head { seq: s, hash: hash(branch, seq) });
        let stating =
            Stating { log: LogId([3; 16]), party: hub(by), time_ms: TIME + later, feed: of, head, cut };
        hex::encode(stating.sign(&key(node)).encode())
    };
    let whole = |by: &str, of: &Feed, branch: &str, seq: u64, later: u64| {
        state(by, by, of, branch, seq, later, Cut::Whole)
    };
    let at = |of: &Feed, branch: &str, seq: u64| json!({ "entry": hash(branch, seq).to_string(), "feed_id": of.id().to_string(), "seq": seq });
    let chain = |branch: &str| -> Vec<String> { (1..=5).map(|seq| hash(branch, seq).to_string()).collect() };
    let id = |name: &str| hex::encode(hub(name).0);
    let keys = |name: &str| vec![hex::encode(key(name).public().0)];
    let input = |call: Value, statements: Vec<String>| {
        json!({ "author": hex::encode(party().0), "draw_ms": DRAW, "call": call, "closing": at(&one, "a", 4),
            "chains": { one.id().to_string(): chain("a"), other.id().to_string(): chain("o") },
            "statements": statements, "hubs": [id("one"), id("two"), hex::encode(party().0)],
            "node_keys": { id("one"): keys("one"), id("two"): keys("two"), id("stranger"): keys("stranger"),
                hex::encode(party().0): keys("own") } })
    };
    let mut same = |name: &str, statements: Vec<String>| add(name, input(at(&one, "a", 2), statements));
    same("no statement", vec![]);
    same("a head at the list", vec![whole("one", &one, "a", 4, 500)]);
    same("a head behind it", vec![whole("one", &one, "a", 5, 999)]);
    same("a head before it", vec![whole("one", &one, "a", 3, 500)]);
    same("a head at the very moment of the value", vec![whole("one", &one, "a", 4, 1_000)]);
    let mut several = vec![whole("one", &one, "a", 5, 800), whole("two", &one, "a", 4, 700)];
    same("the first of two hubs", several.clone());
    several.push(whole("one", &one, "a", 4, 600));
    same("the first of one hub's two", several);
    same("a head of another chain", vec![whole("one", &one, "b", 4, 500)]);
    same("a head further on than is held", vec![whole("one", &one, "a", 6, 500)]);
    same("a head of another feed", vec![whole("one", &other, "o", 5, 500)]);
    same("nothing held", vec![whole("one", &one, "a", 0, 500)]);
    same("a head that a revocation lowered", vec![state("one", "one", &one, "a", 4, 500, Cut::Revoked)]);
    same("a hub that does not count", vec![whole("stranger", &one, "a", 4, 500)]);
    same("a key that is not the hub's", vec![state("one", "two", &one, "a", 4, 500, Cut::Whole)]);
    let own = Stating {
        log: LogId([3; 16]),
        party: party(),
        time_ms: TIME + 500,
        feed: &one,
        head: Seq::new(4).map(|seq| Head { seq, hash: hash("a", 4) }),
        cut: Cut::Whole,
    };
    same("the author's own hub", vec![hex::encode(own.sign(&key("own")).encode())]);
    let mut altered = own.sign(&key("own")).encode();
    altered[185] ^= 1;
    same("an altered statement", vec![hex::encode(altered), "00".to_owned()]);
    let apart = at(&other, "o", 2);
    add("the call in another feed, not shown", input(apart.clone(), vec![whole("one", &one, "a", 4, 500)]));
    let both = vec![whole("one", &one, "a", 4, 500), whole("two", &other, "o", 3, 600)];
    add("the call in another feed, shown later", input(apart, both));
}
