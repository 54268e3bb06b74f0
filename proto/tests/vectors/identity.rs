//! `identity.json`: logs, event by event, with the state after each (SPEC.md section 4).

mod story;

use caphub_proto::wire::Signer;
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{Capabilities, Event, Keys, NO_END, Revoke, RevokedFeed, commitment};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{EntryHash, FeedId, OperatorKey, PartyId};

use crate::case::{EntryHex, key, rehashed};
pub use story::IdentityCase;
use story::Story;

pub fn cases() -> Vec<IdentityCase> {
    vec![
        signing_keys(),
        rotation(),
        stolen_root(),
        thresholds(),
        raised_threshold(),
        two_authorisations(),
        rotate_over_authorise(),
        two_rotations(),
        rotate_before_rotate(),
        recover_over_rotate(),
        possession(),
        revocation(),
        recover_threshold(),
        no_recovery(),
        founding(),
        other_party(),
        not_incept(),
        weak_root(),
        places(),
        key_lists(),
        malformed(),
    ]
}

fn keys(threshold: u8, signers: &[&Signer]) -> Keys {
    Keys { threshold, keys: signers.iter().map(|s| s.public().0).collect() }
}

fn committed(threshold: u8, signers: &[&Signer]) -> Keys {
    Keys { threshold, keys: signers.iter().map(|s| commitment(&s.public().0)).collect() }
}

fn none() -> Keys {
    Keys { threshold: 0, keys: Vec::new() }
}

/// A party with one root key, one next key and one recovery key.
fn simple(name: &str) -> Story {
    let event = Event::Incept {
        party_kind: 1,
        root: keys(1, &[&key("root")]),
        next: committed(1, &[&key("next")]),
        recovery: committed(1, &[&key("recovery")]),
    };
    Story::begin(name, &event, &[(0, &key("root"))])
}

fn rotate(to: &Signer, next: &Signer) -> Event {
    Event::Rotate { revealed: keys(1, &[to]), next: committed(1, &[next]) }
}

fn recover(with: &Signer, root: &Signer) -> Event {
    Event::Recover {
        revealed: keys(1, &[with]),
        root: keys(1, &[root]),
        next: committed(1, &[&key("next after recovery")]),
        recovery: committed(1, &[&key("recovery after recovery")]),
    }
}

fn desk(party: PartyId, name: &str) -> Event {
    authorise(party, &key(name), Capabilities::DESK, NO_END, [0; 32], name)
}

fn signing_keys() -> IdentityCase {
    let (mut story, root) = (simple("signing keys"), key("root"));
    let party = story.party();
    story.expect("appended", &desk(party, "desk"), &[(0, &root)]);
    // Bits without a meaning are kept; a key may end; a label may be empty.
    let node = authorise(party, &key("node"), Capabilities(0xffff), 1, [0x52; 32], "");
    story.expect("appended", &node, &[(0, &root)]);
    let label = "ß".repeat(32);
    let long = authorise(party, &key("third"), Capabilities(0), 0, [0; 32], &label);
    story.expect("appended", &long, &[(0, &root)]);
    story.again("known", 1);
    story.again("known", 3);
    story.expect("identity_duplicate_key", &desk(party, "desk"), &[(0, &root)]);
    story.end()
}

fn rotation() -> IdentityCase {
    let mut story = simple("rotation");
    let (party, root, next) = (story.party(), key("root"), key("next"));
    story.expect("identity_commitment", &rotate(&key("another"), &key("after")), &[(0, &key("another"))]);
    story.expect("bad_signature", &rotate(&next, &key("after")), &[(0, &root)]);
    story.expect("appended", &rotate(&next, &key("after")), &[(0, &next)]);
    story.expect("bad_signature", &desk(party, "desk"), &[(0, &root)]);
    story.expect("appended", &desk(party, "desk"), &[(0, &next)]);
    // The commitment that was used up does not serve twice.
    story.expect("identity_commitment", &rotate(&next, &key("after")), &[(0, &next)]);
    story.expect("appended", &rotate(&key("after"), &key("last")), &[(0, &key("after"))]);
    story.end()
}

