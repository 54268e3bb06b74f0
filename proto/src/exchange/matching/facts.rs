//! What matching reads of a record, once, in a form that is quick to compare.

use crate::codes::vocabulary;
use crate::exchange::day::{self, Day};
use crate::exchange::place::{Countries, Eligible};
use crate::v1::{Capacity, Need, Offer};
use crate::wire::PartyId;

/// Bits of the shipped themes; those of other vocabularies share the rest.
const SHIPPED_BITS: u32 = 16;

/// Words that are compared exactly; the bits say quickly that two lists have none in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Words {
    pub(super) bits: u64,
    list: Vec<Box<str>>,
}

impl Words {
    fn of(words: impl Iterator<Item = String>) -> Self {
        let mut list: Vec<Box<str>> = words.map(Into::into).collect();
        list.sort_unstable();
        list.dedup();
        let bits = list.iter().fold(0, |bits, word| bits | 1 << (hash(word) % 64));
        Self { bits, list }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many are in both.
    pub(super) fn shared(&self, other: &Self) -> u32 {
        if self.bits & other.bits == 0 {
            return 0;
        }
        let (mut one, mut two, mut shared) = (self.list.iter().peekable(), other.list.iter().peekable(), 0);
        while let (Some(a), Some(b)) = (one.peek(), two.peek()) {
            match a.cmp(b) {
                std::cmp::Ordering::Less => drop(one.next()),
                std::cmp::Ordering::Greater => drop(two.next()),
                std::cmp::Ordering::Equal => {
                    shared += 1;
                    one.next();
                    two.next();
                }
            }
        }
        shared
    }
}

/// Themes, each once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Themes {
    /// Of all themes: two lists without a bit in common share none.
    pub(super) bits: u64,
    pub(super) count: u32,
    shipped: u64,
    others: Words,
}

impl Themes {
    fn of(codes: &[String]) -> Self {
        let place = |code: &String| vocabulary::themes().iter().position(|t| t.code == code);
        let shipped =
            codes.iter().filter_map(place).fold(0u64, |bits, p| bits | 1 << (p as u32 % SHIPPED_BITS));
        let others = Words::of(codes.iter().filter(|c| place(c).is_none()).cloned());
        let spread = 64 - SHIPPED_BITS;
        let hashed = others.list.iter().fold(0u64, |b, w| b | 1 << (SHIPPED_BITS + hash(w) as u32 % spread));
        let count = shipped.count_ones() + others.list.len() as u32;
        Self { bits: shipped | hashed, count, shipped, others }
    }

    pub(super) fn shared(&self, other: &Self) -> u32 {
        let others = if self.others.is_empty() { 0 } else { self.others.shared(&other.others) };
        (self.shipped & other.shipped).count_ones() + others
    }
}

/// How much, in a unit that is compared without regard to case and spaces around it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Amount {
    pub(super) amount: u64,
    pub(super) unit: Box<str>,
}

impl Amount {
    /// An amount of 0 states nothing.
    fn of(capacity: Option<&Capacity>) -> Option<Self> {
        let stated = capacity.filter(|c| c.amount > 0)?;
        Some(Self { amount: stated.amount, unit: stated.unit.trim().to_lowercase().into() })
    }
}

/// What a recipient does not give up, or what a provider states: as section 15 compares them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Terms {
    data: Countries,
    languages: Words,
    law: Box<str>,
    technology: Words,
}

impl Terms {
    /// True where what a provider states is against these terms; what one side does not state conflicts with nothing.
    pub(super) fn conflict(&self, stated: &Self) -> bool {
        let both = |a: &Words, b: &Words| !a.is_empty() && !b.is_empty();
        (!self.data.is_empty() && !stated.data.within(&self.data))
            || (both(&self.languages, &stated.languages) && self.languages.shared(&stated.languages) == 0)
            || (!self.law.is_empty() && !stated.law.is_empty() && self.law != stated.law)
            || self.technology.shared(&stated.technology) > 0
    }
}

/// Words without regard to ASCII case and white space around.
fn plain(words: &[String]) -> Words {
    Words::of(words.iter().map(|w| w.trim().to_ascii_lowercase()))
}

/// A need as matching sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeedFacts {
    pub(super) party: PartyId,
    pub(super) themes: Themes,
    pub(super) countries: Countries,
    pub(super) ways: Ways,
    pub(super) languages: Words,
    pub(super) window: (Day, Day),
    pub(super) asked: Option<Amount>,
    pub(super) terms: Option<Terms>,
    pub(super) reach: Option<Countries>,
}

impl NeedFacts {
    /// Reads a need. `country` is its party's own, which counts where the need names no place.
    pub fn of(party: PartyId, country: &str, need: &Need) -> Self {
        let terms = need.terms.clone().unwrap_or_default();
        Self {
            party,
            themes: Themes::of(&need.themes),
            countries: beneficiaries(need, country),
            ways: Ways::of(&need.offer_types, &need.delivery_modes),
            languages: languages(&need.languages),
            window: day::span(need.window.as_ref()),
            asked: Amount::of(need.asked.as_ref()),
            terms: (terms != crate::v1::RecipientTerms::default()).then(|| Terms {
                data: Countries::named(&terms.data_locations, &[]),
                languages: plain(&terms.languages),
                law: terms.law.trim().to_ascii_lowercase().into(),
                technology: plain(&terms.technology_not_accepted),
            }),
            reach: None,
        }
    }

