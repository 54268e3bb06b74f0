//! The limits of the link, as they take effect on a real connection.

use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::keys::{fresh, random};
use caphub_node::link::{LinkIdentity, dial, limits};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{self, HelloRequest, PushRequest, Run};
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::Card;
use caphub_tests::{Machine, NodeProcess};
use tokio::io::AsyncReadExt;
use tonic::Code;
use tonic::transport::Channel;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

fn stranger() -> LinkIdentity {
    let party = PartyId(random().expect("random bytes"));
    LinkIdentity { party, signer: fresh().expect("a key") }
}

async fn card(machine: &Machine, hub: &NodeProcess<'_>) -> Card {
    let name = hub.card().await;
    Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card")
}

async fn connect(identity: &LinkIdentity, card: &Card) -> Channel {
    dial(identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await.expect("a link")
}

fn hello() -> HelloRequest {
    HelloRequest { versions: vec![1], software: "test".to_owned(), time_ms: now_ms(), roots: Vec::new() }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_node_shares_few_pools_of_memory_unless_its_operator_says_otherwise() {
    let pools = |hub: &NodeProcess<'_>| {
        let environment = std::fs::read(format!("/proc/{}/environ", hub.pid().expect("a node"))).expect("it");
        let text = String::from_utf8_lossy(&environment).into_owned();
        let mut set = text.split('\0').filter_map(|line| line.strip_prefix("MALLOC_ARENA_MAX="));
        set.next().map(str::to_owned)
    };
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    assert_eq!(pools(&hub).as_deref(), Some(caphub_node::arenas::FEW));
    let machine = Machine::new(PROGRAM, "en").with(caphub_node::arenas::VARIABLE, "5");
    let hub = machine.hub("hub", "Hub", "009").await;
    assert_eq!(pools(&hub).as_deref(), Some("5"));
}

#[tokio::test]
async fn messages_headers_and_connections_of_one_identity_are_bounded() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let card = card(&machine, &hub).await;
    let identity = stranger();
    let mut client = FederationServiceClient::new(connect(&identity, &card).await);

    let run = Run { feed: None, entries: vec![0; limits::MESSAGE_BYTES_MAX + 1].into() };
    let stream = tokio_stream(PushRequest { runs: vec![run], ..PushRequest::default() });
    let answer = async { client.push(stream).await?.into_inner().message().await };
    let status = answer.await.expect_err("a message over the limit");
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status:?}");

    let mut request = tonic::Request::new(hello());
    let long = "x".repeat(limits::HEADER_LIST_BYTES_MAX as usize + 1);
    request.metadata_mut().insert("x-long", long.parse().expect("a value"));
    assert!(client.hello(request).await.is_err(), "headers over the limit");
    assert!(client.hello(hello()).await.is_ok(), "the connection outlives a bad request");
    let many = v1::HeadsRequest { feed_ids: vec![vec![1; 32]; 4_097] };
    let status = client.heads(many).await.map(drop).expect_err("more feeds than one request may name");
    assert_eq!(status.code(), Code::InvalidArgument);

    let mut open = Vec::new();
    for _ in 1..limits::CONNECTIONS_PER_PARTY {
        let mut other = FederationServiceClient::new(connect(&identity, &card).await);
        other.hello(hello()).await.expect("a connection within the limit");
        open.push(other);
    }
    let over = dial(&identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
    let refused = match over {
        Err(_) => true,
        Ok(channel) => FederationServiceClient::new(channel).hello(hello()).await.is_err(),
    };
    assert!(refused, "one connection too many");
    let mut another = FederationServiceClient::new(connect(&stranger(), &card).await);
    assert!(another.hello(hello()).await.is_ok(), "others are not held up");
}

#[tokio::test]
async fn a_caller_that_says_nothing_is_let_go() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let started = Instant::now();
    let mut silent = tokio::net::TcpStream::connect(&hub.address).await.expect("a connection");
    let mut bytes = [0; 64];
    let read =
        tokio::time::timeout(limits::HANDSHAKE + Duration::from_secs(5), silent.read(&mut bytes)).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    assert!(started.elapsed() >= limits::HANDSHAKE - Duration::from_secs(1));
}

