//! Erasure at a hub: bodies that counted withdrawals name are dropped, and once they are gone from the log and from the
//! files of the index the hub says so in a signed record, for the audience that the bodies had.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{EntryRef, Erasure, Filter};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::{Audience, FeedId, PartyId, Seq};
use tokio_util::sync::CancellationToken;

use crate::author::{Author, now_ms};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::views::{PAGE_SIZE_MAX, PageRequest, ViewsError};

/// How often erasures are looked for where no record changes; also how long confirmations gather.
const TICK: Duration = Duration::from_secs(5);
/// Entries that one record confirms; about 50 bytes each.
const CONFIRMED_PER_RECORD: usize = 512;
/// Entries looked at in one turn.
const AT_ONCE: usize = 4_096;

type At = (FeedId, u64);

/// One hub's word that it has erased an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Confirmed {
    /// The hub.
    pub hub: PartyId,
    /// The entry's feed.
    pub feed: FeedId,
    /// The entry's place.
    pub seq: u64,
    /// The hub's own time, milliseconds since 1970 UTC.
    pub time_ms: u64,
}

/// What hubs confirm: all of them, or one.
pub fn confirmed(core: &Core, viewer: &Viewer, hub: Option<PartyId>) -> Result<Vec<Confirmed>, ViewsError> {
    let kinds = vec![RecordKind::Erasure.code().to_owned()];
    let party_id = hub.map(PartyId::to_vec).unwrap_or_default();
    let filter = Filter { kinds, party_id, ..Filter::default() };
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let request = PageRequest { size: PAGE_SIZE_MAX, token };
        let page = core.views.list(viewer, &filter, &request, now_ms())?;
        for record in page.records {
            let Some(hub) = PartyId::from_slice(&record.party_id) else { continue };
            let Some(Record::Erasure(erasure)) = record.revision.and_then(|r| r.record) else { continue };
            all.extend(erasure.entries.iter().filter_map(|e| {
                let feed = FeedId::from_slice(&e.feed_id)?;
                Some(Confirmed { hub, feed, seq: e.seq, time_ms: record.time_ms })
            }));
        }
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        token = page.next_page_token;
    }
}

/// Erases from the log what the views find, and confirms it, until `stop`.
pub async fn run(core: Core, author: Author, stop: CancellationToken) {
    let mut changes = core.views.watch();
    let mut confirming = Confirming::default();
    loop {
        let mut due = core.views.take_erasures();
        due.extend(core.excused());
        if !due.is_empty() {
            let store = Arc::clone(&core.store);
            let erased = tokio::task::spawn_blocking(move || store.erase(&due)).await;
            if let Ok(Err(error)) = erased {
                tracing::error!(%error, "withdrawn records could not be erased; tried again at the next start");
            }
        }
        if let Err(error) = confirming.turn(&core, &author).await {
            tracing::error!(%error, "erasures could not be confirmed; tried again later");
        }
        tokio::select! {
            _ = changes.recv() => {}
            () = tokio::time::sleep(TICK) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// What is to be confirmed and was not yet.
#[derive(Default)]
struct Confirming {
    /// Own words; read from the own records first, so that a restart repeats none.
    said: Option<BTreeSet<At>>,
    waiting: BTreeSet<At>,
    /// The last one looked at: the rest come in turn, so that what is never held keeps nothing waiting.
    looked: Option<At>,
    version: u64,
    last: Option<std::time::Instant>,
}

impl Confirming {
    async fn turn(
        &mut self,
        core: &Core,
        author: &Author,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.last.is_some_and(|last| last.elapsed() < TICK) || core.views.behind() > 0 {
            return Ok(());
        }
        self.last = Some(std::time::Instant::now());
        if self.said.is_none() {
            let own = confirmed(core, &Viewer::everything(), Some(core.party))?;
            self.said = Some(own.into_iter().map(|c| (c.feed, c.seq)).collect());
        }
        let said = self.said.get_or_insert_default();
        let (version, all) = core.views.excused_since(self.version);
        if self.version != version {
            self.waiting = all.into_iter().filter(|at| !said.contains(at)).collect();
        }
        self.version = version;
        if self.waiting.is_empty() || core.views.purge_pending() {
            return Ok(());
        }
        let looked_at = in_turn(&self.waiting, &mut self.looked, AT_ONCE);
        let mut by_audience: BTreeMap<Audience, Vec<At>> = BTreeMap::new();
        for at in looked_at {
            match audience(core, &at)? {
                Some(audience) => by_audience.entry(audience).or_default().push(at),
                // Not held yet: its header may still come, and is looked at then.
                None => continue,
            }
        }
        for (audience, entries) in by_audience {
            for part in entries.chunks(CONFIRMED_PER_RECORD) {
                let named = part.iter().map(|(f, seq)| EntryRef { feed_id: f.to_vec(), seq: *seq });
                let erasure = Erasure { entries: named.collect() };
                author.publish(core, audience, &[Author::first(Record::Erasure(erasure))?]).await?;
                for at in part {
                    self.waiting.remove(at);
                    said.insert(*at);
                }
            }
        }
        Ok(())
    }
}

/// The next ones after the last, and then from the beginning.
fn in_turn(waiting: &BTreeSet<At>, last: &mut Option<At>, most: usize) -> Vec<At> {
    use std::ops::Bound::{Excluded, Unbounded};
    let after = last.map_or(Unbounded, Excluded);
    let (rest, first) = (waiting.range((after, Unbounded)), waiting.iter());
    let next: Vec<At> = rest.chain(first).take(most.min(waiting.len())).copied().collect();
    *last = next.last().copied();
    next
}

/// For whom the confirmation of an entry is: for those who may know of it. `None` where it is not held, not erasable by
/// the withdrawal, or still has its body.
fn audience(core: &Core, (id, seq): &At) -> Result<Option<Audience>, crate::store::StoreError> {
    let Some(held) = core.store.head(id).filter(|h| core.views.excuses(&h.feed, id, *seq)) else {
        return Ok(None);
    };
    let Some(entry) = Seq::new(*seq).map(|seq| core.store.entry(id, seq)).transpose()?.flatten() else {
        return Ok(None);
    };
    let gone = unpack(&entry.packed).is_ok_and(|entries| entries.first().is_some_and(|e| e.body.is_none()));
    Ok(gone.then(|| match held.feed.audience() {
        Audience::Sealed(_) => Audience::Network,
        audience => audience,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_held_keeps_no_other_confirmation_waiting() {
        let at = |n: u8| (FeedId([n; 32]), 1);
        let waiting: BTreeSet<At> = (1..=10).map(at).collect();
        let mut last = None;
        let mut turn =
            |most| in_turn(&waiting, &mut last, most).into_iter().map(|(f, _)| f.0[0]).collect::<Vec<_>>();
        assert_eq!([turn(4), turn(4), turn(4)], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 1, 2]]);
        assert_eq!(turn(99), [3, 4, 5, 6, 7, 8, 9, 10, 1, 2]);
    }
}
