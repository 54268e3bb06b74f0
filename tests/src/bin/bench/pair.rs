//! Two hubs that are linked and hold nearly the same: what one lacks is known exactly.

use caphub_proto::v1;

use crate::catalogue::Catalogue;
use crate::source::{Source, machine, take};

/// Two linked hubs; no node of theirs runs.
pub struct Pair {
    /// The hub that admits all organisations.
    pub near: Source,
    /// The hub that carries them because of that.
    pub far: Source,
}

impl Pair {
    /// Founds and links two hubs and gives both of them these runs.
    pub async fn make(catalogue: &Catalogue, records: Vec<v1::Run>) -> Self {
        let machine = machine();
        let (mut near, mut far) = (Source::found(machine, "near").await, Source::found(machine, "far").await);
        near.node.up().await;
        far.node.up().await;
        let (near_card, far_card) = (near.node.card().await, far.node.card().await);
        near.node.ask(&["link", "add", &far_card]).await.ok();
        far.node.ask(&["link", "add", &near_card]).await.ok();
        near.node.stop().await;
        far.node.stop().await;
        near.fill(catalogue, records.clone(), true).await;
        far.fill(catalogue, records, false).await;
        Self { near, far }
    }

    /// Runs both nodes until they hold the same, with their views at the end; then stops them.
    pub async fn converge(&mut self) {
        self.near.start().await;
        self.far.start().await;
        self.same().await;
        self.near.node.stop().await;
        self.far.node.stop().await;
    }

    /// Waits until both nodes, which run, hold the same number of entries and their views are at the end.
    pub async fn same(&self) {
        for patience in (0..1_200).rev() {
            let ask = |node| async move { Source::status(node).await };
            let (near, far) = (ask(&self.near).await, ask(&self.far).await);
            if near.0 == far.0 && near.1 == 0 && far.1 == 0 {
                return;
            }
            assert!(patience > 0, "the hubs do not become equal: {near:?} {far:?}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// Adds runs to a hub whose node does not run.
pub async fn add(hub: &Source, runs: Vec<v1::Run>) {
    take(&hub.open(true), runs).await;
}
