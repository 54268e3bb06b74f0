//! The initiator's side: from the far end's roots to the feeds that differ.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::mutant;
use crate::v1;
use crate::wire::entitlement::{Class, Viewer};
use crate::wire::feed::Feed;
use crate::wire::ids::{EntryHash, FeedId, PartyId};
use crate::wire::limits::INTEGER_END;
use crate::wire::reason::Reason;
use crate::wire::reconcile::pack::{is_path, pack_as, slots, unpack_as};
use crate::wire::reconcile::set::{Item, Range, Set, Stated, compare};
use crate::wire::reconcile::sets::Sets;
use crate::wire::reconcile::{
    CLASSES_MAX, CUT_BYTES, Cut, DIFFERENCES_MAX, LEAF_MAX, PATH_MAX, ROUNDS_MAX, SHORT_BYTES, SLOTS_MAX,
    brief, cut,
};

/// Feeds of a whole class that are asked for by their heads at once: about 4 KB, less than one more round trip costs.
const SMALL_CLASS: u64 = 32;
/// Heads that a range of few feeds may be told by; above the number expected, which is only an estimate.
const FEW_HEADS: u32 = 8;
/// Heads that a range may be told by briefly; about 600 bytes.
const BRIEF_HEADS: u32 = 32;
/// Heads asked for at once where nothing is held here; about 100 KB.
const LISTED: u32 = 1_024;
/// Ranges of one class that wait to be asked for; a million feeds that all differ make 65,536.
const QUEUE_MAX: usize = 262_144;
/// Heads that one request asks for where nothing is held here; about 800 KB.
const LISTED_ALL: u64 = 8_192;

/// One feed that the two sides hold differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The class in which it was found.
    pub class: Class,
    /// The feed.
    pub feed: Feed,
    /// What this side states; `None` where it has nothing of it.
    pub ours: Option<Stated>,
    /// What the far end states.
    pub theirs: Option<Stated>,
}

/// What the initiator compares with.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'a> {
    /// What this side states.
    pub sets: &'a Sets,
    /// What the far end may read of it: of other classes no fingerprint leaves.
    pub far: &'a Viewer,
    /// The parties as which the far end knows this side.
    pub parties: &'a [PartyId],
}

/// Narrows what differs, one request at a time.
#[derive(Clone, Debug)]
pub struct Reconciler {
    classes: BTreeMap<Class, Work>,
    found: Vec<Difference>,
    rounds: usize,
    more: bool,
}

#[derive(Clone, Debug, Default)]
struct Work {
    /// No fingerprint of ours leaves: the far end may not read this class.
    blind: bool,
    queue: BTreeMap<Vec<u8>, u64>,
    asked: BTreeMap<Vec<u8>, u32>,
    /// Ranges that brief heads did not explain.
    in_full: BTreeSet<Vec<u8>>,
}

impl Reconciler {
    /// From the roots of the far end's Hello. Classes that it does not name are not ours to read there.
    pub fn begin(roots: &[v1::ClassRoot], ours: &Ours<'_>) -> Result<Self, Reason> {
        if roots.len() > CLASSES_MAX {
            return Err(Reason::BadRequest);
        }
        let mut new = Self { classes: BTreeMap::new(), found: Vec::new(), rounds: 0, more: false };
        let named = roots.iter().map(|r| Class::decode(&r.class).ok_or(Reason::BadRequest));
        for class in named.collect::<Result<Vec<_>, _>>()? {
            let blind = class == Class::Own || !ours.far.may_read_class(&class);
            new.classes.insert(class, Work { blind, ..Work::default() });
        }
        for root in roots {
            let class = Class::decode(&root.class).ok_or(Reason::BadRequest)?;
            let print: Cut = root.fingerprint[..].try_into().map_err(|_| Reason::BadRequest)?;
            let set = new.set(&class, ours);
            let range = set.range(&[]);
            if print == cut(&range.print()) {
                continue;
            } else if print == [0; CUT_BYTES] {
                new.only_here(&class, &range);
            } else if root.children.is_empty() || root.count.max(range.count() as u64) <= SMALL_CLASS {
                new.wait(&class, Vec::new(), root.count)?;
            } else {
                new.narrow(&class, &[], &range, &root.children, root.count)?;
            }
        }
        Ok(new)
    }

