//! One sync as a replica or a linked hub makes it: the only place that knows how a session is driven.

use std::time::Duration;

use caphub_node::author::now_ms;
use caphub_node::core::Core;
use caphub_node::entitlement::Viewer;
use caphub_node::link::{LinkIdentity, dial};
use caphub_node::sync::Session;
use caphub_proto::wire::PartyId;

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
}

impl Link {
    /// Dials the hub.
    pub async fn open(identity: &LinkIdentity, hub: PartyId, address: &str) -> Self {
        let addresses = [address.to_owned()];
        let channel = dial(identity, hub, None, &addresses, now_ms()).await.expect("a link");
        let viewer = Viewer { parties: vec![hub], hubs: vec![hub], network: true, all: false };
        Self { session: Session::new(channel, hub, None), viewer }
    }

    /// Waits until what opens a connection has passed, and returns what it took.
    pub async fn settled(counts: &Counts) -> (u64, u64) {
        tokio::time::sleep(SETTLE).await;
        counts.now()
    }

    /// Compares, pulls and pushes what either side lacks.
    pub async fn sync(&mut self, core: &Core) -> Moved {
        self.session.hello(core).await.expect("a greeting");
        let heads = self.session.heads().await.expect("heads");
        let pulled = self.session.pull(core, &heads, &mut |_, _| {}).await.expect("a pull");
        let mut quiet = |_: &caphub_node::sync::Moved, _: u64| {};
        let pushed = self.session.push(core, &heads, &self.viewer, |_| true, &mut quiet);
        let pushed = pushed.await.expect("a push");
        Moved { pulled: pulled.entries, pushed: pushed.entries, bytes: pulled.bytes + pushed.bytes }
    }

    /// Pulls only, as an empty replica does.
    pub async fn pull(&mut self, core: &Core) -> Moved {
        self.session.hello(core).await.expect("a greeting");
        let heads = self.session.heads().await.expect("heads");
        let pulled = self.session.pull(core, &heads, &mut |_, _| {}).await.expect("a pull");
        assert!(pulled.refused.is_empty(), "{pulled:?}");
        Moved { pulled: pulled.entries, pushed: 0, bytes: pulled.bytes }
    }
}
