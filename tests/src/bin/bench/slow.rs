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
use crate::usage::{at, millis, ratio};

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
/// First contacts, each of a replica of its own: where a packet in fifty is lost, one of them says little.
const CONTACTS: usize = 9;
/// A way there and back on the link.
const ROUND_TRIP: Duration = Duration::from_millis(600);
/// How long a first contact may take before the benchmark gives up on it.
const CONTACT_MAX: Duration = Duration::from_secs(30);

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
    let mut firsts = Vec::new();
    for n in 0..CONTACTS {
        firsts.extend(part(&hub, &format!("first-{n}"), Until::Record).await.0);
    }
    let (started, before) = (Instant::now(), carried());
    let mut received = 0;
    for _ in 0..CUTS {
        let (_, last) = part(&hub, "slow", Until::Cut(CUT_AFTER)).await;
        received += last["bytes"].as_u64().unwrap_or_default();
    }
    let (_, last) = part(&hub, "slow", Until::End).await;
    received += last["bytes"].as_u64().unwrap_or_default();
    let (time, after) = (started.elapsed(), carried());
    drop(link.stdin.take());
    let _ = link.wait().await;
    let unique = last["held_bytes"].as_f64().unwrap_or_default();
    let down = (after.0 - before.0) as f64;
    // No protocol is faster: TCP and TLS take a way there and back each, a question and its answer another, and then the
    // keys of hub and author and one record have to pass.
    let keys = catalogue.identities.first().map_or(0, |run| run.entries.len());
    let least = (2 * keys) as f64 + catalogue.bytes() as f64 / plan.entries as f64;
    let floor = ROUND_TRIP + Duration::from_secs_f64(least / BYTES_PER_SECOND);
    let mut dialling: Vec<Duration> = firsts.iter().map(|f| f.dialling).collect();
    let mut waiting: Vec<Duration> = firsts.iter().map(|f| f.waiting).collect();
    dialling.sort_unstable();
    waiting.sort_unstable();
    json!({
        "entries": plan.entries, "cuts": CUTS, "entry_bytes": unique,
        "first_contacts": firsts.len(),
        "first_dial_to_link_ms": millis(at(&dialling, 0.5)),
        "floor_dial_to_link_ms": millis(2 * ROUND_TRIP),
        "first_link_to_record_ms": millis(at(&waiting, 0.5)),
        "first_link_to_record_best_ms": millis(at(&waiting, 0.0)),
        "first_link_to_record_worst_ms": millis(at(&waiting, 1.0)),
        "floor_link_to_record_ms": millis(floor),
        "first_link_to_record_to_floor": ratio(at(&waiting, 0.5).as_secs_f64(), floor.as_secs_f64()),
        "seconds": (time.as_secs_f64() * 10.0).round() / 10.0,
        "seconds_at_full_rate_uncompressed": (unique / BYTES_PER_SECOND * 10.0).round() / 10.0,
        "link_bytes_down": down, "link_bytes_up": after.1 - before.1,
        "link_bytes_to_entry_bytes": ratio(down, unique),
        "entry_bytes_received_twice": received as f64 - unique,
    })
}

/// When a sync is ended.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    /// By itself.
    End,
    /// After a while.
    Cut(Duration),
    /// Once a record is there.
    Record,
}

/// What it took until a record was there.
#[derive(Clone, Copy)]
struct First {
    /// From dialling until both ends were proven: ways there and back that no protocol above TCP and TLS can save.
    dialling: Duration,
    /// From then on.
    waiting: Duration,
}

/// One sync of a replica in the namespace: its first record, and its last word.
async fn part(hub: &Source, replica: &str, until: Until) -> (Option<First>, Value) {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", NEAR.1]).arg(std::env::current_exe().expect("this program"));
    command
        .arg(receiver::SLOWLY)
        .arg(hub.machine.path(replica))
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
                if until == Until::Record {
                    return;
                }
            }
        }
    };
    match until {
        Until::End => reading.await,
        Until::Cut(after) => drop(tokio::time::timeout(after, reading).await),
        Until::Record => drop(tokio::time::timeout(CONTACT_MAX, reading).await),
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
