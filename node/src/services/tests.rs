//! What callers are served while what they may read, and how much they may bring, changes.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use caphub_proto::v1::exchange_service_server::ExchangeService;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    self, Attestation, AttestationLevel, Course, LocalisedText, PublishRequest, PullResponse, WatchRequest,
    WatchResponse,
};
use caphub_proto::wire::cert::Binding;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, EntryHash, Feed, OperatorKey, PartyId, Seq};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Status};

use crate::admissions::Source;
use crate::author::{Author, feed_parts, now_ms};
use crate::carriage::Quotas;
use crate::core::Core;
use crate::founding::{NewParty, found};
use crate::ingest::Origin;
use crate::keys::{KeyName, KeyRing};
use crate::link::server::Caller;
use crate::services::exchange::Exchange;
use crate::services::federation;
use crate::services::gate::Gate;
use crate::services::way;
use crate::standing::Standing;

/// How long what must not come is waited for.
const SILENCE: Duration = Duration::from_millis(300);
/// How long what must come is waited for.
const SOON: Duration = Duration::from_secs(20);
/// A hub elsewhere.
const THIRD: PartyId = PartyId([3; 32]);

/// A hub, and a party that is its member and a member of a third hub.
struct World {
    core: Core,
    author: Author,
    caller: Caller,
    member: Core,
    said: u64,
    _folder: tempfile::TempDir,
}

async fn party(folder: &std::path::Path, everything: bool) -> (Core, Author) {
    let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "first", passphrase: None };
    let founded = found(folder, &new, everything, Quotas::default()).await.unwrap();
    let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).unwrap();
    (founded.core, Author::new(founded.party, signer))
}

fn whole(core: &Core, feed: &Feed) -> v1::Run {
    let runs = core.store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap();
    let packed: Vec<u8> = runs.iter().flat_map(|run| run.packed.to_vec()).collect();
    v1::Run { feed: Some(feed_parts(feed)), entries: packed.into() }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (core, author) = party(&folder.path().join("hub"), false).await;
        let (member, signing) = party(&folder.path().join("member"), true).await;
        let identity = whole(&member, &Feed::identity(member.party));
        core.ingest.take(vec![identity], Origin::Peer).await.remove(0).result.unwrap();
        let binding = Binding::sign(member.party, signing.signer(), now_ms() + 60_000, b"spki");
        let caller = Caller { binding, address: SocketAddr::from(([127, 0, 0, 1], 1)) };
        let mut world = Self { core, author, caller, member, said: 0, _folder: folder };
        world.attest(world.core.party, AttestationLevel::Member);
        world.attest(THIRD, AttestationLevel::Member);
        world.write_as(signing).await;
        world
    }

    /// The member writes a course in its own replica.
    async fn write_as(&self, signing: Author) {
        let revision = Author::first(course("Mine")).unwrap();
        signing.publish(&self.member, Audience::Public, &[revision]).await.unwrap();
    }

    fn attest(&mut self, hub: PartyId, level: AttestationLevel) {
        self.said += 1;
        let feed = Feed::records(hub, OperatorKey([7; 32]), Audience::Public);
        let (seq, time_ms) = (Seq::new(self.said).unwrap(), self.said);
        let source = Source { feed, seq, hash: EntryHash([8; 32]), time_ms };
        let party = self.member.party.to_vec();
        let attestation = Attestation { party, level: level.into(), ..Attestation::default() };
        self.core.admissions.attest(hub, &attestation, source, false);
    }

    async fn publish(&self, audience: Audience, title: &str) {
        let revision = Author::first(course(title)).unwrap();
        self.author.publish(&self.core, audience, &[revision]).await.unwrap();
        self.core.views.catch_up().unwrap();
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.caller.clone());
        request
    }

    fn gate(&self) -> Arc<Gate> {
        Arc::new(Gate::new(self.core.clone()))
    }
}

fn course(title: &str) -> Record {
    let text = LocalisedText { language: "en".to_owned(), text: title.to_owned(), ..Default::default() };
    Record::Course(Course { title: Some(text), ..Course::default() })
}

