//! Lines of the log that strangers cause: of one kind one a second at most, with the number of the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines of a kind.
const PAUSE: Duration = Duration::from_secs(1);

/// When lines of each kind were last written, and how many were not since.
#[derive(Debug, Default)]
pub(super) struct Quiet(Mutex<HashMap<&'static str, (Option<Instant>, u64)>>);

impl Quiet {
    /// How many lines of this kind were left out since the last one, where another may be written now.
    pub(super) fn left_out(&self, kind: &'static str) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = kinds.entry(kind).or_default();
        if last.is_some_and(|last| last.elapsed() < PAUSE) {
            *left_out += 1;
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_of_a_kind_a_second_and_the_rest_are_counted() {
        let quiet = Quiet::default();
        assert_eq!(quiet.left_out("handshake_failed"), Some(0));
        for _ in 0..1_000 {
            assert_eq!(quiet.left_out("handshake_failed"), None);
        }
        assert_eq!(quiet.left_out("gave_way"), Some(0), "each kind by itself");
        tokio::time::advance(PAUSE).await;
        assert_eq!(quiet.left_out("handshake_failed"), Some(1_000));
        tokio::time::advance(PAUSE).await;
        assert_eq!(quiet.left_out("handshake_failed"), Some(0));
    }
}
