//! Nobody gets in who should not (threats.md row 16): who reaches which call, and what becomes of streams that are open when
//! a key is revoked.

#[path = "intruders/objects.rs"]
mod objects;

use std::time::Duration;

use caphub_node::author::now_ms;
use caphub_node::hub::Hub;
use caphub_node::keys::{KeyName, KeyRing, fresh, random};
use caphub_node::link::{LinkIdentity, dial};
use caphub_node::services::status::reason_of;
use caphub_proto::v1::exchange_service_client::ExchangeServiceClient;
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{HelloRequest, Position, PullRequest, PushRequest, WatchRequest};
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::Card;
use caphub_proto::wire::identity::Capabilities;
use caphub_tests::{Machine, NodeProcess};
use prost::Message;
use tonic::transport::Channel;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// How long a stream may outlive its key.
const REVOKED: Duration = Duration::from_secs(1);

#[derive(Clone, PartialEq, Message)]
struct Schema {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    services: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    methods: Vec<Method>,
}

#[derive(Clone, PartialEq, Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
}

/// Every call of the schema, as it is made.
fn calls() -> Vec<String> {
    let schema = Schema::decode(caphub_proto::DESCRIPTORS).expect("descriptors");
    let services = schema.files.iter().flat_map(|f| f.services.iter().map(|s| (&f.package, s)));
    let of = |(package, service): (&String, &Service)| -> Vec<String> {
        service.methods.iter().map(|m| format!("/{package}.{}/{}", service.name, m.name)).collect()
    };
    services.flat_map(of).collect()
}

/// What an empty request is answered: a word of SPEC.md section 10, the code of gRPC, or that it is.
async fn asked(channel: &Channel, path: &str) -> String {
    let mut client = tonic::client::Grpc::new(channel.clone());
    if client.ready().await.is_err() {
        return "no link".to_owned();
    }
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path = path.parse().expect("a path");
    let answering = async {
        let mut answer = client.server_streaming(tonic::Request::new(()), path, codec).await?.into_inner();
        answer.message().await
    };
    match tokio::time::timeout(Duration::from_secs(2), answering).await {
        // A stream without news, or bytes that are no empty message: it was answered.
        Err(_) | Ok(Ok(_)) => "answered".to_owned(),
        Ok(Err(status)) => reason_of(&status).unwrap_or_else(|| format!("{:?}", status.code())),
    }
}

fn desk(machine: &Machine, home: &str, party: PartyId) -> LinkIdentity {
    let keys = KeyRing::new(machine.path(home).join("keys"));
    LinkIdentity { party, signer: keys.read(KeyName::Operator, None).expect("a key") }
}

fn party(machine: &Machine, home: &str) -> PartyId {
    let bytes = std::fs::read(machine.path(home).join("me.json")).expect("a member");
    let me: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    me["party"].as_str().and_then(|p| p.parse().ok()).expect("an id")
}

fn of_hub(machine: &Machine, name: &str) -> LinkIdentity {
    let folder = machine.path(name);
    let hub = Hub::load(&folder).expect("a hub");
    LinkIdentity { party: hub.party, signer: hub.keys(&folder).read(KeyName::Operator, None).expect("a key") }
}

async fn connect(identity: &LinkIdentity, hub: &NodeProcess<'_>, card: &Card) -> Channel {
    let addresses = [hub.address.clone()];
    dial(identity, card.party, Some(card.node_key), &addresses, now_ms()).await.expect("a link")
}

async fn card(machine: &Machine, hub: &NodeProcess<'_>) -> Card {
    let name = hub.card().await;
    Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_as_every_kind_of_caller_is_answered_as_the_table_says() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("a", "Hub A", "009").await;
    let other = machine.hub("b", "Hub B", "009").await;
    hub.ask(&["link", "add", &other.card().await]).await.ok();
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    machine.run(&["--home", "tv", "key", "add", "desk two", "--to", "two"]).await.ok();
    machine.run(&["--home", "tv", "key", "revoke", "desk two", "--reason", "stolen"]).await.ok();
    let (card, member) = (card(&machine, &hub).await, party(&machine, "tv"));
    // It may run a node and nothing else.
    let clerk = objects::another_key(&machine, "tv", member, Capabilities::SERVE).await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    let file = hub.invitation("FJ").await;
    machine.run(&["--home", "fj", "join", &file, "--name", "Fiji CERT"]).await.ok();
    let file = other.invitation("WS").await;
    machine.run(&["--home", "ws", "join", &file, "--name", "Samoa CERT"]).await.ok();
    let of_another_hub = desk(&machine, "ws", party(&machine, "ws"));
    stands(&connect(&of_another_hub, &hub, &card).await, "network_member").await;
    let owner = objects::Owner::new(&machine, "tv", member, card.party).await;
    let stranger = LinkIdentity { party: PartyId(random().expect("bytes")), signer: fresh().expect("a key") };
    // Whoever may bring what another signed comes last: what it brings is known from then on.
    let callers = [
        ("stranger", stranger),
        ("member of another hub", of_another_hub),
        ("another member", desk(&machine, "fj", party(&machine, "fj"))),
        ("its revoked key", desk(&machine, "two", member)),
        ("its key without `publish`", clerk),
        ("itself", desk(&machine, "tv", member)),
        ("linked hub", of_hub(&machine, "b")),
        ("own node", of_hub(&machine, "a")),
    ];
    let (mut calling, mut table) = (Vec::new(), Vec::new());
    for (name, caller) in &callers {
        let channel = connect(caller, &hub, &card).await;
        table.push((*name, owner.rows(caller, &channel).await));
        calling.push((*name, channel));
    }
    let names = callers.iter().map(|(name, _)| format!(" {name} |")).collect::<String>();
    let head = |first: &str| format!("| {first} |{names}\n|{}\n", "---|".repeat(callers.len() + 1));
    let mut calls_table = head("call");
    for path in calls() {
        let mut cells = Vec::new();
        for (_, channel) in &calling {
            cells.push(asked(channel, &path).await);
        }
        let name = path.trim_start_matches("/caphub.v1.").replace("Service/", ".");
        calls_table.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
        let closed = path.contains("AdminService") || path.contains("CarryService");
        assert!(!closed || cells.iter().all(|c| c == "Unimplemented"), "{path}: {cells:?}");
        assert!(closed || cells[3] == "revoked", "{path}: {cells:?}");
    }
    let mut objects_table = head("call, and what of a member it is about");
    for (at, (row, _)) in table[0].1.iter().enumerate() {
        let cells: Vec<&str> = table.iter().map(|(_, rows)| rows[at].1.as_str()).collect();
        objects_table.push_str(&format!("| {row} | {} |\n", cells.join(" | ")));
    }
    stated("callers", &calls_table);
    stated("objects", &objects_table);
    // A key that the party never authorised does not even get a connection, or nothing over it.
    let unknown = LinkIdentity { party: member, signer: fresh().expect("a key") };
    let addresses = [hub.address.clone()];
    if let Ok(channel) = dial(&unknown, card.party, None, &addresses, now_ms()).await {
        for path in calls() {
            assert_ne!(asked(&channel, &path).await, "answered", "{path}");
        }
    }
}

