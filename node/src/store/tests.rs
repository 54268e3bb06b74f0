//! The store's promises: durable, whole or absent, rebuilt from the segments alone.
#![allow(clippy::unwrap_used)]

use super::*;
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::{Audience, PartyId, Signer};

pub(super) fn feed(seed: u8) -> (Signer, Feed) {
    let signer = Signer::from_seed(&[seed; 32]);
    let feed = Feed::records(PartyId([seed; 32]), signer.public(), Audience::Public);
    (signer, feed)
}

pub(super) fn run(signer: &Signer, feed: &Feed, from: Option<Head>, count: u32) -> NewRun {
    let (mut head, mut packed, first) = (from.map(|h| (h.seq, h.hash)), Vec::new(), from);
    for i in 0..count {
        let body = [&[7; 16][..], format!("entry {i}").as_bytes()].concat();
        let (bytes, seq, hash) = Draft { feed, head, time_ms: 1, body: &body }.sign(signer).unwrap();
        packed.extend(bytes);
        head = Some((seq, hash));
    }
    let (seq, hash) = head.unwrap();
    let first = first.map_or(Seq::FIRST, |h| h.seq.next().unwrap());
    NewRun { feed: *feed, packed: packed.into(), first, head: Head { seq, hash }, count, kind: Kind::Append }
}

pub(super) fn texts(runs: &[StoredRun]) -> Vec<u8> {
    runs.iter().flat_map(|r| r.packed.to_vec()).collect()
}

async fn three_runs(directory: &Path) -> (Feed, Vec<Bytes>) {
    let (signer, feed) = feed(1);
    let store = Store::open(directory).unwrap();
    let (mut head, mut packed) = (None, Vec::new());
    for count in [3, 1, 4] {
        let run = run(&signer, &feed, head, count);
        head = Some(run.head);
        packed.push(run.packed.clone());
        let appended = store.append(vec![run]).await.unwrap();
        assert!(matches!(appended.outcomes[..], [Outcome::Stored { .. }]));
    }
    (feed, packed)
}

#[tokio::test]
async fn what_was_stored_reads_back_by_feed_and_by_ordinal() {
    let directory = tempfile::tempdir().unwrap();
    let (feed, packed) = three_runs(directory.path()).await;
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.end(), 8);
    assert_eq!(texts(&store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap()), packed.concat());
    let (runs, next) = store.read_from(2, 1 << 20).unwrap();
    assert_eq!((runs[0].first.value(), runs[0].count, next), (3, 1, 8));
    let entry = store.entry_at(4).unwrap().unwrap();
    assert_eq!(entry.packed, store.entry(&feed.id(), Seq::new(5).unwrap()).unwrap().unwrap().packed);
}

#[tokio::test]
async fn an_entry_read_alone_is_what_it_is_in_its_run_erased_ones_too() {
    let directory = tempfile::tempdir().unwrap();
    let (signer, feed) = feed(1);
    let (mut head, mut packed, mut store) = (None, Vec::new(), Store::open(directory.path()).unwrap());
    // Short ones, one longer than what is read at once, and many.
    for size in [20, 60_000, 40, 33_000].into_iter().chain((0..300).map(|n| 20 + n % 7 * 400)) {
        let (bytes, seq, hash) =
            Draft { feed: &feed, head, time_ms: 1, body: &vec![7; size] }.sign(&signer).unwrap();
        packed.extend(bytes);
        head = Some((seq, hash));
    }
    let (seq, hash) = head.unwrap();
    let (count, kind) = (304, Kind::Append);
    let run =
        NewRun { feed, packed: packed.into(), first: Seq::FIRST, head: Head { seq, hash }, count, kind };
    store.append(vec![run]).await.unwrap();
    for erased in [None, Some(2), Some(200)] {
        store.erase(&erased.map(|seq| (feed.id(), seq)).into_iter().collect::<Vec<_>>()).unwrap();
        drop(store);
        store = Store::open(directory.path()).unwrap();
        let alone: Vec<_> = (0..=304).map(|o| store.entry_alone(o).unwrap().map(|e| e.packed)).collect();
        let due: Vec<_> = (0..=304).map(|o| store.entry_at(o).unwrap().map(|e| e.packed)).collect();
        assert_eq!(alone.iter().flatten().count(), 304);
        assert!(alone == due, "{erased:?}");
    }
    drop(store);
    let segment = directory.path().join("segments/00000001.seg");
    let (whole, store) = (std::fs::read(&segment).unwrap(), Store::open(directory.path()).unwrap());
    std::fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(whole.len() as u64 / 2).unwrap();
    assert!(store.entry_alone(0).unwrap().is_some());
    assert!(matches!(store.entry_alone(303), Err(StoreError::Damaged { .. })), "what is torn is said");
}

