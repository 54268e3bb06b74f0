//! One attack, in a process of its own and with the least of priorities: an attacker elsewhere takes none of the node's
//! processors, and one on this machine would.

use std::time::Duration;

use caphub_proto::wire::card::Card;
use caphub_tests::crowds::{Came, KINDS, crowd};
use caphub_tests::desk::{Member, flood};
use caphub_tests::raw::{ATTACKS, Manner, attack};
use serde_json::{Value, json};

/// The word by which this program becomes an attacker.
pub const WORD: &str = "attacker";
/// The attack of a member that brings all that it has, over and over.
pub const FLOOD: &str = "flooding member";

/// Connections of one that writes frames of its own.
const RAW_CONNECTIONS: usize = 4;
/// Its pause after 32 KiB on each: 12 MiB a second in all.
const RAW_PAUSE: Duration = Duration::from_millis(10);
/// Pause of each of 64 that connect at once: 1,000 connections a second.
const CROWD_PAUSE: Duration = Duration::from_millis(64);
/// Connections and streams of a member that floods.
const FLOOD_CONNECTIONS: usize = 4;
const FLOOD_STREAMS: usize = 4;
/// Its records.
const FLOOD_RECORDS: usize = 300;

/// Every attack by name.
pub fn names() -> Vec<&'static str> {
    let raw = ATTACKS.iter().map(|a| a.name);
    raw.chain(KINDS.iter().map(|(name, _)| *name)).chain([FLOOD]).collect()
}

/// Attacks for so many seconds with at most so many connections; says what came of it.
pub async fn run(name: &str, card: &str, invitation: &str, (seconds, connections): (u64, usize)) -> Value {
    let text = std::fs::read_to_string(card).expect("a card");
    let card = Card::parse(&text).expect("a card");
    let time = Duration::from_secs(seconds);
    if let Some(raw) = ATTACKS.iter().find(|a| a.name == name) {
        let manner = Manner { time, reads: false, pause: RAW_PAUSE };
        let all = (0..RAW_CONNECTIONS).map(|_| attack(&card, raw, manner));
        let ended: usize = futures::future::join_all(all).await.into_iter().sum();
        return json!({ "tried": RAW_CONNECTIONS + ended, "ended_by_node": ended });
    }
    if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) {
        let Came { tried, made } = crowd(&card, *kind, connections, time, CROWD_PAUSE).await;
        return json!({ "tried": tried, "made": made });
    }
    let folder = format!("{invitation}.folder");
    let text = std::fs::read_to_string(invitation).expect("an invitation");
    let member = Member::join(folder.as_ref(), &text, "FJ", FLOOD_RECORDS).await;
    let mut floods = Vec::new();
    for _ in 0..FLOOD_CONNECTIONS {
        let channel = member.dial().await;
        for _ in 0..FLOOD_STREAMS {
            floods.push(tokio::spawn(flood(channel.clone(), member.everything())));
        }
    }
    tokio::time::sleep(time).await;
    floods.iter().for_each(tokio::task::JoinHandle::abort);
    json!({ "tried": FLOOD_CONNECTIONS * FLOOD_STREAMS })
}
