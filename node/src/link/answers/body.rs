//! An answer on its way: each of its frames is counted until HTTP/2 has let go of it.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use hyper::body::{Body, Frame, SizeHint};
use tonic::Status;

use super::{Held, Line, not_read};

/// The body of an answer.
pub(in crate::link) struct Answer {
    body: tonic::body::Body,
    line: Arc<Line>,
    /// What the call itself costs, until it ends.
    _call: Option<Held>,
    room: Option<BoxFuture<'static, ()>>,
    leave: BoxFuture<'static, ()>,
    ended: bool,
}

/// Bytes that are given back when they have left, or the stream is dropped.
pub(in crate::link) struct Counted {
    bytes: Bytes,
    held: Option<Held>,
}

impl Answer {
    /// An answer over this line.
    pub(in crate::link) fn new(body: tonic::body::Body, line: Arc<Line>, call: Option<Held>) -> Self {
        let leave = Box::pin(line.leave.clone().cancelled_owned());
        Self { body, line, _call: call, room: None, leave, ended: false }
    }

    /// Ready when no more waits to be read than may.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.room.is_none() && !self.line.has_room() {
            let line = Arc::clone(&self.line);
            self.room = Some(Box::pin(async move { line.within().await }));
        }
        if let Some(room) = &mut self.room {
            std::task::ready!(room.as_mut().poll(context));
            self.room = None;
        }
        Poll::Ready(())
    }
}

impl Body for Answer {
    type Data = Counted;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Counted>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.leave.as_mut().poll(context).is_ready() {
            // The last that is said: streams that still have a window learn why.
            self.ended = true;
            let mut trailers = http::HeaderMap::new();
            not_read().add_header(&mut trailers)?;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        std::task::ready!(self.poll_room(context));
        let polled = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let line = &self.line;
        Poll::Ready(polled.map(|frame| Ok(frame?.map_data(|bytes| Counted::new(bytes, line)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Counted {
    fn new(bytes: Bytes, line: &Arc<Line>) -> Self {
        let held = Some(line.hold(bytes.len() as u64));
        Self { bytes, held }
    }
}

impl Buf for Counted {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, parts: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(parts)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(held) = &self.held {
            held.line.left.fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
        }
        if self.bytes.is_empty() {
            // HTTP/2 may keep the empty frame for a while.
            self.held = None;
        }
    }
}
