//! One commit in the index: all of it in one atomic batch, the marker included.

use std::collections::BTreeMap;

use caphub_proto::wire::intake::Tail;
use caphub_proto::wire::{Feed, FeedId, Head};

use super::{Index, Marker, Place, bytes_key, failed, head_key, key, number, ordinal_key, place, seq_of};
use crate::author::feed_parts;
use crate::store::shape::{Cut, Shape};
use crate::store::{Kind, StoreError};

/// What one frame changes.
#[derive(Clone, Debug)]
pub(in crate::store) struct Change {
    pub(in crate::store) feed: Feed,
    pub(in crate::store) id: FeedId,
    pub(in crate::store) kind: Kind,
    pub(in crate::store) place: Place,
    /// The feed after it; `None` where the frame does not fit and stands in the order of the log only.
    pub(in crate::store) shape: Option<Shape>,
    pub(in crate::store) cuts: Vec<Cut>,
    /// Places of entries without a body.
    pub(in crate::store) absent: Vec<u64>,
    /// Of its entries.
    pub(in crate::store) bytes: u64,
}

/// A batch that reads through itself: later changes of one commit rest on earlier ones.
struct Staged<'a> {
    tree: &'a sled::Tree,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Staged<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    /// Adds to the bytes of a feed.
    fn add_bytes(&mut self, feed: &FeedId, bytes: u64) -> Result<(), StoreError> {
        let key = bytes_key(feed);
        let before = match self.writes.get(&key) {
            Some(staged) => staged.as_deref().map_or(0, number),
            None => self.tree.get(&key).map_err(failed)?.map_or(0, |held| number(&held)),
        };
        self.put(key, before.saturating_add(bytes).to_be_bytes().to_vec());
        Ok(())
    }

    /// Removes all keys of a kind at these places.
    fn cut(&mut self, kind: u8, feed: &FeedId, from: u64, to: u64) -> Result<(), StoreError> {
        let range = key(kind, feed, from)..=key(kind, feed, to);
        for found in self.tree.range(range.clone()) {
            self.writes.entry(found.map_err(failed)?.0.to_vec()).or_default();
        }
        self.writes.range_mut(range).for_each(|(_, value)| *value = None);
        Ok(())
    }

    /// The run of the chain that begins at or before a place.
    fn run_before(&self, feed: &FeedId, seq: u64) -> Result<Option<Place>, StoreError> {
        let range = key(b'r', feed, 0)..=key(b'r', feed, seq);
        let staged = self.writes.range(range.clone()).rev().find_map(|(k, v)| Some((k.clone(), v.clone()?)));
        let mut held = None;
        for found in self.tree.range(range).rev() {
            let (key, value) = found.map_err(failed)?;
            if !self.writes.contains_key(&key[..]) {
                held = Some((key.to_vec(), value.to_vec()));
                break;
            }
        }
        let nearest = staged.into_iter().chain(held).max_by(|a, b| a.0.cmp(&b.0));
        Ok(nearest.and_then(|(key, value)| place(&value, seq_of(&key)?)))
    }
}

impl Index {
    /// One atomic batch a commit: runs, heads, tails, marks and the marker.
    pub(in crate::store) fn apply(&self, changes: &[Change], marker: Marker) -> Result<(), StoreError> {
        let mut staged = Staged { tree: &self.tree, writes: BTreeMap::new() };
        for change in changes {
            stage(&mut staged, change)?;
        }
        let mut value = marker.segment.to_be_bytes().to_vec();
        value.extend_from_slice(&marker.offset.to_be_bytes());
        value.extend_from_slice(&marker.ordinal.to_be_bytes());
        staged.put(b"m".to_vec(), value);
        let mut batch = sled::Batch::default();
        for (key, value) in staged.writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch).map_err(failed)
    }
}

fn stage(staged: &mut Staged<'_>, change: &Change) -> Result<(), StoreError> {
    let Change { feed, id, kind, place, .. } = change;
    staged.put(ordinal_key(place.ordinal), ordinal_value(place));
    let Some(shape) = &change.shape else { return Ok(()) };
    staged.add_bytes(id, change.bytes)?;
    for (from, to) in &change.cuts {
        for kind in [b'r', b'w', b'b'] {
            staged.cut(kind, id, *from, *to)?;
        }
    }
    if *kind == Kind::Replace {
        shorten(staged, id, place.first.value())?;
        if !feed.is_identity() {
            staged.put([b"x", &id.as_bytes()[..]].concat(), Vec::new());
        }
    }
    let places = place.first.value()..place.first.value() + u64::from(place.count);
    if *kind == Kind::Refill {
        for seq in places {
            staged.remove(key(b'w', id, seq));
            staged.put(key(b'b', id, seq), ordinal_value(place));
        }
        return Ok(());
    }
    staged.put(key(b'r', id, place.first.value()), place_value(place));
    for seq in &change.absent {
        staged.put(key(b'w', id, *seq), Vec::new());
    }
    if let Some(head) = shape.head {
        staged.put(head_key(id), head_value(feed, head));
    }
    staged.cut(b't', id, 0, u64::MAX)?;
    for tail in &shape.tails {
        staged.put(key(b't', id, tail.first.value()), tail_value(tail));
    }
    Ok(())
}

/// The run that reaches over a place where another branch begins ends before it.
fn shorten(staged: &mut Staged<'_>, feed: &FeedId, first: u64) -> Result<(), StoreError> {
    if let Some(place) = staged.run_before(feed, first - 1)?
        && place.holds(first)
    {
        let count = u32::try_from(first - place.first.value()).unwrap_or(place.count);
        staged.put(key(b'r', feed, place.first.value()), place_value(&Place { count, ..place }));
    }
    Ok(())
}

fn place_value(place: &Place) -> Vec<u8> {
    let mut value = Vec::with_capacity(32);
    value.extend_from_slice(&place.segment.to_be_bytes());
    value.extend_from_slice(&place.offset.to_be_bytes());
    value.extend_from_slice(&place.ordinal.to_be_bytes());
    value.extend_from_slice(&place.count.to_be_bytes());
    value
}

fn ordinal_value(place: &Place) -> Vec<u8> {
    let mut value = place_value(place);
    value.extend_from_slice(&place.first.value().to_be_bytes());
    value
}

fn head_value(feed: &Feed, head: Head) -> Vec<u8> {
    let parts = feed_parts(feed);
    let fixed = [head.seq.value().to_be_bytes().as_slice(), head.hash.as_bytes(), &parts.party_id].concat();
    [fixed, parts.operator_key, parts.audience].concat()
}

fn tail_value(tail: &Tail) -> Vec<u8> {
    let (first, head) = (tail.first.value().to_be_bytes(), tail.head.seq.value().to_be_bytes());
    let hashes = [tail.previous.as_bytes(), tail.head.hash.as_bytes()];
    [&first[..], hashes[0], &head, hashes[1], &tail.bytes.to_be_bytes()].concat()
}
