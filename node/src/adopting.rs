//! A member's organisation gets a hub of its own: the same identity, a node key that its root key authorises, and
//! its history, taken over through the one door. The member's folder stays as it is and may go on as a desk.

use std::path::{Path, PathBuf};

use caphub_proto::v1::Run;
use caphub_proto::wire::entry::SignError;
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{Capabilities, IdentityAuthor, NO_END};
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::{Feed, FeedId, PartyId, Reason, Seq, Signer};
use serde::Deserialize;

use crate::author::{now_ms, packed_run};
use crate::carriage::Quotas;
use crate::core::{Core, OpenError};
use crate::durable;
use crate::hub::{Hub, HubError};
use crate::ingest::Origin;
use crate::keys::{KeyError, KeyName, KeyRing, fresh, random};
use crate::store::StoreError;

/// What is read of a member's own file.
#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    /// The organisation's id.
    #[serde(deserialize_with = "party")]
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// ISO 3166-1 alpha-2, or empty.
    #[serde(default)]
    pub country: String,
    /// A party-kind code.
    #[serde(default)]
    pub kind: String,
}

fn party<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<PartyId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A hub could not be made of a member's folder. What was begun goes on at the next try.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The member's own file.
    #[error("{path} holds no member: {source}")]
    NoMember {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The folder has no root key, as that of a further desk.
    #[error("{0} holds no root key: use the folder in which the organisation was made, or recover it first")]
    NoRoot(PathBuf),
    /// The root key in the folder stands behind the organisation no more.
    #[error("the root key in {0} was replaced: use the folder in which it was rotated")]
    OldRoot(PathBuf),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// One of the two stores could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// One of the two stores could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Signing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The hub's files.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// An entry of the history was refused.
    #[error("feed {feed}: {}", .reason.meaning())]
    Refused {
        /// Which feed.
        feed: FeedId,
        /// Why.
        reason: Reason,
    },
}

impl Member {
    /// Reads the member of a folder.
    pub fn load(folder: &Path) -> Result<Self, AdoptError> {
        let path = folder.join("me.json");
        let failed = |source| AdoptError::NoMember { path: path.clone(), source };
        let bytes = std::fs::read(&path).map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|e| failed(e.into()))
    }
}

/// Makes `hub` of the member's folder in `directory`; returns how many entries of its history were taken over.
///
/// The order: node key on disk, its authorisation in the member's own store, the history in the hub's store, the
/// hub's file last. After a crash the next try finds what is done and does the rest.
pub async fn adopt(
    directory: &Path,
    folder: &Path,
    member: &Member,
    mut hub: Hub,
    passphrase: Option<&str>,
) -> Result<(Hub, u64), AdoptError> {
    if Hub::path(directory).exists() {
        return Err(HubError::Exists(directory.to_owned()).into());
    }
    hub.party = member.party;
    hub.card_record = hex::encode(random::<16>()?);
    let theirs = KeyRing::new(folder.join("keys"));
    if !theirs.has(KeyName::Root) {
        return Err(AdoptError::NoRoot(folder.to_owned()));
    }
    let root = theirs.read(KeyName::Root, passphrase)?;
    let ours = hub.keys(directory);
    let operator = match ours.has(KeyName::Operator) {
        true => ours.read(KeyName::Operator, None)?,
        false => {
            let operator = fresh()?;
            ours.write(KeyName::Operator, &operator, None)?;
            operator
        }
    };
    let from = open(folder, member.party, true).await?;
    authorised(&from, folder, &root, &operator).await?;
    let to = open(directory, member.party, false).await?;
    let taken = take_over(&from, &to).await?;
    let path = Hub::path(directory);
    durable::replace_json(&path, &hub).map_err(|source| HubError::File { path, source })?;
    Ok((hub, taken))
}

async fn open(directory: &Path, party: PartyId, everything: bool) -> Result<Core, AdoptError> {
    let directory = directory.to_owned();
    let opened =
        tokio::task::spawn_blocking(move || Core::open(&directory, party, everything, Quotas::default()));
    let failed = |_| StoreError::from(std::io::Error::other("opening the store was interrupted"));
    Ok(opened.await.map_err(failed)??)
}

async fn authorised(core: &Core, folder: &Path, root: &Signer, operator: &Signer) -> Result<(), AdoptError> {
    let feed = Feed::identity(core.party);
    let refused = |reason| AdoptError::Refused { feed: feed.id(), reason };
    let state = core.identities.state(&core.party).ok_or_else(|| refused(Reason::UnknownParty))?;
    if state.operators.contains_key(&operator.public()) {
        return Ok(());
    }
    let index = state.root.keys.iter().position(|k| *k == root.public().0);
    let index = index.and_then(|i| u8::try_from(i).ok()).ok_or(AdoptError::OldRoot(folder.to_owned()))?;
    let capabilities = Capabilities::DESK.and(Capabilities::SERVE);
    let event = authorise(core.party, operator, capabilities, NO_END, [0; 32], "node");
    let head = core.store.head(&feed.id()).map(|h| h.head);
    let mut author = IdentityAuthor { party: core.party, head };
    let packed = author.append(&event, &[(index, root)], random()?, now_ms())?;
    take(core, vec![packed_run(&feed, packed)], Origin::Own).await.map(drop)
}

/// Every feed of the party, its identity first.
async fn take_over(from: &Core, to: &Core) -> Result<u64, AdoptError> {
    let mut heads = from.store.heads();
    heads.retain(|h| h.feed.party == from.party);
    heads.sort_by_key(|h| !h.feed.is_identity());
    let mut taken = 0;
    for head in heads {
        let mut next = Some(Seq::FIRST);
        while let Some(first) = next.filter(|n| *n <= head.head.seq) {
            let runs = from.store.read_feed(&head.feed.id(), first, BATCH_BYTES)?;
            next = runs.last().and_then(|r| Seq::new(r.first.value() + u64::from(r.count)));
            let runs = runs.into_iter().map(|r| packed_run(&r.feed, r.packed.to_vec())).collect();
            taken += take(to, runs, Origin::Peer).await?;
        }
    }
    Ok(taken)
}

async fn take(core: &Core, runs: Vec<Run>, origin: Origin) -> Result<u64, AdoptError> {
    let mut stored = 0;
    for taken in core.ingest.take(runs, origin).await {
        let feed = taken.feed;
        stored += taken.result.map_err(|reason| AdoptError::Refused { feed, reason })?.stored;
    }
    Ok(stored)
}
