//! Which revision is shown, and why others are void.

use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{
    ActNote, Attestation, AttestationLevel, Course, FellowshipAct, RecordRef, Revision, Withdraw,
    fellowship_act,
};
use caphub_proto::wire::identity::{Capabilities, NO_END, RevokedFeed};
use caphub_proto::wire::limits::FUTURE_MS_MAX;
use caphub_proto::wire::{Audience, Reason};
use prost::Message;

use super::world::{NOW, World, Write, course, record_id, text, title, titles, withdraw};
use crate::entitlement::Viewer;
use crate::views::PageRequest;

#[test]
fn the_latest_revision_is_shown_and_the_earlier_ones_stay_in_the_history() {
    let mut world = World::new();
    let desk = world.party(1);
    let first = world.publish(&desk, &Write::new(1), course("alpha"));
    world.catch_up();
    world.publish(&desk, &Write::after(1, 2, &[first]), course("beta"));
    world.catch_up();
    let shown = world.shown(&desk, 1).unwrap();
    assert_eq!((title(&shown).as_str(), shown.void_reason.as_str(), shown.conflicts.len()), ("beta", "", 0));
    assert_eq!(world.search("beta").total, 1);
    assert_eq!(world.search("alpha").total, 0);
    let history = world.views.history(&Viewer::everything(), &desk.party, &record_id(1), NOW).unwrap();
    assert_eq!(history.iter().map(title).collect::<Vec<_>>(), ["beta", "alpha"]);
}

#[test]
fn an_act_of_several_parties_is_neither_revised_nor_withdrawn() {
    let note = |words: &str| {
        let call = Some(RecordRef { party: vec![9; 32], record_id: vec![9; 16] });
        let note = ActNote { text: text(words), ..ActNote::default() };
        Kind::Fellowship(FellowshipAct {
            call,
            act: Some(fellowship_act::Act::Note(note)),
            ..FellowshipAct::default()
        })
    };
    let mut world = World::new();
    let desk = world.desk(1, 1, Capabilities::ENGAGE.and(Capabilities::PUBLISH), NO_END);
    let act = world.publish(&desk, &Write::new(1), note("said"));
    let revised = world.publish(&desk, &Write::after(1, 2, &[act]), note("unsaid"));
    world.publish(&desk, &Write::after(1, 2, &[act]), course("another kind"));
    // A withdrawal that states another kind than what it takes back.
    let kept = Kind::Withdraw(Withdraw { kind: "course".to_owned(), ..Withdraw::default() });
    world.publish(&desk, &Write::after(1, 2, &[act]), kept);
    world.catch_up();
    let shown = world.shown(&desk, 1).unwrap();
    assert_eq!((shown.entry_hash, shown.withdrawn, shown.conflicts.len()), (act.to_vec(), false, 0));
    let history = world.views.history(&Viewer::everything(), &desk.party, &record_id(1), NOW).unwrap();
    let reason = |hash: &[u8]| history.iter().find(|r| r.entry_hash == hash).map(|r| r.void_reason.clone());
    assert_eq!(reason(&revised.to_vec()).as_deref(), Some("act_revised"));
    assert_eq!(history.iter().filter(|r| r.void_reason == "act_revised").count(), 3);
}

#[test]
fn revisions_in_different_batches_of_one_commit_replace_each_other() {
    let mut world = World::new();
    let desk = world.party(1);
    let filler = "filler ".repeat(8_000);
    let mut parents = Vec::new();
    for number in 1..=3 {
        parents = vec![world.publish(&desk, &Write::after(1, number, &parents), course("revised"))];
        // More than a batch: the next revision is judged before a reader sees this one.
        for other in 0..40 {
            world.publish(&desk, &Write::new(100 + other), course(&filler));
        }
    }
    world.catch_up();
    let shown = world.shown(&desk, 1).unwrap();
    assert_eq!((shown.entry_hash, shown.conflicts.len()), (parents[0].to_vec(), 0));
    assert_eq!(world.search("revised").total, 1);
    let history = world.views.history(&Viewer::everything(), &desk.party, &record_id(1), NOW).unwrap();
    assert_eq!(history.len(), 3);
}

