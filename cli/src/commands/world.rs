//! What the published rules are applied to: all that this replica holds and its owner may read.
//!
//! Needs that are not public take part here, in the reader's own replica, and nothing of it is published.

use std::collections::BTreeMap;

use caphub_proto::exchange::day::{self, Day};
use caphub_proto::exchange::engagement::escalation;
use caphub_proto::exchange::matching::{Key, Matcher, NeedFacts, OfferFacts, Weights, beneficiaries};
use caphub_proto::exchange::place::Countries;
use caphub_proto::exchange::{coverage, distribution};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Filter, Need, Offer};
use caphub_proto::wire::{Audience, PartyId, RecordId};

use crate::commands::asked::Asked;
use crate::commands::engaged::Engaged;
use crate::failure::Failure;
use crate::replica::Replica;

/// One record with its content.
pub struct Held<T> {
    /// As lists show it.
    pub record: v1::Record,
    /// What it says.
    pub content: T,
}

/// Needs, offers and all that says for whom they are.
pub struct World {
    /// The day for which the rules are applied.
    pub today: Day,
    /// Needs, by owner and id.
    pub needs: BTreeMap<Key, Held<Need>>,
    /// Offers, by owner and id.
    pub offers: BTreeMap<Key, Held<Offer>>,
    /// The country of each party that has one, by its own word or its hubs'.
    countries: BTreeMap<PartyId, String>,
    /// Of parties without a country, those in the regions that they say they are for.
    areas: BTreeMap<PartyId, Countries>,
    /// How far needs are asked whose authors named circles.
    asked: BTreeMap<Key, Asked>,
    /// Every need against every offer, once `matched` has put them there.
    pub matcher: Matcher,
}

impl World {
    /// All that the reader may read; nothing is compared yet.
    pub fn read(replica: &Replica) -> Result<Self, Failure> {
        Self::of(replica, &|_| true, Engaged::read)
    }

    /// What anybody may read: the part of it that can be published. Nothing is compared yet.
    pub fn public(replica: &Replica) -> Result<Self, Failure> {
        let public = Audience::Public.encode();
        Self::of(replica, &|record| record.audience == public, Engaged::public)
    }

    fn of(
        replica: &Replica,
        wanted: &dyn Fn(&v1::Record) -> bool,
        engaged: fn(&Replica) -> Result<Engaged, Failure>,
    ) -> Result<Self, Failure> {
        let today = day::of_ms(caphub_node::author::now_ms());
        let all = |kind: &str| {
            let kinds = vec![kind.to_owned()];
            let mut records = replica.readable(&Filter { kinds, ..Filter::default() })?;
            records.retain(|record| wanted(record));
            Ok::<_, Failure>(records)
        };
        let needs = keyed(all("need")?, |record| match record {
            Record::Need(need) => Some(need),
            _ => None,
        });
        let offers = keyed(all("offer")?, |record| match record {
            Record::Offer(offer) => Some(offer),
            _ => None,
        });
        let profiles = all("profile")?;
        let mut world = Self {
            today,
            needs,
            offers,
            areas: areas(&profiles),
            asked: BTreeMap::new(),
            countries: countries(replica, profiles),
            matcher: Matcher::new(Weights::default(), today),
        };
        // Engagements are read only where somebody's circles depend on them.
        if world.needs.values().any(|held| !held.content.escalation.is_empty()) {
            world.asked = world.circles(replica, &engaged(replica)?)?;
        }
        Ok(world)
    }

    /// With other weights than the published ones.
    pub fn weighed(mut self, weights: Weights) -> Self {
        self.matcher = Matcher::new(weights, self.today);
        self
    }

    fn circles(&self, replica: &Replica, engaged: &Engaged) -> Result<BTreeMap<Key, Asked>, Failure> {
        let now = escalation::end_of_day(self.today);
        let mut circles = BTreeMap::new();
        for (key, held) in self.needs.iter().filter(|(_, held)| !held.content.escalation.is_empty()) {
            let stated = self.stated_ms(replica, key, held)?;
            let answered = engaged.answered_ms(key);
            let asked = Asked::of(&held.content, &self.beneficiaries(key), stated, answered, now);
            circles.extend(asked.map(|asked| (*key, asked)));
        }
        Ok(circles)
    }

