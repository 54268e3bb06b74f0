//! `carry in`: every carry file of a folder, in order, through the one door.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use caphub_proto::v1::{self, CarryCount, CarryInFile, CarryInReport};
use caphub_proto::wire::carry::{Frame, Manifest, Piece, Purpose};
use caphub_proto::wire::{LogId, PartyId, Reason};

use crate::author::{feed_parts, packed_run};
use crate::carry::artifacts::Taking;
use crate::carry::files::{self, Listed};
use crate::carry::give::{fault, not_usable, unreadable};
use crate::carry::{Bearer, CarryError, OnProgress, Progress, evidence, holds, readers};
use crate::ingest::{Origin, Taken};

/// Bytes of runs that are checked and stored together: one sync of the disk each.
const BATCH: usize = 1 << 20;
/// Statements and the like that wait for the entries before them; at most 64 KiB each.
const WORDS: usize = 64;
/// Times that what rests on other files is tried again.
const ROUNDS_MAX: u32 = 16;
/// Files and faults that are listed: the report of the fullest folder fits one message.
pub(super) const TOLD_MAX: usize = 1_000;
/// Missing files that are named.
const MISSING_MAX: usize = 100;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Take {
    /// Where.
    pub folder: PathBuf,
    /// Only read and say what is there.
    pub dry_run: bool,
}

/// Takes the files in; blocks. Called on a thread of the runtime's blocking pool.
pub fn take(bearer: &Bearer, asked: &Take, progress: OnProgress<'_>) -> Result<CarryInReport, CarryError> {
    let (listed, unusable) = files::list(&asked.folder)?;
    let (counts, files) = (Counts::default(), Taking::default());
    let mut work = Work {
        bearer,
        dry_run: asked.dry_run,
        counts,
        files,
        first: true,
        failed: false,
        expected: 0,
        progress,
    };
    let mut report = CarryInReport { dry_run: asked.dry_run, ..CarryInReport::default() };
    report.faults = unusable.iter().map(not_usable).collect();
    let others = |l: &&Listed| {
        l.manifest.as_ref().is_none_or(|m| m.purpose == Purpose::Entries && !readers::own(bearer, m))
    };
    let mut due: Vec<&Listed> = listed.iter().filter(others).collect();
    if listed.is_empty() && report.faults.is_empty() {
        return Err(CarryError::Nothing(asked.folder.clone()));
    }
    work.expected = expected(&due);
    let mut sets = Sets::default();
    for round in 0..ROUNDS_MAX {
        let (before, mut waiting) = (work.counts.stored, Vec::new());
        work.first = round == 0;
        for file in &due {
            let read = work.file(file)?;
            if read.waits {
                waiting.push(*file);
            }
            if round == 0 {
                sets.see(file, read.last);
                report.faults.extend(read.fault);
                report.files.push(told(bearer, file, read.entries));
            }
        }
        due = waiting;
        if due.is_empty() || work.counts.stored == before {
            break;
        }
    }
    (report.artifacts, report.artifact_bytes) = (work.files.whole, work.files.bytes);
    report.partial_artifacts = work.files.partial();
    let (counts, mut refused) = (work.counts, BTreeMap::new());
    for (reason, runs) in counts.refused.into_values().flatten() {
        *refused.entry(reason).or_default() += runs;
    }
    (report.stored, report.known) = (counts.stored, counts.known);
    (report.statements, report.proofs) = (counts.statements, counts.proofs);
    if let Some(Err(error)) = bearer.words.as_ref().map(|w| w.auditor.book.save()) {
        tracing::warn!(%error, "what hubs stated could not be kept");
    }
    let refused = refused.into_iter();
    report.refused = refused.map(|(reason, runs)| CarryCount { reason: reason.to_owned(), runs }).collect();
    report.missing = sets.missing();
    (report.files_found, report.faults_found) = (report.files.len() as u64, report.faults.len() as u64);
    report.files.truncate(TOLD_MAX);
    report.faults.truncate(TOLD_MAX);
    // A stick that cannot be written, such as a disc, is no fault.
    if !asked.dry_run {
        report.holds = holds::write(bearer, &asked.folder).unwrap_or_default();
    }
    Ok(report)
}

/// What the sets of these files were planned to hold in all; each set states it in every file.
fn expected(due: &[&Listed]) -> u64 {
    let manifests = due.iter().filter_map(|l| l.manifest.as_ref());
    let sets: BTreeMap<[u8; 16], u64> = manifests.map(|m| (m.set, m.entries)).collect();
    sets.values().fold(0, |sum, n| sum.saturating_add(*n))
}

