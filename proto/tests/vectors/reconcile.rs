//! `reconcile.json`: fingerprints of ranges of stated heads (SPEC.md section 11.2).

use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::reconcile::pack::pack;
use caphub_proto::wire::reconcile::{Item, Set, Stated};
use caphub_proto::wire::{Audience, EntryHash, Feed, OperatorKey, PartyId};
use serde::Serialize;

#[derive(Serialize)]
pub struct ReconcileCase {
    pub name: String,
    pub items: Vec<ItemHex>,
    pub fingerprint: String,
    pub ranges: Vec<RangeHex>,
}

#[derive(Serialize)]
pub struct ItemHex {
    pub party_id: String,
    pub operator_key: String,
    pub audience: String,
    pub feed_id: String,
    pub seq: u64,
    pub entry_hash: String,
    pub frozen: bool,
}

#[derive(Serialize)]
pub struct RangeHex {
    pub path: String,
    pub count: u64,
    pub fingerprint: String,
    pub below_1: String,
    pub below_2: String,
}

fn feed(n: u64) -> Feed {
    let party = PartyId(tagged_hash(b"party", &[&n.to_be_bytes()]));
    match n % 2 {
        0 => Feed::identity(party),
        _ => Feed::records(party, OperatorKey(tagged_hash(b"key", &[&n.to_be_bytes()])), Audience::Public),
    }
}

fn item(n: u64, seq: u64, frozen: bool) -> Item {
    let hash = EntryHash(tagged_hash(b"entry", &[&n.to_be_bytes(), &seq.to_be_bytes()]));
    Item::new(feed(n), Stated { seq, hash, frozen })
}

fn shown(item: &Item) -> ItemHex {
    let (operator_key, audience) = match item.feed.key() {
        Some(key) => (hex::encode(key.as_bytes()), hex::encode(item.feed.audience().encode())),
        None => (String::new(), String::new()),
    };
    ItemHex {
        party_id: hex::encode(item.feed.party.as_bytes()),
        operator_key,
        audience,
        feed_id: hex::encode(item.id.as_bytes()),
        seq: item.stated.seq,
        entry_hash: hex::encode(item.stated.hash.as_bytes()),
        frozen: item.stated.frozen,
    }
}

fn case(name: &str, items: Vec<Item>, paths: &[&[u8]]) -> ReconcileCase {
    let mut set = Set::default();
    items.iter().for_each(|i| set.put(*i));
    let range = |path: &&[u8]| {
        let range = set.range(path);
        RangeHex {
            path: path.iter().map(|step| format!("{step:x}")).collect(),
            count: range.count() as u64,
            fingerprint: hex::encode(range.print()),
            below_1: hex::encode(pack(&range, 1)),
            below_2: hex::encode(pack(&range, 2)),
        }
    };
    ReconcileCase {
        name: name.to_owned(),
        items: items.iter().map(shown).collect(),
        fingerprint: hex::encode(set.print()),
        ranges: paths.iter().map(range).collect(),
    }
}

pub fn cases() -> Vec<ReconcileCase> {
    let many = |end: u64| (0..end).map(|n| item(n, 1 + n % 7, false)).collect::<Vec<_>>();
    let mut backwards = many(40);
    backwards.reverse();
    let mut frozen = many(4);
    frozen[2] = item(2, 3, true);
    let nothing = Stated { seq: 0, hash: EntryHash::default(), frozen: true };
    let first = Item::new(feed(1), nothing);
    vec![
        case("no feeds", Vec::new(), &[&[], &[0]]),
        case("one feed", many(1), &[&[]]),
        case("four feeds are a list", many(4), &[&[], &[0], &[15]]),
        case("five feeds are sixteen ranges", many(5), &[&[], &[0], &[1]]),
        case("a frozen feed among four", frozen, &[&[]]),
        case("a feed whose first entries fork", vec![first], &[&[]]),
        case("forty feeds", many(40), &[&[], &[0], &[7], &[15, 3]]),
        case("forty feeds in another order", backwards, &[&[]]),
        case("two hundred feeds", many(200), &[&[], &[5], &[5, 10]]),
    ]
}
