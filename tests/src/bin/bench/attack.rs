//! A member that asks while others attack: its slowest answers beside those of a quiet moment before, and what the node takes of
//! memory. Attackers, each in a process of its own, go at a bounded pace over loopback; their share of a processor is shown.

use std::process::Stdio;
use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_proto::v1::HelloRequest;
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_tests::desk::Member;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tonic::transport::Channel;

use crate::Plan;
use crate::attacker::{WORD, names};
use crate::source::{Source, machine};
use crate::usage::{at, cpu, forget_peak, memory, mib, millis, ratio};

/// Between two requests of the honest member: well within what the node allows one identity in a minute.
const PAUSE: Duration = Duration::from_millis(15);
/// An attack that has begun: processes start, crowds gather.
const BEGINNING: Duration = Duration::from_millis(500);
/// How long the node is left alone after one attack.
const REST: Duration = Duration::from_millis(500);
/// By how much the slowest of a hundred answers may grow.
const GOAL: f64 = 3.0;

/// Measures it.
pub async fn run(plan: &Plan) -> Value {
    let mut hub = Source::found(machine(), "hub").await;
    hub.start().await;
    let card = hub.machine.path(&hub.node.card().await).display().to_string();
    let invite = async |country: &str| hub.machine.path(&hub.node.invitation(country).await);
    let text = std::fs::read_to_string(invite("TV").await).expect("an invitation");
    let member = Member::join(&hub.machine.path("desk"), &text, "TV", 1).await;
    let flooder = invite("FJ").await.display().to_string();
    let mut client = FederationServiceClient::new(member.dial().await);
    let (mut rows, mut worst, mut ceiling) = (Vec::new(), 0.0_f64, 0);
    for name in names() {
        let time = Duration::from_secs(plan.seconds);
        let quiet = asked(&mut client, time).await;
        forget_peak(hub.pid());
        let before = (cpu(hub.pid()), Instant::now());
        let seconds = plan.seconds + 1;
        let mut attacker = start(name, &card, &flooder, seconds, plan.connections);
        tokio::time::sleep(BEGINNING).await;
        let attacked = asked(&mut client, time).await;
        // Its own end is no part of it: what it took until now is.
        let took = attacker.id().map(cpu).unwrap_or_default();
        let gone = before.1.elapsed();
        let node = cpu(hub.pid()) - before.0;
        let said = ended(&mut attacker).await;
        let peak = memory(hub.pid()).peak;
        let (calm, under) = (at(&quiet, 0.99), at(&attacked, 0.99));
        let times = ratio(under.as_secs_f64(), calm.as_secs_f64());
        (worst, ceiling) = (worst.max(times), ceiling.max(peak));
        rows.push(json!({
            "attack": name, "quiet_p99_ms": millis(calm), "attacked_p99_ms": millis(under), "ratio": times,
            "within_goal": times <= GOAL, "attacked_p50_ms": millis(at(&attacked, 0.5)), "answers": attacked.len(),
            "node_peak_mib": mib(peak),
            "attacker_processor_share": ratio(took.as_secs_f64(), gone.as_secs_f64()),
            "node_processor_share": ratio(node.as_secs_f64(), gone.as_secs_f64()),
            "attacker": said,
        }));
        tokio::time::sleep(REST).await;
    }
    let within = rows.iter().filter(|row| row["within_goal"] == true).count();
    json!({
        "seconds_of_each": plan.seconds, "attacks": rows, "attacks_within_goal": within, "goal_ratio": GOAL,
        "worst_ratio": worst, "node_peak_mib": mib(ceiling),
    })
}

/// One attack as a line of text.
pub fn line(row: &Value) -> String {
    let of = |name: &str| row[name].to_string();
    format!(
        "{:<48} p99 quiet {} ms, attacked {} ms, ratio {}; peak {} MiB; processors: attacker {}, node {}; {}",
        row["attack"].as_str().unwrap_or_default(),
        of("quiet_p99_ms"),
        of("attacked_p99_ms"),
        of("ratio"),
        of("node_peak_mib"),
        of("attacker_processor_share"),
        of("node_processor_share"),
        of("attacker"),
    )
}

/// How long each answer took, sorted; every one of them has to come.
async fn asked(client: &mut FederationServiceClient<Channel>, time: Duration) -> Vec<Duration> {
    let (until, mut took) = (Instant::now() + time, Vec::new());
    while Instant::now() < until {
        let request = HelloRequest { versions: vec![1], time_ms: now_ms(), ..HelloRequest::default() };
        let started = Instant::now();
        client.hello(request).await.expect("an answer to a member");
        took.push(started.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    took.sort_unstable();
    took
}

fn start(name: &str, card: &str, invitation: &str, seconds: u64, connections: usize) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(program).args([WORD, name, card, invitation]);
    command.args([seconds.to_string(), connections.to_string()]);
    command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("an attacker")
}

async fn ended(attacker: &mut Child) -> Value {
    let mut said = String::new();
    if let Some(mut out) = attacker.stdout.take() {
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut out, &mut said).await;
    }
    let _ = attacker.wait().await;
    serde_json::from_str(said.trim()).unwrap_or_default()
}
