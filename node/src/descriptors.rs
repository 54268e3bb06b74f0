//! File descriptors: as many as the system gives, and how many of them connections may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::link::limits::CONNECTIONS_MAX;

/// Descriptors that connections leave alone: segments, indexes, links of the node's own, the administrator's socket.
const OWN: u64 = 256;
/// Fewest connections, however few descriptors there are.
const CONNECTIONS_MIN: usize = 16;

/// Raises the process's limit to what it may raise it to; how many it has then.
pub fn raise() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    // Where the system says no, the node goes on with what it has.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Most connections at once: a store that cannot open its next file would stop the node, a caller that waits does not.
pub fn connections(descriptors: u64) -> usize {
    let left = usize::try_from(descriptors.saturating_sub(OWN)).unwrap_or(CONNECTIONS_MAX);
    left.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_what_the_store_needs() {
        assert_eq!(connections(u64::MAX), CONNECTIONS_MAX);
        assert_eq!(connections(1_024), 768);
        assert_eq!(connections(300), 44);
        assert_eq!(connections(64), CONNECTIONS_MIN);
        assert!(raise() >= 64);
    }
}
