//! Keys that are revoked, with whole nodes: the branch that counts is found whatever is held, and what a hub said of its
//! members outlives the key by which it said it.
//!
//! threats.md rows 1 and 2.

use std::path::Path;

use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::ingest::Origin;
use caphub_proto::v1::AttestationLevel;
use caphub_proto::wire::{Audience, Feed, Head, PartyId, Reason};
use caphub_tests::sim::cast::{EPOCH_MS, Party, Signed, attestation, need, run_of, sign};
use caphub_tests::sim::rng::Rng;

fn open(folder: &Path) -> Core {
    Core::open(folder, PartyId([9; 32]), true, Quotas::default()).expect("a store")
}

/// Takes entries as one message, each a run by itself; returns what became of the last.
async fn take(core: &Core, entries: &[Signed]) -> Result<u64, Reason> {
    let runs = entries.iter().map(|e| run_of(std::slice::from_ref(e))).collect();
    let taken = core.ingest.take(runs, Origin::Peer).await;
    taken.last().expect("a result").result.map(|s| s.stored)
}

/// Signs what follows `base`, by the party's last key.
fn grow(party: &Party, rng: &mut Rng, base: &[Signed], bodies: Vec<Vec<u8>>) -> Vec<Signed> {
    let key = party.operators.last().expect("a key");
    let feed = Feed::records(party.id, key.public(), Audience::Public);
    let mut all = base.to_vec();
    for body in bodies {
        let head = all.last().map(|e| e.head);
        all.push(sign(feed, head, EPOCH_MS, rng.array(), &body, key));
    }
    all
}

fn needs(rng: &mut Rng, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| need(rng, 1)).collect()
}

fn admits(rng: &mut Rng, parties: &[PartyId], level: AttestationLevel) -> Vec<Vec<u8>> {
    parties.iter().map(|p| attestation(rng, *p, level)).collect()
}

fn head(entries: &[Signed]) -> (Feed, Head) {
    let last = entries.last().expect("an entry");
    (last.feed, last.head)
}

fn counted(core: &Core, feed: &Feed) -> Option<Head> {
    core.counted(&core.store.head(&feed.id())?)
}

#[tokio::test]
async fn a_named_branch_of_single_entries_takes_the_place_of_another_after_cuts_and_restarts() {
    let (folder, mut rng) = (tempfile::tempdir().expect("a folder"), Rng::new(1));
    let mut party = Party::found(&mut rng, 1);
    let bodies = needs(&mut rng, 3);
    let base = grow(&party, &mut rng, &[], bodies);
    let (one, other) = (needs(&mut rng, 5), needs(&mut rng, 40));
    let (held, named) = (grow(&party, &mut rng, &base, one), grow(&party, &mut rng, &base, other));
    let (feed, last) = head(&named);
    let core = open(folder.path());
    take(&core, &party.identity).await.expect("an identity");
    take(&core, &held).await.expect("entries");
    assert_eq!(take(&core, &named[3..4]).await, Err(Reason::Fork));
    let key = party.operators[0].public();
    let revoke = party.revoke(&mut rng, key, &[(feed, last)]);
    take(&core, &[revoke]).await.expect("a revocation");
    assert_eq!(counted(&core, &feed).map(|h| h.seq.value()), Some(3), "frozen where the two part");

    // Cut off in the middle, and what was kept aside is lost with the restart.
    assert_eq!(take(&core, &named[3..20]).await, Err(Reason::Undecided));
    drop(core);
    let core = open(folder.path());
    assert_eq!(take(&core, &named[20..30]).await, Err(Reason::Gap));
    assert_eq!(counted(&core, &feed).map(|h| h.seq.value()), Some(3));
    // Whole, over two messages.
    assert_eq!(take(&core, &named[..12]).await, Err(Reason::Undecided));
    assert_eq!(take(&core, &named[12..]).await, Ok(40));
    assert_eq!(counted(&core, &feed), Some(last));
    assert_eq!(take(&core, &held).await, Err(Reason::Revoked));
    drop(core);
    let core = open(folder.path());
    assert_eq!(counted(&core, &feed), Some(last), "a restart keeps the branch");
    core.views.catch_up().expect("views");
}

