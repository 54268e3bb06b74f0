//! One running node: the core, its links, its services, and an end within a deadline.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use caphub_proto::v1::Filter;
use caphub_proto::v1::admin_service_server::AdminServiceServer;
use caphub_proto::v1::artifact_service_server::ArtifactServiceServer;
use caphub_proto::v1::carry_service_server::CarryServiceServer;
use caphub_proto::v1::exchange_service_server::ExchangeServiceServer;
use caphub_proto::v1::federation_service_server::FederationServiceServer;
use caphub_proto::v1::membership_service_server::MembershipServiceServer;
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::Card;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tower::ServiceExt;

use crate::acts::late::Counted;
use crate::artifacts::{Room, tend};
use crate::audit::{self, Auditor, History, Stater};
use crate::author::{Author, PublishError, now_ms};
use crate::config::Config;
use crate::core::{Core, OpenError};
use crate::descriptors;
use crate::entitlement::Viewer;
use crate::erasing;
use crate::hub::{Hub, HubError};
use crate::keys::{KeyError, KeyName, KeyRing};
use crate::link::certificate::CertificateError;
use crate::link::dial::ProxyError;
use crate::link::{Dialler, LinkIdentity, LinkServer, Proxies, limits};
use crate::membership::Membership;
use crate::metrics::{self, MetricsError};
use crate::peers::Peers;
use crate::services::admin::Admin;
use crate::services::artifacts::Artifacts;
use crate::services::carry::Carry;
use crate::services::evidence::Evidence;
use crate::services::exchange::Exchange;
use crate::services::federation::Federation;
use crate::services::gate::Gate;
use crate::services::membership::MembershipDesk;
use crate::services::standard;
use crate::supervised;
use crate::views::PageRequest;

/// How often the certificate is renewed; it lives for three and a half days.
const RENEW: Duration = Duration::from_secs(24 * 3_600);

/// How soon a node that may not sign yet tries again to publish its card.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(1);

/// How often the linked hubs are asked what they state.
const AUDIT: Duration = Duration::from_secs(300);

/// How long one of them may take.
const VISIT: Duration = Duration::from_secs(60);

/// Everything that a node's services share.
pub struct Node {
    /// Who this hub is.
    pub hub: Hub,
    /// Store and views.
    pub core: Core,
    /// Signs in the hub's name.
    pub author: Author,
    /// Linked hubs.
    pub peers: Peers,
    /// Requests and invitations.
    pub membership: Arc<Membership>,
    /// What the node card says.
    pub addresses: Vec<String>,
    /// Signs what is held.
    pub stater: Arc<Stater>,
    /// The tree over public entries.
    pub history: Arc<History>,
    /// What other hubs stated.
    pub auditor: Arc<Auditor>,
    /// How much room files have.
    pub room: Room,
    /// How many acts are late.
    pub late: Counted,
}

/// The node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The hub's own files.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The node's key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Store or views.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The link's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The operator's socket.
    #[error("cannot open the operator's socket {path}: {source}")]
    Socket {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The port for metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The configured proxy.
    #[error("proxy: {0}")]
    Proxy(#[from] ProxyError),
    /// A small file of the hub's folder.
    #[error("the hub's folder cannot be read: {0}")]
    Files(#[from] std::io::Error),
}

/// Where the operator's commands reach a node.
pub fn admin_socket(directory: &Path) -> PathBuf {
    directory.join("admin.sock")
}

impl Node {
    /// Opens a hub's folder; nothing listens yet.
    pub fn open(
        directory: &Path,
        config: &Config,
        bound: Option<SocketAddr>,
        stop: &CancellationToken,
    ) -> Result<Self, StartError> {
        let hub = Hub::load(directory)?;
        // A hub that runs is not stopped over it; `check` calls it wrong.
        let keys = KeyRing::new(directory.join("keys"));
        if keys.is_exposed(KeyName::Operator) {
            let file = keys.path(KeyName::Operator);
            tracing::warn!(file = %file.display(), "others on this machine can read the hub's key: chmod 600");
        }
        let signer = keys.read(KeyName::Operator, None)?;
        let opened = audit::open(directory, hub.party, config.quotas, &signer)?;
        let (core, history) = (opened.core, opened.history);
        let stater = Arc::new(Stater::new(core.clone(), signer.clone(), opened.published));
        let auditor = Arc::new(Auditor::open(directory, core.clone(), false)?);
        let author = Author::new(hub.party, signer.clone());
        let identity = LinkIdentity { party: hub.party, signer };
        let proxies = Proxies::resolve(&config.proxy, |name| std::env::var(name).ok())?;
        let dialler = Dialler::new(identity, proxies);
        let peers = Peers::open(directory, core.clone(), dialler, stop.child_token())?;
        let membership = Arc::new(Membership::open(directory, core.clone(), author.clone())?);
        let addresses = stated_addresses(config, bound);
        let room = config.artifacts;
        Ok(Self {
            hub,
            core,
            author,
            peers,
            membership,
            addresses,
            stater,
            history,
            auditor,
            room,
            late: Counted::default(),
        })
    }

    /// How to reach this node, stated now.
    pub fn card(&self) -> Card {
        Card {
            party: self.hub.party,
            node_key: self.author.signer().public(),
            name: self.hub.name.clone(),
            addresses: self.addresses.clone(),
            languages: self.hub.languages.clone(),
            time_ms: now_ms(),
        }
    }

    /// Asks every linked hub that can be reached what it states, and compares.
    pub async fn audit_links(&self) {
        let cards = self.peers.cards();
        let others: Vec<PartyId> = cards.iter().map(|c| c.party).collect();
        for card in cards {
            let visited = tokio::time::timeout(VISIT, async {
                let reached = self.peers.dial(&card).await?;
                let visit = self.auditor.visit(reached.channel, card.party, reached.key, &others).await;
                visit.map_err(|e| e.to_string())
            });
            match visited.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::info!(hub = %card.party, %error, "a linked hub could not be asked what it states")
                }
                Err(_) => {
                    tracing::info!(hub = %card.party, "a linked hub did not say in time what it states")
                }
            }
        }
    }

    /// How many current records everybody together has here.
    pub fn records(&self) -> u64 {
        let all = Viewer { parties: Vec::new(), hubs: Vec::new(), network: true, all: true, opened: false };
        let kinds = ["need", "offer", "course", "session"].map(str::to_owned).to_vec();
        let filter = Filter { kinds, ..Filter::default() };
        let page = PageRequest { size: 1, token: String::new() };
        self.core.views.list(&all, &filter, &page, now_ms()).map_or(0, |page| page.total)
    }
}

