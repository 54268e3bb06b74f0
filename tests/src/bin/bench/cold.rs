//! A full hub, in a process of its own, and an empty replica that syncs with it.

use std::time::{Duration, Instant};

use caphub_node::author::now_ms;
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::founding::{NewParty, found};
use caphub_node::hub::Hub;
use caphub_node::ingest::Origin;
use caphub_node::keys::fresh;
use caphub_node::link::{LinkIdentity, dial};
use caphub_node::sync::Session;
use caphub_proto::wire::PartyId;
use caphub_proto::wire::identity::Capabilities;
use caphub_tests::Machine;

use crate::catalogue::Catalogue;

/// How long one sync took.
#[derive(Clone, Copy)]
pub struct Times {
    /// Until everything was verified and durable.
    pub durable: Duration,
    /// Until it could be searched as well.
    pub searchable: Duration,
}

/// The hub that has everything.
pub struct Source {
    machine: &'static Machine,
    address: String,
    party: PartyId,
    _node: caphub_tests::NodeProcess<'static>,
}

impl Source {
    /// Founds a hub, fills its store, and starts its node.
    pub async fn start(catalogue: &Catalogue) -> Self {
        let program = std::env::current_exe().expect("this program").display().to_string();
        // The benchmark ends with the process.
        let machine: &'static Machine = Box::leak(Box::new(Machine::new(&program, "en")));
        let mut node = machine.hub("hub", "Bench", "001").await;
        node.kill().await;
        let directory = machine.path("hub");
        let party = Hub::load(&directory).expect("a hub").party;
        let core = Core::open(&directory, party, true, Quotas::default()).expect("the hub's store");
        for runs in catalogue.identities.chunks(256).chain(catalogue.records.chunks(64)) {
            for taken in core.ingest.take(runs.to_vec(), Origin::Peer).await {
                assert!(taken.result.is_ok(), "{taken:?}");
            }
        }
        core.views.catch_up().expect("views");
        drop(core);
        node.up().await;
        node.reaches("behind", 0).await;
        Self { machine, address: node.address.clone(), party, _node: node }
    }

    /// One sync of an empty replica.
    pub async fn sync(&self, catalogue: &Catalogue) -> Times {
        let folder = tempfile::tempdir_in(self.machine.path("")).expect("a folder");
        let new =
            NewParty { party_kind: 1, capabilities: Capabilities::DESK, label: "bench", passphrase: None };
        let founded = found(folder.path(), &new, true, Quotas::default()).await.expect("a replica");
        let core = founded.core;
        let before = core.store.end();
        let identity = LinkIdentity { party: core.party, signer: fresh().expect("a key") };
        let started = Instant::now();
        let addresses = [self.address.clone()];
        let channel = dial(&identity, self.party, None, &addresses, now_ms()).await.expect("a link");
        let mut session = Session::new(channel, self.party, None);
        session.hello(&core).await.expect("a greeting");
        let heads = session.heads().await.expect("heads");
        let moved = session.pull(&core, &heads, &mut |_, _| {}).await.expect("a sync");
        let durable = started.elapsed();
        assert!(moved.refused.is_empty(), "{moved:?}");
        let expected: u64 = catalogue.records.iter().map(|r| entries(&r.entries)).sum();
        assert!(core.store.end() - before >= expected, "{moved:?}");
        core.views.catch_up().expect("views");
        Times { durable, searchable: started.elapsed() }
    }
}

fn entries(packed: &[u8]) -> u64 {
    caphub_proto::wire::feed::unpack(packed).map_or(0, |e| e.len() as u64)
}
