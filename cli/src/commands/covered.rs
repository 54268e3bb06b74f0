//! `caphub coverage` and `caphub distribution`: what is missing and where, and who was served.

use caphub_proto::codes::{Lang, region};
use caphub_proto::exchange::coverage::{self, CountryRow, Counts, RegionRow};
use caphub_proto::exchange::distribution::{self, GroupRow, ProviderRow};
use caphub_proto::exchange::place::Countries;
use caphub_proto::wire::PartyId;
use serde_json::{Value, json};

use crate::arguments::Coverage;
use crate::commands::engaged::Engaged;
use crate::commands::world::World;
use crate::commands::{Context, money, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// Needs that are listed by name; all of them with `--json`.
const UNMET_LINES: usize = 20;

/// Coverage of one region, or of all.
pub fn coverage(context: &Context, words: &Coverage) -> Outcome {
    let replica = context.replica()?;
    let world = World::read(&replica)?.matched();
    let engaged = Engaged::read(&replica)?;
    let asked = words.one_region.as_deref().unwrap_or(region::WORLD);
    let region = region::find(asked);
    let region =
        region.ok_or_else(|| Failure::usage("error-no-region").with("region", asked).hint("hint-region"))?;
    let facts = world.covered(&replica, &|key| engaged.met(key))?;
    let within = Countries::of_region(region.code);
    let (regions, countries) =
        (coverage::regions(&facts, within, world.today), coverage::countries(&facts, within, world.today));
    let unmet = coverage::unmet(&facts, within);
    if context.json {
        screen::json(&json!({
            "region": region.code,
            "regions": regions.iter().map(region_json).collect::<Vec<_>>(),
            "countries": countries.iter().map(country_json).collect::<Vec<_>>(),
            "unmet": unmet.iter().map(|need| json!({
                "id": need.key.1.to_string(), "party": need.key.0.to_string(),
                "days": coverage::waiting(need, world.today), "open_offers": need.open_offers, "themes": need.themes,
            })).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    let t = &context.texts;
    let lang = lang(t);
    head(t, "coverage-region", &COVERED);
    for row in &regions {
        let name = region::find(row.region).map_or(row.region, |r| r.names.name(lang));
        let hubs = format!("{}/{}", row.with_hub, row.countries);
        let admitted = format!("{}/{}", row.admitted, row.countries);
        line(&format!("{} {name}", row.region), &COVERED, counted(hubs, admitted, &row.counts));
    }
    if words.one_region.is_some() {
        screen::line("");
        head(t, "coverage-country", &COVERED);
        for row in &countries {
            let name = format!("{} {}", row.country.alpha2, row.country.names.name(lang));
            let yes = |there| if there { t.t("yes") } else { t.t("no") };
            line(&name, &COVERED, counted(yes(row.hub), yes(row.admitted), &row.counts));
        }
    }
    screen::line("");
    table::wrapped(&t.t("coverage-note"), 0);
    let without: Vec<String> = themes(&facts, within)
        .into_iter()
        .map(|(theme, count)| format!("{} {count}", screen::plain(&theme)))
        .collect();
    if !without.is_empty() {
        screen::line("");
        table::wrapped(&t.tf("coverage-themes", &[("themes", &without.join(", "))]), 0);
    }
    if !unmet.is_empty() {
        screen::line("");
        table::wrapped(&t.t("coverage-unmet"), 0);
    }
    for need in unmet.iter().take(UNMET_LINES) {
        let Some(held) = world.needs.get(&need.key) else { continue };
        let id = need.key.1.to_string();
        let days = coverage::waiting(need, world.today).to_string();
        let (title, who) =
            (table::pad(&table::title(&held.record), 40), table::fit(&table::who(&held.record), 18));
        screen::line(&format!("{days:>6}  {}  {title}  {who}", id.get(..8).unwrap_or_default()));
    }
    Ok(())
}

/// Needs without an offer, by theme.
pub fn themes(facts: &coverage::Facts, within: Countries) -> Vec<(String, u32)> {
    let mut all = std::collections::BTreeMap::new();
    let unmet = coverage::unmet(facts, within).into_iter().filter(|n| n.open_offers == 0);
    for need in unmet {
        let themes: std::collections::BTreeSet<&String> = need.themes.iter().collect();
        themes.into_iter().for_each(|theme| *all.entry(theme.clone()).or_insert(0) += 1);
    }
    all.into_iter().collect()
}

/// The language of names in the shipped tables.
pub fn lang(texts: &Texts) -> Lang {
    if texts.language() == "fr" { Lang::Fr } else { Lang::En }
}

/// Columns of counts, with their widths: the words of both languages fit.
const COVERED: [(&str, usize); 6] = [
    ("column-hub", 6),
    ("column-admitted", 9),
    ("column-needs", 8),
    ("column-unmet", 9),
    ("column-without", 11),
    ("column-days", 7),
];

/// Columns of the groups.
const GROUPED: [(&str, usize); 6] = [
    ("column-needs", 8),
    ("column-matched", 9),
    ("column-under-way", 10),
    ("column-served", 8),
    ("column-shut-off", 10),
    ("column-refused", 9),
];

/// Columns of the providers.
const PROVIDED: [(&str, usize); 6] = [
    ("column-offers", 8),
    ("column-unconditional", 11),
    ("column-conditions", 11),
    ("column-pledged", 9),
    ("column-delivered", 10),
    ("column-confirmed", 10),
];

/// A name and what is counted of it, on one line.
fn line<T: AsRef<str>>(name: &str, columns: &[(&str, usize); 6], values: [T; 6]) {
    let room = 79 - columns.iter().map(|(_, width)| width).sum::<usize>();
    let mut line = table::pad(name, room);
    for ((_, width), value) in columns.iter().zip(values) {
        let value = table::fit(value.as_ref(), *width);
        line.push_str(&" ".repeat(width.saturating_sub(value.chars().count())));
        line.push_str(&value);
    }
    screen::line(&line);
}

fn head(t: &Texts, name: &str, columns: &[(&str, usize); 6]) {
    line(&t.t(name), columns, columns.map(|(key, _)| t.t(key)));
}

fn counted(hub: String, admitted: String, counts: &Counts) -> [String; 6] {
    let c = [counts.needs, counts.unmet, counts.without_offer, counts.longest_days].map(|n| n.to_string());
    let [needs, unmet, without, days] = c;
    [hub, admitted, needs, unmet, without, days]
}

fn counts_json(counts: &Counts) -> Value {
    json!({
        "needs": counts.needs, "unmet": counts.unmet, "without_offer": counts.without_offer,
        "themes_without_offer": counts.themes_without_offer, "longest_days": counts.longest_days,
    })
}

fn region_json(row: &RegionRow) -> Value {
    json!({ "region": row.region, "countries": row.countries, "with_hub": row.with_hub, "admitted": row.admitted,
        "counts": counts_json(&row.counts) })
}

fn country_json(row: &CountryRow) -> Value {
    json!({ "country": row.country.alpha2, "hub": row.hub, "admitted": row.admitted, "counts": counts_json(&row.counts) })
}

/// Who was served, shut off or refused; what came of each provider's offers.
pub fn distribution(context: &Context) -> Outcome {
    let replica = context.replica()?;
    let mut world = World::read(&replica)?.matched();
    let facts = distributed(&replica, &mut world, &Engaged::read(&replica)?, money::read(&replica)?)?;
    let (groups, providers) = (distribution::groups(&facts), distribution::providers(&facts));
    let pledged = distribution::money(&facts);
    if context.json {
        screen::json(&json!({
            "groups": groups.iter().map(group_json).collect::<Vec<_>>(),
            "providers": providers.iter().map(provider_json).collect::<Vec<_>>(),
            "money": pledged.iter().map(money::json).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    let t = &context.texts;
    head(t, "distribution-group", &GROUPED);
    for row in &groups {
        let counts = [row.needs, row.matched, row.under_way, row.served, row.shut_off, row.refused];
        line(&group_name(t, row.group), &GROUPED, counts.map(|n| n.to_string()));
    }
    screen::line("");
    head(t, "distribution-provider", &PROVIDED);
    for row in &providers {
        let counts =
            [row.offers, row.unconditional, row.conditions, row.pledged, row.delivered, row.confirmed];
        line(&replica.name_of(&row.party), &PROVIDED, counts.map(|n| n.to_string()));
    }
    money::show(t, &replica, &pledged);
    screen::line("");
    table::wrapped(&t.t("coverage-note"), 0);
    Ok(())
}

/// What distribution is counted from.
pub fn distributed(
    replica: &Replica,
    world: &mut World,
    engaged: &Engaged,
    pledges: Vec<distribution::Pledge>,
) -> Result<distribution::Facts, Failure> {
    let keys: Vec<_> = world.needs.keys().copied().collect();
    let mut needs = Vec::new();
    for key in keys {
        let best = world.matcher.offers_for(&key).unwrap_or_default();
        needs.push(distribution::Need {
            countries: world.beneficiaries(&key),
            open_offers: best.open,
            shut_offers: best.barred,
            stage: engaged.stage(&key),
        });
    }
    let refusals =
        replica.all(&caphub_proto::v1::Filter { kinds: vec!["refusal".to_owned()], ..Default::default() })?;
    let refused = |record: &caphub_proto::v1::Record| {
        let Some(caphub_proto::v1::revision::Record::Refusal(refusal)) =
            record.revision.as_ref().and_then(|r| r.record.as_ref())
        else {
            return Countries::NONE;
        };
        let party = PartyId::from_slice(&refusal.party);
        party.map_or(Countries::NONE, |party| Countries::one(world.country(&party)))
    };
    Ok(distribution::Facts {
        needs,
        refusals: refusals.iter().map(refused).collect(),
        offers: world.given(),
        engagements: engaged.all(),
        pledges,
    })
}

/// The name of a group or region.
pub fn group_name(t: &Texts, group: &str) -> String {
    let lang = lang(t);
    if group == "none" {
        return t.t("distribution-none");
    }
    let term = caphub_proto::codes::vocabulary::find_group(group).map(|g| g.names.name(lang));
    let region = region::find(group).map(|r| r.names.name(lang));
    term.or(region).unwrap_or(group).to_owned()
}

fn group_json(row: &GroupRow) -> Value {
    json!({ "group": row.group, "needs": row.needs, "matched": row.matched, "under_way": row.under_way,
        "served": row.served, "shut_off": row.shut_off, "refused": row.refused })
}

fn provider_json(row: &ProviderRow) -> Value {
    json!({ "provider": row.party.to_string(), "offers": row.offers, "unconditional": row.unconditional,
        "conditions": row.conditions, "pledged": row.pledged, "delivered": row.delivered, "confirmed": row.confirmed })
}
