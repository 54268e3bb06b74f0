//! Who is admitted by an invitation: the state and the name that its operator wrote, and nobody whose name others bear.

use std::path::PathBuf;

use caphub_node::author::now_ms;
use caphub_node::carriage::Quotas;
use caphub_node::founding::{NewParty, found};
use caphub_node::keys::{KeyName, KeyRing};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::membership_service_client::MembershipServiceClient;
use caphub_proto::v1::{JoinRequest, MembershipState};
use caphub_proto::wire::Seq;
use caphub_proto::wire::card::{Card, Invitation};
use caphub_proto::wire::identity::Capabilities;
use caphub_tests::{Machine, NodeProcess};
use tonic::transport::Channel;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

/// An organisation with a program of its own: it says what it likes.
struct Anybody {
    identity: LinkIdentity,
    log: Vec<u8>,
}

impl Anybody {
    async fn new(folder: PathBuf) -> Self {
        let new = NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "x", passphrase: None };
        let founded = found(&folder, &new, true, Quotas::default()).await.expect("a party");
        let signer = KeyRing::new(folder.join("keys")).read(KeyName::Operator, None).expect("a key");
        let store = &founded.core.store;
        let head = store.heads().into_iter().find(|h| h.feed.is_identity()).expect("a feed");
        let runs = store.read_feed(&head.feed.id(), Seq::FIRST, 1 << 20).expect("runs");
        let log = runs.iter().flat_map(|r| r.packed.to_vec()).collect();
        Self { identity: LinkIdentity { party: founded.party, signer }, log }
    }

    async fn dial(&self, card: &Card) -> Channel {
        let channel = dial(&self.identity, card.party, Some(card.node_key), &card.addresses, now_ms()).await;
        channel.expect("a link")
    }

    async fn join(
        &self,
        card: &Card,
        code: &[u8],
        country: &str,
        name: &str,
    ) -> Result<MembershipState, String> {
        let (country, name, code) = (country.to_owned(), name.to_owned(), code.to_vec());
        let (kind, mandate) = ("state".to_owned(), "of my own".to_owned());
        let identity = self.log.clone();
        let request = JoinRequest { identity, code, name, country, kind, mandate, ..JoinRequest::default() };
        let answer = MembershipServiceClient::new(self.dial(card).await).join(request).await;
        answer.map(|a| a.into_inner().state()).map_err(|status| status.message().to_owned())
    }
}

async fn invitation(machine: &Machine, hub: &NodeProcess<'_>, words: &[&str]) -> (Invitation, String) {
    let text = hub.ask(&[&["invite"], words].concat()).await.ok().json();
    let text = text["invitation"].as_str().expect("a text").to_owned();
    let file = format!("{}.caphub", words.join("-").replace(' ', "-"));
    std::fs::write(machine.path(&file), &text).expect("a file");
    (Invitation::parse(&text).expect("an invitation"), file)
}

#[tokio::test]
async fn an_invitation_admits_the_state_and_the_name_that_it_was_written_for_and_nobody_else() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let anybody = Anybody::new(machine.path("anybody")).await;
    let (open, _) = invitation(&machine, &hub, &["TV"]).await;
    let (named, file) = invitation(&machine, &hub, &["FJ", "--name", "Fiji CERT"]).await;
    for (invitation, country, name) in [
        (&open, "HT", "Tuvalu CERT"),
        (&open, "", "Tuvalu CERT"),
        (&named, "FJ", "Another CERT"),
        (&named, "TV", "Fiji CERT"),
        (&named, "TV", ""),
    ] {
        let said = anybody.join(&invitation.card, &invitation.code, country, name).await;
        assert!(said.is_err(), "{country} {name}: {said:?}");
    }
    hub.reaches("members", 0).await;
    // The command says so before it makes keys.
    for words in [["--name", "Other CERT"], ["--country", "HT"]] {
        let said = machine.run(&[&["--home", "fj", "join", &file], &words[..]].concat()).await;
        assert!(said.code == 2 && said.err.contains("the invitation is for"), "{said:?}");
        assert!(!machine.path("fj").join("keys").exists());
    }
    // Neither try used the codes up.
    assert_eq!(anybody.join(&open.card, &open.code, "TV", "Tuvalu CERT").await, Ok(MembershipState::Member));
    machine.run(&["--home", "fj", "join", &file]).await.ok();
    let members = hub.ask(&["members"]).await.ok().json();
    let mut found: Vec<_> = members.as_array().expect("members").iter().collect();
    found.sort_by_key(|m| m["country"].to_string());
    assert_eq!((&found[0]["name"], &found[0]["country"]), (&"Fiji CERT".into(), &"FJ".into()), "{members}");
    assert_eq!((&found[1]["name"], &found[1]["country"]), (&"Tuvalu CERT".into(), &"TV".into()));
    assert!(found[1]["mandate"].as_str().unwrap_or_default().is_empty(), "no operator saw it: {members}");
    let again = Anybody::new(machine.path("again")).await;
    assert!(again.join(&open.card, &open.code, "TV", "Tuvalu").await.is_err(), "a code is good once");
}

