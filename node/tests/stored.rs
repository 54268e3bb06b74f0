//! A folder that an earlier version wrote opens in this one: segments, register, keys and small files.
//!
//! `CAPHUB_WRITE_FIXTURES=1 cargo test -p caphub-node --test stored` writes a new one; that is done once for each
//! version of the formats, and never over an old one.

#[path = "shared/copies.rs"]
mod copies;

use std::path::{Path, PathBuf};

use caphub_node::author::Author;
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::founding::{NewParty, found};
use caphub_node::keys::{KeyName, KeyRing};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Course, Filter, LocalisedText};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{Audience, PartyId, Run, Seq};

use crate::copies::copy;

const PASSPHRASE: &str = "fixture";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored-1")
}

fn course(title: &str) -> Record {
    let title = LocalisedText { language: "en".to_owned(), text: title.to_owned(), translations: Vec::new() };
    Record::Course(Course { title: Some(title), ..Course::default() })
}

async fn write() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = NewParty {
        party_kind: 1,
        capabilities: Capabilities::DESK,
        label: "first",
        passphrase: Some(PASSPHRASE),
    };
    let founded = found(folder.path(), &new, true, Quotas::default()).await.expect("a party");
    let signer =
        KeyRing::new(folder.path().join("keys")).read(KeyName::Operator, Some(PASSPHRASE)).expect("a key");
    let author = Author::new(founded.party, signer);
    for (audience, titles) in [(Audience::Public, ["One", "Two"]), (Audience::Network, ["Three", "Four"])] {
        for title in titles {
            let revision = Author::first(course(title)).expect("a random id");
            author.publish(&founded.core, audience, &[revision]).await.expect("an entry");
        }
    }
    std::fs::write(folder.path().join("party"), founded.party.to_string()).expect("a file");
    drop(founded.core);
    copy(folder.path(), &fixture(), &["index", "views", "lock"]);
}

#[tokio::test]
async fn what_version_1_wrote_still_opens() {
    if std::env::var_os("CAPHUB_WRITE_FIXTURES").is_some() && !fixture().exists() {
        write().await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    copy(&fixture(), folder.path(), &[]);
    let text = std::fs::read_to_string(folder.path().join("party")).expect("an id");
    let party: PartyId = text.parse().expect("an id");
    let core = Core::open(folder.path(), party, true, Quotas::default()).expect("a store");
    let state = core.identities.state(&party).expect("an identity");
    assert_eq!(state.operators.len(), 1);
    let ring = KeyRing::new(folder.path().join("keys"));
    let signer = ring.read(KeyName::Operator, Some(PASSPHRASE)).expect("a key");
    assert!(state.operators.contains_key(&signer.public()));
    let mut entries = 0;
    for head in core.store.heads() {
        for run in core.store.read_feed(&head.feed.id(), Seq::FIRST, 1 << 20).expect("runs") {
            let chain = Run::chain(head.feed, unpack(&run.packed).expect("entries")).expect("a chain");
            if let Some(key) = head.feed.key() {
                chain.authenticate(&Verifier::new(key.as_bytes()).expect("a key")).expect("a signature");
            }
            entries += chain.entries.len();
        }
    }
    assert_eq!(entries, 2 + 4);
    let all = caphub_node::entitlement::Viewer {
        parties: vec![party],
        hubs: Vec::new(),
        network: true,
        all: true,
        opened: false,
    };
    let page = caphub_node::views::PageRequest { size: 10, token: String::new() };
    let records = core.views.list(&all, &Filter::default(), &page, 0).expect("records");
    assert_eq!(records.total, 4);
    // And it goes on from there, without a fork.
    let author = Author::new(party, signer);
    let revision = Author::first(course("Five")).expect("a random id");
    let published = author.publish(&core, Audience::Public, &[revision]).await.expect("an entry");
    assert_eq!(published[0].seq.value(), 3);
}
