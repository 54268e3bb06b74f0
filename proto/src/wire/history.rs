//! A node's public entries as an append-only history: the Merkle tree of RFC 6962 and what proves that one size of it
//! continues another (SPEC.md 13.3).

pub mod checkpoint;
#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, NoteError, Restored};

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type Hash = [u8; 32];

/// Most hashes of a proof: two a level of a tree with fewer than 2^53 leaves.
pub const PROOF_HASHES_MAX: usize = 108;

/// The hash of a leaf: for a caphub log its data is an entry hash.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(data).finalize().into()
}

/// The hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The right edge of a growing tree: the roots of its complete subtrees, from the largest to the smallest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The frontier of a tree of which complete subtrees can be read.
    pub fn load<E>(size: u64, mut node: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        let (mut peaks, mut from) = (Vec::new(), 0);
        for level in (0..64).rev().filter(|l| size >> l & 1 == 1) {
            peaks.push(node(level, from >> level)?);
            from += 1 << level;
        }
        Ok(Self { size, peaks })
    }

    /// Adds a leaf's hash; `complete` gets every subtree that it completes, leaf included, as level, index and hash.
    pub fn push(&mut self, leaf: Hash, mut complete: impl FnMut(u32, u64, &Hash)) {
        let (mut hash, mut level, mut index) = (leaf, 0, self.size);
        complete(level, index, &hash);
        while index & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(&left, &hash);
            (level, index) = (level + 1, index >> 1);
            complete(level, index, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of all leaves so far.
    pub fn root(&self) -> Hash {
        let joined = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(empty_root)
    }
}

/// A tree whose complete subtrees can be read: level 0 are the leaves' hashes.
pub struct Tree<N>(pub N);

impl<E, N: FnMut(u32, u64) -> Result<Hash, E>> Tree<N> {
    /// The root at a size.
    pub fn root(&mut self, size: u64) -> Result<Hash, E> {
        if size == 0 { Ok(empty_root()) } else { self.range(0, size) }
    }

    /// The hashes that prove that the tree of `from` leaves is the beginning of the tree of `to`; none where `from` is
    /// 0, or not below `to`.
    pub fn consistency(&mut self, from: u64, to: u64) -> Result<Vec<Hash>, E> {
        let mut path = Vec::new();
        let (mut start, mut end, mut m, mut whole) = (0, to, from, true);
        if from == 0 || from >= to {
            return Ok(path);
        }
        while m < end - start {
            let k = largest_below(end - start);
            if m <= k {
                path.push(self.range(start + k, end)?);
                end = start + k;
            } else {
                path.push(self.range(start, start + k)?);
                (start, m, whole) = (start + k, m - k, false);
            }
        }
        if !whole {
            path.push(self.range(start, end)?);
        }
        path.reverse();
        Ok(path)
    }

    /// The hashes that prove that leaf `index` stands in the tree of `size` leaves; none where it is not below.
    pub fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<Hash>, E> {
        let (mut path, mut start, mut end) = (Vec::new(), 0, size);
        if index >= size {
            return Ok(path);
        }
        while end - start > 1 {
            let k = largest_below(end - start);
            if index < start + k {
                path.push(self.range(start + k, end)?);
                end = start + k;
            } else {
                path.push(self.range(start, start + k)?);
                start += k;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The hash over leaves `start` to `end`, where `start` is aligned as a subtree of that length is.
    fn range(&mut self, start: u64, end: u64) -> Result<Hash, E> {
        let length = end - start;
        if length.is_power_of_two() {
            let level = length.trailing_zeros();
            return (self.0)(level, start >> level);
        }
        let k = largest_below(length);
        let (left, right) = (self.range(start, start + k)?, self.range(start + k, end)?);
        Ok(node_hash(&left, &right))
    }
}

/// The largest power of two below `n`, which is at least 2.
fn largest_below(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// True where `path` proves that the tree of `from` leaves with one root is the beginning of that of `to` leaves with
/// the other (RFC 9162 section 2.1.4.2).
pub fn consistent(from: u64, from_root: &Hash, to: u64, to_root: &Hash, path: &[Hash]) -> bool {
    if from == 0 || from == to {
        let roots = if from == 0 { from_root == &empty_root() } else { from_root == to_root };
        return path.is_empty() && from <= to && roots;
    }
    if from > to || path.len() > PROOF_HASHES_MAX {
        return false;
    }
    let (mut f, mut s) = (from - 1, to - 1);
    while f & 1 == 1 {
        (f, s) = (f >> 1, s >> 1);
    }
    let mut rest = path.iter();
    let first = if from.is_power_of_two() { Some(from_root) } else { rest.next() };
    let Some(first) = first else { return false };
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            (old, new) = (node_hash(hash, &old), node_hash(hash, &new));
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            new = node_hash(&new, hash);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    s == 0 && old == *from_root && new == *to_root
}

/// True where `path` proves that a leaf stands at `index` of the tree of `size` leaves (RFC 9162 section 2.1.3.2).
pub fn included(index: u64, size: u64, leaf: &Hash, root: &Hash, path: &[Hash]) -> bool {
    if index >= size || path.len() > PROOF_HASHES_MAX {
        return false;
    }
    let (mut f, mut s, mut hash) = (index, size - 1, *leaf);
    for next in path {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            hash = node_hash(next, &hash);
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            hash = node_hash(&hash, next);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    s == 0 && hash == *root
}

/// What two checkpoints of one log say together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Histories {
    /// Of different logs: nothing follows.
    Unrelated,
    /// The larger continues the smaller.
    One,
    /// Nothing proves that one continues the other, and nothing that it does not.
    Unproven,
    /// Shown by evidence: the node signed two histories of one log.
    Two,
}

/// Compares two checkpoints. `middle` is the root that the larger tree has at the smaller size, and `path` what
/// proves that; neither is needed where the sizes are the same.
pub fn compare(one: &Checkpoint, other: &Checkpoint, middle: &Hash, path: &[Hash]) -> Histories {
    if one.log != other.log {
        return Histories::Unrelated;
    }
    let (small, large) = if one.size <= other.size { (one, other) } else { (other, one) };
    let (same, proven) = match small.size == large.size {
        true => (small.root == large.root, true),
        false => (*middle == small.root, consistent(small.size, middle, large.size, &large.root, path)),
    };
    match (proven, same) {
        (false, _) => Histories::Unproven,
        (true, true) => Histories::One,
        (true, false) => Histories::Two,
    }
}
