//! Signed courses of about 1.1 KB, spread evenly over feeds, each of a party of its own.

use caphub_node::author::packed_run;
use caphub_node::link::LinkIdentity;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Course, LocalisedText, Revision};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::{salted, unpack};
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{Capabilities, Founding, IdentityAuthor, NO_END};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::limits::{RUN_BYTES_MAX, RUN_ENTRIES_MAX, SALT_BYTES};
use caphub_proto::wire::{Audience, Feed, PartyId, Signer, UncheckedEntry};
use prost::Message;

const TIME: u64 = 1_798_761_600_000;
/// Number of the organisation that publishes while others follow.
const PUBLISHER: u64 = 1_000_000;
/// Bytes of a description that make an entry of 1.1 KB.
const DESCRIPTION_BYTES: usize = 830;

/// Everything that is moved.
#[derive(Default)]
pub struct Catalogue {
    /// One run for each party: its founding and its signing key.
    pub identities: Vec<v1::Run>,
    /// One run for each feed, or as many as its entries need.
    pub records: Vec<v1::Run>,
    /// The key of each run of records.
    pub keys: Vec<[u8; 32]>,
    /// The organisations.
    pub parties: Vec<PartyId>,
    /// Number of the first organisation.
    first: u64,
    /// Texts are in six languages.
    spoken: bool,
}

fn signer(name: &str, n: u64) -> Signer {
    Signer::from_seed(&tagged_hash(name.as_bytes(), &[&n.to_be_bytes()]))
}

impl Catalogue {
    /// `entries` records over `feeds` feeds, signed on all cores.
    pub fn make(entries: u64, feeds: u64) -> Self {
        Self::made(entries, feeds, false)
    }

    /// The same in six languages, as people write.
    pub fn spoken(entries: u64, feeds: u64) -> Self {
        Self::made(entries, feeds, true)
    }

    fn made(entries: u64, feeds: u64, spoken: bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        let share = feeds.div_ceil(cores).max(1);
        let signed = std::thread::scope(|scope| {
            let part = |core: u64| {
                let mut made = Self { spoken, ..Self::default() };
                for feed in core * share..((core + 1) * share).min(feeds) {
                    made.party(feed, entries / feeds + u64::from(feed < entries % feeds));
                }
                made
            };
            let threads: Vec<_> = (0..cores).map(|core| scope.spawn(move || part(core))).collect();
            threads.into_iter().map(|t| t.join().expect("a signed part")).collect::<Vec<_>>()
        });
        let mut made = Self::default();
        for part in signed {
            made.identities.extend(part.identities);
            made.records.extend(part.records);
            made.keys.extend(part.keys);
            made.parties.extend(part.parties);
        }
        made
    }

    /// The runs of records, those of the first `feeds` feeds without their last `tail` entries.
    pub fn without_ends(&self, feeds: usize, tail: usize) -> Vec<v1::Run> {
        let mut runs = self.records.clone();
        for run in runs.iter_mut().take(feeds) {
            let entries = unpack(&run.entries).expect("entries");
            let kept = entries.len().saturating_sub(tail).max(1);
            let bytes: usize = entries.iter().take(kept).map(UncheckedEntry::packed_len).sum();
            run.entries = run.entries.slice(..bytes);
        }
        runs
    }

    /// One organisation with one feed, none of those that `make` makes.
    pub fn publisher(entries: u64) -> Self {
        let mut made = Self { first: PUBLISHER, ..Self::default() };
        made.party(PUBLISHER, entries);
        made
    }

    /// The last `tail` entries of the first feed, one run each, with the ids of their records.
    pub fn ends(&self, tail: usize) -> Vec<(Vec<u8>, v1::Run)> {
        let singles = self.records.iter().take(1).flat_map(singles);
        let mut named: Vec<_> = singles.map(|run| (record_id(&run), run)).collect();
        named.split_off(named.len().saturating_sub(tail))
    }

    /// All entries, one run each.
    pub fn singles(&self) -> Vec<v1::Run> {
        self.records.iter().flat_map(singles).collect()
    }

    /// The desk of an organisation, as it presents itself on a link.
    pub fn desk(&self, n: usize) -> LinkIdentity {
        LinkIdentity { party: self.parties[n], signer: signer("desk", self.first + n as u64) }
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
            let body = salted([7; 16], &course(n, i, self.spoken).encode_to_vec());
            let draft = Draft { feed: &feed, head, time_ms: TIME, body: &body };
            let (entry, seq, hash) = draft.sign(&desk).expect("an entry");
            head = Some((seq, hash));
            if packed.len() + entry.len() > RUN_BYTES_MAX || (i > 0 && i % RUN_ENTRIES_MAX as u64 == 0) {
                self.records.push(packed_run(&feed, std::mem::take(&mut packed)));
                self.keys.push(desk.public().0);
            }
            packed.extend(entry);
        }
        self.records.push(packed_run(&feed, packed));
        self.keys.push(desk.public().0);
        self.parties.push(party);
    }
}

fn singles(run: &v1::Run) -> Vec<v1::Run> {
    let (mut at, mut singles) = (0, Vec::new());
    for entry in unpack(&run.entries).expect("entries") {
        let entries = run.entries.slice(at..at + entry.packed_len());
        at += entry.packed_len();
        singles.push(v1::Run { feed: run.feed.clone(), entries });
    }
    singles
}

fn record_id(run: &v1::Run) -> Vec<u8> {
    let entries = unpack(&run.entries).expect("entries");
    let content = entries.first().and_then(|e| e.body?.get(SALT_BYTES..)).expect("a body");
    Revision::decode(content).expect("a revision").record_id
}

fn course(party: u64, n: u64, spoken: bool) -> Revision {
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
    let record = match spoken {
        true => {
            let number = party.wrapping_mul(1_000_003) ^ n;
            Course {
                title: Some(crate::spoken::text(number, 40)),
                description: Some(crate::spoken::text(number, DESCRIPTION_BYTES)),
                ..record
            }
        }
        false => record,
    };
    let id = tagged_hash(b"bench", &[&party.to_be_bytes(), &n.to_be_bytes()]);
    Revision {
        record_id: id[..16].to_vec(),
        number: 1,
        record: Some(Record::Course(record)),
        ..Revision::default()
    }
}
