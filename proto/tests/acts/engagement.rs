//! The life of a match.

use caphub_proto::exchange::acts::{Fault, Seen, Verdict, after};
use caphub_proto::exchange::engagement::{Engagement, Scope, State, conflicts, escalation, scope};
use caphub_proto::exchange::place::Countries;
use caphub_proto::v1::engagement_act::Act as What;
use caphub_proto::v1::{
    ActNote, EngagementAcceptance, EngagementAct, EngagementAgreement, EngagementEvaluation,
    EngagementProposal, EngagementResolution, Escalation, ProviderTerms, RecipientTerms, RecordRef,
};
use caphub_proto::wire::{EntryHash, Reason};

use super::pen::{DAY, Pen, TIME, party, text};

pub const RECIPIENT: u8 = 1;
pub const PROVIDER: u8 = 2;

pub fn act(what: What) -> EngagementAct {
    EngagementAct { act: Some(what), ..EngagementAct::default() }
}

pub fn note() -> ActNote {
    ActNote { text: text("words"), ..ActNote::default() }
}

pub fn proposal(conditions: ProviderTerms, terms: RecipientTerms) -> EngagementAct {
    act(What::Propose(EngagementProposal {
        recipient: party(RECIPIENT).to_vec(),
        provider: party(PROVIDER).to_vec(),
        conditions: Some(conditions),
        terms: Some(terms),
        ..EngagementProposal::default()
    }))
}

pub fn accept(to: EntryHash, waivers: &[&str]) -> EngagementAct {
    let waivers = waivers.iter().map(|w| (*w).to_owned()).collect();
    act(What::Accept(EngagementAcceptance { to: to.to_vec(), waivers, ..EngagementAcceptance::default() }))
}

pub fn evaluate() -> EngagementAct {
    act(What::Evaluate(EngagementEvaluation { rating: 4, ..EngagementEvaluation::default() }))
}

pub fn resolve(outcome: &str) -> EngagementAct {
    act(What::Resolve(EngagementResolution { outcome: outcome.to_owned(), text: None }))
}

pub fn of(pen: &Pen<EngagementAct>) -> Engagement {
    Engagement::of(&pen.root(), &pen.acts, &|_| false).unwrap()
}

/// Proposed by the provider.
pub fn proposed() -> Pen<EngagementAct> {
    let mut pen = Pen::new("engagement");
    pen.write(PROVIDER, proposal(ProviderTerms::default(), RecipientTerms::default()));
    pen
}

#[test]
fn a_match_goes_from_proposal_to_evaluation() {
    let mut pen = proposed();
    let root = pen.root();
    let steps = [
        (RECIPIENT, accept(root, &[]), State::Accepted),
        (PROVIDER, act(What::Start(note())), State::Active),
        (PROVIDER, act(What::Deliver(note())), State::Delivered),
        (RECIPIENT, act(What::Confirm(note())), State::Confirmed),
        (PROVIDER, evaluate(), State::Confirmed),
        (RECIPIENT, evaluate(), State::Evaluated),
    ];
    for (author, what, state) in steps {
        pen.write(author, what);
        assert_eq!(of(&pen).state, state);
    }
    assert!(of(&pen).verdicts.values().all(|v| *v == Verdict::Counted));
}

#[test]
fn a_proposal_names_the_recipients_own_need_and_the_providers_own_offer_or_it_begins_nothing() {
    let of = |owner: u8| Some(RecordRef { party: party(owner).to_vec(), record_id: vec![7; 16] });
    let begun = |need: Option<RecordRef>, offer: Option<RecordRef>| {
        let mut pen = Pen::new("sides");
        let mut what = proposal(ProviderTerms::default(), RecipientTerms::default());
        if let Some(What::Propose(proposal)) = &mut what.act {
            (proposal.need, proposal.offer) = (need, offer);
        }
        pen.write(PROVIDER, what);
        let found = Engagement::of(&pen.root(), &pen.acts, &|_| false).is_some();
        assert_eq!(Engagement::roots(&pen.acts).len(), usize::from(found));
        found
    };
    assert!(begun(of(RECIPIENT), of(PROVIDER)) && begun(of(RECIPIENT), None) && begun(None, of(PROVIDER)));
    assert!(!begun(of(3), None) && !begun(of(PROVIDER), None), "a need of somebody else");
    assert!(!begun(None, of(3)) && !begun(of(RECIPIENT), of(RECIPIENT)), "an offer of somebody else");
}

