//! Verifying an allocation: each thing that does not hold is told, and only that.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::exchange::acts::Seen;
use std::collections::{BTreeMap, BTreeSet};

const DRAW: u64 = 1_000;

fn hash(id: u8) -> EntryHash {
    EntryHash([id; 32])
}

fn party(id: u8) -> PartyId {
    PartyId([id; 32])
}

/// A call by party 1 with two places; three states nominate; two others cosign in time; all is decided by the rules.
fn honest() -> (Facts, Vec<Application>) {
    let applications: Vec<Application> = (10..13)
        .map(|id| Application {
            hash: hash(id),
            party: party(id),
            countries: Countries::one("TV"),
            attested: true,
            priority: 10,
            turn: 0,
        })
        .collect();
    let hashes: Vec<EntryHash> = applications.iter().map(|a| a.hash).collect();
    let list = list_hash(&hash(1), &hashes);
    let cosigned =
        |id| Cosignature { party: party(id), time_ms: 600, closing: hash(5), list, attested: true };
    let nominated = |hash: &EntryHash| Nominated {
        hash: *hash,
        party: PartyId(hash.0),
        in_window: true,
        held_by: BTreeSet::from([party(1), party(2)]),
        cut: false,
    };
    let shown = |entry, hub, time_ms| Shown { entry, time_ms, hub: party(hub), counts: true };
    let mut facts = Facts {
        call: hash(1),
        author: party(1),
        draw_ms: Some(DRAW),
        cosignatures_due: 2,
        closings: vec![Closing {
            entry: hash(5),
            party: party(1),
            time_ms: 500,
            applications: hashes.clone(),
            points: vec![10; 3],
            turns: Vec::new(),
            feeds: Vec::new(),
            after: Vec::new(),
        }],
        cosignatures: vec![cosigned(2), cosigned(3)],
        nominated: hashes.iter().map(nominated).collect(),
        decisions: Vec::new(),
        draws: vec![Drawn { entry: hash(7), time_ms: DRAW, value: b"value".to_vec() }],
        checked: Some(b"value".to_vec()),
        hubs_named: true,
        points_now: hashes.iter().map(|h| (*h, 10)).collect(),
        turns_now: hashes.iter().map(|h| (*h, 1)).collect(),
        shown: vec![shown(hash(1), 7, 400), shown(hash(5), 7, 510), shown(hash(5), 8, DRAW)],
    };
    let decided = |p: &Placed| Decision {
        application: p.application.hash,
        granted: p.outcome == Outcome::Place,
        rank: p.rank,
    };
    facts.decisions = placed(&applications).iter().map(decided).collect();
    (facts, applications)
}

fn placed(applications: &[Application]) -> Vec<Placed> {
    let hashes: Vec<EntryHash> = applications.iter().map(|a| a.hash).collect();
    allocate(2, &Eligible::of(None), applications, &list_hash(&hash(1), &hashes), Some(b"value"))
}

/// What verifying says after one change; the list of applications is the closing's.
fn said(change: impl Fn(&mut Facts)) -> Vec<&'static str> {
    let (mut facts, applications) = honest();
    change(&mut facts);
    let findings = verify(&facts, &placed(&applications));
    findings.iter().map(|f| f.code()).collect()
}

#[test]
fn an_honest_allocation_holds() {
    assert_eq!(said(|_| {}), [""; 0]);
}

