//! Documents on their way to the index's thread, bounded in bytes.
//!
//! The index itself lets ten thousand wait, whatever they hold: with texts that was more memory than anything else that a
//! bulk sync takes.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tantivy::TantivyDocument;
use tantivy::schema::Document;

/// Bytes of documents that wait: the index's thread has work while the next batch is judged.
const WAITING_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest wait for room: a thread of the index that has failed makes none, and says so to the next document.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(1);

/// The room for documents that wait.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Room>);

#[derive(Default)]
struct Room {
    taken: Mutex<usize>,
    freed: Condvar,
}

impl Queue {
    /// Waits for room, and takes it for as long as the document waits. A single one may be larger than all the room.
    pub(super) fn admit(&self, document: TantivyDocument, bytes: usize) -> Queued {
        let full = |taken: &mut usize| *taken >= WAITING_BYTES_MAX;
        let taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.freed.wait_timeout_while(taken, ROOM_WAIT_MAX, full);
        let (mut taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        drop(taken);
        Queued { document, bytes, queue: self.clone() }
    }
}

/// A document that gives its room back when the index has taken it in.
pub(super) struct Queued {
    document: TantivyDocument,
    bytes: usize,
    queue: Queue,
}

impl Document for Queued {
    type Value<'a> = <TantivyDocument as Document>::Value<'a>;
    type FieldsValuesIter<'a> = <TantivyDocument as Document>::FieldsValuesIter<'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.document.iter_fields_and_values()
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut taken = self.queue.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(self.bytes);
        drop(taken);
        self.queue.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_waits_for_room_and_gives_it_back() {
        let queue = Queue::default();
        let first = queue.admit(TantivyDocument::default(), 2 * WAITING_BYTES_MAX);
        let later = std::thread::spawn({
            let queue = queue.clone();
            move || queue.admit(TantivyDocument::default(), 7)
        });
        drop(first);
        let second = later.join().expect("a document");
        assert_eq!(*queue.0.taken.lock().expect("the room"), 7);
        drop(second);
        assert_eq!(*queue.0.taken.lock().expect("the room"), 0);
    }
}
