//! Views against an in-memory log, with real signed entries.
#![allow(clippy::unwrap_used)]

mod audience;
mod erasure;
mod flood;
mod languages;
mod lists;
mod open;
mod renew;
mod revisions;
mod sealed;
mod tables;
mod world;
