//! One node and many followers: how fast everybody has everything, at which cost, and how late a single record is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::keys::fresh;
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{HelloRequest, PublishRequest, PullRequest, Run};
use caphub_proto::wire::PartyId;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::limits::MESSAGE_BYTES_MAX;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Plan;
use crate::catalogue::Catalogue;
use crate::live::client;
use crate::source::{Source, machine};
use crate::usage::{at, cpu, memory, mib, millis, ratio};

/// Single records, one after the other.
const SINGLE: usize = 50;
/// Records in one burst.
const BURST: usize = 2_000;
/// Records that the publisher sends at once in the burst.
const AT_ONCE: usize = 100;
/// How long everything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What all followers have seen.
struct Seen {
    counts: Vec<AtomicU64>,
    changed: watch::Sender<()>,
}

impl Seen {
    /// Waits until every follower has this many entries.
    async fn by_all(&self, count: u64) {
        let mut changed = self.changed.subscribe();
        let all = async {
            while self.counts.iter().any(|c| c.load(Ordering::Acquire) < count) {
                changed.changed().await.expect("followers");
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("the followers to have everything");
    }
}

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let tail = SINGLE + BURST;
    let entries = plan.entries.max(2 * tail as u64);
    // The publishing organisation needs a feed that is long enough; one run is at most 1,024 entries.
    let catalogue = Catalogue::make(entries, plan.feeds);
    let publisher = Catalogue::publisher(tail as u64);
    let mut hub = Source::found(machine(), "hub").await;
    hub.fill(&catalogue, catalogue.records.clone(), true).await;
    hub.fill(&publisher, Vec::new(), true).await;
    hub.start().await;
    let (seen, followers) = all(&hub, plan.followers).await;
    let mut author = client(&publisher, &hub).await;
    let mut runs = publisher.singles().into_iter();
    let (mut lags, mut sent) = (Vec::new(), 0_u64);
    for run in runs.by_ref().take(SINGLE) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let started = Instant::now();
        publish(&mut author, vec![run]).await;
        sent += 1;
        seen.by_all(sent).await;
        lags.push(started.elapsed());
    }
    let (before, started) = (cpu(hub.pid()), Instant::now());
    let rest: Vec<Run> = runs.collect();
    for part in rest.chunks(AT_ONCE) {
        publish(&mut author, part.to_vec()).await;
        sent += part.len() as u64;
    }
    seen.by_all(sent).await;
    let (time, used) = (started.elapsed(), cpu(hub.pid()) - before);
    let memory = memory(hub.pid());
    drop(followers);
    lags.sort_unstable();
    let delivered = (rest.len() * plan.followers) as f64;
    json!({
        "entries": entries, "followers": plan.followers, "records": rest.len(),
        "deliveries_per_second": (delivered / time.as_secs_f64()).round(),
        "records_per_second": (rest.len() as f64 / time.as_secs_f64()).round(),
        "hub_cpu_us_a_delivery": ratio(used.as_micros() as f64, delivered),
        "lag_of_the_last_follower_p50_ms": millis(at(&lags, 0.5)),
        "lag_of_the_last_follower_p99_ms": millis(at(&lags, 0.99)),
        "hub_peak_mib": mib(memory.peak),
        "hub_own_mib": mib(memory.own),
    })
}

/// Followers of a node, for as long as they are kept.
pub async fn followers(hub: &Source, count: usize) -> JoinSet<()> {
    all(hub, count).await.1
}

async fn all(hub: &Source, count: usize) -> (Arc<Seen>, JoinSet<()>) {
    let counts = (0..count).map(|_| AtomicU64::new(0)).collect();
    let seen = Arc::new(Seen { counts, changed: watch::channel(()).0 });
    let mut followers = JoinSet::new();
    for n in 0..count {
        follow(hub, Arc::clone(&seen), n, &mut followers).await;
    }
    (seen, followers)
}

async fn publish(
    author: &mut caphub_proto::v1::exchange_service_client::ExchangeServiceClient<tonic::transport::Channel>,
    runs: Vec<Run>,
) {
    let answer = author.publish(PublishRequest { runs }).await.expect("an answer");
    assert!(answer.get_ref().refusals.is_empty(), "{answer:?}");
}

/// A follower that only counts: the cost measured is the node's.
async fn follow(hub: &Source, seen: Arc<Seen>, n: usize, followers: &mut JoinSet<()>) {
    let identity = LinkIdentity { party: PartyId([n as u8 + 1; 32]), signer: fresh().expect("a key") };
    let addresses = [hub.node.address.clone()];
    let channel = dial(&identity, hub.party, None, &addresses, now_ms()).await.expect("a link");
    let mut client = FederationServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let hello = HelloRequest { versions: vec![1], time_ms: now_ms(), ..HelloRequest::default() };
    let hello = client.hello(hello).await.expect("a greeting").into_inner();
    let request = PullRequest { position: hello.position, follow: true, ..PullRequest::default() };
    let mut stream = client.pull(request).await.expect("a stream").into_inner();
    followers.spawn(async move {
        while let Ok(Some(message)) = stream.message().await {
            let entries: u64 =
                message.runs.iter().map(|r| unpack(&r.entries).map_or(0, |e| e.len() as u64)).sum();
            seen.counts[n].fetch_add(entries, Ordering::AcqRel);
            seen.changed.send_replace(());
        }
    });
}
