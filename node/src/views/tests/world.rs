//! Parties that sign, a log in memory, and views over them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use caphub_proto::exchange::endorsement;
use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Course, EntryRef, LocalisedText, Record, Revision, Withdraw};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::{salted, unpack};
use caphub_proto::wire::identity::{Capabilities, NO_END, Operator, Revoke, RevokedFeed, State};
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, LogId, PartyId, RecordId, Seq, Signer};
use prost::Message;
use tempfile::TempDir;

use crate::entitlement::Viewer;
use crate::opening::Opener;
use crate::sealing::ReadingKey;
use crate::views::source::Bytes;
use crate::views::{Authority, Log, LogRun, Page, PageRequest, Views};

/// The reader's clock in all tests.
pub(super) const NOW: u64 = 1_800_000_000_000;

#[derive(Default)]
pub(super) struct MemoryLog {
    pub(super) entries: Mutex<Vec<(Feed, Bytes)>>,
    pub(super) id: LogId,
}

impl Log for MemoryLog {
    fn end(&self) -> u64 {
        self.entries.lock().unwrap().len() as u64
    }

    fn read_from(&self, ordinal: u64, max_bytes: usize) -> Result<(Vec<LogRun>, u64), String> {
        let entries = self.entries.lock().unwrap();
        let (mut runs, mut bytes, mut next) = (Vec::new(), 0, ordinal);
        while let Some((feed, packed)) = entries.get(next as usize).filter(|_| bytes < max_bytes) {
            bytes += packed.len();
            runs.push(LogRun { feed: *feed, first_ordinal: next, packed: packed.clone() });
            next += 1;
        }
        Ok((runs, next))
    }

    fn packed_entry(&self, ordinal: u64) -> Result<Option<(Feed, Bytes)>, String> {
        Ok(self.entries.lock().unwrap().get(ordinal as usize).cloned())
    }

    fn placed_entry(&self, feed: &FeedId, seq: u64) -> Result<Option<(u64, Feed, Bytes)>, String> {
        let entries = self.entries.lock().unwrap();
        let at = |packed: &Bytes| u64::from_be_bytes(packed[34..42].try_into().unwrap()) == seq;
        let found = entries.iter().position(|(f, packed)| f.id() == *feed && at(packed));
        Ok(found.map(|i| (i as u64, entries[i].0, entries[i].1.clone())))
    }

    fn log_id(&self) -> LogId {
        self.id
    }
}

#[derive(Default)]
pub(super) struct MemoryAuthority(Mutex<HashMap<PartyId, Arc<State>>>);

impl Authority for MemoryAuthority {
    fn state(&self, party: &PartyId) -> Option<Arc<State>> {
        self.0.lock().unwrap().get(party).cloned()
    }
}

/// An operator key of a party.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) party: PartyId,
    pub(super) signer: Signer,
}

impl Desk {
    pub(super) fn feed(&self, audience: Audience) -> Feed {
        Feed::records(self.party, self.signer.public(), audience)
    }
}

/// What a test publishes, apart from its content.
#[derive(Clone)]
pub(super) struct Write {
    pub(super) audience: Audience,
    pub(super) record: u8,
    pub(super) parents: Vec<EntryHash>,
    pub(super) number: u32,
    pub(super) time_ms: u64,
}

impl Write {
    /// The first revision of a public record.
    pub(super) fn new(record: u8) -> Self {
        Self { audience: Audience::Public, record, parents: Vec::new(), number: 1, time_ms: NOW - 1_000_000 }
    }

    pub(super) fn after(record: u8, number: u32, parents: &[EntryHash]) -> Self {
        Self { parents: parents.to_vec(), number, ..Self::new(record) }
    }

