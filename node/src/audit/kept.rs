//! The file of statements that others made: appended and synced a batch at a time, written anew when it is mostly old.
//!
//! ```text
//! record   length u32 | CRC32C u32 | kind u8 | rest
//! kind 1   a statement: party 32 | key length u8, key | audience length u8, audience | statement 258
//! kind 2   late since: hub 32 | feed id 32 | ms u64 (0: no longer)
//! kind 3   shown: as kind 1, with two statements
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use caphub_proto::wire::bytes::Reader;
use caphub_proto::wire::statement::{HeadStatement, STATEMENT_BYTES};
use caphub_proto::wire::{Feed, FeedId, PartyId};

use crate::author::feed_parts;

/// Most bytes of the file that are read at start; it is written anew long before.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Longest record.
const RECORD_BYTES_MAX: usize = 1_024;

/// One thing to remember.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fact {
    Said(Feed, Box<HeadStatement>),
    LateSince(PartyId, FeedId, u64),
    Shown(Feed, Box<(HeadStatement, HeadStatement)>),
}

/// The open file.
pub(super) struct Kept {
    path: PathBuf,
    file: File,
    /// Records that the file holds.
    pub(super) records: usize,
}

impl Kept {
    /// Opens the file and gives what it holds, in order; a torn end is cut.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Fact>)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        let (mut facts, mut reader, mut whole) = (Vec::new(), Reader::new(&bytes), 0);
        while let Some(fact) = read(&mut reader) {
            facts.push(fact);
            whole = bytes.len() - reader.rest().len();
        }
        if whole < bytes.len() {
            tracing::warn!(bytes = bytes.len() - whole, "a torn end of the kept statements is cut");
            file.set_len(whole as u64)?;
            file.sync_all()?;
        }
        Ok((Self { path: path.to_owned(), file, records: facts.len() }, facts))
    }

    /// Durable when this returns.
    pub(super) fn append(&mut self, facts: &[Fact]) -> io::Result<()> {
        if facts.is_empty() {
            return Ok(());
        }
        let bytes: Vec<u8> = facts.iter().flat_map(write).collect();
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.records += facts.len();
        Ok(())
    }

    /// Writes the file anew with these alone.
    pub(super) fn replace(&mut self, facts: &[Fact]) -> io::Result<()> {
        let bytes: Vec<u8> = facts.iter().flat_map(write).collect();
        crate::durable::replace(&self.path, &bytes)?;
        self.file = OpenOptions::new().read(true).append(true).open(&self.path)?;
        self.records = facts.len();
        Ok(())
    }
}

fn write(fact: &Fact) -> Vec<u8> {
    let mut body = Vec::new();
    let feed = |body: &mut Vec<u8>, feed: &Feed| {
        let parts = feed_parts(feed);
        body.extend_from_slice(&parts.party_id);
        for part in [parts.operator_key, parts.audience] {
            body.push(part.len() as u8);
            body.extend_from_slice(&part);
        }
    };
    match fact {
        Fact::Said(of, statement) => {
            body.push(1);
            feed(&mut body, of);
            body.extend_from_slice(&statement.encode());
        }
        Fact::LateSince(hub, of, ms) => {
            body.push(2);
            body.extend_from_slice(hub.as_bytes());
            body.extend_from_slice(of.as_bytes());
            body.extend_from_slice(&ms.to_be_bytes());
        }
        Fact::Shown(of, pair) => {
            body.push(3);
            feed(&mut body, of);
            body.extend_from_slice(&pair.0.encode());
            body.extend_from_slice(&pair.1.encode());
        }
    }
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
    out.extend_from_slice(&body);
    out
}

fn read(reader: &mut Reader<'_>) -> Option<Fact> {
    let length = reader.u32()? as usize;
    let sum = reader.u32()?;
    let body = reader.take(length).filter(|_| length <= RECORD_BYTES_MAX)?;
    if crc32c::crc32c(body) != sum {
        return None;
    }
    let mut body = Reader::new(body);
    let kind = body.u8()?;
    if kind == 2 {
        return Some(Fact::LateSince(PartyId(body.array()?), FeedId(body.array()?), body.u64()?));
    }
    let party = body.take(32)?;
    let key = body.u8()?;
    let key = body.take(key.into())?;
    let audience = body.u8()?;
    let audience = body.take(audience.into())?;
    let feed = Feed::from_parts(party, key, audience).ok()?;
    // The signature was checked when it came; the sum says that these are the same bytes.
    let first = HeadStatement::read_kept(body.take(STATEMENT_BYTES)?)?;
    match kind {
        1 => Some(Fact::Said(feed, Box::new(first))),
        3 => {
            let second = HeadStatement::read_kept(body.take(STATEMENT_BYTES)?)?;
            Some(Fact::Shown(feed, Box::new((first, second))))
        }
        _ => None,
    }
}
