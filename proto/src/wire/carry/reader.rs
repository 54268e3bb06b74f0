//! Reads one carry file from bytes as they come; holds one frame at a time (SPEC.md section 14.5).

use sha2::{Digest, Sha256};

use crate::wire::carry::{BROKEN_MAX, End, FRAME_HEAD_BYTES, Frame, MARK, Manifest, frame};
use crate::wire::reason::Reason;

/// What stands at one place of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// A whole frame.
    Frame {
        /// Offset of its first byte.
        at: u64,
        /// What it brings.
        frame: Frame,
    },
    /// A frame that cannot be used; the next one may.
    Broken {
        /// Offset of its first byte.
        at: u64,
        /// Its type as stated, which may be part of the damage.
        code: u8,
        /// Why.
        reason: Reason,
    },
}

/// How the file ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ending {
    /// `None`: it is as its author wrote it.
    pub reason: Option<Reason>,
    /// What its last frame says; `None` where that was not reached.
    pub end: Option<End>,
}

/// One file as it comes in.
pub struct Reader {
    buffer: Vec<u8>,
    start: usize,
    at: u64,
    digest: Sha256,
    manifest: Option<Manifest>,
    frames: u32,
    broken: u32,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Mark,
    Frames,
    Ended(Ending),
}

impl Default for Reader {
    fn default() -> Self {
        let (buffer, manifest, digest) = (Vec::new(), None, Sha256::new());
        Self { buffer, start: 0, at: 0, digest, manifest, frames: 0, broken: 0, state: State::Mark }
    }
}

impl Reader {
    /// Before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file; `next` then says what they complete. Memory grows with what came, never
    /// with what a length promises.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        if let State::Ended(ending) = &mut self.state {
            // Nothing may follow the last frame.
            if ending.reason.is_none() && !bytes.is_empty() {
                ending.reason = Some(Reason::CarryDamaged);
            }
            return;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next piece; `None` where more bytes are needed, or nothing more can be read.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Piece> {
        loop {
            match self.state {
                State::Ended(_) => return None,
                State::Mark => {
                    let mark = self.rest().get(..MARK.len())?;
                    match mark == MARK {
                        true => {
                            self.state = State::Frames;
                            self.consume(MARK.len());
                        }
                        false => self.stop(Reason::CarryFormat),
                    }
                }
                State::Frames => {
                    if let Some(piece) = self.frame()? {
                        return Some(piece);
                    }
                }
            }
        }
    }

    /// True where no further byte changes anything but whether the file ends where it should.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// Bytes held now: at most one frame and what was fed last.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// How the file ended; called after its last byte.
    pub fn finish(&self) -> Ending {
        match self.state {
            State::Ended(ending) => ending,
            State::Mark if !MARK.starts_with(self.rest()) => {
                Ending { reason: Some(Reason::CarryFormat), end: None }
            }
            State::Mark | State::Frames => Ending { reason: Some(Reason::CarryCut), end: None },
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        let end = self.start + count;
        self.digest.update(self.buffer.get(self.start..end).unwrap_or_default());
        self.start = end;
        self.at += count as u64;
    }

    fn stop(&mut self, reason: Reason) {
        self.state = State::Ended(Ending { reason: Some(reason), end: None });
    }

    /// One frame: `None` where it is not whole yet, `Some(None)` where it ends the reading.
    fn frame(&mut self) -> Option<Option<Piece>> {
        let head: [u8; FRAME_HEAD_BYTES] = self.rest().get(..FRAME_HEAD_BYTES)?.try_into().ok()?;
        let (code, length) = (head[0], [head[1], head[2], head[3], head[4]]);
        let bytes = u32::from_be_bytes(length) as usize;
        if frame::cap(code).is_none_or(|cap| bytes > cap) {
            self.stop(Reason::CarryFormat);
            return Some(None);
        }
        let payload = self.rest().get(FRAME_HEAD_BYTES..FRAME_HEAD_BYTES + bytes)?;
        let at = self.at;
        let sound = frame::sum(code, length, &[payload]) == head[5..];
        if sound && code == frame::END {
            let ending = self.end(End::decode(payload));
            // What follows in the buffer follows the end.
            let trailing = self.rest().len() > FRAME_HEAD_BYTES + bytes;
            let reason = ending.reason.or(trailing.then_some(Reason::CarryDamaged));
            self.state = State::Ended(Ending { reason, ..ending });
            return Some(None);
        }
        let decoded = if sound { Frame::decode(code, payload) } else { Err(Reason::CarryDamaged) };
        let decoded = decoded.and_then(|frame| self.in_order(frame));
        self.consume(FRAME_HEAD_BYTES + bytes);
        self.frames = self.frames.saturating_add(1);
        Some(Some(match decoded {
            Ok(frame) => Piece::Frame { at, frame },
            Err(reason) => {
                self.broken += 1;
                if self.broken >= BROKEN_MAX {
                    self.stop(Reason::CarryDamaged);
                }
                Piece::Broken { at, code, reason }
            }
        }))
    }

    /// The manifest is the first frame, and no other is.
    fn in_order(&mut self, frame: Frame) -> Result<Frame, Reason> {
        match &frame {
            Frame::Manifest(_) if self.frames > 0 => Err(Reason::CarryFormat),
            Frame::Manifest(manifest) => {
                self.manifest = Some(manifest.clone());
                Ok(frame)
            }
            _ => Ok(frame),
        }
    }

    fn end(&self, decoded: Option<(End, [u8; 64])>) -> Ending {
        let Some((end, signature)) = decoded else {
            return Ending { reason: Some(Reason::CarryFormat), end: None };
        };
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        let reason = match &self.manifest {
            None => Some(Reason::CarryDamaged),
            Some(manifest) => match end.check(manifest, &signature) {
                Err(reason) => Some(reason),
                Ok(()) if digest != end.digest || self.frames != end.frames => Some(Reason::CarryDamaged),
                Ok(()) => None,
            },
        };
        Ending { reason, end: Some(end) }
    }
}