fn stolen_root() -> IdentityCase {
    let (mut story, root) = (simple("a stolen root key cannot rotate"), key("root"));
    story.expect("identity_commitment", &rotate(&root, &key("thief")), &[(0, &root)]);
    let both = Event::Rotate { revealed: keys(1, &[&root, &key("next")]), next: committed(1, &[&root]) };
    story.expect("identity_commitment", &both, &[(0, &root)]);
    story.expect("identity_commitment", &recover(&root, &key("thief")), &[(0, &root)]);
    story.end()
}

fn thresholds() -> IdentityCase {
    let [a, b, c] = ["a", "b", "c"].map(key);
    let incept = Event::Incept {
        party_kind: 2,
        root: keys(2, &[&a, &b, &c]),
        next: committed(2, &[&key("d"), &key("e"), &key("f")]),
        recovery: none(),
    };
    let mut story = Story::of("two of three", &incept);
    story.expect("identity_threshold", &incept, &[(0, &a)]);
    story.expect("identity_signer", &incept, &[(0, &a), (0, &a)]);
    story.expect("identity_signer", &incept, &[(3, &a), (1, &b)]);
    story.expect("identity_signer", &incept, &[(0, &a), (3, &b)]);
    story.expect("identity_signer", &incept, &[(0, &a), (1, &c)]);
    story.expect("identity_signer", &incept, &[(0, &a), (1, &b), (2, &a)]);
    story.expect("bad_signature", &incept, &[(1, &a), (0, &a)]);
    story.expect("appended", &incept, &[(2, &c), (0, &a)]);
    let event = desk(story.party(), "desk");
    story.expect("identity_threshold", &event, &[(1, &b)]);
    story.expect("appended", &event, &[(1, &b), (2, &c), (0, &a)]);
    let (d, e) = (key("d"), key("e"));
    let below = Event::Rotate { revealed: keys(1, &[&d]), next: committed(1, &[&a]) };
    story.expect("identity_commitment", &below, &[(0, &d)]);
    // A lower threshold in the event does not lower the one that was committed to.
    let lower = Event::Rotate { revealed: keys(1, &[&d, &e]), next: committed(1, &[&a]) };
    story.expect("identity_threshold", &lower, &[(0, &d)]);
    story.expect("appended", &lower, &[(1, &e), (0, &d)]);
    let alone = desk(story.party(), "second desk");
    story.expect("appended", &alone, &[(1, &e)]);
    story.end()
}

fn raised_threshold() -> IdentityCase {
    let [a, b, c] = ["a", "b", "c"].map(key);
    let incept = Event::Incept {
        party_kind: 3,
        root: keys(1, &[&key("root")]),
        next: committed(1, &[&a, &b, &c]),
        recovery: none(),
    };
    let mut story = Story::begin("a rotation raises the threshold", &incept, &[(0, &key("root"))]);
    let raise = Event::Rotate { revealed: keys(3, &[&a, &b, &c]), next: committed(1, &[&key("d")]) };
    story.expect("identity_threshold", &raise, &[(0, &a), (1, &b)]);
    story.expect("appended", &raise, &[(0, &a), (1, &b), (2, &c)]);
    story.end()
}

fn two_authorisations() -> IdentityCase {
    let (mut story, root) = (simple("conflict: two authorisations"), key("root"));
    let party = story.party();
    story.expect("appended", &desk(party, "desk"), &[(0, &root)]);
    story.expect_at(2, "identity_conflict", &desk(party, "another desk"), &[(0, &root)]);
    story.expect("appended", &desk(party, "third desk"), &[(0, &root)]);
    story.end()
}

fn rotate_over_authorise() -> IdentityCase {
    let mut story = simple("conflict: a rotation beats ordinary events");
    let (party, root, next) = (story.party(), key("root"), key("next"));
    story.expect("appended", &desk(party, "desk"), &[(0, &root)]);
    story.expect("appended", &desk(party, "another desk"), &[(0, &root)]);
    story.expect_at(2, "replaced", &rotate(&next, &key("after")), &[(0, &next)]);
    story.expect_at(2, "identity_conflict", &desk(party, "third desk"), &[(0, &root)]);
    story.expect("appended", &desk(party, "desk"), &[(0, &next)]);
    story.end()
}