/// Runs the node of a hub's folder until `stop`.
pub async fn run(directory: &Path, config: Config, stop: CancellationToken) -> Result<(), StartError> {
    let listen_error = |source| StartError::Listen { address: config.listen.clone(), source };
    let listener = match config.listens_on() {
        Some(address) => Some(TcpListener::bind(address).await.map_err(listen_error)?),
        None => None,
    };
    let bound = listener.as_ref().map(TcpListener::local_addr).transpose().map_err(listen_error)?;
    let monitored = metrics::listen(&config.metrics).await?;
    let opened = {
        let (directory, config, stop) = (directory.to_owned(), config.clone(), stop.clone());
        tokio::task::spawn_blocking(move || Node::open(&directory, &config, bound, &stop)).await
    };
    let node = Arc::new(opened.map_err(|e| StartError::Files(std::io::Error::other(e)))??);
    let announcing = announce(Arc::clone(&node), stop.clone()).await?;
    let views = tokio::spawn(node.core.views.clone().run(node.core.store.subscribe(), stop.clone()));
    let erasures = tokio::spawn(erasing::run(node.core.clone(), node.author.clone(), stop.clone()));
    let following = tokio::spawn(Arc::clone(&node.history).follow(stop.clone()));
    let auditing = tokio::spawn(auditing(Arc::clone(&node), stop.clone()));
    let tending = tokio::spawn(tend(Arc::clone(&node), node.room, stop.clone()));
    let admin = serve_admin(directory, Arc::clone(&node), stop.clone())?;
    node.peers.start();
    let gate = Arc::new(Gate::new(node.core.clone()));
    let identity = LinkIdentity { party: node.hub.party, signer: node.author.signer().clone() };
    let connections = descriptors::connections(descriptors::raise());
    if connections < limits::CONNECTIONS_MAX {
        tracing::warn!(
            connections,
            "few file descriptors are allowed: raise the system's limit for more callers"
        );
    }
    let server = Arc::new(LinkServer::new(identity, now_ms())?.with_connections(connections));
    let renewing = tokio::spawn(renew(Arc::clone(&server), stop.clone()));
    if let Some(listener) = monitored {
        tokio::spawn(metrics::serve(listener, Arc::clone(&node), server.counts(), stop.clone()));
    }
    let watched = tokio::spawn(supervised::run(Arc::clone(&node), stop.clone()));
    let address = bound.map_or_else(|| "none".to_owned(), |b| b.to_string());
    tracing::info!(hub = %node.hub.name, party = %node.hub.party, address, "the node is up");
    match listener {
        Some(listener) => {
            let router = router(Arc::clone(&node), Arc::clone(&gate)).await;
            server.serve(listener, router, gate, stop.clone()).await;
        }
        None => stop.cancelled().await,
    }
    let ended = async {
        let _ =
            tokio::join!(admin, announcing, views, erasures, renewing, following, auditing, tending, watched);
    };
    if tokio::time::timeout(config.shutdown(), ended).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    tracing::info!("the node is down");
    Ok(())
}

/// All services of a node to others, behind one gate.
pub async fn router(
    node: Arc<Node>,
    gate: Arc<Gate>,
) -> impl tower::Service<
    http::Request<tonic::body::Body>,
    Response = http::Response<tonic::body::Body>,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone
