//! A peer that sends what no honest one does: each message is answered, nothing of it is stored, the node goes on.

use caphub_node::author::{Author, feed_parts, now_ms};
use caphub_node::carriage::Quotas;
use caphub_node::founding::{NewParty, found};
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    FeedRange, HelloRequest, LocalisedText, Need, Position, PullRequest, PushRequest, PushResponse, Run,
};
use caphub_proto::wire::card::Card;
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::{Head, Run as ChainedRun, salted, unpack};
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, Feed, Reason, Seq};
use caphub_tests::Machine;
use prost::Message;
use tonic::transport::Channel;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

type Client = FederationServiceClient<Channel>;

async fn push(client: &mut Client, runs: Vec<Run>) -> Result<PushResponse, tonic::Status> {
    let stream = futures::stream::once(std::future::ready(PushRequest { runs, ..PushRequest::default() }));
    let mut answers = client.push(stream).await?.into_inner();
    Ok(answers.message().await?.expect("an answer to every message"))
}

fn text(text: &str) -> Option<LocalisedText> {
    Some(LocalisedText { language: "en".to_owned(), text: text.to_owned(), translations: Vec::new() })
}

/// A party of its own with one need: its two feeds as they travel.
async fn caller(machine: &Machine) -> (LinkIdentity, Run, Run) {
    let folder = machine.path("caller");
    let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "x", passphrase: None };
    let founded = found(&folder, &new, true, Quotas::default()).await.expect("a party");
    let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
    let needs = ["One", "Two", "Three"].map(|title| {
        let themes = vec!["standards".to_owned()];
        let confirm_by = "2027-09-01".to_owned();
        let need = Need { title: text(title), themes, confirm_by, ..Need::default() };
        Author::first(Record::Need(need)).expect("a random id")
    });
    let author = Author::new(founded.party, signer.clone());
    author.publish(&founded.core, Audience::Public, &needs).await.expect("three needs");
    let store = &founded.core.store;
    let mut runs = store.heads().into_iter().map(|head| {
        let stored = store.read_feed(&head.feed.id(), Seq::FIRST, 1 << 20).expect("runs");
        let packed: Vec<u8> = stored.iter().flat_map(|r| r.packed.to_vec()).collect();
        (head.feed.is_identity(), Run { feed: Some(feed_parts(&head.feed)), entries: packed.into() })
    });
    let all: Vec<(bool, Run)> = runs.by_ref().collect();
    let of = |identity: bool| all.iter().find(|(i, _)| *i == identity).expect("a feed").1.clone();
    (LinkIdentity { party: founded.party, signer }, of(true), of(false))
}

/// Offsets of the bytes that say whether a body follows: an absent body is no lie that a run alone shows.
fn presence(packed: &[u8]) -> Vec<usize> {
    let mut at = 0;
    let entries = unpack(packed).expect("entries");
    entries
        .iter()
        .map(|entry| {
            let here = at + 118 + 64;
            at += entry.packed_len();
            here
        })
        .collect()
}

#[tokio::test]
async fn altered_cut_and_invented_runs_are_refused_with_a_reason() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let name = hub.card().await;
    let card = Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card");
    let (identity, log, records) = caller(&machine).await;
    let channel = dial(&identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
    let mut client = FederationServiceClient::new(channel.expect("a link"));

    let early = push(&mut client, vec![records.clone()]).await.expect("an answer");
    assert_eq!(early.refusals[0].reason, Reason::UnknownParty.code());
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut known = false;
    for run in [&log, &records] {
        let skip = presence(&run.entries);
        for _ in 0..300 {
            let mut bytes = run.entries.to_vec();
            match random(4) {
                0 => bytes.truncate(random(bytes.len())),
                1 => bytes.extend_from_slice(&[random(256) as u8; 40]),
                _ => {
                    let at = random(bytes.len());
                    if skip.contains(&at) {
                        continue;
                    }
                    bytes[at] ^= 1 << random(8);
                }
            }
            // What ends at a whole entry is a shorter run, and true.
            if run.entries.starts_with(&bytes) && unpack(&bytes).is_ok() {
                continue;
            }
            let answer = push(&mut client, vec![Run { entries: bytes.into(), ..run.clone() }]).await;
            let answer = answer.expect("an answer");
            assert_eq!(answer.stored, 0, "{answer:?}");
            assert_eq!(answer.refusals.len(), 1, "{answer:?}");
            assert!(Reason::parse(&answer.refusals[0].reason).is_some(), "{answer:?}");
        }
        for feed in [None, Some(caphub_proto::v1::Feed::default())] {
            let answer = push(&mut client, vec![Run { feed, entries: run.entries.clone() }]).await;
            assert_eq!(answer.expect("an answer").stored, 0);
        }
        // The honest run is taken all the same: nothing was held against the feed.
        let answer = push(&mut client, vec![run.clone()]).await.expect("an answer");
        assert!(answer.refusals.is_empty() && answer.stored > 0, "{answer:?}");
        let again = push(&mut client, vec![run.clone()]).await.expect("an answer");
        known |= again.known > 0;
        assert_eq!(again.stored, 0, "{again:?}");
    }
    assert!(known);
    hub.reaches("records", 3).await;
}

/// Field 900 of a later schema, with three bytes.
const LATER: [u8; 6] = [0xa2, 0x38, 3, b'n', b'e', b'w'];