#[tokio::test]
async fn a_run_that_does_not_follow_is_not_stored() {
    let directory = tempfile::tempdir().unwrap();
    let (signer, feed) = feed(1);
    let store = Store::open(directory.path()).unwrap();
    let first = run(&signer, &feed, None, 2);
    let gap = run(&signer, &feed, Some(Head { seq: Seq::new(5).unwrap(), hash: first.head.hash }), 1);
    let appended = store.append(vec![first.clone(), gap, first]).await.unwrap();
    let conflict = Outcome::Conflict { held: 2 };
    assert_eq!(appended.outcomes, vec![Outcome::Stored { ordinal: 0 }, conflict, conflict]);
}

/// A folder in memory where there is one: a thousand starts of a store are a thousand syncs.
fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Where the last frame of a segment begins.
fn last_frame(segment: &[u8]) -> usize {
    segment.windows(4).rposition(|w| w == b"CHR1").unwrap()
}

#[tokio::test]
async fn the_tail_cut_at_any_byte_leaves_every_earlier_run_whole() {
    let directory = quick_folder();
    let (feed, packed) = three_runs(directory.path()).await;
    let segment = directory.path().join("segments/00000001.seg");
    let whole = std::fs::read(&segment).unwrap();
    let last = last_frame(&whole);
    let before = last_frame(&whole[..last]);
    for cut in before..whole.len() {
        std::fs::write(&segment, &whole[..cut]).unwrap();
        let store = Store::open(directory.path()).unwrap();
        let read = texts(&store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap());
        let held = if cut < last { packed[..1].concat() } else { packed[..2].concat() };
        assert_eq!(read, held, "cut at {cut}");
        assert_eq!(
            std::fs::metadata(&segment).unwrap().len(),
            [before, last][usize::from(cut >= last)] as u64
        );
    }
}

#[tokio::test]
async fn a_flipped_byte_in_the_last_run_cuts_it_and_nothing_else() {
    let directory = quick_folder();
    let (feed, packed) = three_runs(directory.path()).await;
    let segment = directory.path().join("segments/00000001.seg");
    let whole = std::fs::read(&segment).unwrap();
    for at in last_frame(&whole)..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&segment, &damaged).unwrap();
        std::fs::remove_dir_all(directory.path().join("index")).unwrap();
        let store = Store::open(directory.path()).unwrap();
        let read = texts(&store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap());
        assert_eq!(read, packed[..2].concat(), "flipped at {at}");
    }
}

#[tokio::test]
async fn a_deleted_or_damaged_index_is_built_again() {
    let directory = tempfile::tempdir().unwrap();
    let (feed, packed) = three_runs(directory.path()).await;
    let index = directory.path().join("index");
    std::fs::remove_dir_all(&index).unwrap();
    let read = |store: &Store| texts(&store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap());
    assert_eq!(read(&Store::open(directory.path()).unwrap()), packed.concat());
    std::fs::remove_dir_all(&index).unwrap();
    std::fs::create_dir(&index).unwrap();
    std::fs::write(index.join("conf"), b"garbage").unwrap();
    std::fs::write(index.join("db"), b"garbage").unwrap();
    assert_eq!(read(&Store::open(directory.path()).unwrap()), packed.concat());
}

#[tokio::test]
async fn an_index_of_another_store_is_noticed_and_built_again() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut held = Vec::new();
    // Alike in everything but who signed and under which id the log is known.
    for (seed, folder) in (1..).zip(&folders) {
        let (signer, feed) = feed(seed);
        let run = run(&signer, &feed, None, 5);
        Store::open(folder.path()).unwrap().append_own(vec![run.clone()]).await.unwrap();
        held.push((feed, run));
    }
    let [one, other] = folders.each_ref().map(|f| f.path().join("index"));
    let aside = folders[0].path().join("theirs");
    for (from, to) in [(&one, &aside), (&other, &one), (&aside, &other)] {
        std::fs::rename(from, to).unwrap();
    }
    for (folder, (feed, run)) in folders.iter().zip(held) {
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.heads().len(), 1);
        assert_eq!(store.head(&feed.id()).map(|h| h.head), Some(run.head));
        assert_eq!(texts(&store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap()), run.packed);
    }
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let _held = Store::open(directory.path()).unwrap();
    let error = Store::open(directory.path()).err().unwrap();
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
}

