//! Opening a link: to one expected hub, by any of its addresses, direct or through a proxy, without names.

mod proxy;
mod trouble;
mod way;

use std::sync::Arc;

use caphub_proto::wire::{OperatorKey, PartyId};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::link::certificate::{self, CertificateError as MakeError, LinkIdentity};
use crate::link::{limits, verifier};

pub use proxy::{Proxies, Proxy, ProxyError};
pub use trouble::{Attempt, DialError, Refusal, Trouble};
pub use way::staggered;

/// One place where a node of a hub may be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The node's key; `None` where any key of the hub will do that its identity log authorises to serve.
    pub key: Option<OperatorKey>,
    /// host:port; IP, DNS name or onion.
    pub address: String,
}

/// An open link.
pub struct Reached {
    /// For the services' clients.
    pub channel: Channel,
    /// The key that the far end proved in the handshake.
    pub key: OperatorKey,
    /// Where it answered.
    pub address: String,
}

/// A secured stream to a hub, before anything is said on it.
pub type Secured<S> = TlsStream<BufReader<S>>;

/// Opens links in one identity's name, by the proxies of its configuration.
#[derive(Clone)]
pub struct Dialler {
    identity: LinkIdentity,
    proxies: Proxies,
}

impl Dialler {
    /// Dials as `identity`.
    pub fn new(identity: LinkIdentity, proxies: Proxies) -> Self {
        Self { identity, proxies }
    }

    /// The same, through other proxies.
    pub fn through(&self, proxies: Proxies) -> Self {
        Self { identity: self.identity.clone(), proxies }
    }

    /// Tries the places in turn, each a moment after the one before, and returns the first that proves to be the
    /// expected hub. One that proves to be something else is left out, with its reason.
    pub async fn dial(&self, party: PartyId, places: &[Place], now_ms: u64) -> Result<Reached, DialError> {
        let mut attempts = Vec::new();
        for place in places.iter().take(limits::ADDRESSES_TRIED_MAX) {
            let config = Arc::new(client_config(&self.identity, party, place.key, now_ms)?);
            attempts.push(self.attempt(config, &place.address));
        }
        if attempts.is_empty() {
            return Err(DialError::NoAddress);
        }
        way::staggered(attempts, limits::STAGGER).await.map_err(|failed| {
            let attempt = |(i, trouble): (usize, Trouble)| Attempt {
                address: places.get(i).map(|p| p.address.clone()).unwrap_or_default(),
                trouble,
            };
            DialError::All(failed.into_iter().map(attempt).collect())
        })
    }

    async fn attempt(&self, config: Arc<ClientConfig>, address: &str) -> Result<Reached, Trouble> {
        let stream = way::open(address, self.proxies.of(address)).await?;
        let stream = handshake(config, stream).await?;
        let (channel, key) = channel(stream).await?;
        Ok(Reached { channel, key, address: address.to_owned() })
    }
}

/// Dials a hub by one key and its addresses, without a proxy.
pub async fn dial(
    identity: &LinkIdentity,
    party: PartyId,
    key: Option<OperatorKey>,
    addresses: &[String],
    now_ms: u64,
) -> Result<Channel, DialError> {
    let places: Vec<Place> =
        addresses.iter().map(|address| Place { key, address: address.clone() }).collect();
    let dialler = Dialler::new(identity.clone(), Proxies::Direct);
    Ok(dialler.dial(party, &places, now_ms).await?.channel)
}

/// The secure handshake over a stream that is open already, whatever carries it.
pub async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    identity: &LinkIdentity,
    party: PartyId,
    key: Option<OperatorKey>,
    stream: S,
    now_ms: u64,
) -> Result<Secured<S>, DialError> {
    let config = Arc::new(client_config(identity, party, key, now_ms)?);
    let failed = |trouble| DialError::All(vec![Attempt { address: "the given stream".to_owned(), trouble }]);
    handshake(config, stream).await.map_err(failed)
}

/// A channel for the services' clients over a secured stream, and the key that its far end proved.
pub async fn channel<S>(stream: Secured<S>) -> Result<(Channel, OperatorKey), Trouble>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let proven = certificates.first().and_then(certificate::read).ok_or(Trouble::Inspected)?;
    let mut once = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: http::Uri| {
        // One connection a channel: a lost one is dialled again with all checks.
        let next = once.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected));
        std::future::ready(next)
    });
    let channel = endpoint().connect_with_connector(connector).await;
    Ok((channel.map_err(|e| Trouble::Handshake(e.to_string()))?, proven.key))
}

fn client_config(
    identity: &LinkIdentity,
    party: PartyId,
    key: Option<OperatorKey>,
    now_ms: u64,
) -> Result<ClientConfig, MakeError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = identity.certificate(now_ms)?;
    let expected = verifier::ExpectedHub { provider: Arc::clone(&provider), party, key };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(expected))
        .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certificate)));
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.enable_sni = false;
    // A resumed session would skip the verifier; every link is a full handshake.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

async fn handshake<S>(config: Arc<ClientConfig>, stream: S) -> Result<Secured<S>, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // The name is never sent nor looked up: hubs are known by their ids.
    let name = ServerName::try_from("peer.invalid").expect("a constant and valid name");
    let buffered = BufReader::with_capacity(limits::READ_BUFFER_BYTES, stream);
    let shaking = TlsConnector::from(config).connect(name, buffered);
    let shaken = tokio::time::timeout(limits::HANDSHAKE, shaking).await;
    shaken.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(|error| match error.kind() {
        std::io::ErrorKind::TimedOut => Trouble::Slow,
        _ => Trouble::of_handshake(error),
    })
}

fn endpoint() -> Endpoint {
    let origin = http::Uri::from_static("https://peer.invalid");
    Endpoint::from_static("http://peer.invalid")
        .origin(origin)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(limits::HEADER_LIST_BYTES_MAX)
        .http2_keep_alive_interval(limits::PING_AFTER)
        .keep_alive_timeout(limits::PING_ANSWER)
        .keep_alive_while_idle(true)
}
