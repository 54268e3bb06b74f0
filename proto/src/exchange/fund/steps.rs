//! What each act does to a fund: the table of SPEC.md section 15.5.

use super::{Fund, Milestone, Pledge, Proposal, State, Subject};
use crate::exchange::acts::{Act, Fault};
use crate::exchange::amount::Amount;
use crate::mutant;
use crate::v1::fund_act::Act as What;
use crate::v1::{FundAct, FundCharter, FundProposal, Money};
use crate::wire::{EntryHash, PartyId};

impl Fund {
    /// Takes one act, after all those that come before it.
    pub(super) fn step(&mut self, act: &Act<FundAct>) -> Result<(), Fault> {
        match act.what.act.as_ref().ok_or(Fault::OutOfTurn)? {
            What::Charter(_) => Err(Fault::OutOfTurn),
            What::Pledge(pledge) => {
                self.open()?;
                let (currency, amount) = self.money(pledge.amount.as_ref())?;
                let (donor, due) = (act.author, pledge.due.clone());
                let (paid, paid_back) = (Amount::ZERO, Amount::ZERO);
                self.pledges.insert(act.hash, Pledge { donor, currency, amount, paid, paid_back, due });
                Ok(())
            }
            What::PaidIn(payment) => self.paid_in(act, payment),
            What::Propose(proposal) => self.propose(act, proposal),
            What::Vote(vote) => {
                self.on_board(act)?;
                self.open()?;
                let proposal = self.proposal(&vote.about)?;
                if proposal.state != State::Proposed {
                    return Err(Fault::OutOfTurn);
                }
                proposal.votes.insert(act.author, vote.yes);
                Ok(())
            }
            What::Commit(step) => self.commit(act, step),
            What::Report(step) => {
                let proposal = self.proposal(&step.about)?;
                by(act, &proposal.recipient)?;
                let milestone = proposal.milestone(step.milestone)?;
                if milestone.disbursed_ms.is_none() {
                    return Err(Fault::OutOfTurn);
                }
                once(&mut milestone.reported)
            }
            What::Receipt(step) => {
                let proposal = self.proposal(&step.about)?;
                by(act, &proposal.recipient)?;
                let milestone = proposal.milestone(step.milestone)?;
                if milestone.disbursed_ms.is_none() {
                    return Err(Fault::OutOfTurn);
                }
                once(&mut milestone.received)?;
                if proposal.state == State::Committed && proposal.milestones.iter().all(|m| m.received) {
                    proposal.state = State::Done;
                }
                Ok(())
            }
            What::Approve(step) => self.approve(act, step),
            What::Disburse(step) => self.disburse(act, step),
            What::Refund(payment) => self.refund(act, payment),
            What::Release(step) => self.release(act, step),
            What::PayBack(payment) => self.pay_back(act, payment),
            What::Amend(charter) => {
                self.on_board(act)?;
                self.open()?;
                self.amendments.insert(act.hash, (act.author, charter.clone()));
                self.approvals.entry((act.hash, 0, None)).or_default().insert(act.author);
                Ok(())
            }
            What::Enact(step) => self.enact(act, step),
            What::Close(step) => {
                self.on_board(act)?;
                self.open()?;
                if hash(&step.about)? != self.root {
                    return Err(Fault::UnknownSubject);
                }
                let bound = self.proposals.iter().any(|(hash, p)| {
                    self.ledger.balance(&p.currency, super::Account::Committed(*hash)) > Amount::ZERO
                });
                if bound {
                    return Err(Fault::OutOfTurn);
                }
                self.agreed(act, (self.root, 0, None))?;
                self.closed = true;
                Ok(())
            }
            What::Note(_) => Ok(()),
        }
    }

    fn propose(&mut self, act: &Act<FundAct>, proposal: &FundProposal) -> Result<(), Fault> {
        self.open()?;
        let (currency, amount) = self.money(proposal.amount.as_ref())?;
        let parts = proposal.milestones.iter().map(|m| m.amount.parse::<Amount>());
        let parts: Vec<Amount> = parts.collect::<Result<_, _>>().map_err(|_| Fault::OverBalance)?;
        let sum = parts.iter().try_fold(Amount::ZERO, |sum, part| sum.plus(*part));
        if sum != Some(amount) {
            return Err(Fault::OverBalance);
        }
        let milestone = |amount| Milestone { amount, disbursed_ms: None, received: false, reported: false };
        let proposal = Proposal {
            author: act.author,
            recipient: PartyId::from_slice(&proposal.recipient).ok_or(Fault::UnknownSubject)?,
            title: proposal.title.as_ref().map(|t| t.text.clone()).unwrap_or_default(),
            currency,
            amount,
            milestones: parts.into_iter().map(milestone).collect(),
            votes: Default::default(),
            state: State::Proposed,
        };
        self.proposals.insert(act.hash, proposal);
        Ok(())
    }

