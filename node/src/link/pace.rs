//! A stream whose bytes are counted, and read no faster than strangers may send: what they send costs work before it is
//! known to be worth any.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::link::calls::Line;
use crate::link::limits;

/// What a stranger has sent, against what it may.
#[derive(Debug)]
pub(super) struct Bucket(Mutex<Account>);

#[derive(Debug)]
struct Account {
    since: Instant,
    /// Bytes that may be read at once; below 0 after one read too many.
    left: i64,
}

const BURST: i64 = limits::STRANGER_BURST_BYTES as i64;

impl Default for Bucket {
    fn default() -> Self {
        Self(Mutex::new(Account { since: Instant::now(), left: BURST }))
    }
}

impl Bucket {
    /// How long until something may be read.
    fn wait(&self) -> Duration {
        let mut account = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = u64::try_from(account.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let earned = gone.saturating_mul(limits::STRANGER_BYTES_PER_SECOND) / 1_000;
        if earned > 0 {
            account.since = Instant::now();
            account.left = account.left.saturating_add(i64::try_from(earned).unwrap_or(BURST)).min(BURST);
        }
        match u64::try_from(-account.left) {
            Ok(lacking) if lacking > 0 => {
                Duration::from_millis(lacking.saturating_mul(1_000) / limits::STRANGER_BYTES_PER_SECOND + 1)
            }
            _ => Duration::ZERO,
        }
    }

    fn took(&self, bytes: usize) {
        let mut account = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        account.left = account.left.saturating_sub(i64::try_from(bytes).unwrap_or(BURST));
    }
}

/// A caller's stream, below TLS.
pub(super) struct Paced<Io> {
    stream: Io,
    line: Arc<Line>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<Io> Paced<Io> {
    pub(super) fn new(stream: Io, line: Arc<Line>) -> Self {
        Self { stream, line, pause: None }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Paced<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bucket = self.line.bucket();
        if bucket.is_none() {
            self.pause = None;
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if let Some(bucket) = &bucket {
            let wait = bucket.wait();
            if !wait.is_zero() {
                let mut pause = Box::pin(tokio::time::sleep(wait));
                let waited = pause.as_mut().poll(context);
                self.pause = Some(pause);
                ready!(waited);
            }
        }
        let before = out.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, out))?;
        if let Some(bucket) = bucket {
            bucket.took(out.filled().len() - before);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Paced<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.line.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, parts))?;
        self.line.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_read_beyond_the_burst_is_waited_for() {
        let bucket = Bucket::default();
        bucket.took(limits::STRANGER_BURST_BYTES as usize);
        assert_eq!(bucket.wait(), Duration::ZERO);
        bucket.took(limits::STRANGER_BYTES_PER_SECOND as usize);
        let wait = bucket.wait();
        assert!(wait >= Duration::from_secs(1) && wait < Duration::from_millis(1_010), "{wait:?}");
        tokio::time::advance(wait).await;
        assert_eq!(bucket.wait(), Duration::ZERO);
    }
}
