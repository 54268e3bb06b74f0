//! Crowds of callers and callers that do not read: the node's memory has a ceiling, members are served meanwhile, and whoever
//! reads at last gets all of its answers (threats.md rows 12, 14 and 30).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::link::limits;
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{FeedRange, HelloRequest, PullRequest};
use caphub_proto::wire::Feed;
use caphub_proto::wire::feed::unpack;
use caphub_tests::crowds::{Kind, crowd};
use caphub_tests::desk::Member;
use caphub_tests::raw::{ATTACKS, begin, connection, resident_kib};
use caphub_tests::{Machine, NodeProcess};
use tokio::io::AsyncWriteExt;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// Connections of each crowd, as far as its time allows: on a machine that does much else it is fewer, and more than may be
/// open is what the claims need.
const CONNECTIONS: usize = 10_000;
/// For how long a crowd comes and stays.
const CROWD: Duration = Duration::from_secs(15);
/// The ceiling: what a node may grow by under a crowd. All connections that there may be, each with its read buffer and what
/// TLS holds: about 150 KiB.
const CROWD_GROWTH_KIB_MAX: u64 = 192 * 1024;
/// The same under one member that reads nothing: what may wait for it, and what its streams take.
const UNREAD_GROWTH_KIB_MAX: u64 = 4 * limits::ANSWER_BYTES_PER_PARTY / 1024 + 32 * 1024;
/// How long a member may wait for an answer while two busy cores do all of this.
const PATIENCE: Duration = Duration::from_secs(5);

async fn member(machine: &Machine, hub: &NodeProcess<'_>, country: &str, courses: usize) -> Member {
    let name = hub.invitation(country).await;
    let invitation = std::fs::read_to_string(machine.path(&name)).expect("an invitation");
    Member::join(&machine.path(country), &invitation, country, courses).await
}

/// The slowest answer and the most memory while something else goes on.
async fn watched<T>(member: &Member, process: u32, meanwhile: impl Future<Output = T>) -> (T, Duration, u64) {
    let over = Arc::new(AtomicBool::new(false));
    let asking = async {
        let (mut worst, mut peak) = (Duration::ZERO, 0);
        let mut client = FederationServiceClient::new(member.dial().await);
        while !over.load(Ordering::Relaxed) {
            let hello = HelloRequest { versions: vec![1], time_ms: now_ms(), ..HelloRequest::default() };
            let started = Instant::now();
            client.hello(hello).await.expect("an answer to a member");
            worst = worst.max(started.elapsed());
            peak = peak.max(resident_kib(process));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (worst, peak)
    };
    let attacking = async {
        let done = meanwhile.await;
        over.store(true, Ordering::Relaxed);
        done
    };
    let (done, (worst, peak)) = tokio::join!(attacking, asking);
    (done, worst, peak)
}

async fn crowded(kind: Kind, enough: usize) {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let honest = member(&machine, &hub, "TV", 1).await;
    let process = hub.id().expect("a process");
    let before = resident_kib(process);
    let coming = crowd(&honest.card, kind, CONNECTIONS, CROWD, Duration::ZERO);
    let (came, worst, peak) = watched(&honest, process, coming).await;
    eprintln!("{came:?}: memory {before} to {peak} KiB, slowest answer to a member {worst:?}");
    assert!(came.tried >= enough, "{came:?}");
    assert!(peak < before + CROWD_GROWTH_KIB_MAX, "{before} to {peak} KiB");
    assert!(worst < PATIENCE, "{worst:?}");
    // And a member that comes now is let in.
    let hello = HelloRequest { versions: vec![1], time_ms: now_ms(), ..HelloRequest::default() };
    FederationServiceClient::new(honest.dial().await).hello(hello).await.expect("an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_by_the_thousand_have_a_ceiling_and_members_are_served() {
    crowded(Kind::HalfOpen, limits::CONNECTIONS_MAX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_identity_by_the_thousand_have_a_ceiling_and_members_are_served() {
    crowded(Kind::OneIdentity, 20 * limits::CONNECTIONS_PER_PARTY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_many_identities_by_the_thousand_have_a_ceiling_and_members_are_served() {
    crowded(Kind::ManyIdentities, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_reads_nothing_holds_little_and_its_own_next_call_waits() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let (honest, silent) = (member(&machine, &hub, "TV", 1).await, member(&machine, &hub, "FJ", 1).await);
    let process = hub.id().expect("a process");
    let before = resident_kib(process);
    let attack = ATTACKS.iter().find(|a| a.name == "answers that nobody reads").expect("an attack");
    let attacking = async {
        let mut held = Vec::new();
        for _ in 0..limits::CONNECTIONS_PER_PARTY {
            let mut stream = connection(&silent.identity, &silent.card).await.expect("a link");
            let mut all = [begin(), (attack.once)()].concat();
            (0..limits::STREAMS_MAX).for_each(|n| all.extend((attack.again)(2 * n + 1)));
            stream.write_all(&all).await.expect("calls");
            held.push(stream);
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        held
    };
    let (held, worst, peak) = watched(&honest, process, attacking).await;
    eprintln!("memory {before} to {peak} KiB, slowest answer to another member {worst:?}");
    assert!(peak < before + UNREAD_GROWTH_KIB_MAX, "{before} to {peak} KiB");
    assert!(worst < PATIENCE, "{worst:?}");
    // Once they are gone, so is what waited for them.
    drop(held);
    let hello = HelloRequest { versions: vec![1], time_ms: now_ms(), ..HelloRequest::default() };
    let asked = async { FederationServiceClient::new(silent.dial().await).hello(hello).await.map(drop) };
    tokio::time::timeout(PATIENCE, asked).await.expect("room again").expect("an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_late_gets_every_answer_whole() {
    const STREAMS: usize = 40;
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let member = member(&machine, &hub, "TV", 1_200).await;
    let mut client = FederationServiceClient::new(member.dial().await);
    let message = member.everything();
    let answers = client.push(futures::stream::iter([message])).await.expect("a stream");
    let stored = answers.into_inner().message().await.expect("an answer").expect("an answer").stored;
    let parts = member.entries[0].feed.clone().expect("a feed");
    let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience).expect("a feed");
    // Together several times what may wait for one member, over connections that hold nothing back.
    let ranges = vec![FeedRange { feed_id: feed.id().to_vec(), from: 1, to: 0 }];
    let request = PullRequest { ranges, ..PullRequest::default() };
    let (mut clients, mut streams) = (Vec::new(), Vec::new());
    for n in 0..STREAMS {
        if n % 10 == 0 {
            clients.push(FederationServiceClient::new(member.dial().await));
        }
        let (mut client, request) = (clients.last().expect("one").clone(), request.clone());
        streams.push(tokio::spawn(async move {
            let mut stream = client.pull(request).await?.into_inner();
            tokio::time::sleep(Duration::from_secs(3)).await;
            let mut entries = 0;
            while let Some(message) = stream.message().await? {
                entries +=
                    message.runs.iter().map(|r| unpack(&r.entries).map_or(0, |e| e.len())).sum::<usize>();
            }
            Ok::<usize, tonic::Status>(entries)
        }));
    }
    for stream in streams {
        let entries = stream.await.expect("a task").expect("no call is cut off");
        assert_eq!(entries as u64, stored);
    }
}
