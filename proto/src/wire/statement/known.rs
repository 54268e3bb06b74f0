//! What one node keeps of another's statements about one feed: two of them, and since when it is late.

use crate::mutant;
use crate::wire::feed::Feed;
use crate::wire::ids::{EntryHash, Seq};
use crate::wire::statement::{Comparison, HeadStatement, compare, in_order};

/// The statements kept of one node about one feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// With the highest place, and of those the earliest.
    pub highest: HeadStatement,
    /// With the latest time.
    pub latest: HeadStatement,
    /// The first pair that shows something.
    pub shown: Option<(HeadStatement, HeadStatement)>,
    /// Since when others held more than `latest` states, by the keeper's clock; `None` where they do not.
    pub late_since_ms: Option<u64>,
    /// How often the node began another log.
    pub other_logs: u32,
}

/// A feed of which others hold more than a hub states. That is all that it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Late {
    /// Entries that the hub does not state.
    pub behind: u64,
    /// Since when, by the keeper's clock.
    pub since_ms: u64,
}

impl Known {
    /// Begins with a first statement.
    pub fn new(first: HeadStatement) -> Self {
        Self { highest: first, latest: first, shown: None, late_since_ms: None, other_logs: 0 }
    }

    /// Takes one more statement, in whatever order they arrive, and says what it shows against those kept.
    pub fn take(
        &mut self,
        feed: &Feed,
        statement: HeadStatement,
        chain: impl Fn(Seq) -> Option<EntryHash>,
    ) -> Comparison {
        if statement.feed != self.latest.feed || statement.party != self.latest.party {
            return Comparison::Unrelated;
        }
        let kept = [self.highest, self.latest];
        let against = kept.map(|kept| compare(feed, &kept, &statement, &chain));
        let found = against.iter().position(|c| *c == Comparison::Contradiction);
        if let Some(at) = found {
            self.shown.get_or_insert(in_order(kept[at], statement));
        }
        let same = statement.log == self.latest.log && statement.node == self.latest.node;
        if !same {
            // Another log, or another key: what was stated under the old one binds nobody any more.
            if statement.time_ms > self.latest.time_ms {
                let other_logs = self.other_logs.saturating_add(1);
                *self = Self { highest: statement, latest: statement, other_logs, ..*self };
            }
            return Comparison::Unrelated;
        }
        let rank = |s: &HeadStatement| (s.seq(), u64::MAX - s.time_ms);
        if rank(&statement) > rank(&self.highest) {
            self.highest = statement;
        }
        if statement.time_ms > self.latest.time_ms {
            self.latest = statement;
        }
        found.map_or(against[1], |at| against[at])
    }

    /// Takes note of what others hold of the feed; late is where that is more than the latest statement says.
    pub fn compare_with(&mut self, held: u64, now_ms: u64) -> Option<Late> {
        let behind = held.saturating_sub(self.latest.seq());
        if behind == 0 {
            self.late_since_ms = None;
            return None;
        }
        if mutant!(AccuseLate) {
            self.shown.get_or_insert((self.highest, self.latest));
        }
        let since_ms = *self.late_since_ms.get_or_insert(now_ms);
        Some(Late { behind, since_ms })
    }
}
