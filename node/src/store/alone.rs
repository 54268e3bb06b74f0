//! One entry of a frame, without the entries behind it: a page of a search shows entries of as many runs.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use crate::store::frame::{self, FIXED, FrameHead, LEAD};

/// Bytes read at once: a few system calls for a long run, and no page of memory that has to be made anew for each.
const WINDOW_BYTES: usize = 32 * 1024;

/// The head of the frame at a place, and its entry `seq`, packed; `None` where there is none.
pub(super) fn read_entry(file: &File, offset: u64, seq: u64) -> io::Result<Option<(FrameHead, Bytes)>> {
    let mut window = Window { file, offset, from: 0, bytes: Vec::with_capacity(WINDOW_BYTES) };
    let Some(lead) = window.get(0, LEAD)?.and_then(|b| b.first_chunk::<LEAD>()) else { return Ok(None) };
    let Some((head_len, packed_len)) = frame::lengths(lead) else { return Ok(None) };
    let Some(head) = window.get(0, head_len)?.and_then(frame::decode) else { return Ok(None) };
    let skip = seq.checked_sub(head.first.value()).filter(|skip| *skip < u64::from(head.count));
    let Some(skip) = skip else { return Ok(None) };
    let (mut at, end) = (head_len, head_len + packed_len);
    for left in (0..=skip).rev() {
        let fixed = window.get(at, FIXED)?.and_then(|b| b.first_chunk::<FIXED>());
        let Some(length) = fixed.map(frame::entry_length).filter(|length| at + length <= end) else {
            return Ok(None);
        };
        if left == 0 {
            return Ok(window.get(at, length)?.map(|entry| (head, Bytes::copy_from_slice(entry))));
        }
        at += length;
    }
    Ok(None)
}

/// A part of a file that moves forward.
struct Window<'a> {
    file: &'a File,
    /// Where the frame begins.
    offset: u64,
    /// Where in the frame the bytes are from.
    from: usize,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// Bytes of the frame; `None` where the file ends before.
    fn get(&mut self, at: usize, length: usize) -> io::Result<Option<&[u8]>> {
        let held = |from: usize, bytes: usize| at >= from && at + length <= from + bytes;
        if !held(self.from, self.bytes.len()) {
            self.bytes.resize(length.max(WINDOW_BYTES), 0);
            let mut filled = 0;
            while filled < length {
                match self.file.read_at(&mut self.bytes[filled..], self.offset + (at + filled) as u64) {
                    Ok(0) => return Ok(None),
                    Ok(more) => filled += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.bytes.truncate(filled);
            self.from = at;
        }
        let start = at - self.from;
        Ok(self.bytes.get(start..start + length))
    }
}
