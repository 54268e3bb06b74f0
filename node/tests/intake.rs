//! The door of a node, with whole stores on both sides: forks, tails, bodies that come later, poison, floods of
//! revisions.

#[path = "shared/copies.rs"]
mod copies;

use std::path::Path;

use caphub_node::author::{Author, PublishError, feed_parts};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::entitlement::Viewer;
use caphub_node::founding::{NewParty, found};
use caphub_node::ingest::Origin;
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::views::PageRequest;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Course, EntryRef, Filter, LocalisedText, Withdraw};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, Feed, PartyId, Reason, Seq};

use crate::copies::copy;

fn course(title: &str) -> Record {
    let title = LocalisedText { language: "en".to_owned(), text: title.to_owned(), translations: Vec::new() };
    Record::Course(Course { title: Some(title), ..Course::default() })
}

/// A party in a folder, with courses of these titles, each signed by itself.
async fn party(folder: &Path, titles: &[&str]) -> (Core, Author) {
    let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "first", passphrase: None };
    let founded = found(folder, &new, true, Quotas::default()).await.expect("a party");
    let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
    let author = Author::new(founded.party, signer);
    write(&founded.core, &author, titles).await;
    (founded.core, author)
}

async fn write(core: &Core, author: &Author, titles: &[&str]) {
    for title in titles {
        let revision = Author::first(course(title)).expect("a random id");
        author.publish(core, Audience::Public, &[revision]).await.expect("an entry");
    }
}

fn open(folder: &Path, party: PartyId) -> Core {
    Core::open(folder, party, true, Quotas::default()).expect("a store")
}

/// Entries of a feed from one place to another, both included, as they travel.
fn run(core: &Core, feed: &Feed, from: u64, to: u64) -> v1::Run {
    let from = Seq::new(from).expect("a place");
    let mut runs = core.store.read_feed(&feed.id(), from, 1 << 20).expect("runs");
    let run = runs.remove(0).up_to(Seq::new(to).expect("a place")).expect("entries");
    v1::Run { feed: Some(feed_parts(feed)), entries: run.packed }
}

fn bare(run: &v1::Run) -> v1::Run {
    let entries = unpack(&run.entries).expect("entries");
    let packed: Vec<u8> =
        entries.iter().flat_map(|e| [&e.header[..], &e.signature[..], &[0]].concat()).collect();
    v1::Run { entries: packed.into(), ..run.clone() }
}

async fn take(core: &Core, run: v1::Run, origin: Origin) -> Result<u64, Reason> {
    core.ingest.take(vec![run], origin).await.remove(0).result.map(|s| s.stored)
}

fn titles(core: &Core) -> Vec<String> {
    core.views.catch_up().expect("views");
    let viewer = Viewer::everything();
    let filter = Filter { kinds: vec!["course".to_owned()], ..Filter::default() };
    let page = PageRequest { size: 100, token: String::new() };
    let records = core.views.list(&viewer, &filter, &page, 0).expect("records").records;
    let title = |r: v1::Record| match r.revision.and_then(|r| r.record) {
        Some(Record::Course(c)) => c.title.unwrap_or_default().text,
        _ => String::new(),
    };
    let mut titles: Vec<String> = records.into_iter().map(title).collect();
    titles.sort();
    titles
}

/// A second store that knows the party's identity.
async fn reader(folder: &Path, of: &Core) -> Core {
    let core = open(folder, of.party);
    take(&core, run(of, &Feed::identity(of.party), 1, 99), Origin::Peer).await.expect("an identity");
    core
}