#[tokio::test]
async fn what_a_later_schema_adds_is_relayed_byte_for_byte_by_hubs_that_do_not_know_it() {
    let machine = Machine::new(PROGRAM, "en");
    let (near, far) = (machine.hub("near", "Near", "009").await, machine.hub("far", "Far", "029").await);
    let (near_card, far_card) = (near.card().await, far.card().await);
    near.ask(&["link", "add", &far_card]).await.ok();
    far.ask(&["link", "add", &near_card]).await.ok();
    let (identity, log, mut records) = caller(&machine).await;
    let parts = records.feed.clone().expect("a feed");
    let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience).expect("a feed");
    let head = records_head(feed, &records);
    // A field before and behind those that are known: no encoder of today writes them so.
    let need = |title: &str| {
        let (themes, confirm_by) = (vec!["standards".to_owned()], "2027-09-01".to_owned());
        let need = Need { title: text(title), themes, confirm_by, ..Need::default() };
        Author::first(Record::Need(need)).expect("a random id").encode_to_vec()
    };
    let bodies = [[&LATER[..], &need("Later")].concat(), [&need("Latest")[..], &LATER].concat()];
    let mut entries = records.entries.to_vec();
    let mut place = Some((head.seq, head.hash));
    for body in &bodies {
        let body = salted([3; 16], body);
        let draft = Draft { feed: &feed, head: place, time_ms: now_ms(), body: &body };
        let (packed, seq, hash) = draft.sign(&identity.signer).expect("an entry");
        entries.extend(packed);
        place = Some((seq, hash));
    }
    records.entries = entries.into();

    let mut client = link(&machine, &identity, &near_card).await;
    let answer = push(&mut client, vec![log, records.clone()]).await.expect("an answer");
    assert!(answer.refusals.is_empty(), "{answer:?}");
    far.reaches("records", 5).await;
    let mut client = link(&machine, &identity, &far_card).await;
    let range = FeedRange { feed_id: feed.id().to_vec(), from: 1, to: 0 };
    let request = PullRequest { ranges: vec![range], ..PullRequest::default() };
    let mut answers = client.pull(request).await.expect("a stream").into_inner();
    let mut relayed = Vec::new();
    while let Some(message) = answers.message().await.expect("a message") {
        message.runs.iter().for_each(|run| relayed.extend_from_slice(&run.entries));
    }
    assert_eq!(relayed, records.entries.to_vec());
}

fn records_head(feed: Feed, run: &Run) -> Head {
    ChainedRun::chain(feed, unpack(&run.entries).expect("entries")).expect("a run").head()
}

async fn link(machine: &Machine, identity: &LinkIdentity, card: &str) -> Client {
    let card = Card::parse(&std::fs::read_to_string(machine.path(card)).expect("a card")).expect("a card");
    let channel = dial(identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
    FederationServiceClient::new(channel.expect("a link"))
}

#[tokio::test]
async fn malformed_requests_say_what_is_wrong() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let name = hub.card().await;
    let card = Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card");
    let (identity, ..) = caller(&machine).await;
    let channel = dial(&identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
    let mut client = FederationServiceClient::new(channel.expect("a link"));
    let range = |len: usize, from: u64| FeedRange { feed_id: vec![1; len], from, to: 0 };
    let strange = Position { log_id: vec![9; 16], ordinal: 1, entitlement: 0 };
    let pulls = [
        (PullRequest::default(), Reason::BadRequest),
        (PullRequest { ranges: vec![range(31, 1)], ..PullRequest::default() }, Reason::BadRequest),
        (PullRequest { ranges: vec![range(32, 0)], ..PullRequest::default() }, Reason::BadRequest),
        (PullRequest { ranges: vec![range(32, 1 << 53)], ..PullRequest::default() }, Reason::BadRequest),
        (PullRequest { ranges: vec![range(32, 1); 8_193], ..PullRequest::default() }, Reason::BadRequest),
        (
            PullRequest {
                ranges: vec![range(32, 1)],
                position: Some(strange.clone()),
                ..PullRequest::default()
            },
            Reason::BadRequest,
        ),
        (PullRequest { position: Some(strange), ..PullRequest::default() }, Reason::UnknownPosition),
    ];
    for (request, expected) in pulls {
        let status = client.pull(request).await.expect_err("a refusal");
        let reason = caphub_node::services::status::reason_of(&status);
        assert_eq!(reason.map(|r| r.to_string()), Some(expected.code().to_owned()), "{status:?}");
    }
    // A feed that nobody has is answered like one that the caller may not read: with nothing.
    let request = PullRequest { ranges: vec![range(32, 1)], ..PullRequest::default() };
    let mut nothing = client.pull(request).await.expect("a stream").into_inner();
    assert!(nothing.message().await.expect("an end").is_none());
    let beginning = PullRequest { position: Some(Position::default()), ..PullRequest::default() };
    let mut all = client.pull(beginning).await.expect("a stream").into_inner();
    assert!(all.message().await.expect("a message").is_some_and(|m| !m.runs.is_empty()));
    let future = HelloRequest { versions: vec![2, 3], ..HelloRequest::default() };
    let status = client.hello(future).await.expect_err("a refusal");
    assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}");
}
