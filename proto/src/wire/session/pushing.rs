//! What is pushed when, and what is offered a second time.

use crate::v1;
use crate::wire::feed::Feed;
use crate::wire::ids::FeedId;
use crate::wire::reason::Reason;
use crate::wire::session::memory::{is_policy, passes};
use crate::wire::session::{Facts, Memory, PushRange, Session};

impl Session {
    /// What others wrote waits until the far end has taken their identity: where it does not carry them, that little
    /// is all that was sent for nothing.
    pub(super) fn next_pushes(&mut self) -> Vec<PushRange> {
        let first = |r: &PushRange| r.feed.is_identity() || self.settings.parties.contains(&r.feed.party);
        let (first, later) = std::mem::take(&mut self.pushes).into_iter().partition::<Vec<_>, _>(first);
        match first.is_empty() {
            true => {
                self.others = true;
                later
            }
            false => {
                self.pushes = later;
                first
            }
        }
    }

    /// The far end's identity events gave way to those held here, as after a theft and a recovery: it gets the whole log,
    /// for its own may be the longer one.
    pub(super) fn push_back(&mut self, feed: Feed, facts: &Facts<'_>, memory: &Memory) {
        let Some(ours) = facts.sets.stated(&feed) else { return };
        let wanted = self.settings.push && self.settings.far.may_read(&feed);
        if wanted && !memory.refused_there(&feed.id(), ours.seq) {
            self.pushes.push(PushRange { feed, from: 1, to: ours.seq, proof: false });
        }
    }

    /// What the far end says to a message of runs.
    pub(super) fn pushed(&mut self, response: &v1::PushResponse, facts: &Facts<'_>, memory: &mut Memory) {
        self.stored_there += response.stored;
        self.brought |= self.others && response.stored > 0;
        for refusal in &response.refusals {
            let Some(feed) = FeedId::from_slice(&refusal.feed_id) else { continue };
            let Some(range) = self.pushed.remove(&feed) else { continue };
            let reason = Reason::parse(&refusal.reason).unwrap_or(Reason::NotCarried);
            // The identity went along: what the far end lacks of it, it will have.
            if passes(reason) || reason == Reason::UnknownParty {
                self.passing = true;
                continue;
            }
            let elsewhere = matches!(reason, Reason::WrongPrevious | Reason::Fork | Reason::Gap);
            match elsewhere && range.from > 1 {
                true => self.pushes.push(PushRange { from: 1, ..range }),
                false => {
                    memory.refused_there_at(feed, range.to, reason, facts.now_ms);
                    if let Some((_, there)) = self.under.get(&feed) {
                        memory.refused_under(false, feed, *there);
                    }
                }
            }
            if is_policy(reason) {
                self.unwelcome.push(range);
            }
            if range.feed.is_identity() && is_policy(reason) {
                let of_it = |r: &mut PushRange| r.feed.party == range.feed.party;
                for dropped in self.pushes.extract_if(.., of_it) {
                    memory.refused_there_at(dropped.feed.id(), dropped.to, reason, facts.now_ms);
                    self.unwelcome.push(dropped);
                }
            }
        }
    }

    /// What others wrote may have told the far end whom it carries, as a hub's admissions do: what it did not carry
    /// before is offered once more.
    pub(super) fn offer_again(&mut self, memory: &mut Memory) {
        if self.pushing || !self.pushes.is_empty() || !self.brought {
            return;
        }
        (self.brought, self.others) = (false, false);
        for range in std::mem::take(&mut self.unwelcome) {
            memory.forget_feed_there(&range.feed.id());
            self.pushes.push(range);
        }
    }
}
