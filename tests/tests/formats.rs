//! Files of other systems through the real program: calendars, pages, any JSON, techniques, vocabularies, IATI, workbooks.

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

/// All files of an ending below a folder.
fn files(folder: &Path, ending: &str) -> Vec<String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            out.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            out.push(path.display().to_string());
        }
    }
    out.sort();
    out
}

async fn member(name: &str) -> Machine {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    for home in [name, "other"] {
        let file = hub.invitation(if home == "other" { "KI" } else { "TV" }).await;
        machine.run(&["--home", home, "join", &file, "--name", home]).await.ok();
    }
    machine
}

/// Imports, dry run first; nothing vanishes, and a second import adds nothing.
async fn import(machine: &Machine, kind: &str, files: &[String], more: &[&str]) -> Value {
    let run = async |dry: bool| {
        let mut words = vec!["--home", "a", "--json", "import", "--as", kind];
        words.extend(more);
        words.extend(dry.then_some("--dry-run"));
        words.extend(files.iter().map(String::as_str));
        machine.run(&words).await.ok().json()
    };
    let dry = run(true).await;
    let said = run(false).await;
    assert_eq!(dry, said, "a dry run says what the import does");
    for file in said["files"].as_array().expect("files") {
        let rows = file["rows"].as_array().expect("rows");
        assert_eq!(file["present"].as_u64(), Some(rows.len() as u64), "{file}");
        for row in rows.iter().filter(|r| r["action"] == "skip") {
            assert!(row["why"][0]["message"].as_str().is_some_and(|m| !m.is_empty()), "{row}");
        }
    }
    let again = run(true).await;
    assert_eq!((total(&again, "add"), total(&again, "change")), (0, 0), "a second import adds nothing");
    said
}

fn total(said: &Value, what: &str) -> u64 {
    let files = said["files"].as_array().expect("files");
    files.iter().map(|f| f[what].as_u64().expect("a count")).sum()
}

/// Rows with a reason of this code.
fn with(said: &Value, code: &str) -> usize {
    let files = said["files"].as_array().expect("files").iter();
    let rows = files.flat_map(|f| f["rows"].as_array().expect("rows"));
    rows.filter(|r| r["why"].as_array().expect("reasons").iter().any(|w| w["code"] == code)).count()
}

#[tokio::test]
async fn every_calendar_is_read_and_leaves_as_one_that_reads_back_equal() {
    let Some(folder) = shared("icalendar") else { return };
    let odd = files(&folder, "ics");
    assert_eq!(odd.len(), 184);
    let machine = member("a").await;
    let said = import(&machine, "session", &odd, &[]).await;
    assert_eq!(
        (total(&said, "present"), total(&said, "add")),
        (237, 114),
        "what is left out has no title or no date"
    );
    let reasons =
        ["import-no-title", "import-no-start", "import-bad-date", "import-no-kind", "import-ical-line"];
    assert_eq!(reasons.iter().map(|r| with(&said, r) as u64).sum::<u64>(), total(&said, "skip"));
    assert!(with(&said, "import-recurs") > 20, "recurrence is stated");
    let real = files(&shared("training_tess").expect("beside it"), "ics");
    let more = import(&machine, "session", &real, &[]).await;
    assert_eq!((total(&more, "present"), total(&more, "add")), (13, 13));
    let out = machine
        .run(&["--home", "a", "export", "--mine", "--kind", "session", "--format", "ics"])
        .await
        .ok()
        .out;
    assert!(out.starts_with("BEGIN:VCALENDAR\r\n") && out.ends_with("END:VCALENDAR\r\n"));
    assert!(out.split("\r\n").all(|l| l.len() <= 75), "lines are folded");
    assert_eq!(out.matches("\r\nUID:").count() as u64, total(&said, "add") + total(&more, "add"));
    let bare = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    assert!(!out.contains(bare), "no control characters");
}

