//! The parties of a simulation: their keys, identity logs and entries, all from the seed.

use bytes::Bytes;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Attestation, AttestationLevel, LocalisedText, Need, Revision};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::salted;
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{
    Capabilities, Event, Founding, IdentityAuthor, NO_END, Revoke, RevokedFeed,
};
use caphub_proto::wire::{EntryHash, Feed, Head, OperatorKey, PartyId, Seq, Signer};
use prost::Message;

use crate::sim::rng::Rng;

/// One party and all its keys.
pub struct Party {
    /// Its id.
    pub id: PartyId,
    root: Signer,
    next: Signer,
    author: IdentityAuthor,
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
        let mut party = Self { id, root, next, author, operators, identity };
        party.append(&event, salt);
        for _ in 0..keys {
            party.authorise(rng);
        }
        party
    }

    /// Authorises one more signing key.
    pub fn authorise(&mut self, rng: &mut Rng) -> Signed {
        let operator = Signer::from_seed(&rng.array());
        let all = Capabilities::DESK.and(Capabilities::SERVE);
        let event = authorise(self.id, &operator, all, NO_END, [0; 32], "key");
        self.operators.push(operator);
        self.append(&event, rng.array())
    }

    /// Revokes a signing key; of each feed named, what counts.
    pub fn revoke(&mut self, rng: &mut Rng, key: OperatorKey, counted: &[(Feed, Head)]) -> Signed {
        let feeds = counted.iter().map(|(feed, head)| RevokedFeed {
            feed: feed.id(),
            seq: head.seq.value(),
            hash: head.hash,
        });
        let event = Event::Revoke(Revoke { key, reason: 4, feeds: feeds.collect() });
        self.append(&event, rng.array())
    }

    /// The keys that come after the root keys; a rotation is not simulated, for identity logs have their own tests.
    pub fn next_key(&self) -> OperatorKey {
        self.next.public()
    }

    fn append(&mut self, event: &Event, salt: [u8; 16]) -> Signed {
        let packed = self.author.append(event, &[(0, &self.root)], salt, EPOCH_MS).expect("a valid event");
        let head = self.author.head.expect("an event was appended");
        let signed = Signed { feed: Feed::identity(self.id), head, packed: packed.into() };
        self.identity.push(signed.clone());
        signed
    }
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
