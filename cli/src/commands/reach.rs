//! Reaching hubs: by every known address, through the proxy that is set, and what is said where none leads there.

use std::time::Duration;

use caphub_node::addresses::places;
use caphub_node::author::now_ms;
use caphub_node::core::Core;
use caphub_node::link::{DialError, Dialler, LinkIdentity, staggered};
use caphub_node::sync::Session;
use caphub_proto::wire::card::Card;
use tonic::transport::Channel;

use crate::commands::Context;
use crate::failure::Failure;

/// A hub that answered.
pub type Reached = (Card, Session, Channel);

/// Another hub is tried after this long, while the one before still may answer.
const NEXT_HUB: Duration = Duration::from_secs(2);
/// Once one hub has answered, the others have this long.
const OTHERS: Duration = Duration::from_secs(4);

/// A connection to the first hub that answers, in the order of the cards; newer addresses come from `core`.
pub async fn connect(
    context: &Context,
    core: &Core,
    identity: &LinkIdentity,
    cards: &[Card],
) -> Result<Reached, Failure> {
    let tries = cards.iter().map(|card| one(context, core, identity, card));
    staggered(tries, NEXT_HUB).await.map_err(|failed| match failed.into_iter().next_back() {
        Some((_, failure)) => failure,
        None => Failure::new("error-no-card").hint("hint-join"),
    })
}

/// Connections to all hubs at once. Where one has answered, those that are slow to are not waited for long.
pub async fn connect_all(
    context: &Context,
    core: &Core,
    identity: &LinkIdentity,
    cards: &[Card],
) -> Vec<Result<Reached, Failure>> {
    let (answered, mut any) = tokio::sync::watch::channel(false);
    let late = async {
        if any.wait_for(|answered| *answered).await.is_ok() {
            tokio::time::sleep(OTHERS).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let late = futures::future::FutureExt::shared(late);
    let tries = cards.iter().map(|card| {
        let (late, answered) = (late.clone(), &answered);
        async move {
            tokio::select! {
                reached = one(context, core, identity, card) => {
                    if reached.is_ok() {
                        answered.send_replace(true);
                    }
                    reached
                }
                () = late => Err(unreachable_hub(card).because(std::io::Error::from(std::io::ErrorKind::TimedOut))),
            }
        }
    });
    futures::future::join_all(tries).await
}

async fn one(
    context: &Context,
    core: &Core,
    identity: &LinkIdentity,
    card: &Card,
) -> Result<Reached, Failure> {
    let dialler = Dialler::new(identity.clone(), context.proxies.clone());
    let reached = dialler.dial(card.party, &places(core, card), now_ms()).await;
    let reached = reached.map_err(|error| dial_failure(card, &error))?;
    let session = Session::new(reached.channel.clone(), card.party, Some(reached.key));
    Ok((card.clone(), session, reached.channel))
}

fn unreachable_hub(card: &Card) -> Failure {
    Failure::new("error-no-hub").with("hub", &card.name).hint("hint-offline").offline()
}

fn dial_failure(card: &Card, error: &DialError) -> Failure {
    let failure = unreachable_hub(card).because(error);
    match error {
        // Somebody on the way steps in: no later try will do better on this path.
        _ if error.is_interference() => failure.hint("hint-carry").reason("interference"),
        _ if error.is_proxy() => failure.hint("hint-proxy").reason("proxy"),
        _ => failure,
    }
}
