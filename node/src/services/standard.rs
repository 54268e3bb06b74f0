//! Health and reflection, as common tools ask for them, to those whom the gate lets in.

use std::sync::Arc;

use caphub_proto::v1::artifact_service_server::{ArtifactServiceServer, SERVICE_NAME as ARTIFACT};
use caphub_proto::v1::exchange_service_server::{ExchangeServiceServer, SERVICE_NAME as EXCHANGE};
use caphub_proto::v1::federation_service_server::{FederationServiceServer, SERVICE_NAME as FEDERATION};
use caphub_proto::v1::membership_service_server::{MembershipServiceServer, SERVICE_NAME as MEMBERSHIP};
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};
use tonic_reflection::server::Builder;

use crate::services::artifacts::Artifacts;
use crate::services::exchange::Exchange;
use crate::services::federation::Federation;
use crate::services::gate::Gate;
use crate::services::membership::MembershipDesk;

/// The services of a link that reflection tells of; those of the operator's socket are not among them.
const SERVED: [&str; 5] = [FEDERATION, EXCHANGE, MEMBERSHIP, ARTIFACT, "grpc.health.v1.Health"];

/// Adds both to a node's services. Reflection is served in its two versions: many tools speak the older one alone.
pub async fn add(routes: Routes, gate: &Arc<Gate>) -> Routes {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<FederationServiceServer<Federation>>().await;
    health.set_serving::<ExchangeServiceServer<Exchange>>().await;
    health.set_serving::<MembershipServiceServer<MembershipDesk>>().await;
    health.set_serving::<ArtifactServiceServer<Artifacts>>().await;
    let gated = || {
        let gate = Arc::clone(gate);
        move |request: Request<()>| -> Result<Request<()>, Status> {
            gate.admit(&request)?;
            Ok(request)
        }
    };
    let mut routes = routes.add_service(InterceptedService::new(health_service, gated()));
    match described().build_v1() {
        Ok(service) => routes = routes.add_service(InterceptedService::new(service, gated())),
        Err(error) => tracing::error!(%error, "reflection is not served"),
    }
    match described().build_v1alpha() {
        Ok(service) => routes = routes.add_service(InterceptedService::new(service, gated())),
        Err(error) => tracing::error!(%error, "reflection is not served to older tools"),
    }
    routes
}

fn described() -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(caphub_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    SERVED.into_iter().fold(builder, Builder::with_service_name)
}