fn two_rotations() -> IdentityCase {
    let (mut story, next) = (simple("conflict: two rotations"), key("next"));
    story.expect("appended", &rotate(&next, &key("after")), &[(0, &next)]);
    story.expect_at(2, "identity_conflict", &rotate(&next, &key("other after")), &[(0, &next)]);
    story.again("known", 2);
    story.end()
}

fn rotate_before_rotate() -> IdentityCase {
    let mut story = simple("conflict: a rotation further on stands");
    let (party, root, next) = (story.party(), key("root"), key("next"));
    story.expect("appended", &desk(party, "desk"), &[(0, &root)]);
    story.expect("appended", &rotate(&next, &key("after")), &[(0, &next)]);
    story.expect_at(2, "identity_conflict", &rotate(&next, &key("thief")), &[(0, &next)]);
    story.expect_at(2, "identity_conflict", &desk(party, "late desk"), &[(0, &root)]);
    story.end()
}

fn recover_over_rotate() -> IdentityCase {
    let mut story = simple("conflict: a recovery beats rotations");
    let (next, recovery) = (key("next"), key("recovery"));
    story.expect("appended", &rotate(&next, &key("thief")), &[(0, &next)]);
    story.expect("appended", &rotate(&key("thief"), &key("thief's next")), &[(0, &key("thief"))]);
    story.expect_at(2, "replaced", &recover(&recovery, &key("new root")), &[(0, &recovery)]);
    story.expect_at(2, "identity_conflict", &rotate(&next, &key("thief again")), &[(0, &next)]);
    story.expect_at(2, "identity_conflict", &recover(&recovery, &key("other root")), &[(0, &recovery)]);
    story.end()
}

fn possession() -> IdentityCase {
    let (mut story, root) = (simple("authorise without possession"), key("root"));
    let party = story.party();
    let change = |how: &dyn Fn(&mut caphub_proto::wire::identity::Authorise)| match desk(party, "desk") {
        Event::Authorise(mut event) => {
            how(&mut event);
            Event::Authorise(event)
        }
        _ => unreachable!("desk authorises"),
    };
    let other = |name: &str| match desk(party, name) {
        Event::Authorise(event) => event,
        _ => unreachable!("desk authorises"),
    };
    for event in [
        change(&|e| e.possession = [0; 64]),
        change(&|e| e.possession = other("another desk").possession),
        change(&|e| e.key = other("another desk").key),
        change(&|e| e.capabilities |= 16),
        change(&|e| e.not_after -= 1),
        change(&|e| e.recipient = [1; 32]),
        change(&|e| e.key = OperatorKey(crate::curve::identity())),
        desk(PartyId([3; 32]), "desk"),
    ] {
        story.expect("identity_possession", &event, &[(0, &root)]);
    }
    // The label is for people: possession does not cover it.
    story.expect("appended", &change(&|e| e.label = "front desk".to_owned()), &[(0, &root)]);
    story.end()
}

fn revocation() -> IdentityCase {
    let (mut story, root) = (simple("revoke with a branch chosen"), key("root"));
    let party = story.party();
    let revoke = |name: &str, reason: u8, feeds: &[(u8, u64, u8)]| {
        let feeds = feeds.iter().map(|(feed, seq, hash)| RevokedFeed {
            feed: FeedId([*feed; 32]),
            seq: *seq,
            hash: EntryHash([*hash; 32]),
        });
        Event::Revoke(Revoke { key: key(name).public(), reason, feeds: feeds.collect() })
    };
    story.expect("identity_unknown_key", &revoke("desk", 1, &[]), &[(0, &root)]);
    story.expect("appended", &desk(party, "desk"), &[(0, &root)]);
    story.expect("appended", &revoke("desk", 4, &[(0xf1, 7, 0xb1)]), &[(0, &root)]);
    story.expect("identity_duplicate_key", &desk(party, "desk"), &[(0, &root)]);
    let later = revoke("desk", 2, &[(0xf1, 5, 0xa1), (0xf2, 0, 0), (0xf1, 9, 0xc1)]);
    story.expect("appended", &later, &[(0, &root)]);
    let last = revoke("desk", 255, &[(0xf1, (1 << 53) - 1, 0xa1)]);
    story.expect("appended", &last, &[(0, &root)]);
    story.expect("identity_malformed", &revoke("desk", 0, &[(0xf1, 1 << 53, 0xa1)]), &[(0, &root)]);
    story.end()
}

