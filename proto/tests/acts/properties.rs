//! Random, reordered, repeated, partial, cut-off and forged acts: what holds in every set of them.

use std::collections::BTreeMap;

use caphub_proto::exchange::acts::{Act, Seen};
use caphub_proto::exchange::engagement::{Engagement, State, conflicts};
use caphub_proto::v1::engagement_act::Act as Engaging;
use caphub_proto::v1::{
    EngagementAcceptance, EngagementAct, EngagementAgreement, ProviderTerms, RecipientTerms,
};
use caphub_proto::wire::{EntryHash, FeedId, Reason};

use crate::engagement;
use crate::pen::{Dice, Fill, Pen, party};

/// Rounds of each property; a failing one prints its seed.
pub const ROUNDS: u64 = 400;

/// Some of what was written before, all of it, or nothing.
pub fn known<T: Fill>(pen: &Pen<T>, dice: &mut Dice) -> Vec<Act<T>> {
    match dice.roll(4) {
        0 => pen.acts.iter().take(dice.roll(pen.acts.len() + 1)).cloned().collect(),
        _ => pen.acts.clone(),
    }
}

/// Acts as a hostile network gives them, and which entries can never count: some are repeated, some missing, some feeds
/// are cut off, some acts are not as their author wrote them.
pub fn mangle<T: Fill>(pen: &Pen<T>, dice: &mut Dice) -> (Vec<Act<T>>, BTreeMap<FeedId, u64>) {
    let mut acts = pen.acts.clone();
    let mut cuts = BTreeMap::new();
    if dice.roll(3) == 0 {
        let feed = acts[dice.roll(acts.len())].feed;
        let cut = dice.roll(4) as u64;
        cuts.insert(feed, cut);
        acts.iter_mut()
            .filter(|a| a.feed == feed && a.seq > cut)
            .for_each(|a| a.void = Some(Reason::Revoked));
    }
    if dice.roll(3) == 0 {
        let at = dice.roll(acts.len());
        acts[at].author = party(1 + dice.roll(6) as u8);
    }
    if dice.roll(4) == 0 {
        let (at, from) = (dice.roll(acts.len()), dice.roll(acts.len()));
        let seen = Seen { feed: acts[from].feed, seq: acts[from].seq, hash: acts[from].hash };
        acts[at].after.push(seen);
    }
    let root = pen.root();
    if dice.roll(3) == 0 {
        let keep = dice.roll(10) + 1;
        acts.retain(|a| a.hash == root || a.hash.0[0] as usize % 10 < keep);
    }
    (acts, cuts)
}

pub fn arrivals<T: Fill>(acts: &[Act<T>], dice: &mut Dice) -> Vec<Act<T>> {
    let mut again = acts.to_vec();
    for _ in 0..dice.roll(5) {
        again.push(acts[dice.roll(acts.len())].clone());
    }
    dice.shuffle(&mut again);
    again
}

fn random_engagement(dice: &mut Dice) -> Pen<EngagementAct> {
    let names = ["US", "FJ"];
    let place = |dice: &mut Dice| match dice.roll(3) {
        2 => Vec::new(),
        n => vec![names[n].to_owned()],
    };
    let conditions =
        |dice: &mut Dice| ProviderTerms { data_locations: place(dice), ..ProviderTerms::default() };
    let mut pen = Pen::new("random");
    let terms = RecipientTerms { data_locations: place(dice), ..RecipientTerms::default() };
    let first = engagement::proposal(conditions(dice), terms);
    pen.write(1 + dice.roll(2) as u8, first);
    let note = engagement::note;
    for _ in 0..dice.roll(20) {
        let word = pen.acts[dice.roll(pen.acts.len())].hash;
        let waivers = ["data_location:US", "data_location:FJ"];
        // Half of the time what is due, so that lives are long enough to go wrong late.
        if let Some(e) = Engagement::of(&pen.root(), &pen.acts, &|_| false).filter(|_| dice.roll(2) == 0) {
            let (author, what) = match e.state {
                State::Proposed if e.proposer == e.recipient => {
                    (2, engagement::act(Engaging::Agree(EngagementAgreement::default())))
                }
                State::Proposed | State::Agreed => (1, engagement::accept(e.word, &waivers)),
                State::Accepted => (2, engagement::act(Engaging::Start(note()))),
                State::Active => (2, engagement::act(Engaging::Deliver(note()))),
                State::Delivered => (1, engagement::act(Engaging::Confirm(note()))),
                _ => (1, engagement::evaluate()),
            };
            let known = known(&pen, dice);
            pen.write_knowing(author, dice.roll(2) as u8, &known, what);
            continue;
        }
        let what = match dice.roll(12) {
            0 => engagement::accept(word, &waivers[..dice.roll(3)]),
            // With terms that the proposal did not state.
            1 => engagement::act(Engaging::Accept(EngagementAcceptance {
                to: word.to_vec(),
                waivers: waivers[..dice.roll(3)].iter().map(|w| (*w).to_owned()).collect(),
                terms: Some(RecipientTerms { data_locations: place(dice), ..RecipientTerms::default() }),
                ..EngagementAcceptance::default()
            })),
            2 => engagement::accept(pen.root(), &waivers[..dice.roll(3)]),
            3 => engagement::act(Engaging::Agree(EngagementAgreement {
                conditions: Some(conditions(dice)),
                text: None,
            })),
            4 | 5 => engagement::act(Engaging::Start(note())),
            6 => engagement::act(Engaging::Deliver(note())),
            7 => engagement::act(Engaging::Confirm(note())),
            8 => engagement::evaluate(),
            9 => engagement::act(Engaging::Withdraw(note())),
            10 => engagement::act(Engaging::Dispute(note())),
            _ => engagement::resolve(["resume", "confirmed", "ended"][dice.roll(3)]),
        };
        let known = known(&pen, dice);
        pen.write_knowing(1 + dice.roll(3) as u8, dice.roll(2) as u8, &known, what);
    }
    pen
}

