//! `carry out`: writes what the readers of a folder lack, as far as they may read it and as far as it fits.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use caphub_proto::v1::{CarryFault, CarryOutReport, CarryReader};
use caphub_proto::wire::carry::{ADDRESSEES_MAX, Addressee, Frame, Manifest, Piece, Purpose};
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::{EntryHash, FeedId, ForkProof, PartyId, Reason, Seq};

use crate::author::now_ms;
use crate::carry::artifacts::{self, Lying};
use crate::carry::files::{self, Listed, Unusable};
use crate::carry::holds::{self, Stated};
use crate::carry::plan::{self, Due, Plan, Present, Reading};
use crate::carry::split::Split;
use crate::carry::take::TOLD_MAX;
use crate::carry::{
    Bearer, CarryError, FILE_BYTES_DEFAULT, FILE_BYTES_MIN, OnProgress, Progress, evidence, readers,
};
use crate::entitlement::Viewer;
use crate::keys::random;

/// Bytes of free space that are left alone: both sides' statements go there.
const SPARE_BYTES: u64 = 1 << 20;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Give {
    /// Where; made where it does not exist.
    pub folder: PathBuf,
    /// Whom it is for; `None`: whoever states in the folder what it holds, or else anybody.
    pub party: Option<PartyId>,
    /// Largest file in bytes; 0 for the default.
    pub file_bytes: u64,
    /// The files of artifacts too.
    pub artifacts: bool,
    /// Only say what would be written.
    pub dry_run: bool,
}

/// Writes the files; blocks.
pub fn give(bearer: &Bearer, asked: &Give, progress: OnProgress<'_>) -> Result<CarryOutReport, CarryError> {
    let file_bytes = if asked.file_bytes == 0 { FILE_BYTES_DEFAULT } else { asked.file_bytes };
    if file_bytes < FILE_BYTES_MIN {
        return Err(CarryError::TooSmall { asked: file_bytes });
    }
    let folder = asked.folder.as_path();
    let mut report = CarryOutReport { dry_run: asked.dry_run, ..CarryOutReport::default() };
    let exists = folder.is_dir() || !asked.dry_run;
    if !folder.exists() && exists {
        std::fs::create_dir(folder).map_err(|e| at(folder, e))?;
    }
    let (listed, unusable) = if exists { files::list(folder)? } else { Default::default() };
    report.faults = unusable.iter().map(not_usable).collect();
    if !asked.dry_run {
        sweep(bearer, folder);
    }
    let stated = holds::read(bearer, &listed, &mut report.faults);
    let reading = reading(bearer, asked.party, &stated);
    report.readers = reading.iter().map(|r| told(bearer, r)).collect();
    let Found { present, proofs, lying } = present(bearer, &listed, &reading, &mut report)?;
    let plan = plan::plan(bearer, &reading, &present)?;
    let proofs = plan::proofs(bearer, &reading, &proofs)?;
    let files = match asked.artifacts {
        true => artifacts::due(bearer, &reading, &lying)?,
        false => Vec::new(),
    };
    report.withheld_feeds = plan.withheld;
    let within =
        if exists { folder } else { folder.parent().filter(|p| p.is_dir()).unwrap_or(Path::new(".")) };
    let budget = files::free(within).map_err(|e| at(folder, e))?.saturating_sub(SPARE_BYTES);
    if asked.dry_run {
        measure(bearer, &plan, budget, &mut report, progress)?;
        report.proofs = proofs.len() as u64;
        artifacts::measure(&files, budget.saturating_sub(report.bytes), &mut report);
        return Ok(report);
    }
    let readers = reading
        .iter()
        .take(ADDRESSEES_MAX)
        .map(|r| Addressee { party: r.party, assumed: r.stated.map_or([0; 16], |s| s.manifest.set) });
    let manifest = Manifest {
        set: random()?,
        part: 1,
        purpose: Purpose::Entries,
        author: bearer.core.party,
        key: bearer.signer.public(),
        log: bearer.core.store.log_id(),
        time_ms: now_ms(),
        entries: plan.entries,
        readers: readers.collect(),
        name: bearer.name.clone(),
    };
    let mut split = Split::new(bearer, folder, manifest, file_bytes, budget);
    // A proof rests on the party's identity, and what rests on a fork is refused once the proof is there.
    let mut proofs = proofs.into_iter();
    let mut sink = |due: &Due, packed: &[u8], count: u32| {
        if !due.feed.is_identity() {
            report.proofs += prove(&mut split, &mut proofs)?;
        }
        split.run(&due.feed, packed, count)
    };
    let mut moved = CarryOutReport::default();
    let written = write(bearer, &plan, &mut sink, &mut moved, progress);
    report.proofs += prove(&mut split, &mut proofs)?;
    written?;
    (report.entries, report.bytes) = (moved.entries, moved.bytes);
    (report.left_entries, report.left_feeds) = (moved.left_entries, moved.left_feeds);
    // Words about entries go where entries go; alone they would make every trip a new file.
    if let Some(words) = bearer.words.as_ref().filter(|_| report.entries > 0) {
        let told = evidence::due(bearer, words, &reading)?;
        for statement in &told.statements {
            report.statements += u64::from(split.statement(statement)?);
        }
        for checkpoint in &told.checkpoints {
            split.checkpoint(checkpoint)?;
        }
    }
    artifacts::write(bearer, &files, &mut split, &mut report, progress)?;
    report.files = split.finish()?;
    report.faults.truncate(TOLD_MAX);
    // The other side's next `out` is exact where it knows what we hold; without room it is merely larger.
    if let Err(error) = holds::write(bearer, folder) {
        tracing::warn!(%error, "what is held here could not be stated in the folder");
    }
    Ok(report)
}

