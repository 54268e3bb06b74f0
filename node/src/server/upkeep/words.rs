//! What is damaged beside the log, in words: the register of own batches, and files that records name.

use std::path::Path;

use super::{MARK_COLUMNS, PLACES_SHOWN, marked};
use crate::server::told::Told;
use crate::store::register::{Cure, Gap};
use crate::upkeep::UpkeepError;
use crate::upkeep::files::{FilesRepaired, FilesReport, Holder, holders};
use crate::upkeep::repair::Repaired;
use crate::upkeep::verify::Signed;

/// Tells what is wrong with the register; how many places are.
pub(super) fn register(told: &Told, store: &Path, signed: &Signed, running: bool) -> usize {
    // A node that runs may be in the middle of a write.
    let shown: Vec<&(Gap, Cure)> =
        signed.damage.iter().filter(|(_, cure)| !(running && *cure == Cure::Torn)).collect();
    let path = store.join("register");
    for (Gap { offset, length, .. }, cure) in shown.iter().take(PLACES_SHOWN) {
        damaged(told, &path, *offset, offset + length);
        beside(
            told,
            match cure {
                Cure::Log => "node-register-log",
                Cure::Torn => "node-register-torn",
                Cure::Unknown => "node-register-unknown",
            },
            &[],
        );
    }
    shown.iter().filter(|(_, cure)| *cure != Cure::Torn).count()
}

/// Tells what is damaged of files, and who can replace it; how many files are.
pub(super) async fn files(
    told: &Told,
    directory: &Path,
    proxy: &str,
    offline: bool,
    report: &FilesReport,
) -> Result<usize, UpkeepError> {
    for damage in report.damage.iter().take(PLACES_SHOWN) {
        for (from, to) in damage.places.iter().take(PLACES_SHOWN) {
            damaged(told, &damage.path, *from, *to);
        }
        let (file, count) = (hex::encode(damage.id), damage.count().to_string());
        match damage.chunks.is_empty() {
            true => beside(told, "node-file-list", &[("file", &file)]),
            false => beside(told, "node-file-chunks", &[("file", &file), ("count", &count)]),
        }
    }
    if !report.damage.is_empty() && !offline {
        let wanted = report.damage.iter().map(|d| u64::from(d.count().max(1))).sum();
        say_holders(told, &holders(directory, proxy, &report.damage).await?, wanted);
    }
    Ok(report.damage.len())
}

fn damaged(told: &Told, path: &Path, from: u64, to: u64) {
    let (path, from, to) = (path.display().to_string(), from.to_string(), to.to_string());
    let values = [("path", path.as_str()), ("from", &from), ("to", &to)];
    marked(told, "node-mark-damaged", &told.with("node-place", &values));
}

/// A line below one with a mark.
fn beside(told: &Told, key: &str, values: &[(&str, &str)]) {
    told.say(&format!("{}{}", " ".repeat(MARK_COLUMNS), told.with(key, values)));
}

fn say_holders(told: &Told, holders: &[Holder], wanted: u64) {
    if holders.is_empty() {
        told.tell("node-no-sources", &[]);
    }
    let wanted = wanted.to_string();
    for Holder { name, has } in holders {
        match has {
            Ok(has) => {
                let values = [("name", name.as_str()), ("held", &has.to_string()), ("wanted", &wanted)];
                told.tell("node-holder-can", &values);
            }
            Err(reason) => silent(told, name, reason),
        }
    }
}

fn silent(told: &Told, name: &str, reason: &str) {
    told.tell("node-source-silent", &[("name", name), ("why", &told.texts.said(reason))]);
}

/// Tells what was done for the register and for files; how much of it is left.
pub(super) fn repaired(told: &Told, directory: &Path, repaired: &Repaired) -> usize {
    let (store, mut left) = (directory.join("store"), 0);
    match repaired.register {
        Some(mended) if mended.lost > 0 => {
            let lost = mended.lost.to_string();
            marked(told, "node-mark-taken-out", &told.with("node-register-lost", &[("count", &lost)]));
            told.say(&format!("{}{}", " ".repeat(MARK_COLUMNS), store.join("aside").display()));
            told.tell("node-register-unasked", &[]);
            told.say(&format!("{}{}", " ".repeat(MARK_COLUMNS), store.join(crate::shown::UNASKED).display()));
        }
        Some(mended) if mended.gaps > 0 => {
            let gaps = mended.gaps.to_string();
            marked(told, "node-mark-repaired", &told.with("node-register-mended", &[("count", &gaps)]));
        }
        Some(_) => {}
        None => {
            left += 1;
            let path = store.join("register").display().to_string();
            marked(told, "node-mark-damaged", &told.with("node-register-waits", &[("path", &path)]));
        }
    }
    let FilesRepaired { mended, left: files, unreached } = &repaired.files;
    for file in mended.iter().take(PLACES_SHOWN) {
        let id = hex::encode(file.id);
        marked(told, "node-mark-repaired", &told.with("node-file", &[("file", &id)]));
    }
    for (file, reason) in files.iter().take(PLACES_SHOWN) {
        let (id, why) = (hex::encode(file.id), told.said(reason));
        marked(told, "node-mark-damaged", &told.with("node-file-left", &[("file", &id), ("why", &why)]));
    }
    if !files.is_empty() {
        unreached.iter().for_each(|(name, reason)| silent(told, name, reason));
    }
    left + files.len()
}

/// How much was mended beside the log.
pub(super) fn mended(repaired: &Repaired) -> usize {
    repaired.register.map_or(0, |r| r.gaps) + repaired.files.mended.len()
}
