//! Acts that move money: each posts one line, or none.

use super::steps::hash;
use super::{Account, Fund, Line, State};
use crate::exchange::acts::{Act, Fault};
use crate::exchange::amount::Amount;
use crate::mutant;
use crate::v1::{FundAct, FundPayment, FundStep};
use crate::wire::PartyId;

impl Fund {
    pub(super) fn paid_in(&mut self, act: &Act<FundAct>, payment: &FundPayment) -> Result<(), Fault> {
        self.on_board(act)?;
        let about = hash(&payment.about)?;
        let (currency, amount) = self.money(payment.amount.as_ref())?;
        let pledge = self.pledges.get(&about).ok_or(Fault::UnknownSubject)?;
        if pledge.currency != currency {
            return Err(Fault::WrongCurrency);
        }
        let donor = pledge.donor;
        let named = self.unused(donor, payment)?;
        let paid = pledge.paid.plus(amount).filter(|p| *p <= pledge.amount).ok_or(Fault::OverBalance)?;
        self.post(act, "paid_in", &currency, Account::Donor(donor), Account::Free, amount)?;
        self.references.insert((donor, named));
        if let Some(pledge) = self.pledges.get_mut(&about) {
            pledge.paid = paid;
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, act: &Act<FundAct>, step: &FundStep) -> Result<(), Fault> {
        self.on_board(act)?;
        self.open()?;
        let about = hash(&step.about)?;
        let proposal = self.proposals.get(&about).ok_or(Fault::UnknownSubject)?;
        if proposal.state != State::Proposed {
            return Err(Fault::OutOfTurn);
        }
        if self.votes_for(proposal) < self.threshold() && !mutant!(CommitWithoutVotes) {
            return Err(Fault::UnderThreshold);
        }
        let (currency, amount) = (proposal.currency.clone(), proposal.amount);
        self.post(act, "commit", &currency, Account::Free, Account::Committed(about), amount)?;
        self.proposal(&step.about)?.state = State::Committed;
        Ok(())
    }

    pub(super) fn disburse(&mut self, act: &Act<FundAct>, step: &FundStep) -> Result<(), Fault> {
        self.on_board(act)?;
        let about = hash(&step.about)?;
        let proposal = self.proposal(&step.about)?;
        if proposal.state != State::Committed {
            return Err(Fault::OutOfTurn);
        }
        proposal.payable(step.milestone)?;
        let (currency, amount) = (proposal.currency.clone(), proposal.milestone(step.milestone)?.amount);
        self.agreed(act, (about, step.milestone, None))?;
        self.post(act, "disburse", &currency, Account::Committed(about), Account::Paid(about), amount)?;
        self.proposal(&step.about)?.milestone(step.milestone)?.disbursed_ms = Some(act.time_ms);
        Ok(())
    }

    pub(super) fn refund(&mut self, act: &Act<FundAct>, payment: &FundPayment) -> Result<(), Fault> {
        self.on_board(act)?;
        let about = hash(&payment.about)?;
        let (currency, amount) = self.money(payment.amount.as_ref())?;
        let proposal = self.proposals.get(&about).ok_or(Fault::UnknownSubject)?;
        if proposal.currency != currency {
            return Err(Fault::WrongCurrency);
        }
        let payer = proposal.recipient;
        let named = self.unused(payer, payment)?;
        self.post(act, "refund", &currency, Account::Paid(about), Account::Free, amount)?;
        self.references.insert((payer, named));
        Ok(())
    }

    /// What a payment that came in is called; a second report of the same payment counts nothing.
    fn unused(&self, payer: PartyId, payment: &FundPayment) -> Result<String, Fault> {
        let named: String = payment.reference.chars().filter(|c| !c.is_whitespace()).collect();
        let named = named.to_ascii_lowercase();
        match self.references.contains(&(payer, named.clone())) {
            true => Err(Fault::AlreadyDone),
            false => Ok(named),
        }
    }

    pub(super) fn release(&mut self, act: &Act<FundAct>, step: &FundStep) -> Result<(), Fault> {
        self.on_board(act)?;
        let about = hash(&step.about)?;
        let proposal = self.proposals.get(&about).ok_or(Fault::UnknownSubject)?;
        if proposal.state != State::Committed || step.milestone != 0 {
            return Err(Fault::OutOfTurn);
        }
        let currency = proposal.currency.clone();
        let left = self.ledger.balance(&currency, Account::Committed(about));
        if left == Amount::ZERO {
            return Err(Fault::OutOfTurn);
        }
        self.agreed(act, (about, 0, None))?;
        self.post(act, "release", &currency, Account::Committed(about), Account::Free, left)?;
        self.proposal(&step.about)?.state = State::Released;
        Ok(())
    }

    pub(super) fn pay_back(&mut self, act: &Act<FundAct>, payment: &FundPayment) -> Result<(), Fault> {
        self.on_board(act)?;
        let about = hash(&payment.about)?;
        let (currency, amount) = self.money(payment.amount.as_ref())?;
        let pledge = self.pledges.get(&about).ok_or(Fault::UnknownSubject)?.clone();
        if pledge.currency != currency {
            return Err(Fault::WrongCurrency);
        }
        let paid_back =
            pledge.paid_back.plus(amount).filter(|p| *p <= pledge.paid).ok_or(Fault::OverBalance)?;
        // What was agreed is used up only where the amount is there.
        if self.ledger.balance(&currency, Account::Free) < amount {
            return Err(Fault::OverBalance);
        }
        self.agreed(act, (about, 0, Some(amount)))?;
        self.post(act, "pay_back", &currency, Account::Free, Account::Donor(pledge.donor), amount)?;
        if let Some(pledge) = self.pledges.get_mut(&about) {
            pledge.paid_back = paid_back;
        }
        Ok(())
    }

    fn post(
        &mut self,
        act: &Act<FundAct>,
        what: &'static str,
        currency: &str,
        from: Account,
        to: Account,
        amount: Amount,
    ) -> Result<(), Fault> {
        let (hash, time_ms, currency) = (act.hash, act.time_ms, currency.to_owned());
        self.ledger.post(Line { act: hash, what, time_ms, currency, from, to, amount })
    }
}
