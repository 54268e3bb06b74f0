//! Revoked keys: the branch that counts is fetched and offered, whatever was refused before.

use super::*;

#[test]
fn a_branch_that_a_revoke_names_is_asked_for_from_its_beginning() {
    let mut here = Node { named: Some(public(1)), ..many(0..4, 1) };
    let mut there = many(0..4, 1);
    here.set(public(1), vec![1]);
    there.set(public(1), vec![2, 2]);
    let mut memory = Memory::default();
    let (moved, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((here.feeds[&public(1).id()].1.clone(), moved.pulled), (vec![2, 2], 1 + 2));
    assert_eq!(sync(settings(), &mut here, &mut there, &mut memory).0.pulled, 0);
}

#[test]
fn what_was_refused_before_the_far_end_held_a_revocation_is_offered_once_it_does() {
    let identity = Feed::identity(party(1));
    let mut here = many(0..4, 1).with(identity, &[0, 7]).with(public(1), &[0, 0]);
    let mut there = many(0..4, 1);
    // Its disk takes nothing of the identity log, and so it does not know yet which history counts.
    there.fails = [(identity, Reason::StoreFailed), (public(1), Reason::Frozen)].into();
    let mut memory = Memory::default();
    sync(settings(), &mut here, &mut there, &mut memory);
    there.fails = [(public(1), Reason::Frozen)].into();
    sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((there.entries(&identity), there.entries(&public(1))), (2, 1));
    there.fails.clear();
    sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!(there.entries(&public(1)), 2);
}
