//! Admissions, recognitions, cards and profiles.

use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Attestation, AttestationLevel, NodeCard, PartyProfile, Recognition};
use caphub_proto::wire::{Audience, PartyId};

use super::world::{NOW, World, Write, course, text, withdraw};
use crate::entitlement::Viewer;

fn attest(party: u8, level: AttestationLevel, name: &str, until: &str) -> Kind {
    Kind::Attestation(Attestation {
        party: vec![party; 32],
        level: level.into(),
        mandate: "note 12/2026".to_owned(),
        name: name.to_owned(),
        country: "TV".to_owned(),
        until: until.to_owned(),
    })
}

#[test]
fn the_latest_word_of_each_hub_about_a_party_stands_across_a_restart() {
    let mut world = World::new();
    let (north, south) = (world.party(1), world.party(2));
    world.publish(&north, &Write::new(1).at(10), attest(5, AttestationLevel::Guest, "Early", ""));
    world.publish(&north, &Write::new(2).at(20), attest(5, AttestationLevel::Member, "Later", ""));
    let ended =
        world.publish(&south, &Write::new(1).at(30), attest(5, AttestationLevel::Member, "South", ""));
    world.catch_up();
    world.publish(
        &south,
        &Write::after(1, 2, &[ended]).at(40),
        attest(5, AttestationLevel::Ended, "South", ""),
    );
    world.catch_up();
    for _ in 0..2 {
        let words = world.views.admissions_of(&PartyId([5; 32]));
        let words: Vec<_> =
            words.iter().map(|a| (a.hub, a.level, a.name.as_str(), a.country.as_str())).collect();
        let member = (north.party, AttestationLevel::Member, "Later", "TV");
        assert_eq!(words, [member, (south.party, AttestationLevel::Ended, "South", "TV")]);
        assert_eq!(world.views.admissions().len(), 2);
        world = world.reopen();
    }
}

#[test]
fn recognitions_and_cards_follow_revision_and_withdrawal() {
    let mut world = World::new();
    let (north, south) = (world.party(1), world.party(2));
    let recognise = Kind::Recognition(Recognition { hub: south.party.to_vec(), ..Recognition::default() });
    let first = world.publish(&north, &Write::new(1), recognise);
    let card = |address: &str| {
        Kind::NodeCard(NodeCard {
            node_key: vec![8; 32],
            addresses: vec![address.to_owned()],
            ..NodeCard::default()
        })
    };
    world.publish(&north, &Write::new(2).at(10), card("192.0.2.1:7443"));
    world.publish(&north, &Write::new(3).at(20), card("192.0.2.2:7443"));
    // A card for somebody else's node key is a card of its own, and replaces nothing.
    world.publish(&south, &Write::new(2).at(99), card("192.0.2.66:7443"));
    world.catch_up();
    assert!(world.views.recognitions()[&north.party].contains(&south.party));
    let cards: Vec<_> =
        world.views.node_cards().into_iter().map(|c| (c.hub, c.card.addresses[0].clone())).collect();
    assert_eq!(
        cards,
        [(north.party, "192.0.2.2:7443".to_owned()), (south.party, "192.0.2.66:7443".to_owned())]
    );
    world.publish(&north, &Write::after(1, 2, &[first]), withdraw("recognition", &[]));
    world.catch_up();
    assert!(world.views.recognitions().is_empty());
}