#[test]
fn concurrent_revisions_conflict_with_one_winner_whatever_came_first() {
    let mut winners = Vec::new();
    for swap in [false, true] {
        let mut world = World::new();
        let (desk, other) = (world.party(1), world.desk(1, 2, Capabilities::PUBLISH, NO_END));
        let first = world.publish(&desk, &Write::new(1), course("alpha"));
        let write = Write::after(1, 2, &[first]);
        let order =
            if swap { [(&other, "right"), (&desk, "left")] } else { [(&desk, "left"), (&other, "right")] };
        let hashes = order.map(|(desk, words)| world.publish(desk, &write, course(words)));
        world.catch_up();
        let shown = world.shown(&desk, 1).unwrap();
        assert_eq!(shown.conflicts, vec![hashes.into_iter().min().unwrap().to_vec()]);
        winners.push(title(&shown));
        let merged = world.publish(&desk, &Write::after(1, 3, &hashes), course("merged"));
        world.catch_up();
        let shown = world.shown(&desk, 1).unwrap();
        assert_eq!((shown.entry_hash, shown.conflicts.len()), (merged.to_vec(), 0));
    }
    assert_eq!(winners[0], winners[1]);
}

#[test]
fn a_revision_with_wrong_parents_or_number_is_void_and_shadows_nothing() {
    let mut world = World::new();
    let desk = world.party(1);
    let first = world.publish(&desk, &Write::new(1), course("alpha"));
    let foreign = world.publish(&desk, &Write::new(2), course("other"));
    world.publish(&desk, &Write::after(1, 9, &[first]), course("jump"));
    world.publish(&desk, &Write::after(1, 2, &[foreign]), course("grafted"));
    world.catch_up();
    assert_eq!(title(&world.shown(&desk, 1).unwrap()), "alpha");
    let history = world.views.history(&Viewer::everything(), &desk.party, &record_id(1), NOW).unwrap();
    let wrong = Reason::WrongParents.code();
    let reasons: Vec<_> = history.iter().map(|r| (title(r), r.void_reason.clone())).collect();
    let expected = [("jump", wrong), ("grafted", wrong), ("alpha", "")];
    assert_eq!(reasons, expected.map(|(t, r)| (t.to_owned(), r.to_owned())));
    assert_eq!(world.search("grafted").total, 0);
}

#[test]
fn revisions_arrive_in_any_order() {
    let mut world = World::new();
    let (desk, other) = (world.party(1), world.desk(1, 2, Capabilities::PUBLISH, NO_END));
    // The same entries, the parent last.
    let mut ahead = World::new();
    ahead.party(1);
    let first = ahead.publish(&desk, &Write::new(1), course("alpha"));
    world.publish(&other, &Write::after(1, 2, &[first]), course("beta"));
    world.catch_up();
    assert_eq!(world.void(&desk, 1), Reason::WrongParents.code());
    assert_eq!(world.list(&Viewer::everything()).total, 0);
    assert_eq!(world.publish(&desk, &Write::new(1), course("alpha")), first);
    world.catch_up();
    assert_eq!(title(&world.shown(&desk, 1).unwrap()), "beta");
}

#[test]
fn the_same_id_under_another_party_is_another_record() {
    let mut world = World::new();
    let (owner, other) = (world.party(1), world.party(2));
    let first = world.publish(&owner, &Write::new(1), course("mine"));
    world.publish(&other, &Write::after(1, 2, &[first]), course("taken over"));
    world.publish(&other, &Write::after(1, 2, &[first]), withdraw("course", &[]));
    world.catch_up();
    let shown = world.shown(&owner, 1).unwrap();
    assert_eq!((title(&shown).as_str(), shown.withdrawn), ("mine", false));
    assert_eq!(world.void(&other, 1), Reason::WrongParents.code());
}

