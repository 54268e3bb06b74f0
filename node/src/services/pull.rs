//! Serving ranges of feeds: in the order asked for or the newest first, in messages that suit the link.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use caphub_proto::v1::{self, FeedRange, Measure, PullRequest, PullResponse};
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::pace::{BATCH_BYTES_MAX, BATCH_BYTES_MIN};
use caphub_proto::wire::{Feed, FeedId, ForkProof, PartyId, Reason, Seq};
use tonic::Status;

use crate::author::feed_parts;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::forks;
use crate::services::gate::Admitted;
use crate::services::newest::{NEWEST_BYTES_MAX, NEWEST_MESSAGE_BYTES, newest};
use crate::services::status::status;
use crate::services::way::Way;
use crate::store::{FeedHead, StoreError};
use crate::sync::cut::{beginning, pieces};

/// Feed ranges that one pull may name.
const RANGES_MAX: usize = 8_192;

/// What a caller asked for.
pub struct Ranges {
    ranges: Vec<(FeedId, Seq, Option<Seq>)>,
    newest_first: bool,
    left: u64,
    batch_bytes: usize,
    measure: bool,
    /// No feed is named: the newest entries of all.
    newest: bool,
}

/// The way to the caller.
pub type Sender = Way<PullResponse>;

impl Ranges {
    /// Checks a request by ranges.
    pub fn parse(asked: &PullRequest) -> Result<Self, Status> {
        if asked.ranges.len() > RANGES_MAX {
            return Err(status(Reason::BadRequest, "at most 8,192 ranges in one pull"));
        }
        let range = |r: &FeedRange| {
            let to = if r.to == 0 { None } else { Some(Seq::new(r.to)?) };
            Some((FeedId::from_slice(&r.feed_id)?, Seq::new(r.from)?, to))
        };
        let parsed: Option<Vec<_>> = asked.ranges.iter().map(range).collect();
        let wrong = || status(Reason::BadRequest, "a range names a feed of 32 bytes and a place from 1");
        let newest = asked.ranges.is_empty();
        let most = if newest { NEWEST_BYTES_MAX } else { u64::MAX };
        Ok(Self {
            ranges: parsed.ok_or_else(wrong)?,
            newest,
            newest_first: asked.newest_first,
            left: if asked.max_bytes == 0 { most } else { asked.max_bytes.min(most) },
            batch_bytes: match asked.batch_bytes {
                0 => BATCH_BYTES,
                bytes => bytes.clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX) as usize,
            },
            measure: asked.measure,
        })
    }

    /// Sends them; ends with its receiver, when a caller goes away. A blocking thread is held for as long as one
    /// message is read: callers that do not read hold none of them.
    pub async fn serve(self, core: Core, admitted: Admitted, sender: Sender) {
        // Of the newest a caller can show the first while the others are on their way.
        let full = if self.newest { NEWEST_MESSAGE_BYTES } else { self.batch_bytes };
        let batch = self.batch_bytes;
        let mut reading = Reading { full, left: self.left, ..Reading::default() };
        let mut asked = Some(self);
        // Room first: what was read has a place to go.
        while let Some(place) = sender.room(batch).await {
            // What the caller may read can change while it reads: nothing more goes out of what it may not any more.
            let viewer = admitted.now(&core).viewer;
            if viewer != admitted.viewer {
                reading.only(&viewer);
            }
            let (core, first) = (core.clone(), asked.take());
            let read = tokio::task::spawn_blocking(move || {
                let message = match first {
                    Some(asked) if asked.measure => asked.measured(&core, &viewer).map(Some),
                    first => {
                        if let Some(asked) = first {
                            reading.proofs = asked.proofs(&core, &viewer);
                            match asked.due_in_order(&core, &viewer) {
                                Ok(due) => reading.due = due.into(),
                                Err(error) => return (reading, Err(error)),
                            }
                        }
                        reading.message(&core)
                    }
                };
                (reading, message)
            });
            let Ok((again, message)) = read.await else { return };
            reading = again;
            match message {
                Ok(Some(message)) => place.send(Ok(message)),
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "a feed could not be read");
                    return place.send(Err(status(Reason::StoreFailed, "")));
                }
            }
        }
    }

    fn due_in_order(&self, core: &Core, viewer: &Viewer) -> Result<Vec<(FeedHead, Seq, Seq)>, StoreError> {
        if self.newest {
            return newest(core, viewer, self.left);
        }
        let mut due = self.due(core, viewer);
        if self.newest_first {
            let newest = |feed: &Feed, last| core.store.ordinal(&feed.id(), last).unwrap_or(0);
            due = newest_first(due.into_iter().map(|d| (newest(&d.0.feed, d.2), d.0.feed, d)).collect());
        }
        Ok(due)
    }

    /// The proofs of those feeds that have forked.
    fn proofs(&self, core: &Core, viewer: &Viewer) -> VecDeque<Arc<ForkProof>> {
        let proofs = self.ranges.iter().filter_map(|(id, ..)| core.forks.proof(id));
        proofs.filter(|proof| viewer.may_read(proof.feed())).collect()
    }

    fn measured(&self, core: &Core, viewer: &Viewer) -> Result<PullResponse, StoreError> {
        let mut all = Measure::default();
        for (held, from, last) in self.due(core, viewer) {
            let (entries, bytes) = core.store.measure(&held.feed.id(), from.value(), last.value())?;
            all.entries += entries;
            all.bytes += bytes;
        }
        Ok(PullResponse { measure: Some(all), ..PullResponse::default() })
    }

    /// The feeds that are held and readable, each with its first and last place. An unreadable feed and an unknown one
    /// look the same from outside.
    fn due(&self, core: &Core, viewer: &Viewer) -> Vec<(FeedHead, Seq, Seq)> {
        let readable = |(id, from, to): &(FeedId, Seq, Option<Seq>)| {
            let held = core.store.head(id).filter(|h| viewer.may_read(&h.feed))?;
            let head = core.counted(&held)?.seq;
            Some((held, *from, to.map_or(head, |to| to.min(head))))
        };
        self.ranges.iter().filter_map(readable).collect()
    }
}

