//! Engagements, funds and fellowships as the acts held here make them, and what is late in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act};
use caphub_proto::exchange::engagement::Engagement;
use caphub_proto::exchange::fellowship::Fellowships;
use caphub_proto::exchange::fund::Fund;
use caphub_proto::v1::{EngagementAct, Filter, FundAct, Record, RecordRef};
use caphub_proto::wire::{Audience, EntryHash, PartyId, RecordId};

use super::{Gone, gather};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::views::{PAGE_SIZE_MAX, PageRequest, ViewsError};

/// What can be late, in the words of `Overdue`: each is counted from the start, also while it is zero.
pub const KINDS: [&str; 6] = ["acknowledge", "deliver", "confirm", "answer", "pay_in", "receipt"];
/// How long a count holds: clocks are of days, and reading all acts takes a while.
const COUNT_HOLDS_MS: u64 = 60_000;

/// How long it holds at least while entries come in.
const COUNT_AGAIN_MS: u64 = 1_000;

/// How often each thing is late.
pub type Counts = BTreeMap<&'static str, u64>;

/// Every engagement that these acts make, with the id of its record.
pub fn engagements_of(core: &Core, acts: Vec<Act<EngagementAct>>) -> Vec<(RecordId, Engagement)> {
    made_of(core, acts, |act| &act.root, |root, acts, gone| Engagement::of(root, acts, &|seen| gone.is(seen)))
}

/// Every fund that these acts make, with the id of its record.
pub fn funds_of(core: &Core, acts: Vec<Act<FundAct>>) -> Vec<(RecordId, Fund)> {
    made_of(core, acts, |act| &act.root, |root, acts, gone| Fund::of(root, acts, &|seen| gone.is(seen)))
}

/// What acts make, root by root. What can never count of anybody's feeds is worked out once for each audience.
fn made_of<T, M>(
    core: &Core,
    acts: Vec<Act<T>>,
    root: impl Fn(&T) -> &Vec<u8>,
    make: impl Fn(&EntryHash, &[Act<T>], &Gone<'_>) -> Option<M>,
) -> Vec<(RecordId, M)> {
    let authors: BTreeSet<PartyId> = acts.iter().map(|act| act.author).collect();
    let mut gone = BTreeMap::new();
    let found = by_root(acts, root).into_iter().filter_map(|(root, acts)| {
        let (record, audience) = first(&root, &acts)?;
        let of_all = || Gone::new(core, authors.iter().copied(), audience);
        Some((record, make(&root, &acts, gone.entry(audience.encode()).or_insert_with(of_all))?))
    });
    found.collect()
}

/// What happened under each call that the viewer may read.
fn fellowships(core: &Core, viewer: &Viewer, now_ms: u64) -> Result<Vec<Fellowships>, ViewsError> {
    let filter = Filter { kinds: vec![RecordKind::Call.code().to_owned()], ..Filter::default() };
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = core.views.list(viewer, &filter, &PageRequest { size: PAGE_SIZE_MAX, token }, now_ms)?;
        for call in &page.records {
            found.extend(under(core, viewer, call)?);
        }
        if page.next_page_token.is_empty() {
            return Ok(found);
        }
        token = page.next_page_token;
    }
}

fn under(core: &Core, viewer: &Viewer, call: &Record) -> Result<Option<Fellowships>, ViewsError> {
    let about = RecordRef { party: call.party_id.clone(), record_id: call.record_id.clone() };
    let acts = acts::fellowships(&gather(core, viewer, RecordKind::Fellowship, Some(&about))?.acts);
    let named = PartyId::from_slice(&call.party_id).zip(Audience::decode(&call.audience));
    Ok(named.map(|(author, audience)| {
        let gone = Gone::new(core, acts.iter().map(|a| a.author), audience);
        Fellowships::of(author, audience, &acts, &|seen| gone.is(seen))
    }))
}

/// How many acts are late, by what is due, in all that is held here.
pub fn count(core: &Core, now_ms: u64) -> Result<Counts, ViewsError> {
    let viewer = Viewer::everything();
    let mut counts = none();
    let mut add = |what: &'static str| *counts.entry(what).or_default() += 1;
    let engaging = acts::engagements(&gather(core, &viewer, RecordKind::Engagement, None)?.acts);
    let engagements = engagements_of(core, engaging);
    engagements.iter().filter_map(|(_, e)| e.overdue(now_ms)).for_each(|o| add(o.what));
    for (_, fund) in funds_of(core, acts::funds(&gather(core, &viewer, RecordKind::Fund, None)?.acts)) {
        fund.overdue(now_ms).iter().for_each(|(_, o)| add(o.what));
    }
    for all in fellowships(core, &viewer, now_ms)? {
        all.overdue(now_ms).iter().for_each(|(_, o)| add(o.what));
    }
    Ok(counts)
}

fn none() -> Counts {
    KINDS.iter().map(|what| (*what, 0)).collect()
}

/// A count that is made anew when somebody asks and the last one is old.
#[derive(Debug, Default)]
pub struct Counted(Mutex<Option<(u64, u64, Counts)>>);

impl Counted {
    /// The count, at most a minute old; while the views cannot be read, nothing counts as late.
    pub fn now(&self, core: &Core, now_ms: u64) -> Counts {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = core.store.end();
        let holds = |of: u64| if of == end { COUNT_HOLDS_MS } else { COUNT_AGAIN_MS };
        let fresh = held.as_ref().filter(|(at, of, _)| now_ms.saturating_sub(*at) < holds(*of));
        if let Some((_, _, counts)) = fresh {
            return counts.clone();
        }
        match count(core, now_ms) {
            Ok(counts) => {
                *held = Some((now_ms, end, counts.clone()));
                counts
            }
            Err(error) => {
                tracing::warn!(%error, "what is late cannot be counted");
                none()
            }
        }
    }
}

/// Acts by the first act that each names, or is.
fn by_root<T>(acts: Vec<Act<T>>, root: impl Fn(&T) -> &Vec<u8>) -> BTreeMap<EntryHash, Vec<Act<T>>> {
    let mut sorted: BTreeMap<EntryHash, Vec<Act<T>>> = BTreeMap::new();
    for act in acts {
        let root = EntryHash::from_slice(root(&act.what)).unwrap_or(act.hash);
        sorted.entry(root).or_default().push(act);
    }
    sorted
}

fn first<T>(root: &EntryHash, acts: &[Act<T>]) -> Option<(RecordId, Audience)> {
    acts.iter().find(|a| a.hash == *root).map(|a| (a.record, a.audience))
}