#[tokio::test]
async fn invalid_activities_are_told_one_by_one_and_the_others_taken() {
    let Some(folder) = shared("iati_real") else { return };
    let machine = member("a").await;
    let covid = folder.join("covid/input/dportal.xml").display().to_string();
    let said = import(&machine, "project", &[covid], &["--licence", "various"]).await;
    assert_eq!((total(&said, "present"), total(&said, "add"), total(&said, "skip")), (401, 282, 119));
    assert_eq!(with(&said, "import-iati-invalid"), 119);
    let others: Vec<String> = files(&folder.join("flattener_v2"), "xml");
    let said = import(&machine, "project", &others, &[]).await;
    assert_eq!(with(&said, "import-iati-invalid"), 4, "as the XSD says");
    let old = files(&folder.join("datastore_v1"), "xml");
    let said = import(&machine, "project", &old, &[]).await;
    assert_eq!(
        (total(&said, "present"), total(&said, "add")),
        (517, 1),
        "versions before 2 are another shape"
    );
}

#[tokio::test]
async fn techniques_and_vocabularies_of_others_become_records() {
    let Some(folder) = shared("techniques") else { return };
    let machine = member("a").await;
    let said = import(&machine, "technique", &files(&folder.join("attack_mitigations"), "json"), &[]).await;
    assert_eq!((total(&said, "present"), total(&said, "add")), (268, 268));
    assert_eq!(with(&said, "import-deprecated"), 224);
    let said = import(&machine, "technique", &files(&folder.join("misp_galaxy"), "json"), &[]).await;
    assert_eq!(total(&said, "add"), 171 + 282 + 139 + 77);
    let said = import(&machine, "technique", &files(&folder.join("cacao"), "json"), &[]).await;
    assert_eq!(total(&said, "add"), 4, "{said}");
    let Some(folder) = shared("skills_frameworks") else { return };
    let said = import(&machine, "vocabulary", &files(&folder, "json"), &[]).await;
    assert_eq!(total(&said, "skip"), 0, "{said}");
    let out = machine
        .run(&["--home", "a", "export", "--mine", "--kind", "vocabulary", "--format", "json"])
        .await
        .ok();
    let records = out.json()["records"].as_array().cloned().expect("records");
    let named =
        |name: &str| records.iter().filter(|r| r["record"]["name"] == name).cloned().collect::<Vec<_>>();
    let terms = |list: &[Value]| {
        list.iter().flat_map(|r| r["record"]["terms"].as_array().cloned().expect("terms")).collect::<Vec<_>>()
    };
    let roles = terms(&named("nice-framework-work_roles"));
    let links: usize = roles.iter().map(|t| t["maps"].as_array().expect("links").len()).sum();
    let parts = named("nice-framework-work_roles");
    let links =
        links + parts.iter().map(|r| r["record"]["mappings"].as_array().map_or(0, Vec::len)).sum::<usize>();
    assert_eq!(links, 7_490 - 52, "links to lists that are not here are counted as left out");
    let services = terms(&named("first-csirt-services-framework"));
    assert_eq!((services.len(), services.iter().filter(|t| t["broader"] != "").count()), (97, 76));
    let ecsf = terms(&named("ecsf"));
    assert_eq!(ecsf.len(), 12 + 22 + 125 + 82 + 67);
}

#[tokio::test]
async fn any_json_is_read_by_a_mapping_and_pages_for_what_they_hold() {
    let Some(folder) = shared("training_owasp") else { return };
    let machine = member("a").await;
    let events = "[fields]\ntitle = \"/name\"\ndescription = \"/description\"\nstarts = \"{/date}T{/time}\"\n\
        timezone = \"/timezone\"\nurl = \"/link\"\nprovider = \"/group\"\n[constants]\nlicence = \"CC-BY-SA-4.0\"\n";
    std::fs::write(machine.path("events.toml"), format!("html = [\"description\"]\n{events}"))
        .expect("a file");
    let file = [folder.join("chapter_events.json").display().to_string()];
    let said = import(&machine, "session", &file, &["--mapping", "events.toml"]).await;
    assert_eq!((total(&said, "present"), total(&said, "add")), (26, 26));
    let shown =
        machine.run(&["--home", "a", "--json", "search", "Trending", "website", "threats"]).await.ok().json();
    assert_eq!(shown[0]["record"]["starts"], "2021-03-29T16:00:00+00:00", "{shown}");
    assert_eq!(shown[0]["source"]["licence"], "CC-BY-SA-4.0");
    assert!(!shown[0]["record"]["description"]["text"].as_str().expect("a text").contains("<p>"));
    let projects = "[fields]\ntitle = \"/title\"\ndescription = \"/pitch\"\nidentifier = \"/url\"\nkeywords = [\"/type\"]\n\
        [constants]\noffer_type = \"technology_transfer\"\nthemes = \"x:software\"\n";
    std::fs::write(machine.path("projects.toml"), projects).expect("a file");
    let file = [folder.join("projects.json").display().to_string()];
    let said = import(&machine, "offer", &file, &["--mapping", "projects.toml"]).await;
    assert_eq!(total(&said, "present"), 416);
    assert!(total(&said, "add") > 400, "{said}");
    let pages = files(&shared("training_tess").expect("beside it"), "html");
    let said = import(&machine, "course", &pages, &[]).await;
    assert!(total(&said, "add") >= 3, "{said}");
}

