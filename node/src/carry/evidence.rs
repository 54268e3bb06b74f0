//! Head statements and checkpoints travel with the entries: who meets nobody else can still compare what hubs said.

use std::sync::Arc;

use caphub_proto::v1;
use caphub_proto::wire::feed::Head;
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::statement::HeadStatement;
use caphub_proto::wire::{EntryHash, Feed, FeedId, OperatorKey, PartyId, Seq};
use prost::Message;

use crate::audit::{Auditor, History, Stater, arrived, travelling};
use crate::carry::Bearer;
use crate::carry::plan::Reading;
use crate::store::{Store, StoreError};

const CLOCK_TAG: &[u8] = b"caphub/hold-statements/1\0";
/// Statements that one writing takes along; about 400 bytes each.
const STATEMENTS_MAX: usize = 50_000;

/// What others stated, and what this node states.
#[derive(Clone)]
pub struct Words {
    /// What is kept of others.
    pub auditor: Arc<Auditor>,
    /// A node's own words; a replica states nothing.
    pub own: Option<(Arc<Stater>, Arc<History>)>,
}

/// What is due to be said.
#[derive(Default)]
pub(super) struct Told {
    pub(super) statements: Vec<Vec<u8>>,
    pub(super) checkpoints: Vec<Vec<u8>>,
}

/// Statements that at least one reader lacks and all may read, with a checkpoint of each hub that made them.
pub(super) fn due(bearer: &Bearer, words: &Words, readers: &[Reading<'_>]) -> Result<Told, StoreError> {
    let (mut told, anybody) = (Told::default(), crate::entitlement::Viewer::public());
    let may = |feed: &Feed| match readers.is_empty() {
        true => anybody.may_read(feed),
        false => readers.iter().all(|r| r.viewer.may_read(feed)),
    };
    let core = &bearer.core;
    for hub in words.auditor.book.hubs() {
        let lines = words.auditor.book.since(&hub, known_since(&core.store, &hub, readers)?);
        let before = told.statements.len();
        for line in lines.iter().filter(|l| may(&l.feed)) {
            let (highest, latest) = (line.known.highest, line.known.latest);
            told.state(&line.feed, &highest);
            if latest != highest {
                told.state(&line.feed, &latest);
            }
        }
        let kept = words.auditor.notes.last(&hub).filter(|k| !k.note.is_empty());
        let kept = kept.filter(|_| told.statements.len() > before);
        if let Some((kept, key)) = kept.and_then(|k| Some((k.note, k.node_key.parse().ok()?))) {
            told.checkpoint(&hub, &key, &kept);
        }
    }
    let Some((stater, history)) = &words.own else { return Ok(told) };
    let since = known_since(&core.store, &core.party, readers)?;
    match (stater.changed(since, may), history.checkpoint(0)) {
        (Ok(statements), Ok(proven)) => {
            statements.iter().for_each(|(feed, statement)| told.state(feed, statement));
            told.checkpoint(&core.party, &bearer.signer.public(), &proven.note);
        }
        (Err(error), _) | (_, Err(error)) => tracing::warn!(%error, "this node's own words stay behind"),
    }
    Ok(told)
}

impl Told {
    fn state(&mut self, feed: &Feed, statement: &HeadStatement) {
        if self.statements.len() < STATEMENTS_MAX {
            self.statements.push(travelling(feed, statement).encode_to_vec());
        }
    }

    fn checkpoint(&mut self, hub: &PartyId, key: &OperatorKey, note: &str) {
        self.checkpoints.push([&hub.as_bytes()[..], key.as_bytes(), note.as_bytes()].concat());
    }
}

/// Takes a statement as it came; false where it is none.
pub(super) fn take_statement(words: &Words, payload: &[u8]) -> bool {
    let statement = v1::HeadStatement::decode(payload).ok().and_then(|s| arrived(&s));
    let Some((feed, statement)) = statement else { return false };
    words.auditor.book.take(words.auditor.core(), &feed, statement);
    true
}

/// Takes a checkpoint; it is compared when its hub is asked the next time.
pub(super) fn take_checkpoint(words: &Words, hub: PartyId, key: OperatorKey, note: &[u8]) {
    if let Ok(note) = std::str::from_utf8(note)
        && hub != words.auditor.core().party
    {
        words.auditor.notes.hear(words.auditor.core(), hub, key, note);
    }
}

/// How far the statements of each hub are known here, in the form of a held feed: its seq is a time.
pub(super) fn clocks(words: &Words) -> Result<Vec<(FeedId, EntryHash, Head)>, StoreError> {
    let (mut out, book) = (Vec::new(), &words.auditor.book);
    for hub in book.hubs() {
        let (latest, store) = (Seq::new(book.latest_ms(&hub)), &words.auditor.core().store);
        if let (Some(seq), Some(first)) = (latest, identity_start(store, &hub)?) {
            out.push((clock(&hub), first, Head { seq, hash: EntryHash::default() }));
        }
    }
    Ok(out)
}

/// The time up to which every reader knows a hub's statements; 0 where one of them knows none.
fn known_since(store: &Store, hub: &PartyId, readers: &[Reading<'_>]) -> Result<u64, StoreError> {
    let Some(first) = identity_start(store, hub)? else { return Ok(0) };
    let of = |r: &Reading<'_>| match r.party == *hub {
        // Nobody needs to be told its own words.
        true => u64::MAX,
        false => r.stated.and_then(|s| s.holds.of(&clock(hub), &first)).map_or(0, |h| h.head.seq.value()),
    };
    Ok(readers.iter().map(of).min().unwrap_or(0))
}

fn identity_start(store: &Store, party: &PartyId) -> Result<Option<EntryHash>, StoreError> {
    store.hash(&Feed::identity(*party).id(), Seq::FIRST)
}

fn clock(hub: &PartyId) -> FeedId {
    FeedId(tagged_hash(CLOCK_TAG, &[hub.as_bytes()]))
}
