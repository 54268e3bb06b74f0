//! Which files records of all parties name: a bounded table in which no party takes the room of another.

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::v1::Blob;
use caphub_proto::wire::PartyId;

use super::FileId;
use super::named::id_of;

/// Most claims of all parties together; about 150 bytes each.
const CLAIMS_MAX: usize = 65_536;
/// Most claims of one party while there is room.
const SHARE_MAX: usize = 16_384;

/// What a record says of a file. Records of several parties may say different things of one list of chunks: one of
/// them tells the truth at most, and which one shows when all of the file is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Claim {
    /// The hash of its list of chunks.
    pub id: FileId,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub digest: [u8; 32],
}

impl Claim {
    /// As a record states it.
    pub fn of(blob: &Blob) -> Option<Self> {
        let digest = blob.digest.as_slice().try_into().ok()?;
        Some(Self { id: id_of(blob)?, bytes: blob.bytes, digest })
    }
}

/// Claims by party, within a fair share for each.
pub(super) struct Table {
    parties: BTreeMap<PartyId, BTreeSet<Claim>>,
    count: usize,
    share: usize,
    max: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self::within(CLAIMS_MAX, SHARE_MAX)
    }
}

impl Table {
    fn within(max: usize, share: usize) -> Self {
        Self { parties: BTreeMap::new(), count: 0, share, max }
    }

    /// Takes a claim in, where its party has room. Where all do not fit, those with most give way.
    pub(super) fn note(&mut self, party: PartyId, claim: Claim) {
        let theirs = self.parties.entry(party).or_default();
        if theirs.len() < self.share && theirs.insert(claim) {
            self.count += 1;
        }
        while self.count > self.max && self.share > 1 {
            self.share /= 2;
            for claims in self.parties.values_mut() {
                while claims.len() > self.share {
                    claims.pop_last();
                    self.count -= 1;
                }
            }
        }
    }

    /// Each claim with its party.
    pub(super) fn claims(&self) -> impl Iterator<Item = (&PartyId, &Claim)> {
        self.parties.iter().flat_map(|(party, claims)| claims.iter().map(move |claim| (party, claim)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(n: u32) -> Claim {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        Claim { id, bytes: 1, digest: [1; 32] }
    }

    #[test]
    fn whoever_names_most_files_gives_way_and_nobody_else_does() {
        let mut table = Table::within(100, 80);
        let (quiet, loud, third) = (PartyId([1; 32]), PartyId([2; 32]), PartyId([3; 32]));
        (0..1_000).for_each(|n| table.note(loud, claim(n)));
        (0..10).for_each(|n| table.note(quiet, claim(n)));
        (0..1_000).for_each(|n| table.note(third, claim(n)));
        let of = |party: PartyId| table.claims().filter(|(p, _)| **p == party).count();
        assert_eq!((of(quiet), of(loud), of(third)), (10, 40, 40));
        assert_eq!(table.count, 90);
    }

    #[test]
    fn one_list_of_chunks_has_a_claim_for_each_thing_that_is_said_of_it() {
        let (mut table, party) = (Table::default(), PartyId([1; 32]));
        for (bytes, digest) in [(1, [1; 32]), (1, [2; 32]), (2, [1; 32]), (1, [1; 32])] {
            table.note(party, Claim { bytes, digest, ..claim(7) });
        }
        assert_eq!(table.claims().count(), 3);
    }
}
