//! One sync, from the first word to the last, as a state machine (SPEC.md section 11): what the far end says and what
//! became of entries goes in, what to do next comes out. Pull and push run side by side.

mod gaps;
pub mod memory;
mod opening;
mod plan;
mod portion;
mod pushing;
#[cfg(test)]
mod tests;
pub mod words;

pub use memory::{Memory, calls_for_comparison, still_sent};
pub use opening::OPENING_BYTES;
pub use words::{Action, Facts, Finished, Input, Push, PushRange, Settings};

use std::collections::{BTreeMap, VecDeque};

use crate::v1;
use crate::wire::claims::{Claims, SessionId};
use crate::wire::feed::Feed;
use crate::wire::ids::{FeedId, PartyId};
use crate::wire::reason::Reason;
use crate::wire::reconcile::answer::stated_roots;
use crate::wire::reconcile::reconciler::Ours;
use crate::wire::reconcile::{Difference, Reconciler, Stated};
use crate::wire::session::memory::{Pair, Under, digests, passes};
use crate::wire::session::plan::{has_news, pull_from, push_from, whole_log};
use crate::wire::session::portion::Portion;

/// Feed ranges of one request.
pub const RANGES_MAX: usize = 4_096;
/// Entries that one request asks for, so that several far ends share what is missing; about 36 MB.
const PORTION_MAX: u64 = 32_768;
/// The same while there is only one far end, about 150 MB: between two requests a link stands still for a moment.
const PORTION_ALONE: u64 = 131_072;
/// Below so many a request is not made smaller to be shared.
const PORTION_MIN: u64 = 1_024;

/// The initiator of one sync.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    id: SessionId,
    reconciler: Option<Reconciler>,
    differences: Vec<Difference>,
    /// Both sides' roots at Hello.
    pair: Pair,
    wants: VecDeque<Want>,
    /// What is held of feeds above a hole, first and last places.
    above: BTreeMap<FeedId, Vec<(u64, u64)>>,
    /// A feed's end is asked for before its beginning.
    ends_first: bool,
    asked: BTreeMap<FeedId, Want>,
    pushes: Vec<PushRange>,
    pushed: BTreeMap<FeedId, PushRange>,
    pushing: bool,
    stored_there: u64,
    /// Ranges that the far end does not carry, as far as it knows yet.
    unwelcome: Vec<PushRange>,
    /// Records that others wrote are on their way, or were.
    others: bool,
    /// The far end took some of them: it may know more now of whom it carries.
    brought: bool,
    /// What was stated of the feeds that differ, here and there, when this was planned.
    under: BTreeMap<FeedId, (Under, Under)>,
    /// Something was refused for a reason that passes by itself: the next session offers it again.
    passing: bool,
    left: Option<u64>,
    /// Part of `left` that is kept for pushing.
    kept: u64,
    /// Part of `left` that the pull in flight may use.
    lent: u64,
    /// Hello was answered: before that nothing is known to be due.
    greeted: bool,
    done: bool,
    result: Finished,
}

/// A feed that the far end has more of.
#[derive(Clone, Copy, Debug)]
struct Want {
    feed: Feed,
    from: u64,
    theirs: Stated,
    /// From the beginning, to see where another branch parts from ours.
    again: bool,
    /// In several stretches, not all of which follow what is held.
    apart: bool,
}

impl Session {
    /// A session and the roots for its Hello.
    pub fn new(settings: Settings, facts: &Facts<'_>, claims: &mut Claims) -> (Self, Vec<v1::ClassRoot>) {
        let roots = stated_roots(facts.sets, &settings.far);
        let new = Self {
            id: claims.join(facts.now_ms),
            left: settings.max_bytes,
            settings,
            reconciler: None,
            differences: Vec::new(),
            pair: Pair::default(),
            wants: VecDeque::new(),
            above: BTreeMap::new(),
            ends_first: false,
            asked: BTreeMap::new(),
            pushes: Vec::new(),
            pushed: BTreeMap::new(),
            pushing: false,
            stored_there: 0,
            unwelcome: Vec::new(),
            others: false,
            brought: false,
            under: BTreeMap::new(),
            passing: false,
            kept: 0,
            lent: 0,
            greeted: false,
            done: false,
            result: Finished::default(),
        };
        (new, roots)
    }

