//! How many processors this process may use.

use std::sync::OnceLock;

/// Asked once: the system's answer comes from several files, which took as long as checking a record.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}
