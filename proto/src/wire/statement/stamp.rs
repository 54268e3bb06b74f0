//! The stating clock: it never goes back within one log, whatever the machine's clock does.

/// How far ahead of its use a time is put on disk, in milliseconds: one write a minute at most.
pub const RESERVE_MS: u64 = 60_000;

/// Gives out times that rise with every use. The order of a node's statements is the order of their times, so a
/// clock set back, or a restart under a wrong clock, cannot make a node look as if it had held more before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stamp {
    last: u64,
    reserved: u64,
}

impl Stamp {
    /// After a start: `reserved` is what the disk says, 0 for a new log. Nothing at or below it is given out again.
    pub fn resume(reserved: u64) -> Self {
        Self { last: reserved, reserved }
    }

    /// A time for one batch of statements, and what must be durable before it is used, where that is more than before.
    pub fn next(&mut self, now_ms: u64) -> (u64, Option<u64>) {
        self.last = now_ms.max(self.last + 1);
        if self.last <= self.reserved {
            return (self.last, None);
        }
        self.reserved = self.last + RESERVE_MS;
        (self.last, Some(self.reserved))
    }

    /// What must be durable now.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }
}
