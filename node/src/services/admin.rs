//! The operator's side of a node, over a Unix socket of this machine only.

use std::sync::Arc;

use caphub_proto::codes;
use caphub_proto::v1::admin_service_server::AdminService;
use caphub_proto::v1::{
    AddLinkRequest, AddLinkResponse, ApproveRequest, ApproveResponse, AuditRequest, AuditResponse,
    CardRequest, CardResponse, EndAdmissionRequest, EndAdmissionResponse, ExplainRequest, ExplainResponse,
    InviteRequest, InviteResponse, LinksRequest, LinksResponse, MembersRequest, MembersResponse,
    MembershipRequest, MembershipState, NodeStatusRequest, NodeStatusResponse, Overdue, RebuildRequest,
    RebuildResponse, RecogniseRequest, RecogniseResponse, RefusalsRequest, RefusalsResponse, RefuseRequest,
    RefuseResponse, RemoveLinkRequest, RemoveLinkResponse, RequestsRequest, RequestsResponse,
};
use caphub_proto::wire::Reason;
use caphub_proto::wire::card::Card;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::admissions::Level;
use crate::audit::file::EvidenceFile;
use crate::audit::report::Report;
use crate::author::now_ms;
use crate::entitlement::Viewer;
use crate::explain::{ExplainError, Explainer};
use crate::link::Proxies;
use crate::node::Node;
use crate::services::federation::party_of;
use crate::services::membership::membership_status;
use crate::services::status::status;

/// How often is told how far views are.
const TELL: std::time::Duration = std::time::Duration::from_millis(500);

/// Serves the operator of one node.
pub struct Admin(pub Arc<Node>);

