//! Random sets on both sides: what is found is exact, what it costs is bounded, and hostile words are refused.

use std::collections::BTreeMap;

use prost::Message;

use super::answer::{answer, roots, stated_roots};
use super::pack::{pack, pack_as};
use super::reconciler::Ours;
use super::*;
use crate::v1;
use crate::wire::audience::Audience;
use crate::wire::entitlement::{Class, Viewer};
use crate::wire::ids::{EntryHash, OperatorKey, PartyId};
use crate::wire::keys::tagged_hash;
use crate::wire::{Feed, Reason};

/// Numbers that look random and come again with the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 += 1;
        let bytes = tagged_hash(b"test", &[&self.0.to_be_bytes()]);
        u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes")) % end
    }
}

fn party(n: u64) -> PartyId {
    PartyId(tagged_hash(b"party", &[&n.to_be_bytes()]))
}

fn feed(n: u64, audience: Audience) -> Feed {
    Feed::records(party(n), OperatorKey([1; 32]), audience)
}

fn stated(seq: u64, branch: u8) -> Stated {
    let hash = EntryHash(tagged_hash(b"entry", &[&seq.to_be_bytes(), &[branch]]));
    Stated { seq, hash, frozen: false }
}

/// What one reconciliation gave and cost.
struct Told {
    differences: Vec<Difference>,
    requests: usize,
    bytes: usize,
}

fn reconcile(ours: &Sets, theirs: &Sets, reads: &Viewer, far: &Viewer) -> Told {
    let parties = reads.parties.clone();
    let side = Ours { sets: ours, far, parties: &parties };
    let hello = v1::HelloRequest { roots: stated_roots(ours, far), ..Default::default() };
    let answered = v1::HelloResponse { roots: roots(&hello.roots, theirs, reads), ..Default::default() };
    let mut bytes = hello.encoded_len() + answered.encoded_len();
    let mut reconciler = Reconciler::begin(&answered.roots, &side).expect("roots");
    while let Some(request) = reconciler.next(&side) {
        let response = answer(&request, theirs, reads).expect("a well-formed request");
        bytes += request.encoded_len() + response.encoded_len();
        reconciler.take(&response, &side).expect("an honest answer");
    }
    let requests = reconciler.rounds().saturating_sub(1);
    let (mut differences, more) = reconciler.finish();
    assert!(!more);
    differences.sort_by_key(|d| d.feed);
    for difference in &mut differences {
        // Of brief heads the hashes are cut: as far as they go they must be right.
        let (Some(told), Some(held)) = (&mut difference.theirs, theirs.stated(&difference.feed)) else {
            continue;
        };
        assert!(told.is_at(held.hash), "{told:?} {held:?}");
        told.hash = held.hash;
    }
    Told { differences, requests, bytes }
}

/// What differs, the plain way, over the feeds that both may compare.
fn plain(ours: &Sets, theirs: &Sets, reads: &Viewer) -> Vec<Difference> {
    let mut all: BTreeMap<Feed, Difference> = BTreeMap::new();
    for item in ours.items().chain(theirs.items()) {
        let Some(class) = reads.class_of(&item.feed) else { continue };
        let (ours, theirs) = (ours.stated(&item.feed), theirs.stated(&item.feed));
        if ours != theirs {
            all.insert(item.feed, Difference { class, feed: item.feed, ours, theirs });
        }
    }
    all.into_values().collect()
}

#[test]
fn what_is_found_is_exactly_what_differs() {
    for seed in 0..60_u64 {
        let mut random = Random(seed << 32);
        let hubs = [party(1), party(2)];
        let audiences = [Audience::Public, Audience::Network, Audience::Hub(hubs[0]), Audience::Hub(hubs[1])];
        let (mut ours, mut theirs) = (Sets::default(), Sets::default());
        let size = [0, 3, 20, 300, 3_000][(seed % 5) as usize];
        let apart = [1, 4, 50][(seed % 3) as usize];
        for n in 0..size {
            let feed = match random.below(3) {
                0 => Feed::identity(party(n)),
                _ => feed(n, audiences[random.below(4) as usize]),
            };
            let mark = stated(1 + random.below(9), 0);
            ours.state(feed, Some(mark));
            theirs.state(feed, Some(mark));
            if random.below(apart) == 0 {
                let other = Stated { frozen: random.below(4) == 0, ..stated(1 + random.below(9), 1) };
                match random.below(4) {
                    0 => ours.state(feed, None),
                    1 => theirs.state(feed, None),
                    2 => ours.state(feed, Some(other)),
                    _ => theirs.state(feed, Some(other)),
                }
            }
        }
        let reads =
            Viewer { parties: vec![party(7)], hubs: vec![hubs[0]], network: true, all: false, opened: false };
        let fars = [Viewer { network: true, ..Viewer::default() }, Viewer::public(), Viewer::everything()];
        for far in fars {
            let told = reconcile(&ours, &theirs, &reads, &far);
            assert_eq!(told.differences, plain(&ours, &theirs, &reads), "seed {seed}");
            assert!(told.requests <= 8, "seed {seed}: {} requests", told.requests);
        }
    }
}

