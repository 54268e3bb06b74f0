//! Two nodes without a network: what moves, what does not move again, and what ends a sync early.

mod branches;
mod unanswered;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::wire::audience::Audience;
use crate::wire::entitlement::Viewer;
use crate::wire::ids::{EntryHash, OperatorKey, PartyId};
use crate::wire::keys::tagged_hash;
use crate::wire::reconcile::{Sets, answer, roots};

/// Entries without bytes: feed, and the branch of each entry.
#[derive(Clone, Default)]
struct Node {
    sets: Sets,
    feeds: BTreeMap<FeedId, (Feed, Vec<u8>)>,
    refuses: BTreeSet<PartyId>,
    fails: BTreeMap<Feed, Reason>,
    /// A Revoke names the branch of higher entries, which is taken from its beginning.
    named: Option<Feed>,
    /// Once it holds this feed it carries that party.
    learns: Option<(Feed, PartyId)>,
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Moved {
    rounds: usize,
    pulled: u64,
    pushed: u64,
    requests: usize,
}

fn party(n: u8) -> PartyId {
    PartyId([n; 32])
}

fn public(n: u8) -> Feed {
    Feed::records(party(n), OperatorKey([n; 32]), Audience::Public)
}

fn hash(feed: &Feed, entries: &[u8]) -> EntryHash {
    EntryHash(tagged_hash(b"entry", &[feed.id().as_bytes(), entries]))
}

impl Node {
    fn with(mut self, feed: Feed, entries: &[u8]) -> Self {
        self.set(feed, entries.to_vec());
        self
    }

    fn set(&mut self, feed: Feed, entries: Vec<u8>) {
        let stated = Stated { seq: entries.len() as u64, hash: hash(&feed, &entries), frozen: false };
        self.sets.state(feed, Some(stated));
        self.feeds.insert(feed.id(), (feed, entries));
    }

    fn entries(&self, feed: &Feed) -> usize {
        self.feeds.get(&feed.id()).map_or(0, |(_, e)| e.len())
    }

    /// Takes the entries of `all` from a place on, as a node would.
    fn take(&mut self, feed: Feed, from: u64, entries: &[u8], all: &[u8]) -> Result<u64, Reason> {
        if self.refuses.contains(&feed.party) {
            return Err(Reason::NotCarried);
        }
        if let Some(reason) = self.fails.get(&feed) {
            return Err(*reason);
        }
        let mut held = self.feeds.get(&feed.id()).map(|(_, e)| e.clone()).unwrap_or_default();
        let before = from as usize - 1;
        if before > held.len() {
            return Err(Reason::Gap);
        }
        // The hash of the entry before stands in each: a branch shows wherever it is looked at.
        let shared = held.iter().zip(&all[..before + entries.len()]).all(|(a, b)| a == b);
        if !shared && feed.is_identity() && before == 0 {
            // The higher branch stands for the higher event, as a recovery is.
            if entries.iter().max() <= held.iter().max() {
                return Err(Reason::IdentityConflict);
            }
            self.set(feed, entries.to_vec());
            return Ok(entries.len() as u64);
        }
        if !shared && self.named == Some(feed) {
            if before > 0 || entries.iter().max() <= held.iter().max() {
                return Err(Reason::Undecided);
            }
            self.set(feed, entries.to_vec());
            return Ok(entries.len() as u64);
        }
        if !shared {
            return Err(Reason::Fork);
        }
        let known = held.len() - before;
        if entries.len() <= known {
            return Ok(0);
        }
        held.extend_from_slice(&entries[known..]);
        self.set(feed, held);
        if let Some((_, learnt)) = self.learns.filter(|(of, _)| *of == feed) {
            self.refuses.remove(&learnt);
        }
        Ok((entries.len() - known) as u64)
    }
}

fn peer() -> Viewer {
    Viewer { network: true, ..Viewer::default() }
}

fn settings() -> Settings {
    let far = peer();
    Settings {
        far,
        parties: Vec::new(),
        pull: true,
        push: true,
        to_strangers: false,
        max_bytes: None,
        newest_first: false,
        dry: false,
    }
}

struct Syncing {
    session: Session,
    actions: VecDeque<Action>,
    moved: Moved,
    finished: Option<Finished>,
}

/// Runs one action at a time; each entry counts as a byte.
impl Syncing {
    fn new(settings: Settings, here: &Node, there: &Node, memory: &mut Memory, claims: &mut Claims) -> Self {
        let nothing = |_: &Feed, _: u64| None;
        let facts = Facts { sets: &here.sets, hash_at: &nothing, now_ms: 0 };
        let (session, stated) = Session::new(settings, &facts, claims);
        let roots = roots(&stated, &there.sets, &peer());
        let hello = v1::HelloResponse { roots, standing: "peer".to_owned(), ..Default::default() };
        let mut new = Self { session, actions: VecDeque::new(), moved: Moved::default(), finished: None };
        new.hear(Input::Hello(&hello), here, memory, claims, 0);
        new
    }

