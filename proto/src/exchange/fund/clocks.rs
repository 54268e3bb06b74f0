//! What is late in a fund.

use super::{Fund, State};
use crate::exchange::acts::{DAYS_DEFAULT, Overdue, deadline, end_of};
use crate::wire::EntryHash;

impl Fund {
    /// Pledges that are not paid by their date, and payments without a receipt, with the pledge or proposal.
    pub fn overdue(&self, now_ms: u64) -> Vec<(EntryHash, Overdue)> {
        let late = |since_ms: u64| now_ms >= since_ms;
        let pledges =
            self.pledges.iter().filter(|(_, p)| p.paid < p.amount && !self.closed).filter_map(|(hash, p)| {
                let since_ms = end_of(&p.due).filter(|s| late(*s))?;
                Some((*hash, Overdue { what: "pay_in", who: p.donor, since_ms }))
            });
        let open = self.proposals.iter().filter(|(_, p)| p.state != State::Proposed);
        let receipts = open.flat_map(|(hash, p)| {
            let unsaid = p.milestones.iter().filter(|m| !m.received).filter_map(|m| m.disbursed_ms);
            unsaid
                .map(|ms| deadline(ms, DAYS_DEFAULT))
                .filter(|s| late(*s))
                .map(|since_ms| (*hash, Overdue { what: "receipt", who: p.recipient, since_ms }))
        });
        pledges.chain(receipts).collect()
    }
}
