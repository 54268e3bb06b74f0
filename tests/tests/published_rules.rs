//! Matching, coverage and distribution through the real command: everybody who holds the same records sees the same.

use caphub_tests::{Machine, NodeProcess};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

fn file(machine: &Machine, name: &str, value: Value) -> String {
    std::fs::write(machine.path(name), value.to_string()).expect("a file");
    name.to_owned()
}

fn text(text: &str) -> Value {
    json!({ "language": "en", "text": text })
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A state with two needs, one of them for its hub alone, and a provider with three offers; both have synced.
async fn scene(machine: &Machine) -> NodeProcess<'_> {
    let hub = machine.hub("hub", "Pacific Hub", "061").await;
    for (home, country, name) in [("tv", "TV", "Tuvalu CERT"), ("nz", "NZ", "Provider")] {
        let invitation = hub.invitation(country).await;
        machine.run(&["--home", home, "join", &invitation, "--name", name]).await.ok();
    }
    let need = json!({ "title": text("Train three analysts"), "themes": ["incident_management", "cybercrime"],
        "countries": ["TV"], "languages": ["en"], "offer_types": ["training"], "confirm_by": "2030-01-01" });
    let lone =
        json!({ "title": text("For the hub alone"), "themes": ["standards"], "confirm_by": "2030-01-01" });
    let offers = [
        json!({ "title": text("Course for analysts"), "offer_type": "training", "themes": ["incident_management"],
            "regions": ["061"], "languages": ["en"], "cost": { "free": true }, "confirm_by": "2030-01-01" }),
        json!({ "title": text("Not for islands"), "offer_type": "training", "themes": ["cybercrime"],
            "eligibility": { "excluded_countries": ["TV"], "exclusion_reason": "export control" }, "confirm_by": "2030-01-01" }),
        json!({ "title": text("From Europe only"), "offer_type": "expertise", "themes": ["cybercrime"],
            "conditions": [text("a report each month")], "reachable_from": { "regions": ["150"] }, "confirm_by": "2030-01-01" }),
    ];
    for (at, (home, kind, value, visible)) in [("tv", "need", need, "public"), ("tv", "need", lone, "hub")]
        .into_iter()
        .chain(offers.into_iter().map(|o| ("nz", "offer", o, "public")))
        .enumerate()
    {
        let name = file(machine, &format!("{at}.json"), value);
        machine.run(&["--home", home, kind, "add", "--file", &name, "--visible", visible]).await.ok();
    }
    for home in ["tv", "nz", "tv"] {
        machine.run(&["--home", home, "sync"]).await.ok();
    }
    hub
}

#[tokio::test]
async fn both_sides_see_the_same_points_and_why_an_offer_is_shut_off() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = scene(&machine).await;
    let ours = machine.run(&["--home", "tv", "--json", "match"]).await.ok().json();
    let needs = ours["matches"].as_array().expect("matches");
    let need = needs.iter().find(|n| n["title"] == "Train three analysts").expect("the need");
    assert_eq!((&need["open"], &need["shut_off"]), (&json!(1), &json!(2)), "{ours}");
    let best = &need["best"];
    // 12 of 25 for one theme of two, 12 of 15 for the region, and all else.
    assert_eq!((&best[0]["title"], &best[0]["score"]), (&json!("Course for analysts"), &json!(84)), "{ours}");
    assert_eq!(best[0]["criteria"][0]["why"], "theme_part");
    assert_eq!(best[1]["exclusions"], json!(["excluded"]), "{ours}");
    assert_eq!(best[1]["exclusion_reason"], "export control");
    assert_eq!(best[2]["exclusions"], json!(["not_reachable"]), "{ours}");

    let theirs = machine.run(&["--home", "nz", "--json", "match"]).await.ok().json();
    let theirs = theirs["matches"].as_array().expect("matches").clone();
    let course = theirs.iter().find(|o| o["title"] == "Course for analysts").expect("the offer");
    assert_eq!((&course["best"][0]["id"], &course["best"][0]["score"]), (&need["id"], &best[0]["score"]));
    assert_eq!(course["best"][0]["criteria"], best[0]["criteria"]);

    let id = need["id"].as_str().expect("an id")[..8].to_owned();
    let said = machine.run(&["--home", "nz", "match", &id]).await.ok();
    assert!(said.out.contains("12/25 theme: some of the themes"), "{said:?}");
    assert!(joined(&said.out).contains("for this reason: export control"), "{said:?}");
    assert_eq!(machine.run(&["--home", "nz", "match", "ffffffff"]).await.code, 3);

    let offers = machine.run(&["--home", "tv", "offers"]).await.ok();
    assert!(offers.out.contains("84 of 100 points") && offers.out.contains("export control"), "{offers:?}");
    let free = machine.run(&["--home", "tv", "--json", "offers", "--unconditional"]).await.ok().json();
    let titles: Vec<&Value> =
        free.as_array().expect("offers").iter().map(|o| &o["record"]["title"]["text"]).collect();
    assert_eq!(titles, ["Course for analysts"], "{free}");
}