#[derive(Default)]
struct Counts {
    stored: u64,
    known: u64,
    read: u64,
    bytes: u64,
    statements: u64,
    proofs: u64,
    /// What each file's runs were refused for when it was last read.
    refused: BTreeMap<String, Refused>,
}

type Refused = BTreeMap<&'static str, u64>;

struct Work<'a, 'b> {
    bearer: &'a Bearer,
    dry_run: bool,
    counts: Counts,
    files: Taking,
    /// What is known already is counted once, however often a file is read.
    first: bool,
    failed: bool,
    expected: u64,
    progress: OnProgress<'b>,
}

struct FileRead {
    entries: u64,
    waits: bool,
    last: bool,
    fault: Option<v1::CarryFault>,
}

impl Work<'_, '_> {
    /// One file from its start to its end or its first fault; memory holds one batch.
    fn file(&mut self, file: &Listed) -> Result<FileRead, CarryError> {
        let origin = readers::origin(self.bearer, file.manifest.as_ref());
        let (mut batch, mut bytes, mut entries) = (Vec::new(), 0, 0);
        let (mut waits, mut broken, mut stopped) = (false, None, false);
        let (mut refused, mut words) = (Refused::new(), Vec::new());
        let mut failure = None;
        self.files.next_file();
        let read = files::read(&file.path, &mut |piece| {
            match piece {
                Piece::Frame { frame: Frame::Run { feed, entries: packed }, .. } => {
                    bytes += packed.len();
                    entries += count(&packed);
                    batch.push(packed_run(&feed, packed));
                }
                Piece::Frame { frame: frame @ (Frame::List(_) | Frame::Chunk { .. }), .. } => {
                    // What names a file comes before it.
                    waits |= self.store(std::mem::take(&mut batch), origin, &mut refused);
                    waits |= self.hear(words.drain(..), origin, &mut refused);
                    bytes = 0;
                    match self.part(frame, &mut refused) {
                        Ok(wait) => waits |= wait,
                        Err(error) => failure = Some(error),
                    }
                    stopped = self.failed || failure.is_some() || !self.tell();
                }
                Piece::Frame { frame, .. } => words.push(frame),
                Piece::Broken { reason, .. } => broken = broken.or(Some(reason)),
            }
            if bytes >= BATCH || words.len() >= WORDS {
                bytes = 0;
                waits |= self.store(std::mem::take(&mut batch), origin, &mut refused);
                waits |= self.hear(words.drain(..), origin, &mut refused);
                stopped = self.failed || !self.tell();
            }
            !stopped
        });
        waits |= self.store(batch, origin, &mut refused);
        waits |= self.hear(words.drain(..), origin, &mut refused);
        self.counts.refused.insert(file.name.clone(), refused);
        if let Some(error) = failure {
            return Err(error);
        }
        if self.failed {
            return Err(CarryError::OwnStore);
        }
        if stopped || !self.tell() {
            return Err(CarryError::Stopped);
        }
        let (ending, fault) = match read {
            Err(error) => (None, Some(unreadable(&file.name, &error))),
            Ok(ending) => {
                let reason = ending.reason.or(broken);
                (ending.end, reason.map(|reason| fault(&file.name, reason)))
            }
        };
        let last = ending.is_some_and(|e| e.last);
        Ok(FileRead { entries, waits, last, fault })
    }

    fn tell(&mut self) -> bool {
        let Counts { read, bytes, .. } = self.counts;
        (self.progress)(Progress { entries: read, bytes, expected: self.expected })
    }

    /// Through the door; true where something rests on what is not here yet.
    fn store(&mut self, runs: Vec<v1::Run>, origin: Origin, refused: &mut Refused) -> bool {
        if self.first {
            self.counts.bytes += runs.iter().map(|r| r.entries.len() as u64).sum::<u64>();
            self.counts.read += runs.iter().map(|r| count(&r.entries)).sum::<u64>();
        }
        if runs.is_empty() || self.dry_run {
            return false;
        }
        let ingest = &self.bearer.core.ingest;
        let taken = tokio::runtime::Handle::current().block_on(ingest.take(runs, origin));
        let mut waits = false;
        for Taken { result, .. } in taken {
            match result {
                Ok(stored) => {
                    self.counts.stored += stored.stored;
                    self.counts.known += if self.first { stored.known } else { 0 };
                }
                Err(reason) => waits |= self.refuse(reason, refused),
            }
        }
        waits
    }
}

