//! A hub that holds a whole catalogue and admits its organisations, run in a process of its own.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use caphub_node::author::{Author, now_ms};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::hub::Hub;
use caphub_node::ingest::Origin;
use caphub_node::keys::{KeyName, fresh};
use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Attestation, AttestationLevel};
use caphub_proto::wire::{Audience, PartyId, Signer};
use caphub_tests::{Machine, NodeProcess};

use crate::catalogue::Catalogue;

/// Revisions that an author signs at once.
const SIGNED_AT_ONCE: usize = 500;
/// How long a node may take to start before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);

static MACHINE: OnceLock<Machine> = OnceLock::new();

/// The machine folder of this benchmark.
pub fn machine() -> &'static Machine {
    let program = || std::env::current_exe().expect("this program").display().to_string();
    MACHINE.get_or_init(|| {
        // How memory is handed out can be compared from outside.
        let allocator =
            std::env::vars().filter(|(name, _)| name == "LD_PRELOAD" || name.starts_with("MALLOC_"));
        allocator.fold(Machine::new(&program(), "en"), |machine, (name, value)| machine.with(&name, &value))
    })
}

/// Removes the folder: a value that lives as long as the process is never dropped.
pub fn clear() {
    if let Some(machine) = MACHINE.get() {
        let _ = std::fs::remove_dir_all(machine.path(""));
    }
}

/// A hub's folder, founded; its node does not run yet.
pub struct Source {
    /// The folder's machine.
    pub machine: &'static Machine,
    /// Its name there.
    pub name: &'static str,
    /// The hub.
    pub party: PartyId,
    /// Its node, once it was started.
    pub node: NodeProcess<'static>,
}

impl Source {
    /// Founds a hub.
    pub async fn found(machine: &'static Machine, name: &'static str) -> Self {
        let mut node = machine.hub(name, name, "001").await;
        node.kill().await;
        let party = Hub::load(&machine.path(name)).expect("a hub").party;
        Self { machine, name, party, node }
    }

    /// Where it lies.
    pub fn directory(&self) -> PathBuf {
        self.machine.path(self.name)
    }

    /// The key of its node.
    pub fn signer(&self) -> Signer {
        let hub = Hub::load(&self.directory()).expect("a hub");
        hub.keys(&self.directory()).read(KeyName::Operator, None).expect("the node's key")
    }

    /// Who it is on a link.
    pub fn identity(&self) -> LinkIdentity {
        LinkIdentity { party: self.party, signer: self.signer() }
    }

    /// Its store, while its node does not run.
    pub fn open(&self, everything: bool) -> Core {
        Core::open(&self.directory(), self.party, everything, Quotas::default()).expect("the hub's store")
    }

    /// Stores a catalogue's organisations and these of its runs; admits the organisations, and lets the views follow.
    pub async fn fill(&self, catalogue: &Catalogue, records: Vec<v1::Run>, admit: bool) {
        let core = self.open(true);
        take(&core, catalogue.identities.clone()).await;
        if admit {
            let author = Author::new(self.party, self.signer());
            let admitted: Vec<v1::Revision> = catalogue.parties.iter().map(admission).collect();
            for part in admitted.chunks(SIGNED_AT_ONCE) {
                author.publish(&core, Audience::Public, part).await.expect("admissions");
            }
        }
        take(&core, records).await;
        core.views.catch_up().expect("views");
    }

    /// Starts the node, and says how long it takes until a link to it is up.
    pub async fn start(&mut self) -> Duration {
        let identity = LinkIdentity { party: PartyId::default(), signer: fresh().expect("a key") };
        let addresses = [self.node.address.clone()];
        let started = Instant::now();
        self.node.launch();
        while dial(&identity, self.party, None, &addresses, now_ms()).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the node does not start: {}", self.node.log());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        started.elapsed()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.node.pid().expect("a node that runs")
    }
}

/// Takes runs as a linked hub's, in the sizes that travel.
pub async fn take(core: &Core, runs: Vec<v1::Run>) {
    for part in runs.chunks(64) {
        for taken in core.ingest.take(part.to_vec(), Origin::Peer).await {
            assert!(taken.result.is_ok(), "{taken:?}");
        }
    }
}

fn admission(party: &PartyId) -> v1::Revision {
    let attestation = Attestation {
        party: party.to_vec(),
        level: AttestationLevel::Member.into(),
        name: format!("Organisation {party}"),
        ..Attestation::default()
    };
    Author::first(Record::Attestation(attestation)).expect("a random id")
}

impl Source {
    /// Entries of its running node, and how far its views are behind.
    pub async fn status(&self) -> (u64, u64) {
        let status = self.node.ask(&["status"]).await.ok().json();
        let of = |name: &str| status[name].as_u64().unwrap_or_default();
        (of("entries"), of("behind"))
    }
}