    pub(super) fn to(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    pub(super) fn at(self, time_ms: u64) -> Self {
        Self { time_ms, ..self }
    }
}

pub(super) struct World {
    pub(super) log: Arc<MemoryLog>,
    pub(super) authority: Arc<MemoryAuthority>,
    heads: HashMap<FeedId, (Seq, EntryHash)>,
    pub(super) dir: TempDir,
    pub(super) views: Views,
}

pub(super) fn record_id(id: u8) -> RecordId {
    RecordId([id; 16])
}

pub(super) fn text(text: &str) -> Option<LocalisedText> {
    Some(LocalisedText { language: "en".to_owned(), text: text.to_owned(), translations: Vec::new() })
}

pub(super) fn course(title: &str) -> Kind {
    Kind::Course(Course { title: text(title), ..Course::default() })
}

pub(super) fn withdraw(kind: &str, entries: &[(FeedId, u64)]) -> Kind {
    Kind::Withdraw(Withdraw {
        kind: kind.to_owned(),
        erase: !entries.is_empty(),
        entries: entries.iter().map(|(f, seq)| EntryRef { feed_id: f.to_vec(), seq: *seq }).collect(),
        note: String::new(),
    })
}

impl World {
    pub(super) fn new() -> Self {
        let log = Arc::new(MemoryLog::default());
        let authority = Arc::new(MemoryAuthority::default());
        let dir = tempfile::tempdir().unwrap();
        let views = Views::open(dir.path(), log.clone(), authority.clone()).unwrap();
        Self { log, authority, heads: HashMap::new(), dir, views }
    }

    /// Views over the same log in another folder, of a reader with these keys.
    pub(super) fn read_by(&self, party: PartyId, keys: &[ReadingKey]) -> (TempDir, Views) {
        let dir = tempfile::tempdir().unwrap();
        let opener = Arc::new(Opener::new(party, keys.to_vec()));
        let (log, authority) = (self.log.clone(), self.authority.clone());
        let views = Views::open_reading(dir.path(), log, authority, opener).unwrap();
        views.catch_up().unwrap();
        (dir, views)
    }

    /// Where the next entry of a feed goes.
    pub(super) fn next(&self, feed: &Feed) -> Seq {
        self.heads.get(&feed.id()).map_or(Seq::FIRST, |(seq, _)| seq.next().unwrap())
    }

    /// A party with one desk that may do everything.
    pub(super) fn party(&mut self, id: u8) -> Desk {
        self.desk(id, id, Capabilities(31), NO_END)
    }

    /// One more operator key of a party.
    pub(super) fn desk(&mut self, party: u8, seed: u8, capabilities: Capabilities, not_after: u64) -> Desk {
        let (party, signer) = (PartyId([party; 32]), Signer::from_seed(&[seed; 32]));
        let operator =
            Operator { capabilities, not_after, recipient: [0; 32], label: String::new(), revoked: None };
        self.change(party, |state| {
            state.operators.insert(signer.public(), operator);
        });
        Desk { party, signer }
    }

    pub(super) fn revoke(&mut self, desk: &Desk, feeds: Vec<RevokedFeed>) {
        let key = desk.signer.public();
        self.change(desk.party, |state| {
            let revoke = Revoke { key, reason: 2, feeds };
            state.operators.get_mut(&key).unwrap().revoked = Some(revoke);
        });
    }

    fn change(&mut self, party: PartyId, change: impl FnOnce(&mut State)) {
        let mut states = self.authority.0.lock().unwrap();
        let keys = caphub_proto::wire::identity::author::one([1; 32]);
        let mut state = states.get(&party).map_or_else(
            || State {
                party,
                party_kind: 1,
                root: keys.clone(),
                next: keys.clone(),
                recovery: keys.clone(),
                operators: BTreeMap::new(),
            },
            |state| State::clone(state),
        );
        change(&mut state);
        states.insert(party, Arc::new(state));
    }

