//! The real stack (TLS, HTTP/2, gRPC, store) over a simulated network: partition, crash, reconnect, resume.
//!
//! Simulated time stands still while a blocking thread of a host works, so a service that held one until its caller
//! reads would stop this test: so would callers that do not read stop a node.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caphub_node::author::{Author, now_ms};
use caphub_node::carriage::Quotas;
use caphub_node::config::Config;
use caphub_node::core::Core;
use caphub_node::founding::{NewParty, found};
use caphub_node::hub::Hub;
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::link::dial::{channel, secure};
use caphub_node::link::{LinkIdentity, LinkServer};
use caphub_node::node::{Node, router};
use caphub_node::services::gate::Gate;
use caphub_node::standing::Standing;
use caphub_node::sync::{Options, Session};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Course, LocalisedText};
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::session::Settings;
use caphub_proto::wire::{Audience, OperatorKey, PartyId};
use tokio_util::sync::CancellationToken;
use turmoil::net::{TcpListener, TcpStream};

/// Records that the hub holds, of about 1 KB each.
const RECORDS: usize = 20_000;
/// Bytes that may travel twice for each cut: what was under way.
const TWICE_BYTES_MAX: u64 = 2 * 1024 * 1024;
const PORT: u16 = 7430;

type Failed = Box<dyn std::error::Error>;

/// A hub's folder with all records in it; its id and its node's key.
async fn hub(directory: &Path) -> (PartyId, OperatorKey) {
    let hub = Hub {
        party: PartyId::default(),
        name: "Hub".to_owned(),
        regions: vec!["009".to_owned()],
        country: String::new(),
        kind: "regional_body".to_owned(),
        languages: vec!["en".to_owned()],
        card_record: String::new(),
    };
    let (hub, _) = Hub::init(directory, hub, 2).await.expect("a hub");
    let signer = hub.keys(directory).read(KeyName::Operator, None).expect("a key");
    let core = Core::open(directory, hub.party, false, Quotas::default()).expect("a store");
    let text = |text: String| Some(LocalisedText { language: "en".to_owned(), text, ..Default::default() });
    let course = |n| Course { title: text(format!("Course {n} {}", "x".repeat(800))), ..Course::default() };
    let records: Vec<_> =
        (0..RECORDS).map(|n| Author::first(Record::Course(course(n))).expect("a record")).collect();
    let author = Author::new(hub.party, signer.clone());
    author.publish(&core, Audience::Public, &records).await.expect("courses");
    (hub.party, signer.public())
}

