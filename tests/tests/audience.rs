//! Audiences hold on every path (threats.md row 27): each kind of caller, each audience, each way out of a real node.
//! Whoever may not see a record never learns that there is one.

#[path = "audience/paths.rs"]
mod paths;

use std::collections::BTreeSet;
use std::time::Duration;

use caphub_node::author::{Author, now_ms};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::hub::Hub;
use caphub_node::keys::{KeyName, fresh, random};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::exchange::seal;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Course, LocalisedText, Revision, Sealing};
use caphub_proto::wire::{Audience, Feed, PartyId, RecordId, Signer};
use caphub_tests::members::identity;
use caphub_tests::{Machine, NodeProcess};

use paths::Client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
const OPENING: [u8; 32] = [9; 32];

/// One audience: a word that only its records hold, and the feed that they are in.
struct Written {
    word: &'static str,
    audience: Audience,
    feed: Feed,
    records: Vec<RecordId>,
}

/// One kind of caller, and the words of the feeds that it may be handed.
struct Caller {
    name: &'static str,
    identity: LinkIdentity,
    /// What the hub takes it for.
    standing: &'static str,
    sees: &'static [&'static str],
}

fn hub_identity(machine: &Machine, name: &str) -> LinkIdentity {
    let directory = machine.path(name);
    let hub = Hub::load(&directory).expect("a hub");
    let signer = hub.keys(&directory).read(KeyName::Operator, None).expect("a key");
    LinkIdentity { party: hub.party, signer }
}

fn stranger() -> LinkIdentity {
    LinkIdentity { party: PartyId(random().expect("bytes")), signer: fresh().expect("a key") }
}

async fn join(machine: &Machine, hub: &NodeProcess<'_>, home: &str, name: &str) {
    let file = hub.invitation("TV").await;
    machine.run(&["--home", home, "join", &file, "--name", name]).await.ok();
}

/// One record for each audience, signed by the author's first desk.
async fn write(machine: &Machine, home: &str, all: &mut [Written]) {
    let LinkIdentity { party, signer } = identity(machine, home);
    let core = Core::open(&machine.path(home), party, true, Quotas::default()).expect("a replica");
    let author = Author::new(party, signer);
    for one in all.iter_mut() {
        let text =
            LocalisedText { language: "en".to_owned(), text: one.word.to_owned(), ..Default::default() };
        let course = Record::Course(Course { title: Some(text), ..Course::default() });
        let sealing = matches!(one.audience, Audience::Sealed(_))
            .then(|| Sealing { parties: Vec::new(), opening: OPENING.to_vec() });
        let revision = Revision { sealing, ..Author::first(course).expect("bytes") };
        let published = author.publish(&core, one.audience, &[revision]).await.expect("published");
        one.records.push(published[0].record);
    }
    drop(core);
    machine.run(&["--home", home, "sync"]).await.ok();
    // What is for another hub is not sent to this one; it may come by hand all the same.
    let stick = format!("by hand {}", all[0].records.len());
    machine.run(&["--home", home, "carry", "out", &stick, "--for", &party.to_string()]).await.ok();
    machine.run(&["--hub-dir", "a", "carry", "in", &stick]).await.ok();
}

