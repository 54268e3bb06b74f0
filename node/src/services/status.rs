//! One place that turns a reason into a gRPC status with google.rpc.ErrorInfo.

use std::collections::HashMap;

use caphub_proto::wire::Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of this project's reasons.
pub const DOMAIN: &str = "caphub";

/// A status with its reason and what it is about.
pub fn status(reason: Reason, about: &str) -> Status {
    with_metadata(reason, about, HashMap::new())
}

/// The same with figures for programs.
pub fn with_metadata(reason: Reason, about: &str, metadata: HashMap<String, String>) -> Status {
    let message = match about.is_empty() {
        true => reason.meaning().to_owned(),
        false => format!("{}: {about}", reason.meaning()),
    };
    let details = ErrorDetails::with_error_info(reason.code(), DOMAIN, metadata);
    Status::with_error_details(code(reason), message, details)
}

/// The reason code of a status, where it carries one.
pub fn reason_of(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

fn code(reason: Reason) -> Code {
    match reason {
        Reason::NotFound => Code::NotFound,
        Reason::NotEntitled
        | Reason::NotPeer
        | Reason::Capability
        | Reason::NotOwner
        | Reason::NotCarried => Code::PermissionDenied,
        Reason::IdentityUnverified | Reason::Revoked | Reason::KeyEnded | Reason::ClockOff => {
            Code::Unauthenticated
        }
        Reason::Quota | Reason::QuotaBytes | Reason::NoRoom | Reason::TooManyRequests => {
            Code::ResourceExhausted
        }
        Reason::StoreFailed => Code::Internal,
        Reason::ShuttingDown => Code::Unavailable,
        Reason::UnknownPosition => Code::OutOfRange,
        Reason::InvitationUsed | Reason::UnknownVersion => Code::FailedPrecondition,
        _ => Code::InvalidArgument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_its_reason_for_programs() {
        let status = status(Reason::Quota, "guests");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason_of(&status).as_deref(), Some("quota"));
        assert!(status.message().ends_with(": guests"));
    }
}