fn tokio_stream<T: Send + 'static>(one: T) -> impl futures::Stream<Item = T> + Send + 'static {
    futures::stream::once(std::future::ready(one))
}

#[test]
fn the_specification_states_the_limits_that_are_used() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../SPEC.md");
    let text = std::fs::read_to_string(path).expect("SPEC.md");
    let table = text.split_once("### 9.2 ").expect("a section").1;
    let ms = |d: Duration| d.as_millis() as u64;
    let held = [
        ("STREAMS_MAX", u64::from(limits::STREAMS_MAX)),
        ("RESETS_MAX", limits::RESETS_MAX as u64),
        ("ANSWER_BYTES_MAX", limits::ANSWER_BYTES_MAX),
        ("ANSWER_BYTES_PER_PARTY", limits::ANSWER_BYTES_PER_PARTY),
        ("STRANGER_ANSWER_BYTES_MAX", limits::STRANGER_ANSWER_BYTES_MAX),
        ("STRANGER_ANSWER_BYTES_PER_PARTY", limits::STRANGER_ANSWER_BYTES_PER_PARTY),
        ("CALL_BYTES", limits::CALL_BYTES),
        ("STREAM_BYTES", limits::STREAM_BYTES),
        ("FULL_FOR", ms(limits::FULL_FOR)),
        ("DRAIN", ms(limits::DRAIN)),
        ("FAREWELL", ms(limits::FAREWELL)),
        ("STRANGER_STREAMS_MAX", u64::from(limits::STRANGER_STREAMS_MAX)),
        ("STRANGER_FRAME_BYTES_MAX", u64::from(limits::STRANGER_FRAME_BYTES_MAX)),
        ("STRANGER_STREAM_WINDOW_BYTES", u64::from(limits::STRANGER_STREAM_WINDOW_BYTES)),
        ("STRANGER_CONNECTION_WINDOW_BYTES", u64::from(limits::STRANGER_CONNECTION_WINDOW_BYTES)),
        ("FRAME_BYTES_MAX", u64::from(limits::FRAME_BYTES_MAX)),
        ("HEADER_LIST_BYTES_MAX", u64::from(limits::HEADER_LIST_BYTES_MAX)),
        ("STREAM_WINDOW_BYTES", u64::from(limits::STREAM_WINDOW_BYTES)),
        ("CONNECTION_WINDOW_BYTES", u64::from(limits::CONNECTION_WINDOW_BYTES)),
        ("HANDSHAKE", ms(limits::HANDSHAKE)),
        ("CONNECT", ms(limits::CONNECT)),
        ("PING_AFTER", ms(limits::PING_AFTER)),
        ("PING_ANSWER", ms(limits::PING_ANSWER)),
        ("REQUEST", ms(limits::REQUEST)),
        ("CONNECTIONS_MAX", limits::CONNECTIONS_MAX as u64),
        ("CONNECTIONS_PER_PARTY", limits::CONNECTIONS_PER_PARTY as u64),
        ("REQUESTS_PER_MINUTE", u64::from(limits::REQUESTS_PER_MINUTE)),
        ("BYTES_PER_MINUTE", limits::BYTES_PER_MINUTE),
        ("PUSHES_PER_PARTY", limits::PUSHES_PER_PARTY as u64),
        ("INGEST_SLOTS", limits::INGEST_SLOTS as u64),
        ("FOLLOWS_PER_PARTY", limits::FOLLOWS_PER_PARTY as u64),
        ("CLOCK_SKEW_MS_MAX", limits::CLOCK_SKEW_MS_MAX),
    ];
    let stated: Vec<(String, u64)> = table
        .lines()
        .skip_while(|l| !l.starts_with("|---"))
        .skip(1)
        .take_while(|l| l.starts_with('|'))
        .map(|l| {
            let cells: Vec<&str> = l.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_owned(), cells[2].replace(',', "").parse().expect("a number"))
        })
        .collect();
    assert_eq!(stated, held.map(|(n, v)| (n.to_owned(), v)));
}
