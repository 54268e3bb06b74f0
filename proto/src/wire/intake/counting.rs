//! How far a feed counts: what others hear of it, and which of its entries views leave out.

use crate::mutant;
use crate::wire::feed::Head;
use crate::wire::fork::LastCommon;
use crate::wire::identity::state::Counted;
use crate::wire::ids::{EntryHash, Seq};
use crate::wire::reason::Reason;

/// What others hear of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stated {
    /// The last entry that is stated and served; `None` where nothing counts.
    pub head: Option<Head>,
    /// True where a proven fork is why it ends there: who lacks the proof differs by this mark.
    pub frozen: bool,
}

/// Where a feed ends for others: `head` is the last entry held contiguously, `hash` tells the entry at a place below.
///
/// A Revoke that names an entry which is held unfreezes the feed up to it. Where another branch is held, nothing
/// beyond the fork counts, and without a proof of it nothing at all.
pub fn stated(
    head: Head,
    counted: Counted,
    freeze: Option<LastCommon>,
    hash: impl Fn(Seq) -> Option<EntryHash>,
) -> Stated {
    let at = |seq: Seq| if seq == head.seq { Some(head.hash) } else { hash(seq) };
    if let Counted::UpTo { seq, hash: named } = counted {
        let Some(seq) = Seq::new(seq) else { return Stated { head: None, frozen: false } };
        let held = (seq <= head.seq).then(|| at(seq)).flatten();
        match held {
            Some(held) if held == named => {
                return Stated { head: Some(Head { seq, hash: named }), frozen: false };
            }
            Some(_) if freeze.is_none() => return Stated { head: None, frozen: false },
            _ => {}
        }
    }
    let Some(common) = freeze.filter(|_| !mutant!(NoFreeze)) else {
        return Stated { head: Some(head), frozen: false };
    };
    let last = match common.place() {
        None => None,
        Some(seq) if seq > head.seq => Some(head),
        // Another entry than the proof names: the histories part earlier, and the evidence of that is not here yet.
        Some(seq) => at(seq).filter(|h| *h == common.hash).map(|hash| Head { seq, hash }),
    };
    Stated { head: last, frozen: !mutant!(HideFreeze) }
}

/// How far a held feed counts for views, made once a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// By the identity log.
    pub counted: Counted,
    /// By proven forks.
    pub freeze: Option<LastCommon>,
    /// True where the entry that a Revoke names is held: then it decides, whatever forks exist.
    pub decided: bool,
}

impl Bounds {
    /// Why an entry that is held does not count; `None` where it does. `held` is the entry that the feed has at
    /// this place now.
    pub fn void(&self, seq: u64, hash: EntryHash, held: Option<EntryHash>) -> Option<Reason> {
        if let Counted::UpTo { seq: last, hash: named } = self.counted {
            let replaced = held.is_some_and(|h| h != hash);
            if seq > last || (seq == last && hash != named) || replaced {
                return Some(Reason::Revoked);
            }
            if self.decided {
                return None;
            }
        }
        self.freeze.filter(|c| seq > c.seq).map(|_| Reason::Frozen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> Head {
        Head { seq: Seq::new(seq).expect("a place"), hash: EntryHash([seq as u8; 32]) }
    }

    fn held(seq: Seq) -> Option<EntryHash> {
        Some(head(seq.value()).hash)
    }

    fn common(seq: u64) -> Option<LastCommon> {
        Some(LastCommon { seq, hash: EntryHash([seq as u8; 32]) })
    }

    fn up_to(seq: u64, hash: u8) -> Counted {
        Counted::UpTo { seq, hash: EntryHash([hash; 32]) }
    }

    #[test]
    fn a_frozen_feed_ends_at_the_last_common_entry_until_a_revoke_names_what_is_held() {
        let of = |counted, freeze| stated(head(9), counted, freeze, held);
        let plain = |seq| Stated { head: Some(head(seq)), frozen: false };
        let frozen = |seq| Stated { head: Some(head(seq)), frozen: true };
        let nothing = |frozen| Stated { head: None, frozen };
        assert_eq!(of(Counted::All, None), plain(9));
        assert_eq!(of(Counted::All, common(4)), frozen(4));
        assert_eq!(of(Counted::All, common(0)), nothing(true));
        assert_eq!(of(Counted::All, common(12)), frozen(9));
        let elsewhere = Some(LastCommon { seq: 4, hash: EntryHash([99; 32]) });
        assert_eq!(of(Counted::All, elsewhere), nothing(true));
        assert_eq!(of(up_to(7, 7), common(4)), plain(7));
        assert_eq!(of(up_to(9, 9), None), plain(9));
        // The other branch is held here.
        assert_eq!(of(up_to(7, 70), common(4)), frozen(4));
        assert_eq!(of(up_to(7, 70), None), nothing(false));
        // Not known yet which branch is held.
        assert_eq!(of(up_to(12, 12), common(4)), frozen(4));
        assert_eq!(of(up_to(12, 12), None), plain(9));
        assert_eq!(of(up_to(0, 0), common(4)), nothing(false));
    }

    #[test]
    fn entries_beyond_a_freeze_or_a_revocation_or_replaced_do_not_count() {
        let hash = |n: u8| EntryHash([n; 32]);
        let frozen = Bounds { counted: Counted::All, freeze: common(4), decided: false };
        assert_eq!(frozen.void(4, hash(4), None), None);
        assert_eq!(frozen.void(5, hash(5), None), Some(Reason::Frozen));
        let chosen = Bounds { counted: up_to(7, 7), freeze: common(4), decided: true };
        assert_eq!(chosen.void(6, hash(6), Some(hash(6))), None);
        assert_eq!(chosen.void(6, hash(60), Some(hash(6))), Some(Reason::Revoked));
        assert_eq!(chosen.void(7, hash(70), Some(hash(7))), Some(Reason::Revoked));
        assert_eq!(chosen.void(8, hash(8), None), Some(Reason::Revoked));
        let waiting = Bounds { decided: false, ..chosen };
        assert_eq!(waiting.void(6, hash(6), Some(hash(6))), Some(Reason::Frozen));
    }
}
