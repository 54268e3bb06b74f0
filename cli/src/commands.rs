//! One module a command.

pub mod acting;
pub mod allocate;
pub mod artifact;
pub mod asked;
pub mod audit;
pub mod barrier;
pub mod carry;
pub mod closed;
pub mod compose;
pub mod confirmed;
pub mod covered;
pub mod demo;
pub mod engage;
pub mod engaged;
pub mod erasures;
pub mod export;
pub mod fellowship;
pub mod fund;
pub mod hub;
pub mod hubs;
pub mod import;
pub mod join;
pub mod key;
pub mod matches;
pub mod money;
pub mod offers;
pub mod org;
pub mod reach;
pub mod records;
pub mod refused;
pub mod report;
pub mod sealing;
pub mod search;
pub mod signing;
pub mod statements;
pub mod status;
pub mod sync;
pub mod table;
pub mod technique;
pub mod threads;
pub mod verify;
pub mod vocabulary;
pub mod world;

use std::path::PathBuf;

use caphub_node::link::Proxies;

use crate::failure::Failure;
use crate::home::Home;
use crate::replica::Replica;
use crate::texts::Texts;

/// What every command gets.
pub struct Context {
    /// The member's folder.
    pub home: Home,
    /// The hub's folder, for operators.
    pub hub_dir: PathBuf,
    /// How hubs are reached.
    pub proxies: Proxies,
    /// The hub's folder was named: the command is meant for the hub.
    pub hub_given: bool,
    /// Sentences.
    pub texts: Texts,
    /// Print data as JSON.
    pub json: bool,
}

impl Context {
    /// Talk, on stderr.
    pub fn say(&self, key: &str, values: &[(&str, &str)]) {
        eprintln!("{}", caphub_node::texts::columns::all_folded(&self.texts.tf(key, values)));
    }

    /// Opens the replica; views and store are read on this thread.
    pub fn replica(&self) -> Result<Replica, Failure> {
        Replica::open(&self.home)
    }

    /// The question for the passphrase.
    pub fn passphrase_question(&self) -> String {
        self.texts.t("ask-passphrase")
    }
}