#[test]
fn a_revision_for_another_audience_is_void() {
    let mut world = World::new();
    let desk = world.party(1);
    let first = world.publish(&desk, &Write::new(1).to(Audience::Network), course("narrow"));
    world.publish(&desk, &Write::after(1, 2, &[first]), course("widened"));
    world.catch_up();
    assert_eq!(title(&world.shown(&desk, 1).unwrap()), "narrow");
    assert_eq!(world.list(&Viewer::public()).total, 0);
    assert_eq!(world.views.get(&Viewer::public(), &desk.party, &record_id(1), NOW).unwrap(), None);
}

#[test]
fn malformed_and_invalid_records_are_void_with_the_reason() {
    let mut world = World::new();
    let desk = world.party(1);
    let unknown = Revision { record_id: vec![1; 16], number: 1, ..Revision::default() };
    world.append(desk.feed(Audience::Public), &desk.signer, NOW, &unknown.encode_to_vec());
    world.publish(&desk, &Write::new(2), Kind::Course(Course::default()));
    for garbage in [&b"\xff\xff\xff"[..], b"", &[0; 4_096]] {
        world.append(desk.feed(Audience::Public), &desk.signer, NOW, garbage);
    }
    world.publish(&desk, &Write::new(3), course("sound"));
    world.catch_up();
    assert_eq!(world.void(&desk, 1), Reason::RecordMalformed.code());
    assert_eq!(world.void(&desk, 2), Reason::RecordInvalid.code());
    assert_eq!(titles(&world.list(&Viewer::everything())), ["sound"]);
}

#[test]
fn a_key_without_the_capability_or_after_its_end_writes_void_records() {
    let mut world = World::new();
    let desk = world.desk(1, 1, Capabilities::PUBLISH, NOW);
    let attestation =
        Attestation { party: vec![5; 32], level: AttestationLevel::Member.into(), ..Attestation::default() };
    world.publish(&desk, &Write::new(1), Kind::Attestation(attestation));
    world.publish(&desk, &Write::new(2).at(NOW + 1), course("late"));
    world.publish(&desk, &Write::new(3).at(NOW), course("in time"));
    world.catch_up();
    assert_eq!(world.void(&desk, 1), Reason::Capability.code());
    assert_eq!(world.void(&desk, 2), Reason::KeyEnded.code());
    assert_eq!(world.void(&desk, 3), "");
    assert!(world.views.admissions().is_empty());
}

#[test]
fn a_desk_that_may_not_admit_cannot_end_an_admission() {
    let mut world = World::new();
    let (hub, desk) = (world.party(1), world.desk(1, 2, Capabilities::PUBLISH, NO_END));
    let member =
        Attestation { party: vec![5; 32], level: AttestationLevel::Member.into(), ..Attestation::default() };
    let first = world.publish(&hub, &Write::new(1), Kind::Attestation(member));
    let write = Write::after(1, 2, &[first]);
    world.publish(&desk, &write, withdraw("attestation", &[]));
    world.publish(&desk, &write, withdraw("course", &[]));
    world.publish(&desk, &write, course("something else"));
    world.catch_up();
    assert_eq!(world.shown(&hub, 1).unwrap().kind, "attestation");
    assert_eq!(world.views.admissions().len(), 1);
}