/// Waits until the hub takes the caller for that: what other hubs attest comes by sync.
async fn stands(channel: &Channel, standing: &str) {
    let mut client = FederationServiceClient::new(channel.clone());
    for _ in 0..300 {
        let ask = HelloRequest { versions: vec![1], ..HelloRequest::default() };
        let said = client.hello(ask).await.expect("a greeting").into_inner().standing;
        if said == standing {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never a {standing}");
}

/// Compares a table with what SPEC.md says between its marks, or writes it there.
fn stated(name: &str, table: &str) {
    let spec = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../SPEC.md");
    let text = std::fs::read_to_string(&spec).expect("SPEC.md");
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).expect("a mark");
    let (stated, after) = rest.split_once(&end).expect("a mark");
    if std::env::var_os("CAPHUB_WRITE_TABLES").is_some() {
        std::fs::write(spec, format!("{before}{begin}{table}{end}{after}")).expect("SPEC.md");
        return;
    }
    assert_eq!(stated, table, "write it anew with CAPHUB_WRITE_TABLES=1 and read the difference");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_of_a_revoked_key_end_within_a_second_and_no_call_is_answered_again() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("a", "Hub A", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    machine.run(&["--home", "tv", "key", "add", "desk two", "--to", "two"]).await.ok();
    machine.run(&["--home", "tv", "sync"]).await.ok();
    let (card, member) = (card(&machine, &hub).await, party(&machine, "tv"));
    let channel = connect(&desk(&machine, "two", member), &hub, &card).await;
    let first = connect(&desk(&machine, "tv", member), &hub, &card).await;
    let mut federation = FederationServiceClient::new(channel.clone());
    let follow = PullRequest { position: Some(Position::default()), follow: true, ..PullRequest::default() };
    let mut pull = federation.pull(follow).await.expect("a stream").into_inner();
    // Until nothing more comes: it follows.
    while tokio::time::timeout(Duration::from_millis(500), pull.message()).await.is_ok() {}
    let mut watch = ExchangeServiceClient::new(channel.clone()).watch(WatchRequest::default()).await;
    let watch = watch.as_mut().expect("a stream").get_mut();
    let sent = futures::StreamExt::chain(
        futures::stream::iter([PushRequest::default()]),
        futures::stream::pending::<PushRequest>(),
    );
    let mut push = federation.push(sent).await.expect("a stream").into_inner();
    push.message().await.expect("an answer");
    machine.run(&["--home", "tv", "key", "revoke", "desk two", "--reason", "stolen"]).await.ok();
    machine.run(&["--home", "tv", "sync"]).await.ok();
    let ended = async {
        // The revocation itself may come first.
        while matches!(pull.message().await, Ok(Some(_))) {}
        while matches!(watch.message().await, Ok(Some(_))) {}
        while matches!(push.message().await, Ok(Some(_))) {}
    };
    tokio::time::timeout(REVOKED, ended).await.expect("streams that ended within a second");
    let addresses = [hub.address.clone()];
    let again = dial(&desk(&machine, "two", member), card.party, None, &addresses, now_ms()).await;
    if let Ok(channel) = again {
        let ask = caphub_proto::v1::HelloRequest { versions: vec![1], ..Default::default() };
        assert!(FederationServiceClient::new(channel).hello(ask).await.is_err());
    }
    let ask = caphub_proto::v1::HelloRequest { versions: vec![1], ..Default::default() };
    FederationServiceClient::new(first).hello(ask).await.expect("the other key goes on");
}
