//! From nomination to certificate.

use caphub_proto::exchange::acts::{Fault, Verdict};
use caphub_proto::exchange::fellowship::{Fellowships, State};
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::{
    FellowshipAct, FellowshipClose, FellowshipCosign, FellowshipDecision, FellowshipNominate, FellowshipStep,
};
use caphub_proto::wire::{Audience, EntryHash};

use super::pen::{DAY, Pen, TIME, party, text};

/// Whose call it is.
pub const AUTHOR: u8 = 1;

pub fn act(what: What) -> FellowshipAct {
    FellowshipAct { act: Some(what), ..FellowshipAct::default() }
}

pub fn sealed(n: u8) -> EntryHash {
    EntryHash([n; 32])
}

pub fn nominate(n: u8) -> FellowshipAct {
    act(What::Nominate(FellowshipNominate { nomination: sealed(n).to_vec(), country: "TV".to_owned() }))
}

pub fn decide(n: u8, nominator: u8, granted: bool) -> FellowshipAct {
    act(What::Decide(FellowshipDecision {
        nomination: sealed(n).to_vec(),
        nominator: party(nominator).to_vec(),
        granted,
        rank: 1,
        rule_set: "caphub/allocation/1".to_owned(),
        reason: text("by rank"),
        answer_days: 10,
    }))
}

pub fn step(n: u8, nominator: u8) -> FellowshipStep {
    FellowshipStep { nomination: sealed(n).to_vec(), nominator: party(nominator).to_vec(), note: None }
}

pub fn close(list: &[u8]) -> FellowshipAct {
    ordered(list, &[])
}

/// A list that says which of its party's each is.
pub fn ordered(list: &[u8], turns: &[u32]) -> FellowshipAct {
    act(What::Close(FellowshipClose {
        nominations: list.iter().map(|n| sealed(*n).to_vec()).collect(),
        points: vec![0; list.len()],
        turns: turns.to_vec(),
        feeds: Vec::new(),
    }))
}

pub fn of(pen: &Pen<FellowshipAct>) -> Fellowships {
    Fellowships::of(party(AUTHOR), Audience::Public, &pen.acts, &|_| false)
}

#[test]
fn a_fellow_goes_from_nomination_to_certificate() {
    let mut pen = Pen::new("fellow");
    let state = |pen: &Pen<FellowshipAct>| of(pen).nominees[&(party(2), sealed(9))].state;
    pen.write(2, nominate(9));
    assert_eq!(state(&pen), State::Nominated);
    for (author, what, due) in [
        (AUTHOR, decide(9, 2, true), State::Granted),
        (2, act(What::Accept(step(9, 2))), State::Accepted),
        (AUTHOR, act(What::Start(step(9, 2))), State::Started),
        (AUTHOR, act(What::Complete(step(9, 2))), State::Completed),
        (AUTHOR, act(What::Certificate(step(9, 2))), State::Certified),
    ] {
        pen.write(author, what);
        assert_eq!(state(&pen), due);
    }
    assert_eq!(of(&pen).nominees[&(party(2), sealed(9))].rank, 1);
}

#[test]
fn acts_out_of_turn_and_of_others_are_void() {
    let mut pen = Pen::new("void fellows");
    pen.write(2, nominate(9));
    for (author, what, fault) in [
        (2, nominate(9), Fault::AlreadyDone),
        (3, decide(9, 2, true), Fault::WrongParty),
        (AUTHOR, decide(8, 2, true), Fault::UnknownSubject),
        (2, act(What::Accept(step(9, 2))), Fault::OutOfTurn),
        (3, act(What::Withdraw(step(9, 2))), Fault::WrongParty),
        (AUTHOR, act(What::Start(step(9, 2))), Fault::OutOfTurn),
        (3, close(&[9]), Fault::WrongParty),
    ] {
        let mut pen = pen.clone();
        let hash = pen.write(author, what.clone());
        assert_eq!(of(&pen).verdicts[&hash], Verdict::Void(fault), "{what:?}");
    }
    // Another party that names the same sealed entry has a nomination of its own, and no part of the first.
    pen.write(3, nominate(9));
    pen.write(AUTHOR, decide(9, 2, false));
    assert_eq!(of(&pen).nominees[&(party(2), sealed(9))].state, State::Refused);
    assert_eq!(of(&pen).nominees[&(party(3), sealed(9))].state, State::Nominated);
}

#[test]
fn after_the_closing_list_only_who_is_on_it_is_decided_over() {
    let mut pen = Pen::new("closing");
    pen.write(2, nominate(7));
    pen.write(3, nominate(8));
    let closing = pen.write(AUTHOR, close(&[7]));
    let cosign = |closing: EntryHash| {
        act(What::Cosign(FellowshipCosign { closing: closing.to_vec(), list_hash: vec![5; 32] }))
    };
    pen.write(4, cosign(closing));
    let own = pen.write(AUTHOR, cosign(closing));
    let unlisted = pen.write(AUTHOR, decide(8, 3, true));
    let again = pen.write(AUTHOR, close(&[7, 8]));
    let all = of(&pen);
    assert_eq!(all.verdicts[&own], Verdict::Void(Fault::WrongParty));
    assert_eq!(all.verdicts[&unlisted], Verdict::Void(Fault::NotListed));
    assert_eq!(all.verdicts[&again], Verdict::Void(Fault::AlreadyDone));
    assert_eq!(all.closing.unwrap().cosigned.into_keys().collect::<Vec<_>>(), [party(4)]);
}

#[test]
fn a_second_key_cannot_put_another_decision_under_one_that_was_answered() {
    let mut pen = Pen::new("second decision");
    pen.write(2, nominate(9));
    let known = pen.acts.clone();
    pen.write(AUTHOR, decide(9, 2, true));
    pen.write(2, act(What::Accept(step(9, 2))));
    let slipped = pen.write_knowing(AUTHOR, 1, &known, decide(9, 2, false));
    let all = of(&pen);
    assert_eq!(all.nominees[&(party(2), sealed(9))].state, State::Accepted);
    assert_eq!(all.verdicts[&slipped], Verdict::Void(Fault::OutOfTurn));
}

#[test]
fn a_place_that_is_not_answered_shows_as_late() {
    let mut pen = Pen::new("late");
    pen.write(2, nominate(9));
    pen.write(AUTHOR, decide(9, 2, true));
    assert!(of(&pen).overdue(TIME + 12 * DAY - 1).is_empty());
    let late = of(&pen).overdue(TIME + 12 * DAY);
    assert_eq!((late[0].0, late[0].1.what, late[0].1.who), (sealed(9), "answer", party(2)));
}
