//! One entry of the log as a revision of a record.

use caphub_proto::v1::Revision;
use caphub_proto::wire::entry::UncheckedEntry;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::{Kind, entry_hash};
use caphub_proto::wire::limits::SALT_BYTES;
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, Header, PartyId, RecordId};
use prost::Message;

use super::ViewsError;
use super::key::RecordKey;
use super::source::{Bytes, Log};
use crate::opening::Opener;

/// A revision with its place; bytes and signatures were checked when the log took it in.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Where the log holds it.
    pub(super) ordinal: u64,
    /// Whose, by which key, for whom.
    pub(super) feed: Feed,
    /// The feed's id.
    pub(super) feed_id: FeedId,
    /// Its place in the feed.
    pub(super) seq: u64,
    /// Names it in parents.
    pub(super) hash: EntryHash,
    /// The author's claim.
    pub(super) time_ms: u64,
    /// What it says; the record is `None` where its kind is not known to this version.
    pub(super) revision: Revision,
}

impl Held {
    /// Reads an entry; `None` where it is no revision of any record: identity events, erased bodies, sealed ones that
    /// do not open here or not at this place, and bodies without a record id.
    pub(super) fn read(
        ordinal: u64,
        feed: Feed,
        entry: &UncheckedEntry<'_>,
        opener: &Opener,
    ) -> Option<Self> {
        let header = Header::parse(entry.header).ok().filter(|h| h.kind == Kind::Records)?;
        let revision = match feed.audience() {
            // The body is an age file: carriers cannot tell what it says.
            Audience::Sealed(_) => opener.open(&header.feed, header.seq, entry.body?)?.ok()?,
            _ => Revision::decode(entry.body?.get(SALT_BYTES..)?).ok()?,
        };
        RecordId::from_slice(&revision.record_id)?;
        Some(Self {
            ordinal,
            feed,
            feed_id: header.feed,
            seq: header.seq.value(),
            hash: entry_hash(entry.header, entry.signature),
            time_ms: header.time_ms,
            revision,
        })
    }

    /// Reads the entry at a place; `None` as in `read`, or where the log ends before it.
    pub(super) fn load(log: &dyn Log, ordinal: u64, opener: &Opener) -> Result<Option<Self>, ViewsError> {
        Self::unpacked(ordinal, log.packed_entry(ordinal), opener)
    }

    /// As `load`, where its neighbours in the log are not wanted.
    pub(super) fn load_alone(
        log: &dyn Log,
        ordinal: u64,
        opener: &Opener,
    ) -> Result<Option<Self>, ViewsError> {
        Self::unpacked(ordinal, log.lone_entry(ordinal), opener)
    }

    /// Gives those of the entries at these places, in order, that are revisions; neighbours are read together.
    pub(super) fn load_each(
        log: &dyn Log,
        ordinals: &[u64],
        opener: &Opener,
        mut each: impl FnMut(Self),
    ) -> Result<(), ViewsError> {
        let mut rest = ordinals;
        while let Some(first) = rest.first() {
            let (runs, _) = log.read_from(*first, 1).map_err(ViewsError::Log)?;
            // Of an entry beyond the end there is none.
            let Some(run) = runs.into_iter().next() else { return Ok(()) };
            let Ok(entries) = unpack(&run.packed) else {
                // A damaged neighbour is no reason to miss this one.
                Self::load(log, *first, opener)?.into_iter().for_each(&mut each);
                rest = &rest[1..];
                continue;
            };
            let end = run.first_ordinal + entries.len() as u64;
            let within = rest.partition_point(|ordinal| *ordinal < end);
            let (here, after) = rest.split_at(within.max(1));
            for ordinal in here {
                let at = ordinal.checked_sub(run.first_ordinal).and_then(|at| usize::try_from(at).ok());
                let entry = at.and_then(|at| entries.get(at));
                entry.and_then(|e| Self::read(*ordinal, run.feed, e, opener)).into_iter().for_each(&mut each);
            }
            rest = after;
        }
        Ok(())
    }

    fn unpacked(
        ordinal: u64,
        read: Result<Option<(Feed, Bytes)>, String>,
        opener: &Opener,
    ) -> Result<Option<Self>, ViewsError> {
        let Some((feed, packed)) = read.map_err(ViewsError::Log)? else { return Ok(None) };
        let entries = unpack(&packed).map_err(|r| ViewsError::Log(format!("entry {ordinal}: {r}")))?;
        Ok(entries.first().and_then(|entry| Self::read(ordinal, feed, entry, opener)))
    }

    /// The owner: the party of the feed, whatever the body says.
    pub(super) fn party(&self) -> PartyId {
        self.feed.party
    }

    /// The record that it revises.
    pub(super) fn key(&self) -> RecordKey {
        let record = RecordId::from_slice(&self.revision.record_id).unwrap_or_default();
        RecordKey { party: self.party(), record }
    }
}