#[tokio::test]
async fn a_fork_is_frozen_for_good_and_the_proof_freezes_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let (left, author) = party(&path("left"), &["One", "Two"]).await;
    let feed = author.feed(Audience::Public);
    drop(left);
    copy(&path("left"), &path("right"), &[]);
    let (left, right) = (open(&path("left"), author.party), open(&path("right"), author.party));
    write(&left, &author, &["Left", "Left too"]).await;
    let other = Author::new(author.party, author.signer().clone());
    write(&right, &other, &["Right"]).await;

    let hub = reader(&path("hub"), &left).await;
    take(&hub, run(&left, &feed, 1, 4), Origin::Peer).await.expect("entries");
    assert_eq!(titles(&hub).len(), 4);
    // The other history alone shows nothing; with what both share it is the proof.
    let mut forged = run(&right, &feed, 1, 3);
    let mut bytes = forged.entries.to_vec();
    let end = unpack(&bytes).expect("entries").iter().map(|e| e.packed_len()).sum::<usize>();
    let body = unpack(&bytes).expect("entries")[2].packed_len();
    bytes[end - body + 120] ^= 1;
    forged.entries = bytes.into();
    assert_eq!(take(&hub, forged, Origin::Peer).await, Err(Reason::BadSignature));
    assert_eq!(hub.forks.freeze(&feed.id()), None, "bytes that the key did not sign freeze nothing");
    assert_eq!(take(&hub, run(&right, &feed, 3, 3), Origin::Peer).await, Err(Reason::Fork));
    assert_eq!(hub.forks.freeze(&feed.id()).map(|f| f.seq), Some(2));
    let stated =
        |core: &Core| core.counted(&core.store.head(&feed.id()).expect("a head")).map(|h| h.seq.value());
    assert_eq!((stated(&hub), titles(&hub)), (Some(2), vec!["One".to_owned(), "Two".to_owned()]));
    let proof = caphub_node::forks::travelling(&hub.forks.proof(&feed.id()).expect("a proof"));
    drop(hub);
    let hub = open(&path("hub"), author.party);
    assert_eq!((stated(&hub), titles(&hub).len()), (Some(2), 2), "a restart changes nothing");
    assert_eq!(take(&hub, run(&left, &feed, 1, 2), Origin::Peer).await, Ok(0));

    // The author's own machine learns of it and signs nothing more there.
    let taken = left.ingest.take_forks(vec![proof.clone(), proof.clone()], Origin::Peer).await;
    assert_eq!(taken, [(feed.id(), Ok(true)), (feed.id(), Ok(false))]);
    let revision = Author::first(course("Later")).expect("a random id");
    let refused = author.publish(&left, Audience::Public, &[revision]).await;
    assert!(matches!(refused, Err(PublishError::Frozen { common: 2 })), "{refused:?}");
    assert_eq!(titles(&left).len(), 2);
    let mut damaged = proof;
    damaged.first[60] ^= 1;
    let taken = left.ingest.take_forks(vec![damaged], Origin::Peer).await;
    assert!(taken[0].1.is_err(), "{taken:?}");
}

#[tokio::test]
async fn newest_first_is_shown_at_once_stated_when_whole_and_served_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (author_core, author) = party(&folder.path().join("author"), &["1", "2", "3", "4", "5", "6"]).await;
    let feed = author.feed(Audience::Public);
    let hub = reader(&folder.path().join("hub"), &author_core).await;
    assert_eq!(take(&hub, run(&author_core, &feed, 5, 6), Origin::Peer).await, Err(Reason::Gap));
    assert_eq!(take(&hub, run(&author_core, &feed, 5, 6), Origin::Ahead).await, Ok(2));
    assert_eq!(titles(&hub), ["5", "6"]);
    assert_eq!(hub.store.head(&feed.id()), None, "nothing is stated above a hole");
    assert_eq!(take(&hub, run(&author_core, &feed, 1, 2), Origin::Peer).await, Ok(2));
    assert_eq!(take(&hub, run(&author_core, &feed, 3, 5), Origin::Peer).await, Ok(2));
    assert_eq!(hub.store.head(&feed.id()).map(|h| h.head.seq.value()), Some(6));
    let (runs, _) = hub.store.read_from(0, 1 << 20).expect("runs");
    let served: Vec<(u64, u32)> = runs
        .into_iter()
        .filter(|r| !r.feed.is_identity())
        .flat_map(|r| hub.servable(r))
        .map(|r| (r.first.value(), r.count))
        .collect();
    assert_eq!(served, [(1, 2), (3, 2), (5, 2)]);
}