/// The node of a folder, served to whoever connects in the simulation; again after each crash.
async fn serve(directory: PathBuf) -> Result<(), Failed> {
    let stop = CancellationToken::new();
    let node = loop {
        // A process that crashed gives its lock back when the last of its threads ends.
        match Node::open(&directory, &Config::default(), None, &stop) {
            Ok(node) => break Arc::new(node),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let gate = Arc::new(Gate::new(node.core.clone()));
    let identity = LinkIdentity { party: node.hub.party, signer: node.author.signer().clone() };
    let server = LinkServer::new(identity, now_ms())?;
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let incoming = futures::stream::unfold(listener, |listener| async move {
        let accepted: io::Result<(TcpStream, SocketAddr)> = listener.accept().await;
        Some((accepted, listener))
    });
    let routes = router(node, Arc::clone(&gate)).await;
    server.serve_incoming(Box::pin(incoming), routes, gate, stop).await;
    Ok(())
}

/// One connection and one sync over it; entries and bytes that arrived, also where it was cut.
async fn attempt(
    core: &Core,
    identity: &LinkIdentity,
    hub: (PartyId, OperatorKey),
) -> (u64, u64, Result<(), String>) {
    let arrived = Mutex::new((0, 0));
    let syncing = async {
        let connecting = tokio::time::timeout(Duration::from_secs(15), TcpStream::connect(("hub", PORT)));
        let stream = connecting.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        let securing = tokio::time::timeout(
            Duration::from_secs(10),
            secure(identity, hub.0, Some(hub.1), stream, now_ms()),
        );
        let secured = securing.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        let (channel, key) = channel(secured).await.map_err(|e| e.to_string())?;
        let session = Session::new(channel, hub.0, Some(key));
        let settings = Settings {
            far: Standing::Applicant.viewer(core, hub.0),
            parties: vec![core.party],
            pull: true,
            push: false,
            to_strangers: false,
            max_bytes: None,
            newest_first: false,
            dry: false,
        };
        let options = Options {
            settings,
            memory: &Mutex::default(),
            claims: &Mutex::default(),
            greeted: &|_| {},
            progress: &|synced, _| {
                *arrived.lock().expect("a pair") = (synced.pulled.entries, synced.pulled.bytes);
            },
        };
        session.sync(core, &options).await.map(drop).map_err(|e| e.to_string())
    };
    let ended = syncing.await;
    let (entries, bytes) = *arrived.lock().expect("a pair");
    (entries, bytes, ended)
}

#[test]
fn a_sync_that_is_cut_by_a_partition_and_by_a_crash_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let (at_hub, at_member) = (folder.path().join("hub"), folder.path().join("member"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (hub_id, core, identity) = runtime.block_on(async {
        let hub_id = hub(&at_hub).await;
        let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "x", passphrase: None };
        let founded = found(&at_member, &new, true, Quotas::default()).await.expect("a party");
        let signer = KeyRing::new(at_member.join("keys")).read(KeyName::Operator, None).expect("a key");
        (hub_id, founded.core, LinkIdentity { party: founded.party, signer })
    });
    let all = RECORDS as u64;
    let own = core.store.end();
    let held = {
        let core = core.clone();
        move || core.store.end() - own
    };

    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(7)
        .simulation_duration(Duration::from_secs(3_600))
        .tick_duration(Duration::from_millis(20))
        .min_message_latency(Duration::from_millis(5))
        .max_message_latency(Duration::from_millis(40))
        .tcp_capacity(65_536);
    let mut sim = builder.build();
    sim.host("hub", move || serve(at_hub.clone()));
    let told = Arc::new(Mutex::new(Vec::new()));
    let attempts = Arc::clone(&told);
    let member = core.clone();
    sim.client("member", async move {
        loop {
            let outcome = attempt(&member, &identity, hub_id).await;
            let done = outcome.2.is_ok();
            attempts.lock().expect("a list").push(outcome);
            if done {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });

    let step_until = |sim: &mut turmoil::Sim<'_>, done: &dyn Fn(Duration) -> bool| {
        while !done(sim.elapsed()) {
            // The disk is a real one: simulated time must not run far ahead of it.
            std::thread::park_timeout(Duration::from_millis(1));
            assert!(!sim.step().expect("a step"), "the sync ended before it was cut: {}", held());
        }
        held()
    };
    let before = step_until(&mut sim, &|_| held() > all / 16);
    sim.partition("member", "hub");
    let cut = sim.elapsed();
    let settled = step_until(&mut sim, &|now| now > cut + Duration::from_secs(40));
    let later = step_until(&mut sim, &|now| now > cut + Duration::from_secs(120));
    assert_eq!(settled, later, "something came through a partition");
    assert!(later < all, "{before} entries before the cut, {later} after it");
    sim.repair("member", "hub");
    let resumed = step_until(&mut sim, &|_| held() > later);
    sim.crash("hub");
    let crashed = sim.elapsed();
    step_until(&mut sim, &|now| now > crashed + Duration::from_secs(5));
    sim.bounce("hub");
    while !sim.step().expect("a step") {
        std::thread::park_timeout(Duration::from_millis(1));
    }

    let told = told.lock().expect("a list");
    let (entries, bytes) = told.iter().fold((0, 0), |sum, t| (sum.0 + t.0, sum.1 + t.1));
    eprintln!(
        "{before} held before the partition, {later} after it, {resumed} at the crash, {} in the end, \
         over {:?} of simulated time and {} attempts",
        held(),
        sim.elapsed(),
        told.len()
    );
    assert!(held() >= all, "{} of {all}", held());
    assert!(told.len() >= 3, "both cuts were seen: {told:?}");
    let size: u64 = core.store.heads().iter().map(|h| size(&core, h)).sum();
    assert!(entries <= held(), "no entry is counted twice");
    assert!(bytes <= size + 2 * TWICE_BYTES_MAX, "{bytes} bytes came for {size}");
}

fn size(core: &Core, head: &caphub_node::store::FeedHead) -> u64 {
    let (mut next, mut bytes) = (Some(caphub_proto::wire::Seq::FIRST), 0);
    while let Some(from) = next.filter(|n| *n <= head.head.seq) {
        let runs = core.store.read_feed(&head.feed.id(), from, 1 << 20).expect("runs");
        bytes += runs.iter().map(|r| r.packed.len() as u64).sum::<u64>();
        next = runs.last().and_then(|r| caphub_proto::wire::Seq::new(r.first.value() + u64::from(r.count)));
    }
    bytes
}
