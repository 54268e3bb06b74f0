//! `caphub match`: needs and offers that fit, with the points of each criterion and why not more.

use caphub_proto::exchange::matching::{Best, Criterion, Exclusion, Key, Match, RULE_SET, Weights, Why};
use caphub_proto::v1::revision::Record;
use serde_json::{Value, json};

use crate::arguments::MatchArgs;
use crate::commands::closed::Closures;
use crate::commands::world::{Held, World, key};
use crate::commands::{Context, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;

/// Matches of one record, or of all that are the organisation's own.
pub fn run(context: &Context, words: &MatchArgs) -> Outcome {
    let replica = context.replica()?;
    let rules = words.rules.as_ref().map(|id| Rules::of(&replica, id)).transpose()?;
    let weights = rules.as_ref().map_or_else(Weights::default, |rules| rules.weights);
    let mut world = World::read(&replica)?.weighed(weights).matched();
    let closures = Closures::read(&replica)?;
    let (needs, offers) = match &words.record {
        Some(id) => named(&replica, &world, id)?,
        None => {
            let own = |key: &&Key| key.0 == replica.core.party;
            (
                world.needs.keys().filter(own).copied().collect(),
                world.offers.keys().filter(own).copied().collect(),
            )
        }
    };
    if needs.is_empty() && offers.is_empty() {
        return Err(Failure::nothing("error-no-matches").hint("hint-match"));
    }
    let limit = words.limit.unwrap_or(5).max(1) as usize;
    let mut rows = Vec::new();
    for need in needs {
        let best = world.matcher.offers_for(&need).unwrap_or_default();
        rows.push(Row { own: Side::Need(need), best });
    }
    for offer in offers {
        let best = world.matcher.needs_for(&offer).unwrap_or_default();
        rows.push(Row { own: Side::Offer(offer), best });
    }
    let in_full = words.record.is_some();
    let view = View { context, world: &world, closures: &closures, weights, in_full };
    if context.json {
        let matches: Vec<Value> = rows.iter().map(|r| view.json(r)).collect();
        let rule_set = rules.as_ref().map_or(RULE_SET, |rules| rules.id.as_str());
        screen::json(&json!({ "rule_set": rule_set, "matches": matches }));
        return Ok(());
    }
    if let Some(rules) = &rules {
        table::wrapped(&context.texts.tf("match-rules", &[("title", &rules.title), ("who", &rules.who)]), 0);
    }
    rows.iter().for_each(|row| view.show(row, limit));
    if !view.in_full {
        context.say("match-hint", &[("total", &weights.total().to_string())]);
    }
    Ok(())
}

/// Weights that somebody has published, in place of those of `caphub/matching/1`.
struct Rules {
    id: String,
    title: String,
    who: String,
    weights: Weights,
}

impl Rules {
    fn of(replica: &Replica, id: &str) -> Result<Self, Failure> {
        let record = replica.find(id, Some("rule_set"))?;
        let Some(Record::RuleSet(rules)) = record.revision.as_ref().and_then(|r| r.record.clone()) else {
            return Err(Failure::nothing("error-no-record").with("id", id));
        };
        let bad = |e| Failure::usage("error-rule-set").because(e);
        let weights = Weights::of(&rules).map_err(bad)?;
        let (title, who) = (table::title(&record), table::who(&record));
        Ok(Self { id: screen::record_id(&record), title, who, weights })
    }
}

/// The need or offer whose id begins so.
fn named(replica: &Replica, world: &World, id: &str) -> Result<(Vec<Key>, Vec<Key>), Failure> {
    let found = match replica.find(id, Some("need")) {
        Err(failure) if failure.code() == 3 => replica.find(id, Some("offer"))?,
        found => found?,
    };
    let key = key(&found).ok_or_else(|| Failure::new("error-views"))?;
    let known = world.needs.contains_key(&key) || world.offers.contains_key(&key);
    match (known, found.kind == "need") {
        (false, _) => Err(Failure::nothing("error-no-record").with("id", id)),
        (true, true) => Ok((vec![key], Vec::new())),
        (true, false) => Ok((Vec::new(), vec![key])),
    }
}

/// A record whose counterparts are shown.
#[derive(Clone, Copy)]
enum Side {
    Need(Key),
    Offer(Key),
}

struct Row {
    own: Side,
    best: Best,
}

struct View<'a> {
    context: &'a Context,
    world: &'a World,
    closures: &'a Closures<'a>,
    weights: Weights,
    in_full: bool,
}

