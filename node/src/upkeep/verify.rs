//! Every checksum, hash and signature of the log, and whose authority stands behind each feed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{Feed, FeedId, OperatorKey};

use crate::identities::Identities;
use crate::store::StoreError;
use crate::store::register::{self, Cure, Gap};
use crate::store::scan::{Chains, Damage, Found, Frame, proves, scan};

/// Findings that are kept; the rest is counted.
const WRONG_MAX: usize = 1_000;

/// What a store holds, and what of it is not as it should be.
#[derive(Debug, Default)]
pub struct Report {
    /// Entries whose frames are whole.
    pub entries: u64,
    /// Feeds.
    pub feeds: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Bytes that are not what was written.
    pub damage: Vec<Damage>,
    /// Whole frames that do not prove themselves, the first thousand.
    pub wrong: Vec<Wrong>,
    /// Feeds under keys that their organisations do not authorise now: held, and counting for nothing.
    pub void: Vec<Feed>,
}

/// A frame that does not prove itself.
#[derive(Debug)]
pub struct Wrong {
    /// Whose.
    pub feed: Feed,
    /// Place of its first entry.
    pub first: u64,
    /// Place of its last entry.
    pub last: u64,
    /// What is wrong, in words.
    pub what: String,
}

/// Reads the whole log of a store's folder and checks it; a node may run meanwhile. `progress` gets bytes done and
/// bytes in all.
pub fn verify(store: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Report, StoreError> {
    let mut checks = Checks::default();
    scan(store, |found, done, total| {
        progress(done, total);
        checks.report.bytes = total;
        match found {
            Found::Whole(frame) => checks.frame(&frame),
            Found::Damaged(damage) => checks.damage(damage),
        }
    })?;
    Ok(checks.done())
}

/// What the register of own signed batches holds.
#[derive(Debug, Default)]
pub struct Signed {
    /// Batches that are whole.
    pub batches: u64,
    /// Bytes that are not what was written, and what can be done about them.
    pub damage: Vec<(Gap, Cure)>,
    /// Whole batches that do not prove themselves.
    pub wrong: Vec<Wrong>,
}

/// Reads the register of a store's folder and checks hashes and signatures; a node may run meanwhile.
pub fn register(store: &Path) -> Result<Signed, StoreError> {
    let (mut signed, mut keys) = (Signed::default(), HashMap::<OperatorKey, Option<Verifier>>::new());
    let damage = register::check(store, |frame| {
        signed.batches += 1;
        let key = frame.feed.key();
        let verifier = key.and_then(|k| keys.entry(k).or_insert_with(|| Verifier::new(k.as_bytes())).clone());
        if let Err(reason) = proves(&frame, verifier.as_ref()) {
            let (feed, first) = (frame.feed, frame.first.value());
            let last = first + u64::from(frame.count) - 1;
            signed.wrong.push(Wrong { feed, first, last, what: reason.meaning().to_owned() });
        }
    })?;
    Ok(Signed { damage, ..signed })
}

#[derive(Default)]
struct Checks {
    report: Report,
    chains: Chains,
    identities: Identities,
    keys: HashMap<OperatorKey, Option<Verifier>>,
    feeds: BTreeMap<FeedId, Feed>,
    /// Feeds of which something is damaged, or any where nobody knows which.
    broken: BTreeMap<FeedId, ()>,
    unknown: bool,
}

impl Checks {
    fn frame(&mut self, frame: &Frame) {
        self.report.entries += u64::from(frame.count);
        let id = frame.feed.id();
        self.feeds.insert(id, frame.feed);
        let verifier = frame
            .feed
            .key()
            .map(|key| self.keys.entry(key).or_insert_with(|| Verifier::new(key.as_bytes())).clone());
        if verifier.as_ref().is_some_and(Option::is_none) {
            return self.wrong(frame, "its signing key is none".to_owned());
        }
        match self.chains.follow(frame, verifier.flatten().as_ref()) {
            Err(reason) => return self.wrong(frame, reason.meaning().to_owned()),
            Ok(false) if !self.unknown && !self.broken.contains_key(&id) => {
                return self.wrong(frame, "it does not follow what is before it".to_owned());
            }
            Ok(_) => {}
        }
        if frame.feed.is_identity() {
            match self.identities.judge(frame.feed.party, &frame.packed) {
                Ok((_, log)) => self.identities.keep(log),
                Err(_) if self.unknown || self.broken.contains_key(&id) => {}
                Err(reason) => self.wrong(frame, reason.meaning().to_owned()),
            }
        }
    }

    fn damage(&mut self, damage: Damage) {
        self.chains.skip(&damage);
        match damage.entries() {
            Some((feed, ..)) => drop(self.broken.insert(feed.id(), ())),
            None => self.unknown = true,
        }
        self.report.damage.push(damage);
    }

    fn wrong(&mut self, frame: &Frame, what: String) {
        if self.report.wrong.len() < WRONG_MAX {
            let (feed, first) = (frame.feed, frame.first.value());
            let last = first + u64::from(frame.count) - 1;
            self.report.wrong.push(Wrong { feed, first, last, what });
        }
    }

    fn done(mut self) -> Report {
        self.report.feeds = self.feeds.len() as u64;
        for feed in self.feeds.values() {
            let Some(key) = feed.key() else { continue };
            let state = self.identities.state(&feed.party);
            if !state.is_some_and(|s| s.operators.contains_key(&key)) {
                self.report.void.push(*feed);
            }
        }
        self.report
    }
}
