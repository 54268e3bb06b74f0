//! From a scenario to a world that is ready to run.

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::v1::AttestationLevel;
use caphub_proto::wire::statement::Stamp;
use caphub_proto::wire::{Audience, Feed, PartyId, Signer};

use crate::sim::cast::{Party, Signed, attestation, sign};
use crate::sim::network::Network;
use crate::sim::node::{Durable, Node};
use crate::sim::oracle::{Known, Oracle};
use crate::sim::queue::{MILLISECOND, Queue, SECOND};
use crate::sim::rng::Rng;
use crate::sim::scenario::{Fault, Scenario};
use crate::sim::store::{Frame, Kind, Store};
use crate::sim::strike::{Strike, plan as strikes};
use crate::sim::world::{Counts, Event, World};

/// What a node is, before it is made.
struct Plan {
    party: Option<usize>,
    home: Option<usize>,
    dials: Vec<usize>,
    conduct: Option<Fault>,
    writes: bool,
}

impl World {
    /// Makes the world of a scenario.
    pub fn build(scenario: Scenario, trace: bool) -> Self {
        let mut rng = Rng::new(scenario.seed);
        let mut plans = plan_nodes(&scenario, &mut rng);
        let mut parties = Vec::new();
        let mut twins = None;
        let homes: BTreeSet<usize> = plans.iter().filter_map(|p| p.home).collect();
        for (n, plan) in plans.iter_mut().enumerate() {
            if !scenario.everybody_known && !plan.writes && !homes.contains(&n) {
                continue;
            }
            let of = match (plan.conduct, twins) {
                (Some(Fault::Fork), Some(of)) => of,
                _ => {
                    parties.push(Party::found(&mut rng, 1));
                    parties.len() - 1
                }
            };
            plan.party = Some(of);
            if plan.conduct == Some(Fault::Fork) {
                twins = Some(of);
            }
        }
        let ids: Vec<PartyId> =
            plans.iter().map(|p| p.party.map_or_else(|| PartyId(rng.array()), |n| parties[n].id)).collect();
        let known = known(&plans, &ids);
        let mut oracle = Oracle::new(known);
        let twins = plans.iter().filter(|p| p.conduct == Some(Fault::Fork)).filter_map(|p| p.party);
        twins.for_each(|p| oracle.may_fork(parties[p].id));
        let recognised: BTreeSet<PartyId> = plans
            .iter()
            .enumerate()
            .filter(|(_, p)| p.writes || p.home.is_some())
            .map(|(n, _)| ids[n])
            .collect();
        let homes: BTreeSet<PartyId> = plans.iter().filter_map(|p| p.home).map(|h| ids[h]).collect();
        let mut nodes: Vec<Node> = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let signer = plan
                .party
                .map_or_else(|| Signer::from_seed(&rng.array()), |p| parties[p].operators[0].clone());
            let mut node = new_node(index, ids[index], signer, plan, &mut rng);
            node.audiences.extend(plan.home.map(|home| Audience::Hub(ids[home])));
            if scenario.even_twins {
                node.audiences.truncate(1);
            }
            node.linked = oracle.nodes[index].linked.iter().copied().collect();
            node.recognised = recognised.union(&homes).copied().collect();
            nodes.push(node);
        }
        let count = nodes.len();
        let network = Network::new(count, scenario.weather, rng.branch());
        let counts = Counts { sent: vec![0; count], received: vec![0; count], ..Counts::default() };
        let mut world = Self {
            queue: Queue::default(),
            network,
            nodes,
            party_of: plans.iter().map(|p| p.party).collect(),
            parties,
            oracle,
            conns: BTreeMap::new(),
            counts,
            trace: trace.then(Vec::new),
            busy: true,
            rng,
            recorded: BTreeMap::new(),
            writers: plans.iter().filter(|p| p.writes).count(),
            next_conn: 1,
            scenario,
        };
        world.found(&plans);
        world.begin_all(&plans);
        world
    }

    /// Every party's own machine holds its identity; hubs have admitted their members.
    fn found(&mut self, plans: &[Plan]) {
        for (n, plan) in plans.iter().enumerate() {
            let Some(party) = plan.party else { continue };
            let events = self.parties[party].identity.clone();
            self.writes_at_start(n, &events);
        }
        for (n, plan) in plans.iter().enumerate() {
            let Some(home) = plan.home else { continue };
            let member = self.nodes[n].party;
            let feed =
                Feed::records(self.nodes[home].party, self.nodes[home].writer.public(), Audience::Public);
            let head = self.nodes[home].durable.store.head(&feed.id());
            let (salt, body) =
                (self.rng.array(), attestation(&mut self.rng, member, AttestationLevel::Member));
            let time_ms = self.nodes[home].clock_ms(0);
            let signed = sign(feed, head, time_ms, salt, &body, &self.nodes[home].writer);
            self.writes_at_start(home, &[signed]);
        }
        for n in 0..self.nodes.len() {
            self.derive(n);
        }
    }

    fn writes_at_start(&mut self, node: usize, entries: &[Signed]) {
        for signed in entries {
            self.oracle.note(signed);
            let (feed, packed) = (signed.feed, signed.packed.clone());
            let frame = Frame { kind: Kind::Append, feed, first: signed.head.seq.value(), packed, own: true };
            let durable = &mut self.nodes[node].durable;
            let upto = durable.store.write([frame.clone()]);
            durable.store.synced(upto);
            durable.register.push(std::rc::Rc::new(frame));
        }
    }

    fn begin_all(&mut self, plans: &[Plan]) {
        for (n, plan) in plans.iter().enumerate() {
            for to in self.nodes[n].dials.clone() {
                let wait = self.rng.between(0, 2_000) * MILLISECOND;
                self.queue.at(wait, Event::Dial { node: n, life: 0, to });
            }
            if plan.writes {
                let mut wait = self.rng.between(0, self.scenario.busy / 4);
                if self.scenario.even_twins {
                    wait = APART_AT + SECOND + wait / 4;
                }
                self.queue.at(wait, Event::Write { node: n, left: self.scenario.records });
            }
        }
        let mut rng = self.rng.branch();
        for (at, strike) in strikes(&self.scenario, self.nodes.len(), &mut rng) {
            self.queue.at(at, Event::Strike(strike));
        }
        let twin = plans.iter().position(|p| p.conduct == Some(Fault::Fork));
        if let Some(twin) = twin.filter(|_| self.scenario.even_twins) {
            let mut sides = vec![0; self.nodes.len()];
            (sides[1], sides[twin + 1]) = (1, 1);
            self.queue.at(APART_AT, Event::Strike(Strike::Part(sides)));
            self.queue.at(APART_AT, Event::Strike(Strike::Apart(twin)));
        } else if let Some(twin) = twin {
            let busy = self.scenario.busy;
            self.queue.at(rng.between(busy / 10, busy / 2), Event::Strike(Strike::Apart(twin)));
            if rng.permille(600) {
                self.queue.at(rng.between(busy / 2, busy), Event::Strike(Strike::Revoke(twin)));
            }
        }
    }
}

