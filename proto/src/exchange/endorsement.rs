//! Statements about others' records: what counts, and how often (SPEC.md section 17.4).
//!
//! The id of an endorsement follows from what it is about and from its type, so one organisation has one of a type
//! about a record: whatever more it signs, with however many keys, are revisions of that one.

use std::collections::BTreeMap;

use crate::v1::{Endorsement, RecordRef};
use crate::wire::keys::tagged_hash;
use crate::wire::{PartyId, RecordId};

/// Types of endorsement.
pub const TYPES: [&str; 4] = ["used_by", "assessment", "reproduction", "advisory"];

/// The record id that an endorsement of this type about this record has.
pub fn record_id(about: &RecordRef, endorsement_type: &str) -> RecordId {
    let parts = [about.party.as_slice(), about.record_id.as_slice(), endorsement_type.as_bytes()];
    let hash = tagged_hash(b"caphub/endorsement/1\0", &parts);
    let mut id = [0; 16];
    id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    RecordId(id)
}

/// One counted endorsement, as a view shows it.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// Who makes it.
    pub party: PartyId,
    /// True where a hub known to the reader admits that party as a member.
    pub admitted: bool,
    /// What it says.
    pub endorsement: &'a Endorsement,
}

/// What others say of one record; one of a type for each party, and none of the record's owner.
#[derive(Clone, Debug, Default)]
pub struct Tally<'a> {
    /// Who uses it.
    pub used_by: Vec<Statement<'a>>,
    /// What they think of it.
    pub assessments: Vec<Statement<'a>>,
    /// Who came to the same digest.
    pub reproduced: Vec<Statement<'a>>,
    /// Who came to another one.
    pub differing: Vec<Statement<'a>>,
    /// Known weaknesses; the owner's own too, for it knows first.
    pub advisories: Vec<Statement<'a>>,
    /// What the owner says of its own record, advisories apart: it does not count.
    pub own: usize,
    /// Statements of parties that no known hub admits: they do not count.
    pub not_admitted: usize,
}

impl Tally<'_> {
    /// The sum of all ratings, and how many there are.
    pub fn ratings(&self) -> (u32, u32) {
        let given = self.assessments.iter().map(|s| s.endorsement.rating).filter(|r| *r > 0);
        given.fold((0, 0), |(sum, count), rating| (sum + rating, count + 1))
    }
}

/// Counts statements about a record of `owner` whose file, where it has one, has this digest.
pub fn tally<'a>(
    owner: PartyId,
    digest: Option<&[u8]>,
    statements: impl IntoIterator<Item = Statement<'a>>,
) -> Tally<'a> {
    let mut one_each: BTreeMap<(PartyId, &str), Statement<'a>> = BTreeMap::new();
    for statement in statements {
        one_each
            .entry((statement.party, statement.endorsement.endorsement_type.as_str()))
            .or_insert(statement);
    }
    let mut tally = Tally::default();
    for ((party, kind), statement) in one_each {
        if party == owner && kind != "advisory" {
            tally.own += 1;
            continue;
        }
        if !statement.admitted && party != owner {
            tally.not_admitted += 1;
            continue;
        }
        match kind {
            "used_by" => tally.used_by.push(statement),
            "assessment" => tally.assessments.push(statement),
            "reproduction" if digest == Some(statement.endorsement.digest.as_slice()) => {
                tally.reproduced.push(statement);
            }
            "reproduction" => tally.differing.push(statement),
            "advisory" => tally.advisories.push(statement),
            _ => {}
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: &str, rating: u32, digest: u8) -> Endorsement {
        let endorsement_type = kind.to_owned();
        Endorsement { endorsement_type, rating, digest: vec![digest; 32], ..Endorsement::default() }
    }

    #[test]
    fn one_statement_of_a_type_counts_for_each_other_admitted_party() {
        let (owner, other) = (PartyId([1; 32]), PartyId([2; 32]));
        let all = [said("used_by", 0, 0), said("assessment", 4, 0), said("reproduction", 0, 9)];
        let of = |party, admitted| all.iter().map(move |e| Statement { party, admitted, endorsement: e });
        let many = (0..1_000).flat_map(|_| of(other, true));
        let stranger = of(PartyId([3; 32]), false);
        let found = tally(owner, Some(&[9; 32]), many.chain(of(owner, true)).chain(stranger));
        let counts = [found.used_by.len(), found.assessments.len(), found.reproduced.len()];
        assert_eq!((counts, found.own, found.not_admitted), ([1; 3], 3, 3));
        assert_eq!(found.ratings(), (4, 1));
    }

    #[test]
    fn a_reproduction_that_came_to_another_digest_is_told_apart() {
        let differs = said("reproduction", 0, 8);
        let one = Statement { party: PartyId([2; 32]), admitted: true, endorsement: &differs };
        let found = tally(PartyId([1; 32]), Some(&[9; 32]), [one]);
        assert_eq!((found.reproduced.len(), found.differing.len()), (0, 1));
    }

    #[test]
    fn the_id_follows_from_what_it_is_about_and_its_type() {
        let about = |n: u8| RecordRef { party: vec![n; 32], record_id: vec![n; 16] };
        assert_eq!(record_id(&about(1), "used_by"), record_id(&about(1), "used_by"));
        assert_ne!(record_id(&about(1), "used_by"), record_id(&about(1), "advisory"));
        assert_ne!(record_id(&about(1), "used_by"), record_id(&about(2), "used_by"));
    }
}