    /// Signs and stores one entry; its place in the feed and its hash.
    pub(super) fn append(
        &mut self,
        feed: Feed,
        signer: &Signer,
        time_ms: u64,
        content: &[u8],
    ) -> (u64, EntryHash) {
        let head = self.heads.get(&feed.id()).copied();
        let body = salted([7; 16], content);
        let (packed, seq, hash) = Draft { feed: &feed, head, time_ms, body: &body }.sign(signer).unwrap();
        self.heads.insert(feed.id(), (seq, hash));
        self.log.entries.lock().unwrap().push((feed, Bytes::from(packed)));
        (seq.value(), hash)
    }

    /// Stores a revision without a look at whether it is sound.
    pub(super) fn publish(&mut self, desk: &Desk, write: &Write, kind: Kind) -> EntryHash {
        let revision = Revision {
            // As its author's program does: an endorsement's id follows from what it is about.
            record_id: match &kind {
                Kind::Endorsement(e) => {
                    endorsement::record_id(&e.about.clone().unwrap_or_default(), &e.endorsement_type).to_vec()
                }
                _ => vec![write.record; 16],
            },
            parents: write.parents.iter().map(|p| p.to_vec()).collect(),
            number: write.number,
            record: Some(kind),
            ..Revision::default()
        };
        self.append(desk.feed(write.audience), &desk.signer, write.time_ms, &revision.encode_to_vec()).1
    }

    /// What the store does with an erased body.
    pub(super) fn erase(&self, feed: FeedId, seq: u64) {
        for (held, packed) in self.log.entries.lock().unwrap().iter_mut().filter(|(f, _)| f.id() == feed) {
            let mut entries = unpack(packed).unwrap();
            let entry = entries.remove(0);
            if u64::from_be_bytes(entry.header[34..42].try_into().unwrap()) == seq {
                let mut out = Vec::new();
                let mut parsed = entry.parse(held).unwrap();
                parsed.body = None;
                parsed.write_to(&mut out);
                *packed = Bytes::from(out);
                return;
            }
        }
    }

    pub(super) fn catch_up(&self) {
        let progress = self.views.catch_up().unwrap();
        assert_eq!((progress.position, progress.behind), (self.log.end(), 0));
    }

    /// Opens the views again over the same log.
    pub(super) fn reopen(self) -> Self {
        let Self { log, authority, heads, dir, views } = self;
        drop(views);
        let views = Views::open(dir.path(), log.clone(), authority.clone()).unwrap();
        Self { log, authority, heads, dir, views }
    }

    pub(super) fn shown(&self, desk: &Desk, record: u8) -> Option<Record> {
        self.views.get(&Viewer::everything(), &desk.party, &record_id(record), NOW).unwrap()
    }

    /// Why nothing of a record counts; empty where something does.
    pub(super) fn void(&self, desk: &Desk, record: u8) -> String {
        self.shown(desk, record).unwrap().void_reason
    }

    pub(super) fn search(&self, query: &str) -> Page {
        let page = PageRequest { size: 200, token: String::new() };
        self.views.search(&Viewer::everything(), query, &Default::default(), &page, NOW).unwrap()
    }

    pub(super) fn list(&self, viewer: &Viewer) -> Page {
        self.views.list(viewer, &Default::default(), &PageRequest::default(), NOW).unwrap()
    }
}

/// Titles of a page, in order.
pub(super) fn titles(page: &Page) -> Vec<String> {
    page.records.iter().map(title).collect()
}

pub(super) fn title(record: &Record) -> String {
    let kind = record.revision.as_ref().and_then(|r| r.record.as_ref());
    match kind {
        Some(Kind::Course(c)) => c.title.as_ref().map(|t| t.text.clone()).unwrap_or_default(),
        Some(Kind::Session(s)) => s.title.as_ref().map(|t| t.text.clone()).unwrap_or_default(),
        Some(Kind::Endorsement(e)) => e.text.as_ref().map(|t| t.text.clone()).unwrap_or_default(),
        Some(Kind::Need(n)) => n.title.as_ref().map(|t| t.text.clone()).unwrap_or_default(),
        _ => String::new(),
    }
}