#[tokio::test]
async fn coverage_and_distribution_show_what_is_missing_and_tables_fit_80_columns() {
    let machine = Machine::new(PROGRAM, "fr");
    let _hub = scene(&machine).await;
    let covered = machine.run(&["--home", "tv", "--json", "coverage", "--region", "061"]).await.ok().json();
    let tuvalu = &covered["countries"]
        .as_array()
        .expect("countries")
        .iter()
        .find(|c| c["country"] == "TV")
        .expect("it")
        .clone();
    assert_eq!((&tuvalu["hub"], &tuvalu["admitted"]), (&json!(true), &json!(true)), "{covered}");
    assert_eq!(tuvalu["counts"]["needs"], 2);
    assert_eq!(tuvalu["counts"]["themes_without_offer"], json!({ "standards": 1 }), "{covered}");
    assert_eq!(covered["unmet"].as_array().map(Vec::len), Some(2));
    let unknown = machine.run(&["--home", "tv", "coverage", "--region", "Atlantis"]).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");

    let shares = machine.run(&["--home", "tv", "--json", "distribution"]).await.ok().json();
    let sids = &shares["groups"][2];
    assert_eq!(
        (&sids["group"], &sids["needs"], &sids["matched"]),
        (&json!("sids"), &json!(2), &json!(1)),
        "{shares}"
    );
    assert_eq!(shares["providers"][0]["conditions"], 1, "{shares}");
    for words in
        [&["match"][..], &["offers"], &["coverage"], &["coverage", "--region", "009"], &["distribution"]]
    {
        let said = machine.run(&[&["--home", "tv"], words].concat()).await.ok();
        for line in said.out.lines().filter(|_| words != ["offers"]) {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
    }
}

#[tokio::test]
async fn a_reported_barrier_stands_beside_the_offer_until_its_reporter_lifts_it() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = scene(&machine).await;
    let offers = machine.run(&["--home", "tv", "--json", "offer", "list"]).await.ok().json();
    let course = offers
        .as_array()
        .expect("offers")
        .iter()
        .find(|o| o["record"]["title"]["text"] == "Course for analysts");
    let id = course.expect("the offer")["id"].as_str().expect("an id").to_owned();
    let words =
        ["--home", "tv", "--json", "barrier", "add", "--title", "The course refuses our addresses", "--type"];
    let more = ["address_blocked", "--country", "TV", "--since", "2026-01-02", "--about", &id];
    let report = machine.run(&[&words[..], &more].concat()).await.ok().json();
    let report = report["id"].as_str().expect("an id")[..8].to_owned();
    let closed = |said: Value| said["barriers"].as_array().map_or(0, Vec::len);
    let shown = machine.run(&["--home", "tv", "--json", "offer", "show", &id]).await.ok().json();
    assert_eq!(
        (&shown["barriers"][0]["since"], &shown["barriers"][0]["answers"]),
        (&json!("2026-01-02"), &json!(0))
    );
    for words in
        [&["offers"][..], &["match"], &["search", "analysts"], &["offer", "list"], &["offer", "show", &id]]
    {
        let said = machine.run(&[&["--home", "tv"], words].concat()).await.ok();
        let joined = joined(&said.out);
        assert!(
            joined.contains("reported closed in TV since 2026-01-02: address blocked"),
            "{words:?}: {said:?}"
        );
    }
    for home in ["tv", "nz"] {
        machine.run(&["--home", home, "sync"]).await.ok();
    }
    // It is not closed to the provider's own country, and its answer is counted.
    let theirs = machine.run(&["--home", "nz", "--json", "offer", "show", &id]).await.ok().json();
    assert_eq!(closed(theirs), 0);
    machine.run(&["--home", "nz", "barrier", "reply", &report, "Fixed on our side"]).await.ok();
    for home in ["nz", "tv"] {
        machine.run(&["--home", home, "sync"]).await.ok();
    }
    let shown = machine.run(&["--home", "tv", "--json", "offer", "show", &id]).await.ok().json();
    assert_eq!(shown["barriers"][0]["answers"], 1, "{shown}");
    machine.run(&["--home", "tv", "barrier", "lift", &report]).await.ok();
    let shown = machine.run(&["--home", "tv", "--json", "offer", "show", &id]).await.ok().json();
    assert_eq!(closed(shown), 0);
}

#[tokio::test]
async fn a_report_holds_public_records_only_and_no_text_of_anybody_has_power_in_it() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub = scene(&machine).await;
    let hostile = json!({ "title": text("=HYPERLINK(\"http://x.example\")<script>alert(1)</script>\u{202e}"),
        "themes": ["standards"], "confirm_by": "2030-01-01" });
    let name = file(&machine, "hostile.json", hostile);
    machine.run(&["--home", "tv", "need", "add", "--file", &name]).await.ok();
    let words = ["--home", "tv", "--json", "report", "--period", "2020-01..2999-12", "--out", "published"];
    let said = machine.run(&words).await.ok().json();
    assert_eq!(said["tables"]["Needs"], 2, "{said}");
    let page = std::fs::read_to_string(machine.path("published/report.html")).expect("a page");
    assert!(page.contains("Train three analysts") && page.contains("export control"), "{page}");
    assert!(!page.contains("For the hub alone") && !page.contains("<script") && !page.contains('\u{202e}'));
    let workbook = std::fs::read(machine.path("published/report.xlsx")).expect("a workbook");
    assert!(workbook.starts_with(b"PK") && workbook.len() > 4_000);
    let bad = machine.run(&["--home", "tv", "report", "--period", "soon", "--out", "published"]).await;
    assert_eq!(bad.code, 2, "{bad:?}");
}