/// One record of each kind that only whole formats carry.
fn whole() -> Vec<(&'static str, Value)> {
    let text = json!({ "language": "en", "text": "=Logs; \"read\"\nthem", "translations": [] });
    vec![
        (
            "technique",
            json!({ "title": text, "problem": text, "steps": [text, text], "keywords": ["a;b"],
            "themes": ["standards"], "countries": ["TV"],
            "references": [{ "scheme": "d3fend", "identifier": "D3-X", "title": "X", "url": "https://x.example" }] }),
        ),
        (
            "vocabulary",
            json!({ "name": "x-list", "title": text, "version": "1",
            "terms": [{ "code": "A1", "name": text, "maps": [{ "relation": "close", "term": "y:B2" }] }] }),
        ),
        (
            "project",
            json!({ "identifier": "XM-1", "title": text, "description": text, "status": "2",
            "window": { "from": "2027-01-01", "until": "2027-12-31" }, "countries": ["TV"], "regions": ["009"],
            "transactions": [{ "amount_type": "13", "date": "2027-01-01",
                "value": { "amount": "-5.25", "currency": "EUR" } }] }),
        ),
    ]
}

#[tokio::test]
async fn whole_records_leave_and_come_back_in_every_format_that_holds_them() {
    let machine = member("a").await;
    for (kind, record) in whole() {
        let items = json!({ "caphub": 1, "records": [{ "id": "urn:x:1", "kind": kind, "record": record }] });
        std::fs::write(machine.path("one.json"), items.to_string()).expect("a file");
        import(&machine, kind, &["one.json".to_owned()], &[]).await;
        let export = async |home: &str, format: &str, name: &str| {
            let words =
                ["--home", home, "export", "--mine", "--kind", kind, "--format", format, "--out", name];
            machine.run(&words).await.ok();
            std::fs::read(machine.path(name)).expect("a file")
        };
        let before = export("a", "json", "before.json").await;
        for format in ["csv", "xlsx", "json"] {
            let name = format!("{kind}.{format}");
            export("a", format, &name).await;
            for home in ["a", "other"] {
                let words = ["--home", home, "--json", "import", "--as", kind, &name];
                let said = machine.run(&words).await.ok().json();
                let expected = if home == "a" || format != "csv" { "same" } else { "add" };
                // The identifier in the file is the same each time, so the other member adds it once.
                assert_eq!(total(&said, expected), 1, "{kind} {format} {home}: {said}");
            }
        }
        let records = |bytes: &[u8]| {
            serde_json::from_slice::<Value>(bytes).expect("JSON")["records"][0]["record"].clone()
        };
        let after = export("other", "json", "after.json").await;
        assert_eq!(records(&after), records(&before), "{kind}");
    }
    let said = machine.run(&["--home", "a", "export", "--kind", "project", "--format", "json-ld"]).await;
    assert!(said.code != 0 && said.err.contains("json"), "{said:?}");
}