fn recover_threshold() -> IdentityCase {
    let [a, b, c] = ["a", "b", "c"].map(key);
    let incept = Event::Incept {
        party_kind: 1,
        root: keys(1, &[&key("root")]),
        next: committed(1, &[&key("next")]),
        recovery: committed(2, &[&a, &b, &c]),
    };
    let mut story = Story::begin("recover below and at the threshold", &incept, &[(0, &key("root"))]);
    let recover = |revealed: Keys| Event::Recover {
        revealed,
        root: keys(1, &[&key("new root")]),
        next: committed(1, &[&key("new next")]),
        recovery: none(),
    };
    story.expect("identity_commitment", &recover(keys(1, &[&a])), &[(0, &a)]);
    story.expect("identity_threshold", &recover(keys(1, &[&a, &c])), &[(0, &a)]);
    story.expect("identity_threshold", &recover(keys(3, &[&a, &b, &c])), &[(0, &a), (1, &b)]);
    story.expect("identity_commitment", &recover(keys(2, &[&a, &key("d")])), &[(0, &a), (1, &key("d"))]);
    story.expect("appended", &recover(keys(1, &[&c, &a])), &[(0, &c), (1, &a)]);
    story.expect("bad_signature", &desk(story.party(), "desk"), &[(0, &key("root"))]);
    story.expect("appended", &desk(story.party(), "desk"), &[(0, &key("new root"))]);
    story.end()
}

fn no_recovery() -> IdentityCase {
    let incept = Event::Incept {
        party_kind: 7,
        root: keys(1, &[&key("root")]),
        next: committed(1, &[&key("next")]),
        recovery: none(),
    };
    let mut story = Story::begin("recover without recovery commitments", &incept, &[(0, &key("root"))]);
    story.expect("identity_commitment", &recover(&key("a"), &key("b")), &[(0, &key("a"))]);
    story.end()
}

fn founding() -> IdentityCase {
    let mut story = simple("a second founding");
    let again = story.event(1);
    story.expect("identity_not_incept", &again, &[(0, &key("root"))]);
    // The same event, signed anew with another time: another entry, the same party.
    story.expect_at(1, "identity_conflict", &again, &[(0, &key("root"))]);
    story.end()
}

fn other_party() -> IdentityCase {
    let incept = |kind| Event::Incept {
        party_kind: kind,
        root: keys(1, &[&key("root")]),
        next: committed(1, &[&key("next")]),
        recovery: none(),
    };
    let mut story = Story::of("a founding that is not this party's", &incept(1));
    story.expect("identity_party", &incept(2), &[(0, &key("root"))]);
    story.salted("identity_party", [0x77; 16], &incept(1), &[(0, &key("root"))]);
    story.expect("bad_signature", &incept(1), &[(0, &key("next"))]);
    story.expect("appended", &incept(1), &[(0, &key("root"))]);
    story.end()
}

fn not_incept() -> IdentityCase {
    let incept = Event::Incept {
        party_kind: 1,
        root: keys(1, &[&key("root")]),
        next: committed(1, &[&key("next")]),
        recovery: none(),
    };
    let mut story = Story::of("a log that does not begin with a founding", &incept);
    story.expect("identity_not_incept", &rotate(&key("root"), &key("next")), &[(0, &key("root"))]);
    story.expect("identity_not_incept", &desk(story.party(), "desk"), &[(0, &key("root"))]);
    story.end()
}

fn weak_root() -> IdentityCase {
    let incept = Event::Incept {
        party_kind: 1,
        root: Keys { threshold: 1, keys: vec![crate::curve::identity(), key("root").public().0] },
        next: committed(1, &[&key("next")]),
        recovery: none(),
    };
    let mut story = Story::of("a root key of small order", &incept);
    story.expect("bad_key", &incept, &[(0, &key("root"))]);
    story.expect("identity_signer", &incept, &[(1, &key("root")), (0, &key("root"))]);
    story.expect("appended", &incept, &[(1, &key("root"))]);
    story.end()
}

