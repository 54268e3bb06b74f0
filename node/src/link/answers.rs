//! Answers that wait to be read: their bytes are counted from where they are made until they have left, for each caller and over
//! all connections. Who is over a bound waits; nobody is cut off for it. Only where the common room stays full of bytes that
//! hardly move does a connection end, the one that holds most of them, and its calls are told the reason first.

mod account;
mod body;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use caphub_proto::wire::{PartyId, Reason};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::link::crowd::Prefix;
use crate::link::limits;
use crate::services::status::status;

use account::Account;
pub(super) use body::Answer;

/// Parties that are remembered without a look at who is still here.
const PARTIES_KEPT: usize = 2 * limits::CONNECTIONS_MAX;

/// All lines of one server.
#[derive(Debug)]
pub(super) struct Answers {
    known: Arc<Account>,
    strangers: Arc<Account>,
    parties: Mutex<HashMap<(PartyId, bool), Weak<Account>>>,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    next: u64,
    open: BTreeMap<u64, Weak<Line>>,
    /// When it was last looked who has to go: of strangers, of known callers.
    looked: [Option<Instant>; 2],
}

/// One connection, as far as its answers go.
#[derive(Debug)]
pub struct Line {
    number: u64,
    from: Prefix,
    party: PartyId,
    answers: Arc<Answers>,
    stand: Mutex<Arc<Stand>>,
    held: AtomicU64,
    left: AtomicU64,
    /// When it was last looked at, and what had left until then.
    mark: Mutex<Option<(Instant, u64)>>,
    leave: CancellationToken,
}

/// What a line draws on: its party's part, of all that callers like it may have.
#[derive(Debug)]
struct Stand {
    known: bool,
    party: Arc<Account>,
    all: Arc<Account>,
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
pub struct Held {
    line: Arc<Line>,
    stand: Arc<Stand>,
    bytes: u64,
}

/// Who pays together: one party, or all strangers from one place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Strangers(Prefix),
    Known(PartyId),
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            known: Arc::new(Account::new(limits::ANSWER_BYTES_MAX)),
            strangers: Arc::new(Account::new(limits::STRANGER_ANSWER_BYTES_MAX)),
            parties: Mutex::default(),
            lines: Mutex::default(),
        }
    }
}

impl Answers {
    /// A new line of this party.
    pub(super) fn line(self: &Arc<Self>, from: Prefix, party: PartyId, known: bool) -> Arc<Line> {
        let stand = self.stand(party, known);
        let mut lines = lock(&self.lines);
        let number = lines.next;
        lines.next += 1;
        let line = Arc::new(Line {
            number,
            from,
            party,
            answers: Arc::clone(self),
            stand: Mutex::new(stand),
            held: AtomicU64::new(0),
            left: AtomicU64::new(0),
            mark: Mutex::default(),
            leave: CancellationToken::new(),
        });
        lines.open.insert(number, Arc::downgrade(&line));
        line
    }

    fn stand(&self, party: PartyId, known: bool) -> Arc<Stand> {
        let (all, most) = match known {
            true => (&self.known, limits::ANSWER_BYTES_PER_PARTY),
            false => (&self.strangers, limits::STRANGER_ANSWER_BYTES_PER_PARTY),
        };
        let mut parties = lock(&self.parties);
        if parties.len() > PARTIES_KEPT {
            parties.retain(|_, account| account.strong_count() > 0);
        }
        let account = parties.get(&(party, known)).and_then(Weak::upgrade).unwrap_or_else(|| {
            let new = Arc::new(Account::new(most));
            parties.insert((party, known), Arc::downgrade(&new));
            new
        });
        Arc::new(Stand { known, party: account, all: Arc::clone(all) })
    }

    /// Looks who hardly reads, and lets those go that hold most, until there is room again. The first look only begins to
    /// measure.
    fn relieve(&self, known: bool) {
        let now = Instant::now();
        let open: Vec<Arc<Line>> = {
            let mut lines = lock(&self.lines);
            let looked = &mut lines.looked[usize::from(known)];
            if looked.is_some_and(|looked| now < looked + limits::FULL_FOR) {
                return;
            }
            *looked = Some(now);
            lines.open.values().filter_map(Weak::upgrade).collect()
        };
        let alike = open.iter().filter(|line| line.known() == known && !line.leave.is_cancelled());
        let mut still: Vec<&Arc<Line>> = alike.filter(|line| line.hardly_moves(now)).collect();
        let mut groups = BTreeMap::<Group, u64>::new();
        still.iter().for_each(|line| *groups.entry(line.group()).or_default() += line.held());
        let Some((largest, _)) = groups.into_iter().max_by_key(|(_, held)| *held) else { return };
        still.retain(|line| line.group() == largest);
        still.sort_by_key(|line| std::cmp::Reverse(line.held()));
        let mut due = if known { &self.known } else { &self.strangers }.due();
        for line in still {
            line.leave.cancel();
            due = due.saturating_sub(line.held());
            if due == 0 {
                return;
            }
        }
    }
}

