//! The identity logs that this node holds, in memory; rebuilt from the store at start.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::{Applied, IdentityLog, State};
use caphub_proto::wire::{PartyId, Reason};
use tokio::sync::watch;

/// Most parties whose identity is held; bounds memory to about 2 KiB each.
pub const IDENTITIES_MAX: usize = 200_000;

/// Every identity log, and a signal for those who act on a change.
#[derive(Debug)]
pub struct Identities {
    logs: RwLock<HashMap<PartyId, IdentityLog>>,
    changed: watch::Sender<u64>,
}

/// What a run of identity events did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judged {
    /// Nothing new.
    Known,
    /// The last `fresh` events follow what was held.
    Appended {
        /// How many, at the end of the run.
        fresh: usize,
    },
    /// Events from this place on replace others.
    Replaced {
        /// How many events of the run are new, at its end.
        fresh: usize,
    },
}

impl Default for Identities {
    fn default() -> Self {
        Self { logs: RwLock::default(), changed: watch::channel(0).0 }
    }
}

impl Identities {
    /// The keys of a party now; `None` where its log is not held.
    pub fn state(&self, party: &PartyId) -> Option<Arc<State>> {
        self.read().get(party).and_then(|log| log.state().cloned())
    }

    /// True where two events of the party claim one place and neither gives way.
    pub fn conflicted(&self, party: &PartyId) -> bool {
        self.read().get(party).is_some_and(IdentityLog::conflicted)
    }

    /// How many parties are known.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// True where none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rises with every change of any log.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Judges a packed run of identity events without keeping the result: `(what it did, the log after)`.
    pub fn judge(&self, party: PartyId, packed: &[u8]) -> Result<(Judged, IdentityLog), Reason> {
        let held = self.read().get(&party).cloned();
        if held.is_none() && self.len() >= IDENTITIES_MAX {
            return Err(Reason::Quota);
        }
        let mut log = held.unwrap_or_else(|| IdentityLog::new(party));
        let (mut fresh, mut replaced) = (0, false);
        for entry in unpack(packed)? {
            match log.apply(entry) {
                Ok(Applied::Known) => {}
                Ok(Applied::Appended) => fresh += 1,
                Ok(Applied::Replaced { .. }) => {
                    (fresh, replaced) = (1, true);
                }
                Err(reason) => {
                    self.mark_conflict(party, &log, reason);
                    return Err(reason);
                }
            }
        }
        let judged = match (fresh, replaced) {
            (0, _) => Judged::Known,
            (fresh, true) => Judged::Replaced { fresh },
            (fresh, false) => Judged::Appended { fresh },
        };
        Ok((judged, log))
    }

    /// Puts a log in force, once its entries are durable.
    pub fn keep(&self, log: IdentityLog) {
        self.logs.write().unwrap_or_else(PoisonError::into_inner).insert(log.party(), log);
        self.changed.send_modify(|n| *n += 1);
    }

    fn mark_conflict(&self, party: PartyId, judged: &IdentityLog, reason: Reason) {
        let mut logs = self.logs.write().unwrap_or_else(PoisonError::into_inner);
        if reason == Reason::IdentityConflict
            && judged.conflicted()
            && let Some(held) = logs.get_mut(&party)
            && held.head() == judged.head()
        {
            *held = judged.clone();
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<PartyId, IdentityLog>> {
        // A writer that panicked left whole logs behind: each insert replaces one value.
        self.logs.read().unwrap_or_else(PoisonError::into_inner)
    }
}
