//! Writes acts as several parties with several keys would, without signatures: a hash names each.

use std::collections::BTreeMap;

use caphub_proto::exchange::acts::{Act, Seen};
use caphub_proto::v1::{self, EngagementAct, FellowshipAct, FundAct, LocalisedText, Money, RecordRef};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{Audience, EntryHash, FeedId, PartyId, RecordId};

/// 2027-01-01 00:00 UTC.
pub const TIME: u64 = 1_798_761_600_000;
pub const DAY: u64 = 86_400_000;

/// One of a few parties.
pub fn party(n: u8) -> PartyId {
    PartyId([n; 32])
}

/// The feed of a party's key.
pub fn feed(author: u8, key: u8) -> FeedId {
    FeedId(tagged_hash(b"caphub vectors: feed", &[&[author, key]]))
}

pub fn text(words: &str) -> Option<LocalisedText> {
    Some(LocalisedText { language: "en".to_owned(), text: words.to_owned(), translations: Vec::new() })
}

pub fn money(amount: &str, currency: &str) -> Option<Money> {
    Some(Money { amount: amount.to_owned(), currency: currency.to_owned() })
}

/// What every kind of act lets the pen fill in.
pub trait Fill: Clone {
    fn fill(&mut self, root: Option<(EntryHash, PartyId)>, after: Vec<v1::Seen>);
}

fn reference(root: Option<(EntryHash, PartyId)>) -> Option<RecordRef> {
    root.map(|(hash, party)| RecordRef { party: party.to_vec(), record_id: hash.0[..16].to_vec() })
}

impl Fill for EngagementAct {
    fn fill(&mut self, root: Option<(EntryHash, PartyId)>, after: Vec<v1::Seen>) {
        self.engagement = reference(root);
        self.root = root.map(|(hash, _)| hash.to_vec()).unwrap_or_default();
        self.after = after;
    }
}

impl Fill for FundAct {
    fn fill(&mut self, root: Option<(EntryHash, PartyId)>, after: Vec<v1::Seen>) {
        self.fund = reference(root);
        self.root = root.map(|(hash, _)| hash.to_vec()).unwrap_or_default();
        self.after = after;
    }
}

impl Fill for FellowshipAct {
    fn fill(&mut self, _: Option<(EntryHash, PartyId)>, after: Vec<v1::Seen>) {
        self.call = Some(RecordRef { party: vec![1; 32], record_id: vec![9; 16] });
        self.after = after;
    }
}

/// Keeps the feeds of all keys. By default an author holds everything that was written before.
#[derive(Clone)]
pub struct Pen<T> {
    pub acts: Vec<Act<T>>,
    pub root: Option<(EntryHash, PartyId)>,
    pub day: u64,
    seqs: BTreeMap<FeedId, u64>,
    name: &'static str,
}

impl<T: Fill> Pen<T> {
    pub fn new(name: &'static str) -> Self {
        Self { acts: Vec::new(), root: None, day: 0, seqs: BTreeMap::new(), name }
    }

    /// The first key of a party writes, knowing all.
    pub fn write(&mut self, author: u8, what: T) -> EntryHash {
        let known = self.acts.clone();
        self.write_knowing(author, 0, &known, what)
    }

    /// A key of a party writes, knowing these acts and its own.
    pub fn write_knowing(&mut self, author: u8, key: u8, known: &[Act<T>], mut what: T) -> EntryHash {
        let feed = feed(author, key);
        let seq = self.seqs.get(&feed).copied().unwrap_or(0) + 1;
        self.seqs.insert(feed, seq);
        let mut latest: BTreeMap<FeedId, Seen> = BTreeMap::new();
        for act in known {
            let seen = Seen { feed: act.feed, seq: act.seq, hash: act.hash };
            let place = latest.entry(act.feed).or_insert(seen);
            *place = (*place).max(seen);
        }
        let after: Vec<Seen> = latest.into_values().collect();
        let wire = |s: &Seen| v1::Seen { feed_id: s.feed.to_vec(), seq: s.seq, entry_hash: s.hash.to_vec() };
        what.fill(self.root, after.iter().map(wire).collect());
        let number = (self.acts.len() as u64).to_be_bytes();
        let hash =
            EntryHash(tagged_hash(b"caphub vectors: act", &[self.name.as_bytes(), &[author, key], &number]));
        self.day += 1;
        let act = Act {
            hash,
            author: party(author),
            feed,
            seq,
            time_ms: TIME + self.day * DAY,
            audience: Audience::Public,
            record: RecordId(hash.0[..16].try_into().unwrap()),
            void: None,
            after,
            what,
        };
        if self.root.is_none() {
            self.root = Some((hash, act.author));
        }
        self.acts.push(act);
        hash
    }

    pub fn root(&self) -> EntryHash {
        self.root.unwrap().0
    }
}

/// Numbers from a seed (splitmix64): the same on every machine.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.roll(i + 1));
        }
    }
}
