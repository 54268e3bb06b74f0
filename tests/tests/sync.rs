//! Syncing between real processes over real sockets: what it costs, what it does after a cut, and what it never says.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use caphub_node::author::{now_ms, packed_run};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::entitlement::{Class, Viewer};
use caphub_node::founding::{NewParty, found};
use caphub_node::hub::Hub;
use caphub_node::ingest::Origin;
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::link::{LinkIdentity, dial};
use caphub_node::sync::{Options, Session, SyncError, Synced};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Course, LocalisedText, Revision};
use caphub_proto::wire::claims::Claims;
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::salted;
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{Capabilities, Founding, IdentityAuthor, NO_END};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::session::{Memory, Settings};
use caphub_proto::wire::{Audience, Feed, Signer};
use caphub_tests::{Machine, NodeProcess};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// Entries of one run of the hub's store: about 40 KB.
const RUN: usize = 32;

/// A way to a hub that counts bytes, and is cut after some.
struct Way {
    address: String,
    bytes: Arc<AtomicU64>,
    cut: Arc<AtomicU64>,
}

impl Way {
    async fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let way = Self {
            address: listener.local_addr().expect("an address").to_string(),
            bytes: Arc::default(),
            cut: Arc::new(AtomicU64::new(u64::MAX)),
        };
        let (target, bytes, cut) = (address.to_owned(), Arc::clone(&way.bytes), Arc::clone(&way.cut));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                for (mut from, mut to) in [(near_in, far_out), (far_in, near_out)] {
                    let (bytes, cut) = (Arc::clone(&bytes), Arc::clone(&cut));
                    tokio::spawn(async move {
                        let mut piece = vec![0; 16 * 1024];
                        while let Ok(read @ 1..) = from.read(&mut piece).await {
                            let all = bytes.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
                            if all > cut.load(Ordering::Relaxed)
                                || to.write_all(&piece[..read]).await.is_err()
                            {
                                break;
                            }
                        }
                    });
                }
            }
        });
        way
    }

    /// Bytes in both directions until now, once those on their way have passed.
    async fn count(&self) -> u64 {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        self.bytes.load(Ordering::Relaxed)
    }
}

fn signer(name: &str, n: u64) -> Signer {
    Signer::from_seed(&tagged_hash(name.as_bytes(), &[&n.to_be_bytes()]))
}

/// One organisation: its identity, and its feed in runs of a few entries of about 1.6 KB.
fn party(n: u64, entries: usize, audience: Audience) -> Vec<v1::Run> {
    let (root, next, recovery, key) = (signer("r", n), signer("n", n), signer("y", n), signer("k", n));
    let founding = Founding { party_kind: 1, root: &root, next: &next, recovery: &recovery };
    let party = founding.party([0; 16]);
    let mut author = IdentityAuthor { party, head: None };
    let mut identity =
        author.append(&founding.event(), &[(0, &root)], [0; 16], now_ms()).expect("a founding");
    let event = authorise(party, &key, Capabilities::DESK, NO_END, [0; 32], "desk");
    identity.extend(author.append(&event, &[(0, &root)], [1; 16], now_ms()).expect("a key"));
    let mut runs = vec![packed_run(&Feed::identity(party), identity)];
    let feed = Feed::records(party, key.public(), audience);
    let (mut head, mut packed) = (None, Vec::new());
    for seq in 0..entries {
        let body = salted([2; 16], &course(n, seq).encode_to_vec());
        let draft = Draft { feed: &feed, head, time_ms: now_ms(), body: &body };
        let (entry, at, hash) = draft.sign(&key).expect("an entry");
        head = Some((at, hash));
        packed.extend_from_slice(&entry);
        if (seq + 1) % RUN == 0 || seq + 1 == entries {
            runs.push(packed_run(&feed, std::mem::take(&mut packed)));
        }
    }
    runs
}

