//! The committer: one thread drains what waits, writes it, syncs once, and answers everybody.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, mpsc};

use bytes::Bytes;
use caphub_proto::wire::{Feed, Head};
use tokio::sync::oneshot;

use crate::author::now_ms;
use crate::store::files::{Register, SEGMENT_BYTES_MAX, START, read_frame};
use crate::store::frame::{self, FrameHead};
use crate::store::index::{Marker, Place};
use crate::store::{Appended, FeedHead, NewRun, Outcome, Shared, StoreError};

/// Bytes that one commit gathers before it syncs.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Runs that wait to be stored together.
pub(super) struct Work {
    pub(super) runs: Vec<NewRun>,
    pub(super) own: bool,
    pub(super) answer: oneshot::Sender<Result<Appended, StoreError>>,
}

/// Where the next frame goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    segment: u32,
    offset: u64,
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    tail: Tail,
    register: Register,
}

type Indexed = Vec<(Feed, Place, Head, bool)>;

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, tail: Tail, register: Register) -> Self {
        Self { shared, tail, register }
    }

    /// Batches that were signed but are missing from the log are appended: an author never forks itself.
    pub(super) fn replay_own(&mut self, signed: Vec<(FrameHead, Bytes)>) -> Result<(), StoreError> {
        for (head, packed) in signed {
            let Some(last) = head.head() else { continue };
            let own = (last.seq, last.hash);
            self.shared.own.write().unwrap_or_else(PoisonError::into_inner).insert(head.feed.id(), own);
            let run = NewRun {
                feed: head.feed,
                packed,
                first: head.first,
                head: last,
                count: head.count,
                replaces: head.replaces,
            };
            let held = self.held(&run);
            if held + 1 == run.first.value() {
                tracing::warn!(feed = %run.feed.id(), "a signed batch was missing from the log and is put back");
                self.write(vec![run], false)?;
            }
        }
        Ok(())
    }

    pub(super) fn run(mut self, waiting: &mpsc::Receiver<Work>) {
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            let size = |w: &Work| w.runs.iter().map(|r| r.packed.len()).sum::<usize>();
            let mut bytes = group.iter().map(size).sum::<usize>();
            while bytes < GROUP_BYTES
                && let Ok(next) = waiting.try_recv()
            {
                bytes += size(&next);
                group.push(next);
            }
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Work>) {
        if self.shared.failed.load(Ordering::Acquire) {
            group.into_iter().for_each(|w| drop(w.answer.send(Err(StoreError::Failed))));
            return;
        }
        let own = group.iter().any(|w| w.own);
        let counts: Vec<usize> = group.iter().map(|w| w.runs.len()).collect();
        let (runs, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|w| (w.runs, w.answer)).unzip();
        let written = self.write(runs.into_iter().flatten().collect(), own);
        let mut outcomes = match written {
            Ok(outcomes) => outcomes.into_iter(),
            Err(error) => {
                // A failed sync is never retried into success: what the disk holds is unknown now.
                tracing::error!(%error, "the disk failed: the store takes nothing more");
                self.shared.failed.store(true, Ordering::Release);
                answers.into_iter().for_each(|a| drop(a.send(Err(StoreError::Failed))));
                return;
            }
        };
        for (answer, count) in answers.into_iter().zip(counts) {
            let outcomes = outcomes.by_ref().take(count).collect();
            let _ = answer.send(Ok(Appended { outcomes }));
        }
    }

    fn held(&self, run: &NewRun) -> u64 {
        let heads = self.shared.heads.read().unwrap_or_else(PoisonError::into_inner);
        heads.get(&run.feed.id()).map_or(0, |h| h.head.seq.value())
    }

    /// Segment (and register) first, index second: after a crash the tail is replayed into the index.
    fn write(&mut self, runs: Vec<NewRun>, own: bool) -> Result<Vec<Outcome>, StoreError> {
        if self.tail.offset >= SEGMENT_BYTES_MAX {
            self.tail = Tail { segment: self.tail.segment + 1, offset: START };
        }
        let file = self.shared.segments.file(self.tail.segment)?;
        let mut ordinal = self.shared.end.load(Ordering::Acquire);
        let (mut bytes, mut indexed, mut outcomes) = (Vec::new(), Indexed::new(), Vec::new());
        let mut fresh = std::collections::HashMap::new();
        for run in &runs {
            let id = run.feed.id();
            let held = fresh.get(&id).copied().unwrap_or_else(|| self.held(run));
            let follows = run.first.value() == held + 1 || (run.replaces && run.first.value() <= held);
            if !follows || run.count == 0 {
                outcomes.push(Outcome::Conflict { held });
                continue;
            }
            let offset = self.tail.offset + bytes.len() as u64;
            frame::encode(run, ordinal, now_ms(), &mut bytes);
            let (segment, first, count) = (self.tail.segment, run.first, run.count);
            indexed.push((
                run.feed,
                Place { segment, offset, ordinal, first, count },
                run.head,
                run.replaces,
            ));
            outcomes.push(Outcome::Stored { ordinal });
            fresh.insert(id, run.head.seq.value());
            ordinal += u64::from(run.count);
        }
        if indexed.is_empty() {
            return Ok(outcomes);
        }
        let (log, register) = std::thread::scope(|scope| {
            let register = own.then(|| scope.spawn(|| self.register.append(&bytes)));
            let log = (&*file).write_all(&bytes).and_then(|()| file.sync_data());
            (
                log,
                register
                    .map_or(Ok(()), |r| r.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))),
            )
        });
        log.and(register)?;
        self.tail.offset += bytes.len() as u64;
        let marker = Marker { segment: self.tail.segment, offset: self.tail.offset, ordinal };
        self.shared.index.apply(&indexed, marker)?;
        publish(&self.shared, &indexed, ordinal);
        if own {
            let mut heads = self.shared.own.write().unwrap_or_else(PoisonError::into_inner);
            heads.extend(indexed.iter().map(|(f, _, h, _)| (f.id(), (h.seq, h.hash))));
        }
        Ok(outcomes)
    }
}

