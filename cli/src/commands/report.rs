//! `caphub report`: what a secretariat publishes of a period, as a workbook and as one page.
//!
//! Only public records are in it: what was written for fewer eyes stays with them, counts included.

mod engagements;
mod page;
#[cfg(test)]
mod tests_hostile;
mod workbook;

use std::collections::BTreeMap;
use std::path::Path;

use caphub_proto::codes::{region, vocabulary};
use caphub_proto::exchange::coverage;
use caphub_proto::exchange::day::{self, Day};
use caphub_proto::exchange::distribution::{self, Stage};
use caphub_proto::exchange::matching::Key;
use caphub_proto::exchange::place::Countries;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Filter};
use caphub_proto::wire::Audience;

use crate::arguments::Report;
use crate::commands::covered::{distributed, group_name, lang, themes};
use crate::commands::engaged::Engaged;
use crate::commands::world::World;
use crate::commands::{Context, money, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// One value of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cell {
    /// Text of any origin: made harmless where it is written.
    Text(String),
    /// A count.
    Number(u64),
}

/// One table of the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// Its name.
    pub title: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// A whole report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// BCP 47 tag of its own words.
    pub language: String,
    /// Its title.
    pub title: String,
    /// What it covers and what it rests on.
    pub notes: Vec<String>,
    /// What stands for a table without rows.
    pub none: String,
    /// Its tables.
    pub sheets: Vec<Sheet>,
}

/// Days of a report, both included.
#[derive(Clone, Copy)]
struct Period {
    from: Day,
    until: Day,
}

impl Period {
    fn holds(&self, time_ms: u64) -> bool {
        (self.from..=self.until).contains(&day::of_ms(time_ms))
    }
}

/// Writes both files into a folder.
pub fn run(context: &Context, words: &Report) -> Outcome {
    let period = period(&words.period)?;
    let replica = context.replica()?;
    let content = content(&context.texts, &replica, period)?;
    let failed = |e: &dyn std::fmt::Display| {
        Failure::new("error-report")
            .with("path", words.report_folder.display())
            .because(e)
            .hint("hint-report")
    };
    std::fs::create_dir_all(&words.report_folder).map_err(|e| failed(&e))?;
    let page = words.report_folder.join("report.html");
    let workbook = words.report_folder.join("report.xlsx");
    write(&page, page::render(&content).as_bytes()).map_err(|e| failed(&e))?;
    let bytes = workbook::render(&content).map_err(|e| failed(&e))?;
    write(&workbook, &bytes).map_err(|e| failed(&e))?;
    match context.json {
        true => screen::json(&serde_json::json!({
            "html": page.display().to_string(), "xlsx": workbook.display().to_string(),
            "tables": content.sheets.iter().map(|s| (s.title.clone(), s.rows.len().into())).collect::<serde_json::Map<_, serde_json::Value>>(),
        })),
        false => {
            screen::raw(&page.display().to_string());
            screen::raw(&workbook.display().to_string());
            context.say("report-done", &[]);
        }
    }
    Ok(())
}

/// Whole or not at all: an earlier report stays until the new one is there.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Two dates, or two months of which the last counts whole.
fn period(text: &str) -> Result<Period, Failure> {
    let bad = || Failure::usage("error-period").with("period", text).hint("hint-period");
    let (from, until) = text.split_once("..").ok_or_else(bad)?;
    let first = |text: &str| if text.len() == 7 { day::parse(&format!("{text}-01")) } else { exact(text) };
    let last = |text: &str| match text.len() {
        7 => (28..=31).rev().find_map(|d| day::parse(&format!("{text}-{d}"))),
        _ => exact(text),
    };
    let (from, until) = (first(from).ok_or_else(bad)?, last(until).ok_or_else(bad)?);
    if from <= until { Ok(Period { from, until }) } else { Err(bad()) }
}

fn exact(text: &str) -> Option<Day> {
    if text.len() == 10 { day::parse(text) } else { None }
}

fn content(t: &Texts, replica: &Replica, period: Period) -> Result<Content, Failure> {
    let mut world = World::public(replica)?.matched();
    let engaged = Engaged::public(replica)?;
    let facts = world.covered(replica, &|key| engaged.met(key))?;
    let distributed = distributed(replica, &mut world, &engaged, money::public(replica)?)?;
    let since: BTreeMap<Key, Day> = facts.needs.iter().map(|n| (n.key, n.since)).collect();
    let sheets = vec![
        summary(t, replica, &world, &facts, &engaged, period)?,
        needs(t, &mut world, &since, &engaged, period),
        offers(t, &world, period),
        engagements::sheet(t, replica, &engaged, period),
        covered(t, &facts, world.today),
        without(t, &facts),
        groups(t, &distributed),
        providers(t, replica, &distributed),
        engagements::money(t, replica, &distributed),
        refusals(t, replica, period)?,
    ];
    let period = format!("{} – {}", day::text(period.from), day::text(period.until));
    let values = [
        ("period", period.as_str()),
        ("day", &day::text(world.today)),
        ("name", &screen::plain(&replica.me.name)),
    ];
    let notes = ["report-note-held", "report-note-public", "report-note-rules"].map(|key| t.tf(key, &values));
    Ok(Content {
        language: t.language().to_owned(),
        title: t.tf("report-title", &values),
        notes: notes.to_vec(),
        none: t.t("no-records"),
        sheets,
    })
}

