//! A member's desk without a program: it joins a hub, has records to bring, and brings them as it likes.

use std::path::Path;
use std::time::Duration;

use caphub_node::author::{Author, feed_parts, now_ms};
use caphub_node::carriage::Quotas;
use caphub_node::founding::{NewParty, found};
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::membership_service_client::MembershipServiceClient;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{Course, JoinRequest, LocalisedText, PushRequest, Run};
use caphub_proto::wire::card::{Card, Invitation};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, Seq};
use tonic::transport::Channel;

/// A member of a hub.
pub struct Member {
    /// Who it is.
    pub identity: LinkIdentity,
    /// The hub's card.
    pub card: Card,
    /// Its entries as they travel, each alone; none of them is at the hub yet.
    pub entries: Vec<Run>,
}

impl Member {
    /// Joins by an invitation's text, with so many courses.
    pub async fn join(folder: &Path, invitation: &str, country: &str, courses: usize) -> Self {
        let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "x", passphrase: None };
        let founded = found(folder, &new, true, Quotas::default()).await.expect("a party");
        let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
        let text =
            |text: String| Some(LocalisedText { language: "en".to_owned(), text, ..Default::default() });
        let course =
            |n| Course { title: text(format!("Course {n} {}", "x".repeat(700))), ..Course::default() };
        let records: Vec<_> =
            (0..courses).map(|n| Author::first(Record::Course(course(n))).expect("a record")).collect();
        let author = Author::new(founded.party, signer.clone());
        author.publish(&founded.core, Audience::Public, &records).await.expect("courses");
        let (mut log, mut entries) = (Vec::new(), Vec::new());
        for head in founded.core.store.heads() {
            let mut next = Some(Seq::FIRST);
            while let Some(from) = next.filter(|n| *n <= head.head.seq) {
                let runs = founded.core.store.read_feed(&head.feed.id(), from, 1 << 20).expect("runs");
                next = runs.last().and_then(|r| Seq::new(r.first.value() + u64::from(r.count)));
                for run in runs {
                    let mut at = 0;
                    for entry in unpack(&run.packed).expect("entries") {
                        let bytes = run.packed.slice(at..at + entry.packed_len());
                        at += bytes.len();
                        match head.feed.is_identity() {
                            true => log.extend_from_slice(&bytes),
                            false => entries.push(Run { feed: Some(feed_parts(&head.feed)), entries: bytes }),
                        }
                    }
                }
            }
        }
        let invitation = Invitation::parse(invitation).expect("an invitation");
        let identity = LinkIdentity { party: founded.party, signer };
        let member = Self { identity, card: invitation.card, entries };
        let request = JoinRequest {
            identity: log,
            code: invitation.code.to_vec(),
            name: country.to_owned(),
            country: country.to_owned(),
            kind: "state".to_owned(),
            ..JoinRequest::default()
        };
        MembershipServiceClient::new(member.dial().await).join(request).await.expect("an admission");
        member
    }

    /// A link of its own to the hub.
    pub async fn dial(&self) -> Channel {
        let card = &self.card;
        let channel = dial(&self.identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
        channel.expect("a link")
    }

    /// All that it has, in one message.
    pub fn everything(&self) -> PushRequest {
        PushRequest { runs: self.entries.clone(), ..PushRequest::default() }
    }
}

/// Pushes messages without end over one stream, each as soon as the last was answered.
pub async fn flood(channel: Channel, message: PushRequest) {
    loop {
        let mut client = FederationServiceClient::new(channel.clone());
        let again = futures::stream::iter(std::iter::repeat(message.clone()));
        let Ok(answers) = client.push(again).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let mut answers = answers.into_inner();
        while matches!(answers.message().await, Ok(Some(_))) {}
    }
}
