//! Evidence: what this node states and is held to, and what others state to it (SPEC.md 13.2 and 13.3).
//!
//! What a node publishes is covered by a small file outside the store before it leaves: a store that was put back
//! begins another log, so that an honest node never contradicts itself.

pub mod book;
pub mod file;
pub mod history;
mod kept;
pub mod notes;
pub mod published;
pub mod report;
pub mod stater;
pub mod visit;

pub use book::Book;
pub use history::History;
pub use published::Published;
pub use stater::Stater;
pub use visit::{Auditor, Receipts};

use std::io;
use std::path::Path;
use std::sync::Arc;

use caphub_proto::v1;
use caphub_proto::wire::statement::HeadStatement;
use caphub_proto::wire::{Feed, PartyId, Signer};

use crate::author::feed_parts;
use crate::carriage::Quotas;
use crate::core::{Core, OpenError};

/// A node's core, with what covers its words.
pub struct Opened {
    /// Store and views.
    pub core: Core,
    /// What was published.
    pub published: Arc<Published>,
    /// The tree over public entries.
    pub history: Arc<History>,
}

/// Opens a node's core. Where the store is behind what was published of it, or is not its continuation, it was put
/// back from a copy: it begins another log, before anything is said.
pub fn open(directory: &Path, party: PartyId, quotas: Quotas, signer: &Signer) -> Result<Opened, OpenError> {
    let path = directory.join("published");
    let mut renewed = false;
    loop {
        let core = Core::open(directory, party, false, quotas)?;
        let log = core.store.log_id();
        let held = Published::read(&path).map_err(files)?;
        let known = held.is_none_or(|r| r.log == log || core.store.earlier_logs().contains(&r.log));
        if known || renewed {
            let published = Arc::new(Published::open(&path, log).map_err(files)?);
            let (folder, store) = (directory.join("history"), Arc::clone(&core.store));
            let opened =
                History::open(&folder, store, Arc::clone(&published), signer.clone()).map_err(files)?;
            match opened {
                Ok(history) => return Ok(Opened { core, published, history: Arc::new(history) }),
                Err(history::PutBack) if renewed => {
                    return Err(files(io::Error::other("the log cannot be renewed")));
                }
                Err(history::PutBack) => {}
            }
        }
        core.store.mark_put_back()?;
        renewed = true;
    }
}

fn files(error: io::Error) -> OpenError {
    OpenError::Store(error.into())
}

/// A statement as it travels.
pub fn travelling(feed: &Feed, statement: &HeadStatement) -> v1::HeadStatement {
    v1::HeadStatement { feed: Some(feed_parts(feed)), statement: statement.encode() }
}

/// A statement as it arrived: whole, signed, and about the feed that it travels with.
pub fn arrived(statement: &v1::HeadStatement) -> Option<(Feed, HeadStatement)> {
    let parts = statement.feed.as_ref()?;
    let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience).ok()?;
    let read = HeadStatement::decode(&statement.statement).ok()?;
    let class = caphub_proto::wire::statement::StatedClass::of(&feed);
    (read.feed == feed.id() && read.class == class).then_some((feed, read))
}
