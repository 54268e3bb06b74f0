//! An attacker that writes HTTP/2 frames of its own over a real, mutually authenticated link. Loopback only; the caller bounds how
//! long it goes on.

pub mod attacks;

use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::keys::{fresh, random};
use caphub_node::link::LinkIdentity;
use caphub_node::link::dial::{Secured, secure};
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::Card;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub use attacks::{ATTACKS, Attack};

/// The kinds of frames.
pub const DATA: u8 = 0;
/// Opens a stream.
pub const HEADERS: u8 = 1;
/// Ends a stream at once.
pub const RESET: u8 = 3;
/// What its sender takes.
pub const SETTINGS: u8 = 4;
/// Asks for an answer.
pub const PING: u8 = 6;
/// Ends a connection.
pub const GOAWAY: u8 = 7;
/// Lets more come.
pub const WINDOW_UPDATE: u8 = 8;
/// More headers.
pub const CONTINUATION: u8 = 9;
/// The flag of headers that are whole.
pub const END_HEADERS: u8 = 4;
/// The flag of the last frame of a stream.
pub const END_STREAM: u8 = 1;

/// Bytes that are written at once.
const BURST: usize = 32 * 1024;

/// Somebody whom nobody knows.
pub fn stranger() -> LinkIdentity {
    LinkIdentity { party: PartyId(random().expect("random bytes")), signer: fresh().expect("a key") }
}

/// Memory of a process, without pages that the system takes back.
pub fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find(|l| l.starts_with("RssAnon:")).expect("memory");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A gRPC request's headers, each as a literal.
pub fn headers(path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x87];
    let mut literal = |name: &str, value: &str| {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    };
    literal(":path", path);
    literal(":authority", "peer.invalid");
    literal("content-type", "application/grpc");
    literal("te", "trailers");
    block
}

/// A message as gRPC frames it, of at most 16 KiB, so that one frame of HTTP/2 holds it.
pub fn message(bytes: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((bytes.len() as u32).to_be_bytes());
    framed.extend(bytes);
    framed
}

/// What a connection begins with.
pub fn begin() -> Vec<u8> {
    let mut start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    start.extend(frame(SETTINGS, 0, 0, &[]));
    start
}

/// A secured connection of this caller.
pub async fn connection(identity: &LinkIdentity, card: &Card) -> Option<Secured<TcpStream>> {
    let tcp = TcpStream::connect(&card.addresses[0]).await.ok()?;
    secure(identity, card.party, Some(card.node_key), tcp, now_ms()).await.ok()
}

/// How somebody attacks.
#[derive(Clone, Copy)]
pub struct Manner {
    /// For how long.
    pub time: Duration,
    /// Whether it reads what the node answers.
    pub reads: bool,
    /// A pause after every 32 KiB, so that an attacker on the same machine leaves the node a processor.
    pub pause: Duration,
}

/// Attacks over a new connection whenever the node ends one; how many it ended.
pub async fn attack(card: &Card, attack: &Attack, manner: Manner) -> usize {
    let (until, mut ended) = (Instant::now() + manner.time, 0);
    while Instant::now() < until {
        let Some(secured) = connection(&stranger(), card).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (mut input, mut output) = tokio::io::split(secured);
        let drain = tokio::spawn(async move {
            let mut bytes = vec![0; 16 * 1024];
            // One that does not read leaves the node's answers where they are.
            while manner.reads && input.read(&mut bytes).await.is_ok_and(|n| n > 0) {}
            input
        });
        let mut alive = output.write_all(&[begin(), (attack.once)()].concat()).await.is_ok();
        let mut stream = 3_u32;
        while Instant::now() < until && alive {
            let mut burst = Vec::with_capacity(2 * BURST);
            while burst.len() < BURST {
                burst.extend((attack.again)(stream));
                stream = (stream + 2) & 0x7fff_ffff;
            }
            let wrote = tokio::time::timeout_at(until.into(), output.write_all(&burst)).await;
            alive = !matches!(wrote, Ok(Err(_)));
            if !manner.pause.is_zero() {
                tokio::time::sleep(manner.pause).await;
            }
        }
        ended += usize::from(!alive);
        drain.abort();
    }
    ended
}
