//! Takes files from carry files: a list where a record that counts here names it, each chunk where it is that of its list.

use std::collections::{HashMap, HashSet};

use caphub_proto::wire::Reason;
use caphub_proto::wire::chunks::Manifest;

use crate::artifacts::{BlobError, Claim, FileId, Incoming, is_named, wanted};
use crate::carry::{Bearer, CarryError};

/// The file that a carry file brings now.
struct Current {
    id: FileId,
    /// `None` where nothing of it is taken.
    incoming: Option<Incoming>,
    claims: Vec<Claim>,
}

/// What has come of files, over all carry files of a folder.
#[derive(Default)]
pub(in crate::carry) struct Taking {
    /// Files that are whole now and were not before.
    pub(in crate::carry) whole: u64,
    /// Bytes that were new.
    pub(in crate::carry) bytes: u64,
    /// Files of which something is missing still.
    partial: HashSet<FileId>,
    current: Option<Current>,
    /// Lists of the carry file that is read.
    seen: HashSet<FileId>,
    /// What is wanted, as of so many entries.
    wanted: Option<(u64, HashMap<FileId, Vec<Claim>>)>,
}

impl Taking {
    /// Files of which something is missing still.
    pub(in crate::carry) fn partial(&self) -> u64 {
        self.partial.len() as u64
    }

    /// Another carry file is read now.
    pub(in crate::carry) fn next_file(&mut self) {
        self.current = None;
        self.seen.clear();
    }

    /// A list: the file that it begins, where it is wanted here.
    pub(in crate::carry) fn begin(
        &mut self,
        bearer: &Bearer,
        list: Manifest,
    ) -> Result<Result<(), Reason>, CarryError> {
        let id = list.hash();
        let mut current = Current { id, incoming: None, claims: Vec::new() };
        // Each list opens its file once: what is there of it is read then.
        if !self.seen.insert(id) {
            self.current = Some(current);
            return Ok(Err(Reason::CarryFormat));
        }
        if bearer.core.blobs.is_whole(&id) {
            self.current = Some(current);
            return Ok(Ok(()));
        }
        let claims = self.claims(bearer, &id)?;
        let of_this_size: Vec<Claim> = claims.iter().filter(|c| c.bytes == list.bytes()).copied().collect();
        let refused = match (claims.is_empty(), of_this_size.is_empty()) {
            (true, _) if is_named(&bearer.core, &id)? => Some(Reason::NoRoom),
            (true, _) => Some(Reason::NotFound),
            (false, true) => Some(Reason::ChunkMismatch),
            (false, false) => None,
        };
        if let Some(reason) = refused {
            self.current = Some(current);
            return Ok(Err(reason));
        }
        match bearer.core.blobs.receive(id, list) {
            Ok(incoming) => {
                self.partial.insert(id);
                (current.incoming, current.claims) = (Some(incoming), of_this_size);
                self.current = Some(current);
                self.complete(&id)
            }
            // The node fetches it from a linked hub at this moment.
            Err(BlobError::Busy) => {
                self.current = Some(current);
                Ok(Ok(()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A chunk of the file that was begun.
    pub(in crate::carry) fn chunk(
        &mut self,
        id: &FileId,
        index: u32,
        bytes: &[u8],
    ) -> Result<Result<(), Reason>, CarryError> {
        let Some(current) = self.current.as_mut().filter(|c| c.id == *id) else {
            return Ok(Err(Reason::CarryFormat));
        };
        let Some(incoming) = current.incoming.as_mut() else { return Ok(Ok(())) };
        match incoming.put(index, bytes) {
            Ok(new) => self.bytes += if new { bytes.len() as u64 } else { 0 },
            Err(BlobError::NotChunk { .. }) => return Ok(Err(Reason::ChunkMismatch)),
            Err(error) => return Err(error.into()),
        }
        self.complete(id)
    }

    /// Ends the current file where all of it has come.
    fn complete(&mut self, id: &FileId) -> Result<Result<(), Reason>, CarryError> {
        let Some(current) = self.current.as_mut() else { return Ok(Ok(())) };
        let Some(incoming) = current.incoming.take_if(|i| i.is_complete()) else { return Ok(Ok(())) };
        self.partial.remove(id);
        let digests: Vec<[u8; 32]> = current.claims.iter().map(|c| c.digest).collect();
        match incoming.finish(&digests) {
            Ok(_) => {
                self.whole += 1;
                Ok(Ok(()))
            }
            Err(BlobError::NotDigest) => Ok(Err(Reason::ChunkMismatch)),
            Err(error) => Err(error.into()),
        }
    }

    /// What records here say of a file that is wanted; looked up again where entries have come since.
    fn claims(&mut self, bearer: &Bearer, id: &FileId) -> Result<Vec<Claim>, CarryError> {
        let end = bearer.core.store.end();
        if self.wanted.as_ref().is_none_or(|(at, _)| *at != end) {
            bearer.core.views.catch_up()?;
            self.wanted = Some((end, wanted(&bearer.core, bearer.room)?.into_iter().collect()));
        }
        Ok(self.wanted.as_ref().and_then(|(_, wanted)| wanted.get(id)).cloned().unwrap_or_default())
    }
}