fn written(party: PartyId, signer: &Signer, a: PartyId, b: PartyId) -> Vec<Written> {
    let audiences = [
        ("zpublic", Audience::Public),
        ("znetwork", Audience::Network),
        ("zsealed", Audience::Sealed(seal::thread(&OPENING))),
        ("zhuba", Audience::Hub(a)),
        ("zhubb", Audience::Hub(b)),
    ];
    let one = |(word, audience)| Written {
        word,
        audience,
        feed: Feed::records(party, signer.public(), audience),
        records: Vec::new(),
    };
    audiences.into_iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_shows_every_caller_exactly_what_is_for_it() {
    let machine = Machine::new(PROGRAM, "en");
    let a = machine.hub("a", "Hub A", "009").await;
    let b = machine.hub("b", "Hub B", "009").await;
    let c = machine.hub("c", "Hub C", "009").await;
    let d = machine.hub("d", "Hub D", "009").await;
    a.ask(&["link", "add", &b.card().await]).await.ok();
    b.ask(&["link", "add", &a.card().await]).await.ok();
    // The third hub is recognised here, and reached by way of the second.
    b.ask(&["link", "add", &c.card().await]).await.ok();
    c.ask(&["link", "add", &b.card().await]).await.ok();
    a.ask(&["recognise", &c.card().await]).await.ok();
    join(&machine, &a, "author", "Author").await;
    machine.run(&["--home", "author", "key", "add", "desk two", "--to", "desk"]).await.ok();
    machine.run(&["--home", "author", "sync"]).await.ok();
    join(&machine, &a, "ma", "Member of A").await;
    join(&machine, &b, "mb", "Member of B").await;
    join(&machine, &d, "md", "Member of D").await;
    let card = a.card().await;
    machine.run(&["--home", "guest", "join", &card, "--name", "Guest"]).await.ok();
    a.ask(&["approve", "Guest", "--guest"]).await.ok();

    let (hub_a, hub_b) = (hub_identity(&machine, "a"), hub_identity(&machine, "b"));
    let author = identity(&machine, "author");
    let mut all = written(author.party, &author.signer, hub_a.party, hub_b.party);
    write(&machine, "author", &mut all).await;
    a.reaches("records", 4).await;
    b.reaches("records", 3).await;

    let everything: &[&str] = &["zpublic", "znetwork", "zsealed", "zhuba", "zhubb"];
    let network: &[&str] = &["zpublic", "znetwork", "zsealed"];
    let of_b: &[&str] = &["zpublic", "znetwork", "zsealed", "zhubb"];
    let caller = |name, identity, standing, sees| Caller { name, identity, standing, sees };
    let of_a: &[&str] = &["zpublic", "znetwork", "zsealed", "zhuba"];
    let public: &[&str] = &["zpublic"];
    let callers = [
        caller("anonymous", stranger(), "applicant", public),
        caller("guest", identity(&machine, "guest"), "guest", public),
        caller("member of this hub", identity(&machine, "ma"), "member", of_a),
        caller("member of a linked hub", identity(&machine, "mb"), "network_member", of_b),
        caller("linked hub", hub_b, "peer", of_b),
        caller("recognised hub", hub_identity(&machine, "c"), "network_member", network),
        caller("author", author, "member", everything),
        caller("author's other operator", identity(&machine, "desk"), "member", everything),
        caller("unrelated hub", hub_identity(&machine, "d"), "applicant", public),
        caller("member of an unrelated hub", identity(&machine, "md"), "applicant", public),
    ];
    let mut watching = Vec::new();
    let mut wrong = Vec::new();
    for caller in &callers {
        let addresses = [a.address.clone()];
        let channel = dial(&caller.identity, hub_a.party, None, &addresses, now_ms()).await;
        let mut client = Client::new(channel.expect("a link"), hub_a.party);
        client.becomes(caller.standing).await;
        let handed: BTreeSet<&str> = caller.sees.iter().copied().collect();
        // What a hub cannot open it shows to nobody, whoever may carry it.
        let shown: BTreeSet<&str> = handed.iter().copied().filter(|w| *w != "zsealed").collect();
        for (path, seen, due) in [
            ("get", client.get(&all).await, &shown),
            ("list", client.list(&all).await, &shown),
            ("search", client.search(&all).await, &shown),
            ("heads", client.heads(&all).await, &handed),
            ("hello", client.hello(&all).await, &handed),
            ("reconcile", client.reconcile(&all).await, &handed),
            ("pull of ranges", client.pull_ranges(&all).await, &handed),
            ("pull of the log", client.pull_log(&all).await, &handed),
            ("statements", client.statements(&all, true).await, &handed),
            ("statements of named feeds", client.statements(&all, false).await, &handed),
            ("checkpoint", client.checkpoint(&all).await, &BTreeSet::from(["zpublic"])),
            ("probing by push", client.probe(&all, &handed).await, &BTreeSet::new()),
            ("carry file", carried(&machine, caller, &all).await, &handed),
        ] {
            if seen != *due {
                wrong.push(format!("{} by {path}: {seen:?} instead of {due:?}", caller.name));
            }
        }
        let following = client.follow().await;
        watching.push((caller, shown, client.watch().await, handed, following));
    }
    write(&machine, "author", &mut all).await;
    a.reaches("records", 8).await;
    for (caller, shown, mut stream, handed, mut following) in watching {
        let mut seen = BTreeSet::new();
        // All changes are on their way by now: silence is the end.
        while let Ok(Ok(Some(message))) = tokio::time::timeout(Duration::from_secs(1), stream.message()).await
        {
            seen.extend(paths::word_of(&message.record.unwrap_or_default(), &all));
        }
        if seen != shown {
            wrong.push(format!("{} by watch: {seen:?} instead of {shown:?}", caller.name));
        }
        let mut seen = BTreeSet::new();
        while let Ok(Ok(Some(message))) =
            tokio::time::timeout(Duration::from_secs(1), following.message()).await
        {
            let feeds = message.runs.into_iter().map(|run| paths::feed_of(run.feed).id());
            seen.extend(feeds.filter_map(|id| paths::word_of_feed(&id, &all)));
        }
        if seen != handed {
            wrong.push(format!("{} by follow: {seen:?} instead of {handed:?}", caller.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The feeds in the files that the hub writes for a caller.
async fn carried(machine: &Machine, caller: &Caller, all: &[Written]) -> BTreeSet<&'static str> {
    let folder = format!("stick {}", caller.name);
    std::fs::create_dir_all(machine.path(&folder)).expect("a folder");
    let party = caller.identity.party.to_string();
    let words = ["--hub-dir", "a", "carry", "out", &folder, "--for", &party];
    let said = machine.run(&words).await;
    assert!(matches!(said.code, 0 | 3), "{}: {said:?}", caller.name);
    let files = std::fs::read_dir(machine.path(&folder)).expect("a folder");
    let bytes: Vec<u8> =
        files.flat_map(|f| std::fs::read(f.expect("an entry").path()).unwrap_or_default()).collect();
    let holds = |one: &&Written| bytes.windows(32).any(|w| w == one.feed.id().as_bytes());
    all.iter().filter(holds).map(|one| one.word).collect()
}
