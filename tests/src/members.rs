//! A member's folder, used past the command line: its identity on a link, and many records of it at once.

use caphub_cli::home::Home;
use caphub_cli::replica::Replica;
use caphub_node::author::Author;
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::link::LinkIdentity;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Course, LocalisedText};
use caphub_proto::wire::Audience;

use crate::Machine;

/// Who a member is on a link.
pub fn identity(machine: &Machine, home: &str) -> LinkIdentity {
    let folder = machine.path(home);
    let me: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("me.json")).expect("a member")).expect("JSON");
    let party = me["party"].as_str().and_then(|p| p.parse().ok()).expect("an id");
    let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
    LinkIdentity { party, signer }
}

/// Signs so many public courses, each with this title and its number; they leave at the next sync.
pub async fn write_courses(machine: &Machine, home: &str, title: &str, count: u64) {
    let home = Home::new(Some(machine.path(home)));
    let replica = Replica::open(&home).unwrap_or_else(|_| panic!("a replica"));
    let course = |n: u64| {
        let text =
            |text: String| Some(LocalisedText { language: "en".to_owned(), text, translations: vec![] });
        let record = Record::Course(Course { title: text(format!("{title} {n}")), ..Course::default() });
        Author::first(record).expect("a random id")
    };
    let revisions: Vec<_> = (0..count).map(course).collect();
    if let Err(failure) = replica.publish(Audience::Public, &revisions, "").await {
        panic!("{}", failure.lines(&caphub_cli::texts::of("en")));
    }
}
