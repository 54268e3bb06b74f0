//! Sealed entries: opened by their readers' views, and by nobody else's.

use std::collections::BTreeSet;

use caphub_proto::exchange::seal::{SEALED_KIND, frame, thread};
use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Filter, GrantedEntry, Nomination, RecordRef, Revision, Sealing, ThreadGrant};
use caphub_proto::wire::{Audience, FeedId, PartyId, Seq};

use super::world::{Desk, NOW, World, Write, course, titles, withdraw};
use crate::entitlement::Viewer;
use crate::opening::Opener;
use crate::sealing::{ReadingKey, open, seal};
use crate::views::{PageRequest, Views};

const OPENING: [u8; 32] = [5; 32];

fn here() -> Audience {
    Audience::Sealed(thread(&OPENING))
}

fn reader() -> Viewer {
    Viewer { opened: true, ..Viewer::everything() }
}

fn seen(views: &Views, viewer: &Viewer) -> Vec<String> {
    let page = views.list(viewer, &Filter::default(), &PageRequest::default(), NOW).unwrap();
    assert_eq!(page.total as usize, page.records.len());
    let mut titles = titles(&page);
    titles.sort();
    titles
}

fn revision(record: u8, kind: Kind, opening: [u8; 32]) -> Revision {
    let sealing = Some(Sealing { parties: Vec::new(), opening: opening.to_vec() });
    let record_id = vec![record; 16];
    Revision { record_id, number: 1, record: Some(kind), sealing, ..Revision::default() }
}

/// Seals what stands in `plain` into the desk's feed of the thread; its place and the key of its file.
fn put(world: &mut World, desk: &Desk, plain: &[u8], to: &[&ReadingKey]) -> (FeedId, u64, [u8; 16]) {
    let feed = desk.feed(here());
    let readers: BTreeSet<[u8; 32]> = to.iter().map(|k| k.public()).collect();
    let file = seal(plain, &readers).unwrap();
    let (seq, _) = world.append(feed, &desk.signer, NOW - 1_000, &file);
    (feed.id(), seq, open(&file, &[to[0].clone()]).unwrap().file_key)
}

fn write(world: &mut World, desk: &Desk, revision: &Revision, to: &[&ReadingKey]) -> (FeedId, u64, [u8; 16]) {
    let feed = desk.feed(here());
    let plain = frame(&feed.id(), world.next(&feed), revision);
    put(world, desk, &plain, to)
}

#[test]
fn readers_find_what_is_sealed_to_them_and_pass_nothing_on() {
    let mut world = World::new();
    let desk = world.party(1);
    let [ours, theirs] = [ReadingKey::generate(), ReadingKey::generate()];
    write(&mut world, &desk, &revision(1, course("Opened"), OPENING), &[&ours]);
    world.publish(&desk, &Write::new(2), course("Public"));
    world.catch_up();
    assert_eq!(world.list(&Viewer::everything()).total, 1);
    let (_dir, views) = world.read_by(PartyId([2; 32]), &[ours]);
    assert_eq!(seen(&views, &reader()), ["Opened", "Public"]);
    let hub = Viewer { parties: vec![desk.party], network: true, ..Viewer::default() };
    for other in [Viewer::everything(), Viewer::public(), hub] {
        assert_eq!(seen(&views, &other), ["Public"], "{other:?}");
        let record = super::world::record_id(1);
        assert_eq!(views.get(&other, &desk.party, &record, NOW).unwrap(), None);
    }
    let (_dir, views) = world.read_by(PartyId([3; 32]), &[theirs]);
    assert_eq!(seen(&views, &reader()), ["Public"]);
}

#[test]
fn what_was_sealed_for_another_place_or_without_the_opening_does_not_count() {
    let mut world = World::new();
    let (desk, thief) = (world.party(1), world.party(9));
    let key = ReadingKey::generate();
    let feed = desk.feed(here());
    let words = frame(&feed.id(), Seq::FIRST, &revision(1, course("Its own"), OPENING));
    put(&mut world, &desk, &words, &[&key]);
    // The same words again: in another place of the feed, and in another party's.
    put(&mut world, &desk, &words, &[&key]);
    put(&mut world, &thief, &words, &[&key]);
    write(&mut world, &thief, &revision(4, course("Not let in"), [6; 32]), &[&key]);
    let (_dir, views) = world.read_by(PartyId([2; 32]), std::slice::from_ref(&key));
    assert_eq!(seen(&views, &reader()), ["Its own"]);

    let opener = Opener::new(PartyId([2; 32]), vec![key]);
    let mut threads = views.threads(&opener);
    let (runs, _) = crate::views::Log::read_from(world.log.as_ref(), 0, usize::MAX).unwrap();
    runs.iter().for_each(|run| threads.add(run).unwrap());
    let threads = threads.finish(NOW).unwrap();
    let found = &threads[&thread(&OPENING)];
    assert_eq!(found.voids.len(), 2, "{:?}", found.voids);
    // Of one time: their hashes decide which comes first.
    let mut reasons: Vec<&str> = found.records.iter().map(|r| r.void_reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["", "not_in_thread"]);
    assert_eq!(found.parties, [desk.party]);
}

