//! Frames that were read lately: views and many followers read the same ones, entry by entry.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::store::frame::FrameHead;

/// Bytes of frames that are kept; one frame is at most a little over 1 MiB.
const KEPT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Frames that are kept, however small.
const KEPT_MAX: usize = 512;

/// A frame as it was read: its head, and its entries.
pub(super) type Read = (Arc<FrameHead>, Bytes);

/// The frames of the last reads, by segment and offset.
#[derive(Default)]
pub(super) struct Frames(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    frames: HashMap<(u32, u64), Read>,
    order: VecDeque<(u32, u64)>,
    bytes: usize,
}

impl Frames {
    /// A frame, where it is kept.
    pub(super) fn find(&self, place: (u32, u64)) -> Option<Read> {
        self.kept().frames.get(&place).cloned()
    }

    /// Keeps a frame; the oldest go.
    pub(super) fn keep(&self, place: (u32, u64), read: &Read) {
        let mut kept = self.kept();
        if kept.frames.insert(place, read.clone()).is_some() {
            return;
        }
        kept.order.push_back(place);
        kept.bytes += read.1.len();
        while (kept.bytes > KEPT_BYTES_MAX || kept.order.len() > KEPT_MAX)
            && let Some(oldest) = kept.order.pop_front()
        {
            let gone = kept.frames.remove(&oldest);
            kept.bytes -= gone.map_or(0, |(_, packed)| packed.len());
        }
    }

    /// Forgets all: bodies of some are about to be overwritten.
    pub(super) fn clear(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
