//! Distribution: who was served, shut off or refused, by group and region, and what came of each provider's offers
//! (SPEC.md section 16.6).

use std::collections::BTreeMap;

use crate::exchange::amount::Amount;
use crate::exchange::place::Countries;
use crate::v1::Offer;
use crate::wire::PartyId;

/// Groups and regions, in the order in which they are shown; the last is what names no country of the table.
pub const GROUPS: [&str; 9] = ["ldc", "lldc", "sids", "002", "019", "142", "150", "009", "none"];

/// How far an engagement has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// It ended without result: declined, withdrawn.
    Ended,
    /// Proposed, and not accepted by the recipient.
    Proposed,
    /// Accepted by the recipient: the provider is bound.
    Pledged,
    /// The provider says that it has delivered.
    Delivered,
    /// The recipient has confirmed.
    Confirmed,
}

impl Stage {
    /// The stage of an engagement's state, by its code; `None` for a code that is not known.
    pub fn of(state: &str) -> Option<Self> {
        Some(match state {
            "declined" | "withdrawn" => Self::Ended,
            "proposed" | "agreed" => Self::Proposed,
            "accepted" | "active" | "disputed" => Self::Pledged,
            "delivered" => Self::Delivered,
            "confirmed" | "evaluated" => Self::Confirmed,
            _ => return None,
        })
    }
}

/// A need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Need {
    /// The countries that it is for.
    pub countries: Countries,
    /// Offers that match and that nothing shuts off.
    pub open_offers: u32,
    /// Offers that match and that exclude its countries or do not let them in.
    pub shut_offers: u32,
    /// How far the best of its engagements has come.
    pub stage: Option<Stage>,
}

/// An offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Given {
    /// Who offers.
    pub party: PartyId,
    /// Conditions that it states.
    pub conditions: u32,
    /// As `unconditional` says.
    pub unconditional: bool,
}

/// What is known here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// All needs.
    pub needs: Vec<Need>,
    /// Refusals in force or past: the countries of whom they name, none where nobody is named.
    pub refusals: Vec<Countries>,
    /// All offers.
    pub offers: Vec<Given>,
    /// Engagements: who provides, and how far they have come.
    pub engagements: Vec<(PartyId, Stage)>,
    /// Pledges to funds.
    pub pledges: Vec<Pledge>,
}

/// A pledge to a fund, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pledge {
    /// Who promised.
    pub party: PartyId,
    /// In which currency.
    pub currency: String,
    /// How much.
    pub pledged: Amount,
    /// What the fund's board says has come.
    pub paid: Amount,
    /// What was paid back.
    pub paid_back: Amount,
}

/// The money of one provider in one currency; `None` where a sum is more than can be counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MoneyRow {
    /// Who.
    pub party: PartyId,
    /// The currency; nothing is converted.
    pub currency: String,
    /// Promised.
    pub pledged: Option<Amount>,
    /// Come, as boards say.
    pub paid: Option<Amount>,
    /// Given back.
    pub paid_back: Option<Amount>,
}

/// One group or region.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupRow {
    /// Its code.
    pub group: &'static str,
    /// Needs.
    pub needs: u32,
    /// With an offer that matches and is not shut off.
    pub matched: u32,
    /// With an accepted engagement, not yet confirmed.
    pub under_way: u32,
    /// Confirmed by the recipient.
    pub served: u32,
    /// With an offer that matches and is shut off for them, and with none that is not.
    pub shut_off: u32,
    /// Refusals that name an organisation of it.
    pub refused: u32,
}

/// One provider.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProviderRow {
    /// Who.
    pub party: PartyId,
    /// Offers.
    pub offers: u32,
    /// Of them without conditions.
    pub unconditional: u32,
    /// Conditions in all.
    pub conditions: u32,
    /// Engagements that a recipient accepted.
    pub pledged: u32,
    /// Of them delivered, as the provider says.
    pub delivered: u32,
    /// Of them confirmed by the recipient.
    pub confirmed: u32,
}

/// True for an offer without conditions, without a price, and that excludes no country.
pub fn unconditional(offer: &Offer) -> bool {
    let priced = offer.cost.as_ref().is_some_and(|c| c.price.is_some());
    let excluding = offer.eligibility.as_ref().is_some_and(|e| !e.excluded_countries.is_empty());
    offer.conditions.is_empty() && !priced && !excluding
}

