//! A TCP proxy on this machine that counts bytes and can add delay: what the link costs, without asking either end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Bytes read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces on their way in one direction.
const PIECES: usize = 256;

/// Bytes in each direction so far.
#[derive(Default, Debug)]
pub struct Counts {
    up: AtomicU64,
    down: AtomicU64,
}

impl Counts {
    /// `(to the far end, from it)`.
    pub fn now(&self) -> (u64, u64) {
        (self.up.load(Ordering::Relaxed), self.down.load(Ordering::Relaxed))
    }
}

/// A proxy that runs until it is dropped.
pub struct Proxy {
    /// Where to connect.
    pub address: String,
    /// What went through.
    pub counts: Arc<Counts>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// To `target`, with `delay` in each direction.
    pub async fn start(target: &str, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let counts = Arc::<Counts>::default();
        let (target, shared) = (target.to_owned(), Arc::clone(&counts));
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                let (up, down) = (Arc::clone(&shared), Arc::clone(&shared));
                tokio::spawn(carry(near_in, far_out, delay, move |n| {
                    up.up.fetch_add(n, Ordering::Relaxed);
                }));
                tokio::spawn(carry(far_in, near_out, delay, move |n| {
                    down.down.fetch_add(n, Ordering::Relaxed);
                }));
            }
        });
        Ok(Self { address, counts, task })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration, count: impl Fn(u64)) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let reading = async {
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            count(read as u64);
            if sender.send((Instant::now() + delay, piece[..read].to_vec())).await.is_err() {
                break;
            }
        }
        drop(sender);
    };
    let writing = async {
        while let Some((due, piece)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