/// Themes as people read them: the names of the shipped ones, the codes of others.
fn theme_names(t: &Texts, themes: &[String]) -> String {
    let name = |code: &String| {
        let term = vocabulary::find_theme(code);
        term.map_or_else(|| code.clone(), |term| term.names.name(lang(t)).to_owned())
    };
    themes.iter().map(name).collect::<Vec<_>>().join("; ")
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn number(number: impl TryInto<u64>) -> Cell {
    Cell::Number(number.try_into().unwrap_or(u64::MAX))
}

/// A table whose columns are sentences of this language.
fn sheet(t: &Texts, title: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet { title: t.t(title), columns: columns.iter().map(|c| t.t(c)).collect(), rows }
}

fn summary(
    t: &Texts,
    replica: &Replica,
    world: &World,
    facts: &coverage::Facts,
    engaged: &Engaged,
    period: Period,
) -> Result<Sheet, Failure> {
    let in_period = |since: Day| (period.from..=period.until).contains(&since);
    let new_needs = facts.needs.iter().filter(|n| in_period(n.since)).count();
    let new_offers = world.offers.values().filter(|o| period.holds(o.record.time_ms)).count();
    let matched = facts.needs.iter().filter(|n| n.open_offers > 0).count();
    let met = facts.needs.iter().filter(|n| n.met).count();
    let stages = engaged.all();
    let at_least = |stage: Stage| stages.iter().filter(|(_, s)| *s >= stage).count();
    let mut rows = vec![
        vec![text(t.t("report-needs")), number(world.needs.len())],
        vec![text(t.t("report-needs-new")), number(new_needs)],
        vec![text(t.t("report-needs-matched")), number(matched)],
        vec![text(t.t("report-needs-met")), number(met)],
        vec![text(t.t("report-offers")), number(world.offers.len())],
        vec![text(t.t("report-offers-new")), number(new_offers)],
        vec![text(t.t("report-engagements")), number(stages.len())],
        vec![text(t.t("report-pledged")), number(at_least(Stage::Pledged))],
        vec![text(t.t("report-delivered")), number(at_least(Stage::Delivered))],
        vec![text(t.t("report-confirmed")), number(at_least(Stage::Confirmed))],
    ];
    rows.push(vec![text(t.t("report-refused")), number(refused(replica, period)?.len())]);
    Ok(sheet(t, "report-summary", &["report-what", "report-count"], rows))
}

fn needs(
    t: &Texts,
    world: &mut World,
    since: &BTreeMap<Key, Day>,
    engaged: &Engaged,
    period: Period,
) -> Sheet {
    let mut keys: Vec<(Day, Key)> = since.iter().map(|(key, day)| (*day, *key)).collect();
    keys.sort_unstable();
    let mut rows = Vec::new();
    for (since, key) in keys.into_iter().filter(|(day, _)| *day <= period.until) {
        let best = world.matcher.offers_for(&key).unwrap_or_default();
        let Some(held) = world.needs.get(&key) else { continue };
        let top = best.top.first().filter(|(_, m)| m.exclusions.is_empty());
        let top = top.and_then(|(key, met)| Some((world.offers.get(key)?, met.score)));
        rows.push(vec![
            text(key.1.to_string().chars().take(8).collect::<String>()),
            text(table::title(&held.record)),
            text(table::who(&held.record)),
            text(world.beneficiaries(&key).iter().map(|c| c.alpha2).collect::<Vec<_>>().join(" ")),
            text(theme_names(t, &held.content.themes)),
            text(day::text(since)),
            number(best.open),
            text(top.as_ref().map(|(offer, _)| table::title(&offer.record)).unwrap_or_default()),
            number(top.map_or(0, |(_, score)| score)),
            text(engaged.stage(&key).map(|s| t.t(stage_key(s))).unwrap_or_default()),
        ]);
    }
    let columns = [
        "report-id",
        "report-name",
        "report-who",
        "report-countries",
        "report-themes",
        "report-since",
        "report-open-offers",
        "report-best-offer",
        "report-score",
        "report-state",
    ];
    sheet(t, "report-needs", &columns, rows)
}

/// The sentence of a stage.
fn stage_key(stage: Stage) -> &'static str {
    match stage {
        Stage::Ended => "stage-ended",
        Stage::Proposed => "stage-proposed",
        Stage::Pledged => "stage-pledged",
        Stage::Delivered => "stage-delivered",
        Stage::Confirmed => "stage-confirmed",
    }
}

