//! The parties of a simulation: their keys, identity logs and entries, all from the seed.

use bytes::Bytes;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    self, Attestation, AttestationLevel, EntryRef, LocalisedText, Need, Revision, Withdraw,
};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::salted;
use caphub_proto::wire::identity::author::{authorise, one};
use caphub_proto::wire::identity::{
    Capabilities, Event, Founding, IdentityAuthor, Keys, NO_END, Revoke, RevokedFeed, commitment,
};
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, OperatorKey, PartyId, Seq, Signer};
use prost::Message;

use crate::sim::rng::Rng;

/// One party and all its keys.
pub struct Party {
    /// Its id.
    pub id: PartyId,
    root: Signer,
    next: Signer,
    recovery: Signer,
    author: IdentityAuthor,
    /// Events before a theft of the root keys, until the party has recovered.
    before_theft: Option<usize>,
    /// Its signing keys, in the order in which they were authorised.
    pub operators: Vec<Signer>,
    /// Its identity events as they travel.
    pub identity: Vec<Signed>,
}

/// One signed entry as it travels.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its feed.
    pub feed: Feed,
    /// Its place.
    pub head: Head,
    /// Header, signature, presence and body.
    pub packed: Bytes,
}

/// Virtual time 0 as authors state it: the start of 2026.
pub const EPOCH_MS: u64 = 1_767_225_600_000;

impl Party {
    /// Founds a party with this many signing keys that may do all.
    pub fn found(rng: &mut Rng, keys: usize) -> Self {
        let [root, next, recovery] = [(); 3].map(|()| Signer::from_seed(&rng.array()));
        let founding = Founding { party_kind: 1, root: &root, next: &next, recovery: &recovery };
        let (salt, event) = (rng.array(), founding.event());
        let id = founding.party(salt);
        let author = IdentityAuthor { party: id, head: None };
        let (operators, identity) = (Vec::new(), Vec::new());
        let mut party = Self { id, root, next, recovery, author, before_theft: None, operators, identity };
        party.append(&event, salt);
        for _ in 0..keys {
            party.authorise(rng);
        }
        party
    }

    /// True from a theft until the party has recovered.
    pub fn is_stolen(&self) -> bool {
        self.before_theft.is_some()
    }

    /// Authorises one more signing key.
    pub fn authorise(&mut self, rng: &mut Rng) -> Signed {
        if self.before_theft.is_some() {
            self.recover(rng);
        }
        let operator = Signer::from_seed(&rng.array());
        let all = Capabilities::DESK.and(Capabilities::SERVE);
        let event = authorise(self.id, &operator, all, NO_END, [0; 32], "key");
        self.operators.push(operator);
        self.append(&event, rng.array())
    }

    /// Revokes a signing key; of each feed named, what counts.
    pub fn revoke(&mut self, rng: &mut Rng, key: OperatorKey, counted: &[(Feed, Head)]) -> Signed {
        if self.before_theft.is_some() {
            self.recover(rng);
        }
        let feeds = counted.iter().map(|(feed, head)| RevokedFeed {
            feed: feed.id(),
            seq: head.seq.value(),
            hash: head.hash,
        });
        let event = Event::Revoke(Revoke { key, reason: 4, feeds: feeds.collect() });
        self.append(&event, rng.array())
    }

    /// Puts the next root keys in force.
    pub fn rotate(&mut self, rng: &mut Rng) {
        if self.before_theft.is_some() {
            return self.recover(rng);
        }
        let after = Signer::from_seed(&rng.array());
        let revealed = std::mem::replace(&mut self.next, after);
        let (keys, next) = (one(*revealed.public().as_bytes()), committed(&self.next));
        self.root = revealed;
        self.append(&Event::Rotate { revealed: keys, next }, rng.array());
    }

