//! `caphub offers`: those that could serve my needs, and how to answer.

use caphub_proto::codes;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Filter, Need, Offer};

use crate::commands::Context;
use crate::commands::records::print_records;
use crate::failure::Outcome;
use crate::screen;

/// Offers that share a theme with one of my needs and do not exclude my country; each says why.
pub fn run(context: &Context) -> Outcome {
    let replica = context.replica()?;
    let mine =
        Filter { kinds: vec!["need".to_owned()], party_id: replica.core.party.to_vec(), ..Filter::default() };
    let needs: Vec<(v1::Record, Need)> = replica.readable(&mine)?.into_iter().filter_map(need).collect();
    let all = Filter { kinds: vec!["offer".to_owned()], ..Filter::default() };
    let offers: Vec<(v1::Record, Offer)> = replica
        .readable(&all)?
        .into_iter()
        .filter(|r| r.party_id != replica.core.party.as_bytes())
        .filter_map(offer)
        .collect();
    let country = replica.me.country.clone();
    let fits = |o: &Offer, n: &Need| o.themes.iter().any(|t| n.themes.contains(t)) && eligible(o, &country);
    if context.json {
        let matches = offers.iter().map(|(record, o)| {
            let serves: Vec<String> =
                needs.iter().filter(|(_, n)| fits(o, n)).map(|(need, _)| screen::record_id(need)).collect();
            let mut value = screen::record_json(record);
            value["serves"] = serde_json::json!(serves);
            value["eligible"] = serde_json::json!(eligible(o, &country));
            value
        });
        screen::json(&matches.collect());
        return Ok(());
    }
    if needs.is_empty() {
        context.say("offers-no-needs", &[]);
        let open: Vec<v1::Record> =
            offers.into_iter().filter(|(_, o)| eligible(o, &country)).map(|(r, _)| r).collect();
        print_records(context, &open);
        return Ok(());
    }
    let mut shown = 0;
    for (record, o) in &offers {
        for (need, n) in needs.iter().filter(|(_, n)| fits(o, n)) {
            let shared: Vec<&str> =
                o.themes.iter().filter(|t| n.themes.contains(t)).map(String::as_str).collect();
            screen::line(&screen::record_line(record));
            let title = n.title.as_ref().map(|t| screen::plain(&t.text)).unwrap_or_default();
            let need_id = screen::record_id(need);
            let values = [
                ("need", title.as_str()),
                ("id", need_id.get(..8).unwrap_or_default()),
                ("themes", &shared.join(", ")),
            ];
            screen::line(&format!("          {}", context.texts.tf("offer-serves", &values)));
            shown += 1;
        }
    }
    match shown {
        0 => context.say("offers-none", &[]),
        _ => context.say("offers-answer", &[]),
    }
    Ok(())
}

fn need(record: v1::Record) -> Option<(v1::Record, Need)> {
    match record.revision.clone()?.record? {
        Record::Need(need) => Some((record, need)),
        _ => None,
    }
}

fn offer(record: v1::Record) -> Option<(v1::Record, Offer)> {
    match record.revision.clone()?.record? {
        Record::Offer(offer) => Some((record, offer)),
        _ => None,
    }
}

/// Whether an offer's own rule lets a country take it up; an offer without a rule is for all.
fn eligible(offer: &Offer, alpha2: &str) -> bool {
    let Some(rule) = &offer.eligibility else { return true };
    if rule.excluded_countries.iter().any(|c| c == alpha2) {
        return false;
    }
    let open = rule.countries.is_empty() && rule.regions.is_empty() && rule.groups.is_empty();
    let country = codes::country::by_alpha2(alpha2);
    let grouped = |group: &String| {
        country.is_some_and(|c| match group.as_str() {
            "ldc" => c.ldc,
            "lldc" => c.lldc,
            "sids" => c.sids,
            _ => false,
        })
    };
    open || rule.countries.iter().any(|c| c == alpha2)
        || rule.regions.iter().any(|r| codes::region::contains(r, alpha2))
        || rule.groups.iter().any(grouped)
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
        assert!(eligible(&Offer::default(), "TV"));
    }
}
