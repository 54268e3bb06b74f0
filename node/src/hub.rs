//! Who a node's hub is: a small file beside its store, and the records that say so in public.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{LocalisedText, NodeCard, PartyProfile, Revision};
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, PartyId, RecordId};
use serde::{Deserialize, Serialize};

use crate::author::{Author, PublishError, now_ms};
use crate::durable;
use crate::entitlement::Viewer;
use crate::founding::{Founded, FoundingError, NewParty, found};
use crate::keys::{KeyError, KeyName, KeyRing};
use crate::node::Node;

/// The mark of an `init` that has not ended.
const FOUNDING: &str = "founding";

/// The hub's own file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// The hub's id.
    #[serde(with = "party_text")]
    pub party: PartyId,
    /// Its name, for people.
    pub name: String,
    /// UN M49 codes of the regions that it serves.
    pub regions: Vec<String>,
    /// ISO 3166-1 alpha-2 where the hub is a state's, or empty.
    pub country: String,
    /// A party-kind code.
    pub kind: String,
    /// BCP 47 tags.
    pub languages: Vec<String>,
    /// The record of the node's own card.
    pub card_record: String,
}

mod party_text {
    use caphub_proto::wire::PartyId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(party: &PartyId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(party)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PartyId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The hub's files do not allow what was asked.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Nothing was made here yet.
    #[error("there is no hub in {0}; make one with: caphub-node init \"NAME\" --region CODE")]
    None(PathBuf),
    /// Keys and records of one lie here, and not its own file.
    #[error(
        "{0} holds keys or records of a hub, and no hub.json: put that file back, or all of it from a backup (caphub-node restore); nothing was changed"
    )]
    Headless(PathBuf),
    /// One is there already.
    #[error("there is a hub in {0} already; nothing was changed")]
    Exists(PathBuf),
    /// The hub's file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Founding failed.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// Its first records.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Random bytes.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Hub {
    /// The hub's own file in a folder.
    pub fn path(directory: &Path) -> PathBuf {
        directory.join("hub.json")
    }

    /// Reads the hub of a folder.
    pub fn load(directory: &Path) -> Result<Self, HubError> {
        let path = Self::path(directory);
        if !path.exists() {
            let nothing = if Self::is_headless(directory) { HubError::Headless } else { HubError::None };
            return Err(nothing(directory.to_owned()));
        }
        let failed = |source| HubError::File { path: path.clone(), source };
        let bytes = std::fs::read(&path).map_err(failed)?;
        let hub = serde_json::from_slice(&bytes).map_err(|e| failed(e.into()))?;
        // A hub that is ready is no half of one, whenever the power went.
        let _ = std::fs::remove_file(directory.join(FOUNDING));
        Ok(hub)
    }

    /// True where what lies here was a hub and lost its own file: making another would write over its keys. What an
    /// interrupted `init` left is none.
    fn is_headless(directory: &Path) -> bool {
        let keys = KeyRing::new(directory.join("keys"));
        let any = [KeyName::Root, KeyName::Operator].into_iter().any(|name| keys.has(name));
        (any || directory.join("store").exists()) && !directory.join(FOUNDING).exists()
    }

    /// Makes a hub: keys, identity, profile. Returns the recovery key for the sheet.
    pub async fn init(directory: &Path, mut hub: Hub, party_kind: u8) -> Result<(Self, String), HubError> {
        let path = Self::path(directory);
        if path.exists() {
            return Err(HubError::Exists(directory.to_owned()));
        }
        if Self::is_headless(directory) {
            return Err(HubError::Headless(directory.to_owned()));
        }
        // The mark first and gone last: what lies here with it was shown to nobody, and may be made anew.
        let (mark, made) = (directory.join(FOUNDING), std::fs::create_dir_all(directory));
        let marked = made.and_then(|()| durable::replace(&mark, b""));
        marked.map_err(|source| HubError::File { path: mark.clone(), source })?;
        let capabilities = Capabilities::DESK.and(Capabilities::SERVE);
        let new = NewParty { party_kind, capabilities, label: "node", passphrase: None };
        let founded = found(directory, &new, false, crate::carriage::Quotas::default()).await?;
        let Founded { party, recovery, core } = founded;
        hub.party = party;
        hub.card_record = hex::encode(crate::keys::random::<16>()?);
        let signer = hub.keys(directory).read(KeyName::Operator, None)?;
        let author = Author::new(party, signer);
        let language = hub.languages.first().cloned().unwrap_or_else(|| "en".to_owned());
        let name = LocalisedText { language, text: hub.name.clone(), translations: Vec::new() };
        let profile = PartyProfile {
            name: Some(name),
            kind: hub.kind.clone(),
            country: hub.country.clone(),
            regions: hub.regions.clone(),
            languages: hub.languages.clone(),
            ..PartyProfile::default()
        };
        let profile = Author::first(Record::Profile(profile))?;
        author.publish(&core, Audience::Public, &[profile]).await?;
        // The hub's file comes last: without it the folder is not a hub, and init can run again.
        let failed = |source| HubError::File { path: path.clone(), source };
        durable::replace_json(&path, &hub).map_err(failed)?;
        std::fs::remove_file(&mark).map_err(failed)?;
        Ok((hub, recovery))
    }

    /// The hub's keys, which are nobody else's to read.
    pub fn keys(&self, directory: &Path) -> KeyRing {
        KeyRing::new(directory.join("keys")).private()
    }

    /// Publishes the node's card where it differs from the last one.
    pub async fn announce(&self, node: &Arc<Node>) -> Result<(), HubError> {
        let card = node.card();
        let stated = NodeCard {
            node_key: card.node_key.as_bytes().to_vec(),
            addresses: card.addresses,
            languages: card.languages,
            name: card.name,
            regions: self.regions.clone(),
        };
        let Some(record) = self.card_record.parse::<RecordId>().ok() else { return Ok(()) };
        let own = Viewer {
            parties: vec![self.party],
            hubs: vec![self.party],
            network: true,
            all: false,
            opened: false,
        };
        let held = node.core.views.get(&own, &self.party, &record, now_ms()).ok().flatten();
        let mut revision = Revision {
            record_id: record.to_vec(),
            number: 1,
            record: Some(Record::NodeCard(stated)),
            ..Revision::default()
        };
        if let Some(held) = held {
            let before = held.revision.unwrap_or_default();
            if before.record == revision.record {
                return Ok(());
            }
            revision.number = before.number + 1;
            revision.parents = vec![held.entry_hash];
        }
        node.author.publish(&node.core, Audience::Public, &[revision]).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn named(name: &str) -> Hub {
        Hub {
            party: PartyId::default(),
            name: name.to_owned(),
            regions: Vec::new(),
            country: String::new(),
            kind: "regional_body".to_owned(),
            languages: vec!["en".to_owned()],
            card_record: String::new(),
        }
    }

    #[tokio::test]
    async fn a_hub_that_lost_its_file_keeps_its_keys_and_one_that_was_never_ready_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("hub");
        let (first, _) = Hub::init(&at, named("First"), 2).await.unwrap();
        let root = std::fs::read(first.keys(&at).path(KeyName::Root)).unwrap();
        let file = std::fs::read(Hub::path(&at)).unwrap();
        std::fs::remove_file(Hub::path(&at)).unwrap();
        let refused = Hub::init(&at, named("Second"), 2).await;
        assert!(matches!(refused, Err(HubError::Headless(_))), "{refused:?}");
        assert!(matches!(Hub::load(&at), Err(HubError::Headless(_))));
        assert_eq!(std::fs::read(first.keys(&at).path(KeyName::Root)).unwrap(), root);
        std::fs::write(Hub::path(&at), file).unwrap();
        assert_eq!(Hub::load(&at).unwrap().party, first.party);
        // As a power cut in the middle of an init leaves it.
        std::fs::remove_file(Hub::path(&at)).unwrap();
        std::fs::write(at.join(FOUNDING), b"").unwrap();
        let (second, _) = Hub::init(&at, named("Second"), 2).await.unwrap();
        assert_ne!(second.party, first.party);
        assert!(!at.join(FOUNDING).exists());
    }
}
