//! The member's folder: who it is, where it syncs, what still waits for the network.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use caphub_node::core::KnownHubs;
use caphub_node::durable;
use caphub_node::keys::KeyRing;
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::{Card, Invitation};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The member's own file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Me {
    /// The organisation's id, as text.
    pub party: String,
    /// Its name.
    pub name: String,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
    /// A party-kind code.
    pub kind: String,
    /// The hubs that were joined, in that order.
    pub hubs: Vec<Joined>,
    /// The last sync, milliseconds since 1970 UTC.
    pub synced_ms: u64,
    /// Refusals that hubs gave, as they signed them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// A refusal that a hub gave this organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refused {
    /// The hub, as text.
    pub hub: String,
    /// The record that says so in public, hexadecimal; empty where the hub gave none.
    pub record: String,
    /// The reason's code.
    pub reason: String,
    /// The operator's words.
    pub note: String,
    /// The operator key that signed it, hexadecimal.
    pub key: String,
    /// The signed entry, hexadecimal.
    pub entry: String,
}

/// One hub of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Joined {
    /// The invitation or node card that was joined with, as signed.
    pub text: String,
    /// True once the hub has the request or the invitation's code.
    pub asked: bool,
    /// The last sync with it, milliseconds since 1970 UTC.
    pub synced_ms: u64,
}

/// The forms that the member's file has had: once there was one hub.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Written {
    party: String,
    name: String,
    country: String,
    kind: String,
    hubs: Vec<Joined>,
    synced_ms: u64,
    hub: String,
    others: Vec<String>,
    asked: bool,
    refused: Vec<Refused>,
}

impl From<Written> for Me {
    fn from(written: Written) -> Self {
        let Written { party, name, country, kind, mut hubs, synced_ms, hub, others, asked, refused } =
            written;
        let former = std::iter::once(hub).chain(others).filter(|text| !text.is_empty());
        hubs.extend(former.map(|text| Joined { text, asked, synced_ms }));
        Self { party, name, country, kind, hubs, synced_ms, refused }
    }
}

/// A folder that holds a member.
#[derive(Clone, Debug)]
pub struct Home {
    /// Where.
    pub directory: PathBuf,
}

impl Home {
    /// The folder given, of `CAPHUB_HOME`, or of this user.
    pub fn new(given: Option<PathBuf>) -> Self {
        let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let data =
            || std::env::var_os("XDG_DATA_HOME").map_or_else(|| home().join(".local/share"), PathBuf::from);
        Self { directory: given.unwrap_or_else(|| data().join("caphub").join("me")) }
    }

    fn path(&self) -> PathBuf {
        self.directory.join("me.json")
    }

    /// True where somebody has joined from here.
    pub fn is_joined(&self) -> bool {
        self.path().exists()
    }

    /// The member; fails where nobody has joined.
    pub fn load(&self) -> Result<Me, Failure> {
        if !self.is_joined() {
            return Err(Failure::nothing("error-not-joined").hint("hint-join"));
        }
        durable::read_json(&self.path()).map_err(|e| self.unreadable(&e))
    }

    /// Replaces the member's file.
    pub fn save(&self, me: &Me) -> Result<(), Failure> {
        durable::replace_json(&self.path(), me).map_err(|e| self.unreadable(&e))
    }

    /// The member's keys.
    pub fn keys(&self) -> KeyRing {
        KeyRing::new(self.directory.join("keys"))
    }

    /// What is remembered of one hub between two syncs.
    pub fn remembered(&self, hub: &PartyId) -> PathBuf {
        self.directory.join("hubs").join(format!("{hub}.json"))
    }

    /// Keeps which other hubs' admissions count at one of the member's hubs.
    pub fn know(&self, hub: &PartyId, others: &[PartyId]) -> Result<(), Failure> {
        let others: Vec<String> = others.iter().map(PartyId::to_string).collect();
        let path = self.known(hub);
        if durable::read_json::<Vec<String>>(&path).is_ok_and(|held| held == others) {
            return Ok(());
        }
        let failed = |e: std::io::Error| Failure::new("error-file").with("path", path.display()).because(e);
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
        durable::replace_json(&path, &others).map_err(failed)
    }

    /// The hubs that a member knows: those that it joined and those whose admissions count there.
    pub fn known_hubs(&self, me: &Me) -> KnownHubs {
        let joined: BTreeSet<PartyId> = me.cards().iter().map(|card| card.party).collect();
        let read = |hub: &PartyId| durable::read_json::<Vec<String>>(&self.known(hub)).unwrap_or_default();
        let stated = joined.iter().flat_map(read).filter_map(|text| text.parse().ok()).collect();
        KnownHubs { joined, stated }
    }

    fn known(&self, hub: &PartyId) -> PathBuf {
        self.directory.join("hubs").join(format!("{hub}.known.json"))
    }

    fn unreadable(&self, error: &std::io::Error) -> Failure {
        Failure::new("error-file").with("path", self.path().display()).because(error)
    }
}

impl Me {
    /// The organisation's id.
    pub fn party(&self) -> Result<PartyId, Failure> {
        self.party.parse().map_err(|e| Failure::new("error-me").because(e))
    }

    /// The cards of the hubs that were joined, in that order.
    pub fn cards(&self) -> Vec<Card> {
        self.hubs.iter().filter_map(Joined::card).collect()
    }
}

impl Joined {
    /// A hub that was joined with this text and knows it, or does not yet.
    pub fn new(text: String, asked: bool) -> Self {
        Self { text, asked, synced_ms: 0 }
    }

    /// How to reach it, as given.
    pub fn card(&self) -> Option<Card> {
        card_of(&self.text)
    }
}

/// The node card in a signed text, be it a card or an invitation.
pub fn card_of(text: &str) -> Option<Card> {
    Card::parse(text).ok().or_else(|| Invitation::parse(text).ok().map(|i| i.card))
}

/// Reads a file whole; `-` is stdin. A file over the bound is refused, not cut.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let whole = |source: &mut dyn Read| {
        let mut bytes = Vec::new();
        source.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map(|_| bytes)
    };
    let read = match path.to_str() {
        Some("-") => whole(&mut std::io::stdin()),
        _ => std::fs::File::open(path).and_then(|mut file| whole(&mut file)),
    };
    let bytes = read.map_err(|e| Failure::new("error-file").with("path", path.display()).because(e))?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => {
            Err(Failure::usage("error-file-large").with("path", path.display()).with("bytes", FILE_BYTES_MAX))
        }
        false => Ok(bytes),
    }
}

/// Largest file that is read at once, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_time_of_one_hub_is_read() {
        let former = r#"{"party":"p","name":"n","hub":"text","others":[],"asked":true,"synced_ms":7}"#;
        let me: Me = serde_json::from_str(former).expect("a member");
        assert_eq!(me.hubs, [Joined { text: "text".to_owned(), asked: true, synced_ms: 7 }]);
        let again: Me = serde_json::from_str(&serde_json::to_string(&me).expect("text")).expect("a member");
        assert_eq!((again.hubs, again.synced_ms), (me.hubs, 7));
    }
}
