//! Links to other hubs: added and removed while running, each followed continuously, whichever side opened it.

mod task;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::v1::LinkState;
use caphub_proto::wire::PartyId;
use caphub_proto::wire::card::Card;
use caphub_proto::wire::claims::Claims;
use caphub_proto::wire::session::Memory;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::addresses::places;
use crate::author::now_ms;
use crate::core::Core;
use crate::durable;
use crate::explain::Far;
use crate::link::dial::ProxyError;
use crate::link::{Dialler, Place, Proxies, Reached};
use crate::peers::task::Task;

/// Most linked hubs.
const LINKS_MAX: usize = 256;
/// Feeds that a status names as not carried.
const NOT_CARRIED_SHOWN: usize = 16;

/// All links of one node.
pub struct Peers {
    core: Core,
    dialler: Dialler,
    path: PathBuf,
    links: Mutex<BTreeMap<PartyId, Link>>,
    /// What one far end gives is not asked of another.
    claims: Arc<Mutex<Claims>>,
    stop: CancellationToken,
}

struct Link {
    card: Card,
    stored: Stored,
    stop: CancellationToken,
    live: Live,
    memory: Arc<Mutex<Memory>>,
}

impl Link {
    fn new(card: Card, stored: Stored, stop: CancellationToken) -> Self {
        Self { card, stored, stop, live: Live::default(), memory: Arc::default() }
    }
}

/// A link in the file. What its nodes have published since is in the log and not repeated here.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Written", deny_unknown_fields)]
struct Stored {
    /// The card that was given, as signed.
    card: String,
    /// The proxy of this link alone, with its password; empty: the node's own.
    proxy: String,
}

impl Stored {
    /// The proxy without its password; empty for the node's own.
    fn proxy(&self) -> String {
        match self.proxy.as_str() {
            "" => String::new(),
            own => Proxies::resolve(own, |_| None).map(|p| p.to_string()).unwrap_or_default(),
        }
    }
}

/// The forms that the file has had.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Card(String),
    Link { card: String, proxy: String },
}

impl From<Written> for Stored {
    fn from(written: Written) -> Self {
        match written {
            Written::Card(card) => Self { card, proxy: String::new() },
            Written::Link { card, proxy } => Self { card, proxy },
        }
    }
}

type Live = Arc<Mutex<State>>;

#[derive(Clone, Default)]
struct State {
    connected: bool,
    detail: String,
    /// By how many seconds the far end's clock was ahead, where that ended the link.
    clock_s: Option<i64>,
    received: u64,
    sent: u64,
    last_contact_ms: u64,
    /// Other linked hubs whose identity log the far end holds as it is held here.
    confirms: Vec<PartyId>,
}

/// The linked hubs of a folder, each with its card and its own proxy, without dialling any.
pub fn linked(directory: &Path) -> std::io::Result<Vec<(Card, String)>> {
    let all: Vec<Stored> = durable::read_json(&directory.join("links.json"))?;
    let parsed = all.into_iter().map(|stored| {
        let card = Card::parse(&stored.card).map_err(std::io::Error::other)?;
        Ok((card, stored.proxy))
    });
    parsed.collect()
}

impl Peers {
    /// Opens the list of links; `start` begins to dial.
    pub fn open(
        directory: &Path,
        core: Core,
        dialler: Dialler,
        stop: CancellationToken,
    ) -> std::io::Result<Self> {
        let path = directory.join("links.json");
        let all: Vec<Stored> = durable::read_json(&path)?;
        let mut links = BTreeMap::new();
        for stored in all {
            let card = Card::parse(&stored.card).map_err(std::io::Error::other)?;
            let link = Link::new(card.clone(), stored, stop.child_token());
            links.insert(card.party, link);
        }
        let claims = Arc::default();
        let peers = Self { core, dialler, path, links: Mutex::new(links), claims, stop };
        peers.state_carriage();
        Ok(peers)
    }

    /// Dials every link.
    pub fn start(&self) {
        for link in self.lock().values() {
            self.spawn(link);
        }
    }

    /// Adds a link, or replaces its card and proxy, and dials at once. An empty `proxy` is the node's own way.
    pub fn add(&self, card: Card, text: String, proxy: String) -> std::io::Result<()> {
        let mut links = self.lock();
        if links.len() >= LINKS_MAX && !links.contains_key(&card.party) {
            return Err(std::io::Error::other("256 links are the most that a node keeps"));
        }
        let stored = Stored { card: text, proxy };
        let link = Link::new(card.clone(), stored, self.stop.child_token());
        self.spawn(&link);
        if let Some(replaced) = links.insert(card.party, link) {
            replaced.stop.cancel();
        }
        self.save(&links)?;
        drop(links);
        self.state_carriage();
        Ok(())
    }

