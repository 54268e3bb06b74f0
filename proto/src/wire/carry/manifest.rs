//! The first and the last frame: who wrote the file, for whom, and that it is all there (SPEC.md section 14.3).

use crate::wire::bytes::Reader as Bytes;
use crate::wire::carry::{ADDRESSEES_MAX, NAME_BYTES_MAX};
use crate::wire::ids::{LogId, OperatorKey, PartyId};
use crate::wire::keys::{Checked, Signer, check};
use crate::wire::limits::INTEGER_END;
use crate::wire::reason::Reason;

const TAG: &[u8] = b"caphub/carry/1\0";
const END_TAG: &[u8] = b"caphub/carry-end/1\0";
const SIGNATURE: usize = 64;

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Entries for others.
    Entries,
    /// What its author holds, so that others can write what lacks.
    Holds,
}

/// One organisation that a file is written for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addressee {
    /// Which.
    pub party: PartyId,
    /// The set of the statement of what it holds that was assumed; zeroes where none was.
    pub assumed: [u8; 16],
}

/// The first frame of a file, signed by its author's operator key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// All files of one writing share it; random.
    pub set: [u8; 16],
    /// Which file of the set, from 1.
    pub part: u32,
    /// What the file is for.
    pub purpose: Purpose,
    /// Whose it is.
    pub author: PartyId,
    /// The key that signs manifest and end.
    pub key: OperatorKey,
    /// The log that it was read from.
    pub log: LogId,
    /// When it was written, milliseconds since 1970 UTC by the author's clock.
    pub time_ms: u64,
    /// Entries that the whole set was planned to hold.
    pub entries: u64,
    /// Whom it is for; empty: whoever has the file.
    pub readers: Vec<Addressee>,
    /// The author's name, for people; proves nothing.
    pub name: String,
}

impl Manifest {
    /// The frame's payload.
    pub fn encode(&self, signer: &Signer) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&self.set);
        out.extend_from_slice(&self.part.to_be_bytes());
        out.push(match self.purpose {
            Purpose::Entries => 0,
            Purpose::Holds => 1,
        });
        out.extend_from_slice(self.author.as_bytes());
        out.extend_from_slice(self.key.as_bytes());
        out.extend_from_slice(self.log.as_bytes());
        out.extend_from_slice(&self.time_ms.to_be_bytes());
        out.extend_from_slice(&self.entries.to_be_bytes());
        let readers = self.readers.get(..ADDRESSEES_MAX).unwrap_or(&self.readers);
        out.push(readers.len() as u8);
        for reader in readers {
            out.extend_from_slice(reader.party.as_bytes());
            out.extend_from_slice(&reader.assumed);
        }
        let name = &self.name[..self.name.floor_char_boundary(NAME_BYTES_MAX)];
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
        let signature = signer.sign(TAG, &out);
        out.extend_from_slice(&signature);
        out
    }

    /// Reads the layout, then checks the signature by the key that it states. Whether the author authorised that
    /// key is for who holds its identity log.
    pub fn decode(payload: &[u8]) -> Result<Self, Reason> {
        let split = payload.len().checked_sub(SIGNATURE).ok_or(Reason::CarryFormat)?;
        let (signed, signature) = payload.split_at(split);
        let manifest = Self::parse(signed).ok_or(Reason::CarryFormat)?;
        let signature = signature.try_into().map_err(|_| Reason::CarryFormat)?;
        signed_by(&manifest.key, TAG, signed, signature)?;
        Ok(manifest)
    }

    fn parse(signed: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(signed);
        let (set, part) = (bytes.array()?, bytes.u32()?);
        let purpose = match bytes.u8()? {
            0 => Purpose::Entries,
            1 => Purpose::Holds,
            _ => return None,
        };
        let (author, key, log) =
            (PartyId(bytes.array()?), OperatorKey(bytes.array()?), LogId(bytes.array()?));
        let (time_ms, entries) = (bytes.u64()?, bytes.u64()?);
        let count = usize::from(bytes.u8()?);
        let sound = part > 0 && time_ms < INTEGER_END && entries < INTEGER_END && count <= ADDRESSEES_MAX;
        if !sound {
            return None;
        }
        let mut readers = Vec::with_capacity(count);
        for _ in 0..count {
            readers.push(Addressee { party: PartyId(bytes.array()?), assumed: bytes.array()? });
        }
        let length = usize::from(bytes.u8()?);
        let name = bytes.take(length).filter(|_| length <= NAME_BYTES_MAX)?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        let manifest = Self { set, part, purpose, author, key, log, time_ms, entries, readers, name };
        bytes.is_empty().then_some(manifest)
    }
}

/// The last frame: what the file should have held, and whether the set ends here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// Frames before this one, the manifest included.
    pub frames: u32,
    /// Runs among them.
    pub runs: u32,
    /// Entries in these runs.
    pub entries: u64,
    /// No further file of the set follows.
    pub last: bool,
    /// SHA-256 of every byte of the file before this frame.
    pub digest: [u8; 32],
}

impl End {
    /// The frame's payload.
    pub fn encode(&self, set: &[u8; 16], part: u32, signer: &Signer) -> Vec<u8> {
        let mut out = self.fields();
        let signature = signer.sign(END_TAG, &self.message(set, part));
        out.extend_from_slice(&signature);
        out
    }

    /// Reads the layout; the second part is the signature, for `check`.
    pub fn decode(payload: &[u8]) -> Option<(Self, [u8; SIGNATURE])> {
        let mut bytes = Bytes::new(payload);
        let (frames, runs, entries) = (bytes.u32()?, bytes.u32()?, bytes.u64()?);
        let last = match bytes.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let (digest, signature) = (bytes.array()?, bytes.array()?);
        bytes.is_empty().then_some((Self { frames, runs, entries, last, digest }, signature))
    }

    /// Checks the signature by the key of the file's manifest.
    pub fn check(&self, manifest: &Manifest, signature: &[u8; SIGNATURE]) -> Result<(), Reason> {
        signed_by(&manifest.key, END_TAG, &self.message(&manifest.set, manifest.part), signature)
    }

    fn fields(&self) -> Vec<u8> {
        let (frames, runs) = (self.frames.to_be_bytes(), self.runs.to_be_bytes());
        [&frames[..], &runs, &self.entries.to_be_bytes(), &[u8::from(self.last)], &self.digest].concat()
    }

    fn message(&self, set: &[u8; 16], part: u32) -> Vec<u8> {
        [&set[..], &part.to_be_bytes(), &self.fields()].concat()
    }
}

fn signed_by(key: &OperatorKey, tag: &[u8], message: &[u8], signature: &[u8; 64]) -> Result<(), Reason> {
    match check(key.as_bytes(), tag, message, signature) {
        Checked::Valid => Ok(()),
        Checked::BadKey => Err(Reason::BadKey),
        Checked::BadSignature => Err(Reason::BadSignature),
    }
}
