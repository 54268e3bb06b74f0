//! Threads, read past the index: also where a passphrase protects the reading keys, and so nothing opened is on disk.

use std::collections::{BTreeMap, HashSet};

use caphub_proto::v1::Record;
use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::Header;
use caphub_proto::wire::{Audience, Feed, FeedId, PartyId, Reason, Seq};

use super::held::Held;
use super::judge::{bound, judge};
use super::key::RecordKey;
use super::read::Reading;
use super::schema::Place;
use super::{LogRun, Views, ViewsError};
use crate::entitlement::Viewer;
use crate::opening::Opener;

/// One thread, as far as it opens.
#[derive(Default)]
pub struct Thread {
    /// Its records as they stand now, by their authors' time, the oldest first.
    pub records: Vec<Record>,
    /// Entries that opened and do not count at all: sealed for another place, or no revision.
    pub voids: Vec<(PartyId, u64, Reason)>,
    /// Entries with a body that did not open.
    pub closed: u64,
    /// Parties that wrote in it or that records in it are sealed to.
    pub parties: Vec<PartyId>,
    /// The opening that a writer must show.
    pub opening: Vec<u8>,
}

/// Collects sealed entries.
pub struct Threads<'a> {
    views: &'a Views,
    opener: &'a Opener,
    held: BTreeMap<RecordKey, Vec<Held>>,
    threads: BTreeMap<[u8; 16], Thread>,
    /// Where entries did not open, for a grant that comes later.
    closed: HashSet<(FeedId, u64)>,
    granted: Vec<(FeedId, u64)>,
}

impl Views {
    /// Threads as this opener reads them; nothing of it is kept.
    pub fn threads<'a>(&'a self, opener: &'a Opener) -> Threads<'a> {
        Threads {
            views: self,
            opener,
            held: BTreeMap::new(),
            threads: BTreeMap::new(),
            closed: HashSet::new(),
            granted: Vec::new(),
        }
    }
}

impl Threads<'_> {
    /// Takes in a run of any feed; those that are not sealed are passed over.
    pub fn add(&mut self, run: &LogRun) -> Result<(), ViewsError> {
        let Audience::Sealed(thread) = run.feed.audience() else { return Ok(()) };
        let entries = unpack(&run.packed).map_err(|r| ViewsError::Log(r.to_string()))?;
        for (ordinal, entry) in (run.first_ordinal..).zip(&entries) {
            let (Ok(header), Some(body)) = (Header::parse(entry.header), entry.body) else { continue };
            match self.opener.open(&header.feed, header.seq, body) {
                None => {
                    self.closed.insert((header.feed, header.seq.value()));
                    self.thread(thread).closed += 1;
                }
                Some(Err(reason)) => self.void(thread, &run.feed, header.seq, reason),
                Some(Ok(_)) => self.take(ordinal, run.feed, entry, thread, header.seq),
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        ordinal: u64,
        feed: Feed,
        entry: &caphub_proto::wire::UncheckedEntry<'_>,
        thread: [u8; 16],
        seq: Seq,
    ) {
        let Some(held) = Held::read(ordinal, feed, entry, self.opener) else {
            return self.void(thread, &feed, seq, Reason::RecordMalformed);
        };
        if let Some(Kind::ThreadGrant(grant)) = &held.revision.record {
            self.granted.extend(self.opener.grant(&held.party(), grant));
            return;
        }
        self.held.entry(held.key()).or_default().push(held);
    }

    fn void(&mut self, thread: [u8; 16], feed: &Feed, seq: Seq, reason: Reason) {
        self.thread(thread).voids.push((feed.party, seq.value(), reason));
    }

    fn thread(&mut self, thread: [u8; 16]) -> &mut Thread {
        self.threads.entry(thread).or_default()
    }

    /// What is in the threads, by their ids; those of which nothing opens are left out.
    pub fn finish(mut self, now_ms: u64) -> Result<BTreeMap<[u8; 16], Thread>, ViewsError> {
        let mut granted = std::mem::take(&mut self.granted);
        granted.retain(|at| self.closed.contains(at));
        for (id, seq) in granted {
            let placed = self.views.0.log.placed_entry(&id, seq).map_err(ViewsError::Log)?;
            let Some((ordinal, feed, packed)) = placed else { continue };
            let Audience::Sealed(thread) = feed.audience() else { continue };
            let entries = unpack(&packed).map_err(|r| ViewsError::Log(r.to_string()))?;
            if let (Some(entry), Some(seq)) = (entries.first(), Seq::new(seq))
                && entry.body.is_some_and(|b| self.opener.open(&id, seq, b).is_some())
            {
                self.take(ordinal, feed, entry, thread, seq);
                let thread = self.thread(thread);
                thread.closed = thread.closed.saturating_sub(1);
            }
        }
        self.judged(now_ms)
    }

    fn judged(mut self, now_ms: u64) -> Result<BTreeMap<[u8; 16], Thread>, ViewsError> {
        let searcher = self.views.0.opened().reader.searcher();
        let viewer = Viewer { opened: true, ..Viewer::everything() };
        let mut reading = Reading::new(self.views, &searcher, &viewer, now_ms);
        for (key, mut held) in std::mem::take(&mut self.held) {
            bound(&mut held);
            let verdict = judge(&held, &key.party, self.views.0.authority.as_ref());
            let Some(place) = Place::of(&key, &held, &verdict) else { continue };
            let Some(shown) = held.into_iter().find(|h| h.ordinal == place.shown) else { continue };
            let Audience::Sealed(id) = shown.feed.audience() else { continue };
            let record = reading.judged(shown, &place)?;
            self.thread(id).enter(key.party, record);
        }
        self.threads.retain(|_, t| !t.records.is_empty() || !t.voids.is_empty());
        for thread in self.threads.values_mut() {
            thread.records.sort_by(|a, b| (a.time_ms, &a.entry_hash).cmp(&(b.time_ms, &b.entry_hash)));
            thread.parties.sort_unstable();
            thread.parties.dedup();
        }
        Ok(self.threads)
    }
}

impl Thread {
    fn enter(&mut self, party: PartyId, record: Record) {
        // Who was not let in writes beside the thread, and is nobody to answer to.
        if record.void_reason != Reason::NotInThread.code() {
            let sealing = record.revision.as_ref().and_then(|r| r.sealing.as_ref());
            let named = sealing.iter().flat_map(|s| &s.parties).filter_map(|p| PartyId::from_slice(p));
            self.parties.extend(named.chain([party]));
            if let Some(sealing) = sealing.filter(|_| record.void_reason.is_empty()) {
                self.opening = sealing.opening.clone();
            }
        }
        self.records.push(record);
    }
}
