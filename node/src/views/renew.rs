//! Deriving the views again beside those that answer meanwhile. They lie in a folder of their own until they are at the end of the
//! log; then the two folders change places, at once. A crash before that leaves the old ones, and what was begun goes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::wire::identity::State;
use caphub_proto::wire::{EntryHash, Feed, FeedId, PartyId, Reason};
use rustix::fs::{CWD, RenameFlags};
use tantivy::IndexWriter;

use super::follow::Writing;
use super::index::Opened;
use super::source::Authority;
use super::{Inner, Views, ViewsError};

/// The ending of the folder in which views are derived again.
const NEXT: &str = "next";
/// Looks at what came meanwhile, before views that answer wait for the rest of it.
const LOOKS: usize = 3;

/// Views that are being derived, beside those that answer.
#[derive(Default)]
pub(super) struct Beside {
    views: Mutex<Option<Views>>,
    /// How often views took the place of others.
    turns: AtomicU64,
}

impl Beside {
    fn views(&self) -> Option<Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same party's records have another judgement there.
    pub(super) fn reconsider(&self, party: PartyId) {
        if let Some(views) = self.views() {
            views.reconsider(party);
        }
    }

    /// A node that ends does not wait for them.
    pub(super) fn stop(&self) {
        if let Some(views) = self.views() {
            views.0.stopping.store(true, Ordering::Release);
        }
    }
}

/// The authority as it is, without what tells each change once: the views that answer pass that on.
struct Untold(Arc<dyn Authority>);

impl Authority for Untold {
    fn state(&self, party: &PartyId) -> Option<Arc<State>> {
        self.0.state(party)
    }

    fn void(&self, feed: &Feed, id: &FeedId, seq: u64, hash: EntryHash) -> Option<Reason> {
        self.0.void(feed, id, seq, hash)
    }

    fn is_unsettled(&self, feed: &FeedId) -> bool {
        self.0.is_unsettled(feed)
    }
}

impl Views {
    /// Derives everything again from the log while these views answer, and takes the result in their place; how many entries it
    /// follows. Only one at a time.
    pub fn renew(&self) -> Result<u64, ViewsError> {
        let (inner, dir) = (&self.0, self.0.opened().dir().to_owned());
        let next = beside(&dir);
        let views = {
            let mut slot = inner.beside.views.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.is_some() {
                return Err(ViewsError::Renewing);
            }
            if inner.stopping.load(Ordering::Acquire) {
                return Err(ViewsError::Stopping);
            }
            remove(&next)?;
            let authority = Arc::new(Untold(Arc::clone(&inner.authority)));
            let views =
                Self::open_reading(&next, Arc::clone(&inner.log), authority, Arc::clone(&inner.opener))?;
            slot.insert(views).clone()
        };
        let renewed = self.renewed(views, &dir, &next);
        *inner.beside.views.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // What was begun, or what was there before.
        remove(&next)?;
        renewed
    }

    /// How far a renewal has come, and the end of the log; `None` where there is none.
    pub fn renewal(&self) -> Option<(u64, u64)> {
        self.0.beside.views().map(|views| (views.position(), self.0.log.end()))
    }

    /// How often renewed views took the place of others since the start.
    pub fn renewals(&self) -> u64 {
        self.0.beside.turns.load(Ordering::Acquire)
    }

    fn renewed(&self, views: Self, dir: &Path, next: &Path) -> Result<u64, ViewsError> {
        for _ in 0..LOOKS {
            views.catch_up()?;
        }
        // From here on nothing is taken in on either side but by this.
        let mut writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        views.catch_up()?;
        let mut theirs = views.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        views.0.commit(&mut theirs)?;
        if views.behind() > 0 && views.0.stopping.load(Ordering::Acquire) {
            return Err(ViewsError::Stopping);
        }
        finish(&mut theirs)?;
        finish(&mut writing)?;
        let (origin, tables) = {
            let mut tables = views.0.tables.write().unwrap_or_else(PoisonError::into_inner);
            (theirs.origin, std::mem::take(&mut *tables))
        };
        views.0.opened().end_clean();
        exchange(dir, next).map_err(|source| ViewsError::Directory { source })?;
        let opened = Opened::open(dir, origin.log, self.0.log.end(), origin.readers).and_then(|opened| {
            match opened.origin.position == origin.position {
                true => Ok(opened),
                false => Err(ViewsError::Damaged),
            }
        });
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                exchange(dir, next).map_err(|source| ViewsError::Directory { source })?;
                return Err(error);
            }
        };
        drop(theirs);
        self.0.take_over(&views.0, &mut writing, opened);
        *self.0.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
        self.0.beside.turns.fetch_add(1, Ordering::AcqRel);
        Ok(origin.position)
    }
}

impl Inner {
    /// What was derived beside takes the place of what was here.
    fn take_over(&self, other: &Self, writing: &mut Writing, opened: Opened) {
        let origin = opened.origin;
        *writing = Writing::new(origin);
        {
            let mut erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
            erasures.absorb(&mut other.erasures.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(opened);
        fresh.settle();
        drop(fresh);
        self.position.store(origin.position, Ordering::Release);
        self.purging.store(origin.purge, Ordering::Release);
        self.damaged.store(false, Ordering::Release);
    }
}

/// Ends a writer; none of its threads writes into the folder afterwards.
fn finish(writing: &mut Writing) -> Result<(), ViewsError> {
    Ok(writing.writer.take().map_or(Ok(()), IndexWriter::wait_merging_threads)?)
}

/// Where views are derived that are to take the place of those in `dir`.
fn beside(dir: &Path) -> PathBuf {
    dir.with_extension(NEXT)
}

/// What a crash left of a renewal goes. Where the two folders could only be moved one after the other, the new one stands alone.
pub(super) fn settle(dir: &Path) -> Result<(), ViewsError> {
    let next = beside(dir);
    if !dir.exists() && next.exists() {
        return fs::rename(&next, dir).map_err(|source| ViewsError::Directory { source });
    }
    remove(&next)
}

fn remove(folder: &Path) -> Result<(), ViewsError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ViewsError::Directory { source }),
        _ => Ok(()),
    }
}

/// Two folders change places, at once where the file system can do that.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    if rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    let aside = one.with_extension("old");
    let _ = fs::remove_dir_all(&aside);
    fs::rename(one, &aside)?;
    fs::rename(other, one)?;
    fs::rename(&aside, other)
}
