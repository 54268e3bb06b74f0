//! Statements of what is held: ours is left in the folder, others' are read there (SPEC.md section 14.4).

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use caphub_proto::v1::CarryFault;
use caphub_proto::wire::Seq;
use caphub_proto::wire::carry::{Frame, Held, Holds, Manifest, Piece, Purpose, Writer};

use crate::author::now_ms;
use crate::carry::artifacts;
use crate::carry::files::{self, Listed};
use crate::carry::{Bearer, CarryError, evidence, readers};
use crate::keys::random;

/// Most feeds that one statement names, here and in others'; about 100 bytes of memory each.
const FEEDS_MAX: usize = 262_144;

/// What somebody else states in this folder.
pub(super) struct Stated {
    pub(super) manifest: Manifest,
    pub(super) holds: Holds,
    /// The key is one that its party authorised, as far as is known here.
    pub(super) confirmed: bool,
}

/// Reads the statements of others; of two by one log the newer counts.
pub(super) fn read(bearer: &Bearer, listed: &[Listed], faults: &mut Vec<CarryFault>) -> Vec<Stated> {
    let mut all: Vec<Stated> = Vec::new();
    for file in listed {
        let Some(manifest) = file.manifest.clone().filter(|m| m.purpose == Purpose::Holds) else { continue };
        if readers::own(bearer, &manifest) {
            continue;
        }
        let mut holds = Holds::default();
        let ending = files::read(&file.path, &mut |piece| {
            if let Piece::Frame { frame: Frame::Holds(payload), .. } = piece {
                holds.add(&payload);
            }
            holds.len() <= FEEDS_MAX
        });
        match ending.map(|e| e.reason) {
            Ok(None) => {}
            Ok(Some(reason)) => {
                faults.push(super::give::fault(&file.name, reason));
                continue;
            }
            Err(error) => {
                faults.push(super::give::unreadable(&file.name, &error));
                continue;
            }
        }
        let confirmed = readers::confirmed(bearer, &manifest);
        // Files come oldest first.
        all.retain(|s| (s.manifest.author, s.manifest.log) != (manifest.author, manifest.log));
        all.push(Stated { manifest, holds, confirmed });
    }
    all
}

/// Leaves our own statement in the folder, in place of an earlier one; gives the file's name.
pub(super) fn write(bearer: &Bearer, folder: &Path) -> Result<String, CarryError> {
    let core = &bearer.core;
    let mut feeds = Vec::new();
    for held in core.counted_heads().into_iter().take(FEEDS_MAX) {
        let id = held.feed.id();
        if let Some(first) = core.store.hash(&id, Seq::FIRST)? {
            let frozen = core.forks.freeze(&id).is_some();
            feeds.push((id, first, Held { head: held.head, frozen }));
        }
    }
    if let Some(words) = &bearer.words {
        let clocks = evidence::clocks(words)?;
        feeds.extend(clocks.into_iter().map(|(id, first, head)| (id, first, Held { head, frozen: false })));
    }
    let room = FEEDS_MAX.saturating_sub(feeds.len());
    let whole = core.blobs.all().into_iter().filter(|(id, _)| core.blobs.is_whole(id));
    let lists = whole.filter_map(|(id, _)| artifacts::holding(&id, &core.blobs.list(&id)?));
    feeds.extend(lists.take(room));
    let manifest = Manifest {
        set: random()?,
        part: 1,
        purpose: Purpose::Holds,
        author: core.party,
        key: bearer.signer.public(),
        log: core.store.log_id(),
        time_ms: now_ms(),
        entries: 0,
        readers: Vec::new(),
        name: bearer.name.clone(),
    };
    let mut out = Vec::new();
    let mut writer = Writer::start(&manifest, bearer.signer.clone(), &mut out);
    for payload in Holds::encode(random()?, &feeds) {
        writer.holds(&payload, &mut out);
    }
    writer.finish(true, &mut out);
    let log = core.store.log_id().to_string();
    let name = format!("{}-{}-holds{}", core.party.short(), log.get(..8).unwrap_or(&log), files::SUFFIX);
    let (path, temporary) = (folder.join(&name), folder.join(format!("{name}{}", files::UNFINISHED)));
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
        file.write_all(&out)?;
        files::publish(&file, &temporary, &path)
    };
    written().map_err(|source| {
        let _ = std::fs::remove_file(&temporary);
        CarryError::File { path: path.clone(), source }
    })?;
    Ok(name)
}