#[test]
fn no_engagement_is_active_without_the_recipients_yes_to_the_conditions_and_all_nodes_agree() {
    holds();
}

/// Fails where it does not.
pub fn holds() {
    let (mut active, mut waived, mut confirmed) = (0, 0, 0);
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let pen = random_engagement(&mut dice);
        let (acts, cuts) = mangle(&pen, &mut dice);
        let gone = |s: &Seen| cuts.get(&s.feed).is_some_and(|cut| s.seq > *cut);
        let found = Engagement::of(&pen.root(), &acts, &gone);
        let again = Engagement::of(&pen.root(), &arrivals(&acts, &mut dice), &gone);
        assert_eq!(found, again, "seed {seed}: another order of arrival, another state");
        // A node that never got what was cut off comes to the same.
        let without: Vec<_> = acts.iter().filter(|a| a.void.is_none()).cloned().collect();
        let other = Engagement::of(&pen.root(), &without, &gone);
        let state = |e: &Option<Engagement>| e.as_ref().map(|e| (e.state, e.counted.clone()));
        assert_eq!(state(&found), state(&other), "seed {seed}");
        let Some(e) = found else { continue };
        let by_hash: BTreeMap<EntryHash, &Act<EngagementAct>> = acts.iter().map(|a| (a.hash, a)).collect();
        let counted: Vec<&Act<EngagementAct>> = e.counted.iter().map(|hash| by_hash[hash]).collect();
        assert!(counted.iter().all(|a| a.void.is_none()), "seed {seed}: a void entry counts");
        let at = |fits: fn(&Engaging) -> bool| -> Vec<usize> {
            let fits = |a: &Act<EngagementAct>| a.what.act.as_ref().is_some_and(fits);
            counted.iter().enumerate().filter(|(_, a)| fits(a)).map(|(at, _)| at).collect()
        };
        let accepted = at(|w| matches!(w, Engaging::Accept(_)));
        let started = at(|w| matches!(w, Engaging::Start(_)));
        assert!(accepted.len() <= 1 && started.len() <= 1, "seed {seed}");
        if matches!(e.state, State::Active | State::Delivered | State::Confirmed | State::Evaluated) {
            assert_eq!(accepted.len(), 1, "seed {seed}: {:?} without a yes", e.state);
        }
        if let Some(yes) = accepted.first() {
            active += 1;
            waived += usize::from(says_yes(&e, by_hash[&e.root], &counted, *yes, seed));
            // Nothing that it was a yes to changes later.
            assert!(at(|w| matches!(w, Engaging::Agree(_))).iter().all(|agree| agree < yes), "seed {seed}");
        }
        assert!(started.iter().all(|start| accepted.iter().any(|yes| yes < start)), "seed {seed}");
        for done in at(|w| matches!(w, Engaging::Confirm(_))) {
            confirmed += 1;
            let delivered = at(|w| matches!(w, Engaging::Deliver(_)));
            assert!(
                delivered.iter().any(|d| *d < done) && counted[done].author == e.recipient,
                "seed {seed}"
            );
        }
    }
    assert!(
        active > 60 && waived > 5 && confirmed > 10,
        "only {active} accepted, {waived} with waivers, {confirmed} confirmed: the acts prove nothing"
    );
}

/// The acceptance is the recipient's, of the provider's latest word, and waives each conflict: by the acts alone.
/// True where there was one.
fn says_yes(
    e: &Engagement,
    root: &Act<EngagementAct>,
    counted: &[&Act<EngagementAct>],
    yes: usize,
    seed: u64,
) -> bool {
    let Some(Engaging::Accept(accept)) = &counted[yes].what.act else { panic!("seed {seed}") };
    assert_eq!(counted[yes].author, e.recipient, "seed {seed}: not the recipient's yes");
    let Some(Engaging::Propose(proposal)) = &root.what.act else { panic!("seed {seed}") };
    let mut words = counted[..yes].iter().rev().filter_map(|a| match &a.what.act {
        Some(Engaging::Agree(agreed)) => Some((a.hash, agreed.conditions.clone())),
        _ => None,
    });
    // Acts of those who did not hold the proposal may come before it: it is the first word all the same.
    let first = (root.author == e.provider).then(|| (root.hash, proposal.conditions.clone()));
    let (word, conditions) = words.next().or(first).expect("a word of the provider");
    let conditions = conditions.unwrap_or_default();
    assert_eq!(accept.to, word.as_bytes(), "seed {seed}: not the latest word");
    let mut against = conflicts(&proposal.terms.clone().unwrap_or_default(), &conditions);
    against.extend(conflicts(&accept.terms.clone().unwrap_or_default(), &conditions));
    assert!(against.iter().all(|c| accept.waivers.contains(c)), "seed {seed}: {against:?}");
    !against.is_empty()
}
