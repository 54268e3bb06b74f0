//! Engagements, fellowships and funds: the tables of SPEC.md section 15, and what no set of acts can break.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

mod auditor;
mod calls;
mod cost;
mod engagement;
mod fellowship;
mod fund;
mod money;
mod mutants;
mod pen;
mod properties;
