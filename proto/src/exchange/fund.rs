//! A fund of several parties: pledges, proposals, votes, commitments, disbursements, receipts (SPEC.md section 15.5).
//!
//! Balances follow from the acts by double entry, each currency by itself. An act that lacks its threshold, or would
//! take more than there is, is void.

mod clocks;
pub mod ledger;
mod money;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::acts::{Act, Fault, Graph, Seen, Verdict, Verdicts};
use crate::exchange::amount::Amount;
use crate::v1::fund_act::Act as What;
use crate::v1::{FundAct, FundCharter};
use crate::wire::{EntryHash, PartyId};

pub use ledger::{Account, Ledger, Line, Totals};

/// Most parties of a board.
pub const BOARD_MAX: usize = 32;
/// Most milestones of a proposal.
pub const MILESTONES_MAX: usize = 64;

/// Where a proposal stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// Votes are taken.
    Proposed,
    /// The fund is bound.
    Committed,
    /// Every milestone was paid and received.
    Done,
    /// What was left was released.
    Released,
}

impl State {
    /// All, in the order of SPEC.md.
    pub const ALL: [Self; 4] = [Self::Proposed, Self::Committed, Self::Done, Self::Released];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Committed => "committed",
            Self::Done => "done",
            Self::Released => "released",
        }
    }
}

/// A promise, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pledge {
    /// Who promised.
    pub donor: PartyId,
    /// Its currency.
    pub currency: String,
    /// What was promised.
    pub amount: Amount,
    /// What was paid in.
    pub paid: Amount,
    /// What the donor got back.
    pub paid_back: Amount,
    /// ISO 8601 date by which it is to be paid; empty for none.
    pub due: String,
}

/// A part of a proposal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Milestone {
    /// What it costs.
    pub amount: Amount,
    /// When it was paid, by the author of the act.
    pub disbursed_ms: Option<u64>,
    /// The recipient has the money.
    pub received: bool,
    /// The recipient has shown that it is reached.
    pub reported: bool,
}

/// What somebody would do with the money.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// Who proposed.
    pub author: PartyId,
    /// Who would be paid.
    pub recipient: PartyId,
    /// Its title, in its own language.
    pub title: String,
    /// Its currency.
    pub currency: String,
    /// The whole.
    pub amount: Amount,
    /// Its parts.
    pub milestones: Vec<Milestone>,
    /// The latest vote of each party.
    pub votes: BTreeMap<PartyId, bool>,
    /// Where it stands.
    pub state: State,
}

/// What is agreed to: an act, its milestone or 0, and the amount where the act does not fix it.
type Subject = (EntryHash, u32, Option<Amount>);

/// One fund, as its acts make it.
#[derive(Clone, PartialEq, Debug)]
pub struct Fund {
    /// The charter's entry: what identifies it.
    pub root: EntryHash,
    /// Who wrote the charter.
    pub author: PartyId,
    /// The charter in force.
    pub charter: FundCharter,
    /// Nothing more is pledged, proposed or committed.
    pub closed: bool,
    /// By the pledge's entry.
    pub pledges: BTreeMap<EntryHash, Pledge>,
    /// By the proposal's entry.
    pub proposals: BTreeMap<EntryHash, Proposal>,
    /// Every amount that moved.
    pub ledger: Ledger,
    /// Acts that count, in order.
    pub counted: Vec<EntryHash>,
    /// What became of every act.
    pub verdicts: Verdicts,
    board: BTreeSet<PartyId>,
    amendments: BTreeMap<EntryHash, (PartyId, FundCharter)>,
    /// Who agreed to what: a proposal's milestone (0: its release), so much of a pledge's return, an amendment, the close.
    approvals: BTreeMap<Subject, BTreeSet<PartyId>>,
    /// Payments that came in: from whom, and what they are called.
    references: BTreeSet<(PartyId, String)>,
}

