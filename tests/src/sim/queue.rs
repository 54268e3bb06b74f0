//! What happens next: events by virtual time, and in the order of their making where the time is the same.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Microseconds since the simulation began.
pub type Micros = u64;

/// A millisecond of virtual time.
pub const MILLISECOND: Micros = 1_000;
/// A second of virtual time.
pub const SECOND: Micros = 1_000_000;

/// Events that are still to come.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Due<E>>,
    made: u64,
    now: Micros,
}

#[derive(Debug)]
struct Due<E> {
    at: Micros,
    order: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), made: 0, now: 0 }
    }
}

impl<E> Queue<E> {
    /// The time of the event that was taken last.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Adds an event; one that lies in the past happens next.
    pub fn at(&mut self, at: Micros, event: E) {
        self.made += 1;
        self.heap.push(Due { at: at.max(self.now), order: self.made, event });
    }

    /// Adds an event after a while.
    pub fn after(&mut self, wait: Micros, event: E) {
        self.at(self.now.saturating_add(wait), event);
    }

    /// Takes the next event and moves the time to it, where one is due before `until`.
    pub fn next(&mut self, until: Micros) -> Option<E> {
        if self.heap.peek()?.at > until {
            return None;
        }
        let due = self.heap.pop()?;
        self.now = due.at;
        Some(due.event)
    }

    /// Lets time pass until then; what was due before has been taken.
    pub fn wait_until(&mut self, until: Micros) {
        self.now = self.now.max(until);
    }

    /// Events made so far.
    pub fn made(&self) -> u64 {
        self.made
    }
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl<E> Eq for Due<E> {}

impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Due<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives its greatest: the earliest is the greatest here.
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_of_their_making() {
        let mut queue = Queue::default();
        queue.at(5, 'c');
        queue.at(3, 'a');
        queue.at(5, 'd');
        queue.at(4, 'b');
        queue.at(9, 'e');
        let taken: String = std::iter::from_fn(|| queue.next(8)).collect();
        assert_eq!((taken.as_str(), queue.now()), ("abcd", 5));
        queue.at(1, 'f');
        assert_eq!((queue.next(9), queue.now()), (Some('f'), 5));
    }
}
