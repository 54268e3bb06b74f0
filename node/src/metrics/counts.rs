//! What is counted where it happens; clones share their counts.

use std::sync::atomic::AtomicI64;

use caphub_proto::wire::Reason;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// One label whose values our own code names.
pub(super) type Label = [(&'static str, &'static str); 1];

/// What became of entries that were brought.
#[derive(Clone, Debug)]
pub struct IngestCounts {
    /// New entries that are durable.
    pub stored: Counter,
    /// Runs that were refused, by reason.
    pub refused: Family<Label, Counter>,
}

/// What became of callers.
#[derive(Clone, Debug)]
pub struct LinkCounts {
    /// Connections that are open, handshakes among them.
    pub open: Gauge<i64, AtomicI64>,
    /// Connections that this node ended, by cause.
    pub turned_away: Family<Label, Counter>,
}

/// A count begins at zero, and not with its first event: so its first rise is seen.
fn known(label: &'static str, values: &[&'static str]) -> Family<Label, Counter> {
    let family = Family::<Label, Counter>::default();
    values.iter().for_each(|value| drop(family.get_or_create(&[(label, value)])));
    family
}

impl Default for IngestCounts {
    fn default() -> Self {
        use Reason::{BadSignature, Fork, NotCarried, Quota, QuotaBytes, WrongPrevious};
        let often = [BadSignature, WrongPrevious, NotCarried, Quota, QuotaBytes, Fork];
        let codes = often.map(|reason| reason.code());
        Self { stored: Counter::default(), refused: known("reason", &codes) }
    }
}

impl Default for LinkCounts {
    fn default() -> Self {
        let causes = [
            "all_in_use",
            "gave_way",
            "handshake_failed",
            "handshake_slow",
            "key_not_valid",
            "no_identity",
            "not_read",
            "too_many_of_one_party",
        ];
        Self { open: Gauge::default(), turned_away: known("cause", &causes) }
    }
}

/// Counts one open connection while it lives.
#[derive(Debug)]
pub struct Connected(Gauge<i64, AtomicI64>);

impl LinkCounts {
    /// A connection begins.
    pub fn enter(&self) -> Connected {
        self.open.inc();
        Connected(self.open.clone())
    }

    /// A connection is turned away.
    pub fn turn_away(&self, cause: &'static str) {
        self.turned_away.get_or_create(&[("cause", cause)]).inc();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Seconds that syncs of the log took: from 0.1 ms to about 3 s.
pub fn fsync_times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 2.0, 16))
}
