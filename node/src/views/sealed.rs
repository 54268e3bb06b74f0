//! Sealed entries in the views of who can open them: grants open more of them, and threads are read past the index.

use std::collections::HashMap;
use std::sync::PoisonError;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::seal::is_sealed;
use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{FeedId, PartyId, Seq};

use super::follow::Writing;
use super::held::Held;
use super::key::RecordKey;
use super::{Inner, ViewsError};

impl Inner {
    /// Which of the sealed bodies that a withdrawal of a party names are still to be erased. Who opens one of a kind that
    /// others rely on keeps it; carriers cannot tell, and erase all.
    pub(super) fn sealed_due(
        &self,
        owner: &PartyId,
        named: &[(FeedId, u64)],
    ) -> Result<Vec<(FeedId, u64)>, ViewsError> {
        let mut due = Vec::new();
        for (id, seq) in named {
            let placed = self.log.placed_entry(id, *seq).map_err(ViewsError::Log)?;
            let Some((_, feed, packed)) = placed.filter(|(_, f, _)| f.party == *owner && is_sealed(f)) else {
                continue;
            };
            let entries = unpack(&packed).map_err(|r| ViewsError::Log(r.to_string()))?;
            let Some(body) = entries.first().and_then(|e| e.body) else { continue };
            let opened = Seq::new(*seq).and_then(|seq| self.opener.open(&feed.id(), seq, body));
            let record = opened.and_then(Result::ok).and_then(|r| r.record);
            if record.is_none_or(|r| RecordKind::of(&r).erasable()) {
                due.push((*id, *seq));
            }
        }
        Ok(due)
    }

    /// Remembers what a grant of the own party opens.
    pub(super) fn note_grant(&self, held: &Held) {
        if let Some(Kind::ThreadGrant(grant)) = &held.revision.record {
            let fresh = self.opener.grant(&held.party(), grant);
            self.granted.lock().unwrap_or_else(PoisonError::into_inner).extend(fresh);
        }
    }

    /// Takes in entries that were passed over before a grant opened them.
    pub(super) fn take_granted(&self, writing: &mut Writing) -> Result<(), ViewsError> {
        let granted = std::mem::take(&mut *self.granted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut touched: HashMap<RecordKey, Vec<Held>> = HashMap::new();
        for (feed, seq) in granted {
            let placed = self.log.placed_entry(&feed, seq).map_err(ViewsError::Log)?;
            // What comes after the position is taken in with the log.
            let Some((ordinal, feed, packed)) = placed.filter(|(o, ..)| *o < writing.read) else { continue };
            let entries = unpack(&packed).map_err(|r| ViewsError::Log(r.to_string()))?;
            let held = entries.first().and_then(|e| Held::read(ordinal, feed, e, &self.opener));
            if let Some(held) = held {
                touched.entry(held.key()).or_default().push(held);
            }
        }
        let searcher = self.opened().reader.searcher();
        for (key, fresh) in touched {
            let former = match writing.since.places.get(&key) {
                Some(place) => place.clone(),
                None => self.find(&searcher, &key)?,
            };
            let known = |h: &Held| former.as_ref().is_some_and(|f| f.ordinals.contains(&h.ordinal));
            if !fresh.iter().all(known) {
                let outcome = self.judge_record(key, former, fresh)?;
                self.write(writing, outcome)?;
            }
        }
        Ok(())
    }
}