    /// One step; an error means that the far end does not keep to the protocol.
    pub fn handle(
        &mut self,
        input: Input<'_>,
        facts: &Facts<'_>,
        memory: &mut Memory,
        claims: &mut Claims,
    ) -> Result<Vec<Action>, Reason> {
        claims.heard(self.id, facts.now_ms);
        match input {
            Input::Hello(hello) => return self.hello(hello, facts, memory, claims),
            Input::Reconciled(response) => {
                let ours = ours(&self.settings, facts);
                let reconciler = self.reconciler.as_mut().ok_or(Reason::BadRequest)?;
                reconciler.take(response, &ours)?;
                return self.narrow(facts, memory, claims);
            }
            Input::Taken(taken, bytes) => {
                self.spend(bytes);
                self.lent = self.lent.saturating_sub(bytes);
                self.taken(taken, facts, memory, claims);
            }
            Input::PullEnded => {
                self.lent = 0;
                self.pull_ended(facts, claims);
                return Ok(self.go_on(facts, memory, claims));
            }
            Input::Pushed(response, bytes) => {
                self.spend(bytes);
                self.kept = self.kept.saturating_sub(bytes);
                self.pushed(response, facts, memory);
            }
            Input::PushEnded => {
                self.pushing = false;
                self.kept = 0;
                return Ok(self.go_on(facts, memory, claims));
            }
            Input::Again => return Ok(self.go_on(facts, memory, claims)),
        }
        Ok(Vec::new())
    }

    /// What differs, once reconciliation has ended; for those who only want to know.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// What the far end may read of what is held here, as far as its Hello said; nothing where nothing is pushed.
    pub fn pushes_to(&self) -> Option<&crate::wire::entitlement::Viewer> {
        (self.settings.push && !self.settings.dry).then_some(&self.settings.far)
    }

    /// What would be pulled and pushed now.
    pub fn planned(&self) -> (Vec<(Feed, v1::FeedRange)>, &[PushRange]) {
        let ranges = |w: &Want| self.ranges(w).into_iter().map(|range| (w.feed, range)).collect::<Vec<_>>();
        (self.wants.iter().flat_map(ranges).collect(), &self.pushes)
    }

    /// States what is held above holes: it is not asked for again.
    pub fn holds_above(&mut self, above: BTreeMap<FeedId, Vec<(u64, u64)>>) {
        self.above = above;
    }

    /// From here on the newest entries are asked for first, and a feed's end before its beginning: for a side that keeps
    /// what stands above a hole.
    pub fn newest_first(&mut self) {
        self.settings.newest_first = true;
        self.ends_first = true;
    }

    /// Entries that the last pull asked for and that have not all come.
    pub fn expected(&self) -> u64 {
        self.asked.values().map(Want::entries).sum()
    }

    /// Gives back what is claimed; a session that ends early must not hold up others.
    pub fn end(&mut self, claims: &mut Claims) {
        claims.leave(self.id);
    }

    fn hello(
        &mut self,
        hello: &v1::HelloResponse,
        facts: &Facts<'_>,
        memory: &mut Memory,
        claims: &mut Claims,
    ) -> Result<Vec<Action>, Reason> {
        self.greeted = true;
        memory.met(&hello.standing, facts.now_ms);
        let linked = matches!(hello.standing.as_str(), "peer" | "own");
        // Who follows this side over a link of its own comes for it; a hub that has not linked this one takes nothing.
        self.settings.push &= !hello.follows_you && (linked || self.settings.to_strangers);
        if self.settings.to_strangers {
            // What is for the network is for those hubs only that say that this side belongs to it.
            self.settings.far.network =
                linked || matches!(hello.standing.as_str(), "member" | "network_member");
        }
        self.pair = digests(&hello.roots, &self.settings, facts)?;
        if memory.is_settled(&self.pair) {
            self.result.idle = true;
            return Ok(self.finish(claims));
        }
        self.reconciler = Some(Reconciler::begin(&hello.roots, &ours(&self.settings, facts))?);
        self.narrow(facts, memory, claims)
    }

    fn narrow(
        &mut self,
        facts: &Facts<'_>,
        memory: &mut Memory,
        claims: &mut Claims,
    ) -> Result<Vec<Action>, Reason> {
        let ours = ours(&self.settings, facts);
        let Some(mut reconciler) = self.reconciler.take() else { return Ok(Vec::new()) };
        if let Some(request) = reconciler.next(&ours) {
            self.reconciler = Some(reconciler);
            self.result.rounds += 1;
            return Ok(vec![Action::Reconcile(request)]);
        }
        (self.differences, self.result.more) = reconciler.finish();
        self.plan(facts, memory);
        self.result.idle = self.result.rounds == 0 && self.wants.is_empty() && self.pushes.is_empty();
        if self.settings.dry {
            return Ok(self.finish(claims));
        }
        Ok(self.go_on(facts, memory, claims))
    }

