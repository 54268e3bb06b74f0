//! One sync as a replica or a linked hub makes it: the only place that knows how a session is driven.

use std::sync::Mutex;
use std::time::Duration;

use caphub_node::author::now_ms;
use caphub_node::core::Core;
use caphub_node::entitlement::Viewer;
use caphub_node::link::{LinkIdentity, dial};
use caphub_node::sync::{Options, Session, SyncError, Synced};
use caphub_proto::wire::PartyId;
use caphub_proto::wire::session::{Memory, Settings};

use crate::proxy::Counts;

/// How long the first frames of a new connection may be on their way before bytes are counted.
const SETTLE: Duration = Duration::from_millis(300);

/// What one sync moved.
#[derive(Clone, Copy, Default, Debug)]
pub struct Moved {
    /// Entries that arrived.
    pub pulled: u64,
    /// Entries that left.
    pub pushed: u64,
    /// Bytes of them, both ways.
    pub bytes: u64,
}

/// A connection to one hub.
pub struct Link {
    session: Session,
    viewer: Viewer,
    memory: Mutex<Memory>,
}

impl Link {
    /// Dials the hub.
    pub async fn open(identity: &LinkIdentity, hub: PartyId, address: &str) -> Self {
        let addresses = [address.to_owned()];
        let channel = dial(identity, hub, None, &addresses, now_ms()).await.expect("a link");
        let viewer = Viewer { parties: vec![hub], hubs: vec![hub], network: true, all: false, opened: false };
        Self { session: Session::new(channel, hub, None), viewer, memory: Mutex::default() }
    }

    /// Waits until what opens a connection has passed, and returns what it took.
    pub async fn settled(counts: &Counts) -> (u64, u64) {
        tokio::time::sleep(SETTLE).await;
        counts.now()
    }

    /// Compares, pulls and pushes what either side lacks.
    pub async fn sync(&mut self, core: &Core) -> Moved {
        let settings = self.settings(core, true, false);
        moved(&self.once(core, settings, &|_| {}).await.expect("a sync"))
    }

    /// Pulls only, as an empty replica does.
    pub async fn pull(&mut self, core: &Core) -> Moved {
        let settings = self.settings(core, false, false);
        let synced = self.once(core, settings, &|_| {}).await.expect("a sync");
        assert!(synced.pulled.refused.is_empty(), "{:?}", synced.pulled);
        moved(&synced)
    }

    /// Pulls the newest first, and says after each batch how far it is.
    pub async fn pull_newest(
        &mut self,
        core: &Core,
        say: &(dyn Fn(Moved) + Sync),
    ) -> Result<Moved, SyncError> {
        let settings = self.settings(core, false, true);
        self.once(core, settings, say).await.map(|synced| moved(&synced))
    }

    fn settings(&self, core: &Core, push: bool, newest_first: bool) -> Settings {
        Settings {
            far: self.viewer.clone(),
            parties: vec![core.party],
            pull: true,
            push,
            to_strangers: true,
            max_bytes: None,
            newest_first,
            dry: false,
        }
    }

    async fn once(
        &self,
        core: &Core,
        settings: Settings,
        say: &(dyn Fn(Moved) + Sync),
    ) -> Result<Synced, SyncError> {
        let options = Options {
            settings,
            memory: &self.memory,
            claims: &Mutex::default(),
            greeted: &|_| {},
            progress: &|synced, _| say(moved(synced)),
        };
        self.session.sync(core, &options).await.map(|(_, synced)| synced)
    }
}

fn moved(synced: &Synced) -> Moved {
    let (pulled, pushed) = (&synced.pulled, &synced.pushed);
    Moved { pulled: pulled.entries, pushed: pushed.entries, bytes: pulled.bytes + pushed.bytes }
}
