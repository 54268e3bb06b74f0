//! Withdrawal and erasure.

use std::fs;

use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Attestation, AttestationLevel, Filter};
use caphub_proto::wire::{Audience, PartyId};

use super::world::{NOW, World, Write, course, withdraw};
use crate::entitlement::Viewer;
use crate::views::PageRequest;

#[test]
fn a_withdrawn_record_is_hidden_unless_it_is_asked_for() {
    let mut world = World::new();
    let desk = world.party(1);
    let first = world.publish(&desk, &Write::new(1), course("gone"));
    world.publish(&desk, &Write::after(1, 2, &[first]), withdraw("course", &[]));
    world.catch_up();
    let shown = world.shown(&desk, 1).unwrap();
    assert_eq!((shown.withdrawn, shown.kind.as_str(), shown.void_reason.as_str()), (true, "course", ""));
    assert_eq!(world.list(&Viewer::public()).total, 0);
    assert_eq!(world.search("gone").total, 0);
    for (kinds, total) in [(vec![], 1), (vec!["course".to_owned()], 1), (vec!["need".to_owned()], 0)] {
        let filter = Filter { withdrawn: true, kinds, ..Filter::default() };
        let page = world.views.list(&Viewer::public(), &filter, &PageRequest::default(), NOW).unwrap();
        assert_eq!(page.total, total);
    }
    assert!(world.views.take_erasures().is_empty());
}

#[test]
fn an_erasing_withdrawal_names_the_bodies_once_and_again_after_a_restart() {
    let mut world = World::new();
    let desk = world.party(1);
    let feed = desk.feed(Audience::Public).id();
    let first = world.publish(&desk, &Write::new(1), course("alpha"));
    let second = world.publish(&desk, &Write::after(1, 2, &[first]), course("beta"));
    world.publish(&desk, &Write::new(2), course("untouched"));
    world.catch_up();
    // It names an entry of another record as well, which it has no say over.
    let named = [(feed, 1), (feed, 2), (feed, 3)];
    world.publish(&desk, &Write::after(1, 3, &[second]), withdraw("course", &named));
    world.catch_up();
    assert_eq!(world.views.take_erasures(), vec![(feed, 1), (feed, 2)]);
    assert!(world.views.take_erasures().is_empty());

    let mut world = world.reopen();
    world.catch_up();
    assert_eq!(world.views.take_erasures(), vec![(feed, 1), (feed, 2)]);
    let shown = world.shown(&desk, 1).unwrap();
    assert!(shown.withdrawn);

    world.erase(feed, 1);
    world.erase(feed, 2);
    world = world.reopen();
    world.catch_up();
    assert!(world.views.take_erasures().is_empty());
    // The withdrawal alone is held then.
    let shown = caphub_proto::v1::Record { revisions: 1, ..shown };
    assert_eq!(world.shown(&desk, 1), Some(shown.clone()));

    // A node that received headers only comes to the same judgement.
    world.views.rebuild().unwrap();
    assert_eq!(world.shown(&desk, 1), Some(shown));
    assert_eq!(world.list(&Viewer::public()).total, 1);
}

#[test]
fn nobody_else_erases_and_nothing_that_others_rely_on_is_erased() {
    let mut world = World::new();
    let (hub, other) = (world.party(1), world.party(2));
    let feed = hub.feed(Audience::Public).id();
    let member =
        Attestation { party: vec![5; 32], level: AttestationLevel::Member.into(), ..Attestation::default() };
    let attestation = world.publish(&hub, &Write::new(1), Kind::Attestation(member));
    let first = world.publish(&hub, &Write::new(2), course("mine"));
    world.publish(&hub, &Write::after(1, 2, &[attestation]), withdraw("attestation", &[(feed, 1)]));
    world.publish(&other, &Write::after(2, 2, &[first]), withdraw("course", &[(feed, 2)]));
    world.publish(&other, &Write::new(3), withdraw("course", &[(feed, 2)]));
    world.catch_up();
    assert!(world.views.take_erasures().is_empty());
    assert_eq!(world.search("mine").total, 1);
    // Withdrawn it is: only its body stays.
    assert!(world.views.admissions_of(&PartyId([5; 32])).is_empty());
}

#[test]
fn a_revision_that_arrives_after_the_withdrawal_is_erased_too() {
    let mut world = World::new();
    let (desk, other) = (world.party(1), world.party(2));
    let second = crate::views::tests::world::Desk { party: desk.party, signer: other.signer.clone() };
    world.desk(1, 2, caphub_proto::wire::identity::Capabilities::PUBLISH, NOW);
    let feed = second.feed(Audience::Public).id();
    let first = world.publish(&desk, &Write::new(1), course("alpha"));
    world.publish(&desk, &Write::after(1, 2, &[first]), withdraw("course", &[(feed, 1)]));
    world.catch_up();
    assert!(world.views.take_erasures().is_empty());
    world.publish(&second, &Write::after(1, 2, &[first]), course("late words"));
    world.catch_up();
    assert_eq!(world.views.take_erasures(), vec![(feed, 1)]);
    assert_eq!(world.search("late words").total, 0);
}

#[test]
fn words_of_an_erased_record_leave_the_files_of_the_index() {
    let mut world = World::new();
    let desk = world.party(1);
    let feed = desk.feed(Audience::Public).id();
    let first = world.publish(&desk, &Write::new(1), course("xylophonist"));
    for record in 2..40 {
        world.publish(&desk, &Write::new(record), course("filler"));
    }
    world.catch_up();
    assert!(on_disk(&world, "xylophonist"));
    world.publish(&desk, &Write::after(1, 2, &[first]), withdraw("course", &[(feed, 1)]));
    let progress = world.views.catch_up().unwrap();
    assert!(!progress.purge_pending);
    assert!(!on_disk(&world, "xylophonist"));
    assert!(on_disk(&world, "filler"));
}

/// True where any file of the views holds the word. Dictionaries are coded, so they are asked; no file may lie there
/// beside those of the segments that are asked.
fn on_disk(world: &World, word: &str) -> bool {
    let index = tantivy::Index::open_in_dir(world.dir.path()).unwrap();
    let segments = index.searchable_segments().unwrap();
    let known: Vec<String> = segments.iter().map(|s| s.id().uuid_string()).collect();
    for file in fs::read_dir(world.dir.path()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let (stem, end) = name.split_once('.').unwrap_or((&name, ""));
        let of_a_segment = stem.len() == 32 && !matches!(end, "json" | "lock");
        assert!(!of_a_segment || known.iter().any(|k| k == stem), "{name} belongs to no segment");
    }
    segments.iter().any(|segment| {
        let reader = tantivy::SegmentReader::open(segment).unwrap();
        index.schema().fields().filter(|(_, entry)| entry.is_indexed()).any(|(field, _)| {
            let term = tantivy::Term::from_field_text(field, word);
            reader
                .inverted_index(field)
                .unwrap()
                .terms()
                .term_ord(term.serialized_value_bytes())
                .unwrap()
                .is_some()
        })
    })
}