    /// From differences to ranges: identity feeds first, in both directions.
    fn plan(&mut self, facts: &Facts<'_>, memory: &mut Memory) {
        let (mut wants, mut pushes) = (Vec::new(), Vec::new());
        let by_far = |d: &&Difference| self.settings.far.parties.contains(&d.feed.party);
        if self.differences.iter().filter(by_far).any(|d| pull_from(d, facts).is_some()) {
            // The far end's own words are new: it may have admitted or recognised somebody.
            memory.forget_there();
        }
        let identities = self.differences.iter().filter(|d| d.feed.is_identity());
        let theirs: BTreeMap<PartyId, Option<Stated>> =
            identities.map(|d| (d.feed.party, d.theirs)).collect();
        for difference in &self.differences {
            let (feed, id) = (difference.feed, difference.feed.id());
            let identity = facts.sets.stated(&Feed::identity(feed.party));
            // What does not differ is the same there.
            let identities = (identity, theirs.get(&feed.party).copied().unwrap_or(identity));
            let here = memory::under(difference.ours, identities);
            let there = memory::under(difference.theirs, identities);
            self.under.insert(id, (here, there));
            if self.settings.pull
                && let Some(theirs) = difference.theirs
                && let Some((from, again)) = pull_from(difference, facts)
                && (!memory.refused_here(&id, &theirs) || memory.lifted(true, &id, &here))
            {
                wants.push(Want { feed, from, theirs, again, apart: false });
            }
            if self.settings.push
                && self.settings.far.may_read(&feed)
                && let Some(range) = push_from(difference, facts)
                    .or_else(|| whole_log(difference).filter(|_| memory.conflicted_here(&id)))
                && (!memory.refused_there(&id, range.to) || memory.lifted(false, &id, &there))
            {
                pushes.push(range);
            }
        }
        let own = |feed: &Feed| !self.settings.parties.contains(&feed.party);
        match self.ends_first {
            // The far end says which is the newest: each party's keys stay beside what it wrote.
            true => wants.sort_by_key(|w| (w.feed.party, !w.feed.is_identity(), w.feed.id())),
            false => wants.sort_by_key(|w| (!w.feed.is_identity(), w.feed.id())),
        }
        // What this side's own parties wrote leaves before what others did.
        pushes.sort_by_key(|r| (own(&r.feed), !r.feed.is_identity(), r.feed.id()));
        self.wants = wants.into();
        self.pushes = pushes;
    }

    fn go_on(&mut self, facts: &Facts<'_>, memory: &mut Memory, claims: &mut Claims) -> Vec<Action> {
        if self.done || !self.greeted || self.reconciler.is_some() {
            return Vec::new();
        }
        let mut actions = Vec::new();
        self.offer_again(memory);
        let free = self.left.map(|left| left.saturating_sub(self.lent));
        if !self.pushing && !self.pushes.is_empty() && free != Some(0) {
            let ranges = self.next_pushes();
            self.pushed.extend(ranges.iter().map(|r| (r.feed.id(), *r)));
            self.pushing = true;
            // Half for each direction where both have something to send; what one leaves the other takes.
            let halves = self.asked.is_empty() && !self.wants.is_empty();
            let max_bytes = free.map(|free| if halves { free / 2 } else { free });
            self.kept = max_bytes.unwrap_or(0);
            actions.push(Action::Push(Push { ranges, max_bytes }));
        }
        let mut waits = false;
        if self.asked.is_empty() && !self.wants.is_empty() {
            match self.portion(facts, claims) {
                Portion::Some(request) => actions.push(Action::Pull(request)),
                Portion::Wait => waits = true,
                Portion::None => {}
            }
        }
        if !actions.is_empty() || self.pushing || !self.asked.is_empty() {
            return actions;
        }
        if waits {
            return vec![Action::Wait];
        }
        self.result.more |= !self.pushes.is_empty();
        let unchanged = digests_now(&self.pair, &self.settings, facts);
        if unchanged && self.stored_there == 0 && !self.result.more && !self.passing {
            memory.settle(self.pair.clone());
        }
        if !self.result.more {
            memory.finish();
        }
        self.finish(claims)
    }

