//! Runs that do not simply follow: tails above a hole, another branch, bodies that come later. Killed at any point,
//! and without its index, the store comes to the same heads.
#![allow(clippy::unwrap_used)]

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;

use super::tests::feed;
use super::*;

const ALL: usize = 1 << 20;

/// Packed entries of one history; the first `shared` are the same for every branch.
fn history(branch: &str, shared: usize, length: usize) -> Vec<Vec<u8>> {
    let (signer, feed) = feed(1);
    let (mut head, mut out) = (None, Vec::new());
    for i in 0..length {
        let branch = if i < shared { "" } else { branch };
        let body = [&[7; 16][..], format!("{branch} {i}").as_bytes()].concat();
        let draft = caphub_proto::wire::entry::Draft { feed: &feed, head, time_ms: 1, body: &body };
        let (packed, seq, hash) = draft.sign(&signer).unwrap();
        out.push(packed);
        head = Some((seq, hash));
    }
    out
}

/// Entries of a history from place `from` to `to`, both included.
fn run(entries: &[Vec<u8>], from: usize, to: usize, kind: Kind) -> NewRun {
    let packed: Bytes = entries[from - 1..to].concat().into();
    let parts = unpack(&packed).unwrap();
    let last = parts.last().unwrap();
    let hash = entry_hash(last.header, last.signature);
    let head = Head { seq: Seq::new(to as u64).unwrap(), hash };
    let (first, count) = (Seq::new(from as u64).unwrap(), (to - from + 1) as u32);
    NewRun { feed: feed(1).1, packed: packed.clone(), first, head, count, kind }
}

/// The same without bodies.
fn bare(run: NewRun) -> NewRun {
    let entries = unpack(&run.packed).unwrap();
    let packed: Vec<u8> =
        entries.iter().flat_map(|e| [&e.header[..], &e.signature[..], &[0]].concat()).collect();
    NewRun { packed: packed.into(), ..run }
}

/// Everything that a store tells about the feed.
#[derive(PartialEq, Debug)]
struct Told {
    height: u64,
    tails: Vec<Tail>,
    read: Vec<u8>,
    withheld: Vec<(u64, u64)>,
    replaced: bool,
    end: u64,
}

fn told(store: &Store) -> Told {
    let id = feed(1).1.id();
    let runs = store.read_feed(&id, Seq::FIRST, ALL).unwrap();
    Told {
        height: store.head(&id).map_or(0, |h| h.head.seq.value()),
        tails: store.tails(&id),
        read: runs.iter().flat_map(|r| r.packed.to_vec()).collect(),
        withheld: store.withheld(100).into_iter().map(|(_, from, to)| (from, to)).collect(),
        replaced: store.was_replaced(&id),
        end: store.end(),
    }
}

/// Frames of every kind, and what the store tells after each.
async fn steps(directory: &Path) -> Vec<Told> {
    let (a, b) = (history("a", 6, 20), history("b", 6, 20));
    let runs = [
        run(&a, 1, 4, Kind::Append),
        run(&a, 15, 18, Kind::Tail),
        run(&a, 12, 14, Kind::Tail),
        bare(run(&a, 5, 9, Kind::Append)),
        run(&a, 6, 7, Kind::Refill),
        run(&a, 10, 11, Kind::Append),
        run(&b, 7, 8, Kind::Replace),
        run(&b, 9, 12, Kind::Append),
        run(&b, 16, 20, Kind::Tail),
        run(&b, 13, 15, Kind::Append),
    ];
    let store = Store::open(directory).unwrap();
    let mut all = vec![told(&store)];
    for run in runs {
        let appended = store.append(vec![run]).await.unwrap();
        assert!(matches!(appended.outcomes[..], [Outcome::Stored { .. }]), "{appended:?}");
        all.push(told(&store));
    }
    let last = all.last().unwrap();
    let whole: Vec<u8> = [&a[..4], &b[4..]].concat().concat();
    assert_eq!((last.height, last.read.len()), (20, whole.len() - missing(&b[4..5])));
    assert_eq!(last.withheld, [(5, 5)]);
    all
}

/// Bytes of the bodies of entries.
fn missing(entries: &[Vec<u8>]) -> usize {
    entries.iter().map(|e| e.len() - 183).sum()
}

#[tokio::test]
async fn tails_branches_and_late_bodies_are_told_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let told = steps(directory.path()).await;
    let heights: Vec<u64> = told.iter().map(|t| t.height).collect();
    assert_eq!(heights, [0, 4, 4, 4, 9, 9, 18, 8, 12, 12, 20]);
    let tails: Vec<usize> = told.iter().map(|t| t.tails.len()).collect();
    assert_eq!(tails, [0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0]);
    assert_eq!(told[4].withheld, [(5, 9)]);
    assert_eq!(told[5].withheld, [(5, 5), (8, 9)]);
    assert!(!told[6].replaced && told[7].replaced);
    assert_eq!(told[7].withheld, [(5, 5)], "what was replaced is not asked for");
}

#[tokio::test]
async fn cut_at_every_byte_the_store_tells_what_an_earlier_commit_told() {
    let directory = tempfile::tempdir().unwrap();
    let told = steps(directory.path()).await;
    let segment = directory.path().join("segments/00000001.seg");
    let whole = std::fs::read(&segment).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    // Every byte of the last frames would take minutes with sled's start: a stride that meets every part of each.
    for cut in (24..=whole.len()).rev().step_by(41) {
        std::fs::write(&segment, &whole[..cut]).unwrap();
        let _ = std::fs::remove_dir_all(directory.path().join("index"));
        let store = Store::open(directory.path()).unwrap();
        let now = self::told(&store);
        let step = told.iter().position(|t| *t == now);
        seen.insert(step.unwrap_or_else(|| panic!("cut at {cut}: {:?}", (now.height, now.end))));
    }
    assert_eq!(seen.len(), told.len(), "{seen:?}");
}

