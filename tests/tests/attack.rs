//! An attacker that writes HTTP/2 frames of its own over a real, mutually authenticated link: the node's memory has
//! a ceiling, the accept loop goes on, and others are served meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::keys::{fresh, random};
use caphub_node::link::dial::{Secured, secure};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{HelloRequest, PullRequest};
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::Card;
use caphub_tests::Machine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// How long each attack lasts.
const ATTACK: Duration = Duration::from_secs(2);
/// Connections of each attacker.
const CONNECTIONS: usize = 4;
/// What the node may grow by under all of them: windows and buffers of the connections, not what was sent.
const GROWTH_KIB_MAX: u64 = 64 * 1024;
/// How long an honest caller may wait for an answer on two busy cores.
const PATIENCE: Duration = Duration::from_secs(2);

fn stranger() -> LinkIdentity {
    LinkIdentity { party: PartyId(random().expect("random bytes")), signer: fresh().expect("a key") }
}

fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("memory");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// A gRPC request's headers, each as a literal.
fn headers(path: &str) -> Vec<u8> {
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

/// What is sent once, and what over and over with ever new stream numbers.
struct Attack {
    name: &'static str,
    once: fn() -> Vec<u8>,
    again: fn(u32) -> Vec<u8>,
    /// The node has to end the connection by itself.
    ends: bool,
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "rapid reset",
        once: Vec::new,
        again: |n| {
            let opened = frame(HEADERS, END_HEADERS, n, &headers("/caphub.v1.FederationService/Hello"));
            [opened, frame(RESET, 0, n, &8_u32.to_be_bytes())].concat()
        },
        ends: false,
    },
    Attack {
        name: "empty frames",
        once: || frame(HEADERS, END_HEADERS, 1, &headers("/caphub.v1.FederationService/Push")),
        again: |_| frame(DATA, 0, 1, &[]),
        ends: false,
    },
    Attack {
        name: "continuation flood",
        once: || frame(HEADERS, 0, 1, &headers("/caphub.v1.FederationService/Hello")),
        again: |n| {
            let mut block = vec![0, 3];
            block.extend(format!("x{:02}", n % 100).as_bytes());
            block.push(100);
            block.extend([b'x'; 100]);
            frame(CONTINUATION, 0, 1, &block)
        },
        ends: true,
    },
    Attack {
        name: "more streams than allowed",
        once: Vec::new,
        again: |n| frame(HEADERS, END_HEADERS, n, &headers("/caphub.v1.FederationService/Push")),
        ends: false,
    },
    Attack {
        name: "settings and pings that nobody reads answers to",
        once: Vec::new,
        again: |n| [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &u64::from(n).to_be_bytes())].concat(),
        ends: false,
    },
];

async fn raw(card: &Card) -> Secured<TcpStream> {
    let tcp = TcpStream::connect(&card.addresses[0]).await.expect("a connection");
    let identity = stranger();
    secure(&identity, card.party, Some(card.node_key), tcp, now_ms()).await.expect("a link")
}

fn begin() -> Vec<u8> {
    let mut start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    start.extend(frame(SETTINGS, 0, 0, &[]));
    start
}

/// Attacks until the time is over, over a new connection whenever the node ends one; how many it ended.
async fn one(card: &Card, attack: &Attack, reads: bool) -> usize {
    let (until, mut ended) = (Instant::now() + ATTACK, 0);
    while Instant::now() < until {
        let (mut input, mut output) = tokio::io::split(raw(card).await);
        let drain = tokio::spawn(async move {
            let mut bytes = vec![0; 16 * 1024];
            // One that does not read leaves the node's answers where they are.
            while reads && input.read(&mut bytes).await.is_ok_and(|n| n > 0) {}
            input
        });
        let mut alive = output.write_all(&[begin(), (attack.once)()].concat()).await.is_ok();
        let mut stream = 3_u32;
        while Instant::now() < until && alive {
            let mut burst = Vec::with_capacity(64 * 1024);
            while burst.len() < 32 * 1024 {
                burst.extend((attack.again)(stream));
                stream = (stream + 2) & 0x7fff_ffff;
            }
            let wrote = tokio::time::timeout_at(until.into(), output.write_all(&burst)).await;
            alive = !matches!(wrote, Ok(Err(_)));
        }
        ended += usize::from(!alive);
        drain.abort();
    }
    ended
}

