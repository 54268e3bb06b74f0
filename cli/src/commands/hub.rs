//! `caphub hub`: what an operator does, over the node's own socket.

use caphub_node::node::admin_socket;
use caphub_proto::v1::admin_service_client::AdminServiceClient;
use caphub_proto::v1::{self, MembershipRequest};
use caphub_proto::wire::PartyId;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

use crate::arguments::{HubCommand, LinkCommand};
use crate::commands::{Context, refused, sync, table};
use crate::failure::{Failure, Outcome};
use crate::home::{card_of, read_file};
use crate::screen;

/// The operator's side of the node of a hub's folder.
pub async fn admin(directory: &std::path::Path) -> Result<AdminServiceClient<Channel>, Failure> {
    channel(directory).await.map(AdminServiceClient::new)
}

/// Connects to the operator's socket of a hub's folder.
pub async fn channel(directory: &std::path::Path) -> Result<Channel, Failure> {
    let path = admin_socket(directory);
    let shown = path.display().to_string();
    let connector = tower::service_fn(move |_: http::Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://node.invalid").connect_with_connector(connector).await;
    channel.map_err(|_| Failure::new("error-no-node").with("path", shown).hint("hint-no-node").offline())
}

/// One question to the node, one answer.
pub async fn run(context: &Context, command: HubCommand) -> Outcome {
    let mut node = admin(&context.hub_dir).await?;
    let failed = |status: tonic::Status| sync::status_failure(&status);
    match command {
        HubCommand::Status => status(context, &mut node).await?,
        HubCommand::Invite { country, name, days } => {
            let request = v1::InviteRequest { country, name, days };
            let answer = node.invite(request).await.map_err(failed)?.into_inner();
            print_text(context, "invitation", &answer.invitation);
            let card = crate::home::card_of(&answer.invitation);
            if card.is_some_and(|c| c.addresses.is_empty()) {
                context.say("hub-invite-no-address", &[]);
            }
        }
        HubCommand::Requests => {
            let answer = node.requests(v1::RequestsRequest {}).await.map_err(failed)?.into_inner();
            people(context, &answer.requests);
        }
        HubCommand::Members => {
            let answer = node.members(v1::MembersRequest {}).await.map_err(failed)?.into_inner();
            people(context, &answer.members);
        }
        HubCommand::Approve { party, mandate, guest, until } => {
            let asked = applicant(&mut node, &party).await?;
            if !asked.like.is_empty() && asked.name == party {
                let like = Failure::usage("error-name-like").with("name", screen::plain(&asked.name));
                return Err(like.with("other", screen::plain(&asked.like)).hint("hint-whole-id"));
            }
            let MembershipRequest { party_id, shown, .. } = asked;
            let request = v1::ApproveRequest { party_id, mandate, guest, until, shown };
            node.approve(request).await.map_err(failed)?;
            context.say("hub-approved", &[("party", &party)]);
        }
        HubCommand::Refuse { party, reason, note, until } => {
            let party_id = applicant(&mut node, &party).await?.party_id;
            let request = v1::RefuseRequest { party_id, reason, note, until };
            node.refuse(request).await.map_err(failed)?;
            context.say("hub-refused", &[("party", &party)]);
        }
        HubCommand::End { party, reason, note } => {
            let party_id = member(&mut node, &party).await?;
            node.end_admission(v1::EndAdmissionRequest { party_id, reason, note }).await.map_err(failed)?;
            context.say("hub-ended", &[("party", &screen::plain(&party))]);
        }
        HubCommand::Recognise { card, note, end, reason } => {
            let text = String::from_utf8(read_file(&card)?).map_err(|_| Failure::usage("error-not-card"))?;
            let card = card_of(&text.replace("\r\n", "\n"));
            let card = card.ok_or_else(|| Failure::usage("error-not-card").hint("hint-card"))?;
            let (party_id, name) = (card.party.to_vec(), card.name.clone());
            node.recognise(v1::RecogniseRequest { party_id, name, note, end, reason })
                .await
                .map_err(failed)?;
            let said = if end { "hub-recognition-ended" } else { "hub-recognised" };
            context.say(said, &[("hub", &screen::plain(&card.name))]);
        }
        HubCommand::Card => {
            let answer = node.card(v1::CardRequest {}).await.map_err(failed)?.into_inner();
            print_text(context, "card", &answer.card);
        }
        HubCommand::Link(command) => links(context, &mut node, command).await?,
    }
    Ok(())
}

fn print_text(context: &Context, name: &str, text: &str) {
    match context.json {
        true => screen::json(&serde_json::json!({ name: text })),
        false => screen::raw(text.trim_end_matches('\n')),
    }
}

async fn status(context: &Context, node: &mut AdminServiceClient<Channel>) -> Outcome {
    let answer = node.node_status(v1::NodeStatusRequest {}).await;
    let s = answer.map_err(|status| sync::status_failure(&status))?.into_inner();
    let party = PartyId::from_slice(&s.party_id).unwrap_or_default();
    if context.json {
        screen::json(&serde_json::json!({
            "name": s.name, "party": party.to_string(), "entries": s.entries, "records": s.records,
            "feeds": s.feeds, "behind": s.behind, "links": s.links, "members": s.members,
            "requests": s.requests, "addresses": s.addresses, "forks": s.forks, "withheld": s.withheld, "disk": s.disk,
            "overdue": s.overdue.iter().map(|o| (o.what.clone(), o.count.into())).collect::<serde_json::Map<_, _>>(),
        }));
        return Ok(());
    }
    let late: u64 = s.overdue.iter().map(|o| o.count).sum();
    let values = [
        ("name", screen::plain(&s.name)),
        ("party", party.to_string()),
        ("entries", s.entries.to_string()),
        ("records", s.records.to_string()),
        ("links", s.links.to_string()),
        ("members", s.members.to_string()),
        ("requests", s.requests.to_string()),
        ("addresses", s.addresses.join(", ")),
        ("forks", s.forks.to_string()),
        ("withheld", s.withheld.to_string()),
        ("overdue", late.to_string()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    screen::line(&context.texts.tf("hub-status", &values));
    if s.behind > 0 {
        table::wrapped(&context.texts.tf("explain-behind", &[("count", &s.behind.to_string())]), 0);
    }
    match s.disk.as_str() {
        "" => {}
        "full" => screen::line(&context.texts.tf("hub-disk-full", &[])),
        _ => screen::line(&context.texts.tf("hub-disk-failed", &[])),
    }
    Ok(())
}

fn people(context: &Context, people: &[MembershipRequest]) {
    if context.json {
        let mut value = serde_json::to_value(people).unwrap_or_default();
        screen::prune(&mut value);
        return screen::json(&value);
    }
    for one in people {
        let party = PartyId::from_slice(&one.party_id).unwrap_or_default();
        let name = screen::plain(&one.name);
        let reason = match one.reason.is_empty() {
            true => String::new(),
            false => refused::reason(&context.texts, &one.reason),
        };
        let details = [&one.country, &one.kind, &one.mandate, &one.contact, &reason];
        let details: Vec<String> =
            details.into_iter().filter(|d| !d.is_empty()).map(|d| screen::plain(d)).collect();
        screen::line(&format!("{party}  {name}  {}", details.join("; ")));
        if !one.like.is_empty() {
            let said = context.texts.tf("hub-name-like", &[("other", &screen::plain(&one.like))]);
            screen::line(&format!("    {said}"));
        }
    }
    if people.is_empty() {
        context.say("nobody", &[]);
    }
}

/// Characters of an id that name one of those that are listed: as many as a short id has.
const ID_CHARS_MIN: usize = 12;

/// The one that is meant by its id, the start of it, or its name: the first of several would be anybody's guess.
fn chosen<'a, T>(
    all: &'a [T],
    text: &str,
    of: impl Fn(&'a T) -> (&'a [u8], &'a str),
    none: &'static str,
) -> Result<&'a T, Failure> {
    let means = |one: &&'a T| {
        let (id, name) = of(one);
        let id = PartyId::from_slice(id).map(|p| p.to_string()).unwrap_or_default();
        name == text || (text.len() >= ID_CHARS_MIN && id.starts_with(text))
    };
    let mut found = all.iter().filter(means);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::nothing(none).with("party", text)),
        (Some(_), Some(_)) => {
            Err(Failure::usage("error-many-organisations").with("name", text).hint("hint-whole-id"))
        }
    }
}