/// Writes the proofs that are left; gives how many.
fn prove(
    split: &mut Split<'_>,
    proofs: &mut impl Iterator<Item = std::sync::Arc<ForkProof>>,
) -> Result<u64, CarryError> {
    let mut written = 0;
    for proof in proofs {
        written += u64::from(split.fork(proof.feed(), proof.first(), proof.second())?);
    }
    Ok(written)
}

type Sink<'a> = &'a mut dyn FnMut(&Due, &[u8], u32) -> Result<bool, CarryError>;

/// Feeds the runs that are due to `sink`, which says whether it had room.
fn write(
    bearer: &Bearer,
    plan: &Plan,
    sink: Sink<'_>,
    report: &mut CarryOutReport,
    progress: OnProgress<'_>,
) -> Result<(), CarryError> {
    let (store, mut unknown) = (&bearer.core.store, HashSet::new());
    for due in &plan.due {
        let mut next = Seq::new(due.from);
        // Records of a party whose identity found no room would be refused.
        let mut room = !unknown.contains(&due.feed.party);
        while let Some(from) = next.filter(|f| room && f.value() <= due.to) {
            let runs = store.read_feed(&due.feed.id(), from, BATCH_BYTES)?;
            if runs.is_empty() {
                break;
            }
            for run in runs {
                let Some(run) = Seq::new(due.to).and_then(|to| run.up_to(to)) else { break };
                room = sink(due, &run.packed, run.count)?;
                if !room {
                    break;
                }
                next = Seq::new(run.first.value() + u64::from(run.count));
                report.entries += u64::from(run.count);
                report.bytes += run.packed.len() as u64;
            }
            let now = Progress { entries: report.entries, bytes: report.bytes, expected: plan.entries };
            if !progress(now) {
                return Err(CarryError::Stopped);
            }
        }
        let left = next.map_or(0, |n| (due.to + 1).saturating_sub(n.value()));
        if left > 0 {
            report.left_entries += left;
            report.left_feeds += 1;
            if due.feed.is_identity() {
                unknown.insert(due.feed.party);
            }
        }
    }
    Ok(())
}

/// Says what `write` would write, without a file.
fn measure(
    bearer: &Bearer,
    plan: &Plan,
    mut budget: u64,
    report: &mut CarryOutReport,
    progress: OnProgress<'_>,
) -> Result<(), CarryError> {
    let mut sink = |_: &Due, packed: &[u8], _: u32| {
        let fits = packed.len() as u64 <= budget;
        budget = if fits { budget - packed.len() as u64 } else { budget };
        Ok(fits)
    };
    write(bearer, plan, &mut sink, report, progress)
}

/// Whom the files are for, and what each may read. A key that is not known to be its party's reads what anybody may.
fn reading<'a>(bearer: &Bearer, party: Option<PartyId>, stated: &'a [Stated]) -> Vec<Reading<'a>> {
    let of = |s: &'a Stated| {
        let party = s.manifest.author;
        let viewer = if s.confirmed { readers::viewer(bearer, party) } else { Viewer::public() };
        Reading { party, viewer, stated: Some(s) }
    };
    let Some(party) = party else { return stated.iter().rev().take(ADDRESSEES_MAX).map(of).collect() };
    let by_it = stated.iter().rev().filter(|s| s.manifest.author == party && s.confirmed);
    let by_it: Vec<_> = by_it.take(ADDRESSEES_MAX).map(of).collect();
    match by_it.is_empty() {
        false => by_it,
        true => vec![Reading { party, viewer: readers::viewer(bearer, party), stated: None }],
    }
}

