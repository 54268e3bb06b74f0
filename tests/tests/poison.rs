//! What a member signs rightly and no program would write, and what a dishonest hub leaves out. threats.md row 9: records that no program would write, rightly signed by a member, go through live hubs. They are kept and
//! relayed byte for byte, and hold up nothing: what others write arrives, is found and is checked as ever.

use caphub_node::author::{feed_parts, now_ms};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{FeedRange, PullRequest, PushRequest, Revision, Run};
use caphub_proto::wire::card::Card;
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::{Run as ChainedRun, salted, unpack};
use caphub_proto::wire::{Audience, Feed};
use caphub_tests::members::identity;
use caphub_tests::{Machine, NodeProcess};
use prost::Message;
use tonic::transport::Channel;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// Seed of all that is altered.
const SEED: u64 = 20_261_125;
/// Bytes of the largest body below, under the limit of one.
const LARGE: usize = 60_000;

type Client = FederationServiceClient<Channel>;

struct Chance(u64);

impl Chance {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

/// A record of each kind with every field set, as it is and altered in five ways; and bodies that are no record at all.
fn poison() -> Vec<Vec<u8>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/vectors/json.json");
    let all: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).expect("vectors")).expect("JSON");
    let mut chance = Chance(SEED);
    let mut bodies = Vec::new();
    for (n, case) in all["cases"].as_array().expect("cases").iter().enumerate() {
        let body = hex(case["body"].as_str().expect("a body"));
        let revision = Revision::decode(&body[..]).expect("a revision");
        let record_id = vec![n as u8; 16];
        let whole = Revision { record_id, number: 1, ..revision }.encode_to_vec();
        let mut flipped = whole.clone();
        for _ in 0..4 {
            let at = chance.below(flipped.len());
            flipped[at] ^= 1 << chance.below(8);
        }
        let cut = whole[..chance.below(whole.len())].to_vec();
        let twice = [&whole[..], &body[..]].concat();
        let mut filled = whole.clone();
        let from = chance.below(filled.len());
        filled[from..].iter_mut().for_each(|b| *b = 0xff);
        let spliced = [&whole[..chance.below(whole.len())], &whole[chance.below(whole.len())..]].concat();
        bodies.extend([whole, flipped, cut, twice, filled, spliced]);
    }
    // Groups within groups, a length beyond everything, an unending number, the same empty field again and again.
    let again: Vec<u8> = [0x52, 0].repeat(LARGE / 2);
    bodies.extend([
        Vec::new(),
        vec![0x0b; LARGE],
        vec![0xff; LARGE],
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ]);
    bodies.extend([again, vec![0x80; LARGE], vec![0; LARGE], b"\x0a\x02\xc3\x28".to_vec()]);
    bodies
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}

