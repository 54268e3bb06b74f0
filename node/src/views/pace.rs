//! Whether entries pour in: views then wait, so that the processor is the sync's.

use std::time::{Duration, Instant};

/// Entries a second from which on it is a burst: far more than people write, far less than a sync brings.
const BURST_PER_SECOND: u64 = 4_000;
/// Shortest time between two looks: less says nothing about a rate.
const LOOK_MIN: Duration = Duration::from_millis(20);

/// The end of the log at the last look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    looked: Instant,
    end: u64,
    burst: bool,
}

impl Pace {
    /// From now on.
    pub(super) fn new(now: Instant, end: u64) -> Self {
        Self { looked: now, end, burst: false }
    }

    /// True where since the last look the log grew as in a bulk sync.
    pub(super) fn burst(&mut self, now: Instant, end: u64) -> bool {
        let passed = now.saturating_duration_since(self.looked);
        if passed >= LOOK_MIN {
            let grown = end.saturating_sub(self.end);
            let bound = u128::from(BURST_PER_SECOND) * passed.as_millis() / 1_000;
            *self = Self { looked: now, end, burst: u128::from(grown) > bound.max(1) };
        }
        self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_sync_is_a_burst_and_single_records_are_not() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 100);
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!pace.burst(at(1), 50_000), "too early to tell");
        assert!(pace.burst(at(50), 50_000));
        assert!(!pace.burst(at(100), 50_001));
        assert!(!pace.burst(at(1_000), 50_400));
        assert!(pace.burst(at(1_100), 60_000));
        assert!(!pace.burst(at(1_200), 60_000), "it has ended");
    }
}