#[tokio::test]
async fn a_name_that_people_take_for_a_members_waits_for_the_operator_whatever_invitation_brings_it() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let (first, _) = invitation(&machine, &hub, &["FJ"]).await;
    let real = Anybody::new(machine.path("real")).await;
    assert_eq!(real.join(&first.card, &first.code, "FJ", "Fiji CERT").await, Ok(MembershipState::Member));
    for (at, name) in ["Fiji CERT", "Fij\u{456} CERT", "FIJI  CERT"].into_iter().enumerate() {
        let (other, _) = invitation(&machine, &hub, &["TV"]).await;
        let one = Anybody::new(machine.path(&format!("one-{at}"))).await;
        let said = one.join(&other.card, &other.code, "TV", name).await;
        assert_eq!(said, Ok(MembershipState::Requested), "{name}");
    }
    hub.reaches("members", 1).await;
    hub.reaches("requests", 3).await;
    let shown = machine.run(&["--hub-dir", "hub", "hub", "requests"]).await.ok();
    assert_eq!(shown.out.matches("like that of Fiji CERT").count(), 3, "{shown:?}");
    let by_name = hub.ask(&["approve", "Fij\u{456} CERT"]).await;
    assert!(by_name.code == 2 && by_name.err.contains("is like the name of Fiji CERT"), "{by_name:?}");
    hub.reaches("members", 1).await;
    // The operator may know better, and says so by the id.
    let id = shown.out.split_whitespace().find(|w| w.starts_with("cap1")).expect("an id").to_owned();
    hub.ask(&["approve", &id]).await.ok();
    hub.reaches("members", 2).await;
}

#[tokio::test]
async fn an_operator_decides_about_one_that_is_named_exactly_and_about_the_text_that_was_shown() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Pacific Hub", "009").await;
    let name = hub.card().await;
    let card = Card::parse(&std::fs::read_to_string(machine.path(&name)).expect("a card")).expect("a card");
    let (first, second) =
        (Anybody::new(machine.path("first")).await, Anybody::new(machine.path("second")).await);
    for one in [&first, &second] {
        assert_eq!(one.join(&card, &[], "WS", "Samoa CERT").await, Ok(MembershipState::Requested));
    }
    for words in [["approve", "Samoa CERT"], ["refuse", "Samoa CERT"]] {
        let said = hub.ask(&words).await;
        assert!(said.code == 2 && said.err.contains("several organisations"), "{said:?}");
    }
    let id = first.identity.party.to_string();
    assert_eq!(hub.ask(&["approve", &id[..8]]).await.code, 3, "too little of an id to mean anybody");
    // What waits stays as the operator saw it.
    assert_eq!(first.join(&card, &[], "FJ", "Fiji CERT").await, Ok(MembershipState::Requested));
    let requests = hub.ask(&["requests"]).await.ok().json();
    assert_eq!(requests.to_string().matches("Samoa CERT").count(), 2, "{requests}");
    hub.ask(&["approve", &id[..20]]).await.ok();
    let members = hub.ask(&["members"]).await.ok().json();
    assert_eq!(members[0]["name"], "Samoa CERT", "{members}");
    let late = hub.ask(&["refuse", "Samoa CERT", "--reason", "quota"]).await;
    late.ok();
    hub.reaches("requests", 0).await;
}

#[tokio::test]
async fn requests_and_used_invitations_outlast_a_kill_and_a_line_that_was_cut_off() {
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Pacific Hub", "009").await;
    let (open, _) = invitation(&machine, &hub, &["TV"]).await;
    let (one, two) = (Anybody::new(machine.path("one")).await, Anybody::new(machine.path("two")).await);
    let asked = one.join(&open.card, &[], "FJ", "Fiji CERT").await;
    assert_eq!(asked, Ok(MembershipState::Requested));
    let used = two.join(&open.card, &open.code, "TV", "Tuvalu CERT").await;
    assert_eq!(used, Ok(MembershipState::Member));
    hub.kill().await;
    // As a power cut in the middle of a line leaves it.
    let book = machine.path("hub").join("requests.log");
    let whole = std::fs::read(&book).expect("a book");
    std::fs::write(&book, [&whole[..], &whole[..whole.len() / 2 - 1]].concat()).expect("a torn book");
    hub.up().await;
    let waiting = hub.ask(&["requests"]).await.ok().out;
    assert!(waiting.contains("Fiji CERT"), "{waiting}");
    let again = one.join(&open.card, &open.code, "TV", "Tuvalu Two").await;
    assert!(again.is_err_and(|e| e.contains("invitation")), "a code is used once");
    hub.ask(&["approve", "Fiji CERT"]).await.ok();
    hub.kill().await;
    hub.up().await;
    let waiting = hub.ask(&["requests"]).await.ok().out;
    assert!(!waiting.contains("Fiji CERT"), "{waiting}");
}
