//! The committer: one thread drains what waits, writes it, syncs once, and answers everybody.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, mpsc};

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use caphub_proto::wire::{EntryHash, FeedId, Seq};
use tokio::sync::oneshot;

use crate::store::batch::Frames;
use crate::store::chains::chains;
use crate::store::disk;
use crate::store::files::{FORMAT, SEGMENT_BYTES_MAX, START, read_frame};
use crate::store::frame::{self, FrameHead};
use crate::store::index::{Change, Marker, Place};
use crate::store::register::Register;
use crate::store::shape::{Piece, Shape};
use crate::store::{Appended, FeedHead, Kind, NewRun, Outcome, Shared, StoreError};

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

/// Own frames that the log was found to have beyond its index: where each lies, its feed and its last entry. No more can
/// be of the last commit, which alone may be missing from the register.
pub(super) type Logged = VecDeque<((u32, u64), (FeedId, EntryHash))>;
/// Most of them: a commit has no more frames than fit its bytes.
const LOGGED_MAX: usize = 65_536;

/// Shapes as they are after earlier runs of the same commit.
type Shapes = HashMap<FeedId, Shape>;

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, tail: Tail, register: Register) -> Self {
        Self { shared, tail, register }
    }

    /// Batches that the log has and the register has not, because the power went between the two, are put there before
    /// anybody sees them: a log that is put back from a copy may lack them.
    pub(super) fn register_own(
        &mut self,
        logged: &Logged,
        signed: &mut Vec<(FrameHead, Bytes)>,
    ) -> Result<(), StoreError> {
        let known: HashSet<(FeedId, EntryHash)> = signed.iter().map(|(h, _)| (h.feed.id(), h.last)).collect();
        for (segment, offset) in
            logged.iter().filter(|(_, known_by)| !known.contains(known_by)).map(|(at, _)| *at)
        {
            let file = self.shared.segments.file(segment)?;
            let Some((head, packed, length)) = read_frame(&file, offset)? else { continue };
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            file.read_exact_at(&mut bytes, offset)?;
            tracing::warn!(feed = %head.feed.id(), "a signed batch was missing from the register and is put back");
            self.shared.disk.write(&self.register.file, &[&bytes])?;
            self.shared.disk.sync(&self.register.file)?;
            signed.push((head, packed));
        }
        Ok(())
    }

    /// Batches that were signed but are missing from the log are appended: an author never forks itself.
    pub(super) fn replay_own(&mut self, signed: Vec<(FrameHead, Bytes)>) -> Result<(), StoreError> {
        for (head, packed) in signed {
            let Some(last) = head.head() else { continue };
            self.signed(head.feed.id(), (last.seq, last.hash));
            let run = NewRun {
                feed: head.feed,
                packed,
                first: head.first,
                head: last,
                count: head.count,
                kind: head.kind,
            };
            let fits = shape_of(&self.shared, &run.feed.id(), &Shapes::new()).after(&piece(&run)).is_some();
            if fits && run.kind == Kind::Append {
                tracing::warn!(feed = %run.feed.id(), "a signed batch was missing from the log and is put back");
                self.write(vec![run], false)?;
            }
        }
        Ok(())
    }

    /// Remembers how far a feed was signed: never less than before, in whatever order the register tells it.
    fn signed(&self, feed: FeedId, last: (Seq, EntryHash)) {
        let mut own = self.shared.own.write().unwrap_or_else(PoisonError::into_inner);
        let known = own.entry(feed).or_insert(last);
        if last.0 > known.0 {
            *known = last;
        }
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
            Err(StoreError::Full) => {
                if !self.shared.full.swap(true, Ordering::AcqRel) {
                    tracing::error!("the disk is full: the store takes nothing until there is room");
                }
                answers.into_iter().for_each(|a| drop(a.send(Err(StoreError::Full))));
                return;
            }
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

    /// Segment (and register) first, index second: after a crash the tail is replayed into the index.
    fn write(&mut self, runs: Vec<NewRun>, own: bool) -> Result<Vec<Outcome>, StoreError> {
        if self.tail.offset >= SEGMENT_BYTES_MAX {
            self.tail = Tail { segment: self.tail.segment + 1, offset: START };
        }
        let file = self.shared.segments.file(self.tail.segment).map_err(without_room)?;
        let mut ordinal = self.shared.end.load(Ordering::Acquire);
        let (mut frames, mut changes, mut outcomes) = (Frames::default(), Vec::new(), Vec::new());
        let (mut shapes, mut stored) = (Shapes::new(), Vec::new());
        for run in &runs {
            let id = run.feed.id();
            let held = shape_of(&self.shared, &id, &shapes);
            let meets = run.count > 0 && chains(&self.shared, run, &stored);
            let after = meets.then(|| held.after(&piece(run))).flatten();
            let Some((shape, cuts)) = after else {
                outcomes.push(Outcome::Conflict { held: held.height() });
                continue;
            };
            let offset = self.tail.offset + frames.length;
            let absent = frames.add(run, own, ordinal);
            let (segment, first, count) = (self.tail.segment, run.first, run.count);
            let place = Place { segment, offset, ordinal, first, count };
            shapes.insert(id, shape.clone());
            changes.push(Change {
                feed: run.feed,
                id,
                kind: run.kind,
                place,
                shape: Some(shape),
                cuts,
                absent,
                bytes: run.packed.len() as u64,
            });
            outcomes.push(Outcome::Stored { ordinal });
            stored.push(run);
            ordinal += u64::from(run.count);
        }
        if changes.is_empty() {
            return Ok(outcomes);
        }
        let registered = if own { Some(self.register.length()?) } else { None };
        let began = std::time::Instant::now();
        let (log, register) = std::thread::scope(|scope| {
            let register = own.then(|| {
                scope.spawn(|| {
                    let bytes = frames.slices().concat();
                    self.shared.disk.write(&self.register.file, &[&bytes])?;
                    self.shared.disk.sync(&self.register.file)
                })
            });
            let log = self.shared.disk.write(&file, &frames.slices());
            let log = log.and_then(|()| self.shared.disk.sync(&file));
            (
                log,
                register
                    .map_or(Ok(()), |r| r.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))),
            )
        });
        if log.is_err() || register.is_err() {
            return Err(self.take_back(&file, registered, [log, register]));
        }
        self.shared.syncs.observe(began.elapsed().as_secs_f64());
        self.tail.offset += frames.length;
        let marker = Marker { segment: self.tail.segment, offset: self.tail.offset, ordinal };
        self.shared.index.apply(&changes, marker)?;
        publish(&self.shared, &changes, ordinal);
        if self.shared.full.swap(false, Ordering::AcqRel) {
            tracing::info!("there is room on the disk again");
        }
        if own {
            let mut heads = self.shared.own.write().unwrap_or_else(PoisonError::into_inner);
            let stored = runs.iter().zip(&outcomes).filter(|(_, o)| matches!(o, Outcome::Stored { .. }));
            heads.extend(stored.map(|(r, _)| (r.feed.id(), (r.head.seq, r.head.hash))));
        }
        Ok(outcomes)
    }
}