async fn link(machine: &Machine, identity: &LinkIdentity, hub: &NodeProcess<'_>) -> Client {
    let text = std::fs::read_to_string(machine.path(&hub.card().await)).expect("a card");
    let card = Card::parse(&text).expect("a card");
    let channel = dial(identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
    FederationServiceClient::new(channel.expect("a link"))
}

/// A feed as a hub serves it.
async fn served(client: &mut Client, feed: &Feed) -> Vec<u8> {
    let range = FeedRange { feed_id: feed.id().to_vec(), from: 1, to: 0 };
    let request = PullRequest { ranges: vec![range], ..PullRequest::default() };
    let mut answers = client.pull(request).await.expect("a stream").into_inner();
    let mut all = Vec::new();
    while let Some(message) = answers.message().await.expect("a message") {
        message.runs.iter().for_each(|run| all.extend_from_slice(&run.entries));
    }
    all
}

async fn titles(machine: &Machine, home: &str) -> String {
    machine.run(&["--home", home, "sync"]).await.ok();
    machine.run(&["--home", home, "course", "list"]).await.ok().out
}

#[tokio::test]
async fn rightly_signed_records_that_no_program_would_write_hold_up_nothing() {
    let machine = Machine::new(PROGRAM, "en");
    let mut near = machine.hub("near", "Near", "009").await;
    let mut far = machine.hub("far", "Far", "029").await;
    near.ask(&["link", "add", &far.card().await]).await.ok();
    far.ask(&["link", "add", &near.card().await]).await.ok();
    for (hub, home, country) in [(&near, "tv", "TV"), (&near, "to", "TO"), (&far, "bb", "BB")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file]).await.ok();
    }
    let identity = identity(&machine, "tv");
    let feed = Feed::records(identity.party, identity.signer.public(), Audience::Public);
    let mut client = link(&machine, &identity, &near).await;
    let mut signed = served(&mut client, &feed).await;
    let held = signed.len();
    let mut place = unpack(&signed).ok().and_then(|e| ChainedRun::chain(feed, e).ok()).map(|run| {
        let head = run.head();
        (head.seq, head.hash)
    });
    for body in poison() {
        let body = salted([3; 16], &body);
        let draft = Draft { feed: &feed, head: place, time_ms: now_ms(), body: &body };
        let (packed, seq, hash) = draft.sign(&identity.signer).expect("a body within bounds");
        place = Some((seq, hash));
        let run = Run { feed: Some(feed_parts(&feed)), entries: packed.clone().into() };
        signed.extend(packed);
        let message = PushRequest { runs: vec![run], ..PushRequest::default() };
        let mut answers = client.push(futures::stream::iter([message])).await.expect("answers").into_inner();
        let answer = answers.message().await.expect("an answer").expect("one");
        assert!(answer.refusals.is_empty() && answer.stored == 1, "{answer:?}");
    }
    assert!(signed.len() > held + 5 * LARGE);

    machine.run(&["--home", "bb", "course", "add", "--title", "Wholesome"]).await.ok();
    machine.run(&["--home", "bb", "sync"]).await.ok();
    for restarted in [false, true] {
        if restarted {
            near.kill().await;
            far.kill().await;
            machine.run(&["node", "--dir", "near", "verify"]).await.ok();
            machine.run(&["node", "--dir", "near", "rebuild"]).await.ok();
            near.up().await;
            far.up().await;
            machine.run(&["--home", "bb", "course", "add", "--title", "Afterwards"]).await.ok();
            machine.run(&["--home", "bb", "sync"]).await.ok();
        }
        far.holds_as_many_as(&near).await;
        for hub in [&near, &far] {
            assert!(served(&mut link(&machine, &identity, hub).await, &feed).await == signed, "{}", hub.name);
            assert!(!hub.log().contains("panicked"), "{}", hub.log());
        }
    }
    let found = titles(&machine, "to").await;
    assert!(found.contains("Wholesome") && found.contains("Afterwards"), "{found}");
    machine.run(&["--home", "to", "search", "wholesome"]).await.ok();
    machine.run(&["--home", "to", "verify"]).await.ok();
}

/// The same entries without their bodies: what a dishonest hub passes on.
fn stripped(packed: &[u8]) -> Vec<u8> {
    let entries = unpack(packed).expect("entries");
    entries.iter().flat_map(|e| [&e.header[..], &e.signature[..], &[0]].concat()).collect()
}

#[tokio::test]
async fn withheld_bodies_are_shown_and_come_over_a_link_that_only_the_other_side_can_open() {
    let machine = Machine::new(PROGRAM, "en");
    let whole = machine.hub("whole", "Whole", "009").await;
    let robbed = machine.hub("robbed", "Robbed", "029").await;
    for hub in [&whole, &robbed] {
        machine.run(&["--home", "tv", "join", &hub.invitation("TV").await]).await.ok();
    }
    for title in ["One", "Two", "Three"] {
        machine.run(&["--home", "tv", "course", "add", "--title", title]).await.ok();
    }
    machine.run(&["--home", "tv", "sync", "--through", &whole.card().await]).await.ok();
    let identity = identity(&machine, "tv");
    let feed = Feed::records(identity.party, identity.signer.public(), Audience::Public);
    let entries = stripped(&served(&mut link(&machine, &identity, &whole).await, &feed).await);
    let run = Run { feed: Some(feed_parts(&feed)), entries: entries.into() };
    let message = PushRequest { runs: vec![run], ..PushRequest::default() };
    let mut client = link(&machine, &identity, &robbed).await;
    let mut answers = client.push(futures::stream::iter([message])).await.expect("answers").into_inner();
    let answer = answers.message().await.expect("an answer").expect("one");
    assert!(answer.refusals.is_empty(), "{answer:?}");
    robbed.reaches("withheld", 3).await;
    let words = ["link", "add", &whole.card().await, "--link-proxy", "http://127.0.0.1:9"];
    robbed.ask(&words).await.ok();
    whole.ask(&["link", "add", &robbed.card().await]).await.ok();
    robbed.reaches("withheld", 0).await;
    robbed.reaches("records", 3).await;
}
