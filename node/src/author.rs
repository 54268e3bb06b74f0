//! Signing: this machine's own key adds revisions to its own feeds, and never forks itself.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use caphub_proto::exchange::seal::{self, NoSeal};
use caphub_proto::exchange::{Invalid, endorsement, validate};
use caphub_proto::v1::{self, Revision};
use caphub_proto::wire::entry::{Draft, SignError};
use caphub_proto::wire::feed::salted;
use caphub_proto::wire::limits::{BATCH_BYTES, RUN_ENTRIES_MAX};
use caphub_proto::wire::{Audience, EntryHash, Feed, PartyId, Reason, RecordId, Seq, Signer};
use prost::Message;
use tokio::sync::Mutex;

use crate::core::Core;
use crate::ingest::Origin;
use crate::keys::{KeyError, random};
use crate::sealing;

/// One signing key of one party, on one machine.
#[derive(Clone)]
pub struct Author {
    /// In whose name it signs.
    pub party: PartyId,
    signer: Signer,
    // One writer at a time: two entries of one place would be a fork of our own making.
    turn: Arc<Mutex<()>>,
}

/// Where a revision went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Published {
    /// The record.
    pub record: RecordId,
    /// The feed and place of its entry.
    pub feed: caphub_proto::wire::FeedId,
    /// Its place.
    pub seq: Seq,
    /// The entry; the next revision names it as its parent.
    pub hash: EntryHash,
}

/// Nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A record lacks something.
    #[error("record {index}: {invalid}")]
    Invalid {
        /// Which of the records given, from 1.
        index: usize,
        /// What it lacks.
        invalid: Invalid,
    },
    /// A record may not stand in this audience.
    #[error("record {index}: {}", .reason.meaning())]
    Misplaced {
        /// Which of the records given, from 1.
        index: usize,
        /// Why.
        reason: Reason,
    },
    /// There is nobody, or too many, to seal it to.
    #[error(transparent)]
    NoSeal(#[from] NoSeal),
    /// The identity of a party that it is to be sealed to is not held.
    #[error("the keys of {0} are not held here")]
    UnknownReader(PartyId),
    /// The age file could not be made.
    #[error("sealing failed: {0}")]
    Sealing(std::io::Error),
    /// The record does not fit an entry.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] KeyError),
    /// The store or its rules said no.
    #[error("{}", .0.meaning())]
    Refused(Reason),
    /// The store is older than what this key has signed: a backup was put back.
    #[error(
        "this copy is older than what was signed with it: entry {held} of {signed}; sync first, or use another signing key"
    )]
    Behind {
        /// Last place held.
        held: u64,
        /// Last place signed.
        signed: u64,
    },
    /// The store was restored from a backup, and no linked hub was asked yet what was signed since.
    #[error(
        "this copy was restored from a backup: it signs nothing until a linked hub has shown what was signed since"
    )]
    Unasked,
    /// A proven fork froze the feed.
    #[error("this signing key has signed two histories: its feed is frozen after entry {common}")]
    Frozen {
        /// The last entry that both histories share.
        common: u64,
    },
}

impl Author {
    /// An author of `party` with this key.
    pub fn new(party: PartyId, signer: Signer) -> Self {
        Self { party, signer, turn: Arc::default() }
    }

    /// The key that signs.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The feed for an audience.
    pub fn feed(&self, audience: Audience) -> Feed {
        Feed::records(self.party, self.signer.public(), audience)
    }

    /// A first revision of a new record. An endorsement's id follows from what it is about.
    pub fn first(record: v1::revision::Record) -> Result<Revision, KeyError> {
        let record_id = match &record {
            v1::revision::Record::Endorsement(v1::Endorsement {
                about: Some(about),
                endorsement_type,
                ..
            }) => endorsement::record_id(about, endorsement_type).to_vec(),
            _ => random::<16>()?.to_vec(),
        };
        Ok(Revision { record_id, number: 1, record: Some(record), ..Revision::default() })
    }

