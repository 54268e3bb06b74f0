//! Calls that are being answered: how many of one caller and of strangers, and how many bytes of answers wait for callers
//! that do not read them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use caphub_proto::wire::PartyId;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::link::crowd::Prefix;
use crate::link::limits;
use crate::link::pace::Bucket;

/// Answers of one connection that wait without a look at all others: below it, most cannot be many.
const WAITING_UNSEEN: u64 = limits::ANSWER_BYTES_MAX / limits::CONNECTIONS_MAX as u64;

/// All lines of one server.
#[derive(Debug, Default)]
pub(super) struct Calls {
    next: AtomicU64,
    lines: Mutex<BTreeMap<u64, Weak<Line>>>,
    parties: Mutex<HashMap<PartyId, Arc<Semaphore>>>,
}

/// One connection, as far as its calls go.
#[derive(Debug)]
pub(super) struct Line {
    number: u64,
    calls: Weak<Calls>,
    from: Prefix,
    /// Who is at its far end, once that is proven.
    party: Mutex<Option<PartyId>>,
    bucket: Arc<Bucket>,
    known: AtomicBool,
    proven: AtomicBool,
    open: AtomicUsize,
    /// Bytes of answers that were handed on, and bytes that left.
    handed: AtomicU64,
    left: AtomicU64,
    /// When its last call ended, or it began.
    quiet_since: Mutex<Instant>,
    leave: CancellationToken,
}

/// Who pays together: one party, or all strangers from one place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Strangers(Prefix),
    Known(PartyId),
}

/// A call, until its answer was handed on or dropped.
#[derive(Debug)]
pub(super) struct Call {
    line: Arc<Line>,
    _permit: OwnedSemaphorePermit,
}

impl Calls {
    /// A new connection from there.
    pub(super) fn line(self: &Arc<Self>, from: IpAddr) -> Arc<Line> {
        let from = Prefix::of(from);
        let line = Arc::new(Line {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            calls: Arc::downgrade(self),
            from,
            party: Mutex::default(),
            bucket: Arc::default(),
            known: AtomicBool::new(false),
            proven: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            handed: AtomicU64::new(0),
            left: AtomicU64::new(0),
            quiet_since: Mutex::new(Instant::now()),
            leave: CancellationToken::new(),
        });
        lock(&self.lines).insert(line.number, Arc::downgrade(&line));
        line
    }

    /// Waits for a place among the caller's calls; `None` where none comes free in time, or where a stranger's connection
    /// has most of the calls that strangers may have.
    pub(super) async fn enter(&self, line: &Arc<Line>) -> Option<Call> {
        let party = (*lock(&line.party))?;
        let places = {
            let mut parties = lock(&self.parties);
            if parties.len() > limits::CONNECTIONS_MAX {
                parties.retain(|_, places| Arc::strong_count(places) > 1);
            }
            let new = || Arc::new(Semaphore::new(limits::CALLS_PER_PARTY));
            Arc::clone(parties.entry(party).or_insert_with(new))
        };
        let permit = tokio::time::timeout(limits::REQUEST, places.acquire_owned()).await.ok()?.ok()?;
        if !line.known.load(Ordering::Relaxed) && !self.room_for_a_stranger(line) {
            return None;
        }
        line.open.fetch_add(1, Ordering::Relaxed);
        Some(Call { line: Arc::clone(line), _permit: permit })
    }

    fn room_for_a_stranger(&self, line: &Arc<Line>) -> bool {
        let strangers = self.living(|l| !l.known.load(Ordering::Relaxed));
        let open = |l: &Line| l.open.load(Ordering::Relaxed) as u64;
        if strangers.iter().map(|l| open(l)).sum::<u64>() < limits::STRANGER_CALLS_MAX {
            return true;
        }
        match most(&strangers, open) {
            Some(largest) if largest.number != line.number => {
                largest.leave.cancel();
                true
            }
            _ => false,
        }
    }

    /// Ends the connection that holds most of what waits, where all of it is more than may be.
    fn relieve(&self) {
        let all = self.living(|_| true);
        if all.iter().map(|l| l.waiting()).sum::<u64>() > limits::ANSWER_BYTES_MAX
            && let Some(largest) = most(&all, Line::waiting)
        {
            largest.leave.cancel();
        }
    }

