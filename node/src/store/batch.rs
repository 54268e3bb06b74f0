//! Frames that are written together, without copying the entries.

use std::fs::File;
use std::io::{self, IoSlice, Write};

use bytes::Bytes;

use crate::author::now_ms;
use crate::store::{NewRun, frame};

/// Frames of one commit: their heads, and between them the entries as they arrived, not copied.
#[derive(Default)]
pub(super) struct Frames {
    heads: Vec<u8>,
    /// Where each head ends, and what follows it.
    runs: Vec<(usize, Bytes)>,
    pub(super) length: u64,
}

impl Frames {
    /// Appends a frame; the places of its entries without a body.
    pub(super) fn add(&mut self, run: &NewRun, own: bool, ordinal: u64) -> Vec<u64> {
        let start = self.heads.len();
        let absent = frame::encode(run, own, ordinal, now_ms(), &mut self.heads);
        self.length += (self.heads.len() - start + run.packed.len()) as u64;
        self.runs.push((self.heads.len(), run.packed.clone()));
        absent
    }

    /// All of it, in pieces.
    pub(super) fn slices(&self) -> Vec<&[u8]> {
        let (mut start, mut slices) = (0, Vec::with_capacity(self.runs.len() * 2));
        for (end, packed) in &self.runs {
            slices.extend([self.heads.get(start..*end).unwrap_or_default(), packed]);
            start = *end;
        }
        slices
    }
}

/// Writes all slices, many with one call.
pub(super) fn write(mut file: &File, slices: &[&[u8]]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = slices.iter().map(|s| IoSlice::new(s)).collect();
    let mut left = &mut slices[..];
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
