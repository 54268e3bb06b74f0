//! What becomes of one member's records, feeds, file and identity when each kind of caller asks for them, or brings some in
//! its name.

use std::time::{Duration, Instant};

use caphub_node::author::{Author, feed_parts, now_ms, packed_run};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::ingest::Origin;
use caphub_node::keys::{KeyName, KeyRing, fresh, random};
use caphub_node::link::LinkIdentity;
use caphub_node::services::status::reason_of;
use caphub_proto::v1::artifact_service_client::ArtifactServiceClient;
use caphub_proto::v1::exchange_service_client::ExchangeServiceClient;
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::membership_service_client::MembershipServiceClient;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Course, LocalisedText, Revision, Run, RunRefusal};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::{salted, unpack};
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{Capabilities, Event, IdentityAuthor, NO_END, Revoke};
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, PartyId, RecordId, Seq, Signer};
use prost::Message;
use tonic::Status;
use tonic::transport::Channel;

use caphub_tests::Machine;

/// How long a view may take to show what was stored.
const SHOWN: Duration = Duration::from_secs(3);

/// One member's things.
pub(crate) struct Owner {
    party: PartyId,
    signer: Signer,
    public: (Feed, RecordId, Seq, EntryHash),
    hub_only: (Feed, RecordId),
    file: Vec<u8>,
    log: Vec<u8>,
    /// What it signed and nobody has: its next entry.
    next: Run,
}

/// The owner's next key, with these rights, in the log of its folder.
pub(crate) async fn another_key(
    machine: &Machine,
    home: &str,
    party: PartyId,
    may: Capabilities,
) -> LinkIdentity {
    let signer = fresh().expect("a key");
    let event = authorise(party, &signer, may, NO_END, [0; 32], "clerk");
    append(machine, home, party, &event).await;
    LinkIdentity { party, signer }
}

async fn append(machine: &Machine, home: &str, party: PartyId, event: &Event) {
    let folder = machine.path(home);
    let root = KeyRing::new(folder.join("keys")).read(KeyName::Root, None).expect("the root key");
    let core = Core::open(&folder, party, true, Quotas::default()).expect("a replica");
    let feed = Feed::identity(party);
    let mut author = IdentityAuthor { party, head: core.store.head(&feed.id()).map(|h| h.head) };
    let packed = author.append(event, &[(0, &root)], random().expect("bytes"), now_ms()).expect("an event");
    for taken in core.ingest.take(vec![packed_run(&feed, packed)], Origin::Own).await {
        taken.result.expect("an event that is taken");
    }
}

impl Owner {
    /// The member of a folder publishes a public record, one for its hub, and a file with a record for its hub.
    pub(crate) async fn new(machine: &Machine, home: &str, party: PartyId, hub: PartyId) -> Self {
        let folder = machine.path(home);
        let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
        std::fs::write(machine.path("tool.bin"), vec![7; 10_000]).expect("a file");
        let words =
            ["--json", "--home", home, "artifact", "add", "tool.bin", "--title", "Tool", "--visible", "hub"];
        let added = machine.run(&words).await.ok().json();
        let file = unhex(added["record"]["file"]["manifest"].as_str().expect("a hash"));
        let core = Core::open(&folder, party, true, Quotas::default()).expect("a replica");
        let author = Author::new(party, signer.clone());
        let mut records = Vec::new();
        for audience in [Audience::Public, Audience::Hub(hub)] {
            let published = author.publish(&core, audience, &[course("one")]).await.expect("a record");
            records.push(published[0].record);
        }
        let [public, hub_only] =
            [Audience::Public, Audience::Hub(hub)].map(|a| Feed::records(party, signer.public(), a));
        let head = core.store.head(&public.id()).expect("a feed").head;
        let identity = Feed::identity(party).id();
        let log = core.store.read_feed(&identity, Seq::FIRST, 1 << 20).expect("a log");
        let log = log.into_iter().flat_map(|run| run.packed.to_vec()).collect();
        drop(core);
        machine.run(&["--home", home, "sync"]).await.ok();
        has_a_file(&machine.path("a").join("artifacts")).await;
        let next = entry(&public, Some((head.seq, head.hash)), &signer, "next");
        let public = (public, records[0], head.seq, head.hash);
        Self { party, signer, public, hub_only: (hub_only, records[1]), file, log, next }
    }

