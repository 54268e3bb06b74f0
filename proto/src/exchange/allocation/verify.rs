//! Whether a call's places were given as its rules say: everything from the records, nothing on anybody's word.

use std::collections::{BTreeMap, BTreeSet};

use super::{NOMINATIONS_EACH_MAX, Outcome, Placed, Shown, list_hash, since, turns_differ};
use crate::exchange::acts::Seen;
use crate::wire::{EntryHash, PartyId};

/// The list of applications that the call's author closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closing {
    /// Its act.
    pub entry: EntryHash,
    /// Who signed it.
    pub party: PartyId,
    /// When, as its author claims.
    pub time_ms: u64,
    /// The applications.
    pub applications: Vec<EntryHash>,
    /// The priority of each, in the same order.
    pub points: Vec<u32>,
    /// The place of each among those of its party, in the same order; none where no party has several.
    pub turns: Vec<u32>,
    /// Of each, in the same order, the place in `after`, from 1, of the feed in which it was made; 0 for none.
    pub feeds: Vec<u32>,
    /// What its author held.
    pub after: Vec<Seen>,
}

impl Closing {
    /// What its author held of the feed in which a nomination was made, as the list says.
    pub fn made_in(&self, nomination: &EntryHash) -> Option<&Seen> {
        let at = self.applications.iter().position(|hash| hash == nomination)?;
        let place = usize::try_from(*self.feeds.get(at)?).ok()?;
        self.after.get(place.checked_sub(1)?)
    }

    /// The place that it states for each application among those of its party.
    pub fn turns(&self) -> BTreeMap<EntryHash, u32> {
        self.applications.iter().copied().zip(self.turns.iter().copied()).collect()
    }

    /// The priority that it states for each application; none where it does not state one for each.
    pub fn stated(&self) -> BTreeMap<EntryHash, u32> {
        match self.points.len() == self.applications.len() {
            true => self.applications.iter().copied().zip(self.points.iter().copied()).collect(),
            false => BTreeMap::new(),
        }
    }
}

/// The public value, as the call's author states it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drawn {
    /// The act.
    pub entry: EntryHash,
    /// When, as the author claims.
    pub time_ms: u64,
    /// The value.
    pub value: Vec<u8>,
}

/// Somebody else's signature on the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cosignature {
    /// Who.
    pub party: PartyId,
    /// When, as it claims.
    pub time_ms: u64,
    /// The act that it cosigns.
    pub closing: EntryHash,
    /// The list that it saw.
    pub list: [u8; 32],
    /// Admitted by a hub whose attestations count.
    pub attested: bool,
}

/// A nomination's public act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nominated {
    /// The entry hash of the sealed nomination.
    pub hash: EntryHash,
    /// The state that nominates.
    pub party: PartyId,
    /// Dated within the call's days, as its author claims.
    pub in_window: bool,
    /// Parties whose closing or cosignature names it among what they held.
    pub held_by: BTreeSet<PartyId>,
    /// Its party cut the act off after the list had named it: it stays on the list, and nobody is to blame.
    pub cut: bool,
}

/// What the call's author decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Which application.
    pub application: EntryHash,
    /// It has a place.
    pub granted: bool,
    /// The rank that it states; 0 where it states none.
    pub rank: u32,
}

/// All that is known of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The call's revision, as it is shown.
    pub call: EntryHash,
    /// Who announced it.
    pub author: PartyId,
    /// When the public value comes to be; `None` where the call does not say.
    pub draw_ms: Option<u64>,
    /// How many others must cosign; 0 counts as 1.
    pub cosignatures_due: u32,
    /// Closing lists, each act one.
    pub closings: Vec<Closing>,
    /// Cosignatures.
    pub cosignatures: Vec<Cosignature>,
    /// Nominations.
    pub nominated: Vec<Nominated>,
    /// Decisions.
    pub decisions: Vec<Decision>,
    /// What the call's author stated as the value, each act one.
    pub draws: Vec<Drawn>,
    /// The value as whoever verifies read it where it is published.
    pub checked: Option<Vec<u8>>,
    /// The call names the hubs whose attestations count.
    pub hubs_named: bool,
    /// The priority of each application by what is held now.
    pub points_now: BTreeMap<EntryHash, u32>,
    /// The place of each nomination among those of its party, as that party nominated, by what is held now.
    pub turns_now: BTreeMap<EntryHash, u32>,
    /// Statements that cover the call's revision or a closing list.
    pub shown: Vec<Shown>,
}