fn publish(shared: &Shared, indexed: &Indexed, end: u64) {
    let mut heads = shared.heads.write().unwrap_or_else(PoisonError::into_inner);
    heads.extend(indexed.iter().map(|(feed, _, head, _)| (feed.id(), FeedHead { feed: *feed, head: *head })));
    drop(heads);
    shared.end.store(end, Ordering::Release);
    shared.grown.send_replace(end);
}

/// Reads the segments from where the index stands, cuts a torn tail, and fills the heads.
pub(super) fn recover(shared: &Shared) -> Result<Tail, StoreError> {
    let numbers = shared.segments.numbers()?;
    let Some((&first, &last)) = numbers.first().zip(numbers.last()) else {
        shared.index.clear()?;
        shared.segments.file(1)?;
        return Ok(Tail { segment: 1, offset: START });
    };
    let length = |n: u32| shared.segments.file(n).and_then(|f| Ok(f.metadata()?.len()));
    let usable = match shared.index.marker() {
        Some(m) if numbers.contains(&m.segment) && length(m.segment)? >= m.offset => Some(m),
        Some(_) => None,
        None => None,
    };
    let mut marker = match usable {
        Some(marker) => marker,
        None => {
            shared.index.clear()?;
            Marker { segment: first, offset: START, ordinal: 0 }
        }
    };
    for head in shared.index.heads()? {
        let mut heads = shared.heads.write().unwrap_or_else(PoisonError::into_inner);
        heads.insert(head.feed.id(), head);
    }
    for number in numbers.into_iter().filter(|n| *n >= marker.segment).collect::<Vec<_>>() {
        if number > marker.segment {
            marker = Marker { segment: number, offset: START, ordinal: marker.ordinal };
        }
        marker = replay(shared, marker, number == last)?;
    }
    publish(shared, &Indexed::new(), marker.ordinal);
    Ok(Tail { segment: marker.segment, offset: marker.offset })
}

fn replay(shared: &Shared, mut marker: Marker, is_last: bool) -> Result<Marker, StoreError> {
    let file = shared.segments.file(marker.segment)?;
    let erased = shared.erased.read().unwrap_or_else(PoisonError::into_inner);
    let mut indexed = Indexed::new();
    while let Some((head, packed, length)) = read_frame(&file, marker.offset)? {
        let id = head.feed.id();
        if head.ordinal != marker.ordinal || !frame::fits(&head, &packed, |s| erased.contains(&(id, s))) {
            break;
        }
        let Some(last) = head.head() else { break };
        let (segment, offset, ordinal) = (marker.segment, marker.offset, head.ordinal);
        let place = Place { segment, offset, ordinal, first: head.first, count: head.count };
        indexed.push((head.feed, place, last, head.replaces));
        marker.offset += length;
        marker.ordinal += u64::from(head.count);
        if indexed.len() >= 1_000 {
            flush(shared, &mut indexed, marker)?;
        }
    }
    flush(shared, &mut indexed, marker)?;
    if file.metadata()?.len() > marker.offset {
        if !is_last {
            return Err(StoreError::Damaged { segment: marker.segment, offset: marker.offset });
        }
        tracing::warn!(segment = marker.segment, offset = marker.offset, "a torn tail is cut");
        file.set_len(marker.offset)?;
        file.sync_all()?;
    }
    Ok(marker)
}

fn flush(shared: &Shared, indexed: &mut Indexed, marker: Marker) -> Result<(), StoreError> {
    shared.index.apply(indexed, marker)?;
    publish(shared, indexed, marker.ordinal);
    indexed.clear();
    Ok(())
}
