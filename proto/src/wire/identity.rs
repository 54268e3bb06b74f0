//! A party's identity log: its keys, by its own signed events (SPEC.md section 4).

pub mod author;
pub mod event;
pub mod log;
pub mod state;

pub use author::{Founding, IdentityAuthor};
pub use event::{Authorise, Body, Commitments, Event, Keys, Revoke, RevokedFeed};
pub use log::{Applied, IdentityLog};
pub use state::{Operator, State};

use crate::wire::keys::tagged_hash;

/// What an operator key may do in its party's name; bits of a u16.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities(pub u16);

impl Capabilities {
    /// Write records.
    pub const PUBLISH: Self = Self(1);
    /// Bind the party in acts of several parties.
    pub const ENGAGE: Self = Self(2);
    /// Attest and refuse.
    pub const ADMIT: Self = Self(4);
    /// Acts of a fund.
    pub const TREASURY: Self = Self(8);
    /// Run a node.
    pub const SERVE: Self = Self(16);
    /// What a person at a desk needs.
    pub const DESK: Self = Self(1 | 2 | 4);

    /// True where all of `other` are held.
    pub fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// `not_after` of a key that does not end: the largest time.
pub const NO_END: u64 = crate::wire::limits::INTEGER_END - 1;

/// The commitment to a key that is not shown yet.
pub fn commitment(key: &[u8; 32]) -> [u8; 32] {
    tagged_hash(b"caphub/next/1\0", &[key])
}
