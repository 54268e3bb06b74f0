//! Every sentence exists, in both languages, and every code that people see has its name.

use super::*;
use caphub_proto::exchange::acts::{self, Fault, Verdict};
use caphub_proto::exchange::matching;
use caphub_proto::v1::{self, revision::Record};
use caphub_proto::wire::Reason;
use std::collections::BTreeSet;

fn keys(source: &str) -> BTreeSet<String> {
    let lines = source.lines().filter_map(|l| l.split_once(" ="));
    lines.map(|(k, _)| k.to_owned()).filter(|k| !k.starts_with([' ', '#'])).collect()
}

#[test]
fn both_languages_have_the_same_sentences_and_none_that_the_node_has() {
    assert_eq!(keys(SENTENCES.english), keys(SENTENCES.french));
    let node = Texts::of("en", &[]);
    let twice: Vec<String> = keys(SENTENCES.english).into_iter().filter(|key| node.has(key)).collect();
    assert!(twice.is_empty(), "{twice:?}");
    for language in ["en", "fr"] {
        let texts = of(language);
        let unread: Vec<String> = keys(SENTENCES.english).into_iter().filter(|k| !texts.has(k)).collect();
        assert!(unread.is_empty(), "{language}: {unread:?}");
    }
}

#[test]
fn every_sentence_that_the_code_asks_for_exists() {
    let texts = of("fr");
    let mut missing = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let calls =
        [".t(\"", ".tf(\"", "Failure::new(\"", "Failure::usage(\"", "Failure::nothing(\"", ".hint(\""];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("a source file");
            for part in calls.iter().flat_map(|call| source.split(call).skip(1)) {
                let key = part.split('"').next().unwrap_or_default();
                if !texts.has(key) {
                    missing.insert(key.to_owned());
                }
            }
        }
    }
    for none in ["", ", "] {
        missing.remove(none);
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// Groups of names, each with every code that the rules have: a new one without a name fails here.
fn codes() -> Vec<(&'static str, Vec<String>)> {
    let of = |file: &str| coded(&rules(file));
    let why = matching::Why::ALL.iter().map(|w| w.code().to_owned()).collect();
    let exclusion = matching::Exclusion::ALL.iter().map(|e| e.code().to_owned()).collect();
    let mut fund = of("fund.rs");
    fund.extend(["open".to_owned(), "closed".to_owned()]);
    // What is due stands in the clocks alone.
    let clocks = ["engagement/clocks.rs", "fund/clocks.rs"].map(|file| literals(&rules(file))).concat();
    let nominations = rules("fellowship.rs");
    let due = nominations.split("what: \"").skip(1).filter_map(|p| Some(p.split_once('"')?.0.to_owned()));
    vec![
        ("engagement-state", of("engagement.rs")),
        ("fellowship-state", of("fellowship.rs")),
        ("fund-state", fund),
        ("barrier", of("barrier.rs")),
        ("kind", of("kind.rs")),
        ("criterion", of("matching.rs")),
        ("why", why),
        ("exclusion", exclusion),
        ("priority", of("priority.rs")),
        ("outcome", of("allocation.rs")),
        ("finding", of("allocation/verify.rs")),
        ("asked", of("engagement/escalation.rs")),
        ("due", due.chain(clocks).collect()),
        ("act", acts_of_the_schema().into_iter().map(str::to_owned).collect()),
    ]
}

fn rules(file: &str) -> String {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../proto/src/exchange");
    std::fs::read_to_string(folder.join(file)).expect("a source of the rules")
}

/// What the first `code` of a source gives: its match is over every value, so a new one stands there.
fn coded(source: &str) -> Vec<String> {
    let body = source.split("pub fn code(self) -> &'static str {").nth(1).expect("codes");
    literals(body.split("\n    }").next().expect("its end"))
}

fn literals(source: &str) -> Vec<String> {
    source.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The code of every act that the schema has.
fn acts_of_the_schema() -> Vec<&'static str> {
    let schema = include_str!("../../../proto/caphub/v1/acts.proto");
    let mut out = Vec::new();
    for message in ["EngagementAct", "FellowshipAct", "FundAct"] {
        let body = schema.split(&format!("message {message} {{")).nth(1).expect("a message");
        let acts = body.split("oneof act {").nth(1).and_then(|b| b.split('}').next()).expect("its acts");
        let names = acts.lines().filter_map(|l| l.trim().split_once(" = ")?.0.split_whitespace().nth(1));
        out.extend(names);
    }
    out
}

#[test]
fn every_code_that_people_see_has_its_name_in_both_languages() {
    let mut missing = BTreeSet::new();
    for language in ["en", "fr"] {
        let texts = of(language);
        for (group, codes) in codes() {
            assert!(!codes.is_empty(), "{group}");
            let keys = codes.iter().map(|code| format!("{group}-{}", code.replace('_', "-")));
            missing.extend(keys.filter(|key| !texts.has(key)));
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_reason_has_words_in_both_languages_and_programs_keep_its_code() {
    let (english, french) = (of("en"), of("fr"));
    let faults = Fault::ALL.iter().map(|f| (f.code(), f.meaning()));
    for (code, meaning) in Reason::ALL.iter().map(|r| (r.code(), r.meaning())).chain(faults) {
        assert_eq!(english.said(meaning), meaning);
        assert_ne!(french.said(meaning), meaning, "{code}");
    }
    assert_eq!(Verdict::Void(Fault::OutOfTurn).code(), "out_of_turn");
}

#[test]
fn the_names_of_acts_are_those_that_the_rules_have() {
    let act = v1::FundAct {
        act: Some(v1::fund_act::Act::PaidIn(v1::FundPayment::default())),
        ..Default::default()
    };
    let code = acts::code(&Record::Fund(act));
    assert!(acts_of_the_schema().contains(&code), "{code}");
    assert_eq!(of("fr").named("act", code), "versement");
}

#[test]
fn one_is_not_many_and_names_of_digits_stay_as_they_are() {
    let english = of("en");
    let told = |entries, parties| {
        let values = [("hub", "007"), ("entries", entries), ("parties", parties), ("kib", "1")];
        english.tf("sync-would-receive", &values)
    };
    assert_eq!(told("1", "2"), "007 would send one record of 2 organisations (1 KiB).");
    assert_eq!(told("20000", "1"), "007 would send 20000 records of one organisation (1 KiB).");
    assert!(of("fr").tf("sync-would-receive", &[("entries", "1")]).contains("une fiche"));
}
