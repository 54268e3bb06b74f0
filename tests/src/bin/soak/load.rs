//! Members of three hubs at work, and at the end whether all that they were told is true.

use std::sync::Arc;

use caphub_proto::wire::PartyId;
use caphub_tests::acknowledged::Dice;
use caphub_tests::stick::at;
use caphub_tests::{Machine, NodeProcess};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::held::{held, missing};
use crate::worker::{Counts, Member, Worker, follow};

/// Countries of the members of each hub.
const COUNTRIES: [[&str; 2]; 3] = [["TV", "KI"], ["KE", "GH"], ["PE", "UY"]];

/// Members at work.
pub struct Load {
    members: Vec<Arc<Member>>,
    counts: Arc<Counts>,
    work: Vec<JoinHandle<()>>,
}

impl Load {
    /// Has members join, and sets them to work until `stop`.
    pub async fn start(
        machine: &Arc<Machine>,
        hubs: &[NodeProcess<'_>],
        dice: &mut Dice,
        stop: CancellationToken,
    ) -> Self {
        let (mut members, mut work) = (Vec::new(), Vec::new());
        let counts = Arc::<Counts>::default();
        for (at, (process, countries)) in hubs.iter().zip(COUNTRIES).enumerate() {
            for country in countries {
                let (file, home) = (process.invitation(country).await, country.to_lowercase());
                machine.run(&["--home", &home, "join", &file]).await.ok();
                members.push(Arc::new(Member::new(&home, &process.card().await)));
            }
            let (follower, name) = (format!("follower{at}"), format!("Follower {at}"));
            let file = process.invitation("FJ").await;
            machine.run(&["--home", &follower, "join", &file, "--name", &name]).await.ok();
            work.push(tokio::spawn(follow(Arc::clone(machine), follower, stop.clone())));
        }
        for member in &members {
            let worker = Worker {
                machine: Arc::clone(machine),
                member: Arc::clone(member),
                others: members.iter().filter(|m| m.home != member.home).cloned().collect(),
                counts: Arc::clone(&counts),
                dice: Dice::of(dice.below(u64::MAX)),
                tried: 0,
            };
            work.push(tokio::spawn(worker.go(stop.clone())));
        }
        Self { members, counts, work }
    }

    /// How many there are that write.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// What was done so far.
    pub fn counts(&self) -> String {
        self.counts.to_string()
    }

    /// Waits until everybody has what everybody has, ends the hubs, and says whether all that was acknowledged is there.
    pub async fn end(mut self, machine: &Machine, hubs: &mut [NodeProcess<'_>]) -> bool {
        for work in std::mem::take(&mut self.work) {
            work.await.expect("a member at work");
        }
        println!("load: {}", self.counts());
        let mut whole = true;
        for member in &self.members {
            let synced = at(machine, &member.home, &["sync"]).await;
            whole &= said(synced.code == 0, &format!("{}: the last sync: {}", member.home, synced.err));
            whole &= acknowledged(machine, member).await;
        }
        for _ in 0..2 {
            for pair in [(0, 1), (1, 2), (2, 0)] {
                if let (Some(one), Some(other)) = (hubs.get(pair.0), hubs.get(pair.1)) {
                    one.holds_as_many_as(other).await;
                }
            }
        }
        for hub in hubs.iter_mut() {
            let forks = hub.ask(&["status"]).await.ok().json()["forks"].clone();
            whole &= said(forks == 0, &format!("{}: {forks} forks", hub.name));
            hub.stop().await;
            let verified = machine.run(&["node", "--dir", &hub.name, "verify"]).await;
            whole &= said(verified.code == 0, &format!("{}: {}{}", hub.name, verified.out, verified.err));
        }
        let mut entries = 0;
        for member in &self.members {
            let party: PartyId = party(machine, &member.home).await;
            let (own, _) = held(&machine.path(&member.home), Some(party));
            entries += own.len();
            for hub in hubs.iter() {
                let (there, damaged) = held(&hub.below(""), Some(party));
                let lacks = missing(&own, &there);
                whole &= said(
                    lacks == 0 && damaged == 0,
                    &format!(
                        "{}: {lacks} entries of {} are missing, {damaged} damaged",
                        hub.name, member.home
                    ),
                );
            }
        }
        println!(
            "{entries} entries of {} members are on all {} hubs: {whole}",
            self.members.len(),
            hubs.len()
        );
        whole
    }
}

/// True as it was given; where it is not, this is printed.
fn said(fine: bool, otherwise: &str) -> bool {
    if !fine {
        println!("WRONG: {otherwise}");
    }
    fine
}

async fn party(machine: &Machine, home: &str) -> PartyId {
    let status = at(machine, home, &["status"]).await.ok().json();
    status["party"].as_str().and_then(|p| p.parse().ok()).expect("a member's id")
}

/// Each record that was acknowledged is listed once, or is withdrawn where that was acknowledged or may be.
async fn acknowledged(machine: &Machine, member: &Member) -> bool {
    let list = at(machine, &member.home, &["course", "list", "--mine"]).await.ok().json();
    let mut wrong = Vec::new();
    let told = member.told();
    for (id, title) in &told.records {
        let shown =
            list.as_array().into_iter().flatten().filter(|r| r["record"]["title"]["text"] == title.as_str());
        let due = match (told.withdrawn.contains(id), told.unsure.contains(id)) {
            (true, _) => 0..=0,
            (false, true) => 0..=1,
            (false, false) => 1..=1,
        };
        if !due.contains(&shown.count()) {
            wrong.push(title.clone());
        }
    }
    said(
        wrong.is_empty(),
        &format!("{}: of {} acknowledged not as they should be: {wrong:?}", member.home, told.records.len()),
    )
}
