//! What each act does to an engagement: the table of SPEC.md section 15.3.

use super::{Engagement, State, conflicts};
use crate::exchange::acts::{Act, Fault};
use crate::mutant;
use crate::v1::engagement_act::Act as What;
use crate::v1::{EngagementAcceptance, EngagementAct};
use crate::wire::{EntryHash, PartyId};

impl Engagement {
    /// Takes one act, after all those that come before it.
    pub(super) fn step(&mut self, act: &Act<EngagementAct>) -> Result<(), Fault> {
        use State::{
            Accepted, Active, Agreed, Confirmed, Declined, Delivered, Disputed, Proposed, Withdrawn,
        };
        let (recipient, provider, proposer) = (self.recipient, self.provider, self.proposer);
        let what = act.what.act.as_ref().ok_or(Fault::OutOfTurn)?;
        // The provider's dispute takes from the recipient nothing that it could do before.
        if act.author == recipient
            && let Some(before) = self.disputed.filter(|_| self.state == Disputed)
        {
            match (what, before) {
                (What::Confirm(_), Delivered) => return self.turn(act, None, &[Disputed], Confirmed),
                (What::Withdraw(_), Accepted | Active) => {
                    return self.turn(act, None, &[Disputed], Withdrawn);
                }
                _ => {}
            }
        }
        match what {
            What::Propose(_) => Err(Fault::OutOfTurn),
            What::Agree(agreement) => {
                if mutant!(AgreeLater) && self.state == Accepted {
                    self.conditions = agreement.conditions.clone().unwrap_or_default();
                    return Ok(());
                }
                self.turn(act, Some(provider), &[Proposed, Agreed], Agreed)?;
                self.word = act.hash;
                self.answered_ms = self.answered_ms.or(Some(act.time_ms));
                self.conditions = agreement.conditions.clone().unwrap_or_default();
                self.conflicts = conflicts(&self.terms, &self.conditions);
                Ok(())
            }
            What::Accept(acceptance) => self.accept(act, acceptance),
            What::Start(_) if mutant!(StartUnaccepted) => {
                self.turn(act, Some(provider), &[Agreed, Accepted], Active)
            }
            What::Confirm(_) if mutant!(ConfirmByProvider) => self.turn(act, None, &[Delivered], Confirmed),
            What::Start(_) => self.turn(act, Some(provider), &[Accepted], Active),
            What::Deliver(_) => self.turn(act, Some(provider), &[Active], Delivered),
            What::Confirm(_) => self.turn(act, Some(recipient), &[Delivered], Confirmed),
            What::Evaluate(evaluation) => {
                if self.evaluations.iter().any(|(party, _)| *party == act.author) {
                    return Err(Fault::AlreadyDone);
                }
                let to = if self.evaluations.is_empty() { Confirmed } else { State::Evaluated };
                let since = self.since_ms;
                self.turn(act, None, &[Confirmed], to)?;
                if to == Confirmed {
                    self.since_ms = since;
                }
                self.evaluations.push((act.author, evaluation.rating));
                Ok(())
            }
            What::Decline(_) => self.turn(act, Some(self.other(&proposer)), &[Proposed, Agreed], Declined),
            What::Withdraw(_) if [Proposed, Agreed].contains(&self.state) => {
                self.turn(act, Some(proposer), &[Proposed, Agreed], Withdrawn)
            }
            What::Withdraw(_) => self.turn(act, None, &[Accepted, Active], Withdrawn),
            What::Dispute(_) => {
                let before = self.state;
                self.turn(act, None, &[Accepted, Active, Delivered], Disputed)?;
                self.disputed = Some(before);
                self.resolutions.clear();
                Ok(())
            }
            What::Resolve(resolution) => self.resolve(act, &resolution.outcome),
            What::Note(_) => Ok(()),
        }
    }

    /// From one of these states, by this party or either, to that state.
    fn turn(
        &mut self,
        act: &Act<EngagementAct>,
        by: Option<PartyId>,
        from: &[State],
        to: State,
    ) -> Result<(), Fault> {
        if by.is_some_and(|party| party != act.author) {
            return Err(Fault::WrongParty);
        }
        if !from.contains(&self.state) {
            return Err(Fault::OutOfTurn);
        }
        (self.state, self.since_ms) = (to, act.time_ms);
        Ok(())
    }

    /// The recipient accepts what the provider said last. Its terms now, and those of the proposal, both hold.
    fn accept(&mut self, act: &Act<EngagementAct>, acceptance: &EngagementAcceptance) -> Result<(), Fault> {
        if act.author != self.recipient && !mutant!(AcceptByAnybody) {
            return Err(Fault::WrongParty);
        }
        // What a recipient proposed waits for the provider's conditions.
        let asked =
            self.state == State::Agreed || (self.state == State::Proposed && self.proposer == self.provider);
        if !asked {
            return Err(Fault::OutOfTurn);
        }
        if EntryHash::from_slice(&acceptance.to) != Some(self.word) && !mutant!(AcceptOtherTerms) {
            return Err(Fault::OtherTerms);
        }
        let terms = acceptance.terms.clone().unwrap_or_default();
        let mut found = conflicts(&self.terms, &self.conditions);
        found.extend(conflicts(&terms, &self.conditions));
        found.sort_unstable();
        found.dedup();
        if !found.iter().all(|c| acceptance.waivers.contains(c)) && !mutant!(AcceptWithoutWaiver) {
            return Err(Fault::TermsConflict);
        }
        (self.state, self.since_ms) = (State::Accepted, act.time_ms);
        (self.accepted_terms, self.waived) = (Some(terms), found.clone());
        self.conflicts = found;
        Ok(())
    }

    fn resolve(&mut self, act: &Act<EngagementAct>, outcome: &str) -> Result<(), Fault> {
        if self.state != State::Disputed {
            return Err(Fault::OutOfTurn);
        }
        self.resolutions.retain(|(party, _)| *party != act.author);
        self.resolutions.push((act.author, outcome.to_owned()));
        let agreed = self.resolutions.len() == 2 && self.resolutions.iter().all(|(_, o)| o == outcome);
        if agreed {
            self.state = match outcome {
                "confirmed" => State::Confirmed,
                "ended" => State::Withdrawn,
                _ => self.disputed.unwrap_or(State::Accepted),
            };
            self.since_ms = act.time_ms;
        }
        Ok(())
    }
}
