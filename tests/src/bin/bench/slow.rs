//! A slow, far and lossy link that is cut twice: when the first record is there, and what the link carried in all.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Plan;
use crate::catalogue::Catalogue;
use crate::receiver;
use crate::source::{Source, machine};
use crate::usage::{millis, ratio};

/// Makes the link.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/slow-link.py");
/// The near end of it, and the far end's network namespace.
const NEAR: (&str, &str) = ("10.213.64.1", "caphub-slow");
/// What the link carries in a second.
const BYTES_PER_SECOND: f64 = 8_000.0;
/// How long the first syncs go on before they are cut.
const CUT_AFTER: Duration = Duration::from_secs(8);
/// Syncs that are cut before one may end.
const CUTS: usize = 2;

/// Measures it; says why where it cannot be.
pub async fn run(plan: &Plan) -> Value {
    let mut link = match link().await {
        Ok(link) => link,
        Err(why) => return json!({ "not_measured": why }),
    };
    let catalogue = Catalogue::make(plan.entries, plan.feeds.min(plan.entries));
    let mut hub = Source::found(machine(), "hub").await;
    hub.fill(&catalogue, catalogue.records.clone(), true).await;
    let port = hub.node.address.rsplit_once(':').map_or("", |(_, port)| port).to_owned();
    hub.node.address = format!("{}:{port}", NEAR.0);
    hub.start().await;
    let (started, before) = (Instant::now(), carried());
    let mut first = None;
    let mut received = 0;
    for _ in 0..CUTS {
        let (seen, last) = part(&hub, Some(CUT_AFTER)).await;
        first = first.or(seen);
        received += last["bytes"].as_u64().unwrap_or_default();
    }
    let (seen, last) = part(&hub, None).await;
    first = first.or(seen);
    received += last["bytes"].as_u64().unwrap_or_default();
    let (time, after) = (started.elapsed(), carried());
    drop(link.stdin.take());
    let _ = link.wait().await;
    let unique = last["held_bytes"].as_f64().unwrap_or_default();
    let down = (after.0 - before.0) as f64;
    json!({
        "entries": plan.entries, "cuts": CUTS, "entry_bytes": unique,
        "first_dial_to_link_ms": first.map(|f| millis(f.dialling)),
        "first_link_to_record_ms": first.map(|f| millis(f.waiting)),
        "seconds": (time.as_secs_f64() * 10.0).round() / 10.0,
        "seconds_at_full_rate_uncompressed": (unique / BYTES_PER_SECOND * 10.0).round() / 10.0,
        "link_bytes_down": down, "link_bytes_up": after.1 - before.1,
        "link_bytes_to_entry_bytes": ratio(down, unique),
        "entry_bytes_received_twice": received as f64 - unique,
    })
}

/// What it took until a record was there.
#[derive(Clone, Copy)]
struct First {
    /// From dialling until both ends were proven: ways there and back that no protocol above TCP and TLS can save.
    dialling: Duration,
    /// From then on.
    waiting: Duration,
}

/// One sync in the namespace, ended after a while or by itself: its first record, and its last word.
async fn part(hub: &Source, cut_after: Option<Duration>) -> (Option<First>, Value) {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", NEAR.1]).arg(std::env::current_exe().expect("this program"));
    command
        .arg(receiver::SLOWLY)
        .arg(hub.machine.path("slow"))
        .arg(&hub.node.address)
        .arg(hub.party.to_string());
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("a receiver");
    let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
    let (mut first, mut last, mut linked) = (None, Value::Null, None);
    let reading = async {
        while let Ok(Some(line)) = lines.next_line().await {
            let word: Value = serde_json::from_str(&line).expect("progress");
            if let Some(micros) = word["linked_us"].as_u64() {
                linked = Some((Instant::now(), Duration::from_micros(micros)));
                continue;
            }
            last = word;
            if let (None, true, Some((since, dialling))) = (first, last["records"] == true, linked) {
                first = Some(First { dialling, waiting: since.elapsed() });
            }
        }
    };
    match cut_after {
        None => reading.await,
        Some(after) => drop(tokio::time::timeout(after, reading).await),
    }
    let _ = child.kill().await;
    (first, last)
}

async fn link() -> Result<Child, String> {
    let mut command = Command::new("python3");
    command.arg(SCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| format!("python3: {e}"))?;
    let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
    match lines.next_line().await {
        Ok(Some(line)) if line == "ready" => Ok(child),
        _ => Err("the slow link could not be made: see the message above".to_owned()),
    }
}

/// Bytes that left the near end, and that came to it.
fn carried() -> (u64, u64) {
    let of = |name: &str| {
        let path = Path::new("/sys/class/net/caphub-near/statistics").join(name);
        std::fs::read_to_string(path).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0)
    };
    (of("tx_bytes"), of("rx_bytes"))
}
