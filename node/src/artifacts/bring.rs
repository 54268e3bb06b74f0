//! Bringing files of own records to a hub: what it lacks and takes, chunk by chunk.

use caphub_proto::v1::{Blob, BringRequest, ChunkRange, HoldingsRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::fetch::{Source, client};
use super::named::id_of;
use super::{Blobs, FileId, HOLDINGS_MAX, State};
use crate::services::status::reason_of;

/// What became of the files.
#[derive(Clone, Default, Debug)]
pub struct Brought {
    /// Files that the hub has whole now, and had not before.
    pub files: u64,
    /// Bytes that were sent.
    pub bytes: u64,
    /// Files that it did not take, with the reason.
    pub refused: Vec<(Blob, String)>,
}

/// Brings what the hub lacks of these files and would take; those that are not whole here are left out.
pub async fn bring(blobs: &Blobs, files: &[Blob], hub: &Source) -> Result<Brought, Status> {
    let mut brought = Brought::default();
    let whole: Vec<(FileId, &Blob)> =
        files.iter().filter_map(|b| Some((id_of(b)?, b))).filter(|(id, _)| blobs.is_whole(id)).collect();
    for group in whole.chunks(HOLDINGS_MAX) {
        let manifests = group.iter().map(|(id, _)| id.to_vec()).collect();
        let answer = client(hub).holdings(HoldingsRequest { manifests }).await?.into_inner();
        for ((id, blob), holding) in group.iter().zip(answer.holdings) {
            let missing = match holding.state.as_str() {
                "whole" => continue,
                "partial" => holding.missing,
                _ => vec![ChunkRange { from: 0, count: u32::MAX }],
            };
            if !holding.reason.is_empty() {
                brought.refused.push(((*blob).clone(), holding.reason));
                continue;
            }
            match one(blobs, id, &missing, hub).await {
                Ok(bytes) => {
                    brought.files += 1;
                    brought.bytes += bytes;
                }
                Err(status) if reason_of(&status).is_some() => {
                    let reason = reason_of(&status).unwrap_or_default();
                    brought.refused.push(((*blob).clone(), reason));
                }
                Err(status) => return Err(status),
            }
        }
    }
    Ok(brought)
}

async fn one(blobs: &Blobs, id: &FileId, missing: &[ChunkRange], hub: &Source) -> Result<u64, Status> {
    let Some(list) = blobs.list(id).filter(|_| blobs.state(id) == State::Whole) else { return Ok(0) };
    let (sender, receiver) = mpsc::channel(2);
    let (reader, id, missing) = (blobs.clone(), *id, missing.to_vec());
    let count = list.count();
    let reading = tokio::task::spawn_blocking(move || {
        let wanted = (0..count).filter(|i| missing.iter().any(|r| *i >= r.from && i - r.from < r.count));
        let (mut bytes, mut first) = (0, Some((id.to_vec(), list.encode())));
        let mut any = false;
        for index in wanted {
            // A chunk that does not fit any more is the reader's own trouble: the hub hears no more.
            let Ok(chunk) = reader.chunk(&id, index) else { break };
            bytes += chunk.len() as u64;
            let (manifest, list) = first.take().unwrap_or_default();
            any = true;
            if sender.blocking_send(BringRequest { manifest, list, index, chunk }).is_err() {
                break;
            }
        }
        if let Some((manifest, list)) = first.filter(|_| !any && count == 0) {
            // An empty file has a list and no chunks.
            let _ = sender.blocking_send(BringRequest { manifest, list, ..BringRequest::default() });
        }
        bytes
    });
    let answer = client(hub).bring(ReceiverStream::new(receiver)).await;
    let bytes = reading.await.unwrap_or_default();
    answer.map(|_| bytes)
}