impl Line {
    /// A stranger has become somebody here.
    pub(super) fn is_known(&self) {
        if !self.known() {
            let stand = self.answers.stand(self.party, true);
            *lock(&self.stand) = stand;
        }
    }

    /// Waits for room for a new call; a status with its reason where none comes free in time.
    pub(super) async fn enter(self: &Arc<Self>) -> Result<Held, Status> {
        let room = tokio::time::timeout(limits::REQUEST, self.room(limits::CALL_BYTES)).await;
        room.unwrap_or_else(|_| Err(status(Reason::TooManyRequests, "earlier answers were not read")))
    }

    /// Waits for room for so many bytes; a status with its reason where the line has to end.
    pub async fn room(self: &Arc<Self>, bytes: u64) -> Result<Held, Status> {
        let waiting = async {
            let stand = self.stand();
            stand.party.take(bytes).await;
            let own = Guard(&stand.party, bytes);
            self.pressing(&stand, stand.all.take(bytes)).await;
            std::mem::forget(own);
            stand
        };
        let stand = tokio::select! {
            stand = waiting => stand,
            () = self.leave.cancelled() => return Err(not_read()),
        };
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Ok(Held { line: Arc::clone(self), stand, bytes })
    }

    /// Counts bytes that are here already.
    fn hold(self: &Arc<Self>, bytes: u64) -> Held {
        let stand = self.stand();
        stand.party.add(bytes);
        stand.all.add(bytes);
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Held { line: Arc::clone(self), stand, bytes }
    }

    /// Waits until no more waits to be read than may: of this party, and in all.
    async fn within(&self) {
        let stand = self.stand();
        stand.party.within().await;
        self.pressing(&stand, stand.all.within()).await;
    }

    fn has_room(&self) -> bool {
        let stand = lock(&self.stand);
        stand.party.has_room() && stand.all.has_room()
    }

    /// Waits for what all share; where that takes long, it is looked who holds it up.
    async fn pressing(&self, stand: &Stand, room: impl Future<Output = ()>) {
        tokio::pin!(room);
        while tokio::time::timeout(limits::FULL_FOR, room.as_mut()).await.is_err() {
            self.answers.relieve(stand.known);
        }
    }

    /// Ends when this connection has to: its far end hardly reads, and others wait.
    pub(super) async fn given_up(&self) {
        self.leave.cancelled().await;
    }

    fn stand(&self) -> Arc<Stand> {
        Arc::clone(&lock(&self.stand))
    }

    fn known(&self) -> bool {
        lock(&self.stand).known
    }

    fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    fn group(&self) -> Group {
        match self.known() {
            true => Group::Known(self.party),
            false => Group::Strangers(self.from),
        }
    }

    /// True where what is held would take longer than `DRAIN` at the pace since the last look.
    fn hardly_moves(&self, now: Instant) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        let before = lock(&self.mark).replace((now, left));
        let Some((since, then)) = before else { return false };
        let gone = now.saturating_duration_since(since);
        if gone > 3 * limits::FULL_FOR {
            // Too long ago to say anything of now.
            return false;
        }
        let pace = (left - then) as f64 / gone.max(Duration::from_millis(1)).as_secs_f64();
        self.held() > 0 && pace * limits::DRAIN.as_secs_f64() < self.held() as f64
    }
}

impl Held {
    /// Counts only so many of them from now on.
    pub fn shrink(&mut self, bytes: u64) {
        let less = self.bytes.saturating_sub(bytes);
        self.bytes -= less;
        self.give(less);
    }

    fn give(&self, bytes: u64) {
        self.stand.party.give(bytes);
        self.stand.all.give(bytes);
        self.line.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give(self.bytes);
    }
}

/// Gives a party's bytes back where the wait for the common room ends without any.
struct Guard<'a>(&'a Account, u64);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.give(self.1);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        lock(&self.answers.lines).open.remove(&self.number);
    }
}

/// What calls of a line that has to end are told.
fn not_read() -> Status {
    status(
        Reason::TooManyRequests,
        "this connection ends: its answers are hardly read, and others wait for room",
    )
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "answers/tests.rs"]
mod tests;
