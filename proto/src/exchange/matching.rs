//! Rule set `caphub/matching/1`: how well an offer fits a need, criterion by criterion (SPEC.md section 16.2).
//!
//! Integers only, no clock and no order of arrival: nodes that hold the same records come to the same scores. What
//! shuts an offer off for the recipient is stated beside the score and never hides the pair.

mod alike;
mod classes;
mod criteria;
mod facts;
mod matcher;
mod pool;
mod side;
#[cfg(test)]
mod tests;

pub use criteria::judge;
pub use facts::{NeedFacts, OfferFacts, beneficiaries};
pub use matcher::{BEST_MAX, Best, Key, Matcher};

use crate::exchange::weights::{self, BadWeights};
use crate::v1::RuleSet;

/// The id that records and programs name this rule set by.
pub const RULE_SET: &str = "caphub/matching/1";
/// Every share is a count of sixtieths: it divides by the small numbers that lists have.
pub const WHOLE: u8 = 60;

/// What is compared, in the order of SPEC.md.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Criterion {
    /// Themes in common.
    Theme,
    /// Where the offer is for, against the countries of the need.
    Place,
    /// Kind of offer, against the kinds asked for.
    OfferType,
    /// How it is given.
    Delivery,
    /// Languages in common.
    Language,
    /// Days in common.
    Window,
    /// How much there is, against how much is asked.
    Capacity,
    /// Whether the offer's rule lets the need's countries in.
    Eligibility,
    /// What it costs the recipient.
    Cost,
    /// What the recipient does not give up.
    Terms,
}

impl Criterion {
    /// All, in order.
    pub const ALL: [Self; 10] = [
        Self::Theme,
        Self::Place,
        Self::OfferType,
        Self::Delivery,
        Self::Language,
        Self::Window,
        Self::Capacity,
        Self::Eligibility,
        Self::Cost,
        Self::Terms,
    ];

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Theme => "theme",
            Self::Place => "place",
            Self::OfferType => "offer_type",
            Self::Delivery => "delivery",
            Self::Language => "language",
            Self::Window => "window",
            Self::Capacity => "capacity",
            Self::Eligibility => "eligibility",
            Self::Cost => "cost",
            Self::Terms => "terms",
        }
    }
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$each])* $variant,)* }

        impl $name {
            /// All, in the order of SPEC.md.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

codes! {
    /// Why a criterion did not give more; `Full` where it gave all.
    Why {
        /// All of it.
        Full = "full",
        /// Some of the need's themes.
        ThemePart = "theme_part",
        /// The offer is for a region that the countries are in, and does not name them.
        PlaceRegion = "place_region",
        /// The offer is for no place in particular.
        PlaceOpen = "place_open",
        /// The offer is for some of the countries.
        PlacePart = "place_part",
        /// The offer is for other places.
        PlaceOther = "place_other",
        /// Another kind of offer was asked for.
        TypeOther = "type_other",
        /// Given partly as asked.
        DeliveryNear = "delivery_near",
        /// The offer does not say how it is given.
        DeliveryUnstated = "delivery_unstated",
        /// Given in other ways.
        DeliveryOther = "delivery_other",
        /// The offer states no language.
        LanguageUnstated = "language_unstated",
        /// Given in other languages.
        LanguageOther = "language_other",
        /// There for a part of the time.
        WindowPart = "window_part",
        /// There at another time.
        WindowApart = "window_apart",
        /// Less than was asked.
        CapacityPart = "capacity_part",
        /// Counted in other units.
        CapacityUnit = "capacity_unit",
        /// The offer does not say how much there is.
        CapacityUnstated = "capacity_unstated",
        /// Open to some of the countries.
        EligibilityPart = "eligibility_part",
        /// The need names no country, and the rule is not open to all.
        EligibilityUnknown = "eligibility_unknown",
        /// Open to none of the countries.
        EligibilityNone = "eligibility_none",
        /// It has a price.
        CostPrice = "cost_price",
        /// It does not say what it costs.
        CostUnstated = "cost_unstated",
        /// The need has terms, and the offer conditions that have to be read beside them.
        TermsConditions = "terms_conditions",
        /// What the offer states is against the need's terms.
        TermsConflict = "terms_conflict",
    }
}

codes! {
    /// What shuts an offer off for a need, whatever its score.
    Exclusion {
        /// The offer excludes every country of the need by name.
        Excluded = "excluded",
        /// The offer's rule lets none of the countries in.
        NotEligible = "not_eligible",
        /// The offer cannot be reached from any of the countries.
        NotReachable = "not_reachable",
        /// The offer's last day is past.
        OfferPast = "offer_past",
        /// The need's last day is past.
        NeedPast = "need_past",
        /// The need's author has not yet asked so far.
        NotAsked = "not_asked",
    }
}

/// A set of exclusions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exclusions(u8);

impl Exclusions {
    /// With one more.
    pub fn with(self, one: Exclusion, there: bool) -> Self {
        Self(self.0 | u8::from(there) << one as u8)
    }

    /// Those of both.
    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True where nothing shuts the offer off.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True where a rule or reach shuts the offer off, whatever the day.
    pub fn bar(self) -> bool {
        self.iter()
            .any(|e| matches!(e, Exclusion::Excluded | Exclusion::NotEligible | Exclusion::NotReachable))
    }

    /// Each, in order.
    pub fn iter(self) -> impl Iterator<Item = Exclusion> {
        Exclusion::ALL.iter().copied().filter(move |e| self.0 >> *e as u8 & 1 == 1)
    }
}

/// What one criterion gave: sixtieths of its weight, and why not more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// From 0 to `WHOLE`.
    pub share: u8,
    /// Why.
    pub why: Why,
}

/// How an offer fits a need; `None` of it where they share no theme, or are of one party.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// The sum of the points.
    pub score: u32,
    /// Of each criterion, in the order of `Criterion::ALL`.
    pub shares: [Share; 10],
    /// What shuts it off.
    pub exclusions: Exclusions,
}

/// What each criterion counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weights([u16; 10]);

impl Default for Weights {
    /// Those of `caphub/matching/1`; together 100.
    fn default() -> Self {
        Self([25, 15, 10, 10, 10, 10, 5, 5, 5, 5])
    }
}

impl Weights {
    /// Those that a published rule set states; a criterion that it does not name counts nothing.
    pub fn of(rules: &RuleSet) -> Result<Self, BadWeights> {
        let named = weights::read(rules, "matching", &Criterion::ALL.map(Criterion::code))?;
        let mut own = [0; 10];
        own.iter_mut().zip(named).for_each(|(own, named)| *own = named);
        Ok(Self(own))
    }

    /// The highest score that there can be.
    pub fn total(&self) -> u32 {
        self.0.iter().map(|w| u32::from(*w)).sum()
    }

    /// What one criterion counts.
    pub fn of_criterion(&self, criterion: Criterion) -> u32 {
        self.0.get(criterion as usize).copied().unwrap_or_default().into()
    }

    /// What a share of one criterion gives.
    pub fn points(&self, criterion: Criterion, share: u8) -> u32 {
        self.of_criterion(criterion) * u32::from(share) / u32::from(WHOLE)
    }

    fn score(&self, shares: &[Share; 10]) -> u32 {
        let points = |(w, s): (&u16, &Share)| u32::from(*w) * u32::from(s.share) / u32::from(WHOLE);
        self.0.iter().zip(shares).map(points).sum()
    }
}
