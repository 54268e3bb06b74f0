//! The ways out of a node, each as the words of what came by it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use caphub_node::author::{feed_parts, packed_run};
use caphub_node::entitlement::Class;
use caphub_proto::v1::exchange_service_client::ExchangeServiceClient;
use caphub_proto::v1::federation_service_client::FederationServiceClient;
use caphub_proto::v1::{self, Filter, Record};
use caphub_proto::wire::entry::Draft;
use caphub_proto::wire::feed::{salted, unpack};
use caphub_proto::wire::{Audience, EntryHash, Feed, FeedId, PartyId, Seq, Signer};
use tonic::transport::Channel;

use crate::Written;

type Words = BTreeSet<&'static str>;

/// One caller's connection.
pub(crate) struct Client {
    exchange: ExchangeServiceClient<Channel>,
    federation: FederationServiceClient<Channel>,
    hub: PartyId,
}

/// The word of a record.
pub(crate) fn word_of(record: &Record, all: &[Written]) -> Option<&'static str> {
    all.iter().find(|w| w.records.iter().any(|r| r.as_bytes()[..] == record.record_id[..])).map(|w| w.word)
}

pub(crate) fn word_of_feed(id: &FeedId, all: &[Written]) -> Option<&'static str> {
    all.iter().find(|w| w.feed.id() == *id).map(|w| w.word)
}

pub(crate) fn feed_of(parts: Option<v1::Feed>) -> Feed {
    let parts = parts.expect("a feed");
    Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience).expect("a feed")
}

impl Client {
    pub(crate) fn new(channel: Channel, hub: PartyId) -> Self {
        let exchange = ExchangeServiceClient::new(channel.clone());
        Self { exchange, federation: FederationServiceClient::new(channel), hub }
    }

