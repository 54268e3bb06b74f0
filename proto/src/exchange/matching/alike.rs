//! Sets of countries that are alike to one offer: what holds for one of them holds for the others.
//!
//! Everything that an offer asks of a set is whether all or any of its countries are in some set of the offer's own.
//! So the bits that all of its countries have, and those that any has, decide the answer, and one asked with a few
//! countries is worked out once.

use super::classes::Sum;
use super::facts::{Entry, Place};
use crate::exchange::place::{Countries, FEW};

/// Places of the table of countries, rounded up so that each byte is one.
const PLACES: usize = 256;
/// Sets of an offer that a country may be in.
const SETS: usize = 6;
/// Not worked out yet; no sum is as high.
const UNKNOWN: Sum = Sum::MAX;

/// A set of countries, and its list where that is short.
pub(super) type Listed = (Countries, Option<[u8; FEW]>);

/// The answers of one offer.
pub(super) struct Alike {
    /// Of each country, the sets that it is in.
    bits: [u8; PLACES],
    /// Answers by the bits that all have and that any has.
    known: Vec<Sum>,
}

impl Alike {
    pub(super) fn of(place: &Place, entry: &Entry) -> Self {
        let eligible = &entry.eligible;
        let spared = eligible.named.without(eligible.excluded);
        let reachable = entry.reachable.unwrap_or(Countries::NONE);
        let sets: [Countries; SETS] =
            [place.named, place.area, entry.may, spared, eligible.excluded, reachable];
        let mut bits = [0; PLACES];
        for (country, own) in bits.iter_mut().enumerate() {
            *own = sets.iter().enumerate().fold(0, |own, (n, set)| own | u8::from(set.has(country)) << n);
        }
        Self { bits, known: vec![UNKNOWN; 1 << (2 * SETS)] }
    }

    /// The answer for a set; `answer` works it out.
    pub(super) fn get(&mut self, (countries, few): &Listed, answer: impl Fn(&Countries) -> Sum) -> Sum {
        let Some(few) = few else { return answer(countries) };
        let bits = few.map(|place| self.bits.get(usize::from(place)).copied().unwrap_or_default());
        let (all, any) = bits.iter().fold((u8::MAX, 0), |(all, any), bits| (all & bits, any | bits));
        let Some(known) = self.known.get_mut(usize::from(all) << SETS | usize::from(any)) else {
            return answer(countries);
        };
        if *known == UNKNOWN {
            *known = answer(countries);
        }
        *known
    }
}
