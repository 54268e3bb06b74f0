//! What the committer does to files. In tests any step of it can fail, in the ways in which disks do.

use std::fs::File;
use std::io;

use crate::store::batch;

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
