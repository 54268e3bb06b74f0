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

/// Parties that are remembered without a look at who is still here; about 150 bytes each.
const PARTIES_KEPT: usize = 1_024;

/// Who waits, who is being served, and what each party has brought.
pub struct Turns {
    parties: Mutex<HashMap<PartyId, Party>>,
    slots: Arc<Semaphore>,
}

/// One party's own queue and its account of this minute.
struct Party {
    queue: Arc<tokio::sync::Mutex<()>>,
    pushes: Arc<Semaphore>,
    follows: usize,
    since: tokio::time::Instant,
    bytes: u64,
}

/// The right to have one message checked and stored; given back when dropped.
pub struct Turn {
    _own: OwnedMutexGuard<()>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// A stream of a party that brings entries, once it has a place.
pub struct Pushing {
    _place: OwnedSemaphorePermit,
}

/// An open stream of a party that follows or watches; counted until dropped.
pub struct Following {
    turns: Arc<Turns>,
    party: PartyId,
}

impl Default for Turns {
    fn default() -> Self {
        Self { parties: Mutex::default(), slots: Arc::new(Semaphore::new(limits::INGEST_SLOTS)) }
    }
}

impl Turns {
    /// Counts a following stream in; `None` where the party has as many open as it may.
    pub fn follow(self: &Arc<Self>, party: PartyId) -> Option<Following> {
        let mut parties = self.lock();
        let follows = &mut parties.entry(party).or_default().follows;
        if *follows >= limits::FOLLOWS_PER_PARTY {
            return None;
        }
        *follows += 1;
        Some(Following { turns: Arc::clone(self), party })
    }

    /// Waits for a place among the party's streams that bring entries; `None` where none comes free in time. Nothing of
    /// a stream is read before, so that its sender stops at the window: one that is refused at once comes again
    /// at once, and costs more.
    pub async fn push(&self, party: PartyId) -> Option<Pushing> {
        let pushes = Arc::clone(&self.lock().entry(party).or_default().pushes);
        let place = tokio::time::timeout(limits::REQUEST, pushes.acquire_owned()).await;
        self.forget_idle();
        Some(Pushing { _place: place.ok()?.ok()? })
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

    /// The table holds who is here, and for a minute who was.
    fn forget_idle(&self) {
        let mut parties = self.lock();
        if parties.len() > PARTIES_KEPT {
            parties.retain(|_, p| {
                let here =
                    p.follows > 0 || Arc::strong_count(&p.queue) > 1 || Arc::strong_count(&p.pushes) > 1;
                here || p.since.elapsed() < MINUTE
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PartyId, Party>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Party {
    fn default() -> Self {
        let pushes = Arc::new(Semaphore::new(limits::PUSHES_PER_PARTY));
        Self { queue: Arc::default(), pushes, follows: 0, since: tokio::time::Instant::now(), bytes: 0 }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(party) = self.turns.lock().get_mut(&self.party) {
            party.follows = party.follows.saturating_sub(1);
        }
        self.turns.forget_idle();
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
        let mut held = Vec::new();
        for _ in 0..limits::PUSHES_PER_PARTY {
            held.push(turns.push(party(1)).await.expect("a place"));
        }
        assert!(turns.push(party(2)).await.is_some(), "others have places of their own");
        let started = tokio::time::Instant::now();
        assert!(turns.push(party(1)).await.is_none());
        assert!(started.elapsed() >= limits::REQUEST);
        let (waited, ()) = tokio::join!(turns.push(party(1)), async { held.truncate(1) });
        assert!(waited.is_some(), "one that waits gets the place that comes free");
        let follows: Vec<_> = (0..limits::FOLLOWS_PER_PARTY).filter_map(|_| turns.follow(party(1))).collect();
        assert_eq!(follows.len(), limits::FOLLOWS_PER_PARTY);
        assert!(turns.follow(party(1)).is_none() && turns.follow(party(2)).is_some());
        drop(follows);
        assert!(turns.follow(party(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_long_gone_is_forgotten() {
        let turns = Arc::new(Turns::default());
        let place = turns.push(party(1)).await;
        for n in 0..=PARTIES_KEPT as u32 {
            let mut id = [9; 32];
            id[..4].copy_from_slice(&n.to_be_bytes());
            drop(turns.take(PartyId(id), 1, true).await);
        }
        tokio::time::sleep(MINUTE).await;
        drop(turns.follow(party(2)));
        let kept: std::collections::BTreeSet<PartyId> = turns.lock().keys().copied().collect();
        assert_eq!(kept, [party(1), party(2)].into());
        drop(place);
    }
}
