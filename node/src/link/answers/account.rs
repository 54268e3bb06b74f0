//! A number of bytes that may be held at once, and who waits for room among them.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// What is held of a bounded number of bytes.
#[derive(Debug)]
pub(super) struct Account {
    most: u64,
    used: AtomicU64,
    freed: Notify,
}

impl Account {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: AtomicU64::new(0), freed: Notify::new() }
    }

    /// Waits until so many bytes fit, and takes them. What is larger than all of it waits until nothing is held.
    pub(super) async fn take(&self, bytes: u64) {
        self.when(|| self.fits(bytes)).await;
    }

    /// Waits until no more is held than may be.
    pub(super) async fn within(&self) {
        self.when(|| self.has_room()).await;
    }

    /// Takes them though they may not fit: they are here already.
    pub(super) fn add(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Gives them back.
    pub(super) fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
        self.freed.notify_one();
    }

    /// True where no more is held than may be.
    pub(super) fn has_room(&self) -> bool {
        self.used.load(Ordering::Acquire) <= self.most
    }

    /// Bytes that have to go until an eighth is free.
    pub(super) fn due(&self) -> u64 {
        (self.used.load(Ordering::Acquire) + self.most / 8).saturating_sub(self.most)
    }

    fn fits(&self, bytes: u64) -> bool {
        let taken = |used: u64| (used == 0 || used + bytes <= self.most).then_some(used + bytes);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).is_ok()
    }

    async fn when(&self, mut done: impl FnMut() -> bool) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Before the look: what is given back between the two is not missed.
            freed.as_mut().enable();
            if done() {
                break;
            }
            freed.await;
        }
        // There may be room for the next one too; it looks for itself.
        self.freed.notify_one();
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_waits_for_what_is_given_back() {
        let account = Arc::new(Account::new(10));
        account.take(8).await;
        let waits = |bytes| {
            let account = Arc::clone(&account);
            tokio::spawn(async move { account.take(bytes).await })
        };
        let (large, small) = (waits(6), waits(3));
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert!(!large.is_finished() && !small.is_finished());
        account.give(4);
        account.give(4);
        large.await.expect("room");
        small.await.expect("room");
        assert_eq!(account.used(), 9);
        account.add(5);
        assert!(!account.has_room(), "what is here already counts beyond the bound");
        account.give(14);
        account.take(100).await;
        assert_eq!(account.used(), 100, "what is larger than all of it comes alone");
    }

    #[tokio::test]
    async fn one_that_stops_waiting_leaves_its_turn_to_the_next() {
        let account = Arc::new(Account::new(1));
        account.take(1).await;
        let gives_up = {
            let account = Arc::clone(&account);
            tokio::spawn(async move { account.take(1).await })
        };
        let stays = {
            let account = Arc::clone(&account);
            tokio::spawn(async move { account.take(1).await })
        };
        tokio::task::yield_now().await;
        account.give(1);
        gives_up.abort();
        let _ = gives_up.await;
        if !stays.is_finished() && account.used() > 0 {
            account.give(1);
        }
        stays.await.expect("room");
    }
}
