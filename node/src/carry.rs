//! Carry files in a folder: what others lack is written, what they brought is taken (SPEC.md section 14).
//!
//! Everything here reads and writes files and so runs on a thread that may wait.

mod artifacts;
mod evidence;
mod files;
mod give;
mod holds;
mod plan;
mod readers;
mod split;
mod take;

pub use evidence::Words;
pub use give::{Give, give};
pub use take::{Take, take};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caphub_proto::wire::{PartyId, Signer};
use tokio_util::sync::CancellationToken;

use crate::artifacts::{BlobError, Room};
use crate::core::Core;
use crate::node::{Node, StartError};

/// Largest carry file unless told otherwise, in bytes: 1 GiB fits every file system and most sticks.
pub const FILE_BYTES_DEFAULT: u64 = 1 << 30;
/// Smallest size of a file that may be asked for, in bytes: one always holds a fork proof and what stands around it.
pub const FILE_BYTES_MIN: u64 = 3_000_000;

/// Whose store it is, and how it signs.
#[derive(Clone)]
pub struct Bearer {
    /// The store and the one door to it.
    pub core: Core,
    /// The operator key of this machine.
    pub signer: Signer,
    /// The organisation's name, for people.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// What hubs stated about what they hold.
    pub words: Option<Words>,
    /// How much room files have here.
    pub room: Room,
}

impl Bearer {
    /// Carries for a running node.
    pub fn of_node(node: &Node) -> Self {
        let (core, signer) = (node.core.clone(), node.author.signer().clone());
        let own = Some((Arc::clone(&node.stater), Arc::clone(&node.history)));
        let words = Some(Words { auditor: Arc::clone(&node.auditor), own });
        Self { core, signer, name: node.hub.name.clone(), role: Role::Hub, words, room: node.room }
    }

    /// Carries for the hub of a folder whose node does not run: nothing listens and nothing is dialled.
    pub fn of_folder(directory: &Path) -> Result<Self, StartError> {
        let config =
            crate::server::load(directory).map_err(|e| StartError::Files(std::io::Error::other(e)))?;
        let node = Node::open(directory, &config, None, &CancellationToken::new())?;
        Ok(Self::of_node(&node))
    }
}

/// What a bearer is: decides who may read what, and whose entries are taken.
#[derive(Clone, Debug)]
pub enum Role {
    /// A member, of these hubs.
    Member {
        /// Hubs that it joined.
        hubs: Vec<PartyId>,
    },
    /// A hub's node.
    Hub,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Entries written or read.
    pub entries: u64,
    /// Their bytes, and those of files.
    pub bytes: u64,
    /// Entries expected in all; 0 where unknown.
    pub expected: u64,
}

/// Told now and then; false stops the work, which leaves nothing half done.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) -> bool + Send);

/// Carrying could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The folder or a file in it.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The folder holds nothing to take.
    #[error("there is no carry file in {0}")]
    Nothing(PathBuf),
    /// The folder holds more files than are looked at.
    #[error("{path} holds more than {most} files; use a folder of its own")]
    TooMany {
        /// Which.
        path: PathBuf,
        /// How many are looked at.
        most: usize,
    },
    /// The own store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The own views.
    #[error(transparent)]
    Views(#[from] crate::views::ViewsError),
    /// Files that records name, as they are kept here.
    #[error(transparent)]
    Files(#[from] BlobError),
    /// The own store takes nothing more.
    #[error("what was read could not be stored here: the disk is full, or failed")]
    OwnStore,
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] crate::keys::KeyError),
    /// Somebody asked to stop.
    #[error("stopped; what is finished stays, and the same command goes on")]
    Stopped,
    /// A file size below the least.
    #[error("a carry file of {asked} bytes is too small; the least is {FILE_BYTES_MIN}")]
    TooSmall {
        /// Bytes asked for.
        asked: u64,
    },
}

impl CarryError {
    /// True where the folder's file system is full.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::File { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}
