//! Every way in which a run can meet what is held.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use prost::bytes::Bytes;

use super::*;
use crate::wire::entry::{Draft, UncheckedEntry};
use crate::wire::feed::Feed;
use crate::wire::intake::aside::Asides;
use crate::wire::{Audience, PartyId, Signer};

fn signer() -> Signer {
    Signer::from_seed(&[1; 32])
}

fn feed() -> Feed {
    Feed::records(PartyId([9; 32]), signer().public(), Audience::Public)
}

/// Packed entries, from place 1; where a history names another as its base it shares its beginning.
fn history(base: &[Vec<u8>], branch: &str, length: usize) -> Vec<Vec<u8>> {
    let mut out = base.to_vec();
    while out.len() < length {
        let head = out.last().map(|packed| {
            let last = Run::chain(feed(), unpack(packed).unwrap()).unwrap().head();
            (last.seq, last.hash)
        });
        let body = [&[7; 16][..], branch.as_bytes(), &out.len().to_be_bytes()].concat();
        out.push(Draft { feed: &feed(), head, time_ms: 1, body: &body }.sign(&signer()).unwrap().0);
    }
    out
}

/// What a store would hold.
#[derive(Default)]
struct World {
    entries: BTreeMap<u64, Vec<u8>>,
    head: Option<Head>,
    tails: Vec<Tail>,
    missing: Vec<u64>,
    counted: Option<Counted>,
    freeze: Option<LastCommon>,
    anchor: Option<Head>,
    asides: Asides,
    ahead: bool,
}

fn one(packed: &[u8]) -> (Seq, EntryHash, EntryHash) {
    let run = Run::chain(feed(), unpack(packed).unwrap()).unwrap();
    (run.head().seq, run.head().hash, run.first().header.previous)
}

impl Chain for World {
    fn hash(&self, seq: Seq) -> Option<EntryHash> {
        self.entries.get(&seq.value()).map(|p| one(p).1)
    }

    fn run(&self, from: Seq) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut next = from.value();
        while let Some(packed) = self.entries.get(&next) {
            out.extend_from_slice(packed);
            next += 1;
        }
        Some(out).filter(|o| !o.is_empty())
    }

    fn lacks_body(&self, seq: Seq) -> bool {
        self.missing.contains(&seq.value())
    }
}

impl World {
    fn holding(entries: &[Vec<u8>]) -> Self {
        let entries = entries.iter().map(|p| (one(p).0.value(), p.clone())).collect();
        let mut world = Self { entries, ..Self::default() };
        world.settle();
        world
    }

    /// Head and tails from the entries that are held.
    fn settle(&mut self) {
        (self.head, self.tails) = (None, Vec::new());
        for packed in self.entries.values() {
            let (seq, hash, previous) = one(packed);
            let head = Head { seq, hash };
            let (at, before) = self.head.map_or((0, EntryHash::default()), |h| (h.seq.value(), h.hash));
            if self.tails.is_empty() && seq.value() == at + 1 && previous == before {
                self.head = Some(head);
                continue;
            }
            match self.tails.last_mut() {
                Some(t) if t.head.seq.next() == Some(seq) && t.head.hash == previous => t.head = head,
                _ => self.tails.push(Tail { first: seq, previous, head, bytes: 1 }),
            }
        }
    }

    fn judge(&self, entries: &[Vec<u8>]) -> Result<Verdict, Reason> {
        self.judge_packed(&entries.concat())
    }

    fn judge_packed(&self, packed: &[u8]) -> Result<Verdict, Reason> {
        let facts = Facts {
            counted: self.counted.unwrap_or(Counted::All),
            freeze: self.freeze,
            head: self.head,
            tails: &self.tails,
            anchor: self.anchor,
            aside: self.counted.and_then(Counted::named).and_then(|n| self.asides.kept(&feed().id(), n)),
            ahead: self.ahead,
        };
        let run = Run::chain(feed(), unpack(packed)?)?;
        judge(&facts, self, &run, &Verifier::new(signer().public().as_bytes()).unwrap())
    }