impl Facts {
    /// The list that is judged: of those that the call's author closed the one with the lowest entry hash. Lists of
    /// others are none as long as there is one of the author.
    pub fn closing(&self) -> Option<&Closing> {
        self.closings.iter().min_by_key(|c| (c.party != self.author, c.entry))
    }

    /// The first moment at which hubs show that the list and the call's revision were there, where that is before the
    /// value; and which hub.
    pub fn closed_before_draw(&self) -> Option<(u64, PartyId)> {
        since(&[self.call, self.closing()?.entry], &self.author, self.draw_ms?, &self.shown)
    }
}

/// One thing that does not hold, or that is worth knowing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Finding {
    /// The call does not say when its value comes to be.
    NoDraw,
    /// The call names no hubs: whoever may admit could have admitted those who applied and cosigned.
    NoHubs,
    /// The value was stated more than once.
    SeveralDraws(u32),
    /// The value was stated before it can have been, by the date that its author gave.
    DrawEarly,
    /// The author stated another value than was published.
    DrawOther,
    /// Nobody read the value where it is published.
    ValueUnchecked,
    /// No list was closed.
    NoList,
    /// The list does not state the priority of each application.
    NoPoints,
    /// Several lists were closed.
    SeveralLists(u32),
    /// The list was not closed by the call's author.
    NotByAuthor,
    /// The list was closed when the value existed already.
    ListLate,
    /// No hub shows that the list was closed before the value: that it was is its author's and cosigners' word.
    ClosingNotShown,
    /// Too few cosigned in time.
    FewCosignatures {
        /// That count.
        found: u32,
        /// That must.
        due: u32,
    },
    /// A cosignature that does not count: it came late.
    CosignedLate(PartyId),
    /// A cosignature that does not count: another list, or another revision of the call.
    CosignedOther(PartyId),
    /// A cosignature that does not count: no attestation that counts.
    CosignerNotAttested(PartyId),
    /// A cosignature that does not count: by the call's own author.
    CosignedByAuthor,
    /// Not on the list, though this party held it when it signed the list.
    Omitted(EntryHash, PartyId),
    /// Not on the list, dated in time; nothing shows that who signed the list held it.
    Unlisted(EntryHash),
    /// On the list, and no such nomination is held here.
    Unknown(EntryHash),
    /// On the list, and its party cut the act off later: it takes part as the list names it.
    CutLater(EntryHash),
    /// On the list, without an attestation that counts: it takes no part.
    NotAttested(EntryHash),
    /// The list states another priority than what is held now gives; it may have been right then.
    PointsDiffer(EntryHash),
    /// The list puts this party's nominations in another order than it did itself, by what is held now.
    TurnsDiffer(PartyId),
    /// Decided otherwise than the rules give.
    DecidedOtherwise(EntryHash),
    /// Decided, and not on the list.
    DecidedUnlisted(EntryHash),
    /// Not decided yet.
    Undecided(EntryHash),
}

