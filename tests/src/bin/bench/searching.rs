//! Search in a full node, in six languages, over a link as a member searches.

use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::link::dial;
use caphub_proto::v1::SearchRequest;
use caphub_proto::v1::exchange_service_client::ExchangeServiceClient;
use serde_json::{Value, json};

use crate::Plan;
use crate::catalogue::Catalogue;
use crate::source::{Source, machine};
use crate::spoken::{LANGUAGES, query};
use crate::usage::{at, memory, millis};

/// Searches that are measured in each language.
const SAMPLES: u64 = 200;
/// Searches of each language before that.
const WARM: u64 = 20;
/// Records of a page, as `caphub search` asks for.
const PAGE: u32 = 50;

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let mut source = Source::found(machine(), "source").await;
    let desk = {
        let catalogue = Catalogue::spoken(plan.entries, plan.feeds.min(plan.entries));
        let records = catalogue.records.clone();
        source.fill(&catalogue, records, true).await;
        catalogue.desk(0)
    };
    source.start().await;
    let addresses = [source.node.address.clone()];
    let channel = dial(&desk, source.party, None, &addresses, now_ms()).await.expect("a link");
    let mut client = ExchangeServiceClient::new(channel).max_decoding_message_size(16 << 20);
    let (mut all, mut found, mut languages) = (Vec::new(), 0, serde_json::Map::new());
    for (place, language) in LANGUAGES.iter().enumerate() {
        let mut times = Vec::new();
        for n in 0..WARM + SAMPLES {
            let request =
                SearchRequest { query: query(place, n), page_size: PAGE, ..SearchRequest::default() };
            let started = Instant::now();
            let answer = client.search(request).await.expect("an answer").into_inner();
            if n >= WARM {
                times.push(started.elapsed());
                found += answer.total;
            }
        }
        times.sort_unstable();
        languages
            .insert(language.0.to_owned(), json!({ "p50_ms": of(&times, 50), "p99_ms": of(&times, 99) }));
        all.extend(times);
    }
    all.sort_unstable();
    let mut queries: Vec<f64> = all.iter().map(|t| millis(*t)).collect();
    queries.sort_by(f64::total_cmp);
    let used = memory(source.pid());
    let mib = |bytes: u64| bytes / (1 << 20);
    json!({
        "entries": plan.entries, "searches": all.len(), "found_a_search": found / all.len().max(1) as u64,
        "p50_ms": at(&queries, 0.5), "p99_ms": at(&queries, 0.99), "worst_ms": of(&all, 100),
        "languages": languages, "memory_mib": mib(used.now), "memory_own_mib": mib(used.own),
        "memory_peak_mib": mib(used.peak),
    })
}

/// The time at a hundredth of a sorted list, in milliseconds.
fn of(sorted: &[Duration], hundredth: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * hundredth / 100).min(last)).map_or(0.0, |time| millis(*time))
}