#[tokio::test]
async fn an_index_that_stands_at_any_commit_is_brought_up_to_the_log() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (history("a", 6, 20), history("b", 6, 20));
    let runs = [
        run(&a, 1, 10, Kind::Append),
        run(&a, 15, 18, Kind::Tail),
        run(&b, 7, 12, Kind::Replace),
        bare(run(&b, 13, 14, Kind::Append)),
        run(&b, 13, 13, Kind::Refill),
    ];
    for (i, run) in runs.into_iter().enumerate() {
        let store = Store::open(directory.path()).unwrap();
        store.append(vec![run]).await.unwrap();
        drop(store);
        copy(&directory.path().join("index"), &copies.path().join(i.to_string()));
    }
    let whole = told(&Store::open(directory.path()).unwrap());
    assert_eq!((whole.height, &whole.withheld[..]), (14, &[(14, 14)][..]));
    for i in 0..5 {
        std::fs::remove_dir_all(directory.path().join("index")).unwrap();
        copy(&copies.path().join(i.to_string()), &directory.path().join("index"));
        assert_eq!(told(&Store::open(directory.path()).unwrap()), whole, "index after commit {i}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { std::fs::copy(&path, &target).map(drop).unwrap() }
    }
}

#[tokio::test]
async fn one_commit_may_hold_runs_that_rest_on_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (history("a", 6, 20), history("b", 6, 20));
    let store = Store::open(directory.path()).unwrap();
    let runs = vec![
        run(&a, 1, 4, Kind::Append),
        run(&a, 5, 12, Kind::Append),
        run(&a, 15, 16, Kind::Tail),
        run(&b, 7, 9, Kind::Replace),
        run(&a, 10, 12, Kind::Append),
        run(&b, 10, 12, Kind::Append),
    ];
    let outcomes = store.append(runs).await.unwrap().outcomes;
    let stored: Vec<bool> = outcomes.iter().map(|o| matches!(o, Outcome::Stored { .. })).collect();
    assert_eq!(stored, [true, true, true, true, false, true]);
    let told = told(&store);
    assert_eq!(told.read, b[..12].concat());
    // By ordinal everything that was ever stored reads back, each frame whole.
    let (runs, end) = store.read_from(0, ALL).unwrap();
    let counts: Vec<u32> = runs.iter().map(|r| r.count).collect();
    assert_eq!((counts, end), (vec![4, 8, 2, 3, 3], 20));
    assert_eq!(
        store.hash(&feed(1).1.id(), Seq::new(8).unwrap()).unwrap(),
        Some(run(&b, 1, 8, Kind::Append).head.hash)
    );
}

#[tokio::test]
async fn an_erased_body_is_not_filled_in_again_and_not_missed() {
    let directory = tempfile::tempdir().unwrap();
    let a = history("a", 0, 5);
    let store = Store::open(directory.path()).unwrap();
    let id = feed(1).1.id();
    store.append(vec![bare(run(&a, 1, 5, Kind::Append))]).await.unwrap();
    store.append(vec![run(&a, 2, 3, Kind::Refill)]).await.unwrap();
    store.erase(&[(id, 2), (id, 4)]).unwrap();
    assert!(!store.lacks_body(&id, Seq::new(4).unwrap()) && store.lacks_body(&id, Seq::new(5).unwrap()));
    let told = told(&store);
    assert_eq!(told.withheld, [(1, 1), (5, 5)]);
    let present: Vec<bool> = unpack(&told.read).unwrap().iter().map(|e| e.body.is_some()).collect();
    assert_eq!(present, [false, false, true, false, false]);
    let on_disk = std::fs::read(directory.path().join("segments/00000001.seg")).unwrap();
    let body = &a[1][183..];
    assert!(!on_disk.windows(body.len()).any(|w| w == body), "the refilled body is overwritten too");
}

/// Two connections bring histories of a revoked key: each is judged on what was held before the other one came.
#[tokio::test]
async fn what_was_judged_on_a_history_that_is_replaced_since_is_not_stored() {
    let (a, b, c) = (history("a", 6, 12), history("b", 6, 12), history("c", 2, 12));
    let (late, bodies) = (run(&b, 7, 9, Kind::Replace), run(&a, 5, 6, Kind::Refill));
    for together in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.append(vec![bare(run(&a, 1, 12, Kind::Append))]).await.unwrap();
        let runs = vec![run(&c, 3, 8, Kind::Replace), late.clone(), bodies.clone()];
        let outcomes = match together {
            true => store.append(runs).await.unwrap().outcomes,
            false => {
                let mut all = Vec::new();
                for run in runs {
                    all.extend(store.append(vec![run]).await.unwrap().outcomes);
                }
                all
            }
        };
        let conflict = Outcome::Conflict { held: 8 };
        assert_eq!(outcomes[1..], [conflict, conflict], "{together}");
        let held = &[&a[..2], &c[2..8]].concat();
        let last = store.hash(&feed(1).1.id(), Seq::new(8).unwrap()).unwrap();
        assert_eq!(last, Some(run(held, 1, 8, Kind::Append).head.hash));
    }
}