#[test]
fn fingerprints_depend_on_the_set_alone() {
    let mut random = Random(7);
    let mut feeds: Vec<(Feed, Stated)> =
        (0..500).map(|n| (feed(n, Audience::Public), stated(1 + n % 5, 0))).collect();
    let (mut one, mut other) = (Set::default(), Set::default());
    feeds.iter().for_each(|(f, s)| one.put(Item::new(*f, *s)));
    // Another order, with feeds that come and go, and places that change on the way.
    for at in (1..feeds.len()).rev() {
        feeds.swap(at, random.below(at as u64 + 1) as usize);
    }
    for n in 1_000..1_500 {
        other.put(Item::new(feed(n, Audience::Public), stated(1, 0)));
        let _ = other.print();
    }
    for (feed, stated) in &feeds {
        other.put(Item::new(*feed, Stated { seq: 99, ..*stated }));
        other.put(Item::new(*feed, *stated));
    }
    for n in 1_000..1_500 {
        assert!(other.remove(&feed(n, Audience::Public).id()));
    }
    assert_eq!((one.print(), one.len()), (other.print(), other.len()));
    for path in [&[][..], &[3], &[3, 15], &[1, 2, 3]] {
        assert_eq!(pack(&one.range(path), 2), pack(&other.range(path), 2), "{path:?}");
    }
    for (feed, _) in &feeds {
        other.remove(&feed.id());
    }
    assert_eq!((other.print(), other.is_empty()), ([0; 32], true));
}

#[test]
fn every_part_of_a_stated_head_changes_the_fingerprint() {
    let print = |stated| {
        let mut set = Set::default();
        set.put(Item::new(feed(1, Audience::Public), stated));
        set.print()
    };
    let base = stated(5, 0);
    let others = [stated(6, 0), stated(5, 1), Stated { frozen: true, ..base }, Stated { seq: 4, ..base }];
    others.into_iter().for_each(|other| assert_ne!(print(base), print(other)));
}

/// design.md section 11: 2,000 parties with an identity feed and a records feed each, 10 entries missing on each side.
#[test]
fn ten_missing_on_each_side_cost_one_request_and_ten_kilobytes() {
    let (mut ours, mut theirs) = (Sets::default(), Sets::default());
    for n in 0..2_000 {
        for feed in [Feed::identity(party(n)), feed(n, Audience::Public)] {
            let (here, there) = match (feed.is_identity(), n) {
                (false, 0..10) => (500, 501),
                (false, 10..20) => (501, 500),
                _ => (500, 500),
            };
            ours.state(feed, Some(stated(here, 0)));
            theirs.state(feed, Some(stated(there, 0)));
        }
    }
    let peer = Viewer { network: true, ..Viewer::default() };
    let told = reconcile(&ours, &theirs, &peer, &peer);
    assert_eq!(told.differences.len(), 20);
    assert!(
        told.requests <= 1 && told.bytes <= 10 * 1024,
        "{} requests, {} bytes",
        told.requests,
        told.bytes
    );
    println!("{} requests, {} bytes", told.requests, told.bytes);
    let same = reconcile(&ours, &ours, &peer, &peer);
    assert!(same.requests == 0 && same.bytes < 200, "{} bytes", same.bytes);
}