fn title(seen: Option<Result<WatchResponse, Status>>) -> String {
    match seen.unwrap().unwrap().record.and_then(|r| r.revision?.record) {
        Some(Record::Course(c)) => c.title.unwrap_or_default().text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_watcher_is_shown_what_it_may_read_now_and_not_what_it_could_when_it_began() {
    let mut world = World::new().await;
    let exchange = Exchange::new(world.core.clone(), world.gate());
    let watch = exchange.watch(world.request(WatchRequest::default())).await.unwrap();
    let mut watch = watch.into_inner();
    let mut next = async || title(tokio::time::timeout(SOON, watch.next()).await.unwrap());
    world.publish(Audience::Hub(THIRD), "One").await;
    assert_eq!(next().await, "One");
    // It stays a member here: only what is for the third hub is not for it any more.
    world.attest(THIRD, AttestationLevel::Ended);
    world.publish(Audience::Hub(THIRD), "Two").await;
    world.publish(Audience::Network, "Three").await;
    assert_eq!(next().await, "Three");
    world.attest(world.core.party, AttestationLevel::Ended);
    world.publish(Audience::Network, "Four").await;
    world.publish(Audience::Public, "Five").await;
    assert_eq!(next().await, "Five");
}

/// The feeds that come until nothing does, and whether the stream has ended.
async fn feeds(
    answers: &mut (impl Stream<Item = Result<PullResponse, Status>> + Unpin),
) -> (Vec<Audience>, bool) {
    let mut all = Vec::new();
    loop {
        match tokio::time::timeout(SILENCE, answers.next()).await {
            Err(_) => return (all, false),
            Ok(None) => return (all, true),
            Ok(Some(message)) => all.extend(message.unwrap().runs.into_iter().map(|run| {
                let feed = run.feed.unwrap();
                Audience::decode(&feed.audience).unwrap_or(Audience::Public)
            })),
        }
    }
}

#[tokio::test]
async fn a_follower_whose_rights_change_begins_again() {
    let mut world = World::new().await;
    let admitted = world.gate().admit(&world.request(())).unwrap();
    let (sender, mut answers) = way::of(&Request::new(()), 64);
    tokio::spawn(federation::serve_log(world.core.clone(), admitted, 0, true, sender));
    world.publish(Audience::Hub(THIRD), "One").await;
    let (seen, ended) = feeds(&mut answers).await;
    assert!(seen.contains(&Audience::Hub(THIRD)) && !ended);
    world.attest(THIRD, AttestationLevel::Ended);
    world.publish(Audience::Hub(THIRD), "Two").await;
    assert_eq!(feeds(&mut answers).await, (Vec::new(), true));
}

#[tokio::test]
async fn a_pull_of_ranges_stops_at_what_its_caller_may_not_read_any_more() {
    use crate::services::pull::Ranges;
    let mut world = World::new().await;
    world.publish(Audience::Hub(THIRD), &"One".repeat(200)).await;
    world.publish(Audience::Network, "Two").await;
    let range = |audience| {
        let feed_id = world.author.feed(audience).id().to_vec();
        v1::FeedRange { feed_id, from: 1, to: 0 }
    };
    let ranges = vec![range(Audience::Public), range(Audience::Hub(THIRD)), range(Audience::Network)];
    let ranges = Ranges::parse(&v1::PullRequest { ranges, batch_bytes: 1, ..Default::default() }).unwrap();
    let admitted = world.gate().admit(&world.request(())).unwrap();
    // Nothing is read before there is room for it: the right ends between the request and the reading.
    let (sender, mut answers) = way::of(&Request::new(()), 1);
    let other = sender.clone();
    let full = other.room(1).await.unwrap();
    let serving = tokio::spawn(ranges.serve(world.core.clone(), admitted, sender));
    world.attest(THIRD, AttestationLevel::Ended);
    drop(full);
    drop(other);
    let seen = feeds(&mut answers).await;
    serving.await.unwrap();
    assert_eq!(seen, (vec![Audience::Network], true));
}

#[tokio::test]
async fn what_is_published_waits_for_the_callers_turn_and_for_a_place() {
    let world = World::new().await;
    let gate = world.gate();
    let exchange = Exchange::new(world.core.clone(), Arc::clone(&gate));
    let feed = Feed::records(world.member.party, world.caller.binding.key, Audience::Public);
    let publish = || {
        let runs = vec![whole(&world.member, &feed)];
        exchange.publish(world.request(PublishRequest { runs }))
    };
    let party = world.member.party;
    let turn = gate.turn(party, Standing::Member, 1).await;
    assert!(tokio::time::timeout(SILENCE, publish()).await.is_err(), "its turn is taken");
    drop(turn);
    let mut places = Vec::new();
    for _ in 0..crate::link::limits::PUSHES_PER_PARTY {
        places.push(gate.push(party).await.unwrap());
    }
    assert!(tokio::time::timeout(SILENCE, publish()).await.is_err(), "its places are taken");
    drop(places);
    let answer = tokio::time::timeout(SOON, publish()).await.unwrap().unwrap().into_inner();
    assert_eq!((answer.stored, answer.refusals.len()), (1, 0));
}

#[tokio::test]
async fn heads_are_of_the_feeds_named_each_once_and_of_none_that_the_caller_may_not_read() {
    let world = World::new().await;
    world.publish(Audience::Public, "One").await;
    world.publish(Audience::Hub(PartyId([9; 32])), "Two").await;
    let viewer = world.gate().admit(&world.request(())).unwrap().viewer;
    let id = |audience| world.author.feed(audience).id().to_vec();
    let heads = |wanted: &[Vec<u8>]| -> Vec<(u64, bool)> {
        let messages = federation::stated_heads(&world.core, &viewer, wanted);
        let heads = messages.into_iter().flat_map(|m| m.heads);
        heads.map(|h| (h.seq, h.feed.is_some_and(|f| f.party_id == world.core.party.to_vec()))).collect()
    };
    let named = vec![id(Audience::Public), id(Audience::Hub(PartyId([9; 32]))), vec![1; 32], vec![2]];
    assert_eq!(heads(&[named.clone(), named].concat()), [(1, true)]);
    assert_eq!(heads(&[]).len(), 3, "two identities and one feed");
}
