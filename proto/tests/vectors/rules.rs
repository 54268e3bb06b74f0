//! `rules.json`: matching, priority, allocation, coverage and distribution (SPEC.md section 16).

use caphub_proto::exchange::allocation::{self, Application};
use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::engagement::{escalation, scope};
use caphub_proto::exchange::matching::{self, Criterion, NeedFacts, OfferFacts};
use caphub_proto::exchange::place::{Countries, Eligible};
use caphub_proto::exchange::{coverage, day, distribution, priority};
use caphub_proto::v1::{Eligibility, Need, Offer, RuleSet};
use caphub_proto::wire::{EntryHash, PartyId, RecordId};
use serde::Serialize;
use serde_json::{Value, json};

const TODAY: &str = "2026-11-25";

#[derive(Serialize)]
pub struct RuleCase {
    pub name: String,
    /// matching, priority, allocation, closing, coverage or distribution.
    pub kind: &'static str,
    pub input: Value,
    pub result: Value,
}

/// What the code makes of a case.
pub fn judged(case: &RuleCase) -> Value {
    let i = &case.input;
    match case.kind {
        "matching" => match_result(i),
        "priority" => priority_result(i),
        "allocation" => allocation_result(i),
        "closing" => crate::closings::judged(i),
        "coverage" => coverage_result(i),
        _ => distribution_result(i),
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn set(value: &Value) -> Countries {
    Countries::named(&read::<Vec<String>>(value), &[])
}
fn hash(value: &Value) -> EntryHash {
    value.as_str().unwrap().parse().unwrap()
}
fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn match_result(i: &Value) -> Value {
    let (need, offer): (Need, Offer) = (read(&i["need"]), read(&i["offer"]));
    let weights = match i["weights"].is_null() {
        true => matching::Weights::default(),
        false => match matching::Weights::of(&read::<RuleSet>(&i["weights"])) {
            Ok(weights) => weights,
            Err(_) => return json!("bad weights"),
        },
    };
    let country = i["country"].as_str().unwrap();
    let today = day::parse(TODAY).unwrap();
    let one = NeedFacts::of(PartyId([1; 32]), country, &need);
    let stated = i["stated_ms"].as_u64().unwrap_or_default();
    let asked = scope(&need.escalation, stated, i["answered_ms"].as_u64(), escalation::end_of_day(today));
    let one = one.clone().asked_in(escalation::reach(asked, &one.countries()));
    let home = Countries::one(i["provider_country"].as_str().unwrap_or_default());
    let two = OfferFacts::of(PartyId([2; 32]), &offer).from(home);
    let Some(found) = matching::judge(&one, &two, &weights, today) else {
        return Value::Null;
    };
    let criteria = Criterion::ALL.iter().zip(found.shares).map(|(criterion, share)| {
        json!({ "criterion": criterion.code(), "share": share.share, "why": share.why.code(),
            "points": weights.points(*criterion, share.share) })
    });
    json!({ "score": found.score, "criteria": criteria.collect::<Vec<_>>(),
        "exclusions": found.exclusions.iter().map(|e| e.code()).collect::<Vec<_>>() })
}

fn priority_result(i: &Value) -> Value {
    let weights = match i["weights"].is_null() {
        true => priority::Weights::default(),
        false => priority::Weights::of(&read::<RuleSet>(&i["weights"])).unwrap(),
    };
    let standing = priority::Standing {
        countries: set(&i["countries"]),
        unmet: i["unmet"].as_bool().unwrap(),
        served: number(&i["served"]),
        waiting_days: number(&i["waiting_days"]),
    };
    let found = priority::judge(&standing, &weights);
    json!({ "score": found.score, "points": found.points })
}

fn allocation_result(i: &Value) -> Value {
    let applications: Vec<Application> = i["applications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| Application {
            hash: hash(&a["application"]),
            party: a["party"]
                .as_u64()
                .map_or_else(|| PartyId(hash(&a["application"]).0), |n| PartyId([n as u8; 32])),
            turn: a["turn"].as_u64().unwrap_or_default() as u32,
            countries: set(&a["countries"]),
            attested: a["attested"].as_bool().unwrap(),
            priority: number(&a["priority"]),
        })
        .collect();
    let hashes: Vec<EntryHash> = applications.iter().map(|a| a.hash).collect();
    let list = allocation::list_hash(&hash(&i["call"]), &hashes);
    let value = i["value"].as_str().map(|v| hex::decode(v).unwrap());
    let eligible = Eligible::of(Some(&read::<Eligibility>(&i["eligibility"])));
    let placed =
        allocation::allocate(number(&i["places"]), &eligible, &applications, &list, value.as_deref());
    let placed = placed.iter().map(|p| {
        json!({ "application": p.application.hash.to_string(), "outcome": p.outcome.code(), "rank": p.rank,
            "tier": p.tier, "round": p.round, "lot": p.lot.map(hex::encode) })
    });
    json!({ "list_hash": hex::encode(list), "placed": placed.collect::<Vec<_>>() })
}

fn coverage_result(i: &Value) -> Value {
    let needs = i["needs"].as_array().unwrap().iter().map(|n| coverage::Need {
        key: (PartyId([number(&n["id"]) as u8; 32]), RecordId::default()),
        countries: set(&n["countries"]),
        themes: read(&n["themes"]),
        since: day::parse(n["since"].as_str().unwrap()).unwrap(),
        open_offers: number(&n["open_offers"]),
        met: n["met"].as_bool().unwrap(),
    });
    let facts =
        coverage::Facts { hubs: set(&i["hubs"]), admitted: set(&i["admitted"]), needs: needs.collect() };
    let (within, today) = (Countries::of_region(i["region"].as_str().unwrap()), day::parse(TODAY).unwrap());
    let counts = |c: &coverage::Counts| {
        json!({ "needs": c.needs, "unmet": c.unmet, "without_offer": c.without_offer,
            "themes_without_offer": c.themes_without_offer, "longest_days": c.longest_days })
    };
    let countries = coverage::countries(&facts, within, today);
    let countries = countries.iter().map(|r| {
        json!({ "country": r.country.alpha2, "hub": r.hub, "admitted": r.admitted, "counts": counts(&r.counts) })
    });
    let regions = coverage::regions(&facts, within, today);
    let regions = regions.iter().map(|r| {
        json!({ "region": r.region, "countries": r.countries, "with_hub": r.with_hub, "admitted": r.admitted,
            "counts": counts(&r.counts) })
    });
    let unmet = coverage::unmet(&facts, within);
    json!({ "countries": countries.collect::<Vec<_>>(), "regions": regions.collect::<Vec<_>>(),
        "unmet": unmet.iter().map(|n| n.key.0.0[0]).collect::<Vec<_>>() })
}

fn distribution_result(i: &Value) -> Value {
    let stage = |v: &Value| v.as_str().and_then(distribution::Stage::of);
    let list = |name: &str| i[name].as_array().unwrap().clone();
    let provider = |v: &Value| PartyId([number(v) as u8; 32]);
    let facts = distribution::Facts {
        needs: list("needs")
            .iter()
            .map(|n| distribution::Need {
                countries: set(&n["countries"]),
                open_offers: number(&n["open_offers"]),
                shut_offers: number(&n["shut_offers"]),
                stage: stage(&n["state"]),
            })
            .collect(),
        refusals: list("refusals").iter().map(set).collect(),
        offers: list("offers")
            .iter()
            .map(|o| {
                let offer: Offer = read(&o["offer"]);
                distribution::Given {
                    party: provider(&o["provider"]),
                    conditions: offer.conditions.len() as u32,
                    unconditional: distribution::unconditional(&offer),
                }
            })
            .collect(),
        engagements: list("engagements")
            .iter()
            .map(|e| (provider(&e["provider"]), stage(&e["state"]).unwrap()))
            .collect(),
        pledges: list("pledges")
            .iter()
            .map(|p| {
                let amount = |name: &str| p[name].as_str().unwrap().parse().unwrap();
                distribution::Pledge {
                    party: provider(&p["provider"]),
                    currency: read(&p["currency"]),
                    pledged: amount("pledged"),
                    paid: amount("paid"),
                    paid_back: amount("paid_back"),
                }
            })
            .collect(),
    };
    let groups = distribution::groups(&facts).into_iter().map(|r| {
        json!({ "group": r.group, "needs": r.needs, "matched": r.matched, "under_way": r.under_way,
            "served": r.served, "shut_off": r.shut_off, "refused": r.refused })
    });
    let providers = distribution::providers(&facts).into_iter().map(|r| {
        json!({ "provider": r.party.0[0], "offers": r.offers, "unconditional": r.unconditional,
            "conditions": r.conditions, "pledged": r.pledged, "delivered": r.delivered, "confirmed": r.confirmed })
    });
    let money = distribution::money(&facts).into_iter().map(|r| {
        let text = |amount: Option<Amount>| amount.map(|a| a.to_string());
        json!({ "provider": r.party.0[0], "currency": r.currency, "pledged": text(r.pledged), "paid": text(r.paid),
            "paid_back": text(r.paid_back) })
    });
    json!({ "groups": groups.collect::<Vec<_>>(), "providers": providers.collect::<Vec<_>>(),
        "money": money.collect::<Vec<_>>() })
}

pub fn cases() -> Vec<RuleCase> {
    let mut cases = Vec::new();
    let mut add = |name: &str, kind: &'static str, input: Value| {
        let mut case = RuleCase { name: name.to_owned(), kind, input, result: Value::Null };
        case.result = judged(&case);
        cases.push(case);
    };
    matches(&mut |name, need, offer| {
        add(&format!("match: {name}"), "matching", json!({ "country": "TV", "need": need, "offer": offer }));
    });
    let weighed = |weights: Value| {
        json!({ "country": "TV", "need": { "themes": ["cybercrime", "standards"] }, "offer": { "themes": ["cybercrime"] },
            "weights": { "rule_type": "matching", "weights": weights } })
    };
    let own = json!([{ "criterion": "theme", "weight": 1000 }, { "criterion": "place", "weight": 7 }]);
    add("match: own weights", "matching", weighed(own));
    add("match: a weight too heavy", "matching", weighed(json!([{ "criterion": "theme", "weight": 1001 }])));
    add(
        "match: a criterion that is not known",
        "matching",
        weighed(json!([{ "criterion": "luck", "weight": 1 }])),
    );
    asked(&mut add);
    for (name, countries, unmet, served, waiting_days) in [
        ("an island with an old need", json!(["TV"]), true, 0, 400),
        ("a short wait", json!(["NP"]), true, 1, 100),
        ("a wait without a need", json!(["FR"]), false, 0, 900),
        ("no country", json!([]), true, 0, 359),
        ("several countries", json!(["FR", "BO"]), true, 3, 24),
    ] {
        let input =
            json!({ "countries": countries, "unmet": unmet, "served": served, "waiting_days": waiting_days });
        add(&format!("priority: {name}"), "priority", input);
    }
    let rules = json!({ "rule_type": "priority", "weights": [{ "criterion": "waiting", "weight": 7 }, { "criterion": "ldc", "weight": 1 }] });
    let input =
        json!({ "countries": ["TV"], "unmet": true, "served": 0, "waiting_days": 100, "weights": rules });
    add("priority: own weights", "priority", input);
    allocations(&mut |name, input| add(&format!("allocation: {name}"), "allocation", input));
    crate::closings::cases(&mut |name, input| add(&format!("closing: {name}"), "closing", input));
    add("coverage: the Pacific", "coverage", pacific("009"));
    add("coverage: a sub-region", "coverage", pacific("061"));
    add("distribution: groups and providers", "distribution", shares());
    cases
}

