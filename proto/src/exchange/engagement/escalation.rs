//! How far a need is asked: what its author allowed beforehand, and nobody else decides (SPEC.md section 15.7).

use super::{Engagement, State};
use crate::codes::region::WORLD;
use crate::exchange::day::Day;
use crate::exchange::place::Countries;
use crate::v1::Escalation;

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

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

/// The moment at which a need that nobody answers is asked further than now, and how far then; `None` where it never
/// will be.
pub fn next(
    escalation: &[Escalation],
    stated_ms: u64,
    answered_ms: Option<u64>,
    now_ms: u64,
) -> Option<(Scope, u64)> {
    let now = scope(escalation, stated_ms, answered_ms, now_ms);
    if answered_ms.is_some_and(|answered| answered <= now_ms) {
        return None;
    }
    let moment = |e: &Escalation| stated_ms.saturating_add(u64::from(e.after_days) * DAY_MS);
    let further = escalation.iter().map(moment).filter(|at| *at > now_ms);
    let wider = further.map(|at| (scope(escalation, stated_ms, None, at), at)).filter(|(to, _)| *to > now);
    wider.min_by_key(|(_, at)| *at)
}

/// Those who are asked: the countries of the narrowest M49 regions of these, of their regions, or everybody (`None`).
/// A need that is for no country in particular is for all.
pub fn reach(scope: Scope, of: &Countries) -> Option<Countries> {
    if scope == Scope::All || of.is_empty() {
        return None;
    }
    let code = |country: &crate::codes::country::Country| match scope {
        Scope::SubRegion => country.narrowest_region(),
        _ => country.region,
    };
    let codes: std::collections::BTreeSet<&str> = of.iter().map(|c| code(c).unwrap_or(WORLD)).collect();
    Some(codes.into_iter().fold(Countries::NONE, |all, code| all.or(Countries::of_region(code))))
}

/// The last moment of a day: what rules that know only days ask with.
pub fn end_of_day(today: Day) -> u64 {
    let days = i64::from(today) + 1;
    u64::try_from(days).unwrap_or(0).saturating_mul(DAY_MS).saturating_sub(1)
}

impl Engagement {
    /// When the provider first answered the need: by its proposal, or by agreeing to the recipient's. What was declined
    /// or withdrawn answers nothing, and neither does a proposal that its provider has not acknowledged.
    pub fn answered_ms(&self) -> Option<u64> {
        let ended = matches!(self.state, State::Declined | State::Withdrawn);
        self.answered_ms.filter(|_| !ended)
    }
}