impl Committer {
    /// Of a commit that failed nothing stays, as far as the disk allows: whoever reads the files next must not take for
    /// durable what was only in memory. Without room, and with nothing else wrong, the next commit may try again.
    fn take_back(
        &self,
        file: &std::fs::File,
        registered: Option<u64>,
        results: [std::io::Result<()>; 2],
    ) -> StoreError {
        let cut = |file: &std::fs::File, length: u64| file.set_len(length).and_then(|()| file.sync_all());
        let register = registered.map_or(Ok(()), |length| cut(&self.register.file, length));
        let cut = cut(file, self.tail.offset).and(register);
        let mut failed: Vec<std::io::Error> = results.into_iter().filter_map(Result::err).collect();
        let no_room = failed.iter().all(disk::is_full);
        match (cut, failed.pop()) {
            (Ok(()), Some(_)) if no_room => StoreError::Full,
            (Err(error), _) | (Ok(()), Some(error)) => StoreError::File(error),
            (Ok(()), None) => StoreError::Failed,
        }
    }
}

/// A new segment that could not be begun for want of room is begun again by the next commit.
fn without_room(error: StoreError) -> StoreError {
    match error {
        StoreError::File(error) if disk::is_full(&error) => StoreError::Full,
        error => error,
    }
}

fn piece(run: &NewRun) -> Piece {
    let previous = frame::previous(&run.packed).unwrap_or_default();
    let bytes = run.packed.len() as u64;
    Piece { kind: run.kind, first: run.first, previous, last: run.head, bytes }
}

