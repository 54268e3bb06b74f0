//! Which revision of a record is shown (design section 4): the same on every node that holds the same entries.

use crate::wire::ids::EntryHash;

/// One revision that no other replaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tip {
    /// 1 + the highest parent's number.
    pub number: u32,
    /// The entry that carries it. Ties of number go to the highest hash.
    pub hash: EntryHash,
}

/// The revisions of one record, as they arrive in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    known: Vec<(Tip, Vec<EntryHash>)>,
}

impl Revisions {
    /// Adds a revision with the parents that it names.
    pub fn add(&mut self, tip: Tip, parents: Vec<EntryHash>) {
        if !self.known.iter().any(|(t, _)| t.hash == tip.hash) {
            self.known.push((tip, parents));
        }
    }

    /// Every revision held, in order of arrival.
    pub fn all(&self) -> impl Iterator<Item = &(Tip, Vec<EntryHash>)> {
        self.known.iter()
    }

    /// True where every parent is held and the number is 1 + the highest of theirs: it counts.
    pub fn counts(&self, hash: &EntryHash) -> bool {
        let Some((tip, parents)) = self.known.iter().find(|(t, _)| t.hash == *hash) else { return false };
        if parents.is_empty() {
            return tip.number == 1;
        }
        let numbers: Option<Vec<u32>> = parents.iter().map(|p| self.number(p)).collect();
        numbers.and_then(|n| n.into_iter().max()?.checked_add(1)) == Some(tip.number)
    }

    /// Counted revisions that no counted revision replaces; the one to show comes first, the others conflict.
    pub fn tips(&self) -> Vec<Tip> {
        let counted: Vec<_> = self.known.iter().filter(|(t, _)| self.counts(&t.hash)).collect();
        let replaced = |hash: &EntryHash| counted.iter().any(|(_, parents)| parents.contains(hash));
        let mut tips: Vec<Tip> = counted.iter().map(|(t, _)| *t).filter(|t| !replaced(&t.hash)).collect();
        tips.sort_unstable_by(|a, b| b.cmp(a));
        tips
    }

    fn number(&self, hash: &EntryHash) -> Option<u32> {
        self.known.iter().find(|(t, _)| t.hash == *hash).map(|(t, _)| t.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tip(number: u32, id: u8) -> Tip {
        Tip { number, hash: EntryHash([id; 32]) }
    }

    fn build(order: &[usize]) -> Revisions {
        let all = [
            (tip(1, 1), vec![]),
            (tip(2, 2), vec![EntryHash([1; 32])]),
            (tip(2, 3), vec![EntryHash([1; 32])]),
            (tip(9, 4), vec![EntryHash([1; 32])]),
        ];
        let mut revisions = Revisions::default();
        for index in order {
            let (tip, parents) = all[*index].clone();
            revisions.add(tip, parents);
        }
        revisions
    }

    #[test]
    fn concurrent_revisions_conflict_with_one_winner_in_any_order() {
        assert_eq!(build(&[0, 1, 2]).tips(), vec![tip(2, 3), tip(2, 2)]);
        assert_eq!(build(&[2, 1, 0]).tips(), vec![tip(2, 3), tip(2, 2)]);
    }

    #[test]
    fn a_number_that_does_not_follow_its_parents_does_not_count() {
        assert_eq!(build(&[0, 3]).tips(), vec![tip(1, 1)]);
        assert!(!build(&[0, 3]).counts(&EntryHash([4; 32])));
    }
}
