//! Serving ranges of feeds: in the order asked for or the newest first, in messages that suit the link.

use caphub_proto::v1::{self, FeedRange, Measure, PullRequest, PullResponse};
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::pace::{BATCH_BYTES_MAX, BATCH_BYTES_MIN};
use caphub_proto::wire::{Feed, FeedId, Reason, Seq};
use tokio::sync::mpsc;
use tonic::Status;

use crate::author::feed_parts;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::services::status::status;
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
}

/// The way to the caller.
pub type Sender = mpsc::Sender<Result<PullResponse, Status>>;

/// The caller is gone, or has as much as it wanted.
struct Ended;

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
        Ok(Self {
            ranges: parsed.ok_or_else(wrong)?,
            newest_first: asked.newest_first,
            left: if asked.max_bytes == 0 { u64::MAX } else { asked.max_bytes },
            batch_bytes: match asked.batch_bytes {
                0 => BATCH_BYTES,
                bytes => bytes.clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX) as usize,
            },
            measure: asked.measure,
        })
    }

    /// Sends them; ends with its receiver, when a caller goes away.
    pub fn serve(mut self, core: &Core, viewer: &Viewer, sender: &Sender) {
        let served = match self.measure {
            true => self.tell(core, viewer, sender),
            false => self.send(core, viewer, sender),
        };
        if let Err(error) = served {
            tracing::error!(%error, "a feed could not be read");
            let _ = sender.blocking_send(Err(status(Reason::StoreFailed, "")));
        }
    }

    fn send(&mut self, core: &Core, viewer: &Viewer, sender: &Sender) -> Result<(), StoreError> {
        let mut due = self.due(core, viewer);
        if self.newest_first {
            // Identity feeds first all the same: records are refused where their party's keys are not known.
            due.sort_by_cached_key(|(held, _, last)| {
                let newest = core.store.ordinal(&held.feed.id(), *last).unwrap_or(0);
                (!held.feed.is_identity(), std::cmp::Reverse(newest))
            });
        }
        let mut batch = Batch { sender, runs: Vec::new(), bytes: 0, full: self.batch_bytes, left: self.left };
        for (held, from, last) in due {
            let mut next = Some(from).filter(|f| *f <= last);
            while let Some(from) = next {
                let runs = core.store.read_feed(&held.feed.id(), from, self.batch_bytes)?;
                next = runs.last().and_then(|r| Seq::new(r.first.value() + u64::from(r.count)));
                next = next.filter(|n| *n <= last);
                for run in runs.into_iter().filter_map(|r| r.up_to(last)) {
                    for packed in pieces(&run.feed, run.packed, self.batch_bytes) {
                        let piece = v1::Run { feed: Some(feed_parts(&run.feed)), entries: packed };
                        if batch.add(&run.feed, piece).is_err() {
                            return Ok(());
                        }
                    }
                }
            }
        }
        let _ = batch.send();
        Ok(())
    }

    fn tell(&self, core: &Core, viewer: &Viewer, sender: &Sender) -> Result<(), StoreError> {
        let mut all = Measure::default();
        for (held, from, last) in self.due(core, viewer) {
            let (entries, bytes) = core.store.measure(&held.feed.id(), from.value(), last.value())?;
            all.entries += entries;
            all.bytes += bytes;
        }
        let _ = sender.blocking_send(Ok(PullResponse { measure: Some(all), ..PullResponse::default() }));
        Ok(())
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

struct Batch<'a> {
    sender: &'a Sender,
    runs: Vec<v1::Run>,
    bytes: usize,
    full: usize,
    left: u64,
}

impl Batch<'_> {
    fn add(&mut self, feed: &Feed, run: v1::Run) -> Result<(), Ended> {
        let bytes = run.entries.len();
        let Some(left) = self.left.checked_sub(bytes as u64) else {
            if let Some(part) = beginning(feed, &run.entries, self.left) {
                self.runs.push(v1::Run { entries: part, ..run });
            }
            let _ = self.send();
            return Err(Ended);
        };
        self.left = left;
        self.bytes += bytes;
        self.runs.push(run);
        if self.bytes >= self.full { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Ended> {
        if self.runs.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let runs = std::mem::take(&mut self.runs);
        self.sender.blocking_send(Ok(PullResponse { runs, ..PullResponse::default() })).map_err(|_| Ended)
    }
}
