//! The serving side: one request in, one answer out, nothing remembered between them.

use crate::v1;
use crate::wire::entitlement::{Class, Viewer};
use crate::wire::feed::Feed;
use crate::wire::reason::Reason;
use crate::wire::reconcile::pack::{below, is_path, pack, slots, steps, unpack_as};
use crate::wire::reconcile::set::{Item, Range};
use crate::wire::reconcile::sets::Sets;
use crate::wire::reconcile::{
    CLASSES_MAX, CUT_BYTES, HEADS_MAX, LEAF_MAX, PATH_MAX, SHORT_BYTES, SLOTS_MAX, brief, cut,
};

/// The roots of all classes that a caller may read; with the ranges below where the caller stated another root.
pub fn roots(stated: &[v1::ClassRoot], sets: &Sets, viewer: &Viewer) -> Vec<v1::ClassRoot> {
    let classes = sets.classes_of(viewer).into_iter().take(CLASSES_MAX);
    let root = |class: Class| {
        let set = sets.seen(&class, viewer);
        let (bytes, print) = (class.encode(), cut(&set.print()));
        let other =
            stated.iter().any(|s| s.class == bytes && s.fingerprint != print && !is_zero(&s.fingerprint));
        let children = if other && set.len() > LEAF_MAX { pack(&set.range(&[]), 1) } else { Vec::new() };
        v1::ClassRoot { class: bytes, fingerprint: print.to_vec(), count: set.len() as u64, children }
    };
    classes.map(root).collect()
}

/// The roots that an initiator states: of the classes that the far end may read, and only those that are not empty.
pub fn stated_roots(sets: &Sets, far: &Viewer) -> Vec<v1::ClassRoot> {
    let classes = sets.classes().filter(|c| far.may_read_class(c)).take(CLASSES_MAX);
    let root = |class: &Class| {
        let set = sets.held(class);
        let (class, fingerprint) = (class.encode(), cut(&set.print()).to_vec());
        v1::ClassRoot { class, fingerprint, count: set.len() as u64, children: Vec::new() }
    };
    classes.map(root).collect()
}

/// Answers what `viewer` may read. A class that it may not read is answered as an empty one.
pub fn answer(
    request: &v1::ReconcileRequest,
    sets: &Sets,
    viewer: &Viewer,
) -> Result<v1::ReconcileResponse, Reason> {
    check(request)?;
    let mut heads_left = HEADS_MAX;
    let mut response = v1::ReconcileResponse::default();
    for asked in &request.classes {
        let class = Class::decode(&asked.class).ok_or(Reason::BadRequest)?;
        let set = sets.seen(&class, viewer);
        let mut answers = Vec::new();
        for ask in &asked.asks {
            let range = set.range(&ask.path);
            if ask.levels == 0 {
                answers.push(tell(&range, ask.path.clone(), ask, &mut heads_left));
                continue;
            }
            let theirs = unpack_as::<SHORT_BYTES>(&ask.fingerprints, ask.levels).ok_or(Reason::BadRequest)?;
            for (slot, theirs) in theirs.into_iter().enumerate() {
                let ours = below(&range, slot, ask.levels);
                if short(&ours) != theirs {
                    let path = [&ask.path[..], &steps(slot, ask.levels)].concat();
                    answers.push(tell(&ours, path, ask, &mut heads_left));
                }
            }
        }
        response.classes.push(v1::ClassAnswers { class: asked.class.clone(), answers });
    }
    Ok(response)
}

/// Bounded, in order, and nothing twice: what an answer costs is known before any of it is made.
fn check(request: &v1::ReconcileRequest) -> Result<(), Reason> {
    let mut all = 0_usize;
    let in_order = |a: &v1::ClassAsks, b: &v1::ClassAsks| a.class < b.class;
    if request.classes.len() > CLASSES_MAX || !request.classes.is_sorted_by(in_order) {
        return Err(Reason::BadRequest);
    }
    for asked in &request.classes {
        for ask in &asked.asks {
            let depth = ask.path.len() + ask.levels as usize;
            if !is_path(&ask.path) || ask.levels > 2 || depth > PATH_MAX {
                return Err(Reason::BadRequest);
            }
            if ask.levels == 0 && !ask.fingerprints.is_empty() {
                return Err(Reason::BadRequest);
            }
            all += slots(ask.levels);
        }
        // In order, a range within another follows it at once.
        let apart = |a: &v1::RangeAsk, b: &v1::RangeAsk| a.path < b.path && !b.path.starts_with(&a.path);
        if all > SLOTS_MAX || !asked.asks.is_sorted_by(apart) {
            return Err(Reason::BadRequest);
        }
    }
    Ok(())
}

/// Few feeds by their heads, more by the ranges below.
fn tell(range: &Range<'_>, path: Vec<u8>, ask: &v1::RangeAsk, heads_left: &mut usize) -> v1::RangeAnswer {
    let count = range.count();
    let mut answer = v1::RangeAnswer { path, count: count as u64, ..v1::RangeAnswer::default() };
    if count > (ask.heads_max as usize).min(*heads_left).max(LEAF_MAX) {
        answer.children = pack(range, 1);
        return answer;
    }
    *heads_left = heads_left.saturating_sub(count);
    let items = range.items();
    match brief::encode(&items, answer.path.len()).filter(|_| ask.brief) {
        Some(brief) => answer.brief = brief,
        None => answer.heads = items.iter().map(head).collect(),
    }
    answer
}

fn short(range: &Range<'_>) -> Option<[u8; SHORT_BYTES]> {
    (range.count() > 0).then(|| range.print().first_chunk().copied()).flatten()
}

fn is_zero(print: &[u8]) -> bool {
    print == [0; CUT_BYTES]
}

/// A stated head as it travels.
pub fn head(item: &Item) -> v1::FeedHead {
    v1::FeedHead {
        feed: Some(parts(&item.feed)),
        seq: item.stated.seq,
        entry_hash: item.stated.hash.to_vec(),
        frozen: item.stated.frozen,
    }
}

/// The three fields of a feed as they travel.
pub fn parts(feed: &Feed) -> v1::Feed {
    let (operator_key, audience) = match feed.key() {
        Some(key) => (key.to_vec(), feed.audience().encode()),
        None => (Vec::new(), Vec::new()),
    };
    v1::Feed { party_id: feed.party.to_vec(), operator_key, audience }
}