    /// The next request; `None` once everything that differs is known.
    pub fn next(&mut self, ours: &Ours<'_>) -> Option<v1::ReconcileRequest> {
        if self.rounds >= ROUNDS_MAX || self.found.len() >= DIFFERENCES_MAX {
            self.more |= self.classes.values().any(|w| !w.queue.is_empty());
            return None;
        }
        self.rounds += 1;
        let (mut slots_left, mut listed_left) = (SLOTS_MAX, LISTED_ALL);
        let mut request = v1::ReconcileRequest::default();
        let classes: Vec<Class> = self.classes.keys().copied().collect();
        for class in classes {
            let set = self.set(&class, ours);
            let Some(work) = self.classes.get_mut(&class) else { continue };
            let mut asks = Vec::new();
            while let Some((path, theirs)) = work.queue.pop_first() {
                let range = set.range(&path);
                let tell = work.blind || work.in_full.remove(&path);
                let ask = ask(path, theirs, &range, tell);
                let cost = if ask.heads_max == LISTED { theirs.min(u64::from(LISTED)) } else { 0 };
                if slots(ask.levels) > slots_left || cost > listed_left {
                    work.queue.insert(ask.path, theirs);
                    break;
                }
                slots_left -= slots(ask.levels);
                listed_left -= cost;
                work.asked.insert(ask.path.clone(), ask.levels);
                asks.push(ask);
            }
            if !asks.is_empty() {
                request.classes.push(v1::ClassAsks { class: class.encode(), asks });
            }
        }
        (!request.classes.is_empty()).then_some(request)
    }

    /// Takes the answer to the last request in.
    pub fn take(&mut self, response: &v1::ReconcileResponse, ours: &Ours<'_>) -> Result<(), Reason> {
        let mut answered = BTreeSet::new();
        for answers in &response.classes {
            let class = Class::decode(&answers.class).ok_or(Reason::BadRequest)?;
            let set = self.set(&class, ours);
            for answer in &answers.answers {
                let asked = self.asked(&class, &answer.path).ok_or(Reason::BadRequest)?;
                if !answered.insert((class, answer.path.clone())) || asked.len() > answer.path.len() {
                    return Err(Reason::BadRequest);
                }
                let range = set.range(&answer.path);
                match answer.children.is_empty() {
                    true if !answer.brief.is_empty() => self.compare_briefly(&class, &range, answer)?,
                    true => self.compare(&class, &range, answer, ours.parties)?,
                    false => self.narrow(&class, &answer.path, &range, &answer.children, answer.count)?,
                }
            }
        }
        for (class, work) in &mut self.classes {
            let told = |path: &Vec<u8>| answered.contains(&(*class, path.clone()));
            // A range asked for as such is told even where it is empty.
            if work.asked.iter().any(|(path, levels)| *levels == 0 && !told(path)) {
                return Err(Reason::BadRequest);
            }
            work.asked.clear();
        }
        Ok(())
    }

    /// What differs, and whether more does than one reconciliation finds.
    pub fn finish(self) -> (Vec<Difference>, bool) {
        (self.found, self.more)
    }