    /// Whoever has the root keys authorises a key or two of its own; returns the identity log as the thief shows it.
    pub fn steal(&mut self, rng: &mut Rng) -> Vec<Signed> {
        self.before_theft.get_or_insert(self.identity.len());
        for _ in 0..=rng.index(2) {
            let operator = Signer::from_seed(&rng.array());
            let event = authorise(self.id, &operator, Capabilities::DESK, NO_END, [0; 32], "stolen");
            self.append(&event, rng.array());
        }
        self.identity.clone()
    }

    /// Puts new keys in place by the recovery keys: in the place of the first event that a thief signed.
    pub fn recover(&mut self, rng: &mut Rng) {
        if let Some(before) = self.before_theft.take() {
            self.identity.truncate(before);
            self.author.head = self.identity.last().map(|e| e.head);
        }
        let [root, next, recovery] = [(); 3].map(|()| Signer::from_seed(&rng.array()));
        let revealed = std::mem::replace(&mut self.recovery, recovery);
        let event = Event::Recover {
            revealed: one(*revealed.public().as_bytes()),
            root: one(*root.public().as_bytes()),
            next: committed(&next),
            recovery: committed(&self.recovery),
        };
        (self.root, self.next) = (revealed, next);
        self.append(&event, rng.array());
        self.root = root;
    }

    fn append(&mut self, event: &Event, salt: [u8; 16]) -> Signed {
        let packed = self.author.append(event, &[(0, &self.root)], salt, EPOCH_MS).expect("a valid event");
        let head = self.author.head.expect("an event was appended");
        let signed = Signed { feed: Feed::identity(self.id), head, packed: packed.into() };
        self.identity.push(signed.clone());
        signed
    }
}

fn committed(key: &Signer) -> Keys {
    one(commitment(key.public().as_bytes()))
}

/// Signs the next entry of a feed.
pub fn sign(
    feed: Feed,
    after: Option<Head>,
    time_ms: u64,
    salt: [u8; 16],
    bytes: &[u8],
    key: &Signer,
) -> Signed {
    let head: Option<(Seq, EntryHash)> = after.map(|h| (h.seq, h.hash));
    let body = salted(salt, bytes);
    let (packed, seq, hash) =
        Draft { feed: &feed, head, time_ms, body: &body }.sign(key).expect("a body within bounds");
    Signed { feed, head: Head { seq, hash }, packed: packed.into() }
}

/// The bytes of a need, which everybody may publish.
pub fn need(rng: &mut Rng, words: usize) -> Vec<u8> {
    let text = "training ".repeat(words) + &rng.below(1_000_000).to_string();
    let title = Some(LocalisedText { language: "en".to_owned(), text, ..LocalisedText::default() });
    revision(rng, Record::Need(Need { title, ..Need::default() }))
}

/// The bytes of a withdrawal that erases the body of one entry.
pub fn erasure(rng: &mut Rng, feed: FeedId, seq: u64) -> Vec<u8> {
    let entries = vec![EntryRef { feed_id: feed.to_vec(), seq }];
    let kind = "need".to_owned();
    revision(rng, Record::Withdraw(Withdraw { kind, erase: true, entries, ..Withdraw::default() }))
}

/// The bytes of an attestation of a member.
pub fn attestation(rng: &mut Rng, member: PartyId, level: AttestationLevel) -> Vec<u8> {
    let attestation = Attestation { party: member.to_vec(), level: level.into(), ..Attestation::default() };
    revision(rng, Record::Attestation(attestation))
}

fn revision(rng: &mut Rng, record: Record) -> Vec<u8> {
    let record_id = rng.array::<16>().to_vec();
    Revision { record_id, number: 1, record: Some(record), ..Revision::default() }.encode_to_vec()
}

/// A run of one entry, or of several in their order.
pub fn run_of(entries: &[Signed]) -> v1::Run {
    let feed = entries.first().map(|e| caphub_node::author::feed_parts(&e.feed));
    v1::Run { feed, entries: entries.iter().flat_map(|e| e.packed.iter().copied()).collect() }
}