    /// Every row of the table, as one caller is answered.
    pub(crate) async fn rows(&self, caller: &LinkIdentity, channel: &Channel) -> Vec<(&'static str, String)> {
        let ask = Asking { channel: channel.clone() };
        let (public, hub_only) = (self.public.0.id(), self.hub_only.0.id());
        // One that none of the callers has begun yet.
        let own = Feed::records(caller.party, caller.signer.public(), Audience::Network);
        let revision = course("own");
        let record = revision_record(&revision);
        let own_entry = signed(&own, None, &caller.signer, &revision);
        // The owner's own signature is no forgery: its row is the one of what it signed itself.
        let itself = caller.signer.public() == self.signer.public();
        let forged = match itself {
            true => self.next.clone(),
            false => entry(&self.public.0, Some((self.public.2, self.public.3)), &caller.signer, "forged"),
        };
        let other = |answer: String| if itself { "-".to_owned() } else { answer };
        let revoke = Event::Revoke(Revoke { key: self.signer.public(), reason: 2, feeds: Vec::new() });
        let mut thief = IdentityAuthor { party: self.party, head: None };
        let event = thief.append(&revoke, &[(0, &caller.signer)], [1; 16], now_ms()).expect("an event");
        let event = packed_run(&Feed::identity(self.party), event);
        let mut rows = vec![
            ("Exchange.Get, its public record", ask.get(self.party, self.public.1).await),
            ("Exchange.Get, its record for the hub", ask.get(self.party, self.hub_only.1).await),
            ("Federation.Heads, its public feed", ask.heads(public).await),
            ("Federation.Heads, its feed for the hub", ask.heads(hub_only).await),
            ("Federation.Pull, its public feed", ask.pull(public).await),
            ("Federation.Pull, its feed for the hub", ask.pull(hub_only).await),
            ("Federation.Statements, its feed for the hub", ask.statements(&self.hub_only.0).await),
            ("Federation.Checkpoint, its feed for the hub", ask.checkpoint(hub_only).await),
            ("Artifact.Manifest, its file for the hub", ask.manifest(&self.file).await),
            ("Artifact.Fetch, its file for the hub", ask.fetch(&self.file).await),
            ("Artifact.Bring, its file for the hub", ask.bring(&self.file).await),
            ("Membership.Join, with its identity", ask.join(&self.log).await),
            ("Federation.Push, in its feed, signed by the caller", other(ask.push(forged.clone()).await)),
            ("Exchange.Publish, in its feed, signed by the caller", other(ask.publish(forged).await)),
            ("Federation.Push, in its identity, signed by the caller", ask.push(event).await),
            ("Federation.Push, what it signed itself", ask.push(self.next.clone()).await),
            ("Exchange.Publish, what it signed itself", ask.publish(self.next.clone()).await),
        ];
        rows.push((
            "Federation.Push, what the caller signed in its own feed",
            ask.own(own_entry, caller.party, record).await,
        ));
        rows
    }
}

/// Waits until the hub's folder has a whole file.
async fn has_a_file(folder: &std::path::Path) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        if entries.any(|e| e.path().extension().is_some_and(|x| x == "data")) {
            return;
        }
        assert!(Instant::now() < until, "the file never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn course(title: &str) -> Revision {
    let title = LocalisedText { language: "en".to_owned(), text: title.to_owned(), ..Default::default() };
    Author::first(Record::Course(Course { title: Some(title), ..Course::default() })).expect("a record")
}

fn revision_record(revision: &Revision) -> RecordId {
    RecordId::from_slice(&revision.record_id).expect("a record's id")
}

fn entry(feed: &Feed, head: Option<(Seq, EntryHash)>, by: &Signer, title: &str) -> Run {
    signed(feed, head, by, &course(title))
}

fn signed(feed: &Feed, head: Option<(Seq, EntryHash)>, by: &Signer, revision: &Revision) -> Run {
    let body = salted([1; 16], &revision.encode_to_vec());
    let (packed, ..) = Draft { feed, head, time_ms: now_ms(), body: &body }.sign(by).expect("an entry");
    Run { feed: Some(feed_parts(feed)), entries: packed.into() }
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(pair).collect()
}

struct Asking {
    channel: Channel,
}

/// A reason of SPEC.md section 10, or the code of gRPC.
fn said(status: &Status) -> String {
    reason_of(status).unwrap_or_else(|| format!("{:?}", status.code()))
}

fn told(result: Result<String, Status>) -> String {
    result.unwrap_or_else(|status| said(&status))
}

fn taken(stored: u64, known: u64, refusals: &[RunRefusal]) -> String {
    match refusals.first() {
        Some(refusal) => refusal.reason.clone(),
        None if stored + known > 0 => "taken".to_owned(),
        None => "nothing".to_owned(),
    }
}

fn some(count: usize) -> String {
    if count == 0 { "nothing" } else { "answered" }.to_owned()
}

impl Asking {
    fn exchange(&self) -> ExchangeServiceClient<Channel> {
        ExchangeServiceClient::new(self.channel.clone())
    }

    fn federation(&self) -> FederationServiceClient<Channel> {
        FederationServiceClient::new(self.channel.clone())
    }

    fn artifacts(&self) -> ArtifactServiceClient<Channel> {
        ArtifactServiceClient::new(self.channel.clone())
    }

