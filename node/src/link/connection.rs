//! One connection from its handshake to its end: identity after accept, bounds by standing, and an end when it is revoked,
//! gives way, says nothing or does not read.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::wire::{PartyId, Reason};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::link::calls::{Answer, Calls, Line};
use crate::link::crowd::{self, Standing};
use crate::link::pace::Paced;
use crate::link::quiet::Quiet;
use crate::link::server::{Caller, Door, Router};
use crate::link::{certificate, limits};
use crate::metrics::LinkCounts;
use crate::services::status::status;

/// What one connection needs, whoever calls.
pub(super) struct Connection {
    pub(super) acceptor: TlsAcceptor,
    pub(super) http: Arc<Http>,
    pub(super) door: Arc<dyn Door>,
    pub(super) parties: Arc<PerParty>,
    pub(super) calls: Arc<Calls>,
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
        let line = self.calls.line(self.address.ip());
        let Some(stream) = self.handshake(Paced::new(stream, Arc::clone(&line))).await else { return };
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
        self.serve(stream, &caller, line, router, stop).await;
    }

    async fn handshake<Io: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: Paced<Io>,
    ) -> Option<TlsStream<BufReader<Paced<Io>>>> {
        let address = self.address;
        let buffered = BufReader::with_capacity(limits::READ_BUFFER_BYTES, stream);
        let handshake = tokio::time::timeout(limits::HANDSHAKE, self.acceptor.accept(buffered));
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
        stream: TlsStream<BufReader<Paced<Io>>>,
        caller: &Caller,
        line: Arc<Line>,
        router: S,
        stop: CancellationToken,
    ) where
        S: Router,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (address, party) = (caller.address, caller.binding.party);
        // Before anything that may change it is looked up.
        let mut changes = self.door.changes();
        if !self.door.may_stay(caller) {
            if let Some(others) = self.turned_away("key_not_valid") {
                tracing::info!(%address, others, "a caller whose key is not valid any more");
            }
            return;
        }
        let known = self.door.knows(caller);
        self.place.proven(if known { Standing::Known } else { Standing::Stranger });
        line.proven(party, known);
        let (identified, calls, of) = (caller.clone(), Arc::clone(&self.calls), Arc::clone(&line));
        let service = tower::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(identified.clone());
            let (router, calls, of) = (router.clone(), Arc::clone(&calls), Arc::clone(&of));
            async move {
                let Some(call) = calls.enter(&of).await else {
                    let busy = status(Reason::TooManyRequests, "as many calls are being answered as may be");
                    return Ok(busy.into_http().map(Answer::refused));
                };
                let answered = router.oneshot(request.map(tonic::body::Body::new)).await?;
                Ok::<_, S::Error>(answered.map(|body| Answer::new(body, call)))
            }
        });
        let http = if known { &self.http.known } else { &self.http.strangers };
        let serving = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::pin!(serving);
        let mut look = tokio::time::interval(limits::LOOK);
        loop {
            let kind = tokio::select! {
                _ = serving.as_mut() => return,
                () = stop.cancelled() => return,
                () = self.place.given_up() => "gave_way",
                () = line.given_up() => "not_read",
                _ = look.tick() => match line.is_idle() {
                    true => "idle",
                    false => continue,
                },
                changed = changes.changed() => {
                    // A stranger may have become a member meanwhile.
                    if changed.is_ok() && self.door.may_stay(caller) {
                        if self.door.knows(caller) {
                            self.place.proven(Standing::Known);
                            line.proven(party, true);
                        }
                        continue;
                    }
                    "key_not_valid"
                }
            };
            // Dropping the connection ends its open streams too.
            if let Some(others) = self.turned_away(kind) {
                tracing::info!(%address, %party, kind, others, "a connection was ended");
            }
            return;
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
