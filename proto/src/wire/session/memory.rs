//! What a node remembers of one far end between two syncs: what neither side takes is not offered again and again.

use std::collections::BTreeMap;

use crate::mutant;
use crate::v1;
use crate::wire::entitlement::{Class, Viewer};
use crate::wire::feed::Head;
use crate::wire::ids::{EntryHash, FeedId};
use crate::wire::keys::tagged_hash;
use crate::wire::reason::Reason;
use crate::wire::reconcile::{Print, SHORT_BYTES, Stated, cut};
use crate::wire::session::{Facts, Settings};

/// How long a refusal is remembered, in milliseconds: what no entry announces, as a raised quota, shows after it.
pub const REMEMBERED_MS: u64 = 3_600_000;
/// Refusals remembered in each direction; about 120 bytes each.
const REFUSALS_MAX: usize = 65_536;

/// The roots of both sides, at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pair {
    /// The classes that the far end named.
    pub(super) classes: Vec<Class>,
    /// This side's roots as one fingerprint.
    pub(super) ours: Print,
    /// The far end's.
    pub(super) theirs: Print,
}

/// A run that was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// How far the feed went on the side that offered it.
    pub seq: u64,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at_ms: u64,
}

/// What is told apart of a head: its place, of its hash as much as a brief one has, and whether a fork is why.
type Told = Option<(u64, [u8; SHORT_BYTES], bool)>;

/// What was stated of a feed on the side that refused it, and here and there of its party's identity.
pub(super) type Under = (Told, Told, Told);

/// What a refusal rests on: the feed as the side that refuses it states it, and both sides' identity log of its party.
pub(super) fn under(feed: Option<Stated>, (here, there): (Option<Stated>, Option<Stated>)) -> Under {
    let told = |stated: Option<Stated>| {
        let stated = stated?;
        Some((stated.seq, *stated.hash.0.first_chunk()?, stated.frozen))
    };
    (told(feed), told(here), told(there))
}

/// What is remembered of one far end.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    standing: String,
    settled: Option<(Print, Print)>,
    finished: bool,
    here: BTreeMap<FeedId, Refusal>,
    under_here: BTreeMap<FeedId, Under>,
    under_there: BTreeMap<FeedId, Under>,
    there: BTreeMap<FeedId, Refusal>,
    since_ms: u64,
}

impl Memory {
    /// Feeds of the far end that this side did not take, and why.
    pub fn here(&self) -> impl Iterator<Item = (&FeedId, &Refusal)> {
        self.here.iter()
    }

    /// Feeds that the far end did not take.
    pub fn there(&self) -> impl Iterator<Item = (&FeedId, &Refusal)> {
        self.there.iter()
    }

    /// What this side takes has changed: admissions, links or quotas.
    pub fn forget_here(&mut self) {
        self.here.clear();
        self.settled = None;
    }

    /// What the far end takes may have changed.
    pub fn forget_there(&mut self) {
        self.there.clear();
        self.settled = None;
    }

    pub(super) fn forget_feed_there(&mut self, feed: &FeedId) {
        self.there.remove(feed);
    }

    /// Entries from this place on, that came without being asked for, were not taken.
    pub fn refused_here_at(&mut self, feed: FeedId, seq: u64, reason: Reason, at_ms: u64) {
        keep(&mut self.here, feed, Refusal { seq, reason, at_ms });
    }

    /// The same by the far end.
    pub fn refused_there_at(&mut self, feed: FeedId, seq: u64, reason: Reason, at_ms: u64) {
        keep(&mut self.there, feed, Refusal { seq, reason, at_ms });
    }

    /// True where more of this feed is not taken here either.
    pub fn refuses_here(&self, feed: &FeedId) -> bool {
        self.here.get(feed).is_some_and(|r| is_policy(r.reason))
    }

    /// True where the far end does not take more of this feed.
    pub fn refuses_there(&self, feed: &FeedId) -> bool {
        self.there.get(feed).is_some_and(|r| is_policy(r.reason))
    }

    /// Puts back what was kept in a file.
    pub fn restore(standing: String, settled: Option<(Print, Print)>, there: Vec<(FeedId, Refusal)>) -> Self {
        let since_ms = there.iter().map(|(_, r)| r.at_ms).min().unwrap_or(0);
        Self { standing, settled, there: there.into_iter().collect(), since_ms, ..Self::default() }
    }

    /// What is worth keeping in a file: the far end's standing for this side, and where both sides had settled.
    pub fn kept(&self) -> (&str, Option<(Print, Print)>) {
        (&self.standing, self.settled)
    }

    /// What was refused is offered again once it is old, or this side is something else to the far end.
    pub(super) fn met(&mut self, standing: &str, now_ms: u64) {
        let old = |r: &Refusal| now_ms.abs_diff(r.at_ms) >= REMEMBERED_MS;
        if self.standing != standing {
            self.there.clear();
            self.settled = None;
            standing.clone_into(&mut self.standing);
        }
        if now_ms.abs_diff(self.since_ms) >= REMEMBERED_MS {
            self.settled = None;
            self.since_ms = now_ms;
        }
        self.here.retain(|_, r| !old(r));
        self.there.retain(|_, r| !old(r));
    }

    /// True where a sync with this far end once moved all that was to be moved.
    pub fn has_finished(&self) -> bool {
        self.finished
    }

    /// The same, as it was kept in a file.
    pub fn with_finished(self, finished: bool) -> Self {
        Self { finished, ..self }
    }

    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    pub(super) fn is_settled(&self, pair: &Pair) -> bool {
        self.settled == Some((pair.ours, pair.theirs))
    }