/// What is shown of a need or an offer.
struct Shown<'a> {
    id: String,
    title: String,
    who: String,
    record: &'a caphub_proto::v1::Record,
}

impl View<'_> {
    fn shown(&self, side: Side) -> Option<Shown<'_>> {
        let record = match side {
            Side::Need(key) => &self.world.needs.get(&key)?.record,
            Side::Offer(key) => &self.world.offers.get(&key)?.record,
        };
        Some(Shown {
            id: screen::record_id(record),
            title: table::title(record),
            who: table::who(record),
            record,
        })
    }

    fn counterpart(own: Side, key: Key) -> Side {
        match own {
            Side::Need(_) => Side::Offer(key),
            Side::Offer(_) => Side::Need(key),
        }
    }

    /// The need and the offer of a pair.
    fn pair(own: Side, key: Key) -> (Key, Key) {
        match own {
            Side::Need(need) => (need, key),
            Side::Offer(offer) => (key, offer),
        }
    }

    fn show(&self, row: &Row, limit: usize) {
        let t = &self.context.texts;
        let Some(own) = self.shown(row.own) else { return };
        let kind = if matches!(row.own, Side::Need(_)) { "match-need" } else { "match-offer" };
        let short = own.id.get(..8).unwrap_or_default();
        screen::line(&format!("{short}  {}", table::fit(&own.title, 68)));
        let counts = [("open", row.best.open.to_string()), ("shut", row.best.shut.to_string())];
        screen::line(&format!("  {}", t.tf(kind, &counts.each_ref().map(|(k, v)| (*k, v.as_str())))));
        for (key, met) in row.best.top.iter().take(limit) {
            let Some(other) = self.shown(Self::counterpart(row.own, *key)) else { continue };
            let short = other.id.get(..8).unwrap_or_default();
            let (title, who) = (table::pad(&other.title, 38), table::fit(&other.who, 20));
            screen::line(&format!("  {:>3}  {short}  {title}  {who}", met.score));
            for exclusion in met.exclusions.iter() {
                table::wrapped(&self.exclusion(Self::pair(row.own, *key), exclusion), 7);
            }
            for closure in self.closures.of(other.record, &self.country(row.own, *key)) {
                table::wrapped(&closure.words(t), 7);
            }
            self.reasons(met);
        }
    }

    /// Where points are missing: each criterion in full, or all in one sentence.
    fn reasons(&self, met: &Match) {
        let (t, weights) = (&self.context.texts, &self.weights);
        let mut less = Vec::new();
        for (criterion, share) in Criterion::ALL.iter().zip(met.shares) {
            let points = weights.points(*criterion, share.share);
            let name = t.t(&criterion_key(*criterion));
            let of = weights.of_criterion(*criterion);
            if of == 0 {
                // Other weights leave it out.
                continue;
            }
            if self.in_full {
                let why = t.t(&why_key(share.why));
                table::wrapped(&format!("{points:>2}/{of:<2} {name}: {why}"), 7);
            } else if share.why != Why::Full {
                less.push(format!("{name} {points}/{of}"));
            }
        }
        if !less.is_empty() {
            table::wrapped(&t.tf("match-less", &[("criteria", &less.join(", "))]), 7);
        }
    }

    /// Why an offer is shut off, with the words of the offer where it has some.
    fn exclusion(&self, (need, offer): (Key, Key), exclusion: Exclusion) -> String {
        let held = self.world.offers.get(&offer);
        let rule = held.and_then(|h| h.content.eligibility.as_ref());
        let reason = rule.map(|r| screen::plain(&r.exclusion_reason)).unwrap_or_default();
        let t = &self.context.texts;
        let asked = self.world.asked(&need).map(|asked| asked.words(t)).unwrap_or_default();
        t.tf(&exclusion_key(exclusion), &[("reason", &reason), ("asked", &asked)])
    }

    /// The countries of the need of a pair, for what is reported to be closed there.
    fn country(&self, own: Side, key: Key) -> Vec<&'static str> {
        let (need, _) = Self::pair(own, key);
        self.world.beneficiaries(&need).iter().map(|c| c.alpha2).collect()
    }

    fn json(&self, row: &Row) -> Value {
        let kind = if matches!(row.own, Side::Need(_)) { "need" } else { "offer" };
        let own = self.shown(row.own);
        let found = row.best.top.iter().filter_map(|(key, met)| {
            let other = self.shown(Self::counterpart(row.own, *key))?;
            let closures: Vec<Value> = self
                .closures
                .of(other.record, &self.country(row.own, *key))
                .iter()
                .map(|c| c.json())
                .collect();
            let reason = self.world.offers.get(&Self::pair(row.own, *key).1).and_then(reason_of);
            let mut value = json!({
                "id": other.id, "party": key.0.to_string(), "party_name": other.who, "title": other.title,
                "barriers": closures,
            });
            value.as_object_mut()?.extend(match_json(&self.context.texts, met, reason, &self.weights));
            Some(value)
        });
        json!({
            "kind": kind, "id": own.as_ref().map(|o| o.id.clone()), "title": own.as_ref().map(|o| o.title.clone()),
            "open": row.best.open, "shut_off": row.best.shut, "best": found.collect::<Vec<_>>(),
        })
    }
}

