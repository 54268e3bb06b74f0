//! The loopback port: `/metrics`, `/ready`, `/live`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::metrics::counts::LinkCounts;
use crate::metrics::gather;
use crate::node::Node;
use crate::store::Trouble;

/// Callers at once: a monitor and a person.
const CALLERS_MAX: usize = 8;
/// How long one connection may last.
const CALL: Duration = Duration::from_secs(10);
/// Entries that views may be behind while the node is called ready.
const LAG_MAX: u64 = 10_000;
/// As the OpenMetrics standard names its text.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// Not an address.
    #[error("metrics: \"{0}\" is no address: write 127.0.0.1:7431")]
    Address(String),
    /// Others could read it.
    #[error("metrics: {0} can be reached from other machines: write 127.0.0.1:{port} and let the monitor's agent read it", port = .0.port())]
    NotLoopback(SocketAddr),
    /// The system refused.
    #[error("metrics: cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// Opens the port; `None` where the configuration names none.
///
/// # Errors
///
/// The address is none, is not of this machine alone, or is taken.
pub async fn listen(address: &str) -> Result<Option<TcpListener>, MetricsError> {
    if address.is_empty() || address == "none" {
        return Ok(None);
    }
    let parsed: SocketAddr = address.parse().map_err(|_| MetricsError::Address(address.to_owned()))?;
    if !parsed.ip().is_loopback() {
        return Err(MetricsError::NotLoopback(parsed));
    }
    let listener = TcpListener::bind(parsed).await.map_err(|e| MetricsError::Listen(parsed, e))?;
    Ok(Some(listener))
}

/// Answers until `stop`.
pub async fn serve(listener: TcpListener, node: Arc<Node>, links: LinkCounts, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CALLERS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (Ok((stream, _)), Ok(place)) = (accepted, Arc::clone(&places).try_acquire_owned()) else {
            // Out of files, or too many callers: none is worth the node's own work.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (node, links) = (Arc::clone(&node), links.clone());
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let (node, links) = (Arc::clone(&node), links.clone());
                async move { Ok::<_, Infallible>(answer(&request, node, links).await) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).keep_alive(false).max_headers(32);
            let serving = http.serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(CALL, serving).await;
            drop(place);
        });
    }
}

async fn answer(request: &Request<Incoming>, node: Arc<Node>, links: LinkCounts) -> Response<String> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n".to_owned());
    }
    match request.uri().path() {
        // Counting what is late reads all acts: not on a network thread.
        "/metrics" => match tokio::task::spawn_blocking(move || gather(&node, &links)).await {
            Ok(Ok(text)) => {
                let mut response = Response::new(text);
                response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
                response
            }
            Ok(Err(error)) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        "/live" => plain(StatusCode::OK, "live\n".to_owned()),
        "/ready" => match unready(&node) {
            None => plain(StatusCode::OK, "ready\n".to_owned()),
            Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        _ => plain(StatusCode::NOT_FOUND, "here are /metrics, /ready and /live\n".to_owned()),
    }
}

/// Why the node should get no work now.
fn unready(node: &Node) -> Option<String> {
    match node.core.store.trouble() {
        Some(Trouble::Failed) => {
            return Some("the disk failed: nothing is taken until the next start".to_owned());
        }
        Some(Trouble::Full) => {
            return Some("the disk is full: nothing is taken until there is room".to_owned());
        }
        None => {}
    }
    let behind = node.core.views.behind();
    (behind > LAG_MAX).then(|| format!("search and lists are {behind} entries behind"))
}

fn plain(status: StatusCode, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response
}
