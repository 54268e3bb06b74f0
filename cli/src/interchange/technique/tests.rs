//! Courses of action and playbooks, and what is neither.

use serde_json::json;

use super::*;
use crate::interchange::wishes_for;

#[test]
fn a_course_of_action_keeps_its_references_and_its_label() {
    let bundle = json!({ "type": "bundle", "id": "bundle--1", "objects": [
        { "type": "course-of-action", "id": "course-of-action--1", "name": "A", "description": "Do it.",
          "x_mitre_deprecated": true,
          "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
          "external_references": [
            { "source_name": "mitre-attack", "external_id": "M1", "url": "https://a.example/M1" },
            { "source_name": "B", "description": "b", "url": "hxxp://c[.]example" }] },
        { "type": "course-of-action", "id": "course-of-action--2", "name": "B", "revoked": true },
        { "type": "identity", "id": "identity--1", "name": "C" }] });
    assert!(is_technique(&bundle));
    let reading = read(&bundle, &wishes_for(RecordKind::Technique)).expect("a bundle");
    let draft = reading.found[0].draft.as_ref().expect("a technique");
    let record = draft.whole.as_ref().expect("a record");
    assert_eq!(record["references"][0]["scheme"], "attack-mitigation");
    assert_eq!(
        (&record["references"][1]["title"], &record["references"][1]["url"]),
        (&json!("b"), &json!(""))
    );
    assert_eq!((draft.tlp.as_str(), draft.notes[0].key), ("TLP:AMBER", "import-deprecated"));
    let why = |i: usize| reading.found[i].draft.as_ref().expect_err("not taken").key;
    assert_eq!((why(1), why(2)), ("import-revoked", "import-no-kind"));
}

#[test]
fn a_playbook_that_loops_ends_and_keeps_its_order() {
    let playbook = json!({ "type": "playbook", "spec_version": "cacao-2.0", "id": "playbook--1", "name": "P",
        "description": "why", "workflow_start": "start--1", "workflow": {
        "start--1": { "type": "start", "on_completion": "if--1" },
        "if--1": { "type": "if-condition", "name": "Is it so?", "condition": "x", "on_true": "action--2", "on_false": "action--1" },
        "action--1": { "type": "action", "name": "No", "on_completion": "if--1" },
        "action--2": { "type": "action", "name": "Yes", "commands": [{ "type": "manual", "command": "look" }],
            "on_completion": "end--1" },
        "end--1": { "type": "end" } } });
    let reading = read(&playbook, &wishes_for(RecordKind::Technique)).expect("a playbook");
    let record = reading.found[0].draft.as_ref().expect("a technique").whole.clone().expect("a record");
    let steps: Vec<&str> = record["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|s| s["text"].as_str().expect("a text"))
        .collect();
    assert_eq!(steps, ["Is it so?\nx", "Yes\nmanual look", "No"]);
}
