//! One sync as a replica or a linked hub makes it: the only place that knows how a session is driven.

use std::sync::Mutex;
use std::time::Duration;

use caphub_node::author::now_ms;
use caphub_node::core::Core;
use caphub_node::entitlement::Viewer;
use caphub_node::link::{LinkIdentity, dial};
use caphub_node::sync::{Options, Session, Synced};
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
        let viewer = Viewer { parties: vec![hub], hubs: vec![hub], network: true, all: false };
        Self { session: Session::new(channel, hub, None), viewer, memory: Mutex::default() }
    }

    /// Waits until what opens a connection has passed, and returns what it took.
    pub async fn settled(counts: &Counts) -> (u64, u64) {
        tokio::time::sleep(SETTLE).await;
        counts.now()
    }

    /// Compares, pulls and pushes what either side lacks.
    pub async fn sync(&mut self, core: &Core) -> Moved {
        let synced = self.once(core, true).await;
        Moved {
            pulled: synced.pulled.entries,
            pushed: synced.pushed.entries,
            bytes: synced.pulled.bytes + synced.pushed.bytes,
        }
    }

    /// Pulls only, as an empty replica does.
    pub async fn pull(&mut self, core: &Core) -> Moved {
        let pulled = self.once(core, false).await.pulled;
        assert!(pulled.refused.is_empty(), "{pulled:?}");
        Moved { pulled: pulled.entries, pushed: 0, bytes: pulled.bytes }
    }

    async fn once(&self, core: &Core, push: bool) -> Synced {
        let options = Options {
            settings: Settings {
                far: self.viewer.clone(),
                parties: vec![core.party],
                pull: true,
                push,
                to_strangers: true,
                max_bytes: None,
                newest_first: false,
                dry: false,
            },
            memory: &self.memory,
            claims: &Mutex::default(),
            greeted: &|_| {},
            progress: &|_, _| {},
        };
        self.session.sync(core, &options).await.expect("a sync").1
    }
}
