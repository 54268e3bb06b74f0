//! A hub's operator who serves files with a program of its own: cut short, or with bytes that are not the file's.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use caphub_node::artifacts::Blobs;
use caphub_node::author::now_ms;
use caphub_node::link::server::{Caller, Door};
use caphub_node::link::{LinkIdentity, LinkServer};
use caphub_proto::v1::artifact_service_server::{ArtifactService, ArtifactServiceServer};
use caphub_proto::v1::{
    BringRequest, BringResponse, FetchRequest, FetchResponse, HoldingsRequest, HoldingsResponse,
    ManifestRequest, ManifestResponse,
};
use futures::Stream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Serves files of a hub's folder, its own way.
pub(crate) struct Liar {
    pub(crate) blobs: Blobs,
    /// A bit of every chunk is flipped.
    pub(crate) flips: bool,
    /// So many chunks are served in all; then it falls silent.
    pub(crate) left: AtomicU32,
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
    /// Listens where the hub did, until the token is cancelled and what it returns has ended.
    pub(crate) async fn serve(
        self,
        identity: LinkIdentity,
        address: &str,
        stop: CancellationToken,
    ) -> tokio::task::JoinHandle<()> {
        let address: SocketAddr = address.parse().expect("an address");
        let listener = TcpListener::bind(address).await.expect("the hub's own port");
        let server = LinkServer::new(identity, now_ms()).expect("a certificate");
        let routes = tonic::service::Routes::new(ArtifactServiceServer::new(self)).prepare();
        let router = tower::ServiceExt::<http::Request<tonic::body::Body>>::map_response(
            routes,
            |r: http::Response<_>| r.map(tonic::body::Body::new),
        );
        tokio::spawn(async move {
            server.serve(listener, router, Arc::new(Open(watch::channel(0).0)), stop).await;
        })
    }
}

#[tonic::async_trait]
impl ArtifactService for Liar {
    async fn holdings(&self, _: Request<HoldingsRequest>) -> Result<Response<HoldingsResponse>, Status> {
        Err(Status::unavailable("not today"))
    }

    async fn manifest(&self, asked: Request<ManifestRequest>) -> Result<Response<ManifestResponse>, Status> {
        let id = asked.into_inner().manifest.try_into().expect("32 bytes");
        let list = self.blobs.list(&id).ok_or_else(|| Status::not_found("no such file"))?;
        Ok(Response::new(ManifestResponse { list: list.encode() }))
    }

    type FetchStream = Pin<Box<dyn Stream<Item = Result<FetchResponse, Status>> + Send>>;

    async fn fetch(&self, asked: Request<FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let asked = asked.into_inner();
        let id = asked.manifest.try_into().expect("32 bytes");
        let mut answers = Vec::new();
        for index in asked.ranges.iter().flat_map(|r| r.from..r.from + r.count) {
            let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |l| l.checked_sub(1));
            if left.is_err() {
                answers.push(Err(Status::unavailable("cut")));
                break;
            }
            let mut chunk = self.blobs.chunk(&id, index).expect("a chunk");
            chunk[0] ^= u8::from(self.flips);
            answers.push(Ok(FetchResponse { index, chunk }));
        }
        Ok(Response::new(Box::pin(futures::stream::iter(answers))))
    }

    async fn bring(&self, _: Request<Streaming<BringRequest>>) -> Result<Response<BringResponse>, Status> {
        Err(Status::unavailable("not today"))
    }
}
