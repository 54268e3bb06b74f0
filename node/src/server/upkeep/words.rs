//! What is damaged beside the log, in words: the register of own batches, and files that records name.

use std::path::Path;

use crate::store::register::{Cure, Gap};
use crate::upkeep::UpkeepError;
use crate::upkeep::files::{FilesRepaired, FilesReport, Holder, holders};
use crate::upkeep::repair::Repaired;
use crate::upkeep::verify::Signed;

use super::PLACES_SHOWN;

/// Tells what is wrong with the register; how many places are.
pub(super) fn register(store: &Path, signed: &Signed, running: bool) -> usize {
    // A node that runs may be in the middle of a write.
    let told: Vec<&(Gap, Cure)> =
        signed.damage.iter().filter(|(_, cure)| !(running && *cure == Cure::Torn)).collect();
    let path = store.join("register");
    for (Gap { offset, length, .. }, cure) in told.iter().take(PLACES_SHOWN) {
        tell!("damaged  {}, bytes {offset} to {}", path.display(), offset + length);
        tell!(
            "         {}",
            match cure {
                Cure::Log => "batches that this hub signed; the log has them too",
                Cure::Torn => "the end of a write of which nobody was told; the next start drops it",
                Cure::Unknown => "batches that this hub signed; the log does not have them",
            }
        );
    }
    told.iter().filter(|(_, cure)| *cure != Cure::Torn).count()
}

/// Tells what is damaged of files, and who can replace it; how many files are.
pub(super) async fn files(
    directory: &Path,
    proxy: &str,
    offline: bool,
    report: &FilesReport,
) -> Result<usize, UpkeepError> {
    for damage in report.damage.iter().take(PLACES_SHOWN) {
        for (from, to) in damage.places.iter().take(PLACES_SHOWN) {
            tell!("damaged  {}, bytes {from} to {to}", damage.path.display());
        }
        match damage.chunks.is_empty() {
            true => tell!("         the list of chunks of file {}", hex::encode(damage.id)),
            false => tell!("         {} chunks of file {}", damage.count(), hex::encode(damage.id)),
        }
    }
    if !report.damage.is_empty() && !offline {
        let wanted = report.damage.iter().map(|d| u64::from(d.count().max(1))).sum();
        say_holders(&holders(directory, proxy, &report.damage).await?, wanted);
    }
    Ok(report.damage.len())
}

fn say_holders(holders: &[Holder], wanted: u64) {
    if holders.is_empty() {
        tell!("No hub is linked that could be asked.");
    }
    for Holder { name, has } in holders {
        match has {
            Ok(has) => tell!("{name} can replace {has} of {wanted} chunks of files."),
            Err(reason) => tell!("{name} could not be asked: {reason}"),
        }
    }
}

/// Tells what was done for the register and for files; how much of it is left.
pub(super) fn repaired(directory: &Path, repaired: &Repaired) -> usize {
    let mut left = 0;
    match repaired.register {
        Some(mended) if mended.lost > 0 => {
            tell!("taken out {} bytes of the register that nothing tells; they are kept in", mended.lost);
            tell!("          {}", directory.join("store/aside").display());
            tell!("The hub signs nothing until a linked hub has shown how far its own feeds reach.");
            tell!("Where no hub is linked and nobody has seen anything of it: remove");
            tell!("          {}", directory.join("store").join(crate::shown::UNASKED).display());
        }
        Some(mended) if mended.gaps > 0 => {
            tell!("repaired  {} places of the register, from the log", mended.gaps);
        }
        Some(_) => {}
        None => {
            left += 1;
            tell!(
                "damaged   {}: it waits until the log is whole",
                directory.join("store/register").display()
            );
        }
    }
    let FilesRepaired { mended, left: files, unreached } = &repaired.files;
    mended.iter().take(PLACES_SHOWN).for_each(|f| tell!("repaired  file {}", hex::encode(f.id)));
    for (file, reason) in files.iter().take(PLACES_SHOWN) {
        tell!("damaged   file {}: {reason}", hex::encode(file.id));
    }
    if !files.is_empty() {
        unreached.iter().for_each(|(name, reason)| tell!("{name} could not be asked: {reason}"));
    }
    left + files.len()
}

/// How much was mended beside the log.
pub(super) fn mended(repaired: &Repaired) -> usize {
    repaired.register.map_or(0, |r| r.gaps) + repaired.files.mended.len()
}
