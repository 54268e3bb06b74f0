//! Repair: what is damaged is written again in its place, from the register of own batches and from linked hubs.

use std::path::Path;

use crate::hub::Hub;
use crate::store::StoreError;
use crate::store::mend::{Bench, Entries, Lost, RegisterMended};
use crate::store::scan::Damage;
use crate::upkeep::files::{self, FilesRepaired};
use crate::upkeep::sources::{self, Source, Wanted};
use crate::upkeep::{UpkeepError, verify};

/// What became of the damage.
#[derive(Debug, Default)]
pub struct Repaired {
    /// Places that are whole again.
    pub mended: Vec<Lost>,
    /// Places that nobody could replace.
    pub left: Vec<Lost>,
    /// Damage of which nothing tells what it held.
    pub unknown: Vec<Damage>,
    /// Who was asked, and what each had.
    pub asked: Vec<Source>,
    /// The register of own signed batches; none where it waits for the log to be whole.
    pub register: Option<RegisterMended>,
    /// Files that records name.
    pub files: FilesRepaired,
}

/// What is lost, as far as heads and the index tell, and the damage of which they tell nothing.
pub fn lost(bench: &Bench, damage: &[Damage]) -> Result<(Vec<Lost>, Vec<Damage>), UpkeepError> {
    let (mut lost, mut unknown) = (Vec::new(), Vec::new());
    for damage in damage {
        let found = bench.lost(damage)?;
        // A tail of which the index knows nothing was never acknowledged.
        if found.is_empty() && !damage.at_end {
            unknown.push(damage.clone());
        }
        lost.extend(found);
    }
    Ok((lost, unknown))
}

/// What to ask others for.
pub fn wanted(lost: &[Lost]) -> Vec<Wanted> {
    lost.iter().map(|l| (l.feed.id(), l.place.first, l.place.last)).collect()
}

/// Repairs the store of a hub's folder; no node may run on it meanwhile.
pub async fn repair(
    directory: &Path,
    proxy: &str,
    progress: impl FnMut(u64, u64),
) -> Result<Repaired, UpkeepError> {
    Hub::load(directory)?;
    let store = directory.join("store");
    let bench = Bench::open(&store)?;
    let report = verify::verify(&store, progress)?;
    let (lost, unknown) = lost(&bench, &report.damage)?;
    let mut repaired = Repaired { unknown, ..Repaired::default() };
    let own = bench.own(&lost)?;
    repaired.take(&bench, lost, &own)?;
    if !repaired.left.is_empty() {
        repaired.asked = sources::ask(directory, proxy, &wanted(&repaired.left)).await?;
        for at in 0..repaired.asked.len() {
            let held = match repaired.asked.get(at).map(|s| &s.held) {
                Some(Ok(held)) => held.clone(),
                _ => continue,
            };
            let left = std::mem::take(&mut repaired.left);
            repaired.take(&bench, left, &held)?;
        }
    }
    // The log first: the register is written again from it, and gives up only what a whole log does not tell.
    let whole = repaired.left.is_empty() && repaired.unknown.is_empty();
    repaired.register = match bench.mend_register(whole) {
        Err(StoreError::Register { .. }) => None,
        mended => Some(mended?),
    };
    let damage = files::check(directory, |_, _| {})?.damage;
    repaired.files = files::repair(directory, proxy, damage).await?;
    Ok(repaired)
}

impl Repaired {
    fn take(&mut self, bench: &Bench, lost: Vec<Lost>, entries: &Entries) -> Result<(), UpkeepError> {
        for piece in lost {
            match bench.mend(&piece, entries)? {
                true => self.mended.push(piece),
                false => self.left.push(piece),
            }
        }
        Ok(())
    }
}
