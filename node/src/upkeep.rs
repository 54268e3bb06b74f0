//! What an operator does for a store: verify it, repair it from linked hubs, derive its views again, back it up and
//! put it back.

pub mod backup;
pub mod files;
pub mod rebuild;
pub mod repair;
pub mod restore;
pub mod sources;
pub mod verify;

use std::io;
use std::path::{Path, PathBuf};

use crate::core::OpenError;
use crate::hub::HubError;
use crate::keys::KeyError;
use crate::store::StoreError;

/// The store could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The hub's own files.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The node's key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Store or views.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The log is damaged where it would be read.
    #[error("{places} places of the store are damaged; nothing was changed")]
    Damaged {
        /// How many.
        places: usize,
    },
    /// A node that runs could not do it.
    #[error("the running node: {what}")]
    Node {
        /// What it said.
        what: String,
    },
    /// A folder that holds something else.
    #[error("{path} holds other files; nothing was written")]
    NotEmpty {
        /// Which.
        path: PathBuf,
    },
    /// The backup is inside what it is a backup of, or the other way round.
    #[error("a backup cannot lie in the hub's own folder: {path}")]
    Inside {
        /// Where it would lie.
        path: PathBuf,
    },
    /// No backup, or of another version.
    #[error("{path} is not a backup that this program reads")]
    NoBackup {
        /// Which file.
        path: PathBuf,
    },
    /// A file of the backup is not what was written.
    #[error("the backup is damaged: {path} is not what was backed up")]
    BackupDamaged {
        /// Which file of the hub.
        path: PathBuf,
    },
}

pub(crate) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> UpkeepError + use<'_> {
    move |source| UpkeepError::File { path: path.to_owned(), source }
}
