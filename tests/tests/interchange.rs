//! A catalogue that somebody else wrote: imported, exchanged through three hubs, found, and exported again.

use std::path::{Path, PathBuf};

use caphub_tests::Machine;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// Real input beside the project; `None`, said aloud, where it is not there.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(folder);
    if !path.exists() {
        eprintln!("note: {} is not there; this test has less to do", path.display());
        return None;
    }
    Some(path)
}

fn files(folder: &Path, endings: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| endings.iter().any(|w| e == *w)))
        .map(|p| p.display().to_string())
        .collect();
    out.sort();
    out
}

async fn json(machine: &Machine, home: &str, words: &[&str]) -> Value {
    let all: Vec<&str> = ["--home", home, "--json"].iter().chain(words).copied().collect();
    machine.run(&all).await.ok().json()
}

async fn import(machine: &Machine, home: &str, kind: &str, files: &[String], more: &[&str]) -> Value {
    let mut words = vec!["import", "--as", kind];
    words.extend(more);
    words.extend(files.iter().map(String::as_str));
    json(machine, home, &words).await
}

fn total(said: &Value, what: &str) -> u64 {
    let files = said["files"].as_array().expect("files");
    files.iter().map(|f| f[what].as_u64().expect("a count")).sum()
}

#[tokio::test]
async fn a_real_catalogue_goes_through_three_hubs_and_is_found_at_the_far_end() {
    let Some(folder) = shared("training_tess") else { return };
    let files = files(&folder, &["json", "jsonld", "csv"]);
    let machine = Machine::new(PROGRAM, "en");
    let region = machine.hub("region", "Region", "009").await;
    let (north, south) =
        (machine.hub("north", "North", "057").await, machine.hub("south", "South", "061").await);
    let hubs = [&region, &north, &south];
    for hub in hubs {
        let card = hub.card().await;
        for other in hubs.iter().filter(|o| o.name != hub.name) {
            other.ask(&["link", "add", &card]).await.ok();
        }
    }
    for (home, hub, country) in [("ki", &north, "KI"), ("tv", &south, "TV")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file, "--name", country]).await.ok();
    }
    let mut added = 0;
    for kind in ["course", "session"] {
        let dry = import(&machine, "ki", kind, &files, &["--dry-run", "--licence", "BSD-3-Clause"]).await;
        let said = import(&machine, "ki", kind, &files, &["--licence", "BSD-3-Clause"]).await;
        assert_eq!(dry, said, "a dry run says what the import does");
        for file in said["files"].as_array().expect("files") {
            let rows = file["rows"].as_array().expect("rows");
            assert_eq!(file["present"].as_u64(), Some(rows.len() as u64), "nothing vanishes: {file}");
            for row in rows.iter().filter(|r| r["action"] == "skip") {
                assert!(row["why"][0]["message"].as_str().is_some_and(|m| !m.is_empty()), "{row}");
            }
        }
        assert!(total(&said, "add") > 3, "{said}");
        added += total(&said, "add");
        let again = import(&machine, "ki", kind, &files, &["--licence", "BSD-3-Clause"]).await;
        assert_eq!((total(&again, "add"), total(&again, "change")), (0, 0), "{again}");
        assert_eq!(total(&again, "same"), total(&said, "add"));
    }
    machine.run(&["--home", "ki", "sync"]).await.ok();
    for hub in [&north, &region, &south] {
        hub.reaches("records", added).await;
    }
    machine.run(&["--home", "tv", "sync"]).await.ok();
    let found = json(&machine, "tv", &["search", "metagenomics"]).await;
    assert_eq!(found[0]["record"]["title"]["text"], "Introduction to 'Metagenomics'", "{found}");
    assert_eq!(found[0]["party_name"], "KI");
    let session = json(&machine, "tv", &["search", "First", "steps", "--kind", "session"]).await;
    assert_eq!(session[0]["source"]["licence"], "BSD-3-Clause", "{session}");
    // The instance names its course by the id that the course's own import gave it.
    let courses = json(&machine, "tv", &["search", "First", "steps", "--kind", "course"]).await;
    assert_eq!(session[0]["record"]["course_id"], courses[0]["id"]);
}

fn plain(list: &Value) -> Vec<Value> {
    let mut records: Vec<Value> =
        list.as_array().expect("a list").iter().map(|r| r["record"].clone()).collect();
    records.sort_by_key(Value::to_string);
    records
}

