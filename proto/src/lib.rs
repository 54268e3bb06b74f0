//! The caphub protocol: what two organisations must agree on, and nothing that touches the world.
//!
//! `wire` has the exact bytes, `exchange` the records and their rules, `codes` the published lists. No I/O, no
//! clock and no randomness: they are arguments.

pub mod codes;
pub mod exchange;
pub mod mutation;
pub mod wire;

/// The schema, as compiled from `proto/caphub/v1`.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod v1 {
    tonic::include_proto!("caphub.v1");
}

/// The schema's descriptors, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/caphub.bin"));
