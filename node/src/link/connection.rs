//! One connection from its handshake to its end: identity after accept, bounds by standing, and an end when it is revoked,
//! gives way to others, or hardly reads while others wait.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::wire::PartyId;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::link::answers::{Answer, Answers};
use crate::link::crowd::{self, Prefix, Standing};
use crate::link::quiet::Quiet;
use crate::link::server::{Caller, Door, Router};
use crate::link::turnstile::Turnstile;
use crate::link::{certificate, limits};
use crate::metrics::LinkCounts;

/// What one connection needs, whoever calls.
pub(super) struct Connection {
    pub(super) acceptor: TlsAcceptor,
    pub(super) http: Arc<Http>,
    pub(super) turnstile: Turnstile,
    pub(super) door: Arc<dyn Door>,
    pub(super) parties: Arc<PerParty>,
    pub(super) answers: Arc<Answers>,
    pub(super) counts: LinkCounts,
    pub(super) quiet: Arc<Quiet>,
    pub(super) address: SocketAddr,
    pub(super) place: crowd::Place,
}

impl Connection {
    /// Counts a caller that is turned away; with the number of lines left out, where one may be written.
    fn turned_away(&self, kind: &'static str) -> Option<u64> {
        self.counts.turn_away(kind);
        self.quiet.left_out(kind)
    }

    /// Serves the connection to its end.
    pub(super) async fn run<S, Io>(self, stream: Io, router: S, stop: CancellationToken)
    where
        S: Router,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let _open = self.counts.enter();
        let Some(stream) = self.handshake(stream).await else { return };
        // The identity comes from the finished session, not from the verifier.
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let address = self.address;
        let Some(binding) = certificates.first().and_then(certificate::read) else {
            if let Some(others) = self.turned_away("no_identity") {
                tracing::info!(%address, others, "a caller without an identity");
            }
            return;
        };
        let caller = Caller { binding, address };
        let Some(_place) = self.parties.enter(caller.binding.party) else {
            if let Some(others) = self.turned_away("too_many_of_one_party") {
                let party = caller.binding.party;
                tracing::info!(%address, %party, others, "too many connections of one party");
            }
            return;
        };
        self.serve(stream, &caller, router, stop).await;
    }

    async fn handshake<Io: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: Io,
    ) -> Option<TlsStream<BufReader<Io>>> {
        let address = self.address;
        let buffered = BufReader::with_capacity(limits::READ_BUFFER_BYTES, stream);
        let handshake =
            tokio::time::timeout(limits::HANDSHAKE, self.turnstile.pass(self.acceptor.accept(buffered)));
        let ended = tokio::select! {
            ended = handshake => ended,
            () = self.place.given_up() => {
                if let Some(others) = self.turned_away("gave_way") {
                    tracing::info!(%address, others, "a caller that had not proven who it is gave way to others");
                }
                return None;
            }
        };
        match ended {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => {
                if let Some(others) = self.turned_away("handshake_failed") {
                    tracing::info!(%address, %error, others, "a handshake failed");
                }
            }
            Err(_) => {
                if let Some(others) = self.turned_away("handshake_slow") {
                    tracing::info!(%address, others, "a handshake took too long");
                }
            }
        }
        None
    }

    async fn serve<S, Io>(
        &self,
        stream: TlsStream<BufReader<Io>>,
        caller: &Caller,
        router: S,
        stop: CancellationToken,
    ) where
        S: Router,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (address, party) = (caller.address, caller.binding.party);
        // Before anything that may change it is looked up. A key that was revoked before is no reason to end here: its
        // calls are told so, each with the reason.
        let mut changes = self.door.changes();
        let known = self.door.knows(caller);
        self.place.proven(if known { Standing::Known } else { Standing::Stranger });
        let line = self.answers.line(Prefix::of(address.ip()), party, known);
        let (identified, of) = (caller.clone(), Arc::clone(&line));
        let service = tower::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(identified.clone());
            request.extensions_mut().insert(Arc::clone(&of));
            let (router, line) = (router.clone(), Arc::clone(&of));
            async move {
                let mut call = match line.enter().await {
                    Ok(call) => call,
                    Err(status) => return Ok(status.into_http().map(|body| Answer::new(body, line, None))),
                };
                let answered = router.oneshot(request.map(tonic::body::Body::new)).await?;
                call.shrink(limits::STREAM_BYTES);
                Ok::<_, S::Error>(answered.map(|body| Answer::new(body, line, Some(call))))
            }
        });
        let http = if known { &self.http.known } else { &self.http.strangers };
        let serving = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::pin!(serving);
        let kind = loop {
            tokio::select! {
                _ = serving.as_mut() => return,
                () = stop.cancelled() => return,
                () = self.place.given_up() => break "gave_way",
                () = line.given_up() => {
                    // Its calls end with the reason, as far as it takes even that.
                    let _ = tokio::time::timeout(limits::FAREWELL, serving.as_mut()).await;
                    break "not_read";
                }
                changed = changes.changed() => {
                    if changed.is_err() || !self.door.may_stay(caller) {
                        break "key_not_valid";
                    }
                    // A stranger may have become a member meanwhile.
                    if self.door.knows(caller) {
                        self.place.proven(Standing::Known);
                        line.is_known();
                    }
                }
            }
        };
        // Dropping the connection ends its open streams too.
        if let Some(others) = self.turned_away(kind) {
            tracing::info!(%address, %party, kind, others, "a connection was ended");
        }
    }
}

/// HTTP/2 by standing.
pub(super) struct Http {
    known: auto::Builder<TokioExecutor>,
    strangers: auto::Builder<TokioExecutor>,
}

impl Http {
    /// Every HTTP/2 limit, set here and nowhere else.
    pub(super) fn limited() -> Self {
        let mut known = auto::Builder::new(TokioExecutor::new()).http2_only();
        known
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::STREAMS_MAX)
            .max_pending_accept_reset_streams(limits::RESETS_MAX)
            .max_local_error_reset_streams(limits::RESETS_MAX)
            .max_frame_size(limits::FRAME_BYTES_MAX)
            .max_header_list_size(limits::HEADER_LIST_BYTES_MAX)
            .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(limits::SEND_BUFFER_BYTES)
            .keep_alive_interval(limits::PING_AFTER)
            .keep_alive_timeout(limits::PING_ANSWER);
        let mut strangers = known.clone();
        strangers
            .http2()
            .max_concurrent_streams(limits::STRANGER_STREAMS_MAX)
            .max_frame_size(limits::STRANGER_FRAME_BYTES_MAX)
            .initial_stream_window_size(limits::STRANGER_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::STRANGER_CONNECTION_WINDOW_BYTES);
        Self { known, strangers }
    }
}

/// Counts the connections of each party.
#[derive(Default)]
pub(super) struct PerParty(Mutex<HashMap<PartyId, usize>>);

/// One of a party's connections; it is free again when this is dropped.
struct Place {
    counts: Arc<PerParty>,
    party: PartyId,
}

impl PerParty {
    fn enter(self: &Arc<Self>, party: PartyId) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(party).or_default();
        if *count >= limits::CONNECTIONS_PER_PARTY {
            return None;
        }
        *count += 1;
        Some(Place { counts: Arc::clone(self), party })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.party);
            }
        }
    }
}