#[test]
fn a_class_that_the_caller_may_not_read_is_answered_as_an_empty_one() {
    let hub = party(1);
    let (mut theirs, nothing) = (Sets::default(), Sets::default());
    for n in 10..100 {
        theirs.state(feed(n, Audience::Hub(hub)), Some(stated(3, 0)));
    }
    let stranger = Viewer::public();
    let ask =
        |levels, fingerprints| v1::RangeAsk { levels, fingerprints, heads_max: 100, ..Default::default() };
    for class in [Class::Hub(hub), Class::Hub(party(2)), Class::Network, Class::Own] {
        let packed = pack_as::<SHORT_BYTES>(&theirs.held(&Class::Hub(hub)).range(&[]), 1);
        for ask in [ask(0, Vec::new()), ask(1, packed)] {
            let asks = v1::ClassAsks { class: class.encode(), asks: vec![ask] };
            let request = v1::ReconcileRequest { classes: vec![asks] };
            assert_eq!(answer(&request, &theirs, &stranger), answer(&request, &nothing, &stranger));
        }
    }
    assert_eq!(roots(&[], &theirs, &stranger), roots(&[], &nothing, &stranger));
    assert_ne!(
        roots(&[], &theirs, &Viewer { hubs: vec![hub], ..Viewer::default() }),
        roots(&[], &nothing, &Viewer { hubs: vec![hub], ..Viewer::default() })
    );
}

#[test]
fn requests_that_no_initiator_makes_are_refused() {
    let sets = Sets::default();
    let ask = |path: &[u8], levels, fingerprints: Vec<u8>| v1::RangeAsk {
        path: path.to_vec(),
        levels,
        fingerprints,
        heads_max: u32::MAX,
        brief: false,
    };
    let of = |class: Vec<u8>, asks| v1::ClassAsks { class, asks };
    let request = |asks| v1::ReconcileRequest { classes: vec![of(vec![0], asks)] };
    let all: Vec<v1::RangeAsk> = (0..17_u8).map(|n| ask(&[n / 16, n % 16], 2, vec![0; 32])).collect();
    let wrong = [
        ("a half byte of 16", request(vec![ask(&[16], 0, Vec::new())])),
        ("too deep", request(vec![ask(&[0; 65], 0, Vec::new())])),
        ("below the deepest", request(vec![ask(&[0; 63], 2, vec![0; 32])])),
        ("three levels", request(vec![ask(&[], 3, vec![0; 512])])),
        ("a mask too short", request(vec![ask(&[], 2, vec![0; 31])])),
        ("a fingerprint too few", request(vec![ask(&[], 1, vec![0x80, 0, 1])])),
        ("bytes left over", request(vec![ask(&[], 1, vec![0; 3])])),
        ("fingerprints of nothing", request(vec![ask(&[], 0, vec![0; 2])])),
        ("not in order", request(vec![ask(&[2], 0, Vec::new()), ask(&[1], 0, Vec::new())])),
        ("twice", request(vec![ask(&[1], 0, Vec::new()), ask(&[1], 0, Vec::new())])),
        ("within another", request(vec![ask(&[1], 0, Vec::new()), ask(&[1, 2], 0, Vec::new())])),
        ("too many ranges", request(all)),
        ("an unknown class", v1::ReconcileRequest { classes: vec![of(vec![9], Vec::new())] }),
        (
            "a class twice",
            v1::ReconcileRequest { classes: vec![of(vec![0], Vec::new()), of(vec![0], Vec::new())] },
        ),
    ];
    for (name, request) in wrong {
        assert_eq!(answer(&request, &sets, &Viewer::public()), Err(Reason::BadRequest), "{name}");
    }
}

#[test]
fn the_largest_answer_fits_a_message() {
    let mut sets = Sets::default();
    let hub = party(1);
    for n in 0..30_000 {
        sets.state(feed(n, Audience::Hub(hub)), Some(stated(1 << 40, 0)));
    }
    let viewer = Viewer { hubs: vec![hub], ..Viewer::default() };
    let asks = (0..16).map(|n| v1::RangeAsk {
        path: vec![n],
        levels: 2,
        fingerprints: vec![0; 32],
        heads_max: 64,
        brief: false,
    });
    let asks = v1::ClassAsks { class: Class::Hub(hub).encode(), asks: asks.collect() };
    let told = answer(&v1::ReconcileRequest { classes: vec![asks] }, &sets, &viewer).expect("an answer");
    assert!(told.encoded_len() < crate::wire::limits::MESSAGE_BYTES_MAX, "{} bytes", told.encoded_len());
}

