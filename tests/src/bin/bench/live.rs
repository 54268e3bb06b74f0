//! One new record at a time, from its publication at one hub until a reader of a linked hub sees it.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::link::dial;
use caphub_proto::v1::exchange_service_client::ExchangeServiceClient;
use caphub_proto::v1::{PublishRequest, WatchRequest};
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::Plan;
use crate::catalogue::Catalogue;
use crate::pair::Pair;
use crate::source::Source;
use crate::usage::{at, cpu, millis, ratio};

/// Records published one after the other.
const SAMPLES: usize = 200;
/// Silence between two of them.
const PAUSE: Duration = Duration::from_millis(25);
/// Bytes of one durable write, as a record takes.
const RECORD_BYTES: usize = 1_400;
/// How long a record may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let feeds = plan.feeds.min(plan.entries / (2 * SAMPLES as u64)).max(1);
    let catalogue = Catalogue::make(plan.entries, feeds);
    let mut pair = Pair::make(&catalogue, catalogue.without_ends(1, SAMPLES)).await;
    pair.near.start().await;
    pair.far.start().await;
    pair.same().await;
    let mut publisher = client(&catalogue, &pair.near).await;
    let mut reader = client(&catalogue, &pair.far).await;
    let mut watch = reader.watch(WatchRequest::default()).await.expect("a watch").into_inner();
    let mut file = File::create(pair.near.machine.path("synced")).expect("a file");
    let (mut visible, mut stored, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    let used = (cpu(pair.near.pid()), cpu(pair.far.pid()));
    for (record, run) in catalogue.ends(SAMPLES) {
        tokio::time::sleep(PAUSE).await;
        let started = Instant::now();
        file.write_all(&[7; RECORD_BYTES]).and_then(|()| file.sync_data()).expect("a durable write");
        syncs.push(started.elapsed());
        let started = Instant::now();
        let publishing = async {
            let answer = publisher.publish(PublishRequest { runs: vec![run] }).await.expect("an answer");
            assert!(answer.get_ref().refusals.is_empty(), "{answer:?}");
            started.elapsed()
        };
        let seeing = async {
            loop {
                let seen = watch.message().await.expect("a watch").expect("a record").record;
                if seen.is_some_and(|r| r.record_id == record) {
                    return started.elapsed();
                }
            }
        };
        let both = tokio::time::timeout(PATIENCE, async { tokio::join!(publishing, seeing) });
        let (acknowledged, seen) = both.await.expect("the record to arrive");
        stored.push(acknowledged);
        visible.push(seen);
    }
    let used = (cpu(pair.near.pid()) - used.0, cpu(pair.far.pid()) - used.1);
    for times in [&mut visible, &mut stored, &mut syncs] {
        times.sort_unstable();
    }
    let (median, sync) = (at(&visible, 0.5), at(&syncs, 0.5));
    let goal = 2 * sync + Duration::from_millis(2);
    json!({
        "entries": plan.entries, "feeds": feeds, "records": SAMPLES,
        "visible_p50_ms": millis(median),
        "visible_p99_ms": millis(at(&visible, 0.99)),
        "stored_p50_ms": millis(at(&stored, 0.5)),
        "fdatasync_p50_ms": millis(sync),
        "fdatasync_p99_ms": millis(at(&syncs, 0.99)),
        "goal_p50_ms": millis(goal),
        "p50_to_goal": ratio(median.as_secs_f64(), goal.as_secs_f64()),
        "p99_to_p50": ratio(at(&visible, 0.99).as_secs_f64(), median.as_secs_f64()),
        "cpu_ms_a_record_publishing_hub": millis(used.0 / SAMPLES as u32),
        "cpu_ms_a_record_reading_hub": millis(used.1 / SAMPLES as u32),
    })
}

/// The first organisation's desk, connected to a hub.
pub async fn client(catalogue: &Catalogue, hub: &Source) -> ExchangeServiceClient<Channel> {
    let addresses = [hub.node.address.clone()];
    let channel = dial(&catalogue.desk(0), hub.party, None, &addresses, now_ms()).await.expect("a link");
    ExchangeServiceClient::new(channel)
}