    fn hear(&mut self, input: Input<'_>, here: &Node, memory: &mut Memory, claims: &mut Claims, now_ms: u64) {
        let hash_at = |feed: &Feed, seq: u64| {
            let (feed, entries) = here.feeds.get(&feed.id())?;
            Some(hash(feed, entries.get(..seq as usize)?))
        };
        let facts = Facts { sets: &here.sets, hash_at: &hash_at, now_ms };
        let actions = self.session.handle(input, &facts, memory, claims).expect("an honest far end");
        self.actions.extend(actions);
    }

    /// One action; false where none is left.
    fn step(&mut self, here: &mut Node, there: &mut Node, memory: &mut Memory, claims: &mut Claims) -> bool {
        let Some(action) = self.actions.pop_front() else { return false };
        match action {
            Action::Reconcile(request) => {
                self.moved.rounds += 1;
                let response = answer(&request, &there.sets, &peer()).expect("an answer");
                self.hear(Input::Reconciled(&response), here, memory, claims, 0);
            }
            Action::Pull(request) => {
                self.moved.requests += 1;
                let mut left = if request.max_bytes == 0 { u64::MAX } else { request.max_bytes };
                for range in request.ranges {
                    let id = FeedId::from_slice(&range.feed_id).expect("a feed");
                    let Some((feed, entries)) = there.feeds.get(&id).cloned() else { continue };
                    let sent: Vec<u8> =
                        entries[range.from as usize - 1..].iter().take(left as usize).copied().collect();
                    if sent.is_empty() {
                        continue;
                    }
                    left -= sent.len() as u64;
                    self.moved.pulled += sent.len() as u64;
                    let taken = here.take(feed, range.from, &sent, &entries).map(drop);
                    let bytes = sent.len() as u64;
                    self.hear(Input::Taken(&[(id, taken)], bytes), here, memory, claims, 0);
                }
                self.hear(Input::PullEnded, here, memory, claims, 0);
            }
            Action::Push(push) => {
                let mut left = push.max_bytes.unwrap_or(u64::MAX);
                for range in push.ranges {
                    let entries = here.feeds[&range.feed.id()].1.clone();
                    let sent: Vec<u8> =
                        entries[range.from as usize - 1..].iter().take(left as usize).copied().collect();
                    left -= sent.len() as u64;
                    let mut response = v1::PushResponse::default();
                    match there.take(range.feed, range.from, &sent, &entries) {
                        Ok(stored) => response.stored = stored,
                        Err(reason) => response.refusals.push(v1::RunRefusal {
                            feed_id: range.feed.id().to_vec(),
                            from: range.from,
                            reason: reason.code().to_owned(),
                            message: String::new(),
                        }),
                    }
                    self.moved.pushed += sent.len() as u64;
                    self.hear(Input::Pushed(&response, sent.len() as u64), here, memory, claims, 0);
                }
                self.hear(Input::PushEnded, here, memory, claims, 0);
            }
            Action::Wait => self.hear(Input::Again, here, memory, claims, 0),
            Action::Finished(finished) => self.finished = Some(finished),
        }
        true
    }
}

fn sync(settings: Settings, here: &mut Node, there: &mut Node, memory: &mut Memory) -> (Moved, Finished) {
    let mut claims = Claims::default();
    let mut syncing = Syncing::new(settings, here, there, memory, &mut claims);
    for _ in 0..1_000 {
        if !syncing.step(here, there, memory, &mut claims) {
            assert!(claims.is_empty());
            return (syncing.moved, syncing.finished.expect("an end"));
        }
    }
    panic!("the session does not end");
}

fn many(parties: std::ops::Range<u8>, entries: usize) -> Node {
    parties.fold(Node::default(), |node, n| {
        node.with(Feed::identity(party(n)), &[0]).with(public(n), &vec![0; entries])
    })
}

#[test]
fn both_sides_end_with_everything_and_the_next_sync_is_hello_alone() {
    let (mut here, mut there) = (many(0..60, 5), many(30..90, 7));
    let mut memory = Memory::default();
    let (moved, finished) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!(here.sets.items().collect::<Vec<_>>(), there.sets.items().collect::<Vec<_>>());
    assert_eq!((moved.pulled, moved.pushed), (30 * 8 + 30 * 2, 30 * 6));
    assert!(!finished.idle && !finished.more);
    let (again, finished) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((again, finished.idle), (Moved::default(), true));
}

#[test]
fn a_turn_before_the_answer_to_hello_does_not_end_a_session() {
    let (here, there) = (many(0..2, 1), many(0..3, 1));
    let (mut memory, mut claims) = (Memory::default(), Claims::default());
    let nothing = |_: &Feed, _: u64| None;
    let facts = Facts { sets: &here.sets, hash_at: &nothing, now_ms: 0 };
    let (mut session, stated) = Session::new(settings(), &facts, &mut claims);
    let early = session.handle(Input::Again, &facts, &mut memory, &mut claims);
    assert_eq!(early, Ok(Vec::new()));
    let roots = roots(&stated, &there.sets, &peer());
    let hello = v1::HelloResponse { roots, standing: "peer".to_owned(), ..Default::default() };
    let actions = session.handle(Input::Hello(&hello), &facts, &mut memory, &mut claims);
    assert!(matches!(actions.as_deref(), Ok([Action::Reconcile(_)])), "{actions:?}");
}

#[test]
fn a_recovery_reaches_a_far_end_whose_identity_log_is_longer_whoever_dials() {
    let identity = Feed::identity(party(1));
    for ours in [&[0, 9][..], &[0, 1, 1]] {
        let theirs: &[u8] = if ours.len() == 2 { &[0, 1, 1] } else { &[0, 9] };
        let mut here = many(2..6, 3).with(identity, ours);
        let mut there = many(2..6, 3).with(identity, theirs);
        let mut memory = Memory::default();
        sync(settings(), &mut here, &mut there, &mut memory);
        assert_eq!((here.entries(&identity), there.entries(&identity)), (2, 2));
        let (_, finished) = sync(settings(), &mut here, &mut there, &mut memory);
        assert!(finished.idle || sync(settings(), &mut here, &mut there, &mut memory).1.idle);
    }
    // Where neither gives way each is offered once.
    let mut here = Node::default().with(identity, &[0, 5]);
    let mut there = Node::default().with(identity, &[0, 1, 5]);
    let mut memory = Memory::default();
    sync(settings(), &mut here, &mut there, &mut memory);
    let (second, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((second.pulled, second.pushed), (0, 0));
}

#[test]
fn what_neither_side_takes_is_offered_once_and_then_costs_nothing() {
    let (mut here, mut there) = (many(0..40, 3), many(20..60, 3));
    here.refuses.insert(party(50));
    there.refuses.insert(party(5));
    let mut memory = Memory::default();
    let (first, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert!(first.pulled > 0 && first.pushed > 0);
    let (second, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((second.pulled, second.pushed, second.requests), (0, 0, 0));
    let (third, finished) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((third, finished.idle), (Moved::default(), true));
    // A change elsewhere does not bring the refused ones back; a change of what is carried does.
    there.set(public(21), vec![0; 4]);
    let (fourth, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((fourth.pulled, fourth.pushed), (1, 0));
    here.refuses.clear();
    memory.forget_here();
    let (fifth, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((fifth.pulled, fifth.pushed), (4, 0));
}

#[test]
fn a_feed_on_another_branch_is_asked_for_once_from_its_beginning() {
    let mut here = many(0..20, 5);
    let mut there = here.clone();
    here.set(public(1), vec![0, 0, 1]);
    there.set(public(1), vec![0, 0, 2, 2, 2]);
    here.set(public(2), vec![0, 1]);
    there.set(public(2), vec![0, 2]);
    let mut memory = Memory::default();
    let (moved, _) = sync(settings(), &mut here, &mut there, &mut memory);
    // From where ours ends, then from 1; at the same place, from 1 alone, in both directions.
    assert_eq!((moved.pulled, moved.pushed), (2 + 5 + 2, 2));
    let (again, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((again.pulled, again.pushed), (0, 0));
}

#[test]
fn a_lower_head_on_another_branch_is_seen() {
    let (mut here, mut there) = (many(0..20, 5), many(0..20, 5));
    there.set(public(3), vec![0, 9]);
    let (moved, _) = sync(settings(), &mut here, &mut there, &mut Memory::default());
    assert_eq!((moved.pulled, moved.pushed), (2, 5));
}

#[test]
fn a_frozen_feed_is_asked_for_and_shown() {
    let (mut here, mut there) = (many(0..3, 4), many(0..3, 4));
    let frozen = |node: &mut Node, n, seq: u64| {
        let stated = Stated { seq, hash: hash(&public(n), &vec![0; seq as usize]), frozen: true };
        node.sets.state(public(n), Some(stated));
    };
    frozen(&mut there, 0, 2);
    frozen(&mut here, 1, 3);
    frozen(&mut here, 2, 1);
    frozen(&mut there, 2, 1);
    let mut claims = Claims::default();
    let mut memory = Memory::default();
    let mut syncing = Syncing::new(settings(), &here, &there, &mut memory, &mut claims);
    syncing.step(&mut here, &mut there, &mut memory, &mut claims);
    // The proofs go both ways. So do the entries beyond them: a Revoke may have ended the freeze on one side.
    let range = |n, from| v1::FeedRange { feed_id: public(n).id().to_vec(), from, to: 0 };
    let push = |n, from, to, proof| PushRange { feed: public(n), from, to, proof };
    let mut asked = vec![(public(0).id(), range(0, 5)), (public(1).id(), range(1, 4))];
    let mut sent = vec![push(0, 3, 4, false), push(1, 5, 3, true)];
    asked.sort_by_key(|(id, _)| *id);
    sent.sort_by_key(|p| p.feed.id());
    let ranges = asked.into_iter().map(|(_, range)| range).collect();
    assert_eq!(
        syncing.actions,
        [
            Action::Push(Push { ranges: sent, max_bytes: None }),
            Action::Pull(v1::PullRequest { ranges, ..Default::default() })
        ]
    );
}

#[test]
fn a_budget_bounds_both_directions_together_and_the_next_sync_goes_on() {
    let (mut here, mut there) = (many(0..30, 10), many(30..60, 10));
    let mut memory = Memory::default();
    let (mut syncs, mut all) = (0, 0);
    loop {
        let limited = Settings { max_bytes: Some(100), ..settings() };
        let (moved, finished) = sync(limited, &mut here, &mut there, &mut memory);
        assert!(moved.pulled + moved.pushed <= 100, "{moved:?}");
        all += moved.pulled + moved.pushed;
        syncs += 1;
        if !finished.more {
            break;
        }
        assert!(syncs < 20, "{moved:?}");
    }
    assert_eq!((all, here.entries(&public(59)), there.entries(&public(0))), (660, 10, 10));
    // What one direction does not need the other takes.
    let (mut here, mut there) = (many(0..1, 1), many(0..30, 10));
    let limited = Settings { max_bytes: Some(400), ..settings() };
    let (moved, finished) = sync(limited, &mut here, &mut there, &mut Memory::default());
    assert_eq!((moved.pulled, finished.more), (29 * 11 + 9, false));
}

#[test]
fn a_dry_run_moves_nothing_and_knows_what_would_move() {
    let (here, there) = (many(0..10, 3), many(5..20, 3));
    let (mut memory, mut claims) = (Memory::default(), Claims::default());
    let dry = Settings { dry: true, ..settings() };
    let mut syncing = Syncing::new(dry, &here, &there, &mut memory, &mut claims);
    let (mut one, mut other) = (here.clone(), there.clone());
    while syncing.step(&mut one, &mut other, &mut memory, &mut claims) {}
    let (pulls, pushes) = syncing.session.planned();
    assert_eq!((pulls.len(), pushes.len(), syncing.moved.pulled), (20, 10, 0));
    assert!(one.sets.len() == here.sets.len() && other.sets.len() == there.sets.len());
}

#[test]
fn two_full_peers_and_an_empty_node_move_everything_once() {
    let full = many(0..200, 50);
    let (mut one, mut other, mut here) = (full.clone(), full.clone(), Node::default());
    let mut claims = Claims::default();
    let (mut first_memory, mut second_memory) = (Memory::default(), Memory::default());
    let mut first = Syncing::new(settings(), &here, &one, &mut first_memory, &mut claims);
    let mut second = Syncing::new(settings(), &here, &other, &mut second_memory, &mut claims);
    for _ in 0..10_000 {
        let a = first.step(&mut here, &mut one, &mut first_memory, &mut claims);
        let b = second.step(&mut here, &mut other, &mut second_memory, &mut claims);
        if !a && !b {
            break;
        }
    }
    assert!(first.finished.is_some() && second.finished.is_some());
    assert_eq!(here.sets.len(), 400);
    assert_eq!(first.moved.pulled + second.moved.pulled, 200 * 51);
    assert!(first.moved.pulled > 0 && second.moved.pulled > 0, "{:?} {:?}", first.moved, second.moved);
}

#[test]
fn what_the_far_end_learns_to_carry_in_one_sync_it_gets_in_that_sync() {
    let (mut here, mut there) = (many(0..6, 2), Node::default());
    // Party 0 is a hub whose records say that party 1 is carried; the others are not.
    there.refuses = (1..6).map(party).collect();
    there.learns = Some((public(0), party(1)));
    let mut memory = Memory::default();
    let (moved, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((there.entries(&public(0)), there.entries(&public(1)), there.entries(&public(2))), (2, 2, 0));
    // Identities of all six, the records of the hub, then again the five that were refused, what one of them wrote, and
    // once more the four that are left: only what brings something new leads to another offer.
    assert_eq!(moved.pushed, 6 + 2 + 5 + 2 + 4);
    let (again, _) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!(again.pushed, 0);
    let (third, finished) = sync(settings(), &mut here, &mut there, &mut memory);
    assert_eq!((third, finished.idle), (Moved::default(), true));
}

#[test]
fn what_is_held_above_a_hole_is_not_asked_for_again_and_the_newest_comes_first() {
    let (mut here, there) = (many(0..1, 0), many(0..1, 100));
    here.sets.state(public(0), None);
    let ranges = |newest_first, above: &[(u64, u64)]| {
        let (mut memory, mut claims) = (Memory::default(), Claims::default());
        let set = Settings { dry: true, ..settings() };
        let nothing = |_: &Feed, _: u64| None;
        let facts = Facts { sets: &here.sets, hash_at: &nothing, now_ms: 0 };
        let (mut session, stated) = Session::new(set, &facts, &mut claims);
        if newest_first {
            session.newest_first();
        }
        session.holds_above([(public(0).id(), above.to_vec())].into());
        let roots = roots(&stated, &there.sets, &peer());
        let hello = v1::HelloResponse { roots, standing: "peer".to_owned(), ..Default::default() };
        let mut actions =
            session.handle(Input::Hello(&hello), &facts, &mut memory, &mut claims).expect("hello");
        while let Some(Action::Reconcile(request)) = actions.pop() {
            let answer = answer(&request, &there.sets, &peer()).expect("an answer");
            let heard = session.handle(Input::Reconciled(&answer), &facts, &mut memory, &mut claims);
            actions = heard.expect("an answer that was asked for");
        }
        session.planned().0.iter().map(|(_, r)| (r.from, r.to)).collect::<Vec<_>>()
    };
    assert_eq!(ranges(false, &[]), [(1, 0)]);
    assert_eq!(ranges(false, &[(50, 60), (91, 100)]), [(1, 49), (61, 90)]);
    assert_eq!(ranges(true, &[]), [(1, 84), (85, 0)]);
    assert_eq!(ranges(true, &[(85, 100)]), [(1, 68), (69, 84)]);
}

#[test]
fn who_holds_almost_nothing_asks_for_the_newest_beside_hello_and_who_holds_much_does_not() {
    let asked = |held: &Node, settings: Settings, memory: &Memory| {
        let nothing = |_: &Feed, _: u64| None;
        let facts = Facts { sets: &held.sets, hash_at: &nothing, now_ms: 0 };
        let (session, _) = Session::new(settings, &facts, &mut Claims::default());
        session.opening(&facts, memory).map(|asked| (asked.newest_first, asked.ranges.len(), asked.max_bytes))
    };
    let opening = |held: &Node, settings: Settings| asked(held, settings, &Memory::default());
    assert_eq!(opening(&many(0..1, 2), settings()), Some((true, 0, OPENING_BYTES)));
    assert_eq!(opening(&many(0..10, 2), settings()), None);
    let budget = |max_bytes| Settings { max_bytes: Some(max_bytes), ..settings() };
    assert_eq!(opening(&many(0..1, 2), budget(1_000)), Some((true, 0, 1_000)));
    assert_eq!(opening(&many(0..1, 2), budget(0)), None);
    for nothing_moves in [Settings { pull: false, ..settings() }, Settings { dry: true, ..settings() }] {
        assert_eq!(opening(&many(0..1, 2), nothing_moves), None);
    }
    assert_eq!(asked(&many(0..1, 2), settings(), &Memory::default().with_finished(true)), None);
}
