//! Threats row 11: whoever signs any number of statements about another's record, with however many keys, takes
//! bounded time and room, and counts once.

use std::time::{Duration, Instant};

use caphub_proto::v1::engagement_act::Act;
use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Endorsement, EngagementAct, EngagementProposal, Filter, RecordRef, Revision};
use caphub_proto::wire::identity::{Capabilities, NO_END};
use prost::Message;

use super::world::{NOW, World, Write, course, record_id, text};
use crate::entitlement::Viewer;
use crate::views::PageRequest;

/// Statements of the flood.
const FLOOD: usize = 100_000;
/// Keys of the party that sends them.
const KEYS: usize = 16;

#[test]
fn a_hundred_thousand_endorsements_by_many_keys_of_one_party_count_once_and_cost_little() {
    let mut world = World::new();
    let owner = world.party(1);
    world.publish(&owner, &Write::new(1), course("asked about"));
    let about = RecordRef { party: owner.party.to_vec(), record_id: record_id(1).to_vec() };
    let desks: Vec<_> =
        (0..KEYS).map(|k| world.desk(2, 10 + k as u8, Capabilities::PUBLISH, NO_END)).collect();
    let used = |n: usize| {
        Kind::Endorsement(Endorsement {
            about: Some(about.clone()),
            endorsement_type: "used_by".to_owned(),
            text: text(&format!("statement {n}")),
            ..Endorsement::default()
        })
    };
    for n in 0..FLOOD {
        let desk = &desks[n % KEYS];
        match n % 2 {
            // As a program of ours writes it: one record, whatever the key.
            0 => drop(world.publish(desk, &Write::new(0), used(n))),
            // As a hostile one may: under an id of its own.
            _ => {
                let mut id = [0xee; 16];
                id[..8].copy_from_slice(&(n as u64).to_be_bytes());
                let revision = Revision {
                    record_id: id.to_vec(),
                    number: 1,
                    record: Some(used(n)),
                    ..Revision::default()
                };
                let feed = desk.feed(caphub_proto::wire::Audience::Public);
                world.append(feed, &desk.signer, NOW - 1_000, &revision.encode_to_vec());
            }
        }
    }
    let started = Instant::now();
    world.catch_up();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(120), "{took:?} for {FLOOD} statements");
    let filter = Filter { about: Some(about), ..Filter::default() };
    let started = Instant::now();
    let page = world.views.list(&Viewer::everything(), &filter, &PageRequest::default(), NOW).unwrap();
    assert_eq!((page.total, page.records.len()), (1, 1), "one of a type for each party");
    assert!(started.elapsed() < Duration::from_secs(1), "reading does not grow with the flood");
    assert!(page.records[0].conflicts.len() <= 64);
    let labels = vec!["statement:used_by".to_owned()];
    let filter = Filter { labels, ..Filter::default() };
    let page = world.views.list(&Viewer::everything(), &filter, &PageRequest::default(), NOW).unwrap();
    assert_eq!(page.total, 1, "those under ids of their own are void");
}

#[test]
fn a_members_twenty_thousand_newer_proposals_hide_no_act_of_others_that_was_there() {
    let mut world = World::new();
    let (honest, other) = (world.party(1), world.party(2));
    let proposal = |from: u8| {
        let proposal = EngagementProposal {
            recipient: vec![from; 32],
            provider: vec![3; 32],
            ..EngagementProposal::default()
        };
        Kind::Engagement(EngagementAct { act: Some(Act::Propose(proposal)), ..EngagementAct::default() })
    };
    let first = world.publish(&honest, &Write::new(1).at(NOW - 9_000_000), proposal(1));
    for n in 0..20_300_u64 {
        let mut id = [0xee; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let revision =
            Revision { record_id: id.to_vec(), number: 1, record: Some(proposal(2)), ..Revision::default() };
        let feed = other.feed(caphub_proto::wire::Audience::Public);
        world.append(feed, &other.signer, NOW - 1_000, &revision.encode_to_vec());
    }
    world.catch_up();
    let filter = Filter { kinds: vec!["engagement".to_owned()], void_acts: true, ..Filter::default() };
    let (mut all, mut seen) = (0, false);
    let mut take = |act: caphub_proto::v1::Record| {
        all += 1;
        seen |= act.entry_hash == first.to_vec();
    };
    world.views.each_act(&Viewer::public(), &filter, NOW, &mut take).unwrap();
    assert_eq!((all, seen), (20_301, true));
}
