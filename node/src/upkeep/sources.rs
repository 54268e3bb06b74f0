//! Linked hubs as sources of what is damaged here.

use std::path::Path;
use std::time::Duration;

use caphub_proto::v1::FeedRange;
use caphub_proto::wire::{Feed, FeedId, PartyId};

use crate::author::now_ms;
use crate::hub::Hub;
use crate::keys::{KeyName, KeyRing};
use crate::link::{Dialler, LinkIdentity, Place, Proxies, Reached};
use crate::peers::linked;
use crate::store::mend::{Entries, keep};
use crate::sync::Session;
use crate::upkeep::{UpkeepError, file_error};

/// How long one linked hub may take to answer.
const ANSWER: Duration = Duration::from_secs(60);

/// What a linked hub holds of what was asked.
#[derive(Debug)]
pub struct Source {
    /// The hub's name.
    pub name: String,
    /// The entries, or why none came.
    pub held: Result<Entries, String>,
}

/// Entries of a feed: the first and the last.
pub type Wanted = (FeedId, u64, u64);

/// Asks every linked hub of a folder for entries, in the hub's own name; a node need not run.
pub async fn ask(directory: &Path, proxy: &str, wanted: &[Wanted]) -> Result<Vec<Source>, UpkeepError> {
    let mut sources = Vec::new();
    for Linked { name, party, reached } in links(directory, proxy).await? {
        let held = match reached {
            Ok(reached) => {
                let session = Session::new(reached.channel, party, Some(reached.key));
                in_time(fetch(&session, wanted)).await
            }
            Err(reason) => Err(reason),
        };
        sources.push(Source { name, held });
    }
    Ok(sources)
}

/// A linked hub.
pub struct Linked {
    /// Its name.
    pub name: String,
    /// Its organisation.
    pub party: PartyId,
    /// The open link, or why there is none.
    pub reached: Result<Reached, String>,
}

/// Dials every linked hub of a folder, in the hub's own name.
pub async fn links(directory: &Path, proxy: &str) -> Result<Vec<Linked>, UpkeepError> {
    let hub = Hub::load(directory)?;
    let signer = KeyRing::new(directory.join("keys")).read(KeyName::Operator, None)?;
    let path = directory.join("links.json");
    let mut links = Vec::new();
    for (card, own_proxy) in linked(directory).map_err(file_error(&path))? {
        let way = if own_proxy.is_empty() { proxy } else { &own_proxy };
        let identity = LinkIdentity { party: hub.party, signer: signer.clone() };
        let dialled = async {
            let proxies =
                Proxies::resolve(way, |name| std::env::var(name).ok()).map_err(|e| e.to_string())?;
            let place = |address: &String| Place { key: Some(card.node_key), address: address.clone() };
            let places: Vec<Place> = card.addresses.iter().map(place).collect();
            let dialled = Dialler::new(identity, proxies).dial(card.party, &places, now_ms()).await;
            dialled.map_err(|e| e.to_string())
        };
        let reached = in_time(dialled).await;
        links.push(Linked { name: card.name.clone(), party: card.party, reached });
    }
    Ok(links)
}

/// An answer, or that none came in time.
pub(super) async fn in_time<T>(answer: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} seconds", ANSWER.as_secs())),
    }
}

async fn fetch(session: &Session, wanted: &[Wanted]) -> Result<Entries, String> {
    let mut entries = Entries::new();
    let range = |(feed, from, to): &Wanted| FeedRange { feed_id: feed.to_vec(), from: *from, to: *to };
    let ranges: Vec<FeedRange> = wanted.iter().map(range).collect();
    let fetched = session.fetch(&ranges, |run| {
        let Some(stated) = run.feed else { return };
        let feed = Feed::from_parts(&stated.party_id, &stated.operator_key, &stated.audience);
        if let Ok(feed) = feed {
            keep(&mut entries, &feed, &run.entries);
            // Only what was asked for is kept.
            entries.retain(|(id, seq), _| wanted.iter().any(|(f, a, b)| f == id && (a..=b).contains(&seq)));
        }
    });
    match fetched.await {
        Ok(()) => Ok(entries),
        Err(error) => Err(error.to_string()),
    }
}
