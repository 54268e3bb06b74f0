//! Acts of several parties as this store holds them, for the rules of `proto`.

pub mod late;
mod share;

use std::collections::BTreeMap;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::Seen;
use caphub_proto::v1::{Filter, Record, RecordRef};
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::{Audience, Feed, FeedId, PartyId, RecordId, Seq};

use crate::author::now_ms;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::views::ViewsError;

use share::Shares;

/// What is held of the acts of one question.
pub struct Gathered {
    /// The newest author time first.
    pub acts: Vec<Record>,
    /// Parties with more acts than are read of one: what comes later in their feeds is not among them.
    pub cut: Vec<PartyId>,
}

/// Every act of a kind that the viewer may read, void ones too; of those that name a record, where one is given.
/// Two acts under one record id are both among them. Each party has a share of its own.
pub fn gather(
    core: &Core,
    viewer: &Viewer,
    kind: RecordKind,
    about: Option<&RecordRef>,
) -> Result<Gathered, ViewsError> {
    let filter = Filter {
        kinds: vec![kind.code().to_owned()],
        about: about.cloned(),
        void_acts: true,
        ..Filter::default()
    };
    let mut shares = Shares::new(share::ACTS_MAX, share::BYTES_MAX);
    core.views.each_act(viewer, &filter, now_ms(), &mut |act| shares.take(act))?;
    let (acts, cut) = shares.end();
    Ok(Gathered { acts, cut })
}

/// Every act under one record id.
pub fn all_of(core: &Core, viewer: &Viewer, record: &Record) -> Result<Vec<Record>, ViewsError> {
    let key = PartyId::from_slice(&record.party_id).zip(RecordId::from_slice(&record.record_id));
    let Some((party, id)) = key else { return Ok(Vec::new()) };
    core.views.history(viewer, &party, &id, now_ms())
}

/// How far the feeds of some parties count for an audience, and what stands in them: tells of an entry that is not held
/// as an act whether it never will be.
pub struct Gone<'a> {
    core: &'a Core,
    cuts: BTreeMap<FeedId, u64>,
}

impl<'a> Gone<'a> {
    /// Reads the identity logs of these parties.
    pub fn new(core: &'a Core, parties: impl IntoIterator<Item = PartyId>, audience: Audience) -> Self {
        let mut cuts = BTreeMap::new();
        for party in parties {
            let Some(state) = core.identities.state(&party) else { continue };
            for key in state.operators.keys() {
                let id = Feed::records(party, *key, audience).id();
                if let Some(Counted::UpTo { seq, .. }) = state.counted(key, &id) {
                    cuts.insert(id, seq);
                }
            }
        }
        Self { core, cuts }
    }

    /// True where the entry can never count: beyond a revocation or a fork, or another one counts in its place.
    pub fn is(&self, seen: &Seen) -> bool {
        if self.cuts.get(&seen.feed).is_some_and(|last| seen.seq > *last) {
            return true;
        }
        // A revocation decides between the branches of a fork; until then nothing beyond the last common entry counts.
        let frozen = self.core.forks.freeze(&seen.feed).filter(|_| !self.cuts.contains_key(&seen.feed));
        if frozen.is_some_and(|common| seen.seq > common.seq) {
            return true;
        }
        let held = Seq::new(seen.seq).and_then(|seq| self.core.store.hash(&seen.feed, seq).ok().flatten());
        held.is_some_and(|hash| hash != seen.hash)
    }
}