/// Each group and region; a need for several countries counts once in each that one of them is in.
pub fn groups(facts: &Facts) -> Vec<GroupRow> {
    let rows = GROUPS.map(|group| {
        let members = match group {
            "ldc" | "lldc" | "sids" => Countries::of_group(group),
            region => Countries::of_region(region),
        };
        let inside = |of: &Countries| if group == "none" { of.is_empty() } else { of.meets(&members) };
        let mut row = GroupRow { group, ..GroupRow::default() };
        for need in facts.needs.iter().filter(|n| inside(&n.countries)) {
            row.needs += 1;
            row.matched += u32::from(need.open_offers > 0);
            row.shut_off += u32::from(need.open_offers == 0 && need.shut_offers > 0);
            row.under_way += u32::from(matches!(need.stage, Some(Stage::Pledged | Stage::Delivered)));
            row.served += u32::from(need.stage == Some(Stage::Confirmed));
        }
        row.refused = facts.refusals.iter().filter(|of| inside(of)).map(|_| 1).sum();
        row
    });
    rows.to_vec()
}

/// Each provider, by id.
pub fn providers(facts: &Facts) -> Vec<ProviderRow> {
    let mut rows: BTreeMap<PartyId, ProviderRow> = BTreeMap::new();
    for offer in &facts.offers {
        let row = rows.entry(offer.party).or_default();
        row.offers += 1;
        row.unconditional += u32::from(offer.unconditional);
        row.conditions += offer.conditions;
    }
    for (party, stage) in &facts.engagements {
        let row = rows.entry(*party).or_default();
        row.pledged += u32::from(*stage >= Stage::Pledged);
        row.delivered += u32::from(*stage >= Stage::Delivered);
        row.confirmed += u32::from(*stage >= Stage::Confirmed);
    }
    rows.into_iter().map(|(party, row)| ProviderRow { party, ..row }).collect()
}

/// The money of each provider, by id and currency.
pub fn money(facts: &Facts) -> Vec<MoneyRow> {
    let mut rows: BTreeMap<(PartyId, &str), MoneyRow> = BTreeMap::new();
    for pledge in &facts.pledges {
        let (party, currency, zero) = (pledge.party, pledge.currency.clone(), Some(Amount::ZERO));
        let empty = MoneyRow { party, currency, pledged: zero, paid: zero, paid_back: zero };
        let row = rows.entry((pledge.party, &pledge.currency)).or_insert(empty);
        row.pledged = row.pledged.and_then(|sum| sum.plus(pledge.pledged));
        row.paid = row.paid.and_then(|sum| sum.plus(pledge.paid));
        row.paid_back = row.paid_back.and_then(|sum| sum.plus(pledge.paid_back));
    }
    rows.into_values().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_group_counts_who_was_served_shut_off_or_refused() {
        let need = |country: &str, open_offers, shut_offers, stage| Need {
            countries: Countries::one(country),
            open_offers,
            shut_offers,
            stage,
        };
        let facts = Facts {
            needs: vec![
                need("TV", 2, 1, Some(Stage::Confirmed)),
                need("TV", 0, 3, None),
                need("NP", 1, 0, Some(Stage::Pledged)),
                need("", 0, 0, None),
            ],
            refusals: vec![Countries::one("NP"), Countries::NONE],
            ..Facts::default()
        };
        let rows = groups(&facts);
        let row = |group: &str| {
            let r = rows.iter().find(|r| r.group == group).unwrap();
            [r.needs, r.matched, r.under_way, r.served, r.shut_off, r.refused]
        };
        assert_eq!(row("sids"), [2, 1, 0, 1, 1, 0]);
        assert_eq!(row("lldc"), [1, 1, 1, 0, 0, 1]);
        assert_eq!(row("ldc"), [3, 2, 1, 1, 1, 1]);
        assert_eq!(row("none"), [1, 0, 0, 0, 0, 1]);
        assert_eq!(row("150"), [0; 6]);
    }

    #[test]
    fn each_provider_shows_what_it_pledged_and_what_came_of_it() {
        let (one, two) = (PartyId([1; 32]), PartyId([2; 32]));
        let offer = |unconditional, conditions| Given { party: one, conditions, unconditional };
        let facts = Facts {
            offers: vec![offer(true, 0), offer(false, 3)],
            engagements: vec![(one, Stage::Confirmed), (one, Stage::Proposed), (two, Stage::Delivered)],
            ..Facts::default()
        };
        let rows = providers(&facts);
        assert_eq!((rows[0].offers, rows[0].unconditional, rows[0].conditions), (2, 1, 3));
        assert_eq!((rows[0].pledged, rows[0].delivered, rows[0].confirmed), (1, 1, 1));
        assert_eq!((rows[1].offers, rows[1].pledged, rows[1].confirmed), (0, 1, 0));
        assert_eq!(Stage::of("evaluated"), Some(Stage::Confirmed));
        assert_eq!(Stage::of("?"), None);
    }
}
