//! The caphub node: store, ingest, views, sync, links and services.
//!
//! The `caphub` command uses the same core for its replica.

pub mod acts;
pub mod addresses;
pub mod admissions;
pub mod adopting;
pub mod arenas;
pub mod artifacts;
pub mod audit;
pub mod author;
pub mod carriage;
pub mod carry;
pub mod config;
pub mod core;
mod cores;
pub mod descriptors;
pub mod durable;
pub mod entitlement;
pub mod erasing;
pub mod explain;
pub mod forks;
pub mod founding;
pub mod heads;
pub mod hub;
pub mod identities;
pub mod ingest;
pub mod keys;
pub mod link;
pub mod membership;
pub mod metrics;
pub mod node;
pub mod opening;
pub mod peers;
pub mod refusals;
pub mod sealing;
pub mod server;
pub mod services;
pub mod shown;
pub mod standing;
pub mod store;
pub mod supervised;
pub mod sync;
pub mod texts;
pub mod upkeep;
mod verdicts;
pub mod views;
