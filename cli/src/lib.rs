//! The `caphub` command: an offline-first replica, signing and sync.

pub mod app;
pub mod arguments;
pub mod commands;
pub mod failure;
pub mod home;
pub mod interchange;
pub mod replica;
pub mod screen;
pub mod texts;
