//! What a fork proof shows, and what does not pass for one. The vectors of `forks.json` hold more.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::wire::entry::Draft;
use crate::wire::{Audience, PartyId, Signer};

fn signer() -> Signer {
    Signer::from_seed(&[3; 32])
}

fn feed() -> Feed {
    Feed::records(PartyId([9; 32]), signer().public(), Audience::Network)
}

fn entry(head: Option<(Seq, EntryHash)>, text: &str) -> (Vec<u8>, (Seq, EntryHash)) {
    let body = [&[7; 16][..], text.as_bytes()].concat();
    let (packed, seq, hash) = Draft { feed: &feed(), head, time_ms: 1, body: &body }.sign(&signer()).unwrap();
    (packed, (seq, hash))
}

fn chain(mut head: Option<(Seq, EntryHash)>, branch: &str, count: usize) -> (Vec<u8>, Vec<(Seq, EntryHash)>) {
    let (mut packed, mut heads) = (Vec::new(), Vec::new());
    for i in 0..count {
        let (bytes, next) = entry(head, &format!("{branch}{i}"));
        packed.extend(bytes);
        heads.push(next);
        head = Some(next);
    }
    (packed, heads)
}

fn verifier() -> Verifier {
    Verifier::new(signer().public().as_bytes()).unwrap()
}

fn run(packed: &[u8]) -> Run<'_> {
    Run::chain(feed(), unpack(packed).unwrap()).unwrap()
}

#[test]
fn whoever_finds_the_two_entries_makes_the_same_short_proof() {
    let (base, heads) = chain(None, "a", 3);
    let (one, _) = chain(heads.last().copied(), "one", 4);
    let (other, _) = chain(heads.last().copied(), "other", 2);
    let (long, longer) = ([&base[..], &one].concat(), [&base[..], &other].concat());
    let proof = ForkProof::build(feed(), &run(&long), &run(&longer), &verifier()).unwrap();
    let swapped = ForkProof::build(feed(), &run(&other), &run(&long), &verifier()).unwrap();
    assert_eq!(proof, swapped);
    assert_eq!(proof.common(), LastCommon { seq: 3, hash: heads[2].1 });
    assert_eq!(proof.len(), 2 * (118 + 64 + 1), "one entry a side, without bodies");
    assert_eq!(ForkProof::check(feed(), proof.first(), proof.second()).unwrap(), proof);
}

#[test]
fn one_history_is_no_fork_however_it_is_cut() {
    let (packed, heads) = chain(None, "a", 6);
    let whole = run(&packed);
    assert_eq!(ForkProof::build(feed(), &whole, &run(&packed), &verifier()), Err(Reason::BadProof));
    let (later, _) = chain(heads.last().copied(), "a", 2);
    assert_eq!(ForkProof::build(feed(), &whole, &run(&later), &verifier()), Err(Reason::BadProof));
    let identity = Feed::identity(PartyId([9; 32]));
    assert_eq!(ForkProof::check(identity, &packed, &packed), Err(Reason::WrongFeed));
    assert_eq!(ForkProof::check(feed(), &packed, &packed), Err(Reason::BadProof), "bodies");
    assert_eq!(ForkProof::check(feed(), &[], &packed), Err(Reason::EmptyRun));
}

#[test]
fn a_flipped_bit_anywhere_ends_a_proof() {
    let (one, _) = chain(None, "one", 1);
    let (other, _) = chain(None, "other", 1);
    let proof = ForkProof::build(feed(), &run(&one), &run(&other), &verifier()).unwrap();
    for at in 0..proof.first().len() {
        let mut first = proof.first().to_vec();
        first[at] ^= 1;
        assert!(ForkProof::check(feed(), &first, proof.second()).is_err(), "byte {at}");
        assert!(ForkProof::check(feed(), proof.second(), &first).is_err(), "byte {at}");
        assert!(ForkProof::check(feed(), &proof.first()[..at], proof.second()).is_err());
    }
}