impl Finding {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoDraw => "no_draw",
            Self::NoHubs => "no_hubs",
            Self::SeveralDraws(_) => "several_draws",
            Self::DrawEarly => "draw_early",
            Self::DrawOther => "draw_other",
            Self::ValueUnchecked => "value_unchecked",
            Self::NoPoints => "no_points",
            Self::PointsDiffer(_) => "points_differ",
            Self::TurnsDiffer(_) => "turns_differ",
            Self::NoList => "no_list",
            Self::SeveralLists(_) => "several_lists",
            Self::NotByAuthor => "not_by_author",
            Self::ListLate => "list_late",
            Self::ClosingNotShown => "closing_not_shown",
            Self::FewCosignatures { .. } => "few_cosignatures",
            Self::CosignedLate(_) => "cosigned_late",
            Self::CosignedOther(_) => "cosigned_other",
            Self::CosignerNotAttested(_) => "cosigner_not_attested",
            Self::CosignedByAuthor => "cosigned_by_author",
            Self::Omitted(..) => "omitted",
            Self::Unlisted(_) => "unlisted",
            Self::Unknown(_) => "unknown",
            Self::CutLater(_) => "cut_later",
            Self::NotAttested(_) => "not_attested",
            Self::DecidedOtherwise(_) => "decided_otherwise",
            Self::DecidedUnlisted(_) => "decided_unlisted",
            Self::Undecided(_) => "undecided",
        }
    }

    /// True where the allocation does not hold; false for what is only worth knowing.
    pub fn breaks(self) -> bool {
        !matches!(
            self,
            Self::ClosingNotShown
                | Self::CutLater(_)
                | Self::CosignedLate(_)
                | Self::CosignedOther(_)
                | Self::CosignerNotAttested(_)
                | Self::CosignedByAuthor
                | Self::Unlisted(_)
                | Self::NotAttested(_)
                | Self::PointsDiffer(_)
                | Self::TurnsDiffer(_)
                | Self::Undecided(_)
        )
    }
}

/// Everything that does not hold, in order; `placed` is what the rules give for the list and the value.
pub fn verify(facts: &Facts, placed: &[Placed]) -> Vec<Finding> {
    let mut found = BTreeSet::new();
    if facts.draw_ms.is_none() {
        found.insert(Finding::NoDraw);
    }
    if !facts.hubs_named {
        found.insert(Finding::NoHubs);
    }
    if facts.draws.len() > 1 {
        found.insert(Finding::SeveralDraws(u32::try_from(facts.draws.len()).unwrap_or(u32::MAX)));
    }
    if facts.draws.iter().any(|drawn| facts.draw_ms.is_some_and(|at| drawn.time_ms < at)) {
        found.insert(Finding::DrawEarly);
    }
    match &facts.checked {
        Some(value) if facts.draws.iter().any(|drawn| drawn.value != *value) => {
            found.insert(Finding::DrawOther);
        }
        Some(_) => {}
        None => drop(found.insert(Finding::ValueUnchecked)),
    }
    let own = facts.closings.iter().filter(|c| c.party == facts.author).count();
    if own > 1 {
        found.insert(Finding::SeveralLists(u32::try_from(own).unwrap_or(u32::MAX)));
    }
    let Some(closing) = facts.closing() else {
        found.insert(Finding::NoList);
        return found.into_iter().collect();
    };
    if facts.draw_ms.is_some() && facts.closed_before_draw().is_none() {
        found.insert(Finding::ClosingNotShown);
    }
    if closing.party != facts.author {
        found.insert(Finding::NotByAuthor);
    }
    if facts.draw_ms.is_some_and(|draw| closing.time_ms >= draw) {
        found.insert(Finding::ListLate);
    }
    let stated = closing.stated();
    if stated.len() != closing.applications.len() {
        found.insert(Finding::NoPoints);
    }
    let moved =
        stated.iter().filter(|(hash, points)| facts.points_now.get(hash).is_some_and(|now| now != *points));
    found.extend(moved.map(|(hash, _)| Finding::PointsDiffer(*hash)));
    let counted = facts.nominated.iter().filter(|n| !n.cut && closing.applications.contains(&n.hash));
    let counted = counted.map(|n| (n.party, n.hash));
    let differ = turns_differ(counted, &closing.turns(), &facts.turns_now);
    found.extend(differ.into_iter().map(Finding::TurnsDiffer));
    cosignatures(facts, closing, &mut found);
    applications(facts, closing, placed, &mut found);
    decisions(facts, closing, placed, &mut found);
    found.into_iter().collect()
}