    fn approve(&mut self, act: &Act<FundAct>, step: &crate::v1::FundStep) -> Result<(), Fault> {
        if !mutant!(ApproveByAnybody) {
            self.on_board(act)?;
        }
        let about = hash(&step.about)?;
        if let Some(proposal) = self.proposals.get_mut(&about) {
            if proposal.state != State::Committed {
                return Err(Fault::OutOfTurn);
            }
            if step.milestone > 0 {
                proposal.payable(step.milestone)?;
            }
        } else {
            let pledged = self.pledges.contains_key(&about);
            let known = about == self.root || pledged || self.amendments.contains_key(&about);
            // What is paid back is the one act whose amount nothing else fixes.
            if !known || step.milestone != 0 || pledged != step.amount.is_some() {
                return Err(Fault::UnknownSubject);
            }
        }
        let amount = match (self.pledges.get(&about), &step.amount) {
            (Some(pledge), Some(stated)) => {
                let (currency, amount) = self.money(Some(stated))?;
                if pledge.currency != currency {
                    return Err(Fault::WrongCurrency);
                }
                Some(amount)
            }
            (None, Some(_)) => return Err(Fault::UnknownSubject),
            _ => None,
        };
        match self.approvals.entry((about, step.milestone, amount)).or_default().insert(act.author) {
            true => Ok(()),
            false => Err(Fault::AlreadyDone),
        }
    }

    fn enact(&mut self, act: &Act<FundAct>, step: &crate::v1::FundStep) -> Result<(), Fault> {
        self.on_board(act)?;
        self.open()?;
        let about = hash(&step.about)?;
        let (_, charter) = self.amendments.get(&about).cloned().ok_or(Fault::UnknownSubject)?;
        // Money in a currency that the new charter does not name could never leave.
        let left =
            self.ledger.totals().iter().filter(|(_, t)| t.free > Amount::ZERO || t.committed > Amount::ZERO);
        if left.into_iter().any(|(currency, _)| !charter.currencies.contains(currency)) {
            return Err(Fault::WrongCurrency);
        }
        // By the threshold of the charter in force.
        self.agreed(act, (about, 0, None))?;
        self.amendments.remove(&about);
        self.put_in_force(charter);
        Ok(())
    }

    fn put_in_force(&mut self, charter: FundCharter) {
        self.board = charter.board.iter().filter_map(|p| PartyId::from_slice(p)).collect();
        self.charter = charter;
    }

    /// As many board parties as the threshold, the author of this act among them, agreed; their word is used up.
    pub(super) fn agreed(&mut self, act: &Act<FundAct>, subject: Subject) -> Result<(), Fault> {
        let mut agreed = self.approvals.get(&subject).cloned().unwrap_or_default();
        agreed.insert(act.author);
        let count = match mutant!(ApproveByAnybody) {
            true => agreed.len(),
            false => agreed.intersection(&self.board).count(),
        };
        if count < self.threshold() && !mutant!(PayUnderThreshold) {
            return Err(Fault::UnderThreshold);
        }
        if !mutant!(ReuseApprovals) {
            self.approvals.remove(&subject);
        }
        Ok(())
    }

    pub(super) fn threshold(&self) -> usize {
        usize::try_from(self.charter.threshold).unwrap_or(usize::MAX).max(1)
    }

    pub(super) fn open(&self) -> Result<(), Fault> {
        if self.closed { Err(Fault::OutOfTurn) } else { Ok(()) }
    }

    pub(super) fn on_board(&self, act: &Act<FundAct>) -> Result<(), Fault> {
        if self.board.contains(&act.author) { Ok(()) } else { Err(Fault::WrongParty) }
    }

    /// An amount in a currency of the charter.
    pub(super) fn money(&self, money: Option<&Money>) -> Result<(String, Amount), Fault> {
        let money = money.ok_or(Fault::OverBalance)?;
        if !self.charter.currencies.contains(&money.currency) {
            return Err(Fault::WrongCurrency);
        }
        let amount: Amount = money.amount.parse().map_err(|_| Fault::OverBalance)?;
        Ok((money.currency.clone(), amount))
    }

    pub(super) fn proposal(&mut self, about: &[u8]) -> Result<&mut Proposal, Fault> {
        self.proposals.get_mut(&hash(about)?).ok_or(Fault::UnknownSubject)
    }
}

impl Proposal {
    pub(super) fn milestone(&mut self, number: u32) -> Result<&mut Milestone, Fault> {
        let index =
            usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).ok_or(Fault::UnknownSubject)?;
        self.milestones.get_mut(index).ok_or(Fault::UnknownSubject)
    }

    /// Not paid, and every one before was paid, received and reported.
    pub(super) fn payable(&mut self, number: u32) -> Result<(), Fault> {
        if self.milestone(number)?.disbursed_ms.is_some() && !mutant!(PayTwice) {
            return Err(Fault::AlreadyDone);
        }
        let before = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let done = |m: &Milestone| m.disbursed_ms.is_some() && m.received && m.reported;
        match self.milestones.iter().take(before).all(done) {
            true => Ok(()),
            false => Err(Fault::MilestoneOrder),
        }
    }
}

pub(super) fn hash(bytes: &[u8]) -> Result<EntryHash, Fault> {
    EntryHash::from_slice(bytes).ok_or(Fault::UnknownSubject)
}

fn by(act: &Act<FundAct>, party: &PartyId) -> Result<(), Fault> {
    if act.author == *party { Ok(()) } else { Err(Fault::WrongParty) }
}

fn once(done: &mut bool) -> Result<(), Fault> {
    if std::mem::replace(done, true) { Err(Fault::AlreadyDone) } else { Ok(()) }
}