    /// Asks organisations of these countries only, as `escalation::reach` says; everybody where it says nothing.
    pub fn asked_in(self, reach: Option<Countries>) -> Self {
        Self { reach, ..self }
    }

    /// Bits of its themes: where they have none in common with an offer's, the two do not match.
    pub fn theme_bits(&self) -> u64 {
        self.themes.bits
    }

    /// The countries that it is for.
    pub fn countries(&self) -> Countries {
        self.countries
    }
}

/// The countries that a need is for: those that it names, else its party's own.
pub fn beneficiaries(need: &Need, country: &str) -> Countries {
    let named = Countries::named(&need.countries, &need.regions);
    if named.is_empty() { Countries::one(country) } else { named }
}

/// What an offer costs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Price {
    Free,
    Priced,
    Unstated,
}

/// What kind it is and how it is given: bits of the published lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ways {
    pub(super) types: u16,
    pub(super) modes: u8,
}

impl Ways {
    fn of(types: &[String], modes: &[String]) -> Self {
        let types = bits(types, vocabulary::offer_types()) as u16;
        Self { types, modes: bits(modes, vocabulary::delivery_modes()) as u8 }
    }
}

/// Where an offer is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    pub(super) named: Countries,
    pub(super) area: Countries,
    pub(super) stated: bool,
}

/// Whom an offer lets in, and from where it can be reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry {
    pub(super) eligible: Eligible,
    pub(super) may: Countries,
    pub(super) open_to_all: bool,
    pub(super) reachable: Option<Countries>,
}

/// On which conditions an offer is given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Giving {
    pub(super) price: Price,
    pub(super) has_conditions: bool,
    pub(super) terms: Terms,
}

/// An offer as matching sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferFacts {
    pub(super) party: PartyId,
    pub(super) themes: Themes,
    pub(super) place: Place,
    pub(super) entry: Entry,
    pub(super) ways: Ways,
    pub(super) languages: Words,
    pub(super) window: (Day, Day),
    pub(super) capacity: Option<Amount>,
    pub(super) giving: Giving,
    pub(super) home: Countries,
}

impl OfferFacts {
    /// Reads an offer.
    pub fn of(party: PartyId, offer: &Offer) -> Self {
        let eligible = Eligible::of(offer.eligibility.as_ref());
        let may = eligible.countries();
        let area = offer.reachable_from.as_ref();
        let reachable = area.map(|a| Countries::named(&a.countries, &a.regions)).filter(|c| !c.is_empty());
        let price = match &offer.cost {
            Some(cost) if cost.free => Price::Free,
            Some(cost) if cost.price.is_some() => Price::Priced,
            _ => Price::Unstated,
        };
        let terms = Terms {
            data: Countries::named(&offer.data_locations, &[]),
            languages: plain(&offer.languages),
            law: offer.law.trim().to_ascii_lowercase().into(),
            technology: plain(&offer.technology),
        };
        Self {
            party,
            themes: Themes::of(&offer.themes),
            place: Place {
                named: Countries::named(&offer.countries, &[]),
                area: Countries::named(&offer.countries, &offer.regions),
                stated: !offer.countries.is_empty() || !offer.regions.is_empty(),
            },
            entry: Entry { eligible, may, open_to_all: may == Countries::all(), reachable },
            ways: Ways::of(std::slice::from_ref(&offer.offer_type), &offer.delivery_modes),
            languages: languages(&offer.languages),
            window: day::span(offer.window.as_ref()),
            capacity: Amount::of(offer.capacity.as_ref()),
            giving: Giving { price, has_conditions: !offer.conditions.is_empty(), terms },
            home: Countries::NONE,
        }
    }

    /// Of an organisation of these countries: its own, or those in the regions that it is for.
    pub fn from(self, home: Countries) -> Self {
        Self { home, ..self }
    }

    /// Bits of its themes, as of a need.
    pub fn theme_bits(&self) -> u64 {
        self.themes.bits
    }
}

/// Primary subtags: what is given in fr-CA is understood in fr.
fn languages(tags: &[String]) -> Words {
    Words::of(tags.iter().map(|t| t.split('-').next().unwrap_or_default().to_ascii_lowercase()))
}

/// A bit for each code, by its place in the published list; unknown codes have none.
fn bits(codes: &[String], terms: &[vocabulary::Term]) -> u32 {
    let place = |code: &String| terms.iter().position(|t| t.code == code);
    codes.iter().filter_map(place).fold(0, |bits, place| bits | 1 << (place % 32))
}

/// FNV-1a, for bits that only make comparing quick.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}
