//! Signed courses of about 1.1 KB, spread evenly over feeds, each of a party of its own.

use caphub_node::author::packed_run;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Course, LocalisedText, Revision};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::salted;
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{Capabilities, Founding, IdentityAuthor, NO_END};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{Audience, Feed, Signer};
use prost::Message;

const TIME: u64 = 1_798_761_600_000;
/// Bytes of a description that make an entry of 1.1 KB.
const DESCRIPTION_BYTES: usize = 830;

/// Everything that is moved.
pub struct Catalogue {
    /// One run for each party: its founding and its signing key.
    pub identities: Vec<v1::Run>,
    /// One run for each feed.
    pub records: Vec<v1::Run>,
    /// The key of each feed, in the order of the runs.
    pub keys: Vec<[u8; 32]>,
}

fn signer(name: &str, n: u64) -> Signer {
    Signer::from_seed(&tagged_hash(name.as_bytes(), &[&n.to_be_bytes()]))
}

impl Catalogue {
    /// `entries` records over `feeds` feeds.
    pub fn make(entries: u64, feeds: u64) -> Self {
        let mut made = Self { identities: Vec::new(), records: Vec::new(), keys: Vec::new() };
        for feed in 0..feeds {
            let count = entries / feeds + u64::from(feed < entries % feeds);
            made.party(feed, count);
        }
        made
    }

    /// Bytes of the records as they travel.
    pub fn bytes(&self) -> u64 {
        self.records.iter().map(|r| r.entries.len() as u64).sum()
    }

    fn party(&mut self, n: u64, count: u64) {
        let (root, next, recovery) = (signer("root", n), signer("next", n), signer("recovery", n));
        let founding = Founding { party_kind: 5, root: &root, next: &next, recovery: &recovery };
        let party = founding.party([0; 16]);
        let mut author = IdentityAuthor { party, head: None };
        let desk = signer("desk", n);
        let key = authorise(party, &desk, Capabilities::DESK, NO_END, [0; 32], "desk");
        let mut identity =
            author.append(&founding.event(), &[(0, &root)], [0; 16], TIME).expect("a founding");
        identity.extend(author.append(&key, &[(0, &root)], [1; 16], TIME).expect("a signing key"));
        self.identities.push(packed_run(&Feed::identity(party), identity));
        let feed = Feed::records(party, desk.public(), Audience::Public);
        let (mut head, mut packed) = (None, Vec::new());
        for i in 0..count {
            let body = salted([7; 16], &course(n, i).encode_to_vec());
            let draft = Draft { feed: &feed, head, time_ms: TIME, body: &body };
            let (entry, seq, hash) = draft.sign(&desk).expect("an entry");
            head = Some((seq, hash));
            packed.extend(entry);
        }
        self.records.push(packed_run(&feed, packed));
        self.keys.push(desk.public().0);
    }
}

fn course(party: u64, n: u64) -> Revision {
    let text =
        |text: String| Some(LocalisedText { language: "en".to_owned(), text, translations: Vec::new() });
    let words = ["incident", "network", "forensics", "policy", "exercise", "audit", "malware", "awareness"];
    let mut description = String::new();
    let mut state = party.wrapping_mul(1_000_003) ^ n;
    while description.len() < DESCRIPTION_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        description.push_str(words[(state >> 33) as usize % words.len()]);
        description.push(' ');
    }
    let record = Course {
        title: text(format!("Course {n} of organisation {party}")),
        description: text(description),
        themes: vec!["incident_management".to_owned()],
        ..Course::default()
    };
    let id = tagged_hash(b"bench", &[&party.to_be_bytes(), &n.to_be_bytes()]);
    Revision {
        record_id: id[..16].to_vec(),
        number: 1,
        record: Some(Record::Course(record)),
        ..Revision::default()
    }
}