    pub(super) fn settle(&mut self, pair: Pair) {
        self.settled = Some((pair.ours, pair.theirs));
    }

    pub(super) fn refused_here(&self, feed: &FeedId, theirs: &Stated) -> bool {
        self.here.get(feed).is_some_and(|r| r.seq == theirs.seq || is_policy(r.reason))
    }

    pub(super) fn refused_there(&self, feed: &FeedId, ours: u64) -> bool {
        self.there.get(feed).is_some_and(|r| r.seq == ours || is_policy(r.reason))
    }

    /// True where the far end's identity events of a feed gave way to those held here.
    pub(super) fn conflicted_here(&self, feed: &FeedId) -> bool {
        self.here.get(feed).is_some_and(|r| r.reason == Reason::IdentityConflict)
    }

    pub(super) fn refuse_here(&mut self, feed: FeedId, theirs: Stated, reason: Reason, at_ms: u64) {
        self.refused_here_at(feed, theirs.seq, reason, at_ms);
    }

    /// Notes what was stated of a feed when more of it was refused: here of the feed, or there.
    pub(super) fn refused_under(&mut self, here: bool, feed: FeedId, under: Under) {
        let (refusals, all) = match here {
            true => (&self.here, &mut self.under_here),
            false => (&self.there, &mut self.under_there),
        };
        all.retain(|f, _| refusals.contains_key(f));
        all.insert(feed, under);
    }

    /// True where a refusal that an identity event or a fork proof lifts was under another state than this.
    pub(super) fn lifted(&self, here: bool, feed: &FeedId, now: &Under) -> bool {
        let (refusals, all) = match here {
            true => (&self.here, &self.under_here),
            false => (&self.there, &self.under_there),
        };
        let liftable = refusals.get(feed).is_some_and(|r| is_of_keys(r.reason));
        liftable && all.get(feed).is_some_and(|under| under != now) && !mutant!(KeepRefusals)
    }
}

fn keep(refusals: &mut BTreeMap<FeedId, Refusal>, feed: FeedId, refusal: Refusal) {
    if refusals.len() >= REFUSALS_MAX && !refusals.contains_key(&feed) {
        refusals.pop_first();
    }
    refusals.insert(feed, refusal);
}

/// Reasons that lie with neither the entries nor the parties and may be gone at the next try: not remembered.
pub(super) fn passes(reason: Reason) -> bool {
    !mutant!(RememberPassing)
        && matches!(
            reason,
            Reason::StoreFailed | Reason::ShuttingDown | Reason::TooManyRequests | Reason::Undecided
        )
}

/// Reasons that say of entries which came by following, or went out so, that the two sides should compare: what is missing
/// before them, or shows a fork, is fetched then. They are not remembered.
pub fn calls_for_comparison(reason: Reason) -> bool {
    use Reason::{Fork, Gap, Undecided, UnknownParty};
    matches!(reason, Gap | UnknownParty | Fork | Undecided)
}

/// True where what a far end sent of a feed, up to this entry, still is what is held here: `held` is the entry of now at that
/// place. Else another branch, or other identity events, took its place, and go back to the far end.
pub fn still_sent(sent: Head, held: Option<EntryHash>) -> bool {
    held == Some(sent.hash) || mutant!(KeepSent)
}

/// Reasons that keys, branches and forks give: an identity event or a proof lifts them.
fn is_of_keys(reason: Reason) -> bool {
    use Reason::{Fork, Frozen, Gap, Revoked, UnknownKeyOfParty, UnknownParty, WrongPrevious};
    matches!(reason, UnknownParty | UnknownKeyOfParty | Revoked | Frozen | Fork | Gap | WrongPrevious)
}

/// Reasons that lie with the party and not with the entries: more entries of the feed change nothing.
pub(super) fn is_policy(reason: Reason) -> bool {
    use Reason::{GuestRecord, NotCarried, NotEntitled, Quota, QuotaBytes};
    matches!(reason, NotCarried | GuestRecord | Quota | QuotaBytes | NotEntitled)
}

/// The pair of roots at Hello.
pub(super) fn digests(
    roots: &[v1::ClassRoot],
    settings: &Settings,
    facts: &Facts<'_>,
) -> Result<Pair, Reason> {
    let classes: Option<Vec<Class>> = roots.iter().map(|r| Class::decode(&r.class)).collect();
    let classes = classes.ok_or(Reason::BadRequest)?;
    let mut bytes = Vec::new();
    for root in roots {
        bytes.extend_from_slice(&root.class);
        bytes.extend_from_slice(&root.fingerprint);
    }
    let theirs = tagged_hash(b"settled", &[&bytes]);
    let ours = ours_digest(&classes, settings, facts);
    Ok(Pair { classes, ours, theirs })
}

/// This side's roots, of the classes that either side may read of the other.
pub(super) fn ours_digest(named: &[Class], settings: &Settings, facts: &Facts<'_>) -> Print {
    let far: &Viewer = &settings.far;
    let mut bytes = Vec::new();
    for class in facts.sets.classes().filter(|c| named.contains(c) || far.may_read_class(c)) {
        bytes.extend_from_slice(&class.encode());
        bytes.extend_from_slice(&cut(&facts.sets.held(class).print()));
    }
    let own = facts.sets.own(&settings.parties, |c| named.contains(c));
    bytes.extend_from_slice(&own.print());
    tagged_hash(b"settled", &[&bytes])
}
