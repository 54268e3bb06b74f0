//! `caphub offers`: those that could serve my needs, what shuts some of them off, and how to answer.

use caphub_proto::exchange::distribution::unconditional;
use caphub_proto::exchange::matching::NeedFacts;
use caphub_proto::exchange::matching::{Key, Match, Weights, judge};
use caphub_proto::exchange::place::{Countries, Eligible};
use caphub_proto::v1::Offer;
use serde_json::{Value, json};

use crate::arguments::Offers;
use crate::commands::asked::Asked;
use crate::commands::closed::Closures;
use crate::commands::matches::{exclusion_key, match_json};
use crate::commands::world::{Held, World};
use crate::commands::{Context, confirmed, table};
use crate::failure::Outcome;
use crate::screen;

/// A need of mine, ready to be compared.
type Mine<'a> = (Key, &'a Held<caphub_proto::v1::Need>, NeedFacts);

/// Offers that share a theme with one of my needs; each says why, and what shuts it off.
pub fn run(context: &Context, words: &Offers) -> Outcome {
    let replica = context.replica()?;
    let world = World::read(&replica)?;
    let closures = Closures::read(&replica)?;
    let me = replica.core.party;
    let country = match world.country(&me) {
        "" => replica.me.country.clone(),
        known => known.to_owned(),
    };
    let needs: Vec<Mine<'_>> = world
        .needs
        .iter()
        .filter(|(key, _)| key.0 == me)
        .map(|(key, held)| (*key, held, world.need_facts(key, &held.content, &country)))
        .collect();
    let wanted = |held: &Held<Offer>| !words.unconditional || unconditional(&held.content);
    let offers: Vec<(&Key, &Held<Offer>)> =
        world.offers.iter().filter(|(key, held)| key.0 != me && wanted(held)).collect();
    let closed = |held: &Held<Offer>| {
        let known = caphub_proto::codes::country::by_alpha2(&country).map(|c| c.alpha2);
        closures.of(&held.record, known.as_slice())
    };
    let met = |key: &Key, held: &Held<Offer>, need: &Mine<'_>| {
        judge(&need.2, &world.offer_facts(key, &held.content), &Weights::default(), world.today)
    };
    if context.json {
        let listed = offers.iter().map(|(key, held)| {
            let fits = needs.iter().filter_map(|need| Some((need, met(key, held, need)?)));
            let (mut serves, mut matches) = (Vec::new(), Vec::new());
            for (need, met) in fits {
                let id = screen::record_id(&need.1.record);
                if met.exclusions.is_empty() {
                    serves.push(id.clone());
                }
                let mut value = match_json(&context.texts, &met, None, &Weights::default());
                value.insert("need".to_owned(), json!(id));
                matches.push(Value::Object(value));
            }
            let mut value = screen::record_json(&held.record);
            value["serves"] = json!(serves);
            value["eligible"] = json!(eligible(&held.content, &country));
            value["unconditional"] = json!(unconditional(&held.content));
            value["matches"] = json!(matches);
            value["barriers"] = json!(closed(held).iter().map(|c| c.json()).collect::<Vec<_>>());
            value
        });
        screen::json(&listed.collect());
        return Ok(());
    }
    let say_closed = |held: &Held<Offer>| {
        closed(held).iter().for_each(|c| table::wrapped(&c.words(&context.texts), 10));
    };
    if needs.is_empty() {
        context.say("offers-no-needs", &[]);
        let open = offers.iter().filter(|(_, held)| eligible(&held.content, &country));
        let shown = open.map(|(_, held)| {
            screen::line(&screen::record_line(&context.texts, &held.record));
            say_closed(held);
        });
        if shown.count() == 0 {
            context.say("no-records", &[]);
        }
        return Ok(());
    }
    let mut pairs: Vec<(Match, &Held<Offer>, &Mine<'_>, Key)> = Vec::new();
    for (key, held) in &offers {
        pairs.extend(needs.iter().filter_map(|need| Some((met(key, held, need)?, *held, need, **key))));
    }
    pairs.sort_by_key(|(m, _, need, key)| {
        (!m.exclusions.is_empty(), std::cmp::Reverse(m.score), *key, need.0)
    });
    for (met, held, (key, need, _), _) in &pairs {
        screen::line(&screen::record_line(&context.texts, &held.record));
        say(context, met, held, (need, world.asked(key)));
        if let Some(words) = confirmed::words(&context.texts, &held.record) {
            table::wrapped(&words, 10);
        }
        say_closed(held);
    }
    match pairs.is_empty() {
        true => context.say("offers-none", &[]),
        false => context.say("offers-answer", &[]),
    }
    Ok(())
}

/// Which need an offer could serve, or what shuts it off.
fn say(
    context: &Context,
    met: &Match,
    held: &Held<Offer>,
    (need, asked): (&Held<caphub_proto::v1::Need>, Option<&Asked>),
) {
    let (title, id) = (table::title(&need.record), screen::record_id(&need.record));
    let shared: Vec<&str> =
        held.content.themes.iter().filter(|t| need.content.themes.contains(t)).map(String::as_str).collect();
    let values = [
        ("need", title.as_str()),
        ("id", id.get(..8).unwrap_or_default()),
        ("themes", &shared.join(", ")),
        ("score", &met.score.to_string()),
    ];
    table::wrapped(&context.texts.tf("offer-serves", &values), 10);
    let reason =
        held.content.eligibility.as_ref().map(|r| screen::plain(&r.exclusion_reason)).unwrap_or_default();
    let asked = asked.map(|asked| asked.words(&context.texts)).unwrap_or_default();
    for exclusion in met.exclusions.iter() {
        let values = [("reason", reason.as_str()), ("asked", &asked)];
        table::wrapped(&context.texts.tf(&exclusion_key(exclusion), &values), 10);
    }
}

/// Whether an offer's own rule lets a country take it up; an offer without a rule is for all.
fn eligible(offer: &Offer, alpha2: &str) -> bool {
    let may = Eligible::of(offer.eligibility.as_ref()).countries();
    may == Countries::all() || Countries::one(alpha2).and(may) != Countries::NONE
}

#[cfg(test)]
mod tests {
    use super::*;
    use caphub_proto::v1::Eligibility;

    #[test]
    fn an_offer_is_for_those_that_its_rule_names() {
        let rule = |rule: Eligibility| Offer { eligibility: Some(rule), ..Offer::default() };
        let sids = rule(Eligibility { groups: vec!["sids".to_owned()], ..Eligibility::default() });
        assert!(eligible(&sids, "TV") && !eligible(&sids, "AT"));
        let named = Eligibility { excluded_countries: vec!["TV".to_owned()], ..Eligibility::default() };
        assert!(!eligible(&rule(named), "TV"));
        assert!(eligible(&Offer::default(), "TV") && eligible(&Offer::default(), ""));
    }
}