fn offers(t: &Texts, world: &World, period: Period) -> Sheet {
    let yes = |there| text(if there { t.t("yes") } else { t.t("no") });
    let listed = world.offers.iter().filter(|(_, o)| day::of_ms(o.record.time_ms) <= period.until);
    let rows = listed.map(|(key, held)| {
        let offer = &held.content;
        let rule = offer.eligibility.clone().unwrap_or_default();
        vec![
            text(key.1.to_string().chars().take(8).collect::<String>()),
            text(table::title(&held.record)),
            text(table::who(&held.record)),
            text(offer.offer_type.clone()),
            text(theme_names(t, &offer.themes)),
            number(offer.conditions.len()),
            yes(distribution::unconditional(offer)),
            text(rule.excluded_countries.join(" ")),
            text(rule.exclusion_reason),
        ]
    });
    let columns = [
        "report-id",
        "report-name",
        "report-who",
        "report-type",
        "report-themes",
        "report-conditions",
        "report-unconditional",
        "report-excluded",
        "report-exclusion-reason",
    ];
    sheet(t, "report-offers", &columns, rows.collect())
}

fn covered(t: &Texts, facts: &coverage::Facts, today: Day) -> Sheet {
    let lang = lang(t);
    let rows = coverage::regions(facts, Countries::all(), today).into_iter().map(|row| {
        let name = region::find(row.region).map_or(row.region, |r| r.names.name(lang));
        vec![
            text(row.region),
            text(name),
            number(row.countries),
            number(row.with_hub),
            number(row.admitted),
            number(row.counts.needs),
            number(row.counts.unmet),
            number(row.counts.without_offer),
            number(row.counts.longest_days),
        ]
    });
    let columns = [
        "report-code",
        "coverage-region",
        "report-states",
        "report-with-hub",
        "report-admitted",
        "report-needs",
        "report-unmet",
        "report-no-offer",
        "report-days",
    ];
    sheet(t, "report-coverage", &columns, rows.collect())
}

fn without(t: &Texts, facts: &coverage::Facts) -> Sheet {
    let rows = themes(facts, Countries::all())
        .into_iter()
        .map(|(theme, count)| vec![text(theme_names(t, &[theme])), number(count)]);
    sheet(t, "report-without", &["report-themes", "report-no-offer"], rows.collect())
}

fn groups(t: &Texts, facts: &distribution::Facts) -> Sheet {
    let rows = distribution::groups(facts).into_iter().map(|row| {
        vec![
            text(group_name(t, row.group)),
            number(row.needs),
            number(row.matched),
            number(row.under_way),
            number(row.served),
            number(row.shut_off),
            number(row.refused),
        ]
    });
    let columns = [
        "distribution-group",
        "report-needs",
        "report-needs-matched",
        "report-under-way",
        "report-served",
        "report-shut-off",
        "report-refused",
    ];
    sheet(t, "report-groups", &columns, rows.collect())
}

fn providers(t: &Texts, replica: &Replica, facts: &distribution::Facts) -> Sheet {
    let rows = distribution::providers(facts).into_iter().map(|row| {
        vec![
            text(replica.name_of(&row.party)),
            text(row.party.to_string()),
            number(row.offers),
            number(row.unconditional),
            number(row.conditions),
            number(row.pledged),
            number(row.delivered),
            number(row.confirmed),
        ]
    });
    let columns = [
        "distribution-provider",
        "report-id",
        "report-offers",
        "report-unconditional",
        "report-conditions",
        "report-pledged",
        "report-delivered",
        "report-confirmed",
    ];
    sheet(t, "report-providers", &columns, rows.collect())
}

/// Public refusals of a period.
fn refused(replica: &Replica, period: Period) -> Result<Vec<v1::Record>, Failure> {
    let filter = Filter { kinds: vec!["refusal".to_owned()], ..Filter::default() };
    let public = Audience::Public.encode();
    let all = replica.all(&filter)?.into_iter();
    Ok(all.filter(|r| r.audience == public && period.holds(r.time_ms)).collect())
}

/// Counted by hub, what was refused and why; nobody is named.
fn refusals(t: &Texts, replica: &Replica, period: Period) -> Result<Sheet, Failure> {
    let mut counts: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    for record in refused(replica, period)? {
        let hub = table::who(&record);
        if let Some(Record::Refusal(refusal)) = record.revision.and_then(|r| r.record) {
            *counts.entry((hub, refusal.what, refusal.reason)).or_default() += 1;
        }
    }
    let rows = counts
        .into_iter()
        .map(|((hub, what, reason), count)| vec![text(hub), text(what), text(reason), number(count)]);
    let columns = ["report-hub", "report-what", "report-reason", "report-count"];
    Ok(sheet(t, "report-refused", &columns, rows.collect()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_period_is_two_months_or_two_days_and_the_last_month_counts_whole() {
        let read = |text: &str| period(text).ok().map(|p| (day::text(p.from), day::text(p.until)));
        let due = |from: &str, until: &str| Some((from.to_owned(), until.to_owned()));
        assert_eq!(read("2026-07..2027-02"), due("2026-07-01", "2027-02-28"));
        assert_eq!(read("2026-07-03..2026-07-03"), due("2026-07-03", "2026-07-03"));
        for bad in ["2026", "2026-08..2026-07", "2026-13..2026-14", "..", "2026-07-..2026-08", "a..b"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
