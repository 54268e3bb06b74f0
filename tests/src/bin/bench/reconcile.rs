//! Two linked hubs with ten records missing on each side, and two with nothing missing: what finding that out costs.

use std::time::{Duration, Instant};

use caphub_node::core::Core;
use serde_json::{Value, json};

use crate::Plan;
use crate::catalogue::Catalogue;
use crate::pair::{Pair, add};
use crate::proxy::Proxy;
use crate::source::Source;
use crate::syncing::{Link, Moved};
use crate::usage::{cpu, millis, ratio};

/// Records that each side lacks.
const MISSING: usize = 10;
/// Delay in each direction where round trips are counted; far above what a round takes without it.
const DELAY: Duration = Duration::from_millis(100);
/// Syncs with nothing to do that are averaged.
const IDLE: u32 = 200;

/// What one sync cost on the wire.
struct Cost {
    time: Duration,
    bytes: u64,
    moved: Moved,
}

/// Measures the sync with a difference.
pub async fn run(plan: &Plan) -> Value {
    let mut scene = Scene::make(plan).await;
    scene.differ(0).await;
    let plain = scene.sync(Duration::ZERO).await;
    scene.differ(1).await;
    let delayed = scene.sync(DELAY).await;
    json!({
        "entries": plan.entries, "feeds": plan.feeds, "missing_on_each_side": MISSING,
        "pulled": plain.moved.pulled, "pushed": plain.moved.pushed,
        "entry_bytes": plain.moved.bytes,
        "bytes_besides_entries": plain.bytes.saturating_sub(plain.moved.bytes),
        "round_trips": trips(&delayed, &plain),
        "time_ms": millis(plain.time),
    })
}

/// Measures the sync without one.
pub async fn idle(plan: &Plan) -> Value {
    let mut scene = Scene::make(plan).await;
    let core = scene.open();
    scene.pair.near.start().await;
    let proxy = Proxy::start(&scene.pair.near.node.address, Duration::ZERO).await.expect("a proxy");
    let mut link = scene.link(&proxy.address).await;
    let first = cost(&mut link, &core, &proxy).await;
    let (hub, own) = (scene.pair.near.pid(), std::process::id());
    let (before, own_before, started) = (cpu(hub), cpu(own), Instant::now());
    for _ in 0..IDLE {
        link.sync(&core).await;
    }
    let time = started.elapsed() / IDLE;
    let (used, own_used) = ((cpu(hub) - before) / IDLE, (cpu(own) - own_before) / IDLE);
    let slow = Proxy::start(&scene.pair.near.node.address, DELAY).await.expect("a proxy");
    let mut delayed = scene.link(&slow.address).await;
    let second = cost(&mut delayed, &core, &slow).await;
    json!({
        "entries": plan.entries, "feeds": plan.feeds,
        "bytes": first.bytes,
        "round_trips": trips(&second, &first),
        "time_ms": millis(time),
        "cpu_us_answering": used.as_micros() as u64,
        "cpu_us_asking": own_used.as_micros() as u64,
    })
}

/// Round trips on the critical path: what the delay added, in whole delays.
fn trips(delayed: &Cost, plain: &Cost) -> f64 {
    let added = delayed.time.saturating_sub(plain.time);
    ratio(added.as_secs_f64(), 2.0 * DELAY.as_secs_f64()).round()
}

struct Scene {
    pair: Pair,
    catalogue: Catalogue,
}

impl Scene {
    async fn make(plan: &Plan) -> Self {
        let catalogue = Catalogue::make(plan.entries, plan.feeds.max(4 * MISSING as u64));
        let mut pair = Pair::make(&catalogue, catalogue.without_ends(4 * MISSING, 1)).await;
        pair.converge().await;
        Self { pair, catalogue }
    }

    /// Gives each hub the last records of ten feeds that the other lacks.
    async fn differ(&mut self, round: usize) {
        self.pair.near.node.stop().await;
        let runs = |from: usize| self.catalogue.records[from..from + MISSING].to_vec();
        let from = 2 * MISSING * round;
        add(&self.pair.near, runs(from)).await;
        add(&self.pair.far, runs(from + MISSING)).await;
    }

    async fn sync(&mut self, delay: Duration) -> Cost {
        let core = self.open();
        self.pair.near.start().await;
        let proxy = Proxy::start(&self.pair.near.node.address, delay).await.expect("a proxy");
        let mut link = self.link(&proxy.address).await;
        let cost = cost(&mut link, &core, &proxy).await;
        assert_eq!(
            (cost.moved.pulled, cost.moved.pushed),
            (MISSING as u64, MISSING as u64),
            "{:?}",
            cost.moved
        );
        cost
    }

    /// The far hub's store, as its node opens it.
    fn open(&self) -> Core {
        let core = self.pair.far.open(false);
        core.ingest.link([self.pair.near.party].into());
        core
    }

    async fn link(&self, address: &str) -> Link {
        let Pair { near, far }: &Pair = &self.pair;
        let near: &Source = near;
        Link::open(&far.identity(), near.party, address).await
    }
}

async fn cost(link: &mut Link, core: &Core, proxy: &Proxy) -> Cost {
    let before = Link::settled(&proxy.counts).await;
    let started = Instant::now();
    let moved = link.sync(core).await;
    let time = started.elapsed();
    let after = Link::settled(&proxy.counts).await;
    Cost { time, bytes: after.0 + after.1 - before.0 - before.1, moved }
}
