//! What is due, and how far an unanswered need is asked.

use super::{Engagement, State};
use crate::exchange::acts::{Overdue, deadline, end_of};
use crate::v1::Escalation;
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

/// How far a need is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Its own sub-region.
    SubRegion,
    /// Its region.
    Region,
    /// Everybody.
    All,
}

impl Scope {
    /// The code of `Escalation.scope`.
    pub fn code(self) -> &'static str {
        match self {
            Self::SubRegion => "sub_region",
            Self::Region => "region",
            Self::All => "all",
        }
    }
}

/// How far a need is asked now: to the widest scope whose days are over since it was stated, and no further once
/// it was answered. A need without escalation is for all; one whose first step is still to come is for its sub-region.
pub fn scope(escalation: &[Escalation], stated_ms: u64, answered_ms: Option<u64>, now_ms: u64) -> Scope {
    if escalation.is_empty() {
        return Scope::All;
    }
    let now = answered_ms.map_or(now_ms, |answered| answered.min(now_ms));
    let days = now.saturating_sub(stated_ms) / 86_400_000;
    let reached = escalation.iter().filter(|e| u64::from(e.after_days) <= days && now >= stated_ms);
    let scopes = reached.map(|e| match e.scope.as_str() {
        "all" => Scope::All,
        "region" => Scope::Region,
        _ => Scope::SubRegion,
    });
    scopes.max().unwrap_or(Scope::SubRegion)
}
