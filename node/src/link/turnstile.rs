//! Handshakes in turns: each is work for a processor before anybody has proven anything, so few of them are at it at the same
//! time, and whoever is connected already does not wait behind all of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Semaphore;

/// How many may be at work at the same time.
#[derive(Clone, Debug)]
pub(super) struct Turnstile(Arc<Semaphore>);

impl Default for Turnstile {
    /// Half of the processors: the other half serves who has come in.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }
}

impl Turnstile {
    /// Does the work, each step of it in its turn; what it waits for between two steps holds nobody up.
    pub(super) async fn pass<F: Future>(&self, work: F) -> F::Output {
        tokio::pin!(work);
        loop {
            // Closed never: without a turn the step is done all the same.
            let turn = self.0.acquire().await.ok();
            let step = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
            drop(turn);
            if let Poll::Ready(done) = step {
                return done;
            }
            woken().await;
        }
    }
}

/// Waits until the task is woken; what the last step waits for does that.
async fn woken() {
    let mut asleep = false;
    poll_fn(|_| match std::mem::replace(&mut asleep, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_waits_holds_nobody_up_and_all_of_it_is_done() {
        let turnstile = Turnstile(Arc::new(Semaphore::new(1)));
        let silent = tokio::spawn({
            let turnstile = turnstile.clone();
            async move { turnstile.pass(std::future::pending::<()>()).await }
        });
        let busy = (0..100_u64).map(|n| {
            let turnstile = turnstile.clone();
            tokio::spawn(async move {
                let work = async move {
                    tokio::time::sleep(Duration::from_millis(n)).await;
                    tokio::task::yield_now().await;
                    n
                };
                turnstile.pass(work).await
            })
        });
        let done = futures::future::join_all(busy.collect::<Vec<_>>()).await;
        assert_eq!(done.into_iter().map(|n| n.expect("a task")).sum::<u64>(), 99 * 50);
        assert!(!silent.is_finished());
    }
}
