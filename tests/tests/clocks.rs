//! Clocks of acts and of needs, through the real command: what is late shows, and how far a need is asked follows from
//! its author's signed words and the days that passed.

use caphub_cli::home::Home;
use caphub_node::author::{Author, now_ms, packed_run};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::ingest::Origin;
use caphub_node::keys::{KeyName, random};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, LocalisedText, Need};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::salted;
use caphub_proto::wire::{Audience, Feed, RecordId};
use caphub_tests::{Machine, NodeProcess, Said};
use prost::Message;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
const DAY_MS: u64 = 86_400_000;

async fn at(machine: &Machine, home: &str, words: &[&str]) -> Said {
    machine.run(&[&["--home", home][..], words].concat()).await
}

async fn data(machine: &Machine, home: &str, words: &[&str]) -> Value {
    at(machine, home, &[&["--json"][..], words].concat()).await.ok().json()
}

async fn sync(machine: &Machine, homes: &[&str]) {
    for home in homes {
        at(machine, home, &["sync"]).await.ok();
    }
}

async fn members<'a>(machine: &'a Machine, of: &[(&str, &str)]) -> NodeProcess<'a> {
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    for (home, name) in of {
        let file = hub.invitation(&home.to_uppercase()).await;
        at(machine, home, &["join", &file, "--name", name, "--no-passphrase"]).await.ok();
    }
    sync(machine, &of.iter().map(|(home, _)| *home).collect::<Vec<_>>()).await;
    hub
}

/// Signs a record with the key of a folder as if so many days had passed since.
async fn signed_days_ago(machine: &Machine, home: &str, record: Record, days: u64) -> String {
    let home = Home { directory: machine.path(home) };
    let party = home.load().expect("a member").party().expect("an id");
    let core = Core::open(&home.directory, party, true, Quotas::default()).expect("a replica");
    let signer = home.keys().read(KeyName::Operator, None).expect("a key");
    let feed = Feed::records(party, signer.public(), Audience::Public);
    let revision = Author::first(record).expect("an id");
    let body = salted(random().expect("salt"), &revision.encode_to_vec());
    let head = core.store.head(&feed.id()).map(|h| (h.head.seq, h.head.hash));
    let draft = Draft { feed: &feed, head, time_ms: now_ms() - days * DAY_MS, body: &body };
    let (entry, _, _) = draft.sign(&signer).expect("an entry");
    let taken = core.ingest.take(vec![packed_run(&feed, entry)], Origin::Own).await;
    assert!(taken.iter().all(|t| t.result.is_ok()), "{taken:?}");
    RecordId::from_slice(&revision.record_id).expect("an id").to_string()
}

fn need(title: &str, steps: Value) -> Record {
    let text = LocalisedText { language: "en".to_owned(), text: title.to_owned(), translations: Vec::new() };
    let escalation: Vec<v1::Escalation> = serde_json::from_value(steps).expect("circles");
    let (themes, countries) = (vec!["incident_management".to_owned()], vec!["TV".to_owned()]);
    let confirm_by = "2030-01-01".to_owned();
    Record::Need(Need { title: Some(text), themes, countries, escalation, confirm_by, ..Need::default() })
}

