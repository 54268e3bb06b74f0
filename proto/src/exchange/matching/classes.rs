//! What a record is compared by, as classes: a pair's score is a sum of entries that are worked out once for each class.

use super::alike::{Alike, Listed};
use super::criteria;
use super::facts::{Amount, Entry, Giving, NeedFacts, OfferFacts, Place, Terms, Themes, Ways, Words};
use super::pool::{Class, Pool};
use super::{Criterion, Exclusions, Match, Share, Weights, judge};
use crate::exchange::day::Day;
use crate::exchange::place::Countries;
use crate::wire::PartyId;

/// Classes of a record, beside its themes.
pub(super) const COLUMNS: usize = 8;

/// What a pair comes to by one class or by all: points below `BAR`, and how often something shuts it off. The points
/// of ten criteria are 10,000 at most, and the exclusions six.
pub(super) type Sum = u32;
/// Shut off by a rule or by reach.
const BAR: Sum = 1 << 16;
/// Shut off by anything.
const SHUT: Sum = 1 << 20;
/// No theme is shared: the two do not match.
pub(super) const APART: Sum = 1 << 31;

/// The points of a sum.
pub(super) fn points(sum: Sum) -> u32 {
    sum & (BAR - 1)
}

/// True where a rule or reach shuts the pair off.
pub(super) fn is_barred(sum: Sum) -> bool {
    sum & (SHUT - BAR) != 0
}

/// True where anything does.
pub(super) fn is_shut(sum: Sum) -> bool {
    sum & !(SHUT - 1) != 0
}

/// The classes of one record: its themes, and the rest.
pub(super) type Classes = (Class, [Class; COLUMNS]);

/// What each class of the other side comes to for one record.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) themes: Vec<Sum>,
    pub(super) columns: [Vec<Sum>; COLUMNS],
}

/// What decides a match beside the two records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) weights: Weights,
    pub(super) today: Day,
}

impl Rules {
    fn points(&self, criterion: Criterion, share: Share) -> Sum {
        self.weights.points(criterion, share.share)
    }

    fn shut(exclusions: Exclusions) -> Sum {
        exclusions.iter().count() as Sum * SHUT + Sum::from(exclusions.bar()) * BAR
    }

    fn themes(&self, need: &Themes, offer: &Themes) -> Sum {
        match need.shared(offer) {
            0 => APART,
            shared => self.points(Criterion::Theme, criteria::theme(shared, need.count)),
        }
    }

    fn place(&self, need: &Countries, offer: &Place) -> Sum {
        self.points(Criterion::Place, criteria::place(need, offer))
    }

    fn entry(&self, need: &Countries, offer: &Entry) -> Sum {
        let share = criteria::eligibility(need, offer);
        self.points(Criterion::Eligibility, share) + Self::shut(criteria::barred(need, offer))
    }

    fn ways(&self, need: Ways, offer: Ways) -> Sum {
        self.points(Criterion::OfferType, criteria::offer_type(need, offer))
            + self.points(Criterion::Delivery, criteria::delivery(need, offer))
    }

    fn languages(&self, need: &Words, offer: &Words) -> Sum {
        self.points(Criterion::Language, criteria::language(need, offer))
    }

    fn window(&self, need: (Day, Day), offer: (Day, Day)) -> Sum {
        let shut = Self::shut(criteria::past(need, offer, self.today));
        self.points(Criterion::Window, criteria::window(need, offer)) + shut
    }

    fn capacity(&self, need: Option<&Amount>, offer: Option<&Amount>) -> Sum {
        self.points(Criterion::Capacity, criteria::capacity(need, offer))
    }

    fn giving(&self, need: Option<&Terms>, offer: &Giving) -> Sum {
        self.points(Criterion::Cost, criteria::cost(offer))
            + self.points(Criterion::Terms, criteria::terms(need, offer))
    }
}

/// What both kinds of records have.
pub(super) trait Facts: Sized {
    /// The values that such records have.
    type Pools: Default + Clone + std::fmt::Debug;
    /// What they are compared with.
    type Other: Facts<Other = Self>;

    fn party(&self) -> PartyId;

    /// Puts its values into the pools.
    fn add(&self, pools: &mut Self::Pools) -> Classes;

    /// Takes them out again.
    fn remove(classes: &Classes, pools: &mut Self::Pools);

    /// What each class of the other side comes to for this record.
    fn tables(&self, pools: &<Self::Other as Facts>::Pools, rules: &Rules, tables: &mut Tables);

    fn judge(&self, other: &Self::Other, rules: &Rules) -> Option<Match>;
}