#[test]
fn whatever_does_not_hold_is_told() {
    assert_eq!(said(|f| f.draw_ms = None), ["no_draw"]);
    assert_eq!(said(|f| f.closings[0].time_ms = DRAW), ["list_late"]);
    let stranger = |f: &mut Facts| {
        f.closings.push(Closing { entry: hash(0), party: party(9), ..f.closings[0].clone() });
    };
    assert_eq!(said(stranger), [""; 0], "a list that a stranger closes is none");
    let only = said(|f| f.closings[0].party = party(9));
    assert_eq!(only, ["not_by_author"]);
    let two = |f: &mut Facts| f.closings.push(Closing { entry: hash(6), ..f.closings[0].clone() });
    assert_eq!(said(two), ["several_lists"]);
    let none = said(|f| f.closings.clear());
    assert_eq!(none, ["no_list"]);
    let late = |f: &mut Facts| f.cosignatures[0].time_ms = DRAW;
    assert_eq!(said(late), ["few_cosignatures", "cosigned_late"]);
    assert_eq!(said(|f| f.cosignatures[1].list[0] ^= 1), ["few_cosignatures", "cosigned_other"]);
    assert_eq!(said(|f| f.cosignatures[1].attested = false), ["few_cosignatures", "cosigner_not_attested"]);
    assert_eq!(said(|f| f.cosignatures[1].party = party(1)), ["few_cosignatures", "cosigned_by_author"]);
    // One party that cosigns twice is one.
    assert_eq!(said(|f| f.cosignatures[1].party = party(2)), ["few_cosignatures"]);
    assert_eq!(said(|f| f.decisions[0].granted ^= true), ["decided_otherwise"]);
    assert_eq!(said(|f| f.decisions[0].rank += 1), ["decided_otherwise"]);
    assert_eq!(said(|f| f.decisions.truncate(2)), ["undecided"]);
    // Another revision of the call: what was cosigned is not this one, and no hub showed it in time.
    let revised = said(|f| f.call = hash(2));
    assert_eq!(revised, ["closing_not_shown", "few_cosignatures", "cosigned_other", "cosigned_other"]);
}

#[test]
fn a_list_is_shown_by_a_hub_that_counts_and_is_not_its_authors_from_before_the_value_or_not_at_all() {
    let (facts, _) = honest();
    assert_eq!(facts.closed_before_draw(), Some((510, party(7))));
    for change in [
        |f: &mut Facts| f.shown[1].time_ms = DRAW,
        |f: &mut Facts| f.shown[1].counts = false,
        |f: &mut Facts| f.shown[1].hub = f.author,
        |f: &mut Facts| f.shown[1].entry = hash(6),
        // Which revision of the call the list is of is shown as well: its rule and its source were not chosen later.
        |f: &mut Facts| f.shown[0].time_ms = DRAW,
        |f: &mut Facts| f.shown.clear(),
    ] {
        assert_eq!(said(change), ["closing_not_shown"]);
    }
    assert!(!Finding::ClosingNotShown.breaks(), "nobody is guilty for want of a witness");
    // Two hubs: each entry by whoever showed it first, all by the later of these.
    let (mut facts, _) = honest();
    facts.shown.push(Shown { entry: hash(1), time_ms: 300, hub: party(8), counts: true });
    facts.shown.push(Shown { entry: hash(5), time_ms: 505, hub: party(8), counts: true });
    assert_eq!(facts.closed_before_draw(), Some((505, party(8))));
    facts.closings.clear();
    assert_eq!(facts.closed_before_draw(), None);
}

#[test]
fn a_nomination_that_its_party_cut_off_after_the_list_had_named_it_counts_against_nobody() {
    let cut = |f: &mut Facts| {
        f.nominated[2].cut = true;
        f.nominated[2].held_by.clear();
        f.turns_now.remove(&hash(12));
    };
    assert_eq!(said(cut), ["cut_later"]);
    assert!(!Finding::CutLater(hash(1)).breaks() && Finding::Unknown(hash(1)).breaks());
    let seen = |seq| Seen { feed: crate::wire::FeedId([seq as u8; 32]), seq, hash: hash(9) };
    let mut closing = honest().0.closings[0].clone();
    (closing.after, closing.feeds) = (vec![seen(3), seen(4)], vec![2, 0, 9]);
    let made: Vec<_> = [10, 11, 12, 13].map(|id| closing.made_in(&hash(id)).map(|s| s.seq)).to_vec();
    assert_eq!(made, [Some(4), None, None, None]);
}

