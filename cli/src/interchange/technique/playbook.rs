//! CACAO 2.0 playbooks: the workflow as steps in the order in which it runs.

use std::collections::BTreeSet;

use caphub_proto::exchange::check::{LIST_MAX, TEXT_BYTES_MAX};
use caphub_proto::v1::{LocalisedText, Technique};
use serde_json::Value;

use crate::interchange::draft::localised;
use crate::interchange::technique::{finish, references, text, texts, tlp};
use crate::interchange::{Draft, Why, Wishes};

/// Ways on from a step, the usual one first.
const NEXT: &[&str] =
    &["on_completion", "on_success", "on_true", "next_steps", "cases", "on_false", "on_failure"];

/// A playbook as a technique.
pub(super) fn draft(playbook: &Value, wishes: &Wishes) -> Result<Draft, Why> {
    if playbook.get("revoked").and_then(Value::as_bool) == Some(true) {
        return Err(Why::new("import-revoked"));
    }
    let described = text(playbook, "description");
    let mut keywords = texts(playbook.get("labels"));
    keywords.extend(texts(playbook.get("playbook_types")));
    keywords.extend(texts(playbook.get("playbook_activities")));
    keywords.truncate(LIST_MAX);
    let technique = Technique {
        problem: (!described.is_empty()).then(|| localised(&wishes.language, &described)),
        steps: steps(playbook, &wishes.language),
        references: references(playbook),
        sectors: texts(playbook.get("industry_sectors")),
        keywords,
        version: text(playbook, "modified"),
        ..Technique::default()
    };
    let named = playbook.get("data_marking_definitions").and_then(Value::as_object).into_iter().flatten();
    let level = named.map(|(_, m)| text(m, "tlpv2_level")).find(|l| !l.is_empty()).unwrap_or_default();
    let markings: Vec<String> = texts(playbook.get("markings"))
        .iter()
        .map(|m| m.replace("marking-tlp--", "marking-definition--"))
        .collect();
    let mut out = Draft { identifier: text(playbook, "id"), registry: "cacao", ..Draft::default() };
    out.tlp = tlp(&markings, &level);
    finish(out, technique, &text(playbook, "name"), wishes)
}

/// Each step once, whatever loops the workflow has.
fn steps(playbook: &Value, language: &str) -> Vec<LocalisedText> {
    let Some(workflow) = playbook.get("workflow").and_then(Value::as_object) else { return Vec::new() };
    let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
    let mut due = vec![text(playbook, "workflow_start")];
    while let Some(id) = due.pop() {
        if out.len() >= LIST_MAX || !seen.insert(id.clone()) {
            continue;
        }
        let Some(step) = workflow.get(&id) else { continue };
        if !matches!(text(step, "type").as_str(), "start" | "end") {
            out.extend(said(step, language));
        }
        let mut next = Vec::new();
        for name in NEXT {
            match step.get(*name) {
                Some(Value::Object(cases)) => next.extend(cases.values().flat_map(|c| texts(Some(c)))),
                other => next.extend(texts(other)),
            }
        }
        // The way on that is named first is followed first.
        due.extend(next.into_iter().rev());
    }
    out
}

fn said(step: &Value, language: &str) -> Option<LocalisedText> {
    let mut parts = Vec::new();
    let head = [text(step, "name"), text(step, "description")];
    parts.push(head.iter().filter(|t| !t.is_empty()).cloned().collect::<Vec<_>>().join(": "));
    for command in step.get("commands").and_then(Value::as_array).into_iter().flatten() {
        let what = [text(command, "description"), text(command, "command")];
        let what = what.iter().filter(|t| !t.is_empty()).cloned().collect::<Vec<_>>().join(": ");
        parts.push(format!("{} {what}", text(command, "type")));
    }
    let condition = text(step, "condition");
    if !condition.is_empty() {
        parts.push(condition);
    }
    let mut all = parts.into_iter().filter(|p| !p.trim().is_empty()).collect::<Vec<_>>().join("\n");
    all.truncate(all.floor_char_boundary(TEXT_BYTES_MAX));
    (!all.is_empty()).then(|| localised(language, &all))
}
