//! The commands of an operator for the store: what they did, in words.

mod words;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::told::Told;
use caphub_proto::wire::Feed;

use crate::hub::{Hub, HubError};
use crate::store::StoreError;
use crate::store::mend::{Bench, Lost};
use crate::store::scan::Damage;
use crate::texts::columns::pad;
use crate::upkeep::rebuild::{Rebuilt, rebuild};
use crate::upkeep::repair::{lost, repair, wanted};
use crate::upkeep::sources::{Source, ask};
use crate::upkeep::verify::Report;
use crate::upkeep::{UpkeepError, backup, files, restore, verify};

/// How often progress is told.
const TELL: Duration = Duration::from_secs(2);
/// Places that are told one by one.
const PLACES_SHOWN: usize = 50;
/// Columns of what stands before each of them.
const MARK_COLUMNS: usize = 10;

/// `verify`.
pub(super) async fn run_verify(told: &Told, directory: &Path, proxy: &str, offline: bool) -> ExitCode {
    match verified(told, directory, proxy, offline).await {
        Ok(code) => code,
        Err(error) => failed(told, &error),
    }
}

async fn verified(
    told: &Told,
    directory: &Path,
    proxy: &str,
    offline: bool,
) -> Result<ExitCode, UpkeepError> {
    let hub = Hub::load(directory)?;
    let store = directory.join("store");
    // While no node runs, the index tells what damaged frames held whose own words are gone.
    let bench = match Bench::open(&store) {
        Ok(bench) => Some(bench),
        Err(StoreError::Locked { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let mut report = verify::verify(&store, progress(told, "node-progress"))?;
    let signed = verify::register(&store)?;
    let kept = files::check(directory, progress(told, "node-progress-files"))?;
    held(told, &hub.name, &report);
    let (batches, files, size) = (signed.batches.to_string(), kept.files.to_string(), size(told, kept.bytes));
    told.tell("node-held-beside", &[("batches", &batches), ("files", &files), ("size", &size)]);
    if report.torn_only(bench.as_ref())? {
        told.tell("node-torn", &[]);
        report.damage.clear();
    }
    let running = bench.is_none();
    let (pieces, unknown) = match &bench {
        Some(bench) => lost(bench, &report.damage)?,
        None => (Vec::new(), Vec::new()),
    };
    drop(bench);
    for damage in report.damage.iter().take(PLACES_SHOWN) {
        marked(told, "node-mark-damaged", &place(told, damage));
        for piece in pieces.iter().filter(|p| within(p, damage)) {
            told.say(&format!("{}{}", " ".repeat(MARK_COLUMNS), entries(told, piece)));
        }
        if let (true, Some((feed, first, last))) = (pieces.is_empty(), damage.entries()) {
            let text = entries_of(told, &feed, first, last);
            told.say(&format!("{}{text}", " ".repeat(MARK_COLUMNS)));
        }
    }
    let mut asked = wanted(&pieces);
    if asked.is_empty() {
        asked.extend(report.damage.iter().filter_map(|d| d.entries().map(|(f, a, b)| (f.id(), a, b))));
    }
    if !asked.is_empty() && !offline {
        let all = asked.iter().map(|(_, a, b)| b - a + 1).sum();
        say_sources(told, &ask(directory, proxy, &asked).await?, all);
    }
    let beside = words::register(told, &store, &signed, running)
        + words::files(told, directory, proxy, offline, &kept).await?;
    report.wrong.extend(signed.wrong);
    for wrong in report.wrong.iter().take(PLACES_SHOWN) {
        let entries = entries_of(told, &wrong.feed, wrong.first, wrong.last);
        let values = [("entries", entries.as_str()), ("what", &told.said(&wrong.what))];
        marked(told, "node-mark-wrong", &told.with("node-wrong", &values));
    }
    if report.damage.is_empty() && beside == 0 {
        return Ok(sound(told, &report));
    }
    let hint = if unknown.is_empty() { "node-hint-repair" } else { "node-hint-repair-backup" };
    Ok(told.counted("node-error-damaged", report.damage.len() + beside, hint))
}

fn sound(told: &Told, report: &Report) -> ExitCode {
    for feed in report.void.iter().take(PLACES_SHOWN) {
        let (id, party) = (feed.id().to_string(), feed.party.to_string());
        marked(told, "node-mark-void", &told.with("node-void", &[("feed", &id), ("party", &party)]));
    }
    if report.wrong.is_empty() {
        told.tell("node-sound", &[]);
        return ExitCode::SUCCESS;
    }
    told.counted("node-error-unproven", report.wrong.len(), "node-hint-unproven")
}

/// `repair`.
pub(super) async fn run_repair(told: &Told, directory: &Path, proxy: &str) -> ExitCode {
    let repaired = match repair(directory, proxy, progress(told, "node-progress")).await {
        Ok(repaired) => repaired,
        Err(error) => return failed(told, &error),
    };
    for piece in repaired.mended.iter().take(PLACES_SHOWN) {
        marked(told, "node-mark-repaired", &entries(told, piece));
    }
    for piece in repaired.left.iter().take(PLACES_SHOWN) {
        marked(told, "node-mark-damaged", &entries(told, piece));
    }
    for damage in repaired.unknown.iter().take(PLACES_SHOWN) {
        marked(told, "node-mark-damaged", &place(told, damage));
    }
    let left = repaired.left.len() + repaired.unknown.len() + words::repaired(told, directory, &repaired);
    if !repaired.asked.is_empty() {
        say_sources(told, &repaired.asked, 0);
    }
    if left > 0 {
        return told.counted("node-error-left", left, "node-hint-left");
    }
    let mended = repaired.mended.len() + words::mended(&repaired);
    let whole = if mended == 0 { "node-nothing-damaged" } else { "node-whole-again" };
    told.tell(whole, &[]);
    ExitCode::SUCCESS
}

/// `rebuild`.
pub(super) async fn run_rebuild(told: &Told, directory: &Path) -> ExitCode {
    match rebuild(directory, progress(told, "node-progress-read")).await {
        Ok(Rebuilt::All(entries)) => {
            told.tell("node-rebuilt", &[("entries", &entries.to_string())]);
            ExitCode::SUCCESS
        }
        Ok(Rebuilt::Views(entries)) => {
            told.tell("node-rebuilt-views", &[("entries", &entries.to_string())]);
            ExitCode::SUCCESS
        }
        Err(error) => failed(told, &error),
    }
}

/// `backup`.
pub(super) fn run_backup(told: &Told, directory: &Path, to: &Path) -> ExitCode {
    match backup::backup(directory, to) {
        Ok(done) => {
            let (files, folder) = (done.files.to_string(), to.display().to_string());
            let (all, copied) = (size(told, done.bytes), size(told, done.copied));
            let values = [("files", files.as_str()), ("all", &all), ("copied", &copied), ("folder", &folder)];
            told.tell("node-backed-up", &values);
            // For copying: not folded.
            told.say(&told.with("node-backed-up-next", &[("folder", &folder)]));
            ExitCode::SUCCESS
        }
        Err(error) => failed(told, &error),
    }
}

/// `restore`.
pub(super) fn run_restore(told: &Told, directory: &Path, from: &Path, alone: bool) -> ExitCode {
    match restore::restore(from, directory, alone) {
        Ok(list) => {
            let (files, folder) = (list.files.len().to_string(), directory.display().to_string());
            told.tell("node-restored", &[("name", &list.name), ("folder", &folder), ("files", &files)]);
            if !alone {
                told.tell("node-restored-waits", &[]);
            }
            told.say(&told.with("node-restored-next", &[("folder", &folder)]));
            ExitCode::SUCCESS
        }
        Err(error) => failed(told, &error),
    }
}

fn failed(told: &Told, error: &UpkeepError) -> ExitCode {
    let hint = match error {
        UpkeepError::Hub(HubError::None(_)) => {
            told.fail(error, "node-hint-hub");
            return ExitCode::from(3);
        }
        UpkeepError::Store(StoreError::Locked { .. }) => "node-hint-running",
        UpkeepError::Store(StoreError::OtherVersion { .. }) => "node-hint-version",
        UpkeepError::Damaged { .. } | UpkeepError::Store(StoreError::Register { .. }) => {
            "node-hint-repair-first"
        }
        UpkeepError::Node { .. } => "node-hint-log",
        UpkeepError::NotEmpty { .. } | UpkeepError::Inside { .. } => "node-hint-empty",
        UpkeepError::NoBackup { .. } => "node-hint-no-backup",
        UpkeepError::BackupDamaged { .. } => "node-hint-other-copy",
        _ => "",
    };
    told.fail(error, hint)
}

impl Report {
    /// True where the only damage is the end of a commit of which nobody was told.
    fn torn_only(&self, bench: Option<&Bench>) -> Result<bool, StoreError> {
        let [only] = &self.damage[..] else { return Ok(false) };
        let known = match bench {
            Some(bench) => !bench.lost(only)?.is_empty(),
            // A running node may be in the middle of a write.
            None => only.entries().is_some(),
        };
        Ok(only.at_end && !known)
    }
}

fn held(told: &Told, name: &str, report: &Report) {
    let (entries, feeds) = (report.entries.to_string(), report.feeds.to_string());
    let size = size(told, report.bytes);
    let values = [("name", name), ("entries", &entries), ("feeds", &feeds), ("size", &size)];
    told.tell("node-held", &values);
}

/// What is so, and what of it.
fn marked(told: &Told, mark: &str, text: &str) {
    told.say(&format!("{}{text}", pad(&told.texts.t(mark), MARK_COLUMNS)));
}

fn place(told: &Told, damage: &Damage) -> String {
    let path = damage.path.display().to_string();
    let (from, to) = (damage.offset.to_string(), (damage.offset + damage.length).to_string());
    told.with("node-place", &[("path", &path), ("from", &from), ("to", &to)])
}

fn within(lost: &Lost, damage: &Damage) -> bool {
    let at = lost.place;
    at.segment == damage.segment && (damage.offset..damage.offset + damage.length).contains(&at.offset)
}

fn entries(told: &Told, lost: &Lost) -> String {
    entries_of(told, &lost.feed, lost.place.first, lost.place.last)
}

fn entries_of(told: &Told, feed: &Feed, first: impl Display, last: impl Display) -> String {
    let (first, last) = (first.to_string(), last.to_string());
    let (id, party) = (feed.id().to_string(), feed.party.to_string());
    let values = [("first", first.as_str()), ("last", &last), ("feed", &id), ("party", &party)];
    told.with("node-entries", &values)
}

fn say_sources(told: &Told, sources: &[Source], wanted: u64) {
    if sources.is_empty() {
        told.tell("node-no-sources", &[]);
    }
    for source in sources {
        let (name, wanted_text) = (source.name.as_str(), wanted.to_string());
        match &source.held {
            Ok(held) => {
                let held = held.len().to_string();
                let key = if wanted > 0 { "node-source-can" } else { "node-source-had" };
                told.tell(key, &[("name", name), ("held", &held), ("wanted", &wanted_text)]);
            }
            Err(why) => {
                told.tell("node-source-silent", &[("name", name), ("why", &told.texts.said(why))]);
            }
        }
    }
}

/// A line that is written over itself in a terminal; for others, one now and then.
fn progress(told: &Told, key: &str) -> impl FnMut(u64, u64) {
    let (mut since, terminal) = (Instant::now(), std::io::stderr().is_terminal());
    move |done, total| {
        let over = done >= total && terminal;
        if since.elapsed() < TELL && !over {
            return;
        }
        since = Instant::now();
        let percent = (done * 100).checked_div(total).unwrap_or(100).to_string();
        let line = told.with(key, &[("percent", &percent)]);
        let mut out = std::io::stderr();
        let _ = match terminal {
            true => write!(out, "\r{line}{}", if over { "\n" } else { "" }),
            false => writeln!(out, "{line}"),
        };
    }
}

fn size(told: &Told, bytes: u64) -> String {
    let (key, count) = match bytes {
        0..10_240 => ("node-bytes", bytes),
        10_240..10_485_760 => ("node-kib", bytes / 1_024),
        _ => ("node-mib", bytes / 1_048_576),
    };
    told.with(key, &[("count", &count.to_string())])
}
