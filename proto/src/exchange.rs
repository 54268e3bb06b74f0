//! Records and their rules (SPEC.md section 8).

pub mod acts;
pub mod allocation;
pub mod amount;
pub mod barrier;
pub mod check;
pub mod confirmation;
pub mod coverage;
pub mod day;
pub mod distribution;
pub mod endorsement;
pub mod engagement;
pub mod fellowship;
pub mod fund;
pub mod json;
pub mod kind;
pub mod matching;
pub mod place;
pub mod priority;
pub mod rules;
pub mod seal;
pub mod summary;
pub mod validate;
pub mod weights;

pub use kind::RecordKind;
pub use rules::{Revisions, Tip};
pub use summary::Summary;
pub use validate::{Invalid, validate};
