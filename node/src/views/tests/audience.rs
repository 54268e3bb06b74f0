//! Who sees what: `may_read` and the index's terms are one rule.

use caphub_proto::v1::Filter;
use caphub_proto::wire::{Audience, PartyId};

use super::world::{Desk, NOW, World, Write, course, record_id};
use crate::entitlement::Viewer;
use crate::views::PageRequest;

const AUDIENCES: [Audience; 4] =
    [Audience::Public, Audience::Network, Audience::Hub(PartyId([1; 32])), Audience::Hub(PartyId([2; 32]))];

fn world() -> (World, Vec<Desk>) {
    let mut world = World::new();
    let desks: Vec<Desk> = (1..=3).map(|id| world.party(id)).collect();
    for desk in &desks {
        for (record, audience) in (1..).zip(AUDIENCES) {
            world.publish(desk, &Write::new(record).to(audience), course("secret handshake"));
        }
    }
    world.catch_up();
    (world, desks)
}

#[test]
fn every_viewer_finds_exactly_what_it_may_read_on_every_path() {
    let (world, desks) = world();
    let party = |id: u8| PartyId([id; 32]);
    for bits in 0..64u8 {
        let bit = |n: u8| bits & (1 << n) != 0;
        let viewer = Viewer {
            parties: (1..=2).filter(|n| bit(*n)).map(party).collect(),
            hubs: (1..=2).filter(|n| bit(*n + 2)).map(party).collect(),
            network: bit(0),
            all: bit(5),
            opened: false,
        };
        let mut readable = 0;
        for desk in &desks {
            for (record, audience) in (1..).zip(AUDIENCES) {
                let may = viewer.may_read(&desk.feed(audience));
                readable += u64::from(may);
                let got = world.views.get(&viewer, &desk.party, &record_id(record), NOW).unwrap();
                assert_eq!(got.is_some(), may, "{viewer:?} {audience}");
                let history = world.views.history(&viewer, &desk.party, &record_id(record), NOW).unwrap();
                assert_eq!(history.len(), usize::from(may), "{viewer:?} {audience}");
            }
        }
        let page = PageRequest { size: 200, token: String::new() };
        for found in [
            world.views.list(&viewer, &Filter::default(), &page, NOW).unwrap(),
            world.views.search(&viewer, "secret hand", &Filter::default(), &page, NOW).unwrap(),
        ] {
            // The total is a count over what may be read: it tells nothing of the rest.
            assert_eq!((found.total, found.records.len() as u64), (readable, readable), "{viewer:?}");
        }
    }
}

#[test]
fn sealed_bodies_are_not_read_by_views() {
    let mut world = World::new();
    let desk = world.party(1);
    world.publish(&desk, &Write::new(1).to(Audience::Sealed([4; 16])), course("nominee"));
    world.catch_up();
    assert_eq!(world.shown(&desk, 1), None);
    assert_eq!(world.search("nominee").total, 0);
}

#[test]
fn what_a_viewer_may_not_read_changes_neither_order_nor_matches_nor_tokens() {
    let mut world = World::new();
    let desk = world.party(1);
    let other = world.party(2);
    // By how rare its words are, either of the first two would come first.
    world.publish(&desk, &Write::new(1).at(2), course("alpha alpha beta"));
    world.publish(&desk, &Write::new(2).at(1), course("alpha beta beta"));
    world.publish(&desk, &Write::new(3).at(3), course("zzpublic"));
    let seen = |world: &World| {
        world.catch_up();
        let one = PageRequest { size: 1, token: String::new() };
        ["alpha beta", "beta alpha", "zz"].map(|words| {
            let page = |request: &PageRequest| {
                world.views.search(&Viewer::public(), words, &Filter::default(), request, NOW)
            };
            let first = page(&one).unwrap();
            let token = first.next_page_token;
            let next =
                (!token.is_empty()).then(|| page(&PageRequest { size: 1, token: token.clone() }).unwrap());
            let ids = first.records.into_iter().chain(next.into_iter().flat_map(|p| p.records));
            let ids: Vec<_> = ids.map(|r| r.record_id).collect();
            (ids, first.total, token.len())
        })
    };
    let before = seen(&world);
    assert_eq!(before[0].0, [record_id(1).to_vec(), record_id(2).to_vec()]);
    for n in 0..200u8 {
        let secret = Write::new(n).to(AUDIENCES[1 + usize::from(n) % 3]).at(9);
        let text =
            format!("zz{}{} {}", char::from(b'a' + n % 26), n, ["alpha", "beta beta"][usize::from(n > 60)]);
        world.publish(&other, &secret, course(&text));
    }
    assert_eq!(seen(&world), before);
}