fn cosignatures(facts: &Facts, closing: &Closing, found: &mut BTreeSet<Finding>) {
    let list = list_hash(&facts.call, &closing.applications);
    let mut counted = BTreeSet::new();
    for cosigned in &facts.cosignatures {
        let party = cosigned.party;
        if party == facts.author {
            found.insert(Finding::CosignedByAuthor);
        } else if cosigned.closing != closing.entry || cosigned.list != list {
            found.insert(Finding::CosignedOther(party));
        } else if facts.draw_ms.is_some_and(|draw| cosigned.time_ms >= draw) {
            found.insert(Finding::CosignedLate(party));
        } else if !cosigned.attested {
            found.insert(Finding::CosignerNotAttested(party));
        } else {
            counted.insert(party);
        }
    }
    let (have, due) = (u32::try_from(counted.len()).unwrap_or(u32::MAX), facts.cosignatures_due.max(1));
    if have < due {
        found.insert(Finding::FewCosignatures { found: have, due });
    }
}

fn applications(facts: &Facts, closing: &Closing, placed: &[Placed], found: &mut BTreeSet<Finding>) {
    let listed: BTreeSet<EntryHash> = closing.applications.iter().copied().collect();
    let held: BTreeSet<EntryHash> = facts.nominated.iter().map(|n| n.hash).collect();
    found.extend(listed.difference(&held).map(|hash| Finding::Unknown(*hash)));
    let cut = facts.nominated.iter().filter(|n| n.cut && listed.contains(&n.hash));
    found.extend(cut.map(|n| Finding::CutLater(n.hash)));
    let mut each: BTreeMap<PartyId, usize> = BTreeMap::new();
    for nominated in facts.nominated.iter().filter(|n| listed.contains(&n.hash)) {
        *each.entry(nominated.party).or_default() += 1;
    }
    // Of one party no more than so many have to be listed.
    let full = |party: &PartyId| each.get(party).is_some_and(|n| *n >= NOMINATIONS_EACH_MAX);
    let out = |n: &&Nominated| !n.cut && !listed.contains(&n.hash) && !full(&n.party);
    for nominated in facts.nominated.iter().filter(out) {
        found.extend(nominated.held_by.iter().map(|by| Finding::Omitted(nominated.hash, *by)));
        if nominated.held_by.is_empty() && nominated.in_window {
            found.insert(Finding::Unlisted(nominated.hash));
        }
    }
    let outside = placed.iter().filter(|p| p.outcome == Outcome::NotAttested);
    found.extend(outside.map(|p| Finding::NotAttested(p.application.hash)));
}

fn decisions(facts: &Facts, closing: &Closing, placed: &[Placed], found: &mut BTreeSet<Finding>) {
    let due: BTreeMap<EntryHash, &Placed> = placed.iter().map(|p| (p.application.hash, p)).collect();
    let mut decided = BTreeSet::new();
    for decision in &facts.decisions {
        let application = decision.application;
        decided.insert(application);
        match due.get(&application) {
            None if !closing.applications.contains(&application) => {
                found.insert(Finding::DecidedUnlisted(application));
            }
            None => {}
            // What is not drawn yet has no answer to differ from.
            Some(placed) if placed.outcome == Outcome::Undrawn => {}
            Some(placed) => {
                let granted = placed.outcome == Outcome::Place;
                let ranked = decision.rank == 0 || placed.lot.is_none() || decision.rank == placed.rank;
                if decision.granted != granted || !ranked {
                    found.insert(Finding::DecidedOtherwise(application));
                }
            }
        }
    }
    found.extend(due.keys().filter(|hash| !decided.contains(hash)).map(|hash| Finding::Undecided(*hash)));
}