    async fn get(&self, party: PartyId, record: RecordId) -> String {
        let ask = v1::GetRequest { party_id: party.to_vec(), record_id: record.to_vec() };
        let answered =
            self.exchange().get(ask).await.map(|answer| answer.into_inner().record.unwrap_or_default());
        told(answered.map(|record| match record.void_reason.is_empty() {
            true => "answered".to_owned(),
            false => format!("void: {}", record.void_reason),
        }))
    }

    async fn heads(&self, feed: FeedId) -> String {
        let asked = async {
            let ask = v1::HeadsRequest { feed_ids: vec![feed.to_vec()] };
            let mut stream = self.federation().heads(ask).await?.into_inner();
            Ok(some(stream.message().await?.map_or(0, |m| m.heads.len())))
        };
        told(asked.await)
    }

    async fn pull(&self, feed: FeedId) -> String {
        let asked = async {
            let ranges = vec![v1::FeedRange { feed_id: feed.to_vec(), from: 1, to: 0 }];
            let ask = v1::PullRequest { ranges, ..v1::PullRequest::default() };
            let mut stream = self.federation().pull(ask).await?.into_inner();
            let runs = stream.message().await?.map(|m| m.runs).unwrap_or_default();
            Ok(some(runs.iter().map(|r| unpack(&r.entries).map_or(0, |e| e.len())).sum()))
        };
        told(asked.await)
    }

    async fn statements(&self, feed: &Feed) -> String {
        let asked = async {
            let ask =
                v1::StatementsRequest { feeds: vec![feed_parts(feed)], ..v1::StatementsRequest::default() };
            let mut stream = self.federation().statements(ask).await?.into_inner();
            Ok(some(stream.message().await?.map_or(0, |m| m.statements.len())))
        };
        told(asked.await)
    }

    async fn checkpoint(&self, feed: FeedId) -> String {
        let ask =
            v1::CheckpointRequest { feed_id: feed.to_vec(), seq: 1, ..v1::CheckpointRequest::default() };
        let answered = self.federation().checkpoint(ask).await;
        told(answered.map(|answer| some(answer.into_inner().inclusion.len())))
    }

    async fn manifest(&self, file: &[u8]) -> String {
        let ask = v1::ManifestRequest { manifest: file.to_vec() };
        told(self.artifacts().manifest(ask).await.map(|_| "answered".to_owned()))
    }

    async fn fetch(&self, file: &[u8]) -> String {
        let asked = async {
            let ranges = vec![v1::ChunkRange { from: 0, count: 1 }];
            let ask = v1::FetchRequest { manifest: file.to_vec(), ranges };
            let mut stream = self.artifacts().fetch(ask).await?.into_inner();
            Ok(some(stream.message().await?.map_or(0, |m| m.chunk.len())))
        };
        told(asked.await)
    }

    async fn bring(&self, file: &[u8]) -> String {
        let list = caphub_proto::wire::chunks::Manifest::new(
            10_000,
            vec![caphub_proto::wire::chunks::chunk_hash(&[7; 10_000])],
        );
        let list = list.expect("a list").encode();
        let message = v1::BringRequest { manifest: file.to_vec(), list, ..v1::BringRequest::default() };
        let answered = self.artifacts().bring(futures::stream::iter([message])).await;
        told(answered.map(|_| "answered".to_owned()))
    }

    async fn join(&self, log: &[u8]) -> String {
        let ask =
            v1::JoinRequest { identity: log.to_vec(), name: "Somebody".to_owned(), ..Default::default() };
        let answered = MembershipServiceClient::new(self.channel.clone()).join(ask).await;
        told(answered.map(|_| "answered".to_owned()))
    }

    async fn push(&self, run: Run) -> String {
        let asked = async {
            let message = v1::PushRequest { runs: vec![run], ..v1::PushRequest::default() };
            let mut answers = self.federation().push(futures::stream::iter([message])).await?.into_inner();
            let answer = answers.message().await?.unwrap_or_default();
            Ok(taken(answer.stored, answer.known, &answer.refusals))
        };
        told(asked.await)
    }

    async fn publish(&self, run: Run) -> String {
        let answered = self.exchange().publish(v1::PublishRequest { runs: vec![run] }).await;
        told(answered.map(|a| taken(a.get_ref().stored, a.get_ref().known, &a.get_ref().refusals)))
    }

    /// What became of an entry of the caller's own: also whether anybody is shown it.
    async fn own(&self, run: Run, party: PartyId, record: RecordId) -> String {
        let stored = self.push(run).await;
        if stored != "taken" {
            return stored;
        }
        let until = Instant::now() + SHOWN;
        while Instant::now() < until {
            match self.get(party, record).await.as_str() {
                "answered" => return "taken, shown".to_owned(),
                void if void.starts_with("void") => return format!("taken, {void}"),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        "taken, shown to nobody".to_owned()
    }
}