#[test]
fn every_act_out_of_turn_is_void_with_its_reason() {
    let root = proposed().root();
    let cases = [
        (PROVIDER, accept(root, &[]), Fault::WrongParty),
        (RECIPIENT, accept(EntryHash([7; 32]), &[]), Fault::OtherTerms),
        (RECIPIENT, act(What::Start(note())), Fault::WrongParty),
        (PROVIDER, act(What::Start(note())), Fault::OutOfTurn),
        (PROVIDER, act(What::Deliver(note())), Fault::OutOfTurn),
        (RECIPIENT, act(What::Confirm(note())), Fault::OutOfTurn),
        (PROVIDER, act(What::Decline(note())), Fault::WrongParty),
        (RECIPIENT, act(What::Withdraw(note())), Fault::WrongParty),
        (RECIPIENT, act(What::Dispute(note())), Fault::OutOfTurn),
        (RECIPIENT, evaluate(), Fault::OutOfTurn),
        (RECIPIENT, resolve("ended"), Fault::OutOfTurn),
        (3, act(What::Note(note())), Fault::NotAParty),
    ];
    for (author, what, fault) in cases {
        let mut pen = proposed();
        let hash = pen.write(author, what.clone());
        let engagement = of(&pen);
        assert_eq!(engagement.verdicts[&hash], Verdict::Void(fault), "{what:?}");
        assert_eq!(engagement.state, State::Proposed);
    }
}

#[test]
fn what_a_recipient_proposes_waits_for_the_providers_conditions_and_then_for_the_recipient() {
    let mut pen = Pen::new("asked");
    let root = pen.write(RECIPIENT, proposal(ProviderTerms::default(), RecipientTerms::default()));
    let early = pen.write(RECIPIENT, accept(root, &[]));
    let agreement = EngagementAgreement { conditions: None, text: text("yes") };
    let agreed = pen.write(PROVIDER, act(What::Agree(agreement.clone())));
    assert_eq!(of(&pen).state, State::Agreed);
    assert_eq!(of(&pen).verdicts[&early], Verdict::Void(Fault::OutOfTurn));
    // New conditions after the first ones: an acceptance of the first no longer fits.
    let newer = pen.write(PROVIDER, act(What::Agree(agreement)));
    let stale = pen.write(RECIPIENT, accept(agreed, &[]));
    assert_eq!(of(&pen).verdicts[&stale], Verdict::Void(Fault::OtherTerms));
    pen.write(RECIPIENT, accept(newer, &[]));
    assert_eq!(of(&pen).state, State::Accepted);
}

#[test]
fn nothing_is_accepted_against_the_recipients_terms_without_a_waiver_for_each_conflict() {
    let terms = RecipientTerms {
        data_locations: vec!["TV".to_owned(), "FJ".to_owned()],
        languages: vec!["en".to_owned()],
        law: "Tuvalu".to_owned(),
        technology_not_accepted: vec!["Remote Agent".to_owned()],
    };
    let conditions = ProviderTerms {
        data_locations: vec!["FJ".to_owned(), "US".to_owned()],
        languages: vec!["fr".to_owned()],
        law: "tuvalu ".to_owned(),
        technology: vec!["remote agent".to_owned()],
        conditions: Vec::new(),
    };
    let all = ["data_location:US", "language:fr", "technology:remote agent"];
    assert_eq!(conflicts(&terms, &conditions), all);
    assert_eq!(conflicts(&terms, &ProviderTerms::default()), Vec::<String>::new());
    let mut pen = Pen::new("terms");
    let root = pen.write(PROVIDER, proposal(conditions.clone(), terms.clone()));
    assert_eq!(of(&pen).conflicts, all);
    let partly = pen.write(RECIPIENT, accept(root, &all[..2]));
    assert_eq!(of(&pen).verdicts[&partly], Verdict::Void(Fault::TermsConflict));
    assert_eq!(of(&pen).state, State::Proposed);
    pen.write(RECIPIENT, accept(root, &all));
    assert_eq!((of(&pen).state, of(&pen).waived.len()), (State::Accepted, 3));
    // A provider that leaves the terms out of its proposal gains nothing: the recipient states its own.
    let mut pen = Pen::new("left out");
    let root = pen.write(PROVIDER, proposal(conditions, RecipientTerms::default()));
    let mut yes = accept(root, &[]);
    if let Some(What::Accept(a)) = &mut yes.act {
        a.terms = Some(terms);
    }
    let refused = pen.write(RECIPIENT, yes);
    assert_eq!(of(&pen).verdicts[&refused], Verdict::Void(Fault::TermsConflict));
}

