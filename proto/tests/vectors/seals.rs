//! `seals.json`: what an opened age file must say to count, and keys that nothing is sealed to (SPEC.md section 5.1).

use caphub_proto::exchange::seal;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    Attestation, GrantedEntry, Need, Nomination, Revision, Sealing, ThreadGrant, Withdraw,
};
use caphub_proto::wire::{Audience, FeedId, Seq};
use serde::Serialize;

#[derive(Serialize)]
pub struct SealCase {
    pub name: String,
    /// Of the entry.
    pub feed_id: String,
    pub seq: u64,
    /// Of the feed.
    pub audience: String,
    /// What the age file holds.
    pub plain: String,
    /// A reading key instead, and whether it counts as none.
    pub key: String,
    pub weak: bool,
    /// Why the revision does not count.
    pub reason: String,
}

const OPENING: [u8; 32] = [0x41; 32];

/// What the code makes of a case.
pub fn judged(case: &SealCase) -> String {
    let bytes = |text: &str| hex::decode(text).unwrap();
    if !case.key.is_empty() {
        let key: [u8; 32] = bytes(&case.key).try_into().unwrap();
        assert_eq!(seal::is_weak(&key), case.weak, "{}", case.name);
        return String::new();
    }
    let (feed, seq) = (FeedId::from_slice(&bytes(&case.feed_id)).unwrap(), Seq::new(case.seq).unwrap());
    let audience = Audience::decode(&bytes(&case.audience)).unwrap();
    let found = seal::unframe(&bytes(&case.plain), &feed, seq).and_then(|r| seal::placed(&r, &audience));
    found.err().map_or(String::new(), |r| r.code().to_owned())
}

fn revision(record: Record, opening: &[u8]) -> Revision {
    let sealing = Some(Sealing { parties: vec![vec![7; 32]], opening: opening.to_vec() });
    Revision { record_id: vec![1; 16], number: 1, record: Some(record), sealing, ..Revision::default() }
}

pub fn cases() -> Vec<SealCase> {
    let (feed, seq) = (FeedId([0x31; 32]), Seq::new(9).unwrap());
    let thread = Audience::Sealed(seal::thread(&OPENING));
    let mut cases = Vec::new();
    let mut add = |name: &str, audience: Audience, plain: Vec<u8>, reason: &str| {
        cases.push(SealCase {
            name: name.to_owned(),
            feed_id: hex::encode(feed.0),
            seq: seq.value(),
            audience: hex::encode(audience.encode()),
            plain: hex::encode(plain),
            key: String::new(),
            weak: false,
            reason: reason.to_owned(),
        });
    };
    let need = || revision(Record::Need(Need::default()), &OPENING);
    let whole = seal::frame(&feed, seq, &need());
    add("a need in its thread", thread, whole.clone(), "");
    add(
        "sealed for another feed",
        thread,
        seal::frame(&FeedId([0x32; 32]), seq, &need()),
        "record_malformed",
    );
    let later = Seq::new(10).unwrap();
    add("sealed for another place", thread, seal::frame(&feed, later, &need()), "record_malformed");
    add("shorter than its frame", thread, whole[..39].to_vec(), "record_malformed");
    add("no revision behind the frame", thread, [&whole[..40], &[0xff; 3]].concat(), "record_malformed");
    let stranger = revision(Record::Need(Need::default()), &[0x42; 32]);
    add("another opening", thread, seal::frame(&feed, seq, &stranger), "not_in_thread");
    let short = revision(Record::Need(Need::default()), &OPENING[..31]);
    add("an opening of 31 bytes", thread, seal::frame(&feed, seq, &short), "not_in_thread");
    let silent = Revision { sealing: None, ..need() };
    add("no opening", thread, seal::frame(&feed, seq, &silent), "not_in_thread");
    let attested = revision(Record::Attestation(Attestation::default()), &OPENING);
    add("an attestation", thread, seal::frame(&feed, seq, &attested), "open_only");
    let nominated = revision(Record::Nomination(Nomination::default()), &OPENING);
    add("a nomination", thread, seal::frame(&feed, seq, &nominated), "");
    let taken_back = revision(Record::Withdraw(Withdraw::default()), &OPENING);
    add("a withdrawal", thread, seal::frame(&feed, seq, &taken_back), "");
    let entry = GrantedEntry { feed_id: vec![3; 32], seq: 4, file_key: vec![5; 16] };
    let granted = revision(Record::ThreadGrant(ThreadGrant { entries: vec![entry] }), &OPENING);
    add("a grant", thread, seal::frame(&feed, seq, &granted), "");
    for audience in [Audience::Public, Audience::Network] {
        let bare = |r: &Revision| seal::frame(&feed, seq, &Revision { sealing: None, ..r.clone() });
        add(&format!("a nomination for {audience}"), audience, bare(&nominated), "sealed_only");
        add(&format!("a grant for {audience}"), audience, bare(&granted), "sealed_only");
        add(&format!("a need that states a seal for {audience}"), audience, whole.clone(), "record_invalid");
    }
    keys(&mut cases);
    cases
}

fn keys(cases: &mut Vec<SealCase>) {
    let little = |first: u8| {
        let mut key = [0; 32];
        key[0] = first;
        key
    };
    let near = |first: u8| {
        let mut key = [0xff; 32];
        (key[0], key[31]) = (first, 0x7f);
        key
    };
    let eight = |text: &str| hex::decode(text).unwrap().try_into().unwrap();
    let small: [(&str, [u8; 32]); 7] = [
        ("no key", little(0)),
        ("key: one", little(1)),
        ("key of order 8", eight("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")),
        ("another key of order 8", eight("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")),
        ("key: the prime less one", near(0xec)),
        ("key: the prime", near(0xed)),
        ("key: the prime and one", near(0xee)),
    ];
    let mut add = |name: String, key: [u8; 32], weak| {
        let (feed_id, audience, plain, reason) = Default::default();
        cases.push(SealCase { name, feed_id, seq: 0, audience, plain, key: hex::encode(key), weak, reason });
    };
    for (name, mut key) in small {
        add(name.to_owned(), key, true);
        key[31] |= 0x80;
        add(format!("{name}, with its top bit set"), key, true);
    }
    add("the base point".to_owned(), little(9), false);
    add("key: two".to_owned(), little(2), false);
    add("key: the prime less two".to_owned(), near(0xeb), false);
}
