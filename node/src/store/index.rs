//! What can be rebuilt from the segments: which run lies where. sled is opened behind a guard and never trusted.
//!
//! ```text
//! l  log id                      m  marker: segment, offset, ordinal
//! f  what these keys are: another number is rebuilt           s  feed -> bytes of its entries
//! r  feed, first -> place        which run of the feed's chain, tails included, holds what follows
//! o  ordinal -> place, first     every frame, in the order of the log
//! h  feed -> head                t  feed, first -> tail
//! w  feed, seq                   a body that is not here      b  feed, seq -> place of the frame that filled it in
//! x  feed                        entries were replaced by another branch
//! ```

mod change;
mod places;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use caphub_proto::wire::bytes::Reader;
use caphub_proto::wire::intake::Tail;
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, LogId, Seq};

pub(super) use crate::store::index::change::Change;
use crate::store::{FeedHead, StoreError};

/// Counts changes of the keys above: an index of another number is built again from the segments.
const KEYS: &[u8] = &[2];
/// Bytes of sled's cache.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Where a run lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) ordinal: u64,
    pub(super) first: Seq,
    /// Entries that count here; fewer than the frame has where another branch replaced its end.
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
            && index.tree.get(b"f").ok().flatten().is_some_and(|f| f == KEYS)
        {
            return Ok(index);
        }
        if path.exists() {
            tracing::warn!("the index is damaged, of another store or of another version: it is built again");
            std::fs::remove_dir_all(path)?;
        }
        let index =
            Self::guarded(path).ok_or_else(|| StoreError::Index("it cannot be created".to_owned()))?;
        index.tree.insert(b"l", log.as_bytes()).map_err(failed)?;
        index.tree.insert(b"f", KEYS).map_err(failed)?;
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
        self.tree.insert(b"f", KEYS).map_err(failed)?;
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

    /// The run that holds this place of a feed.
    pub(super) fn run_at(&self, feed: &FeedId, seq: Seq) -> Result<Option<Place>, StoreError> {
        let below = self.tree.range(key(b'r', feed, 0)..=key(b'r', feed, seq.value())).next_back();
        let Some(found) = below else { return Ok(None) };
        let (key, value) = found.map_err(failed)?;
        Ok(seq_of(&key).and_then(|first| place(&value, first)).filter(|p| p.holds(seq.value())))
    }

    /// The frame that filled in a missing body.
    pub(super) fn refill_at(&self, feed: &FeedId, seq: u64) -> Result<Option<Place>, StoreError> {
        let value = self.tree.get(key(b'b', feed, seq)).map_err(failed)?;
        Ok(value.and_then(|value| {
            let first = value.get(24..32)?.try_into().ok().map(u64::from_be_bytes)?;
            place(&value, first)
        }))
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

    /// Bytes of each feed's entries.
    pub(super) fn bytes(&self) -> Result<Vec<(FeedId, u64)>, StoreError> {
        let all = self.tree.scan_prefix(b"s").filter_map(|found| match found {
            Ok((key, value)) => feed_of(&key).map(|feed| Ok((feed, number(&value)))),
            Err(error) => Some(Err(failed(error))),
        });
        all.collect()
    }

    pub(super) fn tails(&self) -> Result<Vec<(FeedId, Tail)>, StoreError> {
        let all = self.tree.scan_prefix(b"t").filter_map(|found| match found {
            Ok((key, value)) => feed_of(&key).zip(read_tail(&value)).map(Ok),
            Err(error) => Some(Err(failed(error))),
        });
        all.collect()
    }

    /// Every place of a kind of mark: `w`, `b` or `x` (whose place is 0).
    pub(super) fn marks(&self, kind: u8) -> Result<Vec<(FeedId, u64)>, StoreError> {
        let all = self.tree.scan_prefix([kind]).filter_map(|found| match found {
            Ok((key, _)) => feed_of(&key).map(|feed| Ok((feed, seq_of(&key).unwrap_or(0)))),
            Err(error) => Some(Err(failed(error))),
        });
        all.collect()
    }
}

impl Place {
    fn holds(&self, seq: u64) -> bool {
        (self.first.value()..self.first.value() + u64::from(self.count)).contains(&seq)
    }
}

fn failed(error: sled::Error) -> StoreError {
    StoreError::Index(error.to_string())
}

fn key(kind: u8, feed: &FeedId, seq: u64) -> Vec<u8> {
    [&[kind], &feed.as_bytes()[..], &seq.to_be_bytes()].concat()
}

fn ordinal_key(ordinal: u64) -> Vec<u8> {
    [b"o", &ordinal.to_be_bytes()[..]].concat()
}

fn head_key(feed: &FeedId) -> Vec<u8> {
    [b"h", &feed.as_bytes()[..]].concat()
}

fn bytes_key(feed: &FeedId) -> Vec<u8> {
    [b"s", &feed.as_bytes()[..]].concat()
}

fn number(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_be_bytes)
}

fn feed_of(key: &[u8]) -> Option<FeedId> {
    FeedId::from_slice(key.get(1..33)?)
}

fn seq_of(key: &[u8]) -> Option<u64> {
    key.get(33..41)?.try_into().ok().map(u64::from_be_bytes)
}

fn place(value: &[u8], first: u64) -> Option<Place> {
    let mut reader = Reader::new(value);
    let (segment, offset) = (reader.u32()?, reader.u64()?);
    Some(Place { segment, offset, ordinal: reader.u64()?, count: reader.u32()?, first: Seq::new(first)? })
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

fn read_tail(value: &[u8]) -> Option<Tail> {
    let mut reader = Reader::new(value);
    let (first, previous) = (Seq::new(reader.u64()?)?, EntryHash(reader.array()?));
    let head = Head { seq: Seq::new(reader.u64()?)?, hash: EntryHash(reader.array()?) };
    Some(Tail { first, previous, head, bytes: reader.u64()? })
}
