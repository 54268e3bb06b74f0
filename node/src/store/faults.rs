//! Faults at every step of a commit: what was acknowledged stays, what failed leaves nothing, a failed sync is never
//! retried into success, and a full disk is read-only until there is room.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::disk::faults::{Fault, Plan};
use super::tests::{feed, run, texts};
use super::*;

/// Steps of a commit of own runs: write and sync of the segment, write and sync of the register.
const STEPS: usize = 4;

fn arm(store: &Store, at: Option<(usize, Fault)>) {
    *store.shared.disk.plan.lock().unwrap() = Plan { at, steps: 0 };
}

fn read(store: &Store, feed: &Feed) -> Vec<u8> {
    texts(&store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap())
}

#[tokio::test]
async fn a_fault_at_any_step_of_a_commit_leaves_nothing_of_it_and_is_never_retried_into_success() {
    for fault in [Fault::Short, Fault::Fails] {
        for step in 0..STEPS {
            let directory = tempfile::tempdir().unwrap();
            let (signer, feed) = feed(1);
            let first = run(&signer, &feed, None, 3);
            let second = run(&signer, &feed, Some(first.head), 5);
            let store = Store::open(directory.path()).unwrap();
            store.append_own(vec![first.clone()]).await.unwrap();
            arm(&store, Some((step, fault)));
            let failed = store.append_own(vec![second.clone()]).await;
            assert!(matches!(failed, Err(StoreError::Failed)), "{fault:?} at {step}: {failed:?}");
            // The disk works again: it does not help.
            arm(&store, None);
            let again = store.append_own(vec![second.clone()]).await;
            assert!(matches!(again, Err(StoreError::Failed)) && store.is_read_only(), "{fault:?} at {step}");
            assert_eq!(read(&store, &feed), first.packed, "what was acknowledged is read");
            drop(store);
            let store = Store::open(directory.path()).unwrap();
            assert_eq!(
                read(&store, &feed),
                first.packed,
                "{fault:?} at {step}: nothing of it is taken for durable"
            );
            // The author goes on after what is there, and never beside it.
            assert_eq!(
                store.own_head(&feed.id()).map(|(seq, _)| seq),
                store.head(&feed.id()).map(|h| h.head.seq)
            );
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_read_only_until_there_is_room_and_leaves_nothing_behind() {
    for step in 0..STEPS {
        let directory = tempfile::tempdir().unwrap();
        let (signer, feed) = feed(1);
        let first = run(&signer, &feed, None, 3);
        let second = run(&signer, &feed, Some(first.head), 5);
        let other = run(&signer, &feed, Some(first.head), 2);
        let store = Store::open(directory.path()).unwrap();
        store.append_own(vec![first.clone()]).await.unwrap();
        arm(&store, Some((step, Fault::NoRoom)));
        let refused = store.append_own(vec![second.clone()]).await;
        arm(&store, None);
        // Steps run side by side, so which of them a number meets is not fixed: a write without room is taken back; a
        // sync that fails is fatal, whatever it says.
        match refused {
            Err(StoreError::Full) => {
                // Seen from outside it is well again: this disk has room.
                assert!(
                    store.shared.full.load(Ordering::Acquire) && !store.has_failed() && !store.is_read_only()
                );
                // Another history may be signed there: of the first try nothing is left to contradict it.
                store.append_own(vec![other.clone()]).await.unwrap();
                assert!(!store.shared.full.load(Ordering::Acquire));
                let both = [&first.packed[..], &other.packed[..]].concat();
                assert_eq!(read(&store, &feed), both);
                drop(store);
                let store = Store::open(directory.path()).unwrap();
                assert_eq!(read(&store, &feed), both, "step {step}");
                assert_eq!(store.own_head(&feed.id()), Some((other.head.seq, other.head.hash)));
            }
            Err(StoreError::Failed) => assert!(store.has_failed()),
            other => panic!("{step}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_new_segment_whose_name_is_lost_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    let (signer, feed) = feed(1);
    let first = run(&signer, &feed, None, 3);
    let store = Store::open(directory.path()).unwrap();
    store.append(vec![first.clone()]).await.unwrap();
    drop(store);
    // What a power cut leaves where the folder was not synced: no file, an empty one, or a torn start.
    for start in [None, Some(0), Some(7), Some(23)] {
        let path = directory.path().join("segments/00000002.seg");
        let _ = std::fs::remove_file(&path);
        if let Some(bytes) = start {
            let whole = std::fs::read(directory.path().join("segments/00000001.seg")).unwrap();
            std::fs::write(&path, &whole[..bytes]).unwrap();
        }
        let store = Store::open(directory.path()).unwrap();
        assert_eq!(read(&store, &feed), first.packed, "{start:?}");
    }
}

#[tokio::test]
async fn a_last_page_of_zeroes_is_cut_and_what_was_before_it_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (signer, feed) = feed(1);
    let first = run(&signer, &feed, None, 3);
    let second = run(&signer, &feed, Some(first.head), 40);
    let store = Store::open(directory.path()).unwrap();
    store.append(vec![first.clone()]).await.unwrap();
    let length = std::fs::metadata(directory.path().join("segments/00000001.seg")).unwrap().len() as usize;
    store.append(vec![second]).await.unwrap();
    drop(store);
    let path = directory.path().join("segments/00000001.seg");
    let whole = std::fs::read(&path).unwrap();
    for page in (length / 4096)..=(whole.len() / 4096) {
        let mut torn = whole.clone();
        let from = (page * 4096).max(length);
        let to = ((page + 1) * 4096).min(whole.len());
        torn[from..to].fill(0);
        std::fs::write(&path, &torn).unwrap();
        let _ = std::fs::remove_dir_all(directory.path().join("index"));
        assert_eq!(read(&Store::open(directory.path()).unwrap(), &feed), first.packed, "page {page}");
    }
}

#[test]
fn another_version_of_the_format_is_refused_by_name_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path()).unwrap());
    let path = directory.path().join("segments/00000001.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    for version in [0, 3, 7] {
        bytes[7] = version;
        std::fs::write(&path, &bytes).unwrap();
        let error = Store::open(directory.path()).err().unwrap().to_string();
        let said = format!("has format version {version}, and this program reads versions up to 2");
        assert!(error.contains(&said), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

/// A store that an earlier build of each format wrote: it is opened by every later one, and goes on in the latest.
#[tokio::test]
async fn a_store_of_each_format_as_it_was_kept_opens_says_the_same_and_goes_on() {
    for version in 1..=2 {
        opens(version).await;
    }
}

async fn opens(version: u8) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store-{version}"));
    let (signer, feed) = feed(9);
    let first = run(&signer, &feed, None, 3);
    let second = run(&signer, &feed, Some(first.head), 2);
    if std::env::var("CAPHUB_KEEP_STORE").is_ok_and(|v| v == version.to_string()) {
        // Run once, when a format is new.
        let store = Store::open(&kept).unwrap();
        store.append_own(vec![first.clone()]).await.unwrap();
        store.append(vec![second.clone()]).await.unwrap();
        store.erase(&[(feed.id(), 2)]).unwrap();
        drop(store);
        std::fs::remove_dir_all(kept.join("index")).unwrap();
        std::fs::remove_file(kept.join("lock")).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("segments")).unwrap();
    for name in ["segments/00000001.seg", "log-id", "register", "erasures"] {
        std::fs::copy(kept.join(name), directory.path().join(name)).unwrap();
    }
    let store = Store::open(directory.path()).unwrap();
    let entries = read(&store, &feed);
    let entries = caphub_proto::wire::feed::unpack(&entries).unwrap();
    let bodies: Vec<bool> = entries.iter().map(|e| e.body.is_some()).collect();
    assert_eq!(bodies, [true, false, true, true, true]);
    assert_eq!(store.head(&feed.id()).map(|h| h.head), Some(second.head));
    assert_eq!(store.own_head(&feed.id()), Some((first.head.seq, first.head.hash)));
    let third = run(&signer, &feed, Some(second.head), 2);
    store.append_own(vec![third.clone()]).await.unwrap();
    drop(store);
    let name = |n: u32| format!("segments/{n:08}.seg");
    let format = |n: u32| std::fs::read(directory.path().join(name(n))).map(|bytes| bytes[7]).ok();
    // What a program of format 1 would misread lies in a segment that it refuses.
    assert_eq!([1, 2].map(format), [Some(version), (version == 1).then_some(2)]);
    if version == 1 {
        let read = |folder: &Path| std::fs::read(folder.join(name(1))).unwrap();
        assert_eq!(read(directory.path()), read(&kept), "not a byte of it changed");
    }
    for without_index in [false, true] {
        if without_index {
            std::fs::remove_dir_all(directory.path().join("index")).unwrap();
        }
        let store = Store::open(directory.path()).unwrap();
        assert_eq!(store.head(&feed.id()).map(|h| h.head), Some(third.head));
        assert_eq!(store.own_head(&feed.id()), Some((third.head.seq, third.head.hash)));
    }
}
