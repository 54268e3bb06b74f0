//! What the counted acts of a fund allow, worked out a second time and in another way: by an auditor who believes no state.

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::exchange::acts::Act;
use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::fund::Account;
use caphub_proto::v1::fund_act::Act as What;
use caphub_proto::v1::{FundAct, FundCharter, Money};
use caphub_proto::wire::{EntryHash, PartyId};

type Subject = (EntryHash, u32, Option<i128>);

struct Plan {
    recipient: PartyId,
    currency: String,
    parts: Vec<i128>,
    paid: BTreeSet<u32>,
    done: BTreeSet<(u32, bool)>,
}

/// Takes counted acts in their order and fails at the first that should not count.
pub struct Auditor {
    seed: u64,
    charter: FundCharter,
    board: BTreeSet<PartyId>,
    plans: BTreeMap<EntryHash, Plan>,
    votes: BTreeMap<EntryHash, BTreeMap<PartyId, bool>>,
    pledges: BTreeMap<EntryHash, (PartyId, String)>,
    amendments: BTreeMap<EntryHash, FundCharter>,
    approvals: BTreeMap<Subject, BTreeSet<PartyId>>,
    /// By currency and account, in units of 10^-18.
    pub balances: BTreeMap<(String, Account), i128>,
    /// Payments looked at.
    pub paid: usize,
    /// Acts looked at that needed a threshold.
    pub agreed: usize,
}

fn units(amount: &str) -> i128 {
    amount.parse::<Amount>().unwrap().text(18).replace('.', "").parse().unwrap()
}

fn of(money: &Option<Money>) -> (String, i128) {
    let money = money.clone().unwrap();
    (money.currency, units(&money.amount))
}

fn hash(bytes: &[u8]) -> EntryHash {
    EntryHash::from_slice(bytes).unwrap()
}

impl Auditor {
    /// Acts of those who did not hold the charter may come before it: it is in force from the first.
    pub fn new(seed: u64, root: &Act<FundAct>) -> Self {
        let mut auditor = Self {
            seed,
            charter: FundCharter::default(),
            board: BTreeSet::new(),
            plans: BTreeMap::new(),
            votes: BTreeMap::new(),
            pledges: BTreeMap::new(),
            amendments: BTreeMap::new(),
            approvals: BTreeMap::new(),
            balances: BTreeMap::new(),
            paid: 0,
            agreed: 0,
        };
        auditor.take(root);
        auditor
    }

