//! A sync of the disk that fails, under the real binary: it is never retried into success, the hub says that its disk failed and
//! takes nothing more, and after a start all that was acknowledged is there. Needs a C compiler for a few lines that stand
//! between the program and the system, and says so where there is none.

use std::path::Path;
use std::process::Command;

use caphub_tests::acknowledged::Acknowledged;
use caphub_tests::damage::node;
use caphub_tests::pages::{free, page};
use caphub_tests::{Machine, NodeProcess};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// Once a file of this name is there, the next sync fails once, as a disk does that has dropped what it was to write; each sync
/// of a file of segments is counted in another file.
const BETWEEN: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int of_log(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/store/segments/") != NULL;
}
int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    if (of_log(fd)) {
        int count = open(getenv("SYNCS"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (count >= 0) { if (write(count, "x", 1) < 0) {} close(count); }
        if (unlink(getenv("FAIL_ONCE")) == 0) { errno = EIO; return -1; }
    }
    return real(fd);
}
"#;

/// The lines as something that can stand there.
fn compiled(machine: &Machine) -> Result<String, String> {
    let (source, built) = (machine.path("between.c"), machine.path("between.so"));
    std::fs::write(&source, BETWEEN).map_err(|e| e.to_string())?;
    let output =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&built).arg(&source).arg("-ldl").output();
    let output = output.map_err(|e| format!("cc: {e}"))?;
    match output.status.success() {
        true => Ok(built.display().to_string()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn syncs(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}

async fn disk(hub: &NodeProcess<'_>) -> serde_json::Value {
    hub.ask(&["status"]).await.ok().json()["disk"].clone()
}

#[tokio::test]
async fn a_sync_that_failed_is_not_retried_into_success_and_the_hub_says_so_until_it_is_started_again() {
    let machine = Machine::new(PROGRAM, "en");
    let between = match compiled(&machine) {
        Ok(path) => path,
        Err(reason) => return println!("NOT RUN: nothing can stand between program and system: {reason}"),
    };
    let (fail, count, port) = (machine.path("fail-once"), machine.path("syncs"), free().await);
    let (fail_text, count_text) = (fail.display().to_string(), count.display().to_string());
    let more = [
        ("LD_PRELOAD", &between[..]),
        ("FAIL_ONCE", &fail_text),
        ("SYNCS", &count_text),
        ("CAPHUB_METRICS", &port),
    ];
    let mut hub = machine.hub_at("hub", "Hub", "009", "127.0.0.1:0", &more).await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    let mut member = Acknowledged::new(&machine, "tv");
    member.publish().await;
    assert!(member.sync().await);
    hub.reaches("records", 1).await;
    let before = syncs(&count);
    assert!(before > 0, "the lines stand between");
    let entries = hub.ask(&["status"]).await.ok().json()["entries"].clone();
    // One sync fails; those after it would work.
    std::fs::write(&fail, "").expect("a file");
    member.publish().await;
    member.sync().await;
    assert!(!fail.exists(), "it has failed");
    let failed = syncs(&count);
    assert_eq!(failed, before + 1, "and was not tried again");
    assert_eq!(disk(&hub).await, "failed");
    for _ in 0..3 {
        member.publish().await;
        member.sync().await;
    }
    assert_eq!(syncs(&count), failed, "nothing is written any more");
    let status = hub.ask(&["status"]).await.ok().json();
    assert_eq!((&status["disk"], &status["records"]), (&"failed".into(), &1.into()), "what it held is read");
    assert_eq!(status["entries"], entries);
    assert!(hub.log().contains("the disk failed"), "{}", hub.log());
    let said = machine.run(&["--hub-dir", "hub", "hub", "status"]).await.ok();
    assert!(said.out.contains("The disk failed"), "{said:?}");
    assert!(page(&port, "/metrics").await.1.contains("caphub_read_only 1"));
    assert!(page(&port, "/ready").await.1.contains("the disk failed"));
    hub.kill().await;
    hub.up().await;
    assert_eq!(disk(&hub).await, "");
    assert!(member.sync().await);
    hub.reaches("records", 5).await;
    member.check_with(&hub).await;
    hub.stop().await;
    node(&machine, "hub", &["verify"]).await.ok();
}