#[test]
fn a_value_is_stated_once_in_time_and_read_by_whoever_verifies() {
    let again = |f: &mut Facts| f.draws.push(Drawn { entry: hash(8), ..f.draws[0].clone() });
    assert_eq!(said(again), ["several_draws"]);
    assert_eq!(said(|f| f.draws[0].time_ms = DRAW - 1), ["draw_early"]);
    assert_eq!(said(|f| f.draws[0].value = b"ground".to_vec()), ["draw_other"]);
    assert_eq!(said(|f| f.checked = None), ["value_unchecked"]);
    assert_eq!(said(|f| f.hubs_named = false), ["no_hubs"]);
    let breaks = [Finding::SeveralDraws(2), Finding::DrawEarly, Finding::ValueUnchecked, Finding::NoHubs];
    assert!(breaks.iter().all(|f| f.breaks()) && Finding::DrawOther.breaks() && Finding::NoPoints.breaks());
}

#[test]
fn what_comes_after_the_closing_moves_no_points_and_breaks_nothing() {
    let later = |f: &mut Facts| f.points_now = BTreeMap::from([(hash(10), 40)]);
    assert_eq!(said(later), ["points_differ"]);
    assert!(!Finding::PointsDiffer(hash(10)).breaks());
    assert_eq!(said(|f| f.closings[0].points.truncate(2)), ["no_points"]);
}

#[test]
fn a_nomination_that_was_held_and_left_out_is_told_from_one_that_may_have_come_late() {
    let with = |held_by: &[u8], in_window| {
        let held_by = held_by.iter().map(|id| party(*id)).collect();
        move |f: &mut Facts| {
            let held_by: BTreeSet<PartyId> = Clone::clone(&held_by);
            f.nominated.push(Nominated { hash: hash(20), party: party(20), in_window, held_by, cut: false });
        }
    };
    assert_eq!(said(with(&[1, 3], true)), ["omitted", "omitted"]);
    assert_eq!(said(with(&[], true)), ["unlisted"]);
    assert_eq!(said(with(&[], false)), [""; 0]);
    assert_eq!(said(|f| f.nominated.truncate(2)), ["unknown"]);
    let breaks = [Finding::Omitted(hash(1), party(1)), Finding::Unknown(hash(1)), Finding::NoList];
    assert!(breaks.iter().all(|f| f.breaks()) && !Finding::Unlisted(hash(1)).breaks());
}

fn application(id: u8, priority: u32) -> Application {
    let countries = Countries::one("TV");
    Application {
        hash: EntryHash([id; 32]),
        party: PartyId([id; 32]),
        countries,
        attested: true,
        priority,
        turn: 0,
    }
}

/// An application of another party than its hash says, at a turn.
fn of(who: u8, id: u8, turn: u32, priority: u32) -> Application {
    Application { party: PartyId([who; 32]), turn, ..application(id, priority) }
}

fn outcomes(places: u32, applications: &[Application], value: Option<&[u8]>) -> Vec<(u8, &'static str)> {
    let placed = allocate(places, &Eligible::of(None), applications, &[7; 32], value);
    placed.iter().map(|p| (p.application.hash.0[0], p.outcome.code())).collect()
}

#[test]
fn higher_tiers_go_first_and_only_a_cut_tier_needs_the_value() {
    let all = [application(1, 10), application(2, 30), application(3, 10), application(4, 5)];
    let due = [(2, "place"), (1, "undrawn"), (3, "undrawn"), (4, "no_place")];
    assert_eq!(outcomes(2, &all, None), due);
    assert_eq!(outcomes(3, &all, None)[1..3], [(1, "place"), (3, "place")]);
    let drawn = outcomes(2, &all, Some(b"value"));
    assert_eq!(drawn.iter().filter(|(_, o)| *o == "place").count(), 2);
    assert_eq!((drawn[0].0, drawn[3].0), (2, 4));
}

