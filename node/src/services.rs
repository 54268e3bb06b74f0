//! The gRPC services: they translate and delegate, and hold no rules.

pub mod admin;
pub mod artifacts;
pub mod carry;
pub mod evidence;
pub mod exchange;
pub mod federation;
pub mod gate;
pub mod membership;
mod newest;
pub mod pull;
pub mod standard;
pub mod status;
pub mod turns;
pub mod way;

#[cfg(test)]
mod tests;
