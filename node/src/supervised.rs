//! What is told to systemd where it started the node: that it is up, how it is, that it is alive, that it stops.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use crate::store::Trouble;

/// How often the state is told where no watchdog asks for more.
const TELL: Duration = Duration::from_secs(30);

/// Tells it until `stop`. The watchdog is fed only while this task gets its turn and the store and the views answer: a node
/// that hangs is started again. Without systemd, messages go nowhere.
pub async fn run(node: Arc<Node>, stop: CancellationToken) {
    let watchdog = sd_notify::watchdog_enabled();
    // Half the time that is left, as systemd advises.
    let pause = watchdog.map_or(TELL, |limit| TELL.min(limit / 2));
    tell(&[NotifyState::Ready, NotifyState::Status(&state(&node))]);
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
        let asked = Arc::clone(&node);
        let Ok(state) = tokio::task::spawn_blocking(move || state(&asked)).await else { continue };
        tell(&[NotifyState::Watchdog, NotifyState::Status(&state)]);
    }
    tell(&[NotifyState::Stopping]);
}

fn state(node: &Node) -> String {
    let store = &node.core.store;
    let (entries, links, behind) = (store.end(), node.peers.connected(), node.core.views.behind());
    match store.trouble() {
        Some(Trouble::Failed) => format!("the disk failed: {entries} entries are read only"),
        Some(Trouble::Full) => {
            format!("the disk is full: {entries} entries are read only until there is room")
        }
        None if behind > 0 => {
            format!("{entries} entries, {links} hubs connected, search {behind} entries behind")
        }
        None => format!("{entries} entries, {links} hubs connected"),
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