/// What a member exports, another imports as equal records, and the same member as nothing new.
async fn round_trip(machine: &Machine, kind: &str) {
    let before = plain(&json(machine, "a", &[kind, "list", "--mine"]).await);
    assert!(!before.is_empty());
    let formats = [("b", "json-ld"), ("c", "csv"), ("d", "json"), ("e", "xlsx"), ("f", "ics")];
    for (home, format) in formats.into_iter().filter(|(_, f)| *f != "ics" || kind == "session") {
        let name = format!("{kind}.{format}");
        let words = ["--home", "a", "export", "--mine", "--kind", kind, "--format", format, "--out", &name];
        machine.run(&words).await.ok();
        let same = import(machine, "a", kind, std::slice::from_ref(&name), &[]).await;
        assert_eq!(total(&same, "same"), before.len() as u64, "{format}: {same}");
        let there = import(machine, home, kind, &[name], &[]).await;
        assert_eq!(total(&there, "add"), before.len() as u64, "{format}: {there}");
        let after = plain(&json(machine, home, &[kind, "list", "--mine"]).await);
        assert_eq!(after, before, "{format}");
    }
}

async fn members(machine: &Machine) {
    let hub = machine.hub("hub", "Hub", "009").await;
    for (home, country) in [("a", "TV"), ("b", "KI"), ("c", "NR"), ("d", "TO"), ("e", "WS"), ("f", "FJ")] {
        let file = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &file, "--name", country]).await.ok();
    }
}

#[tokio::test]
async fn every_kind_exports_and_imports_back_equal_in_every_format() {
    let machine = Machine::new(PROGRAM, "en");
    members(&machine).await;
    let texts = json!({ "language": "en", "text": "Logs; \"read\", them\n=1+1",
        "translations": [{ "language": "fr", "text": "Journaux", "translator": "DGTI" }] });
    let common = json!({ "title": texts, "description": texts, "themes": ["standards", "x:y"],
        "languages": ["en", "fr"], "countries": ["TV", "WS"] });
    let of = |more: Value| {
        let mut out = common.clone();
        let (map, more) = (out.as_object_mut().expect("a map"), more.as_object().expect("a map").clone());
        map.extend(more);
        out
    };
    for (kind, record) in [
        (
            "course",
            of(json!({ "level": "beginner", "duration": "PT4H", "keywords": ["a, b", "c;d", "@e"],
            "provider": "-UNI", "authors": ["Doe, J."], "url": "https://x.example", "licence": "CC-BY-4.0",
            "regions": ["009"] })),
        ),
        (
            "session",
            of(json!({ "starts": "2027-03-01T09:00:00+12:00", "ends": "2027-03-05", "seats": 20,
            "place": "Apia, Hall 2", "link": "https://x.example/s", "delivery_mode": "hybrid",
            "cost": { "price": { "amount": "12.50", "currency": "USD" }, "note": "with lunch" },
            "reachable_from": { "regions": ["061"], "note": "by boat" },
            "recurrence": ["DTSTART;TZID=Pacific/Apia:20270301T090000", "RRULE:FREQ=WEEKLY;COUNT=4"] })),
        ),
        (
            "offer",
            of(json!({ "offer_type": "expertise", "confirm_by": "2027-09-01", "conditions": [texts],
            "eligibility": { "groups": ["sids"], "excluded_countries": ["FJ"], "exclusion_reason": "served" },
            "delivery_modes": ["online", "in_person"], "window": { "from": "2027-01-01", "until": "2027-02-01" },
            "capacity": { "amount": 3, "unit": "weeks" }, "cost": { "free": true } })),
        ),
        (
            "need",
            of(json!({ "urgency": "high", "confirm_by": "2027-09-01", "beneficiaries": texts,
            "own_contribution": texts, "national_plans": [{ "title": "Plan", "url": "https://p.example" }],
            "terms": { "law": "TV", "technology_not_accepted": ["none"] },
            "escalation": [{ "scope": "region", "after_days": 30 }], "regions": ["061"] })),
        ),
    ] {
        std::fs::write(machine.path("record.json"), record.to_string()).expect("a file");
        let add = ["--home", "a", kind, "add", "--file", "record.json"];
        machine.run(&add).await.ok();
        machine.run(&["--home", "a", kind, "add", "--title", "Plain", "--theme", "standards"]).await.ok();
        round_trip(&machine, kind).await;
    }
}

