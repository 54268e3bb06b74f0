//! Who of several far ends is asked for what: from honest and responsive ones nothing is fetched twice.
//!
//! Whole feeds are claimed, because a feed's entries are taken in order. A claim goes back when its session ends, fails
//! at the feed, falls silent, or holds it longer than anybody should wait.

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::ids::FeedId;

/// A session that was silent for so long has lost its claims, in milliseconds.
pub const SILENT_MS_MAX: u64 = 20_000;
/// A claim that is so old may be taken over by a session that has nothing else to do, in milliseconds.
pub const CLAIM_MS_MAX: u64 = 120_000;
/// Failures remembered; about 60 bytes each. Beyond it a feed may be asked of a far end that failed at it before.
const FAILED_MAX: usize = 65_536;

/// One session among those that share the work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(u64);

/// The answer to a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claimed {
    /// The feed is this session's to fetch.
    Granted,
    /// Another session fetches it: ask again when that one is done.
    Elsewhere,
    /// This session failed at it.
    Failed,
}

/// All claims of one node.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    next: u64,
    heard_ms: BTreeMap<SessionId, u64>,
    held: BTreeMap<FeedId, (SessionId, u64)>,
    failed: BTreeSet<(SessionId, FeedId)>,
}

impl Claims {
    /// Adds a session.
    pub fn join(&mut self, now_ms: u64) -> SessionId {
        self.next += 1;
        let session = SessionId(self.next);
        self.heard_ms.insert(session, now_ms);
        session
    }

    /// Asks for a feed.
    pub fn claim(&mut self, session: SessionId, feed: FeedId, now_ms: u64) -> Claimed {
        if self.failed.contains(&(session, feed)) {
            return Claimed::Failed;
        }
        if let Some((other, since_ms)) = self.held.get(&feed).copied()
            && other != session
        {
            let heard_ms = self.heard_ms.get(&other).copied().unwrap_or(0);
            let silent = now_ms.saturating_sub(heard_ms) >= SILENT_MS_MAX;
            if !silent && now_ms.saturating_sub(since_ms) < CLAIM_MS_MAX {
                return Claimed::Elsewhere;
            }
            self.fail(other, feed);
        }
        self.held.insert(feed, (session, now_ms));
        Claimed::Granted
    }

    /// Something useful arrived from a session's far end.
    pub fn heard(&mut self, session: SessionId, now_ms: u64) {
        if let Some(heard_ms) = self.heard_ms.get_mut(&session) {
            // A clock that was set back must not make a claim last for ever.
            *heard_ms = now_ms;
        }
    }

    /// The feed is fetched as far as this session was to fetch it.
    pub fn done(&mut self, session: SessionId, feed: &FeedId) {
        if self.held.get(feed).is_some_and(|(holder, _)| *holder == session) {
            self.held.remove(feed);
        }
    }

    /// The session's far end did not give the feed, or not a sound one: others are asked.
    pub fn fail(&mut self, session: SessionId, feed: FeedId) {
        self.done(session, &feed);
        if self.failed.len() >= FAILED_MAX {
            self.failed.pop_first();
        }
        self.failed.insert((session, feed));
    }

    /// The session is over: all that it held goes back.
    pub fn leave(&mut self, session: SessionId) {
        self.heard_ms.remove(&session);
        self.held.retain(|_, (holder, _)| *holder != session);
        self.failed.retain(|(holder, _)| *holder != session);
    }

    /// True where no other session is there to share the work.
    pub fn is_alone(&self) -> bool {
        self.heard_ms.len() <= 1
    }

    /// Feeds that are being fetched.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// True where nothing is.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: FeedId = FeedId([1; 32]);

    #[test]
    fn one_session_at_a_time_fetches_a_feed() {
        let mut claims = Claims::default();
        let one = claims.join(0);
        assert!(claims.is_alone());
        let other = claims.join(0);
        assert!(!claims.is_alone());
        assert_eq!(claims.claim(one, FEED, 0), Claimed::Granted);
        assert_eq!(claims.claim(one, FEED, 0), Claimed::Granted);
        assert_eq!(claims.claim(other, FEED, 0), Claimed::Elsewhere);
        claims.done(other, &FEED);
        assert_eq!(claims.claim(other, FEED, 0), Claimed::Elsewhere);
        claims.done(one, &FEED);
        assert_eq!(claims.claim(other, FEED, 0), Claimed::Granted);
    }

    #[test]
    fn what_fails_at_one_far_end_is_asked_of_another() {
        let mut claims = Claims::default();
        let (one, other) = (claims.join(0), claims.join(0));
        assert_eq!(claims.claim(one, FEED, 0), Claimed::Granted);
        claims.fail(one, FEED);
        assert_eq!(claims.claim(one, FEED, 0), Claimed::Failed);
        assert_eq!(claims.claim(other, FEED, 0), Claimed::Granted);
        claims.leave(other);
        let third = claims.join(0);
        assert_eq!(claims.claim(third, FEED, 0), Claimed::Granted);
    }

    #[test]
    fn the_claims_of_a_silent_or_endless_session_go_back() {
        let mut claims = Claims::default();
        let (silent, slow, quick) = (claims.join(0), claims.join(0), claims.join(0));
        let feed = |n| FeedId([n; 32]);
        assert_eq!(claims.claim(silent, feed(1), 0), Claimed::Granted);
        assert_eq!(claims.claim(slow, feed(2), 0), Claimed::Granted);
        for now_ms in (0..CLAIM_MS_MAX).step_by(1_000) {
            claims.heard(slow, now_ms);
            let expected = if now_ms >= SILENT_MS_MAX { Claimed::Granted } else { Claimed::Elsewhere };
            assert_eq!(claims.claim(quick, feed(1), now_ms), expected, "{now_ms}");
            assert_eq!(claims.claim(quick, feed(2), now_ms), Claimed::Elsewhere, "{now_ms}");
        }
        assert_eq!(claims.claim(quick, feed(2), CLAIM_MS_MAX), Claimed::Granted);
        assert_eq!(claims.claim(silent, feed(1), CLAIM_MS_MAX), Claimed::Failed);
    }
}