#[derive(Clone, Debug, Default)]
pub(super) struct NeedPools {
    themes: Pool<Themes>,
    countries: Pool<Listed>,
    ways: Pool<Ways>,
    languages: Pool<Words>,
    windows: Pool<(Day, Day)>,
    asked: Pool<Option<Amount>>,
    terms: Pool<Option<Terms>>,
    reaches: Pool<Option<Countries>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct OfferPools {
    themes: Pool<Themes>,
    places: Pool<Place>,
    entries: Pool<Entry>,
    ways: Pool<Ways>,
    languages: Pool<Words>,
    windows: Pool<(Day, Day)>,
    capacities: Pool<Option<Amount>>,
    giving: Pool<Giving>,
    homes: Pool<Countries>,
}

/// Puts a record's values into the pools and takes them out again: one list of columns for both ways.
macro_rules! columns {
    ($pools:ident, $this:ident: $($column:ident = $value:expr,)*) => {
        fn add(&$this, pools: &mut $pools) -> Classes {
            let classes = [$(pools.$column.add($value)),*];
            let mut columns = [0; COLUMNS];
            columns.iter_mut().zip(classes).for_each(|(column, class)| *column = class);
            (pools.themes.add(&$this.themes), columns)
        }

        fn remove((themes, columns): &Classes, pools: &mut $pools) {
            pools.themes.remove(*themes);
            let mut columns = columns.iter();
            $(columns.next().into_iter().for_each(|class| pools.$column.remove(*class));)*
        }
    };
}

impl Facts for NeedFacts {
    type Pools = NeedPools;
    type Other = OfferFacts;

    fn party(&self) -> PartyId {
        self.party
    }

    columns! {
        NeedPools, self:
        countries = &(self.countries, self.countries.few()),
        ways = &self.ways,
        languages = &self.languages,
        windows = &self.window,
        asked = &self.asked,
        terms = &self.terms,
        reaches = &self.reach,
    }

    fn tables(&self, pools: &OfferPools, rules: &Rules, tables: &mut Tables) {
        let [places, entries, ways, languages, windows, capacities, giving, homes] = &mut tables.columns;
        pools.themes.table(&mut tables.themes, |o| rules.themes(&self.themes, o));
        pools.places.table(places, |o| rules.place(&self.countries, o));
        pools.entries.table(entries, |o| rules.entry(&self.countries, o));
        pools.ways.table(ways, |o| rules.ways(self.ways, *o));
        pools.languages.table(languages, |o| rules.languages(&self.languages, o));
        pools.windows.table(windows, |o| rules.window(self.window, *o));
        pools.capacities.table(capacities, |o| rules.capacity(self.asked.as_ref(), o.as_ref()));
        pools.giving.table(giving, |o| rules.giving(self.terms.as_ref(), o));
        pools.homes.table(homes, |o| Rules::shut(criteria::asked(self.reach.as_ref(), o)));
    }

    fn judge(&self, other: &OfferFacts, rules: &Rules) -> Option<Match> {
        judge(self, other, &rules.weights, rules.today)
    }
}

impl Facts for OfferFacts {
    type Pools = OfferPools;
    type Other = NeedFacts;

    fn party(&self) -> PartyId {
        self.party
    }

    columns! {
        OfferPools, self:
        places = &self.place,
        entries = &self.entry,
        ways = &self.ways,
        languages = &self.languages,
        windows = &self.window,
        capacities = &self.capacity,
        giving = &self.giving,
        homes = &self.home,
    }

    fn tables(&self, pools: &NeedPools, rules: &Rules, tables: &mut Tables) {
        let [countries, ways, languages, windows, asked, terms, reaches, none] = &mut tables.columns;
        pools.themes.table(&mut tables.themes, |n| rules.themes(n, &self.themes));
        let mut alike = Alike::of(&self.place, &self.entry);
        let answer = |n: &Countries| rules.place(n, &self.place) + rules.entry(n, &self.entry);
        pools.countries.table(countries, |listed| alike.get(listed, answer));
        pools.ways.table(ways, |n| rules.ways(*n, self.ways));
        pools.languages.table(languages, |n| rules.languages(n, &self.languages));
        pools.windows.table(windows, |n| rules.window(*n, self.window));
        pools.asked.table(asked, |n| rules.capacity(n.as_ref(), self.capacity.as_ref()));
        pools.terms.table(terms, |n| rules.giving(n.as_ref(), &self.giving));
        pools.reaches.table(reaches, |n| Rules::shut(criteria::asked(n.as_ref(), &self.home)));
        none.clear();
    }

    fn judge(&self, other: &NeedFacts, rules: &Rules) -> Option<Match> {
        judge(other, self, &rules.weights, rules.today)
    }
}