#[tokio::test]
async fn members_stay_when_their_hub_replaces_its_key_and_those_that_a_stolen_key_admitted_do_not() {
    let (folder, mut rng) = (tempfile::tempdir().expect("a folder"), Rng::new(2));
    let mut hub = Party::found(&mut rng, 1);
    let [kept, ended, stolen] = [1, 2, 3].map(|n| PartyId([n; 32]));
    let bodies = [
        admits(&mut rng, &[kept, ended], AttestationLevel::Member),
        admits(&mut rng, &[ended], AttestationLevel::Ended),
        admits(&mut rng, &[stolen, ended], AttestationLevel::Member),
        admits(&mut rng, &[kept], AttestationLevel::Ended),
    ];
    let entries = grow(&hub, &mut rng, &[], bodies.concat());
    let core = open(folder.path());
    take(&core, &hub.identity).await.expect("an identity");
    take(&core, &entries).await.expect("entries");
    let id = hub.id;
    let admitted = |core: &Core| [kept, ended, stolen].map(|p| core.admissions.of(&id, &p).is_some());
    assert_eq!(admitted(&core), [false, true, true]);
    // The first three entries count: what came after was by whoever took the key.
    let key = hub.operators[0].public();
    let counted = [head(&entries[..3])];
    let revoke = hub.revoke(&mut rng, key, &counted);
    take(&core, &[revoke]).await.expect("a revocation");
    assert_eq!(admitted(&core), [true, false, false]);
    drop(core);
    let core = open(folder.path());
    assert_eq!(admitted(&core), [true, false, false], "after a restart as before it");
    assert_eq!(core.admissions.members(&id).len(), 1);
}

#[tokio::test]
async fn admissions_beyond_a_fork_are_void_until_a_revoke_says_which_history_counts() {
    let (folder, mut rng) = (tempfile::tempdir().expect("a folder"), Rng::new(3));
    let mut hub = Party::found(&mut rng, 1);
    let [early, late, never] = [1, 2, 3].map(|n| PartyId([n; 32]));
    let first = admits(&mut rng, &[early], AttestationLevel::Member);
    let base = grow(&hub, &mut rng, &[], first);
    let (one, other) = (
        admits(&mut rng, &[late], AttestationLevel::Member),
        admits(&mut rng, &[never], AttestationLevel::Member),
    );
    let (named, fork) = (grow(&hub, &mut rng, &base, one), grow(&hub, &mut rng, &base, other));
    let core = open(folder.path());
    take(&core, &hub.identity).await.expect("an identity");
    take(&core, &named).await.expect("entries");
    let id = hub.id;
    let admitted = |core: &Core| [early, late, never].map(|p| core.admissions.of(&id, &p).is_some());
    assert_eq!(admitted(&core), [true, true, false]);
    assert_eq!(take(&core, &fork).await, Err(Reason::Fork));
    assert_eq!(admitted(&core), [true, false, false]);
    drop(core);
    let core = open(folder.path());
    assert_eq!(admitted(&core), [true, false, false]);
    let key = hub.operators[0].public();
    let revoke = hub.revoke(&mut rng, key, &[head(&named)]);
    take(&core, &[revoke]).await.expect("a revocation");
    assert_eq!(admitted(&core), [true, true, false]);
    drop(core);
    assert_eq!(admitted(&open(folder.path())), [true, true, false]);
}

#[tokio::test]
async fn a_revocation_of_a_party_whose_log_is_held_is_taken_from_anybody() {
    let (folder, mut rng) = (tempfile::tempdir().expect("a folder"), Rng::new(4));
    let core = Core::open(folder.path(), PartyId([9; 32]), false, Quotas::default()).expect("a store");
    let (mut party, stranger) = (Party::found(&mut rng, 1), Party::found(&mut rng, 1));
    let by = |origin, entries: Vec<Signed>| {
        let core = &core;
        async move { core.ingest.take(vec![run_of(&entries)], origin).await[0].result.map(|s| s.stored) }
    };
    let other = Origin::Caller(PartyId([8; 32]));
    by(Origin::Caller(party.id), party.identity.clone()).await.expect("its own identity");
    let key = party.operators[0].public();
    let revoke = party.revoke(&mut rng, key, &[]);
    assert_eq!(by(other, vec![revoke]).await, Ok(1));
    assert_eq!(by(other, stranger.identity).await, Err(Reason::NotCarried));
}