#[test]
fn answers_that_were_not_asked_for_are_refused() {
    let (mut ours, mut theirs) = (Sets::default(), Sets::default());
    for n in 0..80 {
        ours.state(feed(n, Audience::Public), Some(stated(1, 0)));
        theirs.state(feed(n, Audience::Public), Some(stated(1 + n % 2, 0)));
    }
    let far = Viewer::public();
    let side = Ours { sets: &ours, far: &far, parties: &[] };
    let begin = || {
        let mut reconciler = Reconciler::begin(&roots(&[], &theirs, &far), &side).expect("roots");
        let mut request = reconciler.next(&side).expect("a difference");
        request.classes.iter_mut().flat_map(|c| &mut c.asks).for_each(|ask| ask.brief = false);
        let response = answer(&request, &theirs, &far).expect("an answer");
        (reconciler, response)
    };
    let refused = |name: &str, change: &dyn Fn(&mut v1::ClassAnswers)| {
        let (mut reconciler, mut response) = begin();
        change(&mut response.classes[0]);
        assert!(reconciler.take(&response, &side).is_err(), "{name}");
    };
    refused("a path deeper than asked", &|c| c.answers[0].path.extend([0, 0]));
    refused("a path above what was asked", &|c| c.answers[0].path.clear());
    refused("a path that is none", &|c| c.answers[0].path[0] = 16);
    refused("twice", &|c| c.answers.push(c.answers[0].clone()));
    refused("a class that was not asked for", &|c| c.class = vec![1]);
    refused("another range's heads", &|c| {
        let other = c.answers.iter().rfind(|a| !a.heads.is_empty()).expect("heads").heads.clone();
        let first = c.answers.iter_mut().find(|a| !a.heads.is_empty()).expect("heads");
        first.heads = other;
    });
    refused("a head twice", &|c| {
        let heads = &mut c.answers.iter_mut().find(|a| !a.heads.is_empty()).expect("heads").heads;
        heads.push(heads[0].clone());
    });
    refused("a seq of zero", &|c| {
        c.answers.iter_mut().find(|a| !a.heads.is_empty()).expect("heads").heads[0].seq = 0;
    });
    refused("brief heads that are none", &|c| c.answers[0].brief = vec![1, 2, 3]);
    refused("fingerprints cut short", &|c| c.answers[0].children = vec![0xff, 0xff, 1]);
    // One that never comes to an end is left after a bounded number of requests, in bounded memory.
    let (mut reconciler, _) = begin();
    let mut rounds = 0;
    while let Some(request) = reconciler.next(&side) {
        let mut response = v1::ReconcileResponse::default();
        for asked in &request.classes {
            let answers = asked.asks.iter().filter(|a| a.levels == 0 || a.path.len() < 60).map(|a| {
                let path = [&a.path[..], &vec![0; a.levels as usize]].concat();
                let children = [&[0xff; 2][..], &[7; 16 * CUT_BYTES]].concat();
                v1::RangeAnswer { path, count: 1 << 50, children, ..v1::RangeAnswer::default() }
            });
            response
                .classes
                .push(v1::ClassAnswers { class: asked.class.clone(), answers: answers.collect() });
        }
        rounds += 1;
        if reconciler.take(&response, &side).is_err() {
            break;
        }
    }
    assert!(rounds <= ROUNDS_MAX, "{rounds}");
}

#[test]
fn a_brief_answer_that_explains_nothing_is_asked_for_in_full() {
    let (mut ours, mut theirs) = (Sets::default(), Sets::default());
    for n in 0..300 {
        ours.state(feed(n, Audience::Public), Some(stated(9, 0)));
        theirs.state(feed(n, Audience::Public), Some(stated(9, 0)));
    }
    // Two branches whose hashes share their first bytes: in brief they look the same.
    let mut hash = stated(9, 0).hash;
    hash.0[31] ^= 1;
    theirs.state(feed(7, Audience::Public), Some(Stated { seq: 9, hash, frozen: false }));
    // And a feed that only the far end has, which a brief answer cannot name.
    theirs.state(feed(1_000, Audience::Public), Some(stated(1, 0)));
    let far = Viewer::public();
    let told = reconcile(&ours, &theirs, &far, &far);
    assert_eq!(told.differences, plain(&ours, &theirs, &far));
    assert_eq!((told.differences.len(), told.requests), (2, 2));
}