#[tokio::test]
async fn an_honest_request_in_frames_of_our_own_is_answered() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let name = hub.card().await;
    let card = Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card");
    let mut stream = raw(&card).await;
    let opened = frame(HEADERS, END_HEADERS, 1, &headers("/caphub.v1.FederationService/Hello"));
    // An empty message, and the end of the stream.
    let all = [begin(), opened, frame(DATA, 1, 1, &[0; 5])].concat();
    stream.write_all(&all).await.expect("a request");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await.expect("a frame");
        match head[3] {
            HEADERS => break,
            // Neither the stream nor the connection may be ended for it.
            kind => assert!(kind != RESET && kind != 7, "{head:?} {payload:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_no_honest_peer_sends_neither_fill_the_memory_nor_hold_up_others() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let name = hub.card().await;
    let card = Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card");
    let process = hub.id().expect("a process");
    let honest = stranger();
    let hello = || HelloRequest { versions: vec![1], time_ms: now_ms(), ..HelloRequest::default() };
    for attack in ATTACKS {
        for reads in [true, false] {
            let before = resident_kib(process);
            let over = Arc::new(AtomicBool::new(false));
            let attackers = futures::future::join_all((0..CONNECTIONS).map(|_| one(&card, attack, reads)));
            let attacked = async {
                let ended = attackers.await;
                over.store(true, Ordering::Relaxed);
                ended
            };
            let served = async {
                let (mut peak, mut worst) = (before, Duration::ZERO);
                let channel = dial(&honest, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
                let mut client = FederationServiceClient::new(channel.expect("a link"));
                while !over.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    client.hello(hello()).await.expect("an answer while others attack");
                    worst = worst.max(started.elapsed());
                    peak = peak.max(resident_kib(process));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                (peak, worst)
            };
            let (ended, (peak, worst)) = tokio::join!(attacked, served);
            eprintln!(
                "{} ({}): memory {before} to {peak} KiB, slowest honest answer {worst:?}, ended {ended:?}",
                attack.name,
                if reads { "reads" } else { "does not read" },
            );
            assert!(peak < before + GROWTH_KIB_MAX, "{}: {before} to {peak} KiB", attack.name);
            assert!(worst < PATIENCE, "{}: {worst:?}", attack.name);
            assert!(!attack.ends || ended.iter().all(|e| *e > 0), "{}: {ended:?}", attack.name);
        }
    }
    // A new caller is let in after all of it.
    let channel = dial(&stranger(), card.party, Some(card.node_key), &card.addresses, now_ms()).await;
    FederationServiceClient::new(channel.expect("a link")).hello(hello()).await.expect("an answer");
}

#[tokio::test]
async fn readers_that_do_not_read_and_writers_that_stop_take_a_place_and_nothing_else() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let name = hub.card().await;
    let card = Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card");
    let process = hub.id().expect("a process");
    let before = resident_kib(process);
    let mut held = Vec::new();
    for _ in 0..40 {
        // Half a frame, and then nothing.
        let mut stream = raw(&card).await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0").await.expect("half a frame");
        held.push(stream);
    }
    let mut pulls = Vec::new();
    for _ in 0..8 {
        let channel = dial(&stranger(), card.party, Some(card.node_key), &card.addresses, now_ms()).await;
        let mut client = FederationServiceClient::new(channel.expect("a link"));
        let position = Some(caphub_proto::v1::Position::default());
        let request = PullRequest { position, follow: true, ..PullRequest::default() };
        pulls.push((client.pull(request).await.expect("a stream"), client));
    }
    let mut client = FederationServiceClient::new(
        dial(&stranger(), card.party, Some(card.node_key), &card.addresses, now_ms()).await.expect("a link"),
    );
    let request = HelloRequest { versions: vec![1], time_ms: now_ms(), ..HelloRequest::default() };
    client.hello(request).await.expect("an answer");
    let after = resident_kib(process);
    assert!(after < before + GROWTH_KIB_MAX, "{before} to {after} KiB");
}
