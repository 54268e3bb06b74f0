//! What a replica remembers of one hub between two syncs: a small file, whose loss costs nothing but work.

use std::io;
use std::path::Path;

use caphub_proto::wire::session::Memory;
use caphub_proto::wire::session::memory::Refusal;
use caphub_proto::wire::{FeedId, Reason};
use serde::{Deserialize, Serialize};

use crate::durable;

/// Refusals that are kept in the file; about 150 bytes each.
const KEPT_MAX: usize = 4_096;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    standing: String,
    settled: Option<(String, String)>,
    finished: bool,
    refused: Vec<Refused>,
    /// What this side did not take: for those who ask why. The next sync asks for it again.
    refused_here: Vec<Refused>,
}

#[derive(Serialize, Deserialize)]
struct Refused {
    feed: String,
    seq: u64,
    reason: String,
    at_ms: u64,
}

/// Reads the file; nothing is remembered where there is none, or where it cannot be read.
pub fn load(path: &Path) -> Memory {
    let written: Written = durable::read_json(path).unwrap_or_default();
    let print = |text: &str| hex::decode(text).ok()?.try_into().ok();
    let settled = written.settled.and_then(|(ours, theirs)| Some((print(&ours)?, print(&theirs)?)));
    Memory::restore(written.standing, settled, read(written.refused)).with_finished(written.finished)
}

/// What this side did not take at the last sync.
pub fn refused_here(path: &Path) -> Vec<(FeedId, Refusal)> {
    read(durable::read_json::<Written>(path).unwrap_or_default().refused_here)
}

/// Replaces the file.
pub fn save(path: &Path, memory: &Memory) -> io::Result<()> {
    let (standing, settled) = memory.kept();
    let written = Written {
        standing: standing.to_owned(),
        settled: settled.map(|(ours, theirs)| (hex::encode(ours), hex::encode(theirs))),
        finished: memory.has_finished(),
        refused: write(memory.there()),
        refused_here: write(memory.here()),
    };
    durable::replace_json(path, &written)
}

fn read(refused: Vec<Refused>) -> Vec<(FeedId, Refusal)> {
    let refusal = |r: Refused| {
        let feed: FeedId = r.feed.parse().ok()?;
        Some((feed, Refusal { seq: r.seq, reason: Reason::parse(&r.reason)?, at_ms: r.at_ms }))
    };
    refused.into_iter().filter_map(refusal).collect()
}

fn write<'m>(refused: impl Iterator<Item = (&'m FeedId, &'m Refusal)>) -> Vec<Refused> {
    let refused = refused.take(KEPT_MAX).map(|(feed, r)| Refused {
        feed: feed.to_string(),
        seq: r.seq,
        reason: r.reason.code().to_owned(),
        at_ms: r.at_ms,
    });
    refused.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back_and_a_broken_file_is_no_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hub.json");
        assert_eq!(load(&path).kept(), ("", None));
        let refusal = Refusal { seq: 3, reason: Reason::NotCarried, at_ms: 7 };
        let settled = Some(([1; 32], [2; 32]));
        let memory = Memory::restore("member".to_owned(), settled, vec![(FeedId([5; 32]), refusal)]);
        let mut memory = memory;
        memory.refused_here_at(FeedId([6; 32]), 2, Reason::BadSignature, 8);
        save(&path, &memory).expect("a file");
        let read = load(&path);
        assert_eq!(read.kept(), ("member", settled));
        assert_eq!(read.there().collect::<Vec<_>>(), [(&FeedId([5; 32]), &refusal)]);
        assert_eq!(read.here().count(), 0, "it is asked for again");
        let here = Refusal { seq: 2, reason: Reason::BadSignature, at_ms: 8 };
        assert_eq!(refused_here(&path), [(FeedId([6; 32]), here)]);
        std::fs::write(&path, "{").expect("a file");
        assert_eq!(load(&path).kept(), ("", None));
    }
}
