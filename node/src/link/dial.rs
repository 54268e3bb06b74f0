//! Opening a link: to one expected hub, by an address, without names.

use std::sync::Arc;

use caphub_proto::wire::{OperatorKey, PartyId};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::link::certificate::{CertificateError as MakeError, LinkIdentity};
use crate::link::{limits, verifier};

/// Why no address of a hub led to it.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The card names no address.
    #[error("the node card of this hub names no address")]
    NoAddress,
    /// Nothing answers there, or the way is blocked.
    #[error("{address} does not answer: {source}")]
    Unreachable {
        /// host:port.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something answers with a certificate that no hub made.
    #[error("{address} is not a hub: the certificate is somebody else's, as behind an inspecting proxy")]
    NotAHub {
        /// host:port.
        address: String,
    },
    /// A hub answers, but another one, or with another node's key.
    #[error("{address} is another hub than the expected one")]
    OtherHub {
        /// host:port.
        address: String,
    },
    /// TLS failed in another way.
    #[error("{address} does not complete the secure handshake: {detail}")]
    Handshake {
        /// host:port.
        address: String,
        /// The TLS library's words.
        detail: String,
    },
    /// This side's certificate.
    #[error(transparent)]
    Certificate(#[from] MakeError),
}

/// Tries the addresses in turn and returns a channel to the expected hub.
pub async fn dial(
    identity: &LinkIdentity,
    party: PartyId,
    key: Option<OperatorKey>,
    addresses: &[String],
    now_ms: u64,
) -> Result<Channel, DialError> {
    let config = Arc::new(client_config(identity, party, key, now_ms)?);
    let mut last = DialError::NoAddress;
    for address in addresses {
        match dial_one(Arc::clone(&config), address).await {
            Ok(channel) => return Ok(channel),
            Err(error) => last = error,
        }
    }
    Err(last)
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

async fn dial_one(config: Arc<ClientConfig>, address: &str) -> Result<Channel, DialError> {
    let unreachable = |source| DialError::Unreachable { address: address.to_owned(), source };
    let timed_out = || unreachable(std::io::Error::from(std::io::ErrorKind::TimedOut));
    let connecting = tokio::time::timeout(limits::CONNECT, TcpStream::connect(address));
    let tcp = connecting.await.map_err(|_| timed_out())?.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    // The name is never sent nor looked up: hubs are known by their ids.
    let name = ServerName::try_from("peer.invalid").expect("a constant and valid name");
    let buffered = BufReader::with_capacity(limits::READ_BUFFER_BYTES, tcp);
    let handshake = TlsConnector::from(config).connect(name, buffered);
    let stream = tokio::time::timeout(limits::HANDSHAKE, handshake)
        .await
        .map_err(|_| timed_out())?
        .map_err(|e| explain(address, e))?;
    let mut once = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: http::Uri| {
        // One connection a channel: a lost one is dialled again with all checks.
        let next = once.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected));
        std::future::ready(next)
    });
    let endpoint = endpoint();
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|e| DialError::Handshake { address: address.to_owned(), detail: e.to_string() })
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

fn explain(address: &str, error: std::io::Error) -> DialError {
    let address = address.to_owned();
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            DialError::NotAHub { address }
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForName)) => {
            DialError::OtherHub { address }
        }
        Some(other) => DialError::Handshake { address, detail: other.to_string() },
        None => DialError::Unreachable { address, source: error },
    }
}