fn person(one: &MembershipRequest) -> (&[u8], &str) {
    (&one.party_id, &one.name)
}

/// One that asked.
async fn applicant(node: &mut AdminServiceClient<Channel>, text: &str) -> Result<MembershipRequest, Failure> {
    let answer = node.requests(v1::RequestsRequest {}).await;
    let requests = answer.map_err(|s| sync::status_failure(&s))?.into_inner().requests;
    chosen(&requests, text, person, "error-no-applicant").cloned()
}

/// A member.
async fn member(node: &mut AdminServiceClient<Channel>, text: &str) -> Result<Vec<u8>, Failure> {
    let answer = node.members(v1::MembersRequest {}).await;
    let members = answer.map_err(|s| sync::status_failure(&s))?.into_inner().members;
    chosen(&members, text, person, "error-no-member").map(|m| m.party_id.clone())
}

async fn links(context: &Context, node: &mut AdminServiceClient<Channel>, command: LinkCommand) -> Outcome {
    let failed = |status: tonic::Status| sync::status_failure(&status);
    match command {
        LinkCommand::Add { card, link_proxy } => {
            let text = String::from_utf8(read_file(&card)?).map_err(|_| Failure::usage("error-not-card"))?;
            let request = v1::AddLinkRequest { card: text.replace("\r\n", "\n"), proxy: link_proxy };
            let answer = node.add_link(request).await.map_err(failed)?.into_inner();
            context.say("link-added", &[("hub", &screen::plain(&answer.name))]);
        }
        LinkCommand::Remove { party, reason, note } => {
            let answer = node.links(v1::LinksRequest {}).await.map_err(failed)?.into_inner();
            let link = chosen(&answer.links, &party, |l| (&l.party_id, &l.name), "error-no-link")?;
            let request = v1::RemoveLinkRequest { party_id: link.party_id.clone(), reason, note };
            node.remove_link(request).await.map_err(failed)?;
            context.say("link-removed", &[("hub", &party)]);
        }
        LinkCommand::List => {
            let answer = node.links(v1::LinksRequest {}).await.map_err(failed)?.into_inner();
            if context.json {
                let mut value = serde_json::to_value(&answer.links).unwrap_or_default();
                screen::prune(&mut value);
                screen::json(&value);
                return Ok(());
            }
            for link in &answer.links {
                let party = PartyId::from_slice(&link.party_id).unwrap_or_default();
                let moved = [("received", link.received.to_string()), ("sent", link.sent.to_string())];
                let moved: Vec<(&str, &str)> = moved.iter().map(|(k, v)| (*k, v.as_str())).collect();
                let moved = context.texts.tf("link-moved", &moved);
                let detail = context.texts.said(&link.detail);
                let (name, detail) = (screen::plain(&link.name), screen::plain(&detail));
                let state = context.texts.named("link-state", &link.state);
                screen::line(&format!("{}  {name}  {state}  {moved}  {detail}", party.short()));
                match link.confirmed_by.is_empty() {
                    true => screen::line(&format!("    {}", context.texts.t("link-unconfirmed"))),
                    false => {
                        let by = screen::plain(&link.confirmed_by.join(", "));
                        let said = context.texts.tf("link-confirmed", &[("by", &by)]);
                        screen::line(&format!("    {said}"));
                    }
                }
                let left = link.not_carried.iter().map(|f| context.texts.reason_behind(f));
                left.for_each(|f| screen::line(&format!("    {f}")));
            }
            if answer.links.is_empty() {
                context.say("no-links", &[]);
            }
        }
    }
    Ok(())
}
