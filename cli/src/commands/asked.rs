//! How far each need is asked, as its author allowed beforehand: its sub-region, its region, all.
//!
//! It follows from the signed need, its first date and the answers to it; no hub and no setting here can widen it.

use caphub_proto::exchange::engagement::escalation::{self, Scope, scope};
use caphub_proto::exchange::place::Countries;
use caphub_proto::v1::Need;
use serde_json::{Value, json};

use crate::commands::acting;
use crate::texts::Texts;

/// How far one need is asked now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The circle.
    pub scope: Scope,
    /// The next one and when, unless somebody answers before.
    pub next: Option<(Scope, u64)>,
    /// Countries whose organisations are asked; `None` for everybody.
    pub reach: Option<Countries>,
}

impl Asked {
    /// Of a need for these countries, stated and answered at these times; `None` where its author named no circles.
    pub fn of(
        need: &Need,
        countries: &Countries,
        stated_ms: u64,
        answered_ms: Option<u64>,
        now_ms: u64,
    ) -> Option<Self> {
        if need.escalation.is_empty() || countries.is_empty() {
            return None;
        }
        let scope = scope(&need.escalation, stated_ms, answered_ms, now_ms);
        let next = escalation::next(&need.escalation, stated_ms, answered_ms, now_ms);
        Some(Self { scope, next, reach: escalation::reach(scope, countries) })
    }

    /// As a person reads it.
    pub fn words(&self, t: &Texts) -> String {
        let now = t.t(key(self.scope));
        match self.next {
            None => now,
            Some((next, from_ms)) => t.tf(
                "asked-until",
                &[("now", &now), ("day", &acting::day(from_ms)), ("next", &t.t(key(next)))],
            ),
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let next = self.next.map(|(scope, from_ms)| json!({ "scope": scope.code(), "from_ms": from_ms }));
        json!({ "scope": self.scope.code(), "next": next })
    }
}

fn key(scope: Scope) -> &'static str {
    match scope {
        Scope::SubRegion => "asked-sub-region",
        Scope::Region => "asked-region",
        Scope::All => "asked-all",
    }
}