    /// Waits until the hub takes the caller for what it is: that comes from other hubs, too.
    pub(crate) async fn becomes(&mut self, standing: &str) {
        let ask = v1::HelloRequest { versions: vec![1], ..v1::HelloRequest::default() };
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let said = self.federation.hello(ask.clone()).await.expect("a greeting").into_inner();
            if said.standing == standing {
                return;
            }
            assert!(Instant::now() < deadline, "{} instead of {standing}", said.standing);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What may not be seen is answered, to the letter, as what does not exist.
    pub(crate) async fn get(&mut self, all: &[Written]) -> Words {
        let party_id = all[0].feed.party.to_vec();
        let ask = |record_id: Vec<u8>| v1::GetRequest { party_id: party_id.clone(), record_id };
        let nothing = self.exchange.get(ask(vec![0; 16])).await.expect_err("no such record");
        let mut seen = Words::new();
        for one in all {
            match self.exchange.get(ask(one.records[0].to_vec())).await {
                Ok(_) => drop(seen.insert(one.word)),
                Err(status) => {
                    let same = |s: &tonic::Status| (s.code(), s.message().to_owned(), s.details().to_vec());
                    assert_eq!(same(&status), same(&nothing), "{}", one.word);
                }
            }
        }
        seen
    }

    pub(crate) async fn list(&mut self, all: &[Written]) -> Words {
        let kinds = vec!["course".to_owned()];
        let filter = Some(Filter { kinds, party_id: all[0].feed.party.to_vec(), ..Filter::default() });
        let page = v1::ListRequest { filter, ..v1::ListRequest::default() };
        let said = self.exchange.list(page).await.expect("a list").into_inner();
        let seen: Words = said.records.iter().filter_map(|r| word_of(r, all)).collect();
        assert_eq!((said.total, said.records.len()), (seen.len() as u64, seen.len()), "counts say more");
        seen
    }

    pub(crate) async fn search(&mut self, all: &[Written]) -> Words {
        let mut seen = Words::new();
        for one in all {
            let query = v1::SearchRequest { query: one.word.to_owned(), ..v1::SearchRequest::default() };
            let said = self.exchange.search(query).await.expect("an answer").into_inner();
            assert_eq!(said.total, said.records.len() as u64, "{}", one.word);
            seen.extend((said.total > 0).then_some(one.word));
        }
        seen
    }

    pub(crate) async fn watch(&mut self) -> tonic::Streaming<v1::WatchResponse> {
        let kinds = vec!["course".to_owned()];
        let filter = Some(Filter { kinds, ..Filter::default() });
        self.exchange.watch(v1::WatchRequest { filter }).await.expect("a stream").into_inner()
    }

    pub(crate) async fn heads(&mut self, all: &[Written]) -> Words {
        let mut seen = Words::new();
        let named = all.iter().map(|w| w.feed.id().to_vec()).collect();
        for feed_ids in [Vec::new(), named] {
            let mut stream =
                self.federation.heads(v1::HeadsRequest { feed_ids }).await.expect("heads").into_inner();
            while let Some(message) = stream.message().await.expect("heads") {
                seen.extend(
                    message.heads.into_iter().filter_map(|h| word_of_feed(&feed_of(h.feed).id(), all)),
                );
            }
        }
        seen
    }

    /// Classes that are stated: of those that a caller may not read not even a count.
    pub(crate) async fn hello(&mut self, all: &[Written]) -> Words {
        let ask = v1::HelloRequest { versions: vec![1], ..v1::HelloRequest::default() };
        let said = self.federation.hello(ask).await.expect("a greeting").into_inner();
        let own = said.roots.iter().any(|r| r.class == Class::Own.encode() && r.count > 0);
        let stated = |one: &&Written| {
            let class = Class::of(&one.feed).encode();
            let whole = said.roots.iter().any(|r| r.class == class && r.count > 0);
            whole || (own && matches!(one.audience, Audience::Hub(_)))
        };
        all.iter().filter(stated).map(|w| w.word).collect()
    }

    pub(crate) async fn reconcile(&mut self, all: &[Written]) -> Words {
        let mut classes: Vec<Class> = all.iter().map(|w| Class::of(&w.feed)).collect();
        classes.extend([Class::Own, Class::Hub(self.hub)]);
        classes.sort_unstable();
        classes.dedup();
        let mut seen = Words::new();
        for class in classes {
            let ask = v1::RangeAsk { heads_max: 1_000, ..v1::RangeAsk::default() };
            let classes = vec![v1::ClassAsks { class: class.encode(), asks: vec![ask] }];
            let Ok(said) = self.federation.reconcile(v1::ReconcileRequest { classes }).await else {
                continue;
            };
            for answer in said.into_inner().classes.into_iter().flat_map(|c| c.answers) {
                let words = answer.heads.into_iter().filter_map(|h| word_of_feed(&feed_of(h.feed).id(), all));
                let words: Vec<_> = words.collect();
                assert!(answer.count > 0 || words.is_empty());
                seen.extend(words);
            }
        }
        seen
    }

    pub(crate) async fn pull_ranges(&mut self, all: &[Written]) -> Words {
        let range = |w: &Written| v1::FeedRange { feed_id: w.feed.id().to_vec(), from: 1, to: 0 };
        let ranges: Vec<v1::FeedRange> = all.iter().map(range).collect();
        let ask = v1::PullRequest { ranges: ranges.clone(), ..v1::PullRequest::default() };
        let (seen, entries) = self.pulled(ask, all).await;
        let measure = v1::PullRequest { ranges, measure: true, ..v1::PullRequest::default() };
        let mut stream = self.federation.pull(measure).await.expect("a stream").into_inner();
        let message = stream.message().await.expect("a measure").expect("a measure");
        assert_eq!(message.measure.unwrap_or_default().entries, entries, "measures say more");
        seen
    }

    pub(crate) async fn pull_log(&mut self, all: &[Written]) -> Words {
        let position = Some(v1::Position::default());
        self.pulled(v1::PullRequest { position, ..v1::PullRequest::default() }, all).await.0
    }

    /// Everything that comes after what was there.
    pub(crate) async fn follow(&mut self) -> tonic::Streaming<v1::PullResponse> {
        let position = Some(v1::Position::default());
        let ask = v1::PullRequest { position, follow: true, ..v1::PullRequest::default() };
        let mut stream = self.federation.pull(ask).await.expect("a stream").into_inner();
        while !stream.message().await.expect("a message").expect("the log's end").current {}
        stream
    }

    /// The words of what came, and how many entries that were.
    async fn pulled(&mut self, ask: v1::PullRequest, all: &[Written]) -> (Words, u64) {
        let mut stream = self.federation.pull(ask).await.expect("a stream").into_inner();
        let (mut seen, mut entries) = (Words::new(), 0);
        while let Some(message) = stream.message().await.expect("a message") {
            entries +=
                message.runs.iter().map(|r| unpack(&r.entries).expect("entries").len() as u64).sum::<u64>();
            seen.extend(message.runs.into_iter().filter_map(|r| word_of_feed(&feed_of(r.feed).id(), all)));
        }
        (seen, entries)
    }

    pub(crate) async fn statements(&mut self, all: &[Written], every: bool) -> Words {
        let named = all.iter().map(|w| feed_parts(&w.feed)).collect();
        let feeds = if every { Vec::new() } else { named };
        let ask = v1::StatementsRequest { feeds, ..v1::StatementsRequest::default() };
        let mut stream = self.federation.statements(ask).await.expect("a stream").into_inner();
        let mut seen = Words::new();
        while let Some(message) = stream.message().await.expect("statements") {
            let feeds = message.statements.into_iter().map(|s| feed_of(s.feed).id());
            seen.extend(feeds.filter_map(|id| word_of_feed(&id, all)));
        }
        seen
    }

    /// Entries of which the public history proves a place.
    pub(crate) async fn checkpoint(&mut self, all: &[Written]) -> Words {
        let mut seen = Words::new();
        for one in all {
            let feed_id = one.feed.id().to_vec();
            let ask = v1::CheckpointRequest { feed_id, seq: 1, ..v1::CheckpointRequest::default() };
            let said = self.federation.checkpoint(ask).await.expect("a checkpoint").into_inner();
            seen.extend((!said.inclusion.is_empty()).then_some(one.word));
        }
        seen
    }

    /// Feeds of which a caller that may not see them learns something by bringing forged entries: the answers differ
    /// from those for a feed that does not exist.
    pub(crate) async fn probe(&mut self, all: &[Written], may: &Words) -> Words {
        let mut seen = Words::new();
        for one in all.iter().filter(|w| !may.contains(w.word)) {
            let key = one.feed.key().expect("a key");
            let nowhere = Feed::records(one.feed.party, key, Audience::Hub(PartyId([0x77; 32])));
            for seq in 1..=5 {
                let [held, absent] = [one.feed, nowhere].map(|feed| forged(&feed, seq));
                if self.refusal(held).await != self.refusal(absent).await {
                    seen.insert(one.word);
                }
            }
        }
        seen
    }

    async fn refusal(&mut self, run: v1::Run) -> String {
        let push = v1::PushRequest { runs: vec![run.clone()], ..v1::PushRequest::default() };
        let stream = futures::stream::once(std::future::ready(push));
        let mut answers = self.federation.push(stream).await.expect("a stream").into_inner();
        let pushed = answers.message().await.expect("an answer").expect("an answer");
        let published = self.exchange.publish(v1::PublishRequest { runs: vec![run] }).await;
        let published = published.expect("an answer").into_inner();
        let told = |r: &[v1::RunRefusal]| r.iter().map(|r| r.reason.clone()).collect::<Vec<_>>();
        let counts = (pushed.stored, pushed.known, pushed.receipts.len(), published.stored, published.known);
        format!("{:?} {:?} {counts:?}", told(&pushed.refusals), told(&published.refusals))
    }
}

/// An entry at a place that nobody's key of the party signed.
fn forged(feed: &Feed, seq: u64) -> v1::Run {
    let head = Seq::new(seq - 1).map(|s| (s, EntryHash([5; 32])));
    let draft = Draft { feed, head, time_ms: 1, body: &salted([1; 16], b"x") };
    let (packed, ..) = draft.sign(&Signer::from_seed(&[8; 32])).expect("an entry");
    assert!(unpack(&packed).is_ok());
    packed_run(feed, packed)
}