/// How far the reading of what is due has come, between two messages.
#[derive(Default)]
struct Reading {
    /// They come first: with them the caller knows where each feed ends.
    proofs: VecDeque<Arc<ForkProof>>,
    /// Feeds with their first and last place, the one being read in front.
    due: VecDeque<(FeedHead, Seq, Seq)>,
    pieces: VecDeque<(Feed, v1::Run)>,
    /// Bytes of a full message.
    full: usize,
    /// Bytes that the caller still takes.
    left: u64,
}

impl Reading {
    fn only(&mut self, viewer: &Viewer) {
        self.proofs.retain(|proof| viewer.may_read(proof.feed()));
        self.due.retain(|(held, ..)| viewer.may_read(&held.feed));
        self.pieces.retain(|(feed, _)| viewer.may_read(feed));
    }

    /// The next message; `None` at the end.
    fn message(&mut self, core: &Core) -> Result<Option<PullResponse>, StoreError> {
        let (mut forks, mut bytes) = (Vec::new(), 0);
        while bytes < self.full
            && let Some(proof) = self.proofs.pop_front()
        {
            bytes += proof.len();
            forks.push(forks::travelling(&proof));
        }
        if !forks.is_empty() {
            return Ok(Some(PullResponse { forks, ..PullResponse::default() }));
        }
        let (mut runs, mut bytes) = (Vec::new(), 0);
        while bytes < self.full {
            let Some((feed, run)) = self.piece(core)? else { break };
            let Some(left) = self.left.checked_sub(run.entries.len() as u64) else {
                if let Some(part) = beginning(&feed, &run.entries, self.left) {
                    runs.push(v1::Run { entries: part, ..run });
                }
                (self.due, self.pieces, self.left) = Default::default();
                break;
            };
            self.left = left;
            bytes += run.entries.len();
            runs.push(run);
        }
        Ok((!runs.is_empty()).then(|| PullResponse { runs, ..PullResponse::default() }))
    }

    fn piece(&mut self, core: &Core) -> Result<Option<(Feed, v1::Run)>, StoreError> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            let Some((held, from, last)) = self.due.pop_front() else { return Ok(None) };
            if from > last {
                continue;
            }
            let runs = core.store.read_feed(&held.feed.id(), from, self.full)?;
            let next = runs.last().and_then(|r| Seq::new(r.first.value() + u64::from(r.count)));
            for run in runs.into_iter().filter_map(|r| r.up_to(last)) {
                let feed = Some(feed_parts(&run.feed));
                let cut = pieces(&run.feed, run.packed, self.full).into_iter();
                self.pieces.extend(cut.map(|entries| (run.feed, v1::Run { feed: feed.clone(), entries })));
            }
            if let Some(next) = next {
                self.due.push_front((held, next, last));
            }
        }
    }
}

/// The newest first, by where each feed ends in the log. A party's identity comes right before the newest of its
/// records: without its keys they are refused, and the identities of all others would keep them waiting.
fn newest_first<T>(mut due: Vec<(u64, Feed, T)>) -> Vec<T> {
    let mut parties = HashMap::<PartyId, u64>::new();
    for (newest, feed, _) in &due {
        let party = parties.entry(feed.party).or_default();
        *party = (*party).max(*newest);
    }
    due.sort_by_key(|(newest, feed, _)| {
        let newest = if feed.is_identity() { parties.get(&feed.party).copied() } else { Some(*newest) };
        (Reverse(newest.unwrap_or(0)), !feed.is_identity())
    });
    due.into_iter().map(|(.., item)| item).collect()
}

#[cfg(test)]
mod tests {
    use caphub_proto::wire::{Audience, OperatorKey};

    use super::*;

    #[test]
    fn a_slow_link_brings_the_newest_records_each_right_after_its_partys_keys() {
        let identity = |party| Feed::identity(PartyId([party; 32]));
        let records =
            |party, key| Feed::records(PartyId([party; 32]), OperatorKey([key; 32]), Audience::Public);
        let due = vec![
            (1, identity(1), "keys of the old"),
            (2, identity(2), "keys of the new"),
            (3, records(1, 1), "old"),
            (9, records(2, 1), "new"),
            (5, records(2, 2), "between"),
            (4, identity(3), "keys of the silent"),
        ];
        let order = ["keys of the new", "new", "between", "keys of the silent", "keys of the old", "old"];
        assert_eq!(newest_first(due), order);
    }
}
