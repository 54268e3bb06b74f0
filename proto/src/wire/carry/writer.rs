//! Writes one carry file, frame by frame (SPEC.md section 14).

use sha2::{Digest, Sha256};

use crate::wire::carry::{End, MARK, Manifest, frame};
use crate::wire::chunks;
use crate::wire::feed::Feed;
use crate::wire::keys::Signer;

/// One file as it grows. What it appends to `out` is the file's next bytes; the caller writes them away.
pub struct Writer {
    set: [u8; 16],
    part: u32,
    signer: Signer,
    digest: Sha256,
    frames: u32,
    runs: u32,
    entries: u64,
}

impl Writer {
    /// Begins a file; `signer` is the manifest's key.
    pub fn start(manifest: &Manifest, signer: Signer, out: &mut Vec<u8>) -> Self {
        let (set, part) = (manifest.set, manifest.part);
        let digest = Sha256::new_with_prefix(MARK);
        let payload = manifest.encode(&signer);
        let mut writer = Self { set, part, signer, digest, frames: 0, runs: 0, entries: 0 };
        out.extend_from_slice(MARK);
        writer.frame(frame::MANIFEST, &[&payload], out);
        writer
    }

    /// Appends a run of `count` packed entries.
    pub fn run(&mut self, feed: &Feed, packed: &[u8], count: u32, out: &mut Vec<u8>) {
        self.frame(frame::RUN, &[&frame::write_feed(feed), packed], out);
        self.runs += 1;
        self.entries += u64::from(count);
    }

    /// Appends a proof that a feed forked: two packed runs.
    pub fn fork(&mut self, feed: &Feed, first: &[u8], second: &[u8], out: &mut Vec<u8>) {
        let length = (first.len() as u32).to_be_bytes();
        self.frame(frame::FORK, &[&frame::write_feed(feed), &length, first, second], out);
    }

    /// Appends the protobuf of a head statement.
    pub fn statement(&mut self, statement: &[u8], out: &mut Vec<u8>) {
        self.frame(frame::STATEMENT, &[statement], out);
    }

    /// Appends a checkpoint: hub, key of its node and text, one after the other.
    pub fn checkpoint(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.frame(frame::CHECKPOINT, &[payload], out);
    }

    /// Appends one payload of `Holds::encode`.
    pub fn holds(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.frame(frame::HOLDS, &[payload], out);
    }

    /// Appends the list of a file's chunks.
    pub fn list(&mut self, list: &chunks::Manifest, out: &mut Vec<u8>) {
        self.frame(frame::LIST, &[&list.encode()], out);
    }

    /// Appends a chunk of the file with this hash of its list.
    pub fn chunk(&mut self, file: &[u8; 32], index: u32, bytes: &[u8], out: &mut Vec<u8>) {
        self.frame(frame::CHUNK, &[file, &index.to_be_bytes(), bytes], out);
    }

    /// Appends a frame of a type that this version does not write.
    pub fn other(&mut self, code: u8, payload: &[u8], out: &mut Vec<u8>) {
        self.frame(code, &[payload], out);
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Ends the file; `last` where no other of the set follows.
    pub fn finish(self, last: bool, out: &mut Vec<u8>) {
        let (frames, runs, entries) = (self.frames, self.runs, self.entries);
        let digest = self.digest.clone().finalize().into();
        let end = End { frames, runs, entries, last, digest };
        let payload = end.encode(&self.set, self.part, &self.signer);
        out.extend_from_slice(&frame::head(frame::END, &[&payload]));
        out.extend_from_slice(&payload);
    }

    fn frame(&mut self, code: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&frame::head(code, parts));
        parts.iter().for_each(|part| out.extend_from_slice(part));
        self.digest.update(&out[start..]);
        self.frames += 1;
    }
}
