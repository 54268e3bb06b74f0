//! What is held of one feed: contiguous from 1 up to a head, and tails above holes. Pure, and the same for a commit
//! and for the replay of the segments, so that both come to the same heads.

use caphub_proto::wire::intake::{TAILS_MAX, Tail};
use caphub_proto::wire::{EntryHash, Head, Seq};

use crate::store::Kind;

/// Head and tails of one feed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Shape {
    pub(super) head: Option<Head>,
    /// Lowest first; none begins right after the head.
    pub(super) tails: Vec<Tail>,
}

/// A run as far as the shape goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) first: Seq,
    /// What the first entry names as previous.
    pub(super) previous: EntryHash,
    pub(super) last: Head,
    pub(super) bytes: u64,
}

/// Places whose entries no longer belong to the feed, both ends included.
pub(super) type Cut = (u64, u64);

impl Shape {
    /// The last contiguous place, 0 for none.
    pub(super) fn height(&self) -> u64 {
        self.head.map_or(0, |h| h.seq.value())
    }

    /// The shape after a run, and what it cuts off; `None` where the run does not fit what is held.
    pub(super) fn after(&self, run: &Piece) -> Option<(Self, Vec<Cut>)> {
        match run.kind {
            Kind::Append => {
                let follows = run.first.value() == self.height() + 1
                    && run.previous == self.head.map_or(EntryHash::default(), |h| h.hash);
                follows.then(|| self.grown(run.last, Vec::new()))
            }
            Kind::Replace => {
                let within = run.first.value() <= self.height();
                within.then(|| self.grown(run.last, vec![(run.first.value(), self.height())]))
            }
            Kind::Tail => self.with_tail(run).map(|shape| (shape, Vec::new())),
            Kind::Refill => self.holds(run).then(|| (self.clone(), Vec::new())),
        }
    }

    /// A new head, with the tails that follow it; those that it runs over or that do not follow it are dropped.
    fn grown(&self, head: Head, mut cuts: Vec<Cut>) -> (Self, Vec<Cut>) {
        let mut shape = Self { head: Some(head), tails: Vec::new() };
        for tail in &self.tails {
            let next = shape.height() + 1;
            match shape.head {
                Some(head) if tail.follows(head) => shape.head = Some(tail.head),
                _ if tail.first.value() > next => shape.tails.push(*tail),
                _ => cuts.push((tail.first.value().max(next), tail.head.seq.value())),
            }
        }
        cuts.retain(|(from, to)| from <= to);
        (shape, cuts)
    }

    fn with_tail(&self, run: &Piece) -> Option<Self> {
        if run.first.value() <= self.height() + 1 {
            return None;
        }
        let mut new = Tail { first: run.first, previous: run.previous, head: run.last, bytes: run.bytes };
        let mut tails = Vec::with_capacity(self.tails.len() + 1);
        for tail in &self.tails {
            if tail.follows(new.head) {
                new = Tail { head: tail.head, bytes: new.bytes + tail.bytes, ..new };
            } else if new.follows(tail.head) {
                new =
                    Tail { first: tail.first, previous: tail.previous, bytes: new.bytes + tail.bytes, ..new };
            } else if tail.head.seq.value() + 1 < new.first.value()
                || tail.first.value() > new.head.seq.value() + 1
            {
                tails.push(*tail);
            } else {
                return None;
            }
        }
        tails.push(new);
        tails.sort_by_key(|t| t.first);
        (tails.len() <= TAILS_MAX).then_some(Self { head: self.head, tails })
    }

    fn holds(&self, run: &Piece) -> bool {
        let (first, last) = (run.first, run.last.seq);
        last.value() <= self.height() || self.tails.iter().any(|t| first >= t.first && last <= t.head.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry's hash on a branch.
    fn hash(branch: u8, seq: u64) -> EntryHash {
        if seq == 0 {
            EntryHash::default()
        } else {
            EntryHash([branch.wrapping_mul(50).wrapping_add(seq as u8); 32])
        }
    }

    fn piece(kind: Kind, branch: u8, first: u64, last: u64) -> Piece {
        let seq = |n| Seq::new(n).expect("a place");
        let head = Head { seq: seq(last), hash: hash(branch, last) };
        Piece { kind, first: seq(first), previous: hash(branch, first - 1), last: head, bytes: 1 }
    }

    fn grow(shape: &Shape, kind: Kind, branch: u8, first: u64, last: u64) -> (Shape, Vec<Cut>) {
        shape.after(&piece(kind, branch, first, last)).expect("a run that fits")
    }

    fn spans(shape: &Shape) -> Vec<(u64, u64)> {
        shape.tails.iter().map(|t| (t.first.value(), t.head.seq.value())).collect()
    }

    #[test]
    fn tails_grow_in_both_directions_and_join_the_head() {
        let shape = grow(&Shape::default(), Kind::Append, 1, 1, 5).0;
        let shape = grow(&shape, Kind::Tail, 1, 20, 25).0;
        let shape = grow(&shape, Kind::Tail, 1, 10, 12).0;
        assert_eq!(spans(&shape), [(10, 12), (20, 25)]);
        let shape = grow(&shape, Kind::Tail, 1, 13, 19).0;
        assert_eq!((spans(&shape), shape.tails[0].bytes), (vec![(10, 25)], 3));
        assert!(shape.after(&piece(Kind::Tail, 1, 12, 26)).is_none(), "it overlaps");
        assert!(shape.after(&piece(Kind::Tail, 2, 26, 27)).is_none(), "it does not chain");
        assert!(shape.after(&piece(Kind::Tail, 1, 6, 7)).is_none(), "there is no hole below");
        assert_eq!(shape.height(), 5);
        let (shape, cuts) = grow(&shape, Kind::Append, 1, 6, 9);
        assert_eq!((shape.height(), spans(&shape), cuts), (25, vec![], vec![]));
    }

    #[test]
    fn what_does_not_chain_is_dropped_and_cut_off() {
        let shape = grow(&Shape::default(), Kind::Append, 1, 1, 5).0;
        assert!(shape.after(&piece(Kind::Append, 2, 6, 7)).is_none());
        assert!(shape.after(&piece(Kind::Append, 1, 7, 8)).is_none());
        let shape = grow(&shape, Kind::Tail, 2, 8, 9).0;
        let (dropped, cuts) = grow(&shape, Kind::Append, 1, 6, 7);
        assert_eq!((dropped.height(), spans(&dropped), cuts), (7, vec![], vec![(8, 9)]));
        let (covered, cuts) = grow(&shape, Kind::Append, 1, 6, 8);
        assert_eq!((covered.height(), cuts), (8, vec![(9, 9)]));
    }

    #[test]
    fn a_branch_takes_the_place_of_another_and_joins_its_tail() {
        let shape = grow(&Shape::default(), Kind::Append, 1, 1, 10).0;
        let shape = grow(&shape, Kind::Tail, 2, 15, 18).0;
        let (shape, cuts) = grow(&shape, Kind::Replace, 2, 4, 8);
        assert_eq!((shape.height(), cuts), (8, vec![(4, 10)]));
        let (shape, cuts) = grow(&shape, Kind::Append, 2, 9, 14);
        assert_eq!((shape.height(), cuts), (18, vec![]));
        assert!(shape.after(&piece(Kind::Replace, 2, 19, 20)).is_none());
        assert!(shape.after(&piece(Kind::Refill, 2, 3, 18)).is_some());
        assert!(shape.after(&piece(Kind::Refill, 2, 18, 19)).is_none());
    }
}
