//! Acts of several parties: what they have in common (SPEC.md section 15.1 and 15.2).
//!
//! The state of an engagement, a fellowship or a fund is a pure function of its acts: the same set gives the same
//! state, in whatever order it arrived.

pub mod fault;
pub mod order;
mod read;

use std::collections::BTreeMap;

pub use fault::Fault;
pub use order::Graph;
pub use read::{code, engagements, fellowships, funds};

use crate::wire::{Audience, EntryHash, FeedId, PartyId, Reason, RecordId};

/// Most acts of one engagement, one call or one fund that are put in order; those beyond are void.
pub const ACTS_MAX: usize = 4_096;
/// Days in which an answer is due where an act names none.
pub const DAYS_DEFAULT: u32 = 30;
/// Most days that an act may name: ten years.
pub const DAYS_MAX: u32 = 3_650;

/// The latest act of one feed that another act's author held, and with it all of that feed before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Seen {
    /// The feed.
    pub feed: FeedId,
    /// The act's place in it.
    pub seq: u64,
    /// The act.
    pub hash: EntryHash,
}

/// One act as it is held: an entry of its author's feed.
#[derive(Clone, PartialEq, Debug)]
pub struct Act<T> {
    /// The entry, which is the act's identity.
    pub hash: EntryHash,
    /// Whose.
    pub author: PartyId,
    /// The feed.
    pub feed: FeedId,
    /// Its place there.
    pub seq: u64,
    /// The author's claim.
    pub time_ms: u64,
    /// Who may see it.
    pub audience: Audience,
    /// The record that the act is.
    pub record: RecordId,
    /// Why the entry does not count, whatever it says; `None` where it does.
    pub void: Option<Reason>,
    /// What the author held.
    pub after: Vec<Seen>,
    /// What it says.
    pub what: T,
}

/// What became of an act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It counts.
    Counted,
    /// It waits for acts that its author held and that are not here.
    Waiting,
    /// It does not count.
    Void(Fault),
}

impl Verdict {
    /// `counted`, `waiting`, or the reason for which it is void.
    pub fn code(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Waiting => "waiting",
            Self::Void(fault) => fault.code(),
        }
    }
}

/// What became of each act.
pub type Verdicts = BTreeMap<EntryHash, Verdict>;

/// True where the author of `later` held `earlier`.
pub fn knew<T>(later: &Act<T>, earlier: &Act<T>) -> bool {
    let own = later.feed == earlier.feed && earlier.seq < later.seq;
    own || later.after.iter().any(|s| {
        s.feed == earlier.feed && (s.seq > earlier.seq || (s.seq == earlier.seq && s.hash == earlier.hash))
    })
}

/// What a new act names in `after`: the latest act of every feed, of those that have a part in it, are not void as
/// entries and do not wait. Whoever named a stranger's act would wait for it with all who cannot see it.
pub fn after<T>(acts: &[Act<T>], verdicts: &Verdicts) -> Vec<crate::v1::Seen> {
    let apart = [Verdict::Waiting, Verdict::Void(Fault::NotAParty), Verdict::Void(Fault::OtherAudience)];
    let apart = |a: &Act<T>| verdicts.get(&a.hash).is_some_and(|v| apart.contains(v));
    let mut latest: BTreeMap<FeedId, (u64, EntryHash)> = BTreeMap::new();
    for act in acts.iter().filter(|a| a.void.is_none() && !apart(a)) {
        let place = latest.entry(act.feed).or_insert((act.seq, act.hash));
        *place = (*place).max((act.seq, act.hash));
    }
    let seen = |(feed, (seq, hash)): (FeedId, (u64, EntryHash))| crate::v1::Seen {
        feed_id: feed.to_vec(),
        seq,
        entry_hash: hash.to_vec(),
    };
    latest.into_iter().map(seen).collect()
}

/// The moment at which so many days after `since_ms` are over.
pub fn deadline(since_ms: u64, days: u32) -> u64 {
    let days = if days == 0 { DAYS_DEFAULT } else { days.min(DAYS_MAX) };
    since_ms.saturating_add(u64::from(days) * 86_400_000)
}

/// The moment at which an ISO 8601 day is over in UTC; `None` for none.
pub fn end_of(day: &str) -> Option<u64> {
    let day: jiff::civil::Date = day.parse().ok()?;
    let start = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
    u64::try_from(start).ok()?.checked_add(86_400_000)
}

/// Something that a party has not done in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overdue {
    /// What is due: `acknowledge`, `deliver`, `confirm`, `answer`, `pay_in` or `receipt`.
    pub what: &'static str,
    /// By whom.
    pub who: PartyId,
    /// Since when.
    pub since_ms: u64,
}
