//! Turns at the door: one message of each party at a time is checked and stored, parties one after another, and
//! what one party brings in a minute is bounded. The same for everybody: nobody is slowed down by name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caphub_proto::wire::PartyId;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::link::limits;

/// The minute within which quantities are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Who waits, who is being served, and what each party has brought.
pub struct Turns {
    parties: Mutex<HashMap<PartyId, Party>>,
    slots: Arc<Semaphore>,
}

/// One party's own queue and its account of this minute.
struct Party {
    queue: Arc<tokio::sync::Mutex<()>>,
    open: [usize; 2],
    since: tokio::time::Instant,
    bytes: u64,
}

/// A kind of stream that a party may have open only a few of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// Brings entries.
    Push,
    /// Follows or watches.
    Follow,
}

/// The right to have one message checked and stored; given back when dropped.
pub struct Turn {
    _own: OwnedMutexGuard<()>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// An open stream of a party; counted until dropped.
pub struct Open {
    turns: Arc<Turns>,
    party: PartyId,
    stream: Stream,
}

impl Default for Turns {
    fn default() -> Self {
        Self { parties: Mutex::default(), slots: Arc::new(Semaphore::new(limits::INGEST_SLOTS)) }
    }
}

impl Stream {
    fn most(self) -> usize {
        match self {
            Self::Push => limits::PUSHES_PER_PARTY,
            Self::Follow => limits::FOLLOWS_PER_PARTY,
        }
    }
}

impl Turns {
    /// Counts a stream in; `None` where the party has as many open as it may.
    pub fn open(self: &Arc<Self>, party: PartyId, stream: Stream) -> Option<Open> {
        let mut parties = self.lock();
        let open = parties.entry(party).or_default().open.get_mut(stream as usize)?;
        if *open >= stream.most() {
            return None;
        }
        *open += 1;
        Some(Open { turns: Arc::clone(self), party, stream })
    }

    /// Waits for the party's turn with a message of so many bytes. Within a party messages come in their order, and
    /// each party has at most one place in the common queue: a party that brings much waits for itself. Where
    /// `bounded`, more bytes than a minute's wait for the next one.
    pub async fn take(&self, party: PartyId, bytes: usize, bounded: bool) -> Turn {
        let queue = Arc::clone(&self.lock().entry(party).or_default().queue);
        let own = queue.lock_owned().await;
        if bounded {
            let pause = self.account(party, bytes as u64);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        // Closed never: a turn without a slot is still one at a time.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        Turn { _own: own, _slot: slot }
    }

    /// Books bytes; how long to wait first where this minute's are used up.
    fn account(&self, party: PartyId, bytes: u64) -> Duration {
        let mut parties = self.lock();
        let account = parties.entry(party).or_default();
        let gone = account.since.elapsed();
        if gone >= MINUTE {
            (account.since, account.bytes) = (tokio::time::Instant::now(), 0);
        }
        let before = account.bytes;
        account.bytes = before.saturating_add(bytes);
        if before < limits::BYTES_PER_MINUTE {
            return Duration::ZERO;
        }
        // The next minute begins with this message.
        account.bytes = bytes;
        let pause = MINUTE.saturating_sub(gone);
        account.since += MINUTE;
        pause
    }

    fn forget_idle(&self, party: PartyId) {
        let mut parties = self.lock();
        let idle =
            |p: &Party| p.open == [0, 0] && Arc::strong_count(&p.queue) == 1 && p.since.elapsed() >= MINUTE;
        // The table holds who is here, and for a minute who was: at most as many as connections and a minute's.
        if parties.get(&party).is_some_and(idle) || parties.len() > limits::CONNECTIONS_MAX {
            parties.retain(|_, p| !idle(p));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PartyId, Party>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Party {
    fn default() -> Self {
        Self { queue: Arc::default(), open: [0, 0], since: tokio::time::Instant::now(), bytes: 0 }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(party) = self.turns.lock().get_mut(&self.party)
            && let Some(open) = party.open.get_mut(self.stream as usize)
        {
            *open = open.saturating_sub(1);
        }
        self.turns.forget_idle(self.party);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(n: u8) -> PartyId {
        PartyId([n; 32])
    }

    #[tokio::test(start_paused = true)]
    async fn a_party_with_a_hundred_messages_holds_another_up_by_one_of_them_each_slot() {
        let turns = Arc::new(Turns::default());
        let done = Arc::new(Mutex::new(Vec::new()));
        let job = |n: u8| {
            let (turns, done) = (Arc::clone(&turns), Arc::clone(&done));
            tokio::spawn(async move {
                let turn = turns.take(party(n), 1, true).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
                done.lock().expect("a list").push(n);
                drop(turn);
            })
        };
        let flood: Vec<_> = (0..100).map(|_| job(1)).collect();
        tokio::time::sleep(Duration::from_millis(5)).await;
        job(2).await.expect("a turn");
        let before = done.lock().expect("a list").iter().filter(|n| **n == 1).count();
        assert!(before <= 2, "{before} of the flood went first");
        for one in flood {
            one.await.expect("a turn");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn more_bytes_than_a_minute_may_bring_wait_for_the_next_and_others_do_not() {
        let turns = Turns::default();
        let started = tokio::time::Instant::now();
        let whole = usize::try_from(limits::BYTES_PER_MINUTE).expect("a size");
        drop(turns.take(party(1), whole, true).await);
        drop(turns.take(party(2), 1, true).await);
        drop(turns.take(party(1), 1, false).await);
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        drop(turns.take(party(1), 1, true).await);
        assert!(started.elapsed() >= Duration::from_secs(59), "{:?}", started.elapsed());
        drop(turns.take(party(1), 1, true).await);
        assert!(started.elapsed() < Duration::from_secs(61), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn streams_of_one_party_are_bounded_and_come_back() {
        let turns = Arc::new(Turns::default());
        let held: Vec<Open> =
            (0..limits::PUSHES_PER_PARTY).filter_map(|_| turns.open(party(1), Stream::Push)).collect();
        assert_eq!(held.len(), limits::PUSHES_PER_PARTY);
        assert!(turns.open(party(1), Stream::Push).is_none());
        assert!(
            turns.open(party(1), Stream::Follow).is_some() && turns.open(party(2), Stream::Push).is_some()
        );
        drop(held);
        assert!(turns.open(party(1), Stream::Push).is_some());
        tokio::time::sleep(MINUTE).await;
        drop(turns.open(party(3), Stream::Push));
        turns.forget_idle(party(1));
        assert!(turns.lock().len() <= 1, "who is long gone is forgotten");
    }
}
