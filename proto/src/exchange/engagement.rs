//! The life of a match between a need and an offer (SPEC.md section 15.3).
//!
//! Nothing is active without the recipient's signature, given after the provider's conditions were known.

mod clocks;
pub mod escalation;
mod steps;
mod terms;

use crate::exchange::acts::{Act, Fault, Graph, Seen, Verdict, Verdicts};
use crate::v1::engagement_act::Act as What;
use crate::v1::{EngagementAct, EngagementProposal, ProviderTerms, RecipientTerms, RecordRef};
use crate::wire::{EntryHash, PartyId};

pub use escalation::{Scope, scope};
pub use terms::{conflicts, stated_by};

/// Where an engagement stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// One side has proposed.
    Proposed,
    /// The provider has stated its conditions; the recipient is asked.
    Agreed,
    /// The recipient has accepted these conditions.
    Accepted,
    /// The provider is at work.
    Active,
    /// The provider says that it has delivered.
    Delivered,
    /// The recipient says so too.
    Confirmed,
    /// Both sides have said how it was.
    Evaluated,
    /// The side that was asked said no.
    Declined,
    /// Taken back, or ended by both.
    Withdrawn,
    /// One side disputes; both resolve.
    Disputed,
}

impl State {
    /// All, in the order of SPEC.md.
    pub const ALL: [Self; 10] = [
        Self::Proposed,
        Self::Agreed,
        Self::Accepted,
        Self::Active,
        Self::Delivered,
        Self::Confirmed,
        Self::Evaluated,
        Self::Declined,
        Self::Withdrawn,
        Self::Disputed,
    ];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Agreed => "agreed",
            Self::Accepted => "accepted",
            Self::Active => "active",
            Self::Delivered => "delivered",
            Self::Confirmed => "confirmed",
            Self::Evaluated => "evaluated",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Disputed => "disputed",
        }
    }

    /// True where nothing more is due.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Confirmed | Self::Evaluated | Self::Declined | Self::Withdrawn)
    }
}

/// One engagement, as its acts make it.
#[derive(Clone, PartialEq, Debug)]
pub struct Engagement {
    /// The proposal's entry: what identifies it.
    pub root: EntryHash,
    /// Who proposed.
    pub proposer: PartyId,
    /// Who receives.
    pub recipient: PartyId,
    /// Who provides.
    pub provider: PartyId,
    /// The proposal.
    pub proposal: EngagementProposal,
    /// Where it stands.
    pub state: State,
    /// The author's time of the act that brought it there.
    pub since_ms: u64,
    /// The provider's latest word, which an acceptance names.
    pub word: EntryHash,
    /// What the provider's part rests on, where stated.
    pub conditions: ProviderTerms,
    /// The recipient's terms, as the proposal gives them.
    pub terms: RecipientTerms,
    /// The recipient's terms, as it accepted: both hold.
    pub accepted_terms: Option<RecipientTerms>,
    /// Where the two conflict.
    pub conflicts: Vec<String>,
    /// Conflicts that the recipient accepted all the same.
    pub waived: Vec<String>,
    /// Who has evaluated, with the rating.
    pub evaluations: Vec<(PartyId, u32)>,
    /// Acts that count, in order.
    pub counted: Vec<EntryHash>,
    /// What became of every act.
    pub verdicts: Verdicts,
    /// When the provider first spoke.
    answered_ms: Option<u64>,
    /// Where it stood when it was disputed.
    disputed: Option<State>,
    /// What each side wants of a dispute.
    resolutions: Vec<(PartyId, String)>,
}

impl Engagement {
    /// The engagement that this proposal began; `None` where the proposal is not held or does not count. Acts of
    /// others, in any order, repeated or not, change nothing.
    pub fn of(root: &EntryHash, acts: &[Act<EngagementAct>], gone: &dyn Fn(&Seen) -> bool) -> Option<Self> {
        let first = acts.iter().find(|a| a.hash == *root && a.void.is_none())?;
        let mut engagement = Self::begin(first)?;
        let (mut own, mut verdicts) = (Vec::new(), Verdicts::new());
        for act in acts.iter().filter(|a| a.hash == *root || a.what.root == root.as_bytes()) {
            match engagement.foreign(act, first) {
                Some(fault) => drop(verdicts.insert(act.hash, Verdict::Void(fault))),
                None => own.push(act.clone()),
            }
        }
        let graph = Graph::new(&own, &|a| u8::from(a.hash != *root), gone);
        verdicts.extend(graph.others.iter().map(|(hash, verdict)| (*hash, *verdict)));
        let recipient = engagement.recipient;
        for act in graph.sequence(&|_| true, &|_| true, &|a| u8::from(a.author != recipient)) {
            let verdict = match act.hash == *root {
                true => Verdict::Counted,
                false => match engagement.step(act) {
                    Ok(()) => Verdict::Counted,
                    Err(fault) => Verdict::Void(fault),
                },
            };
            if verdict == Verdict::Counted {
                engagement.counted.push(act.hash);
            }
            verdicts.insert(act.hash, verdict);
        }
        engagement.verdicts = verdicts;
        (engagement.verdicts.get(root) == Some(&Verdict::Counted)).then_some(engagement)
    }

    /// Every proposal among acts that counts as an entry.
    pub fn roots(acts: &[Act<EngagementAct>]) -> Vec<EntryHash> {
        let proposals = acts.iter().filter(|a| a.void.is_none() && Self::begin(a).is_some());
        let mut roots: Vec<EntryHash> = proposals.map(|a| a.hash).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    fn begin(first: &Act<EngagementAct>) -> Option<Self> {
        let Some(What::Propose(proposal)) = &first.what.act else { return None };
        let recipient = PartyId::from_slice(&proposal.recipient)?;
        let provider = PartyId::from_slice(&proposal.provider)?;
        if recipient == provider || ![recipient, provider].contains(&first.author) || !first.after.is_empty()
        {
            return None;
        }
        // Two strangers to a need would else say how far it has come.
        let of = |named: &Option<RecordRef>, owner: PartyId| {
            named.as_ref().is_none_or(|r| PartyId::from_slice(&r.party) == Some(owner))
        };
        if !of(&proposal.need, recipient) || !of(&proposal.offer, provider) {
            return None;
        }
        let conditions = proposal.conditions.clone().unwrap_or_default();
        let conditions = if first.author == provider { conditions } else { ProviderTerms::default() };
        let terms = proposal.terms.clone().unwrap_or_default();
        Some(Self {
            root: first.hash,
            proposer: first.author,
            recipient,
            provider,
            proposal: proposal.clone(),
            state: State::Proposed,
            since_ms: first.time_ms,
            word: first.hash,
            conflicts: conflicts(&terms, &conditions),
            conditions,
            terms,
            accepted_terms: None,
            waived: Vec::new(),
            evaluations: Vec::new(),
            counted: Vec::new(),
            verdicts: Verdicts::new(),
            answered_ms: (first.author == provider).then_some(first.time_ms),
            disputed: None,
            resolutions: Vec::new(),
        })
    }

    /// Why an act is no part of it, whatever the state.
    fn foreign(&self, act: &Act<EngagementAct>, first: &Act<EngagementAct>) -> Option<Fault> {
        if act.author != self.recipient && act.author != self.provider {
            return Some(Fault::NotAParty);
        }
        (act.audience != first.audience).then_some(Fault::OtherAudience)
    }

    /// The other side.
    pub fn other(&self, party: &PartyId) -> PartyId {
        if *party == self.recipient { self.provider } else { self.recipient }
    }
}