fn course(n: u64, seq: usize) -> Revision {
    let text =
        |t: String| Some(LocalisedText { language: "en".to_owned(), text: t, translations: Vec::new() });
    let noise = |i: u64| tagged_hash(b"x", &[&n.to_be_bytes(), &i.to_be_bytes(), &seq.to_be_bytes()]);
    let part = |i: u64| noise(i).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let course = Course {
        title: text(format!("Course {n} {seq}")),
        description: text((0..20).map(part).collect()),
        themes: vec!["standards".to_owned()],
        ..Course::default()
    };
    let record_id = tagged_hash(b"id", &[&n.to_be_bytes(), &seq.to_be_bytes()])[..16].to_vec();
    Revision { record_id, number: 1, record: Some(Record::Course(course)), ..Revision::default() }
}

/// Puts these runs into the store of a hub, behind its back: it holds them when it is up again.
async fn fill(machine: &Machine, hub: &mut NodeProcess<'_>, runs: &[v1::Run]) {
    hub.kill().await;
    let directory = machine.path(&hub.name);
    let party = Hub::load(&directory).expect("a hub").party;
    let core = Core::open(&directory, party, true, Quotas::default()).expect("the hub's store");
    for part in runs.chunks(64) {
        for taken in core.ingest.take(part.to_vec(), Origin::Peer).await {
            assert!(taken.result.is_ok(), "{taken:?}");
        }
    }
    core.views.catch_up().expect("views");
    drop(core);
    hub.up().await;
}

fn many(parties: std::ops::Range<u64>, entries: usize) -> Vec<v1::Run> {
    parties.flat_map(|n| party(n, entries, Audience::Public)).collect()
}

fn bytes(runs: &[v1::Run]) -> u64 {
    runs.iter().map(|r| r.entries.len() as u64).sum()
}

/// A replica in this process.
struct Here {
    core: Core,
    identity: LinkIdentity,
    hub: caphub_proto::wire::PartyId,
    claims: Mutex<Claims>,
}

