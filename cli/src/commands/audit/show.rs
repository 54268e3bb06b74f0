//! What an audit found, in words or as JSON.

use caphub_node::audit::file::{Finding, moment};
use caphub_node::audit::report::{HubReport, Report};
use caphub_node::refusals::Group;

use crate::commands::Context;
use crate::commands::audit::shown;
use crate::screen;

/// Late feeds that are shown in words, a hub; all of them with `--json`.
const LATE_LINES: usize = 10;

/// What is known of each hub.
pub(super) fn report(context: &Context, report: &Report) {
    if context.json {
        return screen::json(&serde_json::to_value(report).unwrap_or_default());
    }
    if report.hubs.is_empty() {
        return context.say("no-links", &[]);
    }
    for hub in &report.hubs {
        one(context, hub);
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
        count => say("audit-states", &[("count", count.to_string()), ("when", moment(hub.last_stated_ms))]),
    }
    for shown in &hub.shown {
        say(
            "audit-shown",
            &[
                ("party", shown.party.clone()),
                ("held", shown.held.to_string()),
                ("held-when", moment(shown.held_ms)),
                ("lower", shown.lower.to_string()),
                ("lower-when", moment(shown.lower_ms)),
                ("feed", shown.feed.clone()),
            ],
        );
    }
    for late in hub.late.iter().take(LATE_LINES) {
        let key = match late.cut.as_str() {
            "" => "audit-late",
            _ => "audit-late-cut",
        };
        say(
            key,
            &[
                ("party", late.party.clone()),
                ("stated", late.stated.to_string()),
                ("behind", late.behind.to_string()),
                ("since", moment(late.since_ms)),
                ("feed", late.feed.clone()),
            ],
        );
    }
    if hub.late_feeds > LATE_LINES {
        say("audit-late-more", &[("count", (hub.late_feeds - LATE_LINES).to_string())]);
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

/// What a file of evidence shows.
pub(super) fn findings(context: &Context, findings: &[Finding]) {
    if context.json {
        let shown = shown(findings);
        return screen::json(&serde_json::json!({ "shown": shown, "findings": findings }));
    }
    for finding in findings {
        let verdict = match (finding.kind, finding.verdict) {
            ("history", "shown") => context.texts.t("evidence-two-histories"),
            (_, "shown") => context.texts.t("evidence-shown"),
            (_, "late") => context.texts.t("evidence-late"),
            _ => context.texts.tf("evidence-not-shown", &[("reason", finding.reason)]),
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
            ("reason", screen::plain(&group.reason)),
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