    /// Removes a link; false where there is none. Its connection ends.
    pub fn remove(&self, party: &PartyId) -> std::io::Result<bool> {
        let mut links = self.lock();
        let Some(link) = links.remove(party) else { return Ok(false) };
        link.stop.cancel();
        self.save(&links)?;
        drop(links);
        self.state_carriage();
        Ok(true)
    }

    /// The cards of all linked hubs.
    pub fn cards(&self) -> Vec<Card> {
        self.lock().values().map(|link| link.card.clone()).collect()
    }

    /// A connection of its own to a linked hub, the way that its link takes; the words say why there is none.
    pub async fn dial(&self, card: &Card) -> Result<Reached, String> {
        let proxy = self.lock().get(&card.party).map(|l| l.stored.proxy.clone()).unwrap_or_default();
        let dialler = self.way(&proxy).map_err(|e| e.to_string())?;
        let places = places(&self.core, card);
        dialler.dial(card.party, &places, now_ms()).await.map_err(|e| e.to_string())
    }

    fn way(&self, proxy: &str) -> Result<Dialler, ProxyError> {
        match proxy.is_empty() {
            true => Ok(self.dialler.clone()),
            false => Ok(self.dialler.through(Proxies::resolve(proxy, |_| None)?)),
        }
    }

    /// What each link does now.
    pub fn states(&self) -> Vec<LinkState> {
        let links = self.lock();
        let confirmed_by = |party: &PartyId| {
            let by =
                |l: &&Link| l.live.lock().unwrap_or_else(PoisonError::into_inner).confirms.contains(party);
            links.values().filter(by).map(|l| l.card.name.clone()).collect()
        };
        let states = links.values().map(|link| {
            let live = link.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let memory = link.memory.lock().unwrap_or_else(PoisonError::into_inner);
            let not_carried =
                memory.here().take(NOT_CARRIED_SHOWN).map(|(f, r)| format!("{f} {}", r.reason.code()));
            LinkState {
                party_id: link.card.party.to_vec(),
                name: link.card.name.clone(),
                addresses: addresses(&places(&self.core, &link.card)),
                state: if live.connected { "connected" } else { "waiting" }.to_owned(),
                detail: live.detail,
                received: live.received,
                sent: live.sent,
                last_contact_ms: live.last_contact_ms,
                not_carried: not_carried.collect(),
                proxy: link.stored.proxy(),
                confirmed_by: confirmed_by(&link.card.party),
            }
        });
        states.collect()
    }

    /// What is known of each linked hub, for those who ask why a thing has not arrived.
    pub fn known(&self) -> Vec<Far> {
        let links = self.lock();
        let known = links.values().map(|link| {
            let live = link.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let memory = link.memory.lock().unwrap_or_else(PoisonError::into_inner);
            Far {
                party: link.card.party,
                name: link.card.name.clone(),
                addresses: addresses(&places(&self.core, &link.card)),
                proxy: link.stored.proxy(),
                connected: Some(live.connected),
                last_ms: live.last_contact_ms,
                detail: live.detail,
                clock_s: live.clock_s,
                standing: memory.kept().0.to_owned(),
                here: memory.here().map(|(feed, r)| (*feed, *r)).collect(),
                there: memory.there().map(|(feed, r)| (*feed, *r)).collect(),
            }
        });
        known.collect()
    }

    /// How many links are up.
    pub fn connected(&self) -> usize {
        self.states().iter().filter(|s| s.state == "connected").count()
    }

    /// True where this node has a live connection of its own making to a party.
    pub fn follows(&self, party: &PartyId) -> bool {
        let links = self.lock();
        links.get(party).is_some_and(|l| l.live.lock().unwrap_or_else(PoisonError::into_inner).connected)
    }

    fn state_carriage(&self) {
        let parties: HashSet<PartyId> = self.lock().keys().copied().collect();
        self.core.ingest.link(parties);
        self.core.admissions.relinked();
    }

    fn save(&self, links: &BTreeMap<PartyId, Link>) -> std::io::Result<()> {
        let all: Vec<&Stored> = links.values().map(|l| &l.stored).collect();
        durable::replace_json(&self.path, &all)
    }

    fn spawn(&self, link: &Link) {
        let dialler = match self.way(&link.stored.proxy) {
            Ok(dialler) => dialler,
            Err(error) => {
                link.live.lock().unwrap_or_else(PoisonError::into_inner).detail = error.to_string();
                return;
            }
        };
        let task = Task {
            core: self.core.clone(),
            dialler,
            card: link.card.clone(),
            live: Arc::clone(&link.live),
            memory: Arc::clone(&link.memory),
            claims: Arc::clone(&self.claims),
        };
        let stop = link.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task.run() => {}
                () = stop.cancelled() => {}
            }
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PartyId, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn addresses(places: &[Place]) -> Vec<String> {
    places.iter().map(|p| p.address.clone()).collect()
}
