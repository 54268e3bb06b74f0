//! Proofs of forks: kept durably before they act, rebuilt at start, bounded, and handed on.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use caphub_proto::v1;
use caphub_proto::wire::{Feed, FeedId, ForkProof, LastCommon, PartyId, Reason};
use prost::Message;

use crate::author::feed_parts;

/// Most proofs of one feed: each parts earlier than the one before.
const FEED_PROOFS_MAX: usize = 8;
/// Most proofs of one party; a party that forks more feeds is refused what forks there.
const PARTY_PROOFS_MAX: usize = 256;
/// Most bytes of all proofs of one party.
const PARTY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest record of the file: two runs of headers, and the feed.
const RECORD_BYTES_MAX: usize = 2 * 1024 * 192 + 256;
/// Length and checksum before each record, both u32.
const LEAD: usize = 8;

/// Every proof that this node holds: the file `forks`, records of `length u32 | CRC32C u32 | ForkProof`.
pub struct Forks {
    file: Mutex<File>,
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    /// The one that parts earliest, of each feed.
    lowest: HashMap<FeedId, Arc<ForkProof>>,
    /// All that ever acted, in order: followers are told from a place on.
    acted: Vec<Arc<ForkProof>>,
    proofs: HashMap<FeedId, usize>,
    parties: HashMap<PartyId, (usize, usize)>,
}

impl Forks {
    /// Opens the file, or makes it; a torn end is cut, and a record that proves nothing is passed over.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (mut table, mut at) = (Table::default(), 0);
        while let Some(record) = record(bytes.get(at..).unwrap_or_default()) {
            at += LEAD + record.len();
            let proof = v1::ForkProof::decode(record).ok().and_then(|p| parse(&p).ok());
            match proof {
                Some(proof) => table.add(proof),
                None => tracing::error!("a kept fork proof is damaged"),
            }
        }
        if bytes.len() > at {
            tracing::warn!(bytes = bytes.len() - at, "a torn fork proof is cut");
            file.set_len(at as u64)?;
            file.sync_all()?;
        }
        Ok(Self { file: Mutex::new(file), table: RwLock::new(table) })
    }

    /// Where a feed is frozen; `None` where no fork of it is proven.
    pub fn freeze(&self, feed: &FeedId) -> Option<LastCommon> {
        self.read().lowest.get(feed).map(|p| p.common())
    }

    /// The proof that freezes a feed.
    pub fn proof(&self, feed: &FeedId) -> Option<Arc<ForkProof>> {
        self.read().lowest.get(feed).cloned()
    }

    /// The proof that freezes each frozen feed.
    pub fn all(&self) -> Vec<Arc<ForkProof>> {
        self.read().lowest.values().cloned().collect()
    }

    /// How many proofs acted so far; `since` tells what comes after.
    pub fn end(&self) -> usize {
        self.read().acted.len()
    }

    /// Proofs that acted after the first `seen`.
    pub fn since(&self, seen: usize) -> Vec<Arc<ForkProof>> {
        self.read().acted.get(seen..).unwrap_or_default().to_vec()
    }

    /// Keeps a proof where it freezes its feed, or freezes it earlier; it is durable before it acts. False where
    /// nothing changes by it, an error where there is no room or the disk failed.
    pub fn keep(&self, proof: ForkProof) -> Result<bool, Reason> {
        // One at a time: the table is looked at again once the turn has come.
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.read().room(&proof)? {
            return Ok(false);
        }
        let record = travelling(&proof).encode_to_vec();
        let lead = [(record.len() as u32).to_be_bytes(), crc32c::crc32c(&record).to_be_bytes()].concat();
        let written = (&*file).write_all(&[lead, record].concat()).and_then(|()| file.sync_data());
        if let Err(error) = written {
            tracing::error!(%error, "a fork proof could not be kept");
            return Err(Reason::StoreFailed);
        }
        let (feed, common) = (proof.feed().id(), proof.common());
        self.table.write().unwrap_or_else(PoisonError::into_inner).add(proof);
        tracing::warn!(%feed, last_common = common.seq, "a feed has forked: it is frozen");
        Ok(true)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// True where the proof parts earlier than what is held; an error where there is no room.
    fn room(&self, proof: &ForkProof) -> Result<bool, Reason> {
        let id = proof.feed().id();
        if self.lowest.get(&id).is_some_and(|held| held.common().seq <= proof.common().seq) {
            return Ok(false);
        }
        let (count, bytes) = self.parties.get(&proof.feed().party).copied().unwrap_or_default();
        let fits = self.proofs.get(&id).copied().unwrap_or(0) < FEED_PROOFS_MAX
            && count < PARTY_PROOFS_MAX
            && bytes + proof.len() <= PARTY_BYTES_MAX;
        if fits { Ok(true) } else { Err(Reason::Quota) }
    }

    fn add(&mut self, proof: ForkProof) {
        let (id, proof) = (proof.feed().id(), Arc::new(proof));
        let (count, bytes) = self.parties.entry(proof.feed().party).or_default();
        *count += 1;
        *bytes += proof.len();
        *self.proofs.entry(id).or_default() += 1;
        self.acted.push(Arc::clone(&proof));
        self.lowest.insert(id, proof);
    }
}

