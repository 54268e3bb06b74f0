//! From report to recurrence.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::v1::{Area, RecordRef};

const REPORTER: PartyId = PartyId([1; 32]);
const PROVIDER: PartyId = PartyId([2; 32]);
const OTHER: PartyId = PartyId([3; 32]);

fn step(number: u32, state: &str, as_of: &str) -> (u32, Barrier) {
    let barrier = Barrier {
        state: state.to_owned(),
        since: "2026-01-10".to_owned(),
        as_of: as_of.to_owned(),
        provider_party: PROVIDER.to_vec(),
        ..Barrier::default()
    };
    (number, barrier)
}

fn reply(party: PartyId, number: u32, claim: &str) -> (PartyId, Reply) {
    (party, Reply { number, claim: claim.to_owned(), ..Reply::default() })
}

fn stands(steps: &[(u32, Barrier)], replies: &[(PartyId, Reply)]) -> Standing {
    let steps: Vec<Step<'_>> = steps
        .iter()
        .enumerate()
        .map(|(i, (number, barrier))| Step { number: *number, hash: EntryHash([i as u8; 32]), barrier })
        .collect();
    let answers: Vec<Answer<'_>> = replies
        .iter()
        .enumerate()
        .map(|(i, (party, reply))| Answer { party: *party, hash: EntryHash([i as u8; 32]), reply })
        .collect();
    let found = standing(REPORTER, &steps, &answers).unwrap();
    let (mut backwards, mut answers) = (steps, answers);
    backwards.reverse();
    answers.reverse();
    assert_eq!(standing(REPORTER, &backwards, &answers).unwrap(), found, "the order of arrival is nothing");
    found
}

#[test]
fn from_report_to_recurrence() {
    let mut steps = vec![step(1, "reported", "")];
    let mut replies = Vec::new();
    let now = stands(&steps, &replies);
    assert_eq!((now.state, now.answered, now.as_of.as_str()), (State::Reported, false, "2026-01-10"));
    replies.push(reply(OTHER, 1, ""));
    assert_eq!(stands(&steps, &replies).state, State::Answered);
    steps.push(step(2, "eased", "2026-03-01"));
    let now = stands(&steps, &replies);
    assert_eq!((now.state, now.as_of.as_str()), (State::Eased, "2026-03-01"));
    steps.push(step(3, "lifted", "2026-04-01"));
    assert_eq!(stands(&steps, &replies).state, State::Lifted);
    steps.push(step(4, "recurred", "2026-09-01"));
    let now = stands(&steps, &replies);
    assert_eq!((now.state, now.recurrences, now.as_of.as_str()), (State::Recurred, 1, "2026-09-01"));
    assert!(!now.answered, "what was answered before it came back is no answer to its return");
    assert_eq!(now.since, "2026-01-10");
    replies.push(reply(PROVIDER, 4, ""));
    let now = stands(&steps, &replies);
    assert!(now.answered && now.state == State::Recurred && now.replied.len() == 2);
}

#[test]
fn what_a_provider_says_is_a_claim_until_the_reporter_confirms_it() {
    let mut steps = vec![step(1, "reported", "")];
    let replies = vec![reply(PROVIDER, 1, "lifted"), reply(OTHER, 1, "")];
    let now = stands(&steps, &replies);
    assert_eq!(now.state, State::Answered);
    assert_eq!(now.claims, [Claim { party: PROVIDER, provider: true, state: State::Lifted }]);
    steps.push(step(2, "lifted", "2026-05-01"));
    assert_eq!(stands(&steps, &replies).claims, [], "confirmed: no longer a claim");
    steps.push(step(3, "recurred", "2026-06-01"));
    assert_eq!(stands(&steps, &replies).claims, [], "the old claim says nothing of its return");
}

#[test]
fn the_latest_reply_of_each_party_counts_once_and_the_reporters_own_do_not() {
    let steps = [step(1, "reported", "")];
    let mut replies: Vec<_> = (0..200).map(|_| reply(OTHER, 1, "lifted")).collect();
    replies.push(reply(OTHER, 2, ""));
    replies.push(reply(REPORTER, 1, "lifted"));
    let now = stands(&steps, &replies);
    assert_eq!((now.claims.len(), now.replied.len()), (0, 1), "it took its claim back");
}

#[test]
fn a_step_out_of_turn_changes_nothing_and_is_told() {
    let steps =
        [step(1, "reported", ""), step(2, "recurred", ""), step(3, "eased", ""), step(4, "reported", "")];
    let now = stands(&steps, &[]);
    assert_eq!((now.state, now.out_of_turn), (State::Eased, vec![2, 4]));
}

#[test]
fn a_barrier_closes_what_it_names_to_those_in_scope() {
    let mut barrier = Barrier {
        scope: Some(Area {
            countries: vec!["TV".to_owned()],
            regions: vec!["155".to_owned()],
            ..Area::default()
        }),
        hosts: vec!["Example.org:443".to_owned()],
        ..Barrier::default()
    };
    let target = |links| Target { party: PROVIDER, record: RecordId([7; 16]), links };
    for (links, country, closed) in [
        (&["https://learn.example.org/a?b"][..], "TV", true),
        (&["https://user@EXAMPLE.org:8443/"][..], "AT", true),
        (&["https://example.org"][..], "FJ", false),
        (&["https://notexample.org"][..], "TV", false),
        (&["https://example.org.evil.test"][..], "TV", false),
        (&[][..], "TV", false),
    ] {
        assert_eq!(applies(&barrier, &target(links), country), closed, "{links:?} {country}");
    }
    barrier.about = vec![RecordRef { party: PROVIDER.to_vec(), record_id: vec![7; 16] }];
    assert!(applies(&barrier, &target(&[]), "TV"));
    (barrier.about, barrier.hosts) = (Vec::new(), Vec::new());
    assert!(!applies(&barrier, &target(&[]), "TV"));
    barrier.provider_party = PROVIDER.to_vec();
    assert!(applies(&barrier, &target(&[]), "TV"));
    barrier.scope = None;
    assert!(!applies(&barrier, &target(&[]), "TV"), "a scope that nobody stated closes nothing");
}
