//! The way of an answer that is made piece by piece: what waits in it to be read counts against its caller.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Status};

use crate::link::{Held, Line};

/// The near end: pieces go in when there is room for them.
#[derive(Clone)]
pub struct Way<T> {
    line: Option<Arc<Line>>,
    sender: mpsc::Sender<Piece<T>>,
}

/// A piece, and the bytes that it counts for until it is taken out.
type Piece<T> = (Result<T, Status>, Option<Held>);

/// Room for one piece.
pub struct Room<'a, T> {
    permit: mpsc::Permit<'a, Piece<T>>,
    held: Option<Held>,
}

/// A way over the connection of a request, with room for so many pieces.
pub fn of<T, R>(
    request: &Request<R>,
    pieces: usize,
) -> (Way<T>, impl Stream<Item = Result<T, Status>> + use<T, R>) {
    let line = request.extensions().get::<Arc<Line>>().cloned();
    let (sender, receiver) = mpsc::channel(pieces);
    (Way { line, sender }, ReceiverStream::new(receiver).map(|(piece, _)| piece))
}

/// Counts bytes of an answer that is made at once, for as long as it is read; waits for room first.
pub async fn held<R>(request: &Request<R>, bytes: usize) -> Result<Option<Held>, Status> {
    match request.extensions().get::<Arc<Line>>() {
        None => Ok(None),
        Some(line) => Arc::clone(line).room(bytes as u64).await.map(Some),
    }
}

impl<T> Way<T> {
    /// Waits until a piece of so many bytes has room; `None` where nobody waits for it any more.
    pub async fn room(&self, bytes: usize) -> Option<Room<'_, T>> {
        let permit = self.sender.reserve().await.ok()?;
        let Some(line) = &self.line else { return Some(Room { permit, held: None }) };
        let held = tokio::select! {
            held = line.room(bytes as u64) => held,
            () = self.sender.closed() => return None,
        };
        match held {
            Ok(held) => Some(Room { permit, held: Some(held) }),
            Err(status) => {
                permit.send((Err(status), None));
                None
            }
        }
    }

    /// Ends when nobody waits for the answer any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl<T> Room<'_, T> {
    /// Fills the room.
    pub fn send(self, piece: Result<T, Status>) {
        self.permit.send((piece, self.held));
    }
}