#[test]
fn every_partys_first_nomination_goes_before_anybodys_second() {
    // Party 1 has the highest priority and five nominations, of which it put 14 first.
    let many = [of(1, 11, 2, 90), of(1, 12, 3, 90), of(1, 13, 4, 90), of(1, 14, 1, 90), of(1, 15, 5, 90)];
    let all: Vec<Application> = many.into_iter().chain([of(2, 21, 1, 10), of(3, 31, 0, 20)]).collect();
    let due = [(14, "place"), (31, "place"), (21, "place"), (11, "place"), (12, "no_place")];
    assert_eq!(outcomes(4, &all, None)[..5], due);
    assert_eq!(outcomes(4, &all, Some(b"value"))[..5], due);
    let placed = allocate(4, &Eligible::of(None), &all, &[7; 32], None);
    let rounds: Vec<_> = placed.iter().map(|p| (p.round, p.tier, p.rank)).collect();
    assert_eq!(rounds[..5], [(1, 1, 1), (1, 2, 2), (1, 3, 3), (2, 4, 4), (3, 5, 5)]);
    // Where the list states no turns, or the same for several, the lower hash goes first: nobody is first twice.
    let same = many.map(|a| Application { turn: 1, ..a });
    assert_eq!(outcomes(1, &same, None)[..2], [(11, "place"), (12, "no_place")]);
}

#[test]
fn the_order_of_one_partys_nominations_is_compared_and_more_than_sixteen_need_no_place_on_the_list() {
    let own = |f: &mut Facts| {
        f.nominated.iter_mut().for_each(|n| n.party = party(10));
        f.turns_now = BTreeMap::from([(hash(10), 3), (hash(11), 1), (hash(12), 2)]);
    };
    assert_eq!(said(own), ["turns_differ"]);
    assert!(!Finding::TurnsDiffer(party(1)).breaks());
    let stated = |f: &mut Facts| {
        own(f);
        f.closings[0].turns = vec![3, 1, 2];
    };
    assert_eq!(said(stated), [""; 0]);
    let flood = |listed: u8| {
        move |f: &mut Facts| {
            let held_by = BTreeSet::from([party(1)]);
            let more = |id| Nominated {
                hash: hash(id),
                party: party(20),
                in_window: true,
                held_by: Clone::clone(&held_by),
                cut: false,
            };
            f.nominated.extend((20..41).map(more));
            f.closings[0].applications.extend((20..20 + listed).map(hash));
            f.closings[0].points = vec![10; 3 + usize::from(listed)];
            f.turns_now.extend((20..41).map(|id| (hash(id), u32::from(id))));
        }
    };
    assert!(!said(flood(16)).contains(&"omitted"));
    assert_eq!(said(flood(15)).iter().filter(|s| **s == "omitted").count(), 6);
}

#[test]
fn the_order_of_the_list_does_not_matter_and_the_value_does() {
    let mut all: Vec<Application> = (1..=40).map(|id| application(id, 10)).collect();
    let due = outcomes(5, &all, Some(b"value"));
    all.reverse();
    all.push(application(3, 10));
    assert_eq!(outcomes(5, &all, Some(b"value")), due);
    assert_ne!(outcomes(5, &all, Some(b"another")), due);
    let hashes = |n: u8| (1..=n).map(|id| EntryHash([id; 32])).collect::<Vec<_>>();
    let call = EntryHash([9; 32]);
    let mut reversed = hashes(5);
    reversed.reverse();
    assert_eq!(list_hash(&call, &hashes(5)), list_hash(&call, &reversed));
    assert_ne!(list_hash(&call, &hashes(5)), list_hash(&call, &hashes(4)));
}

#[test]
fn who_takes_no_part_is_shown_with_the_reason() {
    let none = Application { attested: false, ..application(1, 10) };
    let excluded = Application { countries: Countries::one("FJ"), ..application(2, 10) };
    let other = Application { countries: Countries::one("FR"), ..application(3, 10) };
    let rule = crate::v1::Eligibility {
        groups: vec!["sids".to_owned()],
        excluded_countries: vec!["FJ".to_owned()],
        ..Default::default()
    };
    let all = [none, excluded, other, application(4, 1)];
    let placed = allocate(9, &Eligible::of(Some(&rule)), &all, &[0; 32], None);
    let found: Vec<_> = placed.iter().map(|p| p.outcome.code()).collect();
    assert_eq!(found, ["place", "not_attested", "excluded", "not_eligible"]);
    assert_eq!(outcomes(0, &[application(1, 1)], Some(b"v")), [(1, "no_place")]);
}
