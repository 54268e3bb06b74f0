//! What `deploy` asks of a monitor, by the monitor's own programs: a real Prometheus reads a running node and answers every
//! query of the dashboard and the alerts, and its test tool sees each alert fire when it should.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use caphub_tests::Machine;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project")
}

/// A program of Prometheus, where .ci/run has unpacked it or the machine has it.
fn tool(name: &str) -> Option<PathBuf> {
    let unpacked = project().join("target/tools/prometheus/usr/bin").join(name);
    let runs = |path: &Path| std::process::Command::new(path).arg("--version").output().is_ok();
    let found = [unpacked, PathBuf::from(name)].into_iter().find(|path| runs(path));
    assert!(found.is_some() || std::env::var_os("CAPHUB_TOOLS_REQUIRED").is_none(), "{name} is not here");
    if found.is_none() {
        eprintln!("not checked: {name} is not on this machine");
    }
    found
}

/// A port that was free a moment ago.
async fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Every query of a dashboard's panels.
fn queries_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str().filter(|_| name == "expr") {
                    Some(query) => found.push(query.to_owned()),
                    None => queries_of(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries_of(value, found)),
        _ => {}
    }
}

/// What alerts compare: the query before the comparison.
fn compared(rule: &str) -> &str {
    let ends = [" > ", " < ", " == "].into_iter().filter_map(|sign| rule.rfind(sign)).max();
    rule.get(..ends.unwrap_or(rule.len())).unwrap_or(rule)
}

/// An answer of Prometheus to one query; nothing where it does not answer yet.
async fn asked(address: &str, query: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let plain = |b: u8| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") };
    let query: String = query.bytes().map(plain).collect();
    let asked = format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

#[tokio::test]
async fn a_real_prometheus_answers_every_query_of_the_dashboard_and_the_alerts() {
    let Some(prometheus) = tool("prometheus") else { return };
    let machine = Machine::new(PROGRAM, "en");
    let other = machine.hub("other", "Other Hub", "061").await;
    machine.run(&["node", "--dir", "hub", "init", "Hub", "--region", "009"]).await.ok();
    let (metrics, web) = (free().await, free().await);
    let mut hub = machine.node("hub", "127.0.0.1:0", &[("CAPHUB_METRICS", &metrics)]);
    hub.up().await;
    hub.ask(&["link", "add", &other.card().await]).await.ok();
    let settings = format!(
        "global: {{ scrape_interval: 250ms, scrape_timeout: 200ms }}\nscrape_configs:\n  \
         - job_name: caphub\n    static_configs: [{{ targets: [\"{metrics}\"] }}]\n"
    );
    std::fs::write(machine.path("prometheus.yml"), settings).expect("a file");
    let mut monitor = tokio::process::Command::new(prometheus)
        .current_dir(machine.path(""))
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--log.level=error"])
        .arg(format!("--web.listen-address={web}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a program");
    let dashboard = std::fs::read(project().join("deploy/grafana-dashboard.json")).expect("the dashboard");
    let mut queries = Vec::new();
    queries_of(&serde_json::from_slice(&dashboard).expect("JSON"), &mut queries);
    let alerts = std::fs::read_to_string(project().join("deploy/alerts.yml")).expect("the alerts");
    let rules = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    queries.extend(rules.map(|rule| compared(rule).to_owned()));
    assert!(queries.len() > 20, "{queries:?}");
    let deadline = Instant::now() + Duration::from_secs(60);
    for query in &queries {
        loop {
            let answer = asked(&web, query).await.unwrap_or_default();
            assert_ne!(answer["status"], "error", "{query}: {answer}");
            if answer["data"]["result"].as_array().is_some_and(|found| !found.is_empty()) {
                break;
            }
            assert!(Instant::now() < deadline, "no node exports what {query} asks for: {answer}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    monitor.kill().await.expect("a process");
}

#[test]
fn each_alert_fires_when_it_should_and_not_before() {
    let Some(promtool) = tool("promtool") else { return };
    let checked = |words: &[&str]| {
        let output = std::process::Command::new(&promtool).current_dir(project()).args(words).output();
        let output = output.expect("promtool");
        let said = [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s).into_owned()).concat();
        assert!(output.status.success(), "{said}");
        said
    };
    assert!(checked(&["check", "rules", "deploy/alerts.yml"]).contains("SUCCESS"));
    checked(&["test", "rules", "tests/tests/dashboards/alerts.yml"]);
    let [rules, tests] = ["deploy/alerts.yml", "tests/tests/dashboards/alerts.yml"]
        .map(|name| std::fs::read_to_string(project().join(name)).expect("a file"));
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert} has no test");
    }
}