impl Here {
    async fn new(machine: &Machine, name: &str, hub: &NodeProcess<'_>) -> Self {
        let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "x", passphrase: None };
        let folder = machine.path(name);
        let founded = found(&folder, &new, true, Quotas::default()).await.expect("a replica");
        let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
        let identity = LinkIdentity { party: founded.party, signer };
        let hub = Hub::load(&machine.path(&hub.name)).expect("a hub").party;
        Self { core: founded.core, identity, hub, claims: Mutex::default() }
    }

    async fn session(&self, hub: caphub_proto::wire::PartyId, address: &str) -> Session {
        let addresses = [address.to_owned()];
        let channel = dial(&self.identity, hub, None, &addresses, now_ms()).await.expect("a link");
        Session::new(channel, hub, None)
    }

    fn settings(&self) -> Settings {
        let (far, parties) = (Viewer::public(), vec![self.core.party]);
        Settings { far, parties, pull: true, push: true, to_strangers: true, ..Settings::default() }
    }

    async fn over(&self, session: &Session, memory: &Mutex<Memory>) -> Result<Synced, SyncError> {
        let options = Options {
            settings: self.settings(),
            memory,
            claims: &self.claims,
            greeted: &|_| {},
            progress: &|_, _| {},
        };
        session.sync(&self.core, &options).await.map(|(_, synced)| synced)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_do_costs_one_round_trip_and_little_to_do_costs_little() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "001").await;
    let runs = many(0..150, 2);
    fill(&machine, &mut hub, &runs).await;
    let here = Here::new(&machine, "here", &hub).await;
    let (way, memory) = (Way::to(&hub.address).await, Mutex::default());
    let session = here.session(here.hub, &way.address).await;
    let first = here.over(&session, &memory).await.expect("a sync");
    assert!(first.pulled.entries >= 600 && !first.finished.idle, "{first:?}");
    // Its own profile is refused or taken; the second sync knows.
    here.over(&session, &memory).await.expect("a sync");
    let before = way.count().await;
    let idle = here.over(&session, &memory).await.expect("a sync");
    let cost = way.count().await - before;
    assert!(idle.finished.idle && idle.finished.rounds == 0, "{idle:?}");
    assert!(cost <= 4 * 1024, "{cost} bytes for nothing");
    // A few new entries: the cost besides them grows with them alone.
    let news: Vec<v1::Run> = (0..5).flat_map(|n| party(1_000 + n, 1, Audience::Public)).collect();
    fill(&machine, &mut hub, &news).await;
    let session = here.session(here.hub, &Way::to(&hub.address).await.address).await;
    drop(session);
    let way = Way::to(&hub.address).await;
    let session = here.session(here.hub, &way.address).await;
    let before = way.count().await;
    let synced = here.over(&session, &memory).await.expect("a sync");
    let cost = way.count().await - before;
    assert_eq!(synced.pulled.entries, 15, "{synced:?}");
    assert!(synced.finished.rounds <= 3, "{synced:?}");
    assert!(cost < bytes(&news) + 16 * 1024, "{cost} bytes for {}", bytes(&news));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_replica_has_the_newest_records_before_it_knows_what_there_is() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "001").await;
    let runs = many(0..300, 20);
    fill(&machine, &mut hub, &runs).await;
    let here = Here::new(&machine, "here", &hub).await;
    let session = here.session(here.hub, &hub.address).await;
    let first = Mutex::new(None);
    let progress = |synced: &Synced, _: u64| {
        let mut first = first.lock().expect("what came first");
        first.get_or_insert((synced.pulled.entries, synced.pulled.bytes, here.core.store.above().len()));
    };
    let memory = Mutex::default();
    let settings = here.settings();
    let (claims, greeted) = (&here.claims, &|_: &v1::HelloResponse| {});
    let options = Options { settings, memory: &memory, claims, greeted, progress: &progress };
    let (_, synced) = session.sync(&here.core, &options).await.expect("a sync");
    let (entries, moved, above) = first.lock().expect("what came first").expect("something");
    // The keys of an organisation, two events, and its newest record are told without waiting for those of others.
    assert!((3..40).contains(&entries) && moved <= 8 * 1024, "{entries} entries in {moved} bytes");
    assert!(above >= 1, "ends of feeds, each with its party's identity");
    assert!(here.core.store.end() >= 300 * 22 && here.core.store.above().is_empty(), "{synced:?}");
    // The newest were not sent again.
    assert!(synced.pulled.bytes < bytes(&runs) + 8 * 1024, "{synced:?} of {}", bytes(&runs));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_goes_on_after_a_cut_and_only_what_was_on_its_way_comes_twice() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "001").await;
    let runs = many(0..20, 160);
    fill(&machine, &mut hub, &runs).await;
    let here = Here::new(&machine, "here", &hub).await;
    let (all, memory) = (bytes(&runs), Mutex::default());
    let mut spent = 0;
    for cut in [2_000_000, 2_400_000, u64::MAX] {
        let way = Way::to(&hub.address).await;
        let session = here.session(here.hub, &way.address).await;
        way.cut.store(cut, Ordering::Relaxed);
        let held = here.core.store.end();
        let synced = here.over(&session, &memory).await;
        assert_eq!(synced.is_ok(), cut == u64::MAX, "{synced:?}");
        assert!(here.core.store.end() > held, "something arrived before the cut");
        spent += way.count().await;
    }
    assert!(here.core.store.end() >= 20 * 162, "{}", here.core.store.end());
    // At each of two cuts: the window of the stream, a message, and the words around them.
    assert!(spent < all + 2 * 1_400_000, "{spent} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_full_hubs_give_an_empty_node_everything_once() {
    let machine = Machine::new(PROGRAM, "en");
    let runs = many(0..40, 64);
    let mut one = machine.hub("one", "One", "001").await;
    let mut other = machine.hub("other", "Other", "001").await;
    fill(&machine, &mut one, &runs).await;
    fill(&machine, &mut other, &runs).await;
    let here = Here::new(&machine, "here", &one).await;
    let second = Hub::load(&machine.path("other")).expect("a hub").party;
    let (a, b) = (here.session(here.hub, &one.address).await, here.session(second, &other.address).await);
    let (left, right) = (Mutex::default(), Mutex::default());
    let (a, b) = tokio::join!(here.over(&a, &left), here.over(&b, &right));
    let (a, b) = (a.expect("a sync"), b.expect("a sync"));
    assert!(here.core.store.end() >= 40 * 66);
    assert!(a.pulled.bytes > 0 && b.pulled.bytes > 0, "{a:?} {b:?}");
    let moved = a.pulled.bytes + b.pulled.bytes;
    // Besides what is the same, each hub has a few entries of its own.
    assert!(moved < bytes(&runs) + 32 * 1024, "{moved} of {}", bytes(&runs));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_and_a_dry_run_do_what_they_say() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "001").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu"]).await.ok();
    let runs = many(0..10, 64);
    fill(&machine, &mut hub, &runs).await;
    machine.run(&["--home", "tv", "need", "add", "--title", "One", "--theme", "standards"]).await.ok();
    let held =
        || async { machine.run(&["--home", "tv", "--json", "status"]).await.ok().json()["entries"].clone() };
    let before = held().await;
    let dry = machine.run(&["--home", "tv", "--json", "sync", "--dry-run"]).await.ok().json();
    assert_eq!(dry["would_receive"]["entries"], 10 * 66, "{dry}");
    assert_eq!(dry["would_receive"]["bytes"], bytes(&runs), "{dry}");
    assert_eq!(dry["would_receive"]["organisations"], 10, "{dry}");
    assert_eq!((&dry["would_send"]["entries"], &dry["would_send"]["organisations"]), (&1.into(), &1.into()));
    assert_eq!(held().await, before, "a dry run keeps nothing");
    let (mut received, mut spent) = (0, 0);
    for _ in 0..20 {
        let said = machine.run(&["--home", "tv", "--json", "sync", "--max-bytes", "200K"]).await.ok().json();
        let moved =
            said["received_bytes"].as_u64().expect("bytes") + said["sent_bytes"].as_u64().expect("bytes");
        assert!(moved <= 200 * 1024, "{said}");
        received += said["received"].as_u64().expect("entries");
        spent += said["received_bytes"].as_u64().expect("bytes");
        if said["more"] == false {
            break;
        }
        assert!(moved > 50_000, "a budget is used: {said}");
    }
    assert_eq!(
        (received, spent),
        (10 * 66, bytes(&runs)),
        "the ends of feeds came first, and nothing came twice"
    );
    for wrong in ["0", "many", "5G", "-1"] {
        let said = machine.run(&["--home", "tv", "sync", &format!("--max-bytes={wrong}")]).await;
        assert_eq!(said.code, 2, "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_path_carries_a_record_and_what_is_refused_is_not_offered_again() {
    let machine = Machine::new(PROGRAM, "en");
    let (one, other) = (machine.hub("one", "One", "001").await, machine.hub("other", "Other", "001").await);
    let (at_one, at_other) = (one.invitation("TV").await, other.invitation("TV").await);
    let writer = one.invitation("WS").await;
    machine.run(&["--home", "ws", "join", &writer, "--name", "Samoa"]).await.ok();
    let need = ["--home", "ws", "need", "add", "--title", "By any path", "--theme", "standards"];
    machine.run(&need).await.ok();
    machine.run(&["--home", "ws", "sync"]).await.ok();
    // Tuvalu is a member of both hubs, which do not know each other.
    machine.run(&["--home", "tv", "join", &at_one, "--name", "Tuvalu"]).await.ok();
    machine.run(&["--home", "tv", "join", &at_other]).await.ok();
    let sync = || async { machine.run(&["--home", "tv", "--json", "sync"]).await.ok().json() };
    let said = sync().await;
    let hub = |said: &serde_json::Value, name: &str| {
        let hubs = said["hubs"].as_array().expect("two hubs");
        hubs.iter().find(|h| h["hub"] == name).expect("a hub").clone()
    };
    sync().await;
    let (first, later) = (hub(&said, "Other"), hub(&sync().await, "Other"));
    assert_eq!((&later["rounds"], &later["sent_bytes"]), (&0.into(), &0.into()), "{first} then {later}");
    other.reaches("records", 0).await;
    // Once the other hub recognises the first, what a member brings is taken.
    let card = one.card().await;
    other.ask(&["recognise", &card]).await.ok();
    let mut found = false;
    for _ in 0..3 {
        sync().await;
        found |= other.ask(&["status"]).await.ok().json()["records"] == 1;
    }
    assert!(found, "the need of Samoa is at the other hub");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_put_back_gets_everything_again() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut one, other) =
        (machine.hub("one", "One", "001").await, machine.hub("other", "Other", "001").await);
    let (card, back) = (one.card().await, other.card().await);
    one.ask(&["link", "add", &back]).await.ok();
    other.ask(&["link", "add", &card]).await.ok();
    let file = one.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu"]).await.ok();
    let add = |title: &'static str| {
        let machine = &machine;
        async move {
            let words = ["--home", "tv", "need", "add", "--title", title, "--theme", "standards"];
            machine.run(&words).await.ok();
            machine.run(&["--home", "tv", "sync"]).await.ok();
        }
    };
    add("Before").await;
    other.reaches("records", 1).await;
    one.kill().await;
    copy(&machine.path("one/store"), &machine.path("kept"));
    one.up().await;
    add("After").await;
    other.reaches("records", 2).await;
    one.kill().await;
    std::fs::remove_dir_all(machine.path("one/store")).expect("a folder");
    copy(&machine.path("kept"), &machine.path("one/store"));
    one.up().await;
    one.reaches("records", 2).await;
    add("Later").await;
    one.reaches("records", 3).await;
    other.reaches("records", 3).await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a file")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliation_says_nothing_of_what_the_caller_may_not_read() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "001").await;
    let party_id = Hub::load(&machine.path("hub")).expect("a hub").party;
    let secret: Vec<v1::Run> = [Audience::Hub(party_id), Audience::Network, Audience::Sealed([7; 16])]
        .into_iter()
        .zip(0..)
        .flat_map(|(audience, n)| party(n, 3, audience))
        .collect();
    fill(&machine, &mut hub, &secret).await;
    let here = Here::new(&machine, "here", &hub).await;
    let addresses = [hub.address.clone()];
    let channel = dial(&here.identity, here.hub, None, &addresses, now_ms()).await.expect("a link");
    let mut client = FederationServiceClient::new(channel);
    let ask = |class: Class, levels: u32| {
        let fingerprints = if levels == 0 { Vec::new() } else { vec![0; 2] };
        let ask = v1::RangeAsk { path: Vec::new(), levels, fingerprints, heads_max: 1_000, brief: false };
        v1::ReconcileRequest { classes: vec![v1::ClassAsks { class: class.encode(), asks: vec![ask] }] }
    };
    for levels in [0, 1] {
        for class in [Class::Hub(party_id), Class::Network, Class::Own] {
            let said = client.reconcile(ask(class, levels)).await.expect("an answer").into_inner();
            let heads = said.classes.iter().flat_map(|c| &c.answers);
            assert!(
                heads.clone().all(|a| a.count == 0 && a.heads.is_empty() && a.children.is_empty()),
                "{said:?}"
            );
        }
        let public = client.reconcile(ask(Class::Public, levels)).await.expect("an answer").into_inner();
        assert!(public.classes[0].answers.iter().any(|a| a.count > 0), "{public:?}");
    }
    let roots = v1::HelloRequest { versions: vec![1], time_ms: now_ms(), ..v1::HelloRequest::default() };
    let hello = client.hello(roots).await.expect("a greeting").into_inner();
    let named: Vec<Option<Class>> = hello.roots.iter().map(|r| Class::decode(&r.class)).collect();
    let own = Class::Hub(here.core.party);
    assert!(
        named.iter().all(|c| matches!(c, Some(Class::Public | Class::Own)) || *c == Some(own)),
        "{named:?}"
    );
    // And what is asked for by its id is not there.
    let ranges = secret.iter().filter_map(|r| {
        let parts = r.feed.as_ref()?;
        let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience).ok()?;
        (!feed.is_identity()).then(|| v1::FeedRange { feed_id: feed.id().to_vec(), from: 1, to: 0 })
    });
    let ranges: Vec<v1::FeedRange> = ranges.collect();
    for measure in [false, true] {
        let request = v1::PullRequest { ranges: ranges.clone(), measure, ..v1::PullRequest::default() };
        let mut stream = client.pull(request).await.expect("a stream").into_inner();
        while let Some(message) = stream.message().await.expect("a message") {
            assert!(message.runs.is_empty(), "{message:?}");
            assert_eq!(message.measure.unwrap_or_default(), v1::Measure::default());
        }
    }
}
