//! Checkpoints of other hubs: the last one of each, what others were given, and pairs that show two histories.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use caphub_proto::v1::CheckpointResponse;
use caphub_proto::wire::history::{Checkpoint, Hash, Histories, compare};
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{OperatorKey, PartyId};
use serde::{Deserialize, Serialize};

use crate::core::Core;
use crate::durable;

/// Hubs of which checkpoints are kept.
const HUBS_MAX: usize = 1_024;
/// Notes that others were given and that wait to be compared, a hub.
const HEARD_MAX: usize = 16;
/// Pairs kept, a hub.
const SHOWN_MAX: usize = 8;

/// Two notes of one log that are not one history, and what proves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The key that signed both, hexadecimal.
    pub node_key: String,
    /// One signed note.
    pub one: String,
    /// The other.
    pub other: String,
    /// The root that the larger tree has at the smaller size, hexadecimal.
    pub middle: String,
    /// What proves that, hexadecimal.
    pub path: Vec<String>,
}

/// What is kept of one hub's checkpoints.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kept {
    /// The key that signed the last one, hexadecimal.
    pub node_key: String,
    /// The last one that continued what came before.
    pub note: String,
    /// When it came.
    pub at_ms: u64,
    /// How often the hub began another log.
    pub other_logs: u32,
    /// Another log began without naming the last checkpoint of the one before.
    pub unnamed: bool,
    /// Since when the hub's proofs do not fit what it or others got before; 0 where they do.
    pub unproven_since_ms: u64,
    /// Shown by evidence.
    pub shown: Vec<Pair>,
}

/// A hub's answer about its checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    note: String,
    middle: Hash,
    path: Vec<Hash>,
}

impl From<CheckpointResponse> for Answer {
    fn from(answer: CheckpointResponse) -> Self {
        let middle = answer.old_root.try_into().unwrap_or_default();
        let path: Option<Vec<Hash>> = answer.consistency.into_iter().map(|h| h.try_into().ok()).collect();
        // A path that is none proves nothing, which is what follows from an empty one.
        Self { note: answer.note, middle, path: path.unwrap_or_default() }
    }
}

/// The file of checkpoints.
pub struct Notes {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    hubs: BTreeMap<String, Kept>,
    heard: BTreeMap<PartyId, Vec<(OperatorKey, String)>>,
}

/// The size that a note states.
pub fn size_of(note: &str, key: &OperatorKey) -> Option<u64> {
    Checkpoint::parse(note, key).ok().map(|c| c.size)
}

impl Pair {
    fn of(key: &OperatorKey, one: &str, other: &str, answer: &Answer) -> Self {
        Self {
            node_key: key.to_string(),
            one: one.to_owned(),
            other: other.to_owned(),
            middle: hex::encode(answer.middle),
            path: answer.path.iter().map(hex::encode).collect(),
        }
    }

    /// Judges the pair from its bytes alone; `None` where they are not two notes of the key that it names.
    pub fn judge(&self) -> Option<(Checkpoint, Checkpoint, Histories)> {
        let key: OperatorKey = self.node_key.parse().ok()?;
        let (one, other) =
            (Checkpoint::parse(&self.one, &key).ok()?, Checkpoint::parse(&self.other, &key).ok()?);
        let hash = |text: &String| hex::decode(text).ok().and_then(|b| Hash::try_from(b).ok());
        let middle = hash(&self.middle)?;
        let path: Vec<Hash> = self.path.iter().map(hash).collect::<Option<_>>()?;
        Some((one, other, compare(&one, &other, &middle, &path)))
    }
}