fn reason_of(held: &Held<caphub_proto::v1::Offer>) -> Option<String> {
    let rule = held.content.eligibility.as_ref()?;
    Some(rule.exclusion_reason.clone()).filter(|r| !r.is_empty())
}

/// A match for programs: score, criteria with codes and words, and what shuts it off.
pub fn match_json(
    texts: &crate::texts::Texts,
    met: &Match,
    reason: Option<String>,
    weights: &Weights,
) -> serde_json::Map<String, Value> {
    let criteria = Criterion::ALL.iter().zip(met.shares).map(|(criterion, share)| {
        json!({
            "criterion": criterion.code(), "points": weights.points(*criterion, share.share),
            "of": weights.of_criterion(*criterion), "why": share.why.code(), "words": texts.t(&why_key(share.why)),
        })
    });
    let exclusions: Vec<&str> = met.exclusions.iter().map(Exclusion::code).collect();
    let value = json!({
        "score": met.score, "of": weights.total(), "criteria": criteria.collect::<Vec<_>>(),
        "exclusions": exclusions, "exclusion_reason": reason.filter(|_| met.exclusions.iter().any(|e| e == Exclusion::Excluded)),
    });
    match value {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

/// The sentence of a criterion.
pub fn criterion_key(criterion: Criterion) -> String {
    format!("criterion-{}", criterion.code().replace('_', "-"))
}

/// The sentence of a reason.
pub fn why_key(why: Why) -> String {
    format!("why-{}", why.code().replace('_', "-"))
}

/// The sentence of an exclusion.
pub fn exclusion_key(exclusion: Exclusion) -> String {
    format!("exclusion-{}", exclusion.code().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts;

    #[test]
    fn every_code_of_the_rules_has_its_words_in_both_languages() {
        for tag in ["en", "fr"] {
            let texts = texts::of(tag);
            let keys = Criterion::ALL.map(criterion_key).into_iter();
            let keys = keys.chain(Why::ALL.iter().map(|w| why_key(*w)));
            let keys = keys.chain(Exclusion::ALL.iter().map(|e| exclusion_key(*e)));
            let missing: Vec<String> = keys.filter(|k| !texts.has(k)).collect();
            assert_eq!(missing, Vec::<String>::new(), "{tag}");
        }
    }
}