    /// Requests made so far.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    fn set<'a>(&self, class: &Class, ours: &Ours<'a>) -> Cow<'a, Set> {
        match class {
            Class::Own => Cow::Owned(ours.sets.own(ours.parties, |c| self.classes.contains_key(c))),
            class => ours.sets.held(class),
        }
    }

    fn wait(&mut self, class: &Class, path: Vec<u8>, count: u64) -> Result<(), Reason> {
        let work = self.classes.get_mut(class).ok_or(Reason::BadRequest)?;
        work.queue.insert(path, count);
        if work.queue.len() > QUEUE_MAX { Err(Reason::BadRequest) } else { Ok(()) }
    }

    /// The ask that an answer's path belongs to.
    fn asked(&self, class: &Class, path: &[u8]) -> Option<Vec<u8>> {
        let work = self.classes.get(class)?;
        let within = |levels: usize| {
            let asked = path.get(..path.len().checked_sub(levels)?)?;
            (work.asked.get(asked).copied() == Some(levels as u32)).then(|| asked.to_vec())
        };
        is_path(path).then(|| (0..=2).find_map(within)).flatten()
    }

    /// Sixteen fingerprints of the far end: what differs waits to be asked for.
    fn narrow(
        &mut self,
        class: &Class,
        path: &[u8],
        range: &Range<'_>,
        children: &[u8],
        count: u64,
    ) -> Result<(), Reason> {
        let theirs = unpack_as::<CUT_BYTES>(children, 1)
            .filter(|_| path.len() < PATH_MAX)
            .ok_or(Reason::BadRequest)?;
        for (step, theirs) in (0_u8..).zip(theirs) {
            let ours = range.child(step);
            match theirs {
                None => self.only_here(class, &ours),
                Some(print) if ours.count() > 0 && print == cut(&ours.print()) => {}
                Some(_) => self.wait(class, [path, &[step]].concat(), count / 16)?,
            }
        }
        Ok(())
    }

    fn only_here(&mut self, class: &Class, range: &Range<'_>) {
        for item in range.items() {
            self.find(Difference { class: *class, feed: item.feed, ours: Some(item.stated), theirs: None });
        }
    }

    /// Heads told briefly. Where they name a feed that is not known here, or do not show what differs, the range is asked
    /// for in full.
    fn compare_briefly(
        &mut self,
        class: &Class,
        range: &Range<'_>,
        answer: &v1::RangeAnswer,
    ) -> Result<(), Reason> {
        let told = brief::decode(&answer.brief).ok_or(Reason::BadRequest)?;
        let mut theirs: BTreeMap<brief::Part, Stated> = told.iter().copied().collect();
        let items = range.items();
        let distinct = theirs.len() == told.len();
        let mut found = Vec::new();
        for item in &items {
            let part = brief::part(&item.id, answer.path.len()).ok_or(Reason::BadRequest)?;
            let stated = theirs.remove(&part);
            let same = |s: Stated| {
                (s.seq, s.frozen) == (item.stated.seq, item.stated.frozen) && s.is_at(item.stated.hash)
            };
            if !stated.is_some_and(same) {
                let (feed, ours) = (item.feed, Some(item.stated));
                found.push(Difference { class: *class, feed, ours, theirs: stated });
            }
        }
        if !distinct || !theirs.is_empty() || found.is_empty() {
            let work = self.classes.get_mut(class).ok_or(Reason::BadRequest)?;
            work.in_full.insert(answer.path.clone());
            return self.wait(class, answer.path.clone(), answer.count);
        }
        found.into_iter().for_each(|difference| self.find(difference));
        Ok(())
    }

    /// All heads of a range: each feed of either side is judged.
    fn compare(
        &mut self,
        class: &Class,
        range: &Range<'_>,
        answer: &v1::RangeAnswer,
        parties: &[PartyId],
    ) -> Result<(), Reason> {
        let ours: BTreeMap<FeedId, Item> = range.items().into_iter().map(|i| (i.id, i)).collect();
        let mut theirs = BTreeMap::new();
        for head in &answer.heads {
            let item = parse(head)?;
            let fits = match class {
                Class::Own => parties.contains(&item.feed.party) && !self.names(&item.feed),
                class => Class::of(&item.feed) == *class,
            };
            if !fits || compare(&item.id, &answer.path).is_ne() || theirs.insert(item.id, item).is_some() {
                return Err(Reason::BadRequest);
            }
        }
        let ids: BTreeSet<&FeedId> = ours.keys().chain(theirs.keys()).collect();
        for id in ids {
            let (ours, theirs) = (ours.get(id), theirs.get(id));
            let Some(item) = ours.or(theirs) else { continue };
            let (feed, class) = (item.feed, *class);
            let (ours, theirs) = (ours.map(|i| i.stated), theirs.map(|i| i.stated));
            if ours != theirs {
                self.find(Difference { class, feed, ours, theirs });
            }
        }
        Ok(())
    }

    /// True where the far end compares this feed in a class that others read too.
    fn names(&self, feed: &Feed) -> bool {
        self.classes.contains_key(&Class::of(feed))
    }

    fn find(&mut self, difference: Difference) {
        if mutant!(DropDifference) && difference.theirs.is_some() && !difference.feed.is_identity() {
            return;
        }
        match self.found.len() < DIFFERENCES_MAX {
            true => self.found.push(difference),
            false => self.more = true,
        }
    }
}

/// How a range is best asked for, from what is thought to be in it.
fn ask(path: Vec<u8>, theirs: u64, range: &Range<'_>, blind: bool) -> v1::RangeAsk {
    let tell = |path, heads_max| v1::RangeAsk { path, heads_max, ..v1::RangeAsk::default() };
    let most = theirs.max(range.count() as u64);
    if blind || range.count() == 0 {
        return tell(path, LISTED);
    }
    if path.is_empty() && most <= SMALL_CLASS {
        return tell(path, SMALL_CLASS as u32);
    }
    if most <= LEAF_MAX as u64 {
        return tell(path, FEW_HEADS);
    }
    // Ranges below hold some sixteen feeds, which a brief answer tells in a few hundred bytes.
    let levels = if most <= 512 || path.len() + 2 > PATH_MAX { 1 } else { 2 };
    let fingerprints = pack_as::<SHORT_BYTES>(range, levels);
    v1::RangeAsk { path, levels, fingerprints, heads_max: BRIEF_HEADS, brief: true }
}

fn parse(head: &v1::FeedHead) -> Result<Item, Reason> {
    let parts = head.feed.as_ref().ok_or(Reason::BadRequest)?;
    let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience)?;
    let hash = EntryHash::from_slice(&head.entry_hash).ok_or(Reason::BadRequest)?;
    let none = head.frozen && head.seq == 0 && hash == EntryHash::default();
    if head.seq >= INTEGER_END || (head.seq == 0 && !none) {
        return Err(Reason::BadSeq);
    }
    Ok(Item::new(feed, Stated { seq: head.seq, hash, frozen: head.frozen }))
}
