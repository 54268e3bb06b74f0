//! From one difference to what is asked for and what is sent.

use crate::wire::feed::Feed;
use crate::wire::reconcile::{Difference, Stated};
use crate::wire::session::{Facts, PushRange};

/// The first place to ask for, and whether that is for evidence of a fork; `None` where the far end has nothing that
/// is missing here.
pub(super) fn pull_from(difference: &Difference, facts: &Facts<'_>) -> Option<(u64, bool)> {
    let theirs = difference.theirs?;
    let Some(ours) = difference.ours else { return Some((1, false)) };
    if has_news(&theirs, &ours) {
        return Some((ours.seq + 1, false));
    }
    parted(&difference.feed, &ours, &theirs, facts).then_some((1, true))
}

/// What to send; `None` where the far end has all of it.
pub(super) fn push_from(difference: &Difference, facts: &Facts<'_>) -> Option<PushRange> {
    let ours = difference.ours?;
    let range = |from, proof| PushRange { feed: difference.feed, from, to: ours.seq, proof };
    let Some(theirs) = difference.theirs else { return Some(range(1, ours.frozen)) };
    if parted(&difference.feed, &ours, &theirs, facts) {
        return Some(range(1, false));
    }
    has_news(&ours, &theirs).then(|| range(theirs.seq + 1, shows_fork(&ours, &theirs)))
}

/// All of an identity log: where the far end's events gave way to those held here, they give way there too.
pub(super) fn whole_log(difference: &Difference) -> Option<PushRange> {
    let to = difference.ours.filter(|_| difference.feed.is_identity())?.seq;
    Some(PushRange { feed: difference.feed, from: 1, to, proof: false })
}

/// True where a side that states `one` has what a side that states `other` lacks: a proof, or entries. Entries beyond a
/// freeze are news too: where the freeze is over here it is by a Revoke, and the other side may hold another branch.
/// Where this side only lacks the proof they are refused once, and not offered again.
pub(super) fn has_news(one: &Stated, other: &Stated) -> bool {
    shows_fork(one, other) || one.seq > other.seq
}

/// One side holds a fork proof that the other does not, or one of an earlier fork.
fn shows_fork(one: &Stated, other: &Stated) -> bool {
    one.frozen && (!other.frozen || one.seq < other.seq)
}

/// The two sides are on different branches, as far as this one can see: the evidence is at the beginning.
fn parted(feed: &Feed, ours: &Stated, theirs: &Stated, facts: &Facts<'_>) -> bool {
    if ours.frozen || theirs.frozen || theirs.seq > ours.seq {
        return false;
    }
    match theirs.seq == ours.seq {
        true => !theirs.is_at(ours.hash),
        false => (facts.hash_at)(feed, theirs.seq).is_some_and(|hash| !theirs.is_at(hash)),
    }
}