#[tokio::test]
async fn a_form_is_written_in_the_language_of_its_readers_and_read_back_when_filled_in() {
    let machine = member("a").await;
    for kind in ["need", "offer"] {
        let name = format!("{kind}.xlsx");
        machine.run(&["--home", "a", "export", "--form", "--kind", kind, "--out", &name]).await.ok();
        let said = import(&machine, kind, &[name], &[]).await;
        assert_eq!(
            (total(&said, "present"), said["files"][0]["format"].as_str()),
            (0, Some("xlsx")),
            "{said}"
        );
    }
    // What people type into the form: names instead of codes, several with semicolons.
    let filled =
        "Titre;Thèmes;Pays;Urgence;Mode;Début\nJournaux;Standards;Tuvalu;Élevée;En ligne;2027-03-01\n";
    std::fs::write(machine.path("filled.csv"), filled).expect("a file");
    let said = import(&machine, "need", &["filled.csv".to_owned()], &[]).await;
    assert_eq!((total(&said, "present"), total(&said, "add")), (1, 1), "{said}");
}

#[tokio::test]
async fn what_means_harm_is_refused_whole_and_says_why() {
    let machine = member("a").await;
    let bomb =
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aa\">]><iati-activities>&a;</iati-activities>";
    let deep = "[".repeat(200_000);
    let huge = format!("{{\"x\": \"{}\"}}", "x".repeat(65 * 1_024 * 1_024));
    for (name, kind, text) in [
        ("bomb.xml", "project", bomb),
        ("deep.json", "course", deep.as_str()),
        ("huge.json", "course", huge.as_str()),
        ("site.xml", "course", "<urlset xmlns=\"x\"><url/></urlset>"),
        ("no.xlsx", "need", "PK\u{3}\u{4}no workbook"),
        ("cut.xml", "project", "<iati-activities><iati-activity>"),
    ] {
        std::fs::write(machine.path(name), text).expect("a file");
        let said = machine.run(&["--home", "a", "import", "--as", kind, name]).await;
        assert!(
            said.code != 0 && said.err.contains("error: ") && said.err.contains("hint: "),
            "{name}: {said:?}"
        );
    }
}

/// The hostile strings in each text field of the kinds that only whole formats carry.
fn filled(kind: &str, s: &str) -> Value {
    let text = json!({ "language": "en", "text": s });
    match kind {
        "technique" => {
            json!({ "title": text, "problem": text, "steps": [text], "keywords": [s], "authors": [s],
            "references": [{ "scheme": s, "identifier": s, "title": s }], "sectors": [s], "version": s })
        }
        "vocabulary" => json!({ "name": "x", "title": text, "version": s, "publisher": s,
            "terms": [{ "code": "a", "name": text, "description": text }] }),
        "project" => {
            json!({ "identifier": s, "title": text, "description": text, "reporting_organisation": s,
            "participants": [{ "name": s, "identifier": s, "role": s }],
            "transactions": [{ "amount_type": s, "from": s, "to": s, "note": s }] })
        }
        "barrier" => {
            json!({ "title": text, "description": text, "barrier_type": "other", "state": "reported",
            "service": s, "hosts": [s], "provider": s, "scope": { "countries": ["TV"], "note": s } })
        }
        "rule_set" => json!({ "rule_type": "priority", "name": "x", "title": text,
            "weights": [{ "criterion": s, "weight": 1 }] }),
        _ => json!({ "title": text, "description": text, "call_type": "seats", "conditions": [text] }),
    }
}

#[tokio::test]
async fn hostile_strings_pass_through_every_other_kind_and_every_export() {
    let Some(folder) = shared("torture/blns") else { return };
    let strings = std::fs::read_to_string(folder.join("blns.json")).expect("strings");
    let strings: Vec<String> = serde_json::from_str(&strings).expect("a list of strings");
    let machine = member("a").await;
    for kind in ["technique", "vocabulary", "project", "barrier", "rule_set", "call"] {
        let good = strings.iter().filter(|s| !s.trim().is_empty()).enumerate();
        let records: Vec<Value> = good
            .map(|(i, s)| json!({ "id": format!("urn:x:{i}"), "kind": kind, "record": filled(kind, s) }))
            .collect();
        std::fs::write(machine.path("h.json"), json!({ "caphub": 1, "records": records }).to_string())
            .expect("a file");
        let said = import(&machine, kind, &["h.json".to_owned()], &[]).await;
        assert_eq!(total(&said, "add"), records.len() as u64, "{kind}: {said}");
        for format in ["csv", "xlsx", "json"] {
            let name = format!("h-{kind}.{format}");
            let words =
                ["--home", "a", "export", "--mine", "--kind", kind, "--format", format, "--out", &name];
            machine.run(&words).await.ok();
            let said =
                machine.run(&["--home", "a", "--json", "import", "--as", kind, &name]).await.ok().json();
            assert_eq!(total(&said, "same"), records.len() as u64, "{kind} {format}");
        }
    }
}