    pub fn take(&mut self, act: &Act<FundAct>) {
        let seed = self.seed;
        assert!(act.void.is_none(), "seed {seed}: a void entry counts");
        match act.what.act.as_ref().unwrap() {
            What::Charter(charter) => self.put_in_force(charter),
            What::Pledge(pledge) => {
                self.pledges.insert(act.hash, (act.author, of(&pledge.amount).0));
            }
            What::PaidIn(payment) => {
                let (currency, amount) = of(&payment.amount);
                let (donor, promised) = self.pledges[&hash(&payment.about)].clone();
                assert_eq!(promised, currency, "seed {seed}");
                self.of_board(act);
                self.shift(&currency, Account::Donor(donor), Account::Free, amount);
            }
            What::Propose(proposal) => {
                let recipient = PartyId::from_slice(&proposal.recipient).unwrap();
                let parts = proposal.milestones.iter().map(|m| units(&m.amount)).collect();
                let currency = of(&proposal.amount).0;
                let (paid, done) = (BTreeSet::new(), BTreeSet::new());
                self.plans.insert(act.hash, Plan { recipient, currency, parts, paid, done });
            }
            What::Vote(vote) => {
                self.of_board(act);
                self.votes.entry(hash(&vote.about)).or_default().insert(act.author, vote.yes);
            }
            What::Commit(step) => {
                self.of_board(act);
                let about = hash(&step.about);
                let votes = self.votes.get(&about).cloned().unwrap_or_default();
                let yes = votes.iter().filter(|(party, yes)| **yes && self.board.contains(*party)).count();
                assert!(yes >= self.charter.threshold as usize, "seed {seed}: bound without votes");
                self.agreed += 1;
                let plan = &self.plans[&about];
                let (currency, whole) = (plan.currency.clone(), plan.parts.iter().sum());
                self.shift(&currency, Account::Free, Account::Committed(about), whole);
            }
            What::Approve(step) => {
                self.of_board(act);
                let amount = step.amount.as_ref().map(|_| of(&step.amount).1);
                let subject = (hash(&step.about), step.milestone, amount);
                assert!(self.approvals.entry(subject).or_default().insert(act.author), "seed {seed}");
            }
            What::Disburse(step) => {
                let about = hash(&step.about);
                self.by_threshold(act, (about, step.milestone, None));
                self.paid += 1;
                let plan = self.plans.get_mut(&about).unwrap();
                for before in 1..step.milestone {
                    let whole = plan.paid.contains(&before)
                        && [true, false].iter().all(|what| plan.done.contains(&(before, *what)));
                    assert!(whole, "seed {seed}: milestone {before} is not done");
                }
                assert!(plan.paid.insert(step.milestone), "seed {seed}: paid twice");
                let (currency, amount) = (plan.currency.clone(), plan.parts[step.milestone as usize - 1]);
                self.shift(&currency, Account::Committed(about), Account::Paid(about), amount);
            }
            What::Receipt(step) => self.recipient(act, &step.about, (step.milestone, true)),
            What::Report(step) => self.recipient(act, &step.about, (step.milestone, false)),
            What::Refund(payment) => {
                self.of_board(act);
                let (currency, amount) = of(&payment.amount);
                let about = hash(&payment.about);
                assert_eq!(self.plans[&about].currency, currency, "seed {seed}");
                self.shift(&currency, Account::Paid(about), Account::Free, amount);
            }
            What::Release(step) => {
                let about = hash(&step.about);
                self.by_threshold(act, (about, 0, None));
                let currency = self.plans[&about].currency.clone();
                let left = self.balances[&(currency.clone(), Account::Committed(about))];
                assert!(left > 0, "seed {seed}");
                self.shift(&currency, Account::Committed(about), Account::Free, left);
            }
            What::PayBack(payment) => {
                let (currency, amount) = of(&payment.amount);
                let about = hash(&payment.about);
                self.by_threshold(act, (about, 0, Some(amount)));
                let (donor, promised) = self.pledges[&about].clone();
                assert_eq!(promised, currency, "seed {seed}");
                self.shift(&currency, Account::Free, Account::Donor(donor), amount);
            }
            What::Amend(charter) => {
                self.of_board(act);
                self.amendments.insert(act.hash, charter.clone());
                self.approvals.entry((act.hash, 0, None)).or_default().insert(act.author);
            }
            What::Enact(step) => {
                let about = hash(&step.about);
                self.by_threshold(act, (about, 0, None));
                let charter = self.amendments.remove(&about).unwrap();
                self.put_in_force(&charter);
            }
            What::Close(step) => self.by_threshold(act, (hash(&step.about), 0, None)),
            What::Note(_) => {}
        }
    }

    fn put_in_force(&mut self, charter: &FundCharter) {
        self.board = charter.board.iter().map(|p| PartyId::from_slice(p).unwrap()).collect();
        self.charter = charter.clone();
    }

    fn of_board(&self, act: &Act<FundAct>) {
        assert!(self.board.contains(&act.author), "seed {}: not of the board", self.seed);
    }

    /// As many of the board in force as its threshold agreed to just this since that was last used.
    fn by_threshold(&mut self, act: &Act<FundAct>, subject: Subject) {
        self.of_board(act);
        self.agreed += 1;
        let mut agreed = self.approvals.remove(&subject).unwrap_or_default();
        agreed.insert(act.author);
        let count = agreed.intersection(&self.board).count();
        assert!(count >= self.charter.threshold as usize, "seed {}: {count} agreed", self.seed);
    }

    fn recipient(&mut self, act: &Act<FundAct>, about: &[u8], said: (u32, bool)) {
        let plan = self.plans.get_mut(&hash(about)).unwrap();
        assert_eq!(act.author, plan.recipient, "seed {}", self.seed);
        assert!(plan.paid.contains(&said.0) && plan.done.insert(said), "seed {}", self.seed);
    }

    fn shift(&mut self, currency: &str, from: Account, to: Account, amount: i128) {
        assert!(
            amount > 0 && self.charter.currencies.iter().any(|c| c == currency)
                || matches!(from, Account::Committed(_))
        );
        let source = self.balances.entry((currency.to_owned(), from)).or_default();
        *source -= amount;
        assert!(*source >= 0 || matches!(from, Account::Donor(_)), "seed {}: {from:?} below zero", self.seed);
        *self.balances.entry((currency.to_owned(), to)).or_default() += amount;
    }
}