/// A need of a state that is asked ever further.
fn asked(add: &mut dyn FnMut(&str, &'static str, Value)) {
    let day_ms = |date: &str| u64::try_from(day::parse(date).unwrap()).unwrap() * 86_400_000;
    let steps = json!([{ "scope": "region", "after_days": 10 }, { "scope": "all", "after_days": 20 }]);
    for (name, provider, stated, answered) in [
        ("its sub-region alone, one of it", "WS", "2026-11-20", None),
        ("its sub-region alone, one of the region", "FJ", "2026-11-16", None),
        ("its region by the end of the day, one of it", "FJ", "2026-11-15", None),
        ("its region, one of another", "FR", "2026-11-06", None),
        ("all, after so many days", "FR", "2026-11-05", None),
        ("its region, since somebody answered", "FR", "2026-10-01", Some("2026-10-12")),
        ("its region, nobody of any country", "", "2026-11-10", None),
        ("dated ahead", "FJ", "2027-11-10", None),
    ] {
        let need = json!({ "themes": ["cybercrime"], "escalation": steps });
        let input = json!({ "country": "TV", "need": need, "offer": { "themes": ["cybercrime"] },
            "provider_country": provider, "stated_ms": day_ms(stated), "answered_ms": answered.map(day_ms) });
        add(&format!("match: asked in {name}"), "matching", input);
    }
    let input = json!({ "country": "", "need": { "themes": ["cybercrime"], "escalation": steps },
        "offer": { "themes": ["cybercrime"] }, "provider_country": "FR", "stated_ms": day_ms(TODAY) });
    add("match: asked for nobody in particular", "matching", input);
}

fn matches(add: &mut dyn FnMut(&str, Value, Value)) {
    let need = json!({ "themes": ["incident_management", "cybercrime"] });
    let offer = json!({ "themes": ["cybercrime", "incident_management"], "offer_type": "training" });
    let with = |base: &Value, more: Value| {
        let mut all = base.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    add("nothing more is stated", need.clone(), offer.clone());
    add("no theme in common", need.clone(), json!({ "themes": ["standards"] }));
    let many = json!({ "themes": ["cybercrime", "cybercrime", "nice:a", "nice:b", "standards"] });
    add("some themes, of several lists", many, json!({ "themes": ["nice:b", "nice:c", "standards"] }));
    for (name, asks, gives) in [
        ("place: named", json!({}), json!({ "countries": ["TV"], "cost": { "free": true } })),
        ("place: in a region", json!({}), json!({ "countries": ["FJ"], "regions": ["061"] })),
        ("place: some of them", json!({ "countries": ["TV", "FR"] }), json!({ "regions": ["009"] })),
        ("place: elsewhere", json!({}), json!({ "countries": ["FJ"] })),
        ("place: a region as the need", json!({ "regions": ["061"] }), json!({ "regions": ["009"] })),
        ("type: asked for", json!({ "offer_types": ["training", "equipment"] }), json!({})),
        ("type: another", json!({ "offer_types": ["equipment"] }), json!({})),
        (
            "delivery: the same",
            json!({ "delivery_modes": ["online"] }),
            json!({ "delivery_modes": ["online", "hybrid"] }),
        ),
        (
            "delivery: near",
            json!({ "delivery_modes": ["in_person"] }),
            json!({ "delivery_modes": ["hybrid"] }),
        ),
        (
            "delivery: near, the other way",
            json!({ "delivery_modes": ["hybrid"] }),
            json!({ "delivery_modes": ["online"] }),
        ),
        ("delivery: unstated", json!({ "delivery_modes": ["hybrid"] }), json!({})),
        (
            "delivery: other",
            json!({ "delivery_modes": ["hybrid"] }),
            json!({ "delivery_modes": ["self_paced"] }),
        ),
        (
            "language: a regional form",
            json!({ "languages": ["fr-CA", "es"] }),
            json!({ "languages": ["FR"] }),
        ),
        ("language: unstated", json!({ "languages": ["fr"] }), json!({})),
        ("language: other", json!({ "languages": ["fr"] }), json!({ "languages": ["en", "es"] })),
        (
            "window: a part",
            json!({ "window": { "from": "2027-01-01", "until": "2027-01-31" } }),
            json!({ "window": { "from": "2027-01-22" } }),
        ),
        (
            "window: one day of a thousand",
            json!({ "window": { "from": "2027-01-01", "until": "2029-09-26" } }),
            json!({ "window": { "until": "2027-01-01" } }),
        ),
        (
            "window: without an end",
            json!({ "window": { "from": "2027-01-01" } }),
            json!({ "window": { "until": "2027-01-01" } }),
        ),
        (
            "window: apart",
            json!({ "window": { "from": "2027-01-02" } }),
            json!({ "window": { "until": "2027-01-01" } }),
        ),
        (
            "window: across a leap day",
            json!({ "window": { "from": "2028-02-28", "until": "2028-03-01" } }),
            json!({ "window": { "from": "2028-02-29" } }),
        ),
        (
            "capacity: enough",
            json!({ "asked": { "amount": 5, "unit": "seats" } }),
            json!({ "capacity": { "amount": 5, "unit": " Seats " } }),
        ),
        (
            "capacity: a part",
            json!({ "asked": { "amount": 7, "unit": "seats" } }),
            json!({ "capacity": { "amount": 3, "unit": "seats" } }),
        ),
        (
            "capacity: another unit",
            json!({ "asked": { "amount": 7, "unit": "seats" } }),
            json!({ "capacity": { "amount": 9, "unit": "days" } }),
        ),
        (
            "capacity: unstated",
            json!({ "asked": { "amount": 7, "unit": "seats" } }),
            json!({ "capacity": { "amount": 0, "unit": "seats" } }),
        ),
        ("eligibility: a group", json!({}), json!({ "eligibility": { "groups": ["sids"] } })),
        (
            "eligibility: some",
            json!({ "countries": ["TV", "FR"] }),
            json!({ "eligibility": { "regions": ["150"] } }),
        ),
        ("eligibility: none", json!({}), json!({ "eligibility": { "groups": ["lldc"] } })),
        (
            "eligibility: excluded",
            json!({}),
            json!({ "eligibility": { "groups": ["sids"], "excluded_countries": ["TV"], "exclusion_reason": "x" } }),
        ),
        (
            "eligibility: one excluded, one not let in",
            json!({ "countries": ["TV", "FR"] }),
            json!({ "eligibility": { "groups": ["sids"], "excluded_countries": ["TV"], "exclusion_reason": "x" } }),
        ),
        ("cost: a price", json!({}), json!({ "cost": { "price": { "amount": "10", "currency": "USD" } } })),
        (
            "terms: conditions to read",
            json!({ "terms": { "law": "Tuvalu" } }),
            json!({ "conditions": [{ "language": "en", "text": "c" }] }),
        ),
        (
            "terms: another language",
            json!({ "terms": { "languages": ["fr"] } }),
            json!({ "languages": ["en"] }),
        ),
        (
            "terms: the same language in another case",
            json!({ "terms": { "languages": ["fr"] } }),
            json!({ "languages": ["FR", "en"] }),
        ),
        (
            "terms: data elsewhere",
            json!({ "terms": { "data_locations": ["TV"] } }),
            json!({ "data_locations": ["TV", "NZ"] }),
        ),
        ("terms: another law", json!({ "terms": { "law": "Tuvalu" } }), json!({ "law": "Fiji" })),
        (
            "terms: technology not accepted",
            json!({ "terms": { "technology_not_accepted": ["Cloud X"] } }),
            json!({ "technology": [" cloud x", "y"] }),
        ),
        ("reach: not from there", json!({}), json!({ "reachable_from": { "regions": ["150"] } })),
        ("reach: from there", json!({}), json!({ "reachable_from": { "countries": ["TV"] } })),
        ("past: the offer", json!({}), json!({ "window": { "until": "2026-11-24" } })),
        (
            "past: the need",
            json!({ "window": { "until": "2026-11-24" } }),
            json!({ "window": { "until": "2026-11-25" } }),
        ),
    ] {
        add(name, with(&need, asks), with(&offer, gives));
    }
}

fn allocations(add: &mut dyn FnMut(&str, Value)) {
    let id = |n: u32| hex::encode([n as u8; 32]);
    let application = |n: u32, country: &str, priority: u32| json!({ "application": id(n), "countries": [country], "attested": n != 9, "priority": priority });
    let twelve: Vec<Value> =
        (1..=12).map(|n| application(n, ["TV", "NP", "FR"][n as usize % 3], n / 4 * 10)).collect();
    let call = id(200);
    let input = |places: u32, eligibility: Value, value: Value| json!({ "call": call, "places": places, "eligibility": eligibility, "applications": twelve, "value": value });
    add("drawn", input(6, json!({}), json!("00ff10")));
    add("another value", input(6, json!({}), json!("00ff11")));
    add("not drawn yet", input(6, json!({}), Value::Null));
    add("places for all", input(40, json!({}), Value::Null));
    let rule = json!({ "groups": ["ldc", "lldc"], "excluded_countries": ["NP"], "exclusion_reason": "x" });
    add("by the call's rule", input(2, rule, json!("ab")));
    // Three parties: one puts its twelfth first, one says nothing of its order, one has a single nomination.
    let several: Vec<Value> = twelve
        .iter()
        .zip([1, 1, 1, 1, 2, 2, 2, 3, 3, 1, 1, 1].into_iter().zip([2, 3, 4, 5, 0, 0, 0, 1, 2, 7, 6, 1]))
        .map(|(a, (party, turn))| {
            let mut a = a.clone();
            (a["party"], a["turn"], a["priority"]) = (json!(party), json!(turn), json!(party * 10));
            a
        })
        .collect();
    let input = |value: Value| json!({ "call": call, "places": 5, "eligibility": {}, "applications": several, "value": value });
    add("several of one party", input(json!("00ff10")));
    add("several of one party, not drawn yet", input(Value::Null));
}

fn pacific(region: &str) -> Value {
    let need = |id: u8, countries: Value, themes: Value, since: &str, open_offers: u32, met: bool| json!({ "id": id, "countries": countries, "themes": themes, "since": since, "open_offers": open_offers, "met": met });
    json!({ "region": region, "hubs": ["FJ", "TV", "FR"], "admitted": ["TV", "WS"], "needs": [
        need(1, json!(["TV"]), json!(["cybercrime", "standards", "cybercrime"]), "2026-01-01", 0, false),
        need(2, json!(["WS", "TV"]), json!(["cybercrime"]), "2025-12-31", 4, false),
        need(3, json!(["FJ"]), json!(["nice:a"]), "2020-01-01", 0, true),
        need(4, json!(["FR"]), json!(["nice:a"]), "2020-01-01", 0, false),
        need(5, json!(["KI"]), json!(["nice:a"]), "2026-12-31", 0, false),
        need(6, json!(["WS"]), json!(["nice:a"]), "2025-12-31", 0, false),
    ] })
}

fn shares() -> Value {
    let need = |countries: Value, open_offers: u32, shut_offers: u32, state: Value| json!({ "countries": countries, "open_offers": open_offers, "shut_offers": shut_offers, "state": state });
    let offer = |provider: u8, offer: Value| json!({ "provider": provider, "offer": offer });
    let pledged = |provider: u8, currency: &str, pledged: &str, paid: &str, back: &str| json!({ "provider": provider, "currency": currency, "pledged": pledged, "paid": paid, "paid_back": back });
    let engaged = |provider: u8, state: &str| json!({ "provider": provider, "state": state });
    json!({
        "needs": [
            need(json!(["TV"]), 2, 1, json!("confirmed")), need(json!(["TV", "NP"]), 0, 3, Value::Null),
            need(json!(["NP"]), 1, 0, json!("active")), need(json!([]), 0, 0, json!("declined")),
            need(json!(["FR"]), 0, 1, json!("delivered")),
        ],
        "refusals": [["TV"], [], ["NP", "TV"]],
        "offers": [
            offer(1, json!({})), offer(1, json!({ "conditions": [{ "language": "en", "text": "c" }] })),
            offer(2, json!({ "cost": { "price": { "amount": "1", "currency": "USD" } } })),
            offer(2, json!({ "eligibility": { "excluded_countries": ["TV"] } })),
            offer(2, json!({ "eligibility": { "groups": ["sids"] } })),
        ],
        "pledges": [
            pledged(2, "USD", "1000.10", "400", "0"), pledged(1, "USD", "5", "0", "0"), pledged(2, "EUR", "7", "7", "2.5"),
            pledged(2, "USD", "0.000000000000000001", "0.000000000000000001", "0"),
        ],
        "engagements": [engaged(1, "evaluated"), engaged(1, "disputed"), engaged(2, "delivered"), engaged(3, "proposed")],
    })
}