#[test]
fn a_dispute_of_the_provider_takes_nothing_from_the_recipient() {
    let mut pen = proposed();
    pen.write(RECIPIENT, accept(pen.root(), &[]));
    let dispute = |pen: &Pen<EngagementAct>| {
        let mut pen = pen.clone();
        pen.write(PROVIDER, act(What::Dispute(note())));
        pen
    };
    let after = |mut pen: Pen<EngagementAct>, author: u8, what: What| {
        let hash = pen.write(author, act(what));
        let e = of(&pen);
        (e.state, e.verdicts[&hash])
    };
    let out_of_turn = Verdict::Void(Fault::OutOfTurn);
    let early = dispute(&pen);
    assert_eq!(after(early.clone(), RECIPIENT, What::Withdraw(note())), (State::Withdrawn, Verdict::Counted));
    assert_eq!(after(early.clone(), RECIPIENT, What::Confirm(note())), (State::Disputed, out_of_turn));
    assert_eq!(after(early, PROVIDER, What::Withdraw(note())), (State::Disputed, out_of_turn));
    pen.write(PROVIDER, act(What::Start(note())));
    pen.write(PROVIDER, act(What::Deliver(note())));
    let late = dispute(&pen);
    assert_eq!(after(late.clone(), RECIPIENT, What::Confirm(note())), (State::Confirmed, Verdict::Counted));
    assert_eq!(after(late, RECIPIENT, What::Withdraw(note())), (State::Disputed, out_of_turn));
}

#[test]
fn a_dispute_ends_when_both_sides_say_how() {
    for (outcome, state) in
        [("resume", State::Delivered), ("confirmed", State::Confirmed), ("ended", State::Withdrawn)]
    {
        let mut pen = proposed();
        pen.write(RECIPIENT, accept(pen.root(), &[]));
        pen.write(PROVIDER, act(What::Start(note())));
        pen.write(PROVIDER, act(What::Deliver(note())));
        pen.write(RECIPIENT, act(What::Dispute(note())));
        let deliver = pen.write(PROVIDER, act(What::Deliver(note())));
        pen.write(RECIPIENT, resolve("ended"));
        assert_eq!(of(&pen).state, State::Disputed);
        pen.write(RECIPIENT, resolve(outcome));
        pen.write(PROVIDER, resolve(outcome));
        assert_eq!(of(&pen).state, state);
        assert_eq!(of(&pen).verdicts[&deliver], Verdict::Void(Fault::OutOfTurn));
    }
}

#[test]
fn concurrently_the_recipient_goes_first_and_a_second_key_cannot_slip_under_what_both_built_on() {
    // The provider states new conditions while the recipient accepts the old ones: the acceptance holds.
    let mut pen = proposed();
    let known = pen.acts.clone();
    let newer = pen.write_knowing(PROVIDER, 0, &known, act(What::Agree(EngagementAgreement::default())));
    pen.write_knowing(RECIPIENT, 0, &known, accept(pen.root(), &[]));
    assert_eq!(of(&pen).state, State::Accepted);
    assert_eq!(of(&pen).verdicts[&newer], Verdict::Void(Fault::OutOfTurn));
    // Confirmed long since; now either side's second key brings a withdrawal that knows only the acceptance.
    for side in [RECIPIENT, PROVIDER] {
        let mut pen = proposed();
        pen.write(RECIPIENT, accept(pen.root(), &[]));
        let known = pen.acts.clone();
        pen.write(PROVIDER, act(What::Start(note())));
        pen.write(PROVIDER, act(What::Deliver(note())));
        pen.write(RECIPIENT, act(What::Confirm(note())));
        let slipped = pen.write_knowing(side, 1, &known, act(What::Withdraw(note())));
        assert_eq!(of(&pen).state, State::Confirmed);
        // Whatever either side writes afterwards with all in view.
        for author in [PROVIDER, PROVIDER, RECIPIENT, PROVIDER] {
            pen.write(author, act(What::Note(note())));
            assert_eq!(of(&pen).state, State::Confirmed);
            assert_eq!(of(&pen).verdicts[&slipped], Verdict::Void(Fault::OutOfTurn));
        }
    }
}

