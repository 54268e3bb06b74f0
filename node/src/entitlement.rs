//! Who may read what: the rule is the protocol's, so that nodes, replicas and the simulator share it.

pub use caphub_proto::wire::entitlement::{Class, Scope, Viewer};
