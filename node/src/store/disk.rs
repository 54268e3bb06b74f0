//! What the committer does to files. In tests any step of it can fail, in the ways in which disks do.

use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

use crate::store::{Store, batch};

/// Free bytes from which on there is room again, though nobody has tried: a commit and what is derived from it fit.
const ROOM_BYTES: u64 = 4 * 1024 * 1024;

/// Why a store takes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// There is no room: it takes entries again as soon as there is.
    Full,
    /// A write or a sync failed: it takes nothing more until it is opened again.
    Failed,
}

impl Trouble {
    /// The word that states use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Failed => "failed",
        }
    }
}

impl Store {
    /// Why nothing is taken now; `None` where entries are.
    pub fn trouble(&self) -> Option<Trouble> {
        if self.has_failed() {
            return Some(Trouble::Failed);
        }
        if !self.shared.full.load(Ordering::Acquire) {
            return None;
        }
        // The last commit found no room. Where there is some since, the next one is let in, and says so if it finds none.
        let free =
            rustix::fs::statvfs(&self.directory).map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize));
        (free < ROOM_BYTES).then_some(Trouble::Full)
    }
}

/// Writes and syncs; without a plan for faults it is the system's own calls and nothing else.
#[derive(Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) plan: std::sync::Mutex<faults::Plan>,
}

impl Disk {
    /// Appends all slices.
    pub(super) fn write(&self, file: &File, slices: &[&[u8]]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(fault) = self.next() {
            return fault.write(file, slices);
        }
        batch::write(file, slices)
    }

    /// What was written is durable when this returns.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        if let Some(fault) = self.next() {
            return Err(io::Error::other(fault.error()));
        }
        // Whatever a failed sync says, it is not for want of room that one could try again.
        file.sync_data().map_err(io::Error::other)
    }

    #[cfg(test)]
    fn next(&self) -> Option<faults::Fault> {
        self.plan.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next()
    }
}

/// True where an error means that there is no room, and nothing else is wrong.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
pub(super) mod faults {
    use std::fs::File;
    use std::io::{self, Write};

    /// How a step fails.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(in crate::store) enum Fault {
        /// Half of it is written, then the disk fails.
        Short,
        /// Nothing more is taken.
        Fails,
        /// A part is written, then there is no room.
        NoRoom,
    }

    /// The step that fails, counted from 0, and how; steps before and after it work.
    #[derive(Default, Debug)]
    pub(in crate::store) struct Plan {
        pub(in crate::store) at: Option<(usize, Fault)>,
        pub(in crate::store) steps: usize,
    }

    impl Plan {
        pub(super) fn next(&mut self) -> Option<Fault> {
            let step = self.steps;
            self.steps += 1;
            self.at.filter(|(at, _)| *at == step).map(|(_, fault)| fault)
        }
    }

    impl Fault {
        pub(super) fn write(self, mut file: &File, slices: &[&[u8]]) -> io::Result<()> {
            let bytes = slices.concat();
            let part = match self {
                Self::Short => bytes.len() / 2,
                Self::NoRoom => bytes.len() / 3,
                Self::Fails => 0,
            };
            file.write_all(&bytes[..part])?;
            Err(self.error())
        }

        pub(super) fn error(self) -> io::Error {
            match self {
                Self::NoRoom => io::ErrorKind::StorageFull.into(),
                Self::Short | Self::Fails => io::Error::other("the disk failed"),
            }
        }
    }
}
