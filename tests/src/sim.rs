//! A deterministic simulator: thousands of nodes in one thread, over virtual time, from one seed.
//!
//! A node here runs the rules of `caphub-proto` and the pure parts of `caphub-node`; its store, clock, disk and
//! network are simulated. What is true is kept apart, in `oracle`, and compared at every step and at the end.

pub mod author;
pub mod build;
pub mod carry;
pub mod cast;
pub mod conduct;
pub mod dial;
pub mod disk;
pub mod door;
pub mod histories;
pub mod message;
pub mod network;
pub mod node;
pub mod onward;
pub mod oracle;
pub mod parties;
pub mod queue;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod serve;
pub mod settle;
pub mod store;
pub mod strike;
pub mod topology;
pub mod world;
pub mod write;
