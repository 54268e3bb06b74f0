//! Views that are derived again beside those that answer.

use std::sync::atomic::{AtomicBool, Ordering};

use caphub_proto::wire::identity::RevokedFeed;
use caphub_proto::wire::{Audience, EntryHash, PartyId};

use super::world::{Desk, World, Write, course, titles};
use crate::entitlement::Viewer;
use crate::views::ViewsError;

const RECORDS: u8 = 60;

/// The views of a party with a feed of records, and the hash of its fifth entry.
fn filled() -> (World, Desk, EntryHash) {
    let mut world = World::new();
    let desk = world.party(1);
    let mut hashes = Vec::new();
    for record in 0..RECORDS {
        hashes.push(world.publish(&desk, &Write::new(record), course(&format!("course {record}"))));
    }
    world.catch_up();
    (world, desk, hashes[4])
}

#[test]
fn whoever_asks_meanwhile_is_answered_in_full_and_what_came_meanwhile_is_there() {
    let (mut world, desk, _) = filled();
    let over = AtomicBool::new(false);
    let views = world.views.clone();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0_u32;
            while !over.load(Ordering::Acquire) {
                let page =
                    views.list(&Viewer::everything(), &Default::default(), &Default::default(), 1).unwrap();
                assert!(page.total >= u64::from(RECORDS), "{}", page.total);
                asked += 1;
            }
            asked
        });
        for turn in 0..20 {
            let renewing = scope.spawn(|| views.renew());
            let write = Write::new(100 + turn);
            world.publish(&desk, &write, course(&format!("meanwhile {turn}")));
            world.views.catch_up().unwrap();
            assert!(world.shown(&desk, 100 + turn).is_some(), "{turn}: shown while others are derived");
            renewing.join().unwrap().unwrap();
            world.views.catch_up().unwrap();
            assert!(world.shown(&desk, 100 + turn).is_some(), "{turn}: and afterwards");
        }
        over.store(true, Ordering::Release);
        assert!(asking.join().unwrap() > 0);
    });
    assert_eq!(world.views.renewals(), 20);
    assert_eq!(world.list(&Viewer::everything()).total, u64::from(RECORDS) + 20);
    assert_eq!(titles(&world.search("meanwhile 7")), ["meanwhile 7"]);
    assert!(!world.dir.path().with_extension("next").exists());
    let world = world.reopen();
    assert_eq!((world.views.behind(), world.list(&Viewer::everything()).total), (0, u64::from(RECORDS) + 20));
}

#[test]
fn what_the_files_lost_is_there_again() {
    let (world, desk, _) = filled();
    {
        let inner = &world.views.0;
        let mut writing = inner.writing.lock().unwrap();
        let origin = writing.origin;
        let writer = inner.writer(&mut writing).unwrap();
        writer.delete_all_documents().unwrap();
        crate::views::index::commit(writer, &origin).unwrap();
        inner.opened().reader.reload().unwrap();
    }
    assert_eq!(world.list(&Viewer::everything()).total, 0, "the position says that nothing is missing");
    assert_eq!(world.views.renew().unwrap(), u64::from(RECORDS));
    assert_eq!(world.list(&Viewer::everything()).total, u64::from(RECORDS));
    assert!(world.shown(&desk, 3).is_some());
}

#[test]
fn a_revocation_that_comes_meanwhile_holds_in_the_views_that_take_over() {
    for _ in 0..20 {
        let (mut world, desk, hash) = filled();
        let feed = desk.feed(Audience::Public).id();
        let views = world.views.clone();
        std::thread::scope(|scope| {
            let renewing = scope.spawn(|| views.renew());
            let last = RevokedFeed { feed, seq: 5, hash };
            world.revoke(&desk, vec![last]);
            views.reconsider(PartyId([1; 32]));
            views.catch_up().unwrap();
            assert_ne!(world.void(&desk, 40), "");
            renewing.join().unwrap().unwrap();
        });
        world.views.catch_up().unwrap();
        assert_ne!(world.void(&desk, 40), "", "also where the new ones had judged it before");
        assert_eq!(world.void(&desk, 2), "");
    }
}

#[test]
fn what_a_crash_left_beside_goes_at_the_next_start_and_the_views_before_answer() {
    let (world, ..) = filled();
    let next = world.dir.path().with_extension("next");
    std::fs::create_dir(&next).unwrap();
    std::fs::write(next.join("meta.json"), b"half").unwrap();
    let world = world.reopen();
    assert!(!next.exists());
    assert_eq!((world.views.position(), world.list(&Viewer::everything()).total), (60, 60));
    // Where two folders cannot change places at once, a crash between two moves leaves the new one alone.
    let World { log, authority, dir, views, .. } = world;
    drop(views);
    std::fs::rename(dir.path(), &next).unwrap();
    let views = crate::views::Views::open(dir.path(), log, authority).unwrap();
    assert_eq!(views.position(), 60);
    assert!(!next.exists());
}

#[test]
fn views_that_end_are_not_derived_again() {
    let (world, ..) = filled();
    world.views.0.stopping.store(true, Ordering::Release);
    assert!(matches!(world.views.renew(), Err(ViewsError::Stopping)));
    assert!(!world.dir.path().with_extension("next").exists());
}
