//! Opening, rebuilding and following.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caphub_proto::wire::LogId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::world::{MemoryLog, World, Write, course, title, titles};
use crate::entitlement::Viewer;
use crate::views::{Log, Views};

fn filled() -> World {
    let mut world = World::new();
    let desk = world.party(1);
    for record in 0..20 {
        world.publish(&desk, &Write::new(record), course(&format!("course {record}")));
    }
    world.catch_up();
    world
}

#[test]
fn a_restart_goes_on_where_the_last_commit_was() {
    let mut world = filled().reopen();
    assert_eq!((world.views.position(), world.views.behind()), (20, 0));
    assert_eq!(world.list(&Viewer::public()).total, 20);
    let desk = world.party(1);
    world.publish(&desk, &Write::new(99), course("new"));
    assert_eq!((world.views.behind(), world.list(&Viewer::public()).behind), (1, 1));
    world.catch_up();
    assert_eq!(world.list(&Viewer::public()).total, 21);
}

#[test]
fn views_deleted_or_of_another_log_are_built_again() {
    let world = filled();
    let World { log, authority, dir, views, .. } = world;
    drop(views);
    let entries = log.entries.lock().unwrap().clone();
    let other = |count: usize, id: u8| {
        let entries = entries.iter().take(count).cloned().collect::<Vec<_>>();
        Arc::new(MemoryLog { entries: entries.into(), id: LogId([id; 16]) })
    };
    // Another id, then the same id with an end before the position.
    for (log, expected) in [(other(20, 7), 20), (other(5, 7), 5)] {
        let views = Views::open(dir.path(), log.clone(), authority.clone()).unwrap();
        assert_eq!(views.position(), 0);
        views.catch_up().unwrap();
        assert_eq!(views.position(), log.end());
        let page = views.list(&Viewer::public(), &Default::default(), &Default::default(), 1).unwrap();
        assert_eq!(page.total, expected);
    }
    for file in fs::read_dir(dir.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let views = Views::open(dir.path(), log, authority).unwrap();
    views.catch_up().unwrap();
    assert_eq!(views.position(), 20);
}

#[test]
fn damaged_files_lead_to_a_rebuild_and_never_to_a_loss() {
    let kinds = ["meta.json", ".managed.json", "term", "store", "idx", "pos", "fast", "fieldnorm"];
    for kind in kinds {
        for truncate in [true, false] {
            let world = filled();
            let World { log, authority, dir, views, .. } = world;
            drop(views);
            // An unclean end, or a clean one before the machine started anew: nothing was synced then.
            match truncate {
                true => fs::remove_file(dir.path().join("ended-clean")).unwrap(),
                false => fs::write(dir.path().join("ended-clean"), "another boot").unwrap(),
            }
            let files = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
            for file in files.filter(|f| f.to_string_lossy().ends_with(kind)) {
                let mut bytes = fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                match truncate {
                    true => bytes.truncate(middle),
                    false => bytes[middle] ^= 0x55,
                }
                fs::write(&file, bytes).unwrap();
            }
            let views = Views::open(dir.path(), log, authority).unwrap();
            views.catch_up().unwrap();
            let page = views.list(&Viewer::public(), &Default::default(), &Default::default(), 1).unwrap();
            assert_eq!(page.total, 20, "{kind} {truncate}");
            let found =
                views.search(&Viewer::public(), "course", &Default::default(), &Default::default(), 1);
            assert_eq!(found.unwrap().total, 20, "{kind} {truncate}");
        }
    }
}

#[test]
fn a_rebuild_shows_the_same_records() {
    let world = filled();
    let before = world.list(&Viewer::public());
    world.views.rebuild().unwrap();
    assert_eq!(world.list(&Viewer::public()), before);
}

#[tokio::test]
async fn a_new_record_is_visible_within_moments() {
    let mut world = filled();
    let desk = world.party(1);
    let (moved, ends) = watch::channel(world.log.end());
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(world.views.clone().run(ends, shutdown.clone()));
    let mut watch = world.views.watch();
    let mut waits = Vec::new();
    for record in 100..120 {
        world.publish(&desk, &Write::new(record), course("breaking"));
        let started = Instant::now();
        moved.send(world.log.end()).unwrap();
        let key = tokio::time::timeout(Duration::from_secs(10), watch.recv()).await.unwrap().unwrap();
        waits.push(started.elapsed());
        assert_eq!(title(&world.shown(&desk, key.record.0[0]).unwrap()), "breaking");
    }
    waits.sort();
    println!("visible after: median {:?}, slowest {:?}", waits[waits.len() / 2], waits[waits.len() - 1]);
    assert!(waits[waits.len() / 2] < Duration::from_millis(500));
    // Lists and searches follow with the next commit.
    let listed = async {
        while world.views.behind() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), listed).await.unwrap();
    assert_eq!(titles(&world.search("breaking")).len(), 20);
    world.publish(&desk, &Write::new(120), course("breaking"));
    moved.send(world.log.end()).unwrap();
    watch.recv().await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
    assert_eq!(titles(&world.search("breaking")).len(), 21, "what was shown is committed at the end");
}