    /// Signs all revisions or none; they are durable when this returns.
    pub async fn publish(
        &self,
        core: &Core,
        audience: Audience,
        revisions: &[Revision],
    ) -> Result<Vec<Published>, PublishError> {
        for (i, revision) in revisions.iter().enumerate() {
            validate(revision).map_err(|invalid| PublishError::Invalid { index: i + 1, invalid })?;
            seal::placed(revision, &audience)
                .map_err(|reason| PublishError::Misplaced { index: i + 1, reason })?;
        }
        let _turn = self.turn.lock().await;
        let feed = self.feed(audience);
        let mut head = self.head(core, &feed)?;
        let time_ms = now_ms();
        let (mut runs, mut run, mut published) = (Vec::new(), Vec::new(), Vec::new());
        let mut entries = 0;
        for revision in revisions {
            let content = match audience {
                Audience::Sealed(_) => {
                    let seq = head.map_or(Some(Seq::FIRST), |(seq, _)| seq.next());
                    sealed(core, &feed, seq.ok_or(SignError::OutOfRange)?, revision, time_ms)?
                }
                _ => revision.encode_to_vec(),
            };
            let body = salted(random()?, &content);
            let (packed, seq, hash) = Draft { feed: &feed, head, time_ms, body: &body }.sign(&self.signer)?;
            head = Some((seq, hash));
            let full = entries >= RUN_ENTRIES_MAX || run.len() + packed.len() > BATCH_BYTES;
            if !run.is_empty() && full {
                runs.push(std::mem::take(&mut run));
                entries = 0;
            }
            run.extend_from_slice(&packed);
            entries += 1;
            let record = RecordId::from_slice(&revision.record_id).unwrap_or_default();
            published.push(Published { record, feed: feed.id(), seq, hash });
        }
        runs.push(run);
        for run in runs {
            let run = packed_run(&feed, run);
            for taken in core.ingest.take(vec![run], Origin::Own).await {
                taken.result.map_err(PublishError::Refused)?;
            }
        }
        Ok(published)
    }

    fn head(&self, core: &Core, feed: &Feed) -> Result<Option<(Seq, EntryHash)>, PublishError> {
        let held = core.store.head(&feed.id()).map(|h| h.head);
        let (id, held_seq) = (feed.id(), held.map_or(0, |h| h.seq.value()));
        if let Some(freeze) = core.forks.freeze(&id) {
            return Err(PublishError::Frozen { common: freeze.seq });
        }
        if core.shown.is_unasked() {
            return Err(PublishError::Unasked);
        }
        // By the register, by what a hub showed, and by what already came from above a hole.
        let signed = core.store.own_head(&id).map(|(seq, _)| seq.value());
        let came = core.store.tails(&id).last().map(|t| t.head.seq.value());
        let beyond = [signed, core.shown.beyond(&id, held_seq), came].into_iter().flatten().max();
        if let Some(signed) = beyond.filter(|seq| *seq > held_seq) {
            return Err(PublishError::Behind { held: held_seq, signed });
        }
        Ok(held.map(|h| (h.seq, h.hash)))
    }
}

/// The age file of a revision at its place: to the current reading keys of the parties that it names, and of its own.
fn sealed(
    core: &Core,
    feed: &Feed,
    seq: Seq,
    revision: &Revision,
    now_ms: u64,
) -> Result<Vec<u8>, PublishError> {
    let named = revision.sealing.iter().flat_map(|s| &s.parties).filter_map(|p| PartyId::from_slice(p));
    let mut parties: Vec<PartyId> = named.chain([feed.party]).collect();
    parties.sort_unstable();
    parties.dedup();
    let state = |p: &PartyId| core.identities.state(p).ok_or(PublishError::UnknownReader(*p));
    let states = parties.iter().map(state).collect::<Result<Vec<_>, _>>()?;
    let readers = seal::readers(states.iter().map(|s| &**s), now_ms)?;
    let plain = seal::frame(&feed.id(), seq, revision);
    sealing::seal(&plain, &readers).map_err(PublishError::Sealing)
}

/// A run as it travels.
pub fn packed_run(feed: &Feed, packed: Vec<u8>) -> v1::Run {
    v1::Run { feed: Some(feed_parts(feed)), entries: packed.into() }
}

/// The three fields of a feed as they travel.
pub fn feed_parts(feed: &Feed) -> v1::Feed {
    let records = |k: caphub_proto::wire::OperatorKey| (k.as_bytes().to_vec(), feed.audience().encode());
    let (operator_key, audience) = feed.key().map(records).unwrap_or_default();
    v1::Feed { party_id: feed.party.to_vec(), operator_key, audience }
}

/// This machine's clock, milliseconds since 1970 UTC.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