+ Send {
    let core = &node.core;
    let follows = {
        let node = Arc::clone(&node);
        Box::new(move |party: &caphub_proto::wire::PartyId| node.peers.follows(party))
    };
    let key = node.author.signer().public();
    let (stater, history) = (Arc::clone(&node.stater), Arc::clone(&node.history));
    let evidence = Evidence::new(stater, history, Arc::clone(&node.auditor), key);
    let name = node.hub.name.clone();
    let federation = Federation::new(core.clone(), Arc::clone(&gate), name, key, follows, evidence);
    let exchange = Exchange::new(core.clone(), Arc::clone(&gate));
    let artifacts = Artifacts::new(core.clone(), Arc::clone(&gate), node.room);
    let desk = MembershipDesk::new(core.clone(), Arc::clone(&gate), Arc::clone(&node.membership));
    let bounded = limits::MESSAGE_BYTES_MAX;
    let routes = tonic::service::Routes::new(
        FederationServiceServer::new(federation)
            .accept_compressed(CompressionEncoding::Zstd)
            .send_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(bounded)
            .max_encoding_message_size(bounded),
    )
    .add_service(
        ExchangeServiceServer::new(exchange)
            .max_decoding_message_size(bounded)
            .max_encoding_message_size(bounded),
    )
    .add_service(
        ArtifactServiceServer::new(artifacts)
            .max_decoding_message_size(bounded)
            .max_encoding_message_size(bounded),
    )
    .add_service(MembershipServiceServer::new(desk).max_decoding_message_size(bounded));
    let routes = standard::add(routes, &gate).await;
    ServiceExt::<http::Request<tonic::body::Body>>::map_response(routes.prepare(), |r: http::Response<_>| {
        r.map(tonic::body::Body::new)
    })
}

fn serve_admin(
    directory: &Path,
    node: Arc<Node>,
    stop: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, StartError> {
    let path = admin_socket(directory);
    let failed = |source| StartError::Socket { path: path.clone(), source };
    // The store's lock is held: a socket that is still there belongs to a node that is gone.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
    let carry = CarryServiceServer::new(Carry(Arc::clone(&node)));
    let service = AdminServiceServer::new(Admin(node)).max_decoding_message_size(limits::MESSAGE_BYTES_MAX);
    Ok(tokio::spawn(async move {
        let serving = tonic::transport::Server::builder()
            .max_concurrent_streams(limits::STREAMS_MAX)
            .add_service(service)
            .add_service(carry)
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(%error, "the operator's socket failed");
        }
        let _ = std::fs::remove_file(&path);
    }))
}

/// Publishes the node's card. A copy that was put back may not sign yet: it goes on, catches up, and does it then.
async fn announce(
    node: Arc<Node>,
    stop: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, StartError> {
    let waits = |error: &HubError| {
        matches!(error, HubError::Publish(PublishError::Behind { .. } | PublishError::Unasked))
    };
    let mut announced = node.hub.announce(&node).await;
    match announced {
        Err(error) if waits(&error) => {
            tracing::warn!(%error, "the node's card is published later");
            announced = Err(error);
        }
        other => announced = Ok(other?),
    }
    Ok(tokio::spawn(async move {
        while announced.as_ref().is_err_and(waits) {
            tokio::select! {
                () = tokio::time::sleep(ANNOUNCE_AGAIN) => {}
                () = stop.cancelled() => return,
            }
            announced = node.hub.announce(&node).await;
        }
        if let Err(error) = announced {
            tracing::error!(%error, "the node's card could not be published");
        }
    }))
}

/// Asks the linked hubs what they state, now and then.
async fn auditing(node: Arc<Node>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(AUDIT) => {}
            () = stop.cancelled() => break,
        }
        tokio::select! {
            () = node.audit_links() => {}
            () = stop.cancelled() => break,
        }
    }
    node.auditor.receipts();
    if let Err(error) = node.auditor.book.save() {
        tracing::error!(%error, "what other hubs stated could not be kept");
    }
}

async fn renew(server: Arc<LinkServer>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RENEW) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = server.renew(now_ms()) {
            tracing::error!(%error, "the link's certificate could not be renewed");
        }
    }
}

/// What the card says: as configured, or the address that is listened on, by the machine's name where that is
/// all of them; none for a node that only dials out.
fn stated_addresses(config: &Config, bound: Option<SocketAddr>) -> Vec<String> {
    let bound = match bound {
        Some(bound) if config.addresses.is_empty() => bound,
        _ => return config.addresses.clone(),
    };
    if !bound.ip().is_unspecified() {
        return vec![bound.to_string()];
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let named = (!host.is_empty()).then(|| format!("{host}:{}", bound.port()));
    named.into_iter().chain([format!("127.0.0.1:{}", bound.port())]).collect()
}
