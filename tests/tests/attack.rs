//! An attacker that writes HTTP/2 frames of its own over a real, mutually authenticated link: the node's memory has
//! a ceiling, the accept loop goes on, and others are served meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::link::dial;
use caphub_node::link::dial::Secured;
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{HelloRequest, PullRequest};
use caphub_proto::wire::card::Card;
use caphub_tests::Machine;
use caphub_tests::raw::{
    ATTACKS, DATA, END_HEADERS, GOAWAY, HEADERS, Manner, RESET, attack, begin, connection, frame, headers,
    resident_kib, stranger,
};
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

async fn raw(card: &Card) -> Secured<TcpStream> {
    connection(&stranger(), card).await.expect("a link")
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
            // The answer is here, and with it whatever the handshake had to say: no ticket.
            HEADERS => return assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0),
            // Neither the stream nor the connection may be ended for it.
            kind => assert!(kind != RESET && kind != GOAWAY, "{head:?} {payload:?}"),
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
    for each in ATTACKS {
        for reads in [true, false] {
            let manner = Manner { time: ATTACK, reads, pause: Duration::ZERO };
            let before = resident_kib(process);
            let over = Arc::new(AtomicBool::new(false));
            let attackers = futures::future::join_all((0..CONNECTIONS).map(|_| attack(&card, each, manner)));
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
                each.name,
                if reads { "reads" } else { "does not read" },
            );
            assert!(peak < before + GROWTH_KIB_MAX, "{}: {before} to {peak} KiB", each.name);
            assert!(worst < PATIENCE, "{}: {worst:?}", each.name);
            assert!(!each.ends || ended.iter().all(|e| *e > 0), "{}: {ended:?}", each.name);
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