#[test]
fn records_show_standing_and_name_as_far_as_the_viewer_may_know() {
    let mut world = World::new();
    let (hub, member) = (world.party(1), world.party(5));
    let network = Write::new(1).to(Audience::Network);
    world.publish(&hub, &network, attest(5, AttestationLevel::Member, "Attested name", "2027-12-31"));
    world.publish(&member, &Write::new(1), course("x"));
    world.catch_up();
    let seen = |world: &World, viewer: &Viewer| {
        let page = world.list(viewer);
        let record = page.records.into_iter().find(|r| r.kind == "course").unwrap();
        (record.standing, record.party_name)
    };
    let peer = Viewer { network: true, ..Viewer::default() };
    assert_eq!(seen(&world, &Viewer::public()), (String::new(), String::new()));
    assert_eq!(seen(&world, &peer), ("member".to_owned(), "Attested name".to_owned()));
    let late = world.views.list(&peer, &Default::default(), &Default::default(), 1_900_000_000_000).unwrap();
    assert!(late.records.iter().all(|r| r.standing.is_empty()));

    let narrow = Write::new(9).to(Audience::Network);
    // On this branch the list of party kinds is empty: a profile that fails on it stays unnamed.
    let profile =
        PartyProfile { name: text("Own name"), kind: "state".to_owned(), ..PartyProfile::default() };
    let known = caphub_proto::codes::vocabulary::party_kinds().iter().any(|t| t.code == "state");
    world.publish(&member, &narrow, Kind::Profile(profile));
    world.catch_up();
    assert_eq!(seen(&world, &peer).1, "Attested name", "a party cannot show as another");
    assert_eq!(seen(&world, &Viewer::public()).1, "");
    assert_eq!(world.views.profile(&Viewer::public(), &member.party, NOW).unwrap(), None);
    assert_eq!(world.views.profile(&peer, &member.party, NOW).unwrap().is_some(), known);
    // Of several, each reader has the one that it may read; others' are nobody's business.
    let profile = |name: &str| {
        Kind::Profile(PartyProfile { name: text(name), kind: "state".to_owned(), ..PartyProfile::default() })
    };
    world.publish(&member, &Write::new(10), profile("Public name"));
    world.publish(&hub, &Write::new(11), profile("Name of the hub"));
    world.catch_up();
    if known {
        assert_eq!(seen(&world, &Viewer::public()).1, "Public name");
        let own = |viewer: &Viewer, of| world.views.profile(viewer, &of, NOW).unwrap().unwrap().name;
        assert_eq!(own(&Viewer::public(), hub.party), text("Name of the hub"));
        assert_eq!(own(&Viewer::public(), member.party), text("Public name"));
        assert!(own(&peer, member.party).is_some());
    }
}

#[test]
fn a_hub_that_admits_anothers_member_under_another_name_hides_nobodys_word() {
    let mut world = World::new();
    let (hub, other, party) = (world.party(1), world.party(2), world.party(5));
    let admits = |name: &str, level| attest(5, level, name, "");
    world.publish(&hub, &Write::new(1), admits("Fiji CERT", AttestationLevel::Member));
    world.publish(&other, &Write::new(1).at(10), admits("Fiji CERT", AttestationLevel::Member));
    world.publish(&party, &Write::new(1), course("x"));
    world.catch_up();
    let seen = |world: &World| {
        let page = world.list(&Viewer::public());
        let record = page.records.into_iter().find(|r| r.kind == "course").unwrap();
        let mut names = [vec![record.party_name], record.also_named].concat();
        names.sort();
        (record.standing, names)
    };
    let (one, both) = (vec!["Fiji CERT".to_owned()], vec!["Fiji CERT".to_owned(), "Samoa CERT".to_owned()]);
    assert_eq!(seen(&world), ("member".to_owned(), one.clone()));
    world.publish(&other, &Write::new(2).at(20), admits("Samoa CERT", AttestationLevel::Member));
    world.catch_up();
    assert_eq!(seen(&world), ("member".to_owned(), both));
    // Whoever's word does not count, or has ended, says nothing.
    let trusted = hub.party;
    world.views.heed_hubs(Box::new(move |admission| admission.hub == trusted));
    assert_eq!(seen(&world), ("member".to_owned(), one));
}

#[test]
fn only_a_hub_whose_word_counts_makes_somebody_a_member() {
    let mut world = World::new();
    let (hub, desk, party) = (world.party(1), world.party(2), world.party(5));
    world.publish(&desk, &Write::new(1), attest(5, AttestationLevel::Member, "By anybody", ""));
    world.publish(&party, &Write::new(1), course("x"));
    world.catch_up();
    let trusted = hub.party;
    world.views.heed_hubs(Box::new(move |admission| admission.hub == trusted));
    let seen = |world: &World| {
        let page = world.list(&Viewer::public());
        let record = page.records.into_iter().find(|r| r.kind == "course").unwrap();
        (record.standing, record.party_name)
    };
    assert_eq!(seen(&world), (String::new(), String::new()));
    world.publish(&hub, &Write::new(1), attest(5, AttestationLevel::Guest, "By its hub", ""));
    world.catch_up();
    assert_eq!(seen(&world), ("guest".to_owned(), "By its hub".to_owned()));
}
