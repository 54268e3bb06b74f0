//! Framing, readers and what may stand where.
#![allow(clippy::unwrap_used)]

use curve25519_dalek::montgomery::MontgomeryPoint;

use super::*;
use crate::v1::revision::Record;
use crate::v1::{Attestation, Need, ThreadGrant};
use crate::wire::OperatorKey;
use crate::wire::identity::{Capabilities, Keys, NO_END, Operator, Revoke};

const OPENING: [u8; 32] = [7; 32];

fn revision(record: Record) -> Revision {
    let sealing = Some(Sealing { parties: vec![vec![2; 32]], opening: OPENING.to_vec() });
    Revision { record_id: vec![1; 16], number: 1, record: Some(record), sealing, ..Revision::default() }
}

fn operator(recipient: u8) -> Operator {
    Operator {
        capabilities: Capabilities::DESK,
        not_after: NO_END,
        recipient: [recipient; 32],
        label: String::new(),
        revoked: None,
    }
}

fn state(party: u8, operators: Vec<Operator>) -> State {
    let keys = Keys { threshold: 1, keys: Vec::new() };
    State {
        party: PartyId([party; 32]),
        party_kind: 1,
        root: keys.clone(),
        next: keys.clone(),
        recovery: keys,
        operators: (0..).map(|n| OperatorKey([n; 32])).zip(operators).collect(),
    }
}

#[test]
fn a_body_opens_at_its_own_place_and_nowhere_else() {
    let need = revision(Record::Need(Need::default()));
    let (feed, seq) = (FeedId([3; 32]), Seq::new(9).unwrap());
    let plain = frame(&feed, seq, &need);
    assert_eq!(unframe(&plain, &feed, seq), Ok(need));
    for (feed, seq) in [(FeedId([4; 32]), seq), (feed, Seq::new(10).unwrap())] {
        assert_eq!(unframe(&plain, &feed, seq), Err(Reason::RecordMalformed));
    }
    for end in 0..FRAME_BYTES {
        assert_eq!(unframe(&plain[..end], &feed, seq), Err(Reason::RecordMalformed));
    }
    let garbage = [&plain[..FRAME_BYTES], &[0xff; 9]].concat();
    assert_eq!(unframe(&garbage, &feed, seq), Err(Reason::RecordMalformed));
}

#[test]
fn whoever_does_not_know_the_opening_is_not_in_the_thread() {
    let here = Audience::Sealed(thread(&OPENING));
    let need = revision(Record::Need(Need::default()));
    assert_eq!(placed(&need, &here), Ok(()));
    assert_eq!(placed(&need, &Audience::Sealed([9; 16])), Err(Reason::NotInThread));
    let silent = Revision { sealing: None, ..need };
    assert_eq!(placed(&silent, &here), Err(Reason::NotInThread));
}

#[test]
fn some_kinds_stand_only_sealed_and_some_never() {
    let here = Audience::Sealed(thread(&OPENING));
    let open = [Audience::Public, Audience::Network, Audience::Hub(PartyId([1; 32]))];
    let attestation = revision(Record::Attestation(Attestation::default()));
    assert_eq!(placed(&attestation, &here), Err(Reason::OpenOnly));
    let grant = revision(Record::ThreadGrant(ThreadGrant::default()));
    assert_eq!(placed(&grant, &here), Ok(()));
    for audience in open {
        assert_eq!(placed(&attestation, &audience), Err(Reason::RecordInvalid), "it states a seal");
        let bare = Revision { sealing: None, ..attestation.clone() };
        assert_eq!(placed(&bare, &audience), Ok(()));
        let bare = Revision { sealing: None, ..grant.clone() };
        assert_eq!(placed(&bare, &audience), Err(Reason::SealedOnly));
    }
    for kind in RecordKind::ALL {
        assert!(!kind.sealed_only() || kind.sealable(), "{kind} could stand nowhere");
    }
}

#[test]
fn a_key_that_has_ended_or_is_revoked_reads_nothing_new() {
    let revoke = Revoke { key: OperatorKey([1; 32]), reason: 1, feeds: Vec::new() };
    let revoked = Operator { revoked: Some(revoke), ..operator(12) };
    let ended = Operator { not_after: 999, ..operator(13) };
    let last = Operator { not_after: 1_000, ..operator(14) };
    let ours = state(1, vec![operator(11), revoked.clone(), ended.clone(), last, operator(0)]);
    let keys = |of: &[&State]| readers(of.iter().copied(), 1_000);
    assert_eq!(keys(&[&ours]).unwrap(), BTreeSet::from([[11; 32], [14; 32]]));
    let other = state(2, vec![operator(21), operator(11)]);
    assert_eq!(keys(&[&ours, &other]).unwrap().len(), 3);
    let gone = state(3, vec![revoked, ended, operator(0)]);
    assert_eq!(keys(&[&ours, &gone]), Err(NoSeal::NoReader(PartyId([3; 32]))));
    let many = state(4, (1..=u8::try_from(READERS_MAX + 1).unwrap()).map(operator).collect());
    assert_eq!(keys(&[&many]), Err(NoSeal::TooMany { found: READERS_MAX + 1 }));
}

#[test]
fn keys_of_small_order_are_refused_and_others_are_not() {
    // Multiplying by 8 leaves nothing exactly of the points whose order divides it.
    let eight = {
        let mut scalar = [0; 32];
        scalar[0] = 8;
        curve25519_dalek::Scalar::from_bytes_mod_order(scalar)
    };
    let small = |key: &[u8; 32]| (MontgomeryPoint(*key) * eight).0 == [0; 32];
    for first in 0..=255 {
        for key in [little(first), near_prime(first)] {
            for top in [0, 0x80] {
                let mut key = key;
                key[31] |= top;
                assert_eq!(is_weak(&key), small(&key), "{key:?}");
            }
        }
        let key = tagged_hash(b"key", &[&[first]]);
        assert_eq!(is_weak(&key), small(&key));
    }
    assert!(is_weak(&[0; 32]));
}

#[test]
fn a_reading_key_is_written_as_the_age_tool_writes_it() {
    // The pair of the age project's own documentation.
    let text = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    let key = parse_recipient(text).unwrap();
    assert_eq!(recipient_text(&key), text);
    for wrong in ["", "age1", "cap1qqqq", &text.to_uppercase()[1..], &text.replace('t', "u")] {
        assert_eq!(parse_recipient(wrong), None, "{wrong}");
    }
}