    /// Judges and does what the verdict says.
    fn take(&mut self, entries: &[Vec<u8>]) -> Result<Verdict, Reason> {
        let verdict = self.judge(entries)?;
        let packed = Bytes::from(entries.concat());
        let run = Run::chain(feed(), unpack(&packed).unwrap()).unwrap();
        let mut chosen: Vec<Vec<u8>> = Vec::new();
        let stored = match &verdict {
            Verdict::Append { skip, take } | Verdict::Tail { skip, take } => &entries[*skip..*take],
            Verdict::Replace { skip } => {
                let from = one(&entries[*skip]).0.value();
                self.entries.retain(|seq, _| *seq < from);
                &entries[*skip..]
            }
            Verdict::Fork(proof) => {
                self.freeze = Some(self.freeze.map_or(proof.common(), |f| f.min(proof.common())));
                &[]
            }
            Verdict::Below(head) => {
                self.anchor = self.anchor.filter(|a| a.seq < head.seq).or(Some(*head));
                &[]
            }
            Verdict::Aside { skip } => {
                self.asides.keep(&run, &packed, *skip, self.counted.unwrap().named().unwrap());
                &[]
            }
            Verdict::Chosen => {
                for kept in self.asides.take(&feed().id()) {
                    let parts = unpack(&kept.packed).unwrap();
                    let mut at = 0;
                    for (index, entry) in parts.iter().enumerate() {
                        let end = at + entry.packed_len();
                        chosen.extend((index >= kept.skip).then(|| kept.packed[at..end].to_vec()));
                        at = end;
                    }
                }
                let from = one(&chosen[0]).0.value();
                self.entries.retain(|seq, _| *seq < from);
                chosen.extend_from_slice(entries);
                &chosen[..]
            }
            Verdict::Known | Verdict::Refill { .. } => &[],
        };
        for packed in stored {
            self.entries.insert(one(packed).0.value(), packed.clone());
        }
        self.settle();
        Ok(verdict)
    }

    fn height(&self) -> u64 {
        self.head.map_or(0, |h| h.seq.value())
    }
}

fn head_of(entries: &[Vec<u8>], seq: usize) -> Head {
    let (seq, hash, _) = one(&entries[seq - 1]);
    Head { seq, hash }
}

fn up_to(entries: &[Vec<u8>], seq: usize) -> Option<Counted> {
    let named = head_of(entries, seq);
    Some(Counted::UpTo { seq: named.seq.value(), hash: named.hash })
}

/// The run with the last entry's signature broken.
fn unsigned(entries: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut out = entries.to_vec();
    if let Some(last) = out.last_mut() {
        last[130] ^= 1;
    }
    out
}

