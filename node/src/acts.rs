//! Acts of several parties as this store holds them, for the rules of `proto`.

use std::collections::BTreeMap;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::Seen;
use caphub_proto::v1::{Filter, Record, RecordRef};
use caphub_proto::wire::identity::state::Counted;
use caphub_proto::wire::{Audience, Feed, FeedId, PartyId, RecordId, Seq};

use crate::author::now_ms;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::views::{PAGE_SIZE_MAX, PageRequest, ViewsError};

/// Most acts of one question; as many again as are put in order, so that a flood cannot hide what counts.
const ACTS_READ_MAX: usize = 20_000;

/// Every act of a kind that the viewer may read, void ones too; of those that name a record, where one is given.
/// Two acts under one record id are both among them.
pub fn gather(
    core: &Core,
    viewer: &Viewer,
    kind: RecordKind,
    about: Option<&RecordRef>,
) -> Result<Vec<Record>, ViewsError> {
    let filter = Filter {
        kinds: vec![kind.code().to_owned()],
        about: about.cloned(),
        void_acts: true,
        ..Filter::default()
    };
    let (mut acts, mut token) = (Vec::new(), String::new());
    loop {
        let page = PageRequest { size: PAGE_SIZE_MAX, token };
        let page = core.views.list(viewer, &filter, &page, now_ms())?;
        for record in page.records {
            match record.revisions {
                0 | 1 => acts.push(record),
                _ => acts.extend(all_of(core, viewer, &record)?),
            }
        }
        if page.next_page_token.is_empty() || acts.len() >= ACTS_READ_MAX {
            return Ok(acts);
        }
        token = page.next_page_token;
    }
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