#[tokio::test]
async fn a_header_without_its_body_is_only_a_delay() {
    let folder = tempfile::tempdir().expect("a folder");
    let (author_core, author) = party(&folder.path().join("author"), &["1", "2", "3", "4"]).await;
    let feed = author.feed(Audience::Public);
    let hub = reader(&folder.path().join("hub"), &author_core).await;
    let whole = run(&author_core, &feed, 1, 4);
    assert_eq!(take(&hub, bare(&whole), Origin::Peer).await, Ok(4));
    assert_eq!((hub.store.withheld(9), titles(&hub).len()), (vec![(feed.id(), 1, 4)], 0));
    drop(hub);
    let hub = open(&folder.path().join("hub"), author.party);
    assert_eq!(hub.store.withheld_count(), 4);
    let mut other = run(&author_core, &feed, 2, 2).entries.to_vec();
    let last = other.len() - 1;
    other[last] ^= 1;
    let altered = v1::Run { entries: other.into(), ..whole.clone() };
    assert_eq!(take(&hub, altered, Origin::Peer).await, Err(Reason::BodyHash));
    assert_eq!(take(&hub, run(&author_core, &feed, 2, 3), Origin::Peer).await, Ok(0));
    assert_eq!((hub.store.withheld_count(), titles(&hub)), (2, vec!["2".to_owned(), "3".to_owned()]));
    assert_eq!(take(&hub, whole.clone(), Origin::Peer).await, Ok(0));
    assert_eq!((hub.store.withheld_count(), titles(&hub).len()), (0, 4));
    assert_eq!(run(&hub, &feed, 1, 4).entries, whole.entries);
    let identity = run(&author_core, &Feed::identity(author.party), 1, 99);
    let stranger = open(&folder.path().join("stranger"), author.party);
    assert_eq!(take(&stranger, bare(&identity), Origin::Peer).await, Err(Reason::BodyMissing));
}

#[tokio::test]
async fn what_its_owner_had_erased_is_not_missed_and_what_another_names_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (author_core, author) = party(&folder.path().join("author"), &["1"]).await;
    let feed = author.feed(Audience::Public);
    let stored = author_core.store.entry(&feed.id(), Seq::FIRST).expect("a read").expect("an entry");
    let entry = unpack(&stored.packed).expect("an entry").remove(0);
    let hash = caphub_proto::wire::header::entry_hash(entry.header, entry.signature);
    let original = v1::Revision::default();
    let revision: v1::Revision =
        prost::Message::decode(entry.body.and_then(|b| b.get(16..)).expect("a body")).unwrap_or(original);
    let withdraw = Withdraw {
        erase: true,
        kind: "course".to_owned(),
        entries: vec![EntryRef { feed_id: feed.id().to_vec(), seq: 1 }],
        ..Withdraw::default()
    };
    let withdrawal = v1::Revision {
        record_id: revision.record_id,
        number: 2,
        parents: vec![hash.to_vec()],
        record: Some(Record::Withdraw(withdraw)),
        ..v1::Revision::default()
    };
    author.publish(&author_core, Audience::Public, &[withdrawal]).await.expect("a withdrawal");
    let hub = reader(&folder.path().join("hub"), &author_core).await;
    assert_eq!(take(&hub, bare(&run(&author_core, &feed, 1, 1)), Origin::Peer).await, Ok(1));
    assert_eq!(hub.store.withheld_count(), 1);
    hub.views.catch_up().expect("views");
    assert!(hub.excused().is_empty(), "nobody has said yet that it may be absent");
    assert_eq!(take(&hub, run(&author_core, &feed, 2, 2), Origin::Peer).await, Ok(1));
    hub.views.catch_up().expect("views");
    let excused = hub.excused();
    assert_eq!(excused, [(feed.id(), 1)]);
    hub.store.erase(&excused).expect("a mark");
    assert_eq!(hub.store.withheld_count(), 0);
    // Somebody who still has the body cannot bring it back.
    assert_eq!(take(&hub, run(&author_core, &feed, 1, 2), Origin::Peer).await, Ok(0));
    let entries = run(&hub, &feed, 1, 2);
    assert!(unpack(&entries.entries).expect("entries")[0].body.is_none());
}