/// What the header decides before the event is read.
fn places() -> IdentityCase {
    let (mut story, root) = (simple("places and bodies"), key("root"));
    let event = desk(story.party(), "desk");
    let good = story.entry(&event, &[(0, &root)]);
    let change = |how: &dyn Fn(&mut EntryHex)| {
        let mut entry = good.clone();
        how(&mut entry);
        rehashed(entry)
    };
    let byte = |text: &mut String, at: usize, to: &str| text.replace_range(2 * at..2 * at + 2, to);
    story.put("body_missing", change(&|e| e.body.clear()));
    story.put("body_hash", change(&|e| byte(&mut e.body, 40, "ee")));
    story.put("body_length", change(&|e| e.body.push_str("00")));
    story.put("wrong_feed", change(&|e| byte(&mut e.header, 2, "ee")));
    story.put("wrong_feed", change(&|e| byte(&mut e.header, 1, "01")));
    story.put("unknown_version", change(&|e| byte(&mut e.header, 0, "02")));
    story.put("gap", change(&|e| byte(&mut e.header, 41, "03")));
    story.put("wrong_previous", change(&|e| byte(&mut e.header, 42, "ee")));
    story.put("bad_signature", change(&|e| byte(&mut e.header, 81, "ee")));
    story.put("bad_length", change(&|e| e.header.push_str("00")));
    story.put("appended", good);
    story.end()
}

fn key_lists() -> IdentityCase {
    let mut story = simple("key lists");
    let next = key("next");
    let rotate_to = |list: Keys| Event::Rotate { revealed: keys(1, &[&next]), next: list };
    let many = |count: usize| -> Vec<[u8; 32]> {
        (0..count).map(|n| tagged_hash(b"caphub vectors: list ", &[&[n as u8]])).collect()
    };
    let list = |threshold: u8, keys: Vec<[u8; 32]>| Keys { threshold, keys };
    for bad in [
        list(0, many(1)),
        list(2, many(1)),
        list(1, Vec::new()),
        list(0, Vec::new()),
        list(1, many(17)),
        list(1, [many(2), many(1)].concat()),
    ] {
        story.expect("identity_keys", &rotate_to(bad), &[(0, &next)]);
    }
    let recovery_threshold = Event::Recover {
        revealed: keys(1, &[&key("recovery")]),
        root: keys(1, &[&key("new root")]),
        next: committed(1, &[&key("new next")]),
        recovery: list(1, Vec::new()),
    };
    story.expect("identity_keys", &recovery_threshold, &[(0, &key("recovery"))]);
    story.expect("appended", &rotate_to(list(16, many(16))), &[(0, &next)]);
    story.end()
}

fn malformed() -> IdentityCase {
    let (mut story, root) = (simple("malformed bodies"), key("root"));
    let party = story.party();
    let good = desk(party, "desk").encode();
    let at = [(0, &root)];
    for kind in [0, 6, 255] {
        let mut bytes = good.clone();
        bytes[0] = kind;
        story.bytes("identity_unknown_event", &bytes, &at);
    }
    story.bytes("identity_malformed", &[], &[]);
    story.bytes("identity_malformed", &good[..100], &at);
    // A byte too many moves the signer's index and the count of signatures.
    story.bytes("identity_malformed", &[&good[..], &[0]].concat(), &at);
    let long = authorise(party, &key("desk"), Capabilities::DESK, NO_END, [0; 32], &"l".repeat(65));
    story.expect("identity_malformed", &long, &at);
    let mut not_text = good.clone();
    *not_text.last_mut().unwrap() = 0xff;
    story.bytes("identity_malformed", &not_text, &at);
    let beyond = authorise(party, &key("desk"), Capabilities::DESK, 1 << 53, [0; 32], "desk");
    story.expect("identity_malformed", &beyond, &at);
    let mut many = vec![4];
    many.extend_from_slice(&key("desk").public().0);
    many.extend_from_slice(&[0, 0xff, 0xff]);
    story.bytes("identity_malformed", &many, &at);
    story.bytes("appended", &good, &at);
    story.end()
}