fn shape_of(shared: &Shared, feed: &FeedId, shapes: &Shapes) -> Shape {
    if let Some(shape) = shapes.get(feed) {
        return shape.clone();
    }
    let head = shared.heads.read().unwrap_or_else(PoisonError::into_inner).get(feed).map(|h| h.head);
    let tails = shared.tails.read().unwrap_or_else(PoisonError::into_inner).get(feed).cloned();
    Shape { head, tails: tails.unwrap_or_default() }
}

fn publish(shared: &Shared, changes: &[Change], end: u64) {
    let mut heads = shared.heads.write().unwrap_or_else(PoisonError::into_inner);
    let mut tails = shared.tails.write().unwrap_or_else(PoisonError::into_inner);
    for change in changes {
        let Some(shape) = &change.shape else { continue };
        if let Some(head) = shape.head {
            heads.insert(change.id, FeedHead { feed: change.feed, head });
        }
        match shape.tails.is_empty() {
            true => drop(tails.remove(&change.id)),
            false => drop(tails.insert(change.id, shape.tails.clone())),
        }
    }
    drop((heads, tails));
    let mut bytes = shared.bytes.write().unwrap_or_else(PoisonError::into_inner);
    for change in changes.iter().filter(|c| c.shape.is_some()) {
        *bytes.entry(change.id).or_default() += change.bytes;
    }
    drop(bytes);
    let marked = |c: &Change| !c.absent.is_empty() || c.kind != Kind::Append || !c.cuts.is_empty();
    if changes.iter().any(marked) {
        mark(shared, changes);
    }
    shared.end.store(end, Ordering::Release);
    shared.grown.send_replace(end);
}

/// The marks that the index got, in memory.
fn mark(shared: &Shared, changes: &[Change]) {
    let mut marks = shared.marks.write().unwrap_or_else(PoisonError::into_inner);
    for change in changes.iter().filter(|c| c.shape.is_some()) {
        let absent = marks.absent.entry(change.id).or_default();
        for (from, to) in &change.cuts {
            absent.retain(|seq| !(from..=to).contains(&seq));
        }
        let places = change.place.first.value()..change.place.first.value() + u64::from(change.place.count);
        if change.kind == Kind::Refill {
            absent.retain(|seq| !places.contains(seq));
        }
        absent.extend(&change.absent);
        if absent.is_empty() {
            marks.absent.remove(&change.id);
        }
        if change.kind == Kind::Refill {
            marks.refilled.insert(change.id);
        }
        if change.kind == Kind::Replace && !change.feed.is_identity() {
            marks.replaced.insert(change.id);
        }
    }
}

