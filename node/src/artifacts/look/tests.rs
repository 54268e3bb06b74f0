//! Files of one party among the records of others that would have them gone, hidden or refused.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Artifact, Blob, LocalisedText, Provenance};
use caphub_proto::wire::Audience;
use caphub_proto::wire::identity::Capabilities;

use super::*;
use crate::author::{Author, packed_run};
use crate::carriage::Quotas;
use crate::founding::{NewParty, found};
use crate::ingest::Origin;
use crate::keys::{KeyName, KeyRing};
use caphub_proto::wire::Seq;

const ROOM: Room = Room { file_bytes: 1 << 20, party_bytes: 4 << 20, total_bytes: 64 << 20 };

struct Someone {
    core: Core,
    author: Author,
}

async fn someone(folder: &Path) -> Someone {
    let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "first", passphrase: None };
    let founded = found(folder, &new, true, Quotas::default()).await.unwrap();
    let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).unwrap();
    Someone { author: Author::new(founded.party, signer), core: founded.core }
}

impl Someone {
    async fn publish(&self, files: &[Blob]) {
        let text = LocalisedText { language: "en".into(), text: "Tool".into(), translations: Vec::new() };
        let (first, others) = files.split_first().unwrap();
        let made = |b: &Blob| Provenance { file: Some(b.clone()), ..Provenance::default() };
        let artifact = Artifact {
            title: Some(text),
            file: Some(first.clone()),
            provenance: others.iter().map(made).collect(),
            ..Artifact::default()
        };
        let revision = Author::first(Record::Artifact(artifact)).unwrap();
        self.author.publish(&self.core, Audience::Public, &[revision]).await.unwrap();
    }

    /// All that this one wrote comes to another.
    async fn reaches(&self, other: &Core) {
        let heads = self.core.store.heads();
        let (identity, records): (Vec<_>, Vec<_>) = heads.into_iter().partition(|h| h.feed.is_identity());
        for head in identity.into_iter().chain(records) {
            let mut from = Some(Seq::FIRST);
            while let Some(at) = from.filter(|at| *at <= head.head.seq) {
                let runs = self.core.store.read_feed(&head.feed.id(), at, 1 << 20).unwrap();
                let last = runs.last().unwrap();
                from = Seq::new(last.first.value() + u64::from(last.count));
                for run in &runs {
                    let run = packed_run(&head.feed, run.packed.to_vec());
                    for taken in other.ingest.take(vec![run], Origin::Peer).await {
                        taken.result.unwrap();
                    }
                }
            }
        }
        other.views.catch_up().unwrap();
    }
}

fn invented(n: u32) -> Blob {
    let mut manifest = vec![0; 32];
    manifest[..4].copy_from_slice(&n.to_be_bytes());
    Blob { digest: vec![1; 32], manifest, bytes: 1, ..Blob::default() }
}

fn a_file(core: &Core, folder: &Path) -> Blob {
    let path = folder.join("tool.bin");
    std::fs::write(&path, b"a small tool").unwrap();
    core.blobs.add(&path).unwrap()
}

#[tokio::test]
async fn a_flood_of_named_files_makes_a_hub_forget_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let hub = someone(&folder.path().join("hub")).await;
    let owner = someone(&folder.path().join("owner")).await;
    let hostile = someone(&folder.path().join("hostile")).await;
    let file = a_file(&hub.core, folder.path());
    owner.publish(std::slice::from_ref(&file)).await;
    owner.reaches(&hub.core).await;
    // Newer than the owner's, and more than a table of all files holds.
    for record in 0..270_u32 {
        let files: Vec<Blob> = (0..250).map(|n| invented(record * 250 + n)).collect();
        hostile.publish(&files).await;
    }
    hostile.reaches(&hub.core).await;
    let wanted = look(&hub.core, ROOM).unwrap();
    let id = Claim::of(&file).unwrap().id;
    assert!(hub.core.blobs.is_whole(&id), "the owner's record still names it");
    assert!(wanted.len() <= 65_536);
    // Nor where the table does not show it at all.
    look_with(&hub.core, ROOM, |_| Ok(Table::default()), true).unwrap();
    assert!(hub.core.blobs.is_whole(&id));
}

#[tokio::test]
async fn what_another_says_of_a_file_stands_beside_what_its_owner_says() {
    let folder = tempfile::tempdir().unwrap();
    let hub = someone(&folder.path().join("hub")).await;
    let owner = someone(&folder.path().join("owner")).await;
    let hostile = someone(&folder.path().join("hostile")).await;
    let file = a_file(&owner.core, folder.path());
    owner.publish(std::slice::from_ref(&file)).await;
    owner.reaches(&hub.core).await;
    hostile.publish(&[Blob { digest: vec![9; 32], ..file.clone() }]).await;
    hostile.publish(&[Blob { bytes: 1, ..file.clone() }]).await;
    for _ in 0..60 {
        hostile.publish(&[Blob { digest: vec![8; 32], ..file.clone() }]).await;
    }
    hostile.reaches(&hub.core).await;
    let wanted = look(&hub.core, ROOM).unwrap();
    let truth = Claim::of(&file).unwrap();
    assert!(wanted.len() == 1 && wanted[0].1.contains(&truth), "{wanted:?}");
    let own = named(&hub.core, &Viewer::everything(), &truth.id, Some(&owner.author.party)).unwrap();
    assert_eq!(own.len(), 1, "sixty newer records of another hide none of the owner's");
    // A party without room takes none of the owner's.
    let room = Room { party_bytes: 12, ..ROOM };
    assert!(look(&hub.core, room).unwrap()[0].1.contains(&truth));
    assert!(look(&hub.core, Room { file_bytes: 11, ..ROOM }).unwrap().iter().all(|w| !w.1.contains(&truth)));
}

#[test]
fn many_files_of_one_are_asked_for_after_the_first_of_each() {
    let mut table = Table::default();
    let (loud, quiet) = (PartyId([1; 32]), PartyId([2; 32]));
    for n in 0..100 {
        table.note(loud, Claim::of(&invented(n)).unwrap());
    }
    let large = Claim { bytes: 1_000, id: [9; 32], digest: [1; 32] };
    table.note(quiet, large);
    let wanted = missing(&table, ROOM, Taken::default(), &BTreeSet::new(), &BTreeSet::new());
    assert_eq!((wanted.len(), wanted[1].0), (101, large.id));
}
