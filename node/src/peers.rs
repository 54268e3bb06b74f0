//! Links to other hubs: added and removed while running, each followed continuously, whichever side opened it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caphub_proto::v1::LinkState;
use caphub_proto::wire::card::Card;
use caphub_proto::wire::{Feed, FeedId, PartyId, Reason, Seq};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::addresses::places;
use crate::author::now_ms;
use crate::core::Core;
use crate::durable;
use crate::entitlement::Viewer;
use crate::keys::random;
use crate::link::dial::ProxyError;
use crate::link::{Dialler, Place, Proxies, Reached};
use crate::sync::{Moved, Session, SyncError};

/// First wait after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// Longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Entries that arrive within this time leave in one push.
const PUSH_DEBOUNCE: Duration = Duration::from_millis(20);
/// How long after news another address of a lost hub is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
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
    stop: CancellationToken,
}

struct Link {
    card: Card,
    stored: Stored,
    stop: CancellationToken,
    live: Live,
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
    received: u64,
    sent: u64,
    last_contact_ms: u64,
    not_carried: HashMap<FeedId, Reason>,
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
            let link = Link { card: card.clone(), stored, stop: stop.child_token(), live: Live::default() };
            links.insert(card.party, link);
        }
        let peers = Self { core, dialler, path, links: Mutex::new(links), stop };
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
        let link = Link { card: card.clone(), stored, stop: self.stop.child_token(), live: Live::default() };
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
        let states = links.values().map(|link| {
            let live = link.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let not_carried =
                live.not_carried.iter().take(NOT_CARRIED_SHOWN).map(|(f, r)| format!("{f} {}", r.code()));
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
                proxy: match link.stored.proxy.as_str() {
                    "" => String::new(),
                    own => Proxies::resolve(own, |_| None).map(|p| p.to_string()).unwrap_or_default(),
                },
                confirmed_by: Vec::new(),
            }
        });
        states.collect()
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
        let task =
            Task { core: self.core.clone(), dialler, card: link.card.clone(), live: Arc::clone(&link.live) };
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

struct Task {
    core: Core,
    dialler: Dialler,
    card: Card,
    live: Live,
}

impl Task {
    async fn run(self) {
        let mut wait = BACKOFF_MIN;
        loop {
            let started = tokio::time::Instant::now();
            let tried = places(&self.core, &self.card);
            if tried.is_empty() {
                let detail = "no address of it is known: it connects to this node".to_owned();
                self.set(|s| (s.connected, s.detail) = (false, detail));
                self.moved(&tried).await;
                continue;
            }
            let ended = self.connect(&tried).await;
            self.set(|s| {
                s.connected = false;
                s.detail = ended;
            });
            // A link that held for a while starts over with short waits.
            wait = if started.elapsed() > Duration::from_secs(30) {
                BACKOFF_MIN
            } else {
                (wait * 2).min(BACKOFF_MAX)
            };
            tokio::select! {
                () = tokio::time::sleep(jitter(wait)) => {}
                () = self.moved(&tried) => wait = BACKOFF_MIN,
            }
        }
    }

    /// Ends when another address of the hub is known than those tried.
    async fn moved(&self, tried: &[Place]) {
        let mut changes = self.core.views.watch();
        while places(&self.core, &self.card) == tried {
            // Records come in thousands: looking again a little later finds them all.
            let changed = changes.recv().await;
            tokio::time::sleep(LOOK_AGAIN).await;
            changes = changes.resubscribe();
            if matches!(changed, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                return std::future::pending().await;
            }
        }
    }