#[tokio::test]
async fn hostile_strings_pass_through_every_text_field_the_terminal_and_every_export() {
    let Some(folder) = shared("torture/blns") else { return };
    let text = std::fs::read_to_string(folder.join("blns.json")).expect("strings");
    let strings: Vec<String> = serde_json::from_str(&text).expect("a list of strings");
    let machine = Machine::new(PROGRAM, "en");
    members(&machine).await;
    let items: Vec<Value> = strings
        .iter()
        .enumerate()
        .map(|(i, s)| {
            json!({ "@type": "Course", "@id": format!("https://h.example/{i}"), "name": s, "description": s,
                "keywords": [s], "provider": s, "author": [s], "educationalLevel": s, "license": s })
        })
        .collect();
    std::fs::write(machine.path("hostile.jsonld"), json!({ "@graph": items }).to_string()).expect("a file");
    let file = ["hostile.jsonld".to_owned()];
    let said = import(&machine, "a", "course", &file, &[]).await;
    let blank = strings.iter().filter(|s| s.trim().is_empty()).count() as u64;
    assert_eq!(total(&said, "present"), strings.len() as u64);
    assert_eq!(total(&said, "skip"), blank, "only texts of nothing but space are no titles: {said}");
    assert_eq!(total(&said, "add"), strings.len() as u64 - blank);
    round_trip(&machine, "course").await;
    let shown = machine.run(&["--home", "a", "course", "list"]).await.ok().out;
    let bad = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!shown.contains(bad), "a terminal gets no control characters");
    let begun = shown.lines().filter(|line| !line.starts_with(' ')).count() as u64;
    assert_eq!(begun, total(&said, "add"), "one record begins a line, and what does not fit stands below it");
    for string in strings.iter().filter(|s| !s.starts_with('-') && !s.contains('\0')).step_by(9) {
        let found = machine.run(&["--home", "a", "--json", "search", "--", string]).await;
        assert!(found.code == 0, "{string:?}: {found:?}");
    }
}

/// A record of a kind with the string in every text field that it has.
fn filled(kind: &str, s: &str) -> Value {
    let text = json!({ "language": "en", "text": s, "translations":
        [{ "language": "fr", "text": s, "translator": s }] });
    let common = json!({ "title": text, "description": text, "themes": ["standards"] });
    let more = match kind {
        "session" => json!({ "place": s, "provider": s, "keywords": [s], "cost": { "free": true, "note": s },
            "reachable_from": { "note": s }, "starts": "2027-03-01" }),
        "offer" => json!({ "offer_type": "training", "confirm_by": "2027-09-01", "conditions": [text],
            "capacity": { "amount": 1, "unit": s }, "cost": { "note": s },
            "eligibility": { "excluded_countries": ["FJ"], "exclusion_reason": s, "note": text } }),
        _ => json!({ "confirm_by": "2027-09-01", "beneficiaries": text, "own_contribution": text,
            "national_plans": [{ "title": s }], "terms": { "law": s, "technology_not_accepted": [s] } }),
    };
    let mut out = common;
    out.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    out
}

#[tokio::test]
async fn hostile_strings_fit_every_text_field_of_the_other_kinds() {
    let Some(folder) = shared("torture/blns") else { return };
    let text = std::fs::read_to_string(folder.join("blns.json")).expect("strings");
    let strings: Vec<String> = serde_json::from_str(&text).expect("a list of strings");
    let machine = Machine::new(PROGRAM, "en");
    members(&machine).await;
    for kind in ["session", "offer", "need"] {
        let records: Vec<Value> = strings
            .iter()
            .filter(|s| !s.trim().is_empty())
            .enumerate()
            .map(|(i, s)| json!({ "id": format!("urn:x:{i}"), "kind": kind, "record": filled(kind, s) }))
            .collect();
        let whole = json!({ "caphub": 1, "records": records });
        std::fs::write(machine.path("hostile.json"), whole.to_string()).expect("a file");
        let said = import(&machine, "a", kind, &["hostile.json".to_owned()], &[]).await;
        assert_eq!(total(&said, "add"), records.len() as u64, "{said}");
        round_trip(&machine, kind).await;
        let first = json(&machine, "a", &[kind, "list", "--mine"]).await[0]["id"].clone();
        let shown =
            machine.run(&["--home", "a", kind, "show", first.as_str().expect("an id")]).await.ok().out;
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_whole_and_says_what_to_do() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "a", "join", &file, "--name", "TV"]).await.ok();
    std::fs::write(machine.path("cut.json"), "{\"@type\": \"Cour").expect("a file");
    std::fs::write(machine.path("good.csv"), "title\nA course\n").expect("a file");
    std::fs::write(machine.path("bare.csv"), "x,y\n1,2\n").expect("a file");
    for bad in ["cut.json", "bare.csv", "missing.json"] {
        let said = machine.run(&["--home", "a", "import", "--as", "course", "good.csv", bad]).await;
        assert!(said.code != 0 && said.err.contains("error: "), "{said:?}");
    }
    let list = json(&machine, "a", &["course", "list"]).await;
    assert_eq!(list.as_array().map(Vec::len), Some(0), "nothing of a refused import is kept");
}