fn proof_at(verdict: Result<Verdict, Reason>) -> u64 {
    match verdict {
        Ok(Verdict::Fork(proof)) => {
            let checked = ForkProof::check(*proof.feed(), proof.first(), proof.second()).unwrap();
            assert_eq!(checked, *proof);
            proof.common().seq
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_follows_is_appended_and_what_is_held_is_known() {
    let a = history(&[], "a", 10);
    let world = World::holding(&a[..5]);
    assert_eq!(world.judge(&a[5..]), Ok(Verdict::Append { skip: 0, take: 5 }));
    assert_eq!(world.judge(&a[2..8]), Ok(Verdict::Append { skip: 3, take: 6 }));
    assert_eq!(world.judge(&a[1..4]), Ok(Verdict::Known));
    assert_eq!(world.judge(&a[6..]), Err(Reason::Gap));
    assert_eq!(world.judge(&unsigned(&a[5..])), Err(Reason::BadSignature));
    assert_eq!(World::default().judge(&a), Ok(Verdict::Append { skip: 0, take: 10 }));
}

#[test]
fn two_histories_prove_a_fork_wherever_they_part() {
    let a = history(&[], "a", 10);
    for part in 0..8 {
        let b = history(&a[..part], "b", 10);
        let world = World::holding(&a);
        for from in 0..=part {
            assert_eq!(proof_at(world.judge(&b[from..])), part as u64, "from {from}");
            assert_eq!(proof_at(world.judge(&b[from..=part])), part as u64);
            assert_eq!(world.judge(&unsigned(&b[from..])), Err(Reason::BadSignature));
        }
        // Beyond where they part there is no common entry to show: the feed is asked for from its beginning.
        assert_eq!(world.judge(&b[part + 1..]), Err(Reason::Fork));
        assert_eq!(World::holding(&a[..part + 1]).judge(&b[part + 1..]), Err(Reason::Fork));
        assert_eq!(proof_at(World::holding(&a[..part + 1]).judge(&b)), part as u64);
    }
}

#[test]
fn beyond_a_freeze_nothing_is_taken_but_better_evidence_is() {
    let a = history(&[], "a", 10);
    let mut world = World::holding(&a[..8]);
    let b = history(&a[..5], "b", 10);
    assert_eq!(proof_at(world.take(&b)), 5);
    assert_eq!(world.judge(&a[8..]), Err(Reason::Frozen));
    assert_eq!(world.judge(&b[5..]), Err(Reason::Frozen));
    assert_eq!(world.judge(&a[..5]), Ok(Verdict::Known));
    assert_eq!(proof_at(world.judge(&history(&a[..3], "c", 10))), 3);
    // A node that holds less takes what is common, also without a signature there: the proof names it.
    let mut less = World::holding(&a[..2]);
    less.freeze = world.freeze;
    assert_eq!(less.judge(&a[2..5]), Ok(Verdict::Append { skip: 0, take: 3 }));
    assert_eq!(less.judge(&a[2..6]), Err(Reason::Frozen));
}

#[test]
fn a_revocation_ends_a_feed_and_picks_the_branch() {
    let a = history(&[], "a", 10);
    let b = history(&a[..5], "b", 10);
    let mut world = World::holding(&a[..8]);
    world.counted = up_to(&a, 8);
    assert_eq!(world.judge(&a[8..]), Err(Reason::Revoked));
    assert_eq!(world.judge(&b[5..7]), Err(Reason::Revoked));
    assert_eq!(world.judge(&b[5..8]), Err(Reason::Revoked));
    assert_eq!(world.judge(&b[2..7]), Err(Reason::Revoked));
    // The other branch is the one: it takes the place of what is held, frozen or not.
    world.counted = up_to(&b, 8);
    world.freeze = Some(LastCommon { seq: 5, hash: head_of(&a, 5).hash });
    assert_eq!(world.judge(&a[..8]), Err(Reason::Revoked));
    assert_eq!(world.take(&b[2..7]), Ok(Verdict::Replace { skip: 3 }));
    assert_eq!(world.take(&b[7..8]), Ok(Verdict::Append { skip: 0, take: 1 }));
    assert_eq!(world.judge(&a[4..7]), Err(Reason::Revoked));
    world.counted = Some(Counted::UpTo { seq: 0, hash: EntryHash::default() });
    assert_eq!(world.judge(&b[..1]), Err(Reason::Revoked));
}

#[test]
fn a_run_that_ends_where_a_revoke_says_needs_no_signature() {
    let a = history(&[], "a", 6);
    let world = World { counted: up_to(&a, 4), ..World::holding(&a[..2]) };
    let mut cut = a[2..4].to_vec();
    cut[1] = unsigned(&a[3..4]).concat();
    let named = one(&cut[1]);
    let world = World { counted: Some(Counted::UpTo { seq: 4, hash: named.1 }), ..world };
    assert_eq!(world.judge(&cut), Ok(Verdict::Append { skip: 0, take: 2 }));
    assert_eq!(World { counted: None, ..world }.judge(&cut), Err(Reason::BadSignature));
}

#[test]
fn a_branch_that_a_revoke_names_is_found_from_its_end_where_nothing_else_decides() {
    let (a, b) = (history(&[], "a", 20), history(&history(&[], "a", 3), "b", 20));
    // Held: a branch that ends before the named place, so that neither is shown to be wrong.
    let mut world = World { counted: up_to(&b, 20), ..World::holding(&a[..8]) };
    let pull = |world: &mut World| {
        for part in b.chunks(4) {
            let _ = world.take(part);
        }
    };
    assert_eq!(world.judge(&b[..4]), Ok(Verdict::Aside { skip: Some(3) }));
    assert_eq!(world.judge(&unsigned(&b[..4])), Err(Reason::BadSignature));
    pull(&mut world);
    assert_eq!((world.head, world.asides.bytes()), (Some(head_of(&b, 20)), 0));
}

#[test]
fn a_branch_of_runs_of_one_entry_is_chosen_whatever_is_held_and_whoever_is_cut_off() {
    let b = history(&history(&[], "a", 3), "b", 12);
    for (held, tail) in [(4, false), (8, false), (8, true), (11, true)] {
        let a = history(&b[..3], "other", held);
        let mut world = World { counted: up_to(&b, 12), ..World::holding(&a) };
        if tail {
            // The end came first, alone.
            let _ = world.take(&b[11..]);
        }
        // One far end is cut off, another one begins again; a third one brings a history that leads nowhere.
        let third = history(&b[..2], "third", 6);
        let streams = [&b[3..7], &third[2..], &b[3..9], &b[3..6], &b[6..11], &b[8..]];
        let mut refused = Vec::new();
        for packed in streams.into_iter().flatten() {
            refused.extend(world.take(std::slice::from_ref(packed)).err());
        }
        assert_eq!(world.head, Some(head_of(&b, 12)), "{held} {tail}: {refused:?}");
        assert_eq!(world.judge(&a[3..4]), Err(Reason::Revoked));
    }
}

#[test]
fn what_is_kept_aside_is_bounded_and_of_no_use_once_the_feed_is_another() {
    let b = history(&history(&[], "a", 3), "b", 9);
    let (a, c) = (history(&b[..3], "other", 5), history(&b[..1], "c", 4));
    let mut world = World { counted: up_to(&b, 9), ..World::holding(&a) };
    world.take(&b[3..5]).unwrap();
    world.take(&b[5..8]).unwrap();
    let kept = world.asides.bytes();
    assert_eq!(kept, b[3..8].concat().len() as u64);
    // Another history is held now, which parts from the kept one earlier: nothing is put on top of it.
    let other = World { counted: world.counted, asides: world.asides.clone(), ..World::holding(&c) };
    assert_eq!(other.judge(&b[8..]), Ok(Verdict::Tail { skip: 0, take: 1 }));
    // A Revoke that names another entry begins anew.
    world.counted = up_to(&b, 8);
    assert_eq!(world.judge(&b[7..8]), Ok(Verdict::Tail { skip: 0, take: 1 }));
    world.asides.take(&feed().id());
    assert_eq!(world.asides.bytes(), 0);
}

#[test]
fn newest_first_grows_a_tail_downward_and_joins() {
    let a = history(&[], "a", 30);
    let mut world = World::holding(&a[..5]);
    assert_eq!(world.judge(&a[25..]), Err(Reason::Gap));
    world.ahead = true;
    assert_eq!(world.judge(&unsigned(&a[25..])), Err(Reason::BadSignature));
    assert_eq!(world.take(&a[25..]), Ok(Verdict::Tail { skip: 0, take: 5 }));
    world.ahead = false;
    assert_eq!(world.height(), 5, "a tail is not the head");
    // Below a tail no signature is needed: the tail names the entry.
    assert_eq!(world.judge(&unsigned(&a[20..25])), Err(Reason::Fork).or(Err(Reason::BadSignature)));
    assert_eq!(world.take(&a[20..25]), Ok(Verdict::Tail { skip: 0, take: 5 }));
    assert_eq!(world.take(&a[15..22]), Ok(Verdict::Tail { skip: 0, take: 5 }));
    assert_eq!(world.judge(&a[21..24]), Ok(Verdict::Known));
    assert_eq!(world.judge(&a[8..10]), Err(Reason::Gap));
    assert_eq!(world.take(&a[3..18]), Ok(Verdict::Append { skip: 2, take: 12 }));
    assert_eq!(world.height(), 30);
}

#[test]
fn a_tail_of_another_history_proves_the_fork_once_the_runs_meet() {
    let a = history(&[], "a", 30);
    let b = history(&a[..10], "b", 30);
    let mut world = World { ahead: true, ..World::holding(&a[..5]) };
    world.take(&b[20..]).unwrap();
    assert_eq!(world.judge(&a[22..]), Err(Reason::Fork));
    assert_eq!(world.judge(&a[15..20]), Err(Reason::Fork));
    // The contiguous history is taken; the tail is dropped by the store, and its own beginning proves the fork.
    assert_eq!(world.judge(&a[5..20]), Ok(Verdict::Append { skip: 0, take: 15 }));
    assert_eq!(world.judge(&a[5..25]), Ok(Verdict::Append { skip: 0, take: 20 }));
    assert_eq!(proof_at(World::holding(&a[..25]).judge(&b)), 10);
    let near = history(&b[..20], "c", 30);
    assert_eq!(proof_at(World { ahead: true, ..world }.judge(&near[5..])), 20);
}

#[test]
fn tails_are_few() {
    let a = history(&[], "a", 40);
    let mut world = World { ahead: true, ..World::default() };
    for at in [38, 34, 30, 26] {
        world.take(&a[at..at + 1]).unwrap();
    }
    assert_eq!(world.judge(&a[20..21]), Err(Reason::Gap));
    assert_eq!(world.take(&a[37..38]), Ok(Verdict::Tail { skip: 0, take: 1 }));
    world.tails[0].bytes = TAIL_BYTES_MAX;
    assert_eq!(world.judge(&a[36..37]), Err(Reason::Gap));
    assert!(world.judge(&a).is_ok());
}

#[test]
fn a_missing_body_is_filled_by_whoever_has_it() {
    let a = history(&[], "a", 6);
    let world = World { missing: vec![2, 5], ..World::holding(&a) };
    assert_eq!(world.judge(&a), Ok(Verdict::Refill { entries: vec![1, 4] }));
    assert_eq!(world.judge(&a[2..4]), Ok(Verdict::Known));
    let bare = |packed: &Vec<u8>| {
        let entry: UncheckedEntry<'_> = unpack(packed).unwrap().remove(0);
        let mut out = [&entry.header[..], &entry.signature[..]].concat();
        out.push(0);
        out
    };
    let headers: Vec<Vec<u8>> = a.iter().map(bare).collect();
    assert_eq!(world.judge(&headers), Ok(Verdict::Known));
}

#[test]
fn runs_in_any_order_converge_to_the_whole_feed() {
    let a = history(&[], "a", 40);
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..6 {
        let mut world = World { ahead: round % 2 == 0, ..World::default() };
        for _ in 0..200 {
            let from = random(40);
            let to = (from + 1 + random(9)).min(40);
            match world.take(&a[from..to]) {
                Ok(_) | Err(Reason::Gap) => {}
                other => panic!("round {round}: {other:?}"),
            }
            for (seq, packed) in &world.entries {
                assert_eq!(packed, &a[*seq as usize - 1]);
            }
        }
        let _ = world.take(&a);
        assert_eq!(world.height(), 40, "round {round}");
    }
}