fn told(bearer: &Bearer, reading: &Reading<'_>) -> CarryReader {
    let admitted = bearer.core.admissions.hubs_of(&reading.party);
    let known = admitted.into_iter().map(|(_, a)| a.name).find(|n| !n.is_empty());
    let claimed = || reading.stated.map(|s| s.manifest.name.clone()).unwrap_or_default();
    CarryReader {
        party_id: reading.party.to_vec(),
        name: known.unwrap_or_else(claimed),
        stated_ms: reading.stated.map_or(0, |s| s.manifest.time_ms),
        confirmed: reading.stated.is_none_or(|s| s.confirmed)
            && bearer.core.identities.state(&reading.party).is_some(),
    }
}

/// What own files in the folder hold already.
#[derive(Default)]
struct Found {
    present: Present,
    /// Feeds of which a proof lies there.
    proofs: HashSet<FeedId>,
    /// Chunks of files.
    lying: Lying,
}

/// Reads own files in the folder: only whole files count.
fn present(
    bearer: &Bearer,
    listed: &[Listed],
    reading: &[Reading<'_>],
    report: &mut CarryOutReport,
) -> Result<Found, CarryError> {
    let mut found = Found::default();
    for file in listed {
        let ours = file.manifest.as_ref().filter(|m| readers::own(bearer, m));
        if ours.is_none_or(|m| m.purpose != Purpose::Entries) {
            continue;
        }
        let (mut ranges, mut proven, mut lying) = (Vec::new(), Vec::new(), Lying::new());
        let read = files::read(&file.path, &mut |piece| {
            match piece {
                Piece::Frame { frame: Frame::Run { feed, entries }, .. } => {
                    ranges.extend(extent(&entries).map(|(first, last, hash)| (feed.id(), first, last, hash)));
                }
                Piece::Frame { frame: Frame::Fork { feed, .. }, .. } => proven.push(feed.id()),
                Piece::Frame { frame, .. } => artifacts::note(&mut lying, &frame),
                Piece::Broken { .. } => {}
            }
            true
        });
        match read.map(|e| e.reason) {
            Ok(None) => {}
            Ok(Some(reason)) => {
                report.faults.push(fault(&file.name, reason));
                continue;
            }
            Err(error) => {
                report.faults.push(unreadable(&file.name, &error));
                continue;
            }
        }
        let last: Vec<(FeedId, u64, EntryHash)> = ranges.iter().map(|(f, _, l, h)| (*f, *l, *h)).collect();
        let files = lying.keys().all(|id| artifacts::is_held(id, reading));
        if files && plan::arrived(&bearer.core.store, reading, &last)? {
            report.arrived.push(file.name.clone());
        }
        report.earlier.push(file.name.clone());
        for (feed, first, last, hash) in ranges {
            found.present.entry(feed).or_default().push((first, last, hash));
        }
        found.proofs.extend(proven);
        for (id, chunks) in lying {
            found.lying.entry(id).or_default().extend(chunks);
        }
    }
    found.present.values_mut().for_each(|ranges| ranges.sort_unstable_by_key(|r| (r.0, r.1)));
    Ok(found)
}

/// First and last place of a packed run, and the hash at the last.
fn extent(packed: &[u8]) -> Option<(u64, u64, EntryHash)> {
    let entries = unpack(packed).ok()?;
    let place = |header: &[u8]| Some(u64::from_be_bytes(header.get(34..42)?.try_into().ok()?));
    let (first, last) = (entries.first()?, entries.last()?);
    Some((place(first.header)?, place(last.header)?, entry_hash(last.header, last.signature)))
}

/// Removes what an interrupted writing of this organisation left.
fn sweep(bearer: &Bearer, folder: &Path) {
    let prefix = bearer.core.party.short();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = entry.file_type().is_ok_and(|t| t.is_file());
        if plain && name.starts_with(&prefix) && name.ends_with(files::UNFINISHED) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

pub(super) fn at(path: &Path, source: std::io::Error) -> CarryError {
    CarryError::File { path: path.to_owned(), source }
}

pub(super) fn fault(name: &str, reason: Reason) -> CarryFault {
    let message = reason.meaning().to_owned();
    CarryFault { name: name.to_owned(), reason: reason.code().to_owned(), message }
}

pub(super) fn unreadable(name: &str, error: &std::io::Error) -> CarryFault {
    CarryFault { name: name.to_owned(), reason: String::new(), message: error.to_string() }
}

pub(super) fn not_usable(unusable: &Unusable) -> CarryFault {
    unreadable(&unusable.name, &unusable.error)
}
