//! Double entry: every amount leaves one account and enters another, so that all accounts of a currency sum to nothing.

use std::collections::BTreeMap;

use crate::exchange::acts::Fault;
use crate::exchange::amount::Amount;
use crate::mutant;
use crate::wire::{EntryHash, PartyId};

/// Where money is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Account {
    /// Outside, with a donor: the one account below zero, by what it has given.
    Donor(PartyId),
    /// In the fund, free.
    Free,
    /// In the fund, bound to a proposal.
    Committed(EntryHash),
    /// Paid to a proposal's recipient.
    Paid(EntryHash),
}

/// One amount that moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The act that moved it.
    pub act: EntryHash,
    /// The act's code.
    pub what: &'static str,
    /// The author's time.
    pub time_ms: u64,
    /// ISO 4217.
    pub currency: String,
    /// Where it was.
    pub from: Account,
    /// Where it is.
    pub to: Account,
    /// How much.
    pub amount: Amount,
}

/// What a fund holds and gave in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// By donors, in all.
    pub paid_in: Amount,
    /// To donors.
    pub paid_back: Amount,
    /// To recipients, in all.
    pub disbursed: Amount,
    /// By recipients.
    pub refunded: Amount,
    /// Bound now.
    pub committed: Amount,
    /// Free now.
    pub free: Amount,
}

impl Totals {
    /// True where what came in is what went out and what is there, to the last unit.
    pub fn adds_up(&self) -> bool {
        let came = self.paid_in.plus(self.refunded);
        let went = self.paid_back.plus(self.disbursed);
        let there = self.committed.plus(self.free);
        came.is_some() && came == went.zip(there).and_then(|(a, b)| a.plus(b))
    }
}

/// Every line with the balances that follow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    lines: Vec<Line>,
    balances: BTreeMap<(String, Account), Amount>,
    totals: BTreeMap<String, Totals>,
}

impl Ledger {
    /// Every line, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What an account holds of a currency.
    pub fn balance(&self, currency: &str, account: Account) -> Amount {
        self.balances.get(&(currency.to_owned(), account)).copied().unwrap_or_default()
    }

    /// Every account that was ever used, by currency.
    pub fn balances(&self) -> &BTreeMap<(String, Account), Amount> {
        &self.balances
    }

    /// What the fund holds and gave, by currency.
    pub fn totals(&self) -> &BTreeMap<String, Totals> {
        &self.totals
    }

    /// Moves an amount. All or nothing: only a donor's account goes below zero.
    pub(super) fn post(&mut self, line: Line) -> Result<(), Fault> {
        let key = |account| (line.currency.clone(), account);
        let from = self.balance(&line.currency, line.from).minus(line.amount).ok_or(Fault::OverBalance)?;
        let outside = matches!(line.from, Account::Donor(_));
        if from.is_negative() && !outside && !mutant!(BelowZero) {
            return Err(Fault::OverBalance);
        }
        let to = self.balance(&line.currency, line.to).plus(line.amount).ok_or(Fault::OverBalance)?;
        let mut totals = self.totals.get(&line.currency).copied().unwrap_or_default();
        for (account, sign) in [(line.from, false), (line.to, true)] {
            let field = match account {
                Account::Donor(_) => {
                    let field = if sign { &mut totals.paid_back } else { &mut totals.paid_in };
                    *field = field.plus(line.amount).ok_or(Fault::OverBalance)?;
                    continue;
                }
                Account::Paid(_) => {
                    let field = if sign { &mut totals.disbursed } else { &mut totals.refunded };
                    *field = field.plus(line.amount).ok_or(Fault::OverBalance)?;
                    continue;
                }
                Account::Free => &mut totals.free,
                Account::Committed(_) => &mut totals.committed,
            };
            let moved = if sign { field.plus(line.amount) } else { field.minus(line.amount) };
            *field = moved.ok_or(Fault::OverBalance)?;
        }
        self.balances.insert(key(line.from), from);
        self.balances.insert(key(line.to), to);
        self.totals.insert(line.currency.clone(), totals);
        self.lines.push(line);
        Ok(())
    }
}
