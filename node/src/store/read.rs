//! Reading: by feed, by ordinal, one entry, one hash. Erased bodies are left out, refilled ones put back.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::limits::{RUN_BYTES_MAX, RUN_ENTRIES_MAX};
use caphub_proto::wire::{EntryHash, FeedId, Seq, UncheckedEntry};

use crate::store::alone::read_entry;
use crate::store::files::{Erased, packed_bytes, read_frame};
use crate::store::frames::Read;
use crate::store::index::Place;
use crate::store::register::Register;
use crate::store::{Store, StoreError, StoredEntry, StoredRun, frame};

impl Store {
    /// Runs of a feed from a place on: at least one, then up to `max_bytes`; each ends where a run ended when it
    /// was stored, because only there a signature is known to be valid. Nothing from above a hole.
    pub fn read_feed(
        &self,
        feed: &FeedId,
        from: Seq,
        max_bytes: usize,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let head = self.head(feed).map_or(0, |h| h.head.seq.value());
        let (mut runs, mut bytes, mut next) = (Vec::<Joined>::new(), 0, Some(from));
        while let Some(at) = next.filter(|n| n.value() <= head) {
            let Some(place) = self.shared.index.run_at(feed, at)? else { break };
            let run = self.read(place, at)?;
            next = Seq::new(run.first.value() + u64::from(run.count));
            bytes += run.packed.len();
            match runs.last_mut() {
                Some(last) if last.takes(&run) => last.add(run),
                _ => runs.push(Joined { bytes: run.packed.len(), more: Vec::new(), run }),
            }
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(runs.into_iter().map(Joined::whole).collect())
    }

    /// Entries and bytes of a part of a feed, from the heads of its runs alone; the part of a run counts in
    /// proportion.
    pub fn measure(&self, feed: &FeedId, from: u64, to: u64) -> Result<(u64, u64), StoreError> {
        let (mut entries, mut bytes, mut next) = (0, 0, Seq::new(from).filter(|_| from <= to));
        while let Some(at) = next {
            let Some(place) = self.shared.index.run_at(feed, at)? else { break };
            let end = place.first.value() + u64::from(place.count);
            let wanted = end.min(to + 1) - at.value();
            let file = self.shared.segments.file(place.segment)?;
            let packed = packed_bytes(&file, place.offset)?;
            entries += wanted;
            bytes += packed * wanted / u64::from(place.count.max(1));
            next = Seq::new(end).filter(|_| end <= to);
        }
        Ok((entries, bytes))
    }

    /// The ordinal of an entry; `None` where it is not held.
    pub fn ordinal(&self, feed: &FeedId, seq: Seq) -> Option<u64> {
        let place = self.shared.index.run_at(feed, seq).ok().flatten()?;
        Some(place.ordinal + (seq.value() - place.first.value()))
    }

    /// The run that holds a place of a feed, tails included, from there on.
    pub fn run_from(&self, feed: &FeedId, at: Seq) -> Result<Option<StoredRun>, StoreError> {
        self.shared.index.run_at(feed, at)?.map(|place| self.read(place, at)).transpose()
    }

    /// The run right before a place in the order of the log; `None` at its beginning.
    pub fn run_before(&self, ordinal: u64) -> Result<Option<StoredRun>, StoreError> {
        let Some(last) = ordinal.checked_sub(1) else { return Ok(None) };
        let place = self.shared.index.run_from(last)?.filter(|p| p.ordinal <= last);
        place.map(|place| self.read(place, place.first)).transpose()
    }

    /// Runs in the order of the log, and the ordinal after them.
    pub fn read_from(&self, ordinal: u64, max_bytes: usize) -> Result<(Vec<StoredRun>, u64), StoreError> {
        let (mut runs, mut bytes, mut next) = (Vec::new(), 0, ordinal);
        let end = self.end();
        while next < end && bytes < max_bytes {
            let Some(place) = self.shared.index.run_from(next)?.filter(|p| p.ordinal < end) else {
                next = end;
                break;
            };
            let skip = next.saturating_sub(place.ordinal);
            let from = Seq::new(place.first.value() + skip).ok_or(StoreError::Failed)?;
            let run = self.read(place, from)?;
            next = place.ordinal + u64::from(place.count);
            bytes += run.packed.len();
            runs.push(run);
        }
        Ok((runs, next))
    }

    /// One entry of a feed, tails included.
    pub fn entry(&self, feed: &FeedId, seq: Seq) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.run_from(feed, seq)?.as_ref().and_then(first_of))
    }

    /// The hash of one entry of a feed, tails included.
    pub fn hash(&self, feed: &FeedId, seq: Seq) -> Result<Option<EntryHash>, StoreError> {
        let head = self.head(feed).map(|h| h.head).filter(|h| h.seq == seq);
        let known = head.or_else(|| self.tails(feed).iter().map(|t| t.head).find(|h| h.seq == seq));
        if let Some(head) = known {
            return Ok(Some(head.hash));
        }
        let entry = self.entry(feed, seq)?;
        let hash = entry.and_then(|e| {
            let entry: UncheckedEntry<'_> = unpack(&e.packed).ok()?.into_iter().next()?;
            Some(entry_hash(entry.header, entry.signature))
        });
        Ok(hash)
    }

    /// True where the entries of a stored run still are those of their feed.
    pub fn is_current(&self, run: &StoredRun) -> bool {
        let last = unpack(&run.packed).ok().and_then(|e| e.last().map(|e| entry_hash(e.header, e.signature)));
        let seq = Seq::new(run.first.value() + u64::from(run.count) - 1);
        seq.and_then(|seq| self.hash(&run.feed.id(), seq).ok().flatten())
            .is_some_and(|hash| Some(hash) == last)
    }

    /// One entry by its ordinal.
    pub fn entry_at(&self, ordinal: u64) -> Result<Option<StoredEntry>, StoreError> {
        let place = self.shared.index.run_from(ordinal)?.filter(|p| p.ordinal <= ordinal);
        let Some(place) = place else { return Ok(None) };
        match Seq::new(place.first.value() + (ordinal - place.ordinal)) {
            Some(seq) => self.read(place, seq).map(|run| first_of(&run)),
            None => Ok(None),
        }
    }

    /// As `entry_at`, for a reader that wants this one and not its neighbours: the rest of the run is not read.
    pub fn entry_alone(&self, ordinal: u64) -> Result<Option<StoredEntry>, StoreError> {
        let place = self.shared.index.run_from(ordinal)?.filter(|p| p.ordinal <= ordinal);
        let Some(place) = place else { return Ok(None) };
        if self.shared.frames.find((place.segment, place.offset)).is_some() {
            return self.entry_at(ordinal);
        }
        let damaged = || StoreError::Damaged { segment: place.segment, offset: place.offset };
        let seq = place.first.value() + (ordinal - place.ordinal);
        let file = self.shared.segments.file(place.segment)?;
        let (head, packed) = read_entry(&file, place.offset, seq)?.ok_or_else(damaged)?;
        let now = self.as_now(&head.feed.id(), &packed, seq, seq..seq + 1);
        Ok(Some(StoredEntry { feed: head.feed, ordinal, packed: now.unwrap_or(packed) }))
    }

    /// True where the body of a held entry is not here, and no counted withdrawal names it.
    pub fn lacks_body(&self, feed: &FeedId, seq: Seq) -> bool {
        let marks = self.shared.marks.read().unwrap_or_else(PoisonError::into_inner);
        let absent = marks.absent.get(feed).is_some_and(|s| s.contains(&seq.value()));
        absent && !self.is_erased(feed, seq.value())
    }

    /// Bodies that are withheld: at most `limit` stretches of places, both ends included.
    pub fn withheld(&self, limit: usize) -> Vec<(FeedId, u64, u64)> {
        let marks = self.shared.marks.read().unwrap_or_else(PoisonError::into_inner);
        let erased = self.shared.erased.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<(FeedId, u64, u64)> = Vec::new();
        for (feed, places) in &marks.absent {
            let excused = erased.get(feed);
            for seq in places.iter().filter(|s| !excused.is_some_and(|e| e.contains(s))) {
                if let Some((last, _, to)) = found.last_mut()
                    && last == feed
                    && *to + 1 == *seq
                {
                    *to = *seq;
                    continue;
                }
                if found.len() >= limit {
                    return found;
                }
                found.push((*feed, *seq, *seq));
            }
        }
        found
    }

    /// How many bodies are withheld.
    pub fn withheld_count(&self) -> u64 {
        self.withheld(usize::MAX).iter().map(|(_, from, to)| to - from + 1).sum()
    }

    fn is_erased(&self, feed: &FeedId, seq: u64) -> bool {
        let erased = self.shared.erased.read().unwrap_or_else(PoisonError::into_inner);
        erased.get(feed).is_some_and(|s| s.contains(&seq))
    }

    /// Drops bodies: the mark is durable first, then the bytes are overwritten. Places never move. A place may be
    /// named whose body is not here, or not yet: it will not be served.
    pub fn erase(&self, entries: &[(FeedId, u64)]) -> Result<(), StoreError> {
        let mut file = self.shared.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        let marks: Vec<u8> =
            entries.iter().flat_map(|(f, s)| [&f.as_bytes()[..], &s.to_be_bytes()].concat()).collect();
        file.write_all(&marks)?;
        file.sync_data()?;
        let mut erased = self.shared.erased.write().unwrap_or_else(PoisonError::into_inner);
        entries.iter().for_each(|(feed, seq)| {
            erased.entry(*feed).or_default().insert(*seq);
        });
        drop(erased);
        self.shared.frames.clear();
        for (feed, seq) in entries {
            let Some(at) = Seq::new(*seq) else { continue };
            let places = [self.shared.index.run_at(feed, at)?, self.shared.index.refill_at(feed, *seq)?];
            for place in places.into_iter().flatten() {
                self.overwrite(place, *seq)?;
            }
        }
        self.erase_signed(entries)
    }

    /// The register of own signed batches held the same bodies.
    fn erase_signed(&self, entries: &[(FeedId, u64)]) -> Result<(), StoreError> {
        let own = self.shared.own.read().unwrap_or_else(PoisonError::into_inner);
        let mut signed = Erased::new();
        for (feed, seq) in entries.iter().filter(|(feed, _)| own.contains_key(feed)) {
            signed.entry(*feed).or_default().insert(*seq);
        }
        drop(own);
        if !signed.is_empty() {
            Register::erase(&self.directory, &signed)?;
        }
        Ok(())
    }

    fn overwrite(&self, place: Place, seq: u64) -> Result<(), StoreError> {
        let segment = self.shared.segments.file(place.segment)?;
        let Some((head, packed, length)) = read_frame(&segment, place.offset)? else { return Ok(()) };
        let start = place.offset + length - packed.len() as u64;
        let body = frame::bodies(&head, &packed).into_iter().find(|(s, ..)| *s == seq);
        if let Some((_, offset, length)) = body {
            self.shared.segments.overwrite(place.segment, start + offset as u64, length)?;
        }
        Ok(())
    }

    /// The run at a place, from `from` on and up to where it counts.
    fn read(&self, place: Place, from: Seq) -> Result<StoredRun, StoreError> {
        let damaged = || StoreError::Damaged { segment: place.segment, offset: place.offset };
        let (head, packed) = self.frame(place)?.ok_or_else(damaged)?;
        let skip = from.value().checked_sub(head.first.value()).ok_or_else(damaged)?;
        let count = u32::try_from(u64::from(place.count).checked_sub(skip).ok_or_else(damaged)?)
            .map_err(|_| damaged())?;
        let feed = head.feed.id();
        let places = from.value()..from.value() + u64::from(count);
        let packed = match self.as_now(&feed, &packed, head.first.value(), places) {
            Some(served) => served,
            None if skip == 0 && place.count == head.count => packed,
            None => frame::cut(&packed, skip, count),
        };
        let (first_ordinal, kind) = (head.ordinal + skip, head.kind);
        Ok(StoredRun { feed: head.feed, first: from, first_ordinal, count, packed, kind })
    }

    /// These places of packed entries from `first` on, erased bodies left out and late ones put in; `None` where the
    /// feed has neither.
    fn as_now(&self, feed: &FeedId, packed: &Bytes, first: u64, places: Range<u64>) -> Option<Bytes> {
        let erased = self.shared.erased.read().unwrap_or_else(PoisonError::into_inner);
        let gone = erased.get(feed);
        let marks = self.shared.marks.read().unwrap_or_else(PoisonError::into_inner);
        let refilled = marks.refilled.contains(feed);
        drop(marks);
        (gone.is_some() || refilled).then(|| {
            frame::serve(packed, places, first, |seq, body| match body {
                _ if gone.is_some_and(|g| g.contains(&seq)) => None,
                None if refilled => self.refilled(feed, seq),
                body => body,
            })
        })
    }

    /// The frame at a place, of those read lately or from its segment; `None` where there is none.
    fn frame(&self, place: Place) -> Result<Option<Read>, StoreError> {
        let at = (place.segment, place.offset);
        if let Some(read) = self.shared.frames.find(at) {
            return Ok(Some(read));
        }
        let file = self.shared.segments.file(place.segment)?;
        let Some((head, packed, _)) = read_frame(&file, place.offset)? else { return Ok(None) };
        let read = (Arc::new(head), packed);
        self.shared.frames.keep(at, &read);
        Ok(Some(read))
    }

    /// A body that came after its entry.
    fn refilled(&self, feed: &FeedId, seq: u64) -> Option<Bytes> {
        let place = self.shared.index.refill_at(feed, seq).ok()??;
        let file = self.shared.segments.file(place.segment).ok()?;
        let (head, packed, _) = read_frame(&file, place.offset).ok()??;
        let (_, offset, length) = frame::bodies(&head, &packed).into_iter().find(|(s, ..)| *s == seq)?;
        (length > 0).then(|| packed.slice(offset..offset + length))
    }
}

/// Neighbouring runs that travel as one.
struct Joined {
    run: StoredRun,
    more: Vec<Bytes>,
    bytes: usize,
}

impl Joined {
    fn takes(&self, run: &StoredRun) -> bool {
        (self.run.count + run.count) as usize <= RUN_ENTRIES_MAX
            && self.bytes + run.packed.len() <= RUN_BYTES_MAX
    }

    fn add(&mut self, run: StoredRun) {
        self.run.count += run.count;
        self.bytes += run.packed.len();
        self.more.push(run.packed);
    }

    fn whole(self) -> StoredRun {
        if self.more.is_empty() {
            return self.run;
        }
        let mut packed = Vec::with_capacity(self.bytes);
        packed.extend_from_slice(&self.run.packed);
        self.more.iter().for_each(|part| packed.extend_from_slice(part));
        StoredRun { packed: packed.into(), ..self.run }
    }
}

fn first_of(run: &StoredRun) -> Option<StoredEntry> {
    let packed = frame::cut(&run.packed, 0, 1);
    (!packed.is_empty()).then_some(StoredEntry { feed: run.feed, ordinal: run.first_ordinal, packed })
}