/// Reads the segments from where the index stands, cuts a torn tail, and fills the heads; the own frames that it read.
pub(super) fn recover(shared: &Shared) -> Result<(Tail, Logged), StoreError> {
    let mut logged = Logged::new();
    let numbers = shared.segments.numbers()?;
    let Some((&first, &last)) = numbers.first().zip(numbers.last()) else {
        shared.index.clear()?;
        shared.segments.file(1)?;
        return Ok((Tail { segment: 1, offset: START }, logged));
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
    load(shared)?;
    for number in numbers.into_iter().filter(|n| *n >= marker.segment).collect::<Vec<_>>() {
        if number > marker.segment {
            marker = Marker { segment: number, offset: START, ordinal: marker.ordinal };
        }
        marker = replay(shared, marker, number == last, &mut logged)?;
    }
    publish(shared, &[], marker.ordinal);
    // What an older program knows is not written to its segments: it refuses the next one by its version.
    let tail = match shared.segments.version(last)? {
        FORMAT => Tail { segment: marker.segment, offset: marker.offset },
        _ => Tail { segment: last + 1, offset: START },
    };
    Ok((tail, logged))
}

/// What the index holds of heads, tails and marks.
fn load(shared: &Shared) -> Result<(), StoreError> {
    let mut heads = shared.heads.write().unwrap_or_else(PoisonError::into_inner);
    heads.extend(shared.index.heads()?.into_iter().map(|head| (head.feed.id(), head)));
    let mut tails = shared.tails.write().unwrap_or_else(PoisonError::into_inner);
    for (feed, tail) in shared.index.tails()? {
        tails.entry(feed).or_default().push(tail);
    }
    shared.bytes.write().unwrap_or_else(PoisonError::into_inner).extend(shared.index.bytes()?);
    let mut marks = shared.marks.write().unwrap_or_else(PoisonError::into_inner);
    for (feed, seq) in shared.index.marks(b'w')? {
        marks.absent.entry(feed).or_default().insert(seq);
    }
    marks.refilled.extend(shared.index.marks(b'b')?.into_iter().map(|(feed, _)| feed));
    marks.replaced.extend(shared.index.marks(b'x')?.into_iter().map(|(feed, _)| feed));
    Ok(())
}

fn replay(
    shared: &Shared,
    mut marker: Marker,
    is_last: bool,
    logged: &mut Logged,
) -> Result<Marker, StoreError> {
    let file = shared.segments.file(marker.segment)?;
    let (mut changes, mut shapes) = (Vec::new(), Shapes::new());
    while let Some((head, packed, length)) = read_frame(&file, marker.offset)? {
        let id = head.feed.id();
        let erased = |seq| {
            let erased = shared.erased.read().unwrap_or_else(PoisonError::into_inner);
            erased.get(&id).is_some_and(|e| e.contains(&seq))
        };
        if head.ordinal != marker.ordinal || !frame::fits(&head, &packed, erased) {
            break;
        }
        let Some(piece) = head.piece(&packed) else { break };
        let after = shape_of(shared, &id, &shapes).after(&piece);
        if after.is_none() {
            tracing::error!(feed = %id, first = %head.first, "a stored run does not follow what is before it");
        }
        let (shape, cuts) = after.map_or((None, Vec::new()), |(shape, cuts)| (Some(shape), cuts));
        if let Some(shape) = &shape {
            shapes.insert(id, shape.clone());
        }
        let (segment, offset, ordinal) = (marker.segment, marker.offset, head.ordinal);
        let place = Place { segment, offset, ordinal, first: head.first, count: head.count };
        let absent = frame::absent(head.first, &packed);
        if head.own {
            if logged.len() >= LOGGED_MAX {
                logged.pop_front();
            }
            logged.push_back(((segment, offset), (id, head.last)));
        }
        let (feed, kind, bytes) = (head.feed, head.kind, packed.len() as u64);
        changes.push(Change { feed, id, kind, place, shape, cuts, absent, bytes });
        marker.offset += length;
        marker.ordinal += u64::from(head.count);
        if changes.len() >= 1_000 {
            flush(shared, &mut changes, marker)?;
            shapes.clear();
        }
    }
    flush(shared, &mut changes, marker)?;
    if file.metadata()?.len() > marker.offset {
        if !is_last {
            return Err(StoreError::Damaged { segment: marker.segment, offset: marker.offset });
        }
        tracing::warn!(segment = marker.segment, offset = marker.offset, "a torn tail is cut");
        shared.segments.set_aside(marker.segment, marker.offset)?;
        file.set_len(marker.offset)?;
        file.sync_all()?;
    }
    Ok(marker)
}

fn flush(shared: &Shared, changes: &mut Vec<Change>, marker: Marker) -> Result<(), StoreError> {
    shared.index.apply(changes, marker)?;
    publish(shared, changes, marker.ordinal);
    changes.clear();
    Ok(())
}
