//! Rebuild: index and views derived again from the log. While the node runs it is the node that does it, and only for the views,
//! which answer meanwhile as they were; the index is derived again while nobody has it open.

use std::io;
use std::path::Path;

use caphub_proto::v1::RebuildRequest;
use caphub_proto::v1::admin_service_client::AdminServiceClient;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::Endpoint;

use crate::carriage::Quotas;
use crate::core::Core;
use crate::hub::Hub;
use crate::node::admin_socket;
use crate::store::StoreError;
use crate::store::mend::Bench;
use crate::upkeep::{UpkeepError, file_error, verify};

/// What was derived again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rebuilt {
    /// Index and views, from so many entries.
    All(u64),
    /// The views of a node that runs, from so many entries.
    Views(u64),
}

/// Derives again what can be, from the log of a hub's folder. A log that is damaged is left as it is: the index is what still
/// knows where its parts were.
pub async fn rebuild(directory: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Rebuilt, UpkeepError> {
    let hub = Hub::load(directory)?;
    let store = directory.join("store");
    // The lock is held while they go, so that no node has them open.
    let lock = match Bench::open(&store) {
        Err(StoreError::Locked { .. }) => return running(directory, &mut progress).await,
        lock => lock?,
    };
    let report = verify::verify(&store, progress)?;
    if !report.damage.is_empty() {
        return Err(UpkeepError::Damaged { places: report.damage.len() });
    }
    drop(lock);
    for part in ["store/index", "views", "views.next", "history"] {
        let part = directory.join(part);
        match std::fs::remove_dir_all(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(&part)(error)),
            _ => {}
        }
    }
    let core = Core::open(directory, hub.party, false, Quotas::default())?;
    Ok(Rebuilt::All(core.store.end()))
}

/// Asks the node of a folder, over its operator's socket.
async fn running(directory: &Path, progress: &mut impl FnMut(u64, u64)) -> Result<Rebuilt, UpkeepError> {
    let path = admin_socket(directory);
    let failed = |what: &dyn std::fmt::Display| UpkeepError::Node { what: what.to_string() };
    let connector = {
        let path = path.clone();
        tower::service_fn(move |_: http::Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        })
    };
    let channel = Endpoint::from_static("http://node.invalid").connect_with_connector(connector).await;
    // Another command may have the store, and no node.
    let channel = channel.map_err(|_| failed(&format!("nothing answers at {}", path.display())))?;
    let answers = AdminServiceClient::new(channel).rebuild(RebuildRequest {}).await;
    let mut answers = answers.map_err(|status| failed(&status.message()))?.into_inner();
    while let Some(told) = answers.message().await.map_err(|status| failed(&status.message()))? {
        progress(told.read, told.entries);
        if told.done {
            return Ok(Rebuilt::Views(told.entries));
        }
    }
    Err(failed(&"it ended before they were derived"))
}
