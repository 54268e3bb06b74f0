//! Carry files for a node's operator, over the Unix socket of its machine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caphub_proto::v1::carry_service_server::CarryService;
use caphub_proto::v1::{CarryInRequest, CarryInResponse, CarryOutRequest, CarryOutResponse, CarryProgress};
use caphub_proto::wire::Reason;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::carry::{self, Bearer, CarryError, Give, Progress, Take};
use crate::node::Node;
use crate::services::federation::party_of;
use crate::services::status::{DOMAIN, status};

/// Time between two words about how far it is.
const TELL: Duration = Duration::from_millis(200);
/// Words that wait for a slow reader.
const WAITING_MAX: usize = 4;

/// Carries in the name of one node.
pub struct Carry(pub Arc<Node>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl CarryService for Carry {
    type CarryOutStream = Answers<CarryOutResponse>;

    async fn carry_out(
        &self,
        request: Request<CarryOutRequest>,
    ) -> Result<Response<Self::CarryOutStream>, Status> {
        let asked = request.into_inner();
        let party = match asked.party_id.is_empty() {
            true => None,
            false => Some(party_of(&asked.party_id)?),
        };
        let (folder, dry_run) = (absolute(asked.folder)?, asked.dry_run);
        let artifacts = asked.artifacts;
        let give = Give { folder, party, file_bytes: asked.file_bytes, artifacts, dry_run };
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let bearer = self.bearer();
        tokio::task::spawn_blocking(move || {
            let tell = |progress| CarryOutResponse { progress: Some(progress), report: None };
            let report = carry::give(&bearer, &give, &mut teller(&sender, tell));
            let report = report.map(|r| CarryOutResponse { progress: None, report: Some(r) });
            let _ = sender.blocking_send(report.map_err(|e| carry_status(&e)));
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    type CarryInStream = Answers<CarryInResponse>;

    async fn carry_in(
        &self,
        request: Request<CarryInRequest>,
    ) -> Result<Response<Self::CarryInStream>, Status> {
        let asked = request.into_inner();
        let take = Take { folder: absolute(asked.folder)?, dry_run: asked.dry_run };
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let bearer = self.bearer();
        tokio::task::spawn_blocking(move || {
            let tell = |progress| CarryInResponse { progress: Some(progress), report: None };
            let report = carry::take(&bearer, &take, &mut teller(&sender, tell));
            let report = report.map(|r| CarryInResponse { progress: None, report: Some(r) });
            let _ = sender.blocking_send(report.map_err(|e| carry_status(&e)));
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

impl Carry {
    fn bearer(&self) -> Bearer {
        Bearer::of_node(&self.0)
    }
}

/// Tells how far it is, not more often than people read; ends the work where nobody listens any more.
fn teller<T>(
    sender: &mpsc::Sender<Result<T, Status>>,
    tell: impl Fn(CarryProgress) -> T + Send,
) -> impl FnMut(Progress) -> bool + Send
where
    T: Send,
{
    let mut told = Instant::now();
    move |Progress { entries, bytes, expected }| {
        if told.elapsed() >= TELL {
            told = Instant::now();
            // A full channel means that the reader is slow, and needs no more words.
            let _ = sender.try_send(Ok(tell(CarryProgress { entries, bytes, expected })));
        }
        !sender.is_closed()
    }
}

fn absolute(folder: String) -> Result<PathBuf, Status> {
    let folder = PathBuf::from(folder);
    match folder.is_absolute() {
        true => Ok(folder),
        false => Err(status(Reason::BadRequest, "the folder is named from the root")),
    }
}

/// The error's own words; programs get a reason where there is one.
fn carry_status(error: &CarryError) -> Status {
    let (code, reason) = match error {
        CarryError::Nothing(_) => (Code::NotFound, Reason::NotFound),
        CarryError::Store(_)
        | CarryError::Views(_)
        | CarryError::Files(_)
        | CarryError::OwnStore
        | CarryError::Random(_) => (Code::Internal, Reason::StoreFailed),
        _ => (Code::FailedPrecondition, Reason::BadRequest),
    };
    let details = ErrorDetails::with_error_info(reason.code(), DOMAIN, HashMap::new());
    Status::with_error_details(code, error.to_string(), details)
}