#[tokio::test]
async fn one_poison_run_halts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (author_core, author) = party(&folder.path().join("author"), &["1", "2", "3"]).await;
    let feed = author.feed(Audience::Public);
    let hub = reader(&folder.path().join("hub"), &author_core).await;
    let good = |n| run(&author_core, &feed, n, n);
    let garbage = |bytes: Vec<u8>| v1::Run { feed: Some(feed_parts(&feed)), entries: bytes.into() };
    let mut flipped = good(2).entries.to_vec();
    flipped[100] ^= 1;
    let nobody = v1::Run { feed: None, ..good(1) };
    let runs = vec![
        garbage(Vec::new()),
        good(1),
        garbage(vec![0xff; 700]),
        nobody,
        garbage(flipped),
        good(2),
        garbage(vec![0; 183 * 2_000]),
        good(3),
    ];
    let taken = hub.ingest.take(runs, Origin::Peer).await;
    let stored: Vec<Option<u64>> = taken.iter().map(|t| t.result.ok().map(|s| s.stored)).collect();
    assert_eq!(stored, [None, Some(1), None, None, None, Some(1), None, Some(1)]);
    assert_eq!(titles(&hub).len(), 3);
}

#[tokio::test]
async fn a_stream_checks_ahead_of_the_disk_and_takes_what_one_by_one_would_be_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let (author_core, author) = party(&folder.path().join("author"), &["1", "2", "3", "4", "5", "6"]).await;
    let feed = author.feed(Audience::Public);
    let hub = reader(&folder.path().join("hub"), &author_core).await;
    let part = |from, to| run(&author_core, &feed, from, to);
    let mut flipped = part(4, 4).entries.to_vec();
    flipped[100] ^= 1;
    let flipped = v1::Run { entries: flipped.into(), ..part(4, 4) };
    let given = [vec![part(1, 1), part(2, 2)], vec![part(2, 3)], vec![flipped, part(5, 5)], vec![part(4, 6)]];
    let (mut checking, mut writing) = hub.ingest.stream(Origin::Peer);
    let give = async move {
        for runs in given {
            checking.give(runs).await;
        }
    };
    let bytes: u64 = [part(1, 1), part(2, 2), part(2, 3), part(4, 4), part(5, 5), part(4, 6)]
        .iter()
        .map(|run| run.entries.len() as u64)
        .sum();
    let (mut stored, mut counted) = (Vec::new(), 0);
    let write = async {
        while let Some((taken, bytes)) = writing.next().await {
            assert!(hub.store.end() > 0);
            counted += bytes;
            stored.extend(taken.into_iter().map(|t| t.result.map(|s| (s.stored, s.known))));
        }
    };
    tokio::join!(give, write);
    let expected = [Ok((1, 0)), Ok((1, 0)), Ok((1, 1)), Err(Reason::BodyHash), Err(Reason::Gap), Ok((3, 0))];
    assert_eq!((stored, counted), (expected.to_vec(), bytes));
    assert_eq!(titles(&hub).len(), 6);
    // The newest first: what lies above a hole is kept, run after run.
    let other = reader(&folder.path().join("other"), &author_core).await;
    let (mut checking, mut writing) = other.ingest.stream(Origin::Ahead);
    let give = async move { checking.give(vec![part(3, 4), part(5, 6), part(1, 2)]).await };
    let write = async {
        while let Some((taken, _)) = writing.next().await {
            assert!(taken.iter().all(|t| t.result.map(|s| s.stored) == Ok(2)), "{taken:?}");
        }
    };
    tokio::join!(give, write);
    assert!(other.store.above().is_empty() && titles(&other).len() == 6);
}

#[tokio::test]
async fn revisions_without_end_of_one_record_have_a_ceiling() {
    let folder = tempfile::tempdir().expect("a folder");
    let (core, author) = party(&folder.path().join("author"), &[]).await;
    let first = Author::first(course("Concurrent")).expect("a random id");
    let started = std::time::Instant::now();
    for _ in 0..3 {
        let many: Vec<v1::Revision> = vec![first.clone(); 1_000];
        author.publish(&core, Audience::Public, &many).await.expect("entries");
        core.views.catch_up().expect("views");
    }
    let page = PageRequest { size: 10, token: String::new() };
    let page = core.views.list(&Viewer::everything(), &Filter::default(), &page, 0).expect("records");
    assert_eq!(page.total, 1);
    let conflicts = page.records[0].conflicts.len();
    assert!((1..1_024).contains(&conflicts), "{conflicts}");
    // Far more than it takes, far less than what grows with the square of the revisions would.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
