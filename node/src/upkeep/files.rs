//! Files that records name: what is damaged of them, which linked hubs can replace it, and fetching it from there.

use std::path::Path;

use caphub_proto::v1::artifact_service_client::ArtifactServiceClient;
use caphub_proto::v1::{ChunkRange, Holding, HoldingsRequest};

use crate::artifacts::{Blobs, FetchError, FileDamage, HOLDINGS_MAX, Source, fetch_again};
use crate::upkeep::sources::{Linked, in_time, links};
use crate::upkeep::{UpkeepError, file_error};

/// What a folder keeps of files.
#[derive(Debug, Default)]
pub struct FilesReport {
    /// Files of which all had come.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is not as it was written.
    pub damage: Vec<FileDamage>,
}

/// Compares every kept file with its list, chunk by chunk; a node may run meanwhile. `progress` gets files done and in all.
pub fn check(directory: &Path, mut progress: impl FnMut(u64, u64)) -> Result<FilesReport, UpkeepError> {
    let blobs = Blobs::of(directory);
    let (mut report, kept) = (FilesReport::default(), blobs.kept());
    for (done, id) in (1..).zip(&kept) {
        let (bytes, damage) = blobs.damage(id).map_err(file_error(&directory.join("artifacts")))?;
        report.files += 1;
        report.bytes += bytes;
        report.damage.extend(damage);
        progress(done, kept.len() as u64);
    }
    Ok(report)
}

/// A linked hub, and how much of what is damaged it can replace.
#[derive(Debug)]
pub struct Holder {
    /// The hub's name.
    pub name: String,
    /// Chunks that it has of those that are damaged, and lists; or why it could not be asked.
    pub has: Result<u64, String>,
}

/// Asks linked hubs what they hold of damaged files.
pub async fn holders(
    directory: &Path,
    proxy: &str,
    damage: &[FileDamage],
) -> Result<Vec<Holder>, UpkeepError> {
    let mut holders = Vec::new();
    for Linked { name, reached, .. } in links(directory, proxy).await? {
        let has = match reached {
            Ok(reached) => {
                in_time(held(&Source { name: name.clone(), channel: reached.channel }, damage)).await
            }
            Err(reason) => Err(reason),
        };
        holders.push(Holder { name, has });
    }
    Ok(holders)
}

async fn held(source: &Source, damage: &[FileDamage]) -> Result<u64, String> {
    let (mut client, mut has) = (ArtifactServiceClient::new(source.channel.clone()), 0);
    for group in damage.chunks(HOLDINGS_MAX) {
        let manifests = group.iter().map(|damage| damage.id.to_vec()).collect();
        let answer = client.holdings(HoldingsRequest { manifests }).await;
        let answer = answer.map_err(|status| status.message().to_owned())?.into_inner();
        has += group.iter().zip(&answer.holdings).map(|(damage, held)| replaces(damage, held)).sum::<u64>();
    }
    Ok(has)
}

/// Pieces of a damaged file that another hub has: chunks, or the list where that is damaged.
fn replaces(damage: &FileDamage, held: &Holding) -> u64 {
    let is_missing = |index: u32| held.missing.iter().any(|r| index >= r.from && index - r.from < r.count);
    let has = |range: &ChunkRange| (range.from..range.from + range.count).filter(|i| !is_missing(*i)).count();
    match (held.state.as_str(), damage.chunks.is_empty()) {
        ("whole" | "partial", true) => 1,
        ("whole", false) => u64::from(damage.count()),
        ("partial", false) => damage.chunks.iter().map(|range| has(range) as u64).sum(),
        _ => 0,
    }
}

/// What became of damaged files.
#[derive(Debug, Default)]
pub struct FilesRepaired {
    /// Files that are whole again.
    pub mended: Vec<FileDamage>,
    /// Files that are not, with the reason.
    pub left: Vec<(FileDamage, String)>,
    /// Hubs that could not be asked, with the reason.
    pub unreached: Vec<(String, String)>,
}

/// Fetches what is damaged from linked hubs; no node may run on the folder meanwhile.
pub async fn repair(
    directory: &Path,
    proxy: &str,
    damage: Vec<FileDamage>,
) -> Result<FilesRepaired, UpkeepError> {
    let mut repaired = FilesRepaired::default();
    if damage.is_empty() {
        return Ok(repaired);
    }
    let (blobs, mut sources) = (Blobs::of(directory), Vec::new());
    for Linked { name, reached, .. } in links(directory, proxy).await? {
        match reached {
            Ok(reached) => sources.push(Source { name, channel: reached.channel }),
            Err(reason) => repaired.unreached.push((name, reason)),
        }
    }
    for damage in damage {
        // From here on it is no longer taken for whole: a node that starts fetches it as well.
        blobs.set_apart(&damage).map_err(file_error(&damage.path))?;
        match fetch_again(&blobs, &damage.id, &sources).await {
            Ok(_) => repaired.mended.push(damage),
            Err(FetchError::Blob(error)) => {
                return Err(file_error(&damage.path)(std::io::Error::other(error)));
            }
            Err(error) => repaired.left.push((damage, error.to_string())),
        }
    }
    Ok(repaired)
}
