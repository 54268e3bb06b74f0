//! How a node is, in numbers: metrics in the OpenMetrics text format, readiness and liveness, on a loopback port.
//!
//! Names and units follow the conventions of Prometheus. No party, key or address is ever a label: a link is counted by
//! its place in `caphub hub link list`.

mod counts;
mod gather;
mod serve;

pub use counts::{Connected, IngestCounts, LinkCounts, fsync_times};
pub use gather::gather;
pub use serve::{MetricsError, listen, serve};