impl Work<'_, '_> {
    /// Takes what is said about entries, after the entries before it are stored; true where some of it waits.
    fn hear(&mut self, frames: impl Iterator<Item = Frame>, origin: Origin, refused: &mut Refused) -> bool {
        let mut proofs = Vec::new();
        for frame in frames.filter(|_| !self.dry_run) {
            match (frame, self.bearer.words.as_ref().filter(|_| self.first)) {
                (Frame::Fork { feed, first, second }, _) => {
                    let feed = Some(feed_parts(&feed));
                    proofs.push(v1::ForkProof { feed, first, second });
                }
                (Frame::Statement(payload), Some(words)) => {
                    self.counts.statements += u64::from(evidence::take_statement(words, &payload));
                }
                (Frame::Checkpoint { hub, key, note }, Some(words)) => {
                    evidence::take_checkpoint(words, hub, key, &note);
                }
                _ => {}
            }
        }
        let ingest = &self.bearer.core.ingest;
        let taken = tokio::runtime::Handle::current().block_on(ingest.take_forks(proofs, origin));
        let mut waits = false;
        for (_, result) in taken {
            match result {
                Ok(new) => self.counts.proofs += u64::from(new),
                Err(reason) => waits |= self.refuse(reason, refused),
            }
        }
        waits
    }

    /// A part of a file; true where it waits for a record that names it.
    fn part(&mut self, frame: Frame, refused: &mut Refused) -> Result<bool, CarryError> {
        if self.dry_run {
            return Ok(false);
        }
        let (taken, waits) = match frame {
            Frame::List(list) => (self.files.begin(self.bearer, list)?, Reason::NotFound),
            Frame::Chunk { file, index, bytes } => {
                if self.first {
                    self.counts.bytes += bytes.len() as u64;
                }
                (self.files.chunk(&file, index, &bytes)?, Reason::Gap)
            }
            _ => return Ok(false),
        };
        let Err(reason) = taken else { return Ok(false) };
        *refused.entry(reason.code()).or_default() += 1;
        Ok(reason == waits)
    }

    /// Counts a refusal; true where another file may cure it.
    fn refuse(&mut self, reason: Reason, refused: &mut Refused) -> bool {
        use Reason::{Gap, NotCarried, UnknownKeyOfParty, UnknownParty};
        // Nothing more would be taken: the disk is full, or failed.
        self.failed |= reason == Reason::StoreFailed;
        *refused.entry(reason.code()).or_default() += 1;
        matches!(reason, Gap | UnknownParty | UnknownKeyOfParty | NotCarried)
    }
}

fn count(packed: &[u8]) -> u64 {
    caphub_proto::wire::feed::unpack(packed).map_or(0, |e| e.len() as u64)
}

fn told(bearer: &Bearer, file: &Listed, entries: u64) -> CarryInFile {
    let name = file.name.clone();
    match &file.manifest {
        None => CarryInFile { name, entries, ..CarryInFile::default() },
        Some(manifest) => CarryInFile {
            name,
            party_id: manifest.author.to_vec(),
            author: manifest.name.clone(),
            confirmed: readers::confirmed(bearer, manifest),
            time_ms: manifest.time_ms,
            entries,
        },
    }
}

/// Which files of which sets were there.
#[derive(Default)]
struct Sets(BTreeMap<([u8; 16], String), Set>);

struct Set {
    author: (PartyId, LogId),
    time_ms: u64,
    parts: BTreeSet<u32>,
    last: Option<u32>,
}

impl Sets {
    fn see(&mut self, file: &Listed, last: bool) {
        let Some(Manifest { set, part, author, log, time_ms, name, .. }) = &file.manifest else { return };
        let set = self.0.entry((*set, name.clone())).or_insert_with(|| Set {
            author: (*author, *log),
            time_ms: *time_ms,
            parts: BTreeSet::new(),
            last: None,
        });
        set.parts.insert(*part);
        if last {
            set.last = Some(*part);
        }
    }

    /// Files that their sets say should be here. A set that was interrupted is made good by a later one of the same log.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for ((id, name), set) in &self.0 {
            let short = hex::encode(id.get(..4).unwrap_or_default());
            let end = set.last.or(set.parts.last().copied()).unwrap_or(0);
            let gaps = (1..=end).filter(|part| !set.parts.contains(part)).take(MISSING_MAX);
            missing.extend(gaps.map(|part| format!("{name} {short}-{part:04}")));
            let later = |s: &Set| s.author == set.author && s.time_ms > set.time_ms && s.last.is_some();
            if set.last.is_none() && !self.0.values().any(later) {
                missing.push(format!("{name} {short}-{:04}...", end + 1));
            }
        }
        missing.truncate(MISSING_MAX);
        missing
    }
}
