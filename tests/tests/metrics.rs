//! What a monitor of the machine reads: metrics, readiness, what systemd is told, and that what `deploy` asks for exists.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use caphub_tests::Machine;
use caphub_tests::pages::{free, page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixDatagram};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// The value of a series.
fn value(metrics: &str, series: &str) -> f64 {
    let line =
        metrics.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no {series} in:\n{metrics}"));
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

/// The project's own folder.
fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project")
}

/// Names of our metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|w| w.starts_with("caphub_") && !w.ends_with('_')).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_monitor_reads_what_the_node_does_and_deploy_asks_for_nothing_else() {
    let machine = Machine::new(PROGRAM, "en");
    let mut north = machine.hub("north", "North Hub", "009").await;
    let south = machine.hub("south", "South Hub", "061").await;
    let card = south.card().await;
    north.ask(&["link", "add", &card]).await.ok();
    let file = north.invitation("TV").await;
    north.stop().await;

    let (port, folder) = (free().await, tempfile::tempdir().expect("a folder"));
    let socket = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).expect("a socket");
    let told = socket.to_string_lossy();
    let mut north =
        machine.node("north", &north.address, &[("CAPHUB_METRICS", &port), ("NOTIFY_SOCKET", &told)]);
    north.up().await;
    let mut words = [0; 1_024];
    let heard = tokio::time::timeout(Duration::from_secs(10), systemd.recv(&mut words)).await;
    let said = String::from_utf8_lossy(&words[..heard.expect("in time").expect("a message")]).into_owned();
    assert!(said.contains("READY=1") && said.contains("STATUS="), "{said}");

    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    machine.run(&["--home", "tv", "need", "add", "--title", "A need", "--theme", "standards"]).await.ok();
    machine.run(&["--home", "tv", "sync"]).await.ok();
    north.reaches("records", 1).await;
    let (status, metrics) = page(&port, "/metrics").await;
    assert!(status.contains("200"), "{status}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(value(&metrics, "caphub_entries") >= 4.0, "{metrics}");
    assert!(value(&metrics, "caphub_entries_stored_total") >= 1.0, "{metrics}");
    assert!(value(&metrics, "caphub_fsync_duration_seconds_count") >= 1.0, "{metrics}");
    assert!((value(&metrics, "caphub_members") - 1.0).abs() < 0.1, "{metrics}");
    assert!((value(&metrics, "caphub_read_only")).abs() < 0.1, "{metrics}");
    assert!(value(&metrics, "caphub_link_connected{link=\"1\"}") >= 0.0, "{metrics}");
    assert_eq!(page(&port, "/ready").await, ("HTTP/1.1 200 OK".to_owned(), "ready\n".to_owned()));
    assert_eq!(page(&port, "/live").await.1, "live\n");
    assert!(page(&port, "/secret").await.0.contains("404"));
    let id = machine.run(&["--home", "tv", "status", "--json"]).await.ok().json()["party"].to_string();
    let hexadecimal = id.trim_matches('"').to_owned();
    assert!(!hexadecimal.is_empty() && !metrics.contains(&hexadecimal), "a party is no label");

    let exported = named(&metrics);
    for file in ["deploy/alerts.yml", "deploy/grafana-dashboard.json"] {
        let asked = named(&std::fs::read_to_string(project().join(file)).expect(file));
        assert!(asked.len() > 5, "{file} asks for metrics");
        let missing: Vec<_> = asked.difference(&exported).collect();
        assert!(missing.is_empty(), "{file} asks for what no node exports: {missing:?}");
    }

    // A handshake that fails is counted.
    let mut stranger = TcpStream::connect(&north.address).await.expect("a connection");
    stranger.write_all(b"GET / HTTP/1.0\r\n\r\n").await.expect("bytes");
    let _ = stranger.read_to_end(&mut Vec::new()).await;
    let (_, metrics) = page(&port, "/metrics").await;
    assert!(
        value(&metrics, "caphub_connections_turned_away_total{cause=\"handshake_failed\"}") >= 1.0,
        "{metrics}"
    );
}

#[tokio::test]
async fn metrics_are_not_shown_to_other_machines() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("north", "North Hub", "009").await;
    hub.stop().await;
    let mut hub = machine.node("north", &hub.address, &[("CAPHUB_METRICS", "0.0.0.0:0")]);
    hub.launch();
    let ended = async {
        while !hub.log().contains("can be reached from other machines") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it says why it does not start");
}

#[test]
fn the_unit_shuts_the_node_off_from_the_machine() {
    let unit = project().join("deploy/caphub-node.service");
    let asked = ["security", "--offline=true", "--threshold=20", "--no-pager"];
    let Ok(said) = std::process::Command::new("systemd-analyze").args(asked).arg(unit).output() else {
        return eprintln!("not checked: systemd-analyze is not on this machine");
    };
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
    assert!(text.contains("Overall exposure level"), "{text}");
}

#[tokio::test]
async fn hostile_callers_of_the_loopback_port_get_nothing_and_hold_nobody_up() {
    let machine = Machine::new(PROGRAM, "en");
    machine.run(&["node", "--dir", "north", "init", "North Hub", "--region", "009"]).await.ok();
    let port = free().await;
    let mut north = machine.node("north", "127.0.0.1:0", &[("CAPHUB_METRICS", &port)]);
    north.up().await;
    for path in ["/../hub.json", "/metrics/../keys", "//metrics", "/%2e%2e/keys/operator.key", "/metrics/"] {
        let (status, text) = page(&port, path).await;
        assert!(status.contains("404") && text.len() < 100, "{path}: {status} {text}");
    }
    let said = async |bytes: Vec<u8>| {
        let mut stream = TcpStream::connect(&port).await.expect("the port");
        let _ = stream.write_all(&bytes).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"] {
        let answer = said(format!("{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()).await;
        assert!(!answer.contains("200 OK") && !answer.contains("caphub_"), "{method}: {answer}");
    }
    let huge = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(4 << 20));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    for bytes in [huge.into_bytes(), many.into_bytes(), vec![0xff; 100_000]] {
        assert!(!said(bytes).await.contains("caphub_"));
    }
    // More slow callers than there are places: they lose theirs, and the monitor is answered again.
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(&port).await.expect("the port");
        let _ = stream.write_all(b"GET /met").await;
        slow.push(stream);
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let mut stream = TcpStream::connect(&port).await.expect("the port");
        let _ = stream.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        if answer.contains("200 OK") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "slow callers hold the port");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    north.ask(&["status"]).await.ok();
}