    fn finish(&mut self, claims: &mut Claims) -> Vec<Action> {
        self.done = true;
        claims.leave(self.id);
        vec![Action::Finished(self.result.clone())]
    }

    fn taken(
        &mut self,
        taken: &[(FeedId, Result<(), Reason>)],
        facts: &Facts<'_>,
        memory: &mut Memory,
        claims: &mut Claims,
    ) {
        for (feed, result) in taken {
            let Err(reason) = result else { continue };
            if *reason == Reason::Gap && self.asked.get(feed).is_some_and(|w| w.apart) {
                continue;
            }
            let Some(want) = self.asked.remove(feed) else { continue };
            let elsewhere =
                matches!(reason, Reason::WrongPrevious | Reason::Fork | Reason::Gap | Reason::Undecided);
            if elsewhere && !want.again && want.from > 1 {
                // Another branch than ours, perhaps: its beginning shows where they part.
                self.wants.push_back(Want { from: 1, again: true, ..want });
                continue;
            }
            if passes(*reason) {
                self.passing = true;
                claims.fail(self.id, *feed);
                continue;
            }
            self.result.faults += u64::from(is_fault(*reason));
            if *reason == Reason::IdentityConflict {
                self.push_back(want.feed, facts, memory);
            }
            memory.refuse_here(*feed, want.theirs, *reason, facts.now_ms);
            if let Some((here, _)) = self.under.get(feed) {
                memory.refused_under(true, *feed, *here);
            }
            claims.fail(self.id, *feed);
        }
    }

    /// What was asked for and did not come is asked of others, or again where the budget cut it short.
    fn pull_ended(&mut self, facts: &Facts<'_>, claims: &mut Claims) {
        for (id, want) in std::mem::take(&mut self.asked) {
            let ours = facts.sets.stated(&want.feed).map_or(0, |s| s.seq);
            if want.again || !want.is_news(facts) {
                claims.done(self.id, &id);
            } else if want.apart && self.left.is_none() && ours >= want.from {
                // What could not be kept above the hole comes in order now.
                claims.done(self.id, &id);
                self.wants.push_back(Want { from: ours + 1, ..want });
            } else if self.left.is_none() {
                // Stated, and neither given nor refused: the next session asks again.
                self.passing = true;
                claims.fail(self.id, id);
            } else {
                claims.done(self.id, &id);
                match ours >= want.from && !want.apart {
                    true => self.wants.push_back(Want { from: ours + 1, ..want }),
                    // Not even its next run fits what is left; or what came stands above a hole, and is known next time.
                    false => self.result.more = true,
                }
            }
        }
    }

    fn spend(&mut self, bytes: u64) {
        self.left = self.left.map(|left| left.saturating_sub(bytes));
    }
}

impl Want {
    fn entries(&self) -> u64 {
        (self.theirs.seq + 1).saturating_sub(self.from).max(1)
    }

    /// False once another session brought it, or what was kept aside took its place.
    fn is_news(&self, facts: &Facts<'_>) -> bool {
        let Some(ours) = facts.sets.stated(&self.feed) else { return true };
        match self.again {
            true => {
                (self.theirs.seq, self.theirs.frozen) != (ours.seq, ours.frozen)
                    || !self.theirs.is_at(ours.hash)
            }
            false => has_news(&self.theirs, &ours),
        }
    }
}

fn ours<'a>(settings: &'a Settings, facts: &Facts<'a>) -> Ours<'a> {
    Ours { sets: facts.sets, far: &settings.far, parties: &settings.parties }
}

fn digests_now(pair: &Pair, settings: &Settings, facts: &Facts<'_>) -> bool {
    pair.ours == memory::ours_digest(&pair.classes, settings, facts)
}

/// Reasons that only a far end gives rise to that does not check what it passes on.
fn is_fault(reason: Reason) -> bool {
    use Reason::*;
    matches!(
        reason,
        BadLength
            | UnknownVersion
            | UnknownKind
            | BadSeq
            | BadPrevious
            | BadTime
            | BodyTooSmall
            | BodyTooLarge
            | BadAudience
            | WrongFeed
            | BodyLength
            | BodyHash
            | BadKey
            | BadSignature
            | EmptyRun
            | RunTooLarge
    )
}
