//! Exact bytes: ids, entries, feeds and identity logs (SPEC.md sections 2 to 5).
//!
//! Nothing here reads a clock, a file or a random source, and nothing here knows what a record is.

pub mod audience;
pub mod bytes;
pub mod card;
pub mod carry;
pub mod cert;
pub mod chunks;
pub mod claims;
pub mod entitlement;
pub mod entry;
pub mod feed;
pub mod fork;
pub mod header;
pub mod history;
pub mod identity;
pub mod ids;
pub mod intake;
pub mod keys;
pub mod limits;
pub mod pace;
pub mod reason;
pub mod reconcile;
pub mod session;
pub mod statement;

pub use audience::Audience;
pub use entry::{Entry, UncheckedEntry};
pub use feed::{Feed, Head, Run};
pub use fork::{ForkProof, LastCommon};
pub use header::Header;
pub use ids::{EntryHash, FeedId, LogId, OperatorKey, PartyId, RecordId, Seq};
pub use keys::Signer;
pub use reason::Reason;