#[tonic::async_trait]
impl AdminService for Admin {
    async fn node_status(
        &self,
        _: Request<NodeStatusRequest>,
    ) -> Result<Response<NodeStatusResponse>, Status> {
        let node = &self.0;
        let late = {
            let node = Arc::clone(node);
            tokio::task::spawn_blocking(move || node.late.now(&node.core, now_ms())).await
        };
        let late = late.map_err(|e| status(Reason::StoreFailed, &e.to_string()))?;
        let overdue = late.into_iter().map(|(what, count)| Overdue { what: what.to_owned(), count });
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Response::new(NodeStatusResponse {
            name: node.hub.name.clone(),
            party_id: node.core.party.to_vec(),
            entries: node.core.store.end(),
            records: node.records(),
            feeds: node.core.store.heads().len() as u64,
            behind: node.core.views.behind(),
            links: count(node.peers.connected()),
            members: count(node.core.admissions.members(&node.core.party).len()),
            requests: count(node.membership.requests().iter().filter(|(_, a)| a.refused.is_none()).count()),
            addresses: node.addresses.clone(),
            forks: node.core.forks.all().len() as u64,
            withheld: node.core.store.withheld_count(),
            overdue: overdue.collect(),
            disk: node.core.store.trouble().map_or(String::new(), |trouble| trouble.as_str().to_owned()),
        }))
    }

    async fn invite(&self, request: Request<InviteRequest>) -> Result<Response<InviteResponse>, Status> {
        let asked = request.into_inner();
        let country = match asked.country.as_str() {
            "" => String::new(),
            text => match codes::country::find(text) {
                Some(country) => country.alpha2.to_string(),
                None => return Err(status(Reason::BadRequest, &format!("no country \"{text}\""))),
            },
        };
        let invitation = self.0.membership.invite(self.0.card(), &country, &asked.name, asked.days);
        Ok(Response::new(InviteResponse { invitation: invitation.map_err(membership_status)? }))
    }

    async fn requests(&self, _: Request<RequestsRequest>) -> Result<Response<RequestsResponse>, Status> {
        let requests = self.0.membership.requests().into_iter().map(|(party, asked)| MembershipRequest {
            shown: asked.hash().to_vec(),
            like: self.0.membership.like(&party, &asked.name).unwrap_or_default(),
            party_id: party.to_vec(),
            name: asked.name,
            country: asked.country,
            kind: asked.kind,
            mandate: asked.mandate,
            contact: asked.contact,
            time_ms: asked.time_ms,
            state: match asked.refused {
                None => MembershipState::Requested.into(),
                Some(_) => MembershipState::Refused.into(),
            },
            reason: asked.refused.unwrap_or_default(),
        });
        Ok(Response::new(RequestsResponse { requests: requests.collect() }))
    }

    async fn approve(&self, request: Request<ApproveRequest>) -> Result<Response<ApproveResponse>, Status> {
        let asked = request.into_inner();
        let party = party_of(&asked.party_id)?;
        let ApproveRequest { mandate, guest, until, shown, .. } = asked;
        let approved = self.0.membership.approve(party, &mandate, guest, &until, &shown).await;
        approved.map_err(membership_status)?;
        Ok(Response::new(ApproveResponse {}))
    }

    async fn refuse(&self, request: Request<RefuseRequest>) -> Result<Response<RefuseResponse>, Status> {
        let asked = request.into_inner();
        let party = party_of(&asked.party_id)?;
        let refused = self.0.membership.refuse(party, &asked.reason, &asked.note, &asked.until).await;
        refused.map_err(membership_status)?;
        Ok(Response::new(RefuseResponse {}))
    }

    async fn members(&self, _: Request<MembersRequest>) -> Result<Response<MembersResponse>, Status> {
        let members = self.0.core.admissions.members(&self.0.core.party);
        let members = members.into_iter().map(|(party, admission)| MembershipRequest {
            party_id: party.to_vec(),
            name: admission.name,
            country: admission.country,
            mandate: admission.mandate,
            state: match admission.level {
                Level::Member => MembershipState::Member.into(),
                Level::Guest => MembershipState::Guest.into(),
            },
            ..MembershipRequest::default()
        });
        Ok(Response::new(MembersResponse { members: members.collect() }))
    }

    async fn card(&self, _: Request<CardRequest>) -> Result<Response<CardResponse>, Status> {
        let card = self.0.card().to_text(self.0.author.signer());
        Ok(Response::new(CardResponse { card }))
    }

    async fn add_link(&self, request: Request<AddLinkRequest>) -> Result<Response<AddLinkResponse>, Status> {
        let AddLinkRequest { card: text, proxy } = request.into_inner();
        let card = Card::parse(&text).map_err(|e| status(Reason::BadRequest, &e.to_string()))?;
        if let Err(error) = Proxies::resolve(&proxy, |_| None) {
            return Err(status(Reason::BadRequest, &error.to_string()));
        }
        if card.party == self.0.core.party {
            return Err(status(Reason::BadRequest, "this is the node's own card"));
        }
        let (party_id, name) = (card.party.to_vec(), card.name.clone());
        let added = self.0.peers.add(card, text, proxy);
        added.map_err(|e| status(Reason::StoreFailed, &e.to_string()))?;
        Ok(Response::new(AddLinkResponse { party_id, name }))
    }

    async fn links(&self, _: Request<LinksRequest>) -> Result<Response<LinksResponse>, Status> {
        Ok(Response::new(LinksResponse { links: self.0.peers.states() }))
    }

    async fn recognise(
        &self,
        request: Request<RecogniseRequest>,
    ) -> Result<Response<RecogniseResponse>, Status> {
        let asked = request.into_inner();
        let party = party_of(&asked.party_id)?;
        if party == self.0.core.party {
            return Err(status(Reason::BadRequest, "this is the hub itself"));
        }
        let membership = &self.0.membership;
        let done = match asked.end {
            true => membership.end_recognition(party, &asked.reason, &asked.note).await,
            false => membership.recognise(party, &asked.name, &asked.note).await,
        };
        done.map_err(membership_status)?;
        Ok(Response::new(RecogniseResponse {}))
    }

    async fn remove_link(
        &self,
        request: Request<RemoveLinkRequest>,
    ) -> Result<Response<RemoveLinkResponse>, Status> {
        let asked = request.into_inner();
        let party = party_of(&asked.party_id)?;
        if self.0.peers.cards().iter().all(|card| card.party != party) {
            return Err(status(Reason::NotFound, "no such link"));
        }
        // The record first: what is written and did not act yet is no silent act.
        self.0.membership.refuse_link(&asked.reason, &asked.note).await.map_err(membership_status)?;
        match self.0.peers.remove(&party) {
            Ok(true) => Ok(Response::new(RemoveLinkResponse {})),
            Ok(false) => Err(status(Reason::NotFound, "no such link")),
            Err(error) => Err(status(Reason::StoreFailed, &error.to_string())),
        }
    }

    async fn end_admission(
        &self,
        request: Request<EndAdmissionRequest>,
    ) -> Result<Response<EndAdmissionResponse>, Status> {
        let asked = request.into_inner();
        let party = party_of(&asked.party_id)?;
        let ended = self.0.membership.end_admission(party, &asked.reason, &asked.note).await;
        ended.map_err(membership_status)?;
        Ok(Response::new(EndAdmissionResponse {}))
    }

    async fn audit(&self, request: Request<AuditRequest>) -> Result<Response<AuditResponse>, Status> {
        let asked = request.into_inner();
        if asked.ask {
            self.0.audit_links().await;
        }
        let hubs: Vec<_> = self.0.peers.cards().into_iter().map(|c| (c.party, c.name)).collect();
        let failed = |error: serde_json::Error| status(Reason::StoreFailed, &error.to_string());
        let report = serde_json::to_string(&Report::of(&self.0.auditor, &hubs)).map_err(failed)?;
        let evidence = match asked.evidence {
            true => {
                let parties: Vec<_> = hubs.iter().map(|(party, _)| *party).collect();
                let file = EvidenceFile::of(&self.0.auditor, &parties, asked.restricted, now_ms());
                serde_json::to_string_pretty(&file).map_err(failed)?
            }
            false => String::new(),
        };
        Ok(Response::new(AuditResponse { report, evidence }))
    }

    async fn refusals(&self, _: Request<RefusalsRequest>) -> Result<Response<RefusalsResponse>, Status> {
        let records = crate::refusals::records(&self.0.core.views, &Viewer::everything());
        let records = records.map_err(|e| status(Reason::StoreFailed, &e.to_string()))?;
        Ok(Response::new(RefusalsResponse { records }))
    }

    type RebuildStream = ReceiverStream<Result<RebuildResponse, Status>>;

    /// Goes on where the operator's command goes away.
    async fn rebuild(&self, _: Request<RebuildRequest>) -> Result<Response<Self::RebuildStream>, Status> {
        let (views, (sender, receiver)) = (self.0.core.views.clone(), mpsc::channel(1));
        let work = {
            let views = views.clone();
            tokio::task::spawn_blocking(move || views.renew())
        };
        tokio::spawn(async move {
            tokio::pin!(work);
            let done = loop {
                tokio::select! {
                    done = &mut work => break done,
                    () = tokio::time::sleep(TELL) => {
                        let (read, entries) = views.renewal().unwrap_or_default();
                        let _ = sender.try_send(Ok(RebuildResponse { read, entries, done: false }));
                    }
                }
            };
            let last = match done {
                Ok(Ok(entries)) => Ok(RebuildResponse { read: entries, entries, done: true }),
                Ok(Err(error)) => Err(status(error.reason(), &error.to_string())),
                Err(error) => Err(status(Reason::StoreFailed, &error.to_string())),
            };
            if let Err(error) = &last {
                tracing::error!(%error, "views could not be derived again: the ones before go on");
            }
            let _ = sender.send(last).await;
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn explain(&self, request: Request<ExplainRequest>) -> Result<Response<ExplainResponse>, Status> {
        let asked = request.into_inner();
        if asked.ask {
            self.0.audit_links().await;
        }
        let node = Arc::clone(&self.0);
        let told = tokio::task::spawn_blocking(move || {
            let (auditor, hubs) = (&*node.auditor, node.peers.known());
            let viewer = Viewer::everything();
            Explainer { auditor, hubs, replica: false, viewer, now_ms: now_ms() }.explain(&asked.what)
        });
        let told = told.await.map_err(|e| status(Reason::StoreFailed, &e.to_string()))?;
        let told = told.map_err(|e| match e {
            ExplainError::Views(_) => status(Reason::StoreFailed, &e.to_string()),
            _ => status(Reason::BadRequest, &e.to_string()),
        })?;
        let explanation = serde_json::to_string(&told);
        let explanation = explanation.map_err(|e| status(Reason::StoreFailed, &e.to_string()))?;
        Ok(Response::new(ExplainResponse { explanation }))
    }
}