/// Whether the best offer of a match is shut off, by the id of the need.
async fn exclusions(machine: &Machine, home: &str, need: &str) -> Value {
    let found = data(machine, home, &["match"]).await;
    let mine = found["matches"][0]["best"].as_array().expect("matches").clone();
    let one = mine.into_iter().find(|m| m["id"] == need).expect("the need");
    one["exclusions"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_need_is_asked_ever_further_as_its_days_pass_and_no_further_once_somebody_answered() {
    let machine = Machine::new(PROGRAM, "en");
    let _hub =
        members(&machine, &[("tv", "Tuvalu CERT"), ("ws", "Samoa"), ("fj", "Fiji"), ("fr", "Institute")])
            .await;
    let steps = json!([{ "scope": "region", "after_days": 10 }, { "scope": "all", "after_days": 20 }]);
    let new = signed_days_ago(&machine, "tv", need("New", steps.clone()), 3).await;
    let older = signed_days_ago(&machine, "tv", need("Older", steps.clone()), 12).await;
    let old = signed_days_ago(&machine, "tv", need("Old", steps), 25).await;
    sync(&machine, &["tv"]).await;
    for home in ["ws", "fj", "fr"] {
        let offer = ["offer", "add", "--title", "Help", "--theme", "incident_management"];
        at(&machine, home, &offer).await.ok();
        sync(&machine, &[home]).await;
    }
    let (open, shut) = (json!([]), json!(["not_asked"]));
    for (home, on_new, on_older, on_old) in
        [("ws", &open, &open, &open), ("fj", &shut, &open, &open), ("fr", &shut, &shut, &open)]
    {
        assert_eq!(exclusions(&machine, home, &new).await, *on_new, "{home}: new");
        assert_eq!(exclusions(&machine, home, &older).await, *on_older, "{home}: older");
        assert_eq!(exclusions(&machine, home, &old).await, *on_old, "{home}: old");
    }
    // The author sees the same: who is asked, and when others will be.
    sync(&machine, &["tv"]).await;
    let shown = at(&machine, "tv", &["need", "show", &new]).await.ok().out;
    assert!(shown.contains("Asked in its sub-region, and unless somebody answers, from"), "{shown}");
    assert_eq!(data(&machine, "tv", &["need", "show", &older]).await["asked"]["scope"], "region");
    let offers = at(&machine, "tv", &["offers"]).await.ok().out;
    let joined = offers.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains("not asked yet: so far the need is asked in its region"), "{offers}");
    assert!(offers.lines().all(|l| l.chars().count() <= 100), "{offers}");
    // Whoever is not asked yet may propose all the same, and is told; the recipient decides.
    let early = at(&machine, "fr", &["engage", "propose", "--need", &older]).await.ok();
    assert!(early.err.contains("has not asked you yet"), "{early:?}");
    sync(&machine, &["fr", "tv"]).await;
    let asked = data(&machine, "tv", &["need", "show", &older]).await["asked"].clone();
    assert_eq!((&asked["scope"], &asked["next"]), (&json!("region"), &Value::Null), "answered: {asked}");
    let id = data(&machine, "tv", &["engage", "list"]).await[0]["id"].as_str().expect("an id").to_owned();
    at(&machine, "tv", &["engage", "decline", &id, "--text", "too early"]).await.ok();
    let asked = data(&machine, "tv", &["need", "show", &older]).await["asked"].clone();
    assert_eq!(asked["next"]["scope"], "all", "what came to nothing answers nothing: {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_late_shows_to_its_parties_and_as_a_number_at_the_hub() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = members(&machine, &[("tv", "Tuvalu CERT"), ("fj", "Fiji")]).await;
    let party =
        |home: &str| Home { directory: machine.path(home) }.load().expect("a member").party().expect("an id");
    let proposal = v1::EngagementProposal {
        recipient: party("tv").to_vec(),
        provider: party("fj").to_vec(),
        acknowledge_days: 5,
        ..v1::EngagementProposal::default()
    };
    let act = v1::engagement_act::Act::Propose(proposal);
    let act = v1::EngagementAct { act: Some(act), ..v1::EngagementAct::default() };
    let id = signed_days_ago(&machine, "fj", Record::Engagement(act), 6).await;
    let past = need("Past its day", json!([]));
    let Record::Need(mut past) = past else { panic!("a need") };
    past.confirm_by = "2026-01-01".to_owned();
    let past = signed_days_ago(&machine, "tv", Record::Need(past), 300).await;
    sync(&machine, &["fj", "tv", "fj"]).await;
    for home in ["tv", "fj"] {
        let late = data(&machine, home, &["status"]).await["overdue"].clone();
        let one =
            late.as_array().expect("a list").iter().find(|o| o["id"] == id[..8]).expect("the engagement");
        assert_eq!(
            (&one["what"], &one["who"]),
            (&json!("acknowledge"), &json!(party("tv").to_string())),
            "{late}"
        );
    }
    let said = at(&machine, "tv", &["status"]).await.ok().out;
    assert!(said.contains("Late: acknowledge by Tuvalu CERT since"), "{said}");
    assert!(said.contains("To be confirmed since 2026-01-01"), "{said}");
    assert!(!at(&machine, "fj", &["status"]).await.ok().out.contains("To be confirmed"));
    let listed = at(&machine, "fj", &["need", "list"]).await.ok().out;
    assert!(listed.contains("not confirmed by its author since 2026-01-01"), "{listed}");
    let counted = hub.ask(&["status"]).await.ok().json()["overdue"].clone();
    assert_eq!((&counted["acknowledge"], &counted["receipt"]), (&json!(1), &json!(0)), "{counted}");
    // Answered and confirmed: neither is late any more.
    at(&machine, "tv", &["engage", "accept", &id]).await.ok();
    at(&machine, "tv", &["need", "edit", &past, "--confirm-by", "2030-01-01"]).await.ok();
    assert_eq!(data(&machine, "tv", &["status"]).await["overdue"], json!([]));
}