    /// How far a need is asked; `None` where it is for all from the start.
    pub fn asked(&self, need: &Key) -> Option<&Asked> {
        self.asked.get(need)
    }

    /// A need as matching reads it. `country` is its party's own.
    pub fn need_facts(&self, key: &Key, need: &Need, country: &str) -> NeedFacts {
        NeedFacts::of(key.0, country, need).asked_in(self.asked.get(key).and_then(|asked| asked.reach))
    }

    /// An offer as matching reads it.
    pub fn offer_facts(&self, key: &Key, offer: &Offer) -> OfferFacts {
        OfferFacts::of(key.0, offer).from(self.home(&key.0))
    }

    /// The country of a party, or those in the regions that it says it is for.
    fn home(&self, party: &PartyId) -> Countries {
        match self.country(party) {
            "" => self.areas.get(party).copied().unwrap_or(Countries::NONE),
            country => Countries::one(country),
        }
    }

    /// With every need held against every offer.
    pub fn matched(mut self) -> Self {
        let needs = self.needs.iter();
        let needs: Vec<_> = needs
            .map(|(key, held)| (*key, self.need_facts(key, &held.content, self.country(&key.0))))
            .collect();
        let offers = self.offers.iter();
        let offers: Vec<_> = offers.map(|(key, held)| (*key, self.offer_facts(key, &held.content))).collect();
        needs.into_iter().for_each(|(key, facts)| self.matcher.set_need(key, Some(facts)));
        offers.into_iter().for_each(|(key, facts)| self.matcher.set_offer(key, Some(facts)));
        self
    }

    /// The country of a party, empty where none is known.
    pub fn country(&self, party: &PartyId) -> &str {
        self.countries.get(party).map_or("", String::as_str)
    }

    /// The countries that a need is for.
    pub fn beneficiaries(&self, key: &Key) -> Countries {
        let country = self.country(&key.0);
        self.needs.get(key).map_or(Countries::NONE, |held| beneficiaries(&held.content, country))
    }

    /// The needs as coverage sees them; `met` says which are met.
    pub fn covered(&self, replica: &Replica, met: &dyn Fn(&Key) -> bool) -> Result<coverage::Facts, Failure> {
        let mut facts = coverage::Facts::default();
        for (key, held) in &self.needs {
            facts.needs.push(coverage::Need {
                key: *key,
                countries: self.beneficiaries(key),
                themes: held.content.themes.clone(),
                since: self.since(replica, key, held)?,
                open_offers: self.matcher.open_offers(key).unwrap_or(0),
                met: met(key),
            });
        }
        let today = day::text(self.today);
        for (hub, admissions) in admitting(replica) {
            facts.hubs.add(self.country(&hub));
            facts.hubs = facts.hubs.or(Countries::named(&[], &regions_of(replica, &hub)));
            for admission in admissions.iter().filter(|a| a.admits_on(&today)) {
                facts.admitted.add(self.country(&admission.party));
            }
        }
        Ok(facts)
    }

    /// The day on which a need was first written, as its author claims, and not after today.
    pub fn since(&self, replica: &Replica, key: &Key, held: &Held<Need>) -> Result<Day, Failure> {
        Ok(day::of_ms(self.stated_ms(replica, key, held)?).min(self.today))
    }

    /// When a need was first written, as its author claims.
    fn stated_ms(&self, replica: &Replica, key: &Key, held: &Held<Need>) -> Result<u64, Failure> {
        let first = held.record.revision.as_ref().is_none_or(|r| r.number <= 1);
        Ok(match first {
            true => held.record.time_ms,
            false => replica.first_written(&key.0, &key.1)?.unwrap_or(held.record.time_ms),
        })
    }

