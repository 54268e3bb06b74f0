//! `caphub allocate`: who has a place under a call and why, and whether it was done as the rules say.

pub mod claims;
mod cut;
pub mod shown;

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act};
use caphub_proto::exchange::allocation::{
    self, Application, Closing, Cosignature, Decision, Drawn, Facts, Finding, Nominated, Placed,
};
use caphub_proto::exchange::day::{self, Day};
use caphub_proto::exchange::place::{Countries, Eligible};
use caphub_proto::exchange::priority::{self, Criterion, Priority, Standing};
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Call, FellowshipAct, RecordRef};
use caphub_proto::wire::{Audience, EntryHash, PartyId, RecordId};
use serde_json::{Value, json};

use crate::arguments::{Allocate, AllocateCommand};
use crate::commands::engaged::Engaged;
use crate::commands::world::World;
use crate::commands::{Context, acting, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// Computes the places of a call, or verifies them.
pub fn run(context: &Context, words: &Allocate) -> Outcome {
    let (id, value, verifying) = match (&words.command, &words.call) {
        (Some(AllocateCommand::Verify { call, value }), _) => (call, value, true),
        (None, Some(call)) => (call, &words.value, false),
        (None, None) => return Err(Failure::usage("error-call-needed").hint("hint-call")),
    };
    let replica = context.replica()?;
    let state = State::read(&replica, id, value.as_deref())?;
    let findings = allocation::verify(&state.facts, &state.placed);
    let broken = verifying && findings.iter().any(|f| f.breaks());
    if context.json {
        screen::json(&state.json(&findings));
    } else if verifying {
        state.witnessed(context, &replica);
        verdict(context, &replica, &findings);
    } else {
        state.show(context, &replica);
    }
    match broken {
        false => Ok(()),
        true => Err(Failure::new("error-allocation").hint("hint-allocation").answered()),
    }
}

/// A call with everything that its places follow from.
struct State {
    facts: Facts,
    placed: Vec<Placed>,
    priorities: BTreeMap<EntryHash, Priority>,
    closed: bool,
    value: Option<Vec<u8>>,
    list: [u8; 32],
    call: Call,
}

impl State {
    fn read(replica: &Replica, id: &str, value: Option<&str>) -> Result<Self, Failure> {
        let record = replica.find(id, Some("call"))?;
        let Some(Record::Call(call)) = record.revision.as_ref().and_then(|r| r.record.clone()) else {
            return Err(Failure::nothing("error-no-record").with("id", id));
        };
        let entry = EntryHash::from_slice(&record.entry_hash).unwrap_or_default();
        let author = PartyId::from_slice(&record.party_id).unwrap_or_default();
        let about = RecordRef { party: record.party_id.clone(), record_id: record.record_id.clone() };
        let records = acting::acts(replica, RecordKind::Fellowship, Some(&about))?;
        let audience = Audience::decode(&record.audience);
        let mut all = acts::fellowships(&records);
        all.retain(|act| Some(act.audience) == audience);
        all.sort_by_key(|act| act.hash);
        let acts: Vec<_> = all.iter().filter(|act| act.void.is_none()).cloned().collect();
        let closes = last_day(&call);
        let world = World::public(replica)?;
        let mut claims = claims::of(replica, &acts);
        let mut facts = facts(entry, author, &call, &acts, &claims);
        if let (Some(closing), Some(audience)) = (facts.closing(), audience) {
            let cut = cut::of(replica, audience, closing, &all, &claims);
            claims.extend(cut.iter().map(|(hash, party)| (*hash, *party)));
            facts = self::facts(entry, author, &call, &acts, &claims);
            facts.nominated.retain(|n| !cut.contains_key(&n.hash));
            facts.nominated.extend(cut.into_iter().map(|(hash, party)| Nominated {
                hash,
                party,
                in_window: true,
                held_by: BTreeSet::new(),
                cut: true,
            }));
        }
        facts.shown = shown::of(replica, &record, &call, &acts);
        for cosigned in &mut facts.cosignatures {
            cosigned.attested = attested(replica, &call, &cosigned.party, closes).is_some();
        }
        facts.checked = value.map(read_value).transpose()?;
        let drawn = facts.draws.iter().min_by_key(|d| d.entry).map(|d| d.value.clone());
        let value = facts.checked.clone().or(drawn);
        let closing = facts.closing();
        let (closed, hashes) = match closing {
            Some(closing) => (true, closing.applications.clone()),
            None => (false, facts.nominated.iter().map(|n| n.hash).collect()),
        };
        let stated = closing.map(Closing::stated).unwrap_or_default();
        let turns = closing.map_or_else(|| facts.turns_now.clone(), Closing::turns);
        let weights = weights(replica, &call)?;
        let engaged = Engaged::public(replica)?;
        let (mut applications, mut priorities) = (Vec::new(), BTreeMap::new());
        for hash in hashes {
            let claimed = claims.get(&hash).copied();
            let party = claimed.unwrap_or_default();
            let member = claimed.and_then(|party| attested(replica, &call, &party, closes));
            let country = member.clone().unwrap_or_default();
            let standing = standing(replica, &world, &engaged, party, &country, closes)?;
            let priority = priority::judge(&standing, &weights);
            facts.points_now.insert(hash, priority.score);
            priorities.insert(hash, priority);
            applications.push(Application {
                hash,
                party,
                countries: Countries::one(&country),
                attested: member.is_some(),
                // What was true when the list was closed; later needs and acts move nobody.
                priority: stated.get(&hash).copied().unwrap_or(priority.score),
                turn: turns.get(&hash).copied().unwrap_or(0),
            });
        }
        let hashes: Vec<EntryHash> = applications.iter().map(|a| a.hash).collect();
        let list = allocation::list_hash(&entry, &hashes);
        let eligible = Eligible::of(call.eligibility.as_ref());
        let used = value.as_deref().filter(|_| closed);
        let placed = allocation::allocate(call.places, &eligible, &applications, &list, used);
        Ok(Self { facts, placed, priorities, closed, value, list, call })
    }

    fn show(&self, context: &Context, replica: &Replica) {
        let t = &context.texts;
        if !self.closed {
            screen::line(&t.t("allocate-open"));
        }
        let draw = self.call.draw.clone().unwrap_or_default();
        let values = [
            ("places", self.call.places.to_string()),
            ("list", hex::encode(self.list)),
            ("source", screen::plain(&draw.source)),
            ("round", screen::plain(&draw.round)),
            ("value", self.value.as_ref().map(hex::encode).unwrap_or_else(|| t.t("allocate-no-value"))),
        ];
        let values = values.each_ref().map(|(k, v)| (*k, v.as_str()));
        table::wrapped(&t.tf("allocate-rests", &values), 0);
        for placed in &self.placed {
            let application = &placed.application;
            let hash = application.hash.to_string();
            let lot = placed.lot.map(hex::encode).unwrap_or_default();
            let country: Vec<&str> = application.countries.iter().map(|c| c.alpha2).collect();
            let rank = if placed.rank == 0 { "-".to_owned() } else { placed.rank.to_string() };
            screen::line(&format!(
                "{rank:>4}  {}  {:<2}  {}  {:<8}  {}",
                hash.get(..8).unwrap_or_default(),
                country.first().copied().unwrap_or("-"),
                table::pad(&replica.name_of(&application.party), 24),
                lot.get(..8).unwrap_or_default(),
                t.t(&outcome_key(placed)),
            ));
            if let Some(priority) = self.priorities.get(&application.hash) {
                table::wrapped(&points(t, placed, priority), 6);
            }
        }
        context.say("allocate-done", &[]);
    }

    /// Which hub shows first that the list was closed before the draw.
    fn witnessed(&self, context: &Context, replica: &Replica) {
        let Some((time_ms, hub)) = self.facts.closed_before_draw() else { return };
        // A hub that was joined is known by the card that it was joined with.
        let card = replica.me.cards().into_iter().find(|card| card.party == hub);
        let hub = card.map_or_else(|| replica.name_of(&hub), |card| screen::plain(&card.name));
        let time = moment(time_ms);
        table::wrapped(&context.texts.tf("allocate-closed-shown", &[("hub", &hub), ("time", &time)]), 0);
    }

    fn json(&self, findings: &[Finding]) -> Value {
        let closed = self.facts.closed_before_draw();
        let closed = closed.map(|(time_ms, hub)| json!({ "hub": hub.to_string(), "time_ms": time_ms }));
        let placed = self.placed.iter().map(|p| {
            let points = self.priorities.get(&p.application.hash).map(|priority| {
                let points = Criterion::ALL.iter().zip(priority.points).map(|(c, n)| (c.code().to_owned(), n.into()));
                Value::Object(points.collect())
            });
            json!({
                "nomination": p.application.hash.to_string(), "party": p.application.party.to_string(),
                "country": p.application.countries.iter().map(|c| c.alpha2).next(), "outcome": p.outcome.code(),
                "rank": p.rank, "tier": p.tier, "round": p.round, "priority": p.application.priority, "points": points,
                "lot": p.lot.map(hex::encode),
            })
        });
        json!({
            "rule_set": allocation::RULE_SET, "places": self.call.places, "closed": self.closed,
            "list_hash": hex::encode(self.list), "value": self.value.as_ref().map(hex::encode),
            "placed": placed.collect::<Vec<_>>(), "closed_before_draw": closed,
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
            "holds": !findings.iter().any(|f| f.breaks()),
        })
    }
}

/// The priority with its points, in words.
fn points(t: &Texts, placed: &Placed, priority: &Priority) -> String {
    let parts = Criterion::ALL.iter().zip(priority.points).filter(|(_, points)| *points > 0);
    let parts: Vec<String> =
        parts.map(|(c, points)| format!("{} {points}", t.t(&criterion_key(*c)))).collect();
    let (score, tier) = (priority.score.to_string(), placed.tier.to_string());
    let line =
        t.tf("allocate-priority", &[("score", &score), ("tier", &tier), ("points", &parts.join(", "))]);
    match placed.round > 1 {
        true => format!("{line}; {}", t.tf("allocate-round", &[("round", &placed.round.to_string())])),
        false => line,
    }
}

fn criterion_key(criterion: Criterion) -> String {
    format!("priority-{}", criterion.code().replace('_', "-"))
}

fn outcome_key(placed: &Placed) -> String {
    format!("outcome-{}", placed.outcome.code().replace('_', "-"))
}

/// Everything that the acts of a call say, for verification.
fn facts(
    call_entry: EntryHash,
    author: PartyId,
    call: &Call,
    acts: &[Act<FellowshipAct>],
    claims: &BTreeMap<EntryHash, PartyId>,
) -> Facts {
    let hash = |bytes: &Vec<u8>| EntryHash::from_slice(bytes).unwrap_or_default();
    let (mut closings, mut cosignatures, mut decisions, mut draws) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let owns = |party: &[u8], hash: &EntryHash| claims.get(hash).is_none_or(|own| own.as_bytes() == party);
    for act in acts {
        match &act.what.act {
            Some(What::Close(close)) => closings.push(Closing {
                entry: act.hash,
                party: act.author,
                time_ms: act.time_ms,
                applications: close.nominations.iter().map(hash).collect(),
                points: close.points.clone(),
                turns: close.turns.clone(),
                feeds: close.feeds.clone(),
                after: act.after.clone(),
            }),
            Some(What::Cosign(cosign)) => cosignatures.push(Cosignature {
                party: act.author,
                time_ms: act.time_ms,
                closing: hash(&cosign.closing),
                list: cosign.list_hash.as_slice().try_into().unwrap_or_default(),
                attested: false,
            }),
            Some(What::Draw(draw)) if act.author == author => {
                draws.push(Drawn { entry: act.hash, time_ms: act.time_ms, value: draw.value.clone() })
            }
            // About another party's claim to the nomination: about nothing that could have a place.
            Some(What::Decide(decide))
                if act.author == author && owns(&decide.nominator, &hash(&decide.nomination)) =>
            {
                decisions.push(Decision {
                    application: hash(&decide.nomination),
                    granted: decide.granted,
                    rank: decide.rank,
                })
            }
            _ => {}
        }
    }
    let signed: Vec<&Act<FellowshipAct>> =
        acts.iter().filter(|a| matches!(a.what.act, Some(What::Close(_) | What::Cosign(_)))).collect();
    let window = day::span(call.window.as_ref());
    let claimed = |act: &Act<FellowshipAct>, bytes: &Vec<u8>| claims.get(&hash(bytes)) == Some(&act.author);
    let nominated = acts.iter().filter_map(|act| match &act.what.act {
        Some(What::Nominate(nominate)) if claimed(act, &nominate.nomination) => Some(Nominated {
            hash: hash(&nominate.nomination),
            party: act.author,
            in_window: (window.0..=window.1).contains(&day::of_ms(act.time_ms)),
            held_by: signed.iter().filter(|s| acts::knew(s, act)).map(|s| s.author).collect(),
            cut: false,
        }),
        _ => None,
    });
    // What was taken back before a list named it is no application.
    let withdrawn: BTreeSet<(PartyId, EntryHash)> = acts
        .iter()
        .filter_map(|act| match &act.what.act {
            Some(What::Withdraw(step)) => Some((act.author, hash(&step.nomination))),
            _ => None,
        })
        .collect();
    let listed: BTreeSet<EntryHash> = closings.iter().flat_map(|c| c.applications.iter().copied()).collect();
    let at = call.draw.as_ref().map(|d| d.at.clone()).unwrap_or_default();
    Facts {
        call: call_entry,
        author,
        draw_ms: at.parse::<jiff::Timestamp>().ok().and_then(|t| u64::try_from(t.as_millisecond()).ok()),
        cosignatures_due: call.cosignatures,
        closings,
        cosignatures,
        nominated: nominated
            .filter(|n| listed.contains(&n.hash) || !withdrawn.contains(&(n.party, n.hash)))
            .collect(),
        decisions,
        draws,
        checked: None,
        hubs_named: !call.attesting_hubs.is_empty(),
        points_now: BTreeMap::new(),
        turns_now: allocation::turns(acts, claims),
        shown: Vec::new(),
    }
}

/// A moment in UTC, to the second.
pub fn moment(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map(|t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
}

/// The country that a hub which the call names (any, where it names none) attests of a party that it admits on the
/// call's last day, empty where it attests none; of several the hub with the lowest id. `None` where there is none.
fn attested(replica: &Replica, call: &Call, party: &PartyId, closes: Day) -> Option<String> {
    let counts = |hub: &PartyId| {
        call.attesting_hubs.is_empty() || call.attesting_hubs.iter().any(|h| h == hub.as_bytes())
    };
    let day = day::text(closes);
    let member = v1::AttestationLevel::Member;
    let words = replica.core.views.admissions_of(party);
    let counted = words.into_iter().filter(|a| counts(&a.hub) && a.level == member && a.admits_on(&day));
    counted.min_by_key(|a| a.hub).map(|a| a.country)
}

/// The points that each nomination has as of now, by who nominated: what a closing list states.
pub fn points_of(
    replica: &Replica,
    call: &v1::Record,
    claims: &BTreeMap<EntryHash, PartyId>,
) -> Result<BTreeMap<EntryHash, u32>, Failure> {
    let Some(Record::Call(call)) = call.revision.as_ref().and_then(|r| r.record.clone()) else {
        return Ok(BTreeMap::new());
    };
    let closes = last_day(&call);
    let (world, engaged) = (World::public(replica)?, Engaged::public(replica)?);
    let weights = weights(replica, &call)?;
    let mut points = BTreeMap::new();
    for (hash, party) in claims {
        let country = attested(replica, &call, party, closes).unwrap_or_default();
        let standing = standing(replica, &world, &engaged, *party, &country, closes)?;
        points.insert(*hash, priority::judge(&standing, &weights).score);
    }
    Ok(points)
}

fn last_day(call: &Call) -> Day {
    let window = call.window.clone().unwrap_or_default();
    day::parse(&window.until).unwrap_or_else(|| day::of_ms(caphub_node::author::now_ms()))
}

/// What priority is judged by: only what is public, so that everybody comes to the same.
fn standing(
    replica: &Replica,
    world: &World,
    engaged: &Engaged,
    party: PartyId,
    country: &str,
    today: Day,
) -> Result<Standing, Failure> {
    let mut oldest = None;
    for (key, held) in world.needs.iter().filter(|(key, _)| key.0 == party && !engaged.met(key)) {
        let since = world.since(replica, key, held)?.min(today);
        oldest = Some(oldest.map_or(since, |o: Day| o.min(since)));
    }
    let waited = oldest.map_or(0, |since| i64::from(today) - i64::from(since));
    Ok(Standing {
        countries: Countries::one(country),
        unmet: oldest.is_some(),
        served: engaged.served(&party),
        waiting_days: u32::try_from(waited).unwrap_or(0),
    })
}

/// The weights that the call names, or the published ones.
fn weights(replica: &Replica, call: &Call) -> Result<priority::Weights, Failure> {
    let Some(named) = &call.priority else { return Ok(priority::Weights::default()) };
    let missing = || Failure::nothing("error-rule-set-missing").hint("hint-sync-first");
    let party = PartyId::from_slice(&named.party).ok_or_else(missing)?;
    let record = RecordId::from_slice(&named.record_id).ok_or_else(missing)?;
    let held = replica.get(&party, &record)?.ok_or_else(missing)?;
    match held.revision.and_then(|r| r.record) {
        Some(Record::RuleSet(rules)) => {
            priority::Weights::of(&rules).map_err(|e| Failure::new("error-rule-set").because(e))
        }
        _ => Err(missing()),
    }
}

fn read_value(text: &str) -> Result<Vec<u8>, Failure> {
    let bytes =
        hex::decode(text.trim()).ok().filter(|b| !b.is_empty() && b.len() <= allocation::VALUE_BYTES_MAX);
    bytes.ok_or_else(|| Failure::usage("error-draw-value").with("value", text).hint("hint-draw-value"))
}

fn verdict(context: &Context, replica: &Replica, findings: &[Finding]) {
    let t = &context.texts;
    for finding in findings {
        let mark = if finding.breaks() { t.t("finding-breaks") } else { t.t("finding-notes") };
        let (hash, party) = subjects(*finding);
        let hash = hash.map(|h| h.to_string()).unwrap_or_default();
        let party = party.map(|p| replica.name_of(&p)).unwrap_or_default();
        let (found, due) = counts(*finding);
        let values = [
            ("id", hash.get(..8).unwrap_or_default()),
            ("party", party.as_str()),
            ("found", found.as_str()),
            ("due", due.as_str()),
        ];
        table::wrapped(&format!("{mark}: {}", t.tf(&finding_key(*finding), &values)), 0);
    }
    if !findings.iter().any(|f| f.breaks()) {
        screen::line(&t.t("allocate-holds"));
    }
}

fn finding_key(finding: Finding) -> String {
    format!("finding-{}", finding.code().replace('_', "-"))
}

/// The nomination and the party that a finding is about.
fn subjects(finding: Finding) -> (Option<EntryHash>, Option<PartyId>) {
    match finding {
        Finding::Omitted(hash, party) => (Some(hash), Some(party)),
        Finding::Unlisted(hash)
        | Finding::Unknown(hash)
        | Finding::CutLater(hash)
        | Finding::NotAttested(hash)
        | Finding::PointsDiffer(hash)
        | Finding::DecidedOtherwise(hash)
        | Finding::DecidedUnlisted(hash)
        | Finding::Undecided(hash) => (Some(hash), None),
        Finding::CosignedLate(party)
        | Finding::CosignedOther(party)
        | Finding::CosignerNotAttested(party)
        | Finding::TurnsDiffer(party) => (None, Some(party)),
        _ => (None, None),
    }
}

fn counts(finding: Finding) -> (String, String) {
    match finding {
        Finding::FewCosignatures { found, due } => (found.to_string(), due.to_string()),
        Finding::SeveralLists(found) | Finding::SeveralDraws(found) => (found.to_string(), String::new()),
        _ => Default::default(),
    }
}

fn finding_json(finding: &Finding) -> Value {
    let (hash, party) = subjects(*finding);
    let (found, due) = counts(*finding);
    let mut value = json!({
        "finding": finding.code(), "breaks": finding.breaks(), "nomination": hash.map(|h| h.to_string()),
        "party": party.map(|p| p.to_string()), "found": found, "due": due,
    });
    screen::prune(&mut value);
    value
}