impl Notes {
    /// Opens the file in a folder.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join("checkpoints.json");
        let hubs = durable::read_json(&path)?;
        Ok(Self { path, inner: Mutex::new(Inner { hubs, heard: BTreeMap::new() }) })
    }

    /// What is kept of a hub.
    pub fn last(&self, hub: &PartyId) -> Option<Kept> {
        self.lock().hubs.get(&hub.to_string()).cloned()
    }

    /// Takes a hub's answer to the question with its last note.
    pub fn take(
        &self,
        core: &Core,
        hub: PartyId,
        key: OperatorKey,
        answer: &Answer,
        now_ms: u64,
    ) -> io::Result<()> {
        let Some(new) = authorised(core, hub, &key, &answer.note) else { return Ok(()) };
        let mut inner = self.lock();
        if inner.hubs.len() >= HUBS_MAX && !inner.hubs.contains_key(&hub.to_string()) {
            return Ok(());
        }
        let kept = inner.hubs.entry(hub.to_string()).or_default();
        let before = kept.node_key.parse().ok().and_then(|k| Checkpoint::parse(&kept.note, &k).ok());
        let keep = |kept: &mut Kept| {
            (kept.node_key, kept.note, kept.at_ms) = (key.to_string(), answer.note.clone(), now_ms);
        };
        let found = before.map(|before| (before, compare(&before, &new, &answer.middle, &answer.path)));
        match found {
            None => keep(kept),
            Some((before, Histories::Unrelated)) => {
                let named = new.restored.is_some_and(|r| r.log == before.log && r.size >= before.size);
                kept.other_logs += 1;
                kept.unnamed |= !named;
                kept.unproven_since_ms = 0;
                keep(kept);
            }
            Some((before, Histories::One)) => {
                if new.size >= before.size {
                    keep(kept);
                    kept.unproven_since_ms = 0;
                }
            }
            Some((_, Histories::Unproven)) => {
                if kept.unproven_since_ms == 0 {
                    kept.unproven_since_ms = now_ms;
                }
            }
            Some((_, Histories::Two)) => {
                let pair = Pair::of(&key, &kept.note, &answer.note, answer);
                kept.show(hub, pair);
            }
        }
        durable::replace_json(&self.path, &inner.hubs)
    }

    /// Takes the checkpoint of a hub that a third one was given; it waits until the hub itself is asked.
    pub fn hear(&self, core: &Core, hub: PartyId, key: OperatorKey, note: &str) {
        if authorised(core, hub, &key, note).is_none() {
            return;
        }
        let mut inner = self.lock();
        if inner.hubs.get(&hub.to_string()).is_some_and(|k| k.note == note) {
            return;
        }
        let heard = inner.heard.entry(hub).or_default();
        if heard.len() < HEARD_MAX && heard.iter().all(|(_, n)| n != note) {
            heard.push((key, note.to_owned()));
        }
    }

    /// The checkpoints of a hub that wait to be compared.
    pub fn heard(&self, hub: &PartyId) -> Vec<(OperatorKey, String)> {
        self.lock().heard.get(hub).cloned().unwrap_or_default()
    }

    /// Takes a hub's answer to the question with a note that a third one was given.
    pub fn settle(
        &self,
        core: &Core,
        hub: PartyId,
        heard: (OperatorKey, String),
        key: OperatorKey,
        answer: &Answer,
        now_ms: u64,
    ) -> io::Result<()> {
        let mut inner = self.lock();
        if let Some(list) = inner.heard.get_mut(&hub) {
            list.retain(|h| *h != heard);
        }
        let (Some(theirs), Some(new)) =
            (Checkpoint::parse(&heard.1, &heard.0).ok(), authorised(core, hub, &key, &answer.note))
        else {
            return Ok(());
        };
        let Some(kept) = inner.hubs.get_mut(&hub.to_string()).filter(|_| heard.0 == key) else {
            return Ok(());
        };
        match compare(&theirs, &new, &answer.middle, &answer.path) {
            Histories::Unrelated | Histories::One => return Ok(()),
            Histories::Unproven if kept.unproven_since_ms > 0 => return Ok(()),
            Histories::Unproven => kept.unproven_since_ms = now_ms,
            Histories::Two => {
                let pair = Pair::of(&key, &heard.1, &answer.note, answer);
                kept.show(hub, pair);
            }
        }
        durable::replace_json(&self.path, &inner.hubs)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn show(&mut self, hub: PartyId, pair: Pair) {
        let known = self.shown.iter().any(|p| p.one == pair.one && p.other == pair.other);
        if self.shown.len() < SHOWN_MAX && !known {
            tracing::warn!(%hub, "a hub signed two histories of one log");
            self.shown.push(pair);
        }
    }
}

/// The checkpoint of a note, where the hub lets the key run a node.
fn authorised(core: &Core, hub: PartyId, key: &OperatorKey, note: &str) -> Option<Checkpoint> {
    let state = core.identities.state(&hub)?;
    let operator = state.operators.get(key).filter(|o| o.revoked.is_none())?;
    operator.capabilities.holds(Capabilities::SERVE).then(|| Checkpoint::parse(note, key).ok())?
}
