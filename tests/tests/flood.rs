//! One member that pushes as much as it can over every connection that it may have: another's latency holds.

use std::time::{Duration, Instant};

use caphub_node::link::limits;
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{PushRequest, Run};
use caphub_tests::desk::{Member, flood};
use caphub_tests::{Machine, NodeProcess};
use tonic::transport::Channel;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// Records that the honest member publishes in each half, one at a time.
const ROUNDS: usize = 60;

/// A member of the hub with so many courses, none of them brought to the hub yet.
async fn join(machine: &Machine, hub: &NodeProcess<'_>, country: &str, courses: usize) -> Member {
    let name = hub.invitation(country).await;
    let invitation = std::fs::read_to_string(machine.path(&name)).expect("an invitation");
    Member::join(&machine.path(country), &invitation, country, courses).await
}

/// Publishes one record at a time; how long each took until it was durable, sorted.
async fn publish(channel: &Channel, runs: &[Run]) -> Vec<Duration> {
    let mut took = Vec::new();
    for run in runs {
        let started = Instant::now();
        let mut client = FederationServiceClient::new(channel.clone());
        let message = PushRequest { runs: vec![run.clone()], ..PushRequest::default() };
        let answers = client.push(futures::stream::once(std::future::ready(message))).await;
        let answer = answers.expect("a stream").into_inner().message().await.expect("an answer");
        assert_eq!(answer.map(|a| (a.stored, a.refusals.len())), Some((1, 0)));
        took.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    took.sort();
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_floods_waits_for_itself_and_anothers_latency_holds() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let honest = join(&machine, &hub, "TV", 2 * ROUNDS).await;
    let flooder = join(&machine, &hub, "FJ", 1_000).await;
    let channel = honest.dial().await;
    let (quiet, loud) = honest.entries.split_at(ROUNDS);
    let alone = publish(&channel, quiet).await;

    // Everything that it has in one message, again and again, by as many streams as its connections carry.
    let message = flooder.everything();
    let mut floods = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_PARTY {
        let channel = flooder.dial().await;
        for _ in 0..4 {
            floods.push(tokio::spawn(flood(channel.clone(), message.clone())));
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let flooded = publish(&channel, loud).await;
    floods.iter().for_each(tokio::task::JoinHandle::abort);
    let p = |all: &[Duration], q: usize| all[(all.len() * q / 100).min(all.len() - 1)];
    let memory = std::fs::read_to_string(format!("/proc/{}/status", hub.id().expect("a process")));
    let memory = memory.expect("a process").lines().find(|l| l.starts_with("VmHWM")).map(str::to_owned);
    eprintln!(
        "alone p50 {:?} p99 {:?}; flooded p50 {:?} p99 {:?}; {memory:?}",
        p(&alone, 50),
        p(&alone, 99),
        p(&flooded, 50),
        p(&flooded, 99)
    );
    // Both sides share two cores here: what is held is that the wait is one turn and not the flood's queue.
    assert!(p(&flooded, 50) < Duration::from_millis(150), "{flooded:?}");
    assert!(p(&flooded, 99) < Duration::from_millis(1_000), "{flooded:?}");
    hub.reaches("members", 2).await;
}
