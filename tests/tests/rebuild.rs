//! The views of a running hub are derived again, with the real binary: it answers meanwhile, what comes meanwhile is there
//! afterwards, and a kill in the middle leaves what there was.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caphub_tests::damage::node;
use caphub_tests::members::write_courses;
use caphub_tests::{Machine, NodeProcess};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// Enough that deriving them again takes long enough to be met in the middle.
const COURSES: u64 = 12_000;

async fn hub(machine: &Machine) -> NodeProcess<'_> {
    let hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    write_courses(machine, "tv", "Lesson", COURSES).await;
    machine.run(&["--home", "tv", "sync"]).await.ok();
    hub.reaches("records", COURSES).await;
    hub
}

/// The folder of the views, by what only that one has: its inode.
fn inode(folder: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(folder).expect("a folder"))
}

async fn appears(path: &Path) {
    let there = async {
        while !path.join("meta.json").exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), there).await.expect("views beside the others");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_of_a_running_hub_are_derived_again_while_it_answers_and_takes_in() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = hub(&machine).await;
    let views = hub.below("views");
    let before = inode(&views);
    let (done, asked, slowest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let asking = async {
        while !done.load(Ordering::Acquire) {
            let began = Instant::now();
            let status = hub.ask(&["status"]).await.ok().json();
            // Never fewer than there were, at any moment.
            assert!(status["records"].as_u64() >= Some(COURSES), "{status}");
            assert_eq!(status["members"], 1, "{status}");
            asked.fetch_add(1, Ordering::AcqRel);
            slowest.fetch_max(began.elapsed().as_millis() as u64, Ordering::AcqRel);
        }
    };
    let publishing = async {
        let mut published = 0;
        while !done.load(Ordering::Acquire) {
            let title = format!("Meanwhile {published}");
            machine.run(&["--home", "tv", "course", "add", "--title", &title]).await.ok();
            machine.run(&["--home", "tv", "sync"]).await.ok();
            published += 1;
        }
        published
    };
    let rebuilding = async {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(node(&machine, "hub", &["rebuild"]).await.ok());
        }
        done.store(true, Ordering::Release);
        all
    };
    let ((), published, all) = tokio::join!(asking, publishing, rebuilding);
    for said in &all {
        assert!(said.out.contains("while the hub ran"), "{said:?}");
    }
    assert_ne!(inode(&views), before, "other files answer now");
    assert!(!hub.below("views.next").exists(), "and those before are gone");
    hub.reaches("records", COURSES + published).await;
    let (asked, slowest) = (asked.into_inner(), slowest.into_inner());
    println!("{published} published and {asked} answered meanwhile, the slowest within {slowest} ms");
    assert!(asked > 0 && published > 0);
    // Two at once: the second is told, and nothing breaks.
    let (one, two) = tokio::join!(node(&machine, "hub", &["rebuild"]), node(&machine, "hub", &["rebuild"]));
    assert!(one.code == 0 || two.code == 0, "{one:?} {two:?}");
    for said in [one, two].iter().filter(|s| s.code != 0) {
        assert!(said.err.contains("derived again already") && said.err.contains("hint: "), "{said:?}");
    }
    hub.reaches("records", COURSES + published).await;
    node(&machine, "hub", &["verify"]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_the_views_before_answer_and_what_was_begun_goes() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = hub(&machine).await;
    let (views, next) = (hub.below("views"), hub.below("views.next"));
    let mut met = 0;
    for wait in [0, 30, 150, 400] {
        let before = inode(&views);
        let mut rebuild = machine.start(&["node", "--dir", "hub", "rebuild"]);
        appears(&next).await;
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let middle = next.exists() && inode(&views) == before;
        hub.kill().await;
        let code = rebuild.wait().await.expect("a process").code();
        hub.up().await;
        if middle {
            met += 1;
            assert_ne!(code, Some(0), "after {wait} ms it cannot have been done");
            assert_eq!(inode(&views), before, "after {wait} ms: those before");
        }
        assert!(!next.exists(), "after {wait} ms: what was begun is gone");
        hub.reaches("records", COURSES).await;
        hub.reaches("members", 1).await;
        hub.reaches("behind", 0).await;
    }
    assert!(met > 0, "no kill met a rebuild in its middle");
    println!("{met} kills met a rebuild in its middle");
    // And stopped in good order.
    let rebuild = machine.run(&["node", "--dir", "hub", "rebuild"]);
    let stopping = async {
        appears(&next).await;
        hub.stop().await;
    };
    let (said, ()) = tokio::join!(rebuild, stopping);
    assert!(said.code == 0 || said.err.contains("hint: "), "{said:?}");
    hub.up().await;
    hub.reaches("records", COURSES).await;
    assert!(!next.exists());
}