/// The next whole record; `None` at the end, or where it is torn.
fn record(bytes: &[u8]) -> Option<&[u8]> {
    let length = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let sum = u32::from_be_bytes(bytes.get(4..LEAD)?.try_into().ok()?);
    let record = bytes.get(LEAD..).filter(|_| length <= RECORD_BYTES_MAX)?.get(..length)?;
    (crc32c::crc32c(record) == sum).then_some(record)
}

/// A proof as it travels.
pub fn travelling(proof: &ForkProof) -> v1::ForkProof {
    let feed = Some(feed_parts(proof.feed()));
    v1::ForkProof { feed, first: proof.first().to_vec(), second: proof.second().to_vec() }
}

/// Checks a proof as it arrived, but not whether the party authorised the key.
pub fn parse(proof: &v1::ForkProof) -> Result<ForkProof, Reason> {
    let parts = proof.feed.clone().unwrap_or_default();
    let feed = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience)?;
    ForkProof::check(feed, &proof.first, &proof.second)
}

#[cfg(test)]
mod tests {
    use caphub_proto::wire::entry::Draft;
    use caphub_proto::wire::{Audience, EntryHash, Seq, Signer};

    use super::*;

    /// A proof of a feed that shares this many entries.
    fn forked(feed: u8, shared: u64) -> ForkProof {
        let signer = Signer::from_seed(&[feed; 32]);
        let feed = Feed::records(PartyId([1; 32]), signer.public(), Audience::Sealed([feed; 16]));
        let head = Seq::new(shared).map(|seq| (seq, EntryHash([5; 32])));
        let side = |text: &str| {
            let body = [&[7; 16][..], text.as_bytes()].concat();
            let (packed, ..) =
                Draft { feed: &feed, head, time_ms: 1, body: &body }.sign(&signer).expect("an entry");
            let mut bare = packed[..182].to_vec();
            bare.push(0);
            bare
        };
        ForkProof::check(feed, &side("one"), &side("other")).expect("a proof")
    }

    #[test]
    fn a_kept_proof_is_there_after_a_restart_and_the_earliest_parting_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("forks");
        let forks = Forks::open(&path).expect("a file");
        let id = forked(1, 9).feed().id();
        assert_eq!(forks.freeze(&id), None);
        let kept = [9, 12, 4, 4, 7].map(|shared| forks.keep(forked(1, shared)).expect("room"));
        assert_eq!(kept, [true, false, true, false, false]);
        assert_eq!(forks.since(1).len(), 1);
        drop(forks);
        let whole = std::fs::read(&path).expect("a file");
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("a file");
            let forks = Forks::open(&path).expect("a file");
            let first = LEAD + travelling(&forked(1, 9)).encoded_len();
            assert_eq!(forks.freeze(&id).map(|f| f.seq), (cut >= first).then_some(9), "cut at {cut}");
        }
        std::fs::write(&path, &whole).expect("a file");
        let forks = Forks::open(&path).expect("a file");
        assert_eq!((forks.freeze(&id).map(|f| f.seq), forks.end(), forks.all().len()), (Some(4), 2, 1));
    }

    #[test]
    fn proofs_of_one_party_are_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let forks = Forks::open(&folder.path().join("forks")).expect("a file");
        for shared in (1..=FEED_PROOFS_MAX as u64).rev() {
            assert_eq!(forks.keep(forked(1, shared + 1)), Ok(true));
        }
        assert_eq!(forks.keep(forked(1, 1)), Err(Reason::Quota));
        for feed in 2..=255 {
            let kept = forks.keep(forked(feed, 0));
            assert_eq!(kept.is_ok(), usize::from(feed) + FEED_PROOFS_MAX - 1 <= PARTY_PROOFS_MAX, "{feed}");
        }
    }
}
