//! Rule set `caphub/priority/1`: who comes first where not all can be served (SPEC.md section 16.3).

use crate::exchange::place::Countries;
use crate::exchange::weights::{self, BadWeights};
use crate::v1::RuleSet;

/// The id that records and programs name this rule set by.
pub const RULE_SET: &str = "caphub/priority/1";
/// Days of waiting that count in full; longer waits count no more, because the first day is the author's claim.
pub const WAITING_DAYS: u32 = 360;

/// What is counted, in the order of SPEC.md.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Criterion {
    /// A need that nothing has met yet.
    Unmet,
    /// Among the least developed countries.
    Ldc,
    /// Among the landlocked developing countries.
    Lldc,
    /// Among the small island developing States.
    Sids,
    /// Nothing was ever confirmed to have been delivered to it.
    NeverServed,
    /// How long its oldest unmet need has waited.
    Waiting,
}

impl Criterion {
    /// All, in order.
    pub const ALL: [Self; 6] =
        [Self::Unmet, Self::Ldc, Self::Lldc, Self::Sids, Self::NeverServed, Self::Waiting];

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unmet => "unmet",
            Self::Ldc => "ldc",
            Self::Lldc => "lldc",
            Self::Sids => "sids",
            Self::NeverServed => "never_served",
            Self::Waiting => "waiting",
        }
    }
}

/// What is known of somebody who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// The countries that it asks for; a group counts where one of them is in it.
    pub countries: Countries,
    /// It has a need that nothing has met yet.
    pub unmet: bool,
    /// Engagements and fellowships that it has confirmed.
    pub served: u32,
    /// Days since its oldest unmet need was first written.
    pub waiting_days: u32,
}

/// What each criterion counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weights([u16; 6]);

impl Default for Weights {
    /// Those of `caphub/priority/1`; together 100.
    fn default() -> Self {
        Self([30, 15, 10, 10, 20, 15])
    }
}

impl Weights {
    /// Those that a published rule set states; a criterion that it does not name counts nothing.
    pub fn of(rules: &RuleSet) -> Result<Self, BadWeights> {
        let named = weights::read(rules, "priority", &Criterion::ALL.map(Criterion::code))?;
        let mut own = [0; 6];
        own.iter_mut().zip(named).for_each(|(own, named)| *own = named);
        Ok(Self(own))
    }
}

/// The points of each criterion, in the order of `Criterion::ALL`, and their sum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Priority {
    /// The sum; the highest comes first.
    pub score: u32,
    /// Of each criterion.
    pub points: [u32; 6],
}

/// The priority of somebody who asks.
pub fn judge(standing: &Standing, weights: &Weights) -> Priority {
    let group = |code| u32::from(standing.countries.meets(&Countries::of_group(code))) * WAITING_DAYS;
    let whole = |there: bool| u32::from(there) * WAITING_DAYS;
    let waiting = if standing.unmet { standing.waiting_days.min(WAITING_DAYS) } else { 0 };
    let shares = [
        whole(standing.unmet),
        group("ldc"),
        group("lldc"),
        group("sids"),
        whole(standing.served == 0),
        waiting,
    ];
    let mut points = [0; 6];
    for ((points, share), weight) in points.iter_mut().zip(shares).zip(weights.0) {
        *points = u32::from(weight) * share / WAITING_DAYS;
    }
    Priority { score: points.iter().sum(), points }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unserved_island_with_an_old_need_comes_before_a_served_one_and_a_short_wait_counts_less() {
        let tuvalu = Standing { countries: Countries::one("TV"), unmet: true, served: 0, waiting_days: 400 };
        let weights = Weights::default();
        assert_eq!(judge(&tuvalu, &weights).score, 30 + 15 + 10 + 20 + 15);
        assert_eq!(judge(&Standing { waiting_days: 100, ..tuvalu }, &weights).score, 75 + 4);
        assert_eq!(judge(&Standing { served: 1, ..tuvalu }, &weights).score, 70);
        assert_eq!(judge(&Standing { unmet: false, ..tuvalu }, &weights).score, 45);
        let elsewhere = Standing { countries: Countries::one("FR"), ..tuvalu };
        assert_eq!(judge(&elsewhere, &weights).points, [30, 0, 0, 0, 20, 15]);
    }
}
