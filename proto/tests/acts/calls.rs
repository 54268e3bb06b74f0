//! Random, reordered, repeated, partial, cut-off and forged acts under a call: what holds in every set of them.

use std::collections::BTreeSet;

use caphub_proto::exchange::acts::{Act, Seen, Verdict};
use caphub_proto::exchange::fellowship::{Fellowships, State, subject};
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::{FellowshipAct, FellowshipCosign, FellowshipDraw};
use caphub_proto::wire::{Audience, EntryHash, PartyId};

use crate::fellowship::{AUTHOR, act, close, decide, nominate, sealed, step};
use crate::pen::{Dice, Pen, party};
use crate::properties::{arrivals, known, mangle};

/// Rounds; a failing one prints its seed.
const ROUNDS: u64 = 400;

/// Parties 2 and 3 nominate, the author answers, and everybody also does what is not theirs to do.
fn random_call(dice: &mut Dice) -> Pen<FellowshipAct> {
    let mut pen = Pen::new("random call");
    pen.write(2, nominate(7));
    for _ in 0..10 + dice.roll(30) {
        let (n, nominator) = (7 + dice.roll(3) as u8, 2 + dice.roll(2) as u8);
        let held = Fellowships::of(party(AUTHOR), Audience::Public, &pen.acts, &|_| false);
        let state = held.nominees.get(&(party(nominator), sealed(n))).map(|nominee| nominee.state);
        // Half of the time what is due, so that lives are long enough to go wrong late.
        let (author, what) = if dice.roll(2) == 0 {
            match state {
                None => (nominator, nominate(n)),
                Some(State::Nominated) => (AUTHOR, decide(n, nominator, dice.roll(5) > 0)),
                Some(State::Granted) => (nominator, act(What::Accept(step(n, nominator)))),
                Some(State::Accepted) => (AUTHOR, act(What::Start(step(n, nominator)))),
                Some(State::Started) => (AUTHOR, act(What::Complete(step(n, nominator)))),
                Some(_) => (AUTHOR, act(What::Certificate(step(n, nominator)))),
            }
        } else {
            let what = match dice.roll(11) {
                0 => nominate(n),
                1 => decide(n, nominator, dice.roll(2) == 0),
                2 => act(What::Accept(step(n, nominator))),
                3 => act(What::Decline(step(n, nominator))),
                4 => act(What::Withdraw(step(n, nominator))),
                5 => act(What::Start(step(n, nominator))),
                6 => act(What::Complete(step(n, nominator))),
                7 => act(What::Certificate(step(n, nominator))),
                8 if dice.roll(3) == 0 => close(&[7, 8][..1 + dice.roll(2)]),
                9 => {
                    let closing = pen.acts[dice.roll(pen.acts.len())].hash.to_vec();
                    act(What::Cosign(FellowshipCosign { closing, list_hash: vec![5; 32] }))
                }
                _ => act(What::Draw(FellowshipDraw {
                    value: vec![dice.roll(9) as u8],
                    ..FellowshipDraw::default()
                })),
            };
            ([AUTHOR, nominator, 4][dice.roll(3)], what)
        };
        let known = known(&pen, dice);
        pen.write_knowing(author, dice.roll(2) as u8, &known, what);
    }
    pen
}

/// The counted acts about one nomination that a test looks for.
fn some<'a>(
    all: &Fellowships,
    acts: &'a [Act<FellowshipAct>],
    key: (PartyId, EntryHash),
    wanted: fn(&What) -> bool,
) -> Vec<&'a Act<FellowshipAct>> {
    let counted = |a: &&Act<FellowshipAct>| all.verdicts.get(&a.hash) == Some(&Verdict::Counted);
    let fits = |a: &&Act<FellowshipAct>| subject(a) == Some(key) && a.what.act.as_ref().is_some_and(wanted);
    let mut found: Vec<_> = acts.iter().filter(counted).filter(fits).collect();
    found.sort_by_key(|a| a.hash);
    found.dedup_by_key(|a| a.hash);
    found
}

#[test]
fn no_place_is_taken_without_both_sides_and_every_order_of_arrival_shows_the_same() {
    holds();
}

/// Fails where it does not.
pub fn holds() {
    let (mut started, mut cut) = (0, 0);
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed ^ 0xca11);
        let pen = random_call(&mut dice);
        let (acts, cuts) = mangle(&pen, &mut dice);
        cut += usize::from(!cuts.is_empty());
        let gone = |s: &Seen| cuts.get(&s.feed).is_some_and(|last| s.seq > *last);
        let of = |acts: &[Act<FellowshipAct>]| Fellowships::of(party(AUTHOR), Audience::Public, acts, &gone);
        let found = of(&acts);
        assert_eq!(found, of(&arrivals(&acts, &mut dice)), "seed {seed}: another order, another state");
        // A node that never got what was cut off comes to the same.
        let without: Vec<_> = acts.iter().filter(|a| a.void.is_none()).cloned().collect();
        let other = of(&without);
        assert_eq!(
            (&found.nominees, &found.closing, &found.draw),
            (&other.nominees, &other.closing, &other.draw),
            "seed {seed}"
        );
        let void = |a: &&Act<FellowshipAct>| a.void.is_some();
        let counts = |a: &Act<FellowshipAct>| found.verdicts.get(&a.hash) == Some(&Verdict::Counted);
        assert!(!acts.iter().filter(void).any(counts), "seed {seed}: a void entry counts");
        for (key, nominee) in &found.nominees {
            let nominated = some(&found, &acts, *key, |w| matches!(w, What::Nominate(_)));
            assert_eq!((nominated.len(), nominated[0].author), (1, key.0), "seed {seed}");
            let decided = some(&found, &acts, *key, |w| matches!(w, What::Decide(_)));
            let taken = some(&found, &acts, *key, |w| matches!(w, What::Accept(_)));
            assert!(decided.len() <= 1 && decided.iter().all(|a| a.author == party(AUTHOR)), "seed {seed}");
            if !matches!(nominee.state, State::Nominated | State::Withdrawn) {
                assert_eq!(decided.len(), 1, "seed {seed}: {:?}", nominee.state);
                // Whoever is not on a list that was closed gets no decision.
                assert_ne!(nominee.listed, Some(false), "seed {seed}");
            }
            if matches!(nominee.state, State::Started | State::Completed | State::Certified) {
                started += 1;
                assert!(
                    taken.len() == 1 && taken[0].author == key.0 && taken[0].void.is_none(),
                    "seed {seed}"
                );
            }
        }
        let closings = acts.iter().filter(|a| matches!(a.what.act, Some(What::Close(_))));
        let counted = closings.filter(|a| found.verdicts.get(&a.hash) == Some(&Verdict::Counted));
        let counted: BTreeSet<EntryHash> = counted.map(|a| a.hash).collect();
        assert!(counted.len() <= 1, "seed {seed}: {counted:?}");
        if let Some(closing) = &found.closing {
            assert!(
                counted.contains(&closing.act) && !closing.cosigned.contains_key(&party(AUTHOR)),
                "seed {seed}"
            );
        }
    }
    assert!(
        started > 40 && cut > 40,
        "only {started} started and {cut} were cut off: the acts prove nothing"
    );
}