#[tokio::test]
async fn a_signed_batch_that_the_log_lost_comes_back_from_the_register() {
    let directory = tempfile::tempdir().unwrap();
    let (signer, feed) = feed(2);
    let store = Store::open(directory.path()).unwrap();
    let signed = run(&signer, &feed, None, 2);
    store.append_own(vec![signed.clone()]).await.unwrap();
    drop(store);
    let segment = directory.path().join("segments/00000001.seg");
    std::fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(24).unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.head(&feed.id()).map(|h| h.head), Some(signed.head));
    assert_eq!(store.own_head(&feed.id()), Some((signed.head.seq, signed.head.hash)));
}

#[tokio::test]
async fn a_signed_batch_that_the_register_lost_is_put_back_before_a_copy_takes_the_place_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (signer, feed) = feed(2);
    let store = Store::open(directory.path()).unwrap();
    let first = run(&signer, &feed, None, 2);
    store.append_own(vec![first.clone()]).await.unwrap();
    drop(store);
    let (register, segment) =
        (directory.path().join("register"), directory.path().join("segments/00000001.seg"));
    let index = || std::fs::remove_dir_all(directory.path().join("index")).unwrap();
    let (before, copy) = (std::fs::read(&register).unwrap(), std::fs::read(&segment).unwrap());
    let store = Store::open(directory.path()).unwrap();
    let second = run(&signer, &feed, Some(first.head), 3);
    store.append_own(vec![second.clone()]).await.unwrap();
    drop(store);
    // The power went when the log was written, and the register and the index were not.
    std::fs::write(&register, &before).unwrap();
    index();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.head(&feed.id()).map(|h| h.head), Some(second.head), "others may have it now");
    drop(store);
    std::fs::write(&segment, &copy).unwrap();
    index();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.own_head(&feed.id()), Some((second.head.seq, second.head.hash)));
    assert_eq!(store.head(&feed.id()).map(|h| h.head), Some(second.head));
}

#[tokio::test]
async fn an_erased_body_leaves_the_register_too_and_what_was_signed_after_it_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (signer, feed) = feed(2);
    let store = Store::open(directory.path()).unwrap();
    let first = run(&signer, &feed, None, 2);
    store.append_own(vec![first.clone()]).await.unwrap();
    let second = run(&signer, &feed, Some(first.head), 2);
    store.append_own(vec![second.clone()]).await.unwrap();
    let register = directory.path().join("register");
    let before = std::fs::read(&register).unwrap();
    store.erase(&[(feed.id(), 1)]).unwrap();
    let after = std::fs::read(&register).unwrap();
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert!(before.len() == after.len() && changed > 0);
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(std::fs::read(&register).unwrap(), after, "no frame was taken for a torn one");
    assert_eq!(store.own_head(&feed.id()), Some((second.head.seq, second.head.hash)));
}

#[tokio::test]
async fn an_erased_body_stays_erased_and_its_feed_stays_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (feed, packed) = three_runs(directory.path()).await;
    let store = Store::open(directory.path()).unwrap();
    store.erase(&[(feed.id(), 2)]).unwrap();
    drop(store);
    std::fs::remove_dir_all(directory.path().join("index")).unwrap();
    let store = Store::open(directory.path()).unwrap();
    let read = texts(&store.read_feed(&feed.id(), Seq::FIRST, 1 << 20).unwrap());
    let entries = caphub_proto::wire::feed::unpack(&read).unwrap();
    assert_eq!(entries.len(), 8);
    let missing: Vec<usize> = (0..8).filter(|i| entries[*i].body.is_none()).collect();
    assert_eq!(missing, vec![1]);
    let on_disk = std::fs::read(directory.path().join("segments/00000001.seg")).unwrap();
    let erased = caphub_proto::wire::feed::unpack(&packed[0]).unwrap()[1].body.unwrap().to_vec();
    let elsewhere = on_disk.windows(erased.len()).filter(|w| *w == erased).count();
    assert_eq!(elsewhere, 1, "the second run holds an equal body, the erased one is gone");
}
