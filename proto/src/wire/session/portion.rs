//! What one request asks for: feeds that no other session fetches, identity feeds first, as much as a share.

use std::collections::{BTreeSet, VecDeque};

use crate::v1;
use crate::wire::claims::{Claimed, Claims};
use crate::wire::feed::Feed;
use crate::wire::ids::PartyId;
use crate::wire::session::{Facts, PORTION_ALONE, PORTION_MAX, PORTION_MIN, RANGES_MAX, Session, Want, gaps};

/// The next request, if any.
pub(super) enum Portion {
    /// This.
    Some(v1::PullRequest),
    /// Others fetch what is left.
    Wait,
    /// Nothing is left, or nothing may be asked for now.
    None,
}

impl Session {
    /// The next request, of feeds that nobody else fetches.
    pub(super) fn portion(&mut self, facts: &Facts<'_>, claims: &mut Claims) -> Portion {
        let budget = self.left.map(|left| left.saturating_sub(self.kept));
        if budget == Some(0) && self.pushing {
            // What the push leaves of its half is known when it ends.
            return Portion::None;
        }
        if budget == Some(0) {
            self.result.more = true;
            self.wants.clear();
            return Portion::None;
        }
        let all: u64 = self.wants.iter().map(Want::entries).sum();
        // Where the newest come first the far end must see all of it to choose.
        let most = match self.ends_first {
            true => u64::MAX,
            false if claims.is_alone() => PORTION_ALONE,
            false => (all / 4).clamp(PORTION_MIN, PORTION_MAX),
        };
        let (mut kept, mut entries) = (VecDeque::new(), 0);
        let (mut identities, mut awaited) = (BTreeSet::new(), BTreeSet::new());
        let mut ranges = Vec::new();
        while let Some(mut want) = self.wants.pop_front() {
            if !want.is_news(facts) {
                continue;
            }
            // Records are refused where their party's keys are not known yet: those come first.
            let known = want.feed.is_identity()
                || identities.contains(&want.feed.party)
                || facts.sets.stated(&Feed::identity(want.feed.party)).is_some();
            let waits = !known && awaited.contains(&want.feed.party);
            if waits || entries >= most || ranges.len() >= RANGES_MAX {
                Self::keep(want, &mut kept, &mut awaited);
                continue;
            }
            match claims.claim(self.id, want.feed.id(), facts.now_ms) {
                Claimed::Granted => {
                    if !want.again
                        && let Some(ours) = facts.sets.stated(&want.feed)
                        && ours.seq >= want.from
                    {
                        want.from = ours.seq + 1;
                    }
                    entries += want.entries();
                    if want.feed.is_identity() {
                        identities.insert(want.feed.party);
                    }
                    let asked = self.ranges(&want);
                    want.apart = asked.len() > 1;
                    ranges.extend(asked);
                    self.asked.insert(want.feed.id(), want);
                }
                Claimed::Elsewhere => Self::keep(want, &mut kept, &mut awaited),
                Claimed::Failed => {}
            }
        }
        self.wants = kept;
        match (ranges.is_empty(), self.wants.is_empty()) {
            (true, true) => Portion::None,
            (true, false) => Portion::Wait,
            (false, _) => {
                let newest_first = self.settings.newest_first;
                let max_bytes = budget.unwrap_or(0);
                self.lent = max_bytes;
                Portion::Some(v1::PullRequest { ranges, newest_first, max_bytes, ..Default::default() })
            }
        }
    }

    fn keep(want: Want, kept: &mut VecDeque<Want>, awaited: &mut BTreeSet<PartyId>) {
        if want.feed.is_identity() {
            awaited.insert(want.feed.party);
        }
        kept.push_back(want);
    }

    /// What to ask for of a feed.
    pub(super) fn ranges(&self, want: &Want) -> Vec<v1::FeedRange> {
        let (id, head) = (want.feed.id(), want.theirs.seq);
        let range = |(from, to)| {
            // Up to the head, whatever it is by then.
            v1::FeedRange { feed_id: id.to_vec(), from, to: if to >= head { 0 } else { to } }
        };
        let above = self.above.get(&id).map_or(&[][..], Vec::as_slice);
        let mut stretches = match want.again || want.feed.is_identity() || want.from > head {
            true => vec![(want.from, head)],
            false => gaps::missing(want.from, head, above),
        };
        if self.ends_first && !want.again && !want.feed.is_identity() {
            stretches = gaps::end_apart(stretches);
        }
        stretches.into_iter().map(range).collect()
    }
}
