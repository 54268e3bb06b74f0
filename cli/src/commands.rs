//! One module a command.

pub mod compose;
pub mod demo;
pub mod export;
pub mod hub;
pub mod import;
pub mod join;
pub mod key;
pub mod offers;
pub mod org;
pub mod records;
pub mod search;
pub mod status;
pub mod sync;
pub mod verify;

use std::path::PathBuf;

use caphub_node::link::LinkIdentity;
use caphub_node::sync::Session;
use caphub_proto::wire::card::Card;

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
    /// Sentences.
    pub texts: Texts,
    /// Print data as JSON.
    pub json: bool,
}

impl Context {
    /// Talk, on stderr.
    pub fn say(&self, key: &str, values: &[(&str, &str)]) {
        eprintln!("{}", self.texts.tf(key, values));
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

/// A connection to the first hub that answers, in the order of the cards.
pub async fn connect(
    identity: &LinkIdentity,
    cards: &[Card],
) -> Result<(Card, Session, tonic::transport::Channel), Failure> {
    let mut last = None;
    for card in cards {
        let now = caphub_node::author::now_ms();
        match caphub_node::link::dial(identity, card.party, Some(card.node_key), &card.addresses, now).await {
            Ok(channel) => {
                let session = Session::new(channel.clone(), card.party, Some(card.node_key));
                return Ok((card.clone(), session, channel));
            }
            Err(error) => last = Some((card.name.clone(), error)),
        }
    }
    Err(match last {
        Some((hub, error)) => {
            Failure::new("error-no-hub").with("hub", hub).because(error).hint("hint-offline").offline()
        }
        None => Failure::new("error-no-card").hint("hint-join"),
    })
}
