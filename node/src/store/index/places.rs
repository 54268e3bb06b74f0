//! What the index knows of a stretch of a segment: for mending, when the segment itself does not tell.

use std::collections::BTreeMap;
use std::ops::Range;

use caphub_proto::wire::{FeedId, Seq};

use super::{Index, Place, failed, feed_of, key, place, seq_of};
use crate::store::StoreError;

impl Index {
    /// The frames that begin in a stretch of a segment, in order, with their feeds. Reads the whole index.
    pub(in crate::store) fn places_in(
        &self,
        segment: u32,
        stretch: Range<u64>,
    ) -> Result<Vec<(FeedId, Place)>, StoreError> {
        let within = |p: &Place| p.segment == segment && stretch.contains(&p.offset);
        let mut found = BTreeMap::new();
        for prefix in [b"r", b"b"] {
            for held in self.tree.scan_prefix(prefix) {
                let (key, value) = held.map_err(failed)?;
                // A run is found by its first place; what filled in bodies states its own.
                let first = match prefix {
                    b"r" => seq_of(&key),
                    _ => value.get(24..32).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes),
                };
                let Some((feed, place)) = feed_of(&key).zip(first.and_then(|f| place(&value, f))) else {
                    continue;
                };
                if within(&place) {
                    found.insert(place.offset, (feed, place));
                }
            }
        }
        // A run that another branch made shorter counts fewer entries than its frame has.
        for held in self.tree.scan_prefix(b"o") {
            let (_, value) = held.map_err(failed)?;
            let first = value.get(24..32).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
            let Some(whole) = place(&value, first).filter(within) else { continue };
            if let Some((_, place)) = found.get_mut(&whole.offset) {
                *place = whole;
            }
        }
        Ok(found.into_values().collect())
    }

    /// True where the frame at `at` was stored without the body of this entry.
    pub(in crate::store) fn lacked_at(
        &self,
        feed: &FeedId,
        seq: Seq,
        at: &Place,
    ) -> Result<bool, StoreError> {
        if self.tree.contains_key(key(b'w', feed, seq.value())).map_err(failed)? {
            return Ok(true);
        }
        let filled = self.refill_at(feed, seq.value())?;
        Ok(filled.is_some_and(|by| (by.segment, by.offset) != (at.segment, at.offset)))
    }
}