#[test]
fn an_act_waits_for_what_its_author_held_unless_that_can_never_count() {
    let mut pen = proposed();
    let yes = pen.write(RECIPIENT, accept(pen.root(), &[]));
    let start = pen.write(PROVIDER, act(What::Start(note())));
    let without: Vec<_> = pen.acts.iter().filter(|a| a.hash != yes).cloned().collect();
    let engagement = Engagement::of(&pen.root(), &without, &|_| false).unwrap();
    assert_eq!(engagement.verdicts[&start], Verdict::Waiting);
    assert_eq!(engagement.state, State::Proposed);
    // The recipient cut its acceptance off: held or not, all nodes come to the same.
    let mut held = pen.acts.clone();
    held.iter_mut().filter(|a| a.hash == yes).for_each(|a| a.void = Some(Reason::Revoked));
    let gone = |s: &Seen| s.hash == yes;
    let (one, other) = (
        Engagement::of(&pen.root(), &held, &gone).unwrap(),
        Engagement::of(&pen.root(), &without, &gone).unwrap(),
    );
    assert_eq!(one.verdicts[&yes], Verdict::Void(Fault::Repudiated));
    assert_eq!(one.verdicts[&start], other.verdicts[&start]);
    assert_eq!((one.state, one.counted), (other.state, other.counted));
}

#[test]
fn a_strangers_act_holds_up_nobody() {
    let mut pen = proposed();
    pen.write(3, act(What::Note(note())));
    let named = after(&pen.acts, &of(&pen).verdicts);
    assert_eq!(named.len(), 1, "{named:?}");
    let known: Vec<_> = pen.acts.iter().filter(|a| a.author != party(3)).cloned().collect();
    pen.write_knowing(RECIPIENT, 0, &known, accept(pen.root(), &[]));
    assert_eq!(of(&pen).state, State::Accepted);
}

#[test]
fn what_is_overdue_and_how_far_a_need_is_asked_follow_from_the_acts_and_a_clock() {
    let mut pen = proposed();
    let first = TIME + DAY;
    assert_eq!(of(&pen).overdue(first + 30 * DAY - 1), None);
    let late = of(&pen).overdue(first + 30 * DAY).unwrap();
    assert_eq!((late.what, late.who), ("acknowledge", party(RECIPIENT)));
    pen.write(RECIPIENT, accept(pen.root(), &[]));
    assert_eq!(of(&pen).overdue(u64::MAX), None);
    let steps = [("sub_region", 0), ("region", 10), ("all", 20)];
    let steps = steps.map(|(s, after_days)| Escalation { scope: s.to_owned(), after_days });
    for (days, answered, expected) in [
        (0, None, Scope::SubRegion),
        (9, None, Scope::SubRegion),
        (10, None, Scope::Region),
        (20, None, Scope::All),
        (90, Some(12), Scope::Region),
    ] {
        let answered = answered.map(|d| TIME + d * DAY);
        assert_eq!(scope(&steps, TIME, answered, TIME + days * DAY), expected, "{days}");
    }
    assert_eq!(scope(&[], TIME, None, TIME), Scope::All);
    let next = |days: u64, answered: Option<u64>| escalation::next(&steps, TIME, answered, TIME + days * DAY);
    assert_eq!(next(3, None), Some((Scope::Region, TIME + 10 * DAY)));
    assert_eq!(next(10, None), Some((Scope::All, TIME + 20 * DAY)));
    assert_eq!((next(20, None), next(12, Some(TIME + 11 * DAY))), (None, None));
}

#[test]
fn a_need_is_answered_by_its_provider_alone_and_no_longer_once_that_came_to_nothing() {
    let mut pen = proposed();
    let spoken = of(&pen).answered_ms();
    assert_eq!(spoken, Some(TIME + DAY), "the provider's own proposal");
    pen.write(RECIPIENT, act(What::Decline(note())));
    assert_eq!(of(&pen).answered_ms(), None);
}

#[test]
fn a_need_is_asked_in_the_narrowest_region_then_in_the_region_then_everywhere() {
    let of = Countries::named(&["TV".to_owned(), "KE".to_owned()], &[]);
    let near = escalation::reach(Scope::SubRegion, &of).unwrap();
    assert!(Countries::one("WS").within(&near) && Countries::one("TZ").within(&near));
    assert!(!Countries::one("FJ").meets(&near) && !Countries::one("NG").meets(&near));
    let region = escalation::reach(Scope::Region, &of).unwrap();
    assert!(Countries::one("FJ").within(&region) && Countries::one("NG").within(&region));
    assert!(!Countries::one("FR").meets(&region));
    assert_eq!(escalation::reach(Scope::All, &of), None);
    assert_eq!(escalation::reach(Scope::SubRegion, &Countries::NONE), None, "for nobody in particular");
}
