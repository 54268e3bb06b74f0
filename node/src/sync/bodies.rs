//! Bodies that are withheld: asked of far ends, told to those that dial this node, and brought where they are missed.

use std::collections::VecDeque;

use bytes::Bytes;
use caphub_proto::v1::{self, FeedRange, HelloResponse, PullRequest, PushRequest};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::{FeedId, Seq};

use crate::author::feed_parts;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::ingest::Origin;
use crate::keys::random;
use crate::store::StoreError;
use crate::sync::{Session, SyncError};

/// Stretches of withheld bodies that one request asks for.
const WITHHELD_RANGES_MAX: usize = 1_024;
/// Stretches that one Hello tells of; about 40 bytes each.
const TOLD_RANGES_MAX: usize = 32;

/// What a Hello tells a caller of the bodies that are missing here, of feeds that it may read: from another one on each
/// time, for of some feeds nobody may have them.
pub fn missing(core: &Core, caller: &Viewer) -> Vec<FeedRange> {
    let mut withheld = core.store.withheld(WITHHELD_RANGES_MAX);
    withheld.retain(|(id, _, _)| core.store.head(id).is_some_and(|held| caller.may_read(&held.feed)));
    if withheld.len() > TOLD_RANGES_MAX {
        let [high, low] = random::<2>().unwrap_or_default();
        let at = usize::from(u16::from_be_bytes([high, low])) % withheld.len();
        withheld.rotate_left(at);
    }
    withheld.into_iter().take(TOLD_RANGES_MAX).map(range).collect()
}

impl Session {
    /// Asks for bodies that are withheld here; how many came.
    pub async fn fetch_bodies(&self, core: &Core) -> Result<u64, SyncError> {
        let missing = core.store.withheld(WITHHELD_RANGES_MAX);
        if missing.is_empty() {
            return Ok(0);
        }
        let before = core.store.withheld_count();
        let ranges = missing.into_iter().map(range).collect();
        let request = PullRequest { ranges, ..PullRequest::default() };
        let mut stream = self.client().pull(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            core.ingest.take(message.runs, Origin::Peer).await;
        }
        Ok(before.saturating_sub(core.store.withheld_count()))
    }

    /// Brings what the far end misses of bodies and this side has: a far end without a link of its own cannot ask.
    pub async fn bring_bodies(
        &self,
        core: &Core,
        far: &Viewer,
        hello: &HelloResponse,
    ) -> Result<(), SyncError> {
        let wanted = hello.missing_bodies.iter().take(TOLD_RANGES_MAX);
        let mut bringing = Bringing { core, far, ranges: wanted.cloned().collect() };
        while let Some(runs) = bringing.next()? {
            let request = PushRequest { runs, ..PushRequest::default() };
            self.send(core, futures::stream::once(std::future::ready(request)), |_| true).await?;
        }
        Ok(())
    }
}

/// Reads bodies that are missed, a message at a time.
struct Bringing<'a> {
    core: &'a Core,
    far: &'a Viewer,
    ranges: VecDeque<FeedRange>,
}

impl Bringing<'_> {
    /// Runs of the next message, each of entries that are whole here; `None` at the end.
    fn next(&mut self) -> Result<Option<Vec<v1::Run>>, StoreError> {
        let (mut runs, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES {
            let Some(range) = self.ranges.pop_front() else { break };
            let held = FeedId::from_slice(&range.feed_id).and_then(|id| self.core.store.head(&id));
            let Some(held) = held.filter(|h| self.far.may_read(&h.feed)) else { continue };
            let last = self.core.counted(&held).map_or(0, |h| h.seq.value()).min(range.to);
            let Some((from, to)) = Seq::new(range.from).zip(Seq::new(last)).filter(|(f, t)| f <= t) else {
                continue;
            };
            let id = held.feed.id();
            let mut after = last + 1;
            for run in self.core.store.read_feed(&id, from, BATCH_BYTES - bytes)? {
                after = run.first.value() + u64::from(run.count);
                let Some(run) = run.up_to(to) else { break };
                for entries in whole(&run.packed) {
                    bytes += entries.len();
                    runs.push(v1::Run { feed: Some(feed_parts(&held.feed)), entries });
                }
            }
            if after <= last && after > range.from {
                self.ranges.push_front(FeedRange { from: after, to: last, ..range });
            }
        }
        Ok((!runs.is_empty()).then_some(runs))
    }
}

fn range((feed, from, to): (FeedId, u64, u64)) -> FeedRange {
    FeedRange { feed_id: feed.to_vec(), from, to }
}

/// The stretches of a run in which no body is absent.
fn whole(packed: &Bytes) -> Vec<Bytes> {
    let (mut stretches, mut from, mut at) = (Vec::new(), 0, 0);
    for entry in unpack(packed).unwrap_or_default() {
        let next = at + entry.packed_len();
        if entry.body.is_none() {
            if from < at {
                stretches.push(packed.slice(from..at));
            }
            from = next;
        }
        at = next;
    }
    if from < at {
        stretches.push(packed.slice(from..at));
    }
    stretches
}

#[cfg(test)]
mod tests {
    use caphub_proto::wire::entry::Draft;
    use caphub_proto::wire::{Audience, Feed, PartyId, Signer};

    use super::*;

    #[test]
    fn stretches_without_an_absent_body_are_what_is_brought() {
        let key = Signer::from_seed(&[7; 32]);
        let feed = Feed::records(PartyId([1; 32]), key.public(), Audience::Public);
        let (mut head, mut entries) = (None, Vec::new());
        for _ in 0..5 {
            let draft = Draft { feed: &feed, head, time_ms: 1, body: &[0; 20] };
            let (packed, seq, hash) = draft.sign(&key).expect("a body within bounds");
            head = Some((seq, hash));
            entries.push(packed);
        }
        let without = |absent: &[usize]| {
            let all = entries.iter().enumerate().map(|(n, packed)| match absent.contains(&n) {
                true => [&packed[..182], &[0]].concat(),
                false => packed.clone(),
            });
            Bytes::from(all.collect::<Vec<_>>().concat())
        };
        let lengths = |absent: &[usize]| -> Vec<usize> {
            whole(&without(absent)).iter().map(|r| unpack(r).expect("whole entries").len()).collect()
        };
        assert_eq!(lengths(&[]), [5]);
        assert_eq!(lengths(&[0]), [4]);
        assert_eq!(lengths(&[1, 2]), [1, 2]);
        assert_eq!(lengths(&[4]), [4]);
        assert_eq!(lengths(&[0, 1, 2, 3, 4]), [0usize; 0]);
    }
}
