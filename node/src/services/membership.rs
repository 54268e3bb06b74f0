//! How an organisation comes to a hub.

use std::sync::Arc;

use caphub_proto::v1::membership_service_server::MembershipService;
use caphub_proto::v1::{self, JoinRequest, JoinResponse, MembershipState, StatusRequest, StatusResponse};
use caphub_proto::wire::{Feed, Reason};
use tonic::{Request, Response, Status};

use crate::author::PublishError;
use crate::author::packed_run;
use crate::core::Core;
use crate::ingest::Origin;
use crate::membership::{Membership, MembershipError};
use crate::services::gate::SharedGate;
use crate::services::status::status;

/// Serves requests of one hub.
pub struct MembershipDesk {
    core: Core,
    gate: SharedGate,
    membership: Arc<Membership>,
}

impl MembershipDesk {
    /// Over the hub's book.
    pub fn new(core: Core, gate: SharedGate, membership: Arc<Membership>) -> Self {
        Self { core, gate, membership }
    }
}

/// What a membership error says over the wire.
pub fn membership_status(error: MembershipError) -> Status {
    match error {
        MembershipError::Publish(PublishError::Invalid { invalid, .. }) => {
            status(Reason::RecordInvalid, &invalid.to_string())
        }
        MembershipError::Refused(reason) => status(reason, ""),
        MembershipError::Changed => status(Reason::BadRequest, &error.to_string()),
        other => {
            tracing::error!(error = %other, "a membership decision could not be carried out");
            status(Reason::StoreFailed, &other.to_string())
        }
    }
}

#[tonic::async_trait]
impl MembershipService for MembershipDesk {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let mut asked = request.into_inner();
        let identity = packed_run(&Feed::identity(admitted.party), std::mem::take(&mut asked.identity));
        let runs: Vec<v1::Run> = vec![identity];
        let place = self.gate.push(admitted.party).await?;
        let bytes = runs.iter().map(|run| run.entries.len()).sum();
        let turn = self.gate.turn(admitted.party, admitted.standing, bytes).await;
        // Whom the operator invited is no stranger: strangers cannot use up the room for its identity.
        let origin = match self.membership.invites(&admitted.party, &asked) {
            true => Origin::Peer,
            false => Origin::Caller(admitted.party),
        };
        for taken in self.core.ingest.take(runs, origin).await {
            taken.result.map_err(|reason| status(reason, "the identity log"))?;
        }
        drop((turn, place));
        let state = self.membership.join(admitted.party, asked).await.map_err(membership_status)?;
        Ok(Response::new(JoinResponse { state: state.into() }))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let (state, reason, note) = self.membership.state(&admitted.party);
        let refused = state == MembershipState::Refused;
        let refusal = refused.then(|| self.membership.refusal(&admitted.party)).flatten();
        let (refusal_id, refusal) = refusal.map(|(id, run)| (id, Some(run))).unwrap_or_default();
        Ok(Response::new(StatusResponse { state: state.into(), reason, note, refusal_id, refusal }))
    }
}