/// Hubs, members at some of them, and the two machines of an author with two histories.
fn plan_nodes(scenario: &Scenario, rng: &mut Rng) -> Vec<Plan> {
    let hubs = scenario.hubs;
    let hub = |n: usize| Plan {
        party: None,
        home: None,
        dials: vec![],
        conduct: None,
        writes: n < scenario.authors,
    };
    let mut plans: Vec<Plan> = (0..hubs).map(hub).collect();
    for (a, b) in scenario.topology.edges(hubs, rng) {
        let one_way = rng.permille(scenario.one_way);
        let first = rng.permille(500);
        if !one_way || first {
            plans[a].dials.push(b);
        }
        if !one_way || !first {
            plans[b].dials.push(a);
        }
    }
    let kinds: Vec<Fault> = scenario.faults.iter().copied().filter(|f| f.is_conduct()).collect();
    for conduct in kinds.into_iter().take(hubs.saturating_sub(2)) {
        let n = rng.index(hubs);
        plans[n].conduct.get_or_insert(conduct);
    }
    for _ in 0..scenario.members {
        let home = rng.index(hubs);
        plans.push(Plan { party: None, home: Some(home), dials: vec![home], conduct: None, writes: true });
    }
    if scenario.has(Fault::Fork) {
        let homes = (rng.index(hubs), rng.index(hubs));
        let (one, other) = if scenario.even_twins { (0, 1) } else { homes };
        for home in [one, other] {
            let conduct = Some(Fault::Fork);
            plans.push(Plan { party: None, home: Some(home), dials: vec![home], conduct, writes: true });
        }
    }
    plans
}

fn known(plans: &[Plan], ids: &[PartyId]) -> Vec<Known> {
    let mut known: Vec<Known> = plans
        .iter()
        .enumerate()
        .map(|(n, plan)| Known {
            party: ids[n],
            member_of: BTreeSet::new(),
            linked: BTreeSet::new(),
            honest: plan.conduct.is_none(),
            hub: plan.home.is_none(),
        })
        .collect();
    for (n, plan) in plans.iter().enumerate() {
        match plan.home {
            Some(home) => {
                // Of one party all machines are members where one of them is.
                known.iter_mut().filter(|k| k.party == ids[n]).for_each(|k| k.member_of.extend([ids[home]]));
                known[n].linked.insert(ids[home]);
            }
            None => {
                for to in &plan.dials {
                    known[n].linked.insert(ids[*to]);
                    known[*to].linked.insert(ids[n]);
                }
            }
        }
    }
    known
}

fn new_node(index: usize, party: PartyId, signer: Signer, plan: &Plan, rng: &mut Rng) -> Node {
    let audiences = match plan.home {
        None => vec![Audience::Public, Audience::Public, Audience::Network, Audience::Hub(party)],
        Some(_) => vec![Audience::Public, Audience::Network],
    };
    let durable = Durable {
        store: Store::new(rng.array()),
        proofs: Vec::new(),
        register: Vec::new(),
        reserved: 0,
        heard: Vec::new(),
        checkpoints: BTreeMap::new(),
        published: 0,
    };
    Node {
        index,
        party,
        writer: signer.clone(),
        signer,
        audiences,
        replica: plan.home.is_some(),
        conduct: plan.conduct,
        apart: false,
        linked: Default::default(),
        dials: plan.dials.clone(),
        up: true,
        doomed: None,
        life: 0,
        skew_ms: 0,
        durable,
        backup: None,
        disk: Default::default(),
        lanes: BTreeMap::new(),
        lacking: BTreeMap::new(),
        identities: Default::default(),
        admissions: Default::default(),
        recognised: BTreeSet::new(),
        sets: Default::default(),
        anchors: BTreeMap::new(),
        asides: Default::default(),
        erased: Default::default(),
        stamp: Stamp::resume(0),
        guests: BTreeMap::new(),
        claims: Default::default(),
        memories: BTreeMap::new(),
        dialled: BTreeMap::new(),
        followers: BTreeMap::new(),
    }
}

/// When two machines of one author part that shall write the same number of entries: all have met by then.
const APART_AT: u64 = 20 * SECOND;
/// Least time between two looks at whether all agree.
pub const LOOK: u64 = SECOND / 20;
