//! A far end that states what it does not give, for a while or for good.

use super::*;

#[test]
fn what_is_stated_and_does_not_come_is_asked_for_again_at_the_next_sync() {
    let full = many(0..3, 5);
    let (mut there, mut here, mut memory) = (full.clone(), Node::default(), Memory::default());
    there.feeds.remove(&public(1).id());
    let (_, first) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((here.entries(&public(1)), first.more), (0, false));
    there.feeds = full.feeds;
    let (moved, second) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((here.entries(&public(1)), moved.pulled, second.idle), (5, 5, false));
    let (moved, third) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((moved, third.idle), (Moved::default(), true));
}

#[test]
fn what_one_peer_withholds_the_other_gives() {
    let full = many(0..20, 5);
    let (mut liar, mut honest, mut here) = (full.clone(), full, Node::default());
    // Stated, and never served.
    liar.feeds.remove(&public(3).id());
    let mut claims = Claims::default();
    let (mut first_memory, mut second_memory) = (Memory::default(), Memory::default());
    let mut first = Syncing::new(settings(), &here, &liar, &mut first_memory, &mut claims);
    let mut second = Syncing::new(settings(), &here, &honest, &mut second_memory, &mut claims);
    while first.step(&mut here, &mut liar, &mut first_memory, &mut claims) {}
    while second.step(&mut here, &mut honest, &mut second_memory, &mut claims) {}
    assert_eq!(here.entries(&public(3)), 5);
    assert_eq!(second.moved.pulled, 5);
}