fn escaped(text: &str) -> String {
    let legal = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(legal).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[tokio::test]
async fn hostile_strings_pass_through_every_importer() {
    let Some(folder) = shared("torture/blns") else { return };
    let strings = std::fs::read_to_string(folder.join("blns.json")).expect("strings");
    let strings: Vec<String> = serde_json::from_str(&strings).expect("a list of strings");
    let machine = member("a").await;
    let stix: Vec<Value> = strings
        .iter()
        .enumerate()
        .map(|(i, s)| json!({ "type": "course-of-action", "id": format!("course-of-action--{i}"), "name": s, "description": s,
            "external_references": [{ "source_name": s, "external_id": s, "url": s, "description": s }] }))
        .collect();
    let values: Vec<Value> = strings
        .iter()
        .enumerate()
        .map(|(i, s)| json!({ "uuid": i.to_string(), "value": s, "description": s, "meta": { "external_id": s, "refs": [s] } }))
        .collect();
    let events: String = strings
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let s = s.replace(['\r', '\n'], " ");
            format!("BEGIN:VEVENT\r\nUID:{i}\r\nSUMMARY:{s}\r\nLOCATION:{s}\r\nURL:{s}\r\nDTSTART:20270301T090000Z\r\nEND:VEVENT\r\n")
        })
        .collect();
    let activities: String = strings
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let s = escaped(s);
            format!("<iati-activity><iati-identifier>X-{i}</iati-identifier><reporting-org ref='X' type='40'><narrative>{s}</narrative></reporting-org><title><narrative>{s}</narrative></title><description><narrative>{s}</narrative></description><participating-org role='1'/><activity-status code='2'/><activity-date type='1' iso-date='2027-01-01'/></iati-activity>")
        })
        .collect();
    let page: String = strings
        .iter()
        .enumerate()
        .map(|(i, s)| {
            // An address that is none is refused with its item: half of them have one.
            let url = if i % 2 == 0 { format!("https://x.example/{i}") } else { s.clone() };
            let item = json!({ "@type": "Course", "name": s, "description": s, "url": url })
                .to_string()
                .replace("</", "<\\/");
            format!("<script type='application/ld+json'>{item}</script>{s}")
        })
        .collect();
    for (name, kind, text) in [
        ("h.stix", "technique", json!({ "type": "bundle", "id": "bundle--1", "objects": stix }).to_string()),
        (
            "h.galaxy",
            "technique",
            json!({ "type": "x", "uuid": "u", "name": "x", "values": values }).to_string(),
        ),
        (
            "h2.galaxy",
            "vocabulary",
            json!({ "type": "x", "uuid": "u", "name": "x", "values": values }).to_string(),
        ),
        ("h.ics", "session", format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n")),
        ("h.xml", "project", format!("<iati-activities version='2.03'>{activities}</iati-activities>")),
        ("h.html", "course", format!("<!doctype html><html>{page}</html>")),
    ] {
        std::fs::write(machine.path(name), text).expect("a file");
        let said = import(&machine, kind, &[name.to_owned()], &[]).await;
        let taken = total(&said, "add");
        assert!(taken > 0 && total(&said, "present") <= strings.len() as u64, "{name}: {said}");
        let shown = machine.run(&["--home", "a", "import", "--as", kind, "--dry-run", name]).await.ok().out;
        let bad = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!shown.contains(bad), "{name}: a terminal gets no control characters");
    }
}
