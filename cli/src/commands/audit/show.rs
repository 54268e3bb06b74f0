//! What an audit found, in words or as JSON.

use std::collections::BTreeMap;

use caphub_node::audit::file::{Finding, moment};
use caphub_node::audit::report::{HubReport, Report};
use caphub_node::author::now_ms;
use caphub_node::refusals::Group;

use crate::commands::audit::shown;
use crate::commands::{Context, refused};
use crate::screen;

/// Organisations with late records that are shown in words, a hub; all of them with `--json`.
const LATE_LINES: usize = 10;

/// What is known of each hub.
pub(super) fn report(context: &Context, report: &Report) {
    if context.json {
        return screen::json(&serde_json::to_value(report).unwrap_or_default());
    }
    if report.hubs.is_empty() {
        context.say("no-links", &[]);
    }
    for hub in &report.hubs {
        one(context, hub);
    }
    for fork in &report.forks {
        let (name, entry) = (screen::plain(&fork.party_name), fork.last_common.to_string());
        screen::line(&context.texts.tf("audit-fork", &[("party", &name), ("entry", &entry)]));
    }
}

fn one(context: &Context, hub: &HubReport) {
    let t = &context.texts;
    screen::line(&format!("{} ({})", screen::plain(&hub.name), hub.party));
    let say = |key: &str, values: &[(&str, String)]| {
        let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        screen::line(&format!("  {}", t.tf(key, &values)));
    };
    match hub.stated {
        0 => say("audit-nothing-yet", &[]),
        _ => {
            let when = moment(hub.last_stated_ms);
            say("audit-states", &[("count", hub.organisations.to_string()), ("when", when)]);
        }
    }
    for shown in &hub.shown {
        say(
            "audit-shown",
            &[
                ("party", screen::plain(&shown.party_name)),
                ("held", shown.held.to_string()),
                ("held-when", moment(shown.held_ms)),
                ("lower", shown.lower.to_string()),
                ("lower-when", moment(shown.lower_ms)),
            ],
        );
    }
    let late = by_organisation(hub);
    for (name, late) in late.iter().take(LATE_LINES) {
        let since = context.since(late.since_ms);
        let values = [("party", screen::plain(name)), ("behind", late.behind.to_string()), ("time", since)];
        say(if late.cut { "audit-late-cut" } else { "audit-late" }, &values);
    }
    if late.len() > LATE_LINES {
        say("audit-late-more", &[("count", (late.len() - LATE_LINES).to_string())]);
    }
    if hub.nothing_stated > 0 {
        say("audit-nothing-stated", &[("count", hub.nothing_stated.to_string())]);
    }
    if let Some(checkpoint) = &hub.checkpoint {
        let (size, when) = (("size", checkpoint.size.to_string()), ("when", moment(checkpoint.at_ms)));
        match (checkpoint.shown, checkpoint.unproven_since_ms) {
            (0, 0) => say("audit-checkpoint", &[size, when]),
            (0, since) => say("audit-checkpoint-unproven", &[size, ("since", moment(since))]),
            _ => say("audit-checkpoint-shown", &[]),
        }
        if checkpoint.other_logs > 0 {
            say("audit-other-logs", &[("count", checkpoint.other_logs.to_string())]);
        }
        if checkpoint.unnamed {
            say("audit-unnamed", &[]);
        }
    }
    let shows = hub.checkpoint.as_ref().is_some_and(|c| c.shown > 0) || !hub.shown.is_empty();
    if !shows {
        say("audit-nothing-shown", &[]);
    }
}

/// What is late of one organisation.
struct Behind {
    behind: u64,
    since_ms: u64,
    cut: bool,
}

/// Sums over feeds, which nobody but a program tells apart: the longest wait first.
fn by_organisation(hub: &HubReport) -> Vec<(String, Behind)> {
    let mut sums: BTreeMap<String, Behind> = BTreeMap::new();
    for late in &hub.late {
        let cut = !late.cut.is_empty();
        let sum =
            sums.entry(late.party_name.clone()).or_insert(Behind { behind: 0, since_ms: late.since_ms, cut });
        sum.behind += late.behind;
        sum.since_ms = sum.since_ms.min(late.since_ms);
        sum.cut |= cut;
    }
    let mut sums: Vec<(String, Behind)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| sum.since_ms);
    sums
}

impl Context {
    /// How long something lasts, in words.
    fn since(&self, since_ms: u64) -> String {
        let minutes = now_ms().saturating_sub(since_ms) / 60_000;
        let (key, count) = match minutes {
            0 => ("audit-moment", 0),
            1..120 => ("audit-minutes", minutes),
            120..2_880 => ("audit-hours", minutes / 60),
            _ => ("audit-days", minutes / 1_440),
        };
        self.texts.tf(key, &[("count", &count.to_string())])
    }
}

/// What a file of evidence shows.
pub(super) fn findings(context: &Context, findings: &[Finding]) {
    if context.json {
        let shown = shown(findings);
        return screen::json(&serde_json::json!({ "shown": shown, "findings": findings }));
    }
    for finding in findings {
        let verdict = match (finding.kind, finding.verdict) {
            ("fork", "shown") => context.texts.t("evidence-fork"),
            ("history", "shown") => context.texts.t("evidence-two-histories"),
            (_, "shown") => context.texts.t("evidence-shown"),
            (_, "late") => context.texts.t("evidence-late"),
            _ => context.texts.tf("evidence-not-shown", &[("reason", &context.texts.reason(finding.reason))]),
        };
        screen::line(&format!("{}  {}\n    {verdict}", finding.hub, screen::plain(&finding.about)));
    }
    let count = shown(findings).to_string();
    context.say("evidence-sum", &[("count", &count), ("all", &findings.len().to_string())]);
}

/// Refusals by hub and reason, with the replies beside them.
pub(super) fn refusals(context: &Context, groups: &[Group]) {
    if context.json {
        return screen::json(&serde_json::to_value(groups).unwrap_or_default());
    }
    for group in groups {
        let name = if group.hub_name.is_empty() { &group.hub } else { &group.hub_name };
        let values = [
            ("hub", screen::plain(name)),
            ("what", screen::plain(&group.what)),
            ("reason", refused::reason(&context.texts, &group.reason)),
            ("count", group.count.to_string()),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        screen::line(&context.texts.tf("refusals-group", &values));
        for refusal in &group.refusals {
            let details = [&refusal.party, &refusal.basis, &refusal.until];
            let details: Vec<String> =
                details.into_iter().filter(|d| !d.is_empty()).map(|d| screen::plain(d)).collect();
            let id = refusal.id.get(..8).unwrap_or(&refusal.id);
            screen::line(&format!("  {id}  {}  {}", moment(refusal.time_ms), details.join("; ")));
            for reply in &refusal.replies {
                let who = if reply.name.is_empty() { &reply.party } else { &reply.name };
                let values = [("party", screen::plain(who)), ("text", screen::plain(&reply.text))];
                let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
                let said = context.texts.tf("refusals-reply", &values);
                screen::line(&format!("            {}  {said}", moment(reply.time_ms)));
            }
        }
    }
    if groups.is_empty() {
        context.say("refusals-none", &[]);
    }
}
