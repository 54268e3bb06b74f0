//! Records and their rules (SPEC.md section 8).

pub mod barrier;
pub mod check;
pub mod endorsement;
pub mod json;
pub mod kind;
pub mod rules;
pub mod seal;
pub mod summary;
pub mod validate;

pub use kind::RecordKind;
pub use rules::{Revisions, Tip};
pub use summary::Summary;
pub use validate::{Invalid, validate};
