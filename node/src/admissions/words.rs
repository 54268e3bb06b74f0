//! What hubs said one after the other of one party or hub: the last word that counts is in force. In which order words
//! arrive does not matter: those of one feed stand in its order, those of several by the times that they state.
//!
//! A word that no longer counts, for its key was revoked before it or its feed forked, gives way to the one before it;
//! and comes back where a Revoke names the branch on which it stands.

use caphub_proto::wire::{EntryHash, Feed, Seq};

/// Words kept of one matter; the oldest go first. A hub changes its mind about a party a few times.
const WORDS_MAX: usize = 16;

/// The entry that says something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Its feed.
    pub feed: Feed,
    /// Its place.
    pub seq: Seq,
    /// Its hash.
    pub hash: EntryHash,
    /// The time that it states, milliseconds since 1970 UTC.
    pub time_ms: u64,
}

#[derive(Debug)]
struct Word<T> {
    source: Option<Source>,
    void: bool,
    said: Option<T>,
}

/// Words about one matter, the last one last; `None` takes back what was said before.
#[derive(Debug)]
pub(super) struct Words<T>(Vec<Word<T>>);

impl<T> Default for Words<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Words<T> {
    /// Adds a word; the same entry says it once.
    pub(super) fn say(&mut self, source: Option<Source>, said: Option<T>, void: bool) {
        if let Some(word) = self.0.iter_mut().find(|w| w.source.is_some() && w.source == source) {
            word.void = void;
            return;
        }
        let at = self.place(source.as_ref());
        self.0.insert(at, Word { source, void, said });
        if self.0.len() > WORDS_MAX {
            let oldest = self.0.iter().position(|w| w.void).unwrap_or(0);
            self.0.remove(oldest);
        }
    }

    /// Where a word belongs: what came later may have been said earlier.
    fn place(&self, source: Option<&Source>) -> usize {
        // The operator's own decision holds from now on.
        let Some(new) = source else { return self.0.len() };
        let of_feed = |w: &Word<T>| w.source.filter(|s| s.feed == new.feed);
        let before = self.0.iter().rposition(|w| of_feed(w).is_some_and(|s| s.seq < new.seq));
        let after = self.0.iter().position(|w| of_feed(w).is_some_and(|s| s.seq > new.seq));
        let lowest = before.map_or(0, |i| i + 1);
        let highest = after.unwrap_or(self.0.len()).max(lowest);
        let between = self.0.get(lowest..highest).unwrap_or_default();
        let earlier = |w: &Word<T>| w.source.is_some_and(|s| (s.time_ms, s.hash) < (new.time_ms, new.hash));
        lowest + between.iter().rposition(earlier).map_or(0, |i| i + 1)
    }

    /// The word in force.
    pub(super) fn current(&self) -> Option<&T> {
        self.0.iter().rev().find(|w| !w.void)?.said.as_ref()
    }

    /// Judges again which words count; true where one changed.
    pub(super) fn recount(&mut self, is_void: &impl Fn(&Source) -> bool) -> bool {
        let mut changed = false;
        for word in &mut self.0 {
            let void = word.source.as_ref().is_some_and(is_void);
            changed |= std::mem::replace(&mut word.void, void) != void;
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caphub_proto::wire::{Audience, OperatorKey, PartyId};

    fn source(seq: u64) -> Option<Source> {
        let feed = Feed::records(PartyId([1; 32]), OperatorKey([2; 32]), Audience::Public);
        Some(Source { feed, seq: Seq::new(seq)?, hash: EntryHash([3; 32]), time_ms: seq })
    }

    #[test]
    fn in_whatever_order_words_arrive_the_last_one_said_is_in_force() {
        let of_feed = |feed: u8, seq, time_ms| {
            let feed = Feed::records(PartyId([1; 32]), OperatorKey([feed; 32]), Audience::Public);
            source(seq).map(|s| Source { feed, time_ms, hash: EntryHash([seq as u8; 32]), ..s })
        };
        // By one key: admitted, ended. By another, whose feed is younger: admitted in between, then ended again.
        let said = [
            (of_feed(1, 8, 10), Some("member")),
            (of_feed(1, 9, 20), None),
            (of_feed(2, 1, 15), Some("guest")),
            (of_feed(2, 2, 30), None),
        ];
        for mut order in 0..24usize {
            let (mut left, mut words) = (said.to_vec(), Words::default());
            for choices in (1..=4).rev() {
                let (source, what) = left.remove(order % choices);
                order /= choices;
                words.say(source, what, false);
            }
            let order: Vec<_> = words.0.iter().map(|w| w.source.map(|s| s.time_ms)).collect();
            assert_eq!(order, [10, 15, 20, 30].map(Some));
            assert_eq!(words.current(), None);
        }
        // A clock that was put back does not turn a feed's order round.
        let mut words = Words::default();
        words.say(of_feed(1, 9, 5), None, false);
        words.say(of_feed(1, 8, 10), Some("member"), false);
        assert_eq!(words.current(), None);
    }

    #[test]
    fn a_void_word_gives_way_to_the_one_before_it_and_comes_back_when_it_counts() {
        let mut words = Words::default();
        words.say(source(1), Some("member"), false);
        words.say(source(2), None, false);
        assert_eq!(words.current(), None);
        assert!(words.recount(&|s| s.seq.value() > 1));
        assert_eq!(words.current(), Some(&"member"));
        assert!(words.recount(&|_| true) && words.current().is_none());
        assert!(words.recount(&|_| false) && !words.recount(&|_| false));
        words.say(source(1), Some("twice"), false);
        assert_eq!(words.current(), None, "the same entry again is no later word");
    }

    #[test]
    fn words_are_few_and_void_ones_go_first() {
        let mut words = Words::default();
        words.say(source(1), Some(1), false);
        for seq in 2..200 {
            words.say(source(seq), Some(seq), true);
        }
        assert_eq!((words.current(), words.0.len()), (Some(&1), WORDS_MAX));
    }
}