    /// Connections that have not been told to end.
    fn living(&self, which: impl Fn(&Line) -> bool) -> Vec<Arc<Line>> {
        let lines = lock(&self.lines);
        let living = lines.values().filter_map(Weak::upgrade);
        living.filter(|l| which(l) && !l.leave.is_cancelled()).collect()
    }
}

/// The connection with most of something, of the group that has most of it; of equal ones the oldest.
fn most(lines: &[Arc<Line>], of: impl Fn(&Line) -> u64) -> Option<&Arc<Line>> {
    let mut groups = BTreeMap::<Group, u64>::new();
    lines.iter().for_each(|l| *groups.entry(l.group()).or_default() += of(l));
    let largest = groups.iter().max_by_key(|(_, sum)| **sum).map(|(group, _)| *group)?;
    let within = lines.iter().filter(|l| l.group() == largest);
    within.max_by_key(|l| (of(l), std::cmp::Reverse(l.number)))
}

impl Line {
    /// What TLS has proven of the far end, and whether it is somebody here.
    pub(super) fn proven(&self, party: PartyId, known: bool) {
        *lock(&self.party) = Some(party);
        self.known.store(known, Ordering::Relaxed);
        self.proven.store(true, Ordering::Relaxed);
        *lock(&self.quiet_since) = Instant::now();
    }

    fn group(&self) -> Group {
        match (*lock(&self.party)).filter(|_| self.known.load(Ordering::Relaxed)) {
            Some(party) => Group::Known(party),
            None => Group::Strangers(self.from),
        }
    }

    /// The account that bounds what is read of a stranger.
    pub(super) fn bucket(&self) -> Option<Arc<Bucket>> {
        let bounded = self.proven.load(Ordering::Relaxed) && !self.known.load(Ordering::Relaxed);
        bounded.then(|| Arc::clone(&self.bucket))
    }

    /// Bytes left for the far end.
    pub(super) fn wrote(&self, bytes: usize) {
        self.left.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of answers that were handed on and did not leave yet. What frames and TLS add leaves too, and so makes it less.
    fn waiting(&self) -> u64 {
        self.handed.load(Ordering::Relaxed).saturating_sub(self.left.load(Ordering::Relaxed))
    }

    fn handed(&self, bytes: usize) {
        let left = self.left.load(Ordering::Relaxed);
        let before = self.handed.load(Ordering::Relaxed).max(left);
        self.handed.store(before + bytes as u64, Ordering::Relaxed);
        if self.waiting() > WAITING_UNSEEN
            && let Some(calls) = self.calls.upgrade()
        {
            calls.relieve();
        }
    }

    /// True for a stranger that makes no call, and for anybody that never made one.
    pub(super) fn is_idle(&self) -> bool {
        let never = self.handed.load(Ordering::Relaxed) == 0;
        self.open.load(Ordering::Relaxed) == 0
            && (never || !self.known.load(Ordering::Relaxed))
            && lock(&self.quiet_since).elapsed() > limits::IDLE
    }

    /// Ends when this connection has to.
    pub(super) async fn given_up(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(calls) = self.calls.upgrade() {
            lock(&calls.lines).remove(&self.number);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.line.open.fetch_sub(1, Ordering::Relaxed);
        *lock(&self.line.quiet_since) = Instant::now();
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer on its way: counted until the last of it was handed on.
pub(super) struct Answer {
    body: tonic::body::Body,
    call: Option<Call>,
}

impl Answer {
    pub(super) fn new(body: tonic::body::Body, call: Call) -> Self {
        Self { body, call: Some(call) }
    }

    /// One that says only that there is none.
    pub(super) fn refused(body: tonic::body::Body) -> Self {
        Self { body, call: None }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let (Poll::Ready(Some(Ok(frame))), Some(call)) = (&polled, &self.call) {
            // Every answer counts as something, so that a line that had one is no line that never called.
            call.line.handed(frame.data_ref().map_or(1, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
#[path = "calls/tests.rs"]
mod tests;
