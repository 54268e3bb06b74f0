//! The register of own signed batches where its bytes are not what was written: told and mended from the log, and never cut but
//! for the end of a commit of which nobody was told.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::tests::{feed, run};
use super::*;

/// A folder in memory where there is one: a thousand starts of a store are a thousand syncs.
pub(super) fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A store with three own batches, each of a commit of its own, and what others brought between them.
async fn signed(directory: &Path) -> (Feed, Vec<NewRun>) {
    let (signer, own) = feed(2);
    let (stranger, other) = feed(3);
    let store = Store::open(directory).unwrap();
    let (mut batches, mut head, mut theirs) = (Vec::new(), None, None);
    for count in [2, 3, 1] {
        let batch = run(&signer, &own, head, count);
        head = Some(batch.head);
        batches.push(batch.clone());
        store.append_own(vec![batch]).await.unwrap();
        let brought = run(&stranger, &other, theirs, 2);
        theirs = Some(brought.head);
        store.append(vec![brought]).await.unwrap();
    }
    (own, batches)
}

fn register(directory: &Path) -> PathBuf {
    directory.join("register")
}

/// Where the frames of a file begin, and its end.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let begins = bytes.windows(4).enumerate().filter(|(_, w)| w == b"CHR1").map(|(at, _)| at);
    begins.chain([bytes.len()]).collect()
}

fn lose_the_log(directory: &Path) {
    let segment = directory.join("segments/00000001.seg");
    std::fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(24).unwrap();
    std::fs::remove_dir_all(directory.join("index")).unwrap();
}

#[tokio::test]
async fn a_flipped_byte_anywhere_in_the_register_is_mended_from_the_log_and_nothing_behind_it_is_cut() {
    let directory = quick_folder();
    let (own, batches) = signed(directory.path()).await;
    let path = register(directory.path());
    let whole = std::fs::read(&path).unwrap();
    let last = batches[2].head;
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, &damaged).unwrap();
        let store = Store::open(directory.path()).unwrap();
        assert_eq!(store.own_head(&own.id()), Some((last.seq, last.hash)), "flipped at {at}");
        assert!(std::fs::read(&path).unwrap() == whole, "flipped at {at}: the register is whole again");
    }
    lose_the_log(directory.path());
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.head(&own.id()).map(|h| h.head), Some(last), "all of it comes back from the register");
}

#[tokio::test]
async fn several_damaged_frames_are_mended_each_in_its_place() {
    let directory = quick_folder();
    signed(directory.path()).await;
    let path = register(directory.path());
    let whole = std::fs::read(&path).unwrap();
    let at = frames(&whole);
    for places in [vec![at[0] + 1, at[2] + 9], vec![at[0] + 70, at[1] + 70], vec![at[0], at[1], at[2]]] {
        let mut damaged = whole.clone();
        places.iter().for_each(|place| damaged[*place] ^= 0x40);
        std::fs::write(&path, &damaged).unwrap();
        drop(Store::open(directory.path()).unwrap());
        assert!(std::fs::read(&path).unwrap() == whole, "{places:?}");
    }
}

#[tokio::test]
async fn damage_of_which_the_log_tells_nothing_is_refused_by_its_place_and_left_as_it_is() {
    let directory = quick_folder();
    signed(directory.path()).await;
    lose_the_log(directory.path());
    let path = register(directory.path());
    let mut damaged = std::fs::read(&path).unwrap();
    let at = frames(&damaged)[1];
    for place in [at + 1, at + 70, at + 300] {
        damaged[place] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        let error = Store::open(directory.path()).err().unwrap().to_string();
        assert!(error.contains("register") && error.contains(&format!("byte {at}")), "{place}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged);
        damaged[place] ^= 0x40;
    }
}

/// The power went while one commit of several frames was written to both files: the pages of its first one never came.
#[tokio::test]
async fn the_end_of_a_commit_that_nobody_was_told_of_is_cut_and_kept_aside() {
    let directory = quick_folder();
    let (own, batches) = signed(directory.path()).await;
    let (path, segment) = (register(directory.path()), directory.path().join("segments/00000001.seg"));
    let (before, log) = (std::fs::read(&path).unwrap(), std::fs::read(&segment).unwrap());
    let (signer, _) = feed(2);
    let one = run(&signer, &own, Some(batches[2].head), 2);
    let two = run(&signer, &own, Some(one.head), 2);
    let store = Store::open(directory.path()).unwrap();
    store.append_own(vec![one, two]).await.unwrap();
    drop(store);
    let mut torn = std::fs::read(&path).unwrap();
    let second = frames(&torn)[4];
    torn[before.len()..second].fill(0);
    std::fs::write(&path, &torn).unwrap();
    std::fs::write(&segment, &log).unwrap();
    std::fs::remove_dir_all(directory.path().join("index")).unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let last = batches[2].head;
    assert_eq!(store.own_head(&own.id()), Some((last.seq, last.hash)), "the author goes on from there");
    let aside = std::fs::read(directory.path().join(format!("aside/register-{}", before.len()))).unwrap();
    assert_eq!(aside, torn[before.len()..]);
    assert!(directory.path().join(crate::shown::UNASKED).exists(), "somebody might have been told after all");
}

#[tokio::test]
async fn a_body_behind_damage_is_erased_from_the_register_as_well() {
    let directory = quick_folder();
    let (own, batches) = signed(directory.path()).await;
    let path = register(directory.path());
    let store = Store::open(directory.path()).unwrap();
    let mut damaged = std::fs::read(&path).unwrap();
    let at = frames(&damaged);
    damaged[at[0] + 1] ^= 0x40;
    std::fs::write(&path, &damaged).unwrap();
    let erased = batches[2].head.seq.value();
    store.erase(&[(own.id(), erased)]).unwrap();
    let now = std::fs::read(&path).unwrap();
    assert!(now[..at[2]] == damaged[..at[2]] && now[at[2]..] != damaged[at[2]..]);
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    let last = batches[2].head;
    assert_eq!(store.own_head(&own.id()), Some((last.seq, last.hash)));
}
