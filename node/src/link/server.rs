//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use caphub_proto::wire::cert::Binding;
use futures::{Stream, StreamExt};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::link::answers::Answers;
use crate::link::certificate::{CertificateError, LinkIdentity};
use crate::link::connection::{Connection, Http, PerParty};
use crate::link::crowd::Crowd;
use crate::link::quiet::Quiet;
use crate::link::turnstile::Turnstile;
use crate::link::{limits, verifier};
use crate::metrics::LinkCounts;

/// Who is at the far end of a connection, as its certificate says and TLS proved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Party and operator key, with the certificate's end.
    pub binding: Binding,
    /// Where the connection comes from.
    pub address: SocketAddr,
}

/// Decides, at accept and whenever identities change, whether a caller may stay connected.
pub trait Door: Send + Sync + 'static {
    /// False where the caller's key was revoked.
    fn may_stay(&self, caller: &Caller) -> bool;
    /// True where the caller is somebody here: it keeps its connection when strangers crowd in.
    fn knows(&self, caller: &Caller) -> bool;
    /// Rises when an answer may have changed.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// Serves one router over mutual TLS.
pub struct LinkServer {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    identity: LinkIdentity,
    connections: usize,
    counts: LinkCounts,
    quiet: Arc<Quiet>,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl LinkServer {
    /// A server with its first certificate.
    pub fn new(identity: LinkIdentity, now_ms: u64) -> Result<Self, CertificateError> {
        let current = Arc::new(Current(ArcSwap::new(identity.certificate(now_ms)?)));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(verifier::AnyCaller(provider)))
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec()];
        // No tickets and no early data: a resumed session would skip the verifier.
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Self {
            config: Arc::new(config),
            current,
            identity,
            connections: limits::CONNECTIONS_MAX,
            counts: LinkCounts::default(),
            quiet: Arc::default(),
        })
    }

    /// The same with at most so many connections at once.
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// Puts a fresh certificate in place; due well before half of `CERTIFICATE_MS_MAX` has passed.
    pub fn renew(&self, now_ms: u64) -> Result<(), CertificateError> {
        self.current.0.store(self.identity.certificate(now_ms)?);
        Ok(())
    }

    /// What becomes of callers, as it is counted here.
    pub fn counts(&self) -> LinkCounts {
        self.counts.clone()
    }

    /// Accepts from a socket until `stop`; open connections end with it.
    pub async fn serve<S>(
        &self,
        listener: TcpListener,
        router: S,
        door: Arc<dyn Door>,
        stop: CancellationToken,
    ) where
        S: Router,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let incoming = futures::stream::unfold(listener, |listener| async move {
            let accepted = listener.accept().await.map(|(tcp, address)| {
                let _ = tcp.set_nodelay(true);
                (tcp, address)
            });
            Some((accepted, listener))
        });
        self.serve_incoming(Box::pin(incoming), router, door, stop).await;
    }

    /// Serves whatever streams come in, until `stop` or until none come any more.
    pub async fn serve_incoming<S, Io>(
        &self,
        mut incoming: impl Stream<Item = io::Result<(Io, SocketAddr)>> + Unpin,
        router: S,
        door: Arc<dyn Door>,
        stop: CancellationToken,
    ) where
        S: Router,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        let all = Arc::new(Semaphore::new(self.connections));
        let crowd = Arc::new(Crowd::new(room(self.connections)));
        let (parties, answers) = (Arc::new(PerParty::default()), Arc::new(Answers::default()));
        let (http, turnstile) = (Arc::new(Http::limited()), Turnstile::default());
        loop {
            let accepted = tokio::select! {
                accepted = incoming.next() => accepted,
                () = stop.cancelled() => return,
            };
            let (stream, address) = match accepted {
                Some(Ok(accepted)) => accepted,
                Some(Err(error)) => {
                    // Out of file descriptors, most likely: wait for some to come back.
                    if let Some(others) = self.quiet.left_out("not_accepted") {
                        tracing::warn!(%error, others, "a connection could not be accepted");
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
                None => return,
            };
            let permit = Arc::clone(&all).try_acquire_owned();
            let (Ok(permit), Some(place)) = (permit, crowd.enter(address)) else {
                self.counts.turn_away("all_in_use");
                if let Some(others) = self.quiet.left_out("all_in_use") {
                    tracing::warn!(%address, others, "a connection was turned away: all are in use");
                }
                continue;
            };
            let connection = Connection {
                acceptor: acceptor.clone(),
                http: Arc::clone(&http),
                turnstile: turnstile.clone(),
                door: Arc::clone(&door),
                parties: Arc::clone(&parties),
                answers: Arc::clone(&answers),
                counts: self.counts.clone(),
                quiet: Arc::clone(&self.quiet),
                address,
                place,
            };
            let (router, stop) = (router.clone(), stop.clone());
            tokio::spawn(async move {
                connection.run(stream, router, stop).await;
                drop(permit);
            });
        }
    }
}

/// The services of a node, as one.
pub trait Router:
    Service<http::Request<tonic::body::Body>, Response = http::Response<tonic::body::Body>>
    + Clone
    + Send
    + 'static
{
}

impl<S> Router for S where
    S: Service<http::Request<tonic::body::Body>, Response = http::Response<tonic::body::Body>>
        + Clone
        + Send
        + 'static
{
}

/// Connections after which some give way: those that leave need a moment, in which their places are not free yet.
fn room(connections: usize) -> usize {
    connections - connections / 8
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;
    use crate::author::now_ms;
    use crate::keys::fresh;
    use crate::link::dial::secure;

    struct Everybody(watch::Sender<u64>);

    impl Door for Everybody {
        fn may_stay(&self, _: &Caller) -> bool {
            true
        }

        fn knows(&self, _: &Caller) -> bool {
            false
        }

        fn changes(&self) -> watch::Receiver<u64> {
            self.0.subscribe()
        }
    }

    #[tokio::test]
    async fn the_accept_loop_outlives_errors_and_callers_that_break_off() {
        let identity = |n: u8| LinkIdentity {
            party: caphub_proto::wire::PartyId([n; 32]),
            signer: fresh().expect("random bytes"),
        };
        let (hub, caller) = (identity(1), identity(2));
        let server = LinkServer::new(hub.clone(), now_ms()).expect("a server");
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let (broken, other) = tokio::io::duplex(64);
        drop(other);
        let (near, far) = tokio::io::duplex(64 * 1024);
        let errors = || (0..3).map(|_| Err(io::Error::other("out of file descriptors")));
        let all: Vec<_> =
            errors().chain([Ok((broken, from))]).chain(errors()).chain([Ok((far, from))]).collect();
        let router = tower::service_fn(|_: http::Request<tonic::body::Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(tonic::body::Body::empty()))
        });
        let incoming = stream::iter(all).chain(stream::pending());
        let door = Arc::new(Everybody(watch::channel(0).0));
        let stop = CancellationToken::new();
        let serving = server.serve_incoming(Box::pin(incoming), router, door, stop.clone());
        let calling = async {
            let key = hub.signer.public();
            let secured = secure(&caller, hub.party, Some(key), near, now_ms()).await;
            stop.cancel();
            secured.map(drop)
        };
        let (_, secured) = tokio::join!(serving, calling);
        secured.expect("a link after all of that");
    }
}
