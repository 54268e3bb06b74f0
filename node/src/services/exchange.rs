//! Records as people use them: publish, get, list, search, watch.

use std::pin::Pin;

use caphub_proto::v1::exchange_service_server::ExchangeService;
use caphub_proto::v1::{
    GetRequest, GetResponse, ListRequest, ListResponse, PublishRequest, PublishResponse, SearchRequest,
    SearchResponse, WatchRequest, WatchResponse,
};
use caphub_proto::wire::{Reason, RecordId};
use prost::Message;
use tokio::sync::broadcast;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::author::now_ms;
use crate::core::Core;
use crate::services::federation::{origin, party_of, push_response};
use crate::services::gate::SharedGate;
use crate::services::status::status;
use crate::services::way;
use crate::views::{Page, PageRequest, RecordKey, ViewsError};

/// Records waiting for a slow watcher.
const WATCH_BUFFER: usize = 64;

/// Serves the records of one node.
pub struct Exchange {
    core: Core,
    gate: SharedGate,
}

impl Exchange {
    /// Over a node's views.
    pub fn new(core: Core, gate: SharedGate) -> Self {
        Self { core, gate }
    }
}

/// A page, read away from the network's tasks: among many records it takes some milliseconds.
async fn looked_up(read: impl FnOnce() -> Result<Page, ViewsError> + Send + 'static) -> Result<Page, Status> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or(Err(ViewsError::Damaged)).map_err(views_status)
}

fn views_status(error: ViewsError) -> Status {
    match error.reason() {
        Reason::StoreFailed => {
            tracing::error!(%error, "a view could not be read");
            status(Reason::StoreFailed, "the views")
        }
        reason => status(reason, &error.to_string()),
    }
}

#[tonic::async_trait]
impl ExchangeService for Exchange {
    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let runs = request.into_inner().runs;
        // As over a stream of pushes: no way in is without turns and bounds.
        let place = self.gate.push(admitted.party).await?;
        let bytes = runs.iter().map(|run| run.entries.len()).sum();
        let turn = self.gate.turn(admitted.party, admitted.standing, bytes).await;
        let taken = self.core.ingest.take(runs, origin(&admitted.now(&self.core))).await;
        drop((turn, place));
        let pushed = push_response(&taken);
        let response =
            PublishResponse { stored: pushed.stored, known: pushed.known, refusals: pushed.refusals };
        Ok(Response::new(response))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let asked = request.into_inner();
        let party = party_of(&asked.party_id)?;
        let record = RecordId::from_slice(&asked.record_id)
            .ok_or_else(|| status(Reason::BadRequest, "a record id has 16 bytes"))?;
        let views = &self.core.views;
        let found = views.get(&admitted.viewer, &party, &record, now_ms()).map_err(views_status)?;
        let record = found.ok_or_else(|| status(Reason::NotFound, ""))?;
        Ok(Response::new(GetResponse { record: Some(record) }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let asked = request.into_inner();
        let filter = asked.filter.unwrap_or_default();
        let page = PageRequest { size: asked.page_size, token: asked.page_token };
        let views = self.core.views.clone();
        let page = looked_up(move || views.list(&admitted.viewer, &filter, &page, now_ms())).await?;
        Ok(Response::new(ListResponse {
            records: page.records,
            next_page_token: page.next_page_token,
            behind: page.behind,
            total: page.total,
        }))
    }

    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        let admitted = self.gate.admit(&request)?;
        let asked = request.into_inner();
        let filter = asked.filter.unwrap_or_default();
        let page = PageRequest { size: asked.page_size, token: asked.page_token };
        let (views, query) = (self.core.views.clone(), asked.query);
        let page =
            looked_up(move || views.search(&admitted.viewer, &query, &filter, &page, now_ms())).await?;
        Ok(Response::new(SearchResponse {
            records: page.records,
            next_page_token: page.next_page_token,
            behind: page.behind,
            total: page.total,
        }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let admitted = self.gate.admit(&request)?;
        let open = self.gate.follow(&admitted)?;
        let (sender, answers) = way::of(&request, WATCH_BUFFER);
        let kinds = request.into_inner().filter.unwrap_or_default().kinds;
        let (core, mut changes) = (self.core.clone(), self.core.views.watch());
        tokio::spawn(async move {
            let _open = open;
            loop {
                let changed = tokio::select! {
                    changed = changes.recv() => changed,
                    () = sender.closed() => return,
                };
                let RecordKey { party, record } = match changed {
                    Ok(key) => key,
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        let slow = status(Reason::TooManyRequests, "the watcher was too slow; list again");
                        if let Some(place) = sender.room(0).await {
                            place.send(Err(slow));
                        }
                        return;
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                };
                let viewer = admitted.now(&core).viewer;
                let Ok(Some(record)) = core.views.get(&viewer, &party, &record, now_ms()) else {
                    continue;
                };
                let wanted = kinds.is_empty() || kinds.contains(&record.kind);
                if wanted {
                    let Some(place) = sender.room(record.encoded_len()).await else { return };
                    place.send(Ok(WatchResponse { record: Some(record) }));
                }
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }
}
