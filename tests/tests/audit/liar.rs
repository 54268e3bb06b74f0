//! A hub's operator who answers with a program of its own: it states less than it stated, by the same log and key.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use caphub_node::audit::{arrived, travelling};
use caphub_node::author::now_ms;
use caphub_node::link::server::{Caller, Door};
use caphub_node::link::{LinkIdentity, LinkServer};
use caphub_proto::v1::federation_service_server::{FederationService, FederationServiceServer};
use caphub_proto::v1::{self, CheckpointRequest, CheckpointResponse, StatementsRequest, StatementsResponse};
use caphub_proto::wire::history::Checkpoint;
use caphub_proto::wire::statement::{Cut, Stating};
use caphub_proto::wire::{Feed, LogId, PartyId, Signer};
use futures::Stream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Serves nothing but its own words.
#[derive(Clone)]
pub(crate) struct Liar {
    pub(crate) party: PartyId,
    pub(crate) signer: Signer,
    pub(crate) log: LogId,
    /// Of this feed it says that it holds nothing.
    pub(crate) lowered: Feed,
    /// What it says that its history is.
    pub(crate) note: Checkpoint,
}

struct Open(watch::Sender<u64>);

impl Door for Open {
    fn may_stay(&self, _: &Caller) -> bool {
        true
    }

    fn knows(&self, _: &Caller) -> bool {
        true
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl Liar {
    /// Listens where the hub did.
    pub(crate) async fn serve(self, address: &str) -> Serving {
        let address: SocketAddr = address.parse().expect("an address");
        let listener = TcpListener::bind(address).await.expect("the hub's own port");
        let identity = LinkIdentity { party: self.party, signer: self.signer.clone() };
        let server = LinkServer::new(identity, now_ms()).expect("a certificate");
        let routes = tonic::service::Routes::new(FederationServiceServer::new(self)).prepare();
        let router = tower::ServiceExt::<http::Request<tonic::body::Body>>::map_response(
            routes,
            |r: http::Response<_>| r.map(tonic::body::Body::new),
        );
        let (stop, ends) = (CancellationToken::new(), CancellationToken::new());
        let until = stop.clone();
        let done = ends.clone().drop_guard();
        tokio::spawn(async move {
            server.serve(listener, router, Arc::new(Open(watch::channel(0).0)), until).await;
            drop(done);
        });
        Serving { stop, ends }
    }
}

/// A liar that listens.
pub(crate) struct Serving {
    stop: CancellationToken,
    ends: CancellationToken,
}

impl Serving {
    /// Ends it; the port is free then.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.ends.cancelled().await;
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn silent<T>() -> Result<T, Status> {
    Err(Status::unavailable("not today"))
}

#[tonic::async_trait]
impl FederationService for Liar {
    type HeadsStream = Answers<v1::HeadsResponse>;
    type PullStream = Answers<v1::PullResponse>;
    type PushStream = Answers<v1::PushResponse>;
    type StatementsStream = Answers<StatementsResponse>;

    async fn statements(
        &self,
        _: Request<StatementsRequest>,
    ) -> Result<Response<Self::StatementsStream>, Status> {
        let (log, party, feed) = (self.log, self.party, &self.lowered);
        let stating = Stating { log, party, time_ms: now_ms() + 120_000, feed, head: None, cut: Cut::Whole };
        let statement = travelling(feed, &stating.sign(&self.signer));
        assert!(arrived(&statement).is_some());
        let message = StatementsResponse { statements: vec![statement] };
        Ok(Response::new(Box::pin(futures::stream::once(std::future::ready(Ok(message))))))
    }

    async fn checkpoint(
        &self,
        asked: Request<CheckpointRequest>,
    ) -> Result<Response<CheckpointResponse>, Status> {
        if !asked.into_inner().of_party.is_empty() {
            return silent();
        }
        let (note, node_key) = (self.note.to_note(&self.signer), self.signer.public().to_vec());
        Ok(Response::new(CheckpointResponse { note, node_key, ..CheckpointResponse::default() }))
    }

    async fn hello(&self, _: Request<v1::HelloRequest>) -> Result<Response<v1::HelloResponse>, Status> {
        silent()
    }

    async fn reconcile(
        &self,
        _: Request<v1::ReconcileRequest>,
    ) -> Result<Response<v1::ReconcileResponse>, Status> {
        silent()
    }

    async fn heads(&self, _: Request<v1::HeadsRequest>) -> Result<Response<Self::HeadsStream>, Status> {
        silent()
    }

    async fn pull(&self, _: Request<v1::PullRequest>) -> Result<Response<Self::PullStream>, Status> {
        silent()
    }

    async fn push(
        &self,
        _: Request<tonic::Streaming<v1::PushRequest>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        silent()
    }
}
