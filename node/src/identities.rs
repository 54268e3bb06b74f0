//! The identity logs that this node holds, in memory; rebuilt from the store at start.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::identity::{Applied, IdentityLog, State};
use caphub_proto::wire::{Head, PartyId, Reason};
use tokio::sync::watch;

/// Most parties whose identity is held; bounds memory to about 2 KiB each.
pub const IDENTITIES_MAX: usize = 200_000;

/// Most of them whose party nobody here or elsewhere has admitted: strangers leave room for members and linked hubs.
pub const STRANGERS_MAX: usize = IDENTITIES_MAX / 4;
/// Most events of an identity log that a stranger brings: enough to change keys many times.
pub const STRANGER_EVENTS_MAX: u64 = 64;
/// Bytes of an identity log that a stranger brings: as many usual events.
pub const STRANGER_BYTES_MAX: u64 = 32 * 1024;
/// Bytes of all strangers' identity logs: they stay in the store for good.
pub const STRANGERS_BYTES_MAX: u64 = 64 * 1024 * 1024;

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

    /// Every party that is known.
    pub fn parties(&self) -> Vec<PartyId> {
        self.read().keys().copied().collect()
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
                // Out of order: the events that are new would not be the last of the run.
                Ok(Applied::Known) if fresh > 0 => return Err(Reason::Gap),
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

    /// Takes in what the own store holds of a party: judged when it was stored, so only what changed since is
    /// looked for, by the hash of the last event. False where it is not what was stored.
    pub fn restore(&self, party: PartyId, packed: &[u8], head: Head) -> bool {
        let mut log = IdentityLog::new(party);
        let Ok(entries) = unpack(packed) else { return false };
        let whole = entries.into_iter().all(|entry| log.restore(entry).is_ok()) && log.head() == Some(head);
        if whole {
            self.keep(log);
        }
        whole
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

#[cfg(test)]
mod tests {
    use caphub_proto::wire::Signer;
    use caphub_proto::wire::identity::author::authorise;
    use caphub_proto::wire::identity::{Capabilities, Founding, IdentityAuthor, NO_END};

    use super::*;

    #[test]
    fn events_in_the_wrong_order_are_not_taken_as_the_last_of_their_run() {
        let [root, next, recovery, key] = [1, 2, 3, 4].map(|n| Signer::from_seed(&[n; 32]));
        let founding = Founding { party_kind: 1, root: &root, next: &next, recovery: &recovery };
        let party = founding.party([0; 16]);
        let mut author = IdentityAuthor { party, head: None };
        let first = author.append(&founding.event(), &[(0, &root)], [0; 16], 1).expect("an event");
        let event = authorise(party, &key, Capabilities::DESK, NO_END, [0; 32], "key");
        let second = author.append(&event, &[(0, &root)], [0; 16], 1).expect("an event");
        let known = Identities::default();
        known.keep(known.judge(party, &first).expect("a sound log").1);
        let judged = |packed: &[&[u8]]| known.judge(party, &packed.concat()).map(|(judged, _)| judged);
        assert_eq!(judged(&[&second, &first]), Err(Reason::Gap));
        assert_eq!(judged(&[&first, &second]), Ok(Judged::Appended { fresh: 1 }));
    }

    #[test]
    fn a_stored_log_is_restored_only_as_it_was_stored() {
        let [root, next, recovery] = [1, 2, 3].map(|n| Signer::from_seed(&[n; 32]));
        let founding = Founding { party_kind: 1, root: &root, next: &next, recovery: &recovery };
        let party = founding.party([0; 16]);
        let mut author = IdentityAuthor { party, head: None };
        let packed = author.append(&founding.event(), &[(0, &root)], [0; 16], 1).expect("an event");
        let known = Identities::default();
        let head = known.judge(party, &packed).expect("a sound log").1.head().expect("a head");
        assert!(known.restore(party, &packed, head) && known.state(&party).is_some());
        // Every byte counts: header and body through their hashes, the signature through the entry's.
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 1;
            assert!(!Identities::default().restore(party, &damaged, head), "byte {at}");
        }
    }
}