    /// The offers as distribution sees them.
    pub fn given(&self) -> Vec<distribution::Given> {
        let given = |(key, held): (&Key, &Held<Offer>)| distribution::Given {
            party: key.0,
            conditions: u32::try_from(held.content.conditions.len()).unwrap_or(u32::MAX),
            unconditional: distribution::unconditional(&held.content),
        };
        self.offers.iter().map(given).collect()
    }
}

/// How far one need is asked; `None` for other records and for needs without circles.
pub fn asked(replica: &Replica, record: &v1::Record) -> Result<Option<Asked>, Failure> {
    match record.revision.as_ref().and_then(|r| r.record.as_ref()) {
        Some(Record::Need(need)) if !need.escalation.is_empty() => {}
        _ => return Ok(None),
    }
    let world = World::read(replica)?;
    Ok(key(record).and_then(|key| world.asked(&key).copied()))
}

/// The countries of this organisation, as matching reads them.
pub fn home(replica: &Replica) -> Result<Countries, Failure> {
    let world = World::read(replica)?;
    Ok(world.home(&replica.core.party))
}

/// Records of one kind, by owner and id.
fn keyed<T>(records: Vec<v1::Record>, content: impl Fn(Record) -> Option<T>) -> BTreeMap<Key, Held<T>> {
    let one = |record: v1::Record| {
        let key = key(&record)?;
        let content = content(record.revision.clone()?.record?)?;
        Some((key, Held { record, content }))
    };
    records.into_iter().filter_map(one).collect()
}

/// What names a record.
pub fn key(record: &v1::Record) -> Option<Key> {
    Some((PartyId::from_slice(&record.party_id)?, RecordId::from_slice(&record.record_id)?))
}

/// Each hub with what it says of others.
fn admitting(replica: &Replica) -> BTreeMap<PartyId, Vec<caphub_node::views::Admission>> {
    let mut hubs: BTreeMap<PartyId, Vec<_>> = BTreeMap::new();
    for card in replica.core.views.node_cards() {
        hubs.entry(card.hub).or_default();
    }
    for admission in replica.core.views.admissions() {
        hubs.entry(admission.hub).or_default().push(admission);
    }
    hubs
}

/// The regions that a hub says it is for, in its profile and its nodes' cards.
fn regions_of(replica: &Replica, hub: &PartyId) -> Vec<String> {
    let now = caphub_node::author::now_ms();
    let profile = replica.core.views.profile(&replica.viewer(), hub, now).ok().flatten();
    let mut regions = profile.map(|p| p.regions).unwrap_or_default();
    let cards = replica.core.views.node_cards().into_iter().filter(|c| c.hub == *hub);
    regions.extend(cards.flat_map(|c| c.card.regions));
    regions
}

/// The countries in the regions that profiles name.
fn areas(profiles: &[v1::Record]) -> BTreeMap<PartyId, Countries> {
    let area = |record: &v1::Record| match record.revision.as_ref()?.record.as_ref()? {
        Record::Profile(profile) => {
            Some((PartyId::from_slice(&record.party_id)?, Countries::named(&[], &profile.regions)))
        }
        _ => None,
    };
    profiles.iter().filter_map(area).collect()
}

/// The country of each party: its profile's, else the one that the lowest of its hubs by id states.
fn countries(replica: &Replica, profiles: Vec<v1::Record>) -> BTreeMap<PartyId, String> {
    let mut said: BTreeMap<PartyId, (PartyId, String)> = BTreeMap::new();
    for admission in replica.core.views.admissions().into_iter().filter(|a| !a.country.is_empty()) {
        let slot = said.entry(admission.party).or_insert((admission.hub, admission.country.clone()));
        if admission.hub < slot.0 {
            *slot = (admission.hub, admission.country);
        }
    }
    let mut countries: BTreeMap<PartyId, String> =
        said.into_iter().map(|(party, (_, country))| (party, country)).collect();
    for record in profiles {
        let party = PartyId::from_slice(&record.party_id);
        if let (Some(party), Some(Record::Profile(profile))) = (party, record.revision.and_then(|r| r.record))
            && !profile.country.is_empty()
        {
            countries.insert(party, profile.country);
        }
    }
    countries
}