impl Fund {
    /// The fund that this charter began; `None` where the charter is not held or does not count. Acts of other funds,
    /// in any order, repeated or not, change nothing.
    pub fn of(root: &EntryHash, acts: &[Act<FundAct>], gone: &dyn Fn(&Seen) -> bool) -> Option<Self> {
        let first = acts.iter().find(|a| a.hash == *root && a.void.is_none())?;
        let mut fund = Self::begin(first)?;
        let (mut own, mut verdicts) = (Vec::new(), Verdicts::new());
        for act in acts.iter().filter(|a| a.hash == *root || a.what.root == root.as_bytes()) {
            match act.audience == first.audience {
                true => own.push(act.clone()),
                false => drop(verdicts.insert(act.hash, Verdict::Void(Fault::OtherAudience))),
            }
        }
        let founders = fund.board.clone();
        let named: BTreeSet<EntryHash> =
            own.iter().filter(|a| founders.contains(&a.author)).filter_map(about).collect();
        let class = |a: &Act<FundAct>| match (founders.contains(&a.author), named.contains(&a.hash)) {
            (true, _) => u8::from(a.hash != *root),
            (false, true) => 1,
            (false, false) => 2,
        };
        let graph = Graph::new(&own, &class, gone);
        verdicts.extend(graph.others.iter().map(|(hash, verdict)| (*hash, *verdict)));
        for act in graph.sequence(&|_| true, &|p| founders.contains(p), &|_| 0) {
            let done = if act.hash == *root { Ok(()) } else { fund.step(act) };
            if done.is_ok() {
                fund.counted.push(act.hash);
            }
            verdicts.insert(act.hash, done.map_or_else(Verdict::Void, |()| Verdict::Counted));
        }
        fund.verdicts = verdicts;
        (fund.verdicts.get(root) == Some(&Verdict::Counted)).then_some(fund)
    }

    /// Every charter among acts that counts as an entry.
    pub fn roots(acts: &[Act<FundAct>]) -> Vec<EntryHash> {
        let charters = acts.iter().filter(|a| a.void.is_none() && Self::begin(a).is_some());
        let mut roots: Vec<EntryHash> = charters.map(|a| a.hash).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    fn begin(first: &Act<FundAct>) -> Option<Self> {
        let Some(What::Charter(charter)) = &first.what.act else { return None };
        let board: BTreeSet<PartyId> = charter.board.iter().filter_map(|p| PartyId::from_slice(p)).collect();
        if !board.contains(&first.author) || !first.after.is_empty() {
            return None;
        }
        Some(Self {
            root: first.hash,
            author: first.author,
            charter: charter.clone(),
            closed: false,
            pledges: BTreeMap::new(),
            proposals: BTreeMap::new(),
            ledger: Ledger::default(),
            counted: Vec::new(),
            verdicts: Verdicts::new(),
            board,
            amendments: BTreeMap::new(),
            approvals: BTreeMap::new(),
            references: BTreeSet::new(),
        })
    }

    /// The board parties now.
    pub fn board(&self) -> &BTreeSet<PartyId> {
        &self.board
    }

    /// Board parties that agreed to a step so far.
    pub fn approved(&self, about: &EntryHash, milestone: u32) -> usize {
        let agreed = self.approvals.get(&(*about, milestone, None));
        agreed.map_or(0, |parties| parties.intersection(&self.board).count())
    }

    /// Board parties that voted for a proposal.
    pub fn votes_for(&self, proposal: &Proposal) -> usize {
        proposal.votes.iter().filter(|(party, yes)| **yes && self.board.contains(*party)).count()
    }
}

/// The act that another is about.
fn about(act: &Act<FundAct>) -> Option<EntryHash> {
    let hash = match act.what.act.as_ref()? {
        What::PaidIn(p) | What::Refund(p) | What::PayBack(p) => &p.about,
        What::Vote(v) => &v.about,
        What::Commit(s)
        | What::Report(s)
        | What::Approve(s)
        | What::Disburse(s)
        | What::Receipt(s)
        | What::Release(s)
        | What::Enact(s)
        | What::Close(s) => &s.about,
        _ => return None,
    };
    EntryHash::from_slice(hash)
}