    /// One connection from dial to end; returns why it ended.
    async fn connect(&self, places: &[Place]) -> String {
        let party = self.card.party;
        let reached = match self.dialler.dial(party, places, now_ms()).await {
            Ok(reached) => reached,
            Err(error) => return error.to_string(),
        };
        let mut session = Session::new(reached.channel, party, Some(reached.key));
        loop {
            match self.round(&mut session).await {
                Ok(()) => tokio::time::sleep(BACKOFF_MIN).await,
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Compares heads, moves what is missing, and follows until the two sides should compare again.
    async fn round(&self, session: &mut Session) -> Result<(), SyncError> {
        let hello = session.hello(&self.core).await?;
        let mut admissions = self.core.admissions.watch();
        admissions.mark_unchanged();
        let detail = match hello.standing.as_str() {
            "peer" | "own" => String::new(),
            _ => "the other hub has not added this one yet: only public records move".to_owned(),
        };
        let position = hello.position.unwrap_or_default();
        let heads = session.heads().await?;
        // Where the far side does not know this hub's identity it cannot know it as the hub that it has added.
        if hello.standing == "applicant" && self.introduce(session, &heads).await? {
            return Ok(());
        }
        let pulled = session.pull(&self.core, &heads, &mut |_, _| {}).await?;
        let not_carried = pulled.feeds.clone();
        let waits_for_admission = AtomicBool::new(!not_carried.is_empty());
        self.set(|s| {
            s.connected = true;
            s.detail = detail.clone();
            s.received += pulled.entries;
            s.last_contact_ms = now_ms();
            s.not_carried = not_carried.clone();
        });
        let mut follower = session.clone();
        let follow = follower.follow(&self.core, position, |taken| {
            let stored: u64 = taken.iter().filter_map(|t| t.result.ok()).map(|s| s.stored).sum();
            // Refusals that an admission or a recognition can lift.
            let lifted = |r: &Reason| matches!(r, Reason::NotCarried | Reason::GuestRecord | Reason::Quota);
            let refused: Vec<(FeedId, Reason)> =
                taken.iter().filter_map(|t| Some((t.feed, t.result.err().filter(lifted)?))).collect();
            if !refused.is_empty() {
                waits_for_admission.store(true, Ordering::Relaxed);
            }
            self.set(|s| {
                s.received += stored;
                s.last_contact_ms = now_ms();
                s.not_carried.extend(refused);
            });
            let missing =
                |t: &crate::ingest::Taken| t.result == Err(Reason::Gap) && !not_carried.contains_key(&t.feed);
            !taken.iter().any(missing)
        });
        // What was not carried may be carried once somebody is admitted or recognised: compare again then.
        let admitted = async {
            while admissions.changed().await.is_ok() {
                if waits_for_admission.load(Ordering::Relaxed) {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let follow = async {
            tokio::select! {
                ended = follow => ended,
                () = admitted => Ok(()),
            }
        };
        if hello.follows_you || !matches!(hello.standing.as_str(), "peer" | "own") {
            return follow.await;
        }
        tokio::select! {
            ended = follow => ended,
            ended = self.push(session.clone(), heads) => ended,
        }
    }

    /// Brings the own identity log; true where the far side took something of it.
    async fn introduce(&self, session: &mut Session, heads: &[(Feed, Seq)]) -> Result<bool, SyncError> {
        let public = Viewer { parties: Vec::new(), hubs: Vec::new(), network: false, all: false };
        let own = Feed::identity(self.core.party);
        let pushed = session.push(&self.core, heads, &public, |f| *f == own, &mut |_, _| {}).await?;
        Ok(pushed.entries > 0)
    }

    async fn push(&self, mut session: Session, mut theirs: Vec<(Feed, Seq)>) -> Result<(), SyncError> {
        let viewer =
            Viewer { parties: vec![self.card.party], hubs: vec![self.card.party], network: true, all: false };
        let mut growing = self.core.store.subscribe();
        loop {
            growing.mark_unchanged();
            let ours: Vec<(Feed, Seq)> =
                self.core.counted_heads().into_iter().map(|h| (h.feed, h.head.seq)).collect();
            let party = self.card.party;
            let pushed: Moved =
                session.push(&self.core, &theirs, &viewer, |f| f.party != party, &mut |_, _| {}).await?;
            self.set(|s| {
                s.sent += pushed.entries;
                s.last_contact_ms = now_ms();
            });
            // What was refused now is offered again when the two sides next compare heads.
            theirs = ours;
            if growing.changed().await.is_err() {
                return Ok(());
            }
            tokio::time::sleep(PUSH_DEBOUNCE).await;
        }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn addresses(places: &[Place]) -> Vec<String> {
    places.iter().map(|p| p.address.clone()).collect()
}

/// Between half and all of a wait, so that nodes do not come back at one moment.
fn jitter(wait: Duration) -> Duration {
    let [byte] = random::<1>().unwrap_or([255]);
    wait / 2 + wait / 2 * u32::from(byte) / 255
}
