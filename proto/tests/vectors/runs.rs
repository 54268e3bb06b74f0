//! `runs.json`: consecutive entries of one feed (SPEC.md section 3.3).

use caphub_proto::wire::{Audience, Feed};

use crate::case::{EntryHex, Raw, RunCase, TIME, feed, hash_of, key, party, rehashed};

pub fn cases() -> Vec<RunCase> {
    let mut cases = Vec::new();
    let mut add = |name: &str, entries: Vec<EntryHex>, reason: &str| {
        let entries = entries.into_iter().map(rehashed).collect();
        let (name, reason) = (name.to_owned(), reason.to_owned());
        cases.push(RunCase { name, valid: reason.is_empty(), reason, entries });
    };
    let a = chain(&feed(), "a", 5, None);
    add("from the first entry", a.clone(), "");
    add("one entry", a[..1].to_vec(), "");
    add("from a later entry", a[2..].to_vec(), "");
    add("no entries", Vec::new(), "empty_run");
    let mut erased = a.clone();
    erased[1].body.clear();
    erased[4].body.clear();
    add("two bodies absent", erased, "");

    add("gap", without(&a, 2), "gap");
    add("order reversed", a.iter().rev().cloned().collect(), "gap");
    add("an entry twice", twice(&a, 2), "gap");

    // A second chain from entry 2 on, by the same key: with entries 3 of both, a proof.
    let b = [a[..2].to_vec(), chain(&feed(), "b", 3, Some((2, hash_of(&a[1]))))].concat();
    add("fork: the other branch, by itself", b.clone(), "");
    let mut forked = a[..3].to_vec();
    forked.push(b[2].clone());
    add("fork: both entries 3 in one run", forked, "fork");
    let mut spliced = a[..3].to_vec();
    spliced.extend_from_slice(&b[3..]);
    add("splice: entry 4 of the other branch", spliced, "wrong_previous");

    let network = Feed::records(party(), key("desk").public(), Audience::Network);
    let mut spliced = a.clone();
    spliced[2] = chain(&network, "a", 5, None)[2].clone();
    add("splice: an entry of another feed", spliced, "wrong_feed");
    let other = Feed::records(party(), key("another desk").public(), Audience::Public);
    let theirs = Raw::first(&other, b"theirs").at(3, hash_of(&a[1])).signed(&key("another desk"));
    let mut spliced = a[..2].to_vec();
    spliced.push(theirs);
    add("splice: an entry of another key", spliced, "wrong_feed");

    let stranger = Raw::first(&feed(), b"not what stands before").at(3, [0x33; 32]);
    let mut wrong = a[..2].to_vec();
    wrong.push(stranger.signed(&key("desk")));
    add("wrong previous", wrong, "wrong_previous");
    let mut altered = a.clone();
    altered[1].body = body_of("b", 2);
    add("a body inside is altered", altered, "body_hash");
    let mut altered = a.clone();
    flip(&mut altered[1].header, 80);
    add("a header inside is altered", altered, "wrong_previous");
    let mut altered = a.clone();
    flip(&mut altered[1].signature, 3);
    add("a signature inside is altered after the next entry was signed", altered, "wrong_previous");

    add("an invalid signature inside, chained", with_bad_signature(5, 3), "");
    add("an invalid signature at the end", with_bad_signature(3, 3), "bad_signature");
    add("signed by another key throughout", foreign(), "bad_signature");
    let mut short = a.clone();
    short[3].header.truncate(234);
    add("a header inside is cut short", short, "bad_length");
    cases
}

fn raw(feed: &Feed, branch: &str, seq: u64, previous: [u8; 32]) -> Raw {
    let raw = Raw::first(feed, format!("{branch}{seq}").as_bytes()).at(seq, previous);
    Raw { time: TIME + seq, ..raw }
}

pub fn body_of(text: &str, seq: u64) -> String {
    hex::encode(raw(&feed(), text, seq, [1; 32]).body)
}

/// `count` entries after `base`, or from the first on.
pub fn chain(feed: &Feed, branch: &str, count: u64, base: Option<(u64, [u8; 32])>) -> Vec<EntryHex> {
    let (held, mut previous) = base.unwrap_or_default();
    let mut out = Vec::new();
    for seq in held + 1..=held + count {
        let entry = raw(feed, branch, seq, previous).signed(&key("desk"));
        previous = hash_of(&entry);
        out.push(entry);
    }
    out
}

fn without(entries: &[EntryHex], index: usize) -> Vec<EntryHex> {
    let mut out = entries.to_vec();
    out.remove(index);
    out
}

fn twice(entries: &[EntryHex], index: usize) -> Vec<EntryHex> {
    let mut out = entries.to_vec();
    out.insert(index, entries[index].clone());
    out
}

/// An author's own entry with a signature that does not hold, and entries that stand on it.
fn with_bad_signature(count: u64, bad: u64) -> Vec<EntryHex> {
    let mut previous = [0; 32];
    let mut out = Vec::new();
    for seq in 1..=count {
        let raw = raw(&feed(), "c", seq, previous);
        let signature: [u8; 64] = match seq == bad {
            true => [0x5a; 64],
            false => key("desk").sign(b"caphub/entry/1\0", &raw.header()),
        };
        let entry = raw.hex(&signature, key("desk").public().as_bytes());
        previous = hash_of(&entry);
        out.push(entry);
    }
    out
}

fn foreign() -> Vec<EntryHex> {
    let first = raw(&feed(), "d", 1, [0; 32]).signed(&key("another desk"));
    let second = raw(&feed(), "d", 2, hash_of(&first)).signed(&key("another desk"));
    vec![first, second]
}

fn flip(text: &mut String, byte: usize) {
    let mut bytes = hex::decode(&text[..]).unwrap();
    bytes[byte] ^= 1;
    *text = hex::encode(bytes);
}
