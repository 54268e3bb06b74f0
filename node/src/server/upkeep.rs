//! The commands of an operator for the store: what they did, in words.

mod words;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::hub::{Hub, HubError};
use crate::store::StoreError;
use crate::store::mend::{Bench, Lost};
use crate::store::scan::Damage;
use crate::upkeep::rebuild::{Rebuilt, rebuild};
use crate::upkeep::repair::{lost, repair, wanted};
use crate::upkeep::sources::{Source, ask};
use crate::upkeep::verify::Report;
use crate::upkeep::{UpkeepError, backup, files, restore, verify};

/// How often progress is told.
const TELL: Duration = Duration::from_secs(2);
/// Places that are told one by one.
const PLACES_SHOWN: usize = 50;

/// `verify`.
pub(super) async fn run_verify(directory: &Path, proxy: &str, offline: bool) -> ExitCode {
    match verified(directory, proxy, offline).await {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

async fn verified(directory: &Path, proxy: &str, offline: bool) -> Result<ExitCode, UpkeepError> {
    let hub = Hub::load(directory)?;
    let store = directory.join("store");
    // While no node runs, the index tells what damaged frames held whose own words are gone.
    let bench = match Bench::open(&store) {
        Ok(bench) => Some(bench),
        Err(StoreError::Locked { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let mut report = verify::verify(&store, progress("checked"))?;
    let signed = verify::register(&store)?;
    let kept = files::check(directory, progress("of files checked"))?;
    tell!("{}: {}", hub.name, held(&report));
    let (files, bytes) = (kept.files, size(kept.bytes));
    tell!("{} batches that it signed; {files} files with {bytes}.", signed.batches);
    if report.torn_only(bench.as_ref())? {
        tell!("The last write was cut short; nobody was told that it was stored. The next start drops it.");
        report.damage.clear();
    }
    let running = bench.is_none();
    let (pieces, unknown) = match &bench {
        Some(bench) => lost(bench, &report.damage)?,
        None => (Vec::new(), Vec::new()),
    };
    drop(bench);
    for damage in report.damage.iter().take(PLACES_SHOWN) {
        tell!("damaged  {}", place(damage));
        for text in pieces.iter().filter(|p| within(p, damage)).map(entries) {
            tell!("         {text}");
        }
        if let (true, Some((feed, first, last))) = (pieces.is_empty(), damage.entries()) {
            tell!("         entries {first} to {last} of feed {} of {}", feed.id(), feed.party);
        }
    }
    let mut asked = wanted(&pieces);
    if asked.is_empty() {
        asked.extend(report.damage.iter().filter_map(|d| d.entries().map(|(f, a, b)| (f.id(), a, b))));
    }
    if !asked.is_empty() && !offline {
        say_sources(&ask(directory, proxy, &asked).await?, asked.iter().map(|(_, a, b)| b - a + 1).sum());
    }
    let beside =
        words::register(&store, &signed, running) + words::files(directory, proxy, offline, &kept).await?;
    report.wrong.extend(signed.wrong);
    for wrong in report.wrong.iter().take(PLACES_SHOWN) {
        let (first, last, what) = (wrong.first, wrong.last, &wrong.what);
        tell!(
            "wrong    entries {first} to {last} of feed {} of {}: {what}",
            wrong.feed.id(),
            wrong.feed.party
        );
    }
    if report.damage.is_empty() && beside == 0 {
        return Ok(sound(&report));
    }
    eprintln!("error: {} places of the store are damaged", report.damage.len() + beside);
    match unknown.is_empty() {
        true => eprintln!("hint: stop the node, then: caphub-node repair"),
        false => eprintln!("hint: stop the node, then: caphub-node repair; what stays, from a backup"),
    }
    Ok(ExitCode::FAILURE)
}

fn sound(report: &Report) -> ExitCode {
    for feed in report.void.iter().take(PLACES_SHOWN) {
        tell!("void     feed {} of {}: its signing key is not authorised", feed.id(), feed.party);
    }
    if report.wrong.is_empty() {
        tell!("Every hash and signature is right.");
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {} stored pieces do not prove themselves", report.wrong.len());
    eprintln!("hint: they were not written by a node: restore a backup, and keep this folder as evidence");
    ExitCode::FAILURE
}

/// `repair`.
pub(super) async fn run_repair(directory: &Path, proxy: &str) -> ExitCode {
    let repaired = match repair(directory, proxy, progress("checked")).await {
        Ok(repaired) => repaired,
        Err(error) => return failed(&error),
    };
    repaired.mended.iter().take(PLACES_SHOWN).for_each(|l| tell!("repaired  {}", entries(l)));
    repaired.left.iter().take(PLACES_SHOWN).for_each(|l| tell!("damaged   {}", entries(l)));
    repaired.unknown.iter().take(PLACES_SHOWN).for_each(|d| tell!("damaged   {}", place(d)));
    let left = repaired.left.len() + repaired.unknown.len() + words::repaired(directory, &repaired);
    if !repaired.asked.is_empty() {
        say_sources(&repaired.asked, 0);
    }
    if left == 0 {
        match repaired.mended.len() + words::mended(&repaired) {
            0 => tell!("Nothing is damaged."),
            _ => tell!("All is whole again. Check it with: caphub-node verify"),
        }
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {left} places could not be replaced");
    eprintln!(
        "hint: try again when other linked hubs can be reached, or restore a backup into another folder"
    );
    ExitCode::FAILURE
}

/// `rebuild`.
pub(super) async fn run_rebuild(directory: &Path) -> ExitCode {
    match rebuild(directory, progress("read")).await {
        Ok(Rebuilt::All(entries)) => {
            tell!("Index and views were derived again from {entries} entries.");
            ExitCode::SUCCESS
        }
        Ok(Rebuilt::Views(entries)) => {
            tell!("The views were derived again from {entries} entries, while the hub ran.");
            tell!("The index of the store is derived again when the hub is stopped first.");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// `backup`.
pub(super) fn run_backup(directory: &Path, to: &Path) -> ExitCode {
    match backup::backup(directory, to) {
        Ok(done) => {
            let (files, all, copied) = (done.files, size(done.bytes), size(done.copied));
            tell!("{files} files with {all} are in {}; {copied} had to be copied.", to.display());
            tell!("It holds this hub's keys: keep it as safe as the hub itself.");
            tell!("Put it back with: caphub-node --dir NEW-FOLDER restore {}", to.display());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// `restore`.
pub(super) fn run_restore(directory: &Path, from: &Path, alone: bool) -> ExitCode {
    match restore::restore(from, directory, alone) {
        Ok(list) => {
            tell!("{} is back in {}: {} files.", list.name, directory.display(), list.files.len());
            tell!("The machine that it was backed up from must not run again: two with one key would");
            tell!("sign two histories.");
            if !alone {
                tell!("It signs nothing until a linked hub has shown it what was signed since.");
            }
            tell!("Next:  caphub-node --dir {} run", directory.display());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &UpkeepError) -> ExitCode {
    let hint = match error {
        UpkeepError::Hub(HubError::None(_)) => {
            super::fail(error, "name the hub's folder with --dir");
            return ExitCode::from(3);
        }
        UpkeepError::Store(StoreError::Locked { .. }) => {
            "the node is running: stop it first, for example with: systemctl stop caphub-node"
        }
        UpkeepError::Store(StoreError::OtherVersion { .. }) => {
            "use the version of caphub-node that wrote it, or restore a backup"
        }
        UpkeepError::Damaged { .. } | UpkeepError::Store(StoreError::Register { .. }) => {
            "first: caphub-node repair"
        }
        UpkeepError::Node { .. } => "look at the node's log; what was there before goes on",
        UpkeepError::NotEmpty { .. } | UpkeepError::Inside { .. } => "name an empty folder elsewhere",
        UpkeepError::NoBackup { .. } => "name the folder that caphub-node backup wrote",
        UpkeepError::BackupDamaged { .. } => "take another copy of the backup",
        _ => "",
    };
    super::fail(error, hint)
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

fn held(report: &Report) -> String {
    format!("{} entries in {} feeds, {}", report.entries, report.feeds, size(report.bytes))
}

fn place(damage: &Damage) -> String {
    let (path, from, to) = (damage.path.display(), damage.offset, damage.offset + damage.length);
    format!("{path}, bytes {from} to {to}")
}

fn within(lost: &Lost, damage: &Damage) -> bool {
    let at = lost.place;
    at.segment == damage.segment && (damage.offset..damage.offset + damage.length).contains(&at.offset)
}

fn entries(lost: &Lost) -> String {
    let at = lost.place;
    format!("entries {} to {} of feed {} of {}", at.first, at.last, lost.feed.id(), lost.feed.party)
}

fn say_sources(sources: &[Source], wanted: u64) {
    if sources.is_empty() {
        tell!("No hub is linked that could be asked.");
    }
    for source in sources {
        match &source.held {
            Ok(held) if wanted > 0 => {
                tell!("{} can replace {} of {wanted} entries.", source.name, held.len())
            }
            Ok(held) => tell!("{} had {} of the entries.", source.name, held.len()),
            Err(reason) => tell!("{} could not be asked: {reason}", source.name),
        }
    }
}

/// A line that is written over itself in a terminal; for others, one now and then.
fn progress(what: &'static str) -> impl FnMut(u64, u64) {
    let (mut told, terminal) = (Instant::now(), std::io::stderr().is_terminal());
    move |done, total| {
        let over = done >= total && terminal;
        if told.elapsed() < TELL && !over {
            return;
        }
        told = Instant::now();
        let percent = (done * 100).checked_div(total).unwrap_or(100);
        let mut out = std::io::stderr();
        let _ = match terminal {
            true => write!(out, "\r{percent}% {what}{}", if over { "\n" } else { "" }),
            false => writeln!(out, "{percent}% {what}"),
        };
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
