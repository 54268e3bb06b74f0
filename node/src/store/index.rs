//! What can be rebuilt from the segments: which run lies where. sled is opened behind a guard and never trusted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use caphub_proto::wire::bytes::Reader;
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, LogId, Seq};

use crate::author::feed_parts;
use crate::store::{FeedHead, StoreError};

/// Bytes of sled's cache.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Where a run lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) ordinal: u64,
    pub(super) first: Seq,
    pub(super) count: u32,
}

/// Up to where the index follows the segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Marker {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) ordinal: u64,
}

pub(super) struct Index {
    tree: sled::Tree,
    db: sled::Db,
}

impl Index {
    /// Opens the index, or an empty one where it is damaged or of another log.
    pub(super) fn open(path: &Path, log: LogId) -> Result<Self, StoreError> {
        if let Some(index) = Self::guarded(path)
            && index.tree.get(b"l").ok().flatten().is_some_and(|l| l == log.as_bytes())
        {
            return Ok(index);
        }
        if path.exists() {
            tracing::warn!("the index is damaged or of another store: it is built again");
            std::fs::remove_dir_all(path)?;
        }
        let index =
            Self::guarded(path).ok_or_else(|| StoreError::Index("it cannot be created".to_owned()))?;
        index.tree.insert(b"l", log.as_bytes()).map_err(failed)?;
        Ok(index)
    }

    fn guarded(path: &Path) -> Option<Self> {
        let open = || {
            let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(Some(500));
            let db = config.open().ok()?;
            let tree = db.open_tree(b"runs").ok()?;
            Some(Self { tree, db })
        };
        // sled is known to panic on files that a power cut left behind.
        catch_unwind(AssertUnwindSafe(open)).ok().flatten()
    }

    pub(super) fn clear(&self) -> Result<(), StoreError> {
        let log = self.tree.get(b"l").map_err(failed)?;
        self.tree.clear().map_err(failed)?;
        if let Some(log) = log {
            self.tree.insert(b"l", log).map_err(failed)?;
        }
        Ok(())
    }

    pub(super) fn flush(&self) {
        if let Err(error) = self.db.flush() {
            tracing::warn!(%error, "the index was not flushed; it follows the log at the next start");
        }
    }

    pub(super) fn marker(&self) -> Option<Marker> {
        let value = self.tree.get(b"m").ok()??;
        let mut reader = Reader::new(&value);
        Some(Marker { segment: reader.u32()?, offset: reader.u64()?, ordinal: reader.u64()? })
    }

    /// One atomic batch a commit: runs, heads and the marker.
    pub(super) fn apply(&self, runs: &[(Feed, Place, Head, bool)], marker: Marker) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (feed, place, head, replaces) in runs {
            let id = feed.id();
            if *replaces {
                for old in self.tree.range(run_key(&id, place.first.value())..=run_key(&id, u64::MAX)) {
                    batch.remove(old.map_err(failed)?.0);
                }
            }
            let mut value = Vec::with_capacity(28);
            value.extend_from_slice(&place.segment.to_be_bytes());
            value.extend_from_slice(&place.offset.to_be_bytes());
            value.extend_from_slice(&place.ordinal.to_be_bytes());
            value.extend_from_slice(&place.count.to_be_bytes());
            batch.insert(run_key(&id, place.first.value()), value.clone());
            value.extend_from_slice(&place.first.value().to_be_bytes());
            batch.insert(ordinal_key(place.ordinal), value);
            batch.insert(head_key(&id), head_value(feed, *head));
        }
        let mut value = marker.segment.to_be_bytes().to_vec();
        value.extend_from_slice(&marker.offset.to_be_bytes());
        value.extend_from_slice(&marker.ordinal.to_be_bytes());
        batch.insert(b"m", value);
        self.tree.apply_batch(batch).map_err(failed)
    }

    /// The run that holds this place of a feed.
    pub(super) fn run_at(&self, feed: &FeedId, seq: Seq) -> Result<Option<Place>, StoreError> {
        let below = self.tree.range(run_key(feed, 0)..=run_key(feed, seq.value())).next_back();
        let Some(found) = below else { return Ok(None) };
        let (key, value) = found.map_err(failed)?;
        let first = key.get(33..41).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
        let place = place(&value, first);
        Ok(place.filter(|p| seq.value() < p.first.value() + u64::from(p.count)))
    }

    /// The run that holds this ordinal, or the first one after it.
    pub(super) fn run_from(&self, ordinal: u64) -> Result<Option<Place>, StoreError> {
        let read =
            |found: Option<sled::Result<(sled::IVec, sled::IVec)>>| -> Result<Option<Place>, StoreError> {
                let Some(found) = found else { return Ok(None) };
                let (_, value) = found.map_err(failed)?;
                let first = value.get(24..32).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
                Ok(place(&value, first))
            };
        let at = read(self.tree.range(ordinal_key(0)..=ordinal_key(ordinal)).next_back())?;
        match at.filter(|p| ordinal < p.ordinal + u64::from(p.count)) {
            Some(place) => Ok(Some(place)),
            None => read(self.tree.range(ordinal_key(ordinal)..=ordinal_key(u64::MAX)).next()),
        }
    }

    pub(super) fn heads(&self) -> Result<Vec<FeedHead>, StoreError> {
        let all = self.tree.scan_prefix(b"h").filter_map(|found| match found {
            Ok((_, value)) => read_head(&value).map(Ok),
            Err(error) => Some(Err(failed(error))),
        });
        all.collect()
    }
}

fn failed(error: sled::Error) -> StoreError {
    StoreError::Index(error.to_string())
}

fn run_key(feed: &FeedId, seq: u64) -> Vec<u8> {
    [b"r", &feed.as_bytes()[..], &seq.to_be_bytes()].concat()
}

fn ordinal_key(ordinal: u64) -> Vec<u8> {
    [b"o", &ordinal.to_be_bytes()[..]].concat()
}

fn head_key(feed: &FeedId) -> Vec<u8> {
    [b"h", &feed.as_bytes()[..]].concat()
}

fn place(value: &[u8], first: u64) -> Option<Place> {
    let mut reader = Reader::new(value);
    let (segment, offset) = (reader.u32()?, reader.u64()?);
    Some(Place { segment, offset, ordinal: reader.u64()?, count: reader.u32()?, first: Seq::new(first)? })
}

fn head_value(feed: &Feed, head: Head) -> Vec<u8> {
    let parts = feed_parts(feed);
    let fixed = [head.seq.value().to_be_bytes().as_slice(), head.hash.as_bytes(), &parts.party_id].concat();
    [fixed, parts.operator_key, parts.audience].concat()
}

fn read_head(value: &[u8]) -> Option<FeedHead> {
    let mut reader = Reader::new(value);
    let seq = Seq::new(reader.u64()?)?;
    let hash = EntryHash(reader.array()?);
    let party = reader.take(32)?;
    let key = if reader.is_empty() { &[][..] } else { reader.take(32)? };
    let feed = Feed::from_parts(party, key, reader.rest()).ok()?;
    Some(FeedHead { feed, head: Head { seq, hash } })
}