#[test]
fn entries_beyond_a_revocation_are_void_and_what_was_built_on_them_counts() {
    let mut world = World::new();
    let (desk, stolen) = (world.party(1), world.desk(1, 2, Capabilities::PUBLISH, NO_END));
    let counted = world.publish(&stolen, &Write::new(1), course("before"));
    let forged = world.publish(&stolen, &Write::after(1, 2, &[counted]), course("forged"));
    world.publish(&stolen, &Write::new(2), course("also forged"));
    world.catch_up();
    assert_eq!(title(&world.shown(&desk, 1).unwrap()), "forged");

    let feed = stolen.feed(Audience::Public).id();
    world.revoke(&stolen, vec![RevokedFeed { feed, seq: 1, hash: counted }]);
    world.views.reconsider(desk.party);
    world.catch_up();
    assert_eq!(title(&world.shown(&desk, 1).unwrap()), "before");
    assert_eq!(world.void(&desk, 2), Reason::Revoked.code());
    assert_eq!(world.search("forged").total, 0);

    // Somebody had gone on from the forged revision in good faith.
    world.publish(&desk, &Write::after(1, 3, &[forged]), course("honest"));
    world.catch_up();
    let shown = world.shown(&desk, 1).unwrap();
    assert_eq!((title(&shown).as_str(), shown.conflicts.len()), ("honest", 0));

    world.revoke(&stolen, Vec::new());
    world.views.reconsider(desk.party);
    world.catch_up();
    let history = world.views.history(&Viewer::everything(), &desk.party, &record_id(1), NOW).unwrap();
    assert_eq!(history.iter().filter(|r| r.void_reason == Reason::Revoked.code()).count(), 2);
}

#[test]
fn the_other_branch_of_a_revoked_feed_does_not_count() {
    let mut world = World::new();
    let desk = world.party(1);
    let hash = world.publish(&desk, &Write::new(1), course("one branch"));
    let feed = desk.feed(Audience::Public).id();
    let other = caphub_proto::wire::EntryHash([9; 32]);
    world.revoke(&desk, vec![RevokedFeed { feed, seq: 1, hash: other }]);
    world.catch_up();
    assert_eq!(world.void(&desk, 1), Reason::Revoked.code());
    world.revoke(&desk, vec![RevokedFeed { feed, seq: 1, hash }]);
    world.views.reconsider(desk.party);
    world.catch_up();
    assert_eq!(world.void(&desk, 1), "");
}

#[test]
fn records_of_a_party_without_an_identity_count_once_it_is_known() {
    let mut world = World::new();
    let stranger = World::new().party(3);
    world.publish(&stranger, &Write::new(1), course("early"));
    world.catch_up();
    assert_eq!(world.void(&stranger, 1), Reason::UnknownParty.code());
    world.party(3);
    world.views.reconsider(stranger.party);
    world.catch_up();
    assert_eq!(titles(&world.list(&Viewer::public())), ["early"]);
}

#[test]
fn a_future_dated_record_is_marked_and_comes_last_until_its_time() {
    let mut world = World::new();
    let desk = world.party(1);
    let ahead = NOW + FUTURE_MS_MAX + 1;
    world.publish(&desk, &Write::new(1).at(ahead), course("ahead"));
    world.publish(&desk, &Write::new(2).at(NOW + FUTURE_MS_MAX), course("within a day"));
    world.publish(&desk, &Write::new(3).at(NOW - 5), course("now"));
    world.catch_up();
    assert_eq!(titles(&world.list(&Viewer::public())), ["within a day", "now", "ahead"]);
    assert_eq!(world.void(&desk, 1), Reason::FutureDated.code());
    let later =
        world.views.list(&Viewer::public(), &Default::default(), &PageRequest::default(), ahead).unwrap();
    assert_eq!(titles(&later), ["ahead", "within a day", "now"]);
    assert!(later.records.iter().all(|r| r.void_reason.is_empty()));
}

#[test]
fn thousands_of_revisions_of_one_record_have_a_ceiling() {
    let mut world = World::new();
    let desk = world.party(1);
    for n in 0..3_000u32 {
        world.publish(&desk, &Write::new(1), course(&format!("sibling {n}")));
    }
    let started = std::time::Instant::now();
    world.catch_up();
    world.publish(&desk, &Write::new(1), course("one more"));
    world.catch_up();
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    let shown = world.shown(&desk, 1).unwrap();
    assert_eq!((shown.void_reason.as_str(), shown.conflicts.len()), ("", 64));
    let history = world.views.history(&Viewer::everything(), &desk.party, &record_id(1), NOW).unwrap();
    assert_eq!(history.len(), 1_024);
}
