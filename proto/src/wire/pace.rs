//! How fast a link is, and so how large its messages are and whether it is worth compressing them.

/// Smallest message in bytes of entries; below it the overhead of messages counts.
pub const BATCH_BYTES_MIN: u32 = 4_096;
/// Largest message in bytes of entries.
pub const BATCH_BYTES_MAX: u32 = 262_144;
/// A message takes about so long, in milliseconds: what a cut can cost.
const MESSAGE_MS: u64 = 2_000;
/// A link that is slower is compressed, in bytes a second: far below what a processor compresses, and far above
/// what the links carry for which it matters.
const COMPRESSED_BELOW: u64 = 1_000_000;
/// Bytes after which a measured rate says something.
const MEASURED_MIN: u64 = 8_192;
/// Bytes after which older measurements count half.
const REMEMBERED: u64 = 1_048_576;

/// What is known of one link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pace {
    bytes: u64,
    micros: u64,
    round_trip_micros: u64,
}

impl Pace {
    /// A small answer came so long after its question.
    pub fn answered(&mut self, micros: u64) {
        let known = self.round_trip_micros;
        self.round_trip_micros = if known == 0 { micros } else { known.min(micros) };
    }

    /// So many bytes arrived in so long a time, the last of a stream that was not idle.
    pub fn arrived(&mut self, bytes: u64, micros: u64) {
        self.bytes += bytes;
        self.micros += micros;
        if self.bytes > REMEMBERED {
            self.bytes /= 2;
            self.micros /= 2;
        }
    }

    /// Bytes a second; `None` until enough has arrived.
    pub fn rate(&self) -> Option<u64> {
        (self.bytes >= MEASURED_MIN).then(|| self.bytes.saturating_mul(1_000_000) / self.micros.max(1))
    }

    /// Bytes of entries at which a message is closed. Before anything is measured, a link that answers slowly is
    /// taken for a slow one.
    pub fn batch_bytes(&self) -> u32 {
        let bytes = match (self.rate(), self.round_trip_micros) {
            (Some(rate), _) => rate.saturating_mul(MESSAGE_MS) / 1_000,
            (None, 0..20_000) => u64::from(BATCH_BYTES_MAX),
            (None, 20_000..200_000) => 65_536,
            (None, _) => 8_192,
        };
        u32::try_from(bytes).unwrap_or(u32::MAX).clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX)
    }

    /// Whether the link is slower than what compressing it costs.
    pub fn compresses(&self) -> bool {
        match self.rate() {
            Some(rate) => rate < COMPRESSED_BELOW,
            None => self.round_trip_micros >= 200_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_about_two_seconds_within_its_bounds() {
        let at = |rate: u64| {
            let mut pace = Pace::default();
            pace.arrived(rate.max(MEASURED_MIN), 1_000_000 * rate.max(MEASURED_MIN) / rate);
            (pace.batch_bytes(), pace.compresses())
        };
        assert_eq!(at(100), (BATCH_BYTES_MIN, true));
        assert_eq!(at(8_000), (16_000, true));
        assert_eq!(at(100_000), (200_000, true));
        assert_eq!(at(100_000_000), (BATCH_BYTES_MAX, false));
    }

    #[test]
    fn before_anything_arrived_a_slow_answer_means_a_slow_link() {
        let mut pace = Pace::default();
        assert_eq!((pace.batch_bytes(), pace.compresses()), (BATCH_BYTES_MAX, false));
        pace.answered(600_000);
        assert_eq!((pace.batch_bytes(), pace.compresses()), (8_192, true));
        pace.answered(300);
        assert_eq!((pace.batch_bytes(), pace.compresses()), (BATCH_BYTES_MAX, false));
    }

    #[test]
    fn what_was_measured_long_ago_is_forgotten() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.arrived(100_000, 1_000);
        }
        assert!(!pace.compresses());
        for _ in 0..100 {
            pace.arrived(20_000, 2_000_000);
        }
        assert!(pace.compresses() && pace.batch_bytes() < 32_768, "{pace:?}");
    }
}
