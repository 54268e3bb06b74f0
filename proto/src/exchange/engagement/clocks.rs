//! What is due.

use super::{Engagement, State};
use crate::exchange::acts::{Overdue, deadline, end_of};
use crate::wire::PartyId;

impl Engagement {
    /// What is due next: what, by whom, and until when. `None` where nothing is.
    pub fn due(&self) -> Option<(&'static str, PartyId, u64)> {
        let answer = |who| ("acknowledge", who, deadline(self.since_ms, self.proposal.acknowledge_days));
        match self.state {
            State::Proposed => Some(answer(self.other(&self.proposer))),
            State::Agreed => Some(answer(self.recipient)),
            State::Accepted | State::Active => {
                let until = self.proposal.window.as_ref().and_then(|w| end_of(&w.until))?;
                Some(("deliver", self.provider, until))
            }
            State::Delivered => {
                Some(("confirm", self.recipient, deadline(self.since_ms, self.proposal.confirm_days)))
            }
            _ => None,
        }
    }

    /// What is late at this moment. An act that is dated ahead starts its clock when that date has come.
    pub fn overdue(&self, now_ms: u64) -> Option<Overdue> {
        let (what, who, until) = self.due()?;
        (now_ms >= until).then_some(Overdue { what, who, since_ms: until })
    }
}
