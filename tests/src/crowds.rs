//! Crowds of connections, as an attacker makes them: by one identity, by many, half-open, slow. Loopback only, bounded in count
//! and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{Position, PullRequest};
use caphub_proto::wire::card::Card;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::raw::{connection, stranger};

/// Connections that are made at the same time.
const AT_ONCE: usize = 64;

/// How a crowd goes about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All in one identity's name, each with a whole handshake, kept open.
    OneIdentity,
    /// Each in another name, with a whole handshake, kept open.
    ManyIdentities,
    /// Connected, and then nothing.
    HalfOpen,
    /// A handshake of which a byte comes now and then.
    SlowHandshake,
    /// Secured, then half a frame and nothing more.
    HalfAFrame,
    /// Streams of entries that are asked for and not read.
    SlowReader,
}

/// Crowds by name.
pub const KINDS: &[(&str, Kind)] = &[
    ("connections of one identity", Kind::OneIdentity),
    ("connections of many identities", Kind::ManyIdentities),
    ("half-open connections", Kind::HalfOpen),
    ("slow handshakes", Kind::SlowHandshake),
    ("half a frame", Kind::HalfAFrame),
    ("slow readers", Kind::SlowReader),
];

/// What became of a crowd.
#[derive(Clone, Copy, Debug, Default)]
pub struct Came {
    /// Connections that were tried.
    pub tried: usize,
    /// Those that came as far as their kind goes.
    pub made: usize,
}

/// What keeps a connection open until it is dropped.
enum Kept {
    Stream { _stream: Box<dyn std::any::Any + Send> },
    Slow(TcpStream),
}

/// Makes up to so many connections until then, keeps them all open, and lets go of them at the end of the time.
pub async fn crowd(card: &Card, kind: Kind, count: usize, time: Duration, pause: Duration) -> Came {
    // Each connection that is kept takes one.
    caphub_node::descriptors::raise();
    let until = Instant::now() + time;
    let (next, made) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let one = Arc::new(stranger());
    let work = (0..AT_ONCE.min(count)).map(|_| {
        let (next, made, kept, one) =
            (Arc::clone(&next), Arc::clone(&made), Arc::clone(&kept), Arc::clone(&one));
        let card = card.clone();
        tokio::spawn(async move {
            while Instant::now() < until && next.fetch_add(1, Ordering::Relaxed) < count {
                let trying = open(&card, kind, &one);
                if let Ok(Some(open)) = tokio::time::timeout_at(until.into(), trying).await {
                    made.fetch_add(1, Ordering::Relaxed);
                    kept.lock().await.push(open);
                }
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
        })
    });
    futures::future::join_all(work.collect::<Vec<_>>()).await;
    while Instant::now() < until {
        if kind == Kind::SlowHandshake {
            for open in kept.lock().await.iter_mut() {
                if let Kept::Slow(stream) = open {
                    let _ = stream.write_all(&[0]).await;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Came { tried: next.load(Ordering::Relaxed).min(count), made: made.load(Ordering::Relaxed) }
}

async fn open(card: &Card, kind: Kind, one: &LinkIdentity) -> Option<Kept> {
    let kept = |stream: Box<dyn std::any::Any + Send>| Some(Kept::Stream { _stream: stream });
    match kind {
        Kind::OneIdentity => kept(Box::new(connection(one, card).await?)),
        Kind::ManyIdentities => kept(Box::new(connection(&stranger(), card).await?)),
        Kind::HalfOpen => kept(Box::new(TcpStream::connect(&card.addresses[0]).await.ok()?)),
        Kind::SlowHandshake => {
            let mut stream = TcpStream::connect(&card.addresses[0]).await.ok()?;
            // The head of a record with a ClientHello of 512 bytes.
            stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).await.ok()?;
            Some(Kept::Slow(stream))
        }
        Kind::HalfAFrame => {
            let mut stream = connection(&stranger(), card).await?;
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0").await.ok()?;
            kept(Box::new(stream))
        }
        Kind::SlowReader => {
            let identity = stranger();
            let channel =
                dial(&identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await.ok()?;
            let mut client = FederationServiceClient::new(channel);
            let position = Some(Position::default());
            let request = PullRequest { position, follow: true, ..PullRequest::default() };
            let mut streams = Vec::new();
            for _ in 0..4 {
                streams.push(client.pull(request.clone()).await.ok()?);
            }
            kept(Box::new((streams, client)))
        }
    }
}
