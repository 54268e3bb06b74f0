//! What an operator does for a store: verify it, repair it from linked hubs, derive its views again, back it up and
//! put it back.

pub mod backup;
pub mod repair;
pub mod restore;
pub mod sources;
pub mod verify;

use std::io;
use std::path::{Path, PathBuf};

use crate::core::{Core, OpenError};
use crate::hub::{Hub, HubError};
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

/// Derives the index and all views again from the log of a hub's folder; how many entries they follow. A log that is
/// damaged is left as it is: the index is what still knows where its parts were.
pub fn rebuild(directory: &Path, progress: impl FnMut(u64, u64)) -> Result<u64, UpkeepError> {
    let hub = Hub::load(directory)?;
    let store = directory.join("store");
    let report = verify::verify(&store, progress)?;
    if !report.damage.is_empty() {
        return Err(UpkeepError::Damaged { places: report.damage.len() });
    }
    // The lock is held while they go, so that no node has them open.
    let lock = crate::store::mend::Bench::open(&store)?;
    drop(lock);
    for part in [store.join("index"), directory.join("views"), directory.join("history")] {
        match std::fs::remove_dir_all(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(&part)(error)),
            _ => {}
        }
    }
    let core = Core::open(directory, hub.party, false, crate::carriage::Quotas::default())?;
    Ok(core.store.end())
}
