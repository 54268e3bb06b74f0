//! Fork proofs: two authentic histories of one feed, checked from bytes alone (SPEC.md section 13.1).

use crate::mutant;
use crate::wire::entry::Entry;
use crate::wire::feed::{Feed, Run, unpack};
use crate::wire::ids::{EntryHash, Seq};
use crate::wire::keys::Verifier;
use crate::wire::reason::Reason;

/// The last entry that both histories of a forked feed share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LastCommon {
    /// Its place; 0 where the histories differ from their first entry.
    pub seq: u64,
    /// The entry there; zeroes at 0.
    pub hash: EntryHash,
}

/// Two entries of one feed and one place, each with its chain up to a valid signature; checked.
///
/// It holds no bodies: what its author has erased does not live on in the evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForkProof {
    feed: Feed,
    first: Vec<u8>,
    second: Vec<u8>,
    common: LastCommon,
}

impl ForkProof {
    /// Checks a proof as it arrived: a feed and two packed runs of it.
    pub fn check(feed: Feed, first: &[u8], second: &[u8]) -> Result<Self, Reason> {
        let key = feed.key().ok_or(Reason::WrongFeed)?;
        let (one, other) = (headers(feed, first)?, headers(feed, second)?);
        let verifier = Verifier::new(key.as_bytes()).ok_or(Reason::BadKey)?;
        if !mutant!(UncheckedProof) {
            one.authenticate(&verifier)?;
            other.authenticate(&verifier)?;
        }
        let (at, _) = difference(&one, &other).ok_or(Reason::BadProof)?;
        let common = before(&one.entries[at]);
        Ok(Self { feed, first: first.to_vec(), second: second.to_vec(), common })
    }

    /// The shortest proof that two runs of one feed give, each of which ends at a valid signature; `BadProof` where
    /// they do not differ after a common entry. Whoever finds the same two entries makes the same bytes.
    pub fn build(feed: Feed, one: &Run<'_>, other: &Run<'_>, verifier: &Verifier) -> Result<Self, Reason> {
        let (at, there) = difference(one, other).ok_or(Reason::BadProof)?;
        let mut sides = [shortest(&one.entries[at..], verifier), shortest(&other.entries[there..], verifier)];
        sides.sort_by_key(|(hash, _)| *hash);
        let [(_, first), (_, second)] = sides;
        Self::check(feed, &first, &second)
    }

    /// The feed.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Where the two histories part.
    pub fn common(&self) -> LastCommon {
        self.common
    }

    /// One history, packed as a run without bodies.
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// The other.
    pub fn second(&self) -> &[u8] {
        &self.second
    }

    /// Bytes of both.
    pub fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    /// Never: a proof holds at least two entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl LastCommon {
    /// The place as a `Seq`; `None` where nothing is common.
    pub fn place(&self) -> Option<Seq> {
        Seq::new(self.seq)
    }
}

/// A run of entries without bodies.
fn headers(feed: Feed, packed: &[u8]) -> Result<Run<'_>, Reason> {
    let entries = unpack(packed)?;
    if entries.iter().any(|e| e.body.is_some()) {
        return Err(Reason::BadProof);
    }
    Run::chain(feed, entries)
}

/// Where two runs hold different entries at one place and name the same entry before it: the index in each.
fn difference(one: &Run<'_>, other: &Run<'_>) -> Option<(usize, usize)> {
    let (from, there) = (one.first().header.seq.value(), other.first().header.seq.value());
    let start = from.max(there);
    let (skip, skip_there) = (usize::try_from(start - from).ok()?, usize::try_from(start - there).ok()?);
    let pairs = one.entries.get(skip..)?.iter().zip(other.entries.get(skip_there..)?);
    let (at, (a, b)) = pairs.enumerate().find(|(_, (a, b))| a.hash != b.hash)?;
    // Within the runs the chain makes this so; at their front it shows that they do not differ earlier.
    (a.header.previous == b.header.previous).then_some((skip + at, skip_there + at))
}

fn before(entry: &Entry<'_>) -> LastCommon {
    LastCommon { seq: entry.header.seq.value() - 1, hash: entry.header.previous }
}

/// From the first entry to the first valid signature.
fn shortest(entries: &[Entry<'_>], verifier: &Verifier) -> (EntryHash, Vec<u8>) {
    let mut out = Vec::new();
    for entry in entries {
        Entry { body: None, ..entry.clone() }.write_to(&mut out);
        if entry.signed_by(verifier).is_ok() {
            break;
        }
    }
    (entries.first().map_or(EntryHash::default(), |e| e.hash), out)
}

#[cfg(test)]
mod tests;