#[test]
fn a_nomination_that_is_not_sealed_is_void_and_names_nobody() {
    let mut world = World::new();
    let (desk, key) = (world.party(1), ReadingKey::generate());
    let call = Some(RecordRef { party: vec![1; 32], record_id: vec![2; 16] });
    let named = Kind::Nomination(Nomination { call, name: "A. Person".to_owned(), ..Nomination::default() });
    for (record, audience) in [(1, Audience::Public), (2, Audience::Network)] {
        world.publish(&desk, &Write::new(record).to(audience), named.clone());
    }
    write(&mut world, &desk, &revision(3, named, OPENING), &[&key]);
    let (_dir, views) = world.read_by(desk.party, &[key]);
    for (record, void) in [(1, "sealed_only"), (2, "sealed_only"), (3, "")] {
        let id = super::world::record_id(record);
        let shown = views.get(&reader(), &desk.party, &id, NOW).unwrap().unwrap();
        assert_eq!(shown.void_reason, void);
        assert_eq!(shown.revision.unwrap().record.is_some(), void.is_empty());
        let history = views.history(&reader(), &desk.party, &id, NOW).unwrap();
        assert_eq!(history[0].revision.as_ref().unwrap().record.is_some(), void.is_empty());
    }
}

#[test]
fn a_grant_of_the_own_party_opens_earlier_words_and_nobody_elses_does() {
    let mut world = World::new();
    let (desk, own, other) = (world.party(1), world.party(2), world.party(3));
    let [old, new] = [ReadingKey::generate(), ReadingKey::generate()];
    let (feed_id, seq, file_key) =
        write(&mut world, &desk, &revision(1, course("Earlier"), OPENING), &[&old]);
    let (dir, views) = world.read_by(own.party, std::slice::from_ref(&new));
    assert!(seen(&views, &reader()).is_empty());
    let grant = |key: [u8; 16]| {
        let entry = GrantedEntry { feed_id: feed_id.to_vec(), seq, file_key: key.to_vec() };
        Kind::ThreadGrant(ThreadGrant { entries: vec![entry] })
    };
    write(&mut world, &other, &revision(7, grant(file_key), OPENING), &[&new]);
    views.catch_up().unwrap();
    assert!(!seen(&views, &reader()).contains(&"Earlier".to_owned()));
    write(&mut world, &own, &revision(8, grant(file_key), OPENING), &[&new]);
    views.catch_up().unwrap();
    assert!(seen(&views, &reader()).contains(&"Earlier".to_owned()));
    // Found again after a restart, and when all is built anew.
    drop(views);
    let opener = std::sync::Arc::new(Opener::new(own.party, vec![new]));
    let views = Views::open_reading(dir.path(), world.log.clone(), world.authority.clone(), opener).unwrap();
    assert!(seen(&views, &reader()).contains(&"Earlier".to_owned()));
    views.rebuild().unwrap();
    assert!(seen(&views, &reader()).contains(&"Earlier".to_owned()));
}

#[test]
fn sealed_bodies_are_erased_by_their_places_by_their_owner_alone() {
    let mut world = World::new();
    let (desk, other) = (world.party(1), world.party(2));
    let key = ReadingKey::generate();
    let (feed, seq, _) = write(&mut world, &desk, &revision(1, course("Gone"), OPENING), &[&key]);
    world.publish(&desk, &Write::new(2), course("Public"));
    let public = desk.feed(Audience::Public).id();
    let to = |w: Write| w.to(Audience::Network);
    world.publish(&other, &to(Write::new(3)), withdraw(SEALED_KIND, &[(feed, seq)]));
    world.catch_up();
    assert!(world.views.take_erasures().is_empty());
    // Places of feeds that are not sealed are not meant, whoever names them so.
    world.publish(&desk, &to(Write::new(4)), withdraw(SEALED_KIND, &[(feed, seq), (public, 1)]));
    world.catch_up();
    assert_eq!(world.views.take_erasures(), vec![(feed, seq)]);
    let (sealed, open) = (desk.feed(here()), desk.feed(Audience::Public));
    assert!(world.views.excuses(&sealed, &feed, seq) && !world.views.excuses(&open, &public, 1));
    let late = world.views.erased_bodies(&sealed).unwrap();
    assert!(late(seq, b"whatever it holds") && !late(seq + 1, b"another"));
    // After a restart, too.
    let world = world.reopen();
    assert!(world.views.erased_bodies(&sealed).is_some());
}
